/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-command.c - vmferry-testbed report: what came of it
 */
#include <stdio.h>
#include <string.h>

#include "base/files.h"
#include "experiment/guestperf.h"
#include "experiment/report.h"
#include "tools/experiment/commands.h"
#include "tools/experiment/experiments.h"
#include "tools/experiment/files.h"
#include "tools/experiment/publish.h"

typedef struct ReportOptions {
    char **folders;
    char *format, *output, *run, *publish;
    gint64 seed;
    gboolean undisturbed;
} ReportOptions;

static void
options_clear(ReportOptions *options)
{
    g_strfreev(options->folders);
    g_free(options->format);
    g_free(options->output);
    g_free(options->run);
    g_free(options->publish);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ReportOptions, options_clear)

static const char *const formats[] = { "text", "csv",       "runs",
                                       "json", "html",      "markdown",
                                       "svg",  "guestperf", NULL };

static bool
parse_options(ReportOptions *options, int argc, char **argv, GError **error)
{
    const GOptionEntry entries[] = {
        { "format", 'f', 0, G_OPTION_ARG_STRING, &options->format,
          "text (default), csv, runs (a line a run, as CSV), json, html, "
          "markdown, svg, or guestperf (one run)",
          "FORMAT" },
        { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options->output,
          "Write there instead of to standard output", "FILE" },
        { "publish", 0, 0, G_OPTION_ARG_FILENAME, &options->publish,
          "Write page, pictures and data of each to FOLDER/SCENARIO, as they "
          "are committed",
          "FOLDER" },
        { "run", 0, 0, G_OPTION_ARG_STRING, &options->run,
          "Of guestperf: which one, r01-vm2-50mbit-four-default", "NAME" },
        { "seed", 0, 0, G_OPTION_ARG_INT64, &options->seed,
          "Of the bootstrap (1)", "S" },
        { "undisturbed", 0, 0, G_OPTION_ARG_NONE, &options->undisturbed,
          "Leave out runs on a disturbed machine", NULL },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY,
          &options->folders, NULL, NULL },
        { NULL },
    };
    g_autoptr(GOptionContext) context =
        g_option_context_new("DIR... - sum up an experiment");

    g_set_prgname("vmferry-testbed report");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, error)) {
        return false;
    }
    if (options->publish && (options->format || options->output)) {
        g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                            "--publish writes a folder of its own: leave out "
                            "--format and --output");
        return false;
    }
    if (!options->folders) {
        g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                            "name a folder of results, as vmferry-testbed run "
                            "makes them: build/experiments/smoke");
        return false;
    }
    if (!options->format) {
        options->format = g_strdup("text");
    }
    if (!g_strv_contains(formats, options->format)) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "--format %s: it is one of text, csv, runs, json, html, "
                    "markdown, svg and guestperf",
                    options->format);
        return false;
    }
    if ((strcmp(options->format, "guestperf") == 0) != (options->run != NULL)) {
        g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                            "--format guestperf and --run NAME belong "
                            "together: it is of one run");
        return false;
    }
    if (options->run && options->folders[1]) {
        g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                            "--run NAME is of one folder");
        return false;
    }
    return true;
}

/* A run as QEMU's guestperf would have written it. */
static char *
format_guestperf(const ReportOptions *options, GError **error)
{
    g_autofree char *text = NULL;
    g_autoptr(JsonObject) run = NULL;
    g_autoptr(JsonObject) report = NULL;
    gsize length = 0;

    if (!files_read_run(options->folders[0], options->run, &text, &length,
                        error)) {
        return NULL;
    }
    run = jobj_parse(text, length, error);
    report = run ? guestperf_report(run, error) : NULL;
    return report ? jobj_to_text(report, true) : NULL;
}

static Summary *
sum_up(const ReportOptions *options, const Scenario *scenario,
       const GPtrArray *results)
{
    SummaryOptions what = { .seed = (uint64_t)options->seed,
                            .undisturbed_only = options->undisturbed };

    return summary_new(scenario, results, &what);
}

static char *
format_report(const ReportOptions *options, const Summary *summary,
              const GPtrArray *results)
{
    if (strcmp(options->format, "csv") == 0) {
        return experiment_csv(summary);
    }
    if (strcmp(options->format, "runs") == 0) {
        return experiment_runs_csv(summary, results);
    }
    if (strcmp(options->format, "json") == 0) {
        return experiment_json(summary);
    }
    if (strcmp(options->format, "svg") == 0) {
        return experiment_svg(summary, results);
    }
    if (strcmp(options->format, "html") == 0) {
        return experiment_html(summary, results);
    }
    if (strcmp(options->format, "markdown") == 0) {
        return experiment_markdown(summary, results, NULL);
    }
    return experiment_text(summary);
}

/* All are read before anything is written. */
static bool
publish_all(const ReportOptions *options, GError **error)
{
    g_autoptr(GPtrArray) list = experiments_load(options->folders, error);

    for (guint i = 0; list && i < list->len; i++) {
        const Experiment *experiment = g_ptr_array_index(list, i);
        g_autoptr(Summary) summary =
            sum_up(options, experiment->scenario, experiment->results);

        if (!publish(options->publish, summary, experiment->results,
                     experiment->text, error)) {
            return false;
        }
    }
    return list != NULL;
}

static int
write_text(const ReportOptions *options, const char *text)
{
    g_autoptr(GError) error = NULL;

    if (options->output) {
        if (!file_write(options->output, text, &error)) {
            fprintf(stderr, "error: vmferry-testbed report: %s\n",
                    error->message);
            return 1;
        }
    } else if (fputs(text, stdout) == EOF || fflush(stdout) == EOF) {
        fprintf(stderr, "error: vmferry-testbed report: standard output "
                        "cannot be written\n");
        return 1;
    }
    return 0;
}

/* One experiment, in one format; NULL with the reason. */
static char *
report_text(const ReportOptions *options, GError **error)
{
    g_autoptr(GPtrArray) list = NULL;
    g_autoptr(Summary) summary = NULL;
    const Experiment *experiment;
    char *text;

    if (strcmp(options->format, "guestperf") == 0) {
        return format_guestperf(options, error);
    }
    list = experiments_load(options->folders, error);
    if (!list) {
        return NULL;
    }
    if (list->len > 1) {
        g_set_error_literal(error, FILES_ERROR, FILES_ERROR_NO_EXPERIMENT,
                            "these folders are of several scenarios: one "
                            "report is of one, --publish takes several");
        return NULL;
    }
    experiment = g_ptr_array_index(list, 0);
    summary = sum_up(options, experiment->scenario, experiment->results);
    text = format_report(options, summary, experiment->results);
    if (!text) {
        g_set_error_literal(error, FILES_ERROR, FILES_ERROR_NO_EXPERIMENT,
                            "nothing is compared yet, so that there is no "
                            "picture of it");
    }
    return text;
}

int
experiment_report_main(int argc, char **argv)
{
    g_auto(ReportOptions) options = { .seed = 1 };
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;

    if (!parse_options(&options, argc, argv, &error)) {
        fprintf(stderr, "error: vmferry-testbed report: %s\n", error->message);
        return 2;
    }
    if (options.publish) {
        if (publish_all(&options, &error)) {
            return 0;
        }
    } else {
        text = report_text(&options, &error);
        if (text) {
            return write_text(&options, text);
        }
    }
    fprintf(stderr, "error: vmferry-testbed report: %s\n", error->message);
    return 1;
}
