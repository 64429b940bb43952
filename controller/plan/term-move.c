/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * term-move.c - migrations cost: by guest, and by the pair of hosts
 *
 * A guest that runs nowhere yet is booted, not moved.
 */
#include "plan/state-priv.h"

static bool
wanted(const PlanModel *m)
{
    return m->weights.move != 0 || (m->weights.host_move != 0 && m->host_moves);
}

static int64_t
cost(const PlanModel *m, int32_t guest, int32_t host)
{
    const PlanGuest *g = &m->guests[guest];
    int64_t value;

    if (g->host == PLAN_NOWHERE || host == PLAN_NOWHERE || g->host == host) {
        return 0;
    }
    value = g->move_cost * m->weights.move;
    if (m->host_moves) {
        value += m->host_moves[(size_t)g->host * m->n_hosts + (size_t)host] *
                 m->weights.host_move;
    }
    return value;
}

static int64_t
recount(const PlanModel *m, const int32_t *host_of)
{
    int64_t value = 0;

    for (size_t g = 0; g < m->n_guests; g++) {
        value += cost(m, (int32_t)g, host_of[g]);
    }
    return value;
}

static int64_t
delta(const PlanState *s, const void *data, int32_t guest, int32_t host)
{
    return cost(s->model, guest, host) -
           cost(s->model, guest, s->host_of[guest]);
}

const PlanTerm plan_term_move = {
    .name = "moves",
    .wanted = wanted,
    .recount = recount,
    .delta = delta,
};
