/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * run-command.c - vmferry-testbed run: scenarios, run by run
 *
 * All scenarios are read before anything starts, so that a mistake in the last
 * one does not show after hours. A result is written when its run is over and
 * not before; what has one is not run again with --resume.
 */
#include <glib/gstdio.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/units.h"
#include "experiment/summary.h"
#include "tools/experiment/commands.h"
#include "tools/experiment/files.h"
#include "tools/experiment/machine.h"
#include "tools/experiment/runner.h"

typedef struct RunOptions {
    char **files;
    char *out, *state;
    gint repeat, most;
    gint64 seed;
    gboolean resume, plan, namespaces;
} RunOptions;

typedef struct Batch {
    const RunOptions *options;
    char *testbed, *vmferry, *experiment; /* absolute paths */
    char *state;
    GPtrArray *scenarios; /* Scenario * */
    GPtrArray *texts;     /* char *, as they were read */
    Driver *driver;
    JsonObject *machine;
    unsigned total, done, made; /* runs: in all, so far, of them by us */
    double made_s;
} Batch;

static bool
parse_options(RunOptions *options, int argc, char **argv, GError **error)
{
    const GOptionEntry entries[] = {
        { "out", 'o', 0, G_OPTION_ARG_FILENAME, &options->out,
          "Results go to DIR/SCENARIO (build/experiments)", "DIR" },
        { "repeat", 0, 0, G_OPTION_ARG_INT, &options->repeat,
          "Repetitions, instead of the scenario's", "N" },
        { "seed", 0, 0, G_OPTION_ARG_INT64, &options->seed,
          "Decides on the order within a repetition (1)", "S" },
        { "resume", 0, 0, G_OPTION_ARG_NONE, &options->resume,
          "Go on where an earlier run was left", NULL },
        { "most", 0, 0, G_OPTION_ARG_INT, &options->most,
          "Make at most N runs now; --resume makes the rest", "N" },
        { "plan", 0, 0, G_OPTION_ARG_NONE, &options->plan,
          "Only say what would be run, in which order", NULL },
        { "namespaces", 0, 0, G_OPTION_ARG_NONE, &options->namespaces,
          "Hosts are namespaces of this machine (they always are, so far)",
          NULL },
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
    return true;
}

static void
options_clear(RunOptions *options)
{
    g_strfreev(options->files);
    g_free(options->out);
    g_free(options->state);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(RunOptions, options_clear)

static void
batch_clear(Batch *batch)
{
    g_free(batch->testbed);
    g_free(batch->vmferry);
    g_free(batch->experiment);
    g_free(batch->state);
    g_clear_pointer(&batch->scenarios, g_ptr_array_unref);
    g_clear_pointer(&batch->texts, g_ptr_array_unref);
    g_clear_pointer(&batch->machine, jobj_unref);
    driver_free(batch->driver);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Batch, batch_clear)

static void say(const char *format, ...) G_GNUC_PRINTF(1, 2);

static void
say(const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list arguments;

    va_start(arguments, format);
    text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s\n", text);
}

static bool
read_scenarios(Batch *batch, GError **error)
{
    for (char **file = batch->options->files; *file; file++) {
        g_autofree char *text = NULL;
        gsize length = 0;
        Scenario *scenario;

        if (!g_file_get_contents(*file, &text, &length, error)) {
            return false;
        }
        scenario = scenario_parse(text, length, *file, error);
        if (!scenario) {
            return false;
        }
        for (guint i = 0; i < batch->scenarios->len; i++) {
            const Scenario *other = g_ptr_array_index(batch->scenarios, i);

            if (strcmp(other->name, scenario->name) == 0) {
                g_set_error(error, SCENARIO_ERROR, SCENARIO_ERROR_VALUE,
                            "%s: another scenario is called \"%s\" too", *file,
                            scenario->name);
                scenario_free(scenario);
                return false;
            }
        }
        if (batch->options->repeat > 0) {
            scenario->repetitions = (unsigned)batch->options->repeat;
        }
        batch->total += scenario->guests->len * scenario->wires->len *
                        scenario->crosses->len * scenario->methods->len *
                        scenario->repetitions;
        g_ptr_array_add(batch->scenarios, scenario);
        g_ptr_array_add(batch->texts, g_steal_pointer(&text));
    }
    return true;
}

/* Programs lie in the build that we lie in, the script in the sources; where
 * they lie elsewhere, the environment says so. */
static bool
find_programs(Batch *batch, GError **error)
{
    const char *testbed = g_getenv("VMFERRY_TESTBED");
    const char *vmferry = g_getenv("VMFERRY_PROGRAM");
    g_autofree char *folder = NULL;

    batch->experiment = g_file_read_link("/proc/self/exe", error);
    if (!batch->experiment) {
        return false;
    }
    folder = g_path_get_dirname(batch->experiment);
    batch->vmferry =
        vmferry ? g_strdup(vmferry)
                : g_build_filename(folder, "..", "cli", "vmferry", NULL);
    batch->testbed = g_strdup(testbed ? testbed : TESTBED_SCRIPT);
    if (!g_file_test(batch->vmferry, G_FILE_TEST_IS_EXECUTABLE) ||
        !g_file_test(batch->testbed, G_FILE_TEST_IS_EXECUTABLE)) {
        g_set_error(error, FILES_ERROR, FILES_ERROR_NO_EXPERIMENT,
                    "%s or %s is missing: build vmferry, or name them by "
                    "VMFERRY_PROGRAM and VMFERRY_TESTBED",
                    batch->vmferry, batch->testbed);
        return false;
    }
    return true;
}

static char *
folder_of(const Batch *batch, const Scenario *scenario)
{
    return g_build_filename(batch->options->out, scenario->name, NULL);
}

/* A folder that is there already needs --resume, and the same scenario. */
static bool
open_folder(const Batch *batch, guint i, GError **error)
{
    const Scenario *scenario = g_ptr_array_index(batch->scenarios, i);
    const char *text = g_ptr_array_index(batch->texts, i);
    g_autofree char *folder = folder_of(batch, scenario);
    g_autofree char *runs = g_build_filename(folder, "runs", NULL);
    g_autofree char *copy =
        g_strdup_printf("%s/%s.conf", folder, scenario->name);
    g_autofree char *there = NULL;

    if (g_file_get_contents(copy, &there, NULL, NULL)) {
        if (!batch->options->resume) {
            g_set_error(error, FILES_ERROR, FILES_ERROR_NO_EXPERIMENT,
                        "%s holds results already: --resume adds what is "
                        "missing, --out names another folder",
                        folder);
            return false;
        }
        if (strcmp(there, text) != 0) {
            g_set_error(error, FILES_ERROR, FILES_ERROR_NO_EXPERIMENT,
                        "%s is not the scenario that is run now: name another "
                        "folder by --out",
                        copy);
            return false;
        }
    }
    if (g_mkdir_with_parents(runs, 0755) != 0) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                    "%s cannot be made", runs);
        return false;
    }
    return g_file_set_contents(copy, text, -1, error);
}

