/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * server.c - libmicrohttpd in the GLib main loop
 *
 * libmicrohttpd keeps an epoll descriptor of its own; that is a GSource here,
 * with its timeout. What it does not do by itself is done by us: a client that
 * sends a byte now and then keeps its connection for ever there, and is hung
 * up on here when the request is not complete, or the answer not taken, within
 * the server's patience.
 *
 * A page of a stranger may point a name of its own at 127.0.0.1 and then read
 * what is served there, for the browser takes it for the same origin. So the
 * Host of a request must be a number or localhost, as long as we listen on a
 * local address; a name is answered with 421.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "tools/exporter/options.h"
#include "tools/exporter/server-priv.h"

#define DEFAULT_CONNECTIONS 64
#define DEFAULT_STREAMS 32
#define DEFAULT_SECONDS 10
#define LONGEST_URI 512
#define CONNECTION_MEMORY 16384 /* request line and headers must fit */

typedef struct Request {
    bool too_long;
} Request;

static void
add_header(struct MHD_Response *response, const char *name, const char *value)
{
    if (MHD_add_response_header(response, name, value) != MHD_YES) {
        g_debug("header %s was refused", name);
    }
}

void
server_add_headers(struct MHD_Response *response, const char *type,
                   const char *content_policy)
{
    add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    add_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    add_header(response, "X-Content-Type-Options", "nosniff");
    add_header(response, "Referrer-Policy", "no-referrer");
    add_header(response, "Cross-Origin-Resource-Policy", "same-origin");
    add_header(response, "Content-Security-Policy",
               content_policy ? content_policy : "default-src 'none'");
}

int64_t
server_patience_us(const Server *server)
{
    return (int64_t)server->spec.seconds * G_USEC_PER_SEC;
}

static void
free_bytes(void *bytes)
{
    g_bytes_unref(bytes);
}

static enum MHD_Result
queue_answer(struct MHD_Connection *connection, const ServerAnswer *answer)
{
    gsize length;
    const void *data = g_bytes_get_data(answer->body, &length);
    struct MHD_Response *response;
    enum MHD_Result result;

    response = MHD_create_response_from_buffer_with_free_callback_cls(
        length, (void *)data, free_bytes, answer->body);
    if (!response) {
        g_bytes_unref(answer->body);
        return MHD_NO;
    }
    server_add_headers(response, answer->type, answer->content_policy);
    if (answer->status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        add_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    }
    if (answer->status == MHD_HTTP_SERVICE_UNAVAILABLE) {
        add_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "5");
    }
    result = MHD_queue_response(connection, answer->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result
refuse(struct MHD_Connection *connection, unsigned status, const char *text)
{
    ServerAnswer answer = { status, "text/plain; charset=utf-8", NULL, NULL };

    answer.body = g_bytes_new(text, strlen(text));
    return queue_answer(connection, &answer);
}

/* "127.0.0.1:9177", "[::1]", "localhost"; HTTP/1.0 needs none. */
static bool
host_is_ours(const char *host)
{
    g_autofree char *name = NULL;
    size_t length;

    if (!host) {
        return true;
    }
    if (host[0] == '[') {
        length = strcspn(host + 1, "]");
        name = g_strndup(host + 1, length);
    } else {
        name = g_strndup(host, strcspn(host, ":"));
    }
    return g_ascii_strcasecmp(name, "localhost") == 0 ||
           g_hostname_is_ip_address(name);
}

static enum MHD_Result
handle(void *user, struct MHD_Connection *connection, const char *url,
       const char *method, const char *version, const char *upload,
       size_t *upload_size, void **state)
{
    Server *server = user;
    const Request *request = *state;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    ServerAnswer answer = { .status = MHD_HTTP_OK };
    bool head = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;

    if (server->closing) {
        return MHD_NO;
    }
    if (!head && strcmp(method, MHD_HTTP_METHOD_GET) != 0) {
        return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
                      "Only GET and HEAD.\n");
    }
    if (request && request->too_long) {
        return refuse(connection, MHD_HTTP_URI_TOO_LONG,
                      "No address here is that long.\n");
    }
    if (g_inet_address_get_is_loopback(
            g_inet_socket_address_get_address(server->spec.address)) &&
        !host_is_ours(MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
                                                  MHD_HTTP_HEADER_HOST))) {
        return refuse(connection, MHD_HTTP_MISDIRECTED_REQUEST,
                      "This is not the host that you named.\n");
    }
    if (strcmp(url, server->spec.events_path) == 0 && !head) {
        if (!info || !info->socket_context ||
            server->streams->len >= server->spec.streams) {
            return refuse(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
                          "Too many read events already.\n");
        }
        return server_queue_stream(server, info->socket_context, connection);
    }
    if (!server->spec.answer(url, &answer, server->spec.user)) {
        return refuse(connection, MHD_HTTP_NOT_FOUND,
                      "There are / and /metrics, /status.json, /events and "
                      "/healthz.\n");
    }
    return queue_answer(connection, &answer);
}

