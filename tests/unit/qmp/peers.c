/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * peers.c - the transports that are no socket: transcripts and pass-through
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>
#include <unistd.h>

#include "qmp/qmp-session.h"

static GString *calls;

static void
on_state(QmpSession *session, QmpState state, const GError *why, gpointer user)
{
    g_string_append_printf(calls, "%s%s%s\n", qmp_state_name(state),
                           why ? ": " : "", why ? why->message : "");
}

static void
on_event(QmpSession *session, const QmpEvent *event, gpointer user)
{
    g_string_append_printf(calls, "event %s\n", event->name);
}

static void
on_reply(QmpSession *session, JsonObject *result, const GError *error,
         gpointer user)
{
    g_autofree char *text = result ? jobj_to_text(result, false) : NULL;

    g_string_append_printf(calls, "reply %s\n", text ? text : error->message);
}

static const QmpHandlers handlers = { .state = on_state, .event = on_event };

static void
run(QmpSession *session)
{
    for (int i = 0; i < 100 && qmp_session_due_us(session) == 0; i++) {
        qmp_session_dispatch(session);
    }
}

static QmpTransport *
transcript_of(const char *text, GError **error)
{
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("vmferry-XXXXXX.qmp", &path, NULL);
    QmpTransport *transport;

    cr_assert_geq(fd, 0);
    close(fd);
    cr_assert(g_file_set_contents(path, text, -1, NULL));
    transport = qmp_transport_new_transcript(path, error);
    unlink(path);
    return transport;
}

#define HEAD                                                                   \
    "# recorded by hand\n"                                                     \
    "< {\"QMP\": {\"capabilities\": []}}\n\n"                                  \
    "> {\"execute\": \"qmp_capabilities\", \"id\": 17}\n"                      \
    "< {\"return\": {}, \"id\": 17}\n"

Test(transcript, plays_with_ids_of_its_own)
{
    g_autoptr(GError) error = NULL;
    QmpTransport *transport =
        transcript_of(HEAD "< {\"event\": \"STOP\"}\n"
                           "> {\"id\": 3, \"arguments\": {\"b\": 1, \"a\": 2}, "
                           "\"execute\": \"x\"}\n"
                           "< {\"event\": \"RESUME\"}\n"
                           "< {\"id\": 3, \"return\": {\"ok\": true}}\n",
                      &error);
    QmpSession *session;
    JsonObject *arguments = json_object_new_object();

    cr_assert_not_null(transport, "%s", error ? error->message : "");
    calls = g_string_new(NULL);
    session = qmp_session_new(transport, &handlers);
    run(session);
    jobj_add_u64(arguments, "a", 2);
    jobj_add_u64(arguments, "b", 1);
    cr_assert(
        qmp_session_command(session, "x", arguments, 0, on_reply, NULL, NULL));
    run(session);
    cr_expect(g_str_has_prefix(
                  calls->str, "negotiating\nready\nevent STOP\nevent RESUME\n"
                              "reply {\"ok\":true}\nclosed: end of transcript"),
              "%s", calls->str);
    qmp_session_unref(session);
    g_string_free(calls, TRUE);
}

Test(transcript, stops_at_the_first_unexpected_command)
{
    QmpTransport *transport =
        transcript_of(HEAD "> {\"execute\": \"query-migrate\", \"id\": 2}\n"
                           "< {\"return\": {}, \"id\": 2}\n",
                      NULL);
    QmpSession *session;

    calls = g_string_new(NULL);
    session = qmp_session_new(transport, &handlers);
    run(session);
    cr_assert(
        qmp_session_command(session, "migrate", NULL, 0, on_reply, NULL, NULL));
    run(session);
    cr_expect(strstr(calls->str, "line 6: expected "
                                 "{\"execute\":\"query-migrate\"}, got "
                                 "{\"execute\":\"migrate\"}"),
              "%s", calls->str);
    cr_expect(strstr(calls->str, "reply QMP migrate: transcript"), "%s",
              calls->str);
    qmp_session_unref(session);
    g_string_free(calls, TRUE);
}

typedef struct {
    char what[40];
    char text[80];
    char want[48];
} BrokenCase;

