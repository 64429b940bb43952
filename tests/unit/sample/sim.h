/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim.h - a QEMU on paper: passes, syncs and statistics with a known truth
 *
 * Pages leave at a constant rate; a pass ends when what remains can be sent
 * within the downtime limit; what it dirtied is w (1 - exp(-r t / w)). The
 * last pass runs with the guest stopped. Time starts at SIM_START_US.
 */
#ifndef TESTS_SIM_H
#define TESTS_SIM_H

#include "sample/sample.h"

#define SIM_MAX_PASSES 32
#define SIM_START_US INT64_C(5000000)
#define SIM_PAGE 4096

typedef struct {
    int64_t total_pages;
    double rate_pages_s;
    double downtime_s;
    double writes_pages_s;
    double working_set_pages;
    unsigned first_number;  /* of the first pass, as QEMU counts */
    unsigned max_passes;    /* then the guest is stopped anyway */
    bool noise;             /* reads are not atomic: C off by one page */
    unsigned multifd_pages; /* up to so many are in the channels' queues */
    int64_t dropped_pages;  /* vanish in the middle of pass 2 */
    bool ticks;             /* a sync every 5 s from pass 2 on */
} SimSetup;

typedef struct {
    int64_t start_us;
    int64_t c_pages;
    double done_at_start;
    bool tick; /* it ends with a tick */
} SimPass;

typedef struct Sim {
    SimSetup setup;
    unsigned n;                       /* passes */
    SimPass pass[SIM_MAX_PASSES + 1]; /* the one past the end: when it ended */
    int64_t stopped_us;
    GRand *rand;
} Sim;

void sim_init(Sim *sim, const SimSetup *setup, uint32_t seed);
void sim_clear(Sim *sim);

/** sim_poll() - What query-migrate would say at @at_us */
SamplePoll sim_poll(Sim *sim, int64_t at_us);

/* Truth of pass i, counted from 0. */
int64_t sim_dirty(const Sim *sim, unsigned i);
double sim_to_send(const Sim *sim, unsigned i);
double sim_seconds(const Sim *sim, unsigned i);
double sim_sent_bytes(const Sim *sim, unsigned i);

#endif
