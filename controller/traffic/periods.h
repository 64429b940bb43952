/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * periods.h - one matrix after the other
 *
 * Periods begin at multiples of their length on the wall clock, the same on all
 * hosts. The first and the last are as long as there was somebody to count. A
 * frame that comes with an earlier time, as from a second file, is counted
 * where we are and told as late. Time without any frame makes no summaries
 * where only frames bring the time.
 */
#ifndef TRAFFIC_PERIODS_H
#define TRAFFIC_PERIODS_H

#include "traffic/matrix.h"

/* @summary is the handler's to free. It may be of no frames at all. */
typedef void (*TrafficFinished)(TrafficSummary *summary, gpointer user);

typedef struct TrafficPeriods TrafficPeriods;

/**
 * traffic_periods_new() - Nothing yet; the time begins with the first call
 * @period_us: 0: all is one
 */
TrafficPeriods *traffic_periods_new(TrafficGuests *guests,
                                    const TrafficSpec *spec, int64_t period_us,
                                    TrafficFinished finished, gpointer user);
void traffic_periods_free(TrafficPeriods *periods);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TrafficPeriods, traffic_periods_free)

/** traffic_periods_add() - A frame, captured at @at_us (wall clock) */
void traffic_periods_add(TrafficPeriods *periods, const TrafficFrame *frame,
                         int64_t at_us);

/** traffic_periods_skip() - One whose bytes were not understood */
void traffic_periods_skip(TrafficPeriods *periods, int64_t at_us);

/** traffic_periods_advance() - It is @at_us: finish what is over */
void traffic_periods_advance(TrafficPeriods *periods, int64_t at_us);

/**
 * traffic_periods_end() - Finish what there is
 * @at_us: Now; INT64_MIN: the latest time that came
 *
 * The handler is called once at least, if only with an empty matrix.
 */
void traffic_periods_end(TrafficPeriods *periods, int64_t at_us);

/** traffic_periods_total() - Frames and bytes counted since the beginning,
 * without the factor of sampling */
TrafficSum traffic_periods_total(const TrafficPeriods *periods);

#endif
