/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * status-text.c - see status-text.h
 */
#include "tools/cli/status-text.h"

#include <math.h>
#include <string.h>

#include "base/units.h"
#include "tools/cli/text-table.h"

#define BOLD "\033[1m"
#define YELLOW "\033[33m"
#define RESET "\033[0m"

/* --- words of members --- */

static const char *
word(JsonObject *object, const char *path)
{
    const char *text = NULL;

    return jobj_get_string(object, path, &text) && *text ? text : NULL;
}

static const char *
word_or(JsonObject *object, const char *path, const char *otherwise)
{
    const char *text = word(object, path);

    return text ? text : otherwise;
}

/* NULL: not known, which tables show as "-" */
static char *
figure(JsonObject *object, const char *path, char *(*format)(double number))
{
    Known number = jobj_get_known(object, path);

    return number.known ? format(number.value) : NULL;
}

static char *
figure_or_dash(JsonObject *object, const char *path,
               char *(*format)(double number))
{
    char *text = figure(object, path, format);

    return text ? text : g_strdup("-");
}

static char *
format_count(double number)
{
    return g_strdup_printf("%.0f", number);
}

static char *
format_share(double share)
{
    return g_strdup_printf("%.0f %%", 100 * share);
}

static char *
format_error(double share)
{
    return g_strdup_printf("%.1f %%", 100 * share);
}

/* "17.. 23 s": an interval, or what is known of it */
static char *
format_interval(JsonObject *object, const char *path)
{
    JsonObject *interval = jobj_get(object, path);
    g_autofree char *value = figure(interval, "value", units_format_seconds);
    g_autofree char *low = figure(interval, "low", units_format_seconds);
    g_autofree char *high = figure(interval, "high", units_format_seconds);

    if (!value) {
        return NULL;
    }
    if (!low) {
        return g_steal_pointer(&value);
    }
    return g_strdup_printf("%s (%s to %s)", value, low, high ? high : "no end");
}

static size_t
length_of(JsonObject *array)
{
    return json_object_is_type(array, json_type_array)
               ? json_object_array_length(array)
               : 0;
}

/* "a, b", NULL: empty */
static char *
words_of(JsonObject *object, const char *path, const char *between)
{
    JsonObject *array = jobj_get(object, path);
    GString *text = g_string_new(NULL);

    for (size_t i = 0; i < length_of(array); i++) {
        JsonObject *one = json_object_array_get_idx(array, i);

        g_string_append_printf(text, "%s%s", i ? between : "",
                               json_object_is_type(one, json_type_string)
                                   ? json_object_get_string(one)
                                   : "-");
    }
    return g_string_free(text, text->len == 0);
}

/* What comes from elsewhere must not move the cursor: control characters, also
 * those of ISO 6429 beyond ASCII, become question marks. */
static void
tame(JsonObject *value)
{
    if (json_object_is_type(value, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(value); i++) {
            tame(json_object_array_get_idx(value, i));
        }
    } else if (json_object_is_type(value, json_type_object)) {
        json_object_object_foreach (value, name, member) {
            (void)name;
            tame(member);
        }
    } else if (json_object_is_type(value, json_type_string)) {
        g_autofree char *text = g_strdup(json_object_get_string(value));
        bool changed = false;

        for (unsigned char *c = (unsigned char *)text; *c; c++) {
            bool second = *c == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f;

            if (*c < 0x20 || *c == 0x7f || second) {
                *c = '?';
                c[second ? 1 : 0] = '?';
                changed = true;
            }
        }
        if (changed) {
            json_object_set_string(value, text);
        }
    }
}

/* --- a session --- */

static const TextColumn session_columns[] = {
    { "SESSION", false, 1 },  { "GUEST", false, 0 },   { "TO", false, 4 },
    { "STATE", false, 0 },    { "PASS", true, 3 },     { "DONE", true, 0 },
    { "REMAINING", true, 5 }, { "STREAM", true, 2 },   { "GUARANTEE", true, 2 },
    { "END IN", true, 1 },    { "DOWNTIME", true, 6 },
};