static char *
in_some_time(double seconds)
{
    g_autofree char *left = units_format_seconds(seconds);
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    g_autoptr(GDateTime) then = g_date_time_add_seconds(now, seconds);
    g_autofree char *clock = g_date_time_format(then, "%H:%M");

    return g_strdup_printf("%s left, over at %s", left, clock);
}

static void
say_result(const Batch *batch, const Scenario *scenario, const char *name,
           const Result *result)
{
    g_autofree char *left = batch->made > 0 && batch->done < batch->total
                                ? in_some_time(batch->made_s / batch->made *
                                               (batch->total - batch->done))
                                : NULL;
    Figure total;
    g_autofree char *text = result_measure(result, MEASURE_TOTAL, &total)
                                ? figure_text(total)
                                : NULL;

    say("[%u/%u] %s %s: %s%s%s%s%s%s%s%s", batch->done, batch->total,
        scenario->name, name, result_status_name(result->status),
        text ? ", " : "", text ? text : "", text ? " s" : "",
        result->status == RESULT_FAILED ? ": " : "",
        result->status == RESULT_FAILED && result->message ? result->message
                                                           : "",
        left ? "; " : "", left ? left : "");
    if (result->disturbed) {
        say("    disturbed: %s", result->disturbed_by);
    }
}

