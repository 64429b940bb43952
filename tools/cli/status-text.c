/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * status-text.c - see status-text.h
 */
#include "tools/cli/status-text.h"

#include <math.h>
#include <string.h>

#include "base/units.h"
#include "tools/cli/status-text-priv.h"
#include "tools/cli/text-members.h"

#define YELLOW "\033[33m"

/* --- a session --- */

static const TextColumn session_columns[] = {
    { "SESSION", false, 1 },  { "GUEST", false, 0 },   { "TO", false, 4 },
    { "STATE", false, 0 },    { "PASS", true, 3 },     { "DONE", true, 0 },
    { "REMAINING", true, 5 }, { "STREAM", true, 2 },   { "GUARANTEE", true, 2 },
    { "END IN", true, 1 },    { "DOWNTIME", true, 6 },
};

TextTable *
status_text_sessions(void)
{
    return text_table_new(session_columns, G_N_ELEMENTS(session_columns));
}

static char *
target_of(JsonObject *session)
{
    const char *address = member_word(session, "address");
    g_autofree char *port = member_figure(session, "port", text_format_count);

    if (!address || !port) {
        return g_strdup(member_word(session, "destination"));
    }
    return strchr(address, ':') ? g_strdup_printf("[%s]:%s", address, port)
                                : g_strdup_printf("%s:%s", address, port);
}

static char *
force_line(JsonObject *session)
{
    const char *why = member_word(session, "not_in_force");
    bool in_force = false;

    jobj_get_bool(session, "in_force", &in_force);
    if (in_force || g_strcmp0(why, "ended") == 0) {
        return NULL;
    }
    return g_strdup_printf("not in force (%s)%s%s", why ? why : "-",
                           member_word(session, "not_in_force_text") ? ": "
                                                                     : "",
                           member_word_or(session, "not_in_force_text", ""));
}

static char *
held_line(JsonObject *session)
{
    JsonObject *held = jobj_get(session, "held");
    g_autofree char *floor =
        member_figure(held, "floor_bytes_s", units_format_rate);
    g_autofree char *cost = member_figure(held, "cost_s", units_format_seconds);

    if (!held) {
        return NULL;
    }
    return g_strdup_printf(
        "held by %s%s%s%s%s%s%s", member_word_or(held, "by", "-"),
        member_word(held, "reason") ? ": " : "",
        member_word_or(held, "reason", ""), floor ? ", at a floor of " : "",
        floor ? floor : "", cost ? ", which costs " : "", cost ? cost : "");
}

static char *
decision_line(JsonObject *session)
{
    JsonObject *decision = jobj_get(session, "decision");
    bool carried_out = true;

    if (!decision) {
        return NULL;
    }
    jobj_get_bool(decision, "carried_out", &carried_out);
    return g_strdup_printf("%s%s: %s", carried_out ? "" : "would ",
                           member_word_or(decision, "step", "-"),
                           member_word_or(decision, "text", "-"));
}

/* A line below a session, if there is one; @text is taken. */
static void
add_note(TextTable *table, const char *before, char *text)
{
    if (text) {
        text_table_line(table, g_strconcat(before, text, NULL));
    }
    g_free(text);
}

/* What the columns cannot tell. */
static void
add_notes(TextTable *table, JsonObject *session)
{
    bool converges = true;

    jobj_get_bool(session, "converges", &converges);
    add_note(table, "", held_line(session));
    add_note(table, "", decision_line(session));
    add_note(table, "", force_line(session));
    add_note(table, "",
             converges ? NULL : g_strdup("does not converge as it is"));
    add_note(table, "advice: ", g_strdup(member_word(session, "advice")));
    add_note(table, "to recover: ", g_strdup(member_word(session, "recover")));
    add_note(table, "left to others, who changed it: ",
             member_words(session, "foreign", ", "));
    add_note(table, "warning: ", member_words(session, "warnings", "; "));
}

