/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * attribution.h - which of the connections to the destination is the stream
 *
 * The migration's socket is opened by libvirtd, some time after the request,
 * from a port nobody knows beforehand. What is known: where it goes, that it
 * was not there before, and how many bytes QEMU says it has sent. Connections
 * that existed at the start are somebody else's. A single new one is the
 * stream. Of several the one whose bytes follow QEMU's is; until that is clear
 * none is matched, for shaping a stranger is worse than shaping late.
 *
 * Pure: the socket table is an argument.
 */
#ifndef TC_ATTRIBUTION_H
#define TC_ATTRIBUTION_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/known.h"
#include "tc/streams.h"

typedef struct Attribution Attribution;

/**
 * attribution_new() - Remember what is there before the migration starts
 * @before: StreamInfo array of streams_list(); NULL: nothing
 * @many: Several connections are expected (multifd, storage copy, post-copy
 *        preemption): every new one belongs to the stream
 */
Attribution *attribution_new(const GArray *before, bool many);
void attribution_free(Attribution *attribution);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Attribution, attribution_free)

/**
 * attribution_update() - Look again
 * @now: StreamInfo array of streams_list()
 * @sent_bytes: What QEMU says it has sent so far
 *
 * Return: true if the matches changed
 */
bool attribution_update(Attribution *attribution, const GArray *now,
                        uint64_t sent_bytes);

/** attribution_matches() - The stream's connections, StreamMatch; borrowed */
const GArray *attribution_matches(const Attribution *attribution);

/**
 * attribution_bytes() - Payload bytes acknowledged on the stream so far
 *
 * Connections that are closed by now keep their last count. Unknown before a
 * connection was found.
 */
Known attribution_bytes(const Attribution *attribution);

/** attribution_inodes() - The sockets of those that are still open, uint64_t;
 * g_array_unref() it */
GArray *attribution_inodes(const Attribution *attribution);

/** attribution_queued() - Payload in the sockets' queues at the last look;
 * unknown before a connection was found */
Known attribution_queued(const Attribution *attribution);

/** attribution_waiting() - ... of those that are still open; 0: all arrived */
double attribution_waiting(const Attribution *attribution);

/**
 * attribution_wire_bytes() - What the stream's class must have counted
 *
 * Headers and retransmissions included, of each connection since it was found
 * to belong to the stream. Unknown when one of them is closed by now, or the
 * kernel does not tell.
 */
Known attribution_wire_bytes(const Attribution *attribution);

#endif
