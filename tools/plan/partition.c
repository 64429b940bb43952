/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * partition.c - see partition.h
 *
 * METIS cuts in k at once, or in two again and again; which is better depends
 * on the graph, so every fourth seed takes the latter.
 */
#include "tools/plan/partition.h"

#ifdef HAVE_METIS

#include <metis.h>

G_STATIC_ASSERT(sizeof(idx_t) == sizeof(int32_t));
G_STATIC_ASSERT(sizeof(real_t) == sizeof(float));

static bool
partition(const PlanGraph *graph, uint32_t seed, int32_t *part)
{
    idx_t options[METIS_NOPTIONS];
    idx_t n = (idx_t)graph->n;
    idx_t n_weights = (idx_t)graph->n_weights;
    idx_t n_parts = (idx_t)graph->n_parts;
    idx_t cut;
    int result;

    if (graph->n < graph->n_parts) {
        for (size_t v = 0; v < graph->n; v++) {
            part[v] = (int32_t)v; /* METIS wants no empty part */
        }
        return true;
    }
    METIS_SetDefaultOptions(options);
    options[METIS_OPTION_NUMBERING] = 0;
    options[METIS_OPTION_SEED] = (idx_t)(seed & 0x7fffffff);
    options[METIS_OPTION_NITER] = 50;
    result = (seed % 4 == 3 ? METIS_PartGraphRecursive : METIS_PartGraphKway)(
        &n, &n_weights, graph->start, graph->peer, graph->weight, NULL,
        graph->amount, &n_parts, graph->share, graph->slack, options, &cut,
        part);
    return result == METIS_OK;
}

const PlanPartition plan_metis_partition = partition;

#else

const PlanPartition plan_metis_partition = NULL;

#endif
