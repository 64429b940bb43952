/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * track.c - what was forecast, and what came of it
 *
 * A line of JSON for each migration that ended, {"run": RUN, "entry": ENTRY} as
 * docs/protocol.md has them, in track.jsonl beside the records. The forecast
 * that counts is the one made at the start of the second iteration: by then a
 * pass has been seen, and there is still something to be told. It is the same
 * in every mode, so that a host which only observed knows what to trust.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/daemon-priv.h"

#define MOST_RUNS 1000
#define MOST_ENTRIES 100
#define FORECAST_ITERATION 2

static char *
track_path(const Daemon *daemon)
{
    const char *folder = daemon->config->daemon.records;

    return folder ? g_build_filename(folder, "track.jsonl", NULL) : NULL;
}

static void
forget_oldest(Daemon *daemon)
{
    while (daemon->past->len > MOST_RUNS) {
        g_ptr_array_remove_index(daemon->past, 0);
    }
}

void
track_load(Daemon *daemon)
{
    g_autofree char *path = track_path(daemon);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    daemon->past = g_ptr_array_new_with_free_func((GDestroyNotify)jobj_unref);
    if (!path || !g_file_get_contents(path, &text, NULL, NULL)) {
        return;
    }
    lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i]; i++) {
        JsonObject *line = jobj_parse(lines[i], strlen(lines[i]), NULL);

        /* A line that a crash cut is no line. */
        if (line && jobj_get(line, "run") && jobj_get(line, "entry")) {
            g_ptr_array_add(daemon->past, line);
        } else {
            jobj_unref(line);
        }
    }
    forget_oldest(daemon);
}

static void
write_all(Daemon *daemon)
{
    g_autofree char *path = track_path(daemon);
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < daemon->past->len; i++) {
        g_autofree char *line =
            jobj_to_text(g_ptr_array_index(daemon->past, i), false);

        g_string_append(text, line);
        g_string_append_c(text, '\n');
    }
    if (path) {
        disk_write(daemon->disk, path, g_string_free(text, FALSE), false, NULL);
    } else {
        g_string_free(text, TRUE);
    }
}

void
track_forecast(Outgoing *outgoing, const JobIteration *iteration)
{
    const MigrationForecast *rest = &iteration->migration;
    TrackForecast *made = &outgoing->track;

    outgoing->forecast = *rest;
    outgoing->forecast_at_us = clock_mono_us();
    if (made->made || iteration->row.iter < FORECAST_ITERATION ||
        !rest->time_s.known) {
        return;
    }
    *made = (TrackForecast){
        .made = true,
        .iteration = iteration->row.iter,
        .at_us = outgoing->forecast_at_us,
        .time_s = rest->time_s,
        .low_time_s = rest->low_time_s,
        .high_time_s = rest->high_time_s,
        .downtime_s = rest->downtime_s,
    };
}

static JsonObject *
interval(Known value, double low, double high)
{
    JsonObject *json = json_object_new_object();

    jobj_add_known(json, "value", value);
    jobj_add_known(json, "low", value.known ? known(low) : unknown());
    jobj_add_known(json, "high", value.known ? known(high) : unknown());
    return json;
}

static void
count_passes(const RunRecord *record, unsigned *passes, unsigned *inside)
{
    for (guint i = 0; i < record->iterations->len; i++) {
        const RunIteration *one =
            &g_array_index(record->iterations, RunIteration, i);

        if (!one->forecast.pages.known || !one->row.dirty_pages.known) {
            continue;
        }
        (*passes)++;
        *inside += one->row.dirty_pages.value >= one->forecast.low_pages &&
                   one->row.dirty_pages.value <= one->forecast.high_pages;
    }
}

static Known
seconds(Known ms)
{
    return ms.known ? known(ms.value / 1000) : unknown();
}

static JsonObject *
run_document(const Outgoing *outgoing, const RunRecord *record)
{
    JsonObject *run = json_object_new_object();
    Known total_s = seconds(record->total_ms);
    bool rate = total_s.known && total_s.value > 0 && record->bytes.known;

    jobj_add_string(run, "session", outgoing->id);
    jobj_add_string(run, "guest", outgoing->name);
    jobj_add_string(run, "uuid", outgoing->uuid);
    jobj_add_string(run, "destination",
                    outgoing->found ? outgoing->endpoint.destination : NULL);
    jobj_add_string(run, "started", record->started);
    jobj_add_string(run, "mode", config_mode_name(outgoing->rules.mode));
    jobj_add_string(run, "policy", policy_kind_name(record->policy.kind));
    jobj_add_string(run, "starter", outgoing_starter(outgoing));
    jobj_add_string(run, "status", run_status_name(record->status));
    jobj_add_known(run, "total_s", total_s);
    jobj_add_known(run, "downtime_s", seconds(record->downtime_ms));
    jobj_add_known(run, "bytes", record->bytes);
    jobj_add_u64(run, "iterations", run_record_passes(record));
    jobj_add_known(run, "bandwidth_bytes_s",
                   rate ? known(record->bytes.value / total_s.value)
                        : unknown());
    return run;
}

