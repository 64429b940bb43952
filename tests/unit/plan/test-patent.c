/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-patent.c - the golden case of specification 2.1, cuts against all cuts
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "plan/format.h"
#include "plan/patent.h"

static PlanModel *
load_golden(void)
{
    g_autofree char *text = NULL;
    gsize length;
    GError *error = NULL;
    PlanModel *m;

    cr_assert(g_file_get_contents(TEST_DATA_DIR "/plan/patent-golden.json",
                                  &text, &length, &error));
    m = plan_format_read(text, length, &error);
    cr_assert(m, "%s", error ? error->message : "");
    return m;
}

static PlanPatent *
solve_golden(const PlanModel *m)
{
    g_autofree int32_t *host_of = g_new(int32_t, m->n_guests);
    PlanPatentQuery query = { .threshold = 3, .most = 2 };

    for (size_t g = 0; g < m->n_guests; g++) {
        host_of[g] = m->guests[g].host;
    }
    return plan_patent_new(m, host_of, &query);
}

Test(patent, golden_numbers)
{
    static const PlanDistance want[] = {
        { 1, 0.25, 2.875 },
        { 3, 0.25, 3.375 },
        { 5, 0.5, 4.25 },
    };
    static const double adjacency[] = { 5.75, 5.75, 5.75, 3.375, 4.25 };
    g_autoptr(PlanModel) m = load_golden();
    g_autoptr(PlanPatent) p = solve_golden(m);

    cr_assert_eq(p->adjacency->mean, 3.5);
    cr_assert_eq(p->adjacency->n_distances, 3);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(p->adjacency->distances[i].value, want[i].value);
        cr_assert_eq(p->adjacency->distances[i].probability,
                     want[i].probability);
        cr_assert_eq(p->adjacency->distances[i].smoothed, want[i].smoothed);
    }
    cr_assert_eq(p->adjacency->n_edges, 5);
    for (size_t i = 0; i < 5; i++) {
        cr_assert_eq(p->adjacency->edges[i].weight, adjacency[i]);
    }
}

static int
guest_number(const PlanModel *m, const GArray *set, guint i)
{
    return atoi(m->guests[g_array_index(set, int32_t, i)].name);
}

/* (5, 13, x, y, (1, z)), with x, y, z the guests 2, 3, 4 in any order */
Test(patent, golden_sets)
{
    g_autoptr(PlanModel) m = load_golden();
    g_autoptr(PlanPatent) p = solve_golden(m);
    static const int members[] = { 1, 2, 3, 4, 5, 13 };
    int seen = 0;

    cr_assert_eq(p->clusters->len, 1);
    cr_assert_eq(((GArray *)p->clusters->pdata[0])->len, 6);
    for (guint i = 0; i < 6; i++) {
        cr_assert_eq(guest_number(m, p->clusters->pdata[0], i), members[i]);
    }
    cr_assert_eq(p->loners->len, 10);
    cr_assert_eq(p->sets->len, 5);
    for (guint k = 0; k < 4; k++) {
        cr_assert_eq(((GArray *)p->sets->pdata[k])->len, 1);
    }
    cr_assert_eq(guest_number(m, p->sets->pdata[0], 0), 5);
    cr_assert_eq(guest_number(m, p->sets->pdata[1], 0), 13);
    cr_assert_eq(((GArray *)p->sets->pdata[4])->len, 2);
    cr_assert_eq(guest_number(m, p->sets->pdata[4], 0), 1);
    seen |= 1 << guest_number(m, p->sets->pdata[2], 0);
    seen |= 1 << guest_number(m, p->sets->pdata[3], 0);
    seen |= 1 << guest_number(m, p->sets->pdata[4], 1);
    cr_assert_eq(seen, 1 << 2 | 1 << 3 | 1 << 4);
}

