/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * compare-command.c - vmferry-testbed compare: regressions
 */
#include <stdio.h>

#include "experiment/compare.h"
#include "tools/experiment/commands.h"
#include "tools/experiment/files.h"

#define STATUS_WORSE 3

typedef struct CompareOptions {
    char **folders;
    gint64 seed;
    double tolerance;
    gboolean undisturbed, json;
} CompareOptions;

static void
options_clear(CompareOptions *options)
{
    g_strfreev(options->folders);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CompareOptions, options_clear)

static bool
parse_options(CompareOptions *options, int argc, char **argv, GError **error)
{
    const GOptionEntry entries[] = {
        { "tolerance", 0, 0, G_OPTION_ARG_DOUBLE, &options->tolerance,
          "Differences up to this share are let pass (0.05)", "SHARE" },
        { "seed", 0, 0, G_OPTION_ARG_INT64, &options->seed,
          "Of the bootstrap (1)", "S" },
        { "undisturbed", 0, 0, G_OPTION_ARG_NONE, &options->undisturbed,
          "Leave out runs on a disturbed machine", NULL },
        { "json", 0, 0, G_OPTION_ARG_NONE, &options->json, "Print JSON", NULL },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY,
          &options->folders, NULL, NULL },
        { NULL },
    };
    g_autoptr(GOptionContext) context =
        g_option_context_new("DIR1 DIR2 - what is worse in the second");

    g_set_prgname("vmferry-testbed compare");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, error)) {
        return false;
    }
    if (!options->folders || g_strv_length(options->folders) != 2) {
        g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                            "name two folders of results, the earlier first");
        return false;
    }
    if (!(options->tolerance >= 0 && options->tolerance < 1)) {
        g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                            "--tolerance is a share from 0 to below 1");
        return false;
    }
    return true;
}

int
experiment_compare_main(int argc, char **argv)
{
    g_auto(CompareOptions) options = { .seed = 1, .tolerance = 0.05 };
    g_autoptr(GError) error = NULL;
    g_autoptr(Scenario) before = NULL;
    g_autoptr(Scenario) after = NULL;
    g_autoptr(GPtrArray) earlier_results = NULL;
    g_autoptr(GPtrArray) later_results = NULL;
    g_autoptr(Summary) earlier = NULL;
    g_autoptr(Summary) later = NULL;
    g_autoptr(GArray) compared = NULL;
    g_autoptr(GPtrArray) notes = NULL;
    g_autofree char *text = NULL;
    SummaryOptions what;

    if (!parse_options(&options, argc, argv, &error)) {
        fprintf(stderr, "error: vmferry-testbed compare: %s\n", error->message);
        return 2;
    }
    if (!files_load(options.folders[0], &before, NULL, &earlier_results,
                    &error) ||
        !files_load(options.folders[1], &after, NULL, &later_results, &error)) {
        fprintf(stderr, "error: vmferry-testbed compare: %s\n", error->message);
        return 1;
    }
    what = (SummaryOptions){ .seed = (uint64_t)options.seed,
                             .undisturbed_only = options.undisturbed };
    earlier = summary_new(before, earlier_results, &what);
    later = summary_new(after, later_results, &what);
    compared =
        experiment_compare(earlier, earlier_results, later, later_results,
                           options.tolerance, (uint64_t)options.seed);
    if (compared->len == 0) {
        fprintf(stderr, "error: vmferry-testbed compare: the two have no "
                        "cell, method and measure in common\n");
        return 1;
    }
    notes = experiment_compare_notes(earlier, earlier_results, later,
                                     later_results);
    text = options.json ? experiment_compare_json(later, compared, notes,
                                                  options.tolerance)
                        : experiment_compare_text(later, compared, notes,
                                                  options.tolerance);
    if (fputs(text, stdout) == EOF || fflush(stdout) == EOF) {
        fprintf(stderr, "error: vmferry-testbed compare: standard output "
                        "cannot be written\n");
        return 1;
    }
    return g_array_index(compared, Compared, 0).kind == COMPARED_WORSE
               ? STATUS_WORSE
               : 0;
}
