/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state-priv.h - what the terms see of a state
 */
#ifndef PLAN_STATE_PRIV_H
#define PLAN_STATE_PRIV_H

#include "plan/state.h"
#include "plan/term.h"

#define PLAN_MAX_TERMS 24

struct PlanState {
    const PlanModel *model;
    int32_t *host_of;
    int64_t *use;     /* [host x n_resources + r]: guests there */
    int64_t *ghost;   /* ... transient demand of guests that came from there */
    int32_t **guests; /* [host], room of room[host] */
    int32_t *n_guests;
    int32_t *room;
    int32_t *slot; /* [guest] index in guests[host] */
    size_t n_terms;
    const PlanTerm *terms[PLAN_MAX_TERMS];
    void *data[PLAN_MAX_TERMS];
    int64_t value[PLAN_MAX_TERMS];
    PlanScore score;
    size_t limited; /* a term that is a limit, not a cost; SIZE_MAX: none */
    int64_t limited_to;
    int64_t limited_base; /* what too much is measured in */
};

/* What @guest takes of @r on @host beyond what it takes there anyway: nothing
 * of a transient resource on the host that it came from. */
static inline int64_t
plan_state_extra(const PlanModel *m, int32_t guest, int32_t host, size_t r)
{
    return m->resources[r].transient && m->guests[guest].host == host
               ? 0
               : m->demand[(size_t)guest * m->n_resources + r];
}

#endif
