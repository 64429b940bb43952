/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * migration.c - query-migrate and events, typed; a recorded migration replayed
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "migrate.h"

#define RAM                                                                    \
    "\"ram\": {\"total\": 8192000, \"remaining\": 409600, \"normal\": 700, "   \
    "\"duplicate\": 200, \"transferred\": 2880000, \"page-size\": 4096, "      \
    "\"dirty-sync-count\": 3"

typedef struct {
    char what[48];
    char text[480];
    QmpMigrationStatus want_status;
    bool want_sampled;
    unsigned want_other;      /* pages counted elsewhere */
    unsigned want_throttle;   /* percent */
    double want_rate_bytes_s; /* below 0: unknown */
    double want_downtime_ms;  /* below 0: unknown */
    char want_error[32];
} ParseCase;

ParameterizedTestParameters(migration, parse)
{
    static ParseCase cases[] = {
        { "nothing was started", "{}", QMP_MIGRATION_NONE, false, 0, 0, -1, -1,
          "" },
        { "setup, no figures", "{\"status\": \"setup\"}", QMP_MIGRATION_SETUP,
          false, 0, 0, -1, -1, "" },
        { "active", "{\"status\": \"active\", " RAM ", \"mbps\": 80}}",
          QMP_MIGRATION_ACTIVE, true, 0, 0, 1e7, -1, "" },
        { "xbzrle and compression",
          "{\"status\": \"active\", " RAM "}, \"xbzrle-cache\": {\"pages\": "
          "11}, \"compression\": {\"pages\": 31}}",
          QMP_MIGRATION_ACTIVE, true, 42, 0, -1, -1, "" },
        { "of xbzrle, sent whole",
          "{\"status\": \"active\", " RAM "}, \"xbzrle-cache\": {\"pages\": "
          "11, \"overflow\": 4}}",
          QMP_MIGRATION_ACTIVE, true, 7, 0, -1, -1, "" },
        { "more sent whole than all",
          "{\"status\": \"active\", " RAM "}, \"xbzrle-cache\": {\"pages\": "
          "11, \"overflow\": 40}}",
          QMP_MIGRATION_ACTIVE, true, 0, 0, -1, -1, "" },
        { "throttled",
          "{\"status\": \"active\", \"cpu-throttle-percentage\": 70, " RAM "}}",
          QMP_MIGRATION_ACTIVE, true, 0, 70, -1, -1, "" },
        { "a throttle beyond all",
          "{\"status\": \"active\", \"cpu-throttle-percentage\": 7000, " RAM
          "}}",
          QMP_MIGRATION_ACTIVE, true, 0, 100, -1, -1, "" },
        { "completed",
          "{\"status\": \"completed\", \"downtime\": 71, " RAM "}}",
          QMP_MIGRATION_COMPLETED, true, 0, 0, -1, 71, "" },
        { "completed, times not worked out yet",
          "{\"status\": \"completed\", \"downtime\": 0, \"total-time\": "
          "0, " RAM "}}",
          QMP_MIGRATION_COMPLETED, true, 0, 0, -1, -1, "" },
        { "completed without a noticeable downtime",
          "{\"status\": \"completed\", \"downtime\": 0, \"total-time\": "
          "90, " RAM "}}",
          QMP_MIGRATION_COMPLETED, true, 0, 0, -1, 0, "" },
        { "failed, with the reason",
          "{\"status\": \"failed\", \"error-desc\": \"no space\"}",
          QMP_MIGRATION_FAILED, false, 0, 0, -1, -1, "no space" },
        { "cancelled has no figures", "{\"status\": \"cancelled\"}",
          QMP_MIGRATION_CANCELLED, false, 0, 0, -1, -1, "" },
        { "pre-switchover is under way", "{\"status\": \"pre-switchover\"}",
          QMP_MIGRATION_ACTIVE, false, 0, 0, -1, -1, "" },
        { "a status of tomorrow", "{\"status\": \"failing\"}",
          QMP_MIGRATION_OTHER, false, 0, 0, -1, -1, "" },
        { "post-copy", "{\"status\": \"postcopy-device\", " RAM "}}",
          QMP_MIGRATION_POSTCOPY, true, 0, 0, -1, -1, "" },
        { "no page size is no guess",
          "{\"status\": \"active\", \"ram\": {\"remaining\": 1, \"normal\": 1, "
          "\"duplicate\": 1, \"transferred\": 1, \"dirty-sync-count\": 1}}",
          QMP_MIGRATION_ACTIVE, false, 0, 0, -1, -1, "" },
        { "negative remaining",
          "{\"status\": \"active\", \"ram\": {\"remaining\": -1, \"normal\": "
          "1, \"duplicate\": 1, \"transferred\": 1, \"dirty-sync-count\": 1, "
          "\"page-size\": 4096}}",
          QMP_MIGRATION_ACTIVE, false, 0, 0, -1, -1, "" },
        { "a pass beyond all",
          "{\"status\": \"active\", \"ram\": {\"remaining\": 1, \"normal\": 1, "
          "\"duplicate\": 1, \"transferred\": 1, \"dirty-sync-count\": "
          "99999999999, \"page-size\": 4096}}",
          QMP_MIGRATION_ACTIVE, false, 0, 0, -1, -1, "" },
        { "members of other types",
          "{\"status\": 5, \"ram\": [], \"downtime\": \"71\", \"error-desc\": "
          "{}, \"xbzrle-cache\": 3}",
          QMP_MIGRATION_NONE, false, 0, 0, -1, -1, "" },
    };

    return cr_make_param_array(ParseCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(const ParseCase *c, migration, parse)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonObject) result = jobj_parse(c->text, strlen(c->text), &error);
    g_auto(QmpMigration) m = { 0 };

    cr_assert_not_null(result, "%s: %s", c->what, error ? error->message : "");
    cr_assert(qmp_migration_parse(result, 1234, &m, &error));
    cr_expect_eq(m.status, c->want_status, "%s: %d", c->what, m.status);
    cr_expect_eq(m.sampled, c->want_sampled, "%s", c->what);
    if (m.sampled) {
        cr_expect_eq(m.poll.at_us, 1234);
        cr_expect_eq(m.poll.pass, 3);
        cr_expect_eq(m.poll.remaining_bytes, 409600);
        cr_expect_eq(m.poll.normal_pages, 700);
        cr_expect_eq(m.poll.duplicate_pages, 200);
        cr_expect_eq(m.poll.sent_bytes, 2880000);
        cr_expect_eq(m.poll.other_pages, c->want_other, "%s", c->what);
        cr_expect_eq(m.poll.throttle_percent, c->want_throttle, "%s", c->what);
    }
    cr_expect_eq(m.rate_bytes_s.known, c->want_rate_bytes_s >= 0, "%s",
                 c->what);
    cr_expect_float_eq(known_or(m.rate_bytes_s, -1), c->want_rate_bytes_s, 1e-6,
                       "%s", c->what);
    cr_expect_float_eq(known_or(m.downtime_ms, -1), c->want_downtime_ms, 1e-9,
                       "%s", c->what);
    cr_expect_str_eq(m.error ? m.error : "", c->want_error);
}

