/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * world.h - data centres to simulate
 */
#ifndef CONSOLIDATE_WORLD_H
#define CONSOLIDATE_WORLD_H

#include "consolidate/simulator.h"

typedef struct ConsWorld {
    Cluster *cluster;
    int64_t *peak_milli;   /* [guest] */
    const double **curves; /* [host] static, or NULL */
} ConsWorld;

/**
 * cons_world_cloudsim() - That of CloudSim's published PlanetLab runs
 * @settings: Hosts are added to it; a MIPS is a thousandth of a core
 * @memory_counts: Or only when guests are created, as there
 *
 * Hosts with no guests are asleep at first. Guests are those of @traces, first
 * fit. Return: NULL with CONS_ERROR_FIT if they do not all find a host
 */
ConsWorld *cons_world_cloudsim(ConsSettings *settings, const PlanTraces *traces,
                               size_t n_hosts, bool memory_counts,
                               GError **error);

/**
 * cons_world_cloudsim_settings() - What suits that data centre
 *
 * Loads that stay the same for five minutes and are seen at once, hosts that are
 * on and off in no time and moves that nobody counts: so it looks every five
 * minutes, believes a single sample, fills hosts up to 97 % and empties the others
 * as long as these stay below 81 %. docs/consolidation.md has it as a file.
 */
void cons_world_cloudsim_settings(ConsSettings *settings);

/** cons_world_frame() - CloudSim's own: a guest that asks for nothing is over, and
 * the first and the last step do not count. See plan/simulate.c */
void cons_world_frame(ConsSimulator *simulator, const PlanTraces *traces);

/** cons_world_asleep() - Lines of a journal by which hosts that are off now are the
 * manager's to wake; g_free() it */
char *cons_world_asleep(const Cluster *cluster);

/** cons_world_random() - @n_hosts like each other, in racks of 20, guests
 * anywhere; every tenth exchanges something with the next */
ConsWorld *cons_world_random(ConsSettings *settings, size_t n_hosts,
                             size_t n_guests, uint64_t seed);

/** cons_world_servers() - Hosts of Huawei's model (plan_import_huawei()), 100 W
 * to 200 W each, which may sleep */
void cons_world_servers(ConsSettings *settings, const PlanModel *model);

/** cons_world_request_groups() - Groups of its affinity and anti-affinity
 *
 * Return: how many rules of other kinds are left out
 */
size_t cons_world_request_groups(ConsSettings *settings,
                                 const PlanModel *model);

/**
 * cons_world_requests() - Its guests as requests, in their order
 * @span_s: Over which they come, evenly
 * @stay_s: Mean of how long they stay, which is distributed exponentially
 *
 * Each uses 10 to 60 % of its processors. Return: model->n_guests of them, with
 * names of @model; g_free() it
 */
ConsRequest *cons_world_requests(const PlanModel *model, int64_t start_us,
                                 double span_s, double stay_s, uint64_t seed);

/** cons_world_simulator() - With its curves and, if given, @traces */
ConsSimulator *cons_world_simulator(const ConsSettings *settings,
                                    const ConsWorld *world,
                                    const PlanTraces *traces, uint64_t seed);
void cons_world_free(ConsWorld *world);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ConsWorld, cons_world_free)

#endif
