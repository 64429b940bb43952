/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-pareto.c - a term as a limit, and the points that come of it
 */
#include <criterion/criterion.h>
#include <string.h>

#include "plan/check.h"
#include "plan/pareto.h"
#include "random-model.h"

/* Guests of one unit on hosts of four; where they are, @n_hosts are in use. */
static PlanModel *
scattered(size_t n_guests, size_t n_hosts)
{
    PlanModel *m = plan_model_new(1, n_hosts, n_guests, 0, 0, 0, 0);

    m->resources[0].name = g_strdup("slots");
    for (size_t h = 0; h < n_hosts; h++) {
        m->hosts[h].name = g_strdup_printf("h%zu", h);
        m->capacity[h] = m->safe[h] = 4;
    }
    for (size_t g = 0; g < n_guests; g++) {
        m->guests[g].name = g_strdup_printf("g%zu", g);
        m->guests[g].host = (int32_t)(g % n_hosts);
        m->demand[g] = 1;
    }
    m->weights.hosts = 10;
    m->weights.move = 1;
    cr_assert(plan_model_finish(m, NULL));
    return m;
}

/* Six guests, one a host: k hosts take 6 - k moves, down to two hosts. */
Test(pareto, hosts_against_moves)
{
    g_autoptr(PlanModel) m = scattered(6, 6);
    PlanParetoQuery query = { .term = "hosts",
                              .n_points = 9,
                              .limits = { .work = 20000, .seed = 1 } };
    g_autoptr(GPtrArray) points = plan_pareto(m, &query, NULL);

    cr_assert_eq(points->len, 5, "%u points", points->len);
    for (guint i = 0; i < points->len; i++) {
        const PlanPoint *point = points->pdata[i];

        cr_assert_eq(point->first, 10 * (i + 2));
        cr_assert_eq(point->second, 4 - i);
    }
}

Test(pareto, no_point_is_better_in_both)
{
    static const char *const terms[] = { "hosts", "moves", "traffic", "load" };
    size_t n_points = 0;

    for (guint32 seed = 1; seed <= 40; seed++) {
        g_autoptr(PlanModel) m = random_model(seed);
        g_autoptr(GPtrArray) points = NULL;
        PlanParetoQuery query = { .term = terms[seed % 4],
                                  .n_points = 5,
                                  .limits = { .work = 4000, .seed = seed } };

        random_model_keep_rules(m, seed % 4);
        random_model_loosen(m);
        points = plan_pareto(m, &query, NULL);
        for (guint i = 0; points && i < points->len; i++) {
            const PlanPoint *point = points->pdata[i];
            g_autoptr(PlanVerdict) verdict = plan_check(m, point->host_of, 1);

            cr_assert_eq(verdict->n_broken, 0);
            cr_assert_eq(verdict->cost, point->first + point->second);
            if (i > 0) {
                const PlanPoint *before = points->pdata[i - 1];

                cr_assert_lt(before->first, point->first);
                cr_assert_gt(before->second, point->second);
            }
        }
        n_points += points ? points->len : 0;
    }
    cr_assert_gt(n_points, 30, "%zu points", n_points);
}

Test(pareto, objective_has_to_be_there)
{
    g_autoptr(PlanModel) m = scattered(2, 2);
    g_autoptr(GError) error = NULL;
    PlanParetoQuery query = { .term = "traffic", .n_points = 2 };

    cr_assert_null(plan_pareto(m, &query, &error));
    cr_assert(strstr(error->message, "(hosts, moves)"), "%s", error->message);
}

/* The score under a limit, kept up to date, is the one counted afresh. */
Test(pareto, limit_is_exact)
{
    for (guint32 seed = 1; seed <= 60; seed++) {
        g_autoptr(PlanModel) m = random_model(seed);
        g_autoptr(PlanState) s = plan_state_new(m, NULL);
        g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
        size_t soft = 0;
        bool hard = true;
        int64_t value;
        PlanScore before = plan_state_score(s);

        while (soft < plan_state_terms(s)) {
            plan_state_term(s, soft, &hard, &value);
            if (!hard && g_rand_int_range(rand, 0, 3) == 0) {
                break;
            }
            soft++;
        }
        if (soft == plan_state_terms(s)) {
            continue;
        }
        plan_state_limit(s, soft, value / 2);
        cr_assert_eq(plan_state_score(s).cost, before.cost - value);
        cr_assert_eq(plan_state_score(s).violation > before.violation,
                     value > value / 2);
        for (int i = 0; i < 200; i++) {
            int32_t guest = g_rand_int_range(rand, 0, (gint32)m->n_guests);
            int32_t host = g_rand_int_range(rand, -1, (gint32)m->n_hosts);
            PlanScore delta = plan_state_delta(s, guest, host);
            PlanScore now = plan_state_score(s);

            plan_state_move(s, guest, host);
            cr_assert_eq(plan_state_score(s).cost, now.cost + delta.cost);
            cr_assert_eq(plan_state_score(s).violation,
                         now.violation + delta.violation);
        }
        cr_assert_eq(plan_state_score(s).cost, plan_state_recount(s).cost);
        cr_assert_eq(plan_state_score(s).violation,
                     plan_state_recount(s).violation);
    }
}
