/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * control.c - see control.h
 *
 * Writing is queued: somebody who does not read keeps nobody waiting, and is
 * closed when too much waits for him.
 */
#include "tools/consolidate/control.h"

#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "consolidate/settings.h"

#define MOST_QUEUED_BYTES (32u << 20)
#define MOST_PEERS 32
#define MOST_REQUEST_BYTES 65536

struct Control {
    char *path;
    GSocketService *service;
    ControlRequest request;
    gpointer user;
    GPtrArray *peers; /* ControlPeer *, each holds a reference of itself */
};

struct ControlPeer {
    unsigned refs;
    Control *control; /* NULL: gone */
    GSocketConnection *connection;
    GDataInputStream *input;
    GCancellable *cancel;
    GQueue lines; /* char *, to be written */
    size_t queued_bytes;
    bool writing, follows, ends;
    gpointer tag;
};

static void
peer_unref(ControlPeer *peer)
{
    if (--peer->refs > 0) {
        return;
    }
    g_queue_clear_full(&peer->lines, g_free);
    g_object_unref(peer->input);
    g_object_unref(peer->connection);
    g_object_unref(peer->cancel);
    g_free(peer);
}

static void
peer_close(ControlPeer *peer)
{
    Control *control = peer->control;

    if (!control) {
        return;
    }
    peer->control = NULL;
    g_cancellable_cancel(peer->cancel);
    g_io_stream_close(G_IO_STREAM(peer->connection), NULL, NULL);
    g_ptr_array_remove_fast(control->peers, peer);
    peer_unref(peer);
}

/* --- writing --- */

static void write_next(ControlPeer *peer);

static void
on_written(GObject *source, GAsyncResult *result, gpointer user)
{
    ControlPeer *peer = user;
    bool good = g_output_stream_write_all_finish(G_OUTPUT_STREAM(source),
                                                 result, NULL, NULL);
    char *line = g_queue_pop_head(&peer->lines);

    peer->writing = false;
    if (line) {
        peer->queued_bytes -= strlen(line);
    }
    g_free(line);
    if (!good) {
        peer_close(peer);
    } else if (peer->control) {
        write_next(peer);
    }
    peer_unref(peer);
}

static void
write_next(ControlPeer *peer)
{
    const char *line = g_queue_peek_head(&peer->lines);

    if (!line) {
        if (peer->ends) {
            peer_close(peer);
        }
        return;
    }
    peer->writing = true;
    peer->refs++;
    g_output_stream_write_all_async(
        g_io_stream_get_output_stream(G_IO_STREAM(peer->connection)), line,
        strlen(line), G_PRIORITY_DEFAULT, peer->cancel, on_written, peer);
}

static void
send_line(ControlPeer *peer, JsonObject *object)
{
    g_autofree char *text = jobj_to_text(object, false);
    char *line = g_strconcat(text, "\n", NULL);

    peer->queued_bytes += strlen(line);
    g_queue_push_tail(&peer->lines, line);
    if (peer->queued_bytes > MOST_QUEUED_BYTES) {
        peer_close(peer);
    } else if (!peer->writing) {
        write_next(peer);
    }
}

void
control_return(ControlPeer *peer, JsonObject *result)
{
    g_autoptr(JsonObject) answer = json_object_new_object();

    jobj_add(answer, "return", result ? result : json_object_new_object());
    peer->ends = true;
    peer->follows = false;
    send_line(peer, answer);
}

void
control_refuse(ControlPeer *peer, const char *message)
{
    g_autoptr(JsonObject) answer = json_object_new_object();
    JsonObject *error = json_object_new_object();

    jobj_add_string(error, "message", message);
    jobj_add(answer, "error", error);
    peer->ends = true;
    peer->follows = false;
    send_line(peer, answer);
}

void
control_follow(ControlPeer *peer)
{
    peer->follows = true;
}

