/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sample.c - from polls and events to rows
 *
 *                    sync k                     sync k+1
 *   ──── p ──── p ─────┼── p ───── p ───── p ──────┼──── p ────
 *        group k-1     │          group k          │   group k+1
 *                      └── row k: C of group k+1 less C of group k
 *
 * Two groups are open at a time: the one whose row is still to be written and
 * the one that will end it. Pages and bytes done by a sync are interpolated
 * between the polls on both sides of it, and remembered as the beginning of
 * the next row, so that rows leave no gap and count nothing twice:
 *
 *   pages_to_send(k+1) = C(k+1) - done = (C(k) - done) + x1(k) = left(k) + x1(k)
 *
 * A pass in which no poll fell has no C of its own: its row is the part of one
 * that spans from the last sampled sync to the next one, row.merged says how
 * many passes that is.
 *
 * A patched QEMU tells all of this itself: sample-exact.c.
 */
#include "sample/sample-priv.h"

#include <math.h>

/* An event may be stamped so much outside the polls around it; more means
 * that the wall clock was set. */
#define EVENT_SLACK_US G_USEC_PER_SEC

/* Who hears events also polls: a first poll so long after its event means, too,
 * that the stamp is off. */
#define FIRST_POLL_LATE_US (60 * (int64_t)G_USEC_PER_SEC)

/* QEMU's timer fires every 5 s and syncs if no pass ended since it last did,
 * hence 5 to 10 s after the sync before; margins for guessed times. */
#define TICK_MIN_S 4.5
#define TICK_MAX_S 10.5

#define DEFAULT_DOWNTIME_S 0.3

/* QEMU compares with the bandwidth of its last 100 ms, we know the mean. */
#define TICK_SLACK 2.0

const char *
sample_source_name(SampleSource source)
{
    static const char *const names[] = {
        [SAMPLE_SOURCE_QMP] = "qmp",
        [SAMPLE_SOURCE_LIBVIRT] = "libvirt",
        [SAMPLE_SOURCE_PATCH] = "patch",
    };

    G_STATIC_ASSERT(G_N_ELEMENTS(names) == SAMPLE_N_SOURCES);
    return (unsigned)source < SAMPLE_N_SOURCES ? names[source] : "?";
}

Sampler *
sampler_new(SampleSource source)
{
    Sampler *sampler = g_new0(Sampler, 1);

    sampler->source = source;
    sampler->downtime_limit_s = DEFAULT_DOWNTIME_S;
    sampler->ticks_possible = true;
    sampler->events = g_array_new(FALSE, FALSE, sizeof(PassEvent));
    sampler->mem_used.gauge = true;
    g_queue_init(&sampler->rows);
    return sampler;
}

void
sampler_free(Sampler *sampler)
{
    if (!sampler) {
        return;
    }
    g_array_unref(sampler->events);
    sample_series_clear(&sampler->guest_cpu_s);
    sample_series_clear(&sampler->guest_net_bytes);
    sample_series_clear(&sampler->host_net_bytes);
    sample_series_clear(&sampler->mem_used);
    g_queue_clear_full(&sampler->rows, g_free);
    g_free(sampler);
}

void
sampler_set_downtime(Sampler *sampler, double limit_s)
{
    if (limit_s > 0 && isfinite(limit_s)) {
        sampler->downtime_limit_s = limit_s;
    }
}

void
sampler_set_ticks(Sampler *sampler, bool possible)
{
    sampler->ticks_possible = possible;
}

static const PassEvent *
event_of(const Sampler *sampler, unsigned pass)
{
    for (unsigned i = sampler->events->len; i > 0; i--) {
        const PassEvent *event =
            &g_array_index(sampler->events, PassEvent, i - 1);

        /* An array that has elements has data. */
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
        if (event->pass <= pass) {
            return event->pass == pass ? event : NULL;
        }
    }
    return NULL;
}

/* Numbers below the first one belong to no migration that we have seen: what
 * was taken for the beginning were leftovers of an earlier one. */
static void
restart_if_below(Sampler *sampler, unsigned pass)
{
    if (sampler->base != 0 && pass < sampler->base) {
        sampler->has_open = sampler->has_next = false;
        g_array_set_size(sampler->events, 0);
        g_queue_clear_full(&sampler->rows, g_free);
        sampler->prev_duration_s = unknown();
        sampler->exact = (SampleExact){ 0 };
        sampler->base = 0;
    }
    if (sampler->base == 0) {
        sampler->base = pass;
    }
}

/* The first group begins where nothing was done yet, or as far back as its
 * own speed tells. */
