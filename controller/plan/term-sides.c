/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * term-sides.c - guests bound to sides of a host (NUMA) find room there
 *
 * The value of a host is what plan_sides_excess() says of its guests. Each
 * host's is kept, so that a move asks about the two hosts it changes only.
 */
#include "plan/sides.h"
#include "plan/state-priv.h"

static bool
wanted(const PlanModel *m)
{
    for (size_t g = 0; m->side_limit && g < m->n_guests; g++) {
        if (m->guests[g].numa) {
            return true;
        }
    }
    return false;
}

static void *
start(const PlanModel *m)
{
    return g_new0(int64_t, m->n_hosts + 1);
}

static int64_t
recount(const PlanModel *m, const int32_t *host_of)
{
    g_autofree size_t *first = g_new0(size_t, m->n_hosts + 2);
    g_autofree int32_t *guests = g_new(int32_t, m->n_guests + 1);
    int64_t value = 0;

    /* counted two places on, so that filling leaves the starts behind */
    for (size_t g = 0; g < m->n_guests; g++) {
        if (host_of[g] != PLAN_NOWHERE) {
            first[host_of[g] + 2]++;
        }
    }
    for (size_t h = 2; h < m->n_hosts + 2; h++) {
        first[h] += first[h - 1];
    }
    for (size_t g = 0; g < m->n_guests; g++) {
        if (host_of[g] != PLAN_NOWHERE) {
            guests[first[host_of[g] + 1]++] = (int32_t)g;
        }
    }
    for (size_t h = 0; h < m->n_hosts; h++) {
        value += plan_sides_excess(m, (int32_t)h, guests + first[h],
                                   first[h + 1] - first[h], PLAN_NOWHERE,
                                   PLAN_NOWHERE, NULL);
    }
    return value;
}

static int64_t
with(const PlanState *s, int32_t host, int32_t minus, int32_t plus)
{
    return plan_sides_excess(s->model, host, s->guests[host],
                             (size_t)s->n_guests[host], minus, plus, NULL);
}

static int64_t
delta(const PlanState *s, const void *data, int32_t guest, int32_t host)
{
    const int64_t *value = data;
    int32_t from = s->host_of[guest];
    int64_t sum = 0;

    if (s->model->guests[guest].numa == 0) {
        return 0;
    }
    if (from != PLAN_NOWHERE) {
        sum += with(s, from, guest, PLAN_NOWHERE) - value[from];
    }
    if (host != PLAN_NOWHERE) {
        sum += with(s, host, PLAN_NOWHERE, guest) - value[host];
    }
    return sum;
}

static void
moved(const PlanState *s, void *data, int32_t guest, int32_t host)
{
    int64_t *value = data;
    int32_t from = s->host_of[guest];

    if (s->model->guests[guest].numa == 0) {
        return;
    }
    if (from != PLAN_NOWHERE) {
        value[from] = with(s, from, guest, PLAN_NOWHERE);
    }
    if (host != PLAN_NOWHERE) {
        value[host] = with(s, host, PLAN_NOWHERE, guest);
    }
}

const PlanTerm plan_term_sides = {
    .name = "sides",
    .hard = true,
    .wanted = wanted,
    .start = start,
    .free = g_free,
    .recount = recount,
    .delta = delta,
    .moved = moved,
};
