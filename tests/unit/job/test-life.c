/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-life.c - states, rows, decisions and progress of a whole migration
 */
#include <criterion/criterion.h>
#include <math.h>

#include "script.h"

static const Script calm = {
    .memory_pages = 40000,
    .set_pages = 16384,
    .write_pages_s = 800,
    .bandwidth_bytes_s = 5e6,
    .root_bytes_s = 6.06e6,
    .most_passes = 40,
};

static GArray *
run(const Script *script, PolicyKind kind)
{
    JobConfig config = script_config(script, kind);
    g_autoptr(Job) job = job_new(&config);

    return script_run(script, job, NULL);
}

Test(job_life, states_follow_the_picture)
{
    static const JobState want[] = { JOB_PRECOPY, JOB_SWITCHOVER, JOB_DONE };
    g_autoptr(GArray) actions = run(&calm, POLICY_DEFAULT);
    unsigned seen = 0;

    for (guint i = 0; i < actions->len; i++) {
        const JobAction *action = &g_array_index(actions, JobAction, i);

        if (action->kind == JOB_ACTION_STATE) {
            cr_assert_lt(seen, G_N_ELEMENTS(want));
            cr_expect_eq(action->state, want[seen++]);
        }
    }
    cr_expect_eq(seen, G_N_ELEMENTS(want));
}

Test(job_life, given_up_is_failed)
{
    Script busy = calm;
    g_autoptr(GArray) actions = NULL;
    const JobAction *last = NULL;

    busy.write_pages_s = 20000;
    busy.most_passes = 6;
    actions = run(&busy, POLICY_DEFAULT);
    for (guint i = 0; i < actions->len; i++) {
        const JobAction *action = &g_array_index(actions, JobAction, i);

        if (action->kind == JOB_ACTION_STATE) {
            last = action;
        }
    }
    cr_assert_not_null(last);
    cr_expect_eq(last->state, JOB_FAILED);
}

Test(job_life, every_row_from_the_third_has_its_forecast)
{
    g_autoptr(GArray) actions = run(&calm, POLICY_DEFAULT);
    unsigned rows = 0;

    for (guint i = 0; i < actions->len; i++) {
        const JobAction *action = &g_array_index(actions, JobAction, i);
        const JobIteration *iteration = &action->iteration;

        if (action->kind != JOB_ACTION_ROW) {
            continue;
        }
        rows++;
        cr_expect_eq(iteration->row.iter, rows, "row %u comes as number %u",
                     iteration->row.iter, rows);
        if (iteration->row.iter >= 3) {
            cr_expect(iteration->forecast.pages.known, "row %u has no forecast",
                      iteration->row.iter);
        }
    }
    cr_expect_geq(rows, 3);
}

Test(job_life, rows_tell_what_the_guest_dirtied)
{
    g_autoptr(GArray) actions = run(&calm, POLICY_NONE);

    for (guint i = 0; i < actions->len; i++) {
        const JobAction *action = &g_array_index(actions, JobAction, i);
        const SampleRow *row = &action->iteration.row;
        double want;

        if (action->kind != JOB_ACTION_ROW || row->final) {
            continue;
        }
        want =
            calm.set_pages *
            (1 - exp(-calm.write_pages_s * row->duration_s / calm.set_pages));
        cr_assert(row->dirty_pages.known);
        cr_expect_float_eq(row->dirty_pages.value, want, 3,
                           "row %u: %f pages, the guest wrote %f", row->iter,
                           row->dirty_pages.value, want);
    }
}

Test(job_life, policy_none_decides_nothing)
{
    Script unshaped = calm;
    g_autoptr(GArray) actions = NULL;

    unshaped.root_bytes_s = 0;
    actions = run(&unshaped, POLICY_NONE);
    cr_expect_eq(actions_count(actions, JOB_ACTION_DECIDED), 0);
    cr_expect_gt(actions_count(actions, JOB_ACTION_ROW), 2);
}