static void
begin_first(const Sampler *sampler, SampleGroup *group)
{
    const PassEvent *event = event_of(sampler, group->pass);
    double span_us = (double)(group->last.at_us - group->first.at_us);
    double back_us;

    group->begun = true;
    group->time_guessed =
        !event || event->at_us > group->first.at_us + EVENT_SLACK_US ||
        event->at_us < group->first.at_us - FIRST_POLL_LATE_US;
    group->began_us = group->time_guessed
                          ? group->first.at_us
                          : MIN(event->at_us, group->first.at_us);
    if (group->pass == 1) {
        return; /* nothing was sent */
    }
    group->began_pages = sample_group_done(group, &group->first);
    group->began_bytes = group->first.sent_bytes;
    back_us = (double)(group->first.at_us - group->began_us);
    if (span_us > 0) {
        group->began_pages -=
            back_us / span_us *
            (sample_group_done(group, &group->last) - group->began_pages);
        group->began_bytes -=
            back_us / span_us * (group->last.sent_bytes - group->began_bytes);
    }
    group->began_pages = MAX(group->began_pages, 0);
    group->began_bytes = MAX(group->began_bytes, 0);
}

static void
begin_next(const Sampler *sampler, const SampleGroup *open, SampleGroup *next)
{
    const PassEvent *event = event_of(sampler, next->pass);
    int64_t low_us = open->last.at_us;
    int64_t high_us = MAX(next->first.at_us, low_us);

    if (event && event->at_us >= low_us - EVENT_SLACK_US &&
        event->at_us <= high_us + EVENT_SLACK_US) {
        next->began_us = event->at_us;
    } else {
        next->time_guessed = true;
        for (unsigned i = 0; i < sampler->events->len; i++) {
            const PassEvent *other =
                &g_array_index(sampler->events, PassEvent, i);

            if (other->pass < next->pass && other->at_us > low_us &&
                other->at_us <= high_us) {
                low_us = other->at_us;
            }
        }
        next->began_us = low_us + (high_us - low_us) / 2;
        /* the last sync follows the stop at once */
        if (sampler->stopped && sampler->stopped_us >= low_us &&
            sampler->stopped_us <= high_us) {
            next->began_us = sampler->stopped_us;
        }
    }
    next->began_us = MAX(next->began_us, open->began_us);

    next->begun = true;
    next->began_pages = sample_interpolate(
        next->began_us, open->last.at_us, sample_group_done(open, &open->last),
        next->first.at_us, sample_group_done(next, &next->first));
    next->began_pages = CLAMP(next->began_pages, 0, (double)open->c_pages);
    next->began_bytes = sample_interpolate(
        next->began_us, open->last.at_us, open->last.sent_bytes,
        next->first.at_us, next->first.sent_bytes);
    next->began_bytes = MAX(next->began_bytes, open->began_bytes);
}

void
sampler_fill_row(const Sampler *sampler, const SampleGroup *group,
                 int64_t to_us, double to_bytes, SampleRow *row)
{
    double to_send = (double)group->c_pages - group->began_pages;

    *row = (SampleRow){
        .iter = group->pass - sampler->base + 1,
        .merged = 1,
        .pages_to_send = to_send > 0 ? (uint64_t)llround(to_send) : 0,
        .page_bytes = sampler->page_bytes,
        .duration_s = (double)(to_us - group->began_us) / G_USEC_PER_SEC,
        .sent_bytes = to_bytes > group->began_bytes
                          ? (uint64_t)llround(to_bytes - group->began_bytes)
                          : 0,
        .prev_duration_s = sampler->prev_duration_s,
        .throttle_percent = group->throttle_percent,
        .final = sampler->stopped && group->began_us >= sampler->stopped_us,
        .source = sampler->source,
        .flags = group->time_guessed ? SAMPLE_FLAG_TIME_GUESSED : 0,
        .started_us = group->began_us,
        .ended_us = to_us,
    };
    if (row->duration_s > 0) {
        row->bandwidth_bytes_s = (double)row->sent_bytes / row->duration_s;
    }
    row->mem_used =
        sample_series_nearest(&sampler->mem_used, group->began_us, to_us);
    row->cpu_cores =
        sample_series_rate(&sampler->guest_cpu_s, group->began_us, to_us);
    row->vm_net_bytes_s =
        sample_series_rate(&sampler->guest_net_bytes, group->began_us, to_us);
    row->host_net_bytes_s =
        sample_series_rate(&sampler->host_net_bytes, group->began_us, to_us);
}

/* QEMU ends a pass when what remains takes no longer than the downtime
 * limit. */
bool
sampler_ended_by_tick(const Sampler *sampler, unsigned pass,
                      const SampleRow *row, double left_pages)
{
    double allowed_bytes =
        TICK_SLACK * sampler->downtime_limit_s * row->bandwidth_bytes_s;

    return sampler->ticks_possible && row->merged == 1 && pass > 1 &&
           row->duration_s >= TICK_MIN_S && row->duration_s <= TICK_MAX_S &&
           left_pages * (double)row->page_bytes > allowed_bytes;
}