static JsonObject *
entry_document(const Outgoing *outgoing, const RunRecord *record)
{
    const TrackForecast *made = &outgoing->track;
    JsonObject *entry = json_object_new_object();
    bool completed = record->status == RUN_STATUS_COMPLETED;
    double end_us = (double)(clock_mono_us() - made->at_us);
    unsigned passes = 0, inside = 0;

    count_passes(record, &passes, &inside);
    jobj_add_string(entry, "session", outgoing->id);
    jobj_add_string(entry, "guest", outgoing->name);
    jobj_add_string(entry, "time", record->started);
    jobj_add_string(entry, "mode", config_mode_name(outgoing->rules.mode));
    jobj_add_string(entry, "status", run_status_name(record->status));
    jobj_add_known(entry, "at_iteration",
                   made->made ? known(made->iteration) : unknown());
    jobj_add(entry, "forecast_time_s",
             interval(made->time_s, made->low_time_s, made->high_time_s));
    /* From the moment of the forecast, as that is. */
    jobj_add_known(entry, "time_s",
                   made->made && completed ? known(end_us / G_USEC_PER_SEC)
                                           : unknown());
    jobj_add(entry, "forecast_downtime_s",
             interval(made->downtime_s, NAN, NAN));
    jobj_add_known(entry, "downtime_s",
                   completed ? seconds(record->downtime_ms) : unknown());
    jobj_add_u64(entry, "passes", passes);
    jobj_add_u64(entry, "passes_inside", inside);
    jobj_add_string(entry, "would_have",
                    outgoing->rules.mode != CONFIG_MODE_ENFORCE &&
                            outgoing->has_decision
                        ? outgoing->decision.reason
                        : NULL);
    return entry;
}

void
track_ended(Outgoing *outgoing, const RunRecord *record)
{
    Daemon *daemon = outgoing->daemon;
    JsonObject *line = json_object_new_object();
    unsigned passes = 0, inside = 0;

    count_passes(record, &passes, &inside);
    circuit_ended(outgoing, passes, inside);

    jobj_add(line, "run", run_document(outgoing, record));
    jobj_add(line, "entry", entry_document(outgoing, record));
    g_ptr_array_add(daemon->past, line);
    forget_oldest(daemon);
    write_all(daemon);
}

/* --- the document --- */

static CtlInterval
read_interval(JsonObject *json, const char *name)
{
    JsonObject *member = jobj_get(json, name);

    return (CtlInterval){ jobj_get_known(member, "value"),
                          jobj_get_known(member, "low"),
                          jobj_get_known(member, "high") };
}

static CtlTrackEntry
read_entry(JsonObject *json)
{
    CtlTrackEntry entry = { 0 };
    const char *time = NULL;
    uint64_t number;

    jobj_get_string(json, "session", &entry.session);
    jobj_get_string(json, "guest", &entry.guest);
    jobj_get_string(json, "mode", &entry.mode);
    jobj_get_string(json, "status", &entry.status);
    jobj_get_string(json, "would_have", &entry.would_have);
    if (jobj_get_string(json, "time", &time)) {
        clock_parse_utc(time, &entry.time_us, NULL);
    }
    entry.at_iteration =
        (unsigned)known_or(jobj_get_known(json, "at_iteration"), 0);
    entry.forecast_time_s = read_interval(json, "forecast_time_s");
    entry.time_s = jobj_get_known(json, "time_s");
    entry.forecast_downtime_s = jobj_get_known(json, "forecast_downtime_s");
    entry.downtime_s = jobj_get_known(json, "downtime_s");
    entry.passes = jobj_get_u64(json, "passes", &number) ? (unsigned)number : 0;
    entry.passes_inside =
        jobj_get_u64(json, "passes_inside", &number) ? (unsigned)number : 0;
    return entry;
}

JsonObject *
track_document(const Daemon *daemon)
{
    g_autofree CtlTrackEntry *entries = NULL;
    guint n = MIN(daemon->past->len, MOST_ENTRIES);

    entries = g_new0(CtlTrackEntry, n + 1);
    for (guint i = 0; i < n; i++) {
        guint at = daemon->past->len - 1 - i;

        entries[i] =
            read_entry(jobj_get(g_ptr_array_index(daemon->past, at), "entry"));
    }
    return ctl_track_record_to_json(entries, n);
}
