/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * daemon.h - vmferryd: every migration that leaves this host, whoever starts it
 *
 * It hears of them by libvirt's events, attaches a session to each, and
 * observes, advises or enforces as it is configured. Belongs to the thread
 * that runs the main loop.
 */
#ifndef DAEMON_H
#define DAEMON_H

#include <glib.h>
#include <stdbool.h>

#define DAEMON_ERROR (daemon_error_quark())
GQuark daemon_error_quark(void);
typedef enum {
    DAEMON_ERROR_RUNNING, /* another one runs on this host */
    DAEMON_ERROR_LOCK,    /* the lock file cannot be made */
} DaemonError;

typedef struct DaemonOptions {
    const char *config_path; /* NULL: /etc/vmferry/vmferry.conf */
    const char *run_dir;     /* NULL: /run/vmferry */
    struct Notify *notify;   /* borrowed; who started us is told */
} DaemonOptions;

typedef struct Daemon Daemon;

/**
 * daemon_new() - Read the configuration, see that no other daemon runs
 *
 * Changes nothing on guests or links.
 */
Daemon *daemon_new(const DaemonOptions *options, GError **error);

/**
 * daemon_run() - Until daemon_stop(); then everything of ours is given back,
 * and migrations under way go on plain
 */
void daemon_run(Daemon *daemon);
void daemon_stop(Daemon *daemon);

/** daemon_reload() - Read the configuration anew; a mistake in it changes
 * nothing. Sessions look their rules up again.
 * @changes: Set to what differs, a line each; g_free() it. Or NULL */
bool daemon_reload(Daemon *daemon, char **changes, GError **error);

/** daemon_look_disabled() - Look at the file that switches off now */
void daemon_look_disabled(Daemon *daemon);

void daemon_free(Daemon *daemon);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Daemon, daemon_free)

#endif
