/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * term-load.c - service level: what a host is used above its safe level costs
 */
#include "plan/state-priv.h"

static bool
wanted(const PlanModel *m)
{
    for (size_t r = 0; r < m->n_resources; r++) {
        if (m->resources[r].over_weight) {
            return true;
        }
    }
    return false;
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
        for (size_t r = 0; r < n; r++) {
            value += MAX(0, use[h * n + r] - m->safe[h * n + r]) *
                     m->resources[r].over_weight;
        }
    }
    return value;
}

static int64_t
change(const PlanState *s, int32_t guest, int32_t host, int sign)
{
    const PlanModel *m = s->model;
    size_t n = m->n_resources;
    const int64_t *use = s->use + (size_t)host * n;
    const int64_t *safe = m->safe + (size_t)host * n;
    const int64_t *demand = m->demand + (size_t)guest * n;
    int64_t sum = 0;

    for (size_t r = 0; r < n; r++) {
        int64_t over = use[r] - safe[r];

        sum += (MAX(0, over + sign * demand[r]) - MAX(0, over)) *
               m->resources[r].over_weight;
    }
    return sum;
}

static int64_t
delta(const PlanState *s, const void *data, int32_t guest, int32_t host)
{
    int32_t from = s->host_of[guest];

    return (from == PLAN_NOWHERE ? 0 : change(s, guest, from, -1)) +
           (host == PLAN_NOWHERE ? 0 : change(s, guest, host, 1));
}

const PlanTerm plan_term_load = {
    .name = "load",
    .wanted = wanted,
    .recount = recount,
    .delta = delta,
};
