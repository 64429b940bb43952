/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kway.c - see kway.h
 *
 * Several cuts are made of each graph, and the one with the least traffic
 * across taken, for as long as a part of the limit lasts. Hosts that are not
 * needed are left out beforehand, from the last: spread over all, guests would
 * have less traffic with neighbours. What does not fit where the cut puts it,
 * or breaks a rule there, is put where it adds least.
 */
#include "plan/kway.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plan/search-priv.h"

#define SPARE 1.1         /* room of the hosts taken, over demand */
#define MOST_CUTS 64      /* of one graph */
#define CUTTING 0.5       /* of the limit */
#define LARGEST (1 << 29) /* sums of weights handed over */

typedef struct Kway {
    PlanSearch *s;
    const PlanModel *m;
    PlanPartition partition;
    int32_t *host_of;  /* [guest] the outcome */
    int32_t *index;    /* [guest] vertex in the graph at hand, or -1 */
    int32_t *position; /* [place] part in the graph at hand, or -1 */
    uint32_t seed;
    size_t n_resources; /* those that anybody wants */
    size_t resource[PLAN_MAX_RESOURCES];
} Kway;

static void
graph_free(PlanGraph *g)
{
    g_free(g->start);
    g_free(g->peer);
    g_free(g->amount);
    g_free(g->weight);
    g_free(g->share);
    g_free(g->slack);
    g_free(g);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PlanGraph, graph_free)

/* Vertices' weights and the parts' shares of resource @k, for a graph with
 * the sum of limits of each part */
static void
fill_weights(Kway *w, PlanGraph *g, size_t k, const GArray *guests,
             const double *limit)
{
    size_t r = w->resource[k];
    double demand = 0;
    double room = 0;
    double scale;

    for (guint i = 0; i < guests->len; i++) {
        size_t guest = (size_t)g_array_index(guests, int32_t, i);

        demand += (double)w->m->demand[guest * w->m->n_resources + r];
    }
    scale = demand > LARGEST ? LARGEST / demand : 1;
    for (guint i = 0; i < guests->len; i++) {
        size_t guest = (size_t)g_array_index(guests, int32_t, i);

        g->weight[i * g->n_weights + k] = (int32_t)ceil(
            scale * (double)w->m->demand[guest * w->m->n_resources + r]);
    }
    for (size_t p = 0; p < g->n_parts; p++) {
        room += MAX(limit[p * g->n_weights + k], 1e-6);
    }
    for (size_t p = 0; p < g->n_parts; p++) {
        g->share[p * g->n_weights + k] =
            (float)(MAX(limit[p * g->n_weights + k], 1e-6) / room);
    }
    g->slack[k] = (float)CLAMP(room / MAX(demand, 1), 1.001, 1.3);
}

static void
fill_edges(Kway *w, PlanGraph *g, const GArray *guests)
{
    const PlanModel *m = w->m;
    size_t n = 0;
    double sum = 1;

    for (guint i = 0; i < guests->len; i++) {
        size_t guest = (size_t)g_array_index(guests, int32_t, i);

        n += m->link_start[guest + 1] - m->link_start[guest];
        for (size_t e = m->link_start[guest]; e < m->link_start[guest + 1];
             e++) {
            sum += (double)m->link_amount[e];
        }
    }
    g->peer = g_new(int32_t, n + 1);
    g->amount = g_new(int32_t, n + 1);
    n = 0;
    for (guint i = 0; i < guests->len; i++) {
        size_t guest = (size_t)g_array_index(guests, int32_t, i);

        g->start[i] = (int32_t)n;
        for (size_t e = m->link_start[guest]; e < m->link_start[guest + 1];
             e++) {
            int32_t peer = w->index[m->link_peer[e]];

            if (peer >= 0 && peer != (int32_t)i && m->link_amount[e] > 0) {
                double amount = (double)m->link_amount[e];

                g->peer[n] = peer;
                g->amount[n++] = (int32_t)MAX(
                    1, sum > LARGEST ? amount * LARGEST / sum : amount);
            }
        }
    }
    g->start[guests->len] = (int32_t)n;
}

