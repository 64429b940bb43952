/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * simulator.h - hosts and guests that exist in numbers only
 *
 * A back end with a clock of its own, which jumps from event to event. Guests use
 * what a trace or a constant says, with noise; migrations take what
 * plan_duration() says at the rate that the links leave, and now and then go
 * wrong where a test asks for it.
 */
#ifndef CONSOLIDATE_SIMULATOR_H
#define CONSOLIDATE_SIMULATOR_H

#include "consolidate/manager.h"
#include "plan/simulate.h"

typedef struct ConsSimulator ConsSimulator;

/**
 * cons_simulator_new() - Starts with the hosts and guests of @cluster, copied
 * @settings: Have to outlive it
 */
ConsSimulator *cons_simulator_new(const ConsSettings *settings,
                                  const Cluster *cluster, uint64_t seed);
void cons_simulator_free(ConsSimulator *simulator);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ConsSimulator, cons_simulator_free)

/** cons_simulator_backend() - The calls, with the simulator as their data */
const ConsBackend *cons_simulator_backend(void);

/** cons_simulator_set_manager() - Who gets the events; NULL: nobody, as if it
 * was killed. What runs goes on */
void cons_simulator_set_manager(ConsSimulator *simulator, ConsManager *manager);

/** cons_simulator_noise() - Each sample is off by up to @share, evenly */
void cons_simulator_noise(ConsSimulator *simulator, double share);

/**
 * cons_simulator_traces() - Guest i uses percent i of its peak, a step each
 * @step_s seconds, over and over
 * @peak_milli: [guest] thousandths of a core; NULL: vcpus. Both borrowed
 */
void cons_simulator_traces(ConsSimulator *simulator, const PlanTraces *traces,
                           const int64_t *peak_milli, double step_s);

/** cons_simulator_ends() - A guest that its trace has at nothing in two steps
 * running is over for good, and no longer there: CloudSim's rule */
void cons_simulator_ends(ConsSimulator *simulator, bool ends);

/** cons_simulator_count() - Energy, overload and hosts in use are those of this
 * span, and of no time before or after it */
void cons_simulator_count(ConsSimulator *simulator, int64_t from_us,
                          int64_t until_us);

/* A guest that somebody wants to be started, and ends again */
typedef struct ConsRequest {
    const char *name;
    int64_t vcpus, cpu_milli; /* what it has, and what it uses */
    uint64_t memory_bytes;
    int64_t from_us, until_us;
} ConsRequest;

/**
 * cons_simulator_requests() - Guests that come and go; see simulator-requests.c
 * @requests: Borrowed, with names of which no guest has one
 */
void cons_simulator_requests(ConsSimulator *simulator,
                             const ConsRequest *requests, size_t n);

#define CONS_CURVE 11

/** cons_simulator_curve() - What @host draws at 0, 10, ... 100 % of its cores;
 * without, it is a line from idle to busy. @watts is borrowed */
void cons_simulator_curve(ConsSimulator *simulator, size_t host,
                          const double watts[CONS_CURVE]);

/** cons_simulator_run() - Until @until_us, or for @most_events; 0: any number
 *
 * Return: events delivered */
size_t cons_simulator_run(ConsSimulator *simulator, int64_t until_us,
                          size_t most_events);

int64_t cons_simulator_now_us(const ConsSimulator *simulator);

/** cons_simulator_cluster() - As it really is, without noise; may be changed
 * between runs: loads, hosts that fail, guests that somebody moves */
Cluster *cons_simulator_cluster(ConsSimulator *simulator);

/* Accidents */
void cons_simulator_fail_next(ConsSimulator *simulator, const char *guest,
                              const char *why); /* its next migration */
void cons_simulator_refuse_next(ConsSimulator *simulator, const char *guest,
                                const char *why); /* its next check */
void cons_simulator_slow(ConsSimulator *simulator, double factor);

typedef struct ConsSimulatorFigures {
    uint64_t migrations, failed;
    uint64_t starts;            /* that were asked for, twice or not */
    uint64_t requests, refused; /* that came so far; found no host */
    double energy_kwh;
    double overloaded_share; /* of active host time: SLATAH */
    double degraded_share;   /* of what guests asked for, lost to moves: PDM */
    double hosts_mean;
    size_t hosts_most;
} ConsSimulatorFigures;

ConsSimulatorFigures cons_simulator_figures(const ConsSimulator *simulator);

/** cons_simulator_journal() - What was written, with newlines; borrowed */
const char *cons_simulator_journal(const ConsSimulator *simulator);

/** cons_simulator_moves() - ConsPast *, all that ended well; borrowed */
const GPtrArray *cons_simulator_moves(const ConsSimulator *simulator);

/** cons_simulator_decisions() - JsonObject *, all that were told; borrowed */
const GPtrArray *cons_simulator_decisions(const ConsSimulator *simulator);

/** cons_simulator_told() - JsonObject *, what became of steps and plans; borrowed
 */
const GPtrArray *cons_simulator_told(const ConsSimulator *simulator);

#endif
