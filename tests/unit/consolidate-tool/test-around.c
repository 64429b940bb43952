/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-around.c - power commands, and the socket of the service
 */
#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <string.h>

#include "tools/consolidate/control.h"
#include "tools/consolidate/power.h"

/* --- power --- */

typedef struct Ended {
    GMainLoop *loop;
    bool done;
    char *why;
} Ended;

static void
on_power(Power *power, const char *why, gpointer user)
{
    Ended *ended = user;

    ended->done = true;
    ended->why = g_strdup(why);
    g_main_loop_quit(ended->loop);
}

static char *
run_command(const char *command, double limit_s)
{
    Ended ended = { g_main_loop_new(NULL, FALSE), false, NULL };
    Power *power = power_start(command, "rack1-b", limit_s, on_power, &ended);

    cr_assert_not(ended.done, "called back from within");
    g_main_loop_run(ended.loop);
    power_free(power);
    g_main_loop_unref(ended.loop);
    return ended.why;
}

Test(power, ends_well)
{
    cr_assert_null(run_command("true", 30));
    /* the host's name is handed over */
    cr_assert_null(run_command("sh -c 'test \"$VMFERRY_HOST\" = rack1-b'", 30));
}

Test(power, failures_say_what_the_command_said)
{
    g_autofree char *status =
        run_command("sh -c 'echo no such port; exit 3'", 30);
    g_autofree char *none = run_command("/nonexistent/ipmi off", 30);
    g_autofree char *quote = run_command("sh -c 'open", 30);

    cr_assert(strstr(status, "status 3: no such port"), "%s", status);
    cr_assert(strstr(none, "/nonexistent/ipmi"), "%s", none);
    cr_assert_not_null(quote);
}

Test(power, no_shell_reads_the_words)
{
    /* a shell would end with 7 */
    g_autofree char *why = run_command("true ; exit 7", 30);

    cr_assert_null(why, "%s", why);
}

Test(power, one_that_hangs_is_killed_in_time)
{
    g_autofree char *why = run_command("sleep 600", 0.3);

    cr_assert(strstr(why, "did not end within 0.3 s"), "%s", why);
}

/* --- the socket --- */

typedef struct Server {
    char *folder, *path;
    Control *control;
    GThread *client;
    GMainLoop *loop;
    char *events;
    JsonObject *answer;
    GError *error;
    const char *command;
} Server;

static gboolean
on_later(gpointer user)
{
    ControlPeer *peer = user;

    control_return(peer, NULL);
    return G_SOURCE_REMOVE;
}

static void
on_request(ControlPeer *peer, const char *command, JsonObject *arguments,
           gpointer user)
{
    Server *server = user;
    const char *word = "";

    jobj_get_string(arguments, "word", &word);
    if (!strcmp(command, "follow")) {
        g_autoptr(JsonObject) data = json_object_new_object();

        jobj_add_string(data, "word", word);
        control_follow(peer);
        control_tell(server->control, "first", data);
        control_tell(server->control, "second", data);
        g_idle_add(on_later, peer);
    } else {
        control_refuse(peer, "not here");
    }
}

static bool
on_event(const char *event, JsonObject *data, gpointer user)
{
    Server *server = user;
    const char *word = "";
    char *events;

    jobj_get_string(data, "word", &word);
    events = g_strdup_printf("%s%s %s;", server->events, event, word);
    g_free(server->events);
    server->events = events;
    return true;
}

static gboolean
on_client_ended(gpointer user)
{
    g_main_loop_quit(((Server *)user)->loop);
    return G_SOURCE_REMOVE;
}

static gpointer
ask(gpointer user)
{
    Server *server = user;
    JsonObject *arguments = json_object_new_object();
    bool nobody = false;

    jobj_add_string(arguments, "word", "hello");
    server->answer = control_ask(server->path, server->command, arguments,
                                 on_event, server, &nobody, &server->error);
    g_idle_add(on_client_ended, server);
    return NULL;
}

static void
converse(Server *server, const char *command)
{
    GError *error = NULL;

    server->folder = g_dir_make_tmp("control-XXXXXX", NULL);
    server->path = g_build_filename(server->folder, "c.sock", NULL);
    server->events = g_strdup("");
    server->command = command;
    server->loop = g_main_loop_new(NULL, FALSE);
    server->control = control_listen(server->path, on_request, server, &error);
    cr_assert_not_null(server->control, "%s", error ? error->message : "");
    server->client = g_thread_new("client", ask, server);
    g_main_loop_run(server->loop);
    g_thread_join(server->client);
    control_free(server->control);
    cr_assert_not(g_file_test(server->path, G_FILE_TEST_EXISTS));
    g_rmdir(server->folder);
}

static void
server_clear(Server *server)
{
    g_free(server->folder);
    g_free(server->path);
    g_free(server->events);
    g_main_loop_unref(server->loop);
    jobj_unref(server->answer);
    g_clear_error(&server->error);
}

Test(control, who_follows_is_told_until_the_answer)
{
    Server server = { 0 };

    converse(&server, "follow");
    cr_assert_not_null(server.answer, "%s",
                       server.error ? server.error->message : "");
    cr_assert_str_eq(server.events, "first hello;second hello;");
    server_clear(&server);
}

Test(control, a_refusal_is_an_error_with_its_words)
{
    Server server = { 0 };

    converse(&server, "nonsense");
    cr_assert_null(server.answer);
    cr_assert(strstr(server.error->message, "not here"));
    server_clear(&server);
}

Test(control, nobody_there_is_no_error)
{
    bool nobody = false;
    g_autoptr(GError) error = NULL;

    cr_assert_null(control_ask("/nonexistent/c.sock", "status", NULL, NULL,
                               NULL, &nobody, &error));
    cr_assert(nobody);
    cr_assert_null(error);
}
