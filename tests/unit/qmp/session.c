/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session.c - a peer on the other end of a socket pair, also one that misbehaves
 *
 * The test is both ends: it writes what QEMU would, dispatches, and looks at
 * what the session wrote and called.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib-unix.h>

#include "base/clock.h"
#include "qmp/qmp-session.h"

#define GREETING                                                               \
    "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, "        \
    "\"major\": 7}, \"package\": \"\"}, \"capabilities\": [\"oob\"]}}\r\n"

typedef struct {
    QmpSession *session;
    int peer;
    GString *log; /* what was called */
    bool unref_in_event;
    bool close_in_event;
    int64_t at_us, arrived_us;
    bool stamped;
    unsigned events;
} Fixture;

static void
on_state(QmpSession *session, QmpState state, const GError *why, gpointer user)
{
    Fixture *f = user;

    g_string_append_printf(f->log, "%s%s%s\n", qmp_state_name(state),
                           why ? ": " : "", why ? why->message : "");
}

static void
on_event(QmpSession *session, const QmpEvent *event, gpointer user)
{
    Fixture *f = user;

    f->events++;
    f->at_us = event->at_us;
    f->arrived_us = event->arrived_us;
    f->stamped = event->stamped;
    if (f->events <= 3) {
        g_string_append_printf(f->log, "event %s\n", event->name);
    }
    if (f->close_in_event) {
        qmp_session_close(session);
    }
    if (f->unref_in_event) {
        qmp_session_unref(g_steal_pointer(&f->session));
    }
}

static void
on_reply(QmpSession *session, JsonObject *result, const GError *error,
         gpointer user)
{
    Fixture *f = user;
    g_autofree char *text = result ? jobj_to_text(result, false) : NULL;

    cr_expect_neq(!!result, !!error);
    g_string_append_printf(f->log, "reply %s\n", text ? text : error->message);
}

static void
begin(Fixture *f)
{
    static const QmpHandlers handlers = { on_state, on_event, NULL, NULL };
    QmpHandlers mine = handlers;
    int fds[2];

    *f = (Fixture){ .log = g_string_new(NULL) };
    cr_assert_eq(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
        0);
    f->peer = fds[1];
    mine.user = f;
    f->session = qmp_session_new(qmp_transport_new_fd(fds[0], NULL), &mine);
}

static void
end(Fixture *f)
{
    qmp_session_unref(f->session);
    if (f->peer >= 0) {
        close(f->peer);
    }
    g_string_free(f->log, TRUE);
}

static void
say(Fixture *f, const char *text)
{
    cr_assert_eq(write(f->peer, text, strlen(text)), (ssize_t)strlen(text));
    qmp_session_dispatch(f->session);
}

/* What the session wrote since the last call. */
static char *
heard(Fixture *f)
{
    char bytes[8192];
    ssize_t n = read(f->peer, bytes, sizeof(bytes) - 1);

    return g_strndup(bytes, n > 0 ? (size_t)n : 0);
}

static void
make_ready(Fixture *f)
{
    g_autofree char *asked = NULL;

    begin(f);
    say(f, GREETING);
    asked = heard(f);
    cr_assert_str_eq(asked, "{\"execute\":\"qmp_capabilities\",\"id\":1}\n");
    say(f, "{\"return\": {}, \"id\": 1}\r\n");
    cr_assert_eq(qmp_session_state(f->session), QMP_READY);
    g_string_truncate(f->log, 0);
}

static bool
command(Fixture *f, const char *name, unsigned timeout_ms)
{
    return qmp_session_command(f->session, name, NULL, timeout_ms, on_reply, f,
                               NULL);
}

