/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * client.c - see client.h
 *
 * Whatever arrives goes into one inbox, in order. Who waits for an answer
 * picks it out there and leaves the rest to whoever comes for it, so that a
 * call between two turns of the main loop loses nothing.
 */
#include "ctl/client-priv.h"

#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

#define DEFAULT_TIMEOUT_MS 5000
#define READ_BYTES 65536

char *
ctl_socket_path(const char *option)
{
    const char *path = option ? option : g_getenv("VMFERRY_SOCKET");

    return g_strdup(path && *path ? path : CTL_DEFAULT_SOCKET);
}

void
ctl_client_break(CtlClient *client, GError *error)
{
    if (client->broken) {
        g_clear_error(&error);
    } else {
        client->broken = error;
    }
    if (client->attached) {
        ctl_client_wake(client);
    }
}

bool
ctl_client_read(CtlClient *client)
{
    char bytes[READ_BYTES];
    GError *error = NULL;
    JsonObject *object;
    ssize_t n;

    if (client->broken) {
        return false;
    }
    n = recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        return true;
    }
    if (n > 0) {
        ctl_codec_feed(client->codec, bytes, (size_t)n, &error);
    } else {
        g_set_error(&error, CTL_ERROR, CTL_ERROR_CLOSED,
                    "the daemon closed the connection%s%s", n < 0 ? ": " : "",
                    n < 0 ? g_strerror(errno) : "");
    }
    while ((object = ctl_codec_take(client->codec))) {
        g_queue_push_tail(&client->inbox, object);
    }
    if (error) {
        ctl_client_break(client, error);
    }
    return !client->broken;
}

bool
ctl_client_write(CtlClient *client)
{
    while (client->out->len > 0 && !client->broken) {
        ssize_t n = send(client->fd, client->out->data, client->out->len,
                         MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n > 0) {
            g_byte_array_remove_range(client->out, 0, (guint)n);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return true;
        } else if (errno != EINTR) {
            /* Its last words may tell why: the reader will find the end. */
            g_byte_array_set_size(client->out, 0);
        }
    }
    return !client->broken;
}

uint64_t
ctl_client_queue(CtlClient *client, CtlCommand command, JsonObject *arguments)
{
    g_autoptr(JsonObject) request = json_object_new_object();
    size_t length;
    g_autofree char *line = NULL;

    jobj_add_u64(request, "id", ++client->last_id);
    jobj_add_string(request, "command", ctl_command_name(command));
    if (arguments) {
        jobj_add(request, "arguments", arguments);
    }
    line = ctl_codec_line(request, &length);
    g_byte_array_append(client->out, (const guint8 *)line, (guint)length);
    return client->last_id;
}

JsonObject *
ctl_client_result(JsonObject *answer, GError **error)
{
    const char *class = "failed", *message = "it gave no reason";
    const char *remedy = NULL;
    JsonObject *result = jobj_get(answer, "return");

    if (json_object_is_type(result, json_type_object)) {
        return result;
    }
    jobj_get_string(answer, "error.class", &class);
    jobj_get_string(answer, "error.message", &message);
    jobj_get_string(answer, "error.remedy", &remedy);
    g_set_error(error, CTL_ERROR, (gint)ctl_error_parse(class), "%s%s%s",
                message, remedy ? "; " : "", remedy ? remedy : "");
    return NULL;
}

/* An error that answers no request: the last line before the end. */
static bool
is_farewell(JsonObject *object)
{
    JsonObject *id;

    return jobj_get(object, "error") &&
           json_object_object_get_ex(object, "id", &id) && !id;
}