void
control_tell(Control *control, const char *event, JsonObject *data)
{
    g_autoptr(JsonObject) line = json_object_new_object();

    jobj_add_string(line, "event", event);
    jobj_add(line, "data", json_object_get(data));
    for (guint i = control->peers->len; i-- > 0;) {
        ControlPeer *peer = control->peers->pdata[i];

        if (peer->follows) {
            send_line(peer, line);
        }
    }
}

const GPtrArray *
control_peers(const Control *control)
{
    return control->peers;
}

gpointer *
control_peer_tag(ControlPeer *peer)
{
    return &peer->tag;
}

/* --- reading --- */

static void
take_request(ControlPeer *peer, const char *line, gsize length)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonObject) request =
        length > MOST_REQUEST_BYTES ? NULL : jobj_parse(line, length, &error);
    const char *command = NULL;

    if (!request || !jobj_get_string(request, "command", &command)) {
        g_autofree char *text =
            g_strdup_printf("this is no request: %s",
                            error ? error->message : "it has no \"command\"");

        control_refuse(peer, text);
        return;
    }
    peer->control->request(peer, command, jobj_get(request, "arguments"),
                           peer->control->user);
}

/* After the request nothing is expected but the end. */
static void
on_end(GObject *source, GAsyncResult *result, gpointer user)
{
    ControlPeer *peer = user;
    gsize length;
    g_autofree char *line = g_data_input_stream_read_line_finish(
        G_DATA_INPUT_STREAM(source), result, &length, NULL);

    peer_close(peer);
    peer_unref(peer);
}

static void
on_line(GObject *source, GAsyncResult *result, gpointer user)
{
    ControlPeer *peer = user;
    gsize length = 0;
    g_autofree char *line = g_data_input_stream_read_line_finish(
        G_DATA_INPUT_STREAM(source), result, &length, NULL);

    if (!line) {
        peer_close(peer);
    } else if (peer->control) {
        take_request(peer, line, length);
        if (peer->control) {
            peer->refs++;
            g_data_input_stream_read_line_async(peer->input, G_PRIORITY_DEFAULT,
                                                peer->cancel, on_end, peer);
        }
    }
    peer_unref(peer);
}

static gboolean
on_incoming(GSocketService *service, GSocketConnection *connection,
            GObject *source, gpointer user)
{
    Control *control = user;
    ControlPeer *peer;

    if (control->peers->len >= MOST_PEERS) {
        return TRUE; /* it is closed */
    }
    peer = g_new0(ControlPeer, 1);
    peer->refs = 2; /* of the list, and of the reading */
    peer->control = control;
    peer->connection = g_object_ref(connection);
    peer->cancel = g_cancellable_new();
    g_queue_init(&peer->lines);
    peer->input = g_data_input_stream_new(
        g_io_stream_get_input_stream(G_IO_STREAM(connection)));
    g_ptr_array_add(control->peers, peer);
    g_data_input_stream_read_line_async(peer->input, G_PRIORITY_DEFAULT,
                                        peer->cancel, on_line, peer);
    return TRUE;
}

Control *
control_listen(const char *path, ControlRequest request, gpointer user,
               GError **error)
{
    Control *control;
    g_autofree char *folder = g_path_get_dirname(path);
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
    g_autoptr(GSocketService) service = g_socket_service_new();
    mode_t mask;
    bool good;

    g_mkdir_with_parents(folder, 0755);
    g_unlink(path); /* whoever had it is gone: the journal's lock is ours */
    mask = umask(0177);
    good = g_socket_listener_add_address(
        G_SOCKET_LISTENER(service), address, G_SOCKET_TYPE_STREAM,
        G_SOCKET_PROTOCOL_DEFAULT, NULL, NULL, error);
    umask(mask);
    if (!good) {
        g_prefix_error(error, "listening at %s: ", path);
        return NULL;
    }
    control = g_new0(Control, 1);
    control->path = g_strdup(path);
    control->request = request;
    control->user = user;
    control->peers = g_ptr_array_new();
    control->service = g_steal_pointer(&service);
    g_signal_connect(control->service, "incoming", G_CALLBACK(on_incoming),
                     control);
    g_socket_service_start(control->service);
    return control;
}

