/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hold.h - which of several moves has the link, and which is held back
 *
 *   first   ==============================|blackout|
 *   second                    prepares |--- held ---|==================
 *
 * Two moves that together want more than a link they share (the first's host's,
 * or the one of the host that both go to) are under way at once only for the end
 * of the first and the beginning of the second. The second is held until the
 * first has sent all of it; not for ever, should that not come to an end.
 *
 * Pure: the time and the links' rates come in.
 */
#ifndef CONSOLIDATE_HOLD_H
#define CONSOLIDATE_HOLD_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define HOLD_MOST_US (30 * G_USEC_PER_SEC)

/* A migration, or one that is not yet or no longer; all false is none. */
typedef struct HoldMove {
    const char *from, *to; /* hosts; borrowed */
    uint64_t rate_bytes_s; /* planned */
    bool sends;            /* it has been begun, and has not sent all of it */
    bool held;
    int64_t held_us; /* since then */
} HoldMove;

/* Rate of a host's link in bytes per second */
typedef uint64_t (*HoldLink)(const char *host, gpointer user);

/**
 * hold_begin() - It is about to be begun: is it held?
 * @all: HoldMove *, @move may be among them
 *
 * Sets .sends, .held and .held_us.
 */
void hold_begin(const GPtrArray *all, HoldMove *move, HoldLink link,
                gpointer user, int64_t now_us);

/**
 * hold_next() - Somebody who is held and need not be any longer
 *
 * Clears .held of it; call it until there is none. Return: NULL: there is none
 */
HoldMove *hold_next(const GPtrArray *all, HoldLink link, gpointer user,
                    int64_t now_us);

/** hold_rate() - What who is held may send of such a link, in bytes per second:
 * enough to come to an end, should nobody be left to let it go */
uint64_t hold_rate(uint64_t link_bytes_s);

#endif
