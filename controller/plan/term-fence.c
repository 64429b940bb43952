/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * term-fence.c - guests stay where they may be: special hardware, closed
 * hosts, pins, lists of allowed hosts
 */
#include "plan/state-priv.h"

static bool
wanted(const PlanModel *m)
{
    for (size_t h = 0; h < m->n_hosts; h++) {
        if (m->hosts[h].closed) {
            return true;
        }
    }
    for (size_t g = 0; g < m->n_guests; g++) {
        if (m->guests[g].requires || m->guests[g].pinned || m->allowed[g]) {
            return true;
        }
    }
    return false;
}

static int64_t
broken(const PlanModel *m, int32_t guest, int32_t host)
{
    return host == PLAN_NOWHERE || plan_model_allows(m, guest, host)
               ? 0
               : PLAN_BROKEN;
}

static int64_t
recount(const PlanModel *m, const int32_t *host_of)
{
    int64_t value = 0;

    for (size_t g = 0; g < m->n_guests; g++) {
        value += broken(m, (int32_t)g, host_of[g]);
    }
    return value;
}

static int64_t
delta(const PlanState *s, const void *data, int32_t guest, int32_t host)
{
    return broken(s->model, guest, host) -
           broken(s->model, guest, s->host_of[guest]);
}

const PlanTerm plan_term_fence = {
    .name = "fence",
    .hard = true,
    .wanted = wanted,
    .recount = recount,
    .delta = delta,
};
