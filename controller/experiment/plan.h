/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan.h - which runs a scenario comes to, and in which order
 *
 * Repetition follows repetition; within one, all combinations stand in an
 * order that the seed decides, so that what changes on the machine over hours
 * does not fall to one method. Repetition r has the same order whether there
 * are r or a hundred of them: an experiment can be continued.
 */
#ifndef EXPERIMENT_PLAN_H
#define EXPERIMENT_PLAN_H

#include "experiment/scenario.h"

typedef struct PlannedRun {
    unsigned guest, wire, cross, method; /* indices into the scenario's lists */
    unsigned repetition;                 /* 1.. */
    unsigned order;                      /* in its repetition, 1.. */
} PlannedRun;

/** experiment_plan() - GArray of PlannedRun, g_array_unref() it */
GArray *experiment_plan(const Scenario *scenario, uint64_t seed);

/** planned_cell_name() - "vm2-50mbit-four": what methods are compared in;
 * g_free() it */
char *planned_cell_name(const Scenario *scenario, const PlannedRun *run);

/** planned_run_name() - "r03-vm2-50mbit-four-default": its file; g_free() it */
char *planned_run_name(const Scenario *scenario, const PlannedRun *run);

#endif
