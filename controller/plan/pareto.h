/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pareto.h - what less of one objective costs of the others
 */
#ifndef PLAN_PARETO_H
#define PLAN_PARETO_H

#include "plan/search.h"

typedef struct PlanPoint {
    int64_t first;  /* the objective set apart, weight included */
    int64_t second; /* all others */
    int32_t *host_of;
} PlanPoint;

typedef struct PlanParetoQuery {
    const char *term;  /* the first objective, "hosts", "traffic", ... */
    size_t n_points;   /* tried, at least 2 */
    PlanLimits limits; /* of each point; partition and solver are not used */
    void (*begin)(
        void *data); /* before each point, with limits.data, or NULL */
} PlanParetoQuery;

/**
 * plan_pareto() - Points of which none is better in both
 *
 * Epsilon-constraint: first the others alone and the first alone, then the
 * others with the first kept below values spaced evenly between the two, each
 * from the best point so far that keeps them. All rules hold at every point.
 *
 * Return: PlanPoint, by rising first; unref it. May be empty. NULL with
 * PLAN_ERROR_MEMBER if the model has no such objective
 */
GPtrArray *plan_pareto(const PlanModel *model, const PlanParetoQuery *query,
                       GError **error);

#endif
