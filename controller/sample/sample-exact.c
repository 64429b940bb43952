/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sample-exact.c - rows out of what the events of a patched QEMU tell
 *
 *        event k                        event k+1
 *   ────────┼───────────────────────────────┼────────
 *    remaining-pages(k)              duration-us, dirty-pages,
 *    = pages to send of row k        sent-bytes, hot- and cold-pages
 *                                    of row k
 *
 * Nothing is interpolated and nothing merged, and nothing is waited for: the
 * row is whole when the event that ends it is there.
 *
 * Polls go on, and an event counts as one that fell right onto the sync: it
 * opens the group of its pass, with the C that follows from the one before and
 * dirty-pages. So when an event is lost, which cannot be made up for as the
 * next one tells of its own pass only, the identity of sample.c goes on from
 * the last that was told, without a gap and counting nothing twice, until
 * events with members follow each other again.
 */
#include "sample/sample-priv.h"

#include <math.h>

/* Polls of a later pass, without its event, after which that is thought lost.
 * Libvirt's events and answers take different roads, but not for long. */
#define LOST_POLLS 8

/* Wherever libvirt migrates guests; until a poll has told. */
#define USUAL_PAGE_BYTES 4096

static const SampleGroup *
newest_group(const Sampler *sampler)
{
    return sampler->has_next ? &sampler->next : &sampler->open;
}

/* Row of the pass before @pass, which ends with what is told here. */
static void
emit_row(Sampler *sampler, unsigned pass, int64_t at_us, const SampleTold *told)
{
    const SampleExact *exact = &sampler->exact;
    /* what was to send when it began follows, should nobody have told */
    double pages = exact->on ? exact->told.remaining_pages.value
                             : fmax(0, told->remaining_pages.value +
                                           told->sent_pages.value -
                                           told->dirty_pages.value);
    SampleGroup group = {
        .pass = pass - 1,
        .c_pages = llround(pages),
        .began_us =
            at_us - (int64_t)llround(told->duration_s.value * G_USEC_PER_SEC),
        .throttle_percent =
            sampler->has_open ? newest_group(sampler)->throttle_percent : 0,
    };
    SampleRow row;

    sampler_fill_row(sampler, &group, at_us, told->sent_bytes.value, &row);
    row.source = SAMPLE_SOURCE_PATCH;
    row.page_bytes = row.page_bytes ? row.page_bytes : USUAL_PAGE_BYTES;
    row.dirty_pages = told->dirty_pages;
    row.sent_pages = told->sent_pages;
    row.hot_pages = told->hot_pages;
    row.cold_pages = told->cold_pages;
    row.zero_pages = told->zero_pages;
    if (exact->on && exact->told.running.known) {
        row.final = exact->told.running.value == 0;
    }
    if (sampler_ended_by_tick(sampler, pass - 1, &row,
                              pages - told->sent_pages.value)) {
        row.flags |= SAMPLE_FLAG_TICK;
    }
    sampler_emit(sampler, &row);
}

void
sample_exact_begin(Sampler *sampler)
{
    const SampleExact *exact = &sampler->exact;
    SampleGroup *open = &sampler->open;

    if (exact->on && sampler->has_open && open->pass == exact->pass) {
        open->begun = true;
        open->time_guessed = false;
        open->began_us = exact->at_us;
        open->began_pages =
            (double)open->c_pages - exact->told.remaining_pages.value;
        open->began_bytes = exact->bytes;
    }
}

/* The group of the pass that begins, out of the last one and the event. */
static void
open_group(Sampler *sampler)
{
    const SampleExact *exact = &sampler->exact;
    SampleGroup *open = &sampler->open;

    if (!sampler->has_open) {
        return; /* no poll has told the size of a page */
    }
    if (sampler->has_next && sampler->next.pass == exact->pass) {
        *open = sampler->next;
        sampler->has_next = false;
    } else if (open->pass < exact->pass) {
        SamplePoint here = { exact->at_us,
                             llround(exact->told.remaining_pages.value),
                             exact->bytes };
        int64_t c = open->c_pages + llround(exact->told.dirty_pages.value);

        *open = (SampleGroup){
            .pass = exact->pass,
            .n_polls = 1,
            .c_pages = c,
            .c_last_pages = c,
            .c_low_pages = c,
            .first = here,
            .last = here,
            .throttle_percent = open->throttle_percent,
        };
    }
    sample_exact_begin(sampler);
}

void
sample_exact_pass(Sampler *sampler, unsigned pass, int64_t at_us,
                  const SampleTold *told)
{
    SampleExact *exact = &sampler->exact;
    unsigned open = sampler->has_open ? sampler->open.pass : pass;
    bool whole = exact->on && pass == exact->pass + 1;

    if (exact->on && pass <= exact->pass) {
        return;
    }
    if (!whole) {
        exact->on = false;
        if (open != pass && open + 1 != pass) {
            return; /* passes before it are the identity's to tell */
        }
        exact->bytes = pass == 1 || !sampler->has_open
                           ? 0
                           : fmax(0, newest_group(sampler)->last.sent_bytes -
                                         told->sent_bytes.value);
    }
    if (whole || open + 1 == pass) {
        emit_row(sampler, pass, at_us, told);
    }
    exact->on = true;
    exact->pass = pass;
    exact->at_us = at_us;
    exact->told = *told;
    exact->bytes += told->sent_bytes.value;
    open_group(sampler);
}

bool
sample_exact_waits(Sampler *sampler)
{
    SampleExact *exact = &sampler->exact;

    if (exact->on && sampler->has_next && sampler->next.pass > exact->pass &&
        sampler->next.n_polls >= LOST_POLLS) {
        exact->on = false;
    }
    return exact->on;
}

void
sample_exact_mark(const Sampler *sampler, SampleRow *row)
{
    const SampleExact *exact = &sampler->exact;

    if (exact->on && sampler->open.pass == exact->pass) {
        row->source = SAMPLE_SOURCE_PATCH;
        if (exact->told.running.known) {
            row->final = exact->told.running.value == 0;
        }
    }
}
