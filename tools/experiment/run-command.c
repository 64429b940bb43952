/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * run-command.c - vmferry-testbed run: its command line, from up to down
 *
 * All scenarios are read before anything starts, so that a mistake in the last
 * one does not show after hours.
 */
#include <stdio.h>
#include <unistd.h>

#include "tools/experiment/batch.h"
#include "tools/experiment/commands.h"

static bool
refuse(GError **error, const char *text)
{
    g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, text);
    return false;
}

/* What belongs together. That hosts are as they say is seen when they are
 * reached. */
static bool
check_place(const BatchOptions *options, gboolean namespaces, GError **error)
{
    if (options->hosts && namespaces) {
        return refuse(error, "--hosts and --namespaces: one of them");
    }
    if (!options->hosts && (options->bridge || options->guests_at ||
                            options->link || options->wire_command)) {
        return refuse(error, "--bridge, --guests-at, --link and --wire-command "
                             "are for --hosts");
    }
    if (options->hosts && (!options->bridge || !options->guests_at)) {
        return refuse(error,
                      "--hosts needs --bridge, a bridge on both that guests "
                      "are attached to, and --guests-at, the first of their "
                      "addresses, such as 192.0.2.200/24");
    }
    return true;
}

static bool
parse_options(BatchOptions *options, gboolean *plan, int argc, char **argv,
              GError **error)
{
    gboolean namespaces = FALSE;
    const GOptionEntry entries[] = {
        { "out", 'o', 0, G_OPTION_ARG_FILENAME, &options->out,
          "Results go to DIR/SCENARIO (build/experiments)", "DIR" },
        { "repeat", 0, 0, G_OPTION_ARG_INT, &options->repeat,
          "Repetitions, instead of the scenario's", "N" },
        { "seed", 0, 0, G_OPTION_ARG_INT64, &options->seed,
          "Decides on the order within a repetition (1)", "S" },
        { "resume", 0, 0, G_OPTION_ARG_NONE, &options->resume,
          "Go on where an earlier run was left", NULL },
        { "only", 0, 0, G_OPTION_ARG_STRING, &options->only,
          "Only runs whose name matches, such as '*-50mbit-*'", "GLOB" },
        { "most", 0, 0, G_OPTION_ARG_INT, &options->most,
          "Make at most N runs now; --resume makes the rest", "N" },
        { "anonymize", 0, 0, G_OPTION_ARG_NONE, &options->anonymous,
          "Keep nothing that names machine, hosts, guests and folders", NULL },
        { "keep-disturbed", 0, 0, G_OPTION_ARG_NONE, &options->keep_disturbed,
          "Mark runs on a disturbed machine and do not repeat them", NULL },
        { "plan", 0, 0, G_OPTION_ARG_NONE, plan,
          "Only say what would be run, in which order", NULL },
        { "namespaces", 0, 0, G_OPTION_ARG_NONE, &namespaces,
          "Hosts are namespaces of this machine (the default)", NULL },
        { "hosts", 0, 0, G_OPTION_ARG_STRING, &options->hosts,
          "Hosts are these two, source and destination, reached by ssh",
          "URI,URI" },
        { "bridge", 0, 0, G_OPTION_ARG_STRING, &options->bridge,
          "... on both of which guests are attached to this bridge", "DEV" },
        { "guests-at", 0, 0, G_OPTION_ARG_STRING, &options->guests_at,
          "... with addresses from this one on", "ADDRESS/PREFIX" },
        { "link", 0, 0, G_OPTION_ARG_STRING, &options->link,
          "... the source's interface to the destination", "DEV" },
        { "wire-command", 0, 0, G_OPTION_ARG_FILENAME, &options->wire_command,
          "... a program that sets the rate between them", "PROGRAM" },
        { "state", 0, 0, G_OPTION_ARG_FILENAME, &options->state,
          "State directory of the testbed (DIR/testbed)", "DIR" },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY,
          &options->files, NULL, NULL },
        { NULL },
    };
    g_autoptr(GOptionContext) context =
        g_option_context_new("SCENARIO.conf... - run experiments");

    g_set_prgname("vmferry-testbed run");
    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_summary(
        context, "Migrates guests as each scenario says: every guest over "
                 "every wire, beside every\ncross traffic, by every method, "
                 "repeated. One result a run is kept.");
    if (!g_option_context_parse(context, &argc, &argv, error)) {
        return false;
    }
    if (!options->files) {
        g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                            "name at least one scenario, for example "
                            "tools/testbed/scenarios/smoke.conf");
        return false;
    }
    if (options->most < 0) {
        g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                            "--most takes 1 or more");
        return false;
    }
    if (options->repeat < 0 || options->repeat > 10000) {
        g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                            "--repeat takes 1 to 10000");
        return false;
    }
    return check_place(options, namespaces, error);
}

static void
options_clear(BatchOptions *options)
{
    g_strfreev(options->files);
    g_free(options->out);
    g_free(options->only);
    g_free(options->state);
    g_free(options->hosts);
    g_free(options->bridge);
    g_free(options->guests_at);
    g_free(options->link);
    g_free(options->wire_command);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(BatchOptions, options_clear)

static int
fail(const GError *error, int status)
{
    fprintf(stderr, "error: vmferry-testbed run: %s\n", error->message);
    return status;
}

/* Relative names are those of our folder, whatever a step's is. */
static void
make_absolute(BatchOptions *options)
{
    g_autofree char *out = options->out
                               ? g_strdup(options->out)
                               : g_build_filename("build", "experiments", NULL);
    g_autofree char *state = g_strdup(options->state);
    g_autofree char *command = g_strdup(options->wire_command);

    g_free(options->out);
    g_free(options->state);
    g_free(options->wire_command);
    options->wire_command =
        command ? g_canonicalize_filename(command, NULL) : NULL;
    options->out = g_canonicalize_filename(out, NULL);
    options->state = state ? g_canonicalize_filename(state, NULL)
                           : g_build_filename(options->out, "testbed", NULL);
}

static int
run(Batch *batch)
{
    static const char *const down[] = { "down", NULL };
    g_autoptr(GError) error = NULL;
    bool good, interrupted;

    batch->driver = driver_new(batch->testbed, batch->options->state);
    good = batch_run(batch, &error);
    g_clear_pointer(&batch->progress, progress_free);
    interrupted = driver_interrupted(batch->driver);
    driver_cleaning(batch->driver);
    if (!driver_call(batch->driver, down, 120.0, NULL, good ? &error : NULL) &&
        good) {
        return fail(error, 1);
    }
    if (interrupted && !good) {
        fprintf(stderr, "interrupted: --resume goes on with run %u of %u\n",
                batch->done + 1, batch->total);
        return 130;
    }
    return good ? 0 : fail(error, 1);
}

int
experiment_run_main(int argc, char **argv)
{
    g_auto(BatchOptions) options = { .seed = 1 };
    g_auto(Batch) batch = { 0 };
    g_autoptr(GError) error = NULL;
    gboolean plan = FALSE;

    batch_init(&batch, &options);
    if (!parse_options(&options, &plan, argc, argv, &error) ||
        !batch_read(&batch, &error)) {
        return fail(error, 2);
    }
    if (plan) {
        batch_print_plan(&batch);
        return 0;
    }
    make_absolute(&options);
    if (options.hosts && geteuid() != 0) {
        fputs("error: vmferry-testbed run: its client probes guests through a "
              "raw socket: run it as root\n",
              stderr);
        return 1;
    }
    if (!batch_find_programs(&batch, &error) || !batch_open(&batch, &error)) {
        return fail(error, 1);
    }
    return run(&batch);
}