Test(session, greeting_then_capabilities_then_what_was_asked_meanwhile)
{
    Fixture f;
    g_autofree char *first = NULL, *second = NULL;

    begin(&f);
    cr_assert(command(&f, "query-status", 0));
    qmp_session_dispatch(f.session);
    first = heard(&f);
    cr_expect_str_empty(first, "QEMU speaks first");
    say(&f, GREETING);
    cr_expect_eq(qmp_session_version(f.session), 70222);
    g_free(first);
    first = heard(&f);
    cr_expect_str_eq(first, "{\"execute\":\"qmp_capabilities\",\"id\":2}\n");
    say(&f, "{\"return\": {}, \"id\": 2}\r\n");
    second = heard(&f);
    cr_expect_str_eq(second, "{\"execute\":\"query-status\",\"id\":1}\n");
    say(&f, "{\"return\": {\"running\": true}, \"id\": 1}\r\n");
    cr_expect_str_eq(f.log->str, "negotiating\nready\n"
                                 "reply {\"running\":true}\n");
    end(&f);
}

Test(session, answers_are_matched_by_id)
{
    Fixture f;

    make_ready(&f);
    cr_assert(command(&f, "query-a", 0));
    cr_assert(command(&f, "query-b", 0));
    cr_assert(
        qmp_session_command(f.session, "quiet", NULL, 0, NULL, NULL, NULL));
    say(&f, "{\"return\": {\"x\": \"b\"}, \"id\": 3}"
            "{\"id\": 4, \"return\": {}}"
            "{\"id\": 2, \"error\": {\"class\": \"GenericError\", \"desc\": "
            "\"Connection refused\"}}");
    cr_expect_str_eq(f.log->str, "reply {\"x\":\"b\"}\n"
                                 "reply QMP query-a: Connection refused "
                                 "(class GenericError)\n");
    end(&f);
}

typedef struct {
    char what[48];
    char said[200]; /* once it is ready */
    bool hang_up;   /* and closed after */
    char want[96];  /* in the log */
} NonsenseCase;

