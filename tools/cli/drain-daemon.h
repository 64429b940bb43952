/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * drain-daemon.h - a drain beside vmferryd: whose turn it is the daemon knows
 *
 *   announced ──> waits in the daemon's queue ──> admitted ──> libvirt is asked
 *       │                    │ cancelled there: failed
 *       └── not steered there, or the daemon is gone: the drain's own order
 *
 * All guests of a drain are announced over one connection, as [starter drain].
 * The daemon puts them in order with what others migrate on the same link, and
 * reserves; the drain runs them and shows what it is told. Neither needs the
 * other to live.
 */
#ifndef CLI_DRAIN_DAEMON_H
#define CLI_DRAIN_DAEMON_H

#include "tools/cli/drain-priv.h"

typedef struct DrainDaemonCallbacks {
    /* It may begin. */
    void (*admitted)(DrainUnit *unit);
    /* It does not come from there: @why is NULL if the daemon does not steer
     * it, and then it is the drain's own; else it was cancelled. */
    void (*refused)(DrainUnit *unit, const char *why);
    void (*note)(DrainUnit *unit, const char *kind, const char *text);
    /* It is no longer there; each that waited has been told before. */
    void (*gone)(DrainRun *run, const char *why);
} DrainDaemonCallbacks;

/**
 * drain_daemon_new() - Connect, if there is a daemon on this host
 * @callbacks: Called from the main loop; has to last
 * @why_not: Set to a sentence if there should be one, or NULL; g_free() it
 *
 * Return: drain_daemon_free() it; NULL: the drain is on its own
 */
DrainDaemon *drain_daemon_new(DrainRun *run,
                              const DrainDaemonCallbacks *callbacks,
                              char **why_not);
void drain_daemon_free(DrainDaemon *daemon);

/** drain_daemon_announce() - Ask for its turn; .admitted or .refused follows
 * @deadline_s: From now */
void drain_daemon_announce(DrainDaemon *daemon, DrainUnit *unit,
                           Known deadline_s);

/** drain_daemon_withdraw() - It will not begin; NULL has nothing */
void drain_daemon_withdraw(DrainDaemon *daemon, DrainUnit *unit);

#endif