/* Wait until something arrives. False: it is over, or time is. */
static bool
wait_for_bytes(CtlClient *client, int64_t until_us, GError **error)
{
    for (;;) {
        struct pollfd poll_fd = { .fd = client->fd, .events = POLLIN };
        int64_t left_us = until_us - clock_mono_us();
        int n;

        if (client->broken) {
            g_propagate_error(error, g_error_copy(client->broken));
            return false;
        }
        if (until_us >= 0 && left_us <= 0) {
            return false;
        }
        if (client->out->len > 0) {
            poll_fd.events |= POLLOUT;
        }
        n = poll(&poll_fd, 1, until_us < 0 ? -1 : (int)(left_us / 1000) + 1);
        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            g_set_error(error, CTL_ERROR, CTL_ERROR_SYSTEM, "poll: %s",
                        g_strerror(errno));
            return false;
        }
        if (n > 0 && (poll_fd.revents & POLLOUT)) {
            ctl_client_write(client);
        }
        if (n > 0 && (poll_fd.revents & ~POLLOUT)) {
            ctl_client_read(client);
            return true;
        }
    }
}

/* Pick an object out of the inbox. */
static JsonObject *
pick(CtlClient *client, bool (*fits)(JsonObject *object, gconstpointer what),
     gconstpointer what)
{
    for (GList *link = client->inbox.head; link; link = link->next) {
        JsonObject *object = link->data;

        if (fits(object, what)) {
            g_queue_delete_link(&client->inbox, link);
            return object;
        }
    }
    return NULL;
}

static JsonObject *
wait_for(CtlClient *client, int64_t until_us,
         bool (*fits)(JsonObject *object, gconstpointer what),
         gconstpointer what, GError **error)
{
    for (;;) {
        JsonObject *object = pick(client, fits, what);
        g_autoptr(GError) over = NULL;

        if (object) {
            return object;
        }
        if (!wait_for_bytes(client, until_us, &over)) {
            /* it may have come with the end */
            object = over ? pick(client, fits, what) : NULL;
            if (!object && over) {
                g_propagate_error(error, g_steal_pointer(&over));
            }
            return object;
        }
    }
}

static bool
fits_greeting(JsonObject *object, gconstpointer what)
{
    return jobj_get(object, "greeting") || jobj_get(object, "error");
}

static bool
fits_answer(JsonObject *object, gconstpointer what)
{
    uint64_t id;

    return is_farewell(object) ||
           (jobj_get_u64(object, "id", &id) && id == *(const uint64_t *)what);
}

static bool
fits_event(JsonObject *object, gconstpointer what)
{
    return jobj_get(object, "event") != NULL;
}

static void
nothing_in_time(GError **error, const char *what, unsigned timeout_ms)
{
    if (!error || !*error) {
        g_set_error(error, CTL_ERROR, CTL_ERROR_UNAVAILABLE,
                    "no %s within %.1f s; is the daemon hung?", what,
                    timeout_ms / 1000.0);
    }
}

static bool
read_greeting(CtlClient *client, GError **error)
{
    g_autoptr(GError) problem = NULL;
    g_autoptr(JsonObject) hello =
        wait_for(client, clock_mono_us() + client->timeout_ms * 1000LL,
                 fits_greeting, NULL, &problem);
    int64_t protocol = -1;

    if (!hello) {
        nothing_in_time(&problem, "greeting", client->timeout_ms);
        g_propagate_error(error, g_steal_pointer(&problem));
        return false;
    }
    if (jobj_get(hello, "error")) {
        ctl_client_result(hello, error);
        return false;
    }
    jobj_get_i64(hello, "greeting.protocol", &protocol);
    if (protocol != CTL_PROTOCOL) {
        g_set_error(error, CTL_ERROR, CTL_ERROR_SYSTEM,
                    "the daemon speaks protocol %" G_GINT64_FORMAT
                    ", this program %d; install the same version of both",
                    protocol, CTL_PROTOCOL);
        return false;
    }
    client->greeting = json_object_get(jobj_get(hello, "greeting"));
    return true;
}

CtlClient *
ctl_client_new_fd(int fd, unsigned timeout_ms, GError **error)
{
    CtlClient *client = g_new0(CtlClient, 1);

    client->references = 1;
    client->fd = fd;
    client->timeout_ms = timeout_ms ? timeout_ms : DEFAULT_TIMEOUT_MS;
    client->codec = ctl_codec_new(CTL_MAX_ANSWER_BYTES);
    client->out = g_byte_array_new();
    g_queue_init(&client->inbox);
    g_unix_set_fd_nonblocking(fd, TRUE, NULL);
    if (!read_greeting(client, error)) {
        g_clear_pointer(&client, ctl_client_free);
    }
    return client;
}

