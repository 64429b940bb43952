/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sample.h - one row per pre-copy iteration out of raw observations
 *
 * QEMU says that a pass starts (MIGRATION_PASS k) and, when asked, how much
 * is left. The newly dirtied pages of a pass follow from an identity: with
 *
 *     C(t) = remaining / page size + normal + duplicate (+ xbzrle, compressed)
 *
 * C is constant inside pass k, for a page sent leaves "remaining" and joins
 * "normal" or "duplicate", and it jumps at the sync that ends the pass by
 * exactly the pages dirtied during it: x1(k) = C(k+1) - C(k).
 *
 * The sampler is pure: readings and times go in, rows come out. All times of
 * one sampler are on one time line, microseconds of the monotonic clock; the
 * caller maps QEMU's own stamps to it (wall clock minus the present offset).
 */
#ifndef SAMPLE_H
#define SAMPLE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "base/known.h"

typedef enum {
    SAMPLE_SOURCE_QMP,     /* identity over query-migrate */
    SAMPLE_SOURCE_LIBVIRT, /* identity over virDomainGetJobStats */
    SAMPLE_SOURCE_PATCH,   /* members that our QEMU patch adds to the event */
    SAMPLE_N_SOURCES
} SampleSource;

const char *sample_source_name(SampleSource source);

/* What must be known about a row before it is believed. */
enum {
    SAMPLE_FLAG_TICK = 1 << 0,      /* a sync that ended no pass (QEMU >= 9.2
                                       with auto-converge ticks every 5 s) */
    SAMPLE_FLAG_BACKWARDS = 1 << 1, /* C fell inside the pass: free page hints,
                                       xbzrle drops; x1 is a lower bound */
    SAMPLE_FLAG_TIME_GUESSED = 1 << 2, /* no event: times are of the polls */
};

/* One iteration. Symbols x1..x6 are those of docs/grey-model.md. */
typedef struct SampleRow {
    unsigned iter;          /* pass number, 1 sends all of memory */
    unsigned merged;        /* passes that this row covers; 1: just this one */
    uint64_t pages_to_send; /* at its start, pages of page_bytes */
    uint64_t page_bytes;    /* usually 4096 */
    double duration_s;      /* from its sync to the one that ends it */
    Known dirty_pages;      /* x1: newly dirtied during it, known at its end */
    Known hot_pages;        /* of these: the sync before found them dirty too */
    Known cold_pages;       /* of these: it did not. Patched QEMU only */
    Known zero_pages;       /* sent during it as such. Patched QEMU only */
    Known sent_pages;       /* out of the way during it: zero pages, and what
                                 xbzrle found unchanged, are among them */
    uint64_t sent_bytes;    /* on the wire during it */
    double bandwidth_bytes_s; /* sent_bytes / duration_s, 0 if no duration */
    Known mem_used;           /* x2: fraction 0..1 of guest memory */
    Known cpu_cores;          /* x3: host cores that the guest used */
    Known vm_net_bytes_s;     /* x4: both directions, all its interfaces */
    Known prev_duration_s;    /* x5: duration of the row before */
    Known host_net_bytes_s;   /* x6: egress of the migration link, everything */
    unsigned throttle_percent; /* auto-converge, at its end */
    bool final;                /* the guest was stopped during it */
    SampleSource source;
    unsigned flags;     /* SAMPLE_FLAG_ */
    int64_t started_us; /* monotonic */
    int64_t ended_us;   /* monotonic; for the running row: last poll */
} SampleRow;

/* One reading of QEMU's (or libvirt's) migration statistics. */
typedef struct SamplePoll {
    int64_t at_us; /* when it was answered, monotonic */
    unsigned pass; /* dirty-sync-count */
    uint64_t page_bytes;
    uint64_t remaining_bytes;
    uint64_t normal_pages;
    uint64_t duplicate_pages; /* zero pages */
    uint64_t other_pages;     /* xbzrle-cache.pages without .overflow, which are
                                 normal ones too, + compression.pages */
    uint64_t sent_bytes;      /* ram.transferred, since the start */
    unsigned throttle_percent;
    Known expected_downtime_ms; /* QEMU's own expectation, if it has one; not
                                   used for rows, but to compare with */
} SamplePoll;

/*
 * What a patched QEMU says in MIGRATION_PASS, of the pass that ended there
 * (qemu-patches/README.md). Pages are QEMU's; what did not come is unknown.
 */
typedef struct SampleTold {
    Known dirty_pages;     /* newly set at this sync: x1 */
    Known remaining_pages; /* to send from here on, these included */
    Known sent_pages;      /* since the sync before, zero pages included */
    Known zero_pages;
    Known sent_bytes;
    Known duration_s;            /* since the sync before, 0 at the first */
    Known hot_pages, cold_pages; /* of dirty_pages, which they add up to */
    Known running;               /* 1: the guest ran at this sync; 0: not */
} SampleTold;

