/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * term-energy.c - P = C0 + C1 U of each host that has guests, 0 of the others
 *
 * U is the use of the first resource over its capacity. Milliwatts are rounded
 * down, host by host, so that the sum does not depend on the order of moves.
 */
#include "plan/state-priv.h"

static bool
wanted(const PlanModel *m)
{
    return m->weights.energy != 0 && m->n_resources > 0;
}

static int64_t
power_mw(const PlanModel *m, size_t host, int64_t n_guests, int64_t use)
{
    const PlanHost *h = &m->hosts[host];
    int64_t capacity = m->capacity[host * m->n_resources];

    if (n_guests == 0) {
        return 0;
    }
    return h->idle_mw +
           (capacity ? (h->busy_mw - h->idle_mw) * use / capacity : 0);
}

static int64_t
recount(const PlanModel *m, const int32_t *host_of)
{
    g_autofree int64_t *use = g_new0(int64_t, m->n_hosts);
    g_autofree int64_t *n = g_new0(int64_t, m->n_hosts);
    int64_t value = 0;

    for (size_t g = 0; g < m->n_guests; g++) {
        if (host_of[g] != PLAN_NOWHERE) {
            use[host_of[g]] += m->demand[g * m->n_resources];
            n[host_of[g]]++;
        }
    }
    for (size_t h = 0; h < m->n_hosts; h++) {
        value += power_mw(m, h, n[h], use[h]);
    }
    return value * m->weights.energy;
}

static int64_t
change(const PlanState *s, int32_t guest, int32_t host, int sign)
{
    const PlanModel *m = s->model;
    size_t h = (size_t)host;
    int64_t use = s->use[h * m->n_resources];
    int64_t demand = m->demand[(size_t)guest * m->n_resources];

    return power_mw(m, h, s->n_guests[h] + sign, use + sign * demand) -
           power_mw(m, h, s->n_guests[h], use);
}

static int64_t
delta(const PlanState *s, const void *data, int32_t guest, int32_t host)
{
    int32_t from = s->host_of[guest];

    return ((from == PLAN_NOWHERE ? 0 : change(s, guest, from, -1)) +
            (host == PLAN_NOWHERE ? 0 : change(s, guest, host, 1))) *
           s->model->weights.energy;
}

const PlanTerm plan_term_energy = {
    .name = "energy",
    .wanted = wanted,
    .recount = recount,
    .delta = delta,
};
