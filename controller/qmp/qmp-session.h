/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qmp-session.h - one conversation with one QEMU
 *
 *   GREETING ──> NEGOTIATING ──> READY
 *       └──────────────┴───────────┴──> CLOSED
 *
 * A session does not wait and owns no thread: it tells which fd and which
 * events it wants and is dispatched by its owner's loop, or sits on a GSource.
 * All of it belongs to one thread. Callbacks may call anything here, also
 * qmp_session_unref().
 */
#ifndef QMP_SESSION_H
#define QMP_SESSION_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "qmp/qmp-transport.h"
#include "qmp/qmp.h"

typedef struct QmpSession QmpSession;

typedef enum {
    QMP_GREETING,    /* QEMU speaks first; commands are kept back */
    QMP_NEGOTIATING, /* qmp_capabilities is under way; commands kept back */
    QMP_READY,
    QMP_CLOSED, /* for good: every command was answered or failed */
    QMP_N_STATES
} QmpState;

const char *qmp_state_name(QmpState state);

/* An event. Borrowed, for the time of the callback. */
typedef struct QmpEvent {
    const char *name;
    JsonObject *data;   /* NULL: none */
    bool stamped;       /* wall_us is QEMU's own time */
    int64_t wall_us;    /* since the epoch, clock of QEMU's host */
    int64_t arrived_us; /* monotonic */
    int64_t at_us;      /* monotonic: when it happened if stamped, the clocks
                           agree and it is not an hour old; else arrived_us,
                           and in a transcript */
} QmpEvent;

/* Any may be NULL. */
typedef struct QmpHandlers {
    /* @why: QMP_CLOSED only */
    void (*state)(QmpSession *session, QmpState state, const GError *why,
                  gpointer user);
    void (*event)(QmpSession *session, const QmpEvent *event, gpointer user);
    /* each message as it passes, for a log or a transcript */
    void (*trace)(QmpSession *session, bool to_qemu, const char *text,
                  gpointer user);
    gpointer user;
} QmpHandlers;

/**
 * qmp_session_new() - Begin a conversation
 * @transport: Taken
 * @handlers: Copied, or NULL
 *
 * It has 10 s to become ready, else it closes with QMP_ERROR_TIMEOUT.
 */
QmpSession *qmp_session_new(QmpTransport *transport,
                            const QmpHandlers *handlers);
QmpSession *qmp_session_ref(QmpSession *session);

/** qmp_session_unref() - The last one closes, which ends every command */
void qmp_session_unref(QmpSession *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QmpSession, qmp_session_unref)

/** qmp_session_close() - We are done; pending commands get QMP_ERROR_CLOSED */
void qmp_session_close(QmpSession *session);

QmpState qmp_session_state(const QmpSession *session);

/** qmp_session_version() - As QEMU greeted: 70222 for 7.2.22; 0: not told */
unsigned qmp_session_version(const QmpSession *session);

/**
 * typedef QmpReply - A command was answered
 * @result: Borrowed; NULL exactly if @error is set
 * @error: QMP_ERROR_COMMAND, _TIMEOUT, or what closed the session; reads "QMP
 *         migrate: Connection refused (class GenericError)"
 */
typedef void (*QmpReply)(QmpSession *session, JsonObject *result,
                         const GError *error, gpointer user);

/**
 * qmp_session_command() - Send a command
 * @arguments: Taken in any case; NULL: none
 * @timeout_ms: From now; 0: none. During a switchover QEMU answers nothing.
 * @reply: Called exactly once and not before this returns, unless it returns
 *         false. May be NULL.
 *
 * Return: false with QMP_ERROR_CLOSED or, if too many are under way,
 * QMP_ERROR_LIMIT
 */
bool qmp_session_command(QmpSession *session, const char *name,
                         JsonObject *arguments, unsigned timeout_ms,
                         QmpReply reply, gpointer user, GError **error);

/* --- for the owner's loop --- */

/** qmp_session_fd() - To be polled; -1 if the transport has none */
int qmp_session_fd(const QmpSession *session);

/** qmp_session_wants() - POLLIN and POLLOUT as of now; 0 once closed */
short qmp_session_wants(const QmpSession *session);

/** qmp_session_due_us() - Monotonic time to dispatch at in any case;
 * INT64_MAX: never, 0: at once */
int64_t qmp_session_due_us(const QmpSession *session);

/** qmp_session_dispatch() - Do what can be done without waiting */
void qmp_session_dispatch(QmpSession *session);

/** qmp_session_attach() - Or leave the loop to GLib
 *
 * Return: the source, attached to @context (NULL: the default one). It holds
 * a reference until the session is closed or the source destroyed; borrowed.
 */
GSource *qmp_session_attach(QmpSession *session, GMainContext *context);

#endif
