/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * carry.h - a plan on its way: who may go next, and what became of each
 *
 *   waiting ──> checking ──> starting ──> running ──> done
 *      |            |            |           |
 *      └────────────┴── dropped  └── failed ─┘
 *
 * Events and the time come in, actions go out; the owner carries them out and
 * writes each record into the journal *before* the action that follows it. What
 * a killed manager has to know stands there: a step that was "starting" may or
 * may not have begun, and only the hosts can tell, so a state that is rebuilt
 * asks for a snapshot before it does anything (cons_carry_reconcile).
 *
 * The first surprise (a move that fails, a host lost, a destination that turns out
 * full, a move far slower than forecast) starts nothing more; what runs is let
 * finish, and then the plan is over with the reason. A guest that somebody else
 * moved is none: its step is dropped, and so are those that counted on it.
 */
#ifndef CONSOLIDATE_CARRY_H
#define CONSOLIDATE_CARRY_H

#include "consolidate/decide.h"

typedef enum {
    CONS_STEP_WAITING,
    CONS_STEP_CHECKING, /* asked whether the destination takes it */
    CONS_STEP_STARTING, /* in the journal; may or may not have begun */
    CONS_STEP_RUNNING,
    CONS_STEP_DONE,
    CONS_STEP_FAILED,
    CONS_STEP_DROPPED, /* will not be done: why says it */
    CONS_N_STEP_STATES,
} ConsStepState;

/** cons_step_state_name() - "waiting", "checking", ... */
const char *cons_step_state_name(ConsStepState state);

/* Steps are numbered: the decision's moves first, then its powers. */
typedef struct ConsStep {
    ConsStepState state;
    char *why; /* failed, dropped; or NULL */
    char *via; /* whose queue it has waited in, in words; NULL: in nobody's */
    int64_t started_us, ended_us;
    double took_s, downtime_s; /* done: measured; -1: nobody knows */
    uint64_t bytes;            /* sent so far, or in all */
    double progress;           /* 0 to 1 */
    double left_s; /* until its end, by its rate; -1: nobody knows */
} ConsStep;

typedef enum {
    CONS_ACTION_CHECK,  /* ask whether the destination takes the guest */
    CONS_ACTION_START,  /* migrate; never asked for twice of a step */
    CONS_ACTION_ADOPT,  /* it runs already: follow it to its end */
    CONS_ACTION_CANCEL, /* end it, guest stays at the source */
    CONS_ACTION_POWER,  /* a host off or on */
    CONS_ACTION_OVER,   /* all that will happen has happened */
    CONS_N_ACTIONS,
} ConsActionKind;

typedef struct ConsAction {
    ConsActionKind kind;
    size_t step; /* but for over */
} ConsAction;

typedef struct ConsCarry ConsCarry;

/**
 * cons_carry_new() - A plan that is about to begin
 * @decision: Taken over
 *
 * Its first record is the plan itself. Take records and actions with the two
 * calls below after this and after each event.
 */
ConsCarry *cons_carry_new(ConsDecision *decision, const ConsSettings *settings,
                          int64_t now_us);
void cons_carry_free(ConsCarry *carry);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ConsCarry, cons_carry_free)

/**
 * cons_carry_new_from() - Rebuilt from the records of one plan
 * @records: JsonObject *, the first is the plan; a last one that is cut off is
 *           the reader's to leave away
 *
 * Return: NULL with CONS_ERROR_SYNTAX
 */
ConsCarry *cons_carry_new_from(const GPtrArray *records,
                               const ConsSettings *settings, GError **error);

/** cons_carry_reconcile() - After a rebuild: what do the hosts say? Steps that
 * began are adopted, or done, or can be begun */
void cons_carry_reconcile(ConsCarry *carry, const Cluster *cluster,
                          int64_t now_us);

/* Events. Those of steps that are in no state for them are passed over. */
void cons_carry_checked(ConsCarry *carry, size_t step, const char *refused,
                        int64_t now_us);
void cons_carry_started(ConsCarry *carry, size_t step, const char *via,
                        int64_t now_us);
/* @left_s: until its end, by its present rate; -1: nobody knows. Shortly before
 * it the link is free for the next one, which takes a while to begin */
void cons_carry_progress(ConsCarry *carry, size_t step, double progress,
                         uint64_t bytes, double left_s, int64_t now_us);
void cons_carry_done(ConsCarry *carry, size_t step, double took_s,
                     double downtime_s, uint64_t bytes, int64_t now_us);
void cons_carry_failed(ConsCarry *carry, size_t step, const char *why,
                       int64_t now_us);

/** cons_carry_observe() - A snapshot taken on the way: hosts lost, guests that
 * somebody else moved */
void cons_carry_observe(ConsCarry *carry, const Cluster *cluster,
                        int64_t now_us);

/** cons_carry_stop() - Start nothing more, let finish what runs
 * @cancel: End what runs as well */
void cons_carry_stop(ConsCarry *carry, const char *why, bool cancel,
                     int64_t now_us);

/** cons_carry_next_record() - To be written now; NULL: none is left. Unref it */
JsonObject *cons_carry_next_record(ConsCarry *carry);

/** cons_carry_next_action() - False: none is left. Records come first */
bool cons_carry_next_action(ConsCarry *carry, ConsAction *action);

const ConsDecision *cons_carry_decision(const ConsCarry *carry);
size_t cons_carry_steps(const ConsCarry *carry);
const ConsStep *cons_carry_step(const ConsCarry *carry, size_t step);
bool cons_carry_is_over(const ConsCarry *carry);

/** cons_carry_stopped() - Why it stopped early; NULL: it did not */
const char *cons_carry_stopped(const ConsCarry *carry);

/** cons_carry_to_json() - Plan, and what became of each step */
JsonObject *cons_carry_to_json(const ConsCarry *carry);

#endif
