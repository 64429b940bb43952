/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guestperf.c - a run in guestperf's words
 */
#include "experiment/guestperf.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "experiment/result.h"

#define PAGE_BYTES 4096
#define MIB 1048576.0

/* A moment of the migration, in guestperf's units. */
typedef struct Progress {
    const char *status;
    double t_s;
    double sent_bytes, left_bytes, zero_pages, pages;
    double dirty_pages_s, mbit_s, pass;
    double downtime_ms, expected_ms, setup_ms, throttle;
} Progress;

static double
number(JsonObject *json, const char *path, double otherwise)
{
    return known_or(jobj_get_known(json, path), otherwise);
}

static void
add_progress(JsonObject *history, const Progress *progress, double began_s,
             double total_bytes)
{
    JsonObject *json = json_object_new_object();
    JsonObject *ram = json_object_new_object();

    jobj_add_i64(ram, "transferred_bytes", (int64_t)progress->sent_bytes);
    jobj_add_i64(ram, "remaining_bytes", (int64_t)progress->left_bytes);
    jobj_add_i64(ram, "total_bytes", (int64_t)total_bytes);
    jobj_add_i64(ram, "duplicate_pages", (int64_t)progress->zero_pages);
    jobj_add_i64(ram, "skipped_pages", 0);
    jobj_add_i64(ram, "normal_pages", (int64_t)progress->pages);
    jobj_add_i64(ram, "normal_bytes", (int64_t)progress->pages * PAGE_BYTES);
    jobj_add_i64(ram, "dirty_rate_pps", (int64_t)progress->dirty_pages_s);
    jobj_add_double(ram, "transfer_rate_mbs", progress->mbit_s);
    jobj_add_i64(ram, "iterations", (int64_t)progress->pass);
    jobj_add_string(json, "status", progress->status);
    jobj_add(json, "ram", ram);
    jobj_add_double(json, "now", began_s + progress->t_s);
    jobj_add_i64(json, "duration", (int64_t)(1000 * progress->t_s));
    jobj_add_i64(json, "downtime", (int64_t)progress->downtime_ms);
    jobj_add_i64(json, "downtime_expected", (int64_t)progress->expected_ms);
    jobj_add_i64(json, "setup_time", (int64_t)progress->setup_ms);
    jobj_add_i64(json, "throttle_pcent", (int64_t)progress->throttle);
    /* from QEMU 8.2 on; older ones do not look */
    jobj_add_i64(json, "dirty_limit_throttle_time_per_round", 0);
    jobj_add_i64(json, "dirty_limit_ring_full_time", 0);
    json_object_array_add(history, json);
}

/* Pages a second in the last pass that was over by then; times of rows and
 * events have the same zero once the record's start is taken off. */
static double
dirty_rate(JsonObject *record, double t_us)
{
    JsonObject *rows = jobj_get(record, "iterations");
    double zero_us = number(record, "started_us", 0), rate = 0.0;

    for (size_t i = 0; rows && i < json_object_array_length(rows); i++) {
        JsonObject *row = json_object_array_get_idx(rows, i);
        double pages = number(row, "dirty_pages", -1);
        double ms = number(row, "duration_ms", 0);

        if (pages >= 0 && ms > 0 &&
            number(row, "ended_us", INFINITY) - zero_us <= t_us) {
            rate = 1000 * pages / ms;
        }
    }
    return rate;
}

static void
add_polls(JsonObject *history, JsonObject *record, double began_s,
          double total_bytes)
{
    JsonObject *events = jobj_get(record, "events");
    Progress before = { 0 };

    if (!events || !json_object_is_type(events, json_type_array)) {
        return;
    }
    for (size_t i = 0; i < json_object_array_length(events); i++) {
        JsonObject *event = json_object_array_get_idx(events, i);
        const char *kind = NULL;
        Progress now = { .status = "active" };

        if (!event || !jobj_get_string(event, "kind", &kind) ||
            strcmp(kind, "poll") != 0) {
            continue;
        }
        now.t_s = number(event, "at_us", 0) / 1e6;
        now.sent_bytes = number(event, "sent_bytes", 0);
        now.left_bytes = number(event, "remaining_bytes", 0);
        now.zero_pages = number(event, "duplicate_pages", 0);
        now.pages = number(event, "normal_pages", 0);
        now.pass = number(event, "pass", 0);
        now.expected_ms = number(event, "expected_downtime_ms", 0);
        now.throttle = number(event, "throttle_percent", 0);
        now.dirty_pages_s = dirty_rate(record, 1e6 * now.t_s);
        if (now.t_s > before.t_s) {
            now.mbit_s = fmax(8e-6 * (now.sent_bytes - before.sent_bytes) /
                                  (now.t_s - before.t_s),
                              0);
        }
        add_progress(history, &now, began_s, total_bytes);
        before = now;
    }
}

/* "memory_normal: 24152" in libvirt's words. */
static double
job_number(const char *job, const char *name)
{
    g_auto(GStrv) lines = g_strsplit(job ? job : "", "\n", -1);
    g_autofree char *start = g_strdup_printf("%s:", name);

    for (char **line = lines; *line; line++) {
        if (g_str_has_prefix(g_strstrip(*line), start)) {
            return g_ascii_strtod(*line + strlen(start), NULL);
        }
    }
    return 0.0;
}

