/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-document.c - the status document against its page, and its figures
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "ctl/document.h"

/* Each member is named in the page, as `name` or "name". */
static void
check_members(JsonObject *object, const char *page)
{
    if (json_object_is_type(object, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(object); i++) {
            check_members(json_object_array_get_idx(object, i), page);
        }
    }
    if (!json_object_is_type(object, json_type_object)) {
        return;
    }
    json_object_object_foreach (object, name, value) {
        g_autofree char *ticked = g_strdup_printf("`%s`", name);
        g_autofree char *quoted = g_strdup_printf("\"%s\"", name);

        cr_expect(strstr(page, ticked) || strstr(page, quoted),
                  "the page does not tell what %s is", name);
        check_members(value, page);
    }
}

static JsonObject *
array_of(JsonObject *one)
{
    JsonObject *array = json_object_new_array();

    json_object_array_add(array, one);
    return array;
}

Test(ctl_document, every_member_is_in_the_page)
{
    g_autofree char *page = NULL;
    CtlHeld held = { .by = "a" };
    CtlDecision decision = { .step = "set" };
    CtlSession session = { .session = "1",
                           .held = &held,
                           .decision = &decision,
                           .forecast_at_us = 1 };
    CtlClass class = { .id = "7666:1" };
    CtlDestination destination = { .address = "10.0.0.2" };
    CtlLink link = { .link = "eth0",
                     .classes = &class,
                     .n_classes = 1,
                     .destinations = &destination,
                     .n_destinations = 1 };
    CtlQueued queued = { .position = 1 };
    CtlTrackEntry entry = { .session = "1" };
    CtlAlert alert = { .alert = "store" };
    CtlDaemon daemon = { .version = "0" };
    g_autoptr(JsonObject) status =
        ctl_status_to_json(&daemon, 1, array_of(ctl_session_to_json(&session)),
                           array_of(ctl_link_to_json(&link)),
                           array_of(ctl_queued_to_json(&queued)),
                           ctl_track_record_to_json(&entry, 1),
                           array_of(ctl_alert_to_json(&alert)));

    cr_assert(g_file_get_contents(PROTOCOL_PAGE, &page, NULL, NULL));
    check_members(status, page);
}

Test(ctl_document, what_is_not_known_is_null)
{
    CtlSession session = { .session = "1", .converges = -1 };
    g_autoptr(JsonObject) object = ctl_session_to_json(&session);
    static const char *const nulls[] = {
        "guest",     "port",     "deadline_s", "remaining_bytes", "started",
        "converges", "forecast", "held",       "decision",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(nulls); i++) {
        JsonObject *value = object;

        cr_expect(json_object_object_get_ex(object, nulls[i], &value), "%s",
                  nulls[i]);
        cr_expect_null(value, "%s", nulls[i]);
    }
    cr_expect(
        json_object_is_type(jobj_get(object, "warnings"), json_type_array));
}

static double
figure(JsonObject *object, const char *name)
{
    double value = NAN;

    jobj_get_double(object, name, &value);
    return value;
}

Test(ctl_document, the_track_record_adds_up)
{
    const CtlTrackEntry entries[] = {
        /* 10 % off */
        { .status = "completed",
          .mode = "observe",
          .forecast_time_s = { known(110), known(90), known(120) },
          .time_s = known(100),
          .forecast_downtime_s = known(0.3),
          .downtime_s = known(0.2),
          .passes = 9,
          .passes_inside = 6 },
        /* 50 % off */
        { .status = "completed",
          .mode = "enforce",
          .forecast_time_s = { known(50), known(40), known(60) },
          .time_s = known(100) },
        /* 20 % off */
        { .status = "completed",
          .mode = "enforce",
          .forecast_time_s = { known(80), known(70), unknown() },
          .time_s = known(100) },
        /* did not end: no error */
        { .status = "failed",
          .mode = "enforce",
          .forecast_time_s = { known(80), known(70), known(90) },
          .time_s = known(3),
          .passes = 1,
          .passes_inside = 1 },
    };
    g_autoptr(JsonObject) track = ctl_track_record_to_json(entries, 4);

    cr_expect_eq(figure(track, "runs"), 4);
    cr_expect_eq(figure(track, "mode_observe_runs"), 1);
    cr_expect_float_eq(figure(track, "time_error_median"), 0.2, 1e-9);
    cr_expect_float_eq(figure(track, "time_error_p90"), 0.2 + 0.8 * 0.3, 1e-9);
    cr_expect_float_eq(figure(track, "downtime_error_median"), 0.5, 1e-9);
    cr_expect_float_eq(figure(track, "coverage"), 7.0 / 10, 1e-9);
    cr_expect_eq(json_object_array_length(jobj_get(track, "entries")), 4);
}

Test(ctl_document, the_track_record_is_of_a_hundred)
{
    CtlTrackEntry entries[150] = { 0 };
    g_autoptr(JsonObject) none = ctl_track_record_to_json(NULL, 0);
    g_autoptr(JsonObject) track = NULL;

    for (size_t i = 0; i < 150; i++) {
        entries[i].status = "completed";
        entries[i].time_s = known(100);
        entries[i].forecast_time_s.value = known(i < 100 ? 100 : 900);
    }
    track = ctl_track_record_to_json(entries, 150);
    cr_expect_eq(figure(track, "runs"), 100);
    cr_expect_eq(figure(track, "time_error_p90"), 0);
    cr_expect_null(jobj_get(none, "time_error_median"));
    cr_expect_null(jobj_get(none, "coverage"));
}
