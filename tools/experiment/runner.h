/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * runner.h - one run, from a fresh guest to its result
 *
 *   wire, guest | settle | cross | before | MIGRATION | after | all ends
 *                client ───────────────────────────────────────>
 *
 * Every run has a guest of its own, which begins on host 1: no run starts from
 * what another left behind. Hosts that are not this machine have no file of
 * ours: what a migration reads there is put there, what it wrote is fetched.
 */
#ifndef EXPERIMENT_RUNNER_H
#define EXPERIMENT_RUNNER_H

#include "base/json.h"
#include "experiment/plan.h"
#include "experiment/result.h"
#include "tools/experiment/driver.h"
#include "tools/experiment/progress.h"

/* Where the hosts are, and what they are called. Strings are owned. */
typedef struct Site {
    bool remote;       /* two hosts by their URIs; else namespaces */
    char *link;        /* interface of the source that the stream leaves by */
    char *destination; /* its URI, as seen from the source */
    char *folder;      /* remote: ours on both hosts */
} Site;

typedef struct Runner {
    Driver *driver; /* borrowed, as is all of it */
    const Site *site;
    const Scenario *scenario;
    const char *vmferry; /* paths of programs */
    const char *experiment;
    const char *state; /* of the testbed */
    const char *work;  /* for files of a run */
    JsonObject *machine;
    bool anonymous;                /* results name no machine */
    const char *oracle;            /* the record that an oracle goes by */
    const ScenarioMethod *instead; /* of the planned method; NULL: that one */
    Progress *progress;            /* is told of each step */
} Runner;

/**
 * runner_run() - Make one run
 * @attempt: 1, or 2 if it is repeated
 * @text: The whole result, JSON; g_free() it
 *
 * A migration that fails is a result too. Return: NULL if there is none: the
 * testbed does not work, or it was interrupted
 */
Result *runner_run(const Runner *runner, const PlannedRun *planned,
                   unsigned attempt, char **text, GError **error);

#endif
