/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qmp-pass.c - a monitor that belongs to somebody else, looking like a socket
 *
 * libvirt speaks with QEMU and passes single commands on. It numbers them
 * itself, so ours go without "id" and the answer gets it back here. The
 * greeting and qmp_capabilities are long past when we come; they are answered
 * here, so that a session needs to know nothing of this. The greeting tells no
 * version, since nobody told us.
 */
#include "qmp/qmp-transport.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "qmp/qmp-codec.h"

typedef struct Pass Pass;

/* A command under way; outlives the transport if need be. */
typedef struct {
    Pass *pass; /* NULL: the session is gone */
    JsonObject *id;
} Request;

struct Pass {
    QmpTransport transport;
    QmpPassThrough monitor;
    QmpCodec *commands;
    GPtrArray *requests; /* of Request, not owned */
    GString *out;
    GError *over;
};

static void
answer(Pass *pass, JsonObject *message, JsonObject *id)
{
    g_autofree char *text = NULL;

    json_object_object_del(message, "id");
    jobj_add(message, "id", json_object_get(id));
    text = jobj_to_text(message, false);
    g_string_append_printf(pass->out, "%s\r\n", text);
}

static void
pass_reply(const char *reply, const GError *error, gpointer token)
{
    Request *request = token;
    Pass *pass = request->pass;
    g_autoptr(JsonObject) message = NULL;
    g_autoptr(GError) broken = NULL;

    if (pass) {
        g_ptr_array_remove_fast(pass->requests, request);
        if (reply) {
            message = jobj_parse(reply, strlen(reply), &broken);
            if (!json_object_is_type(message, json_type_object)) {
                g_clear_error(&pass->over);
                g_set_error(&pass->over, QMP_ERROR, QMP_ERROR_PROTOCOL,
                            "monitor pass-through: no QMP answer: %.200s",
                            reply);
            } else {
                answer(pass, message, request->id);
            }
        } else {
            /* one command failed; the next may do */
            JsonObject *inside = json_object_new_object();

            message = json_object_new_object();
            jobj_add_string(inside, "class", "PassThrough");
            jobj_add_string(inside, "desc",
                            error ? error->message : "no answer");
            jobj_add(message, "error", inside);
            answer(pass, message, request->id);
        }
    }
    jobj_unref(request->id);
    g_free(request);
}

static void
pass_on(Pass *pass, JsonObject *command)
{
    const char *name = "";
    Request *request = g_new0(Request, 1);
    g_autofree char *text = NULL;

    request->pass = pass;
    request->id = json_object_get(jobj_get(command, "id"));
    g_ptr_array_add(pass->requests, request);
    jobj_get_string(command, "execute", &name);
    if (strcmp(name, "qmp_capabilities") == 0) {
        pass_reply("{\"return\": {}}", NULL, request);
        return;
    }
    json_object_object_del(command, "id");
    text = jobj_to_text(command, false);
    pass->monitor.send(pass->monitor.self, text, pass_reply, request);
}

static ssize_t
pass_write(QmpTransport *transport, const char *bytes, size_t size,
           GError **error)
{
    Pass *pass = (Pass *)transport;

    if (!qmp_codec_feed(pass->commands, bytes, size, error)) {
        return -1;
    }
    for (;;) {
        g_autoptr(JsonObject) command = qmp_codec_take(pass->commands);

        if (!command) {
            return (ssize_t)size;
        }
        pass_on(pass, command);
    }
}

static ssize_t
pass_read(QmpTransport *transport, char *bytes, size_t size, GError **error)
{
    Pass *pass = (Pass *)transport;
    size_t n = MIN(size, pass->out->len);

    if (n > 0) {
        memcpy(bytes, pass->out->str, n);
        g_string_erase(pass->out, 0, (gssize)n);
        return (ssize_t)n;
    }
    if (pass->over) {
        if (error) {
            *error = g_error_copy(pass->over);
        }
        return -1;
    }
    return 0;
}

static bool
pass_readable(QmpTransport *transport)
{
    Pass *pass = (Pass *)transport;

    return pass->out->len > 0 || pass->over;
}

static void
pass_free(QmpTransport *transport)
{
    Pass *pass = (Pass *)transport;

    for (unsigned i = 0; i < pass->requests->len; i++) {
        ((Request *)pass->requests->pdata[i])->pass = NULL;
    }
    g_ptr_array_unref(pass->requests);
    qmp_codec_free(pass->commands);
    g_string_free(pass->out, TRUE);
    g_clear_error(&pass->over);
    g_free(pass);
}

QmpTransport *
qmp_transport_new_pass_through(const QmpPassThrough *monitor)
{
    Pass *pass = g_new0(Pass, 1);

    pass->transport = (QmpTransport){ .fd = -1,
                                      .read = pass_read,
                                      .write = pass_write,
                                      .readable = pass_readable,
                                      .free = pass_free };
    pass->monitor = *monitor;
    pass->commands = qmp_codec_new();
    pass->requests = g_ptr_array_new();
    pass->out = g_string_new("{\"QMP\": {\"capabilities\": []}}\r\n");
    return &pass->transport;
}
