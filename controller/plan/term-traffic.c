/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * term-traffic.c - what guests exchange, times the switches that it passes
 *
 * A flow one end of which is not placed costs nothing yet.
 */
#include "plan/state-priv.h"

static bool
wanted(const PlanModel *m)
{
    return m->weights.traffic != 0 && m->n_flows > 0;
}

static int64_t
recount(const PlanModel *m, const int32_t *host_of)
{
    int64_t value = 0;

    for (size_t f = 0; f < m->n_flows; f++) {
        int32_t a = host_of[m->flows[f].a];
        int32_t b = host_of[m->flows[f].b];

        if (a != PLAN_NOWHERE && b != PLAN_NOWHERE) {
            value += m->flows[f].amount * plan_model_distance_milli(m, a, b);
        }
    }
    return value * m->weights.traffic;
}

static int64_t
delta(const PlanState *s, const void *data, int32_t guest, int32_t host)
{
    const PlanModel *m = s->model;
    int32_t from = s->host_of[guest];
    int64_t sum = 0;

    for (size_t i = m->link_start[guest]; i < m->link_start[guest + 1]; i++) {
        int32_t peer = s->host_of[m->link_peer[i]];

        if (peer == PLAN_NOWHERE) {
            continue;
        }
        if (from != PLAN_NOWHERE) {
            sum -= m->link_amount[i] * plan_model_distance_milli(m, from, peer);
        }
        if (host != PLAN_NOWHERE) {
            sum += m->link_amount[i] * plan_model_distance_milli(m, host, peer);
        }
    }
    return sum * m->weights.traffic;
}

const PlanTerm plan_term_traffic = {
    .name = "traffic",
    .wanted = wanted,
    .recount = recount,
    .delta = delta,
};
