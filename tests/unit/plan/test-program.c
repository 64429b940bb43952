/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-program.c - the program says of every placement what the checker says
 */
#include <criterion/criterion.h>
#include <math.h>

#include "plan/check.h"
#include "plan/program.h"
#include "plan/search.h"
#include "random-model.h"

static void
compare(const PlanModel *m, const PlanProgram *p, const int32_t *host_of,
        size_t *n_good)
{
    g_autoptr(PlanVerdict) verdict = plan_check(m, host_of, 10);
    g_autofree double *values = plan_program_values(p, host_of);
    double cost = plan_program_cost(p, values);
    bool allowed = true;

    for (size_t g = 0; g < m->n_guests; g++) {
        allowed = allowed && p->on[g * m->n_hosts + (size_t)host_of[g]] >= 0;
    }
    if (!allowed) { /* it has no column then, and counts too little */
        cr_assert_gt(verdict->n_broken, 0);
        cr_assert(!plan_program_holds(p, values));
        return;
    }
    cr_assert_eq(plan_program_holds(p, values), verdict->n_broken == 0,
                 "%zu broken, %s", verdict->n_broken,
                 verdict->broken->len ? (char *)verdict->broken->pdata[0] : "");
    cr_assert_geq(cost, (double)verdict->cost - 1e-3);
    cr_assert_leq(cost, (double)(verdict->cost + p->rounding) + 1e-3);
    *n_good += verdict->n_broken == 0;
}

/* Racks within pods within sites, as the program asks for */
static void
nest(PlanModel *m)
{
    for (size_t h = 0; h < m->n_hosts; h++) {
        m->place[PLAN_LEVEL_RACK][h] = (int32_t)h % 4;
        m->place[PLAN_LEVEL_POD][h] = (int32_t)h % 4 / 2;
        m->place[PLAN_LEVEL_SITE][h] = 0;
    }
    for (int level = PLAN_LEVEL_RACK; level < PLAN_N_LEVELS; level++) {
        while (m->place_names[level]->len < 4) {
            g_ptr_array_add(m->place_names[level], g_strdup("more"));
        }
    }
}

Test(program, agrees_with_the_checker)
{
    size_t n_good = 0;

    for (guint32 seed = 1; seed <= 300; seed++) {
        g_autoptr(PlanModel) m = random_model(seed);
        g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
        g_autoptr(PlanProgram) p = NULL;
        g_autoptr(PlanState) s = NULL;
        PlanLimits limits = { .work = 5000, .seed = seed };
        bool placed = true;

        /* rules are broken by most placements: with fewer some hold */
        if (seed % 3) {
            random_model_keep_rules(m, seed % (m->n_rules + 1));
        }
        nest(m);
        g_clear_pointer(&m->address, g_free);
        if (seed % 2) {
            random_model_loosen(m);
        }
        p = plan_program_new(m, NULL);
        cr_assert(p);
        for (int i = 0; i < 20; i++) {
            g_autofree int32_t *host_of = random_placement(m, rand);

            for (size_t g = 0; g < m->n_guests; g++) {
                host_of[g] = MAX(host_of[g], 0);
            }
            compare(m, p, host_of, &n_good);
        }
        s = plan_state_new(m, NULL);
        plan_search_run(s, PLAN_METHOD_LNS, &limits);
        for (size_t g = 0; g < m->n_guests; g++) {
            placed = placed && plan_state_hosts(s)[g] != PLAN_NOWHERE;
        }
        if (placed) {
            compare(m, p, plan_state_hosts(s), &n_good);
        }
    }
    cr_assert_gt(n_good, 200, "%zu placements broke nothing", n_good);
}

Test(program, refuses_what_it_cannot)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(PlanModel) m = random_model(3);
    g_autoptr(PlanProgram) p = NULL;

    nest(m);
    m->distance_milli[3] = 1;
    p = plan_program_new(m, &error);
    cr_assert_null(p);
    cr_assert_eq(error->code, PLAN_ERROR_MEMBER);
}