void
control_free(Control *control)
{
    if (!control) {
        return;
    }
    g_socket_service_stop(control->service);
    g_socket_listener_close(G_SOCKET_LISTENER(control->service));
    g_object_unref(control->service);
    while (control->peers->len > 0) {
        peer_close(control->peers->pdata[control->peers->len - 1]);
    }
    g_ptr_array_unref(control->peers);
    g_unlink(control->path);
    g_free(control->path);
    g_free(control);
}

/* --- the other end --- */

static GSocketConnection *
connect_to(const char *path, bool *nobody, GError **error)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
    g_autoptr(GError) cause = NULL;
    GSocketConnection *connection = g_socket_client_connect(
        client, G_SOCKET_CONNECTABLE(address), NULL, &cause);

    if (connection) {
        return connection;
    }
    if (g_error_matches(cause, G_IO_ERROR, G_IO_ERROR_NOT_FOUND) ||
        g_error_matches(cause, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED)) {
        *nobody = true;
        return NULL;
    }
    g_propagate_prefixed_error(error, g_steal_pointer(&cause),
                               "asking the service at %s: ", path);
    return NULL;
}

static bool
write_request(GSocketConnection *connection, const char *command,
              JsonObject *arguments, GError **error)
{
    g_autoptr(JsonObject) request = json_object_new_object();
    g_autofree char *text = NULL, *line = NULL;

    jobj_add_string(request, "command", command);
    if (arguments) {
        jobj_add(request, "arguments", arguments);
    }
    text = jobj_to_text(request, false);
    line = g_strconcat(text, "\n", NULL);
    return g_output_stream_write_all(
        g_io_stream_get_output_stream(G_IO_STREAM(connection)), line,
        strlen(line), NULL, NULL, error);
}

/* Return: false if there is to be more */
static bool
take_answer(JsonObject *line, ControlEvent event, gpointer user,
            JsonObject **answer, GError **error)
{
    const char *message = "it says not why", *name = NULL;

    if (jobj_get(line, "return")) {
        *answer = json_object_get(jobj_get(line, "return"));
        return true;
    }
    if (jobj_get(line, "error")) {
        jobj_get_string(line, "error.message", &message);
        g_set_error(error, CONS_ERROR, CONS_ERROR_STATE, "%s", message);
        return true;
    }
    if (jobj_get_string(line, "event", &name) && event &&
        !event(name, jobj_get(line, "data"), user)) {
        *answer = json_object_new_object();
        return true;
    }
    return false;
}

JsonObject *
control_ask(const char *path, const char *command, JsonObject *arguments,
            ControlEvent event, gpointer user, bool *nobody, GError **error)
{
    g_autoptr(JsonObject) taken = arguments;
    g_autoptr(GSocketConnection) connection = NULL;
    g_autoptr(GDataInputStream) input = NULL;
    JsonObject *answer = NULL;

    *nobody = false;
    connection = connect_to(path, nobody, error);
    if (!connection ||
        !write_request(connection, command, g_steal_pointer(&taken), error)) {
        return NULL;
    }
    input = g_data_input_stream_new(
        g_io_stream_get_input_stream(G_IO_STREAM(connection)));
    for (;;) {
        g_autoptr(GError) cause = NULL;
        gsize length = 0;
        g_autofree char *text =
            g_data_input_stream_read_line(input, &length, NULL, &cause);
        g_autoptr(JsonObject) line =
            text ? jobj_parse(text, length, &cause) : NULL;

        if (!line) {
            g_set_error(error, CONS_ERROR, CONS_ERROR_STATE,
                        "the service at %s went away%s%s", path,
                        cause ? ": " : "", cause ? cause->message : "");
            return NULL;
        }
        if (take_answer(line, event, user, &answer, error)) {
            return answer;
        }
    }
}
