/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qmp-session.c - greeting, commands matched by id, events
 *
 * A command becomes a pending one with the next number as its id. Its text
 * waits in "out" until the transport takes it, or in the pending command while
 * the session is not ready. QEMU answers in order; the id is matched all the
 * same, because a command that timed out leaves its answer to come. Such an
 * answer is dropped. An id that was never given out is nonsense.
 *
 * Dispatch reads a bounded number of bytes and handles every message at once:
 * a flood grows nothing here, and other sources of the loop get their turn.
 */
#include "qmp/qmp-session.h"

#include <inttypes.h>
#include <poll.h>

#include "base/clock.h"
#include "qmp/qmp-codec.h"

#define READY_WITHIN_US (10 * G_USEC_PER_SEC)
#define READ_BYTES 65536
#define READS_PER_DISPATCH 8

/* Older stamps come from a clock that differs from ours. */
#define STAMP_OLD_US (3600 * (int64_t)G_USEC_PER_SEC)

typedef struct {
    uint64_t id;
    char *name;
    char *text; /* not sent yet: the session is not ready */
    int64_t due_us;
    QmpReply reply;
    gpointer user;
} Pending;

struct QmpSession {
    int refs;
    QmpState state;
    QmpTransport *transport;
    QmpHandlers handlers;
    QmpCodec *codec;
    GString *out;
    GQueue pending; /* of Pending, by id */
    uint64_t last_id;
    int64_t ready_due_us;
    unsigned version;
};

static const unsigned may_enter[QMP_N_STATES] = {
    [QMP_GREETING] = 1u << QMP_NEGOTIATING | 1u << QMP_CLOSED,
    [QMP_NEGOTIATING] = 1u << QMP_READY | 1u << QMP_CLOSED,
    [QMP_READY] = 1u << QMP_CLOSED,
    [QMP_CLOSED] = 0,
};

const char *
qmp_state_name(QmpState state)
{
    static const char *const names[] = {
        [QMP_GREETING] = "greeting",
        [QMP_NEGOTIATING] = "negotiating",
        [QMP_READY] = "ready",
        [QMP_CLOSED] = "closed",
    };

    G_STATIC_ASSERT(G_N_ELEMENTS(names) == QMP_N_STATES);
    return (unsigned)state < QMP_N_STATES ? names[state] : "?";
}

static void
pending_free(Pending *pending)
{
    g_free(pending->name);
    g_free(pending->text);
    g_free(pending);
}

static void
session_enter(QmpSession *session, QmpState next, const GError *why)
{
    g_assert(may_enter[session->state] & 1u << next);
    g_debug("QMP session: %s -> %s%s%s", qmp_state_name(session->state),
            qmp_state_name(next), why ? ": " : "", why ? why->message : "");
    session->state = next;
    if (session->handlers.state) {
        session->handlers.state(session, next, why, session->handlers.user);
    }
}

QmpSession *
qmp_session_new(QmpTransport *transport, const QmpHandlers *handlers)
{
    QmpSession *session = g_new0(QmpSession, 1);

    session->refs = 1;
    session->state = QMP_GREETING;
    session->transport = transport;
    if (handlers) {
        session->handlers = *handlers;
    }
    session->codec = qmp_codec_new();
    session->out = g_string_new(NULL);
    g_queue_init(&session->pending);
    session->ready_due_us = clock_mono_us() + READY_WITHIN_US;
    return session;
}

QmpSession *
qmp_session_ref(QmpSession *session)
{
    session->refs++;
    return session;
}

/* End @pending, which is no longer in the queue, with an error. */
static void
fail(QmpSession *session, Pending *pending, const GError *why)
{
    if (pending->reply) {
        g_autoptr(GError) error = g_error_copy(why);

        g_prefix_error(&error, "QMP %s: ", pending->name);
        pending->reply(session, NULL, error, pending->user);
    }
    pending_free(pending);
}