static PlanGraph *
make_graph(Kway *w, const GArray *guests, size_t n_parts, const double *limit)
{
    PlanGraph *g = g_new0(PlanGraph, 1);

    g->n = guests->len;
    g->n_parts = n_parts;
    g->n_weights = w->n_resources;
    g->start = g_new(int32_t, g->n + 1);
    g->weight = g_new0(int32_t, g->n * g->n_weights + 1);
    g->share = g_new0(float, n_parts * g->n_weights + 1);
    g->slack = g_new0(float, g->n_weights + 1);
    for (guint i = 0; i < guests->len; i++) {
        w->index[g_array_index(guests, int32_t, i)] = (int32_t)i;
    }
    fill_edges(w, g, guests);
    for (guint i = 0; i < guests->len; i++) {
        w->index[g_array_index(guests, int32_t, i)] = -1;
    }
    for (size_t k = 0; k < g->n_weights; k++) {
        fill_weights(w, g, k, guests, limit);
    }
    return g;
}

/* Traffic across, and a large number for what is above a share with slack */
static double
judge(const PlanGraph *g, const int32_t *part)
{
    g_autofree double *use = g_new0(double, g->n_parts * g->n_weights + 1);
    double total[PLAN_MAX_RESOURCES] = { 0 };
    double cut = 0;
    double over = 0;

    for (size_t v = 0; v < g->n; v++) {
        for (int32_t e = g->start[v]; e < g->start[v + 1]; e++) {
            cut += part[v] != part[g->peer[e]] ? g->amount[e] : 0;
        }
        for (size_t k = 0; k < g->n_weights; k++) {
            double weight = g->weight[v * g->n_weights + k];

            use[(size_t)part[v] * g->n_weights + k] += weight;
            total[k] += weight;
        }
    }
    for (size_t i = 0; i < g->n_parts * g->n_weights; i++) {
        size_t k = i % g->n_weights;

        over += MAX(0, use[i] / MAX(1, total[k]) -
                           (double)g->share[i] * (double)g->slack[k] - 1e-6);
    }
    return cut * (1 + 10 * over) + (over > 0);
}

/* The best cut of several; NULL if there is none */
static int32_t *
cut_best(Kway *w, const PlanGraph *g)
{
    g_autofree int32_t *best = NULL;
    double best_value = G_MAXDOUBLE;
    int i = 0;

    do {
        g_autofree int32_t *part = g_new0(int32_t, g->n);
        double value;

        if (!w->partition(g, w->seed++, part)) {
            break;
        }
        value = judge(g, part);
        if (value < best_value) {
            g_free(best);
            best = g_steal_pointer(&part);
            best_value = value;
        }
    } while (++i < MOST_CUTS &&
             plan_search_goes_on(w->s, 10 * (g->n + (size_t)g->start[g->n])) &&
             w->s->progress < CUTTING);
    return g_steal_pointer(&best);
}

/* Guests onto hosts that differ at @level at most. False if a cut failed */
static bool
divide(Kway *w, PlanLevel level, const GArray *hosts, const GArray *guests)
{
    const int32_t *place = w->m->place[level];
    g_autoptr(GPtrArray) parts =
        g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
    g_autoptr(PlanGraph) graph = NULL;
    g_autofree double *limit = NULL;
    g_autofree int32_t *part = NULL;

    if (hosts->len == 1 || guests->len == 0) {
        for (guint i = 0; i < guests->len; i++) {
            w->host_of[g_array_index(guests, int32_t, i)] =
                g_array_index(hosts, int32_t, 0);
        }
        return true;
    }
    limit = g_new0(double, hosts->len * w->n_resources + 1);
    for (guint i = 0; i < hosts->len; i++) {
        int32_t host = g_array_index(hosts, int32_t, i);
        int32_t *position = &w->position[place[host]];

        if (*position < 0) {
            *position = (int32_t)parts->len;
            g_ptr_array_add(parts, g_array_new(FALSE, FALSE, sizeof(int32_t)));
        }
        g_array_append_val(parts->pdata[*position], host);
        for (size_t k = 0; k < w->n_resources; k++) {
            limit[(size_t)*position * w->n_resources + k] +=
                (double)w->m
                    ->limit[(size_t)host * w->m->n_resources + w->resource[k]];
        }
    }
    for (guint i = 0; i < hosts->len; i++) {
        w->position[place[g_array_index(hosts, int32_t, i)]] = -1;
    }
    if (parts->len == 1) {
        return divide(w, level - 1, hosts, guests);
    }
    graph = make_graph(w, guests, parts->len, limit);
    part = cut_best(w, graph);
    if (!part) {
        return false;
    }
    for (guint p = 0; p < parts->len; p++) {
        g_autoptr(GArray) mine = g_array_new(FALSE, FALSE, sizeof(int32_t));

        for (guint i = 0; i < guests->len; i++) {
            if (part[i] == (int32_t)p) {
                g_array_append_val(mine, g_array_index(guests, int32_t, i));
            }
        }
        if (!divide(w, level == PLAN_LEVEL_HOST ? level : level - 1,
                    parts->pdata[p], mine)) {
            return false;
        }
    }
    return true;
}

