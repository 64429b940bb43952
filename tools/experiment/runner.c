/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * runner.c - the steps of one run
 */
#include "tools/experiment/runner.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/units.h"
#include "experiment/method.h"
#include "tools/experiment/cpu.h"
#include "tools/experiment/runner-priv.h"

#define STEP_S 60.0 /* longest that a step of the testbed takes */
#define BOOT_S 180.0
#define ABORT_S 60.0 /* until an aborted migration is over */
#define ASK_AGAIN_S 3.0
#define SAFETY_S 30.0 /* after vmferry should have given up itself */

/* Those of this run: one, or all that move together. */
static guint
n_guests(const RunState *run)
{
    return MAX(run->runner->scenario->together->len, 1);
}

static const ScenarioGuest *
guest_at(const RunState *run, guint i)
{
    const Scenario *scenario = run->runner->scenario;

    return scenario->together->len > 0
               ? &g_array_index(scenario->together, ScenarioGuest, i)
               : &g_array_index(scenario->guests, ScenarioGuest,
                                run->planned->guest);
}

/* The one that the client watches: a server, or the first. */
static guint
watched(const RunState *run)
{
    for (guint i = 0; i < n_guests(run); i++) {
        if (guest_at(run, i)->client == CLIENT_REDIS) {
            return i;
        }
    }
    return 0;
}

static const ScenarioWire *
wire_of(const RunState *run)
{
    return &g_array_index(run->runner->scenario->wires, ScenarioWire,
                          run->planned->wire);
}

static const ScenarioCross *
cross_of(const RunState *run)
{
    return &g_array_index(run->runner->scenario->crosses, ScenarioCross,
                          run->planned->cross);
}

static const ScenarioMethod *
method_of(const RunState *run)
{
    return run->runner->instead
               ? run->runner->instead
               : &g_array_index(run->runner->scenario->methods, ScenarioMethod,
                                run->planned->method);
}

/* A step: words of vmferry-testbed. */
#define CALL(run, timeout_s, out, error, ...)                                  \
    driver_call((run)->runner->driver,                                         \
                (const char *const[]){ __VA_ARGS__, NULL }, timeout_s, out,    \
                error)

static char *
work_file(const RunState *run, const char *name)
{
    return g_build_filename(run->runner->work, name, NULL);
}

static bool
start_guest(RunState *run, guint i, GError **error)
{
    const ScenarioGuest *guest = guest_at(run, i);
    g_autofree char *memory = g_strdup_printf("%u", guest->memory_mib);
    g_autofree char *vcpus = g_strdup_printf("%u", guest->vcpus);
    g_autofree char *path = g_strdup_printf("%s/guests/%s/address",
                                            run->runner->state, guest->name);
    g_autofree char *address = NULL;

    if (!CALL(run, BOOT_S, NULL, error, "guest", guest->name, "--host", "1",
              "--memory", memory, "--vcpus", vcpus, "--workload",
              guest->workload, "--workload-args", guest->arguments)) {
        return false;
    }
    run->guests_there = i + 1;
    if (!g_file_get_contents(path, &address, NULL, error)) {
        return false;
    }
    if (i == watched(run)) {
        run->address = g_strdup(g_strstrip(address));
    }
    return true;
}

static bool
start_guests(RunState *run, GError **error)
{
    for (guint i = 0; i < n_guests(run); i++) {
        if (!start_guest(run, i, error)) {
            return false;
        }
    }
    return true;
}

static bool
start_client(RunState *run, GError **error)
{
    const ScenarioGuest *guest = guest_at(run, watched(run));
    g_autofree char *log = work_file(run, "client.log");
    g_autofree char *value = g_strdup_printf("%u", guest->value_bytes);
    g_autofree char *keys = g_strdup_printf("%u", guest->keys);
    char rate[UNITS_NUMBER_SIZE], writes[UNITS_NUMBER_SIZE];

    run->seen = work_file(run, "client.txt");
    units_write_number(guest->client == CLIENT_REDIS ? guest->requests_s : 0,
                       rate);
    units_write_number(guest->writes, writes);
    run->client = driver_start(
        run->runner->driver,
        (const char *const[]){ "exec", "client", run->runner->experiment,
                               "client", "--address", run->address, "--out",
                               run->seen, "--requests", rate, "--value", value,
                               "--writes", writes, "--keys", keys, NULL },
        log, error);
    return run->client != NULL;
}

