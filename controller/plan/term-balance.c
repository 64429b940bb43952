/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * term-balance.c - waste: room of one resource is worth little without room of
 * another to go with it
 *
 * target x free(first) - free(second), where positive, is what will lie idle.
 */
#include "plan/state-priv.h"

static bool
wanted(const PlanModel *m)
{
    return m->n_balances > 0;
}

static int64_t
at_host(const PlanModel *m, size_t host, const int64_t *use)
{
    const int64_t *capacity = m->capacity + host * m->n_resources;
    int64_t value = 0;

    for (size_t b = 0; b < m->n_balances; b++) {
        const PlanBalance *balance = &m->balances[b];
        int64_t idle =
            balance->target * (capacity[balance->first] - use[balance->first]) -
            (capacity[balance->second] - use[balance->second]);

        value += MAX(0, idle) * balance->weight;
    }
    return value;
}

static int64_t
recount(const PlanModel *m, const int32_t *host_of)
{
    size_t n = m->n_resources;
    g_autofree int64_t *use = g_new0(int64_t, m->n_hosts * n + 1);
    int64_t value = 0;

    for (size_t g = 0; g < m->n_guests; g++) {
        for (size_t r = 0; host_of[g] != PLAN_NOWHERE && r < n; r++) {
            use[(size_t)host_of[g] * n + r] += m->demand[g * n + r];
        }
    }
    for (size_t h = 0; h < m->n_hosts; h++) {
        value += at_host(m, h, use + h * n);
    }
    return value;
}

static int64_t
change(const PlanState *s, int32_t guest, int32_t host, int sign)
{
    const PlanModel *m = s->model;
    size_t at = (size_t)host * m->n_resources;
    const int64_t *demand = m->demand + (size_t)guest * m->n_resources;
    int64_t after[PLAN_MAX_RESOURCES];

    for (size_t r = 0; r < m->n_resources; r++) {
        after[r] = s->use[at + r] + sign * demand[r];
    }
    return at_host(m, (size_t)host, after) -
           at_host(m, (size_t)host, s->use + at);
}

static int64_t
delta(const PlanState *s, const void *data, int32_t guest, int32_t host)
{
    int32_t from = s->host_of[guest];

    return (from == PLAN_NOWHERE ? 0 : change(s, guest, from, -1)) +
           (host == PLAN_NOWHERE ? 0 : change(s, guest, host, 1));
}

const PlanTerm plan_term_balance = {
    .name = "balance",
    .wanted = wanted,
    .recount = recount,
    .delta = delta,
};