void
status_text_add_session(TextTable *table, JsonObject *session)
{
    text_table_cell(table, g_strdup(member_word(session, "session")));
    text_table_cell(table, g_strdup(member_word(session, "guest")));
    text_table_cell(table, target_of(session));
    text_table_cell(table, g_strdup(member_word(session, "state")));
    text_table_cell(table,
                    member_figure(session, "iteration", text_format_count));
    text_table_cell(table,
                    member_figure(session, "progress", text_format_share));
    text_table_cell(
        table, member_figure(session, "remaining_bytes", units_format_bytes));
    text_table_cell(
        table, member_figure(session, "bandwidth_bytes_s", units_format_rate));
    text_table_cell(
        table, member_figure(session, "guarantee_bytes_s", units_format_rate));
    text_table_cell(table, member_figure(session, "forecast.end_s.value",
                                         units_format_seconds));
    text_table_cell(table, member_figure(session, "forecast.downtime_s.value",
                                         units_format_seconds));
    add_notes(table, session);
}

char *
status_text_session(JsonObject *session)
{
    g_autofree char *done =
        member_figure_or_dash(session, "progress", text_format_share);
    g_autofree char *pass =
        member_figure_or_dash(session, "iteration", text_format_count);
    g_autofree char *remaining =
        member_figure_or_dash(session, "remaining_bytes", units_format_bytes);
    g_autofree char *rate =
        member_figure_or_dash(session, "bandwidth_bytes_s", units_format_rate);
    g_autofree char *end =
        member_figure(session, "forecast.end_s.value", units_format_seconds);

    members_tame(session);
    return g_strdup_printf("%s: %s, pass %s, %s, %s to go at %s%s%s",
                           member_word_or(session, "guest", "-"),
                           member_word_or(session, "state", "-"), pass, done,
                           remaining, rate, end ? ", end in " : "",
                           end ? end : "");
}

/* --- parts of the status --- */

static char *
format_error(double share)
{
    return g_strdup_printf("%.1f %%", 100 * share);
}

static void
append_daemon(GString *out, JsonObject *status, const TextLook *look)
{
    JsonObject *daemon = jobj_get(status, "daemon");
    bool connected = false;
    g_autofree char *line = NULL;

    jobj_get_bool(daemon, "libvirt.connected", &connected);
    line = g_strdup_printf(
        "vmferryd %s on %s: mode %s%s%s%s, since %.19s, libvirt %s%s",
        member_word_or(daemon, "version", "-"),
        member_word_or(daemon, "host", "-"),
        member_word_or(daemon, "mode", "-"),
        member_word(daemon, "disabled") ? ", disabled (" : "",
        member_word_or(daemon, "disabled", ""),
        member_word(daemon, "disabled") ? ")" : "",
        member_word_or(daemon, "since", "-"),
        connected ? member_word_or(daemon, "libvirt.version", "") : "",
        connected ? "" : "is not there");
    text_append_line(out, look, "", line);
}

static void
append_alerts(GString *out, JsonObject *status, const TextLook *look)
{
    JsonObject *alerts = jobj_get(status, "alerts");

    for (size_t i = 0; i < member_length(alerts); i++) {
        JsonObject *alert = json_object_array_get_idx(alerts, i);
        g_autofree char *line = g_strdup_printf(
            "ALERT %s%s%s: %s", member_word_or(alert, "alert", "-"),
            member_word(alert, "link") ? " " : "",
            member_word_or(alert, "link", ""),
            member_word_or(alert, "text", "-"));

        text_append_line(out, look, YELLOW, line);
    }
}

static void
append_sessions(GString *out, JsonObject *status, const TextLook *look)
{
    JsonObject *sessions = jobj_get(status, "sessions");
    g_autoptr(TextTable) table = status_text_sessions();
    g_autofree char *text = NULL;

    if (member_length(sessions) == 0) {
        g_string_append(out, "\nno migration leaves this host\n");
        return;
    }
    for (size_t i = 0; i < member_length(sessions); i++) {
        status_text_add_session(table, json_object_array_get_idx(sessions, i));
    }
    text = text_table_format(table, 0, look->width, look->colour);
    g_string_append_printf(out, "\n%s", text);
}

static const TextColumn class_columns[] = {
    { "CLASS", false, 3 },    { "ROLE", false, 0 },   { "OWNER", false, 1 },
    { "GUARANTEE", true, 0 }, { "CEILING", true, 2 }, { "USE", true, 0 },
    { "BACKLOG", true, 1 },   { "DROPS", true, 4 },
};

