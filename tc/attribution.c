/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * attribution.c - see attribution.h
 *
 * A connection is known by its four-tuple and inode: a port that is used again
 * is another connection.
 */
#include "tc/attribution.h"

#include <string.h>

/* Less than this says nothing about whose bytes they are. */
#define CLEAR_BYTES (1024 * 1024)

struct Attribution {
    bool many;
    GArray *before;  /* StreamInfo */
    GArray *found;   /* StreamInfo, new ones, closed ones included */
    GArray *matches; /* StreamMatch */
    GArray *chosen;  /* guint, indices into found */
};

static bool
same_connection(const StreamInfo *a, const StreamInfo *b)
{
    return a->inode == b->inode &&
           a->match.source_port == b->match.source_port &&
           a->match.destination_port == b->match.destination_port &&
           strcmp(a->match.source, b->match.source) == 0 &&
           strcmp(a->match.destination, b->match.destination) == 0;
}

/* A socket that was accepted by nobody yet has inode 0; it may gain one. */
static bool
matches_entry(const StreamInfo *listed, const StreamInfo *seen)
{
    StreamInfo adapted = *listed;

    if (listed->inode == 0) {
        adapted.inode = seen->inode;
    }
    return same_connection(&adapted, seen);
}

static StreamInfo *
find(GArray *among, const StreamInfo *which)
{
    for (guint i = 0; i < among->len; i++) {
        StreamInfo *info = &g_array_index(among, StreamInfo, i);

        if (matches_entry(info, which)) {
            return info;
        }
    }
    return NULL;
}

Attribution *
attribution_new(const GArray *before, bool many)
{
    Attribution *attribution = g_new0(Attribution, 1);

    attribution->many = many;
    attribution->before = g_array_new(FALSE, FALSE, sizeof(StreamInfo));
    attribution->found = g_array_new(FALSE, FALSE, sizeof(StreamInfo));
    attribution->matches = g_array_new(FALSE, TRUE, sizeof(StreamMatch));
    attribution->chosen = g_array_new(FALSE, FALSE, sizeof(guint));
    if (before && before->len > 0) {
        g_array_append_vals(attribution->before, before->data, before->len);
    }
    return attribution;
}

void
attribution_free(Attribution *attribution)
{
    if (!attribution) {
        return;
    }
    g_array_unref(attribution->before);
    g_array_unref(attribution->found);
    g_array_unref(attribution->matches);
    g_array_unref(attribution->chosen);
    g_free(attribution);
}

static double
distance(const StreamInfo *info, uint64_t sent_bytes)
{
    return info->bytes_acked > sent_bytes
               ? (double)(info->bytes_acked - sent_bytes)
               : (double)(sent_bytes - info->bytes_acked);
}

/* The one whose count is nearest to QEMU's, if it is so beyond doubt: twice as
 * near as the next. Returns its index, or -1. */
static int
clearly_nearest(const GArray *found, uint64_t sent_bytes)
{
    int best = -1;
    double best_distance = G_MAXDOUBLE, next_distance = G_MAXDOUBLE;

    if (sent_bytes < CLEAR_BYTES) {
        return -1;
    }
    for (guint i = 0; i < found->len; i++) {
        double here =
            distance(&g_array_index(found, StreamInfo, i), sent_bytes);

        if (here < best_distance) {
            next_distance = best_distance;
            best_distance = here;
            best = (int)i;
        } else {
            next_distance = MIN(next_distance, here);
        }
    }
    return best_distance * 2 <= next_distance ? best : -1;
}

static void
choose(Attribution *attribution, uint64_t sent_bytes)
{
    GArray *chosen = attribution->chosen;
    guint n = attribution->found->len;

    if (attribution->many || n == 1) {
        g_array_set_size(chosen, 0);
        for (guint i = 0; i < n; i++) {
            g_array_append_val(chosen, i);
        }
    } else if (n > 1) {
        int nearest = clearly_nearest(attribution->found, sent_bytes);

        /* In doubt what was clear before stays, but for one chosen only
         * because it had been alone. */
        if (nearest >= 0) {
            guint index = (guint)nearest;

            g_array_set_size(chosen, 0);
            g_array_append_val(chosen, index);
        } else if (sent_bytes < CLEAR_BYTES) {
            g_array_set_size(chosen, 0);
        }
    }
}

bool
attribution_update(Attribution *attribution, const GArray *now,
                   uint64_t sent_bytes)
{
    g_autoptr(GArray) matches = g_array_new(FALSE, TRUE, sizeof(StreamMatch));
    GArray *previous = attribution->matches;
    bool changed;

    for (guint i = 0; i < now->len; i++) {
        const StreamInfo *info = &g_array_index(now, StreamInfo, i);
        StreamInfo *seen = find(attribution->found, info);

        if (seen) {
            *seen = *info;
        } else if (!find(attribution->before, info)) {
            g_array_append_val(attribution->found, *info);
        }
    }
    choose(attribution, sent_bytes);

    for (guint i = 0; i < attribution->chosen->len; i++) {
        guint index = g_array_index(attribution->chosen, guint, i);

        g_array_append_val(
            matches,
            g_array_index(attribution->found, StreamInfo, index).match);
    }
    changed =
        matches->len != previous->len ||
        (matches->len > 0 && memcmp(matches->data, previous->data,
                                    matches->len * sizeof(StreamMatch)) != 0);
    if (changed) {
        attribution->matches = g_steal_pointer(&matches);
        g_array_unref(previous);
    }
    return changed;
}

const GArray *
attribution_matches(const Attribution *attribution)
{
    return attribution->matches;
}

static const StreamInfo *
chosen_stream(const Attribution *attribution, guint i)
{
    return &g_array_index(attribution->found, StreamInfo,
                          g_array_index(attribution->chosen, guint, i));
}

Known
attribution_bytes(const Attribution *attribution)
{
    double bytes = 0;

    for (guint i = 0; i < attribution->chosen->len; i++) {
        bytes += (double)chosen_stream(attribution, i)->bytes_acked;
    }
    return attribution->chosen->len > 0 ? known(bytes) : unknown();
}

Known
attribution_queued(const Attribution *attribution)
{
    double bytes = 0;

    for (guint i = 0; i < attribution->chosen->len; i++) {
        bytes += (double)chosen_stream(attribution, i)->queued_bytes;
    }
    return attribution->chosen->len > 0 ? known(bytes) : unknown();
}
