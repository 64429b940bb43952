/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-client.c - asking and waiting, and from a main loop
 *
 * The daemon runs in a thread with a main context of its own, as the calls
 * that wait must be answered by somebody else.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl-daemon.h"
#include "ctl/client.h"

typedef struct {
    GMainContext *context;
    GMainLoop *loop;
    GThread *thread;
    FakeDaemon *fake;
} Elsewhere;

static gpointer
run_daemon(gpointer data)
{
    Elsewhere *elsewhere = data;

    g_main_context_push_thread_default(elsewhere->context);
    elsewhere->fake = fake_daemon_new(NULL, NULL);
    g_main_loop_run(elsewhere->loop);
    fake_daemon_free(elsewhere->fake);
    g_main_context_pop_thread_default(elsewhere->context);
    return NULL;
}

static void
elsewhere_start(Elsewhere *elsewhere)
{
    elsewhere->context = g_main_context_new();
    elsewhere->loop = g_main_loop_new(elsewhere->context, FALSE);
    elsewhere->thread = g_thread_new("daemon", run_daemon, elsewhere);
}

static gboolean
quit(gpointer data)
{
    g_main_loop_quit(data);
    return G_SOURCE_REMOVE;
}

static void
elsewhere_stop(Elsewhere *elsewhere)
{
    g_main_context_invoke(elsewhere->context, quit, elsewhere->loop);
    g_thread_join(elsewhere->thread);
    g_main_loop_unref(elsewhere->loop);
    g_main_context_unref(elsewhere->context);
}

/* Do something in the daemon's thread, and wait until it is done. */
typedef struct {
    Elsewhere *elsewhere;
    void (*what)(FakeDaemon *fake);
    bool may_steer;
    int fd;
    GMutex mutex;
    GCond cond;
    bool done;
} Errand;

static gboolean
do_errand(gpointer data)
{
    Errand *errand = data;

    if (errand->what) {
        errand->what(errand->elsewhere->fake);
    } else {
        errand->fd =
            fake_daemon_connect(errand->elsewhere->fake, errand->may_steer);
    }
    g_mutex_lock(&errand->mutex);
    errand->done = true;
    g_cond_signal(&errand->cond);
    g_mutex_unlock(&errand->mutex);
    return G_SOURCE_REMOVE;
}

static int
errand(Elsewhere *elsewhere, void (*what)(FakeDaemon *fake), bool may_steer)
{
    Errand job = {
        .elsewhere = elsewhere, .what = what, .may_steer = may_steer, .fd = -1
    };
    GSource *source = g_idle_source_new();

    g_mutex_init(&job.mutex);
    g_cond_init(&job.cond);
    g_source_set_callback(source, do_errand, &job, NULL);
    g_source_attach(source, elsewhere->context);
    g_source_unref(source);
    g_mutex_lock(&job.mutex);
    while (!job.done) {
        g_cond_wait(&job.cond, &job.mutex);
    }
    g_mutex_unlock(&job.mutex);
    g_mutex_clear(&job.mutex);
    g_cond_clear(&job.cond);
    return job.fd;
}

static JsonObject *
session_17(void)
{
    JsonObject *arguments = json_object_new_object();

    jobj_add_string(arguments, "session", "17");
    return arguments;
}

Test(ctl_client, it_asks_and_waits)
{
    Elsewhere elsewhere;
    g_autoptr(GError) error = NULL;
    g_autoptr(CtlClient) client = NULL;
    g_autoptr(JsonObject) status = NULL;
    g_autoptr(JsonObject) refused = NULL;
    const char *mode = NULL;

    elsewhere_start(&elsewhere);
    client = ctl_client_new_fd(errand(&elsewhere, NULL, false), 5000, &error);
    cr_assert_not_null(client, "%s", error ? error->message : "");
    cr_expect_str_eq(json_object_get_string(
                         jobj_get(ctl_client_greeting(client), "version")),
                     "0.1.0");
    status = ctl_client_call(client, CTL_COMMAND_STATUS, NULL, &error);
    cr_assert_not_null(status, "%s", error ? error->message : "");
    cr_expect(jobj_get_string(status, "daemon.mode", &mode));
    cr_expect_str_eq(mode, "enforce");
    refused = ctl_client_call(client, CTL_COMMAND_HOLD, session_17(), &error);
    cr_assert_null(refused);
    cr_expect(g_error_matches(error, CTL_ERROR, CTL_ERROR_NOT_PERMITTED));
    cr_expect_str_eq(error->message,
                     "this user may look, not steer; join the steering group, "
                     "[control] steer-group in vmferry.conf, or use root");
    elsewhere_stop(&elsewhere);
}

