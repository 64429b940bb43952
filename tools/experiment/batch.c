/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * batch.c - scenarios, run by run
 *
 * A result is written when its run is over and not before; what has one is not
 * run again.
 */
#include "tools/experiment/batch.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"
#include "experiment/plan.h"
#include "experiment/summary.h"
#include "tools/experiment/files.h"
#include "tools/experiment/machine.h"
#include "tools/experiment/oracle.h"

#define TESTBED_LINK "mig0"
#define TESTBED_DESTINATION "qemu+tcp://10.77.0.2/system"

void
batch_init(Batch *batch, const BatchOptions *options)
{
    *batch = (Batch){ .options = options };
    batch->scenarios =
        g_ptr_array_new_with_free_func((GDestroyNotify)scenario_free);
    batch->texts = g_ptr_array_new_with_free_func(g_free);
}

void
batch_clear(Batch *batch)
{
    g_free(batch->testbed);
    g_free(batch->vmferry);
    g_free(batch->experiment);
    g_clear_pointer(&batch->scenarios, g_ptr_array_unref);
    g_clear_pointer(&batch->texts, g_ptr_array_unref);
    g_clear_pointer(&batch->machine, jobj_unref);
    driver_free(batch->driver);
    progress_free(batch->progress);
    g_free(batch->site.link);
    g_free(batch->site.destination);
    g_free(batch->site.folder);
}

static void G_GNUC_PRINTF(2, 3) say(const Batch *batch, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list arguments;

    va_start(arguments, format);
    text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    progress_say(batch->progress, text);
}

/* Where this machine is the client and the third host, flows from one to the
 * other leave nowhere. */
static bool
check_flows(const Batch *batch, GError **error)
{
    for (guint i = 0; batch->options->hosts && i < batch->scenarios->len; i++) {
        const Scenario *scenario = g_ptr_array_index(batch->scenarios, i);

        for (guint c = 0; c < scenario->crosses->len; c++) {
            const ScenarioCross *cross =
                &g_array_index(scenario->crosses, ScenarioCross, c);

            if (cross->from_third && cross->to_client) {
                g_set_error(error, SCENARIO_ERROR, SCENARIO_ERROR_VALUE,
                            "%s: [cross %s]: with --hosts the third host is "
                            "the client: flows from one to the other leave "
                            "nothing",
                            batch->options->files[i], cross->name);
                return false;
            }
        }
    }
    return true;
}

/* A wire that nobody sets has one rate. */
static bool
check_wires(const Batch *batch, GError **error)
{
    const Scenario *first = g_ptr_array_index(batch->scenarios, 0);
    const char *rate = g_array_index(first->wires, ScenarioWire, 0).name;

    if (!batch->options->hosts || batch->options->wire_command) {
        return true;
    }
    for (guint i = 0; i < batch->scenarios->len; i++) {
        const Scenario *scenario = g_ptr_array_index(batch->scenarios, i);

        for (guint w = 0; w < scenario->wires->len; w++) {
            const char *wire =
                g_array_index(scenario->wires, ScenarioWire, w).name;

            if (strcmp(wire, rate) != 0) {
                g_set_error(error, SCENARIO_ERROR, SCENARIO_ERROR_VALUE,
                            "%s: wires of %s and of %s, but nothing sets the "
                            "rate between the hosts: --wire-command names a "
                            "program that does, or run one rate at a time",
                            batch->options->files[i], rate, wire);
                return false;
            }
        }
    }
    return true;
}

/* Its runs in their order, those that were asked for. */
static GArray *
planned_runs(const Batch *batch, const Scenario *scenario)
{
    GArray *plan = experiment_plan(scenario, (uint64_t)batch->options->seed);
    const char *only = batch->options->only;

    for (guint r = 0; only && r < plan->len;) {
        g_autofree char *name =
            planned_run_name(scenario, &g_array_index(plan, PlannedRun, r));

        if (g_pattern_match_simple(only, name)) {
            r++;
        } else {
            g_array_remove_index(plan, r);
        }
    }
    return plan;
}

static void
say_doubts(const Batch *batch, const Scenario *scenario, const char *file)
{
    g_autoptr(GPtrArray) doubts = scenario_doubts(scenario, file);

    for (guint i = 0; i < doubts->len; i++) {
        say(batch, "warning: %s", (const char *)g_ptr_array_index(doubts, i));
    }
}

