/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-export.c - a run for guestperf's tools, and one without names
 */
#include <criterion/criterion.h>
#include <string.h>

#include "experiment/anonymize.h"
#include "experiment/guestperf.h"
#include "experiment/result.h"

static const char text[] =
    "{\"schema\":\"vmferry-experiment/1\",\"scenario\":\"s\","
    "\"run\":{\"guest\":\"vm2\",\"wire\":\"50mbit\",\"cross\":\"four\","
    "\"method\":\"post-copy\",\"repetition\":3,\"order\":1,\"attempt\":1},"
    "\"started\":\"2026-01-01T00:00:10+00:00\",\"cut_off_s\":180,"
    "\"downtime_limit_ms\":300,"
    "\"outcome\":{\"status\":\"completed\",\"total_s\":4.0,\"downtime_ms\":120,"
    "\"bytes\":10000000,\"iterations\":2,"
    "\"message\":\"guest 'web' on qemu+tcp://10.1.2.3/system: /a/b/log, "
    "10.1.2.3\"},"
    "\"settings\":{\"kind\":\"post-copy\",\"memory_mib\":512,\"vcpus\":2},"
    "\"command\":\"/home/me/vmferry migrate web qemu+tcp://10.1.2.3/system\","
    "\"machine\":{\"processor\":\"P\",\"kernel\":\"K\",\"processors\":2},"
    "\"job\":\"Job type: 3\\n\\nmemory_constant: 70\\nmemory_normal: 2400\\n"
    "setup_time: 5\\n\","
    "\"record\":{\"started_us\":1000000,\"host\":{\"name\":\"secret\"},"
    "\"guest\":{\"name\":\"web\",\"uuid\":\"u\",\"vcpus\":2},"
    "\"warnings\":[\"look at /var/log/x.log\"],"
    "\"iterations\":[{\"iter\":1,\"dirty_pages\":600,\"duration_ms\":2000,"
    "\"ended_us\":3000000}],"
    "\"events\":[{\"kind\":\"start\",\"at_us\":0},"
    "{\"kind\":\"poll\",\"at_us\":1000000,\"pass\":1,\"sent_bytes\":1000000,"
    "\"remaining_bytes\":9000000,\"normal_pages\":240,\"duplicate_pages\":7},"
    "{\"kind\":\"poll\",\"at_us\":3000000,\"pass\":2,\"sent_bytes\":5000000,"
    "\"remaining_bytes\":2000000,\"normal_pages\":1200,"
    "\"duplicate_pages\":70}]}}";

static double
number(JsonObject *json, const char *path)
{
    Known value = jobj_get_known(json, path);

    cr_assert(value.known, "%s", path);
    return value.value;
}

Test(guestperf, has_its_members)
{
    g_autoptr(JsonObject) run = jobj_parse(text, strlen(text), NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonObject) report = guestperf_report(run, &error);
    static const char *const members[] = {
        "hardware",     "scenario",     "progress_history", "guest_timings",
        "qemu_timings", "vcpu_timings", "binary",           "dst_host",
        "kernel",       "initrd",       "transport",        "sleep",
        "result",
    };
    /* that QEMU 10.0's looks for beside those of 7.2 */
    static const char *const since[] = {
        "hardware.dirty_ring_size",
        "scenario.multifd_compression",
        "result.success",
    };
    static const char *const since_in_progress[] = {
        "dirty_limit_throttle_time_per_round",
        "dirty_limit_ring_full_time",
    };
    JsonObject *history, *at;
    const char *status = NULL;
    bool post_copy = false;

    cr_assert(report, "%s", error ? error->message : "");
    cr_assert_eq(json_object_object_length(report), G_N_ELEMENTS(members));
    for (size_t i = 0; i < G_N_ELEMENTS(members); i++) {
        cr_assert(jobj_get(report, members[i]), "%s", members[i]);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(since); i++) {
        cr_assert(jobj_get(report, since[i]), "%s", since[i]);
    }
    cr_assert_float_eq(number(report, "hardware.mem"), 0.5, 1e-9);
    cr_assert_eq(number(report, "hardware.cpus"), 2);
    cr_assert_eq(number(report, "scenario.max_time"), 180);
    cr_assert(jobj_get_bool(report, "scenario.post_copy", &post_copy));
    cr_assert(post_copy);

    history = jobj_get(report, "progress_history");
    cr_assert_eq(json_object_array_length(history), 3);
    at = json_object_array_get_idx(history, 1);
    for (size_t i = 0; i < G_N_ELEMENTS(since_in_progress); i++) {
        cr_assert_eq(number(at, since_in_progress[i]), 0);
    }
    /* 4 MB in 2 s; 600 pages in the 2 s of pass 1 */
    cr_assert_float_eq(number(at, "ram.transfer_rate_mbs"), 16, 1e-9);
    cr_assert_eq(number(at, "ram.dirty_rate_pps"), 300);
    cr_assert_eq(number(at, "duration"), 3000);
    cr_assert_float_eq(number(at, "now"), 1767225613, 1e-3);
    at = json_object_array_get_idx(history, 2);
    cr_assert(jobj_get_string(at, "status", &status));
    cr_assert_str_eq(status, "completed");
    cr_assert_eq(number(at, "downtime"), 120);
    cr_assert_eq(number(at, "ram.normal_pages"), 2400);
    cr_assert_eq(number(at, "setup_time"), 5);
}

Test(guestperf, refuses_what_is_no_result)
{
    g_autoptr(JsonObject) other = jobj_parse("{\"a\":1}", 7, NULL);
    g_autoptr(GError) error = NULL;

    cr_assert_null(guestperf_report(other, &error));
    cr_assert_not_null(error);
}

Test(anonymize, takes_names_out_and_leaves_figures)
{
    g_autoptr(JsonObject) run = jobj_parse(text, strlen(text), NULL);
    g_autofree char *after = NULL;
    g_autoptr(Result) result = NULL;
    static const char *const names[] = { "secret", "10.1.2.3", "/home", "/a/b",
                                         "\"P\"",  "\"K\"",    "/var" };

    result_anonymize(run);
    after = jobj_to_text(run, false);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        cr_assert_null(strstr(after, names[i]), "%s is left in %s", names[i],
                       after);
    }
    cr_assert(strstr(after, "vmferry migrate web URI"), "%s", after);
    cr_assert(strstr(after, "look at x.log"), "%s", after);
    cr_assert_eq(number(run, "machine.processors"), 2);
    result = result_parse(after, strlen(after), NULL);
    cr_assert(result && result->total_s.known);
}

Test(anonymize, does_no_harm_to_anything_else)
{
    static const char *const others[] = {
        "{}", "{\"record\":3,\"machine\":[],\"command\":5}",
        "{\"record\":{\"warnings\":{},\"guest\":null}}"
    };

    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        g_autoptr(JsonObject) json =
            jobj_parse(others[i], strlen(others[i]), NULL);

        result_anonymize(json);
    }
}