Test(ctl_client, events_wait_until_they_are_taken)
{
    Elsewhere elsewhere;
    g_autoptr(GError) error = NULL;
    g_autoptr(CtlClient) client = NULL;
    g_autoptr(JsonObject) none = NULL;

    elsewhere_start(&elsewhere);
    client = ctl_client_new_fd(errand(&elsewhere, NULL, true), 5000, &error);
    cr_assert_not_null(client);
    jobj_unref(ctl_client_call(client, CTL_COMMAND_SUBSCRIBE, NULL, &error));
    cr_assert_null(error);
    none = ctl_client_next_event(client, 0, &error);
    cr_expect_null(none);
    cr_expect_null(error, "no event is no error");
    for (unsigned i = 0; i < 3; i++) {
        errand(&elsewhere, fake_daemon_tick, false);
    }
    /* arrives behind the events */
    jobj_unref(ctl_client_call(client, CTL_COMMAND_VERSION, NULL, &error));
    cr_assert_null(error);
    for (uint64_t i = 1; i <= 3; i++) {
        g_autoptr(JsonObject) event =
            ctl_client_next_event(client, 5000, &error);
        uint64_t seq = 0;

        cr_assert_not_null(event, "%s", error ? error->message : "none");
        cr_expect(jobj_get_u64(event, "seq", &seq));
        cr_expect_eq(seq, i);
    }
    elsewhere_stop(&elsewhere);
    none = ctl_client_next_event(client, 5000, &error);
    cr_expect_null(none);
    cr_expect(g_error_matches(error, CTL_ERROR, CTL_ERROR_CLOSED));
}

Test(ctl_client, an_answer_that_does_not_come_is_not_waited_for)
{
    Elsewhere elsewhere;
    g_autoptr(GError) error = NULL;
    g_autoptr(CtlClient) client = NULL;
    g_autoptr(JsonObject) status = NULL;
    JsonObject *late;

    elsewhere_start(&elsewhere);
    client = ctl_client_new_fd(errand(&elsewhere, NULL, true), 50, &error);
    cr_assert_not_null(client);
    errand(&elsewhere, fake_daemon_wait, false);
    late = ctl_client_call(client, CTL_COMMAND_STATUS, NULL, &error);
    cr_expect_null(late);
    cr_expect(g_error_matches(error, CTL_ERROR, CTL_ERROR_UNAVAILABLE), "%s",
              error->message);
    g_clear_error(&error);
    /* it comes late, and is not taken for that of the next question */
    errand(&elsewhere, fake_daemon_answer, false);
    status = ctl_client_call(client, CTL_COMMAND_QUEUE, NULL, &error);
    cr_assert_not_null(status, "%s", error ? error->message : "");
    cr_expect_not_null(jobj_get(status, "queue"));
    elsewhere_stop(&elsewhere);
}

Test(ctl_client, no_daemon_is_said_with_the_remedy)
{
    g_autoptr(GError) error = NULL;
    CtlClient *client =
        ctl_client_open("/nonexistent/control.sock", 1000, &error);

    cr_assert_null(client);
    cr_expect(g_error_matches(error, CTL_ERROR, CTL_ERROR_NO_DAEMON));
    cr_expect_str_eq(error->message,
                     "control socket /nonexistent/control.sock: no daemon "
                     "answers there (No such file or directory); start it "
                     "(systemctl start vmferryd), or name its socket with "
                     "--socket or VMFERRY_SOCKET");
}

