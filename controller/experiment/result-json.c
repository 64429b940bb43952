/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * result-json.c - a run as JSON, there and back
 */
#include <string.h>

#include "experiment/result.h"

static JsonObject *
window_to_json(const ObservedWindow *window)
{
    JsonObject *json = json_object_new_object();
    static const char *const names[] = { "latency_median_ms", "latency_95_ms",
                                         "latency_99_ms" };

    jobj_add_u64(json, "probes", window->probes);
    jobj_add_known(json, "stall_ms", window->stall_ms);
    jobj_add_known(json, "probe_ms", window->probe_ms);
    jobj_add_known(json, "requests_s", window->requests_s);
    jobj_add_known(json, "bytes_s", window->bytes_s);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        jobj_add_known(json, names[i], window->latency_ms[i]);
    }
    jobj_add_known(json, "pages_s", window->pages_s);
    jobj_add_known(json, "ticks_s", window->ticks_s);
    return json;
}

static void
window_from_json(JsonObject *json, ObservedWindow *window)
{
    uint64_t probes = 0;

    memset(window, 0, sizeof(*window));
    if (!json) {
        return;
    }
    jobj_get_u64(json, "probes", &probes);
    window->probes = (unsigned)MIN(probes, UINT32_MAX);
    window->stall_ms = jobj_get_known(json, "stall_ms");
    window->probe_ms = jobj_get_known(json, "probe_ms");
    window->requests_s = jobj_get_known(json, "requests_s");
    window->bytes_s = jobj_get_known(json, "bytes_s");
    window->latency_ms[0] = jobj_get_known(json, "latency_median_ms");
    window->latency_ms[1] = jobj_get_known(json, "latency_95_ms");
    window->latency_ms[2] = jobj_get_known(json, "latency_99_ms");
    window->pages_s = jobj_get_known(json, "pages_s");
    window->ticks_s = jobj_get_known(json, "ticks_s");
}

static JsonObject *
run_to_json(const Result *result)
{
    JsonObject *run = json_object_new_object();

    jobj_add_string(run, "guest", result->guest);
    jobj_add_string(run, "wire", result->wire);
    jobj_add_string(run, "cross", result->cross);
    jobj_add_string(run, "method", result->method);
    jobj_add_u64(run, "repetition", result->repetition);
    jobj_add_u64(run, "order", result->order);
    jobj_add_u64(run, "attempt", result->attempt);
    return run;
}

static JsonObject *
points_to_json(const GArray *points)
{
    JsonObject *array = json_object_new_array();

    for (guint i = 0; i < points->len; i++) {
        const ResultPoint *point = &g_array_index(points, ResultPoint, i);
        JsonObject *json = json_object_new_object();

        jobj_add_double(json, "t_s", point->t_s);
        jobj_add_known(json, "work_s", point->work_s);
        jobj_add_known(json, "cross_bytes_s", point->cross_bytes_s);
        json_object_array_add(array, json);
    }
    return array;
}

JsonObject *
result_to_json(const Result *result)
{
    JsonObject *top = json_object_new_object();
    JsonObject *outcome = json_object_new_object();
    JsonObject *application = json_object_new_object();
    JsonObject *cross = json_object_new_object();
    JsonObject *machine = json_object_new_object();

    jobj_add_string(top, "schema", RESULT_SCHEMA);
    jobj_add_string(top, "scenario", result->scenario);
    jobj_add(top, "run", run_to_json(result));
    jobj_add_string(top, "started", result->started);
    jobj_add_u64(top, "wire_bytes_s", result->wire_bytes_s);
    jobj_add_double(top, "cut_off_s", result->cut_off_s);
    jobj_add_double(top, "downtime_limit_ms", result->downtime_limit_ms);

    jobj_add_string(outcome, "status", result_status_name(result->status));
    jobj_add_string(outcome, "message", result->message);
    jobj_add_known(outcome, "total_s", result->total_s);
    jobj_add_known(outcome, "downtime_ms", result->downtime_ms);
    jobj_add_known(outcome, "bytes", result->bytes);
    jobj_add_known(outcome, "iterations", result->iterations);
    jobj_add_known(outcome, "wrong_pages", result->checked);
    jobj_add(top, "outcome", outcome);

    jobj_add_known(application, "need_s", result->need_s);
    jobj_add(application, "before", window_to_json(&result->before));
    jobj_add(application, "during", window_to_json(&result->during));
    jobj_add(application, "after", window_to_json(&result->after));
    jobj_add(top, "application", application);

    jobj_add_known(cross, "before_bytes_s", result->cross_before_bytes_s);
    jobj_add_known(cross, "during_bytes_s", result->cross_during_bytes_s);
    jobj_add(top, "cross_traffic", cross);

    jobj_add_known(machine, "busy", result->busy);
    jobj_add_known(machine, "foreign", result->foreign);
    jobj_add_known(machine, "niced", result->niced);
    jobj_add_known(machine, "steal", result->steal);
    jobj_add_known(machine, "controller_cpu_s", result->controller_cpu_s);
    jobj_add_bool(machine, "disturbed", result->disturbed);
    jobj_add_string(machine, "disturbed_by", result->disturbed_by);
    jobj_add(top, "cpu", machine);

    jobj_add(top, "points", points_to_json(result->points));
    if (result->machine) {
        jobj_add_string(top, "made_with", result->machine);
    }
    return top;
}

