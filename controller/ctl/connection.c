/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * connection.c - one client of the server
 *
 *   readable ──> codec ──> message()        send() ──> socket
 *      ^                                       │ what it does not take
 *      └── not while much waits to be written <┴─> backlog ──> writable
 *
 * Who asks and does not read the answers is no longer listened to, and so
 * stops itself. Events come whether the client asks or not: who does not read
 * those is closed once the backlog is over its limit.
 */
#include "ctl/server-priv.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES 16384
/* Above it no more requests are read. */
#define ENOUGH_WAITS_BYTES 65536

struct CtlConnection {
    unsigned references;
    int fd;
    size_t max_backlog_bytes;
    const CtlConnectionOwner *owner;
    gpointer user;
    CtlCodec *codec;
    GByteArray *backlog;
    size_t written; /* of the backlog */
    GSource *in, *out;
    bool started, closed, finishing;
    GError *nonsense; /* to be told after the messages before it */
};

static void update_sources(CtlConnection *connection);

CtlConnection *
ctl_connection_new(int fd, size_t max_backlog_bytes,
                   const CtlConnectionOwner *owner, gpointer user)
{
    CtlConnection *connection = g_new0(CtlConnection, 1);

    connection->references = 1;
    connection->fd = fd;
    connection->max_backlog_bytes = max_backlog_bytes;
    connection->owner = owner;
    connection->user = user;
    connection->codec = ctl_codec_new(CTL_MAX_REQUEST_BYTES);
    connection->backlog = g_byte_array_new();
    g_unix_set_fd_nonblocking(fd, TRUE, NULL);
    return connection;
}

static void
unref(CtlConnection *connection)
{
    if (--connection->references > 0) {
        return;
    }
    if (connection->fd >= 0) {
        close(connection->fd);
    }
    ctl_codec_free(connection->codec);
    g_byte_array_unref(connection->backlog);
    g_clear_error(&connection->nonsense);
    g_free(connection);
}

static void
drop_source(GSource **source)
{
    if (*source) {
        g_source_destroy(*source);
        g_source_unref(*source);
        *source = NULL;
    }
}

void
ctl_connection_close(CtlConnection *connection, bool slow)
{
    if (connection->closed) {
        return;
    }
    connection->closed = true;
    drop_source(&connection->in);
    drop_source(&connection->out);
    close(connection->fd);
    connection->fd = -1;
    connection->owner->closed(connection, slow, connection->user);
}

void
ctl_connection_free(CtlConnection *connection)
{
    if (!connection) {
        return;
    }
    connection->closed = true;
    drop_source(&connection->in);
    drop_source(&connection->out);
    unref(connection);
}

static size_t
waiting(const CtlConnection *connection)
{
    return connection->backlog->len - connection->written;
}

/* Give the socket what it takes. Returns false if the connection is over. */
static bool
flush(CtlConnection *connection)
{
    while (waiting(connection) > 0) {
        ssize_t n = send(connection->fd,
                         connection->backlog->data + connection->written,
                         waiting(connection), MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return true;
        }
        if (n < 0) {
            ctl_connection_close(connection, false);
            return false;
        }
        connection->written += (size_t)n;
    }
    g_byte_array_set_size(connection->backlog, 0);
    connection->written = 0;
    if (connection->finishing) {
        ctl_connection_close(connection, false);
        return false;
    }
    return true;
}

/* Hand on what has arrived, as long as its sender takes the answers. */
static void
take_messages(CtlConnection *connection)
{
    while (!connection->closed && !connection->finishing &&
           waiting(connection) < ENOUGH_WAITS_BYTES) {
        JsonObject *message = ctl_codec_take(connection->codec);

        if (message) {
            connection->owner->message(connection, message, connection->user);
            jobj_unref(message);
        } else if (connection->nonsense) {
            connection->owner->nonsense(connection, connection->nonsense,
                                        connection->user);
            return;
        } else {
            return;
        }
    }
}

static gboolean
on_writable(gint fd, GIOCondition condition, gpointer user)
{
    CtlConnection *connection = user;

    connection->references++;
    if (flush(connection)) {
        take_messages(connection);
        update_sources(connection);
    }
    unref(connection);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_readable(gint fd, GIOCondition condition, gpointer user)
{
    CtlConnection *connection = user;
    char bytes[READ_BYTES];
    ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        return G_SOURCE_CONTINUE;
    }
    connection->references++;
    if (n < 0) {
        ctl_connection_close(connection, false);
    } else if (n == 0) {
        /* it may have shut one direction down only, and read on */
        ctl_connection_finish(connection);
    } else {
        if (!connection->nonsense) {
            ctl_codec_feed(connection->codec, bytes, (size_t)n,
                           &connection->nonsense);
        }
        take_messages(connection);
        update_sources(connection);
    }
    unref(connection);
    return G_SOURCE_CONTINUE;
}

static void
watch(CtlConnection *connection, GSource **source, bool wanted,
      GIOCondition condition, GUnixFDSourceFunc function)
{
    if (!wanted) {
        drop_source(source);
    } else if (!*source) {
        *source = g_unix_fd_source_new(connection->fd, condition);
        g_source_set_callback(*source, G_SOURCE_FUNC(function), connection,
                              NULL);
        g_source_attach(*source, g_main_context_get_thread_default());
    }
}

static void
update_sources(CtlConnection *connection)
{
    if (connection->closed || !connection->started) {
        return;
    }
    watch(connection, &connection->in,
          !connection->finishing && !connection->nonsense &&
              waiting(connection) < ENOUGH_WAITS_BYTES,
          G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable);
    watch(connection, &connection->out, waiting(connection) > 0, G_IO_OUT,
          on_writable);
}

void
ctl_connection_start(CtlConnection *connection)
{
    connection->started = true;
    update_sources(connection);
}

void
ctl_connection_finish(CtlConnection *connection)
{
    connection->references++;
    connection->finishing = true;
    if (!connection->closed && flush(connection)) {
        update_sources(connection);
    }
    unref(connection);
}

void
ctl_connection_send(CtlConnection *connection, const char *line, size_t length,
                    bool event)
{
    size_t before = waiting(connection);

    if (connection->closed || connection->finishing) {
        return;
    }
    if (before + (event ? length : 0) > connection->max_backlog_bytes) {
        ctl_connection_close(connection, true);
        return;
    }
    if (connection->written > ENOUGH_WAITS_BYTES) {
        g_byte_array_remove_range(connection->backlog, 0,
                                  (guint)connection->written);
        connection->written = 0;
    }
    g_byte_array_append(connection->backlog, (const guint8 *)line,
                        (guint)length);
    connection->references++;
    if (before > 0 || flush(connection)) {
        update_sources(connection);
    }
    unref(connection);
}
