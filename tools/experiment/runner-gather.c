/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * runner-gather.c - what a run brought
 *
 * Total time, downtime and bytes are libvirt's statistics of the completed job,
 * asked of the destination by the same command for every method, so that no
 * method is measured by its own clock.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"
#include "experiment/anonymize.h"
#include "experiment/method.h"
#include "tools/experiment/files.h"
#include "tools/experiment/runner-priv.h"

char *
runner_last_line(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    const char *last = "it said nothing";

    for (char **line = lines; *line; line++) {
        if (*g_strstrip(*line)) {
            last = *line;
        }
    }
    return g_strdup(last);
}

/* "  memory_iteration: 4" */
static Known
job_number(const char *job, const char *name)
{
    g_auto(GStrv) lines = g_strsplit(job ? job : "", "\n", -1);

    for (char **line = lines; *line; line++) {
        char *colon = strchr(g_strstrip(*line), ':');

        if (colon && (size_t)(colon - *line) == strlen(name) &&
            strncmp(*line, name, strlen(name)) == 0) {
            char *end = NULL;
            double number = g_ascii_strtod(colon + 1, &end);

            return end != colon + 1 ? known(number) : unknown();
        }
    }
    return unknown();
}

static JsonObject *
read_json(const char *path)
{
    g_autofree char *text = NULL;
    gsize length = 0;

    return g_file_get_contents(path, &text, &length, NULL)
               ? jobj_parse(text, length, NULL)
               : NULL;
}

/* vmferry looks at guest and link first; its migration begins after that. */
static int64_t
preparation_us(const RunState *run, JsonObject *record)
{
    const char *started = NULL;
    int64_t wall_us, us;

    if (!record || !jobj_get_string(record, "started", &started) ||
        !clock_parse_utc(started, &wall_us, NULL)) {
        return 0;
    }
    us = wall_us - run->began_wall_us;
    return CLAMP(us, 0, run->ended_us - run->began_us);
}

static bool
is_postcopy(const RunState *run)
{
    return g_array_index(run->runner->scenario->methods, ScenarioMethod,
                         run->planned->method)
               .kind == METHOD_POSTCOPY;
}

/* libvirt (9.0) keeps no statistics of a migration that ended in post-copy. */
static void
gather_untold(const RunState *run, Result *result)
{
    result->total_s = known((double)(run->ended_us - run->began_us) / 1e6);
    result->message = g_strdup("libvirt tells no statistics of post-copy: its "
                               "total is virsh's, on the clock");
}

/* Of several guests: how long it took on the clock until all were there, the
 * longest pause, all bytes. */
static void
gather_jobs(const RunState *run, Result *result)
{
    for (guint i = 0; i < run->jobs->len; i++) {
        const char *job = g_ptr_array_index(run->jobs, i);
        Known total = job_number(job, "time_elapsed");
        Known downtime = job_number(job, "downtime");
        Known bytes = job_number(job, "memory_processed");
        Known passes = job_number(job, "memory_iteration");

        if (!total.known && is_postcopy(run)) {
            gather_untold(run, result);
            return;
        }
        if (!total.known) {
            result->total_s = unknown();
            return;
        }
        result->total_s = known(total.value / 1000);
        if (downtime.known) {
            result->downtime_ms =
                known(MAX(downtime.value, known_or(result->downtime_ms, 0)));
        }
        if (bytes.known) {
            result->bytes = known(bytes.value + known_or(result->bytes, 0));
        }
        if (passes.known) {
            result->iterations =
                known(MAX(passes.value, known_or(result->iterations, 0)));
        }
    }
    if (run->jobs->len > 1) {
        result->total_s = known((double)(run->ended_us - run->began_us) / 1e6);
    }
}

static void
gather_checks(const RunState *run, Result *result)
{
    for (guint i = 0; i < run->checks->len; i++) {
        const char *text = g_ptr_array_index(run->checks, i);
        g_autoptr(JsonObject) check = jobj_parse(text, strlen(text), NULL);
        Known errors = check ? jobj_get_known(check, "errors") : unknown();

        if (!errors.known) {
            result->checked = unknown();
            return;
        }
        result->checked = known(errors.value + known_or(result->checked, 0));
    }
}

/* How far one came that was cut off. */
static void
gather_late(const RunState *run, Result *result, JsonObject *record)
{
    result->bytes = record ? jobj_get_known(record, "outcome.bytes")
                           : job_number(run->late_job, "memory_processed");
    result->iterations = job_number(run->late_job, "memory_iteration");
}