/* Resources that guests want, and hosts until their limits take it all */
static GArray *
choose_hosts(Kway *w)
{
    const PlanModel *m = w->m;
    GArray *hosts = g_array_new(FALSE, FALSE, sizeof(int32_t));
    double lack[PLAN_MAX_RESOURCES] = { 0 };
    bool lacking = true;

    for (size_t r = 0; r < m->n_resources; r++) {
        for (size_t g = 0; g < m->n_guests; g++) {
            lack[r] += SPARE * (double)m->demand[g * m->n_resources + r];
        }
        if (lack[r] > 0) {
            w->resource[w->n_resources++] = r;
        }
    }
    for (size_t h = 0; h < m->n_hosts && lacking; h++) {
        int32_t host = (int32_t)h;

        if (m->hosts[h].closed) {
            continue;
        }
        g_array_append_val(hosts, host);
        lacking = w->n_resources == 0;
        for (size_t k = 0; k < w->n_resources; k++) {
            size_t r = w->resource[k];

            lack[r] -= (double)m->limit[h * m->n_resources + r];
            lacking = lacking || lack[r] > 0;
        }
    }
    return hosts;
}

void
plan_search_kway(PlanSearch *s, PlanPartition partition)
{
    const PlanModel *m = s->model;
    size_t n_places = m->n_hosts;
    g_autofree int32_t *host_of = g_new(int32_t, m->n_guests);
    g_autofree int32_t *index = g_new(int32_t, m->n_guests);
    g_autofree int32_t *position = NULL;
    g_autoptr(GArray) hosts = NULL;
    g_autoptr(GArray) guests = g_array_new(FALSE, FALSE, sizeof(int32_t));
    Kway w = { .s = s,
               .m = m,
               .partition = partition,
               .host_of = host_of,
               .index = index,
               .seed = (uint32_t)(plan_random(s) >> 40) };

    for (int level = PLAN_LEVEL_RACK; level < PLAN_N_LEVELS; level++) {
        n_places = MAX(n_places, plan_model_places(m, (PlanLevel)level));
    }
    w.position = position = g_new(int32_t, n_places);
    for (size_t p = 0; p < n_places; p++) {
        position[p] = -1;
    }
    for (size_t g = 0; g < m->n_guests; g++) {
        int32_t guest = (int32_t)g;

        host_of[g] = PLAN_NOWHERE;
        index[g] = -1;
        if (!m->guests[g].pinned || m->guests[g].host == PLAN_NOWHERE) {
            g_array_append_val(guests, guest);
        }
    }
    hosts = choose_hosts(&w);
    if (hosts->len == 0 || w.n_resources == 0 ||
        !divide(&w, PLAN_LEVEL_SITE, hosts, guests)) {
        return;
    }
    for (guint i = 0; i < guests->len; i++) {
        plan_state_move(s->state, g_array_index(guests, int32_t, i),
                        PLAN_NOWHERE);
    }
    for (guint i = 0; i < guests->len; i++) {
        int32_t guest = g_array_index(guests, int32_t, i);
        int32_t host = host_of[guest];

        if (host != PLAN_NOWHERE && plan_state_fits(s->state, guest, host) &&
            plan_search_delta(s, guest, host).violation <= -PLAN_UNPLACED) {
            plan_state_move(s->state, guest, host);
        }
    }
    plan_search_place_rest(s);
}
