/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * past.c - see past.h
 */
#include "tools/cli/past.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "ctl/document.h"

G_DEFINE_QUARK(vmferry_past_error, past_error)

static const char *
word(JsonObject *object, const char *path)
{
    const char *text = NULL;

    jobj_get_string(object, path, &text);
    return text;
}

static bool
is_of(JsonObject *run, const char *guest)
{
    return !guest || g_strcmp0(word(run, "guest"), guest) == 0 ||
           g_strcmp0(word(run, "uuid"), guest) == 0;
}

JsonObject *
past_runs(const char *folder, const char *guest)
{
    g_autofree char *path = g_build_filename(folder, "track.jsonl", NULL);
    g_autofree char *text = NULL;
    JsonObject *runs = json_object_new_array();
    g_auto(GStrv) lines = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL)) {
        return runs;
    }
    lines = g_strsplit(text, "\n", -1);
    for (guint i = g_strv_length(lines); i > 0; i--) {
        /* one that a crash has cut is left out */
        g_autoptr(JsonObject) line =
            jobj_parse(lines[i - 1], strlen(lines[i - 1]), NULL);
        JsonObject *run = jobj_get(line, "run");

        if (json_object_is_type(run, json_type_object) && is_of(run, guest)) {
            json_object_array_add(runs, json_object_get(run));
        }
    }
    return runs;
}

/* --- history --- */

static int64_t
start_of(JsonObject *run)
{
    const char *started = word(run, "started");
    int64_t start_us = 0;

    if (started) {
        clock_parse_utc(started, &start_us, NULL);
    }
    return start_us;
}

static bool
is_there(JsonObject *runs, const StoreRun *run)
{
    for (size_t i = 0; i < json_object_array_length(runs); i++) {
        JsonObject *other = json_object_array_get_idx(runs, i);

        if (g_strcmp0(word(other, "uuid"), run->guest_uuid) == 0 &&
            ABS(start_of(other) - run->started_us) <= STORE_SAME_START_US) {
            return true;
        }
    }
    return false;
}

static JsonObject *
run_to_json(const StoreRun *run)
{
    JsonObject *object = json_object_new_object();
    g_autofree char *started = clock_format_utc(run->started_us);

    jobj_add_string(object, "session", NULL);
    jobj_add_string(object, "guest", run->guest_name);
    jobj_add_string(object, "uuid", run->guest_uuid);
    jobj_add_string(object, "destination", NULL);
    jobj_add_string(object, "started", started);
    jobj_add_string(object, "mode", NULL);
    jobj_add_string(object, "policy", run->policy);
    jobj_add_string(object, "starter", NULL);
    jobj_add_string(object, "status", run->outcome);
    jobj_add_known(object, "total_s", run->total_s);
    jobj_add_known(object, "downtime_s", run->downtime_s);
    jobj_add_known(object, "bytes", run->bytes);
    jobj_add(object, "iterations", NULL);
    jobj_add_known(object, "bandwidth_bytes_s", run->bandwidth_bytes_s);
    return object;
}

static int
later_first(const void *a, const void *b)
{
    int64_t x = start_of(*(JsonObject *const *)a);
    int64_t y = start_of(*(JsonObject *const *)b);

    return (x < y) - (x > y);
}

JsonObject *
past_merge(JsonObject *runs, const GPtrArray *history, unsigned most)
{
    size_t length;

    for (guint i = 0; history && i < history->len; i++) {
        const StoreRun *run = g_ptr_array_index(history, i);

        if (!is_there(runs, run)) {
            json_object_array_add(runs, run_to_json(run));
        }
    }
    json_object_array_sort(runs, later_first);
    length = json_object_array_length(runs);
    if (length > most) {
        json_object_array_del_idx(runs, most, length - most);
    }
    return runs;
}

/* --- one of them --- */

static Known
seconds(Known ms)
{
    return ms.known ? known(ms.value / 1000) : unknown();
}

static const char *
state_of(RunStatus status)
{
    return status == RUN_STATUS_COMPLETED ? "done"
           : status == RUN_STATUS_ABORTED ? "cancelled"
                                          : "failed";
}

static JsonObject *
decisions_of(const RunRecord *record, int64_t started_us)
{
    JsonObject *array = json_object_new_array();

    for (guint i = 0; i < record->decisions->len; i++) {
        const RunDecision *made =
            &g_array_index(record->decisions, RunDecision, i);
        CtlDecision decision = {
            .time_us = started_us
                           ? started_us + (int64_t)(made->t_s * G_USEC_PER_SEC)
                           : 0,
            .t_s = made->t_s,
            .iteration = made->iter,
            .step = policy_step_name(made->decision.step),
            .text = made->decision.reason,
            .guarantee_bytes_s = made->decision.guarantee_bytes_s,
            .ceiling_bytes_s = made->decision.ceiling_bytes_s,
            .application_bytes_s = made->decision.application_bytes_s,
            .carried_out = made->applied,
        };

        json_object_array_add(array, ctl_decision_to_json(&decision));
    }
    return array;
}

