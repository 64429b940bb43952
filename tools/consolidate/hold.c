/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hold.c - see hold.h
 */
#include "tools/consolidate/hold.h"

#define PART 32
#define MIB (UINT64_C(1) << 20) /* libvirt's limits are whole ones */

static bool
share_a_link(const HoldMove *a, const HoldMove *b, HoldLink link, gpointer user)
{
    uint64_t sum_bytes_s = a->rate_bytes_s + b->rate_bytes_s;

    return (g_strcmp0(a->from, b->from) == 0 &&
            sum_bytes_s > link(a->from, user)) ||
           (g_strcmp0(a->to, b->to) == 0 && sum_bytes_s > link(a->to, user));
}

static bool
somebody_is_in_its_way(const GPtrArray *all, const HoldMove *move,
                       HoldLink link, gpointer user)
{
    for (guint i = 0; i < all->len; i++) {
        const HoldMove *other = g_ptr_array_index(all, i);

        if (other != move && other->sends && !other->held &&
            share_a_link(move, other, link, user)) {
            return true;
        }
    }
    return false;
}

void
hold_begin(const GPtrArray *all, HoldMove *move, HoldLink link, gpointer user,
           int64_t now_us)
{
    move->sends = true;
    move->held = somebody_is_in_its_way(all, move, link, user);
    move->held_us = now_us;
}

HoldMove *
hold_next(const GPtrArray *all, HoldLink link, gpointer user, int64_t now_us)
{
    for (guint i = 0; i < all->len; i++) {
        HoldMove *move = g_ptr_array_index(all, i);

        if (move->held && (now_us - move->held_us > HOLD_MOST_US ||
                           !somebody_is_in_its_way(all, move, link, user))) {
            move->held = false;
            return move;
        }
    }
    return NULL;
}

uint64_t
hold_rate(uint64_t link_bytes_s)
{
    return MAX(link_bytes_s / PART, MIB);
}
