/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * text.c - see text.h
 */
#include "tools/consolidate/text.h"

#include <math.h>
#include <string.h>

#include "tools/cli/text-table.h"

char *
text_seconds(double seconds)
{
    if (!(seconds >= 0)) {
        return g_strdup("-");
    }
    if (seconds < 1) {
        return g_strdup_printf("%.0f ms", seconds * 1000);
    }
    if (seconds < 100) {
        return g_strdup_printf("%.1f s", seconds);
    }
    if (seconds < 7200) {
        return g_strdup_printf("%.0f min %.0f s", floor(seconds / 60),
                               fmod(seconds, 60));
    }
    return g_strdup_printf("%.1f h", seconds / 3600);
}

char *
text_bytes(double bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    size_t unit = 0;

    while (bytes >= 1024 && unit + 1 < G_N_ELEMENTS(units)) {
        bytes /= 1024;
        unit++;
    }
    return g_strdup_printf(unit == 0 || bytes >= 100 ? "%.0f %s" : "%.1f %s",
                           bytes, units[unit]);
}

/* "3.2 kJ": what a move costs and brings */
static char *
text_joules(double joules)
{
    return fabs(joules) >= 1e6   ? g_strdup_printf("%.1f MJ", joules / 1e6)
           : fabs(joules) >= 1e3 ? g_strdup_printf("%.1f kJ", joules / 1e3)
                                 : g_strdup_printf("%.0f J", joules);
}

/* --- a decision --- */

static char *
text_after(const GArray *after)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; after && i < after->len; i++) {
        g_string_append_printf(text, "%s%u", i ? "," : "",
                               g_array_index(after, guint, i) + 1);
    }
    return g_string_free(text, FALSE);
}

static char *
text_moves(const ConsDecision *decision)
{
    static const TextColumn columns[] = {
        { "#", true, 0 },     { "GUEST", false, 0 },   { "FROM", false, 0 },
        { "TO", false, 0 },   { "AFTER", false, 5 },   { "STARTS", true, 4 },
        { "TAKES", true, 1 }, { "DOWNTIME", true, 2 }, { "BYTES", true, 3 },
        { "COSTS", true, 1 }, { "BRINGS", true, 1 },   { "FOR", false, 0 },
    };
    g_autoptr(TextTable) table = text_table_new(columns, G_N_ELEMENTS(columns));

    for (guint i = 0; i < decision->moves->len; i++) {
        const ConsMove *move = decision->moves->pdata[i];
        char *after = text_after(move->after);

        if (!*after) {
            g_clear_pointer(&after, g_free);
        }
        text_table_cell(table, g_strdup_printf("%u", i + 1));
        text_table_cell(table, g_strdup(move->guest));
        text_table_cell(table, g_strdup(move->from));
        text_table_cell(
            table,
            g_strdup_printf("%s%s", move->to, move->bypass ? " (a stop)" : ""));
        text_table_cell(table, after);
        text_table_cell(table, text_seconds(move->start_s));
        text_table_cell(table, text_seconds(move->time_s));
        text_table_cell(table, text_seconds(move->downtime_s));
        text_table_cell(table, text_bytes((double)move->bytes));
        text_table_cell(table, text_joules(move->cost_j));
        text_table_cell(table, move->mends ? g_strdup("mends")
                                           : text_joules(move->benefit_j));
        text_table_cell(table, g_strdup(cons_trigger_name(move->kind)));
    }
    return text_table_format(table, 2, 0, false);
}

char *
text_decision(const ConsDecision *decision)
{
    GString *text = g_string_new(NULL);
    g_autofree char *moves = text_moves(decision);
    g_autofree char *makespan = text_seconds(decision->makespan_s);
    g_autofree char *bound = text_seconds(decision->bound_s);

    g_string_append_printf(text, "plan %s: %s\n", decision->id,
                           decision->summary ? decision->summary : "");
    for (guint i = 0; i < decision->triggers->len; i++) {
        const ConsTrigger *trigger = decision->triggers->pdata[i];

        g_string_append_printf(text, "  %s: %s\n",
                               cons_trigger_name(trigger->kind),
                               trigger->text ? trigger->text : "");
    }
    g_string_append(text, moves);
    for (guint i = 0; i < decision->moves->len; i++) {
        const ConsMove *move = decision->moves->pdata[i];

        g_string_append_printf(text, "  %u: %s\n", i + 1,
                               move->why ? move->why : "");
    }
    for (guint i = 0; i < decision->powers->len; i++) {
        const ConsPower *power = decision->powers->pdata[i];

        g_string_append_printf(text, "  %s '%s': %s\n",
                               power->on ? "wake" : "power down", power->host,
                               power->why ? power->why : "");
    }
    for (guint i = 0; i < decision->refusals->len; i++) {
        const ConsRefusal *refusal = decision->refusals->pdata[i];

        g_string_append_printf(text, "  not: %s: %s\n", refusal->subject,
                               refusal->why);
    }
    if (decision->moves->len > 0) {
        g_string_append_printf(text,
                               "  in all %s (no order is faster than %s), ",
                               makespan, bound);
        g_string_append_printf(
            text,
            "cost of the placement %.1f W -> %.1f W, between racks %.2f "
            "MB/s -> %.2f MB/s\n",
            decision->cost_w_before, decision->cost_w_after,
            decision->far_bytes_s_before / 1e6,
            decision->far_bytes_s_after / 1e6);
    }
    return g_string_free(text, FALSE);
}