ParameterizedTestParameters(transcript, broken)
{
    static BrokenCase cases[] = {
        { "empty", "", "is empty" },
        { "comments only", "# nothing\n\n", "is empty" },
        { "no mark", "# x\n{\"QMP\": {}}\n", "line 2: begins with neither" },
        { "no JSON", "< {\"QMP\": \n", "line 1: JSON is broken" },
        { "no object", "< [1]\n", "line 1: no JSON object" },
    };

    return cr_make_param_array(BrokenCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(const BrokenCase *c, transcript, broken)
{
    g_autoptr(GError) error = NULL;

    cr_expect_null(transcript_of(c->text, &error));
    cr_expect(strstr(error->message, c->want), "%s: %s", c->what,
              error->message);
}

Test(transcript, missing_file)
{
    g_autoptr(GError) error = NULL;

    cr_expect_null(qmp_transport_new_transcript("/nonexistent.qmp", &error));
    cr_expect(strstr(error->message, "/nonexistent.qmp"));
}

/* A monitor that keeps what it was sent. */
typedef struct {
    char *command;
    QmpPassReply reply;
    gpointer token;
} Monitor;

static void
monitor_send(gpointer self, const char *text, QmpPassReply reply,
             gpointer token)
{
    Monitor *monitor = self;

    g_free(monitor->command);
    *monitor = (Monitor){ g_strdup(text), reply, token };
}

typedef struct {
    char what[40];
    char reply[96]; /* empty: none */
    char want[96];
} PassCase;

ParameterizedTestParameters(pass, reply)
{
    static PassCase cases[] = {
        { "an answer", "{\"return\": {\"a\": 1}, \"id\": \"libvirt-375\"}",
          "reply {\"a\":1}\n" },
        { "QEMU refuses",
          "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}}",
          "reply QMP query-x: no (class GenericError)\n" },
        { "libvirt has none", "",
          "reply QMP query-x: domain is not running (class PassThrough)\n" },
        { "what is no JSON", "it works", "no QMP answer: it works" },
        { "a list", "[]", "no QMP answer: []" },
    };

    return cr_make_param_array(PassCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(const PassCase *c, pass, reply)
{
    Monitor monitor = { 0 };
    QmpPassThrough table = { monitor_send, &monitor };
    QmpSession *session;
    g_autoptr(GError) refusal = g_error_new_literal(QMP_ERROR, QMP_ERROR_CLOSED,
                                                    "domain is not running");

    calls = g_string_new(NULL);
    session =
        qmp_session_new(qmp_transport_new_pass_through(&table), &handlers);
    run(session);
    cr_assert_eq(qmp_session_state(session), QMP_READY);
    cr_expect_eq(qmp_session_version(session), 0, "nobody told");
    g_string_truncate(calls, 0);
    cr_assert(
        qmp_session_command(session, "query-x", NULL, 0, on_reply, NULL, NULL));
    run(session);
    cr_assert_str_eq(monitor.command, "{\"execute\":\"query-x\"}");
    cr_expect_str_empty(calls->str);
    monitor.reply(c->reply[0] ? c->reply : NULL, c->reply[0] ? NULL : refusal,
                  monitor.token);
    run(session);
    cr_expect(strstr(calls->str, c->want), "%s: %s", c->what, calls->str);
    qmp_session_unref(session);
    g_string_free(calls, TRUE);
    g_free(monitor.command);
}

Test(pass, an_answer_after_the_session_went_is_harmless)
{
    Monitor monitor = { 0 };
    QmpPassThrough table = { monitor_send, &monitor };
    QmpSession *session;

    calls = g_string_new(NULL);
    session =
        qmp_session_new(qmp_transport_new_pass_through(&table), &handlers);
    cr_assert(
        qmp_session_command(session, "query-x", NULL, 0, on_reply, NULL, NULL));
    run(session);
    qmp_session_unref(session);
    cr_expect(strstr(calls->str, "reply QMP query-x: session was closed"));
    monitor.reply("{\"return\": {}}", NULL, monitor.token);
    g_string_free(calls, TRUE);
    g_free(monitor.command);
}