static bool
start_cross(RunState *run, GError **error)
{
    const ScenarioCross *cross = cross_of(run);
    g_autofree char *flows = g_strdup_printf("%u", cross->flows);

    if (cross->flows == 0) {
        return true;
    }
    run->cross_runs =
        CALL(run, STEP_S, NULL, error, "cross", "start", "--flows", flows,
             "--from", cross->from_third ? "3" : "1", "--to",
             cross->to_client ? "client" : "2");
    return run->cross_runs;
}

/* A cable between namespaces has no speed of its own, and carries more than
 * this: a rate has to be declared, as for any veth. */
#define UNLIMITED_VETH "100gbit"

static const char *
declared_rate(const RunState *run)
{
    if (wire_of(run)->rate_bytes_s) {
        return wire_of(run)->name;
    }
    return run->runner->site->remote ? NULL : UNLIMITED_VETH;
}

static void
describe_place(const RunState *run, MethodPlace *place)
{
    const Scenario *scenario = run->runner->scenario;

    *place = (MethodPlace){
        .vmferry = run->runner->vmferry,
        .guests = (const char *const *)run->names->pdata,
        .destination = run->runner->site->destination,
        .link = run->runner->site->link,
        .wire = wire_of(run)->rate_bytes_s ? wire_of(run)->name : NULL,
        .declared = declared_rate(run),
        .record = run->far_record ? run->far_record : run->record,
        .state = run->drain_state,
        .oracle = run->far_oracle ? run->far_oracle : run->runner->oracle,
        .cut_off_s = scenario->cut_off_s,
        .downtime_limit_ms = scenario->downtime_limit_ms,
    };
}

/* Whoever takes real hosts out of use after us has to know of it: this process
 * may be killed. */
static bool
note_htb(RunState *run, GError **error)
{
    const char *link = run->runner->site->link;
    g_autofree char *note = g_build_filename(run->runner->state, "htb", NULL);

    run->htb_made = true;
    return g_file_set_contents(note, link, -1, error);
}

static void
remove_htb(RunState *run)
{
    g_autofree char *note = g_build_filename(run->runner->state, "htb", NULL);

    if (CALL(run, STEP_S, NULL, NULL, "exec", "1", "tc", "qdisc", "delete",
             "dev", run->runner->site->link, "root")) {
        unlink(note);
    }
}

/* What virsh's methods need before they begin. */
static bool
prepare_method(RunState *run, const MethodPlace *place, GError **error)
{
    const ScenarioMethod *method = method_of(run);
    g_autofree char *limit = g_strdup_printf("%u", place->downtime_limit_ms);
    g_autoptr(GPtrArray) commands = NULL;

    if (method_is_vmferry(method)) {
        return true;
    }
    for (guint i = 0; i < n_guests(run); i++) {
        if (!CALL(run, STEP_S, NULL, error, "virsh", "1",
                  "migrate-setmaxdowntime", guest_at(run, i)->name, limit)) {
            return false;
        }
    }
    commands =
        method->kind == METHOD_STATIC_HTB ? method_htb(method, place) : NULL;
    if (commands && !note_htb(run, error)) {
        return false;
    }
    for (guint i = 0; commands && i < commands->len; i++) {
        char **words = g_ptr_array_index(commands, i);
        g_autoptr(GPtrArray) all = g_ptr_array_new();

        g_ptr_array_add(all, (gpointer) "exec");
        g_ptr_array_add(all, (gpointer) "1");
        for (; *words; words++) {
            g_ptr_array_add(all, *words);
        }
        g_ptr_array_add(all, NULL);
        if (!driver_call(run->runner->driver, (const char *const *)all->pdata,
                         STEP_S, NULL, error)) {
            return false;
        }
    }
    return true;
}

/* What vmferry reads and writes over there. */
static bool
send_files(RunState *run, GError **error)
{
    const Site *site = run->runner->site;

    if (!site->remote) {
        return true;
    }
    if (!CALL(run, STEP_S, NULL, error, "exec", "1", "rm", "-f",
              run->far_record)) {
        return false;
    }
    return method_of(run)->kind != METHOD_ORACLE ||
           CALL(run, STEP_S, NULL, error, "put", "1", run->runner->oracle,
                run->far_oracle);
}

static void
fetch_files(RunState *run)
{
    if (run->runner->site->remote && method_is_vmferry(method_of(run))) {
        CALL(run, STEP_S, NULL, NULL, "get", "1", run->far_record, run->record);
    }
}

