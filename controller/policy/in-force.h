/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * in-force.h - does a reservation do what it says, and if not, why
 *
 * A guarantee is in force when the class is backlogged and gets its rate, or
 * when the stream wants no more. If the NIC is not the bottleneck no class on
 * it helps: tcp_info tells where the stream waits. Fed with differences of
 * counters between two readings; pure.
 */
#ifndef POLICY_IN_FORCE_H
#define POLICY_IN_FORCE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/known.h"

typedef enum {
    IN_FORCE_UNKNOWN,   /* too little seen yet */
    IN_FORCE_YES,       /* gets its guarantee, or the class is what it waits
                           for */
    IN_FORCE_ELSEWHERE, /* the stream leaves by another way than its class */
    IN_FORCE_SENDER,    /* the source gives no more: QEMU, its CPU, its pages */
    IN_FORCE_SNDBUF,    /* limited by the socket's send buffer */
    IN_FORCE_RECEIVER,  /* by the receiver's window: the destination is slow */
    IN_FORCE_NETWORK,   /* by the path behind the NIC */
    IN_FORCE_BELOW,     /* backlogged and short of its guarantee: the class is
                           not what it should be, or others are promised it */
    IN_FORCE_N_KINDS
} InForceKind;

/* Differences over one interval; unknown where the kernel does not tell. */
typedef struct InForceReading {
    double interval_s;
    double guarantee_bytes_s; /* of frames, in force all along */
    double ceiling_bytes_s;
    double class_bytes;   /* that left through the class */
    double backlog_bytes; /* in it, at the end */
    Known stream_bytes;   /* of frames, that the connections sent */
    Known busy_s;         /* tcp_info: data was outstanding or waiting */
    Known rwnd_limited_s; /* ... of it limited by the receiver's window */
    Known sndbuf_limited_s;
    Known retransmitted_bytes;
} InForceReading;

typedef struct InForceState {
    InForceKind kind;
    double since_s;         /* how long it has been so */
    Known capacity_bytes_s; /* RECEIVER, NETWORK: what is got towards that
                                destination, to be used instead of the link's */
    char reason[200];       /* one sentence with its numbers */
} InForceState;

typedef struct InForce InForce;

/** in_force_new() - Nothing known; in_force_free() it */
InForce *in_force_new(void);
void in_force_free(InForce *in_force);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(InForce, in_force_free)

/** in_force_add() - An interval; those without duration are ignored. A kind
 * has to be seen for a second, in at least two intervals, to replace another */
void in_force_add(InForce *in_force, const InForceReading *reading);

void in_force_state(const InForce *in_force, InForceState *state);

#endif
