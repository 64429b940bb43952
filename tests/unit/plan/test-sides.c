/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-sides.c - guests divided over two sides, against all divisions there
 * are; and what hosts can be filled with at best
 */
#include <criterion/criterion.h>
#include <string.h>

#include "plan/check.h"
#include "plan/columns.h"
#include "plan/format.h"
#include "plan/import.h"
#include "plan/moves.h"
#include "plan/search.h"
#include "plan/sides.h"
#include "random-model.h"

/* Does any of the 2^n divisions fit? */
static bool
any_division(const PlanModel *m, int32_t host, const int32_t *guests, size_t n)
{
    size_t n_resources = m->n_resources;

    for (size_t mask = 0; mask < (size_t)1 << n; mask++) {
        bool fits = true;

        for (size_t i = 0; i < 2 * n_resources && fits; i++) {
            int64_t limit = m->side_limit[(size_t)host * 2 * n_resources + i];
            double use = 0;

            for (size_t k = 0; k < n; k++) {
                size_t g = (size_t)guests[k];
                double demand =
                    (double)m->demand[g * n_resources + i % n_resources];
                bool second = mask >> k & 1;

                use += m->guests[g].numa == 2 ? demand / 2
                       : m->guests[g].numa == 1 && second == i / n_resources
                           ? demand
                           : 0;
            }
            fits = limit < 0 || use <= (double)limit;
        }
        if (fits) {
            return true;
        }
    }
    return false;
}

Test(sides, found_if_there_is_one)
{
    size_t n_fit = 0;
    size_t n_not = 0;

    for (guint32 seed = 3; seed <= 900; seed += 3) {
        g_autoptr(PlanModel) m = random_model(seed);
        g_autoptr(GRand) rand = g_rand_new_with_seed(seed);

        for (int32_t h = 0; m->side_limit && h < (int32_t)m->n_hosts; h++) {
            int32_t guests[10];
            size_t n = (size_t)g_rand_int_range(rand, 1, 10);
            int64_t excess;

            if (!m->hosts[h].sides || m->n_guests < n) {
                continue;
            }
            for (size_t i = 0; i < n; i++) {
                guests[i] = (int32_t)i;
            }
            excess = plan_sides_excess(m, h, guests, n, PLAN_NOWHERE,
                                       PLAN_NOWHERE, NULL);
            cr_assert_eq(excess == 0, any_division(m, h, guests, n),
                         "seed %u host %d", seed, h);
            /* one more, one less: the same as the list says */
            cr_assert_eq(excess,
                         plan_sides_excess(m, h, guests, n - 1, PLAN_NOWHERE,
                                           guests[n - 1], NULL));
            cr_assert_eq(plan_sides_excess(m, h, guests, n, guests[0],
                                           PLAN_NOWHERE, NULL),
                         plan_sides_excess(m, h, guests + 1, n - 1,
                                           PLAN_NOWHERE, PLAN_NOWHERE, NULL));
            n_fit += excess == 0;
            n_not += excess > 0;
        }
    }
    cr_assert_gt(n_fit, 100);
    cr_assert_gt(n_not, 100);
}

static PlanText
text_of(const char *string)
{
    return (PlanText){ string, strlen(string) };
}

/* Sides of 6 and 12 processors: four of 3 and a 2 x 3 only fit in one way. */
static const char hosts[] = "CPU1,RAM1,CPU2,RAM2\n8,80,15,80\n8,80,8,80\n";
static const char requests[] =
    "flavor_vcpus,flavor_ram,numa,strategy,group,domain\n"
    "3,1,1\n3,1,1\n3,1,1\n3,1,1\n6,1,2\n";

Test(sides, one_way_only)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(PlanModel) m =
        plan_import_huawei(text_of(hosts), text_of(requests), &error);
    int32_t all_on_first[5] = { 0 };
    const int32_t guests[5] = { 0, 1, 2, 3, 4 };
    uint8_t side[5];
    g_autoptr(PlanVerdict) verdict = NULL;
    g_autoptr(PlanVerdict) other = NULL;
    g_autoptr(JsonObject) json = NULL;
    JsonObject *sides = NULL;

    cr_assert(m, "%s", error ? error->message : "");
    cr_assert_eq(
        plan_sides_excess(m, 0, guests, 5, PLAN_NOWHERE, PLAN_NOWHERE, side),
        0);
    cr_assert_eq(side[0] + side[1] + side[2] + side[3], 3); /* one on side 1 */
    cr_assert_eq(side[4], PLAN_SIDE_ANY);
    verdict = plan_check(m, all_on_first, 10);
    cr_assert_eq(verdict->n_broken, 0);
    json = plan_format_write_placement(m, all_on_first);
    cr_assert(json_object_object_get_ex(json, "sides", &sides));
    cr_assert_eq(json_object_object_length(sides), 4);
    /* on the smaller host only one of the four is beside half of the fifth */
    for (size_t i = 0; i < 5; i++) {
        all_on_first[i] = 1;
    }
    other = plan_check(m, all_on_first, 10);
    cr_assert_eq(other->n_broken, 2); /* 18 of 12 as well */
}