static void
close_because(QmpSession *session, const GError *why)
{
    Pending *pending;

    if (session->state == QMP_CLOSED) {
        return;
    }
    qmp_session_ref(session);
    g_clear_pointer(&session->transport, qmp_transport_free);
    session_enter(session, QMP_CLOSED, why);
    while ((pending = g_queue_pop_head(&session->pending))) {
        fail(session, pending, why);
    }
    qmp_session_unref(session);
}

void
qmp_session_close(QmpSession *session)
{
    g_autoptr(GError) why =
        g_error_new_literal(QMP_ERROR, QMP_ERROR_CLOSED, "session was closed");

    close_because(session, why);
}

void
qmp_session_unref(QmpSession *session)
{
    if (!session) {
        return;
    }
    if (session->refs == 1) {
        /* its callbacks may take and drop references: the last one is ours */
        qmp_session_close(session);
    }
    if (--session->refs > 0) {
        return;
    }
    qmp_codec_free(session->codec);
    g_string_free(session->out, TRUE);
    g_free(session);
}

QmpState
qmp_session_state(const QmpSession *session)
{
    return session->state;
}

unsigned
qmp_session_version(const QmpSession *session)
{
    return session->version;
}

static void
trace(QmpSession *session, bool to_qemu, const char *text)
{
    g_debug("QMP %s %s", to_qemu ? ">" : "<", text);
    if (session->handlers.trace) {
        session->handlers.trace(session, to_qemu, text, session->handlers.user);
    }
}

static void
send_text(QmpSession *session, const char *text)
{
    trace(session, true, text);
    g_string_append(session->out, text);
    g_string_append_c(session->out, '\n');
}

static Pending *
pending_new(QmpSession *session, const char *name, JsonObject *arguments,
            int64_t due_us, QmpReply reply, gpointer user)
{
    g_autoptr(JsonObject) command = json_object_new_object();
    Pending *pending = g_new0(Pending, 1);

    pending->id = ++session->last_id;
    pending->name = g_strdup(name);
    pending->due_us = due_us;
    pending->reply = reply;
    pending->user = user;
    jobj_add_string(command, "execute", name);
    if (arguments) {
        jobj_add(command, "arguments", arguments);
    }
    jobj_add_u64(command, "id", pending->id);
    pending->text = jobj_to_text(command, false);
    return pending;
}

bool
qmp_session_command(QmpSession *session, const char *name,
                    JsonObject *arguments, unsigned timeout_ms, QmpReply reply,
                    gpointer user, GError **error)
{
    int64_t due_us =
        timeout_ms ? clock_mono_us() + (int64_t)timeout_ms * 1000 : INT64_MAX;
    Pending *pending;

    if (session->state == QMP_CLOSED) {
        jobj_unref(arguments);
        g_set_error(error, QMP_ERROR, QMP_ERROR_CLOSED,
                    "QMP %s: session is closed", name);
        return false;
    }
    if (session->pending.length >= QMP_MAX_PENDING) {
        jobj_unref(arguments);
        g_set_error(error, QMP_ERROR, QMP_ERROR_LIMIT,
                    "QMP %s: %d commands wait for an answer already", name,
                    QMP_MAX_PENDING);
        return false;
    }
    pending = pending_new(session, name, arguments, due_us, reply, user);
    g_queue_push_tail(&session->pending, pending);
    if (session->state == QMP_READY) {
        g_autofree char *text = g_steal_pointer(&pending->text);

        send_text(session, text);
    }
    return true;
}

static void
close_protocol(QmpSession *session, const char *what, JsonObject *message)
{
    g_autofree char *text = jobj_to_text(message, false);
    g_autoptr(GError) error =
        g_error_new(QMP_ERROR, QMP_ERROR_PROTOCOL, "%s: %.200s", what, text);

    close_because(session, error);
}

static void
negotiated(QmpSession *session, JsonObject *result, const GError *error,
           gpointer user)
{
    if (session->state == QMP_CLOSED) {
        return;
    }
    if (error) {
        close_because(session, error);
        return;
    }
    for (GList *item = session->pending.head; item; item = item->next) {
        Pending *pending = item->data;
        g_autofree char *text = g_steal_pointer(&pending->text);

        if (text) {
            send_text(session, text);
        }
    }
    session_enter(session, QMP_READY, NULL);
}

