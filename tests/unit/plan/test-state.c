/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-state.c - the sum kept up to date is the sum counted afresh, and what
 * the separate checker says
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "plan/check.h"
#include "plan/state.h"
#include "random-model.h"

#define N_MODELS 300
#define N_MOVES 200

static void
check_same(const PlanState *s, guint32 seed)
{
    PlanScore kept = plan_state_score(s);
    PlanScore fresh = plan_state_recount(s);
    g_autoptr(PlanVerdict) verdict =
        plan_check(plan_state_model(s), plan_state_hosts(s), 100);
    int64_t sum = 0;

    for (size_t i = 0; i < plan_state_terms(s); i++) {
        bool hard;
        int64_t value;

        plan_state_term(s, i, &hard, &value);
        cr_assert(value >= 0);
        sum += value;
    }
    cr_assert_eq(kept.violation, fresh.violation, "seed %u", seed);
    cr_assert_eq(kept.cost, fresh.cost, "seed %u", seed);
    cr_assert_eq(sum, kept.violation + kept.cost);
    cr_assert_eq(verdict->cost, kept.cost, "seed %u: checker %ld, state %ld",
                 seed, (long)verdict->cost, (long)kept.cost);
    cr_assert_eq(verdict->n_broken == 0, kept.violation == 0,
                 "seed %u: checker finds %zu (%s), state %ld", seed,
                 verdict->n_broken,
                 verdict->broken->len ? (char *)verdict->broken->pdata[0] : "",
                 (long)kept.violation);
}

Test(state, moves_are_exact)
{
    size_t n_valid = 0;

    for (guint32 seed = 1; seed <= N_MODELS; seed++) {
        g_autoptr(PlanModel) m = random_model(seed);
        g_autoptr(PlanState) s = plan_state_new(m, NULL);
        g_autoptr(GRand) rand = g_rand_new_with_seed(seed);

        check_same(s, seed);
        for (int i = 0; i < N_MOVES; i++) {
            int32_t guest = g_rand_int_range(rand, 0, (gint32)m->n_guests);
            int32_t host = g_rand_int_range(rand, -1, (gint32)m->n_hosts);
            PlanScore before = plan_state_score(s);
            PlanScore delta = plan_state_delta(s, guest, host);
            bool fits = host >= 0 && plan_state_hosts(s)[guest] != host &&
                        plan_state_fits(s, guest, host);

            plan_state_move(s, guest, host);
            cr_assert_eq(plan_state_score(s).violation,
                         before.violation + delta.violation);
            cr_assert_eq(plan_state_score(s).cost, before.cost + delta.cost);
            n_valid += fits;
            check_same(s, seed);
        }
    }
    cr_assert_gt(n_valid, 1000, "only %zu moves fitted", n_valid);
}

/* A placement reached by any road has the same score. */
Test(state, roads_do_not_matter)
{
    for (guint32 seed = 1; seed <= 50; seed++) {
        g_autoptr(PlanModel) m = random_model(seed);
        g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
        g_autofree int32_t *target = random_placement(m, rand);
        g_autofree int32_t *other = random_placement(m, rand);
        g_autoptr(PlanState) direct = plan_state_new(m, target);
        g_autoptr(PlanState) detour = plan_state_new(m, other);

        plan_state_reset(detour, target);
        cr_assert_eq(plan_state_score(direct).violation,
                     plan_state_score(detour).violation);
        cr_assert_eq(plan_state_score(direct).cost,
                     plan_state_score(detour).cost);
        for (size_t h = 0; h < m->n_hosts; h++) {
            size_t n1, n2;

            plan_state_guests(direct, (int32_t)h, &n1);
            plan_state_guests(detour, (int32_t)h, &n2);
            cr_assert_eq(n1, n2);
        }
    }
}

static int64_t
violation_of_room(const PlanState *s)
{
    int64_t sum = 0;

    for (size_t i = 0; i < plan_state_terms(s); i++) {
        bool hard;
        int64_t value;
        const char *name = plan_state_term(s, i, &hard, &value);

        if (strcmp(name, "capacity") == 0 || strcmp(name, "sides") == 0) {
            sum += value;
        }
    }
    return sum;
}

/* Room is there exactly if neither the capacities' violation grows nor that of
 * the sides, which may even fall: a division that does not fit is not the best
 * there is. */
Test(state, fits_is_the_capacity_term)
{
    for (guint32 seed = 1; seed <= 100; seed++) {
        g_autoptr(PlanModel) m = random_model(seed);
        g_autoptr(PlanState) s = plan_state_new(m, NULL);
        g_autoptr(PlanState) after = plan_state_new(m, NULL);

        for (int32_t g = 0; g < (int32_t)m->n_guests; g++) {
            for (int32_t h = 0; h < (int32_t)m->n_hosts; h++) {
                int32_t from = plan_state_hosts(s)[g];
                int64_t off, on;

                if (h == from) {
                    continue;
                }
                plan_state_move(after, g, PLAN_NOWHERE);
                off = violation_of_room(after);
                plan_state_move(after, g, h);
                on = violation_of_room(after);
                cr_assert_eq(plan_state_fits(s, g, h), on <= off,
                             "seed %u guest %d host %d", seed, g, h);
                plan_state_move(after, g, from);
            }
        }
    }
}
