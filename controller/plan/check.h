/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check.h - a second opinion on a placement
 *
 * The search believes its terms; this module believes the model alone. It
 * shares no code with them: what both say must agree, and a placement that is
 * not ours, out of a file, is judged here.
 */
#ifndef PLAN_CHECK_H
#define PLAN_CHECK_H

#include "plan/model.h"

typedef struct PlanVerdict {
    GPtrArray *broken; /* sentences, one a violation; owned */
    size_t n_broken;   /* how many there are, listed or not */
    size_t n_unplaced;
    size_t n_moved;  /* guests that run elsewhere now */
    size_t n_booted; /* guests placed that run nowhere now */
    size_t n_active; /* hosts with guests */
    int64_t cost;
} PlanVerdict;

/**
 * plan_check() - Judge @host_of
 * @most: Sentences wanted at most; all violations are counted
 */
PlanVerdict *plan_check(const PlanModel *model, const int32_t *host_of,
                        size_t most);
void plan_verdict_free(PlanVerdict *verdict);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PlanVerdict, plan_verdict_free)

#endif
