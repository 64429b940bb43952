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

/** cons_world_random() - @n_hosts like each other, in racks of 20, guests
 * anywhere; every tenth exchanges something with the next */
ConsWorld *cons_world_random(ConsSettings *settings, size_t n_hosts,
                             size_t n_guests, uint64_t seed);

/** cons_world_simulator() - With its curves and, if given, @traces */
ConsSimulator *cons_world_simulator(const ConsSettings *settings,
                                    const ConsWorld *world,
                                    const PlanTraces *traces, uint64_t seed);
void cons_world_free(ConsWorld *world);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ConsWorld, cons_world_free)

#endif