/* The migration is to stop: ask libvirt, and once more if it had none of it
 * yet, then end whoever waits for it. */
static void
give_up(RunState *run, GSubprocess *process)
{
    Driver *driver = run->runner->driver;
    int64_t began_us = clock_mono_us();

    while (clock_mono_us() - began_us < (int64_t)(ABORT_S * 1e6)) {
        for (guint i = 0; i < n_guests(run); i++) {
            CALL(run, STEP_S, NULL, NULL, "virsh", "1", "domjobabort",
                 guest_at(run, i)->name);
        }
        if (driver_wait(driver, process, ASK_AGAIN_S) == DRIVER_ENDED) {
            return;
        }
    }
    driver_end(driver, process);
}

static bool
migrate(RunState *run, const MethodPlace *place, GError **error)
{
    Driver *driver = run->runner->driver;
    const ScenarioMethod *method = method_of(run);
    g_auto(GStrv) command = method_command(method, place);
    g_autofree char *log = work_file(run, "migrate.log");
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    g_autoptr(GSubprocess) process = NULL;
    g_autofree char *said = NULL;
    double limit_s = place->cut_off_s;

    g_ptr_array_add(words, (gpointer) "exec");
    g_ptr_array_add(words, (gpointer) "1");
    for (char **word = command; *word; word++) {
        g_ptr_array_add(words, *word);
    }
    g_ptr_array_add(words, NULL);
    run->command = g_strjoinv(" ", command);
    if (method_is_vmferry(method)) {
        limit_s += SAFETY_S;
    }
    run->began_wall_us = clock_wall_us();
    run->began_us = clock_mono_us();
    process =
        driver_start(driver, (const char *const *)words->pdata, log, error);
    if (!process) {
        return false;
    }
    switch (driver_wait(driver, process, limit_s)) {
    case DRIVER_INTERRUPTED:
        driver_cleaning(driver);
        give_up(run, process);
        g_set_error_literal(error, DRIVER_ERROR, DRIVER_ERROR_INTERRUPTED,
                            "interrupted");
        return false;
    case DRIVER_TIMEOUT:
        run->late = true;
        run->ended_us = clock_mono_us();
        if (n_guests(run) == 1) { /* how far it came */
            CALL(run, STEP_S, &run->late_job, NULL, "virsh", "1", "domjobinfo",
                 "--rawstats", guest_at(run, 0)->name);
        }
        give_up(run, process);
        break;
    case DRIVER_ENDED:
        run->ended_us = clock_mono_us();
        break;
    }
    run->exit_status = g_subprocess_get_if_exited(process)
                           ? g_subprocess_get_exit_status(process)
                           : -1;
    if (run->exit_status != 0 && g_file_get_contents(log, &said, NULL, NULL)) {
        run->words = runner_last_line(said);
    }
    return true;
}

static bool
pause_for(RunState *run, double seconds, GError **error)
{
    if (driver_pause(run->runner->driver, seconds)) {
        return true;
    }
    g_set_error_literal(error, DRIVER_ERROR, DRIVER_ERROR_INTERRUPTED,
                        "interrupted");
    return false;
}

/* What is asked after the migration: libvirt, the guest, the cross traffic. */
static void
ask_after(RunState *run)
{
    run->arrived = true;
    for (guint i = 0; i < n_guests(run); i++) {
        const char *name = guest_at(run, i)->name;
        char *job = NULL, *check = NULL;

        CALL(run, STEP_S, &job, NULL, "virsh", "2", "domjobinfo", "--completed",
             "--keep-completed", "--rawstats", name);
        if (!CALL(run, STEP_S, NULL, NULL, "virsh", "2", "domstate", name)) {
            run->arrived = false;
        } else {
            CALL(run, STEP_S, &check, NULL, "ask", name, "check");
        }
        g_ptr_array_add(run->jobs, job ? job : g_strdup(""));
        g_ptr_array_add(run->checks, check ? check : g_strdup(""));
    }
    if (run->cross_runs) {
        CALL(run, STEP_S, &run->cross, NULL, "cross", "report");
    }
}

/* The migration, and who had the processors meanwhile: of this machine if the
 * hosts are in it, else of the source. */