static void
handle_greeting(QmpSession *session, JsonObject *message)
{
    uint64_t major, minor, micro;
    Pending *pending;

    if (!json_object_is_type(jobj_get(message, "QMP"), json_type_object)) {
        close_protocol(session, "no QMP greeting; is this QEMU's QMP socket?",
                       message);
        return;
    }
    if (jobj_get_u64(message, "QMP.version.qemu.major", &major) &&
        jobj_get_u64(message, "QMP.version.qemu.minor", &minor) &&
        jobj_get_u64(message, "QMP.version.qemu.micro", &micro) &&
        major < 1000 && minor < 100 && micro < 100) {
        session->version = (unsigned)(major * 10000 + minor * 100 + micro);
    }
    /* ahead of what was asked meanwhile: QEMU refuses all else before it */
    pending = pending_new(session, "qmp_capabilities", NULL, INT64_MAX,
                          negotiated, NULL);
    g_queue_push_head(&session->pending, pending);
    {
        g_autofree char *text = g_steal_pointer(&pending->text);

        send_text(session, text);
    }
    session_enter(session, QMP_NEGOTIATING, NULL);
}

static void
handle_event(QmpSession *session, const char *name, JsonObject *message)
{
    int64_t wall_us = clock_wall_us();
    QmpEvent event = { .name = name,
                       .data = jobj_get(message, "data"),
                       .arrived_us = clock_mono_us() };
    int64_t seconds, micros;

    event.at_us = event.arrived_us;
    if (jobj_get_i64(message, "timestamp.seconds", &seconds) &&
        jobj_get_i64(message, "timestamp.microseconds", &micros) &&
        seconds >= 0 && seconds < INT64_MAX / G_USEC_PER_SEC - 1 &&
        micros >= 0 && micros < G_USEC_PER_SEC) {
        event.stamped = true;
        event.wall_us = seconds * G_USEC_PER_SEC + micros;
        if (!session->transport->recorded && event.wall_us <= wall_us &&
            event.wall_us > wall_us - STAMP_OLD_US) {
            event.at_us = event.arrived_us - (wall_us - event.wall_us);
        }
    }
    if (session->handlers.event) {
        session->handlers.event(session, &event, session->handlers.user);
    }
}

static void
handle_reply(QmpSession *session, JsonObject *message)
{
    JsonObject *result = jobj_get(message, "return");
    Pending *pending = NULL;
    uint64_t id;

    if (!jobj_get_u64(message, "id", &id) || id == 0 || id > session->last_id) {
        close_protocol(session, "an answer to no command of ours", message);
        return;
    }
    for (GList *item = session->pending.head; item; item = item->next) {
        pending = item->data;
        if (pending->id == id) {
            if (pending->text) {
                close_protocol(session, "an answer to a command not sent yet",
                               message);
                return;
            }
            g_queue_delete_link(&session->pending, item);
            break;
        }
        pending = NULL;
    }
    if (!pending) {
        return; /* it timed out */
    }

    if (result) {
        if (pending->reply) {
            pending->reply(session, result, NULL, pending->user);
        }
        pending_free(pending);
    } else {
        const char *class = "?", *text = "no reason given";
        g_autoptr(GError) error = NULL;

        jobj_get_string(message, "error.class", &class);
        jobj_get_string(message, "error.desc", &text);
        error = g_error_new(QMP_ERROR, QMP_ERROR_COMMAND, "%s (class %s)", text,
                            class);
        fail(session, pending, error);
    }
}

static void
handle_message(QmpSession *session, JsonObject *message)
{
    g_autofree char *text = jobj_to_text(message, false);
    const char *name;

    trace(session, false, text);
    if (session->state == QMP_CLOSED) {
        return; /* by the trace handler */
    }
    if (session->state == QMP_GREETING) {
        handle_greeting(session, message);
    } else if (jobj_get_string(message, "event", &name)) {
        handle_event(session, name, message);
    } else if (jobj_get(message, "return") || jobj_get(message, "error")) {
        handle_reply(session, message);
    } else {
        close_protocol(session, "neither an answer nor an event", message);
    }
}

