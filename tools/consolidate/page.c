/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * page.c - see page.h
 *
 * In the style of the run record's page. Bars are what was measured, outlines
 * what was forecast; both from the plan's start.
 */
#include "tools/consolidate/page.h"

#include <string.h>

#include "base/clock.h"
#include "report/report-style.h"
#include "report/report-svg.h"
#include "tools/consolidate/page-cluster.h"
#include "tools/consolidate/text.h"

#define WIDTH 980.0
#define NAMES 250.0
#define ROW 22.0
#define MOST_ROWS 200

/* When a step ran, in seconds from the first that began; below 0: not known */
typedef struct Ran {
    double from_s, to_s;
} Ran;

static const char style[] =
    "svg { width: 100%; height: auto; }\n"
    "svg text { font-size: 12px; fill: var(--ink); }\n"
    "svg text.soft { fill: var(--soft); }\n"
    "svg line { stroke: var(--rule); }\n"
    "svg .ran { fill: var(--stream); }\n"
    "svg .not { fill: var(--other); }\n"
    "svg .forecast { fill: none; stroke: var(--predicted);\n"
    "  stroke-dasharray: 3 2; }\n";

static JsonObject *
step_of(JsonObject *over, guint index)
{
    JsonObject *steps = jobj_get(over, "steps");

    return json_object_is_type(steps, json_type_array) &&
                   index < json_object_array_length(steps)
               ? json_object_array_get_idx(steps, index)
               : NULL;
}

static bool
time_of(JsonObject *step, const char *member, int64_t *at_us)
{
    const char *text = NULL;

    return jobj_get_string(step, member, &text) &&
           clock_parse_utc(text, at_us, NULL);
}

/* Return: Ran for each move, g_free() it */
static Ran *
when_of(const ConsDecision *decision, JsonObject *over, double *longest_s)
{
    Ran *ran = g_new(Ran, decision->moves->len + 1);
    int64_t first_us = INT64_MAX, from_us, to_us;

    for (guint i = 0; i < decision->moves->len; i++) {
        if (time_of(step_of(over, i), "started", &from_us)) {
            first_us = MIN(first_us, from_us);
        }
    }
    for (guint i = 0; i < decision->moves->len; i++) {
        const ConsMove *move = decision->moves->pdata[i];
        JsonObject *step = step_of(over, i);

        ran[i] = (Ran){ -1, -1 };
        *longest_s = MAX(*longest_s, move->start_s + move->time_s);
        if (time_of(step, "started", &from_us) &&
            time_of(step, "ended", &to_us) && to_us >= from_us) {
            ran[i].from_s = (double)(from_us - first_us) / 1e6;
            ran[i].to_s = (double)(to_us - first_us) / 1e6;
            *longest_s = MAX(*longest_s, ran[i].to_s);
        }
    }
    return ran;
}

static void
add_axis(GString *out, const ChartScale *scale, double bottom)
{
    double ticks[CHART_MAX_TICKS];
    size_t n = chart_time_ticks(scale->high, 8, ticks);

    for (size_t i = 0; i < n; i++) {
        g_autofree char *text = text_seconds(ticks[i]);
        double x = chart_at(scale, ticks[i]);

        svg_line(out, "grid", x, 0, x, bottom);
        svg_text(out, "soft", x, bottom + 14, SVG_MIDDLE,
                 ticks[i] > 0 ? text : "0");
    }
}

static void
add_chart(GString *out, const ConsDecision *decision, JsonObject *over)
{
    guint rows = MIN(decision->moves->len, MOST_ROWS);
    double bottom = rows * ROW + 4, longest_s = 0.001;
    g_autofree Ran *ran = when_of(decision, over, &longest_s);
    ChartScale scale = { .high = longest_s, .from = NAMES, .to = WIDTH - 20 };

    svg_open(out, WIDTH, bottom + 20, "moves", "When each guest moved");
    add_axis(out, &scale, bottom);
    for (guint i = 0; i < rows; i++) {
        const ConsMove *move = decision->moves->pdata[i];
        const char *state = "";
        g_autofree char *name =
            g_strdup_printf("%s: %s -> %s", move->guest, move->from, move->to);
        double y = i * ROW + 4;
        double from = chart_at(&scale, move->start_s);

        jobj_get_string(step_of(over, i), "state", &state);
        svg_text(out, "name", NAMES - 8, y + 13, SVG_END, name);
        if (ran[i].to_s >= 0) {
            double x = chart_at(&scale, ran[i].from_s);

            svg_rect(out, strcmp(state, "done") ? "not" : "ran", x, y + 2,
                     MAX(chart_at(&scale, ran[i].to_s) - x, 1), ROW - 8, state);
        }
        svg_rect(out, "forecast", from, y + 2,
                 MAX(chart_at(&scale, move->start_s + move->time_s) - from, 1),
                 ROW - 8, "forecast");
    }
    svg_close(out);
}