static void
append_link(GString *out, JsonObject *link, const TextLook *look)
{
    JsonObject *classes = jobj_get(link, "classes");
    g_autoptr(TextTable) table =
        text_table_new(class_columns, G_N_ELEMENTS(class_columns));
    g_autofree char *capacity =
        member_figure_or_dash(link, "capacity_bytes_s", units_format_rate);
    g_autofree char *use =
        member_figure_or_dash(link, "use_bytes_s", units_format_rate);
    g_autofree char *title = g_strdup_printf(
        "Link %s: %s, %s (%s), in use %s", member_word_or(link, "link", "-"),
        member_word_or(link, "state", "-"), capacity,
        member_word_or(link, "capacity_source", "-"), use);
    g_autofree char *text = NULL;

    text_append_title(out, look, title);
    for (size_t i = 0; i < member_length(classes); i++) {
        JsonObject *one = json_object_array_get_idx(classes, i);

        text_table_cell(table, g_strdup(member_word(one, "id")));
        text_table_cell(table, g_strdup(member_word(one, "role")));
        text_table_cell(table, g_strdup(member_word(one, "owner")));
        text_table_cell(
            table, member_figure(one, "guarantee_bytes_s", units_format_rate));
        text_table_cell(
            table, member_figure(one, "ceiling_bytes_s", units_format_rate));
        text_table_cell(table,
                        member_figure(one, "use_bytes_s", units_format_rate));
        text_table_cell(
            table, member_figure(one, "backlog_bytes", units_format_bytes));
        text_table_cell(table, member_figure(one, "drops", text_format_count));
    }
    text = text_table_format(table, 2, look->width, look->colour);
    g_string_append(out, text);
}

static const TextColumn queue_columns[] = {
    { "POS", true, 0 },     { "SESSION", false, 3 }, { "GUEST", false, 0 },
    { "TO", false, 4 },     { "LINK", false, 5 },    { "PRIORITY", true, 6 },
    { "WAITING", true, 0 }, { "AT MOST", true, 1 },  { "STARTS IN", true, 2 },
    { "TAKES", true, 7 },
};

static char *
format_queue(JsonObject *queue, const TextLook *look)
{
    g_autoptr(TextTable) table =
        text_table_new(queue_columns, G_N_ELEMENTS(queue_columns));

    for (size_t i = 0; i < member_length(queue); i++) {
        JsonObject *one = json_object_array_get_idx(queue, i);

        text_table_cell(table,
                        member_figure(one, "position", text_format_count));
        text_table_cell(table, g_strdup(member_word(one, "session")));
        text_table_cell(table, g_strdup(member_word(one, "guest")));
        text_table_cell(table, g_strdup(member_word(one, "destination")));
        text_table_cell(table, g_strdup(member_word(one, "link")));
        text_table_cell(table,
                        member_figure(one, "priority", text_format_count));
        text_table_cell(table,
                        member_figure(one, "waiting_s", units_format_seconds));
        text_table_cell(
            table, member_figure(one, "wait_most_s", units_format_seconds));
        text_table_cell(table, member_figure(one, "forecast_start_s",
                                             units_format_seconds));
        text_table_cell(
            table, member_figure(one, "forecast_time_s", units_format_seconds));
        text_table_line(
            table,
            g_strdup_printf("because %s", member_word_or(one, "text", "-")));
    }
    return text_table_format(table, 0, look->width, look->colour);
}

char *
status_text_queue(JsonObject *queue, const TextLook *look)
{
    JsonObject *array = jobj_get(queue, "queue");

    members_tame(queue);
    if (member_length(array) == 0) {
        return g_strdup("no migration waits\n");
    }
    return format_queue(array, look);
}

