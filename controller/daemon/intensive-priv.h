/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * intensive-priv.h - guests that stay and send: what is known of each
 *
 * intensive.c        who has a class, and what it counts
 * intensive-share.c  what the classes are to have, for the arbiter
 */
#ifndef DAEMON_INTENSIVE_PRIV_H
#define DAEMON_INTENSIVE_PRIV_H

#include "daemon/daemon-priv.h"
#include "policy/application.h"
#include "policy/need.h"
#include "tc/shaper.h"

typedef struct Neighbour {
    char *uuid, *name;
    bool seen;
    bool asked;          /* for its interfaces */
    GPtrArray *macs;     /* char *; NULL: not known yet */
    Need *need;          /* by libvirt's counters */
    Application *uplink; /* by its class; NULL: it has none */
    Known fixed_bytes_s; /* its need, as configured */
    Reservation *reservation;
    Link link;
    uint64_t granted_bytes_s, set_bytes_s;
    int64_t refused_us; /* its class, by the kernel; 0: not */
    int64_t quiet_us;   /* it sent nothing by the uplink; 0: it did */
} Neighbour;

/* What requests under way hold. */
typedef struct Ear {
    Intensive *intensive; /* NULL: freed */
} Ear;

struct Intensive {
    Daemon *daemon;
    GHashTable *neighbours; /* uuid -> Neighbour * */
    Ear *ear;
    guint source;
    bool asking;
    unsigned idle_ticks;
};

/* What the root class of a link carries, bytes/s */
static inline double
intensive_root(const Link *link)
{
    return (double)shaper_root_bytes_s(link->rate_bytes_s);
}

#endif