static char *
target_of(JsonObject *session)
{
    const char *address = word(session, "address");
    g_autofree char *port = figure(session, "port", format_count);

    if (!address || !port) {
        return g_strdup(word(session, "destination"));
    }
    return strchr(address, ':') ? g_strdup_printf("[%s]:%s", address, port)
                                : g_strdup_printf("%s:%s", address, port);
}

static char *
force_line(JsonObject *session)
{
    const char *why = word(session, "not_in_force");
    bool in_force = false;

    jobj_get_bool(session, "in_force", &in_force);
    if (in_force || g_strcmp0(why, "ended") == 0) {
        return NULL;
    }
    return g_strdup_printf("not in force (%s)%s%s", why ? why : "-",
                           word(session, "not_in_force_text") ? ": " : "",
                           word_or(session, "not_in_force_text", ""));
}

static char *
held_line(JsonObject *session)
{
    JsonObject *held = jobj_get(session, "held");
    g_autofree char *floor = figure(held, "floor_bytes_s", units_format_rate);
    g_autofree char *cost = figure(held, "cost_s", units_format_seconds);

    if (!held) {
        return NULL;
    }
    return g_strdup_printf("held by %s%s%s%s%s%s%s", word_or(held, "by", "-"),
                           word(held, "reason") ? ": " : "",
                           word_or(held, "reason", ""),
                           floor ? ", at a floor of " : "", floor ? floor : "",
                           cost ? ", which costs " : "", cost ? cost : "");
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
                           word_or(decision, "step", "-"),
                           word_or(decision, "text", "-"));
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
    add_note(table, "advice: ", g_strdup(word(session, "advice")));
    add_note(table, "to recover: ", g_strdup(word(session, "recover")));
    add_note(table, "left to others, who changed it: ",
             words_of(session, "foreign", ", "));
    add_note(table, "warning: ", words_of(session, "warnings", "; "));
}

static void
add_session(TextTable *table, JsonObject *session)
{
    text_table_cell(table, g_strdup(word(session, "session")));
    text_table_cell(table, g_strdup(word(session, "guest")));
    text_table_cell(table, target_of(session));
    text_table_cell(table, g_strdup(word(session, "state")));
    text_table_cell(table, figure(session, "iteration", format_count));
    text_table_cell(table, figure(session, "progress", format_share));
    text_table_cell(table,
                    figure(session, "remaining_bytes", units_format_bytes));
    text_table_cell(table,
                    figure(session, "bandwidth_bytes_s", units_format_rate));
    text_table_cell(table,
                    figure(session, "guarantee_bytes_s", units_format_rate));
    text_table_cell(
        table, figure(session, "forecast.end_s.value", units_format_seconds));
    text_table_cell(table, figure(session, "forecast.downtime_s.value",
                                  units_format_seconds));
    add_notes(table, session);
}

char *
status_text_session(JsonObject *session)
{
    g_autofree char *done = figure_or_dash(session, "progress", format_share);
    g_autofree char *pass = figure_or_dash(session, "iteration", format_count);
    g_autofree char *remaining =
        figure_or_dash(session, "remaining_bytes", units_format_bytes);
    g_autofree char *rate =
        figure_or_dash(session, "bandwidth_bytes_s", units_format_rate);
    g_autofree char *end =
        figure(session, "forecast.end_s.value", units_format_seconds);

    tame(session);
    return g_strdup_printf(
        "%s: %s, pass %s, %s, %s to go at %s%s%s",
        word_or(session, "guest", "-"), word_or(session, "state", "-"), pass,
        done, remaining, rate, end ? ", end in " : "", end ? end : "");
}

/* --- parts of the status --- */

static void
append_title(GString *out, const TextLook *look, const char *text)
{
    g_string_append_printf(out, "\n%s%s%s\n", look->colour ? BOLD : "", text,
                           look->colour ? RESET : "");
}