static int
connect_to(const char *path, unsigned timeout_ms, GError **error)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct timeval patience = { .tv_sec = timeout_ms / 1000,
                                .tv_usec = timeout_ms % 1000 * 1000 };
    int fd, code;

    if (strlen(path) >= sizeof(address.sun_path)) {
        g_set_error(error, CTL_ERROR, CTL_ERROR_SYSTEM,
                    "a socket's path has at most %zu bytes",
                    sizeof(address.sun_path) - 1);
        return -1;
    }
    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        g_set_error(error, CTL_ERROR, CTL_ERROR_SYSTEM, "socket: %s",
                    g_strerror(errno));
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
        return fd;
    }
    code = errno;
    close(fd);
    if (code == EACCES || code == EPERM) {
        g_set_error(error, CTL_ERROR, CTL_ERROR_NOT_PERMITTED,
                    "%s; join the reading or the steering group of vmferryd, "
                    "or use root",
                    g_strerror(code));
    } else {
        g_set_error(error, CTL_ERROR, CTL_ERROR_NO_DAEMON,
                    "no daemon answers there (%s); start it (systemctl start "
                    "vmferryd), or name its socket with --socket or "
                    "VMFERRY_SOCKET",
                    g_strerror(code));
    }
    return -1;
}

CtlClient *
ctl_client_open(const char *path, unsigned timeout_ms, GError **error)
{
    unsigned patience_ms = timeout_ms ? timeout_ms : DEFAULT_TIMEOUT_MS;
    int fd = connect_to(path, patience_ms, error);
    CtlClient *client =
        fd >= 0 ? ctl_client_new_fd(fd, patience_ms, error) : NULL;

    if (!client) {
        g_prefix_error(error, "control socket %s: ", path);
    }
    return client;
}

void
ctl_client_unref(CtlClient *client)
{
    if (--client->references > 0) {
        return;
    }
    close(client->fd);
    ctl_codec_free(client->codec);
    jobj_unref(client->greeting);
    g_queue_clear_full(&client->inbox, (GDestroyNotify)jobj_unref);
    g_byte_array_unref(client->out);
    g_clear_error(&client->broken);
    g_free(client);
}

void
ctl_client_free(CtlClient *client)
{
    if (!client || client->freed) {
        return;
    }
    client->freed = true;
    ctl_client_detach(client);
    ctl_client_unref(client);
}

JsonObject *
ctl_client_greeting(const CtlClient *client)
{
    return client->greeting;
}

JsonObject *
ctl_client_call(CtlClient *client, CtlCommand command, JsonObject *arguments,
                GError **error)
{
    uint64_t id = ctl_client_queue(client, command, arguments);
    g_autoptr(GError) problem = NULL;
    g_autoptr(JsonObject) answer = NULL;
    JsonObject *result;

    ctl_client_write(client);
    answer = wait_for(client, clock_mono_us() + client->timeout_ms * 1000LL,
                      fits_answer, &id, &problem);
    if (client->attached && client->inbox.length > 0) {
        ctl_client_wake(client);
    }
    if (!answer) {
        nothing_in_time(&problem, "answer", client->timeout_ms);
        g_propagate_prefixed_error(error, g_steal_pointer(&problem),
                                   "%s: ", ctl_command_name(command));
        return NULL;
    }
    result = ctl_client_result(answer, error);
    return result ? json_object_get(result) : NULL;
}

JsonObject *
ctl_client_next_event(CtlClient *client, int timeout_ms, GError **error)
{
    int64_t until_us =
        timeout_ms < 0 ? -1 : clock_mono_us() + timeout_ms * 1000LL;

    return wait_for(client, until_us, fits_event, NULL, error);
}
