/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manager.h - looks, decides, and has it carried out, again and again
 *
 *   snapshot ──> triggers ──> decision ──> advise: told
 *      ^                                   approve: told, kept until agreed to
 *      |                                   auto: carried out
 *      └── cycle, end of a plan, a request
 *
 * One plan at a time. While one is on its way snapshots go on, and are compared
 * with it; nothing new is decided.
 */
#ifndef CONSOLIDATE_MANAGER_H
#define CONSOLIDATE_MANAGER_H

#include "consolidate/backend.h"

typedef struct ConsManager ConsManager;

/**
 * cons_manager_new() - @settings, @backend and @data have to outlive it
 *
 * Nothing is called before cons_manager_start().
 */
ConsManager *cons_manager_new(const ConsSettings *settings,
                              const ConsBackend *backend, void *data);
void cons_manager_free(ConsManager *manager);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ConsManager, cons_manager_free)

/**
 * cons_manager_restore() - Before the start: what an earlier manager left
 * @journal: All of its text, lines as journal() was given them; a last line
 *           without its newline is what was being written, and is left away
 *
 * Evacuated and sleeping hosts, moves made, whether it was paused, and a plan in
 * the middle. Return: false with CONS_ERROR_SYNTAX that names the line
 */
bool cons_manager_restore(ConsManager *manager, const char *journal,
                          GError **error);

/** cons_manager_journal() - Lines that restore the same, and no others; for a
 * file that has grown. g_free() it */
char *cons_manager_journal(const ConsManager *manager);

/** cons_manager_watch() - To put samples of a history into, before the start */
ConsWatch *cons_manager_watch(ConsManager *manager);

/** cons_manager_start() - Take the first snapshot, resume what was on its way */
void cons_manager_start(ConsManager *manager);

/** cons_manager_event() - From the back end, never from within its calls
 * @event: Taken over */
void cons_manager_event(ConsManager *manager, ConsEvent *event);

/* Operator. All fail with CONS_ERROR that says why. */

/** cons_manager_request() - Look at everything and decide at once, whatever
 * triggers say; the decision is told, and carried out if the mode says so */
bool cons_manager_request(ConsManager *manager, GError **error);

/** cons_manager_evacuate() - @host has to get empty, and stays so until
 * released; carried out in modes approve (it is the approval) and auto */
bool cons_manager_evacuate(ConsManager *manager, const char *host,
                           GError **error);
bool cons_manager_release(ConsManager *manager, const char *host,
                          GError **error);

/** cons_manager_apply() - Carry out the decision @id that was told; NULL: the
 * newest. In any mode; refused once the guests are no longer where it says */
bool cons_manager_apply(ConsManager *manager, const char *id, GError **error);

/** cons_manager_pause() - Decide nothing more, and stop the plan on its way:
 * what runs finishes */
bool cons_manager_pause(ConsManager *manager, GError **error);
bool cons_manager_resume(ConsManager *manager, GError **error);

/** cons_manager_idle() - No plan on its way, and no call unanswered */
bool cons_manager_idle(const ConsManager *manager);

/* All borrowed, NULL if there is none (yet) */
const Cluster *cons_manager_cluster(const ConsManager *manager);
const ConsDecision *cons_manager_decision(const ConsManager *manager);
const ConsCarry *cons_manager_carry(const ConsManager *manager);

/** cons_manager_status() - Mode, hosts with load and state, plan on its way,
 * evacuated hosts, triggers seen last. Unref it */
JsonObject *cons_manager_status(const ConsManager *manager);

#endif
