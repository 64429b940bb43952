/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sample-priv.h - the two parts that the sampler is made of
 *
 * A group is what all polls of one pass say together (sample-group.c), a
 * series is one counter over time (sample-series.c).
 */
#ifndef SAMPLE_PRIV_H
#define SAMPLE_PRIV_H

#include "sample/sample.h"

/* Non-atomic reads move C by one page up or down. */
#define SAMPLE_NOISE_PAGES 2

/* What a poll says once it was found sane. */
typedef struct SamplePoint {
    int64_t at_us;
    int64_t remaining_pages;
    double sent_bytes;
} SamplePoint;

/* All polls of one pass. */
typedef struct SampleGroup {
    unsigned pass; /* as QEMU counts */
    unsigned n_polls;
    int64_t c_pages;      /* the identity: largest C seen, see sample-group.c */
    int64_t c_last_pages; /* of the last poll */
    int64_t c_low_pages;  /* lowest since C last rose */
    SamplePoint first;
    SamplePoint last;
    unsigned throttle_percent;
    /* how the pass began, set by the sampler */
    bool begun;
    bool time_guessed;
    int64_t began_us;
    double began_pages; /* done by then, counted as C - remaining */
    double began_bytes;
} SampleGroup;

/** sample_poll_sane() - Can @poll be counted with? */
bool sample_poll_sane(const SamplePoll *poll);

void sample_group_init(SampleGroup *group, const SamplePoll *poll);

/**
 * sample_group_add() - Another poll of the same pass
 *
 * Return: by how many pages C has risen from a low, 0 if it did not
 */
int64_t sample_group_add(SampleGroup *group, const SamplePoll *poll);

/** sample_group_done() - Pages out of the way at @point */
static inline double
sample_group_done(const SampleGroup *group, const SamplePoint *point)
{
    return (double)(group->c_pages - point->remaining_pages);
}

/** sample_interpolate() - Value at @at_us on the line from a to b, clamped */
double sample_interpolate(int64_t at_us, int64_t a_us, double a, int64_t b_us,
                          double b);

/* One counter that only grows, or one gauge. */
typedef struct SampleSeries {
    GArray *readings; /* of { at_us, value }, oldest first; NULL: none yet */
    bool gauge;       /* may fall */
} SampleSeries;

void sample_series_clear(SampleSeries *series);

/** sample_series_add() - Reading of @at_us; older than the last: ignored */
void sample_series_add(SampleSeries *series, int64_t at_us, Known value);

/** sample_series_prune() - Forget what no row from @from_us on needs */
void sample_series_prune(SampleSeries *series, int64_t from_us);

/** sample_series_rate() - Mean growth a second from @from_us to @to_us */
Known sample_series_rate(const SampleSeries *series, int64_t from_us,
                         int64_t to_us);

/** sample_series_nearest() - Reading nearest to @to_us */
Known sample_series_nearest(const SampleSeries *series, int64_t from_us,
                            int64_t to_us);

#endif
