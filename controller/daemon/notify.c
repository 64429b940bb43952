/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * notify.c - see notify.h
 */
#define G_LOG_DOMAIN "vmferryd"
#include "daemon/notify.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

G_DEFINE_QUARK(vmferry_notify_error, notify_error)

struct Notify {
    int fd; /* -1: nobody listens */
    struct sockaddr_un address;
    socklen_t address_length;
    guint64 watchdog_us;
    GSource *timer; /* NULL: no signs of life are given */
};

/* "/run/systemd/notify", or "@name" for an abstract one. */
static bool
read_address(Notify *notify, const char *text, GError **error)
{
    size_t length = strlen(text);

    if ((*text != '/' && *text != '@') || length < 2 ||
        length >= sizeof(notify->address.sun_path)) {
        g_set_error(error, NOTIFY_ERROR, NOTIFY_ERROR_ADDRESS,
                    "NOTIFY_SOCKET: '%s' is neither the path of a socket nor "
                    "the name of an abstract one",
                    text);
        return false;
    }
    notify->address.sun_family = AF_UNIX;
    memcpy(notify->address.sun_path, text, length);
    notify->address_length =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    if (*text == '@') {
        notify->address.sun_path[0] = '\0';
    } else {
        notify->address_length++;
    }
    return true;
}

/* The time is for us if no pid is named, or ours. */
static guint64
read_watchdog(const char *us, const char *pid)
{
    guint64 time_us = 0, wanted = 0;

    if (!us ||
        !g_ascii_string_to_unsigned(us, 10, 1, G_MAXUINT64, &time_us, NULL)) {
        return 0;
    }
    if (pid &&
        (!g_ascii_string_to_unsigned(pid, 10, 1, G_MAXINT32, &wanted, NULL) ||
         wanted != (guint64)getpid())) {
        return 0;
    }
    return time_us;
}

Notify *
notify_new(GError **error)
{
    g_autoptr(Notify) notify = g_new0(Notify, 1);
    g_autofree char *socket_name = g_strdup(g_getenv("NOTIFY_SOCKET"));

    notify->fd = -1;
    notify->watchdog_us =
        read_watchdog(g_getenv("WATCHDOG_USEC"), g_getenv("WATCHDOG_PID"));
    g_unsetenv("NOTIFY_SOCKET");
    g_unsetenv("WATCHDOG_USEC");
    g_unsetenv("WATCHDOG_PID");
    if (!socket_name || !*socket_name) {
        return g_steal_pointer(&notify);
    }
    if (!read_address(notify, socket_name, error)) {
        return NULL;
    }
    notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (notify->fd < 0) {
        g_set_error(error, NOTIFY_ERROR, NOTIFY_ERROR_SOCKET,
                    "a socket to notify systemd: %s", g_strerror(errno));
        return NULL;
    }
    return g_steal_pointer(&notify);
}

void
notify_free(Notify *notify)
{
    if (!notify) {
        return;
    }
    if (notify->timer) {
        g_source_destroy(notify->timer);
        g_source_unref(notify->timer);
    }
    if (notify->fd >= 0) {
        close(notify->fd);
    }
    g_free(notify);
}

bool
notify_active(const Notify *notify)
{
    return notify->fd >= 0;
}

guint64
notify_watchdog_us(const Notify *notify)
{
    return notify_active(notify) ? notify->watchdog_us : 0;
}

/* @state: "READY=1", or several such lines; @status after it */
static void
tell(Notify *notify, const char *state, const char *status)
{
    g_autofree char *line = g_strdelimit(g_strdup(status), "\n\r", ' ');
    g_autofree char *text =
        line ? g_strdup_printf("%s%sSTATUS=%s", state, *state ? "\n" : "", line)
             : g_strdup(state);
    ssize_t sent;

    if (!notify_active(notify) || !*text) {
        return;
    }
    do {
        sent = sendto(
            notify->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
            (const struct sockaddr *)&notify->address, notify->address_length);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        g_debug("telling systemd '%s': %s", text, g_strerror(errno));
    }
}

void
notify_ready(Notify *notify, const char *status)
{
    tell(notify, "READY=1", status);
}

void
notify_reloading(Notify *notify, const char *status)
{
    /* With the time, since newer managers tell reloads apart by it. */
    g_autofree char *state = g_strdup_printf(
        "RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT, clock_mono_us());

    tell(notify, state, status);
}

void
notify_stopping(Notify *notify, const char *status)
{
    tell(notify, "STOPPING=1", status);
}

static gboolean
give_sign(gpointer user)
{
    tell(user, "WATCHDOG=1", NULL);
    return G_SOURCE_CONTINUE;
}

void
notify_watch(Notify *notify, GMainContext *context)
{
    guint64 every_ms = notify->watchdog_us / 2000;

    if (!notify_watchdog_us(notify) || notify->timer) {
        return;
    }
    notify->timer =
        g_timeout_source_new((guint)CLAMP(every_ms, 1, G_MAXUINT / 2));
    /* Among all that a busy loop has to do this is not to be forgotten. */
    g_source_set_priority(notify->timer, G_PRIORITY_HIGH);
    g_source_set_callback(notify->timer, give_sign, notify, NULL);
    g_source_attach(notify->timer, context);
    give_sign(notify);
}
