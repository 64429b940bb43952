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

typedef struct Connection {
    StreamInfo info;     /* as last listed */
    bool open;           /* in the last list */
    bool chosen;         /* part of the stream, as far as is known */
    uint64_t wire_bytes; /* of it when it was chosen: these went elsewhere */
} Connection;

struct Attribution {
    bool many;
    GArray *before;  /* Connection */
    GArray *found;   /* Connection, new ones, closed ones included */
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

/* A socket that was accepted by nobody yet has inode 0, and gains one; one
 * that its process has closed, and whose last bytes are on their way, loses
 * it. */
static bool
matches_entry(const StreamInfo *known_one, const StreamInfo *listed)
{
    StreamInfo adapted = *listed;

    if (known_one->inode == 0 || listed->inode == 0) {
        adapted.inode = known_one->inode;
    }
    return same_connection(known_one, &adapted);
}

/* Of one that is all but gone the kernel tells no counters any more. */
static void
take_listed(Connection *seen, const StreamInfo *listed)
{
    uint64_t inode = listed->inode ? listed->inode : seen->info.inode;

    if (listed->bytes_acked >= seen->info.bytes_acked) {
        seen->info = *listed;
        seen->info.inode = inode;
        seen->open = true;
    }
}

static Connection *
find(GArray *among, const StreamInfo *which)
{
    for (guint i = 0; i < among->len; i++) {
        Connection *connection = &g_array_index(among, Connection, i);

        if (matches_entry(&connection->info, which)) {
            return connection;
        }
    }
    return NULL;
}

static const Connection *
connection_at(const GArray *found, guint i)
{
    return &g_array_index(found, Connection, i);
}

static void
append(GArray *among, const StreamInfo *info)
{
    Connection connection = { .info = *info, .open = true };

    g_array_append_val(among, connection);
}

Attribution *
attribution_new(const GArray *before, bool many)
{
    Attribution *attribution = g_new0(Attribution, 1);

    attribution->many = many;
    attribution->before = g_array_new(FALSE, FALSE, sizeof(Connection));
    attribution->found = g_array_new(FALSE, FALSE, sizeof(Connection));
    attribution->matches = g_array_new(FALSE, TRUE, sizeof(StreamMatch));
    attribution->chosen = g_array_new(FALSE, FALSE, sizeof(guint));
    for (guint i = 0; before && i < before->len; i++) {
        append(attribution->before, &g_array_index(before, StreamInfo, i));
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
        double here = distance(&connection_at(found, i)->info, sent_bytes);

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

/* From now on the chosen ones' bytes are counted by their class. */
static void
note_chosen(Attribution *attribution)
{
    for (guint i = 0; i < attribution->found->len; i++) {
        Connection *connection =
            &g_array_index(attribution->found, Connection, i);
        bool chosen = false;

        for (guint j = 0; j < attribution->chosen->len; j++) {
            chosen |= g_array_index(attribution->chosen, guint, j) == i;
        }
        if (chosen && !connection->chosen) {
            connection->wire_bytes = connection->info.wire_bytes;
        }
        connection->chosen = chosen;
    }
}

bool
attribution_update(Attribution *attribution, const GArray *now,
                   uint64_t sent_bytes)
{
    g_autoptr(GArray) matches = g_array_new(FALSE, TRUE, sizeof(StreamMatch));
    GArray *previous = attribution->matches;
    bool changed;

    for (guint i = 0; i < attribution->found->len; i++) {
        g_array_index(attribution->found, Connection, i).open = false;
    }
    for (guint i = 0; i < now->len; i++) {
        const StreamInfo *info = &g_array_index(now, StreamInfo, i);
        Connection *seen = find(attribution->found, info);

        if (seen) {
            take_listed(seen, info);
        } else if (!find(attribution->before, info)) {
            append(attribution->found, info);
        }
    }
    choose(attribution, sent_bytes);
    note_chosen(attribution);

    for (guint i = 0; i < attribution->chosen->len; i++) {
        guint index = g_array_index(attribution->chosen, guint, i);

        g_array_append_val(
            matches,
            g_array_index(attribution->found, Connection, index).info.match);
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

static const Connection *
chosen_stream(const Attribution *attribution, guint i)
{
    return connection_at(attribution->found,
                         g_array_index(attribution->chosen, guint, i));
}

Known
attribution_bytes(const Attribution *attribution)
{
    double bytes = 0;

    for (guint i = 0; i < attribution->chosen->len; i++) {
        bytes += (double)chosen_stream(attribution, i)->info.bytes_acked;
    }
    return attribution->chosen->len > 0 ? known(bytes) : unknown();
}

GArray *
attribution_inodes(const Attribution *attribution)
{
    GArray *inodes = g_array_new(FALSE, FALSE, sizeof(uint64_t));

    for (guint i = 0; i < attribution->chosen->len; i++) {
        const Connection *connection = chosen_stream(attribution, i);

        if (connection->open && connection->info.inode != 0) {
            g_array_append_val(inodes, connection->info.inode);
        }
    }
    return inodes;
}

Known
attribution_queued(const Attribution *attribution)
{
    double bytes = 0;

    for (guint i = 0; i < attribution->chosen->len; i++) {
        bytes += (double)chosen_stream(attribution, i)->info.queued_bytes;
    }
    return attribution->chosen->len > 0 ? known(bytes) : unknown();
}

double
attribution_waiting(const Attribution *attribution)
{
    double bytes = 0;

    for (guint i = 0; i < attribution->chosen->len; i++) {
        const Connection *connection = chosen_stream(attribution, i);

        bytes += connection->open ? (double)connection->info.queued_bytes : 0;
    }
    return bytes;
}

Known
attribution_wire_bytes(const Attribution *attribution)
{
    double bytes = 0;

    for (guint i = 0; i < attribution->chosen->len; i++) {
        const Connection *connection = chosen_stream(attribution, i);

        /* The handshake counts as one byte acknowledged. */
        if (!connection->open || (connection->info.wire_bytes == 0 &&
                                  connection->info.bytes_acked > 1)) {
            return unknown();
        }
        bytes += (double)(connection->info.wire_bytes - connection->wire_bytes);
    }
    return attribution->chosen->len > 0 ? known(bytes) : unknown();
}
