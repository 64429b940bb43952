/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-reach.c - what can be reached at all, before a search through everything
 */
#include <criterion/criterion.h>
#include <string.h>

#include "plan/moves-priv.h"
#include "plan/permutations.h"

#define POINTS 5
#define ALL_PERMUTATIONS 120

/* Permutations of POINTS as numbers in base POINTS */
static guint
number_of(const uint8_t *image)
{
    guint number = 0;

    for (size_t i = 0; i < POINTS; i++) {
        number = number * POINTS + image[i];
    }
    return number;
}

/* All products of @generators, by applying each to whatever is there */
static GHashTable *
close_over(uint8_t (*generators)[POINTS], size_t n)
{
    static const uint8_t same[POINTS] = { 0, 1, 2, 3, 4 };
    GHashTable *all = g_hash_table_new(NULL, NULL);
    uint8_t found[ALL_PERMUTATIONS][POINTS];
    size_t n_found = 1;

    memcpy(found[0], same, POINTS);
    g_hash_table_add(all, GUINT_TO_POINTER(number_of(same)));
    for (size_t k = 0; k < n_found; k++) {
        for (size_t s = 0; s < n; s++) {
            uint8_t next[POINTS];

            for (size_t i = 0; i < POINTS; i++) {
                next[i] = generators[s][found[k][i]];
            }
            if (g_hash_table_add(all, GUINT_TO_POINTER(number_of(next)))) {
                memcpy(found[n_found++], next, POINTS);
            }
        }
    }
    return all;
}

static void
draw_permutation(GRand *rand, uint8_t *image)
{
    for (size_t i = 0; i < POINTS; i++) {
        image[i] = (uint8_t)i;
    }
    for (size_t i = POINTS; i > 1; i--) {
        size_t k = (size_t)g_rand_int_range(rand, 0, (gint32)i);
        uint8_t swap = image[i - 1];

        image[i - 1] = image[k];
        image[k] = swap;
    }
}

/* Every order of POINTS is in a group exactly if it is a product */
static void
compare_groups(const PlanPermutations *group, GHashTable *all, int round)
{
    for (guint number = 0; number < POINTS * POINTS * POINTS * POINTS * POINTS;
         number++) {
        uint8_t image[POINTS];
        bool taken[POINTS] = { false };
        bool one_to_one = true;
        guint rest = number;

        for (size_t i = POINTS; i-- > 0; rest /= POINTS) {
            image[i] = (uint8_t)(rest % POINTS);
            one_to_one = one_to_one && !taken[image[i]];
            taken[image[i]] = true;
        }
        if (one_to_one) {
            cr_assert_eq(plan_permutations_has(group, image),
                         g_hash_table_contains(all, GUINT_TO_POINTER(number)),
                         "round %d: %u%u%u%u%u", round, image[0], image[1],
                         image[2], image[3], image[4]);
        }
    }
}

Test(permutations, as_all_products)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(5);
    size_t sizes[ALL_PERMUTATIONS + 1] = { 0 };

    for (int round = 0; round < 400; round++) {
        uint8_t generators[3][POINTS];
        size_t n = (size_t)g_rand_int_range(rand, 1, 4);
        g_autoptr(PlanPermutations) group = plan_permutations_new(POINTS);
        g_autoptr(GHashTable) all = NULL;

        for (size_t s = 0; s < n; s++) {
            bool known;

            draw_permutation(rand, generators[s]);
            known = plan_permutations_has(group, generators[s]);
            cr_assert_eq(plan_permutations_add(group, generators[s]), !known);
        }
        all = close_over(generators, n);
        sizes[g_hash_table_size(all)]++;
        compare_groups(group, all, round);
    }
    /* small groups, even permutations alone, and everything */
    cr_assert(sizes[2] > 0 && sizes[6] > 0 && sizes[60] > 0 && sizes[120] > 0);
}