static void
append_track(GString *out, JsonObject *status, const TextLook *look)
{
    JsonObject *track = jobj_get(status, "track_record");
    uint64_t runs = 0, observed = 0;
    g_autofree char *line = NULL;
    g_autofree char *more = NULL;
    g_autofree char *last = NULL;
    g_autofree char *time =
        member_figure(track, "time_error_median", format_error);
    g_autofree char *time_90 =
        member_figure_or_dash(track, "time_error_p90", format_error);
    g_autofree char *down =
        member_figure_or_dash(track, "downtime_error_median", format_error);
    g_autofree char *coverage =
        member_figure_or_dash(track, "coverage", text_format_share);

    jobj_get_u64(track, "runs", &runs);
    jobj_get_u64(track, "mode_observe_runs", &observed);
    if (runs == 0) {
        g_string_append(out, "\nTrack record: no migration has ended yet\n");
        return;
    }
    g_string_append_c(out, '\n');
    line = g_strdup_printf("Track record: the last %" G_GUINT64_FORMAT
                           " migration%s, %" G_GUINT64_FORMAT
                           " of them only observed",
                           runs, runs == 1 ? "" : "s", observed);
    text_append_line(out, look, "", line);
    more = g_strdup_printf("  time, forecast at the second pass: within %s for "
                           "half of them, %s for nine of ten",
                           time ? time : "-", time_90);
    text_append_line(out, look, "", more);
    last = g_strdup_printf("  downtime: within %s for half of them; %s of all "
                           "passes inside their 80 %% interval",
                           down, coverage);
    text_append_line(out, look, "", last);
}

char *
status_text(JsonObject *status, const TextLook *look)
{
    GString *out = g_string_new(NULL);
    JsonObject *links = jobj_get(status, "links");
    JsonObject *queue = jobj_get(status, "queue");

    members_tame(status);
    append_daemon(out, status, look);
    append_alerts(out, status, look);
    append_sessions(out, status, look);
    for (size_t i = 0; i < member_length(links); i++) {
        append_link(out, json_object_array_get_idx(links, i), look);
    }
    if (member_length(queue) > 0) {
        g_autofree char *text = format_queue(queue, look);

        text_append_title(out, look, "Waiting:");
        g_string_append(out, text);
    }
    append_track(out, status, look);
    return g_string_free(out, FALSE);
}

/* --- events --- */

static char *
ended_line(JsonObject *data)
{
    g_autofree char *total =
        member_figure(data, "total_s", units_format_seconds);
    g_autofree char *down =
        member_figure(data, "downtime_s", units_format_seconds);

    return g_strdup_printf(
        "%s: %s%s%s%s%s%s%s", member_word_or(data, "document.guest", "-"),
        member_word_or(data, "status", "ended"), total ? " after " : "",
        total ? total : "", down ? ", downtime " : "", down ? down : "",
        member_word(data, "message") ? ": " : "",
        member_word_or(data, "message", ""));
}

char *
status_text_event(JsonObject *event)
{
    JsonObject *data = jobj_get(event, "data");
    const char *name, *time, *session;
    g_autofree char *text = NULL;

    members_tame(event);
    name = member_word_or(event, "event", "");
    time = member_word_or(event, "time", "");
    session = member_word_or(data, "session", "-");
    if (g_str_has_prefix(name, "session-begun") ||
        strcmp(name, "session-changed") == 0) {
        text = status_text_session(jobj_get(data, "document"));
    } else if (strcmp(name, "session-ended") == 0) {
        text = ended_line(data);
    } else if (strcmp(name, "session-admitted") == 0) {
        text = g_strdup_printf("session %s: it may begin", session);
    } else if (strcmp(name, "decision") == 0) {
        text = g_strdup_printf("session %s: %s: %s", session,
                               member_word_or(data, "decision.step", "-"),
                               member_word_or(data, "decision.text", "-"));
    } else if (strcmp(name, "held") == 0) {
        text = held_line(data);
    } else if (strcmp(name, "released") == 0) {
        text = g_strdup_printf("session %s: no longer held", session);
    } else if (strcmp(name, "warning") == 0) {
        /* a foreign change is warned of as well */
        text = g_strdup_printf("session %s: %s", session,
                               member_word_or(data, "text", "-"));
    } else if (strcmp(name, "link-changed") == 0) {
        text = g_strdup_printf("link %s: %s",
                               member_word_or(data, "link.link", "-"),
                               member_word_or(data, "link.state", "-"));
    } else if (strcmp(name, "mode") == 0) {
        text =
            g_strdup_printf("mode %s (%s)", member_word_or(data, "mode", "-"),
                            member_word_or(data, "by", "-"));
    } else {
        return NULL;
    }
    return g_strdup_printf("%.8s %s",
                           strlen(time) > 19 ? time + 11 : "--:--:--", text);
}
