/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * periods.c - see periods.h
 */
#include "traffic/periods.h"

/* Times out of a damaged file may be anything; so they can be added up. */
#define MOST_US (INT64_C(1) << 60)

struct TrafficPeriods {
    TrafficMatrix *matrix;
    int64_t period_us;
    TrafficFinished finished;
    gpointer user;
    bool begun, any; /* there is a time; a summary was made */
    int64_t from_us; /* of the period that we are in */
    int64_t end_us;  /* INT64_MAX: never */
    int64_t latest_us;
    uint64_t frames; /* of this period, understood or not */
    uint64_t not_understood, late;
    TrafficSum total;
};

TrafficPeriods *
traffic_periods_new(TrafficGuests *guests, const TrafficSpec *spec,
                    int64_t period_us, TrafficFinished finished, gpointer user)
{
    TrafficPeriods *periods = g_new0(TrafficPeriods, 1);

    g_assert(period_us >= 0 && period_us < MOST_US);
    periods->matrix = traffic_matrix_new(guests, spec);
    periods->period_us = period_us;
    periods->finished = finished;
    periods->user = user;
    return periods;
}

void
traffic_periods_free(TrafficPeriods *periods)
{
    if (periods) {
        traffic_matrix_free(periods->matrix);
        g_free(periods);
    }
}

static void
set_end(TrafficPeriods *periods)
{
    int64_t into =
        periods->period_us ? periods->from_us % periods->period_us : 0;

    if (into < 0) {
        into += periods->period_us;
    }
    periods->end_us = periods->period_us
                          ? periods->from_us - into + periods->period_us
                          : INT64_MAX;
}

static void
finish(TrafficPeriods *periods, int64_t to_us)
{
    TrafficSummary *summary = traffic_matrix_summary(periods->matrix);

    summary->from_us = periods->from_us;
    summary->to_us = MAX(to_us, periods->from_us);
    summary->period_us = periods->period_us;
    summary->not_understood = periods->not_understood;
    summary->late = periods->late;
    periods->frames = periods->not_understood = periods->late = 0;
    periods->any = true;
    traffic_matrix_clear(periods->matrix);
    periods->finished(summary, periods->user);
}

/* Finishes what is over. Return: @at_us, within what can be added up */
static int64_t
note_time(TrafficPeriods *periods, int64_t at_us)
{
    at_us = CLAMP(at_us, -MOST_US, MOST_US);
    if (!periods->begun) {
        periods->begun = true;
        periods->from_us = periods->latest_us = at_us;
        set_end(periods);
    }
    periods->latest_us = MAX(periods->latest_us, at_us);
    if (at_us >= periods->end_us) {
        int64_t next_us = periods->end_us;

        finish(periods, next_us);
        /* not one for each period in which there was nothing */
        periods->from_us = next_us + (at_us - next_us) / periods->period_us *
                                         periods->period_us;
        set_end(periods);
    }
    return at_us;
}

/* A frame of this period, or of one that is over. */
static void
note_frame(TrafficPeriods *periods, int64_t at_us)
{
    at_us = note_time(periods, at_us);
    periods->frames++;
    if (at_us < periods->from_us) {
        if (periods->period_us) {
            periods->late++;
        } else {
            periods->from_us = at_us;
        }
    }
}

void
traffic_periods_advance(TrafficPeriods *periods, int64_t at_us)
{
    note_time(periods, at_us);
}

void
traffic_periods_add(TrafficPeriods *periods, const TrafficFrame *frame,
                    int64_t at_us)
{
    note_frame(periods, at_us);
    periods->total.bytes += frame->wire_bytes;
    periods->total.packets++;
    traffic_matrix_add(periods->matrix, frame);
}

void
traffic_periods_skip(TrafficPeriods *periods, int64_t at_us)
{
    note_frame(periods, at_us);
    periods->not_understood++;
}

void
traffic_periods_end(TrafficPeriods *periods, int64_t at_us)
{
    if (at_us != INT64_MIN) {
        note_time(periods, at_us);
    }
    if (!periods->any || periods->frames > 0 ||
        periods->latest_us > periods->from_us) {
        finish(periods, periods->latest_us);
    }
    periods->begun = periods->any = false;
}

TrafficSum
traffic_periods_total(const TrafficPeriods *periods)
{
    return periods->total;
}
