/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state.h - a placement that knows at every moment what it costs
 *
 * A state is where each guest is, plus what the terms (see term.h) keep to
 * answer in time that does not grow with the number of guests: what would it
 * cost to put this guest there? Two numbers compare placements: the violation
 * of hard rules, 0 if all hold, and the cost. Less violation is always better,
 * so that a start which breaks rules can be mended step by step.
 */
#ifndef PLAN_STATE_H
#define PLAN_STATE_H

#include "plan/model.h"

typedef struct PlanScore {
    int64_t violation;
    int64_t cost;
} PlanScore;

static inline bool
plan_score_less(PlanScore a, PlanScore b)
{
    return a.violation != b.violation ? a.violation < b.violation
                                      : a.cost < b.cost;
}

typedef struct PlanState PlanState;

/**
 * plan_state_new() - The placement @host_of of @model
 * @model: Finished; must outlive the state
 * @host_of: A host or PLAN_NOWHERE for each guest, copied; NULL: where the
 *           model says that they run now
 */
PlanState *plan_state_new(const PlanModel *model, const int32_t *host_of);
void plan_state_free(PlanState *state);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PlanState, plan_state_free)

/** plan_state_model() - The model it was made of, borrowed */
const PlanModel *plan_state_model(const PlanState *state);

/** plan_state_hosts() - The host of each guest; borrowed, changes with moves */
const int32_t *plan_state_hosts(const PlanState *state);

/** plan_state_score() - What the placement breaks and costs now */
PlanScore plan_state_score(const PlanState *state);

/**
 * plan_state_fits() - Is there room for @guest on @host, would it come now?
 *
 * Capacities only, of the host and of its sides, the one question that is asked most. @host is not its host.
 */
bool plan_state_fits(const PlanState *state, int32_t guest, int32_t host);

/** plan_state_swap_fits() - The same for two guests that change hosts */
bool plan_state_swap_fits(const PlanState *state, int32_t a, int32_t b);

/**
 * plan_state_delta() - How the score would change if @guest went to @host
 * @host: A host or PLAN_NOWHERE; its own host gives zero
 */
PlanScore plan_state_delta(const PlanState *state, int32_t guest, int32_t host);

/** plan_state_move() - Put @guest on @host, or take it off (PLAN_NOWHERE) */
void plan_state_move(PlanState *state, int32_t guest, int32_t host);

/** plan_state_reset() - Make it the placement @host_of, by moves */
void plan_state_reset(PlanState *state, const int32_t *host_of);

/** plan_state_guests() - The guests on @host, in no order; borrowed */
const int32_t *plan_state_guests(const PlanState *state, int32_t host,
                                 size_t *n_guests);

/** plan_state_use() - What the guests of @host take of each resource */
const int64_t *plan_state_use(const PlanState *state, int32_t host);

/**
 * plan_state_recount() - The score counted afresh from the placement alone
 *
 * Always equal to plan_state_score(); the tests see to it.
 */
PlanScore plan_state_recount(const PlanState *state);

/**
 * plan_state_limit() - Let soft term @i count nothing, but stay within @most
 * @most: Above it the term is a violation: 10^6 for as much as @most or the
 *        present value, whichever is more, is too much. INT64_MAX: no limit
 *
 * One term at a time; the last call counts.
 */
void plan_state_limit(PlanState *state, size_t i, int64_t most);

/** plan_state_terms() - How many terms take part */
size_t plan_state_terms(const PlanState *state);

/** plan_state_term() - Name of term @i, whether hard, and its present value */
const char *plan_state_term(const PlanState *state, size_t i, bool *hard,
                            int64_t *value);

/** plan_state_term_delta() - How term @i would change if @guest went to @host */
int64_t plan_state_term_delta(const PlanState *state, size_t i, int32_t guest,
                              int32_t host);

#endif
