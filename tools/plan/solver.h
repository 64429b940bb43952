/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * solver.h - CBC as the solver of mixed-integer programs
 */
#ifndef TOOLS_PLAN_SOLVER_H
#define TOOLS_PLAN_SOLVER_H

#include "plan/program.h"

typedef struct PlanCbcLimits {
    double seconds; /* 0: none */
    int nodes;      /* of the search tree; 0: none */
} PlanCbcLimits;

/** plan_cbc_solve() - See PlanSolver; @data is a PlanCbcLimits. NULL if CBC is
 * not built in */
extern const PlanSolver plan_cbc_solve;

#endif