char *
text_explain(const ConsDecision *decision, const char *guest)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < decision->moves->len; i++) {
        const ConsMove *move = decision->moves->pdata[i];
        g_autofree char *words = NULL;

        if (guest && strcmp(guest, move->guest) != 0) {
            continue;
        }
        words = cons_explain(decision, i);
        g_string_append_printf(text, "%s%s", text->len ? "\n" : "", words);
        if (text->str[text->len - 1] != '\n') {
            g_string_append_c(text, '\n');
        }
    }
    for (guint i = 0; i < decision->refusals->len; i++) {
        const ConsRefusal *refusal = decision->refusals->pdata[i];

        if (!guest || !strcmp(guest, refusal->subject)) {
            g_string_append_printf(text, "not: %s: %s\n", refusal->subject,
                                   refusal->why);
        }
    }
    return g_string_free(text, FALSE);
}

/* --- what became of it --- */

static double
number_of(JsonObject *json, const char *path)
{
    return known_or(jobj_get_known(json, path), -1);
}

static const char *
word_of(JsonObject *json, const char *path, const char *otherwise)
{
    const char *word = otherwise;

    jobj_get_string(json, path, &word);
    return word;
}

char *
text_step(JsonObject *step)
{
    GString *text = g_string_new(NULL);
    g_autofree char *took = text_seconds(number_of(step, "time_s"));
    g_autofree char *stood = text_seconds(number_of(step, "downtime_s"));
    g_autofree char *sent = text_bytes(MAX(number_of(step, "bytes"), 0));
    g_autofree char *forecast =
        text_seconds(number_of(step, "forecast_time_s"));
    g_autofree char *would_stand =
        text_seconds(number_of(step, "forecast_downtime_s"));
    g_autofree char *would_send =
        text_bytes(MAX(number_of(step, "forecast_bytes"), 0));
    const char *state = word_of(step, "state", "?");

    g_string_append_printf(
        text, "%s: ", word_of(step, "guest", word_of(step, "host", "?")));
    if (*word_of(step, "from", "")) {
        g_string_append_printf(text, "%s -> %s: ", word_of(step, "from", "?"),
                               word_of(step, "to", "?"));
    }
    g_string_append(text, state);
    if (*word_of(step, "why", "")) {
        g_string_append_printf(text, ": %s", word_of(step, "why", ""));
    }
    if (!strcmp(state, "done") && *word_of(step, "from", "")) {
        g_string_append_printf(
            text, " in %s, downtime %s, %s (forecast %s, %s, %s)", took, stood,
            sent, forecast, would_stand, would_send);
    }
    if (*word_of(step, "via", "")) {
        g_string_append_printf(text, "; %s", word_of(step, "via", ""));
    }
    g_string_append_c(text, '\n');
    return g_string_free(text, FALSE);
}

char *
text_over(JsonObject *over)
{
    const char *stopped = word_of(over, "stopped", "");
    double brought_w = number_of(over, "brought_w");
    double far = number_of(over, "far_bytes_s");
    double before = number_of(over, "plan.far_bytes_s_before");
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "plan %s is over%s%s\n",
                           word_of(over, "plan.id", "?"),
                           *stopped ? ", stopped: " : "", stopped);
    if (jobj_get_known(over, "brought_w").known) {
        g_string_append_printf(text, "  it brought %.1f W", brought_w);
        if (before > 0 || far > 0) {
            g_string_append_printf(text,
                                   "; between racks %.2f MB/s -> %.2f MB/s",
                                   before / 1e6, far / 1e6);
        }
        g_string_append_c(text, '\n');
    }
    return g_string_free(text, FALSE);
}

/* --- status --- */

/* "35 %"; NULL: not known */
static char *
text_share(JsonObject *host, const char *used, const char *all)
{
    double part = number_of(host, used), whole = number_of(host, all);

    return part < 0 || !(whole > 0)
               ? NULL
               : g_strdup_printf("%.0f %%", 100 * part / whole);
}

