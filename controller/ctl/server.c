/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * server.c - see server.h
 *
 * The socket's file is open to everybody: who may what is decided by what the
 * kernel says of the peer, because two groups share one file. A request lives
 * until it is answered, which may be after its client, and even after the
 * server; what is answered then goes nowhere.
 */
#include "ctl/server-priv.h"

#include <errno.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

#define DEFAULT_CLIENTS 64
#define CLIENTS_OF_A_USER 16
#define REQUESTS_OF_A_CLIENT 32
#define DEFAULT_BACKLOG_BYTES (1u << 20)

struct CtlServer {
    CtlBackend backend;
    CtlGroups groups;
    char *path; /* of our socket; NULL: quiet */
    char *version;
    unsigned max_clients;
    size_t max_backlog_bytes;
    int fd; /* listening, -1: quiet */
    GSource *source;
    struct stat file;   /* our socket, so that we remove no other's */
    GPtrArray *clients; /* Client * */
    uint64_t last_client, last_event;
    CtlServerCounters counters;
};

typedef struct Client {
    CtlServer *server;
    CtlConnection *connection;
    CtlPeer peer;
    unsigned events;    /* 1 << CtlEvent that it subscribed to */
    unsigned asked;     /* 1 << CtlCommand that it has used */
    char *session;      /* only this one's; NULL: all */
    GPtrArray *waiting; /* CtlRequest *, borrowed */
} Client;

struct CtlRequest {
    Client *client; /* NULL: it is gone */
    CtlPeer peer;
    CtlCommand command;
    JsonObject *id;
    JsonObject *arguments;
};

G_STATIC_ASSERT(CTL_N_EVENTS <= sizeof(unsigned) * 8);
G_STATIC_ASSERT(CTL_N_COMMANDS <= sizeof(unsigned) * 8);

/* --- answers --- */

static void
send_object(Client *client, JsonObject *object, bool event)
{
    size_t length;
    g_autofree char *line = ctl_codec_line(object, &length);

    ctl_connection_send(client->connection, line, length, event);
}

