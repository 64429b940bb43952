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

/* The event of a pass, as far as the identity is concerned. */
typedef struct PassEvent {
    unsigned pass;
    int64_t at_us;
} PassEvent;

/* What the events of a patched QEMU told last, sample-exact.c. */
typedef struct SampleExact {
    bool on;
    unsigned pass;   /* under way */
    int64_t at_us;   /* when it began */
    SampleTold told; /* then */
    double bytes;    /* that all passes before it have sent */
} SampleExact;

struct Sampler {
    SampleSource source;
    double downtime_limit_s;
    bool ticks_possible;

    unsigned base; /* first pass number seen, 0: none yet */
    bool has_open, has_next;
    SampleGroup open;        /* its row is not written yet */
    SampleGroup next;        /* its first polls, while more is waited for */
    GArray *events;          /* PassEvent, growing, from open on */
    int64_t recovered_pages; /* deepest fall of C that was made good */
    bool stopped;
    int64_t stopped_us;
    bool finished;
    Known prev_duration_s;
    uint64_t page_bytes;
    SampleExact exact;

    SampleSeries guest_cpu_s, guest_net_bytes, host_net_bytes, mem_used;
    GQueue rows; /* of SampleRow */
};

/* --- sample.c, for sample-exact.c --- */

/** sampler_fill_row() - What can be told about the row of @group when it lasts
 * until @to_us */
void sampler_fill_row(const Sampler *sampler, const SampleGroup *group,
                      int64_t to_us, double to_bytes, SampleRow *row);

/** sampler_ended_by_tick() - Was the sync that ended @row, with @left_pages
 * unsent, the end of no pass? @pass: of the row, as QEMU counts */
bool sampler_ended_by_tick(const Sampler *sampler, unsigned pass,
                           const SampleRow *row, double left_pages);

/** sampler_emit() - Have @row taken; counters before its end are forgotten */
void sampler_emit(Sampler *sampler, const SampleRow *row);

/* --- sample-exact.c --- */

/** sample_exact_pass() - An event with members came */
void sample_exact_pass(Sampler *sampler, unsigned pass, int64_t at_us,
                       const SampleTold *told);

/** sample_exact_waits() - Will an event end the open row? Then no poll does */
bool sample_exact_waits(Sampler *sampler);

/** sample_exact_begin() - The open group was begun by a poll; an event may know
 * more of its beginning */
void sample_exact_begin(Sampler *sampler);

/** sample_exact_mark() - @row is that of the open group: if it began with an
 * event that told so, say it */
void sample_exact_mark(const Sampler *sampler, SampleRow *row);

#endif