/* With another smoothing the same flows weigh differently. */
Test(patent, smoothing_is_replaceable)
{
    g_autoptr(PlanModel) m = load_golden();
    g_autofree int32_t *host_of = g_new(int32_t, m->n_guests);
    g_autoptr(PlanAdjacency) none = NULL;
    g_autoptr(PlanAdjacency) mean = NULL;

    for (size_t g = 0; g < m->n_guests; g++) {
        host_of[g] = m->guests[g].host;
    }
    none = plan_adjacency_new(m, host_of, PLAN_SMOOTH_NONE);
    mean = plan_adjacency_new(m, host_of, PLAN_SMOOTH_MEAN);
    cr_assert_eq(none->edges[0].weight, 2);
    cr_assert_eq(none->edges[4].weight, 5);
    cr_assert_eq(mean->edges[0].weight, 7);
    /* nowhere: nothing is known but the mean */
    host_of[0] = PLAN_NOWHERE;
    plan_adjacency_free(none);
    none = plan_adjacency_new(m, host_of, PLAN_SMOOTH_NONE);
    cr_assert_eq(none->edges[0].weight, 7);
}

static double
cut_weight(guint mask, const PlanEdge *edges, size_t n_edges)
{
    double weight = 0;

    for (size_t e = 0; e < n_edges; e++) {
        if ((mask >> edges[e].a & 1) != (mask >> edges[e].b & 1)) {
            weight += edges[e].weight;
        }
    }
    return weight;
}

/* All 2^(n-1) - 1 cuts of small random graphs, sparse ones with islands too */
Test(cut, least_of_all)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);
    size_t n_islands = 0;

    for (int round = 0; round < 2000; round++) {
        size_t n = (size_t)g_rand_int_range(rand, 2, 10);
        size_t n_edges = (size_t)g_rand_int_range(rand, 0, 20);
        PlanEdge edges[20];
        bool side[10];
        guint mask = 0;
        double best = G_MAXDOUBLE;
        double got;
        size_t n_small = 0;

        for (size_t e = 0; e < n_edges; e++) {
            edges[e] = (PlanEdge){ g_rand_int_range(rand, 0, (gint32)n),
                                   g_rand_int_range(rand, 0, (gint32)n),
                                   g_rand_int_range(rand, 0, 9) };
        }
        got = plan_cut_two(n, edges, n_edges, side);
        for (size_t v = 0; v < n; v++) {
            mask |= (guint)side[v] << v;
            n_small += side[v];
        }
        for (guint other = 1; other < (1u << (n - 1)); other++) {
            best = MIN(best, cut_weight(other, edges, n_edges));
        }
        cr_assert(n_small > 0 && 2 * n_small <= n);
        cr_assert_eq(got, best, "round %d: %g, least %g", round, got, best);
        cr_assert_eq(cut_weight(mask, edges, n_edges), got);
        n_islands += got == 0;
    }
    cr_assert(n_islands > 100 && n_islands < 1900);
}

/* Every vertex is in one set, none is too large, cut after cut. */
Test(cut, sets_partition)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(2);

    for (int round = 0; round < 50; round++) {
        size_t n = (size_t)g_rand_int_range(rand, 1, 60);
        size_t most = (size_t)g_rand_int_range(rand, 1, 12);
        g_autofree PlanEdge *edges = g_new(PlanEdge, 150);
        g_autofree int *seen = g_new0(int, n);
        g_autoptr(GPtrArray) sets = NULL;

        for (size_t e = 0; e < 150; e++) {
            edges[e] = (PlanEdge){ g_rand_int_range(rand, 0, (gint32)n),
                                   g_rand_int_range(rand, 0, (gint32)n),
                                   g_rand_double(rand) };
        }
        sets = plan_cut_sets(n, edges, 150, most, NULL, NULL);
        for (guint k = 0; k < sets->len; k++) {
            const GArray *set = sets->pdata[k];

            cr_assert(set->len >= 1 && set->len <= most);
            for (guint i = 0; i < set->len; i++) {
                seen[g_array_index(set, int32_t, i)]++;
            }
        }
        for (size_t v = 0; v < n; v++) {
            cr_assert_eq(seen[v], 1);
        }
    }
}

static bool
stop_now(void *data)
{
    return true;
}

Test(cut, can_be_stopped)
{
    PlanEdge edge = { 0, 1, 1 };

    cr_assert_null(plan_cut_sets(3, &edge, 1, 1, stop_now, NULL));
}