ParameterizedTestParameters(session, nonsense)
{
    static NonsenseCase cases[] = {
        { "an id never given", "{\"return\":{},\"id\":99}", false,
          "closed: an answer to no command of ours" },
        { "an id that is no number", "{\"return\":{},\"id\":\"2\"}", false,
          "closed: an answer to no command of ours" },
        { "no id", "{\"error\":{\"class\":\"G\",\"desc\":\"Parse error\"}}",
          false, "Parse error" },
        { "neither answer nor event", "{\"hello\":1}", false,
          "closed: neither an answer nor an event" },
        { "an event without a name", "{\"event\":7}", false,
          "closed: neither an answer nor an event" },
        { "garbage", "segmentation fault\n", false,
          "closed: QMP stream, byte" },
        { "closes", "", true, "closed: QEMU closed its QMP socket" },
        { "closes inside a message", "{\"retu", true,
          "closed: in the middle of a message" },
        { "an error without text", "{\"error\":{},\"id\":2}", false,
          "reply QMP query-a: no reason given (class ?)" },
        { "an error that is no object", "{\"error\":5,\"id\":2}", false,
          "reply QMP query-a: no reason given (class ?)" },
        { "an answer to a pending command fails it", "{}", false,
          "reply QMP query-a: neither an answer" },
    };

    return cr_make_param_array(NonsenseCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(const NonsenseCase *c, session, nonsense)
{
    Fixture f;

    make_ready(&f);
    cr_assert(command(&f, "query-a", 0));
    say(&f, c->said);
    if (c->hang_up) {
        close(f.peer);
        f.peer = -1;
        qmp_session_dispatch(f.session);
    }
    cr_expect(strstr(f.log->str, c->want), "%s: %s", c->what, f.log->str);
    cr_expect(strstr(f.log->str, "reply QMP query-a: "),
              "%s: no command is left without its answer: %s", c->what,
              f.log->str);
    if (qmp_session_state(f.session) == QMP_CLOSED) {
        g_autoptr(GError) error = NULL;

        cr_expect_not(
            qmp_session_command(f.session, "x", NULL, 0, NULL, NULL, &error));
        cr_expect_eq(error->code, QMP_ERROR_CLOSED);
        cr_expect_eq(qmp_session_wants(f.session), 0);
        cr_expect_eq(qmp_session_fd(f.session), -1);
        qmp_session_dispatch(f.session); /* harmless */
        qmp_session_close(f.session);
    }
    end(&f);
}

Test(session, what_is_no_qmp_socket_is_told_so)
{
    static const char *const greetings[] = {
        "SSH-2.0-OpenSSH_9.2\r\n",
        "{\"return\":{}}",
        "{\"QMP\": 5}",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(greetings); i++) {
        Fixture f;

        begin(&f);
        say(&f, greetings[i]);
        cr_expect_eq(qmp_session_state(f.session), QMP_CLOSED);
        cr_expect(strstr(f.log->str, "is this QEMU's QMP socket?"), "%s",
                  f.log->str);
        end(&f);
    }
}

Test(session, capabilities_refused)
{
    Fixture f;

    begin(&f);
    say(&f, GREETING);
    say(&f, "{\"id\": 1, \"error\": {\"class\": \"CommandNotFound\", "
            "\"desc\": \"no\"}}");
    cr_expect_eq(qmp_session_state(f.session), QMP_CLOSED);
    cr_expect(strstr(f.log->str, "closed: QMP qmp_capabilities: no"), "%s",
              f.log->str);
    end(&f);
}

Test(session, an_answer_that_comes_too_late_is_dropped)
{
    Fixture f;
    struct pollfd nothing;

    make_ready(&f);
    cr_assert(command(&f, "query-migrate", 20));
    cr_expect_leq(qmp_session_due_us(f.session), clock_mono_us() + 20000);
    while (strlen(f.log->str) == 0) {
        int64_t wait_us = qmp_session_due_us(f.session) - clock_mono_us();

        poll(&nothing, 0, wait_us > 0 ? (int)(wait_us / 1000) + 1 : 0);
        qmp_session_dispatch(f.session);
    }
    cr_expect(strstr(f.log->str, "reply QMP query-migrate: no answer in time"));
    g_string_truncate(f.log, 0);
    say(&f, "{\"return\": {}, \"id\": 2}");
    cr_expect_str_empty(f.log->str);
    cr_expect_eq(qmp_session_state(f.session), QMP_READY);
    cr_expect_eq(qmp_session_due_us(f.session), INT64_MAX);
    end(&f);
}

Test(session, a_flood_is_worked_off_in_bounded_turns)
{
    Fixture f;
    static const char event[] = "{\"event\": \"RTC_CHANGE\", \"data\": "
                                "{\"offset\": 1}}\r\n";
    unsigned said = 0, turns = 0;

    make_ready(&f);
    while (said < 50000) {
        ssize_t n;

        /* as much as the socket takes */
        while (said < 50000 && (n = write(f.peer, event, sizeof(event) - 1)) ==
                                   (ssize_t)sizeof(event) - 1) {
            said++;
        }
        if (n > 0 && n < (ssize_t)sizeof(event) - 1) {
            /* the socket took half a message: give it the rest */
            size_t at = (size_t)n;

            while (at < sizeof(event) - 1) {
                qmp_session_dispatch(f.session);
                n = write(f.peer, event + at, sizeof(event) - 1 - at);
                at += n > 0 ? (size_t)n : 0;
            }
            said++;
        }
        qmp_session_dispatch(f.session);
        turns++;
    }
    for (int i = 0; i < 100 && f.events < said; i++) {
        qmp_session_dispatch(f.session);
    }
    cr_expect_eq(f.events, said);
    cr_expect_gt(turns, 1);
    cr_expect_eq(qmp_session_state(f.session), QMP_READY);
    end(&f);
}

Test(session, a_peer_that_reads_nothing_blocks_nobody)
{
    Fixture f;
    unsigned taken = 0;
    g_autoptr(GError) error = NULL;
    g_autofree char *long_name = g_strnfill(20000, 'x');

    make_ready(&f);
    while (qmp_session_command(f.session, long_name, NULL, 0, NULL, NULL,
                               &error)) {
        qmp_session_dispatch(f.session);
        taken++;
        cr_assert_leq(taken, QMP_MAX_PENDING);
    }
    cr_expect_eq(taken, QMP_MAX_PENDING);
    cr_expect_eq(error->code, QMP_ERROR_LIMIT);
    cr_expect(qmp_session_wants(f.session) & POLLOUT);
    cr_expect_eq(qmp_session_state(f.session), QMP_READY);
    end(&f);
}

Test(session, callbacks_may_drop_or_close_it)
{
    Fixture f;

    make_ready(&f);
    f.unref_in_event = true;
    cr_assert(command(&f, "query-a", 0));
    say(&f, "{\"event\": \"STOP\"}{\"event\": \"RESUME\"}{\"event\": \"X\"}");
    cr_expect_null(f.session);
    cr_expect(g_str_has_prefix(f.log->str, "event STOP\n"));
    cr_expect(strstr(f.log->str, "reply QMP query-a: session was closed"));
    end(&f);

    make_ready(&f);
    f.close_in_event = true;
    say(&f, "{\"event\": \"STOP\"}{\"event\": \"RESUME\"}garbage");
    cr_expect_str_eq(f.log->str, "event STOP\nclosed: session was closed\n");
    end(&f);
}

typedef struct {
    char what[48];
    double age_s;   /* of the stamp */
    char stamp[64]; /* or the member itself */
    bool want_stamped;
    bool want_mapped; /* at_us is the stamp's time, not the arrival */
} StampCase;

ParameterizedTestParameters(session, stamp)
{
    static StampCase cases[] = {
        { "a moment ago", 0.25, "", true, true },
        { "after a long blackout", 60, "", true, true },
        { "two hours old: another clock", 7200, "", true, false },
        { "from the future", -5, "", true, false },
        { "none", 0, "{}", false, false },
        { "negative", 0, "{\"seconds\":-1,\"microseconds\":0}", false, false },
        { "too big", 0, "{\"seconds\":9223372036854775807,\"microseconds\":0}",
          false, false },
        { "two million microseconds", 0,
          "{\"seconds\":5,\"microseconds\":2000000}", false, false },
        { "text", 0, "{\"seconds\":\"5\",\"microseconds\":\"0\"}", false,
          false },
    };

    return cr_make_param_array(StampCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(const StampCase *c, session, stamp)
{
    Fixture f;
    int64_t wall_us = clock_wall_us() - (int64_t)(c->age_s * 1e6);
    int64_t mono_us = clock_mono_us() - (int64_t)(c->age_s * 1e6);
    g_autofree char *made = g_strdup_printf(
        "{\"seconds\": %" G_GINT64_FORMAT ", \"microseconds\": %d}",
        wall_us / G_USEC_PER_SEC, (int)(wall_us % G_USEC_PER_SEC));
    g_autofree char *text =
        g_strdup_printf("{\"timestamp\": %s, \"event\": \"STOP\"}",
                        c->stamp[0] ? c->stamp : made);

    make_ready(&f);
    say(&f, text);
    cr_assert_eq(f.events, 1);
    cr_expect_eq(f.stamped, c->want_stamped, "%s", c->what);
    if (c->want_mapped) {
        cr_expect_lt(ABS(f.at_us - mono_us), 20000, "%s", c->what);
    } else {
        cr_expect_eq(f.at_us, f.arrived_us, "%s", c->what);
    }
    end(&f);
}

/* --- on GLib's loop --- */

typedef struct {
    GMainLoop *loop;
    GString *log;
} Loop;

static void
loop_state(QmpSession *session, QmpState state, const GError *why,
           gpointer user)
{
    Loop *l = user;

    g_string_append_printf(l->log, "%s\n", qmp_state_name(state));
    if (state == QMP_CLOSED) {
        g_main_loop_quit(l->loop);
    }
}

static gboolean
peer_answers(gint fd, GIOCondition condition, gpointer user)
{
    char bytes[512];
    ssize_t n = read(fd, bytes, sizeof(bytes) - 1);
    static const char answer[] = "{\"return\": {}, \"id\": 1}\r\n";

    if (n > 0 && strstr(bytes, "qmp_capabilities")) {
        cr_assert_gt(write(fd, answer, sizeof(answer) - 1), 0);
        shutdown(fd, SHUT_WR);
    }
    return n > 0 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

Test(session, lives_on_a_main_loop_until_the_peer_closes)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    Loop l = { g_main_loop_new(context, FALSE), g_string_new(NULL) };
    QmpHandlers handlers = { .state = loop_state, .user = &l };
    QmpSession *session;
    GSource *source, *peer;
    int fds[2];

    cr_assert_eq(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
        0);
    session = qmp_session_new(qmp_transport_new_fd(fds[0], NULL), &handlers);
    source = g_source_ref(qmp_session_attach(session, context));
    qmp_session_unref(session); /* the source keeps it */
    peer = g_unix_fd_source_new(fds[1], G_IO_IN);
    g_source_set_callback(peer, (GSourceFunc)(void (*)(void))peer_answers, NULL,
                          NULL);
    g_source_attach(peer, context);
    cr_assert_gt(write(fds[1], GREETING, strlen(GREETING)), 0);

    g_main_loop_run(l.loop);
    while (g_main_context_iteration(context, FALSE)) {
    }
    cr_expect_str_eq(l.log->str, "negotiating\nready\nclosed\n");
    cr_expect(g_source_is_destroyed(source));
    g_source_unref(source);
    g_source_destroy(peer);
    g_source_unref(peer);
    g_main_loop_unref(l.loop);
    g_string_free(l.log, TRUE);
    close(fds[1]);
}

Test(session, a_socket_with_a_name)
{
    g_autofree char *dir = g_dir_make_tmp("vmferry-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "qmp.sock", NULL);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    g_autoptr(GError) error = NULL;
    QmpTransport *transport;
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int peer;
    char word[3] = { 0 };

    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    cr_assert_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)),
                 0);
    cr_assert_null(qmp_transport_new_unix(path, &error), "nobody listens");
    cr_expect(strstr(error->message, "Connection refused"), "%s",
              error->message);
    cr_assert_eq(listen(listener, 1), 0);
    transport = qmp_transport_new_unix(path, NULL);
    cr_assert_not_null(transport);
    peer = accept(listener, NULL, NULL);
    cr_expect_eq(transport->read(transport, word, 2, NULL), 0, "nothing yet");
    cr_assert_eq(write(peer, "{}", 2), 2);
    cr_expect_eq(transport->read(transport, word, 2, NULL), 2);
    cr_expect_str_eq(word, "{}");
    qmp_transport_free(transport);
    close(peer);
    close(listener);
    unlink(path);
    rmdir(dir);
}

Test(session, a_socket_that_cannot_be_reached)
{
    g_autoptr(GError) error = NULL, too_long = NULL, no_fd = NULL;
    g_autofree char *long_path = g_strnfill(200, 'x');

    cr_expect_null(qmp_transport_new_unix("/nonexistent/qmp", &error));
    cr_expect_eq(error->code, QMP_ERROR_CONNECT);
    cr_expect(strstr(error->message, "/nonexistent/qmp': No such file"), "%s",
              error->message);
    cr_expect(strstr(error->message, "-qmp unix:"), "the remedy is named");
    cr_expect_null(qmp_transport_new_unix(long_path, &too_long));
    cr_expect(strstr(too_long->message, "shorter"));
    cr_expect_null(qmp_transport_new_fd(-1, &no_fd));
}