static void *
begin_request(void *user, const char *uri, struct MHD_Connection *connection)
{
    Request *request = g_new0(Request, 1);

    request->too_long = strlen(uri) > LONGEST_URI;
    return request;
}

static void
end_request(void *user, struct MHD_Connection *connection, void **state,
            enum MHD_RequestTerminationCode how)
{
    const Server *server = user;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    Client *client = info ? info->socket_context : NULL;

    g_clear_pointer(state, g_free);
    if (client) {
        client->deadline_us = clock_mono_us() + server_patience_us(server);
    }
}

/* ---- slow clients */

static void
hang_up(Client *client)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(
        client->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    client->deadline_us = INT64_MAX;
    if (info) {
        /* libmicrohttpd sees the end of the connection and closes it */
        shutdown(info->connect_fd, SHUT_RDWR);
    }
}

static gboolean
sweep(gpointer user)
{
    Server *server = user;
    int64_t now_us = clock_mono_us();
    GHashTableIter iter;
    gpointer client;

    g_hash_table_iter_init(&iter, server->clients);
    while (g_hash_table_iter_next(&iter, &client, NULL)) {
        if (((Client *)client)->deadline_us < now_us) {
            hang_up(client);
        }
    }
    if (g_hash_table_size(server->clients) == 0) {
        server->sweep = 0;
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

static void
connection_changed(void *user, struct MHD_Connection *connection,
                   void **context, enum MHD_ConnectionNotificationCode what)
{
    Server *server = user;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        Client *client = g_new0(Client, 1);

        client->connection = connection;
        client->deadline_us = clock_mono_us() + server_patience_us(server);
        g_hash_table_add(server->clients, client);
        *context = client;
        if (server->sweep == 0) {
            server->sweep = g_timeout_add_seconds(1, sweep, server);
        }
    } else if (*context) {
        g_hash_table_remove(server->clients, *context);
        g_clear_pointer(context, g_free);
    }
}

/* ---- the main loop */

typedef struct ServerSource {
    GSource source;
    Server *server;
    gpointer tag;
} ServerSource;

static gboolean
source_prepare(GSource *source, int *timeout_ms)
{
    ServerSource *self = (ServerSource *)source;
    MHD_UNSIGNED_LONG_LONG wait_ms;

    *timeout_ms = -1;
    if (self->server->resumed) {
        *timeout_ms = 0;
    } else if (MHD_get_timeout(self->server->daemon, &wait_ms) == MHD_YES) {
        *timeout_ms = (int)MIN(wait_ms, (MHD_UNSIGNED_LONG_LONG)G_MAXINT);
    }
    return *timeout_ms == 0;
}

static gboolean
source_check(GSource *source)
{
    ServerSource *self = (ServerSource *)source;
    MHD_UNSIGNED_LONG_LONG wait_ms;

    return self->server->resumed ||
           g_source_query_unix_fd(source, self->tag) != 0 ||
           (MHD_get_timeout(self->server->daemon, &wait_ms) == MHD_YES &&
            wait_ms == 0);
}

static gboolean
source_dispatch(GSource *source, GSourceFunc callback, gpointer user)
{
    ServerSource *self = (ServerSource *)source;

    self->server->resumed = false;
    MHD_run(self->server->daemon);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = {
    .prepare = source_prepare,
    .check = source_check,
    .dispatch = source_dispatch,
};

/* ---- life */

static bool
listen_at(Server *server, GError **error)
{
    g_autoptr(GError) cause = NULL;
    g_autoptr(GSocketAddress) bound = NULL;
    g_autofree char *name = g_socket_connectable_to_string(
        G_SOCKET_CONNECTABLE(server->spec.address));

    server->socket = g_socket_new(
        g_socket_address_get_family(G_SOCKET_ADDRESS(server->spec.address)),
        G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, &cause);
    if (!server->socket ||
        !g_socket_bind(server->socket, G_SOCKET_ADDRESS(server->spec.address),
                       TRUE, &cause) ||
        !g_socket_listen(server->socket, &cause)) {
        g_set_error(error, EXPORTER_ERROR, EXPORTER_ERROR_LISTEN,
                    "listening on %s: %s", name, cause->message);
        return false;
    }
    g_socket_set_blocking(server->socket, FALSE);
    bound = g_socket_get_local_address(server->socket, NULL);
    server->port =
        bound ? g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(bound))
              : 0;
    return true;
}

static bool
start_daemon(Server *server, GError **error)
{
    const union MHD_DaemonInfo *info;
    ServerSource *source;
    /* libmicrohttpd closes its listening socket itself */
    int fd = fcntl(g_socket_get_fd(server->socket), F_DUPFD_CLOEXEC, 0);

    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, handle, server,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
        server->spec.connections, MHD_OPTION_CONNECTION_TIMEOUT,
        server->spec.seconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_MEMORY, MHD_OPTION_URI_LOG_CALLBACK, begin_request,
        server, MHD_OPTION_NOTIFY_COMPLETED, end_request, server,
        MHD_OPTION_NOTIFY_CONNECTION, connection_changed, server,
        MHD_OPTION_END);
    info = server->daemon
               ? MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)
               : NULL;
    if (!info) {
        g_set_error(error, EXPORTER_ERROR, EXPORTER_ERROR_LISTEN,
                    "libmicrohttpd does not start: %s", g_strerror(errno));
        return false;
    }
    server->source = g_source_new(&source_funcs, sizeof(ServerSource));
    source = (ServerSource *)server->source;
    source->server = server;
    source->tag = g_source_add_unix_fd(server->source, info->epoll_fd, G_IO_IN);
    g_source_attach(server->source, NULL);
    return true;
}