/* Two guests of 5 on two hosts of sides 4 and 4, reserve 1: room in all, but on
 * no side. */
static const char too_wide[] =
    "{\"format\":\"vmferry-plan-1\",\"resources\":[{\"name\":\"cpu\","
    "\"reserve\":1}],\"hosts\":[{\"name\":\"a\",\"sides\":[{\"cpu\":4},"
    "{\"cpu\":4}]},{\"name\":\"b\",\"capacity\":{\"cpu\":8}},{\"name\":"
    "\"c\",\"sides\":[{\"cpu\":4},{\"cpu\":4}]}],\"guests\":[{\"name\":"
    "\"x\",\"host\":\"b\",\"demand\":{\"cpu\":5},\"numa\":1},{\"name\":"
    "\"y\",\"host\":\"a\",\"demand\":{\"cpu\":6},\"numa\":2},{\"name\":"
    "\"z\",\"host\":\"c\",\"demand\":{\"cpu\":1},\"numa\":1}]}";

Test(sides, searched_and_scheduled)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(PlanModel) m =
        plan_format_read(too_wide, strlen(too_wide), &error);
    const int32_t to_a[] = { 0, 0, 2 };
    const int32_t beside[] = { 1, 0, 0 };
    const PlanMoveQuery query = { .downtime_limit_s = 0.3,
                                  .link_bytes_s = 1000 };
    g_autoptr(PlanMoves) none = NULL;
    g_autoptr(PlanMoves) moves = NULL;
    g_autoptr(GPtrArray) broken = NULL;
    g_autoptr(PlanState) s = NULL;
    PlanLimits limits = { .work = 2000, .seed = 1 };

    cr_assert(m, "%s", error ? error->message : "");
    /* x cannot go to a */
    none = plan_moves_new(m, to_a, &query);
    cr_assert_eq(none->left_out->len, 1);
    cr_assert_eq(g_array_index(none->left_out, int32_t, 0), 0);
    /* z finds room beside y */
    moves = plan_moves_new(m, beside, &query);
    cr_assert_eq(moves->left_out->len, 0);
    cr_assert_eq(moves->moves->len, 1);
    broken = plan_moves_check(m, beside, &query, moves);
    cr_assert_eq(broken->len, 0);
    /* and whoever starts on the wrong host is brought to the right one */
    s = plan_state_new(m, to_a);
    cr_assert_gt(plan_state_score(s).violation, 0);
    plan_search_run(s, PLAN_METHOD_LNS, &limits);
    cr_assert_eq(plan_state_score(s).violation, 0);
    cr_assert_eq(plan_state_hosts(s)[0], 1);
}

static int64_t
hosts_needed(const PlanModel *m)
{
    g_autoptr(PlanColumns) columns = plan_columns_new(m);

    return plan_columns_improve(columns, 100000000);
}

/* Thirds: 7 guests of 4 in hosts of 10 go in pairs, which sums do not see. */
Test(columns, pairs)
{
    g_autoptr(PlanModel) m =
        plan_import_packing(text_of("7\n10\n4\n4\n4\n4\n4\n4\n4\n"), 1, NULL);

    cr_assert_eq(hosts_needed(m), 4);
}

/* Sides of 4 hold one guest of 3 each: 6 guests need 3 hosts, not 3 x 6 / 8. */
Test(columns, sides)
{
    static const char pairs[] = "CPU1,RAM1,CPU2,RAM2\n5,90,5,90\n5,90,5,90\n"
                                "5,90,5,90\n5,90,5,90\n";
    static const char six[] =
        "flavor_vcpus,flavor_ram,numa,strategy,group,domain\n"
        "3,1,1\n3,1,1\n3,1,1\n3,1,1\n3,1,1\n3,1,1\n";
    g_autoptr(PlanModel) m =
        plan_import_huawei(text_of(pairs), text_of(six), NULL);

    cr_assert_eq(hosts_needed(m), 3);
}

/* A guest that no host is large enough for */
Test(columns, too_large)
{
    g_autoptr(PlanModel) m =
        plan_import_packing(text_of("2\n10\n4\n9\n"), 1, NULL);

    m->demand[1] = 11;
    cr_assert_eq(hosts_needed(m), (int64_t)m->n_hosts + 1);
}
