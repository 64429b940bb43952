/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * disabled.h - the file that switches vmferry off
 *
 * While /etc/vmferry/disabled exists nothing is shaped on this host and nothing
 * of a migration is changed; what was, is put back within a second. The file is
 * the switch, and not a command to the daemon: it works when the daemon hangs,
 * is not there, or is started later; "touch" makes it as well as "vmferry
 * disable" does. Its first line may tell why.
 */
#ifndef DAEMON_DISABLED_H
#define DAEMON_DISABLED_H

#include <glib.h>
#include <stdbool.h>

#define DISABLED_PATH "/etc/vmferry/disabled"

#define DISABLED_ERROR (disabled_error_quark())
GQuark disabled_error_quark(void);
typedef enum { DISABLED_ERROR_WRITE } DisabledError;

/**
 * disabled_path() - Which file: $VMFERRY_DISABLED, or DISABLED_PATH
 *
 * The environment is for hosts in namespaces and for tests.
 */
const char *disabled_path(void);

/**
 * disabled_read() - Is it there?
 * @path: NULL: disabled_path()
 * @why: Its first line, "" if it has none; g_free() it. Or NULL
 *
 * Anything but a clear "there is none" means that it is.
 */
bool disabled_read(const char *path, char **why);

/**
 * disabled_set() - Make it, and its folder
 * @why: For its first line, or NULL
 * @was: Set to whether it was there already; or NULL
 */
bool disabled_set(const char *path, const char *why, bool *was, GError **error);

/** disabled_unset() - Remove it; not there is no error */
bool disabled_unset(const char *path, bool *was, GError **error);

typedef struct Disabled Disabled;

/* @why lives during the call. */
typedef void (*DisabledFunc)(bool disabled, const char *why, gpointer user);

/**
 * disabled_watch() - Call @func whenever it comes or goes
 * @path: NULL: disabled_path()
 * @context: Where to call; NULL: the default one
 *
 * Noticed at once (inotify on the folder); within half a second where the
 * folder is not there or cannot be watched. @func is not called for how it is
 * at the beginning: ask disabled_now().
 *
 * Return: disabled_free() it; never NULL
 */
Disabled *disabled_watch(const char *path, GMainContext *context,
                         DisabledFunc func, gpointer user);
void disabled_free(Disabled *disabled);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Disabled, disabled_free)

/** disabled_look() - Look now; calls what is called at a change */
void disabled_look(Disabled *disabled);

/** disabled_now() - As of the last look */
bool disabled_now(const Disabled *disabled);

#endif
