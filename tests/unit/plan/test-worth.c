/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-worth.c - moves have to pay within the horizon; group, map, tune
 */
#include <criterion/criterion.h>
#include <string.h>

#include "plan/format.h"
#include "plan/search.h"
#include "plan/worth.h"
#include "random-model.h"

/* Host b draws 100 W for two guests that would fit host a. Each of their
 * migrations takes 1 s: 40 J at 40 W, 80 J both. */
static const char two_guests[] =
    "{\"format\":\"vmferry-plan-1\",\"resources\":[{\"name\":\"cpu\","
    "\"reserve\":1}],\"hosts\":[{\"name\":\"a\",\"capacity\":{\"cpu\":10},"
    "\"idle_mw\":100000},{\"name\":\"b\",\"capacity\":{\"cpu\":10},\"idle_mw\":"
    "100000}],\"guests\":[{\"name\":\"x\",\"host\":\"b\",\"demand\":{\"cpu\":2}"
    ","
    "\"memory_bytes\":1000000},{\"name\":\"y\",\"host\":\"b\",\"demand\":{"
    "\"cpu\":2},\"memory_bytes\":1000000},{\"name\":\"z\",\"host\":\"a\","
    "\"demand\":{\"cpu\":5},\"pinned\":true}],\"weights\":{\"energy\":1}}";

static const PlanWorth at_40_w = { .move_price = 40000,
                                   .link_bytes_s = 1000000,
                                   .downtime_limit_s = 0.3 };

Test(worth, a_host_is_emptied_by_all)
{
    g_autoptr(PlanModel) m =
        plan_format_read(two_guests, strlen(two_guests), NULL);
    const int32_t together[] = { 0, 0, 0 };

    /* 100 J a second: alone each is worth it from 0.4 s on, since it keeps the
     * host on, both from 0.8 s on */
    for (int tenths = 1; tenths < 20; tenths++) {
        g_autoptr(PlanState) s = plan_state_new(m, together);
        PlanWorth worth = at_40_w;
        size_t n_home;

        worth.horizon_s = tenths / 10.0 + 0.01;
        n_home = plan_worth_keep(s, &worth);
        cr_assert_eq(n_home, tenths < 8 ? 2 : 0, "%d tenths: %zu", tenths,
                     n_home);
        cr_assert_float_eq(plan_worth_price(s, &worth), tenths < 8 ? 0 : 80000,
                           1e-6);
    }
}

/* Whatever the model: nothing is broken more, and what stays is worth it. */
Test(worth, what_is_left_pays)
{
    size_t n_home = 0;
    size_t n_left = 0;

    for (guint32 seed = 1; seed <= 200; seed++) {
        g_autoptr(PlanModel) m = random_model(seed);
        g_autoptr(PlanState) s = plan_state_new(m, NULL);
        g_autoptr(PlanState) start = plan_state_new(m, NULL);
        PlanLimits limits = { .work = 3000, .seed = seed };
        PlanWorth worth = at_40_w;
        PlanScore before, after;

        worth.horizon_s = 1 + seed % 50;
        plan_search_run(s, PLAN_METHOD_LNS, &limits);
        before = plan_state_score(s);
        n_home += plan_worth_keep(s, &worth);
        after = plan_state_score(s);
        cr_assert_leq(after.violation, before.violation);
        cr_assert_eq(plan_worth_keep(s, &worth), 0, "seed %u", seed);
        for (int32_t g = 0; g < (int32_t)m->n_guests; g++) {
            int32_t home = m->guests[g].host;
            int32_t host = plan_state_hosts(s)[g];
            double cost = plan_worth_running(s);
            double price = plan_worth_price(s, &worth);

            if (home == PLAN_NOWHERE || host == PLAN_NOWHERE || home == host) {
                continue;
            }
            n_left++;
            plan_state_move(s, g, home);
            cr_assert(plan_state_score(s).violation > after.violation ||
                          (plan_worth_running(s) - cost) * worth.horizon_s >
                              price - plan_worth_price(s, &worth),
                      "seed %u guest %d", seed, g);
            plan_state_move(s, g, host);
        }
    }
    cr_assert_gt(n_home, 50);
    cr_assert_gt(n_left, 50);
}

/* Four pairs that talk, on four hosts of two: pairs end together. */
Test(group_map_tune, pairs)
{
    g_autoptr(PlanModel) m = plan_model_new(1, 4, 8, 0, 0, 0, 4);
    g_autoptr(PlanState) s = NULL;
    PlanLimits limits = { .work = 100000, .seed = 1 };
    GError *error = NULL;

    m->resources[0].name = g_strdup("cpu");
    for (size_t h = 0; h < 4; h++) {
        m->hosts[h].name = g_strdup_printf("h%zu", h);
        m->capacity[h] = m->safe[h] = 2;
    }
    for (int32_t g = 0; g < 8; g++) {
        m->guests[g].name = g_strdup_printf("g%d", g);
        m->guests[g].host = g % 4;
        m->demand[g] = 1;
    }
    for (int32_t f = 0; f < 4; f++) {
        m->flows[f] = (PlanFlow){ 2 * f, 2 * f + 1, 10 };
    }
    m->distance_milli[0] = 0;
    m->weights.traffic = 1;
    cr_assert(plan_model_finish(m, &error));
    s = plan_state_new(m, NULL);
    plan_search_run(s, PLAN_METHOD_GROUPS, &limits);
    cr_assert_eq(plan_state_score(s).violation, 0);
    cr_assert_eq(plan_state_score(s).cost, 0);
}
