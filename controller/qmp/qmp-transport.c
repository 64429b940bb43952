/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qmp-transport.c - sockets; the other transports have files of their own
 */
#include "qmp/qmp-transport.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void
qmp_transport_free(QmpTransport *transport)
{
    if (transport) {
        transport->free(transport);
    }
}

static ssize_t
socket_read(QmpTransport *transport, char *bytes, size_t size, GError **error)
{
    ssize_t n;

    do {
        n = recv(transport->fd, bytes, size, MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n > 0) {
        return n;
    }
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        return 0;
    }
    if (n == 0 || errno == ECONNRESET) {
        g_set_error_literal(error, QMP_ERROR, QMP_ERROR_CLOSED,
                            "QEMU closed its QMP socket");
    } else {
        g_set_error(error, QMP_ERROR, QMP_ERROR_CLOSED,
                    "reading from the QMP socket: %s", g_strerror(errno));
    }
    return -1;
}

static ssize_t
socket_write(QmpTransport *transport, const char *bytes, size_t size,
             GError **error)
{
    ssize_t n;

    do {
        n = send(transport->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n >= 0) {
        return n;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return 0;
    }
    g_set_error(error, QMP_ERROR, QMP_ERROR_CLOSED,
                "writing to the QMP socket: %s", g_strerror(errno));
    return -1;
}

static void
socket_free(QmpTransport *transport)
{
    close(transport->fd);
    g_free(transport);
}

QmpTransport *
qmp_transport_new_fd(int fd, GError **error)
{
    QmpTransport *transport;

    if (!g_unix_set_fd_nonblocking(fd, TRUE, error)) {
        g_prefix_error(error, "QMP socket: ");
        if (fd >= 0) {
            close(fd);
        }
        return NULL;
    }
    transport = g_new0(QmpTransport, 1);
    transport->fd = fd;
    transport->read = socket_read;
    transport->write = socket_write;
    transport->free = socket_free;
    return transport;
}

QmpTransport *
qmp_transport_new_unix(const char *path, GError **error)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd;

    if (strlen(path) >= sizeof(address.sun_path)) {
        g_set_error(error, QMP_ERROR, QMP_ERROR_CONNECT,
                    "QMP socket '%s': the path is longer than the %zu bytes "
                    "of a unix address; use a shorter one",
                    path, sizeof(address.sun_path) - 1);
        return NULL;
    }
    strcpy(address.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* A unix socket connects at once or not at all: EAGAIN is a full queue. */
    if (fd < 0 ||
        connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        g_set_error(error, QMP_ERROR, QMP_ERROR_CONNECT,
                    "QMP socket '%s': %s; QEMU must run with -qmp "
                    "unix:%s,server=on,wait=off",
                    path, g_strerror(errno), path);
        if (fd >= 0) {
            close(fd);
        }
        return NULL;
    }
    return qmp_transport_new_fd(fd, error);
}
