/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * claims.c - see claims.h
 *
 * A count fits an endpoint when they differ by no more than what QEMU holds
 * back and counts apart (device state, headers of TLS), and what passed between
 * the two readings. Claims and endpoints that fit are the edges of a graph; its
 * components are looked at one by one. A pair that was certain stays so while
 * it fits four times as loosely: two counts that meet again on the way are no
 * reason to doubt.
 */
#include "tc/claims.h"

#include <math.h>
#include <string.h>

#define LEAST_TOLERANCE_BYTES (512.0 * 1024)
#define TOLERANCE_SHARE 0.01
/* Less than this says nothing about whose bytes they are. */
#define CLEAR_BYTES (2.0 * 1024 * 1024)
#define STICKINESS 4.0
/* A count that may be off by more is nobody's in particular. */
#define VAGUE_SHARE 0.25

typedef struct Endpoint {
    const StreamMatch *match; /* of one of its connections */
    double bytes;
    int owner; /* claim, -1: none yet */
    int group;
} Endpoint;

typedef struct Claim {
    const StreamClaim *said;
    int endpoint; /* certain, -1: none */
    int group;
} Claim;

static bool
same_endpoint(const StreamMatch *a, const StreamMatch *b)
{
    return a->destination_port == b->destination_port &&
           strcmp(a->destination, b->destination) == 0;
}

static bool
holds_inode(const StreamClaim *claim, uint64_t inode)
{
    for (guint i = 0; claim->inodes && inode && i < claim->inodes->len; i++) {
        if (g_array_index(claim->inodes, uint64_t, i) == inode) {
            return true;
        }
    }
    return false;
}

static int
holder(const StreamClaim *claims, size_t n, uint64_t inode)
{
    for (size_t i = 0; i < n; i++) {
        if (holds_inode(&claims[i], inode)) {
            return (int)i;
        }
    }
    return -1;
}

/* Connections that nobody's QEMU is known to hold, by endpoint. */
static GArray *
list_endpoints(const StreamClaim *claims, size_t n, const GArray *streams,
               int *of_stream)
{
    GArray *endpoints = g_array_new(FALSE, FALSE, sizeof(Endpoint));

    for (guint i = 0; i < streams->len; i++) {
        const StreamInfo *info = &g_array_index(streams, StreamInfo, i);
        guint j = 0;

        of_stream[i] = -1;
        /* Without an inode it is closed on our side: what is left of an
         * earlier one. */
        if (holder(claims, n, info->inode) >= 0 || info->inode == 0) {
            continue;
        }
        while (j < endpoints->len &&
               !same_endpoint(g_array_index(endpoints, Endpoint, j).match,
                              &info->match)) {
            j++;
        }
        if (j == endpoints->len) {
            Endpoint fresh = { .match = &info->match,
                               .owner = -1,
                               .group = -1 };

            g_array_append_val(endpoints, fresh);
        }
        g_array_index(endpoints, Endpoint, j).bytes +=
            (double)info->bytes_acked + (double)info->queued_bytes;
        of_stream[i] = (int)j;
    }
    return endpoints;
}

static double
tolerance(const StreamClaim *claim)
{
    return MAX(LEAST_TOLERANCE_BYTES,
               TOLERANCE_SHARE * known_or(claim->sent_bytes, 0)) +
           claim->slack_bytes;
}

static bool
fits(const StreamClaim *claim, const Endpoint *endpoint, double looseness)
{
    double difference = endpoint->bytes - known_or(claim->sent_bytes, 0);

    return fabs(difference) <= looseness * tolerance(claim);
}

static bool
was_certain(const StreamClaim *claim, const Endpoint *endpoint)
{
    return claim->port == endpoint->match->destination_port &&
           strcmp(claim->address, endpoint->match->destination) == 0;
}

static void
keep_certain(Claim *claims, size_t n, GArray *endpoints)
{
    for (size_t i = 0; i < n; i++) {
        for (guint j = 0; j < endpoints->len; j++) {
            Endpoint *endpoint = &g_array_index(endpoints, Endpoint, j);

            if (!claims[i].said->inodes && endpoint->owner < 0 &&
                was_certain(claims[i].said, endpoint) &&
                fits(claims[i].said, endpoint, STICKINESS)) {
                endpoint->owner = (int)i;
                claims[i].endpoint = (int)j;
                break;
            }
        }
    }
}

/* Does the claim still look for its endpoint, and may it be this one? */
static bool
edge(const Claim *claim, const Endpoint *endpoint)
{
    return !claim->said->inodes && claim->endpoint < 0 && endpoint->owner < 0 &&
           fits(claim->said, endpoint, 1);
}

