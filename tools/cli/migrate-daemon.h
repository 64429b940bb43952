/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * migrate-daemon.h - a migration that vmferryd steers for "vmferry migrate"
 *
 * The daemon is told before libvirt is asked. From then on this program runs
 * the migration and shows it, and the daemon reserves. Neither needs the other
 * to live: if the daemon goes, the migration goes on without a reservation; if
 * we go, the daemon takes it as one that others started.
 */
#ifndef CLI_MIGRATE_DAEMON_H
#define CLI_MIGRATE_DAEMON_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "session/session.h"
#include "tools/cli/migrate-options.h"

typedef struct MigrateDaemon MigrateDaemon;

/* What is to migrate, and by which link; strings may be NULL but the UUID. */
typedef struct MigrateDaemonGuest {
    const char *uuid, *name;
    const char *device;
    uint64_t memory_bytes; /* 0: not known */
    const char *starter;   /* "drain"; NULL: vmferry migrate */
} MigrateDaemonGuest;

typedef struct MigrateDaemonCallbacks {
    void (*decision)(const PolicyDecision *decision, unsigned iter,
                     bool carried_out, gpointer user);
    /* @kind: "warning", "held", "released", "daemon" */
    void (*note)(const char *kind, const char *text, gpointer user);
} MigrateDaemonCallbacks;

/**
 * migrate_daemon_arguments() - What the daemon is told; pure
 *
 * Return: the arguments of "announce", a new object
 */
JsonObject *migrate_daemon_arguments(const MigrateOptions *options,
                                     const MigrateDaemonGuest *guest);

/**
 * migrate_daemon_announce() - Hand the migration over, if there is somebody
 * @alone: Set to why the daemon does not steer it, to be told; NULL: it does,
 *         or there is none. g_free() it
 *
 * Return: migrate_daemon_free() it; NULL: we steer ourselves
 */
MigrateDaemon *migrate_daemon_announce(const MigrateOptions *options,
                                       const MigrateDaemonGuest *guest,
                                       char **alone);

/** migrate_daemon_refused() - Steps that were asked for and that its
 * configuration does not allow, for people; NULL: none; borrowed */
const char *migrate_daemon_refused(const MigrateDaemon *daemon);

/** migrate_daemon_waits() - Why it may not begin yet, NULL: it may; borrowed */
const char *migrate_daemon_waits(const MigrateDaemon *daemon);

/** migrate_daemon_wait() - Until it is its turn; before it is watched
 * Return: false with @error: it was cancelled, or the daemon is gone */
bool migrate_daemon_wait(MigrateDaemon *daemon, GError **error);

/** migrate_daemon_watch() - From now on call back from the main loop */
void migrate_daemon_watch(MigrateDaemon *daemon,
                          const MigrateDaemonCallbacks *callbacks,
                          gpointer user);

/** migrate_daemon_decision() - A DECISION of the protocol; pure
 * Return: false if it is none of a policy; nothing is set then */
bool migrate_daemon_decision(JsonObject *json, PolicyDecision *decision,
                             unsigned *iter, bool *carried_out);

/** migrate_daemon_session() - Its id there; borrowed */
const char *migrate_daemon_session(const MigrateDaemon *daemon);

/** migrate_daemon_link() - What its link carries, in bytes per second, as the
 * daemon knows it */
Known migrate_daemon_link(const MigrateDaemon *daemon);

/* What is in force now, 0: nothing */
uint64_t migrate_daemon_guarantee(const MigrateDaemon *daemon);
uint64_t migrate_daemon_ceiling(const MigrateDaemon *daemon);

/** migrate_daemon_withdraw() - It will not begin after all */
void migrate_daemon_withdraw(MigrateDaemon *daemon);

void migrate_daemon_free(MigrateDaemon *daemon);

#endif
