/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * past-text.c - migrations that are over, and one with its passes, as text
 */
#include "base/units.h"
#include "tools/cli/status-text-priv.h"
#include "tools/cli/text-members.h"

static const TextColumn run_columns[] = {
    { "STARTED", false, 0 }, { "SESSION", false, 5 }, { "GUEST", false, 0 },
    { "TO", false, 4 },      { "MODE", false, 3 },    { "STATUS", false, 0 },
    { "TIME", true, 0 },     { "DOWNTIME", true, 1 }, { "SENT", true, 2 },
    { "RATE", true, 2 },     { "PASSES", true, 6 },
};

char *
status_text_history(JsonObject *runs, const TextLook *look)
{
    JsonObject *array = jobj_get(runs, "runs");
    g_autoptr(TextTable) table =
        text_table_new(run_columns, G_N_ELEMENTS(run_columns));

    members_tame(runs);
    if (member_length(array) == 0) {
        return g_strdup("no migration is remembered\n");
    }
    for (size_t i = 0; i < member_length(array); i++) {
        JsonObject *run = json_object_array_get_idx(array, i);
        const char *started = member_word(run, "started");

        text_table_cell(table, started ? g_strndup(started, 19) : NULL);
        text_table_cell(table, g_strdup(member_word(run, "session")));
        text_table_cell(table, g_strdup(member_word(run, "guest")));
        text_table_cell(table, g_strdup(member_word(run, "destination")));
        text_table_cell(table, g_strdup(member_word(run, "mode")));
        text_table_cell(table, g_strdup(member_word(run, "status")));
        text_table_cell(table,
                        member_figure(run, "total_s", units_format_seconds));
        text_table_cell(table,
                        member_figure(run, "downtime_s", units_format_seconds));
        text_table_cell(table, member_figure(run, "bytes", units_format_bytes));
        text_table_cell(
            table, member_figure(run, "bandwidth_bytes_s", units_format_rate));
        text_table_cell(table,
                        member_figure(run, "iterations", text_format_count));
    }
    return text_table_format(table, 0, look->width, look->colour);
}

static const TextColumn pass_columns[] = {
    { "PASS", true, 0 },    { "TIME", true, 0 },      { "TO SEND", true, 3 },
    { "DIRTIED", true, 0 }, { "FORECAST", true, 0 },  { "SENT", true, 2 },
    { "STREAM", true, 1 },  { "GUARANTEE", true, 1 },
};

static char *
format_ms(double ms)
{
    return units_format_seconds(ms / 1000);
}

static void
append_passes(GString *out, JsonObject *passes, const TextLook *look)
{
    g_autoptr(TextTable) table =
        text_table_new(pass_columns, G_N_ELEMENTS(pass_columns));
    g_autofree char *text = NULL;

    for (size_t i = 0; i < member_length(passes); i++) {
        JsonObject *pass = json_object_array_get_idx(passes, i);

        text_table_cell(table, member_figure(pass, "iter", text_format_count));
        text_table_cell(table, member_figure(pass, "duration_ms", format_ms));
        text_table_cell(
            table, member_figure(pass, "pages_to_send", text_format_count));
        text_table_cell(table,
                        member_figure(pass, "dirty_pages", text_format_count));
        text_table_cell(
            table, member_figure(pass, "predicted_pages", text_format_count));
        text_table_cell(table,
                        member_figure(pass, "sent_bytes", units_format_bytes));
        text_table_cell(
            table, member_figure(pass, "achieved_bytes_s", units_format_rate));
        text_table_cell(
            table, member_figure(pass, "reserved_bytes_s", units_format_rate));
    }
    text = text_table_format(table, 2, look->width, look->colour);
    if (*text) {
        text_append_title(out, look, "Passes (dirtied and forecast in pages):");
        g_string_append(out, text);
    }
}

static void
append_decisions(GString *out, JsonObject *decisions, const TextLook *look)
{
    if (member_length(decisions) > 0) {
        text_append_title(out, look, "Decisions:");
    }
    for (size_t i = 0; i < member_length(decisions); i++) {
        JsonObject *one = json_object_array_get_idx(decisions, i);
        Known at = jobj_get_known(one, "t_s");
        const char *text = member_word(one, "text");
        g_autofree char *rate =
            member_figure_or_dash(one, "guarantee_bytes_s", units_format_rate);
        g_autofree char *line = NULL;

        line =
            g_strdup_printf("  [%7.1f s] %s %s: %s", known_or(at, 0),
                            member_word_or(one, "step", "-"), rate,
                            text ? text : member_word_or(one, "reason", "-"));
        text_append_line(out, look, "", line);
    }
}

static void
append_settings(GString *out, JsonObject *session)
{
    static const struct {
        const char *title, *path;
        char *(*format)(double number);
    } lines[] = {
        { "uuid", "uuid", NULL },
        { "destination", "destination", NULL },
        { "started", "started", NULL },
        { "by", "starter", NULL },
        { "mode", "mode", NULL },
        { "policy", "policy", NULL },
        { "priority", "priority", text_format_count },
        { "deadline", "deadline_s", units_format_seconds },
        { "downtime limit", "downtime_limit_s", units_format_seconds },
        { "link", "link", NULL },
        { "class", "class", NULL },
        { "ceiling", "ceiling_bytes_s", units_format_rate },
        { "dirtying", "dirty_bytes_s", units_format_rate },
        { "sent", "sent_bytes", units_format_bytes },
    };
    g_autofree char *end = member_interval(session, "forecast.end_s");
    g_autofree char *down = member_interval(session, "forecast.downtime_s");
    g_autofree char *allowed = member_words(session, "ladder.allowed", ", ");
    g_autofree char *taken = member_words(session, "ladder.taken", ", ");

    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autofree char *text =
            lines[i].format
                ? member_figure(session, lines[i].path, lines[i].format)
                : g_strdup(member_word(session, lines[i].path));

        if (text) {
            g_string_append_printf(out, "  %-16s%s\n", lines[i].title, text);
        }
    }
    if (end) {
        g_string_append_printf(out, "  %-16s%s\n", "end in", end);
    }
    if (down) {
        g_string_append_printf(out, "  %-16s%s\n", "downtime", down);
    }
    if (allowed) {
        g_string_append_printf(out, "  %-16s%s\n", "allowed", allowed);
    }
    if (taken) {
        g_string_append_printf(out, "  %-16s%s\n", "taken", taken);
    }
}

char *
status_text_show(JsonObject *show, const TextLook *look)
{
    GString *out = g_string_new(NULL);
    JsonObject *session = jobj_get(show, "session");
    g_autoptr(TextTable) table = status_text_sessions();
    g_autofree char *text = NULL;

    members_tame(show);
    status_text_add_session(table, session);
    text = text_table_format(table, 0, look->width, look->colour);
    g_string_append_printf(out, "%s\n", text);
    append_settings(out, session);
    append_passes(out, jobj_get(show, "iterations"), look);
    append_decisions(out, jobj_get(show, "decisions"), look);
    return g_string_free(out, FALSE);
}