/* Number the component that @first belongs to; false if it fits nothing. */
static bool
mark_component(Claim *claims, size_t n, GArray *endpoints, size_t first,
               int group)
{
    bool grown = true, any = false;

    claims[first].group = group;
    while (grown) {
        grown = false;
        for (size_t i = 0; i < n; i++) {
            for (guint j = 0; j < endpoints->len; j++) {
                Endpoint *endpoint = &g_array_index(endpoints, Endpoint, j);
                bool mine = claims[i].group == group;
                bool its = endpoint->group == group;

                if (mine != its && edge(&claims[i], endpoint)) {
                    claims[i].group = endpoint->group = group;
                    grown = any = true;
                }
            }
        }
    }
    if (!any) {
        claims[first].group = -1;
    }
    return any;
}

/* One claim, one endpoint, and enough bytes to mean something: certain. More
 * endpoints than claims: a stranger is among them. Else they stay a group. */
static bool
judge_component(Claim *claims, size_t n, GArray *endpoints, int group)
{
    guint n_claims = 0, n_endpoints = 0, endpoint = 0;
    size_t claim = 0;
    bool pair, stranger;

    for (size_t i = 0; i < n; i++) {
        if (claims[i].group == group) {
            n_claims++;
            claim = i;
        }
    }
    for (guint j = 0; j < endpoints->len; j++) {
        if (g_array_index(endpoints, Endpoint, j).group == group) {
            n_endpoints++;
            endpoint = j;
        }
    }
    pair = n_claims == 1 && n_endpoints == 1 &&
           known_or(claims[claim].said->sent_bytes, 0) >= CLEAR_BYTES;
    stranger = n_endpoints > n_claims;
    if (!pair && !stranger) {
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        if (claims[i].group == group) {
            claims[i].group = -1;
        }
    }
    for (guint j = 0; j < endpoints->len; j++) {
        Endpoint *one = &g_array_index(endpoints, Endpoint, j);

        if (one->group == group) {
            one->group = -1;
        }
    }
    if (pair) {
        g_array_index(endpoints, Endpoint, endpoint).owner = (int)claim;
        claims[claim].endpoint = (int)endpoint;
    }
    return false;
}

void
streams_attribute(const StreamClaim *said, size_t n_claims,
                  const GArray *streams, StreamVerdict *verdicts, int *groups)
{
    g_autofree Claim *claims = g_new(Claim, n_claims + 1);
    g_autofree int *of_stream = g_new(int, streams->len + 1);
    g_autoptr(GArray) endpoints =
        list_endpoints(said, n_claims, streams, of_stream);
    int n_groups = 0;

    for (size_t i = 0; i < n_claims; i++) {
        claims[i] = (Claim){ .said = &said[i], .endpoint = -1, .group = -1 };
    }
    keep_certain(claims, n_claims, endpoints);
    for (size_t i = 0; i < n_claims; i++) {
        if (!said[i].inodes && claims[i].endpoint < 0 && claims[i].group < 0 &&
            mark_component(claims, n_claims, endpoints, i, n_groups)) {
            n_groups += judge_component(claims, n_claims, endpoints, n_groups);
        }
    }
    for (guint i = 0; i < streams->len; i++) {
        const StreamInfo *info = &g_array_index(streams, StreamInfo, i);
        const Endpoint *endpoint =
            of_stream[i] >= 0
                ? &g_array_index(endpoints, Endpoint, (guint)of_stream[i])
                : NULL;

        verdicts[i].claim =
            endpoint ? endpoint->owner : holder(said, n_claims, info->inode);
        verdicts[i].group = endpoint ? endpoint->group : -1;
    }
    for (size_t i = 0; i < n_claims; i++) {
        groups[i] = claims[i].group;
    }
}

int
streams_endpoint(const StreamClaim *claim, const GArray *streams)
{
    int fitting = -1;

    double sent = known_or(claim->sent_bytes, 0);

    if (!claim->inodes || sent < CLEAR_BYTES ||
        claim->slack_bytes > VAGUE_SHARE * sent) {
        return -1;
    }
    for (guint i = 0; i < streams->len; i++) {
        const StreamInfo *info = &g_array_index(streams, StreamInfo, i);
        Endpoint endpoint = { .match = &info->match };
        bool first = true;

        for (guint j = 0; j < streams->len; j++) {
            const StreamInfo *other = &g_array_index(streams, StreamInfo, j);

            if (holds_inode(claim, other->inode) &&
                same_endpoint(&info->match, &other->match)) {
                first = first && j >= i;
                endpoint.bytes +=
                    (double)other->bytes_acked + (double)other->queued_bytes;
            }
        }
        if (first && holds_inode(claim, info->inode) &&
            fits(claim, &endpoint, 1)) {
            if (fitting >= 0) {
                return -1;
            }
            fitting = (int)i;
        }
    }
    return fitting;
}