static JsonObject *
session_of(const RunRecord *record, int64_t started_us)
{
    g_autoptr(GPtrArray) warnings = g_ptr_array_new();
    JsonObject *more = jobj_get(record->extra, "daemon");
    double port = known_or(jobj_get_known(more, "port"), 0);
    CtlSession session = {
        .session = word(more, "session"),
        .guest = record->guest_name,
        .uuid = record->guest_uuid,
        .destination = record->destination_uri ? record->destination_uri
                                               : record->link_destination,
        .address = record->link_destination,
        .port = port > 0 && port < 65536 ? (unsigned)port : 0,
        .starter = more ? word(more, "starter") : "vmferry",
        .mode = word(more, "mode"),
        .policy = policy_kind_name(record->policy.kind),
        .deadline_s = record->policy.deadline_s,
        .downtime_limit_s = known(record->policy.downtime_limit_s),
        .state = state_of(record->status),
        .started_us = started_us,
        .elapsed_s = seconds(record->total_ms),
        .iteration = run_record_passes(record),
        .progress = record->status == RUN_STATUS_COMPLETED ? 1 : 0,
        .sent_bytes = record->bytes,
        .link = record->link_device,
        .not_in_force = "ended",
        .not_in_force_text = record->message,
        .converges = -1,
    };
    double total_s = known_or(session.elapsed_s, 0);

    if (record->bytes.known && total_s > 0) {
        session.bandwidth_bytes_s = known(record->bytes.value / total_s);
    }
    for (guint i = 0; i < record->warnings->len; i++) {
        g_ptr_array_add(warnings, g_ptr_array_index(record->warnings, i));
    }
    g_ptr_array_add(warnings, NULL);
    session.warnings = (const char *const *)(const void *)warnings->pdata;
    return ctl_session_to_json(&session);
}

JsonObject *
past_show_record(const RunRecord *record)
{
    JsonObject *object = json_object_new_object();
    g_autoptr(JsonObject) whole = run_record_to_json(record);
    int64_t started_us = 0;

    if (record->started) {
        clock_parse_utc(record->started, &started_us, NULL);
    }
    jobj_add(object, "session", session_of(record, started_us));
    jobj_add(object, "iterations",
             json_object_get(jobj_get(whole, "iterations")));
    jobj_add(object, "decisions", decisions_of(record, started_us));
    jobj_add(object, "points", json_object_get(jobj_get(whole, "points")));
    json_object_object_del(whole, "events"); /* long, and of use to replay */
    jobj_add(object, "record", json_object_get(whole));
    return object;
}

JsonObject *
past_complete(JsonObject *show)
{
    JsonObject *record = jobj_get(show, "record");
    g_autoptr(RunRecord) parsed = NULL;
    g_autofree char *text = NULL;

    if (jobj_get(show, "session") || !record) {
        return show;
    }
    text = jobj_to_text(record, false);
    parsed = run_record_parse(text, strlen(text), NULL);
    if (!parsed) {
        return show;
    }
    jobj_unref(show);
    return past_show_record(parsed);
}

/* An id is a file's name, and must not lead elsewhere. */
static bool
is_id(const char *id)
{
    return *id && *id != '.' &&
           id[strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                         "0123456789._-")] == '\0';
}

JsonObject *
past_show(const char *folder, const char *id, GError **error)
{
    g_autoptr(JsonObject) runs = past_runs(folder, id);
    const char *session =
        json_object_array_length(runs) > 0
            ? word(json_object_array_get_idx(runs, 0), "session")
            : NULL;
    g_autofree char *file =
        g_strconcat(session && is_id(session) ? session : id, ".json", NULL);
    g_autofree char *path = g_build_filename(folder, file, NULL);
    g_autofree char *text = NULL;
    g_autoptr(RunRecord) record = NULL;
    gsize length;

    if ((!session && !is_id(id)) || !g_file_test(path, G_FILE_TEST_EXISTS)) {
        g_set_error(error, PAST_ERROR, PAST_ERROR_NONE,
                    "no record of '%s' is in %s; vmferry history lists what is "
                    "remembered",
                    id, folder);
        return NULL;
    }
    if (!g_file_get_contents(path, &text, &length, error)) {
        return NULL;
    }
    record = run_record_parse(text, length, error);
    if (!record) {
        g_prefix_error(error, "%s: ", path);
        return NULL;
    }
    return past_show_record(record);
}
