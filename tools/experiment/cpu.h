/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cpu.h - who used the machine's processors meanwhile
 *
 * A run is disturbed when something that is no part of the experiment had the
 * processors, or the machine is itself a guest and was not given them. Part of
 * it is: what lives in the testbed (its nodes' mark, tools/testbed/lib), we,
 * and the processes that we started and waited for.
 */
#ifndef EXPERIMENT_CPU_H
#define EXPERIMENT_CPU_H

#include <glib.h>
#include <stdbool.h>

#include "base/known.h"

typedef struct CpuShares {
    Known busy, foreign, niced, steal; /* of the machine, 0..1; .foreign leaves
                                          out what .niced counts */
} CpuShares;

typedef struct CpuWatch CpuWatch;

/**
 * cpu_watch_start() - From now on
 * @token: The testbed's, of its state directory
 *
 * Looks twice a second, in the main loop: the source's QEMU ends with the
 * migration and takes its account with it.
 */
CpuWatch *cpu_watch_start(const char *token);

/** cpu_watch_end() - Until now; frees it */
CpuShares cpu_watch_end(CpuWatch *watch);

/**
 * cpu_shares_between() - Likewise, of another machine
 * @from: Its /proc/stat then
 * @to: ... and later; NULL: not known
 *
 * What others had cannot be told from that: .foreign is unknown.
 */
CpuShares cpu_shares_between(const char *from, const char *to);

#endif
