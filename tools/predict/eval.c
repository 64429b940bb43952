/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * eval.c - vmferry-predict eval: which model would have been right
 *
 * All files are read before anything is replayed, so that a bad one leaves no
 * half a table.
 */
#include "tools/predict/commands.h"

#include <stdio.h>
#include <string.h>

#include "tools/predict/evaluation.h"

typedef struct {
    EvaluationOptions what;
    char *format;
    char **models, **groups; /* as given, lists inside */
    char **files;
} EvalOptions;

static void
options_clear(EvalOptions *options)
{
    g_free(options->format);
    g_strfreev(options->models);
    g_strfreev(options->groups);
    g_strfreev(options->what.models);
    g_strfreev(options->what.groups);
    g_strfreev(options->files);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(EvalOptions, options_clear)

static bool
parse_options(EvalOptions *options, int argc, char **argv, GError **error)
{
    gboolean traces = FALSE;
    const GOptionEntry entries[] = {
        { "model", 'm', 0, G_OPTION_ARG_STRING_ARRAY, &options->models,
          "Show only this model; may be repeated, or a list with commas",
          "NAME" },
        { "group", 'g', 0, G_OPTION_ARG_STRING_ARRAY, &options->groups,
          "Score only this group; may be repeated, or a list with commas",
          "GROUP" },
        { "format", 'f', 0, G_OPTION_ARG_STRING, &options->format,
          "text (default), json or csv", "FORMAT" },
        { "traces", 't', 0, G_OPTION_ARG_NONE, &traces,
          "In text, a table for each trace too", NULL },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY,
          &options->files, NULL, NULL },
        { NULL },
    };
    g_autoptr(GOptionContext) context =
        g_option_context_new("TRACE.csv... - score forecasts one step ahead");

    g_set_prgname("vmferry-predict eval"); /* "Usage: ..." */
    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_summary(
        context,
        "Replays recorded migrations. At each sync every model forecasts the "
        "pages that the\nnext pass will dirty, from nothing but what was known "
        "then.");
    if (!g_option_context_parse(context, &argc, &argv, error)) {
        return false;
    }
    options->what.traces = traces;
    options->what.models = predict_flatten(options->models);
    options->what.groups = predict_flatten(options->groups);
    if (!options->format || strcmp(options->format, "text") == 0) {
        options->what.format = FORMAT_TEXT;
    } else if (strcmp(options->format, "json") == 0) {
        options->what.format = FORMAT_JSON;
    } else if (strcmp(options->format, "csv") == 0) {
        options->what.format = FORMAT_CSV;
    } else {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "--format %s: it is one of text, json and csv",
                    options->format);
        return false;
    }
    if (!options->files) {
        g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                            "name at least one trace, as vmferry migrate "
                            "--record FILE.csv writes them");
        return false;
    }
    return true;
}

int
predict_eval_main(int argc, char **argv)
{
    g_auto(EvalOptions) options = { 0 };
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) tables =
        g_ptr_array_new_with_free_func((GDestroyNotify)trace_table_free);
    g_autoptr(Replay) replay = NULL;
    g_autofree char *text = NULL;

    if (!parse_options(&options, argc, argv, &error)) {
        fprintf(stderr, "error: vmferry-predict eval: %s\n", error->message);
        return 2;
    }
    for (char **file = options.files; *file; file++) {
        TraceTable *table = predict_load(*file, &error);

        if (!table) {
            fprintf(stderr, "error: vmferry-predict eval: %s\n",
                    error->message);
            return 1;
        }
        g_ptr_array_add(tables, table);
    }
    replay = replay_new();
    for (guint i = 0; i < tables->len; i++) {
        replay_add(replay, g_ptr_array_index(tables, i));
    }
    text = evaluation_print(replay, &options.what, &error);
    if (!text || !predict_write(NULL, text, &error)) {
        fprintf(stderr, "error: vmferry-predict eval: %s\n", error->message);
        return 1;
    }
    return 0;
}
