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

/* Times are monotonic microseconds. */
typedef struct RunState {
    const Runner *runner;
    const PlannedRun *planned;
    unsigned attempt;

    guint guests_there; /* to be cleared away */
    bool cross_runs, htb_made;
    GPtrArray *names; /* of its guests, borrowed, NULL-terminated */
    GSubprocess *client;
    char *address;                 /* of the guest */
    char *seen;                    /* file of the client's lines */
    char *record;                  /* file of vmferry's record */
    char *drain_state;             /* ... of vmferry drain's */
    char *far_record, *far_oracle; /* on the source, if that is not here */

    int64_t before_us, began_us, ended_us, after_us;
    int64_t began_wall_us;
    char *command;
    bool late;      /* cut off by us */
    char *late_job; /* libvirt's statistics of one guest then */
    int exit_status;
    char *words; /* its last, if it failed */
    CpuShares shares;
    bool arrived;      /* all guests */
    GPtrArray *jobs;   /* char *, a guest: libvirt's statistics on the
                          destination; "": none */
    GPtrArray *checks; /* char *, a guest's own word, JSON; "": none */
    char *cross;       /* vmferry-cross/1 */
} RunState;

/** runner_gather() - Read all of it; @text: the result as JSON. The migration's
 * beginning is moved to where its own record sees it */
Result *runner_gather(RunState *run, char **text, GError **error);

/** runner_last_line() - That says something; g_free() it */
char *runner_last_line(const char *text);

#endif