static bool
migrate_watched(RunState *run, const MethodPlace *place, GError **error)
{
    g_autofree char *token_path =
        g_build_filename(run->runner->state, "testbed", NULL);
    g_autofree char *token = NULL;
    g_autofree char *from = NULL;
    g_autofree char *to = NULL;
    CpuWatch *watch;
    bool good;

    if (run->runner->site->remote) {
        CALL(run, STEP_S, &from, NULL, "exec", "1", "cat", "/proc/stat");
        good = migrate(run, place, error);
        CALL(run, STEP_S, &to, NULL, "exec", "1", "cat", "/proc/stat");
        run->shares = cpu_shares_between(from, to);
        return good;
    }
    if (!g_file_get_contents(token_path, &token, NULL, error)) {
        return false;
    }
    watch = cpu_watch_start(g_strstrip(token));
    good = migrate(run, place, error);
    run->shares = cpu_watch_end(watch);
    return good;
}

static bool
steps(RunState *run, GError **error)
{
    const Scenario *scenario = run->runner->scenario;
    const Site *site = run->runner->site;
    MethodPlace place;

    run->record = work_file(run, "record.json");
    if (site->remote) {
        run->far_record = g_build_filename(site->folder, "record.json", NULL);
        run->far_oracle = g_build_filename(site->folder, "oracle.json", NULL);
        run->drain_state = g_build_filename(site->folder, "drain.json", NULL);
    } else {
        run->drain_state = work_file(run, "drain.json");
    }
    for (guint i = 0; i < n_guests(run); i++) {
        g_ptr_array_add(run->names, guest_at(run, i)->name);
    }
    g_ptr_array_add(run->names, NULL);
    describe_place(run, &place);
    progress_step(run->runner->progress, "starts its guests");
    if (!CALL(run, STEP_S, NULL, error, "wire", wire_of(run)->name) ||
        !start_guests(run, error) || !start_client(run, error)) {
        return false;
    }
    progress_step(run->runner->progress, "settles");
    if (!pause_for(run, scenario->settle_s, error) ||
        !start_cross(run, error) || !prepare_method(run, &place, error) ||
        !send_files(run, error)) {
        return false;
    }
    run->before_us = clock_mono_us();
    if (!pause_for(run, scenario->before_s, error)) {
        return false;
    }
    progress_step(run->runner->progress, "migrates");
    if (!migrate_watched(run, &place, error)) {
        return false;
    }
    progress_step(run->runner->progress, "is over");
    if (!pause_for(run, scenario->after_s, error)) {
        return false;
    }
    run->after_us = clock_mono_us();
    fetch_files(run);
    ask_after(run);
    return true;
}

/* Whatever happened: nothing of this run stays. */
static void
clear_away(RunState *run)
{
    Driver *driver = run->runner->driver;

    driver_end(driver, run->client);
    if (driver_interrupted(driver)) {
        return; /* the testbed is taken down as a whole */
    }
    if (run->cross_runs) {
        CALL(run, STEP_S, NULL, NULL, "cross", "stop");
    }
    if (run->htb_made) {
        remove_htb(run);
    }
    for (guint i = 0; i < run->guests_there; i++) {
        const char *name = guest_at(run, i)->name;

        CALL(run, STEP_S, NULL, NULL, "virsh", "1", "destroy", name);
        CALL(run, STEP_S, NULL, NULL, "virsh", "2", "destroy", name);
    }
}

static void
run_clear(RunState *run)
{
    g_clear_object(&run->client);
    g_free(run->address);
    g_free(run->seen);
    g_free(run->record);
    g_free(run->command);
    g_free(run->words);
    g_free(run->late_job);
    g_free(run->drain_state);
    g_free(run->far_record);
    g_free(run->far_oracle);
    g_ptr_array_unref(run->names);
    g_ptr_array_unref(run->jobs);
    g_ptr_array_unref(run->checks);
    g_free(run->cross);
}

Result *
runner_run(const Runner *runner, const PlannedRun *planned, unsigned attempt,
           char **text, GError **error)
{
    RunState run = {
        .runner = runner,
        .planned = planned,
        .attempt = attempt,
        .names = g_ptr_array_new(),
        .jobs = g_ptr_array_new_with_free_func(g_free),
        .checks = g_ptr_array_new_with_free_func(g_free),
    };
    g_autofree char *record =
        g_build_filename(runner->work, "record.json", NULL);
    g_autofree char *drain = g_build_filename(runner->work, "drain.json", NULL);
    Result *result = NULL;
    bool good;

    unlink(record);
    unlink(drain);
    good = steps(&run, error);
    clear_away(&run); /* the client's last lines are written then */
    if (good) {
        result = runner_gather(&run, text, error);
    }
    run_clear(&run);
    return result;
}
