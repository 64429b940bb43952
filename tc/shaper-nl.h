/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shaper-nl.h - a link's qdiscs, classes and filters, read and changed
 *
 * The netlink half of the shaper. It reads everything that is on a link, ours
 * or not, and carries out single operations; which ones is shaper.c's business.
 * Errors are the kernel's, KERNEL_ERROR with an errno, unless said otherwise.
 */
#ifndef TC_SHAPER_NL_H
#define TC_SHAPER_NL_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "tc/kernel.h"
#include "tc/reservation.h"
#include "tc/shaper.h"

typedef struct SnapshotQdisc {
    char kind[16];
    uint32_t handle; /* 0: made by the kernel itself */
    uint32_t parent; /* TC_H_ROOT, or the class it hangs on */
} SnapshotQdisc;

typedef struct SnapshotFilter {
    ShaperFilter filter; /* of another kind than bpf or u32: key is empty */
    uint32_t parent;     /* qdisc or class it is attached to */
    char kind[16];
    uint16_t protocol; /* ETH_P_*, host order */
    bool list;         /* not a filter but the head of a list or a hash table */
} SnapshotFilter;

/* All that is on one link's egress side. */
typedef struct Snapshot {
    SnapshotQdisc root;    /* kind empty: none is shown (noqueue) */
    uint32_t root_default; /* HTB: minor of its default class */
    GArray *qdiscs;        /* of SnapshotQdisc, without the root */
    GArray *classes;       /* of ShaperClass, parents first; HTB only */
    GArray *stats;         /* of ClassStats, beside classes */
    GArray *filters;       /* of SnapshotFilter, those at the root qdisc */
} Snapshot;

void snapshot_free(Snapshot *snapshot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Snapshot, snapshot_free)

/** snapshot_class() - Borrow a class, NULL; @stats as well unless NULL */
const ShaperClass *snapshot_class(const Snapshot *snapshot, uint32_t id,
                                  const ClassStats **stats);

/* What the kernel knows about a network device. */
typedef struct Device {
    char name[16];
    int ifindex;
    int master;    /* ifindex of its bridge or bond, 0 */
    int lower;     /* ifindex of what it sits on (VLAN), 0 */
    char kind[16]; /* "veth", "bridge", ...; empty: hardware or loopback */
    bool loopback;
    uint8_t mac[6];
    uint32_t mtu;
    uint64_t tx_bytes;
} Device;

/** device_get() - By @name, or by @ifindex where the name is NULL */
bool device_get(KernelSocket *kernel, const char *name, int ifindex,
                Device *device, GError **error);

/** device_list() - All of this namespace; a GArray of Device */
GArray *device_list(KernelSocket *kernel, GError **error);

/**
 * shaper_nl_read() - Look at a link
 * @filters: Read the filters too (a round trip more)
 */
Snapshot *shaper_nl_read(KernelSocket *kernel, int ifindex, bool filters,
                         GError **error);

/**
 * shaper_nl_reread() - Only the classes' counters
 * @snapshot: From shaper_nl_read(); classes and stats are read anew
 */
bool shaper_nl_reread(KernelSocket *kernel, int ifindex, Snapshot *snapshot,
                      GError **error);

/**
 * shaper_nl_apply() - Carry out one operation
 * @root: Handle of the HTB that classes and filters belong to
 * @error: KERNEL_ERROR, or RESERVATION_ERROR_EXPRESSION from a filter
 */
bool shaper_nl_apply(KernelSocket *kernel, int ifindex, uint32_t root,
                     const ShaperOp *op, GError **error);

/**
 * shaper_nl_leaf_kind() - The qdisc that SHAPER_LEAF_FQ_CODEL stands for
 *
 * For tests, where the kernel lacks fq_codel and another one can take its part.
 * NULL: fq_codel again
 */
void shaper_nl_leaf_kind(const char *kind);

/** shaper_nl_is_leaf_kind() - Whether that is the one */
bool shaper_nl_is_leaf_kind(const char *kind);

/** shaper_nl_permitted() - Whether this process may change anything */
bool shaper_nl_permitted(KernelSocket *kernel, GError **error);

#endif
