/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-table.c - figures of the runs side by side, and the outcome
 *
 * A figure that is not known is a dash, never a zero. A row of which no run
 * knows anything is left out.
 */
#include "report/record-priv.h"
#include "report/report-priv.h"
#include "report/report-svg.h"

#include <math.h>
#include <string.h>

#include "base/units.h"

#define DASH "\xe2\x80\x93"

/* --- cells -------------------------------------------------------------- */

void
table_cell(GString *out, const char *class_name, const char *text)
{
    if (!text) {
        g_string_append(out, "<td class=\"unknown\">" DASH "</td>");
        return;
    }
    g_string_append_printf(out, "<td class=\"%s\">", class_name);
    svg_escape(out, text);
    g_string_append(out, "</td>");
}

char *
table_text(const char *text)
{
    return text && *text ? g_strdup(text) : NULL;
}

char *
table_of_known(Known value, char *(*format)(double))
{
    return value.known ? report_unbroken(format(value.value)) : NULL;
}

static char *
format_us(double us)
{
    return us < 1000 ? g_strdup_printf("%.0f \xc2\xb5s", us)
                     : g_strdup_printf("%.1f ms", us / 1000);
}

/* --- one row a figure, one column a run --------------------------------- */

static void
row_of_runs(GString *out, const RunRow *row, const RunFigures *runs, size_t n)
{
    char *texts[REPORT_MAX_RUNS] = { NULL };
    bool any = false, alike = true;

    for (size_t i = 0; i < n; i++) {
        texts[i] = row->text(&runs[i]);
        any |= texts[i] != NULL;
        alike &= g_strcmp0(texts[0], texts[i]) == 0;
    }
    if (any) {
        g_string_append_printf(out, "<tr><th scope=\"row\">%s</th>",
                               row->label);
        if (row->merge && alike && n > 1) {
            g_string_append_printf(out, "<td colspan=\"%zu\">", n);
            svg_escape(out, texts[0]);
            g_string_append(out, "</td>");
        } else {
            for (size_t i = 0; i < n; i++) {
                table_cell(out, "", texts[i]);
            }
        }
        g_string_append(out, "</tr>\n");
    }
    for (size_t i = 0; i < n; i++) {
        g_free(texts[i]);
    }
}

void
table_of_runs(GString *out, const char *class_name, const RunRow *rows,
              size_t n_rows, const RunFigures *runs, size_t n)
{
    g_string_append_printf(
        out, "<div class=\"scroll\"><table class=\"%s\">\n<thead><tr><td></td>",
        class_name);
    for (size_t i = 0; i < n; i++) {
        g_string_append(out, "<th scope=\"col\">");
        svg_escape(out, runs[i].name);
        g_string_append(out, "</th>");
    }
    g_string_append(out, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < n_rows; i++) {
        row_of_runs(out, &rows[i], runs, n);
    }
    g_string_append(out, "</tbody></table></div>\n");
}

/* --- outcome ------------------------------------------------------------ */

static char *
status_text(const RunFigures *run)
{
    static const char *const words[] = { "completed", "failed",
                                         "aborted by the user", "cut off",
                                         "left while it ran" };

    G_STATIC_ASSERT(G_N_ELEMENTS(words) == RUN_N_STATUSES);
    return g_strdup(words[run->record->status]);
}

static char *
message_text(const RunFigures *run)
{
    return table_text(run->record->message);
}

static char *
total_text(const RunFigures *run)
{
    return table_of_known(run->duration_s, units_format_seconds);
}

static char *
downtime_text(const RunFigures *run)
{
    Known ms = run->record->downtime_ms;
    double limit_s = run->record->policy.downtime_limit_s;
    g_autofree char *limit =
        table_of_known(known(limit_s), units_format_seconds);
    g_autofree char *down = NULL;

    if (!ms.known) {
        return NULL;
    }
    down = table_of_known(known(ms.value / 1000), units_format_seconds);
    return limit_s > 0 ? g_strdup_printf("%s (limit %s)", down, limit)
                       : g_steal_pointer(&down);
}

static char *
iterations_text(const RunFigures *run)
{
    unsigned passes = run_record_passes(run->record);

    return passes ? g_strdup_printf("%u", passes) : NULL;
}

static char *
bytes_text(const RunFigures *run)
{
    return table_of_known(run->record->bytes, units_format_bytes);
}

static char *
left_text(const RunFigures *run)
{
    return run->record->status == RUN_STATUS_COMPLETED
               ? NULL
               : table_of_known(run->left_bytes, units_format_bytes);
}

static char *
stream_text(const RunFigures *run)
{
    return table_of_known(run->stream_bytes_s, units_format_rate);
}

