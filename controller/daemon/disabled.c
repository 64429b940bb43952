/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * disabled.c - see disabled.h
 *
 * The folder is watched, for the file may not be there. GFileMonitor would look
 * for a missing folder only every four seconds, so that this has an inotify
 * descriptor of its own: every event, whatever it says, makes us look again,
 * and a lost or overflown watch does too. A timer looks twice a second while
 * there is nothing to watch, and tries to watch anew.
 */
#define G_LOG_DOMAIN "vmferryd"
#include "daemon/disabled.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

G_DEFINE_QUARK(vmferry_disabled_error, disabled_error)

#define LOOK_EVERY_MS 500
#define WHY_MAX_BYTES 200

struct Disabled {
    char *path;
    char *folder;
    GMainContext *context; /* NULL: default */
    DisabledFunc func;
    gpointer user;
    bool now;
    int fd; /* inotify, -1: none to be had */
    GSource *source;
    GSource *timer; /* NULL while the folder is watched */
};

const char *
disabled_path(void)
{
    const char *named = g_getenv("VMFERRY_DISABLED");

    return named && *named ? named : DISABLED_PATH;
}

/* First line, made fit for logs. A pipe or a device is not read. */
static char *
read_why(const char *path)
{
    char text[WHY_MAX_BYTES + 1] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat about;
    ssize_t n = 0;

    if (fd >= 0) {
        if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode)) {
            n = read(fd, text, WHY_MAX_BYTES);
        }
        close(fd);
    }
    text[MAX(n, 0)] = '\0';
    text[strcspn(text, "\r\n")] = '\0';
    return g_strstrip(g_utf8_make_valid(text, -1));
}

bool
disabled_read(const char *path, char **why)
{
    struct stat about;

    path = path ? path : disabled_path();
    if (lstat(path, &about) < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        return false;
    }
    if (why) {
        *why = read_why(path);
    }
    return true;
}

bool
disabled_set(const char *path, const char *why, bool *was, GError **error)
{
    g_autofree char *folder = NULL, *text = NULL;
    struct stat about;
    bool there;

    path = path ? path : disabled_path();
    there = lstat(path, &about) == 0;
    folder = g_path_get_dirname(path);
    text = g_strdup_printf("%s\n", why ? why : "");
    if (!there) {
        g_autoptr(GError) local = NULL;

        if (g_mkdir_with_parents(folder, 0755) < 0) {
            g_set_error(error, DISABLED_ERROR, DISABLED_ERROR_WRITE,
                        "making %s: %s", folder, g_strerror(errno));
            return false;
        }
        /* Appears whole: whoever sees it can read why. */
        if (!g_file_set_contents_full(path, why ? text : "", -1,
                                      G_FILE_SET_CONTENTS_CONSISTENT, 0644,
                                      &local)) {
            g_set_error(error, DISABLED_ERROR, DISABLED_ERROR_WRITE,
                        "making %s: %s", path, local->message);
            return false;
        }
    }
    if (was) {
        *was = there;
    }
    return true;
}

bool
disabled_unset(const char *path, bool *was, GError **error)
{
    bool there;

    path = path ? path : disabled_path();
    there = g_unlink(path) == 0;
    if (!there && errno != ENOENT && errno != ENOTDIR) {
        g_set_error(error, DISABLED_ERROR, DISABLED_ERROR_WRITE,
                    "removing %s: %s", path, g_strerror(errno));
        return false;
    }
    if (was) {
        *was = there;
    }
    return true;
}

void
disabled_look(Disabled *disabled)
{
    g_autofree char *why = NULL;
    bool now = disabled_read(disabled->path, &why);

    if (now != disabled->now) {
        disabled->now = now;
        disabled->func(now, why ? why : "", disabled->user);
    }
}

static gboolean on_timer(gpointer user);

/* Watching again what is watched already changes nothing. */
static void
watch_folder(Disabled *disabled)
{
    bool watched =
        disabled->fd >= 0 &&
        inotify_add_watch(disabled->fd, disabled->folder,
                          IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM |
                              IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR) >= 0;

    if (watched && disabled->timer) {
        g_source_destroy(disabled->timer);
        g_clear_pointer(&disabled->timer, g_source_unref);
    } else if (!watched && !disabled->timer) {
        disabled->timer = g_timeout_source_new(LOOK_EVERY_MS);
        g_source_set_callback(disabled->timer, on_timer, disabled, NULL);
        g_source_attach(disabled->timer, disabled->context);
    }
}

static gboolean
on_timer(gpointer user)
{
    watch_folder(user); /* first: what comes between is then noticed */
    disabled_look(user);
    return G_SOURCE_CONTINUE; /* a destroyed source stays destroyed */
}

/* Is the folder that is watched no longer the one of that name? */
static bool
folder_went(int fd)
{
    char events[4096]
        __attribute__((aligned(__alignof__(struct inotify_event))));
    bool went = false;
    ssize_t n;

    while ((n = read(fd, events, sizeof(events))) > 0) {
        for (char *p = events; p < events + n;) {
            const struct inotify_event *event = (const void *)p;

            went |= (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED |
                                    IN_UNMOUNT)) != 0;
            p += sizeof(*event) + event->len;
        }
    }
    return went;
}

static int
open_inotify(void)
{
    return inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
}

static gboolean on_event(gint fd, GIOCondition condition, gpointer user);

static void
attach_inotify(Disabled *disabled)
{
    disabled->fd = open_inotify();
    if (disabled->fd < 0) {
        g_warning("watching %s: inotify: %s; looking twice a second instead",
                  disabled->folder, g_strerror(errno));
        return;
    }
    disabled->source = g_unix_fd_source_new(disabled->fd, G_IO_IN);
    g_source_set_callback(disabled->source, G_SOURCE_FUNC(on_event), disabled,
                          NULL);
    g_source_attach(disabled->source, disabled->context);
}

static void
detach_inotify(Disabled *disabled)
{
    if (disabled->source) {
        g_source_destroy(disabled->source);
        g_clear_pointer(&disabled->source, g_source_unref);
    }
    if (disabled->fd >= 0) {
        close(disabled->fd);
        disabled->fd = -1;
    }
}

static gboolean
on_event(gint fd, GIOCondition condition, gpointer user)
{
    Disabled *disabled = user;
    bool went = folder_went(fd);

    if (went) { /* renamed: its watch would follow it to its new name */
        detach_inotify(disabled);
        attach_inotify(disabled);
    }
    watch_folder(disabled);
    disabled_look(disabled);
    return went ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

Disabled *
disabled_watch(const char *path, GMainContext *context, DisabledFunc func,
               gpointer user)
{
    Disabled *disabled = g_new0(Disabled, 1);

    disabled->path = g_strdup(path ? path : disabled_path());
    disabled->folder = g_path_get_dirname(disabled->path);
    disabled->context = context ? g_main_context_ref(context) : NULL;
    disabled->func = func;
    disabled->user = user;
    attach_inotify(disabled);
    watch_folder(disabled);
    disabled->now = disabled_read(disabled->path, NULL);
    return disabled;
}

void
disabled_free(Disabled *disabled)
{
    if (!disabled) {
        return;
    }
    detach_inotify(disabled);
    if (disabled->timer) {
        g_source_destroy(disabled->timer);
        g_source_unref(disabled->timer);
    }
    g_clear_pointer(&disabled->context, g_main_context_unref);
    g_free(disabled->path);
    g_free(disabled->folder);
    g_free(disabled);
}

bool
disabled_now(const Disabled *disabled)
{
    return disabled->now;
}
