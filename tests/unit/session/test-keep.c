/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-keep.c - a session that lasts for days keeps no more than its bounds
 */
#include <criterion/criterion.h>
#include <string.h>

#include "session/session-priv.h"

static const SessionHands hands = { 0 };

static Session *
session_of_paper(bool shared)
{
    Session *session = g_new0(Session, 1);

    session->record = run_record_new();
    session->events = g_byte_array_new();
    session->point_stride = 1;
    session->spec.hands = shared ? &hands : NULL;
    return session;
}

static void
tear(Session *session)
{
    run_record_free(session->record);
    g_byte_array_unref(session->events);
    g_free(session);
}

static JobEvent
poll_at(int64_t at_us)
{
    JobEvent event = { .kind = JOB_EVENT_POLL, .at_us = at_us };

    event.poll.at_us = at_us;
    event.poll.pass = 3;
    event.poll.sent_bytes = (uint64_t)at_us;
    return event;
}

/* All kinds come back as they were, whatever is packed behind them. */
Test(keep, events_come_back)
{
    Session *session = session_of_paper(true);
    g_autoptr(JsonObject) kept = NULL;
    g_autoptr(GPtrArray) want = g_ptr_array_new_with_free_func(g_free);

    for (int kind = 0; kind < JOB_N_EVENTS; kind++) {
        JobEvent event = { .kind = (JobEventKind)kind, .at_us = kind };
        g_autoptr(JsonObject) json = NULL;

        if (kind == JOB_EVENT_GRANTED) {
            g_strlcpy(event.grant.reason, "so much", sizeof("so much"));
            event.grant.ceiling_bytes_s = 77;
        } else if (kind == JOB_EVENT_SETTINGS) {
            policy_settings_init(&event.settings, POLICY_PAPER);
            event.asks = POLICY_ASK_URGENT;
        } else if (kind == JOB_EVENT_POLL) {
            event = poll_at(kind);
        } else if (kind == JOB_EVENT_COUNTERS) {
            event.counters.mem_used = known(0.5);
        } else if (kind == JOB_EVENT_LINK) {
            event.link.application_bytes = 78;
        } else if (kind == JOB_EVENT_PASS) {
            event.pass = 9;
        } else if (kind == JOB_EVENT_END) {
            event.outcome.bytes = known(79);
        } else if (kind == JOB_EVENT_SHAPED) {
            event.shaped = true;
        }
        session_keep_event(session, &event);
        json = job_event_to_json(&event);
        g_ptr_array_add(want, jobj_to_text(json, false));
    }
    kept = session_kept_events(session);
    cr_assert_eq(json_object_array_length(kept), JOB_N_EVENTS);
    for (size_t i = 0; i < JOB_N_EVENTS; i++) {
        g_autofree char *text =
            jobj_to_text(json_object_array_get_idx(kept, i), false);

        cr_expect_str_eq(text, g_ptr_array_index(want, i));
    }
    cr_expect_eq(session->dropped_events, 0);
    tear(session);
}

/* "session->events grew without bound": a week of polls, four a second. */
Test(keep, a_week_of_events_is_bounded_and_counted)
{
    Session *session = session_of_paper(true);
    g_autoptr(JsonObject) extra = json_object_new_object();
    g_autoptr(JsonObject) kept = NULL;
    uint64_t told = 7 * 24 * 3600 * 4, dropped = 0;
    JobEvent end = { .kind = JOB_EVENT_END };

    for (uint64_t i = 0; i < told; i++) {
        JobEvent event = poll_at((int64_t)i * 250000);

        session_keep_event(session, &event);
    }
    session_keep_event(session, &end); /* small, and no hole before it */
    cr_expect_leq(session->events->len, 1 << 20);
    kept = session_kept_events(session);
    session_record_dropped(session, extra);
    jobj_get_u64(extra, "dropped.events", &dropped);
    cr_expect_gt(json_object_array_length(kept), 5000);
    cr_expect_eq(json_object_array_length(kept) + dropped, told + 1);
    tear(session);
}

Test(keep, points_cover_the_whole_time)
{
    Session *session = session_of_paper(true);
    GArray *points = session->record->points;
    g_autoptr(JsonObject) extra = json_object_new_object();
    uint64_t stride = 0;
    double last_s = -1;

    for (int i = 0; i < 100000; i++) {
        session_keep_point(session, &(RunPoint){ .t_s = i / 4.0 });
    }
    session_record_dropped(session, extra);
    cr_assert(jobj_get_u64(extra, "dropped.one_point_of", &stride));
    cr_expect_leq(points->len, 3600);
    cr_expect_gt(points->len, 1500);
    for (guint i = 0; i < points->len; i++) {
        double t_s = g_array_index(points, RunPoint, i).t_s;

        cr_expect_eq(t_s, i * (double)stride / 4, "point %u at %g", i, t_s);
        last_s = t_s;
    }
    cr_expect_gt(last_s, 25000 - (double)stride / 4 - 1);
    tear(session);
}

Test(keep, rows_warnings_and_costs_have_an_end)
{
    Session *session = session_of_paper(false);
    g_autoptr(JsonObject) extra = json_object_new_object();
    g_autoptr(GArray) costs = g_array_new(FALSE, FALSE, sizeof(double));
    RunDecision decision = { 0 };
    uint64_t n = 0, rows = 0, warnings = 0;

    session_record_dropped(session, extra);
    cr_expect_null(jobj_get(extra, "dropped"), "nothing was");
    for (int i = 0; i < 30000; i++) {
        session_keep_warning(session, g_strdup("again"));
        session_keep_cost(costs, &n, i);
        if (session_has_room(session, session->record->decisions)) {
            g_array_append_val(session->record->decisions, decision);
        }
    }
    session_record_dropped(session, extra);
    jobj_get_u64(extra, "dropped.rows", &rows);
    jobj_get_u64(extra, "dropped.warnings", &warnings);
    cr_expect_eq(session->record->decisions->len + rows, 30000);
    cr_expect_eq(session->record->warnings->len + warnings, 30000);
    cr_expect_eq(session->record->warnings->len, 200);
    cr_expect_eq(costs->len, 10000);
    cr_expect_eq(g_array_index(costs, double, 9999), 29999, "the latest");
    tear(session);
}
