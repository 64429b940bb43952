/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check-priv.h - between the files that judge a placement
 */
#ifndef PLAN_CHECK_PRIV_H
#define PLAN_CHECK_PRIV_H

#include "plan/check.h"

typedef struct PlanCheck {
    const PlanModel *m;
    const int32_t *host_of;
    size_t most; /* sentences */
    PlanVerdict *verdict;
} PlanCheck;

static inline int64_t
plan_check_demand(const PlanModel *m, size_t guest, size_t r)
{
    return m->demand[guest * m->n_resources + r];
}

/** plan_check_broken() - Count a violation, and say it if there is room */
void plan_check_broken(PlanCheck *check, const char *format, ...)
    G_GNUC_PRINTF(2, 3);

/** plan_check_digits() - Of two addresses, those that differ */
int64_t plan_check_digits(const PlanModel *m, int32_t a, int32_t b);

/** plan_check_rules() - All rules, totals and trunks */
void plan_check_rules(PlanCheck *check);

#endif
