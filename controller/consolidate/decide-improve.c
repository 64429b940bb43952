/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * decide-improve.c - moves that mend nothing have to pay
 *
 * Guests that exchange much across racks may move, or all of them if an operator
 * asks; the planner looks for less, with the price of each move as part of the
 * cost. Then it is asked again from where that leads,
 * until it has nothing more to say: the next cycle shall not go on.
 */
#include <string.h>

#include "consolidate/decide-priv.h"
#include "consolidate/watch-priv.h"
#include "plan/worth.h"

#define MICRO 1e6
#define ROUNDS 8
/* An operator who asks can wait a little longer for an answer. */
#define ASKED 4

static PlanWorth
worth_of(const Decider *d)
{
    return (PlanWorth){
        .horizon_s = d->s->horizon_s / (1 + d->s->margin),
        .move_price = d->s->move_w * MICRO,
        .downtime_price = d->s->downtime_w * MICRO,
        .each_price = d->s->each_move_j * MICRO,
        .link_bytes_s = d->s->link_bytes_s,
        .downtime_limit_s = d->s->downtime_limit_s,
    };
}

/* Watts of a placement */
static double
running_w(Decider *d, const int32_t *host_of)
{
    g_autoptr(Problem) p =
        decide_problem(d, PROBLEM_JUDGE, d->home, NULL, true);
    g_autoptr(PlanState) state = p ? problem_state(p, host_of) : NULL;

    return state ? plan_worth_running(state) / MICRO : 0;
}

static void
mark_ends(const Decider *d, bool *free)
{
    for (guint i = 0; i < d->c->flows->len; i++) {
        const ClusterFlow *flow = &g_array_index(d->c->flows, ClusterFlow, i);

        if (d->target[flow->a] != d->target[flow->b]) {
            free[flow->a] = free[flow->b] = true;
        }
    }
}

/* From @base on: a better placement, only moves that pay; true if there are any */
static bool
improve_once(Decider *d, int32_t *target, const bool *free,
             ConsTriggerKind kind)
{
    g_autoptr(Problem) p =
        decide_problem(d, PROBLEM_OPTIMISE, target, free, false);
    g_autoptr(PlanState) state = p ? problem_state(p, target) : NULL;
    PlanLimits limits =
        decide_limits(d, kind == CONS_TRIGGER_REQUEST ? ASKED : 1);
    PlanWorth worth = worth_of(d);
    bool any = false;

    if (!state) {
        return false;
    }
    plan_search_run(state, PLAN_METHOD_HILL, &limits);
    plan_search_run(state, PLAN_METHOD_LNS, &limits);
    if (limits.partition && kind == CONS_TRIGGER_FAR_TRAFFIC) {
        g_autoptr(PlanState) other = problem_state(p, target);

        plan_search_run(other, PLAN_METHOD_KWAY, &limits);
        if (plan_score_less(plan_state_score(other), plan_state_score(state))) {
            plan_state_reset(state, plan_state_hosts(other));
        }
    }
    plan_worth_keep(state, &worth);
    for (guint g = 0; g < d->n_guests; g++) {
        int32_t index = p->model_of[g];

        if (index >= 0 && plan_state_hosts(state)[index] != target[g] &&
            plan_state_hosts(state)[index] != PLAN_NOWHERE &&
            !p->model->guests[index].pinned) {
            target[g] = plan_state_hosts(state)[index];
            any = true;
        }
    }
    return any;
}

void
decide_improve(Decider *d)
{
    bool all = d->wants[CONS_TRIGGER_REQUEST];
    ConsTriggerKind kind =
        all ? CONS_TRIGGER_REQUEST : CONS_TRIGGER_FAR_TRAFFIC;
    g_autofree bool *free = NULL;
    g_autofree int32_t *target = NULL;
    double saved_w, price;
    size_t n;

    if (!all && !d->wants[CONS_TRIGGER_FAR_TRAFFIC]) {
        return;
    }
    free = g_new0(bool, d->n_guests + 1);
    target = g_memdup2(d->target, (d->n_guests + 1) * sizeof(int32_t));
    if (!all) {
        mark_ends(d, free);
    }
    for (guint g = 0; g < d->n_guests; g++) {
        /* who has to leave anyway may be put elsewhere, but goes */
        free[g] = (free[g] || all) && !d->stuck[g] && !d->cooling[g] &&
                  d->target[g] == d->home[g];
    }
    for (int round = 0; round < ROUNDS && improve_once(d, target, free, kind);
         round++) {
    }
    saved_w = running_w(d, d->target) - running_w(d, target);
    price = decide_price(d, target, &n) - decide_price(d, d->target, NULL);
    if (memcmp(target, d->target, d->n_guests * sizeof(int32_t)) == 0) {
        decide_refuse(d, "cluster",
                      "nothing found that saves more than its "
                      "migrations cost");
        return;
    }
    if (saved_w * d->s->horizon_s <= price * (1 + d->s->margin)) {
        decide_refuse(d, "cluster",
                      "no moves: %.1f W saved over %.1f h are less than %.0f J "
                      "for the migrations, with a margin of %.0f %%",
                      saved_w, d->s->horizon_s / 3600, price,
                      d->s->margin * 100);
        return;
    }
    for (guint g = 0; g < d->n_guests; g++) {
        if (target[g] != d->target[g]) {
            d->target[g] = target[g];
            d->kind[g] = kind;
        }
    }
}
