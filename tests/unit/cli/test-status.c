/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-status.c - tables that fit, and what the daemon tells in words
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "ctl/document.h"
#include "tools/cli/status-text.h"
#include "tools/cli/text-table.h"

static const TextColumn columns[] = {
    { "NAME", false, 0 },
    { "SIZE", true, 0 },
    { "COLOUR", false, 2 },
    { "AGE", true, 1 },
};

typedef struct {
    unsigned indent, width;
    bool want_age, want_colour;
} TableCase;

/* Whole it is 24 wide, without the colour 16, without the age 11. */
ParameterizedTestParameters(text_table, fits)
{
    static TableCase cases[] = {
        { 0, 0, true, true },    { 0, 24, true, true },
        { 0, 23, true, false },  { 2, 24, true, false },
        { 0, 16, true, false },  { 0, 15, false, false },
        { 0, 11, false, false }, { 0, 6, false, false },
    };

    return cr_make_param_array(TableCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(const TableCase *c, text_table, fits)
{
    g_autoptr(TextTable) table = text_table_new(columns, G_N_ELEMENTS(columns));
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    text_table_cell(table, g_strdup("a"));
    text_table_cell(table, g_strdup("1"));
    text_table_cell(table, g_strdup("blüe"));
    text_table_cell(table, NULL);
    text_table_line(table, g_strdup("and more"));
    text_table_cell(table, g_strdup("bbbbb"));
    text_table_cell(table, g_strdup("22"));
    text_table_cell(table, g_strdup("r"));
    text_table_cell(table, g_strdup("3"));
    text = text_table_format(table, c->indent, c->width, false);
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; c->width && *line; line++) {
        cr_expect_leq(g_utf8_strlen(*line, -1), (glong)c->width, "'%s'", *line);
    }
    cr_expect_eq(g_strv_length(lines), 5);
    cr_expect_eq(strstr(text, "AGE") != NULL, c->want_age, "%s", text);
    cr_expect_eq(strstr(text, "COLOUR") != NULL, c->want_colour, "%s", text);
    cr_expect(strstr(text, "NAME"), "%s", text);
}

Test(text_table, columns_line_up)
{
    g_autoptr(TextTable) table = text_table_new(columns, G_N_ELEMENTS(columns));
    g_autoptr(TextTable) empty = text_table_new(columns, G_N_ELEMENTS(columns));
    g_autofree char *text = NULL;
    g_autofree char *nothing = text_table_format(empty, 0, 80, false);

    text_table_cell(table, g_strdup("bbbbb"));
    text_table_cell(table, g_strdup("22"));
    text_table_cell(table, g_strdup("r"));
    text_table_cell(table, NULL);
    text = text_table_format(table, 1, 80, false);
    cr_expect_str_eq(text, " NAME   SIZE  COLOUR  AGE\n"
                           " bbbbb    22  r         -\n");
    cr_expect_str_eq(nothing, "");
}

static const TextLook wide = { 0 };

static JsonObject *
status_of(JsonObject *session)
{
    CtlDaemon daemon = { .version = "0.1", .host = "h", .mode = "observe" };
    JsonObject *sessions = json_object_new_array();

    json_object_array_add(sessions, session);
    return ctl_status_to_json(&daemon, 1, sessions, NULL, NULL, NULL, NULL);
}

Test(status_text, says_what_is_not_in_force_and_why)
{
    CtlDecision decision = { .step = "set", .text = "because" };
    static const char *const foreign[] = { "downtime", NULL };
    static const char *const warnings[] = { "one", "two", NULL };
    CtlSession session = {
        .session = "1",
        .guest = "vm",
        .state = "precopy",
        .not_in_force = "nic-not-bottleneck",
        .not_in_force_text = "the receiver takes 8 MB/s",
        .decision = &decision,
        .converges = 0,
        .advice = "100 Mbit/s would do",
        .recover = "virsh migrate --postcopy-resume vm",
        .foreign = foreign,
        .warnings = warnings,
    };
    g_autoptr(JsonObject) status = status_of(ctl_session_to_json(&session));
    g_autofree char *text = status_text(status, &wide);
    static const char *const wants[] = {
        "vmferryd 0.1 on h: mode observe",
        "libvirt is not there",
        "not in force (nic-not-bottleneck): the receiver takes 8 MB/s",
        "would set: because",
        "does not converge as it is",
        "advice: 100 Mbit/s would do",
        "to recover: virsh migrate --postcopy-resume vm",
        "left to others, who changed it: downtime",
        "warning: one; two",
        "Track record: no migration has ended yet",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(wants); i++) {
        cr_expect(strstr(text, wants[i]), "%s:\n%s", wants[i], text);
    }
}

Test(status_text, names_cannot_move_the_cursor)
{
    CtlSession session = { .session = "1",
                           .guest = "vm\033[2J\a\xc2\x9b"
                                    "31m",
                           .state = "pre\r\ncopy" };
    g_autoptr(JsonObject) status = status_of(ctl_session_to_json(&session));
    g_autofree char *text = status_text(status, &wide);

    cr_expect(strstr(text, "vm?[2J???31m"), "%s", text);
    cr_expect(strstr(text, "pre??copy"), "%s", text);
    cr_expect_null(strchr(text, '\033'));
}

/* Whatever a later daemon sends, or one that is mad. */
Test(status_text, nothing_known_is_nothing_shown)
{
    static const char *const documents[] = {
        "{}",
        "{\"sessions\":7,\"links\":{},\"queue\":\"x\",\"alerts\":null}",
        "{\"sessions\":[null,3,{\"held\":{},\"decision\":[],\"ladder\":1,"
        "\"warnings\":[null,[]],\"progress\":\"much\",\"in_force\":null}],"
        "\"links\":[null,{\"classes\":[null]}],\"queue\":[null],"
        "\"alerts\":[null],\"track_record\":{\"runs\":5}}",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(documents); i++) {
        g_autoptr(JsonObject) status =
            jobj_parse(documents[i], strlen(documents[i]), NULL);
        g_autofree char *a = status_text(status, &wide);
        g_autofree char *b = status_text_queue(status, &wide);
        g_autofree char *c = status_text_history(status, &wide);
        g_autofree char *d = status_text_show(status, &wide);
        g_autofree char *e = status_text_event(status);

        cr_expect(*a && *b && *c && *d);
        cr_expect_null(e);
    }
}

typedef struct {
    char event[260];
    char want[120];
} EventCase;

ParameterizedTestParameters(status_text, events)
{
    static EventCase cases[] = {
        { "{\"event\":\"session-changed\",\"time\":"
          "\"2026-03-01T12:00:05.000000+00:00\",\"data\":{\"session\":\"1\","
          "\"document\":{\"guest\":\"vm\",\"state\":\"precopy\","
          "\"iteration\":3,\"progress\":0.5,\"remaining_bytes\":1048576,"
          "\"bandwidth_bytes_s\":1000000}}}",
          "12:00:05 vm: precopy, pass 3, 50 %, 1.0 MiB to go at 8.0 Mbit/s" },
        { "{\"event\":\"session-ended\",\"time\":\"\",\"data\":{\"session\":"
          "\"1\",\"status\":\"failed\",\"message\":\"no route\","
          "\"document\":{\"guest\":\"vm\"}}}",
          "--:--:-- vm: failed: no route" },
        { "{\"event\":\"decision\",\"data\":{\"session\":\"1\",\"decision\":"
          "{\"step\":\"set\",\"text\":\"so\"}}}",
          "--:--:-- session 1: set: so" },
        { "{\"event\":\"mode\",\"data\":{\"mode\":\"observe\",\"by\":\"me\"}}",
          "--:--:-- mode observe (me)" },
        { "{\"event\":\"held\",\"data\":{\"session\":\"1\",\"held\":{\"by\":"
          "\"root\",\"reason\":\"lunch\",\"cost_s\":4}}}",
          "--:--:-- held by root: lunch, which costs 4.0 s" },
    };

    return cr_make_param_array(EventCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(const EventCase *c, status_text, events)
{
    g_autoptr(JsonObject) event = jobj_parse(c->event, strlen(c->event), NULL);
    g_autofree char *line = NULL;

    cr_assert_not_null(event, "%s", c->event);
    line = status_text_event(event);
    cr_expect_str_eq(line, c->want);
}
