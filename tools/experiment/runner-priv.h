/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * runner-priv.h - inside of a run
 *
 * runner.c          its steps
 * runner-gather.c   what they brought, as a result
 */
#ifndef EXPERIMENT_RUNNER_PRIV_H
#define EXPERIMENT_RUNNER_PRIV_H

#include "tools/experiment/cpu.h"
#include "tools/experiment/runner.h"

#define GUEST "guest"

/* Times are monotonic microseconds. */
typedef struct RunState {
    const Runner *runner;
    const PlannedRun *planned;
    unsigned attempt;

    bool guest_there, cross_runs, htb_made; /* to be cleared away */
    GSubprocess *client;
    char *address; /* of the guest */
    char *seen;    /* file of the client's lines */
    char *record;  /* file of vmferry's record */

    int64_t before_us, began_us, ended_us, after_us;
    int64_t began_wall_us;
    char *command;
    bool late; /* cut off by us */
    int exit_status;
    char *words; /* its last, if it failed */
    CpuShares shares;
    char *job; /* libvirt's statistics on the destination; NULL: none */
    bool arrived;
    char *check; /* the guest's own word, JSON */
    char *cross; /* vmferry-cross/1 */
} RunState;

/** runner_gather() - Read all of it; @text: the result as JSON. The migration's
 * beginning is moved to where its own record sees it */
Result *runner_gather(RunState *run, char **text, GError **error);

/** runner_last_line() - That says something; g_free() it */
char *runner_last_line(const char *text);

#endif
