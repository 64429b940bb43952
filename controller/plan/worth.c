/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * worth.c - see worth.h
 */
#include "plan/worth.h"

#include <string.h>

#include "plan/moves.h"

#define MOST_ROUNDS 8

typedef struct Worth {
    PlanState *state;
    const PlanModel *m;
    const PlanWorth *query;
    size_t n_home;
} Worth;

static bool
moved(const PlanState *state, int32_t guest)
{
    int32_t home = plan_state_model(state)->guests[guest].host;
    int32_t host = plan_state_hosts(state)[guest];

    return home != PLAN_NOWHERE && host != PLAN_NOWHERE && host != home;
}

static double
price(const PlanState *state, const PlanWorth *query, int32_t guest)
{
    const PlanModel *m = plan_state_model(state);
    int32_t home = m->guests[guest].host;
    uint64_t rate = MIN(plan_model_link(m, home, query->link_bytes_s),
                        plan_model_link(m, plan_state_hosts(state)[guest],
                                        query->link_bytes_s));
    PlanDuration d =
        plan_duration(&m->guests[guest], rate, query->downtime_limit_s);

    return query->each_price + query->move_price * d.time_s +
           query->downtime_price * d.downtime_s;
}

double
plan_worth_price(const PlanState *state, const PlanWorth *query)
{
    const PlanModel *m = plan_state_model(state);
    double sum = 0;

    for (int32_t g = 0; g < (int32_t)m->n_guests; g++) {
        sum += moved(state, g) ? price(state, query, g) : 0;
    }
    return sum;
}

double
plan_worth_running(const PlanState *state)
{
    double sum = 0;

    for (size_t i = 0; i < plan_state_terms(state); i++) {
        bool hard;
        int64_t value;
        const char *name = plan_state_term(state, i, &hard, &value);

        if (!hard && strcmp(name, "moves") != 0 &&
            strcmp(name, "group-moves") != 0) {
            sum += (double)value;
        }
    }
    return sum;
}

static void
try_home(Worth *w, const int32_t *guests, size_t n)
{
    g_autofree int32_t *from = g_new(int32_t, n + 1);
    int64_t violation = plan_state_score(w->state).violation;
    double before = plan_worth_running(w->state);
    double saved = 0;

    for (size_t i = 0; i < n; i++) {
        from[i] = plan_state_hosts(w->state)[guests[i]];
        saved += price(w->state, w->query, guests[i]);
    }
    for (size_t i = 0; i < n; i++) {
        plan_state_move(w->state, guests[i], w->m->guests[guests[i]].host);
    }
    if (plan_state_score(w->state).violation <= violation &&
        (plan_worth_running(w->state) - before) * w->query->horizon_s <=
            saved) {
        w->n_home += n;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        plan_state_move(w->state, guests[i], from[i]);
    }
}

static int32_t
root(int32_t *parent, int32_t host)
{
    while (parent[host] != host) {
        parent[host] = parent[parent[host]];
        host = parent[host];
    }
    return host;
}

typedef enum {
    BY_GUEST,
    BY_SOURCE,
    BY_TARGET,
    BY_LINK, /* hosts linked by moves */
    N_WAYS,
} Way;

/* The set, by number, that a guest belongs to */
static void
name_sets(const Worth *w, Way way, int32_t *set)
{
    const PlanModel *m = w->m;
    const int32_t *host_of = plan_state_hosts(w->state);
    g_autofree int32_t *parent = g_new(int32_t, m->n_hosts + 1);

    for (size_t h = 0; h < m->n_hosts; h++) {
        parent[h] = (int32_t)h;
    }
    for (int32_t g = 0; g < (int32_t)m->n_guests && way == BY_LINK; g++) {
        if (moved(w->state, g)) {
            parent[root(parent, host_of[g])] = root(parent, m->guests[g].host);
        }
    }
    for (int32_t g = 0; g < (int32_t)m->n_guests; g++) {
        if (!moved(w->state, g)) {
            set[g] = -1;
        } else {
            set[g] = way == BY_GUEST    ? g
                     : way == BY_SOURCE ? m->guests[g].host
                     : way == BY_TARGET ? host_of[g]
                                        : root(parent, host_of[g]);
        }
    }
}

/* All sets of that kind, one after the other */
static void
try_sets(Worth *w, Way way)
{
    const PlanModel *m = w->m;
    size_t n_sets = way == BY_GUEST ? m->n_guests : m->n_hosts;
    g_autofree int32_t *set = g_new(int32_t, m->n_guests + 1);
    g_autofree size_t *start = g_new0(size_t, n_sets + 2);
    g_autofree int32_t *guests = g_new(int32_t, m->n_guests + 1);

    name_sets(w, way, set);
    for (size_t g = 0; g < m->n_guests; g++) {
        if (set[g] >= 0) {
            start[set[g] + 2]++;
        }
    }
    for (size_t i = 2; i < n_sets + 2; i++) {
        start[i] += start[i - 1];
    }
    for (size_t g = 0; g < m->n_guests; g++) {
        if (set[g] >= 0) {
            guests[start[set[g] + 1]++] = (int32_t)g;
        }
    }
    for (size_t i = 0; i < n_sets; i++) {
        if (start[i + 1] > start[i]) {
            try_home(w, guests + start[i], start[i + 1] - start[i]);
        }
    }
}

size_t
plan_worth_keep(PlanState *state, const PlanWorth *query)
{
    Worth w = { .state = state, .m = plan_state_model(state), .query = query };
    size_t before = 1;

    for (int round = 0; round < MOST_ROUNDS && w.n_home != before; round++) {
        before = w.n_home;
        for (int way = BY_GUEST; way < N_WAYS; way++) {
            try_sets(&w, (Way)way);
        }
    }
    return w.n_home;
}
