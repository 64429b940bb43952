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

typedef enum PlanReach {
    PLAN_REACH_UNKNOWN, /* not of this kind, or too large */
    PLAN_REACH_NO,
    PLAN_REACH_YES,
} PlanReach;

/**
 * plan_moves_reach() - Is there any way, one migration after the other?
 * @home: Where each guest is, or PLAN_NOWHERE
 * @goals: Where each has to be in the end
 * @most_looks: At a guest's room on a host
 */
PlanReach plan_moves_reach(const PlanModel *model, const int32_t *home,
                           const int32_t *goals, uint64_t most_looks);

/**
 * plan_moves_find_way() - Migrations one after the other from @home to @goals
 * @weight: What a guest that is away counts, in migrations done; 1: the way has
 *          the fewest
 * @most_looks: At a guest's room on a host
 * @decided: Set to whether a way was found or shown not to exist
 *
 * Return: of PlanStep, unref it; or NULL
 */
GArray *plan_moves_find_way(const PlanModel *model, const int32_t *home,
                            const int32_t *goals, size_t weight,
                            uint64_t most_looks, bool *decided);

typedef struct PlanStart {
    int32_t guest;
    double start_s;
    uint64_t rate_bytes_s;
} PlanStart;

/**
 * plan_moves_shortest() - The shortest schedule of up to a dozen migrations
 * @below_s: Nothing longer is looked for
 * @proved: Whether all were gone through, at rates of whole interfaces or of what
 *          others leave, and without detours
 *
 * Return: of PlanStart by start, unref it; NULL if there is none below @below_s
 * or the case is not of this kind
 */
GArray *plan_moves_shortest(const PlanModel *model, const int32_t *target,
                            const PlanMoveQuery *query, double below_s,
                            bool *proved);

/**
 * plan_moves_bound() - What no schedule is faster than
 * @link_s: Set to what it would be if there were room for everybody
 */
double plan_moves_bound(const PlanModel *model, const int32_t *target,
                        const PlanMoveQuery *query, double *link_s);

#endif
