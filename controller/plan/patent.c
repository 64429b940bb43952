/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * patent.c - see patent.h
 *
 * Within a cluster the loop cuts over all its edges, those below the threshold
 * as well: they are traffic all the same.
 */
#include "plan/patent.h"

static bool
cut_cluster(PlanPatent *p, const GArray *cluster, int32_t *index,
            const PlanPatentQuery *query)
{
    g_autoptr(GArray) edges = g_array_new(FALSE, FALSE, sizeof(PlanEdge));
    g_autoptr(GPtrArray) sets = NULL;

    for (guint i = 0; i < cluster->len; i++) {
        index[g_array_index(cluster, int32_t, i)] = (int32_t)i;
    }
    for (size_t e = 0; e < p->adjacency->n_edges; e++) {
        const PlanEdge *edge = &p->adjacency->edges[e];
        PlanEdge inner = { index[edge->a], index[edge->b], edge->weight };

        if (inner.a >= 0 && inner.b >= 0) {
            g_array_append_val(edges, inner);
        }
    }
    sets = plan_cut_sets(cluster->len, (PlanEdge *)(void *)edges->data,
                         edges->len, query->most, query->stop, query->data);
    for (guint i = 0; i < cluster->len; i++) {
        index[g_array_index(cluster, int32_t, i)] = -1;
    }
    for (guint k = 0; sets && k < sets->len; k++) {
        const GArray *set = sets->pdata[k];
        GArray *guests = g_array_new(FALSE, FALSE, sizeof(int32_t));

        for (guint i = 0; i < set->len; i++) {
            g_array_append_val(guests,
                               g_array_index(cluster, int32_t,
                                             g_array_index(set, int32_t, i)));
        }
        g_ptr_array_add(p->sets, guests);
    }
    return sets != NULL;
}

PlanPatent *
plan_patent_new(const PlanModel *m, const int32_t *host_of,
                const PlanPatentQuery *query)
{
    g_autoptr(PlanPatent) p = g_new0(PlanPatent, 1);
    g_autoptr(GPtrArray) all = NULL;
    g_autofree int32_t *index = g_new(int32_t, m->n_guests);

    for (size_t g = 0; g < m->n_guests; g++) {
        index[g] = -1;
    }
    p->adjacency = plan_adjacency_new(m, host_of, query->smoothing);
    p->clusters = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
    p->sets = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
    p->loners = g_array_new(FALSE, FALSE, sizeof(int32_t));
    all = plan_cut_clusters(m->n_guests, p->adjacency->edges,
                            p->adjacency->n_edges, query->threshold);
    for (guint k = 0; k < all->len; k++) {
        const GArray *cluster = all->pdata[k];

        if (cluster->len == 1) {
            g_array_append_val(p->loners, g_array_index(cluster, int32_t, 0));
            continue;
        }
        g_ptr_array_add(p->clusters, g_array_ref(all->pdata[k]));
        if (!cut_cluster(p, cluster, index, query)) {
            return NULL;
        }
    }
    return g_steal_pointer(&p);
}

void
plan_patent_free(PlanPatent *p)
{
    if (!p) {
        return;
    }
    plan_adjacency_free(p->adjacency);
    g_ptr_array_unref(p->clusters);
    g_ptr_array_unref(p->sets);
    g_array_unref(p->loners);
    g_free(p);
}
