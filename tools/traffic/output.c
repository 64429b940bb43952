/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * output.c - see output.h
 */
#include "tools/traffic/output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/units.h"
#include "plan/format.h"
#include "store/traffic-store.h"

#define TERMINAL_US 250000
#define LINE_US 1000000
#define KEPT_PAIRS 4096 /* of a period */

struct Output {
    const TrafficOptions *options;
    JsonObject *model;
    TrafficStore *store; /* NULL: nothing is kept */
    unsigned n_printed;
    bool terminal; /* standard error is one */
    bool on_line;  /* a line of progress stands there, without its end */
    int64_t began_us, told_us;
    TrafficSum told;
};

Output *
output_new(const TrafficOptions *options, GError **error)
{
    g_autoptr(Output) output = g_new0(Output, 1);

    output->options = options;
    output->terminal = isatty(STDERR_FILENO);
    output->began_us = output->told_us = clock_mono_us();
    if (options->plan) {
        g_autofree char *text = NULL;
        g_autoptr(PlanModel) model = NULL;
        gsize length;

        if (!g_file_get_contents(options->plan, &text, &length, error)) {
            return NULL;
        }
        model = plan_format_read(text, length, error);
        output->model = model ? jobj_parse(text, length, error) : NULL;
        if (!output->model) {
            g_prefix_error(error, "%s: ", options->plan);
            return NULL;
        }
    }
    if (options->history) {
        output->store = traffic_store_open(options->history, error);
        if (!output->store) {
            return NULL;
        }
    }
    return g_steal_pointer(&output);
}

static void
clear_line(Output *output)
{
    if (output->on_line) {
        fprintf(stderr, "\r\033[K");
        output->on_line = false;
    }
}

void
output_free(Output *output)
{
    if (output) {
        clear_line(output);
        g_clear_pointer(&output->model, jobj_unref);
        traffic_store_close(output->store);
        g_free(output);
    }
}

void
output_note(Output *output, const char *format, ...)
{
    va_list args;

    if (output->options->quiet) {
        return;
    }
    clear_line(output);
    fprintf(stderr, "vmferry-traffic: ");
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    fflush(stderr);
}

static bool
print(const char *text, GError **error)
{
    if (fputs(text, stdout) == EOF || fflush(stdout) != 0) {
        g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(errno),
                    "writing to standard output: %s", g_strerror(errno));
        return false;
    }
    return true;
}

static char *
plan_text(Output *output, const TrafficSummary *summary, GError **error)
{
    g_autofree char *text = NULL;
    g_autoptr(PlanModel) model = NULL;
    size_t n_unknown;

    if (!traffic_write_plan(summary, output->options->unit, output->model,
                            &n_unknown, error)) {
        return NULL;
    }
    if (n_unknown > 0) {
        output_note(output,
                    "%zu guests that exchanged something are not in %s: "
                    "left out",
                    n_unknown, output->options->plan);
    }
    text = jobj_to_text(output->model, true);
    model = plan_format_read(text, strlen(text), error);
    if (!model) {
        g_prefix_error(error,
                       "%s with the traffic measured is no model (a larger "
                       "--amount may help): ",
                       output->options->plan);
        return NULL;
    }
    return g_strconcat(text, "\n", NULL);
}

static char *
list_line(const Output *output, const TrafficSummary *summary)
{
    g_autofree char *from = clock_format_utc(summary->from_us);
    g_autofree char *to = clock_format_utc(summary->to_us);
    g_autofree char *bytes = units_format_bytes((double)summary->total.bytes);
    uint64_t dropped = 0;

    for (guint i = 0; i < summary->sources->len; i++) {
        dropped += ((TrafficSource *)summary->sources->pdata[i])->dropped;
    }
    return g_strdup_printf(
        "%s%.19sZ  %.19sZ %12" G_GUINT64_FORMAT " %12s %8u %10" G_GUINT64_FORMAT
        "%s\n",
        output->n_printed
            ? ""
            : "from                  to                         packets        "
              "bytes    pairs    dropped\n",
        from, to, summary->total.packets, bytes, summary->rows->len, dropped,
        summary->incomplete ? "  incomplete" : "");
}

static char *
summary_text(Output *output, const TrafficSummary *summary, GError **error)
{
    const TrafficOptions *options = output->options;
    g_autoptr(JsonObject) object = NULL;
    g_autofree char *text = NULL;

    switch (options->output) {
    case TRAFFIC_OUTPUT_JSON:
        object = traffic_write_json(summary);
        /* of several, each is a line */
        text = jobj_to_text(object, !options->period_us);
        return g_strconcat(text, "\n", NULL);
    case TRAFFIC_OUTPUT_CSV:
        return traffic_write_csv(summary, output->n_printed == 0);
    case TRAFFIC_OUTPUT_PLAN:
        return plan_text(output, summary, error);
    case TRAFFIC_OUTPUT_LIST:
        return list_line(output, summary);
    case TRAFFIC_OUTPUT_NONE:
        return g_strdup("");
    case TRAFFIC_OUTPUT_TABLE:
    default:
        text = traffic_write_table(summary, options->most_lines);
        return g_strconcat(output->n_printed ? "\n" : "", text, NULL);
    }
}

bool
output_summary(Output *output, const TrafficSummary *summary, GError **error)
{
    g_autofree char *text = summary_text(output, summary, error);

    if (!text) {
        return false;
    }
    clear_line(output);
    if (!print(text, error)) {
        return false;
    }
    output->n_printed++;
    if (output->options->svg) {
        g_autofree char *picture =
            traffic_write_svg(summary, output->options->most_ends);

        if (!file_write(output->options->svg, picture, error)) {
            g_prefix_error(error, "drawing: ");
            return false;
        }
    }
    return true;
}

bool
output_keep(Output *output, TrafficSummary *summary, GError **error)
{
    if (!output->store) {
        return true;
    }
    traffic_summary_truncate(summary, KEPT_PAIRS);
    return traffic_store_add(output->store, summary, output->options->keep_us,
                             error);
}

void
output_progress(Output *output, TrafficSum total, double share, int64_t dropped)
{
    int64_t now_us = clock_mono_us();
    int64_t since_us = now_us - output->told_us;
    g_autofree char *bytes = NULL;
    g_autofree char *elapsed = NULL;

    if (output->options->quiet ||
        !(output->terminal || output->options->progress) ||
        since_us < (output->terminal ? TERMINAL_US : LINE_US)) {
        return;
    }
    bytes = units_format_bytes((double)total.bytes);
    elapsed = units_format_seconds((double)(now_us - output->began_us) / 1e6);
    fprintf(stderr, "%s%s: %" G_GUINT64_FORMAT " packets, %s, %.0f packets/s",
            output->terminal ? "\r\033[K" : "", elapsed, total.packets, bytes,
            (double)(total.packets - output->told.packets) * 1e6 /
                (double)since_us);
    if (share >= 0) {
        fprintf(stderr, ", %.0f %%", 100 * share);
    }
    if (dropped >= 0) {
        fprintf(stderr, ", %" G_GINT64_FORMAT " dropped", dropped);
    }
    if (!output->terminal) {
        fputc('\n', stderr);
    }
    fflush(stderr);
    output->on_line = output->terminal;
    output->told_us = now_us;
    output->told = total;
}