/* --- tables --- */

static void
add_cell(GString *out, const char *class_name, char *text)
{
    g_string_append_printf(out, "<td class=\"%s\">", class_name);
    svg_escape(out, text);
    g_string_append(out, "</td>");
    g_free(text);
}

/* "4.2 s" of "3.9 s" */
static char *
against(char *measured, char *forecast)
{
    char *text = g_strdup_printf("%s / %s", measured, forecast);

    g_free(measured);
    g_free(forecast);
    return text;
}

static void
add_move(GString *out, const ConsMove *move, JsonObject *step)
{
    const char *state = "not begun", *why = NULL, *via = NULL;
    Known took_s = jobj_get_known(step, "took_s");
    Known downtime_s = jobj_get_known(step, "downtime_s");
    Known bytes = jobj_get_known(step, "bytes");

    jobj_get_string(step, "state", &state);
    jobj_get_string(step, "why", &why);
    jobj_get_string(step, "via", &via);
    g_string_append(out, "<tr>");
    add_cell(out, "name", g_strdup(move->guest));
    add_cell(out, "name", g_strdup_printf("%s -> %s", move->from, move->to));
    add_cell(out, "name",
             why ? g_strdup_printf("%s: %s", state, why) : g_strdup(state));
    add_cell(out, "number",
             against(text_seconds(known_or(took_s, -1)),
                     text_seconds(move->time_s)));
    add_cell(out, "number",
             against(text_seconds(known_or(downtime_s, -1)),
                     text_seconds(move->downtime_s)));
    add_cell(out, "number",
             against(text_bytes(known_or(bytes, 0)),
                     text_bytes((double)move->bytes)));
    add_cell(out, "number", g_strdup_printf("%.0f J", move->cost_j));
    add_cell(out, "number",
             move->mends ? g_strdup("mends")
                         : g_strdup_printf("%.0f J", move->benefit_j));
    add_cell(out, "reason",
             g_strconcat(move->why ? move->why : "", via ? "; " : "",
                         via ? via : "", NULL));
    g_string_append(out, "</tr>\n");
}

static void
add_moves(GString *out, const ConsDecision *decision, JsonObject *over)
{
    static const char *const heads[] = { "guest", "way",      "state",
                                         "took",  "downtime", "bytes",
                                         "costs", "brings",   "why" };

    g_string_append(out, "<h2>Moves</h2>\n<p class=\"note\">Measured / "
                         "forecast.</p>\n<div class=\"scroll\"><table "
                         "class=\"list\"><thead><tr>");
    for (size_t i = 0; i < G_N_ELEMENTS(heads); i++) {
        g_string_append_printf(out, "<th>%s</th>", heads[i]);
    }
    g_string_append(out, "</tr></thead>\n<tbody>\n");
    for (guint i = 0; i < decision->moves->len; i++) {
        add_move(out, decision->moves->pdata[i], step_of(over, i));
    }
    g_string_append(out, "</tbody></table></div>\n");
}

static void
add_row(GString *out, const char *label, char *before, char *after)
{
    g_string_append_printf(out, "<tr><th scope=\"row\">%s</th>", label);
    add_cell(out, "number", before);
    add_cell(out, "number", after);
    g_string_append(out, "</tr>\n");
}

