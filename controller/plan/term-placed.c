/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * term-placed.c - every guest is somewhere
 */
#include "plan/state-priv.h"

static bool
wanted(const PlanModel *model)
{
    return true;
}

static int64_t
recount(const PlanModel *m, const int32_t *host_of)
{
    int64_t value = 0;

    for (size_t g = 0; g < m->n_guests; g++) {
        value += host_of[g] == PLAN_NOWHERE ? PLAN_UNPLACED : 0;
    }
    return value;
}

static int64_t
delta(const PlanState *s, const void *data, int32_t guest, int32_t host)
{
    return ((host == PLAN_NOWHERE) - (s->host_of[guest] == PLAN_NOWHERE)) *
           PLAN_UNPLACED;
}

const PlanTerm plan_term_placed = {
    .name = "unplaced",
    .hard = true,
    .wanted = wanted,
    .recount = recount,
    .delta = delta,
};