Test(permutations, exchanges_make_blocks)
{
    static const uint8_t round[] = { 0, 1, 3, 4, 2 };
    static const uint8_t apart[] = { 1, 0, 3, 2, 4 };
    g_autoptr(PlanPermutations) group = plan_permutations_new(5);

    cr_assert(plan_permutations_join(group, 0, 1));
    cr_assert(!plan_permutations_join(group, 1, 0));
    cr_assert(!plan_permutations_has(group, apart));
    cr_assert(plan_permutations_add(group, round));
    cr_assert(!plan_permutations_has(group, apart));
    cr_assert(plan_permutations_join(group, 2, 3));
    cr_assert(plan_permutations_has(group, apart));
}

#define MOST_GUESTS 6
#define MOST_HOSTS 4

typedef struct Puzzle {
    PlanModel *m;
    int32_t home[MOST_GUESTS];
    int32_t goals[MOST_GUESTS];
} Puzzle;

/* Guests of 2, 3 and 5 on hosts of 8 to 10, some pinned, some on a list */
static bool
draw_puzzle(GRand *rand, Puzzle *p)
{
    static const int64_t sizes[] = { 2, 3, 5 };
    size_t n_hosts = (size_t)g_rand_int_range(rand, 2, MOST_HOSTS + 1);
    size_t n_guests = (size_t)g_rand_int_range(rand, 3, MOST_GUESTS + 1);
    int64_t use[2][MOST_HOSTS] = { { 0 } };

    p->m = plan_model_new(1, n_hosts, n_guests, 0, 0, 0, 0);
    p->m->resources[0].name = g_strdup("slots");
    for (size_t h = 0; h < n_hosts; h++) {
        p->m->hosts[h].name = g_strdup_printf("h%zu", h);
        p->m->capacity[h] = p->m->safe[h] = g_rand_int_range(rand, 8, 11);
    }
    for (size_t g = 0; g < n_guests; g++) {
        int32_t *ends[] = { &p->home[g], &p->goals[g] };

        p->m->guests[g].name = g_strdup_printf("g%zu", g);
        p->m->guests[g].memory_bytes = 1000;
        p->m->demand[g] = sizes[g_rand_int_range(rand, 0, 3)];
        for (int end = 0; end < 2; end++) {
            *ends[end] = g_rand_int_range(rand, 0, (gint32)n_hosts);
            use[end][*ends[end]] += p->m->demand[g];
        }
        p->m->guests[g].host = p->home[g];
        p->m->guests[g].pinned =
            p->home[g] == p->goals[g] && g_rand_int_range(rand, 0, 5) == 0;
        if (g_rand_int_range(rand, 0, 8) == 0) {
            int32_t a = MIN(p->home[g], p->goals[g]);
            int32_t b = MAX(p->home[g], p->goals[g]);

            p->m->n_allowed[g] = a == b ? 1 : 2;
            p->m->allowed[g] = g_new(int32_t, 2);
            p->m->allowed[g][0] = a;
            p->m->allowed[g][1] = b;
        }
    }
    for (size_t h = 0; h < n_hosts; h++) {
        if (MAX(use[0][h], use[1][h]) > p->m->capacity[h]) {
            return false;
        }
    }
    return plan_model_finish(p->m, NULL);
}

/* Placements as numbers in base MOST_HOSTS: is the goals' among those that can
 * be reached from home? */
static bool
reaches(const Puzzle *p)
{
    g_autofree bool *seen = g_new0(bool, 1 << (2 * MOST_GUESTS));
    g_autoptr(GArray) queue = g_array_new(FALSE, FALSE, sizeof(guint));
    guint start = 0;
    guint end = 0;

    for (size_t g = 0; g < p->m->n_guests; g++) {
        start |= (guint)p->home[g] << 2 * g;
        end |= (guint)p->goals[g] << 2 * g;
    }
    seen[start] = true;
    g_array_append_val(queue, start);
    for (guint i = 0; i < queue->len; i++) {
        guint now = g_array_index(queue, guint, i);
        int64_t use[MOST_HOSTS] = { 0 };

        for (size_t g = 0; g < p->m->n_guests; g++) {
            use[now >> 2 * g & 3] += p->m->demand[g];
        }
        for (size_t g = 0; g < p->m->n_guests; g++) {
            for (size_t h = 0; h < p->m->n_hosts; h++) {
                guint next = (now & ~(3U << 2 * g)) | (guint)h << 2 * g;

                if (!seen[next] && use[h] + p->m->demand[g] <= p->m->limit[h] &&
                    plan_model_allows(p->m, (int32_t)g, (int32_t)h)) {
                    seen[next] = true;
                    g_array_append_val(queue, next);
                }
            }
        }
    }
    return seen[end];
}

