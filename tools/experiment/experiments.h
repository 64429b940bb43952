/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * experiments.h - experiments out of their folders
 *
 * What was run of a scenario in several folders, on several machines or side
 * by side, is one experiment: where the scenario is the same to the letter.
 */
#ifndef EXPERIMENT_EXPERIMENTS_H
#define EXPERIMENT_EXPERIMENTS_H

#include <glib.h>
#include <stdbool.h>

#include "experiment/result.h"
#include "experiment/scenario.h"

typedef struct Experiment {
    Scenario *scenario;
    char *text;         /* the scenario's */
    const char *folder; /* where it was found first; borrowed */
    GPtrArray *results; /* Result */
} Experiment;

/**
 * experiments_load() - Each scenario's, in the order of the folders
 * @folders: NULL-terminated, must outlive the result
 *
 * Return: GPtrArray of Experiment, unref it. FILES_ERROR where a run is there
 * twice, or two scenarios have the same name
 */
GPtrArray *experiments_load(char **folders, GError **error);

#endif