bool
batch_read(Batch *batch, GError **error)
{
    for (char **file = batch->options->files; *file; file++) {
        g_autoptr(GArray) plan = NULL;
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
        if (!batch->options->only) {
            say_doubts(batch, scenario, *file);
        }
        plan = planned_runs(batch, scenario);
        batch->total += plan->len;
        g_ptr_array_add(batch->scenarios, scenario);
        g_ptr_array_add(batch->texts, g_steal_pointer(&text));
    }
    if (batch->total == 0) {
        g_set_error(error, SCENARIO_ERROR, SCENARIO_ERROR_VALUE,
                    "no run is called \"%s\"; --plan without --only prints "
                    "their names",
                    batch->options->only);
        return false;
    }
    return check_wires(batch, error) && check_flows(batch, error);
}

/* Programs lie in the build that we lie in, the script in the sources; where
 * they lie elsewhere, the environment says so. */
bool
batch_find_programs(Batch *batch, GError **error)
{
    const char *testbed = g_getenv("VMFERRY_TESTBED");
    const char *vmferry = g_getenv("VMFERRY_PROGRAM");
    g_autofree char *folder = NULL;

    batch->experiment = g_file_read_link("/proc/self/exe", error);
    if (!batch->experiment) {
        return false;
    }
    folder = g_path_get_dirname(batch->experiment);
    batch->testbed = g_strdup(testbed ? testbed : TESTBED_SCRIPT);
    if (batch->options->hosts) {
        g_autofree char *scripts = g_path_get_dirname(batch->testbed);
        g_autofree char *script =
            g_build_filename(scripts, "vmferry-hosts", NULL);

        batch->vmferry = g_strdup(vmferry ? vmferry : "vmferry");
        g_free(batch->testbed);
        batch->testbed = g_steal_pointer(&script);
        return true;
    }
    batch->vmferry =
        vmferry ? g_strdup(vmferry)
                : g_build_filename(folder, "..", "cli", "vmferry", NULL);
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

bool
batch_open(const Batch *batch, GError **error)
{
    for (guint i = 0; i < batch->scenarios->len; i++) {
        if (!open_folder(batch, i, error)) {
            return false;
        }
    }
    return true;
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

/* By what those took that we made; NULL: nothing to go by, or nothing left. */
static char *
time_left(const Batch *batch)
{
    return batch->made > 0 && batch->done < batch->total
               ? in_some_time(batch->made_s / batch->made *
                              (batch->total - batch->done))
               : NULL;
}

static void
count_up(const Batch *batch)
{
    g_autofree char *left = time_left(batch);

    progress_count(batch->progress, batch->done, batch->total, left);
}

static void
say_result(const Batch *batch, const Scenario *scenario, const char *name,
           const Result *result)
{
    g_autofree char *left = time_left(batch);
    Figure total;
    g_autofree char *text = result_measure(result, MEASURE_TOTAL, &total)
                                ? figure_text(total)
                                : NULL;

    say(batch, "[%u/%u] %s %s: %s%s%s%s%s%s%s%s", batch->done, batch->total,
        scenario->name, name, result_status_name(result->status),
        text ? ", " : "", text ? text : "", text ? " s" : "",
        result->status == RESULT_FAILED ? ": " : "",
        result->status == RESULT_FAILED && result->message ? result->message
                                                           : "",
        left ? "; " : "", left ? left : "");
    if (result->disturbed) {
        say(batch, "    disturbed: %s", result->disturbed_by);
    }
}

/* A migration of the cell by the default policy, only for its record. */
static bool
record_oracle(Batch *batch, Runner runner, const PlannedRun *planned,
              const char *path, GError **error)
{
    char *none[] = { NULL };
    const ScenarioMethod method = { .name = (char *)"default",
                                    .kind = METHOD_DEFAULT,
                                    .options = none };
    g_autofree char *text = NULL;
    g_autoptr(Result) result = NULL;

    runner.instead = &method;
    result = runner_run(&runner, planned, 1, &text, error);
    if (!result) {
        return false;
    }
    say(batch, "    recorded: %s%s%s", result_status_name(result->status),
        result->message ? ", " : "", result->message ? result->message : "");
    return oracle_take(path, text, error);
}

/* What an oracle goes by is there, or found, or recorded now. */
static bool
provide_oracle(Batch *batch, const Runner *runner, const char *folder,
               const PlannedRun *planned, GError **error)
{
    const char *path = runner->oracle;
    g_autofree char *cell = planned_cell_name(runner->scenario, planned);
    g_autofree char *found = NULL;
    g_autoptr(GError) bad = NULL;

    if (oracle_is_there(path, &bad)) {
        return true;
    }
    if (bad) {
        g_propagate_error(error, g_steal_pointer(&bad));
        return false;
    }
    found = oracle_find(path, folder, runner->scenario, planned);
    if (found) {
        say(batch, "the oracle of %s goes by the record of %s", cell, found);
        return true;
    }
    say(batch,
        "no run of %s is there for its oracle to go by: one by the default "
        "policy is recorded first, which does not count",
        cell);
    if (!record_oracle(batch, *runner, planned, path, error)) {
        g_prefix_error(error, "recording for the oracle: ");
        return false;
    }
    return true;
}

static bool
one_run(Batch *batch, const Scenario *scenario, const PlannedRun *planned,
        GError **error)
{
    g_autofree char *folder = folder_of(batch, scenario);
    g_autofree char *name = planned_run_name(scenario, planned);
    g_autofree char *work = g_build_filename(batch->options->out, "work", NULL);
    g_autofree char *oracle = oracle_path(folder, scenario, planned);
    MethodKind kind =
        g_array_index(scenario->methods, ScenarioMethod, planned->method).kind;
    Runner runner = { .driver = batch->driver,
                      .site = &batch->site,
                      .scenario = scenario,
                      .vmferry = batch->vmferry,
                      .experiment = batch->experiment,
                      .state = batch->options->state,
                      .work = work,
                      .machine = batch->machine,
                      .anonymous = batch->options->anonymous,
                      .oracle = oracle,
                      .progress = batch->progress };
    int64_t began_us = clock_mono_us();

    if (files_has_run(folder, name)) {
        batch->done++;
        count_up(batch);
        return true;
    }
    progress_run(batch->progress, name);
    g_mkdir_with_parents(work, 0755);
    if (kind == METHOD_ORACLE &&
        !provide_oracle(batch, &runner, folder, planned, error)) {
        g_prefix_error(error, "%s %s: ", scenario->name, name);
        return false;
    }
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
        again = attempt == 1 && result->disturbed &&
                scenario->repeat_disturbed && !batch->options->keep_disturbed;
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
        count_up(batch);
        say_result(batch, scenario, name, result);
        if (!again) {
            return true;
        }
    }
}

/* A libvirtd that never had a guest, or was never asked for its capabilities,
 * asks every QEMU of its host first what it can do, which takes many seconds:
 * the first run is not to pay for it. */
static bool
warm_up(Batch *batch, GError **error)
{
    const char *guest[] = { "guest", "warm-up",    "--host", "1", "--memory",
                            "128",   "--workload", "idle",   NULL };
    const char *destroy[] = { "virsh", "1", "destroy", "warm-up", NULL };
    const char *ask[] = { "virsh", "1", "capabilities", NULL };
    static const char *const hosts[] = { "1", "2" };

    for (size_t i = 0; i < G_N_ELEMENTS(hosts); i++) {
        guest[3] = destroy[1] = ask[1] = hosts[i];
        if (!driver_call(batch->driver, ask, 180.0, NULL, error) ||
            !driver_call(batch->driver, guest, 180.0, NULL, error) ||
            !driver_call(batch->driver, destroy, 60.0, NULL, error)) {
            return false;
        }
    }
    return true;
}

static bool
read_word(const Batch *batch, const char *name, char **word, GError **error)
{
    g_autofree char *path = g_build_filename(batch->options->state, name, NULL);

    g_clear_pointer(word, g_free);
    if (!g_file_get_contents(path, word, NULL, error)) {
        return false;
    }
    g_strstrip(*word);
    return true;
}

/* Hosts that are there: they are looked at, and told what they are called. */
static bool
hosts_up(Batch *batch, GError **error)
{
    const BatchOptions *options = batch->options;
    const char *const up[] = { "up",
                               "--hosts",
                               options->hosts,
                               "--bridge",
                               options->bridge,
                               "--guests-at",
                               options->guests_at,
                               "--link",
                               options->link ? options->link : "",
                               "--wire-command",
                               options->wire_command ? options->wire_command
                                                     : "",
                               "--program",
                               batch->vmferry,
                               NULL };
    g_autoptr(GError) why = NULL;

    if (!driver_call(batch->driver, up, 180.0, NULL, &why)) {
        /* all these words are the user's own */
        const char *reason = strstr(why->message, "vmferry-testbed: ");

        g_set_error(error, why->domain, why->code, "%s",
                    reason ? reason + strlen("vmferry-testbed: ")
                           : why->message);
        return false;
    }
    batch->site.remote = true;
    return read_word(batch, "link", &batch->site.link, error) &&
           read_word(batch, "uri2", &batch->site.destination, error) &&
           read_word(batch, "folder", &batch->site.folder, error);
}

static bool
namespaces_up(Batch *batch, GError **error)
{
    bool third = false;
    const char *words[] = { "up", "--hosts", "2", NULL };

    for (guint i = 0; i < batch->scenarios->len; i++) {
        third |= scenario_needs_third(g_ptr_array_index(batch->scenarios, i));
    }
    words[2] = third ? "3" : "2";
    g_free(batch->site.link);
    g_free(batch->site.destination);
    batch->site.link = g_strdup(TESTBED_LINK);
    batch->site.destination = g_strdup(TESTBED_DESTINATION);
    return driver_call(batch->driver, words, 300.0, NULL, error);
}

static bool
testbed_up(Batch *batch, GError **error)
{
    const char *const down[] = { "down", NULL };

    /* what a killed run left */
    return driver_call(batch->driver, down, 60.0, NULL, error) &&
           (batch->options->hosts ? hosts_up(batch, error)
                                  : namespaces_up(batch, error)) &&
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
        g_autoptr(GArray) plan = planned_runs(batch, scenario);

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

/* A guest that does not start, a libvirtd that hangs: a new testbed, once. Who
 * leaves an experiment alone over night wants its morning's results. */
static bool
run_or_again(Batch *batch, const Scenario *scenario, const PlannedRun *planned,
             GError **error)
{
    g_autoptr(GError) first = NULL;

    if (one_run(batch, scenario, planned, &first)) {
        return true;
    }
    if (driver_interrupted(batch->driver)) {
        g_propagate_error(error, g_steal_pointer(&first));
        return false;
    }
    say(batch, "%s; once more, on a new testbed", first->message);
    return testbed_up(batch, error) && one_run(batch, scenario, planned, error);
}

bool
batch_run(Batch *batch, GError **error)
{
    unsigned missing = count_missing(batch);

    say(batch, "%u of %u runs are missing", missing, batch->total);
    if (missing == 0) {
        return true;
    }
    batch->progress = progress_new();
    progress_count(batch->progress, 0, batch->total, NULL);
    progress_run(batch->progress, "testbed");
    progress_step(batch->progress, "starts");
    if (!testbed_up(batch, error)) {
        return false;
    }
    batch->machine = machine_describe(batch->driver, batch->vmferry,
                                      batch->options->state, batch->site.link);
    for (guint i = 0; i < batch->scenarios->len; i++) {
        const Scenario *scenario = g_ptr_array_index(batch->scenarios, i);
        g_autoptr(GArray) plan = planned_runs(batch, scenario);

        for (guint r = 0; r < plan->len; r++) {
            if (has_made_enough(batch)) {
                return true;
            }
            if (!run_or_again(batch, scenario,
                              &g_array_index(plan, PlannedRun, r), error)) {
                return false;
            }
        }
    }
    return true;
}

void
batch_print_plan(const Batch *batch)
{
    for (guint i = 0; i < batch->scenarios->len; i++) {
        const Scenario *scenario = g_ptr_array_index(batch->scenarios, i);
        g_autoptr(GArray) plan = planned_runs(batch, scenario);

        for (guint r = 0; r < plan->len; r++) {
            g_autofree char *name =
                planned_run_name(scenario, &g_array_index(plan, PlannedRun, r));

            printf("%s/%s\n", scenario->name, name);
        }
    }
}