static bool
one_run(Batch *batch, const Scenario *scenario, const PlannedRun *planned,
        GError **error)
{
    g_autofree char *folder = folder_of(batch, scenario);
    g_autofree char *name = planned_run_name(scenario, planned);
    g_autofree char *work = g_build_filename(batch->options->out, "work", NULL);
    Runner runner = { .driver = batch->driver,
                      .scenario = scenario,
                      .vmferry = batch->vmferry,
                      .experiment = batch->experiment,
                      .state = batch->state,
                      .work = work,
                      .machine = batch->machine };
    int64_t began_us = clock_mono_us();

    if (files_has_run(folder, name)) {
        batch->done++;
        return true;
    }
    g_mkdir_with_parents(work, 0755);
    for (unsigned attempt = 1;; attempt++) {
        g_autofree char *text = NULL;
        g_autoptr(Result) result =
            runner_run(&runner, planned, attempt, &text, error);
        g_autofree char *kept = NULL;
        bool again;

        if (!result) {
            g_prefix_error(error, "%s %s: ", scenario->name, name);
            return false;
        }
        again = attempt == 1 && result->disturbed && scenario->repeat_disturbed;
        /* the disturbed one is kept beside the one that counts */
        kept = again ? g_strdup_printf("%s.first", name) : g_strdup(name);
        if (!files_write_run(folder, kept, text, error)) {
            return false;
        }
        if (!again) {
            batch->done++;
            batch->made++;
            batch->made_s += (double)(clock_mono_us() - began_us) / 1e6;
        }
        say_result(batch, scenario, name, result);
        if (!again) {
            return true;
        }
    }
}

/* A libvirtd that never had a guest asks QEMU first what it can do, which takes
 * seconds: the first run is not to pay for it. */
static bool
warm_up(Batch *batch, GError **error)
{
    const char *guest[] = { "guest", "warm-up",    "--host", "1", "--memory",
                            "128",   "--workload", "idle",   NULL };
    const char *destroy[] = { "virsh", "1", "destroy", "warm-up", NULL };
    static const char *const hosts[] = { "1", "2" };

    for (size_t i = 0; i < G_N_ELEMENTS(hosts); i++) {
        guest[3] = destroy[1] = hosts[i];
        if (!driver_call(batch->driver, guest, 180.0, NULL, error) ||
            !driver_call(batch->driver, destroy, 60.0, NULL, error)) {
            return false;
        }
    }
    return true;
}

static bool
testbed_up(Batch *batch, GError **error)
{
    bool third = false;
    const char *const down[] = { "down", NULL };
    const char *words[] = { "up", "--hosts", "2", NULL };

    for (guint i = 0; i < batch->scenarios->len; i++) {
        third |= scenario_needs_third(g_ptr_array_index(batch->scenarios, i));
    }
    words[2] = third ? "3" : "2";
    /* what a killed run left */
    return driver_call(batch->driver, down, 60.0, NULL, error) &&
           driver_call(batch->driver, words, 300.0, NULL, error) &&
           warm_up(batch, error);
}

/* Runs without a result. */
static unsigned
count_missing(const Batch *batch)
{
    unsigned missing = 0;

    for (guint i = 0; i < batch->scenarios->len; i++) {
        const Scenario *scenario = g_ptr_array_index(batch->scenarios, i);
        g_autofree char *folder = folder_of(batch, scenario);
        g_autoptr(GArray) plan =
            experiment_plan(scenario, (uint64_t)batch->options->seed);

        for (guint r = 0; r < plan->len; r++) {
            g_autofree char *name =
                planned_run_name(scenario, &g_array_index(plan, PlannedRun, r));

            missing += !files_has_run(folder, name);
        }
    }
    return missing;
}

