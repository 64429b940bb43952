/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * server.c - see server.h
 *
 * The socket's file is open to everybody: who may what is decided by what the
 * kernel says of the peer, because two groups share one file.
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
#define DEFAULT_BACKLOG_BYTES (1u << 20)

/* --- clients --- */

static void
client_free(ServerClient *client)
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
    ServerClient *client = user;
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
    .message = server_take_message,
    .nonsense = server_take_nonsense,
    .closed = on_closed,
};

/* Why this client cannot be had; NULL if it can. */
static const char *
refusal(const CtlServer *server, const CtlPeer *peer, CtlError *code)
{
    unsigned of_user = 0;

    for (guint i = 0; i < server->clients->len; i++) {
        const ServerClient *client = g_ptr_array_index(server->clients, i);

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
    g_autoptr(JsonObject) object = server_error(
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
    ServerClient *client;

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
    client = g_new0(ServerClient, 1);
    client->server = server;
    client->peer = asked;
    client->peer.client = ++server->last_client;
    client->waiting = g_ptr_array_new();
    client->connection =
        ctl_connection_new(fd, server->max_backlog_bytes, &owner, client);
    g_ptr_array_add(server->clients, client);
    ctl_connection_start(client->connection);
    jobj_add(hello, "greeting", server_greeting(client));
    server_send(client, hello, false);
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
        const ServerClient *client = g_ptr_array_index(server->clients, i);

        if (client->events & 1u << event) {
            return true;
        }
    }
    return false;
}

static ServerClient *
find_client(const CtlServer *server, uint64_t number)
{
    for (guint i = 0; i < server->clients->len; i++) {
        ServerClient *client = g_ptr_array_index(server->clients, i);

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
        const ServerClient *client = g_ptr_array_index(server->clients, i);

        if ((client->events & 1u << event) &&
            (!client->session || g_strcmp0(client->session, session) == 0)) {
            g_array_append_val(numbers, client->peer.client);
        }
    }
    if (numbers->len > 0) {
        line = ctl_codec_line(object, &length);
    }
    for (guint i = 0; i < numbers->len; i++) {
        ServerClient *client =
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
