/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * patent.h - relocation by corrected adjacency and minimum cut, up to the sets
 */
#ifndef PLAN_PATENT_H
#define PLAN_PATENT_H

#include "plan/adjacency.h"

typedef struct PlanPatentQuery {
    PlanSmoothing smoothing;
    double threshold; /* of A', for the clusters */
    size_t most;      /* M, guests that a neighbourhood holds, at least 1 */
    bool (*stop)(void *data); /* or NULL; asked before each cut */
    void *data;
} PlanPatentQuery;

typedef struct PlanPatent {
    PlanAdjacency *adjacency;
    GPtrArray *clusters; /* GArray of guests each, with two guests at least */
    GPtrArray *sets;     /* ... sets in the order of splitting, by cluster */
    GArray *loners;      /* guests of no cluster */
} PlanPatent;

/** plan_patent_new() - NULL if stopped */
PlanPatent *plan_patent_new(const PlanModel *model, const int32_t *host_of,
                            const PlanPatentQuery *query);
void plan_patent_free(PlanPatent *patent);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PlanPatent, plan_patent_free)

#endif
