/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lease.h - who shares our tree on a link, written down before it is changed
 *
 * One file a link under the run directory, and one lock for all of them. A
 * lease says which tree is ours (boot, network namespace, interface index and
 * MAC together: none of them alone survives a reboot, a new namespace or a NIC
 * that came back) and what each owner wants of it. It is the journal as well:
 * an owner is added to it before the kernel hears of the change and leaves it
 * after its classes are gone, so whoever finds a lease after a crash knows at
 * least all that may be there.
 *
 * An owner is alive while its process is: pid and start time together.
 */
#ifndef TC_LEASE_H
#define TC_LEASE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "tc/reservation.h"

#define LEASE_RUN_DIR "/run/vmferry"

/* What the link is, beyond its name. */
typedef struct LeaseKey {
    char boot_id[40];
    char netns[40]; /* device and inode of the namespace */
    char device[16];
    int ifindex;
    char mac[18];
} LeaseKey;

typedef struct LeaseGuard {
    uint16_t minor;        /* of its class */
    uint64_t rate_bytes_s; /* by MACs: 0 while there is no class */
    char *expression;      /* NULL: by MACs */
    char **macs;
} LeaseGuard;

typedef struct LeaseOwner {
    int64_t pid;
    uint64_t start_ticks; /* of the process, since boot */
    char *name;           /* of the guest */
    char *uuid;
    uint16_t minor; /* of the migration's class */
    uint64_t guarantee_bytes_s;
    uint64_t ceiling_bytes_s;
    GArray *matches; /* of StreamMatch */
    GArray *guards;  /* of LeaseGuard: protected ones, the application last */
} LeaseOwner;

typedef struct Lease {
    LeaseKey key;
    uint64_t link_bytes_s; /* as declared or known */
    uint32_t parent;       /* 0: own root */
    GPtrArray *owners;     /* of LeaseOwner */
    gint holders;          /* of one that lease_peek() gave */
} Lease;

/** lease_free() - The last holder's frees it */
void lease_free(Lease *lease);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Lease, lease_free)

LeaseOwner *lease_owner_new(void);
void lease_owner_free(LeaseOwner *owner);
LeaseOwner *lease_owner_copy(const LeaseOwner *owner);
void lease_guard_clear(LeaseGuard *guard);

Lease *lease_new(const LeaseKey *key);

/** lease_find() - Borrow an owner by its migration's class, NULL */
LeaseOwner *lease_find(const Lease *lease, uint16_t minor);

/** lease_holds() - Whether the lease names this minor number */
bool lease_holds(const Lease *lease, uint16_t minor);

/* Pure: to and from the JSON that the file holds. */
JsonObject *lease_to_json(const Lease *lease);
Lease *lease_from_json(JsonObject *json, GError **error);

/** lease_key_init() - Read boot and namespace; device, index and MAC given */
bool lease_key_init(LeaseKey *key, const char *proc_dir, const char *device,
                    int ifindex, const uint8_t mac[6], GError **error);
bool lease_key_equal(const LeaseKey *a, const LeaseKey *b);

/** lease_process_start() - Start time of a process, false if there is none */
bool lease_process_start(const char *proc_dir, int64_t pid,
                         uint64_t *start_ticks);

/**
 * lease_lock() - Take the lock of a run directory, made if missing
 *
 * Waits up to two seconds. Return: a descriptor to close(), -1 with
 * RESERVATION_ERROR_BUSY or RESERVATION_ERROR_PERMISSION
 */
int lease_lock(const char *run_dir, GError **error);

/**
 * lease_load() - Read the lease of a link
 * @lease: Set; NULL where there is none, or one of another boot, namespace or
 *         device of that name
 */
bool lease_load(const char *run_dir, const LeaseKey *key, Lease **lease,
                GError **error);

/**
 * lease_peek() - As lease_load(), for looking only
 * @lease: Set; others may hold the same one, so that nobody may change it
 *
 * A file that was not replaced is not read again: 64 migrations look at their
 * classes 250 times a second. What is read is kept for the calling thread.
 */
bool lease_peek(const char *run_dir, const LeaseKey *key, Lease **lease,
                GError **error);

/** lease_store() - Write it, or remove the file if it has no owners */
bool lease_store(const char *run_dir, const Lease *lease, GError **error);

/** lease_list() - All leases in the directory, of whatever boot; a GPtrArray
 * of Lease. A file that is no lease is left out. */
GPtrArray *lease_list(const char *run_dir);

/** lease_discard() - Remove the file of a lease that means nothing any more */
void lease_discard(const char *run_dir, const LeaseKey *key);

#endif