Test(ctl_client, a_peer_that_is_no_daemon_is_an_error)
{
    static const struct {
        const char *greeting;
        int want_code;
        const char *want;
    } cases[] = {
        { "SSH-2.0-OpenSSH\n", CTL_ERROR_MALFORMED, "no JSON" },
        { "{\"greeting\":{\"protocol\":2}}\n", CTL_ERROR_SYSTEM,
          "speaks protocol 2" },
        { "{\"id\":null,\"error\":{\"class\":\"busy\",\"message\":\"full\","
          "\"remedy\":\"wait\"}}\n",
          CTL_ERROR_BUSY, "full; wait" },
        { "", CTL_ERROR_CLOSED, "closed" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        size_t length = strlen(cases[i].greeting);
        CtlClient *client;
        int fds[2];

        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        cr_assert_eq(write(fds[0], cases[i].greeting, length), (ssize_t)length);
        close(fds[0]);
        client = ctl_client_new_fd(fds[1], 1000, &error);
        cr_assert_null(client);
        cr_expect_eq(error->code, cases[i].want_code, "%s", error->message);
        cr_expect(strstr(error->message, cases[i].want), "%s", error->message);
    }
}

/* --- from a main loop --- */

typedef struct {
    GMainLoop *loop;
    CtlClient *client;
    unsigned events, replies, failures, closed;
    unsigned until_events; /* quit then */
    bool free_on_event;
} Heard;

static void
on_event(CtlClient *client, JsonObject *event, gpointer user)
{
    Heard *heard = user;

    heard->events++;
    if (heard->free_on_event) {
        g_clear_pointer(&heard->client, ctl_client_free);
    }
    if (heard->events == heard->until_events) {
        g_main_loop_quit(heard->loop);
    }
}

static void
on_closed(CtlClient *client, const GError *error, gpointer user)
{
    Heard *heard = user;

    cr_expect_not_null(error);
    heard->closed++;
    g_clear_pointer(&heard->client, ctl_client_free);
    g_main_loop_quit(heard->loop);
}

static void
on_reply(CtlClient *client, JsonObject *result, const GError *error,
         gpointer user)
{
    Heard *heard = user;

    cr_expect_neq(!result, !error);
    heard->replies++;
    heard->failures += error != NULL;
    if (heard->until_events == 0 && heard->replies == 2) {
        g_main_loop_quit(heard->loop);
    }
}

static const CtlClientCallbacks callbacks = { on_event, on_closed };

Test(ctl_client, in_a_loop_it_is_called_back)
{
    Elsewhere elsewhere;
    g_autoptr(GError) error = NULL;
    Heard heard = { .loop = g_main_loop_new(NULL, FALSE) };

    elsewhere_start(&elsewhere);
    heard.client =
        ctl_client_new_fd(errand(&elsewhere, NULL, true), 5000, &error);
    cr_assert_not_null(heard.client);
    ctl_client_attach(heard.client, NULL, &callbacks, &heard);
    ctl_client_send(heard.client, CTL_COMMAND_SUBSCRIBE, NULL, on_reply,
                    &heard);
    ctl_client_send(heard.client, CTL_COMMAND_METRICS, NULL, on_reply, &heard);
    cr_expect_eq(heard.replies, 0, "never from within the call");
    g_main_loop_run(heard.loop);
    cr_expect_eq(heard.replies, 2);
    cr_expect_eq(heard.failures, 1, "this daemon has no metrics");

    heard.until_events = 3;
    for (unsigned i = 0; i < 3; i++) {
        errand(&elsewhere, fake_daemon_tick, false);
    }
    /* a call that waits swallows none of them */
    jobj_unref(
        ctl_client_call(heard.client, CTL_COMMAND_VERSION, NULL, &error));
    cr_assert_null(error);
    g_main_loop_run(heard.loop);
    cr_expect_eq(heard.events, 3);

    errand(&elsewhere, fake_daemon_wait, false);
    ctl_client_send(heard.client, CTL_COMMAND_STATUS, NULL, on_reply, &heard);
    elsewhere_stop(&elsewhere);
    g_main_loop_run(heard.loop);
    cr_expect_eq(heard.closed, 1);
    cr_expect_eq(heard.replies, 3, "who waits hears that it is over");
    cr_expect_eq(heard.failures, 2);
    g_main_loop_unref(heard.loop);
}

Test(ctl_client, it_may_be_freed_from_within)
{
    Elsewhere elsewhere;
    g_autoptr(GError) error = NULL;
    Heard heard = { .loop = g_main_loop_new(NULL, FALSE),
                    .until_events = 1,
                    .free_on_event = true };

    elsewhere_start(&elsewhere);
    heard.client =
        ctl_client_new_fd(errand(&elsewhere, NULL, true), 5000, &error);
    cr_assert_not_null(heard.client);
    jobj_unref(
        ctl_client_call(heard.client, CTL_COMMAND_SUBSCRIBE, NULL, &error));
    ctl_client_attach(heard.client, NULL, &callbacks, &heard);
    errand(&elsewhere, fake_daemon_tick, false);
    errand(&elsewhere, fake_daemon_tick, false);
    g_main_loop_run(heard.loop);
    while (g_main_context_iteration(NULL, FALSE)) {
    }
    cr_expect_eq(heard.events, 1);
    cr_expect_eq(heard.closed, 0);
    elsewhere_stop(&elsewhere);
    g_main_loop_unref(heard.loop);
}
