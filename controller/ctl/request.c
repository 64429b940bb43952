/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * request.c - what a client of the server asks for, and its answer
 *
 * A request lives until it is answered, which may be after its client, and even
 * after the server; what is answered then goes nowhere.
 */
#include "ctl/server-priv.h"

#define REQUESTS_OF_A_CLIENT 32

G_STATIC_ASSERT(CTL_N_EVENTS <= sizeof(unsigned) * 8);
G_STATIC_ASSERT(CTL_N_COMMANDS <= sizeof(unsigned) * 8);

/* --- answers --- */

void
server_send(ServerClient *client, JsonObject *object, bool event)
{
    size_t length;
    g_autofree char *line = ctl_codec_line(object, &length);

    ctl_connection_send(client->connection, line, length, event);
}

JsonObject *
server_error(JsonObject *id, CtlError code, const char *message,
             const char *remedy)
{
    JsonObject *object = json_object_new_object();
    JsonObject *error = json_object_new_object();

    jobj_add(object, "id", id ? json_object_get(id) : NULL);
    jobj_add_string(error, "class", ctl_error_name(code));
    jobj_add_string(error, "message", message);
    jobj_add_string(error, "remedy", remedy);
    jobj_add(object, "error", error);
    return object;
}

static void
send_error(ServerClient *client, JsonObject *id, CtlError code,
           const char *message, const char *remedy)
{
    g_autoptr(JsonObject) object = server_error(id, code, message, remedy);

    client->server->counters.refused++;
    server_send(client, object, false);
}

static void
request_free(CtlRequest *request)
{
    if (request->client) {
        g_ptr_array_remove_fast(request->client->waiting, request);
    }
    jobj_unref(request->id);
    jobj_unref(request->arguments);
    g_free(request);
}

CtlCommand
ctl_request_command(const CtlRequest *request)
{
    return request->command;
}

JsonObject *
ctl_request_arguments(const CtlRequest *request)
{
    return request->arguments;
}

const CtlPeer *
ctl_request_peer(const CtlRequest *request)
{
    return &request->peer;
}

void
ctl_request_return(CtlRequest *request, JsonObject *result)
{
    g_autoptr(JsonObject) object = json_object_new_object();
    size_t length;
    g_autofree char *line = NULL;

    jobj_add(object, "id", json_object_get(request->id));
    jobj_add(object, "return", result ? result : json_object_new_object());
    if (request->client) {
        line = ctl_codec_line(object, &length);
        if (length > CTL_MAX_ANSWER_BYTES) {
            send_error(request->client, request->id, CTL_ERROR_FAILED,
                       "the answer is longer than the protocol allows", NULL);
        } else {
            ctl_connection_send(request->client->connection, line, length,
                                false);
        }
    }
    request_free(request);
}

static void
request_fail(CtlRequest *request, CtlError code, const char *message,
             const char *remedy)
{
    if (request->client) {
        send_error(request->client, request->id,
                   code < CTL_ERROR_NO_DAEMON ? code : CTL_ERROR_FAILED,
                   message, remedy);
    }
    request_free(request);
}

void
ctl_request_fail(CtlRequest *request, CtlError code, const char *remedy,
                 const char *format, ...)
{
    g_autofree char *message = NULL;
    va_list args;

    va_start(args, format);
    message = g_strdup_vprintf(format, args);
    va_end(args);
    request_fail(request, code, message, remedy);
}

void
ctl_request_fail_error(CtlRequest *request, const GError *error,
                       const char *remedy)
{
    request_fail(request,
                 error->domain == CTL_ERROR ? (CtlError)error->code
                                            : CTL_ERROR_FAILED,
                 error->message, remedy);
}

/* --- requests --- */

static void
return_now(ServerClient *client, JsonObject *id, JsonObject *result)
{
    g_autoptr(JsonObject) object = json_object_new_object();

    jobj_add(object, "id", json_object_get(id));
    jobj_add(object, "return", result);
    server_send(client, object, false);
}

JsonObject *
server_greeting(const ServerClient *client)
{
    JsonObject *greeting = json_object_new_object();
    JsonObject *rights = json_object_new_array();

    jobj_add_i64(greeting, "protocol", CTL_PROTOCOL);
    jobj_add_string(greeting, "daemon", "vmferryd");
    jobj_add_string(greeting, "version", client->server->version);
    json_object_array_add(rights, json_object_new_string("read"));
    if (client->peer.may_steer) {
        json_object_array_add(rights, json_object_new_string("steer"));
    }
    jobj_add(greeting, "rights", rights);
    return greeting;
}

