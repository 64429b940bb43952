/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * term-total.c - what the guests of a rack, pod or site take in all
 *
 * An excess is scaled as that of a host.
 */
#include "plan/state-priv.h"

static bool
wanted(const PlanModel *m)
{
    return m->n_totals > 0;
}

static void *
start(const PlanModel *m)
{
    return g_new0(int64_t, m->n_totals * m->n_resources + 1);
}

static bool
inside(const PlanModel *m, const PlanTotal *total, int32_t host)
{
    return host != PLAN_NOWHERE && m->place[total->level][host] == total->place;
}

static int64_t
over(const PlanModel *m, const PlanTotal *total, size_t r, int64_t use)
{
    return total->most[r] == INT64_MAX
               ? 0
               : MAX(0, use - total->most[r]) * m->scale[r];
}

static int64_t
recount(const PlanModel *m, const int32_t *host_of)
{
    int64_t value = 0;

    for (size_t i = 0; i < m->n_totals; i++) {
        for (size_t r = 0; r < m->n_resources; r++) {
            int64_t use = 0;

            for (size_t g = 0; g < m->n_guests; g++) {
                if (inside(m, &m->totals[i], host_of[g])) {
                    use += m->demand[g * m->n_resources + r];
                }
            }
            value += over(m, &m->totals[i], r, use);
        }
    }
    return value;
}

static int64_t
delta(const PlanState *s, const void *data, int32_t guest, int32_t host)
{
    const PlanModel *m = s->model;
    const int64_t *use = data;
    const int64_t *demand = m->demand + (size_t)guest * m->n_resources;
    int64_t sum = 0;

    for (size_t i = 0; i < m->n_totals; i++) {
        const PlanTotal *total = &m->totals[i];
        int sign = (int)inside(m, total, host) -
                   (int)inside(m, total, s->host_of[guest]);

        for (size_t r = 0; sign != 0 && r < m->n_resources; r++) {
            int64_t here = use[i * m->n_resources + r];

            sum += over(m, total, r, here + sign * demand[r]) -
                   over(m, total, r, here);
        }
    }
    return sum;
}

static void
moved(const PlanState *s, void *data, int32_t guest, int32_t host)
{
    const PlanModel *m = s->model;
    int64_t *use = data;

    for (size_t i = 0; i < m->n_totals; i++) {
        int sign = (int)inside(m, &m->totals[i], host) -
                   (int)inside(m, &m->totals[i], s->host_of[guest]);

        for (size_t r = 0; sign != 0 && r < m->n_resources; r++) {
            use[i * m->n_resources + r] +=
                sign * m->demand[(size_t)guest * m->n_resources + r];
        }
    }
}

const PlanTerm plan_term_total = {
    .name = "total",
    .hard = true,
    .wanted = wanted,
    .start = start,
    .free = g_free,
    .recount = recount,
    .delta = delta,
    .moved = moved,
};