static void
gather_outcome(const RunState *run, Result *result, JsonObject *record)
{
    const char *status = NULL;

    if (record) {
        jobj_get_string(record, "outcome.status", &status);
    }
    result->status = RESULT_FAILED;
    if (run->exit_status == 0 && run->arrived && !run->late) {
        result->status = RESULT_COMPLETED;
        gather_jobs(run, result);
    } else if (run->late || (status && strcmp(status, "cut-off") == 0)) {
        result->status = RESULT_CUT_OFF;
        gather_late(run, result, record);
    }
    if (result->status == RESULT_COMPLETED && !result->total_s.known) {
        result->status = RESULT_FAILED;
        result->message =
            g_strdup("libvirt tells no statistics of the completed migration");
    } else if (result->status != RESULT_COMPLETED) {
        result->message = g_strdup(run->words);
    }
    gather_checks(run, result);
}

/* Means over what arrived in whole seconds of a time of the wall clock. */
static Known
cross_mean(JsonObject *cross, double from, double to)
{
    JsonObject *samples = cross ? jobj_get(cross, "samples") : NULL;
    double sum = 0, n = 0;

    for (size_t i = 0; samples && i < json_object_array_length(samples); i++) {
        JsonObject *sample = json_object_array_get_idx(samples, i);
        double at, rate;

        if (jobj_get_double(sample, "at", &at) &&
            jobj_get_double(sample, "bytes_s", &rate) && at >= from &&
            at <= to) {
            sum += rate;
            n++;
        }
    }
    return n > 0 ? known(sum / n) : unknown();
}

static void
gather_points(const RunState *run, Result *result, const Observed *observed,
              JsonObject *cross)
{
    double end_s = (double)(run->after_us - run->began_us) / 1e6;
    double start_s = (double)(run->before_us - run->began_us) / 1e6;
    double wall_s = (double)run->began_wall_us / 1e6;

    for (int second = (int)ceil(start_s) + 1; second <= (int)end_s; second++) {
        double t = second;
        int64_t to_us = run->began_us + (int64_t)second * 1000000;
        ObservedWindow window;
        ResultPoint point = { .t_s = t };

        observed_window(observed, to_us - 1000000, to_us, &window);
        point.work_s = window.requests_s.known           ? window.requests_s
                       : known_or(window.pages_s, 0) > 0 ? window.pages_s
                                                         : window.ticks_s;
        point.cross_bytes_s =
            cross_mean(cross, wall_s + t - 0.5, wall_s + t + 0.5);
        g_array_append_val(result->points, point);
    }
}

static bool
gather_observed(const RunState *run, Result *result, JsonObject *cross,
                GError **error)
{
    const ScenarioGuest *guest = &g_array_index(
        run->runner->scenario->guests, ScenarioGuest, run->planned->guest);
    double wall_s = (double)run->began_wall_us / 1e6;
    g_autofree char *text = NULL;
    g_autoptr(Observed) observed = NULL;
    gsize length = 0;

    if (!g_file_get_contents(run->seen, &text, &length, error)) {
        g_prefix_error(error, "what the client saw: ");
        return false;
    }
    observed = observed_parse(text, length, error);
    if (!observed) {
        return false;
    }
    observed_window(observed, run->before_us, run->began_us, &result->before);
    observed_window(observed, run->began_us, run->ended_us, &result->during);
    observed_window(observed, run->ended_us, run->after_us, &result->after);
    if (guest->client == CLIENT_REDIS) {
        result->need_s = known(guest->requests_s);
    }
    result->cross_before_bytes_s = cross_mean(
        cross, wall_s - (double)(run->began_us - run->before_us) / 1e6 + 1,
        wall_s);
    result->cross_during_bytes_s =
        cross_mean(cross, wall_s + 1,
                   wall_s + (double)(run->ended_us - run->began_us) / 1e6);
    gather_points(run, result, observed, cross);
    return true;
}

static void
gather_disturbance(const RunState *run, Result *result)
{
    const Scenario *scenario = run->runner->scenario;
    double foreign = known_or(run->shares.foreign, 0);
    double steal = known_or(run->shares.steal, 0);

    result->busy = run->shares.busy;
    result->foreign = run->shares.foreign;
    result->niced = run->shares.niced;
    result->steal = run->shares.steal;
    if (foreign > scenario->foreign_cpu) {
        result->disturbed_by = g_strdup_printf(
            "other processes had %.0f %% of the machine, %.0f %% are let pass",
            100 * foreign, 100 * scenario->foreign_cpu);
    } else if (steal > scenario->steal) {
        result->disturbed_by = g_strdup_printf(
            "%.0f %% of the machine were stolen by its hypervisor, %.0f %% "
            "are let pass",
            100 * steal, 100 * scenario->steal);
    }
    result->disturbed = result->disturbed_by != NULL;
}