static bool
has_made_enough(const Batch *batch)
{
    return batch->options->most > 0 &&
           batch->made >= (unsigned)batch->options->most;
}

static bool
all_runs(Batch *batch, GError **error)
{
    unsigned missing = count_missing(batch);

    say("%u of %u runs are missing", missing, batch->total);
    if (missing == 0) {
        return true;
    }
    if (!testbed_up(batch, error)) {
        return false;
    }
    batch->machine =
        machine_describe(batch->driver, batch->vmferry, batch->state);
    for (guint i = 0; i < batch->scenarios->len; i++) {
        const Scenario *scenario = g_ptr_array_index(batch->scenarios, i);
        g_autoptr(GArray) plan =
            experiment_plan(scenario, (uint64_t)batch->options->seed);

        for (guint r = 0; r < plan->len; r++) {
            if (has_made_enough(batch)) {
                return true;
            }
            if (!one_run(batch, scenario, &g_array_index(plan, PlannedRun, r),
                         error)) {
                return false;
            }
        }
    }
    return true;
}

static void
print_plan(const Batch *batch)
{
    for (guint i = 0; i < batch->scenarios->len; i++) {
        const Scenario *scenario = g_ptr_array_index(batch->scenarios, i);
        g_autoptr(GArray) plan =
            experiment_plan(scenario, (uint64_t)batch->options->seed);

        for (guint r = 0; r < plan->len; r++) {
            g_autofree char *name =
                planned_run_name(scenario, &g_array_index(plan, PlannedRun, r));

            printf("%s/%s\n", scenario->name, name);
        }
    }
}

static int
fail(const GError *error, int status)
{
    fprintf(stderr, "error: vmferry-testbed run: %s\n", error->message);
    return status;
}

int
experiment_run_main(int argc, char **argv)
{
    g_auto(RunOptions) options = { .seed = 1 };
    g_auto(Batch) batch = { .options = &options };
    g_autoptr(GError) error = NULL;
    const char *const down[] = { "down", NULL };
    char *whole;
    bool good, interrupted;

    batch.scenarios =
        g_ptr_array_new_with_free_func((GDestroyNotify)scenario_free);
    batch.texts = g_ptr_array_new_with_free_func(g_free);
    if (!parse_options(&options, argc, argv, &error) ||
        !read_scenarios(&batch, &error)) {
        return fail(error, 2);
    }
    if (options.plan) {
        print_plan(&batch);
        return 0;
    }
    if (!options.out) {
        options.out = g_build_filename("build", "experiments", NULL);
    }
    if (geteuid() != 0) {
        g_set_error_literal(&error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                            "namespaces and guests need root: run this with "
                            "sudo");
        return fail(error, 1);
    }
    if (!find_programs(&batch, &error)) {
        return fail(error, 1);
    }
    for (guint i = 0; i < batch.scenarios->len; i++) {
        if (!open_folder(&batch, i, &error)) {
            return fail(error, 1);
        }
    }
    whole = g_canonicalize_filename(options.out, NULL);
    g_free(options.out);
    options.out = whole;
    batch.state = options.state
                      ? g_canonicalize_filename(options.state, NULL)
                      : g_build_filename(options.out, "testbed", NULL);
    batch.driver = driver_new(batch.testbed, batch.state);
    good = all_runs(&batch, &error);
    interrupted = driver_interrupted(batch.driver);
    driver_cleaning(batch.driver);
    if (!driver_call(batch.driver, down, 120.0, NULL, good ? &error : NULL) &&
        good) {
        return fail(error, 1);
    }
    if (!good && !interrupted) {
        return fail(error, 1);
    }
    if (interrupted) {
        say("interrupted: --resume goes on with run %u of %u", batch.done + 1,
            batch.total);
        return 130;
    }
    return 0;
}
