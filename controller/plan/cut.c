/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cut.c - see cut.h
 *
 * Stoer and Wagner: a phase adds vertices one by one, always the one most
 * tightly connected to those added. The last one added, alone against the rest,
 * is a minimum cut between itself and the last but one; so these two may be
 * merged after noting that cut. n - 1 phases see every pair.
 *
 * Parts that hang together by nothing are found beforehand by union-find: a
 * graph of many islands would otherwise pay n cubed for each.
 */
#include "plan/cut.h"

#include <string.h>

static int32_t
find_root(int32_t *parent, int32_t v)
{
    while (parent[v] != v) {
        parent[v] = parent[parent[v]];
        v = parent[v];
    }
    return v;
}

/* Roots are the lowest of their set. */
static void
unite(int32_t *parent, int32_t a, int32_t b)
{
    a = find_root(parent, a);
    b = find_root(parent, b);
    parent[MAX(a, b)] = MIN(a, b);
}

static int32_t *
new_forest(size_t n)
{
    int32_t *parent = g_new(int32_t, n);

    for (size_t v = 0; v < n; v++) {
        parent[v] = (int32_t)v;
    }
    return parent;
}

/* The smaller side is true; of equal ones that without vertex 0. */
static void
settle_side(size_t n, bool *side)
{
    size_t n_true = 0;

    for (size_t v = 0; v < n; v++) {
        n_true += side[v];
    }
    if (2 * n_true > n || (2 * n_true == n && side[0])) {
        for (size_t v = 0; v < n; v++) {
            side[v] = !side[v];
        }
    }
}

/* An island, if there is more than one: the smallest, of these the last. */
static bool
cut_island(size_t n, const PlanEdge *edges, size_t n_edges, bool *side)
{
    g_autofree int32_t *parent = new_forest(n);
    g_autofree size_t *size = g_new0(size_t, n);
    size_t best = 0;

    for (size_t e = 0; e < n_edges; e++) {
        if (edges[e].weight > 0) {
            unite(parent, edges[e].a, edges[e].b);
        }
    }
    for (size_t v = 0; v < n; v++) {
        size[find_root(parent, (int32_t)v)]++;
    }
    if (size[0] == n) {
        return false;
    }
    for (size_t v = 0; v < n; v++) {
        if (size[v] > 0 && size[v] <= size[best]) {
            best = v;
        }
    }
    for (size_t v = 0; v < n; v++) {
        side[v] = find_root(parent, (int32_t)v) == (int32_t)best;
    }
    settle_side(n, side);
    return true;
}

double
plan_cut_two(size_t n, const PlanEdge *edges, size_t n_edges, bool *side)
{
    g_autofree double *weight = NULL;
    g_autofree double *tight = NULL;
    g_autofree int32_t *left = NULL;
    g_autofree bool *added = NULL;
    g_autofree int32_t *next = NULL;
    double best = G_MAXDOUBLE;

    g_assert(n >= 2);
    if (cut_island(n, edges, n_edges, side)) {
        return 0;
    }
    weight = g_new0(double, n *n);
    tight = g_new(double, n);
    left = new_forest(n); /* vertices not merged into others */
    added = g_new(bool, n);
    next = new_forest(n); /* rings of vertices merged into one */
    for (size_t e = 0; e < n_edges; e++) {
        size_t a = (size_t)edges[e].a;
        size_t b = (size_t)edges[e].b;

        if (a != b) {
            weight[a * n + b] += edges[e].weight;
            weight[b * n + a] += edges[e].weight;
        }
    }
    for (size_t n_left = n; n_left > 1; n_left--) {
        int32_t before = -1;
        int32_t last = -1;
        size_t last_at = 0;

        memset(tight, 0, n * sizeof(*tight));
        memset(added, 0, n * sizeof(*added));
        for (size_t step = 0; step < n_left; step++) {
            size_t pick = n_left;

            for (size_t i = 0; i < n_left; i++) {
                if (!added[left[i]] &&
                    (pick == n_left || tight[left[i]] > tight[left[pick]])) {
                    pick = i;
                }
            }
            before = last;
            last = left[pick];
            last_at = pick;
            added[last] = true;
            for (size_t i = 0; i < n_left; i++) {
                if (!added[left[i]]) {
                    tight[left[i]] +=
                        weight[(size_t)last * n + (size_t)left[i]];
                }
            }
        }
        if (tight[last] < best) {
            int32_t v = last;

            best = tight[last];
            memset(side, 0, n * sizeof(*side));
            do {
                side[v] = true;
                v = next[v];
            } while (v != last);
        }
        /* last goes into before: rings are joined by exchanging successors */
        {
            int32_t swap = next[before];

            next[before] = next[last];
            next[last] = swap;
        }
        for (size_t i = 0; i < n_left; i++) {
            size_t v = (size_t)left[i];

            weight[(size_t)before * n + v] += weight[(size_t)last * n + v];
            weight[v * n + (size_t)before] = weight[(size_t)before * n + v];
        }
        left[last_at] = left[n_left - 1];
    }
    settle_side(n, side);
    return best;
}