/* Deeper than what C is known to fall and rise again by? */
static bool
falls_for_good(const Sampler *sampler, int64_t fall_pages)
{
    return fall_pages > MAX(SAMPLE_NOISE_PAGES, 2 * sampler->recovered_pages);
}

void
sampler_emit(Sampler *sampler, const SampleRow *row)
{
    sampler->prev_duration_s = known(row->duration_s);
    g_queue_push_tail(&sampler->rows, g_memdup2(row, sizeof(*row)));
    sample_series_prune(&sampler->guest_cpu_s, row->ended_us);
    sample_series_prune(&sampler->guest_net_bytes, row->ended_us);
    sample_series_prune(&sampler->host_net_bytes, row->ended_us);
    sample_series_prune(&sampler->mem_used, row->ended_us);
}

/* The group after it is sampled: write the row of the open one. */
static void
close_open(Sampler *sampler)
{
    SampleGroup *open = &sampler->open;
    SampleGroup *next = &sampler->next;
    int64_t dirty_pages = next->c_pages - open->c_pages;
    SampleRow row;

    if (!open->begun) {
        begin_first(sampler, open);
    }
    begin_next(sampler, open, next);
    sampler_fill_row(sampler, open, next->began_us, next->began_bytes, &row);
    row.merged = next->pass - open->pass;
    row.dirty_pages = known((double)MAX(dirty_pages, 0));
    row.sent_pages = known(fmax(next->began_pages - open->began_pages, 0));
    if (falls_for_good(sampler, -dirty_pages) ||
        falls_for_good(sampler, open->c_pages - open->c_last_pages)) {
        row.flags |= SAMPLE_FLAG_BACKWARDS;
    }
    if (next->time_guessed) {
        row.flags |= SAMPLE_FLAG_TIME_GUESSED;
    }
    if (sampler_ended_by_tick(sampler, open->pass, &row,
                              (double)open->c_pages - next->began_pages)) {
        row.flags |= SAMPLE_FLAG_TICK;
    }
    sampler_emit(sampler, &row);

    sampler->open = *next;
    sampler->has_next = false;
    while (sampler->events->len > 0 &&
           g_array_index(sampler->events, PassEvent, 0).pass <
               sampler->open.pass) {
        g_array_remove_index(sampler->events, 0);
    }
}

/* Close the open row as soon as its end is known well enough. */
static void
close_if_ready(Sampler *sampler)
{
    const SampleGroup *next = &sampler->next;
    bool time_known, c_known;

    if (!sampler->has_next || sample_exact_waits(sampler)) {
        return;
    }
    time_known = event_of(sampler, next->pass) || sampler->events->len == 0 ||
                 next->n_polls >= 2;
    c_known =
        sampler->recovered_pages <= SAMPLE_NOISE_PAGES || next->n_polls >= 3;
    if (time_known && c_known) {
        close_open(sampler);
    }
}

void
sampler_pass(Sampler *sampler, unsigned pass, int64_t at_us)
{
    sampler_pass_told(sampler, pass, at_us, NULL);
}

void
sampler_pass_told(Sampler *sampler, unsigned pass, int64_t at_us,
                  const SampleTold *told)
{
    PassEvent event = { pass, at_us };

    if (sampler->finished || pass == 0) {
        return;
    }
    restart_if_below(sampler, pass);
    if (told && sample_told_exact(told)) {
        sample_exact_pass(sampler, pass, at_us, told);
    }
    if (sampler->has_open && sampler->open.begun &&
        pass <= sampler->open.pass) {
        return; /* its beginning was settled without */
    }
    if (sampler->events->len > 0) {
        const PassEvent *last = &g_array_index(sampler->events, PassEvent,
                                               sampler->events->len - 1);

        if (pass <= last->pass) {
            return;
        }
    }
    g_array_append_val(sampler->events, event);
    close_if_ready(sampler);
}

void
sampler_stopped(Sampler *sampler, int64_t at_us)
{
    const SampleGroup *newest =
        sampler->has_next ? &sampler->next : &sampler->open;

    if (sampler->stopped || sampler->finished) {
        return;
    }
    sampler->stopped = true;
    sampler->stopped_us = at_us;
    /* QEMU answers nothing once it has stopped the guest: a stop long before
     * the last answer was stamped by a clock that is off */
    if (sampler->has_open && at_us < newest->last.at_us - EVENT_SLACK_US) {
        sampler->stopped_us = newest->last.at_us;
    }
}