/* The string at @path, needed. */
static bool
need_string(JsonObject *json, const char *path, char **value, GError **error)
{
    const char *text;

    if (!jobj_get_string(json, path, &text)) {
        g_set_error(error, RESULT_ERROR, RESULT_ERROR_VALUE,
                    "%s is no string, or not there", path);
        return false;
    }
    *value = g_strdup(text);
    return true;
}

static bool
need_count(JsonObject *json, const char *path, unsigned *value, GError **error)
{
    uint64_t number;

    if (!jobj_get_u64(json, path, &number) || number > 1000000) {
        g_set_error(error, RESULT_ERROR, RESULT_ERROR_VALUE,
                    "%s is no number up to a million, or not there", path);
        return false;
    }
    *value = (unsigned)number;
    return true;
}

static bool
read_status(Result *result, JsonObject *json, GError **error)
{
    g_autofree char *status = NULL;

    if (!need_string(json, "outcome.status", &status, error)) {
        return false;
    }
    for (int i = 0; i < RESULT_N_STATUSES; i++) {
        if (strcmp(status, result_status_name((ResultStatus)i)) == 0) {
            result->status = (ResultStatus)i;
            return true;
        }
    }
    g_set_error(error, RESULT_ERROR, RESULT_ERROR_VALUE,
                "outcome.status \"%s\" is not known", status);
    return false;
}

static void
read_optional(JsonObject *json, const char *path, char **value)
{
    const char *text;

    if (jobj_get_string(json, path, &text)) {
        *value = g_strdup(text);
    }
}

static void
read_points(Result *result, JsonObject *array)
{
    if (!array || !json_object_is_type(array, json_type_array)) {
        return;
    }
    for (size_t i = 0; i < json_object_array_length(array); i++) {
        JsonObject *json = json_object_array_get_idx(array, i);
        ResultPoint point = { 0 };

        if (json && jobj_get_double(json, "t_s", &point.t_s)) {
            point.work_s = jobj_get_known(json, "work_s");
            point.cross_bytes_s = jobj_get_known(json, "cross_bytes_s");
            g_array_append_val(result->points, point);
        }
    }
}

Result *
result_parse(const char *text, size_t length, GError **error)
{
    g_autoptr(JsonObject) json = jobj_parse(text, length, error);
    g_autoptr(Result) result = result_new();
    g_autofree char *schema = NULL;

    if (!json || !need_string(json, "schema", &schema, error)) {
        return NULL;
    }
    if (strcmp(schema, RESULT_SCHEMA) != 0) {
        g_set_error(error, RESULT_ERROR, RESULT_ERROR_SCHEMA,
                    "it is \"%s\", and " RESULT_SCHEMA " is what can be read",
                    schema);
        return NULL;
    }
    if (!need_string(json, "scenario", &result->scenario, error) ||
        !need_string(json, "run.guest", &result->guest, error) ||
        !need_string(json, "run.wire", &result->wire, error) ||
        !need_string(json, "run.cross", &result->cross, error) ||
        !need_string(json, "run.method", &result->method, error) ||
        !need_count(json, "run.repetition", &result->repetition, error) ||
        !need_count(json, "run.order", &result->order, error) ||
        !need_count(json, "run.attempt", &result->attempt, error) ||
        !read_status(result, json, error)) {
        return NULL;
    }
    if (!jobj_get_double(json, "cut_off_s", &result->cut_off_s) ||
        !jobj_get_double(json, "downtime_limit_ms",
                         &result->downtime_limit_ms)) {
        g_set_error_literal(error, RESULT_ERROR, RESULT_ERROR_VALUE,
                            "cut_off_s or downtime_limit_ms is no number, or "
                            "not there");
        return NULL;
    }
    jobj_get_u64(json, "wire_bytes_s", &result->wire_bytes_s);
    read_optional(json, "started", &result->started);
    read_optional(json, "outcome.message", &result->message);
    result->total_s = jobj_get_known(json, "outcome.total_s");
    result->downtime_ms = jobj_get_known(json, "outcome.downtime_ms");
    result->bytes = jobj_get_known(json, "outcome.bytes");
    result->iterations = jobj_get_known(json, "outcome.iterations");
    result->checked = jobj_get_known(json, "outcome.wrong_pages");
    result->need_s = jobj_get_known(json, "application.need_s");
    window_from_json(jobj_get(json, "application.before"), &result->before);
    window_from_json(jobj_get(json, "application.during"), &result->during);
    window_from_json(jobj_get(json, "application.after"), &result->after);
    result->cross_before_bytes_s =
        jobj_get_known(json, "cross_traffic.before_bytes_s");
    result->cross_during_bytes_s =
        jobj_get_known(json, "cross_traffic.during_bytes_s");
    result->busy = jobj_get_known(json, "cpu.busy");
    result->foreign = jobj_get_known(json, "cpu.foreign");
    result->niced = jobj_get_known(json, "cpu.niced");
    result->steal = jobj_get_known(json, "cpu.steal");
    result->controller_cpu_s = jobj_get_known(json, "cpu.controller_cpu_s");
    jobj_get_bool(json, "cpu.disturbed", &result->disturbed);
    read_optional(json, "cpu.disturbed_by", &result->disturbed_by);
    read_points(result, jobj_get(json, "points"));
    if (jobj_get(json, "machine")) {
        result->machine = result_machine_words(jobj_get(json, "machine"));
    } else {
        read_optional(json, "made_with", &result->machine);
    }
    return g_steal_pointer(&result);
}
