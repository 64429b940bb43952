/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * decide-priv.h - what the stages of a decision share
 */
#ifndef CONSOLIDATE_DECIDE_PRIV_H
#define CONSOLIDATE_DECIDE_PRIV_H

#include "consolidate/problem.h"
#include "plan/search.h"

typedef struct Decider {
    const ConsQuestion *q;
    const ConsSettings *s;
    const Cluster *c;
    ConsDecision *decision;
    size_t n_hosts, n_guests;
    bool *relieve;   /* [host] overloaded */
    bool *evacuate;  /* [host] has to get empty */
    bool *shut;      /* [host] takes nobody: evacuated, or about to sleep */
    bool *emptied;   /* [host] will be sent to sleep */
    bool *cooling;   /* [guest] was moved a short while ago */
    bool *stuck;     /* [guest] cannot or may not be moved at all */
    int32_t *home;   /* [guest] */
    int32_t *target; /* [guest] so far */
    ConsTriggerKind *kind; /* [guest] whose target is not its home: what for */
    bool wants[CONS_N_TRIGGERS];
    bool tight;     /* an overloaded host finds no room but by moving others */
    GError *failed; /* no model could be made */
} Decider;

/** decide_wants() - Is there a trigger of that kind? */
const ConsTrigger *decide_trigger(const Decider *d, ConsTriggerKind kind,
                                  int32_t host);

void decide_refuse(Decider *d, const char *subject, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/** decide_problem() - The present flags of hosts, this aim; NULL sets failed */
Problem *decide_problem(Decider *d, ProblemAim aim, const int32_t *base,
                        const bool *free, bool returns);

/** decide_take() - The state's placement becomes the target; who is moved now
 * is so for @kind */
void decide_take(Decider *d, const Problem *problem, const PlanState *state,
                 ConsTriggerKind kind);

/** decide_limits() - Of a search, @share of what the settings give it */
PlanLimits decide_limits(const Decider *d, double share);

/** decide_fullness() - The share of @host that is taken of what is scarcest */
double decide_fullness(const Problem *problem, const PlanState *state,
                       int32_t host);

/** decide_price() - Joules of all moves to @target; their number */
double decide_price(const Decider *d, const int32_t *target, size_t *n_moves);

/* The stages. */
void decide_mend(Decider *d);
void decide_sleep(Decider *d);
void decide_wake(Decider *d);
void decide_improve(Decider *d);

/** decide_sleeper() - The sleeping host that does most for its idle power and can
 * be woken, not yet in the decision; -1: none */
int32_t decide_sleeper(const Decider *d);

/** decide_budget() - Keep to the moves that are allowed */
void decide_budget(Decider *d);

/** decide_finish() - Moves out of home and target, and all figures */
void decide_finish(Decider *d);

#endif