static bool
flush(QmpSession *session)
{
    g_autoptr(GError) error = NULL;

    while (session->state != QMP_CLOSED && session->out->len > 0) {
        ssize_t n = session->transport->write(
            session->transport, session->out->str, session->out->len, &error);

        if (n < 0) {
            close_because(session, error);
            return false;
        }
        if (n == 0) {
            return true;
        }
        g_string_erase(session->out, 0, n);
    }
    return session->state != QMP_CLOSED;
}

static void
receive(QmpSession *session)
{
    g_autofree char *bytes = g_malloc(READ_BYTES);

    for (int i = 0; i < READS_PER_DISPATCH && session->state != QMP_CLOSED;
         i++) {
        g_autoptr(GError) error = NULL;
        bool sane = true;
        JsonObject *message;
        ssize_t n = session->transport->read(session->transport, bytes,
                                             READ_BYTES, &error);

        if (n == 0) {
            return;
        }
        if (n > 0) {
            sane = qmp_codec_feed(session->codec, bytes, (size_t)n, &error);
        } else if (!qmp_codec_is_between(session->codec)) {
            g_prefix_error(&error, "in the middle of a message: ");
        }
        while (session->state != QMP_CLOSED &&
               (message = qmp_codec_take(session->codec))) {
            handle_message(session, message);
            jobj_unref(message);
        }
        if (n < 0 || !sane) {
            close_because(session, error);
        }
    }
}

static void
expire(QmpSession *session)
{
    int64_t now_us = clock_mono_us();
    GList *item = session->pending.head;

    if (session->state < QMP_READY && now_us >= session->ready_due_us) {
        g_autoptr(GError) error = g_error_new(
            QMP_ERROR, QMP_ERROR_TIMEOUT,
            "no QMP %s within 10 s; a QMP socket serves one client at a time, "
            "is another one connected?",
            session->state == QMP_GREETING ? "greeting" : "capabilities");

        close_because(session, error);
        return;
    }
    while (item && session->state != QMP_CLOSED) {
        Pending *pending = item->data;

        if (pending->due_us > now_us) {
            item = item->next;
            continue;
        }
        g_queue_delete_link(&session->pending, item);
        {
            g_autoptr(GError) error =
                g_error_new_literal(QMP_ERROR, QMP_ERROR_TIMEOUT,
                                    "no answer in time; QEMU does not answer "
                                    "while it switches over");

            fail(session, pending, error);
        }
        /* the callback may have changed the queue */
        item = session->pending.head;
    }
}

int
qmp_session_fd(const QmpSession *session)
{
    return session->transport ? session->transport->fd : -1;
}

short
qmp_session_wants(const QmpSession *session)
{
    if (session->state == QMP_CLOSED) {
        return 0;
    }
    return (short)(POLLIN | (session->out->len > 0 ? POLLOUT : 0));
}

int64_t
qmp_session_due_us(const QmpSession *session)
{
    int64_t due_us = INT64_MAX;

    if (session->state == QMP_CLOSED) {
        return INT64_MAX;
    }
    if (session->transport->fd < 0 &&
        (session->out->len > 0 ||
         session->transport->readable(session->transport))) {
        return 0;
    }
    if (session->state < QMP_READY) {
        due_us = session->ready_due_us;
    }
    for (GList *item = session->pending.head; item; item = item->next) {
        due_us = MIN(due_us, ((Pending *)item->data)->due_us);
    }
    return due_us;
}

void
qmp_session_dispatch(QmpSession *session)
{
    qmp_session_ref(session);
    if (session->state != QMP_CLOSED && flush(session)) {
        receive(session);
    }
    /* answers led to more commands */
    if (session->state != QMP_CLOSED && flush(session)) {
        expire(session);
    }
    qmp_session_unref(session);
}