Server *
server_new(const ServerSpec *spec, GError **error)
{
    g_autoptr(Server) server = g_new0(Server, 1);

    server->spec = *spec;
    g_object_ref(spec->address);
    if (server->spec.connections == 0) {
        server->spec.connections = DEFAULT_CONNECTIONS;
    }
    if (server->spec.streams == 0) {
        server->spec.streams = DEFAULT_STREAMS;
    }
    if (server->spec.seconds == 0) {
        server->spec.seconds = DEFAULT_SECONDS;
    }
    server->clients = g_hash_table_new(NULL, NULL);
    server->streams = g_ptr_array_new();
    if (!listen_at(server, error) || !start_daemon(server, error)) {
        return NULL;
    }
    return g_steal_pointer(&server);
}

void
server_free(Server *server)
{
    if (!server) {
        return;
    }
    server->closing = true;
    if (server->source) {
        g_source_destroy(server->source);
        g_source_unref(server->source);
    }
    if (server->daemon) {
        /* libmicrohttpd wants none suspended when it stops */
        server_wake_streams(server);
        MHD_run(server->daemon);
        MHD_stop_daemon(server->daemon);
    }
    if (server->sweep != 0) {
        g_source_remove(server->sweep);
    }
    g_clear_object(&server->socket);
    g_hash_table_unref(server->clients);
    g_ptr_array_unref(server->streams);
    g_clear_pointer(&server->event, g_bytes_unref);
    g_object_unref(server->spec.address);
    g_free(server);
}

guint16
server_port(const Server *server)
{
    return server->port;
}
