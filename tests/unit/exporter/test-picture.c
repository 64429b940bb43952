/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-picture.c - documents in, metrics and the page's document out
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "tools/exporter/picture.h"

#define T0 1772366400000000ll
#define SECOND 1000000ll

static const PictureExporter exporter = { .version = "1", .connects = 1 };

static JsonObject *json(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* Single quotes for double ones, for it reads better. */
static JsonObject *
json(const char *format, ...)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    JsonObject *object;
    va_list list;

    va_start(list, format);
    text = g_strdup_vprintf(format, list);
    va_end(list);
    g_strdelimit(text, "'", '"');
    object = jobj_parse(text, strlen(text), &error);
    cr_assert(object != NULL, "%s: %s", text, error ? error->message : "");
    return object;
}

static Picture *
picture_of(const char *status)
{
    Picture *picture = picture_new();
    g_autoptr(JsonObject) greeting = json("{'protocol': 1}");
    g_autoptr(JsonObject) document = json("%s", status);

    picture_connected(picture, greeting, T0);
    picture_set_status(picture, document, T0);
    return picture;
}

static char *
metrics_of(const Picture *picture)
{
    g_autoptr(Prom) prom = prom_new();

    picture_metrics(picture, &exporter, prom, T0 + 2 * SECOND);
    return g_strdup(prom_text(prom, NULL));
}

static void
expect_line(const Picture *picture, const char *line)
{
    g_autofree char *text = metrics_of(picture);
    g_autofree char *whole = g_strdup_printf("\n%s\n", line);

    cr_expect(strstr(text, whole) != NULL, "no line %s in\n%s", line, text);
}

static void
expect_none(const Picture *picture, const char *part)
{
    g_autofree char *text = metrics_of(picture);

    cr_expect(strstr(text, part) == NULL, "%s in\n%s", part, text);
}

Test(picture, without_a_daemon_there_are_no_figures_of_it)
{
    g_autoptr(Picture) picture =
        picture_of("{'sessions': [{'session': '1', 'guest': 'a',"
                   "'state': 'precopy', 'mode': 'enforce'}]}");

    expect_line(picture, "vmferry_daemon_up 1");
    expect_line(picture, "vmferry_sessions{state=\"precopy\",mode=\"enforce\"}"
                         " 1");
    picture_lost(picture, "it is gone", T0 + SECOND);
    expect_line(picture, "vmferry_daemon_up 0");
    expect_none(picture, "vmferry_sessions{");
    expect_none(picture, "vmferry_session_info{");
}

Test(picture, figures_of_a_session)
{
    g_autoptr(Picture) picture = picture_of(
        "{'sessions': [{'session': '1', 'guest': 'a', 'state': 'precopy',"
        "'mode': 'enforce', 'guarantee_bytes_s': 3000000, 'in_force': false,"
        "'converges': null, 'held': null,"
        "'forecast': {'end_s': {'value': 12.5}}}]}");

    expect_line(picture, "vmferry_session_guarantee_bytes_per_second{"
                         "session=\"1\",guest=\"a\"} 3000000");
    expect_line(picture,
                "vmferry_session_in_force{session=\"1\",guest=\"a\"} 0");
    expect_line(picture, "vmferry_session_held{session=\"1\",guest=\"a\"} 0");
    expect_line(picture, "vmferry_session_forecast_end_seconds{session=\"1\","
                         "guest=\"a\"} 12.5");
    expect_none(picture, "vmferry_session_converges{");
}

Test(picture, a_guest_with_a_hostile_name)
{
    g_autoptr(Picture) picture =
        picture_of("{'sessions': [{'session': '1', 'guest': 'a\\\"} 1\\nx 2',"
                   "'state': 'precopy', 'mode': 'enforce', 'iteration': 4}]}");

    expect_line(picture, "vmferry_session_iteration{session=\"1\","
                         "guest=\"a\\\"} 1\\nx 2\"} 4");
}

Test(picture, queues_by_link)
{
    g_autoptr(Picture) picture =
        picture_of("{'links': [{'link': 'eth0'}, {'link': 'eth1'}],"
                   "'queue': [{'link': 'eth1', 'waiting_s': 4},"
                   "{'link': 'eth1', 'waiting_s': 40.5}]}");

    expect_line(picture, "vmferry_queue_length{link=\"eth0\"} 0");
    expect_line(picture, "vmferry_queue_length{link=\"eth1\"} 2");
    expect_line(picture,
                "vmferry_queue_longest_wait_seconds{link=\"eth1\"} 40.5");
}

