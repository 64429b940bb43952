/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * claims.h - which connections belong to which of several migrations
 *
 * Two guests leave for one destination in the same second: two connections,
 * two counts of QEMU's, and nothing in an address tells them apart. What does:
 * the sockets that a guest's QEMU holds, where we may look; else bytes. The
 * connections to one address and port belong to one migration, because every
 * incoming one listens on a port of its own; so endpoints are matched, and
 * what a multifd migration sends is the sum over its channels.
 *
 *   certain   the endpoint's bytes fit this migration's count and no other's,
 *             and this migration's count no other endpoint
 *   in doubt  they fit several: these migrations and endpoints are a group,
 *             and share one class until bytes tell them apart
 *   nobody's  they fit none, or more endpoints than migrations fit: a stranger
 *             is among them, and none of these is shaped
 *
 * Pure: the socket table is an argument.
 */
#ifndef TC_CLAIMS_H
#define TC_CLAIMS_H

#include <glib.h>
#include <stdint.h>

#include "base/known.h"
#include "tc/streams.h"

/* One outgoing migration. */
typedef struct StreamClaim {
    Known sent_bytes;     /* QEMU's count, carried on to the moment of the list;
                           unknown: no statistics yet */
    double slack_bytes;   /* how far that may be off */
    const GArray *inodes; /* uint64_t, sockets of its QEMU; NULL: we may not
                             look. What they tell is certain */
    char address[46];     /* endpoint that was certain at the last look; */
    uint16_t port;        /* 0: none was */
} StreamClaim;

typedef struct StreamVerdict {
    int claim; /* whose connection it is beyond doubt, -1: see .group */
    int group; /* number of the group that shares it, -1: nobody's */
} StreamVerdict;

/**
 * streams_attribute() - Judge a list of connections
 * @streams: StreamInfo
 * @verdicts: Room for one a stream
 * @groups: Room for one a claim: its group, -1 if it is in none
 */
void streams_attribute(const StreamClaim *claims, size_t n_claims,
                       const GArray *streams, StreamVerdict *verdicts,
                       int *groups);

/**
 * streams_endpoint() - Where a migration goes that none of the usual ports show
 * @claim: Its sockets and its count must be known, and enough to mean something
 * @streams: StreamInfo, of all ports
 *
 * What QEMU holds may be its guest's disks or a display as well, so the bytes
 * must be those of the migration too.
 * Return: index of a connection of the one endpoint that fits, -1: none does,
 * or several do
 */
int streams_endpoint(const StreamClaim *claim, const GArray *streams);

#endif
