/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * migration.h - start, steer, abort and confirm one migration
 *
 * A migration is described by flags and parameters that mean exactly what they
 * mean to libvirt; virt/migrate-flags.h lists them. It is carried out as virsh
 * does: virDomainMigrateToURI3 with VIRT_MIGRATE_PEER2PEER or for --direct,
 * virDomainMigrate3 otherwise.
 *
 * Nothing here ever stops, destroys or undefines a guest by itself: what may
 * end on either host is libvirt's decision, within the flags that were given.
 */
#ifndef VIRT_MIGRATION_H
#define VIRT_MIGRATION_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "virt/guest.h"
#include "virt/migrate-flags.h"
#include "virt/virt.h"

typedef enum {
    VIRT_PARAM_STRING,
    VIRT_PARAM_INT,
    VIRT_PARAM_UINT,
    VIRT_PARAM_LLONG,
    VIRT_PARAM_ULLONG,
    VIRT_PARAM_DOUBLE,
    VIRT_PARAM_BOOL,
    VIRT_N_PARAM_TYPES
} VirtParamType;

typedef struct VirtParam {
    char *name;
    VirtParamType type;
    union {
        char *string;
        int64_t number;   /* INT, LLONG, BOOL */
        uint64_t natural; /* UINT, ULLONG */
        double real;
    };
} VirtParam;

typedef struct VirtMigrateSpec {
    unsigned flags;        /* VIRT_MIGRATE_ */
    bool direct;           /* --direct: hypervisor to hypervisor */
    char *destination_uri; /* libvirt URI; needed with p2p or direct */
    GPtrArray *params;     /* VirtParam *; a name may repeat (migrate_disks) */
} VirtMigrateSpec;

/** virt_migrate_spec_new() - No flags, no parameters; virt_migrate_spec_free()
 * it */
VirtMigrateSpec *virt_migrate_spec_new(void);
void virt_migrate_spec_free(VirtMigrateSpec *spec);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VirtMigrateSpec, virt_migrate_spec_free)

/** virt_migrate_spec_copy() - All of it; virt_migrate_spec_free() it */
VirtMigrateSpec *virt_migrate_spec_copy(const VirtMigrateSpec *spec);

void virt_migrate_spec_add_string(VirtMigrateSpec *spec, const char *name,
                                  const char *value);
void virt_migrate_spec_add_int(VirtMigrateSpec *spec, const char *name,
                               int value);
void virt_migrate_spec_add_u64(VirtMigrateSpec *spec, const char *name,
                               uint64_t value);

/** virt_migrate_spec_string() - Value of the first string parameter @name,
 * borrowed; NULL if there is none */
const char *virt_migrate_spec_string(const VirtMigrateSpec *spec,
                                     const char *name);

/**
 * virt_migrate_spec_bars_compression() - Does anything speak against xbzrle?
 * @guest: To be migrated
 * @source: Its host
 *
 * What libvirt or QEMU do not take with it, what has no use of it, and what was
 * given for it already, by flag or parameter. Post-copy, TLS and copies of disks
 * go with it. Pure.
 * Return: some words; NULL: nothing does
 */
const char *virt_migrate_spec_bars_compression(const VirtMigrateSpec *spec,
                                               const VirtGuestInfo *guest,
                                               const VirtHostInfo *source);

/** virt_migrate_spec_compress() - Ask for xbzrle with such a cache, which is a
 * power of two */
void virt_migrate_spec_compress(VirtMigrateSpec *spec, uint64_t cache_bytes);

/**
 * virt_migrate_flag_names() - Flags in words, "live|peer2peer"; g_free() it
 */
char *virt_migrate_flag_names(unsigned flags);

typedef struct VirtMigration VirtMigration;

/* What the two hosts say once it is over. */
typedef struct VirtMigrationResult {
    bool completed;        /* libvirt said so */
    VirtState source;      /* of the guest on the source afterwards */
    VirtState destination; /* UNKNOWN if we have no connection there */
    bool confirmed;        /* completed, it runs there (or is paused where that
                            was asked) and does not run here */
    VirtJob job; /* final statistics; .state NONE: none were to be had */
    GPtrArray *warnings; /* char *: values that could not be put back, hosts
                            that could not be asked, with the remedy */
} VirtMigrationResult;

/**
 * VirtMigrated - The migration is over and everything is put back
 * @error: NULL exactly if @result->completed. VIRT_ERROR_DISCONNECTED: the
 *         source's daemon was lost and nobody knows yet; @result->source and
 *         ->destination tell what could be found out, the message what to do
 */
typedef void (*VirtMigrated)(VirtMigration *migration,
                             const VirtMigrationResult *result,
                             const GError *error, gpointer user);

/**
 * virt_migration_start() - Ask libvirt to migrate
 * @guest: On its source
 * @destination: A connection there. Needed without p2p and direct; with them
 *               it may be NULL, and serves to confirm and to put back
 * @spec: Copied
 * @done: Called once, at the end
 *
 * Return: the migration, virt_migration_unref() it; NULL with
 * VIRT_ERROR_INVALID if the request makes no sense as it stands, or
 * VIRT_ERROR_BUSY if the guest has one under way. @done is not called then.
 */
VirtMigration *virt_migration_start(VirtGuest *guest, VirtHost *destination,
                                    const VirtMigrateSpec *spec,
                                    VirtMigrated done, gpointer user,
                                    GError **error);
VirtMigration *virt_migration_ref(VirtMigration *migration);

/** virt_migration_unref() - Giving it up does not end the migration: @done is
 * called all the same */
void virt_migration_unref(VirtMigration *migration);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VirtMigration, virt_migration_unref)

VirtGuest *virt_migration_guest(const VirtMigration *migration);

/** virt_migration_running() - Until @done has been called */
bool virt_migration_running(const VirtMigration *migration);

/**
 * virt_migration_abort() - Ask libvirt to give it up
 *
 * Works while the migration's own call blocks. @done tells that libvirt took
 * the request (or why not: it is too late once the guest is being switched
 * over); the end comes by VirtMigrated, with VIRT_ERROR_ABORTED. In post-copy
 * libvirt refuses, for the guest's memory is then on two hosts.
 */
void virt_migration_abort(VirtMigration *migration, VirtDone done,
                          gpointer user);

/** virt_migration_start_postcopy() - Needs VIRT_MIGRATE_POSTCOPY */
void virt_migration_start_postcopy(VirtMigration *migration, VirtDone done,
                                   gpointer user);

/** virt_migration_suspend() - Pause the guest so that it ends ("--timeout");
 * libvirt resumes it on the destination */
void virt_migration_suspend(VirtMigration *migration, VirtDone done,
                            gpointer user);

#endif
