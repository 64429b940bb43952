/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inventory-priv.h - between the reading of one host and that of all
 */
#ifndef VIRT_INVENTORY_PRIV_H
#define VIRT_INVENTORY_PRIV_H

#include "virt/inventory.h"
#include "virt/virt-priv.h"

/* Counters of the reading before, so that rates can be told. */
typedef struct SeenBefore {
    int64_t at_us;
    Known cpu_s, sent_bytes, received_bytes;
    /* of guests: what they write to */
    int window_s;                  /* of the count under way; 0: none */
    int64_t window_us, counted_us; /* begun; the newest pair was complete */
    Known short_bytes, long_bytes;
} SeenBefore;

/* A host between two readings; only the one worker that has it touches it. */
typedef struct SeenLink {
    char *uri;
    virConnectPtr connection; /* NULL: not connected */
    char *capabilities;
    SeenBefore host;
    GHashTable *guests;     /* UUID -> SeenBefore */
    int64_t count_every_us; /* 0: what guests write is not counted */
    bool cannot_count;      /* libvirt said so */
    unsigned n_begun;       /* counts, by this reading */
    unsigned n_counted;     /* counts under way after it */
} SeenLink;

/** seen_host_connect() - Have a connection that lives; false with an error */
bool seen_host_connect(SeenLink *link, GError **error);

/** seen_host_read() - Blocks; always a host, .why says what went wrong */
VirtSeenHost *seen_host_read(SeenLink *link);

VirtSeenHost *virt_seen_host_new(const char *uri, const char *why);
void virt_seen_host_free(gpointer host);

/** virt_move_check() - Blocks; NULL with @error */
VirtMoveCheck *virt_move_check(virConnectPtr from, virConnectPtr to,
                               const char *uuid, uint64_t reserve_bytes,
                               GError **error);
void virt_move_check_free(VirtMoveCheck *check);

/* --- inventory-writes.c --- */

/** seen_writes_read() - What a count that was begun says by now */
void seen_writes_read(virTypedParameterPtr params, int n, int64_t now_us,
                      SeenBefore *count);

/** seen_writes_next() - The window to be begun now; 0: none. Pure */
int seen_writes_next(const SeenBefore *count, int64_t every_us, int64_t now_us);

/** seen_writes_begin() - Have @domain's pages sampled; false: the host cannot */
bool seen_writes_begin(virDomainPtr domain, int window_s, int64_t now_us,
                       SeenBefore *count);

/* --- inventory-xml.c, pure --- */

/** seen_guest_xml() - NICs and disks out of a domain's XML */
bool seen_guest_xml(const char *xml, GPtrArray *nics, GPtrArray *disks,
                    GError **error);

/** seen_host_xml() - CPU and sizes of pages out of capabilities */
void seen_host_xml(const char *xml, VirtSeenHost *host);

void seen_nic_free(gpointer nic);

/** seen_networks() - What libvirt can name on that host, added to @networks;
 * false: it cannot tell of bridges */
bool seen_networks(virConnectPtr connection, GPtrArray *networks);

/** seen_has() - Is @text among these? */
bool seen_has(const GPtrArray *texts, const char *text);

#endif