static JsonObject *
error_object(JsonObject *id, CtlError code, const char *message,
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
send_error(Client *client, JsonObject *id, CtlError code, const char *message,
           const char *remedy)
{
    g_autoptr(JsonObject) object = error_object(id, code, message, remedy);

    client->server->counters.refused++;
    send_object(client, object, false);
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
return_now(Client *client, JsonObject *id, JsonObject *result)
{
    g_autoptr(JsonObject) object = json_object_new_object();

    jobj_add(object, "id", json_object_get(id));
    jobj_add(object, "return", result);
    send_object(client, object, false);
}

static JsonObject *
greeting_of(const Client *client)
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
subscribe(Client *client, JsonObject *arguments)
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
log_request(Client *client, CtlCommand command, JsonObject *arguments)
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
hand_over(Client *client, JsonObject *id, CtlCommand command,
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

static void
on_message(CtlConnection *connection, JsonObject *message, gpointer user)
{
    Client *client = user;
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
        return_now(client, id, greeting_of(client));
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

static void
on_nonsense(CtlConnection *connection, const GError *error, gpointer user)
{
    send_error(user, NULL, (CtlError)error->code, error->message, NULL);
    ctl_connection_finish(connection);
}

/* --- clients --- */

static void
client_free(Client *client)
{
    for (guint i = 0; i < client->waiting->len; i++) {
        ((CtlRequest *)g_ptr_array_index(client->waiting, i))->client = NULL;
    }
    g_ptr_array_unref(client->waiting);
    ctl_connection_free(client->connection);
    g_free(client->session);
    g_free(client);
}

static void
on_closed(CtlConnection *connection, bool slow, gpointer user)
{
    Client *client = user;
    CtlServer *server = client->server;
    CtlPeer peer = client->peer;

    if (slow) {
        server->counters.dropped++;
        g_debug("control: client %" G_GUINT64_FORMAT " (%s) does not read, "
                "closed",
                peer.client, peer.program);
    }
    g_ptr_array_remove_fast(server->clients, client);
    client_free(client);
    if (server->backend.closed) {
        server->backend.closed(server->backend.self, &peer);
    }
}

static const CtlConnectionOwner owner = {
    .message = on_message,
    .nonsense = on_nonsense,
    .closed = on_closed,
};

/* Why this client cannot be had; NULL if it can. */
static const char *
refusal(const CtlServer *server, const CtlPeer *peer, CtlError *code)
{
    unsigned of_user = 0;

    for (guint i = 0; i < server->clients->len; i++) {
        const Client *client = g_ptr_array_index(server->clients, i);

        of_user += client->peer.uid == peer->uid;
    }
    *code = CTL_ERROR_NOT_PERMITTED;
    if (!peer->may_read) {
        return "this user is neither in the reading nor in the steering group";
    }
    *code = CTL_ERROR_BUSY;
    if (server->clients->len >= server->max_clients) {
        return "too many clients";
    }
    if (peer->uid != 0 && of_user >= CLIENTS_OF_A_USER) {
        return "too many clients of this user";
    }
    return NULL;
}

/* One line into a socket that is empty, and goodbye. */
static void
turn_away(CtlServer *server, int fd, CtlError code, const char *why)
{
    g_autoptr(JsonObject) object = error_object(
        NULL, code, why,
        code == CTL_ERROR_BUSY
            ? "close some of them"
            : "join a group, [control] read-group and steer-group in "
              "vmferry.conf, or use root");
    size_t length;
    g_autofree char *line = ctl_codec_line(object, &length);

    server->counters.refused++;
    if (send(fd, line, length, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        g_debug("control: a client that was turned away is gone");
    }
    close(fd);
}

uint64_t
ctl_server_add(CtlServer *server, int fd, const CtlPeer *peer)
{
    g_autoptr(JsonObject) hello = json_object_new_object();
    g_autoptr(GError) error = NULL;
    CtlPeer asked = { 0 };
    CtlError code;
    const char *why;
    Client *client;

    if (peer) {
        asked = *peer;
    } else if (!ctl_peer_ask(fd, &server->groups, &asked, &error)) {
        g_debug("control: %s", error->message);
        close(fd);
        return 0;
    }
    why = refusal(server, &asked, &code);
    if (why) {
        turn_away(server, fd, code, why);
        return 0;
    }
    client = g_new0(Client, 1);
    client->server = server;
    client->peer = asked;
    client->peer.client = ++server->last_client;
    client->waiting = g_ptr_array_new();
    client->connection =
        ctl_connection_new(fd, server->max_backlog_bytes, &owner, client);
    g_ptr_array_add(server->clients, client);
    ctl_connection_start(client->connection);
    jobj_add(hello, "greeting", greeting_of(client));
    send_object(client, hello, false);
    return server->last_client;
}

static gboolean
on_connect(gint fd, GIOCondition condition, gpointer user)
{
    int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (client >= 0) {
        ctl_server_add(user, client, NULL);
    }
    return G_SOURCE_CONTINUE;
}

/* --- events --- */

bool
ctl_server_wants(const CtlServer *server, CtlEvent event)
{
    for (guint i = 0; i < server->clients->len; i++) {
        const Client *client = g_ptr_array_index(server->clients, i);

        if (client->events & 1u << event) {
            return true;
        }
    }
    return false;
}

static Client *
find_client(const CtlServer *server, uint64_t number)
{
    for (guint i = 0; i < server->clients->len; i++) {
        Client *client = g_ptr_array_index(server->clients, i);

        if (client->peer.client == number) {
            return client;
        }
    }
    return NULL;
}

void
ctl_server_event(CtlServer *server, CtlEvent event, const char *session,
                 JsonObject *data)
{
    g_autoptr(JsonObject) object = json_object_new_object();
    g_autofree char *time = clock_format_utc(clock_wall_us());
    g_autofree char *line = NULL;
    size_t length = 0;

    g_autoptr(GArray) numbers = NULL;

    server->last_event++;
    jobj_add_string(data, "session", session);
    jobj_add_string(object, "event", ctl_event_name(event));
    jobj_add_u64(object, "seq", server->last_event);
    jobj_add_string(object, "time", time);
    jobj_add(object, "data", data);
    /* By number: one that does not read is closed and freed on the way. */
    numbers = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    for (guint i = 0; i < server->clients->len; i++) {
        const Client *client = g_ptr_array_index(server->clients, i);

        if ((client->events & 1u << event) &&
            (!client->session || g_strcmp0(client->session, session) == 0)) {
            g_array_append_val(numbers, client->peer.client);
        }
    }
    if (numbers->len > 0) {
        line = ctl_codec_line(object, &length);
    }
    for (guint i = 0; i < numbers->len; i++) {
        Client *client =
            find_client(server, g_array_index(numbers, uint64_t, i));

        if (client) {
            ctl_connection_send(client->connection, line, length, true);
        }
    }
}

/* --- life --- */

CtlServer *
ctl_server_new_quiet(const CtlServerSpec *spec, const CtlBackend *backend,
                     GError **error)
{
    CtlServer *server = g_new0(CtlServer, 1);

    server->fd = -1;
    server->backend = *backend;
    server->version = g_strdup(spec->version);
    server->max_clients =
        spec->max_clients ? spec->max_clients : DEFAULT_CLIENTS;
    server->max_backlog_bytes = spec->max_backlog_bytes
                                    ? spec->max_backlog_bytes
                                    : DEFAULT_BACKLOG_BYTES;
    server->clients = g_ptr_array_new();
    if (!ctl_groups_resolve(spec->read_group, spec->steer_group,
                            &server->groups, error)) {
        ctl_server_free(server);
        return NULL;
    }
    return server;
}

bool
ctl_server_set_groups(CtlServer *server, const char *read_group,
                      const char *steer_group, GError **error)
{
    return ctl_groups_resolve(read_group, steer_group, &server->groups, error);
}

void
ctl_server_take_groups(CtlServer *server, const CtlGroups *groups)
{
    server->groups = *groups;
}

static bool
fill_address(const char *path, struct sockaddr_un *address, GError **error)
{
    *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof(address->sun_path)) {
        g_set_error(error, CTL_ERROR, CTL_ERROR_SYSTEM,
                    "control socket %s: its path is longer than %zu bytes",
                    path, sizeof(address->sun_path) - 1);
        return false;
    }
    g_strlcpy(address->sun_path, path, sizeof(address->sun_path));
    return true;
}

static bool
system_error(GError **error, const char *path, const char *what)
{
    g_set_error(error, CTL_ERROR, CTL_ERROR_SYSTEM, "control socket %s: %s: %s",
                path, what, g_strerror(errno));
    return false;
}

/* Make room: what a dead daemon left is removed, a living one is not. */
static bool
make_room(const struct sockaddr_un *address, GError **error)
{
    const char *path = address->sun_path;
    g_autofree char *folder = g_path_get_dirname(path);
    struct stat file;
    int probe, code;

    if (g_mkdir_with_parents(folder, 0755) != 0) {
        return system_error(error, path, "making its folder");
    }
    if (lstat(path, &file) != 0) {
        return errno == ENOENT || system_error(error, path, "looking at it");
    }
    if (!S_ISSOCK(file.st_mode)) {
        errno = EEXIST;
        return system_error(error, path, "it is no socket, and left alone");
    }
    probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0) {
        return system_error(error, path, "socket");
    }
    code =
        connect(probe, (const struct sockaddr *)address, sizeof(*address)) == 0
            ? 0
            : errno;
    close(probe);
    if (code != ECONNREFUSED && code != ENOENT) {
        g_set_error(error, CTL_ERROR, CTL_ERROR_BUSY,
                    "control socket %s: another daemon answers there; stop it "
                    "first (systemctl stop vmferryd)",
                    path);
        return false;
    }
    return unlink(path) == 0 || errno == ENOENT ||
           system_error(error, path, "removing what a dead daemon left");
}

static bool
listen_at(CtlServer *server, const char *path, GError **error)
{
    struct sockaddr_un address;

    if (!fill_address(path, &address, error) || !make_room(&address, error)) {
        return false;
    }
    server->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (server->fd < 0) {
        return system_error(error, path, "socket");
    }
    if (bind(server->fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        return system_error(error, path, "bind");
    }
    server->path = g_strdup(path);
    if (lstat(path, &server->file) != 0 || chmod(path, 0666) != 0 ||
        listen(server->fd, 64) != 0) {
        return system_error(error, path, "listen");
    }
    server->source = g_unix_fd_source_new(server->fd, G_IO_IN);
    g_source_set_callback(server->source, G_SOURCE_FUNC(on_connect), server,
                          NULL);
    g_source_attach(server->source, g_main_context_get_thread_default());
    return true;
}

CtlServer *
ctl_server_new(const CtlServerSpec *spec, const CtlBackend *backend,
               GError **error)
{
    CtlServer *server = ctl_server_new_quiet(spec, backend, error);

    if (server &&
        !listen_at(server, spec->path ? spec->path : CTL_DEFAULT_SOCKET,
                   error)) {
        g_clear_pointer(&server, ctl_server_free);
    }
    return server;
}

CtlServerCounters
ctl_server_counters(const CtlServer *server)
{
    CtlServerCounters counters = server->counters;

    counters.clients = server->clients->len;
    return counters;
}

void
ctl_server_free(CtlServer *server)
{
    struct stat file;

    if (!server) {
        return;
    }
    while (server->clients->len > 0) {
        client_free(g_ptr_array_steal_index_fast(server->clients, 0));
    }
    g_ptr_array_unref(server->clients);
    if (server->source) {
        g_source_destroy(server->source);
        g_source_unref(server->source);
    }
    if (server->path && lstat(server->path, &file) == 0 &&
        file.st_dev == server->file.st_dev &&
        file.st_ino == server->file.st_ino) {
        unlink(server->path);
    }
    if (server->fd >= 0) {
        close(server->fd);
    }
    g_free(server->path);
    g_free(server->version);
    g_free(server);
}