static void
append_line(GString *out, const TextLook *look, const char *colour,
            const char *text)
{
    g_autofree char *cut =
        text_cut(text, look->width ? look->width : (unsigned)G_MAXINT);

    g_string_append_printf(out, "%s%s%s\n", look->colour ? colour : "", cut,
                           look->colour && *colour ? RESET : "");
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
        word_or(daemon, "version", "-"), word_or(daemon, "host", "-"),
        word_or(daemon, "mode", "-"),
        word(daemon, "disabled") ? ", disabled (" : "",
        word_or(daemon, "disabled", ""), word(daemon, "disabled") ? ")" : "",
        word_or(daemon, "since", "-"),
        connected ? word_or(daemon, "libvirt.version", "") : "",
        connected ? "" : "is not there");
    append_line(out, look, "", line);
}

static void
append_alerts(GString *out, JsonObject *status, const TextLook *look)
{
    JsonObject *alerts = jobj_get(status, "alerts");

    for (size_t i = 0; i < length_of(alerts); i++) {
        JsonObject *alert = json_object_array_get_idx(alerts, i);
        g_autofree char *line = g_strdup_printf(
            "ALERT %s%s%s: %s", word_or(alert, "alert", "-"),
            word(alert, "link") ? " " : "", word_or(alert, "link", ""),
            word_or(alert, "text", "-"));

        append_line(out, look, YELLOW, line);
    }
}

