/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plot-cmd.c - vmferry-predict plot: a trace and its forecasts as SVG
 */
#include <stdio.h>
#include <string.h>

#include "tools/predict/commands.h"
#include "tools/predict/plot.h"

typedef struct {
    char *output; /* NULL or "-": standard output */
    char *group, *trace;
    char **models;
    char **files;
} PlotOptions;

static void
options_clear(PlotOptions *options)
{
    g_free(options->output);
    g_free(options->group);
    g_free(options->trace);
    g_strfreev(options->models);
    g_strfreev(options->files);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PlotOptions, options_clear)

static bool
parse_options(PlotOptions *options, int argc, char **argv, GError **error)
{
    g_auto(GStrv) models = NULL;
    const GOptionEntry entries[] = {
        { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options->output,
          "Write there instead of to standard output", "FILE.svg" },
        { "group", 'g', 0, G_OPTION_ARG_STRING, &options->group,
          "Draw a trace of this group", "GROUP" },
        { "trace", 't', 0, G_OPTION_ARG_STRING, &options->trace,
          "Draw this trace; the first by default", "TRACE" },
        { "model", 'm', 0, G_OPTION_ARG_STRING_ARRAY, &models,
          "Draw this model; may be repeated, or a list with commas; by "
          "default ensemble, last, gm1n",
          "NAME" },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY,
          &options->files, NULL, NULL },
        { NULL },
    };
    g_autoptr(GOptionContext) context =
        g_option_context_new("TRACE.csv - draw a trace and its forecasts");

    g_set_prgname("vmferry-predict plot"); /* "Usage: ..." */
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, error)) {
        return false;
    }
    options->models = predict_flatten(models);
    if (!options->files || g_strv_length(options->files) != 1) {
        g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                            "name one trace, as vmferry migrate --record "
                            "FILE.csv writes them");
        return false;
    }
    return true;
}

static const ReplayRun *
choose_run(const Replay *replay, const PlotOptions *options, GError **error)
{
    bool any = false;

    for (guint i = 0; i < replay->runs->len; i++) {
        const ReplayRun *run = g_ptr_array_index(replay->runs, i);
        const TraceRow *row =
            &g_array_index(run->table->rows, TraceRow, run->first);

        if ((options->group && strcmp(options->group, row->group) != 0) ||
            (options->trace && strcmp(options->trace, row->trace) != 0)) {
            continue;
        }
        any = true;
        if (run->steps->len > 0) {
            return run;
        }
    }
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                any ? "%s: no pass of it was forecast; it takes passes after "
                      "the first that are not merged and not final"
                    : "%s: it holds no such trace; vmferry-predict eval "
                      "--traces lists what there is",
                options->files[0]);
    return NULL;
}

static bool
choose_models(const Replay *replay, char **wanted, size_t *models,
              size_t *n_models, GError **error)
{
    static const char *const usual[] = { REPLAY_ENSEMBLE, "last", "gm1n",
                                         NULL };
    const char *const *name = wanted ? (const char *const *)wanted : usual;

    for (*n_models = 0; *name; name++) {
        size_t i = 0;

        while (i < replay->n_models && strcmp(replay->names[i], *name) != 0) {
            i++;
        }
        if (i == replay->n_models || *n_models == PLOT_MAX_MODELS) {
            g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                        i == replay->n_models
                            ? "there is no model \"%s\"; vmferry-predict eval "
                              "lists them"
                            : "\"%s\" is one too many, a picture shows six "
                              "models",
                        *name);
            return false;
        }
        models[(*n_models)++] = i;
    }
    return true;
}

static int
draw(const PlotOptions *options, GError **error)
{
    g_autoptr(TraceTable) table = predict_load(options->files[0], error);
    g_autoptr(Replay) replay = NULL;
    g_autofree char *picture = NULL;
    const ReplayRun *run;
    size_t models[PLOT_MAX_MODELS], n_models;

    if (!table) {
        return 1;
    }
    replay = replay_new();
    if (!choose_models(replay, options->models, models, &n_models, error)) {
        return 2;
    }
    replay_add(replay, table);
    run = choose_run(replay, options, error);
    if (!run) {
        return 1;
    }
    picture = plot_draw(replay, run, models, n_models);
    return predict_write(options->output, picture, error) ? 0 : 1;
}

int
predict_plot_main(int argc, char **argv)
{
    g_auto(PlotOptions) options = { 0 };
    g_autoptr(GError) error = NULL;
    int status = 2;

    if (parse_options(&options, argc, argv, &error)) {
        status = draw(&options, &error);
    }
    if (error) {
        fprintf(stderr, "error: vmferry-predict plot: %s\n", error->message);
    }
    return status;
}
