/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * adjacency.c - see adjacency.h
 *
 * Pairs of hosts are counted by kinds of host: those in the same rack, pod and
 * site are as far from everything else.
 */
#include "plan/adjacency.h"

#include <stdlib.h>

static const char *const smoothing_names[] = { "probability", "none", "mean" };
G_STATIC_ASSERT(G_N_ELEMENTS(smoothing_names) == PLAN_N_SMOOTHINGS);

const char *
plan_smoothing_name(PlanSmoothing smoothing)
{
    return smoothing_names[smoothing];
}

typedef struct Kind {
    int32_t host; /* any one of them */
    size_t n;
} Kind;

static guint
kind_hash(gconstpointer key)
{
    const int32_t *place = key;

    return (guint)place[0] * 31u + (guint)place[1] * 1009u +
           (guint)place[2] * 65537u;
}

static gboolean
kind_equal(gconstpointer a, gconstpointer b)
{
    const int32_t *x = a;
    const int32_t *y = b;

    return x[0] == y[0] && x[1] == y[1] && x[2] == y[2];
}

/* Kinds of hosts; g_array_unref() it */
static GArray *
count_kinds(const PlanModel *m)
{
    GArray *kinds = g_array_new(FALSE, FALSE, sizeof(Kind));
    g_autoptr(GHashTable) seen =
        g_hash_table_new_full(kind_hash, kind_equal, g_free, NULL);

    for (size_t h = 0; h < m->n_hosts; h++) {
        int32_t key[] = { m->place[PLAN_LEVEL_RACK][h],
                          m->place[PLAN_LEVEL_POD][h],
                          m->place[PLAN_LEVEL_SITE][h] };
        gpointer index;

        if (m->address) { /* each host is a kind of its own */
            Kind kind = { (int32_t)h, 1 };

            g_array_append_val(kinds, kind);
            continue;
        }
        index = g_hash_table_lookup(seen, key);

        if (index) {
            g_array_index(kinds, Kind, GPOINTER_TO_UINT(index) - 1).n++;
        } else {
            Kind kind = { (int32_t)h, 1 };

            g_array_append_val(kinds, kind);
            g_hash_table_insert(seen, g_memdup2(key, sizeof(key)),
                                GUINT_TO_POINTER(kinds->len));
        }
    }
    return kinds;
}

static void
add_pairs(PlanAdjacency *a, int64_t milli, double n)
{
    double value = (double)milli / PLAN_MILLI;
    size_t i = 0;

    if (n <= 0) {
        return;
    }
    while (i < a->n_distances && a->distances[i].value != value) {
        i++;
    }
    if (i == a->n_distances) {
        a->distances[a->n_distances++] = (PlanDistance){ .value = value };
    }
    a->distances[i].probability += n;
}

static int
compare_distances(const void *a, const void *b)
{
    double x = ((const PlanDistance *)a)->value;
    double y = ((const PlanDistance *)b)->value;

    return (x > y) - (x < y);
}

static void
fill_distances(PlanAdjacency *a, const PlanModel *m, PlanSmoothing smoothing)
{
    g_autoptr(GArray) kinds = count_kinds(m);
    double pairs = (double)m->n_hosts * (double)m->n_hosts;

    for (guint i = 0; i < kinds->len; i++) {
        const Kind *x = &g_array_index(kinds, Kind, i);
        double n = (double)x->n;

        add_pairs(a, m->distance_milli[PLAN_LEVEL_HOST], n);
        add_pairs(a, m->distance_milli[PLAN_LEVEL_RACK], n * (n - 1));
        for (guint j = 0; j < i; j++) {
            const Kind *y = &g_array_index(kinds, Kind, j);

            add_pairs(a, plan_model_distance_milli(m, x->host, y->host),
                      2 * n * (double)y->n);
        }
    }
    qsort(a->distances, a->n_distances, sizeof(*a->distances),
          compare_distances);
    for (size_t i = 0; i < a->n_distances; i++) {
        a->distances[i].probability /= pairs;
        a->mean += a->distances[i].value * a->distances[i].probability;
    }
    for (size_t i = 0; i < a->n_distances; i++) {
        PlanDistance *d = &a->distances[i];

        switch (smoothing) {
        case PLAN_SMOOTH_PROBABILITY:
            d->smoothed =
                d->value * d->probability + a->mean * (1 - d->probability);
            break;
        case PLAN_SMOOTH_NONE:
            d->smoothed = d->value;
            break;
        default:
            d->smoothed = a->mean;
        }
    }
}

PlanAdjacency *
plan_adjacency_new(const PlanModel *m, const int32_t *host_of,
                   PlanSmoothing smoothing)
{
    PlanAdjacency *a = g_new0(PlanAdjacency, 1);

    fill_distances(a, m, smoothing);
    a->n_edges = m->n_flows;
    a->edges = g_new0(PlanEdge, m->n_flows);
    for (size_t f = 0; f < m->n_flows; f++) {
        const PlanFlow *flow = &m->flows[f];
        int32_t x = host_of[flow->a];
        int32_t y = host_of[flow->b];
        double smoothed = a->mean;

        if (x != PLAN_NOWHERE && y != PLAN_NOWHERE) {
            double value =
                (double)plan_model_distance_milli(m, x, y) / PLAN_MILLI;

            for (size_t i = 0; i < a->n_distances; i++) {
                if (a->distances[i].value == value) {
                    smoothed = a->distances[i].smoothed;
                }
            }
        }
        a->edges[f] =
            (PlanEdge){ flow->a, flow->b, smoothed * (double)flow->amount };
    }
    return a;
}

void
plan_adjacency_free(PlanAdjacency *a)
{
    if (a) {
        g_free(a->edges);
        g_free(a);
    }
}
