/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * adjacency.h - the patent's corrected adjacency, and the sets it leads to
 *
 * C_ij is the number of switches between the hosts of two guests, D_ij what
 * they exchange. Distance should inform, but traffic decide: so C is drawn
 * towards its mean,
 *
 *     C'_ij = C_ij P_ij + C_e (1 - P_ij),    A'_ij = C'_ij D_ij
 *
 * with P_ij the probability of the value C_ij among all pairs of hosts, each
 * host paired with itself as well, and C_e the mean. Guests linked by A' above
 * a threshold are a cluster; minimum cuts make sets of it that fit a
 * neighbourhood.
 */
#ifndef PLAN_ADJACENCY_H
#define PLAN_ADJACENCY_H

#include "plan/cut.h"
#include "plan/model.h"

typedef enum {
    PLAN_SMOOTH_PROBABILITY, /* the formula above */
    PLAN_SMOOTH_NONE,        /* C' = C */
    PLAN_SMOOTH_MEAN,        /* C' = C_e: traffic alone */
    PLAN_N_SMOOTHINGS,
} PlanSmoothing;

/** plan_smoothing_name() - "probability", "none", "mean" */
const char *plan_smoothing_name(PlanSmoothing smoothing);

typedef struct PlanDistance {
    double value;       /* C */
    double probability; /* P */
    double smoothed;    /* C' */
} PlanDistance;

typedef struct PlanAdjacency {
    size_t n_distances; /* values that occur, rising */
    PlanDistance distances[PLAN_MAX_CLASSES];
    double mean;     /* C_e */
    size_t n_edges;  /* one for each flow, in the model's order */
    PlanEdge *edges; /* weights A' */
} PlanAdjacency;

/**
 * plan_adjacency_new() - A' of all flows, for guests placed as @host_of
 *
 * A flow with an end that is nowhere has C' = C_e.
 */
PlanAdjacency *plan_adjacency_new(const PlanModel *model,
                                  const int32_t *host_of,
                                  PlanSmoothing smoothing);
void plan_adjacency_free(PlanAdjacency *adjacency);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PlanAdjacency, plan_adjacency_free)

#endif