Test(migration, what_is_no_object_is_refused)
{
    g_autoptr(JsonObject) list = jobj_parse("[]", 2, NULL);
    g_auto(QmpMigration) m = { 0 };
    g_autoptr(GError) error = NULL;

    cr_expect_not(qmp_migration_parse(list, 0, &m, &error));
    cr_expect_eq(error->code, QMP_ERROR_PROTOCOL);
}

typedef struct {
    char name[24];
    char data[40]; /* empty: none */
    QmpHappeningKind want;
    unsigned want_pass;
} EventCase;

ParameterizedTestParameters(migration, event)
{
    static EventCase cases[] = {
        { "MIGRATION_PASS", "{\"pass\": 7}", QMP_HAPPENING_PASS, 7 },
        { "MIGRATION_PASS", "{\"pass\": \"7\"}", QMP_HAPPENING_OTHER, 0 },
        { "MIGRATION_PASS", "{\"pass\": 99999999999}", QMP_HAPPENING_OTHER, 0 },
        { "MIGRATION_PASS", "{\"pass\": -1}", QMP_HAPPENING_OTHER, 0 },
        { "MIGRATION_PASS", "", QMP_HAPPENING_OTHER, 0 },
        { "MIGRATION", "{\"status\": \"active\"}", QMP_HAPPENING_STATUS, 0 },
        { "MIGRATION", "{}", QMP_HAPPENING_OTHER, 0 },
        { "STOP", "", QMP_HAPPENING_STOP, 0 },
        { "RESUME", "", QMP_HAPPENING_RESUME, 0 },
        { "RTC_CHANGE", "{\"offset\": 1}", QMP_HAPPENING_OTHER, 0 },
    };

    return cr_make_param_array(EventCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(const EventCase *c, migration, event)
{
    g_autoptr(JsonObject) data =
        c->data[0] ? jobj_parse(c->data, strlen(c->data), NULL) : NULL;
    QmpEvent event = { .name = c->name, .data = data, .at_us = 5 };
    QmpHappening happening = qmp_migration_event(&event);

    cr_expect_eq(happening.kind, c->want, "%s %s", c->name, c->data);
    cr_expect_eq(happening.pass, c->want_pass, "%s %s", c->name, c->data);
    cr_expect_eq(happening.at_us, 5);
}

/* --- a parameter that this QEMU lacks --- */

static void
keep_error(QmpSession *session, JsonObject *result, const GError *error,
           gpointer user)
{
    g_string_append(user, error ? error->message : "set");
}

static void
say(QmpSession *session, int fd, const char *text)
{
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    qmp_session_dispatch(session);
}

Test(migration, a_parameter_that_is_not_listed_is_not_set)
{
    g_autoptr(GString) got = g_string_new(NULL);
    QmpSession *session;
    char heard[1024];
    int fds[2];
    ssize_t n;

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    session = qmp_session_new(qmp_transport_new_fd(fds[0], NULL), NULL);
    cr_assert(qmp_migration_set_parameter(session, "avail-switchover-bandwidth",
                                          5, 0, keep_error, got, NULL));
    cr_assert(qmp_migration_set_parameter(session, "max-bandwidth", 5, 0,
                                          keep_error, got, NULL));
    say(session, fds[1], "{\"QMP\": {\"capabilities\": []}}");
    say(session, fds[1], "{\"return\": {}, \"id\": 3}");
    say(session, fds[1], "{\"return\": {\"max-bandwidth\": 0}, \"id\": 1}");
    cr_expect_str_eq(got->str, "QMP migrate-set-parameters: this QEMU has no "
                               "parameter 'avail-switchover-bandwidth'");
    g_string_truncate(got, 0);
    say(session, fds[1], "{\"return\": {\"max-bandwidth\": 0}, \"id\": 2}");
    n = read(fds[1], heard, sizeof(heard) - 1);
    cr_assert_gt(n, 0);
    heard[n] = '\0';
    cr_expect(strstr(heard, "{\"execute\":\"migrate-set-parameters\","
                            "\"arguments\":{\"max-bandwidth\":5},\"id\":4}"),
              "%s", heard);
    cr_expect_null(strstr(heard, "avail-switchover"));
    say(session, fds[1], "{\"return\": {}, \"id\": 4}");
    cr_expect_str_eq(got->str, "set");
    qmp_session_unref(session);
    close(fds[1]);
}

/* --- a whole migration, as it was recorded --- */

static const char transcript[] = TRANSCRIPTS "/precopy-qemu-7.2.qmp";

/* As qmp-direct had when it recorded. */
static const MigrateSetup recorded = { .uri = "unix:migrate.sock",
                                       .start_at = "GUEST_CRASHLOADED",
                                       .first_limit_bytes_s = 4 << 20,
                                       .pass_s = 2.2,
                                       .passes = 7,
                                       .polls_per_pass = 3 };

static void
play(Migrate *migrate)
{
    const char *why;

    for (int i = 0; i < 10000 && !migrate_ended(migrate, &why); i++) {
        qmp_session_dispatch(migrate_session(migrate));
    }
}

/* The third line of the transcript: "# 0 4096 2175 ..." */
static GArray *
traced_pages(void)
{
    GArray *pages = g_array_new(FALSE, FALSE, sizeof(int64_t));
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL, words = NULL;

    cr_assert(g_file_get_contents(transcript, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", 4);
    words = g_strsplit(lines[2], " ", -1);
    for (unsigned i = 1; words[i]; i++) {
        int64_t count = g_ascii_strtoll(words[i], NULL, 10);

        g_array_append_val(pages, count);
    }
    return pages;
}

Test(migration, a_recorded_one_gives_what_qemus_trace_says)
{
    g_autoptr(GError) error = NULL;
    QmpTransport *transport = qmp_transport_new_transcript(transcript, &error);
    Migrate *migrate;
    const GArray *rows;
    const char *why;
    g_autoptr(GArray) trace = traced_pages();
    double sent = 0;

    cr_assert_not_null(transport, "%s", error ? error->message : "");
    migrate = migrate_new(transport, &recorded);
    play(migrate);
    cr_assert(migrate_ended(migrate, &why));
    cr_assert_null(why, "%s", why);
    rows = migrate_rows(migrate);
    cr_assert_geq(rows->len, 8);
    for (unsigned i = 0; i < rows->len; i++) {
        const SampleRow *row = &g_array_index(rows, SampleRow, i);

        sent += (double)row->sent_bytes;
        cr_expect_eq(row->final, i + 1 == rows->len, "row %u", row->iter);
        cr_expect_eq(row->dirty_pages.known, !row->final);
        if (i < recorded.passes) {
            /* pass k ends with sync k + 1, each longer than a second */
            cr_expect_eq(row->iter, i + 1);
            cr_expect_leq(fabs(row->dirty_pages.value -
                               (double)g_array_index(trace, int64_t, i + 1)),
                          1, "row %u: %g", row->iter, row->dirty_pages.value);
        }
    }
    cr_expect_leq(fabs((double)g_array_index(rows, SampleRow, 0).pages_to_send -
                       67444736 / 4096),
                  1, "all of memory");
    cr_expect_float_eq(sent, (double)migrate_final(migrate)->poll.sent_bytes,
                       rows->len);
    cr_expect(migrate_final(migrate)->downtime_ms.known);
    cr_expect_not(migrate_final(migrate)->throttle_percent.known);
    cr_expect_eq(qmp_session_version(migrate_session(migrate)), 70222);
    migrate_free(migrate);
}

Test(migration, another_client_is_stopped_at_its_first_own_word)
{
    MigrateSetup other = recorded;
    Migrate *migrate;
    const char *why;

    other.first_limit_bytes_s++;
    migrate =
        migrate_new(qmp_transport_new_transcript(transcript, NULL), &other);
    play(migrate);
    cr_assert(migrate_ended(migrate, &why));
    cr_assert_not_null(why);
    cr_expect(strstr(why, "line 11: expected {\"execute\":"
                          "\"migrate-set-parameters\",\"arguments\":"
                          "{\"max-bandwidth\":4194304}}"),
              "%s", why);
    migrate_free(migrate);
}
