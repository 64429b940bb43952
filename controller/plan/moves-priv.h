/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * moves-priv.h - between the scheduler and what decides small cases
 */
#ifndef PLAN_MOVES_PRIV_H
#define PLAN_MOVES_PRIV_H

#include "plan/moves.h"

typedef struct PlanStep {
    int32_t guest, from, to;
} PlanStep;

/**
 * plan_moves_decide() - The fewest migrations one after the other to @target
 * @decided: Whether the case was small enough to be decided
 *
 * Return: of PlanStep, unref it; NULL, if decided, for no order exists
 */
GArray *plan_moves_decide(const PlanModel *model, const int32_t *target,
                          bool *decided);

#endif