static char *
reserved_text(const RunFigures *run)
{
    g_autofree char *least = NULL;
    g_autofree char *most = NULL;

    if (!run->least_reserved_bytes_s.known) {
        return run->record->policy.kind == POLICY_NONE ? g_strdup("none")
                                                       : NULL;
    }
    least = table_of_known(run->least_reserved_bytes_s, units_format_rate);
    most = table_of_known(run->most_reserved_bytes_s, units_format_rate);
    return strcmp(least, most) == 0 ? g_steal_pointer(&least)
                                    : g_strdup_printf("%s to %s", least, most);
}

static char *
other_text(const RunFigures *run)
{
    return table_of_known(run->other_bytes_s, units_format_rate);
}

static char *
received_text(const RunFigures *run)
{
    return table_of_known(
        jobj_get_known(run->record->extra, "cross_traffic.received_bytes_s"),
        units_format_rate);
}

static char *
application_text(const RunFigures *run)
{
    return table_of_known(run->application_bytes_s, units_format_rate);
}

static char *
protected_text(const RunFigures *run)
{
    return table_of_known(run->protected_bytes_s, units_format_rate);
}

static char *
error_text(const RunFigures *run)
{
    if (!run->error.known) {
        return NULL;
    }
    if (!run->scored_interval) {
        return g_strdup_printf("%.0f %%", run->error.value * 100);
    }
    return g_strdup_printf("%.0f %%; %u of %u in the interval",
                           run->error.value * 100, run->in_interval,
                           run->scored_interval);
}

static char *
class_text(const RunFigures *run)
{
    const RunRecord *record = run->record;
    GString *text;
    g_autofree char *class_bytes =
        table_of_known(record->class_bytes, units_format_bytes);
    g_autofree char *stream_bytes =
        table_of_known(record->stream_bytes, units_format_bytes);

    if (!class_bytes) {
        return NULL;
    }
    text = g_string_new(NULL);
    g_string_append_printf(text, "%s of frames", class_bytes);
    if (stream_bytes) {
        g_string_append_printf(text, " for %s of stream", stream_bytes);
    }
    if (record->foreign_bytes.known && record->class_bytes.value > 0) {
        g_string_append_printf(text, ", %.2g %% foreign",
                               100 * record->foreign_bytes.value /
                                   record->class_bytes.value);
    }
    return g_string_free(text, FALSE);
}

static char *
cpu_text(const RunFigures *run)
{
    const RunRecord *record = run->record;

    if (!record->cpu_ms.known || !record->wall_ms.known ||
        record->wall_ms.value <= 0) {
        return NULL;
    }
    return g_strdup_printf("%.2f %% of one core",
                           100 * record->cpu_ms.value / record->wall_ms.value);
}

static char *
rss_text(const RunFigures *run)
{
    Known kb = run->record->max_rss_kb;

    return kb.known ? table_of_known(known(kb.value * 1024), units_format_bytes)
                    : NULL;
}

static char *
cost_text(const RunCost *cost)
{
    g_autofree char *median = table_of_known(cost->median_us, format_us);
    g_autofree char *p99 = table_of_known(cost->p99_us, format_us);
    g_autofree char *most = table_of_known(cost->max_us, format_us);

    return median ? g_strdup_printf("%s / %s / %s", median, p99 ? p99 : DASH,
                                    most ? most : DASH)
                  : NULL;
}

static char *
decision_cost_text(const RunFigures *run)
{
    return cost_text(&run->record->decision_us);
}

static char *
change_cost_text(const RunFigures *run)
{
    return cost_text(&run->record->tc_change_us);
}

void
table_outcome(GString *out, const RunFigures *runs, size_t n)
{
    static const RunRow rows[] = {
        { "Outcome", status_text, false },
        { "Because", message_text, false },
        { "Total time", total_text, false },
        { "Downtime", downtime_text, false },
        { "Iterations", iterations_text, false },
        { "Transferred", bytes_text, false },
        { "Still to send at the end", left_text, false },
        { "Migration got, on average", stream_text, false },
        { "Reserved for it", reserved_text, false },
        { "Other traffic got, on average", other_text, false },
        { "Cross traffic, by its own count", received_text, false },
        { "Guest\xe2\x80\x99s application got", application_text, false },
        { "Protected traffic got", protected_text, false },
        { "Forecast error, median", error_text, false },
        { "Counted in its class", class_text, false },
        { "Controller, processor", cpu_text, false },
        { "Controller, memory", rss_text, false },
        { "One decision: median / p99 / max", decision_cost_text, false },
        { "One class change: likewise", change_cost_text, false },
    };

    table_of_runs(out, "runs", rows, G_N_ELEMENTS(rows), runs, n);
}
