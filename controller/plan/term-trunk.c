/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * term-trunk.c - what the guests of two places exchange
 *
 * As much too much as a trunk carries counts as one broken rule.
 */
#include "plan/state-priv.h"

static bool
wanted(const PlanModel *m)
{
    return m->n_trunks > 0;
}

static void *
start(const PlanModel *m)
{
    return g_new0(int64_t, m->n_trunks + 1);
}

static bool
crosses(const PlanModel *m, const PlanTrunk *trunk, int32_t a, int32_t b)
{
    int32_t p, q;

    if (a == PLAN_NOWHERE || b == PLAN_NOWHERE) {
        return false;
    }
    p = m->place[trunk->level][a];
    q = m->place[trunk->level][b];
    return (p == trunk->a && q == trunk->b) || (p == trunk->b && q == trunk->a);
}

static int64_t
over(const PlanTrunk *trunk, int64_t carried)
{
    __int128_t much = (__int128_t)carried - trunk->most;

    return much <= 0 ? 0
                     : (int64_t)(much * PLAN_BROKEN / MAX(1, trunk->most)) + 1;
}

static int64_t
recount(const PlanModel *m, const int32_t *host_of)
{
    int64_t value = 0;

    for (size_t i = 0; i < m->n_trunks; i++) {
        int64_t carried = 0;

        for (size_t f = 0; f < m->n_flows; f++) {
            const PlanFlow *flow = &m->flows[f];

            if (crosses(m, &m->trunks[i], host_of[flow->a], host_of[flow->b])) {
                carried += flow->amount;
            }
        }
        value += over(&m->trunks[i], carried);
    }
    return value;
}

/* What the trunk carries more if @guest goes to @host */
static int64_t
change(const PlanState *s, const PlanTrunk *trunk, int32_t guest, int32_t host)
{
    const PlanModel *m = s->model;
    int64_t sum = 0;

    for (size_t i = m->link_start[guest]; i < m->link_start[guest + 1]; i++) {
        int32_t peer = s->host_of[m->link_peer[i]];

        sum += m->link_amount[i] *
               ((int)crosses(m, trunk, host, peer) -
                (int)crosses(m, trunk, s->host_of[guest], peer));
    }
    return sum;
}

static int64_t
delta(const PlanState *s, const void *data, int32_t guest, int32_t host)
{
    const int64_t *carried = data;
    int64_t sum = 0;

    for (size_t i = 0; i < s->model->n_trunks; i++) {
        const PlanTrunk *trunk = &s->model->trunks[i];

        sum += over(trunk, carried[i] + change(s, trunk, guest, host)) -
               over(trunk, carried[i]);
    }
    return sum;
}

static void
moved(const PlanState *s, void *data, int32_t guest, int32_t host)
{
    int64_t *carried = data;

    for (size_t i = 0; i < s->model->n_trunks; i++) {
        carried[i] += change(s, &s->model->trunks[i], guest, host);
    }
}

const PlanTerm plan_term_trunk = {
    .name = "trunk",
    .hard = true,
    .wanted = wanted,
    .start = start,
    .free = g_free,
    .recount = recount,
    .delta = delta,
    .moved = moved,
};
