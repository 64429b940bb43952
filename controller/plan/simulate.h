/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * simulate.h - traces of processor use replayed on a data centre
 *
 * The data centre is that of CloudSim's published PlanetLab runs, so that
 * figures can be compared: hosts alternately HP G4 and G5, four types of
 * guests by quarter of their number, steps of five minutes, a day.
 */
#ifndef PLAN_SIMULATE_H
#define PLAN_SIMULATE_H

#include "plan/import.h"

typedef struct PlanTraces {
    size_t n_guests;
    size_t n_steps;
    uint8_t *percent; /* [guest x n_steps + step], 0 to 100 */
    uint64_t *hash;   /* [guest] of its file's name */
} PlanTraces;

/**
 * plan_traces_new() - Traces out of a tar archive of files
 * @tar: Unpacked; one file a guest, one whole number of percent a line, each
 *       file as many lines as the first
 *
 * Return: NULL with PLAN_ERROR_SYNTAX, naming the file and line
 */
PlanTraces *plan_traces_new(PlanText tar, GError **error);
void plan_traces_free(PlanTraces *traces);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PlanTraces, plan_traces_free)

/** plan_traces_sort() - Guests in the order in which ext4 lists their files,
 * rather than in that of the archive */
void plan_traces_sort(PlanTraces *traces);

/** plan_traces_hash() - What ext4 lists files by: half MD4, without a seed */
uint64_t plan_traces_hash(const char *name);

typedef enum {
    PLAN_SIMULATE_CLOUDSIM, /* as CloudSim 3.0.3, see simulate.c; memory counts
                               when a guest is created only */
    PLAN_SIMULATE_HONEST,   /* memory counts always */
    PLAN_N_SIMULATE_RULES,
} PlanSimulateRules;

/** plan_simulate_rules_name() - "cloudsim", "honest" */
const char *plan_simulate_rules_name(PlanSimulateRules rules);

typedef struct PlanSimulateQuery {
    PlanSimulateRules rules;
    bool stay;      /* no migrations: where CloudSim's first fit puts them */
    size_t n_hosts; /* half G4, half G5 */
} PlanSimulateQuery;

typedef struct PlanSimulation {
    double energy_kwh;
    uint64_t migrations;
    double slatah; /* share of active host time with less than asked for */
    double pdm;    /* share of what is asked for, lost to migrations */
    double hosts_mean;
    size_t hosts_most;
    size_t n_unplaced; /* guests that no host could take at first */
    double floor_kwh;  /* no rules need less than this */
} PlanSimulation;

/** plan_simulate() - Replay @traces */
PlanSimulation plan_simulate(const PlanTraces *traces,
                             const PlanSimulateQuery *query);

#endif
