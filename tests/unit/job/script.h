/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * script.h - a guest on paper, whose migration the tests feed to a job
 *
 * The guest writes `write_pages_s` random pages of a set of `set_pages`, so
 * that a pass of T seconds dirties set x (1 - exp(-write T / set)) distinct
 * ones. The stream gets `bandwidth_bytes_s`. Polls come every 250 ms.
 */
#ifndef TEST_JOB_SCRIPT_H
#define TEST_JOB_SCRIPT_H

#include "job/job.h"

typedef struct Script {
    double memory_pages;
    double set_pages;
    double write_pages_s;
    double bandwidth_bytes_s;
    double root_bytes_s; /* 0: no link events, policy none */
    double guest_tx_bytes_s;
    double wire_share;    /* of a page that is sent again; 0: all of it */
    unsigned most_passes; /* then the migration is given up */
    bool refuses;         /* no step of the ladder can be carried out */
} Script;

/**
 * script_run() - Feed a whole migration to @job
 * @events: JSON array that the events are added to, or NULL
 *
 * Return: all actions, an array of JobAction; g_array_unref() it
 */
GArray *script_run(const Script *script, Job *job, JsonObject *events);

/** script_config() - Policy and source for a job of that guest */
JobConfig script_config(const Script *script, PolicyKind kind);

/** actions_count() - How many of @kind */
unsigned actions_count(const GArray *actions, JobActionKind kind);

#endif