static void
gather_names(const RunState *run, Result *result)
{
    const Scenario *scenario = run->runner->scenario;
    const PlannedRun *planned = run->planned;
    const ScenarioWire *wire =
        &g_array_index(scenario->wires, ScenarioWire, planned->wire);

    result->scenario = g_strdup(scenario->name);
    result->guest = g_strdup(
        g_array_index(scenario->guests, ScenarioGuest, planned->guest).name);
    result->wire = g_strdup(wire->name);
    result->cross = g_strdup(
        g_array_index(scenario->crosses, ScenarioCross, planned->cross).name);
    result->method = g_strdup(
        g_array_index(scenario->methods, ScenarioMethod, planned->method).name);
    result->repetition = planned->repetition;
    result->order = planned->order;
    result->attempt = run->attempt;
    result->wire_bytes_s = wire->rate_bytes_s;
    result->cut_off_s = scenario->cut_off_s;
    result->downtime_limit_ms = scenario->downtime_limit_ms;
    result->started = clock_format_utc(run->began_wall_us);
}

/* One that may be changed. */
static JsonObject *
copy_of(JsonObject *json)
{
    g_autofree char *text = jobj_to_text(json, false);

    return jobj_parse(text, strlen(text), NULL);
}

/* How it was set, for readers who have no scenario. */
static JsonObject *
settings(const RunState *run)
{
    const Scenario *scenario = run->runner->scenario;
    const ScenarioGuest *guest =
        &g_array_index(scenario->guests, ScenarioGuest, run->planned->guest);
    const ScenarioMethod *method =
        &g_array_index(scenario->methods, ScenarioMethod, run->planned->method);
    JsonObject *json = json_object_new_object();

    jobj_add_string(json, "kind", method_kind_name(method->kind));
    jobj_add_u64(json, "memory_mib", guest->memory_mib);
    jobj_add_u64(json, "vcpus", guest->vcpus);
    jobj_add_string(json, "workload", guest->workload);
    jobj_add_string(json, "arguments", guest->arguments);
    jobj_add_u64(json, "bandwidth_mib_s", method->bandwidth_mib_s);
    jobj_add_u64(json, "connections", method->connections);
    return json;
}

/* libvirt's words, of one guest or by name of several. */
static void
add_jobs(JsonObject *json, const RunState *run)
{
    JsonObject *jobs;

    if (run->jobs->len == 1) {
        jobj_add_string(json, "job", g_ptr_array_index(run->jobs, 0));
        return;
    }
    jobs = json_object_new_object();
    for (guint i = 0; i < run->jobs->len; i++) {
        jobj_add_string(jobs, g_ptr_array_index(run->names, i),
                        g_ptr_array_index(run->jobs, i));
    }
    jobj_add(json, "jobs", jobs);
}

Result *
runner_gather(RunState *run, char **text, GError **error)
{
    g_autoptr(Result) result = result_new();
    int64_t prepared_us;
    g_autoptr(JsonObject) record = read_json(run->record);
    g_autoptr(JsonObject) cross =
        run->cross ? jobj_parse(run->cross, strlen(run->cross), NULL) : NULL;
    g_autoptr(JsonObject) json = NULL;

    prepared_us = preparation_us(run, record);
    run->began_us += prepared_us;
    run->began_wall_us += prepared_us;
    gather_names(run, result);
    gather_outcome(run, result, record);
    gather_disturbance(run, result);
    if (record) {
        Known cpu_ms = jobj_get_known(record, "cost.cpu_ms");

        result->controller_cpu_s =
            cpu_ms.known ? known(cpu_ms.value / 1000) : unknown();
    }
    if (!gather_observed(run, result, cross, error)) {
        return NULL;
    }
    json = result_to_json(result);
    jobj_add(json, "settings", settings(run));
    jobj_add_string(json, "command", run->command);
    jobj_add_double(json, "preparation_s", (double)prepared_us / 1e6);
    jobj_add(json, "machine", copy_of(run->runner->machine));
    add_jobs(json, run);
    jobj_add(json, "cross_report", g_steal_pointer(&cross));
    jobj_add(json, "record", g_steal_pointer(&record));
    if (run->runner->anonymous) {
        result_anonymize(json);
    }
    *text = jobj_to_text(json, false);
    return g_steal_pointer(&result);
}
