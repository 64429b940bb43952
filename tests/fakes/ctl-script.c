/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ctl-script.c - a daemon that says what it is told to
 *
 * usage: ctl-script SOCKET
 *
 * The real server of the control protocol over documents that come from
 * standard input, one JSON object a line. For tests of whoever shows them:
 *
 *   {"status": DOCUMENT}      what "status" returns from now on;
 *   {"metrics": DOCUMENT}     likewise
 *   {"history": DOCUMENT}
 *   {"show": {"17": DOCUMENT}}
 *   {"event": NAME, "session": ID or null, "data": {...}}
 *   {"silent": true}          requests are left unanswered from now on
 *
 * Each is answered with a line, "ok", when it was carried out; the first line
 * is "ready". It ends with its input. Who runs it may read what it shows.
 */
#include <glib-unix.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/server.h"

typedef struct Script {
    CtlServer *server;
    GMainLoop *loop;
    JsonObject *documents; /* by name of the command */
    GPtrArray *unanswered; /* CtlRequest */
    bool silent;
} Script;

static void
answer(gpointer self, CtlRequest *request)
{
    Script *script = self;
    const char *name = ctl_command_name(ctl_request_command(request));
    JsonObject *document = jobj_get(script->documents, name);
    const char *session = NULL;

    if (script->silent) {
        g_ptr_array_add(script->unanswered, request);
        return;
    }
    if (ctl_request_command(request) == CTL_COMMAND_SHOW && document) {
        jobj_get_string(ctl_request_arguments(request), "session", &session);
        json_object_object_get_ex(document, session ? session : "", &document);
    }
    if (!document) {
        ctl_request_fail(request, CTL_ERROR_UNAVAILABLE, NULL,
                         "the script has no %s", name);
        return;
    }
    ctl_request_return(request, json_object_get(document));
}

static void
obey(Script *script, JsonObject *line)
{
    static const char *const commands[] = { "status", "metrics", "history",
                                            "show" };
    const char *event_name = NULL, *session = NULL;
    CtlEvent event;

    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        JsonObject *document = jobj_get(line, commands[i]);

        if (document) {
            jobj_add(script->documents, commands[i], json_object_get(document));
        }
    }
    jobj_get_bool(line, "silent", &script->silent);
    jobj_get_string(line, "session", &session);
    if (jobj_get_string(line, "event", &event_name)) {
        g_autoptr(GError) error = NULL;

        if (!ctl_event_parse(event_name, &event, &error)) {
            g_error("%s", error->message);
        }
        ctl_server_event(script->server, event, session,
                         json_object_get(jobj_get(line, "data")));
    }
    puts("ok");
    fflush(stdout);
}

static gboolean
on_input(GIOChannel *channel, GIOCondition condition, gpointer user)
{
    Script *script = user;
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonObject) line = NULL;
    gsize length;

    if (g_io_channel_read_line(channel, &text, &length, NULL, &error) !=
        G_IO_STATUS_NORMAL) {
        g_main_loop_quit(script->loop);
        return G_SOURCE_REMOVE;
    }
    line = jobj_parse(text, length, &error);
    if (!line) {
        g_error("line of the script: %s", error->message);
    }
    obey(script, line);
    return G_SOURCE_CONTINUE;
}

int
main(int argc, char **argv)
{
    Script script = { 0 };
    CtlBackend backend = { .self = &script };
    g_autoptr(GError) error = NULL;
    const struct group *group = getgrgid(getgid());
    CtlServerSpec spec = {
        .version = "0.1.0",
        .read_group = group ? group->gr_name : NULL,
    };
    g_autoptr(GIOChannel) input = g_io_channel_unix_new(STDIN_FILENO);

    if (argc != 2) {
        fprintf(stderr, "usage: ctl-script SOCKET\n");
        return 2;
    }
    spec.path = argv[1];
    backend.commands[CTL_COMMAND_STATUS] = answer;
    backend.commands[CTL_COMMAND_METRICS] = answer;
    backend.commands[CTL_COMMAND_HISTORY] = answer;
    backend.commands[CTL_COMMAND_SHOW] = answer;
    script.documents = json_object_new_object();
    script.unanswered = g_ptr_array_new();
    script.loop = g_main_loop_new(NULL, FALSE);
    script.server = ctl_server_new(&spec, &backend, &error);
    if (!script.server) {
        fprintf(stderr, "ctl-script: %s\n", error->message);
        return 1;
    }
    g_io_add_watch(input, G_IO_IN | G_IO_HUP, on_input, &script);
    puts("ready");
    fflush(stdout);
    g_main_loop_run(script.loop);

    for (guint i = 0; i < script.unanswered->len; i++) {
        ctl_request_return(g_ptr_array_index(script.unanswered, i), NULL);
    }
    ctl_server_free(script.server);
    g_ptr_array_unref(script.unanswered);
    jobj_unref(script.documents);
    g_main_loop_unref(script.loop);
    return 0;
}
