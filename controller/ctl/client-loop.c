/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * client-loop.c - the client in a main loop
 *
 * Everything that is told to the program is told from the loop, never from
 * within the call that caused it. What was told may free the client: a
 * reference is held meanwhile, and a client that is freed says no more.
 */
#include "ctl/client-priv.h"

#include <glib-unix.h>

typedef struct Waiting {
    CtlReply reply;
    gpointer user;
} Waiting;

static void
drop_source(GSource **source)
{
    if (*source) {
        g_source_destroy(*source);
        g_source_unref(*source);
        *source = NULL;
    }
}

/* Everyone who still waits hears that it is over. */
static void
tell_closed(CtlClient *client)
{
    drop_source(&client->in);
    drop_source(&client->writable);
    while (!client->freed && g_hash_table_size(client->replies) > 0) {
        GHashTableIter iter;
        gpointer id, value;
        Waiting waiting;

        g_hash_table_iter_init(&iter, client->replies);
        g_hash_table_iter_next(&iter, &id, &value);
        waiting = *(Waiting *)value;
        g_hash_table_iter_remove(&iter);
        waiting.reply(client, NULL, client->broken, waiting.user);
    }
    if (!client->freed && !client->closed_told && client->callbacks.closed) {
        client->closed_told = true;
        client->callbacks.closed(client, client->broken, client->user);
    }
}

static void
hand_on(CtlClient *client, JsonObject *object)
{
    uint64_t id;
    Waiting *found;

    if (jobj_get(object, "event")) {
        if (client->callbacks.event) {
            client->callbacks.event(client, object, client->user);
        }
    } else if (jobj_get_u64(object, "id", &id) &&
               (found = g_hash_table_lookup(client->replies, &id))) {
        Waiting waiting = *found;
        g_autoptr(GError) error = NULL;
        JsonObject *result = ctl_client_result(object, &error);

        g_hash_table_remove(client->replies, &id);
        waiting.reply(client, result, error, waiting.user);
    } else if (jobj_get(object, "error")) {
        GError *error = NULL;

        /* It answers nothing, so it is why the daemon will close. */
        ctl_client_result(object, &error);
        ctl_client_break(client, error);
    }
}

static void
serve(CtlClient *client)
{
    client->references++;
    while (!client->freed && client->inbox.length > 0) {
        g_autoptr(JsonObject) object = g_queue_pop_head(&client->inbox);

        hand_on(client, object);
    }
    if (!client->freed && client->broken) {
        tell_closed(client);
    }
    ctl_client_unref(client);
}

static gboolean
on_soon(gpointer user)
{
    CtlClient *client = user;

    drop_source(&client->soon);
    serve(client);
    return G_SOURCE_REMOVE;
}

void
ctl_client_wake(CtlClient *client)
{
    if (client->soon || client->freed) {
        return;
    }
    client->soon = g_idle_source_new();
    g_source_set_priority(client->soon, G_PRIORITY_DEFAULT);
    g_source_set_callback(client->soon, on_soon, client, NULL);
    g_source_attach(client->soon, client->context);
}

static gboolean
on_readable(gint fd, GIOCondition condition, gpointer user)
{
    CtlClient *client = user;

    ctl_client_read(client);
    serve(client);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_writable(gint fd, GIOCondition condition, gpointer user)
{
    CtlClient *client = user;

    if (!ctl_client_write(client) || client->out->len == 0) {
        drop_source(&client->writable);
    }
    return G_SOURCE_CONTINUE;
}

static GSource *
watch(CtlClient *client, GIOCondition condition, GUnixFDSourceFunc function)
{
    GSource *source = g_unix_fd_source_new(client->fd, condition);

    g_source_set_callback(source, G_SOURCE_FUNC(function), client, NULL);
    g_source_attach(source, client->context);
    return source;
}

void
ctl_client_attach(CtlClient *client, GMainContext *context,
                  const CtlClientCallbacks *callbacks, gpointer user)
{
    g_assert(!client->attached);
    client->attached = true;
    client->context = context ? g_main_context_ref(context) : NULL;
    client->callbacks = *callbacks;
    client->user = user;
    client->replies =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    client->in = watch(client, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable);
    if (client->inbox.length > 0 || client->broken) {
        ctl_client_wake(client);
    }
}

void
ctl_client_detach(CtlClient *client)
{
    if (!client->attached) {
        return;
    }
    drop_source(&client->in);
    drop_source(&client->writable);
    drop_source(&client->soon);
    g_clear_pointer(&client->replies, g_hash_table_unref);
    g_clear_pointer(&client->context, g_main_context_unref);
}

void
ctl_client_send(CtlClient *client, CtlCommand command, JsonObject *arguments,
                CtlReply reply, gpointer user)
{
    uint64_t *id = g_new(uint64_t, 1);
    Waiting *waiting = g_new(Waiting, 1);

    g_assert(client->attached);
    waiting->reply = reply;
    waiting->user = user;
    *id = ctl_client_queue(client, command, arguments);
    g_hash_table_insert(client->replies, id, waiting);
    if (client->broken) {
        ctl_client_wake(client);
    } else if (ctl_client_write(client) && client->out->len > 0 &&
               !client->writable) {
        client->writable = watch(client, G_IO_OUT, on_writable);
    }
}