static void
add_sums(GString *out, const ConsDecision *decision, JsonObject *over)
{
    Known far = jobj_get_known(over, "far_bytes_s");
    Known brought = jobj_get_known(over, "brought_w");

    g_string_append(out, "<h2>Before and after</h2>\n<table class=\"list\">"
                         "<thead><tr><th></th><th>before</th>"
                         "<th>after, forecast</th></tr></thead>\n<tbody>\n");
    add_row(out, "cost of the placement",
            g_strdup_printf("%.1f W", decision->cost_w_before),
            g_strdup_printf("%.1f W", decision->cost_w_after));
    add_row(out, "traffic between racks",
            g_strdup_printf("%.2f MB/s", decision->far_bytes_s_before / 1e6),
            g_strdup_printf("%.2f MB/s", decision->far_bytes_s_after / 1e6));
    add_row(out, "rules broken by",
            g_strdup_printf("%" G_GINT64_FORMAT, decision->violation_before),
            g_strdup_printf("%" G_GINT64_FORMAT, decision->violation_after));
    g_string_append(out, "</tbody></table>\n");
    if (brought.known) {
        g_string_append_printf(out,
                               "<p>Seen afterwards: %.1f W less, %.2f MB/s "
                               "between racks.</p>\n",
                               brought.value, known_or(far, 0) / 1e6);
    }
}

static void
add_line(GString *out, const char *before, const char *text)
{
    g_string_append(out, "<p>");
    svg_escape(out, before);
    svg_escape(out, text ? text : "");
    g_string_append(out, "</p>\n");
}

static void
add_head(GString *out, const ConsDecision *decision, JsonObject *over)
{
    const char *stopped = NULL;

    jobj_get_string(over, "stopped", &stopped);
    g_string_append(out, "<!DOCTYPE html>\n<html "
                         "xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">"
                         "<head><meta charset=\"utf-8\"/>\n<meta "
                         "name=\"viewport\" content=\"width=device-width, "
                         "initial-scale=1\"/>\n<title>");
    svg_escape(out, decision->id);
    g_string_append_printf(out, "</title>\n<style>\n%s%s%s</style></head>\n",
                           report_style, style, page_cluster_style);
    g_string_append(out, "<body>\n<header><p class=\"over\">vmferry: a plan of "
                         "the consolidation manager</p>\n<h1>");
    svg_escape(out, decision->summary ? decision->summary : decision->id);
    g_string_append(out, "</h1>\n");
    for (guint i = 0; i < decision->triggers->len; i++) {
        const ConsTrigger *trigger = decision->triggers->pdata[i];
        g_autofree char *kind =
            g_strdup_printf("%s: ", cons_trigger_name(trigger->kind));

        add_line(out, kind, trigger->text);
    }
    if (stopped) {
        add_line(out, "stopped: ", stopped);
    }
    g_string_append(out, "</header>\n");
}

static void
add_rest(GString *out, const ConsDecision *decision)
{
    if (decision->powers->len + decision->refusals->len == 0) {
        return;
    }
    g_string_append(out, "<h2>Beside</h2>\n");
    for (guint i = 0; i < decision->powers->len; i++) {
        const ConsPower *power = decision->powers->pdata[i];
        g_autofree char *what = g_strdup_printf(
            "%s %s: ", power->on ? "wake" : "power down", power->host);

        add_line(out, what, power->why);
    }
    for (guint i = 0; i < decision->refusals->len; i++) {
        const ConsRefusal *refusal = decision->refusals->pdata[i];
        g_autofree char *what = g_strdup_printf("not: %s: ", refusal->subject);

        add_line(out, what, refusal->why);
    }
}

char *
page_of_plan(const ConsDecision *decision, JsonObject *before, JsonObject *over)
{
    GString *out = g_string_new(NULL);

    add_head(out, decision, over);
    page_add_cluster(out, decision, before, jobj_get(over, "cluster"));
    if (decision->moves->len > 0) {
        g_string_append(out, "<h2>When</h2>\n<p class=\"note\">Bars were "
                             "measured, outlines forecast.</p>\n");
        add_chart(out, decision, over);
        if (decision->moves->len > MOST_ROWS) {
            g_string_append_printf(
                out, "<p class=\"note\">The first %d of %u moves.</p>\n",
                MOST_ROWS, decision->moves->len);
        }
        add_moves(out, decision, over);
    }
    add_sums(out, decision, over);
    add_rest(out, decision);
    g_string_append(out, "</body></html>\n");
    return g_string_free(out, FALSE);
}
