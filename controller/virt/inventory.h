/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inventory.h - many hosts at once: what they have and who runs there
 *
 *   main loop                workers, a few for all hosts
 *   virt_inventory_read() -> connect, or use the connection of last time
 *      |  patience ends         list guests, read descriptions and counters
 *      v                                      |
 *   a snapshot of every host  <---------------+  answered, or why not
 *
 * A libvirt call cannot be taken back. So a host that does not answer in time
 * is told as not answering, its worker is left to its call, and another worker
 * takes its place: nobody waits for a dead host but the thread that asked it.
 * It is asked again once that call has come back. There is at most one call
 * under way per host, whatever happens.
 *
 * As everywhere in this folder, functions are called in the thread of the
 * pool's main context and callbacks come there.
 */
#ifndef VIRT_INVENTORY_H
#define VIRT_INVENTORY_H

#include "base/known.h"
#include "virt/guest.h"
#include "virt/leaving.h"
#include "virt/virt.h"

/* Strings may be NULL: not told. */
typedef struct VirtSeenNic {
    char *mac;
    char *network; /* what it is plugged into, "bridge br0", "network lan" */
} VirtSeenNic;

typedef struct VirtSeenGuest {
    char *uuid, *name;
    VirtState state;
    bool persistent, autostart;
    unsigned vcpus;
    uint64_t memory_bytes;   /* the most it may have, which a host must keep */
    uint64_t balloon_bytes;  /* what it has now */
    uint64_t hugepage_bytes; /* size of its pages; 0: ordinary ones */
    Known cpu_cores; /* that it has kept busy since the reading before */
    Known sent_bytes_s, received_bytes_s; /* by its NICs, likewise */
    uint64_t resident_bytes; /* of its process, without huge pages: its memory
                                that was ever touched, about; 0: not told */
    /* distinct bytes written to in VIRT_SEEN_SHORT_S and VIRT_SEEN_LONG_S, as
     * counted last; unknown: not yet, or the hypervisor cannot */
    Known short_written_bytes, long_written_bytes;
    GPtrArray *nics;  /* VirtSeenNic * */
    GPtrArray *disks; /* char *: what can be written to and is no network's */
    bool job;         /* another job holds it, a migration for one */
    char *stays;      /* the first obstacle to its leaving; NULL: none */
    char *stays_kind; /* "device", "disk", ...; NULL likewise */
    char *metadata;   /* the element of VIRT_GUEST_METADATA; NULL: none */
    char *place;      /* ... of VIRT_PLACE_METADATA; NULL: none */
} VirtSeenGuest;

typedef struct VirtSeenPages {
    uint64_t page_bytes, n_total, n_free;
} VirtSeenPages;

typedef struct VirtSeenHost {
    char *uri; /* as it was given */
    bool answered;
    char *why;       /* it did not; NULL if it did. The rest is then empty */
    char *host_name; /* what the host calls itself */
    VirtLocal local; /* is it this machine? */
    int64_t at_us;   /* monotonic, when it was read */
    double took_s;   /* to read it */
    unsigned cpus;   /* threads */
    uint64_t memory_bytes, free_bytes; /* free: what caches would give too */
    Known cpu_cores; /* busy on the host as a whole, since the reading before */
    GArray *pages;   /* VirtSeenPages, of sizes above the ordinary one */
    char *arch, *cpu_model;
    GPtrArray *networks; /* char *, as VirtSeenNic.network; only those that
                            libvirt or a guest of it names */
    bool networks_known; /* libvirt could name them all */
    GPtrArray *guests;   /* VirtSeenGuest *: active ones, by name */
    unsigned n_stopped;  /* defined there, do not run */
} VirtSeenHost;

#define VIRT_SEEN_SHORT_S 1
#define VIRT_SEEN_LONG_S 8

typedef struct VirtInventory VirtInventory;

/**
 * virt_inventory_new() - Hosts to look at
 * @uris: Of libvirt, in the order in which they are told
 * @most_at_once: Workers, from 1 on
 * @patience_ms: How long a host may take, connecting included
 */
VirtInventory *virt_inventory_new(VirtPool *pool, const char *const *uris,
                                  unsigned most_at_once, unsigned patience_ms);

/**
 * virt_inventory_count_writes() - Have QEMU count what guests write to
 * @every_s: A guest at most so often, a short window and then a long one; 0:
 *           not at all, as it is without this call
 *
 * QEMU samples pages (see guest-dirty.h); a window that one reading opens is
 * read by a later one, nobody waits for it, and a reading opens but a few per
 * host. Where libvirt cannot, it stays unknown. Before the first reading.
 */
void virt_inventory_count_writes(VirtInventory *inventory, double every_s);

/** virt_inventory_free() - Callbacks do not come any more; not from within one.
 * Calls that hang are left behind */
void virt_inventory_free(VirtInventory *inventory);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VirtInventory, virt_inventory_free)

/** VirtInventoryRead - @hosts: VirtSeenHost *, one per URI in its order; lives
 * until the next reading is delivered */
typedef void (*VirtInventoryRead)(const GPtrArray *hosts, gpointer user);

/**
 * virt_inventory_read() - Look at all of them
 *
 * Return: false, and @done is not called, if a reading is under way
 */
bool virt_inventory_read(VirtInventory *inventory, VirtInventoryRead done,
                         gpointer user);

/* What stands against one move, or is not sure about it. */
typedef struct VirtMoveCheck {
    GPtrArray *obstacles; /* char *; empty: go ahead */
    GPtrArray *cautions;  /* char * */
    bool gone;            /* the guest does not run on the source any more */
    bool arrived;         /* it runs on the destination already */
    bool job;             /* something holds it on the source: a migration */
    bool persistent, autostart;
    uint64_t free_bytes, need_bytes; /* at the destination, of its kind */
} VirtMoveCheck;

typedef void (*VirtMoveChecked)(const VirtMoveCheck *check, const GError *error,
                                gpointer user);

/**
 * virt_inventory_check() - Could this guest go there now?
 * @from, @to: URIs of the inventory
 * @reserve_bytes: To be left free at the destination
 *
 * Asks both hosts anew: state, jobs, snapshots, devices, machine, CPU, memory
 * or huge pages, networks, disks, and its name at the destination. @error is
 * set only if one of them could not be asked, in the patience of the inventory.
 */
void virt_inventory_check(VirtInventory *inventory, const char *guest_uuid,
                          const char *from, const char *to,
                          uint64_t reserve_bytes, VirtMoveChecked done,
                          gpointer user);

#endif