typedef struct Splitter {
    const PlanEdge *edges;
    size_t n_edges;
    size_t most;
    bool (*stop)(void *data);
    void *data;
    GPtrArray *sets;
    int32_t *index; /* of each guest: number within the set at hand, or -1 */
} Splitter;

/* Takes over @set. The smaller side goes on first, which is the order in which
 * the patent lists the sets. False if stopped. */
static bool
split(Splitter *s, GArray *set)
{
    g_autoptr(GArray) mine = set;

    /* the larger side is the loop, so that depth is a logarithm */
    while (mine->len > s->most) {
        g_autofree bool *side = g_new0(bool, mine->len);
        g_autoptr(GArray) inner = g_array_new(FALSE, FALSE, sizeof(PlanEdge));
        GArray *small = g_array_new(FALSE, FALSE, sizeof(int32_t));
        GArray *large = g_array_new(FALSE, FALSE, sizeof(int32_t));

        if (s->stop && s->stop(s->data)) {
            g_array_unref(small);
            g_array_unref(large);
            return false;
        }
        for (guint i = 0; i < mine->len; i++) {
            s->index[g_array_index(mine, int32_t, i)] = (int32_t)i;
        }
        for (size_t e = 0; e < s->n_edges; e++) {
            PlanEdge edge = { s->index[s->edges[e].a], s->index[s->edges[e].b],
                              s->edges[e].weight };

            if (edge.a >= 0 && edge.b >= 0) {
                g_array_append_val(inner, edge);
            }
        }
        plan_cut_two(mine->len, (PlanEdge *)(void *)inner->data, inner->len,
                     side);
        for (guint i = 0; i < mine->len; i++) {
            int32_t v = g_array_index(mine, int32_t, i);

            s->index[v] = -1;
            g_array_append_val(side[i] ? small : large, v);
        }
        g_array_unref(mine);
        mine = large;
        if (!split(s, small)) {
            return false;
        }
    }
    g_ptr_array_add(s->sets, g_steal_pointer(&mine));
    return true;
}

static GPtrArray *
new_sets(void)
{
    return g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
}

GPtrArray *
plan_cut_sets(size_t n, const PlanEdge *edges, size_t n_edges, size_t most,
              bool (*stop)(void *data), void *data)
{
    g_autoptr(GPtrArray) sets = new_sets();
    g_autofree int32_t *index = g_new(int32_t, n);
    GArray *all = g_array_new(FALSE, FALSE, sizeof(int32_t));
    Splitter splitter = {
        .edges = edges,
        .n_edges = n_edges,
        .most = most,
        .stop = stop,
        .data = data,
        .sets = sets,
        .index = index,
    };

    g_assert(most >= 1);
    for (size_t v = 0; v < n; v++) {
        int32_t vertex = (int32_t)v;

        index[v] = -1;
        g_array_append_val(all, vertex);
    }
    return split(&splitter, all) ? g_steal_pointer(&sets) : NULL;
}

GPtrArray *
plan_cut_clusters(size_t n, const PlanEdge *edges, size_t n_edges,
                  double threshold)
{
    GPtrArray *sets = new_sets();
    g_autofree int32_t *parent = new_forest(n);
    g_autofree GArray **of_root = g_new0(GArray *, n);

    for (size_t e = 0; e < n_edges; e++) {
        if (edges[e].weight >= threshold) {
            unite(parent, edges[e].a, edges[e].b);
        }
    }
    for (size_t v = 0; v < n; v++) {
        int32_t vertex = (int32_t)v;
        int32_t root = find_root(parent, vertex);

        if (!of_root[root]) {
            of_root[root] = g_array_new(FALSE, FALSE, sizeof(int32_t));
            g_ptr_array_add(sets, of_root[root]);
        }
        g_array_append_val(of_root[root], vertex);
    }
    return sets;
}
