/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * merge.h - many matrices into one: of one time after the other, of hosts
 *
 * What two hosts saw at the same time of two guests is the same traffic, seen
 * where it left and where it came in: the larger figure counts. What was seen
 * one time after the other is added. All summaries have the same TrafficGuests.
 */
#ifndef TRAFFIC_MERGE_H
#define TRAFFIC_MERGE_H

#include "traffic/matrix.h"

/**
 * traffic_merge_hosts() - Several hosts' matrices of the same period
 * @summaries: @n of them, 1 or more; borrowed
 *
 * Totals are those of rows and tails together; tails of hosts are added, for
 * nobody knows what is in them twice.
 */
TrafficSummary *traffic_merge_hosts(TrafficSummary *const *summaries, size_t n);

typedef struct TrafficMerge TrafficMerge;

/** traffic_merge_new() - For periods, one after the other */
TrafficMerge *traffic_merge_new(TrafficGuests *guests);
void traffic_merge_free(TrafficMerge *merge);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TrafficMerge, traffic_merge_free)

/** traffic_merge_add() - Another period, in any order; borrowed */
void traffic_merge_add(TrafficMerge *merge, const TrafficSummary *summary);

/** traffic_merge_count() - How many were added */
unsigned traffic_merge_count(const TrafficMerge *merge);

/** traffic_merge_finish() - What they come to; @merge is empty afterwards */
TrafficSummary *traffic_merge_finish(TrafficMerge *merge);

#endif