Test(job_life, guarantees_fit_the_link)
{
    g_autoptr(GArray) actions = run(&calm, POLICY_DEFAULT);
    double most = calm.root_bytes_s * 0.99;
    unsigned decided = 0;

    for (guint i = 0; i < actions->len; i++) {
        const JobAction *action = &g_array_index(actions, JobAction, i);

        if (action->kind == JOB_ACTION_DECIDED) {
            decided++;
            cr_expect_leq((double)action->decision.guarantee_bytes_s, most + 1);
            cr_expect_geq(action->decision.ceiling_bytes_s,
                          action->decision.guarantee_bytes_s);
            cr_expect_neq(action->decision.reason[0], '\0');
        }
    }
    cr_expect_gt(decided, 2);
}

Test(job_life, progress_never_runs_backwards)
{
    JobConfig config = script_config(&calm, POLICY_DEFAULT);
    g_autoptr(JsonObject) events = json_object_new_array();
    g_autoptr(Job) first = job_new(&config);
    g_autoptr(Job) job = job_new(&config);
    g_autoptr(GArray) actions = script_run(&calm, first, events);
    double before = 0;

    for (size_t i = 0; i < json_object_array_length(events); i++) {
        JobEvent event;
        JobProgress now;

        cr_assert(job_event_from_json(json_object_array_get_idx(events, i),
                                      &event, NULL));
        job_feed(job, &event);
        job_progress(job, &now);
        cr_expect_geq(now.share, before);
        before = now.share;
    }
    cr_expect_float_eq(before, 1, 0);
}

Test(job_life, nothing_happens_after_the_end)
{
    JobConfig config = script_config(&calm, POLICY_DEFAULT);
    g_autoptr(Job) job = job_new(&config);
    JobEvent end = { .kind = JOB_EVENT_END, .at_us = 1 };
    JobEvent pass = { .kind = JOB_EVENT_PASS, .at_us = 2, .pass = 1 };

    job_feed(job, &end);
    cr_expect_eq(job_state(job), JOB_FAILED);
    cr_expect_eq(job_feed(job, &pass)->len, 0);
    cr_expect_eq(job_feed(job, &end)->len, 0);
}

/* A refused change must not be taken for what is in force. */
Test(job_life, a_refused_change_is_asked_for_again)
{
    JobConfig config = script_config(&calm, POLICY_DEFAULT);
    g_autoptr(Job) job = job_new(&config);
    JobEvent start = { .kind = JOB_EVENT_START };
    JobEvent link = { .kind = JOB_EVENT_LINK, .at_us = 10 };
    JobEvent refused = { .kind = JOB_EVENT_SHAPED, .at_us = 20 };
    JobEvent counters = { .kind = JOB_EVENT_COUNTERS, .at_us = 1000000 };
    const GArray *actions;

    link.link = (JobLink){ .root_bytes_s = 6e6, .others_bytes_s = 6e4 };
    job_feed(job, &start);
    actions = job_feed(job, &link);
    cr_assert_eq(actions_count(actions, JOB_ACTION_DECIDED), 1);
    cr_expect(g_array_index(actions, JobAction, 0).shape);
    job_feed(job, &refused);

    actions = job_feed(job, &counters);
    cr_assert_eq(actions_count(actions, JOB_ACTION_POINT), 1);
    cr_expect_eq(g_array_index(actions, JobAction, 0).point.guarantee_bytes_s,
                 0);
}

/* Paused by its administrator and set going again: that was no switchover. */
Test(job_life, a_guest_that_runs_again_is_in_precopy)
{
    static const JobEventKind kinds[] = { JOB_EVENT_START, JOB_EVENT_PASS,
                                          JOB_EVENT_STOPPED,
                                          JOB_EVENT_RESUMED };
    static const JobState want[] = { JOB_PREPARING, JOB_PRECOPY, JOB_SWITCHOVER,
                                     JOB_PRECOPY };
    JobConfig config = script_config(&calm, POLICY_DEFAULT);
    g_autoptr(Job) job = job_new(&config);

    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        JobEvent event = { .kind = kinds[i],
                           .at_us = (int64_t)i * 1000,
                           .pass = 1 };

        job_feed(job, &event);
        cr_expect_eq(job_state(job), want[i]);
    }
}
