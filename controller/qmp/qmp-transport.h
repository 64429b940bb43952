/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qmp-transport.h - where the bytes of a conversation come from and go to
 *
 * Nothing here waits. A transport is owned by its session once handed over.
 */
#ifndef QMP_TRANSPORT_H
#define QMP_TRANSPORT_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "qmp/qmp.h"

typedef struct QmpTransport QmpTransport;

struct QmpTransport {
    int fd;        /* to poll; -1: there is none, ask readable() */
    bool recorded; /* its stamps are of another time than its messages */

    /* Bytes read (> 0), 0: none now, -1: over, with @error (QMP_ERROR_CLOSED
     * if the peer closed) */
    ssize_t (*read)(QmpTransport *transport, char *bytes, size_t size,
                    GError **error);

    /* Bytes taken, 0: none now, -1: over */
    ssize_t (*write)(QmpTransport *transport, const char *bytes, size_t size,
                     GError **error);

    /* Would read() give something other than 0? Asked if there is no fd. */
    bool (*readable)(QmpTransport *transport);

    void (*free)(QmpTransport *transport);
};

void qmp_transport_free(QmpTransport *transport);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QmpTransport, qmp_transport_free)

/** qmp_transport_new_fd() - A connected stream socket; takes @fd in any case */
QmpTransport *qmp_transport_new_fd(int fd, GError **error);

/** qmp_transport_new_unix() - Connect to QEMU's -qmp unix:PATH,server=on */
QmpTransport *qmp_transport_new_unix(const char *path, GError **error);

/**
 * qmp_transport_new_transcript() - A recorded conversation plays the peer
 * @path: As docs/testing.md describes; "> " to QEMU, "< " from it
 *
 * Replies carry the id of the command that asked. The first command other than
 * the recorded one ends the conversation with QMP_ERROR_TRANSCRIPT, which
 * names the line; the end of the file ends it with QMP_ERROR_CLOSED.
 */
QmpTransport *qmp_transport_new_transcript(const char *path, GError **error);

/**
 * typedef QmpPassReply - Answer to a command that was passed through
 * @reply: QEMU's whole answer, {"return": ...} or {"error": ...}
 * @error: Why there is none; set exactly if @reply is NULL
 * @token: As handed to QmpPassThrough.send
 */
typedef void (*QmpPassReply)(const char *reply, const GError *error,
                             gpointer token);

/*
 * Somebody else's monitor, above all libvirt's (virDomainQemuMonitorCommand).
 * The adapter that owns it does not know this one: the program fills in the
 * table.
 */
typedef struct QmpPassThrough {
    /* Hand over one command, JSON text without "id". @reply must be called
     * exactly once, now or later, in the thread of the session, also when the
     * session is gone by then. */
    void (*send)(gpointer self, const char *command, QmpPassReply reply,
                 gpointer token);
    gpointer self;
} QmpPassThrough;

/** qmp_transport_new_pass_through() - Commands only, no event comes this way.
 * @monitor is copied; its self must outlive the transport. */
QmpTransport *qmp_transport_new_pass_through(const QmpPassThrough *monitor);

#endif
