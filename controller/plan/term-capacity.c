/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * term-capacity.c - no host is asked for more than capacity x reserve
 *
 * Of a transient resource, a guest that left counts on its old host as well:
 * what it takes there while it moves. The excess of each resource is scaled, so
 * that too many processors and too many bytes can be compared.
 */
#include "plan/state-priv.h"

static bool
wanted(const PlanModel *model)
{
    return model->n_resources > 0;
}

static int64_t
recount(const PlanModel *m, const int32_t *host_of)
{
    size_t n = m->n_resources;
    g_autofree int64_t *use = g_new0(int64_t, m->n_hosts * n + 1);
    int64_t value = 0;

    for (size_t g = 0; g < m->n_guests; g++) {
        int32_t here = host_of[g];
        int32_t home = m->guests[g].host;

        for (size_t r = 0; r < n; r++) {
            if (here != PLAN_NOWHERE) {
                use[(size_t)here * n + r] += m->demand[g * n + r];
            }
            if (home != PLAN_NOWHERE && home != here &&
                m->resources[r].transient) {
                use[(size_t)home * n + r] += m->demand[g * n + r];
            }
        }
    }
    for (size_t h = 0; h < m->n_hosts; h++) {
        for (size_t r = 0; r < n; r++) {
            value += MAX(0, use[h * n + r] - m->limit[h * n + r]) * m->scale[r];
        }
    }
    return value;
}

/* The change on one host if its use of every resource changes by sign x what
 * the guest takes there. */
static int64_t
change(const PlanState *s, int32_t guest, int32_t host, int sign)
{
    const PlanModel *m = s->model;
    size_t at = (size_t)host * m->n_resources;
    int64_t sum = 0;

    for (size_t r = 0; r < m->n_resources; r++) {
        int64_t over = s->use[at + r] + s->ghost[at + r] - m->limit[at + r];
        int64_t extra = sign * plan_state_extra(m, guest, host, r);

        if (over > 0 || over + extra > 0) {
            sum += (MAX(0, over + extra) - MAX(0, over)) * m->scale[r];
        }
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

const PlanTerm plan_term_capacity = {
    .name = "capacity",
    .hard = true,
    .wanted = wanted,
    .recount = recount,
    .delta = delta,
};