Test(reach, as_all_placements)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(11);
    size_t n[3] = { 0 };

    for (int round = 0; round < 20000; round++) {
        Puzzle p;
        bool drawn = draw_puzzle(rand, &p);
        PlanReach reach;

        if (drawn) {
            reach = plan_moves_reach(p.m, p.home, p.goals, 1000000);
            cr_assert_eq(reach, reaches(&p) ? PLAN_REACH_YES : PLAN_REACH_NO,
                         "round %d", round);
            n[reach]++;
        }
        plan_model_free(p.m);
    }
    cr_assert_gt(n[PLAN_REACH_NO], 100, "%zu", n[PLAN_REACH_NO]);
    cr_assert_gt(n[PLAN_REACH_YES], 1000, "%zu", n[PLAN_REACH_YES]);
}

/* On hosts that begin above their limit some ways lead out but not back, and
 * nothing is said of them. */
Test(reach, not_of_this_kind)
{
    int32_t home[] = { 0, 0, 1 };
    int32_t goals[] = { 0, 1, 0 };
    g_autoptr(PlanModel) m = plan_model_new(1, 2, 3, 0, 0, 0, 0);

    m->resources[0].name = g_strdup("slots");
    for (size_t h = 0; h < 2; h++) {
        m->hosts[h].name = g_strdup_printf("h%zu", h);
        m->capacity[h] = m->safe[h] = 3;
    }
    for (size_t g = 0; g < 3; g++) {
        m->guests[g].name = g_strdup_printf("g%zu", g);
        m->guests[g].host = home[g];
        m->demand[g] = 2;
    }
    cr_assert(plan_model_finish(m, NULL));
    cr_assert_eq(plan_moves_reach(m, home, goals, 1000000), PLAN_REACH_UNKNOWN);
}

/* Guests of 2, 3 and 5 on six full hosts: going through placements found no
 * end within millions of looks, though there is no way */
Test(reach, what_took_too_long)
{
    static const struct {
        int64_t size;
        int32_t home, goal;
    } guests[] = {
        { 3, 0, 3 }, { 3, 4, 3 }, { 5, 2, 4 }, { 3, 0, 0 }, { 3, 1, 1 },
        { 2, 5, 4 }, { 3, 0, 3 }, { 2, 2, 1 }, { 3, 5, 4 }, { 3, 2, 2 },
        { 2, 1, 5 }, { 2, 3, 0 }, { 3, 4, 0 }, { 5, 5, 5 }, { 2, 3, 5 },
        { 3, 1, 1 }, { 3, 3, 2 }, { 2, 1, 0 }, { 3, 4, 2 },
    };
    g_autoptr(PlanModel) m =
        plan_model_new(1, 6, G_N_ELEMENTS(guests), 0, 0, 0, 0);
    g_autoptr(PlanMoves) moves = NULL;
    PlanMoveQuery query = { .downtime_limit_s = 0.3, .link_bytes_s = 1000 };
    int32_t goals[G_N_ELEMENTS(guests)];

    m->resources[0].name = g_strdup("slots");
    for (size_t h = 0; h < 6; h++) {
        m->hosts[h].name = g_strdup_printf("h%zu", h);
        m->capacity[h] = m->safe[h] = 10;
    }
    for (size_t g = 0; g < G_N_ELEMENTS(guests); g++) {
        m->guests[g].name = g_strdup_printf("g%zu", g);
        m->guests[g].memory_bytes = 1000;
        m->guests[g].host = guests[g].home;
        m->demand[g] = guests[g].size;
        goals[g] = guests[g].goal;
    }
    cr_assert(plan_model_finish(m, NULL));
    moves = plan_moves_new(m, goals, &query);
    cr_assert(moves->proved);
    cr_assert_gt(moves->left_out->len, 0);
}
