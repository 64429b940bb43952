/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * term.h - one constraint or one objective; a file each
 *
 * A hard term's value is by how much its rules are broken, 0 if they hold; a
 * soft term's value is a cost, weights included. Terms that a model has no use
 * for take no part. All calls but free get the state as it is *before* the
 * move, and host PLAN_NOWHERE stands for "taken off".
 *
 *   violation  placed 10^8 a guest; fence, rules 10^6; capacity: an excess as
 *              large as the largest host counts 10^6
 */
#ifndef PLAN_TERM_H
#define PLAN_TERM_H

#include "plan/state.h"

#define PLAN_BROKEN INT64_C(1000000)
#define PLAN_UNPLACED INT64_C(100000000)

typedef struct PlanTerm {
    const char *name;
    bool hard;

    /** wanted() - Has the model anything for it? */
    bool (*wanted)(const PlanModel *model);

    /** start() - Its books for an empty placement; may be NULL for none */
    void *(*start)(const PlanModel *model);
    void (*free)(void *data);

    /** recount() - The value of the placement, from host_of and model alone */
    int64_t (*recount)(const PlanModel *model, const int32_t *host_of);

    /** delta() - How the value would change if @guest went to @host */
    int64_t (*delta)(const PlanState *state, const void *data, int32_t guest,
                     int32_t host);

    /** moved() - Keep the books: @guest is about to go to @host; may be NULL */
    void (*moved)(const PlanState *state, void *data, int32_t guest,
                  int32_t host);
} PlanTerm;

extern const PlanTerm plan_term_placed;
extern const PlanTerm plan_term_capacity;
extern const PlanTerm plan_term_sides;
extern const PlanTerm plan_term_fence;
extern const PlanTerm plan_term_apart;
extern const PlanTerm plan_term_together;
extern const PlanTerm plan_term_spread;
extern const PlanTerm plan_term_depends;
extern const PlanTerm plan_term_partition;
extern const PlanTerm plan_term_latency;
extern const PlanTerm plan_term_total;
extern const PlanTerm plan_term_trunk;
extern const PlanTerm plan_term_survive;
extern const PlanTerm plan_term_load;
extern const PlanTerm plan_term_balance;
extern const PlanTerm plan_term_hosts;
extern const PlanTerm plan_term_energy;
extern const PlanTerm plan_term_traffic;
extern const PlanTerm plan_term_move;
extern const PlanTerm plan_term_group_move;

#endif
