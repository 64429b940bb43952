/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-list.c - the long tables of one run: iterations, decisions, steps
 */
#include "report/record-priv.h"
#include "report/report-priv.h"
#include "report/report-svg.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "base/units.h"

#define DASH "\xe2\x80\x93"
#define THIN "\xe2\x80\xaf" /* narrow no-break space between thousands */

/* --- iterations --------------------------------------------------------- */

/* "12 345 678" */
static char *
grouped(double number)
{
    g_autofree char *plain = g_strdup_printf("%.0f", number);
    GString *text = g_string_new(NULL);
    size_t n = strlen(plain);

    for (size_t i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0 && g_ascii_isdigit(plain[i - 1])) {
            g_string_append(text, THIN);
        }
        g_string_append_c(text, plain[i]);
    }
    return g_string_free(text, FALSE);
}

static void
number_cell(GString *out, Known value, char *(*format)(double))
{
    g_autofree char *text = table_of_known(value, format);

    table_cell(out, "number", text);
}

static Known
rate_if_any(uint64_t rate_bytes_s)
{
    return rate_bytes_s ? known((double)rate_bytes_s) : unknown();
}

/* "+4 %", with a minus sign that is as wide as the plus */
static char *
format_error(double error)
{
    return g_strdup_printf("%s%.0f\xc2\xa0%%", error < 0 ? "\xe2\x88\x92" : "+",
                           fabs(100 * error));
}

static void
forecast_cells(GString *out, const RunIteration *it)
{
    const Forecast *forecast = &it->forecast;
    bool interval = forecast->pages.known && isfinite(forecast->low_pages) &&
                    isfinite(forecast->high_pages);
    Known actual = it->row.dirty_pages;
    g_autofree char *range = NULL;
    g_autofree char *error = NULL;

    if (interval) {
        g_autofree char *low = grouped(forecast->low_pages);
        g_autofree char *high = grouped(forecast->high_pages);

        range = g_strdup_printf("%s " DASH " %s", low, high);
    }
    if (forecast->pages.known && actual.known && actual.value > 0) {
        error = format_error(forecast->pages.value / actual.value - 1);
    }
    number_cell(out, forecast->pages, grouped);
    table_cell(out, "number soft", range);
    number_cell(out, actual, grouped);
    table_cell(out, "number", error);
}

static char *
format_percent(double percent)
{
    return g_strdup_printf("%.0f %%", percent);
}

static bool
has_throttled(const GArray *rows)
{
    for (guint i = 0; i < rows->len; i++) {
        if (g_array_index(rows, RunIteration, i).row.throttle_percent > 0) {
            return true;
        }
    }
    return false;
}

void
table_iterations(GString *out, const RunFigures *run)
{
    const GArray *rows = run->record->iterations;
    bool throttled = has_throttled(rows);

    g_string_append(out,
                    "<div class=\"scroll\"><table class=\"list\">\n<thead><tr>"
                    "<th>#</th><th>Duration</th><th>Pages to send</th>"
                    "<th>Dirty, predicted</th><th>80 % interval</th>"
                    "<th>Dirty, actual</th><th>Error</th><th>Sent</th>"
                    "<th>Reserved</th><th>Achieved</th><th>Rest, forecast</th>"
                    "</tr></thead>\n<tbody>\n");
    for (guint i = 0; i < rows->len; i++) {
        const RunIteration *it = &g_array_index(rows, RunIteration, i);
        const SampleRow *row = &it->row;

        g_string_append_printf(out, "<tr><th scope=\"row\">%u%s</th>",
                               row->iter, row->merged > 1 ? " *" : "");
        number_cell(out, known(row->duration_s), units_format_seconds);
        number_cell(out, known((double)row->pages_to_send), grouped);
        forecast_cells(out, it);
        number_cell(out, known((double)row->sent_bytes), units_format_bytes);
        number_cell(out, rate_if_any(it->reserved_bytes_s), units_format_rate);
        number_cell(out,
                    row->bandwidth_bytes_s > 0 ? known(row->bandwidth_bytes_s)
                                               : unknown(),
                    units_format_rate);
        if (it->converges == 0) {
            table_cell(out, "number", "does not end");
        } else {
            number_cell(out, it->forecast_end_s, units_format_seconds);
        }
        if (throttled) {
            number_cell(out, known(row->throttle_percent), format_percent);
        }
        g_string_append(out, "</tr>\n");
    }
    g_string_append(out, "</tbody></table></div>\n");
}