void
sampler_resumed(Sampler *sampler)
{
    if (!sampler->finished) {
        sampler->stopped = false;
    }
}

void
sampler_poll(Sampler *sampler, const SamplePoll *poll)
{
    SampleGroup *group;

    if (sampler->finished || poll->pass == 0 || !sample_poll_sane(poll)) {
        return;
    }
    if (sampler->has_open) {
        const SampleGroup *newest =
            sampler->has_next ? &sampler->next : &sampler->open;

        if (poll->at_us < newest->last.at_us ||
            poll->page_bytes != sampler->page_bytes ||
            (poll->pass < newest->pass && poll->pass >= sampler->base)) {
            return;
        }
    }
    restart_if_below(sampler, poll->pass);

    if (!sampler->has_open) {
        sampler->page_bytes = poll->page_bytes;
        sample_group_init(&sampler->open, poll);
        sampler->has_open = true;
        sample_exact_begin(sampler);
        return;
    }
    group = sampler->has_next ? &sampler->next : &sampler->open;
    if (poll->pass > group->pass) {
        if (sampler->has_next && !sample_exact_waits(sampler)) {
            close_open(sampler);
        }
        sample_group_init(&sampler->next, poll);
        sampler->has_next = true;
    } else {
        int64_t risen = sample_group_add(group, poll);

        sampler->recovered_pages = MAX(sampler->recovered_pages, risen);
    }
    close_if_ready(sampler);
}

void
sampler_counters(Sampler *sampler, const SampleCounters *counters)
{
    if (sampler->finished) {
        return;
    }
    sample_series_add(&sampler->guest_cpu_s, counters->at_us,
                      counters->guest_cpu_s);
    sample_series_add(&sampler->guest_net_bytes, counters->at_us,
                      counters->guest_net_bytes);
    sample_series_add(&sampler->host_net_bytes, counters->at_us,
                      counters->host_net_bytes);
    sample_series_add(&sampler->mem_used, counters->at_us, counters->mem_used);
}

void
sampler_finish(Sampler *sampler, int64_t at_us, Known sent_bytes)
{
    SampleGroup *open = &sampler->open;
    unsigned last_pass;
    double to_bytes;
    SampleRow row;

    if (sampler->finished) {
        return;
    }
    if (sampler->has_next) {
        close_open(sampler);
    }
    to_bytes = open->last.sent_bytes;
    if (sent_bytes.known && sent_bytes.value >= to_bytes &&
        sent_bytes.value < 0x1p62) {
        to_bytes = sent_bytes.value;
    }
    if (sampler->has_open) {
        if (!open->begun) {
            begin_first(sampler, open);
        }
        last_pass = open->pass;
        for (unsigned i = 0; i < sampler->events->len; i++) {
            last_pass = MAX(last_pass,
                            g_array_index(sampler->events, PassEvent, i).pass);
        }
        sampler_fill_row(sampler, open, MAX(at_us, open->began_us), to_bytes,
                         &row);
        sample_exact_mark(sampler, &row);
        row.merged = last_pass - open->pass + 1;
        row.final = sampler->stopped;
        if (falls_for_good(sampler, open->c_pages - open->c_last_pages)) {
            row.flags |= SAMPLE_FLAG_BACKWARDS;
        }
        sampler_emit(sampler, &row);
    }
    sampler->finished = true;
}

bool
sampler_take(Sampler *sampler, SampleRow *row)
{
    g_autofree SampleRow *oldest = g_queue_pop_head(&sampler->rows);

    if (!oldest) {
        return false;
    }
    *row = *oldest;
    return true;
}

bool
sampler_running(const Sampler *sampler, SampleRow *row)
{
    SampleGroup group;
    const PassEvent *newest = NULL;

    if (sampler->finished || !sampler->has_open) {
        return false;
    }
    group = sampler->has_next ? sampler->next : sampler->open;
    if (sampler->events->len > 0) {
        newest = &g_array_index(sampler->events, PassEvent,
                                sampler->events->len - 1);
    }
    if (newest && newest->pass > group.pass) {
        return false; /* that pass is over, the one after not yet sampled */
    }
    if (sampler->has_next && sampler->exact.on) {
        return false; /* the event that ends the open one is to come */
    }
    if (sampler->has_next) {
        SampleGroup open = sampler->open;

        if (!open.begun) {
            begin_first(sampler, &open);
        }
        begin_next(sampler, &open, &group);
    } else if (!group.begun) {
        begin_first(sampler, &group);
    }
    sampler_fill_row(sampler, &group, MAX(group.last.at_us, group.began_us),
                     group.last.sent_bytes, row);
    if (!sampler->has_next) {
        sample_exact_mark(sampler, row);
    }
    return true;
}
