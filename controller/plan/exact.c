/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * exact.c - the best placement there is, by a solver of integer programs
 *
 * lns goes first, in a fifth of the limit: a good placement to start with is
 * half of the proof. What the solver finds counts only if the terms agree that
 * it is better.
 */
#include "plan/program.h"

#include <math.h>

#include "plan/search-priv.h"

#define LNS_FIRST 0.2 /* of the limit */

static void
take(PlanSearch *s, const PlanProgram *p, const double *values)
{
    const PlanModel *m = s->model;
    g_autofree int32_t *host_of = g_new(int32_t, m->n_guests);

    for (size_t g = 0; g < m->n_guests; g++) {
        host_of[g] = plan_state_hosts(s->state)[g];
        for (size_t h = 0; h < m->n_hosts; h++) {
            int32_t at = p->on[g * m->n_hosts + h];

            if (at >= 0 && values[at] > 0.5) {
                host_of[g] = (int32_t)h;
            }
        }
    }
    plan_state_reset(s->state, host_of);
    plan_search_note(s);
}

void
plan_search_exact(PlanSearch *s)
{
    g_autoptr(PlanProgram) p = plan_program_new(s->model, NULL);
    g_autofree double *start = NULL;
    g_autofree double *values = NULL;
    double bound = -G_MAXDOUBLE;

    if (!p || !s->limits->solver) {
        plan_search_lns(s, 1);
        return;
    }
    plan_search_lns(s, LNS_FIRST);
    plan_state_reset(s->state, s->best_hosts);
    if (s->best.violation == 0) {
        start = plan_program_values(p, s->best_hosts);
    }
    values = g_new0(double, p->columns->len + 1);
    if (s->limits->solver(s->limits->solver_data, p, start, values, &bound)) {
        take(s, p, values);
    }
    if (bound > -0x1p62 && bound < 0x1p62 && s->limits->proved) {
        s->limits->proved(s->limits->data, (int64_t)ceil(bound) - p->rounding);
    }
}