static JsonObject *
subscribe(ServerClient *client, JsonObject *arguments)
{
    JsonObject *names = jobj_get(arguments, "events");
    JsonObject *result = json_object_new_object();
    JsonObject *events = json_object_new_array();
    const char *session = NULL;

    client->events = names ? 0 : ~0u;
    for (size_t i = 0; names && i < json_object_array_length(names); i++) {
        const char *name =
            json_object_get_string(json_object_array_get_idx(names, i));
        CtlEvent event;

        if (ctl_event_parse(name, &event, NULL)) {
            client->events |= 1u << event;
        }
    }
    for (unsigned i = 0; i < CTL_N_EVENTS; i++) {
        if (client->events & 1u << i) {
            json_object_array_add(
                events, json_object_new_string(ctl_event_name((CtlEvent)i)));
        }
    }
    jobj_get_string(arguments, "session", &session);
    g_free(client->session);
    client->session = g_strdup(session);
    jobj_add(result, "events", events);
    return result;
}

/* Who asked for what; the journal keeps the fields apart. Who looks again and
 * again is told of once. */
static void
log_request(ServerClient *client, CtlCommand command, JsonObject *arguments)
{
    const CtlPeer *peer = &client->peer;
    bool steers = ctl_command_steers(command);
    bool again = !steers && client->asked & 1u << command;
    g_autofree char *text =
        arguments ? jobj_to_text(arguments, false) : g_strdup("{}");
    g_autofree char *uid = g_strdup_printf("%u", (unsigned)peer->uid);
    g_autofree char *pid = g_strdup_printf("%d", (int)peer->pid);

    client->asked |= 1u << command;
    g_log_structured(G_LOG_DOMAIN,
                     steers  ? G_LOG_LEVEL_MESSAGE
                     : again ? G_LOG_LEVEL_DEBUG
                             : G_LOG_LEVEL_INFO,
                     "VMFERRY_COMMAND", ctl_command_name(command),
                     "VMFERRY_PEER_UID", uid, "VMFERRY_PEER_PID", pid,
                     "VMFERRY_PEER_PROGRAM", peer->program, "MESSAGE",
                     "control: uid %s, pid %s (%s): %s %s", uid, pid,
                     peer->program, ctl_command_name(command), text);
}

static void
hand_over(ServerClient *client, JsonObject *id, CtlCommand command,
          JsonObject *arguments)
{
    const CtlBackend *backend = &client->server->backend;
    CtlRequest *request;

    if (!backend->commands[command]) {
        send_error(client, id, CTL_ERROR_UNAVAILABLE,
                   "this daemon does not do that", NULL);
        return;
    }
    if (client->waiting->len >= REQUESTS_OF_A_CLIENT) {
        send_error(client, id, CTL_ERROR_BUSY,
                   "too many requests of this client wait for their answer",
                   "wait for some of them");
        return;
    }
    request = g_new0(CtlRequest, 1);
    request->client = client;
    request->peer = client->peer;
    request->command = command;
    request->id = json_object_get(id);
    request->arguments =
        arguments ? json_object_get(arguments) : json_object_new_object();
    g_ptr_array_add(client->waiting, request);
    backend->commands[command](backend->self, request);
}

void
server_take_message(CtlConnection *connection, JsonObject *message,
                    gpointer user)
{
    ServerClient *client = user;
    g_autoptr(GError) error = NULL;
    JsonObject *id, *arguments;
    CtlCommand command;

    client->server->counters.requests++;
    if (!ctl_request_read(message, &id, &command, &arguments, &error)) {
        send_error(client, id, (CtlError)error->code, error->message,
                   error->code == CTL_ERROR_UNKNOWN_COMMAND
                       ? "docs/protocol.md lists them"
                       : NULL);
        return;
    }
    log_request(client, command, arguments);
    if (ctl_command_steers(command) && !client->peer.may_steer) {
        send_error(client, id, CTL_ERROR_NOT_PERMITTED,
                   "this user may look, not steer",
                   "join the steering group, [control] steer-group in "
                   "vmferry.conf, or use root");
        return;
    }
    switch (command) {
    case CTL_COMMAND_VERSION:
        return_now(client, id, server_greeting(client));
        break;
    case CTL_COMMAND_SUBSCRIBE:
        return_now(client, id, subscribe(client, arguments));
        break;
    case CTL_COMMAND_UNSUBSCRIBE:
        client->events = 0;
        return_now(client, id, json_object_new_object());
        break;
    default:
        hand_over(client, id, command, arguments);
    }
}

void
server_take_nonsense(CtlConnection *connection, const GError *error,
                     gpointer user)
{
    send_error(user, NULL, (CtlError)error->code, error->message, NULL);
    ctl_connection_finish(connection);
}