static void
add_end(JsonObject *history, JsonObject *run, const Result *result,
        double began_s, double total_bytes)
{
    const char *job = NULL;
    Progress end = { .status = result->status == RESULT_COMPLETED ? "completed"
                               : result->status == RESULT_CUT_OFF ? "cancelled"
                                                                  : "failed" };

    jobj_get_string(run, "job", &job);
    end.t_s = known_or(result->total_s, result->cut_off_s);
    end.sent_bytes = known_or(result->bytes, 0);
    end.downtime_ms = known_or(result->downtime_ms, 0);
    end.pass = known_or(result->iterations, 0);
    end.pages = job_number(job, "memory_normal");
    end.zero_pages = job_number(job, "memory_constant");
    end.setup_ms = job_number(job, "setup_time");
    end.mbit_s = end.t_s > 0 ? 8e-6 * end.sent_bytes / end.t_s : 0;
    add_progress(history, &end, began_s, total_bytes);
}

static JsonObject *
scenario_of(JsonObject *run, const Result *result)
{
    JsonObject *json = json_object_new_object();
    const char *kind = NULL;
    g_autofree char *name =
        g_strdup_printf("%s-%s-%s-%s-r%02u", result->guest, result->wire,
                        result->cross, result->method, result->repetition);

    if (!jobj_get_string(run, "settings.kind", &kind)) {
        kind = result->method;
    }
    jobj_add_string(json, "name", name);
    jobj_add_i64(json, "downtime", (int64_t)result->downtime_limit_ms);
    /* guestperf's way to say that nothing is set: more than any link */
    jobj_add_i64(json, "bandwidth",
                 (int64_t)number(run, "settings.bandwidth_mib_s", 0) > 0
                     ? (int64_t)number(run, "settings.bandwidth_mib_s", 0)
                     : 125000);
    jobj_add_i64(json, "max_iters", 1000000);
    jobj_add_i64(json, "max_time", (int64_t)result->cut_off_s);
    jobj_add_bool(json, "pause", false);
    jobj_add_i64(json, "pause_iters", 0);
    jobj_add_bool(json, "post_copy", strcmp(kind, "post-copy") == 0);
    jobj_add_i64(json, "post_copy_iters", 1);
    jobj_add_bool(json, "auto_converge", strcmp(kind, "auto-converge") == 0);
    jobj_add_i64(json, "auto_converge_step", 10);
    jobj_add_bool(json, "compression_mt", false);
    jobj_add_i64(json, "compression_mt_threads", 1);
    jobj_add_bool(json, "compression_xbzrle", strcmp(kind, "xbzrle") == 0);
    jobj_add_i64(json, "compression_xbzrle_cache", 0);
    jobj_add_bool(json, "multifd", strcmp(kind, "multifd") == 0);
    jobj_add_i64(json, "multifd_channels",
                 (int64_t)number(run, "settings.connections", 2));
    jobj_add_string(json, "multifd_compression", "");
    return json;
}

static JsonObject *
hardware_of(JsonObject *run)
{
    static const char *const binds[] = { "src_mem_bind", "dst_mem_bind",
                                         "src_cpu_bind", "dst_cpu_bind" };
    static const char *const pages[] = { "prealloc_pages", "huge_pages",
                                         "locked_pages" };
    JsonObject *json = json_object_new_object();

    jobj_add_i64(json, "cpus", (int64_t)number(run, "settings.vcpus", 1));
    jobj_add_double(json, "mem",
                    number(run, "settings.memory_mib", 0) / 1024); /* GiB */
    for (size_t i = 0; i < G_N_ELEMENTS(binds); i++) {
        jobj_add(json, binds[i], NULL);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(pages); i++) {
        jobj_add_bool(json, pages[i], false);
    }
    jobj_add_i64(json, "dirty_ring_size", 0);
    return json;
}

JsonObject *
guestperf_report(JsonObject *run, GError **error)
{
    static const char *const timings[] = { "guest_timings", "qemu_timings",
                                           "vcpu_timings" };
    g_autofree char *text = jobj_to_text(run, false);
    g_autoptr(Result) result = result_parse(text, strlen(text), error);
    JsonObject *report, *history, *record = jobj_get(run, "record");
    JsonObject *outcome;
    double total_bytes;
    int64_t began_us = 0;

    if (!result) {
        return NULL;
    }
    if (result->started) {
        clock_parse_utc(result->started, &began_us, NULL);
    }
    total_bytes = MIB * number(run, "settings.memory_mib", 0);
    history = json_object_new_array();
    if (record) {
        add_polls(history, record, (double)began_us / 1e6, total_bytes);
    }
    add_end(history, run, result, (double)began_us / 1e6, total_bytes);
    report = json_object_new_object();
    jobj_add(report, "hardware", hardware_of(run));
    jobj_add(report, "scenario", scenario_of(run, result));
    jobj_add(report, "progress_history", history);
    for (size_t i = 0; i < G_N_ELEMENTS(timings); i++) {
        jobj_add(report, timings[i], json_object_new_array());
    }
    outcome = json_object_new_object();
    jobj_add_bool(outcome, "success", result->status == RESULT_COMPLETED);
    jobj_add(report, "result", outcome);
    jobj_add_string(report, "binary", "qemu-system-x86_64");
    jobj_add_string(report, "dst_host", "host2");
    jobj_add_string(report, "kernel", "");
    jobj_add_string(report, "initrd", "");
    jobj_add_string(report, "transport", "tcp");
    jobj_add_i64(report, "sleep", 0);
    return report;
}