static void
status_with_bytes(Picture *picture, double bytes, int64_t at_us)
{
    g_autoptr(JsonObject) status =
        json("{'links': [{'link': 'eth1', 'use_bytes_s': null, 'classes': ["
             "{'id': '1:1', 'role': 'migration', 'owner': 'a',"
             "'bytes': %.0f, 'use_bytes_s': null}]}]}",
             bytes);

    picture_set_status(picture, status, at_us);
}

Test(picture, rates_come_from_counters_where_the_daemon_has_none)
{
    g_autoptr(Picture) picture = picture_of("{}");
    g_autoptr(JsonObject) document = NULL;
    JsonObject *points;

    status_with_bytes(picture, 1e6, T0 + SECOND);
    expect_none(picture, "vmferry_link_class_use_bytes_per_second{");
    status_with_bytes(picture, 4e6, T0 + 3 * SECOND);
    expect_line(picture,
                "vmferry_link_class_use_bytes_per_second{link=\"eth1\","
                "class=\"1:1\",role=\"migration\",owner=\"a\"} 1500000");
    expect_line(picture,
                "vmferry_link_use_bytes_per_second{link=\"eth1\"} 1500000");
    /* asked again at once: the rate stays what it was */
    status_with_bytes(picture, 4e6, T0 + 3 * SECOND + 1000);
    expect_line(picture,
                "vmferry_link_use_bytes_per_second{link=\"eth1\"} 1500000");
    /* a new class under the old name starts at nothing */
    status_with_bytes(picture, 10, T0 + 4 * SECOND);
    expect_none(picture, "vmferry_link_class_use_bytes_per_second{");

    document = picture_document(picture, true, &exporter, T0 + 4 * SECOND);
    points = jobj_get(document, "link_points");
    cr_assert(json_object_object_get_ex(points, "eth1", &points));
    cr_expect(eq(sz, json_object_array_length(points), 3));
}

Test(picture, ten_minutes_of_points_are_kept)
{
    g_autoptr(Picture) picture = picture_of("{}");
    g_autoptr(JsonObject) whole = NULL, latest = NULL;
    JsonObject *points;

    for (int i = 0; i < 1000; i++) {
        status_with_bytes(picture, i * 1e6, T0 + i * SECOND);
    }
    whole = picture_document(picture, true, &exporter, T0 + 1000 * SECOND);
    cr_assert(json_object_object_get_ex(jobj_get(whole, "link_points"), "eth1",
                                        &points));
    cr_expect(le(sz, json_object_array_length(points), 601));
    cr_expect(ge(sz, json_object_array_length(points), 599));
    latest = picture_document(picture, false, &exporter, T0 + 1000 * SECOND);
    cr_assert(json_object_object_get_ex(jobj_get(latest, "link_points"), "eth1",
                                        &points));
    cr_expect(le(sz, json_object_array_length(points), 2));
}

static JsonObject *
iterations_of(const Picture *picture, const char *session)
{
    g_autoptr(JsonObject) document =
        picture_document(picture, true, &exporter, T0);
    JsonObject *list = NULL;

    json_object_object_get_ex(jobj_get(document, "iterations"), session, &list);
    return json_object_get(list);
}

static void
tell_iteration(Picture *picture, unsigned number, double pages)
{
    g_autoptr(JsonObject) event =
        json("{'event': 'session-iteration', 'data': {'session': '1',"
             "'iteration': {'iter': %u, 'dirty_pages': %f}}}",
             number, pages);

    cr_expect(picture_event(picture, event));
}

Test(picture, iterations_stand_in_order_whenever_they_come)
{
    g_autoptr(Picture) picture =
        picture_of("{'sessions': [{'session': '1', 'guest': 'a'}]}");
    g_autoptr(JsonObject) earlier =
        json("{'i': [{'iter': 1, 'dirty_pages': 10}, {'iter': 2,"
             "'dirty_pages': 20}, {'iter': 0}, {'no': 1}]}");
    g_autoptr(JsonObject) list = NULL;
    static const int want[] = { 10, 20, 31 };

    tell_iteration(picture, 3, 30);
    tell_iteration(picture, 3, 31);
    cr_expect(eq(str, (char *)picture_unseen_session(picture), (char *)"1"));
    cr_expect(picture_unseen_session(picture) == NULL);
    picture_set_iterations(picture, "1", jobj_get(earlier, "i"));
    list = iterations_of(picture, "1");
    cr_assert(eq(sz, json_object_array_length(list), 3));
    for (size_t i = 0; i < 3; i++) {
        Known pages =
            jobj_get_known(json_object_array_get_idx(list, i), "dirty_pages");

        cr_expect(eq(dbl, pages.value, want[i]));
    }
}