static char *
text_hosts(JsonObject *hosts)
{
    static const TextColumn columns[] = {
        { "HOST", false, 0 }, { "STATE", false, 0 }, { "GUESTS", true, 0 },
        { "CPU", true, 0 },   { "AHEAD", true, 1 },  { "MEMORY", true, 0 },
        { "", false, 1 },
    };
    g_autoptr(TextTable) table = text_table_new(columns, G_N_ELEMENTS(columns));

    for (size_t i = 0; json_object_is_type(hosts, json_type_array) &&
                       i < json_object_array_length(hosts);
         i++) {
        JsonObject *host = json_object_array_get_idx(hosts, i);
        bool evacuated = false;

        jobj_get_bool(host, "evacuated", &evacuated);
        text_table_cell(table, g_strdup(word_of(host, "name", "?")));
        text_table_cell(table,
                        g_strdup_printf("%s%s", word_of(host, "state", "?"),
                                        evacuated ? ", evacuated" : ""));
        if (strcmp(word_of(host, "state", ""), "up") != 0) {
            for (int column = 0; column < 4; column++) {
                text_table_cell(table, NULL);
            }
            text_table_cell(table, g_strdup(word_of(host, "why", "")));
            continue;
        }
        text_table_cell(table,
                        g_strdup_printf("%.0f", number_of(host, "guests")));
        text_table_cell(table, text_share(host, "cpu_used_milli", "cpu_milli"));
        text_table_cell(table,
                        text_share(host, "cpu_forecast_milli", "cpu_milli"));
        text_table_cell(table,
                        text_share(host, "memory_used_bytes", "memory_bytes"));
        text_table_cell(table, g_strdup(word_of(host, "why", "")));
    }
    return text_table_format(table, 2, 0, false);
}

static void
add_steps(GString *text, JsonObject *plan)
{
    JsonObject *steps = jobj_get(plan, "steps");
    JsonObject *moves = jobj_get(plan, "plan.moves");
    bool over = false;

    jobj_get_bool(plan, "over", &over);
    if (!plan) {
        return;
    }
    g_string_append_printf(text, "plan %s, %s%s%s\n",
                           word_of(plan, "plan.id", "?"),
                           over ? "over" : "on its way",
                           *word_of(plan, "stopped", "") ? ", stopped: " : "",
                           word_of(plan, "stopped", ""));
    for (size_t i = 0; json_object_is_type(moves, json_type_array) &&
                       json_object_is_type(steps, json_type_array) &&
                       i < json_object_array_length(moves) &&
                       i < json_object_array_length(steps);
         i++) {
        JsonObject *move = json_object_array_get_idx(moves, i);
        JsonObject *step = json_object_array_get_idx(steps, i);
        const char *why = word_of(step, "why", "");

        g_string_append_printf(
            text, "  %s: %s -> %s: %s %.0f %%%s%s\n",
            word_of(move, "guest", "?"), word_of(move, "from", "?"),
            word_of(move, "to", "?"), word_of(step, "state", "?"),
            100 * MAX(number_of(step, "progress"), 0), *why ? ": " : "", why);
    }
}

/* Nothing where no traffic is counted. */
static void
add_traffic(GString *text, JsonObject *status)
{
    double span_s = number_of(status, "flow_span_s");
    double n = number_of(status, "flows");
    g_autofree char *span = text_seconds(span_s);

    if (span_s > 0) {
        g_string_append_printf(
            text,
            "traffic of %s: %.0f pair%s of guests, %.2f MB/s between racks\n",
            span, n, n == 1 ? "" : "s",
            MAX(number_of(status, "far_bytes_s"), 0) / 1e6);
    }
}

char *
text_status(JsonObject *status)
{
    GString *text = g_string_new(NULL);
    g_autofree char *hosts = text_hosts(jobj_get(status, "hosts"));
    JsonObject *triggers = jobj_get(status, "triggers");
    bool paused = false;

    jobj_get_bool(status, "paused", &paused);
    g_string_append_printf(text, "mode %s%s%s\n", word_of(status, "mode", "?"),
                           paused ? ", paused" : "",
                           jobj_get(status, "service") ? "" : ", no service");
    if (*word_of(status, "broken", "")) {
        g_string_append_printf(text, "nothing can be begun: %s\n",
                               word_of(status, "broken", ""));
    }
    g_string_append(text, hosts);
    add_traffic(text, status);
    for (size_t i = 0; json_object_is_type(triggers, json_type_array) &&
                       i < json_object_array_length(triggers);
         i++) {
        g_string_append_printf(
            text, "  %s\n",
            json_object_get_string(json_object_array_get_idx(triggers, i)));
    }
    add_steps(text, jobj_get(status, "plan"));
    return g_string_free(text, FALSE);
}
