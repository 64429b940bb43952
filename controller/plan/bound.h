/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bound.h - what no placement can undercut
 */
#ifndef PLAN_BOUND_H
#define PLAN_BOUND_H

#include "plan/program.h"

typedef struct PlanBound {
    int64_t cost; /* the sum of the parts below */
    int64_t load, balance, energy, traffic, hosts_cost, moves_cost;
    int64_t hosts; /* hosts that the guests need at least: the better of */
    int64_t hosts_by_resources,
        hosts_by_columns; /* ... the latter 0: not asked */
    int64_t unplaced;     /* guests that find no host at least */
    int64_t moves;        /* guests that have to leave their host at least */
    bool infeasible;      /* more is asked for than all hosts together have */
} PlanBound;

/**
 * plan_bound() - Lower bounds of all placements in which every guest is placed
 * and every rule holds
 */
PlanBound plan_bound(const PlanModel *model);

/**
 * plan_bound_refine() - Ask how hosts can be filled (columns.h) as well
 * @steps: Cells of tables, about: some 10^8 a second
 * @solver: Of linear programs, which make it a little better; may be NULL
 */
void plan_bound_refine(PlanBound *bound, const PlanModel *model, uint64_t steps,
                       PlanSolver solver, void *solver_data);

#endif
