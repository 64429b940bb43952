/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-cmd.c - vmferry report: run records into a page or a trace
 *
 * The page shows up to four runs side by side. Everything is read before
 * anything is written, so a bad record leaves no half a page.
 */
#include "tools/cli/report-cmd.h"

#include <stdio.h>
#include <string.h>

#include "base/files.h"
#include "job/job.h"
#include "report/record.h"

#define MAX_RUNS 4

typedef struct {
    char *output; /* NULL or "-": standard output */
    char *title;
    gboolean csv, stock;
    char **files;
} ReportOptions;

static void
options_clear(ReportOptions *options)
{
    g_free(options->output);
    g_free(options->title);
    g_strfreev(options->files);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ReportOptions, options_clear)

static bool
parse_options(ReportOptions *options, int argc, char **argv, GError **error)
{
    const GOptionEntry entries[] = {
        { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options->output,
          "Write there instead of to standard output", "FILE" },
        { "csv", 0, 0, G_OPTION_ARG_NONE, &options->csv,
          "Write the iterations as a trace instead of a page", NULL },
        { "as-stock", 0, 0, G_OPTION_ARG_NONE, &options->stock,
          "Replay each run without what a patched QEMU told in it", NULL },
        { "title", 0, 0, G_OPTION_ARG_STRING, &options->title,
          "Title of the page", "TEXT" },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY,
          &options->files, NULL, NULL },
        { NULL },
    };
    g_autoptr(GOptionContext) context =
        g_option_context_new("RECORD.json... - show what migrations did");
    guint n;

    g_set_prgname("vmferry report"); /* "Usage: ..." */
    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_summary(
        context, "Turns run records (vmferry migrate --record) into one page "
                 "that compares\nup to four of them, or into a trace for "
                 "vmferry-predict.");
    if (!g_option_context_parse(context, &argc, &argv, error)) {
        return false;
    }
    n = options->files ? g_strv_length(options->files) : 0;
    if (n == 0) {
        g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                            "name at least one run record, as vmferry migrate "
                            "--record writes them");
        return false;
    }
    if (n > MAX_RUNS && !options->csv) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                    "a page shows at most %d runs, not %u; make several pages",
                    MAX_RUNS, n);
        return false;
    }
    return true;
}

static RunRecord *
load_record(const char *path, GError **error)
{
    g_autofree char *text = NULL;
    gsize length = 0;
    RunRecord *record;

    if (!g_file_get_contents(path, &text, &length, error)) {
        return NULL;
    }
    record = run_record_parse(text, length, error);
    if (!record) {
        g_prefix_error(error, "%s: ", path);
    }
    return record;
}

/* The same run, had QEMU been a stock one: the events keep their times, polls
 * went on beside them, and the job is fed all of it again. What it would have
 * decided comes into no force any more; without a policy nothing is decided. */
static bool
retell_as_stock(RunRecord *record, GError **error)
{
    g_autoptr(GArray) actions = NULL;
    JsonObject *json = jobj_get(record->extra, "job_config");
    JobConfig config;

    if (!record->events || !json) {
        g_set_error_literal(error, JOB_ERROR, JOB_ERROR_REPLAY,
                            "the record holds no events to replay");
        return false;
    }
    for (size_t i = 0; i < json_object_array_length(record->events); i++) {
        JsonObject *event = json_object_array_get_idx(record->events, i);

        if (json_object_is_type(event, json_type_object)) {
            json_object_object_del(event, "told");
        }
    }
    if (!job_config_from_json(json, &config, error) ||
        !(actions = job_replay(&config, record->events, error))) {
        return false;
    }
    g_array_set_size(record->iterations, 0);
    for (guint i = 0; i < actions->len; i++) {
        const JobAction *action = &g_array_index(actions, JobAction, i);

        if (action->kind == JOB_ACTION_ROW) {
            const MigrationForecast *rest = &action->iteration.migration;
            RunIteration row = {
                .row = action->iteration.row,
                .forecast = action->iteration.forecast,
                .reserved_bytes_s = action->iteration.guarantee_bytes_s,
                .ceiling_bytes_s = action->iteration.ceiling_bytes_s,
                .forecast_end_s = rest->time_s,
                .forecast_downtime_s = rest->downtime_s,
                .converges = rest->verdict_known ? rest->converges : -1,
            };

            g_array_append_val(record->iterations, row);
        }
    }
    g_free(record->sample_source);
    record->sample_source = g_strdup(sample_source_name(config.source));
    return true;
}

static GPtrArray *
load_records(char **files, bool as_stock, GError **error)
{
    g_autoptr(GPtrArray) records =
        g_ptr_array_new_with_free_func((GDestroyNotify)run_record_free);

    for (char **file = files; *file; file++) {
        RunRecord *record = load_record(*file, error);

        if (!record) {
            return NULL;
        }
        g_ptr_array_add(records, record);
        if (as_stock && !retell_as_stock(record, error)) {
            g_prefix_error(error, "%s: ", *file);
            return NULL;
        }
    }
    return g_steal_pointer(&records);
}

/* One header for all of them; the runs are told apart by their file. */
static char *
traces_of(const GPtrArray *records, char **files)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < records->len; i++) {
        g_autofree char *name = g_path_get_basename(files[i]);
        g_autofree char *csv = NULL;
        const char *rows;

        if (g_str_has_suffix(name, ".json")) {
            name[strlen(name) - strlen(".json")] = '\0';
        }
        csv = run_record_to_csv(g_ptr_array_index(records, i), NULL, name);
        rows = i > 0 ? strchr(csv, '\n') + 1 : csv;
        g_string_append(text, rows);
    }
    return g_string_free(text, FALSE);
}

static bool
write_text(const char *path, const char *text, GError **error)
{
    if (path && strcmp(path, "-") != 0) {
        return file_write(path, text, error);
    }
    if (fputs(text, stdout) == EOF || fflush(stdout) == EOF) {
        g_set_error_literal(error, G_FILE_ERROR, G_FILE_ERROR_IO,
                            "standard output cannot be written");
        return false;
    }
    return true;
}

static char *
default_title(const GPtrArray *records)
{
    const RunRecord *first = g_ptr_array_index(records, 0);

    return first->guest_name
               ? g_strdup_printf("Migration of %s", first->guest_name)
               : g_strdup("Migration");
}

int
vmferry_report_main(int argc, char **argv)
{
    g_auto(ReportOptions) options = { 0 };
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) records = NULL;
    g_autofree char *text = NULL;

    if (!parse_options(&options, argc, argv, &error)) {
        fprintf(stderr, "error: vmferry report: %s\n", error->message);
        return 2;
    }
    records = load_records(options.files, options.stock, &error);
    if (records && options.csv) {
        text = traces_of(records, options.files);
    } else if (records) {
        g_autofree char *title =
            options.title ? g_strdup(options.title) : default_title(records);

        text = report_html((const RunRecord *const *)records->pdata,
                           records->len, title);
    }
    if (!text || !write_text(options.output, text, &error)) {
        fprintf(stderr, "error: vmferry report: %s\n", error->message);
        return 1;
    }
    return 0;
}
