/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * link.h - by which interface the migration leaves, and how fast that is
 *
 * From the data address: its route names an interface; if that is a bridge,
 * the port by which the neighbour (or the gateway) is reached is the uplink.
 * The NIC's own speed is believed, a virtual one's (veth, tap, bridge) is not:
 * it says 10 Gbit/s whatever lies behind.
 */
#ifndef TC_LINK_H
#define TC_LINK_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/known.h"

#define LINK_ERROR (link_error_quark())
GQuark link_error_quark(void);
typedef enum {
    LINK_ERROR_ADDRESS, /* does not resolve */
    LINK_ERROR_ROUTE,   /* no route, or it is local */
    LINK_ERROR_DEVICE,  /* no such interface, or one that cannot be shaped */
    LINK_ERROR_RATE,    /* unknown, or less than is in use */
} LinkError;

typedef struct Link {
    char device[16]; /* interface whose root we would shape */
    int ifindex;
    uint8_t mac[6];
    char source[46];       /* our numeric address on the route, may be empty */
    char destination[46];  /* numeric data address */
    char chain[160];       /* "10.77.0.2 -> br0 -> mig0", for people */
    uint64_t rate_bytes_s; /* Nt: declared or the NIC's; 0: not known */
    bool rate_declared;
} Link;

/**
 * link_resolve() - Find the link for a migration
 * @address: Host name or number of the data address
 * @device: What the user named, NULL: from the route
 * @rate_bytes_s: What the user declared, 0: the NIC's own speed
 * @link: Filled in on success
 *
 * Needs no privilege. Fails with LINK_ERROR_RATE if the speed is not to be
 * known (the remedy, --link DEV=RATE, is in the message).
 */
bool link_resolve(const char *address, const char *device,
                  uint64_t rate_bytes_s, Link *link, GError **error);

/**
 * link_find() - The same, for those who only look: the speed may be unknown
 */
bool link_find(const char *address, const char *device, uint64_t rate_bytes_s,
               Link *link, GError **error);

/** link_speed() - What the interface of that name carries, bytes a second, as
 * its hardware says; 0: virtual, or it does not say, or there is none */
uint64_t link_speed(const char *device);

/** link_tx_bytes() - Bytes the interface has sent so far; no privilege */
bool link_tx_bytes(const Link *link, uint64_t *bytes, GError **error);

#define LINK_CHECK_SLACK 1.05 /* counters include what the wire adds */

/**
 * link_check_rate() - Is more in use than the link is said to carry?
 * @before_bytes: link_tx_bytes() some time ago, best a second or more: the
 *                counters of some drivers move only every 100 ms or so
 * @after_bytes: The same now
 * @seconds: Between the two
 *
 * Pure. To be asked before reservation_open(), for whom a rate that is far too
 * small would mean to throttle what the link carries well.
 * Return: false with LINK_ERROR_RATE if the rate cannot be true
 */
bool link_check_rate(const Link *link, uint64_t before_bytes,
                     uint64_t after_bytes, double seconds, GError **error);

#endif
