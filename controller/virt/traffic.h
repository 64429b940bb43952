/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * traffic.h - what all guests of a host have sent, in one request
 *
 * For telling which of them are network-intensive. What one sends to another
 * on the same host counts too: who wants to know what leaves the host has to
 * look at its link.
 */
#ifndef VIRT_TRAFFIC_H
#define VIRT_TRAFFIC_H

#include "base/known.h"
#include "virt/virt.h"

typedef struct VirtTraffic {
    char *uuid;
    char *name;
    Known sent_bytes; /* by all its interfaces that have counters, so far */
} VirtTraffic;

/* @guests: those that run, VirtTraffic *, belongs to the call; NULL with
 * @error */
typedef void (*VirtTrafficRead)(const GPtrArray *guests, const GError *error,
                                gpointer user);

/**
 * virt_host_traffic() - Ask for the counters of all guests that run
 *
 * Does not wait for guests that are busy with something else: these may be
 * without counters.
 */
void virt_host_traffic(VirtHost *host, VirtTrafficRead done, gpointer user);

#endif
