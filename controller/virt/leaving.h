/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * leaving.h - what keeps a guest on its host, before anything is tried
 *
 * libvirt refuses a migration that cannot be when it is asked for one, guest by
 * guest. Who empties a host wants to know before the first guest moves. An
 * obstacle is what surely fails; a caution is what may, and libvirt will say.
 *
 * Calls that end in _now block; they are for a program that has nothing else
 * under way.
 */
#ifndef VIRT_LEAVING_H
#define VIRT_LEAVING_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "virt/guest.h"
#include "virt/virt.h"

typedef enum {
    VIRT_OBSTACLE_STATE,     /* not running, or paused by an error */
    VIRT_OBSTACLE_BUSY,      /* another job holds it */
    VIRT_OBSTACLE_DEVICE,    /* a device of this host */
    VIRT_OBSTACLE_DISK,      /* a disk that is on this host only */
    VIRT_OBSTACLE_SNAPSHOTS, /* libvirt does not migrate guests with some */
    VIRT_OBSTACLE_CONFIG,    /* something else in its description */
    VIRT_OBSTACLE_MACHINE,   /* the destination cannot run such a guest */
    VIRT_OBSTACLE_CPU,       /* ... lacks features of its CPU */
    VIRT_OBSTACLE_MEMORY,    /* ... has not enough memory free */
    VIRT_N_OBSTACLES
} VirtObstacleKind;

const char *virt_obstacle_name(VirtObstacleKind kind); /* "device", ... */

typedef struct VirtObstacle {
    VirtObstacleKind kind;
    char *text; /* what it is and the remedy, one line without a full stop */
} VirtObstacle;

/* Where a file lies. */
typedef enum {
    VIRT_STORAGE_UNKNOWN,
    VIRT_STORAGE_LOCAL,
    VIRT_STORAGE_SHARED, /* on a file system that other hosts see too */
} VirtStorage;

typedef VirtStorage (*VirtStorageOf)(const char *path, gpointer user);

typedef struct VirtLeavingSpec {
    bool copies_disks; /* disks that can be written to are copied along */
    bool unsafe;       /* disks are no obstacle: somebody knows better */
    VirtStorageOf storage_of; /* NULL: nothing is known of any file */
    gpointer user;
} VirtLeavingSpec;

typedef struct VirtLeaving {
    GPtrArray *obstacles;  /* VirtObstacle * */
    GPtrArray *cautions;   /* char * */
    char *cpu;             /* its <cpu> element; NULL: none */
    bool hugepages;        /* its memory is of huge pages */
    unsigned hugepage_kib; /* 0: of the host's default size */
    bool autostart;        /* starts with the host */
} VirtLeaving;

/**
 * virt_leaving_parse() - What a domain's XML says about leaving; pure
 *
 * Return: virt_leaving_free() it; NULL with VIRT_ERROR_XML
 */
VirtLeaving *virt_leaving_parse(const char *xml, const VirtLeavingSpec *spec,
                                GError **error);
void virt_leaving_free(VirtLeaving *leaving);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VirtLeaving, virt_leaving_free)

/** virt_leaving_add() - One obstacle more; takes @text */
void virt_leaving_add(VirtLeaving *leaving, VirtObstacleKind kind, char *text);

/**
 * virt_guest_leaving_now() - The same of a guest, with its state and its jobs
 * @spec: Without .storage_of files are looked at if the guest's host is ours
 */
VirtLeaving *virt_guest_leaving_now(VirtGuest *guest,
                                    const VirtLeavingSpec *spec,
                                    GError **error);

/**
 * virt_host_free_memory_now() - What a guest could have there
 * @leaving: Whose huge pages count, if it has such; NULL: plain memory
 *
 * Plain memory is what is free and what caches would give back.
 */
bool virt_host_free_memory_now(VirtHost *host, const VirtLeaving *leaving,
                               uint64_t *bytes, GError **error);

/**
 * virt_host_check_cpu_now() - Has that host all features of the guest's CPU?
 *
 * Only of KVM guests with a CPU of a named model: of others libvirt does not
 * tell. Return: false with VIRT_ERROR_MACHINE and libvirt's words on what is
 * missing; true also where libvirt cannot say.
 */
bool virt_host_check_cpu_now(VirtHost *host, VirtGuest *guest,
                             const VirtLeaving *leaving, GError **error);

/**
 * virt_host_active_now() - Who runs there, or is paused
 * @n_stopped: Set to how many are defined and do not run; may be NULL
 *
 * Return: UUIDs in the order of names, g_strfreev() it
 */
char **virt_host_active_now(VirtHost *host, unsigned *n_stopped,
                            GError **error);

/**
 * virt_host_set_autostart() - Have a guest start with that host from now on
 * @uuid: Of a guest that is defined there
 */
void virt_host_set_autostart(VirtHost *host, const char *uuid, VirtDone done,
                             gpointer user);

#endif