Test(picture, a_session_that_ended_is_among_the_runs)
{
    g_autoptr(Picture) picture =
        picture_of("{'sessions': [{'session': '1', 'guest': 'a'}]}");
    g_autoptr(JsonObject) ended =
        json("{'event': 'session-ended', 'data': {'session': '1', 'document':"
             "{'guest': 'a', 'destination': 'x', 'iteration': 7}, 'status':"
             "'completed', 'message': null, 'total_s': 31.5}}");
    g_autoptr(JsonObject) nobody = json("{'sessions': []}");
    g_autoptr(JsonObject) list = NULL, document = NULL;
    JsonObject *runs;

    tell_iteration(picture, 1, 10);
    picture_event(picture, ended);
    picture_event(picture, ended);
    picture_set_status(picture, nobody, T0 + SECOND);
    list = iterations_of(picture, "1");
    cr_expect(list == NULL);
    document = picture_document(picture, true, &exporter, T0);
    runs = jobj_get(document, "runs");
    cr_assert(eq(sz, json_object_array_length(runs), 1));
    cr_expect(
        eq(dbl,
           jobj_get_known(json_object_array_get_idx(runs, 0), "total_s").value,
           31.5));
}

Test(picture, counters_and_histograms)
{
    g_autoptr(Picture) picture = picture_of("{}");
    g_autoptr(JsonObject) metrics =
        json("{'decisions': [{'step': 'set', 'reason': 'convergence',"
             "'count': 3}, {'step': 'set', 'reason': 'x', 'count': -1}],"
             "'forecast': {'time_error': {'bounds': [0.1, 1], 'counts':"
             "[1, 2, 3], 'sum': 9}, 'inside': 4}}");

    picture_set_metrics(picture, metrics);
    expect_line(picture, "vmferry_decisions_total{step=\"set\","
                         "reason=\"convergence\"} 3");
    expect_none(picture, "reason=\"x\"");
    expect_line(picture,
                "vmferry_forecast_time_error_ratio_bucket{le=\"1\"} 3");
    expect_line(picture, "vmferry_forecast_time_error_ratio_count 6");
    expect_line(picture, "vmferry_forecast_outcomes_total{interval=\"inside\"}"
                         " 4");
}

Test(picture, a_list_without_end_is_summed)
{
    g_autoptr(Picture) picture = picture_of("{}");
    g_autoptr(JsonObject) metrics = json("{'decisions': []}");
    JsonObject *list = jobj_get(metrics, "decisions");

    for (int i = 0; i < 150; i++) {
        json_object_array_add(
            list, json("{'step': 'set', 'reason': 'r%d', 'count': 2}", i));
    }
    picture_set_metrics(picture, metrics);
    expect_line(picture, "vmferry_decisions_total{step=\"set\",reason=\"r99\"}"
                         " 2");
    expect_line(picture, "vmferry_decisions_total{step=\"other\","
                         "reason=\"other\"} 100");
    expect_none(picture, "reason=\"r100\"");
}

/* What makes no sense is left out; nothing of it may end the program. */
typedef struct NonsenseCase {
    char text[200];
} NonsenseCase;

ParameterizedTestParameters(picture, nonsense)
{
    static NonsenseCase cases[] = {
        { "{'sessions': 3, 'links': {}, 'queue': 'x', 'daemon': []}" },
        { "{'sessions': [1, null, []], 'links': [[]], 'queue': [null]}" },
        { "{'sessions': [{}], 'links': [{}], 'queue': [{}], 'alerts': [{}]}" },
        { "{'sessions': [{'session': 3, 'guest': [], 'state': {},"
          "'iteration': 'x', 'forecast': 1, 'held': 3}]}" },
        { "{'links': [{'link': 'a', 'classes': [{'bytes': -1}, {'id': 7},"
          "{'role': 'migration', 'use_bytes_s': -3}], 'destinations': 3}]}" },
        { "{'daemon': {'since': 'yesterday', 'mode': 'x', 'libvirt': 3},"
          "'track_record': [], 'alerts': {}}" },
    };

    return cr_make_param_array(NonsenseCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(NonsenseCase *one, picture, nonsense)
{
    g_autoptr(Picture) picture = picture_of(one->text);
    g_autoptr(JsonObject) document = json("%s", one->text);
    g_autoptr(JsonObject) event =
        json("{'event': 'session-ended', 'data': {'session': 3}}");
    g_autoptr(JsonObject) shown = NULL;

    picture_set_metrics(picture, document);
    picture_set_runs(picture, document);
    picture_set_iterations(picture, "1", document);
    picture_event(picture, document);
    picture_event(picture, event);
    picture_set_status(picture, document, T0 + SECOND);
    expect_line(picture, "vmferry_daemon_up 1");
    shown = picture_document(picture, true, &exporter, T0);
    cr_expect(shown != NULL);
}
