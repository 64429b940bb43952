/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sample-group.c - what the polls of one pass say together
 *
 * C = remaining / page size + normal + duplicate (+ xbzrle + compressed) is
 * constant inside a pass. What moves it all the same:
 *
 *   reads are not atomic         by a page, both ways
 *   multifd                      down by up to some 640 pages and up again: a
 *                                page handed to a channel is no longer
 *                                remaining, and counted when it was sent
 *   free page hints, xbzrle      down for good: pages leave "remaining" and
 *   pages found unchanged        are never sent
 *
 * So the largest C is that of the sync that began the pass. A fall that is
 * deeper than twice any fall seen to recover is taken as one for good; x1 of
 * that pass, largest C to largest C, is then short of the truth by the fall.
 */
#include "sample/sample-priv.h"

/* Sums of these stay exact in a double, and no guest has 2^50 pages. */
#define PAGES_MAX (UINT64_C(1) << 50)

bool
sample_poll_sane(const SamplePoll *poll)
{
    return poll->page_bytes >= 512 && poll->page_bytes <= 1u << 30 &&
           poll->remaining_bytes / poll->page_bytes <= PAGES_MAX &&
           poll->normal_pages <= PAGES_MAX &&
           poll->duplicate_pages <= PAGES_MAX &&
           poll->other_pages <= PAGES_MAX &&
           poll->sent_bytes <= UINT64_C(1) << 62;
}

static SamplePoint
point_of(const SamplePoll *poll)
{
    return (SamplePoint){
        .at_us = poll->at_us,
        .remaining_pages = (int64_t)(poll->remaining_bytes / poll->page_bytes),
        .sent_bytes = (double)poll->sent_bytes,
    };
}

static int64_t
c_of(const SamplePoll *poll)
{
    return (int64_t)(poll->remaining_bytes / poll->page_bytes +
                     poll->normal_pages + poll->duplicate_pages +
                     poll->other_pages);
}

void
sample_group_init(SampleGroup *group, const SamplePoll *poll)
{
    *group = (SampleGroup){
        .pass = poll->pass,
        .n_polls = 1,
        .c_pages = c_of(poll),
        .c_last_pages = c_of(poll),
        .c_low_pages = c_of(poll),
        .first = point_of(poll),
        .last = point_of(poll),
        .throttle_percent = poll->throttle_percent,
    };
}

int64_t
sample_group_add(SampleGroup *group, const SamplePoll *poll)
{
    int64_t c = c_of(poll);
    int64_t risen = 0;

    if (c < group->c_low_pages) {
        group->c_low_pages = c;
    } else if (c > group->c_last_pages) {
        risen = c - group->c_low_pages;
        if (c >= group->c_pages) {
            group->c_low_pages = c;
        }
    }
    group->c_pages = MAX(group->c_pages, c);
    group->c_last_pages = c;
    group->last = point_of(poll);
    group->throttle_percent = poll->throttle_percent;
    group->n_polls++;
    return risen;
}
