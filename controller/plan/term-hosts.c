/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * term-hosts.c - a host that has guests costs
 */
#include "plan/state-priv.h"

static bool
wanted(const PlanModel *m)
{
    return m->weights.hosts != 0;
}

static int64_t
recount(const PlanModel *m, const int32_t *host_of)
{
    g_autofree bool *on = g_new0(bool, m->n_hosts);
    int64_t n = 0;

    for (size_t g = 0; g < m->n_guests; g++) {
        if (host_of[g] != PLAN_NOWHERE && !on[host_of[g]]) {
            on[host_of[g]] = true;
            n++;
        }
    }
    return n * m->weights.hosts;
}

static int64_t
delta(const PlanState *s, const void *data, int32_t guest, int32_t host)
{
    int32_t from = s->host_of[guest];

    return ((host != PLAN_NOWHERE && s->n_guests[host] == 0) -
            (from != PLAN_NOWHERE && s->n_guests[from] == 1)) *
           s->model->weights.hosts;
}

const PlanTerm plan_term_hosts = {
    .name = "hosts",
    .wanted = wanted,
    .recount = recount,
    .delta = delta,
};
