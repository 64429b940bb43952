/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * watch-priv.h - what triggers and decisions ask a watch
 */
#ifndef CONSOLIDATE_WATCH_PRIV_H
#define CONSOLIDATE_WATCH_PRIV_H

#include "consolidate/triggers.h"

#define CONS_DAY_US INT64_C(86400000000)

/* A ring of the newest samples of something. */
typedef struct ConsRing {
    size_t n, first, room;
    struct ConsSample {
        int64_t at_us;
        double value;
    } * samples;
} ConsRing;

ConsRing *cons_ring_new(size_t room);
void cons_ring_free(gpointer ring);

/** cons_ring_add() - False if it is not newer than the newest */
bool cons_ring_add(ConsRing *ring, int64_t at_us, double value);

/** cons_ring_at() - The sample that is @back older than the newest */
const struct ConsSample *cons_ring_at(const ConsRing *ring, size_t back);

/** cons_ring_since() - How many samples are not older than @at_us */
size_t cons_ring_since(const ConsRing *ring, int64_t at_us);

/** cons_ring_mean() - Of the newest @n, with their standard deviation */
double cons_ring_mean(const ConsRing *ring, size_t n, double *sd);

/** cons_ring_line() - The line through the newest @n, carried on to @at_us */
double cons_ring_line(const ConsRing *ring, size_t n, int64_t at_us);

/** cons_ring_deviation() - Median absolute deviation, or interquartile range,
 * of the newest @n */
double cons_ring_deviation(const ConsRing *ring, size_t n, bool quartiles);

/** cons_watch_threshold() - From what share on is @host overloaded? */
double cons_watch_threshold(const ConsWatch *watch, const ClusterHost *host);

/** cons_watch_forecast() - What own use and guests of each host will take, in
 * thousandths of a core; g_free() it */
int64_t *cons_watch_forecast(const ConsWatch *watch, const Cluster *cluster);

/** cons_watch_needed() - What all guests together will take once a host that is
 * woken now takes guests, in thousandths of a core */
double cons_watch_needed(const ConsWatch *watch, const Cluster *cluster);

/** cons_cluster_room() - Thousandths of a core that hosts that are up and open
 * give to guests, but for host @without (-1: with all) */
double cons_cluster_room(const ConsSettings *settings, const Cluster *cluster,
                         int32_t without);

/** cons_cluster_memory() - Bytes that all guests have; cons_host_memory_room():
 * that @host gives to guests, if it is up and open */
double cons_cluster_memory(const Cluster *cluster);
double cons_host_memory_room(const ConsSettings *settings,
                             const ClusterHost *host);

/** cons_cluster_far() - Bytes a second between racks, or between hosts if there
 * is but one rack */
double cons_cluster_far(const Cluster *cluster, const int32_t *host_of);

#endif