static void
append_sessions(GString *out, JsonObject *status, const TextLook *look)
{
    JsonObject *sessions = jobj_get(status, "sessions");
    g_autoptr(TextTable) table =
        text_table_new(session_columns, G_N_ELEMENTS(session_columns));
    g_autofree char *text = NULL;

    if (length_of(sessions) == 0) {
        g_string_append(out, "\nno migration leaves this host\n");
        return;
    }
    for (size_t i = 0; i < length_of(sessions); i++) {
        add_session(table, json_object_array_get_idx(sessions, i));
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
        figure_or_dash(link, "capacity_bytes_s", units_format_rate);
    g_autofree char *use =
        figure_or_dash(link, "use_bytes_s", units_format_rate);
    g_autofree char *title =
        g_strdup_printf("Link %s: %s, %s (%s), in use %s",
                        word_or(link, "link", "-"), word_or(link, "state", "-"),
                        capacity, word_or(link, "capacity_source", "-"), use);
    g_autofree char *text = NULL;

    append_title(out, look, title);
    for (size_t i = 0; i < length_of(classes); i++) {
        JsonObject *one = json_object_array_get_idx(classes, i);

        text_table_cell(table, g_strdup(word(one, "id")));
        text_table_cell(table, g_strdup(word(one, "role")));
        text_table_cell(table, g_strdup(word(one, "owner")));
        text_table_cell(table,
                        figure(one, "guarantee_bytes_s", units_format_rate));
        text_table_cell(table,
                        figure(one, "ceiling_bytes_s", units_format_rate));
        text_table_cell(table, figure(one, "use_bytes_s", units_format_rate));
        text_table_cell(table,
                        figure(one, "backlog_bytes", units_format_bytes));
        text_table_cell(table, figure(one, "drops", format_count));
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

    for (size_t i = 0; i < length_of(queue); i++) {
        JsonObject *one = json_object_array_get_idx(queue, i);

        text_table_cell(table, figure(one, "position", format_count));
        text_table_cell(table, g_strdup(word(one, "session")));
        text_table_cell(table, g_strdup(word(one, "guest")));
        text_table_cell(table, g_strdup(word(one, "destination")));
        text_table_cell(table, g_strdup(word(one, "link")));
        text_table_cell(table, figure(one, "priority", format_count));
        text_table_cell(table, figure(one, "waiting_s", units_format_seconds));
        text_table_cell(table,
                        figure(one, "wait_most_s", units_format_seconds));
        text_table_cell(table,
                        figure(one, "forecast_start_s", units_format_seconds));
        text_table_cell(table,
                        figure(one, "forecast_time_s", units_format_seconds));
        text_table_line(
            table, g_strdup_printf("because %s", word_or(one, "text", "-")));
    }
    return text_table_format(table, 0, look->width, look->colour);
}

char *
status_text_queue(JsonObject *queue, const TextLook *look)
{
    JsonObject *array = jobj_get(queue, "queue");

    tame(queue);
    if (length_of(array) == 0) {
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
    g_autofree char *time = figure(track, "time_error_median", format_error);
    g_autofree char *time_90 =
        figure_or_dash(track, "time_error_p90", format_error);
    g_autofree char *down =
        figure_or_dash(track, "downtime_error_median", format_error);
    g_autofree char *coverage = figure_or_dash(track, "coverage", format_share);

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
    append_line(out, look, "", line);
    more = g_strdup_printf("  time, forecast at the second pass: within %s for "
                           "half of them, %s for nine of ten",
                           time ? time : "-", time_90);
    append_line(out, look, "", more);
    last = g_strdup_printf("  downtime: within %s for half of them; %s of all "
                           "passes inside their 80 %% interval",
                           down, coverage);
    append_line(out, look, "", last);
}

char *
status_text(JsonObject *status, const TextLook *look)
{
    GString *out = g_string_new(NULL);
    JsonObject *links = jobj_get(status, "links");
    JsonObject *queue = jobj_get(status, "queue");

    tame(status);
    append_daemon(out, status, look);
    append_alerts(out, status, look);
    append_sessions(out, status, look);
    for (size_t i = 0; i < length_of(links); i++) {
        append_link(out, json_object_array_get_idx(links, i), look);
    }
    if (length_of(queue) > 0) {
        g_autofree char *text = format_queue(queue, look);

        append_title(out, look, "Waiting:");
        g_string_append(out, text);
    }
    append_track(out, status, look);
    return g_string_free(out, FALSE);
}

/* --- the past --- */

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

    tame(runs);
    if (length_of(array) == 0) {
        return g_strdup("no migration is remembered\n");
    }
    for (size_t i = 0; i < length_of(array); i++) {
        JsonObject *run = json_object_array_get_idx(array, i);
        const char *started = word(run, "started");

        text_table_cell(table, started ? g_strndup(started, 19) : NULL);
        text_table_cell(table, g_strdup(word(run, "session")));
        text_table_cell(table, g_strdup(word(run, "guest")));
        text_table_cell(table, g_strdup(word(run, "destination")));
        text_table_cell(table, g_strdup(word(run, "mode")));
        text_table_cell(table, g_strdup(word(run, "status")));
        text_table_cell(table, figure(run, "total_s", units_format_seconds));
        text_table_cell(table, figure(run, "downtime_s", units_format_seconds));
        text_table_cell(table, figure(run, "bytes", units_format_bytes));
        text_table_cell(table,
                        figure(run, "bandwidth_bytes_s", units_format_rate));
        text_table_cell(table, figure(run, "iterations", format_count));
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

    for (size_t i = 0; i < length_of(passes); i++) {
        JsonObject *pass = json_object_array_get_idx(passes, i);

        text_table_cell(table, figure(pass, "iter", format_count));
        text_table_cell(table, figure(pass, "duration_ms", format_ms));
        text_table_cell(table, figure(pass, "pages_to_send", format_count));
        text_table_cell(table, figure(pass, "dirty_pages", format_count));
        text_table_cell(table, figure(pass, "predicted_pages", format_count));
        text_table_cell(table, figure(pass, "sent_bytes", units_format_bytes));
        text_table_cell(table,
                        figure(pass, "achieved_bytes_s", units_format_rate));
        text_table_cell(table,
                        figure(pass, "reserved_bytes_s", units_format_rate));
    }
    text = text_table_format(table, 2, look->width, look->colour);
    if (*text) {
        append_title(out, look, "Passes (dirtied and forecast in pages):");
        g_string_append(out, text);
    }
}

static void
append_decisions(GString *out, JsonObject *decisions, const TextLook *look)
{
    if (length_of(decisions) > 0) {
        append_title(out, look, "Decisions:");
    }
    for (size_t i = 0; i < length_of(decisions); i++) {
        JsonObject *one = json_object_array_get_idx(decisions, i);
        Known at = jobj_get_known(one, "t_s");
        const char *text = word(one, "text");
        g_autofree char *rate =
            figure_or_dash(one, "guarantee_bytes_s", units_format_rate);
        g_autofree char *line = NULL;

        line = g_strdup_printf("  [%7.1f s] %s %s: %s", known_or(at, 0),
                               word_or(one, "step", "-"), rate,
                               text ? text : word_or(one, "reason", "-"));
        append_line(out, look, "", line);
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
        { "priority", "priority", format_count },
        { "deadline", "deadline_s", units_format_seconds },
        { "downtime limit", "downtime_limit_s", units_format_seconds },
        { "link", "link", NULL },
        { "class", "class", NULL },
        { "ceiling", "ceiling_bytes_s", units_format_rate },
        { "dirtying", "dirty_bytes_s", units_format_rate },
        { "sent", "sent_bytes", units_format_bytes },
    };
    g_autofree char *end = format_interval(session, "forecast.end_s");
    g_autofree char *down = format_interval(session, "forecast.downtime_s");
    g_autofree char *allowed = words_of(session, "ladder.allowed", ", ");
    g_autofree char *taken = words_of(session, "ladder.taken", ", ");

    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autofree char *text =
            lines[i].format ? figure(session, lines[i].path, lines[i].format)
                            : g_strdup(word(session, lines[i].path));

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
    g_autoptr(TextTable) table =
        text_table_new(session_columns, G_N_ELEMENTS(session_columns));
    g_autofree char *text = NULL;

    tame(show);
    add_session(table, session);
    text = text_table_format(table, 0, look->width, look->colour);
    g_string_append_printf(out, "%s\n", text);
    append_settings(out, session);
    append_passes(out, jobj_get(show, "iterations"), look);
    append_decisions(out, jobj_get(show, "decisions"), look);
    return g_string_free(out, FALSE);
}

/* --- events --- */

static char *
ended_line(JsonObject *data)
{
    g_autofree char *total = figure(data, "total_s", units_format_seconds);
    g_autofree char *down = figure(data, "downtime_s", units_format_seconds);

    return g_strdup_printf(
        "%s: %s%s%s%s%s%s%s", word_or(data, "document.guest", "-"),
        word_or(data, "status", "ended"), total ? " after " : "",
        total ? total : "", down ? ", downtime " : "", down ? down : "",
        word(data, "message") ? ": " : "", word_or(data, "message", ""));
}

char *
status_text_event(JsonObject *event)
{
    JsonObject *data = jobj_get(event, "data");
    const char *name, *time, *session;
    g_autofree char *text = NULL;

    tame(event);
    name = word_or(event, "event", "");
    time = word_or(event, "time", "");
    session = word_or(data, "session", "-");
    if (g_str_has_prefix(name, "session-begun") ||
        strcmp(name, "session-changed") == 0) {
        text = status_text_session(jobj_get(data, "document"));
    } else if (strcmp(name, "session-ended") == 0) {
        text = ended_line(data);
    } else if (strcmp(name, "session-admitted") == 0) {
        text = g_strdup_printf("session %s: it may begin", session);
    } else if (strcmp(name, "decision") == 0) {
        text = g_strdup_printf("session %s: %s: %s", session,
                               word_or(data, "decision.step", "-"),
                               word_or(data, "decision.text", "-"));
    } else if (strcmp(name, "held") == 0) {
        text = held_line(data);
    } else if (strcmp(name, "released") == 0) {
        text = g_strdup_printf("session %s: no longer held", session);
    } else if (strcmp(name, "warning") == 0) {
        /* a foreign change is warned of as well */
        text = g_strdup_printf("session %s: %s", session,
                               word_or(data, "text", "-"));
    } else if (strcmp(name, "link-changed") == 0) {
        text = g_strdup_printf("link %s: %s", word_or(data, "link.link", "-"),
                               word_or(data, "link.state", "-"));
    } else if (strcmp(name, "mode") == 0) {
        text = g_strdup_printf("mode %s (%s)", word_or(data, "mode", "-"),
                               word_or(data, "by", "-"));
    } else {
        return NULL;
    }
    return g_strdup_printf("%.8s %s",
                           strlen(time) > 19 ? time + 11 : "--:--:--", text);
}