/**
 * sample_told_read() - The members of an event
 * @data: The event's data, whole; NULL: it has none
 *
 * Return: false if rows cannot be made of them: a stock QEMU, or numbers that
 * no QEMU would give. @told is then all unknown.
 */
bool sample_told_read(JsonObject *data, SampleTold *told);

/** sample_told_write() - The same under QEMU's names, read back they are equal;
 * NULL if rows cannot be made of @told */
JsonObject *sample_told_write(const SampleTold *told);

/** sample_told_exact() - Can rows be made of it? */
bool sample_told_exact(const SampleTold *told);

/* Counters read beside it; each may be missing. */
typedef struct SampleCounters {
    int64_t at_us;
    Known guest_cpu_s;     /* CPU time used so far */
    Known guest_net_bytes; /* both directions, so far */
    Known guest_tx_bytes;  /* what the guest sent, so far; not used for rows,
                              but for what its application needs */
    Known host_net_bytes;  /* egress of the migration link, so far */
    Known stream_bytes;    /* that the stream's connection counts, so far; not
                              used for rows, but for the time lines */
    Known queued_bytes;    /* ... and has in its queue now; not used for rows,
                              but for the downtime: it passes after the stop */
    Known mem_used;        /* fraction now */
} SampleCounters;

typedef struct Sampler Sampler;

/** sampler_new() - An empty sampler; free with sampler_free() */
Sampler *sampler_new(SampleSource source);
void sampler_free(Sampler *sampler);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sampler, sampler_free)

/**
 * sampler_pass() - MIGRATION_PASS arrived
 * @pass: Its number as QEMU counts (libvirt: "iteration")
 * @at_us: When it happened
 *
 * Numbers that do not grow are ignored: several monitors repeat events. A
 * first number above 1 (after a cancelled migration libvirt goes on counting)
 * is taken as the base, so that rows start at 1.
 */
void sampler_pass(Sampler *sampler, unsigned pass, int64_t at_us);

/**
 * sampler_pass_told() - The same, with what a patched QEMU told
 * @told: NULL or not exact: a stock QEMU, as sampler_pass()
 *
 * As long as events with members follow each other, rows are made of these, of
 * source SAMPLE_SOURCE_PATCH: the row of a pass comes out at the event that
 * ends it, none merges passes, and the row under way is known from its event
 * on. Polls are then needed for the size of a page and what is under way. When
 * an event is lost the identity, which goes on beside it, takes over.
 */
void sampler_pass_told(Sampler *sampler, unsigned pass, int64_t at_us,
                       const SampleTold *told);

/**
 * sampler_stopped() - The guest was stopped at @at_us: blackout begins
 *
 * Rows that start later are final, and the one that the migration ends in.
 */
void sampler_stopped(Sampler *sampler, int64_t at_us);

/** sampler_resumed() - It runs again here: the stop was no blackout */
void sampler_resumed(Sampler *sampler);

/**
 * sampler_set_downtime() - The downtime limit in force from now on
 * @limit_s: Seconds; 0.3 as in QEMU and libvirt until this is called
 *
 * A pass ends when what remains can be sent within the limit. A sync with much
 * more than that remaining was no end of a pass (SAMPLE_FLAG_TICK).
 */
void sampler_set_downtime(Sampler *sampler, double limit_s);

/**
 * sampler_set_ticks() - Whether syncs without a finished pass can happen
 * @possible: False for QEMU before 9.2 or without auto-converge. Until this is
 *            called they are thought possible.
 */
void sampler_set_ticks(Sampler *sampler, bool possible);

/**
 * sampler_poll() - Statistics of a migration under way arrived
 *
 * Polls of one pass may come in any number, also none; a poll older than one
 * already seen is ignored, and so is one that no QEMU would give. Rows come
 * out when the pass after them is sampled: with its first poll as a rule, with
 * the second if its event is missing where others came, with the third if C is
 * seen to be low at times (multifd). The statistics of the completed migration
 * are a poll too: they complete the row before the blackout.
 */
void sampler_poll(Sampler *sampler, const SamplePoll *poll);

/** sampler_counters() - Counters arrived; they are interpolated in time */
void sampler_counters(Sampler *sampler, const SampleCounters *counters);

/**
 * sampler_finish() - The migration ended
 * @at_us: When
 * @sent_bytes: Total of the final statistics, unknown if there were none
 *
 * Closes the running row; its dirty_pages stay unknown.
 */
void sampler_finish(Sampler *sampler, int64_t at_us, Known sent_bytes);

/** sampler_take() - Next finished row, oldest first; false when none */
bool sampler_take(Sampler *sampler, SampleRow *row);

/**
 * sampler_running() - The row under way as far as it is known
 *
 * Return: false before the first poll of it and after the end. pages_to_send
 * is then off by no more than what the last polls before and the first one
 * after the sync leave open: docs/sampling.md.
 */
bool sampler_running(const Sampler *sampler, SampleRow *row);

#endif