/* --- decisions ---------------------------------------------------------- */

static void
reason_cell(GString *out, const RunDecision *made)
{
    g_string_append(out, "<td class=\"reason\">");
    svg_escape(out, made->decision.reason);
    if (!made->applied) {
        g_string_append(out, "<br/><strong>Not carried out");
        if (made->error) {
            g_string_append(out, ": ");
            svg_escape(out, made->error);
        }
        g_string_append(out, "</strong>");
    }
    g_string_append(out, "</td>");
}

/* --- the convergence ladder ---------------------------------------------- */

static void
step_cell(GString *out, JsonObject *entry)
{
    const char *act = "", *step = "", *reason = "", *error = NULL;
    bool done = true;
    g_autofree char *what = NULL;

    jobj_get_string(entry, "act", &act);
    jobj_get_string(entry, "step", &step);
    jobj_get_string(entry, "reason", &reason);
    jobj_get_bool(entry, "done", &done);
    jobj_get_string(entry, "error", &error);
    what = g_strdup_printf("%s%s%s", act, *step ? " " : "", step);
    table_cell(out, "", what);
    g_string_append(out, "<td class=\"reason\">");
    svg_escape(out, reason);
    if (!done) {
        g_string_append(out, "<br/><strong>Not done");
        if (error) {
            g_string_append(out, ": ");
            svg_escape(out, error);
        }
        g_string_append(out, "</strong>");
    }
    g_string_append(out, "</td>");
}

void
table_ladder(GString *out, const RunFigures *run)
{
    JsonObject *entries = jobj_get(run->record->extra, "ladder");
    size_t n = json_object_is_type(entries, json_type_array)
                   ? json_object_array_length(entries)
                   : 0;

    if (n == 0) {
        return;
    }
    g_string_append(out,
                    "<p class=\"note\">What was said and done because it "
                    "would not end, or not in time:</p>\n"
                    "<div class=\"scroll\"><table class=\"list\">\n<thead><tr>"
                    "<th>At</th><th>Iteration</th><th>Step</th>"
                    "<th class=\"reason\">Reason</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < n; i++) {
        JsonObject *entry = json_object_array_get_idx(entries, i);
        Known at_s = jobj_get_known(entry, "t_s");
        unsigned iter = 0;
        g_autofree char *at =
            at_s.known ? g_strdup_printf("%.1f s", at_s.value) : NULL;
        g_autofree char *number = NULL;

        if (jobj_get_uint(entry, "iter", UINT_MAX, &iter)) {
            number = g_strdup_printf("%u", iter);
        }
        g_string_append(out, "<tr>");
        table_cell(out, "number", at);
        table_cell(out, "number", number);
        step_cell(out, entry);
        g_string_append(out, "</tr>\n");
    }
    g_string_append(out, "</tbody></table></div>\n");
}

void
table_decisions(GString *out, const RunFigures *run)
{
    const GArray *decisions = run->record->decisions;

    g_string_append(out,
                    "<div class=\"scroll\"><table class=\"list\">\n<thead><tr>"
                    "<th>#</th><th>At</th><th>Iteration</th><th>Step</th>"
                    "<th>Reserved</th><th>Ceiling</th><th>Application</th>"
                    "<th class=\"reason\">Reason</th></tr></thead>\n<tbody>\n");
    for (guint i = 0; i < decisions->len; i++) {
        const RunDecision *made = &g_array_index(decisions, RunDecision, i);
        const PolicyDecision *decision = &made->decision;
        g_autofree char *at = g_strdup_printf("%.1f s", made->t_s);
        g_autofree char *iter = g_strdup_printf("%u", made->iter);

        g_string_append_printf(out, "<tr><th scope=\"row\">%u</th>", i + 1);
        table_cell(out, "number", at);
        table_cell(out, "number", made->iter ? iter : NULL);
        table_cell(out, "", record_steps.words[decision->step]);
        number_cell(out, rate_if_any(decision->guarantee_bytes_s),
                    units_format_rate);
        number_cell(out, rate_if_any(decision->ceiling_bytes_s),
                    units_format_rate);
        number_cell(out, rate_if_any(decision->application_bytes_s),
                    units_format_rate);
        reason_cell(out, made);
        g_string_append(out, "</tr>\n");
    }
    g_string_append(out, "</tbody></table></div>\n");
}
