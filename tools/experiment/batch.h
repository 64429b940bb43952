/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * batch.h - scenarios that are run one after the other
 */
#ifndef EXPERIMENT_BATCH_H
#define EXPERIMENT_BATCH_H

#include "base/json.h"
#include "experiment/scenario.h"
#include "tools/experiment/progress.h"
#include "tools/experiment/runner.h"

/* As given; strings are owned. */
typedef struct BatchOptions {
    char **files; /* scenarios */
    char *out;    /* absolute; results go to OUT/SCENARIO */
    char *state;  /* of the testbed, absolute */
    char *hosts;  /* URIs of two that are there; NULL: namespaces. With them: */
    char *bridge; /* ... for the guests */
    char *guests_at;    /* their first address, with prefix */
    char *link;         /* that the stream leaves by; NULL: found */
    char *wire_command; /* sets the wire's rate, absolute; NULL: nobody does */
    gint repeat;        /* 0: as the scenario says */
    char *only;         /* glob that a run's name has to match; NULL: all */
    gint most;          /* runs to be made now; 0: all */
    gint64 seed;        /* of the order */
    gboolean resume;
    gboolean anonymous;      /* results name no machine */
    gboolean keep_disturbed; /* they are marked, and not repeated */
} BatchOptions;

typedef struct Batch {
    const BatchOptions *options;
    char *testbed, *vmferry, *experiment; /* absolute paths; owned */
    GPtrArray *scenarios;                 /* Scenario * */
    GPtrArray *texts;                     /* char *, as they were read */
    Driver *driver;                       /* owned */
    Site site;
    JsonObject *machine;
    unsigned total, done, made; /* runs: in all, so far, of them by us */
    double made_s;
    Progress *progress; /* from batch_run() on; owned */
} Batch;

void batch_init(Batch *batch, const BatchOptions *options);
void batch_clear(Batch *batch);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Batch, batch_clear)

/** batch_read() - All scenarios; SCENARIO_ERROR names file and line, and what
 * the hosts could not do */
bool batch_read(Batch *batch, GError **error);

/** batch_print_plan() - Names of all runs in their order */
void batch_print_plan(const Batch *batch);

/** batch_find_programs() - vmferry beside us, the script in the sources, or
 * where the environment says */
bool batch_find_programs(Batch *batch, GError **error);

/** batch_open() - Folders of results; those that are there need .resume */
bool batch_open(const Batch *batch, GError **error);

/** batch_run() - What has no result yet. The testbed is left up */
bool batch_run(Batch *batch, GError **error);

#endif
