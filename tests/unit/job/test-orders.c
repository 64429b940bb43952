/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-orders.c - what a daemon tells a job: observe only, others' decisions
 */
#include <criterion/criterion.h>
#include <string.h>

#include "script.h"

static const Script script = {
    .memory_pages = 40000,
    .set_pages = 16384,
    .write_pages_s = 800,
    .bandwidth_bytes_s = 5e6,
    .root_bytes_s = 6.06e6,
    .most_passes = 40,
};

static void
advise_only(Job *job, JsonObject *events)
{
    JobEvent event = { .kind = JOB_EVENT_ADVISORY, .advisory = true };

    json_object_array_add(events, job_event_to_json(&event));
    job_feed(job, &event);
}

Test(job_orders, an_observer_decides_and_puts_nothing_into_force)
{
    JobConfig config = script_config(&script, POLICY_DEFAULT);
    g_autoptr(Job) job = job_new(&config);
    g_autoptr(JsonObject) events = json_object_new_array();
    g_autoptr(GArray) actions = NULL;
    g_autoptr(GArray) replayed = NULL;
    unsigned decided = 0;

    advise_only(job, events);
    actions = script_run(&script, job, events);
    for (guint i = 0; i < actions->len; i++) {
        const JobAction *action = &g_array_index(actions, JobAction, i);

        if (action->kind == JOB_ACTION_DECIDED) {
            decided++;
            cr_expect_not(action->shape);
            cr_expect_gt(action->decision.guarantee_bytes_s, 0);
        } else if (action->kind == JOB_ACTION_FORECAST) {
            cr_expect_eq(action->iteration.guarantee_bytes_s, 0,
                         "a guarantee that was never given");
        } else if (action->kind == JOB_ACTION_POINT) {
            cr_expect_eq(action->point.guarantee_bytes_s, 0);
        }
    }
    cr_expect_gt(decided, 3);
    cr_expect_eq(job_in_force(job)->guarantee_bytes_s, 0);
    replayed = job_replay(&config, events, NULL);
    cr_assert_not_null(replayed);
    cr_expect_eq(actions_count(replayed, JOB_ACTION_DECIDED), decided);
}

/* A daemon that starts in mid-migration hears of it before it has a link. */
Test(job_orders, one_that_is_in_postcopy_already_gets_the_link)
{
    JobConfig config = script_config(&script, POLICY_DEFAULT);
    g_autoptr(Job) job = job_new(&config);
    JobEvent start = { .kind = JOB_EVENT_START };
    JobEvent postcopy = { .kind = JOB_EVENT_POSTCOPY, .at_us = 1000 };
    JobEvent link = { .kind = JOB_EVENT_LINK,
                      .at_us = 2000,
                      .link = { .root_bytes_s = 6e6, .others_bytes_s = 2e5 } };
    const GArray *actions;

    job_feed(job, &start);
    cr_expect_eq(actions_count(job_feed(job, &postcopy), JOB_ACTION_DECIDED),
                 0);
    actions = job_feed(job, &link);
    cr_assert_eq(actions_count(actions, JOB_ACTION_DECIDED), 1);
    for (guint i = 0; i < actions->len; i++) {
        const JobAction *action = &g_array_index(actions, JobAction, i);

        if (action->kind == JOB_ACTION_DECIDED) {
            cr_expect(action->shape);
            cr_expect_eq(action->decision.guarantee_bytes_s, 5800000);
            cr_expect_eq(action->decision.ceiling_bytes_s, 6000000);
        }
    }
    cr_expect_eq(job_state(job), JOB_POSTCOPY);
    link.at_us = 3000;
    cr_expect_eq(actions_count(job_feed(job, &link), JOB_ACTION_DECIDED), 0,
                 "once is enough");
}

/* The forecast of an observer is of the migration as it is: the stream has what
 * it has, not what would have been guaranteed. */
Test(job_orders, an_observer_forecasts_what_will_be)
{
    JobConfig plain = script_config(&script, POLICY_NONE);
    JobConfig shaping = script_config(&script, POLICY_DEFAULT);
    g_autoptr(Job) alone = job_new(&plain);
    g_autoptr(Job) observed = job_new(&shaping);
    g_autoptr(JsonObject) events = json_object_new_array();
    g_autoptr(GArray) a = script_run(&script, alone, NULL);
    g_autoptr(GArray) b = NULL;
    guint j = 0;

    advise_only(observed, events);
    b = script_run(&script, observed, NULL);
    for (guint i = 0; i < a->len; i++) {
        const JobAction *one = &g_array_index(a, JobAction, i);

        if (one->kind != JOB_ACTION_ROW) {
            continue;
        }
        while (g_array_index(b, JobAction, j).kind != JOB_ACTION_ROW) {
            j++;
        }
        cr_expect_float_eq(
            one->iteration.migration.time_s.value,
            g_array_index(b, JobAction, j).iteration.migration.time_s.value,
            1e-9);
        j++;
    }
}

Test(job_orders, what_an_arbiter_grants_is_in_force)
{
    JobConfig config = script_config(&script, POLICY_DEFAULT);
    g_autoptr(Job) job = job_new(&config);
    JobEvent granted = { .kind = JOB_EVENT_GRANTED,
                         .at_us = 10,
                         .grant = { .step = POLICY_STEP_SET,
                                    .guarantee_bytes_s = 1000,
                                    .ceiling_bytes_s = 2000,
                                    .application_bytes_s = 300,
                                    .reason = "two share it" } };
    g_autoptr(JsonObject) json = job_event_to_json(&granted);
    JobEvent again = { 0 };
    const GArray *actions;

    cr_assert(job_event_from_json(json, &again, NULL));
    actions = job_feed(job, &again);
    cr_assert_eq(actions->len, 1);
    cr_expect_eq(g_array_index(actions, JobAction, 0).kind, JOB_ACTION_DECIDED);
    cr_expect_not(g_array_index(actions, JobAction, 0).shape,
                  "it has been carried out already");
    cr_expect_str_eq(g_array_index(actions, JobAction, 0).decision.reason,
                     "two share it");
    cr_expect_eq(job_in_force(job)->guarantee_bytes_s, 1000);
    cr_expect_eq(job_in_force(job)->ceiling_bytes_s, 2000);
}

Test(job_orders, settings_change_on_the_way)
{
    JobConfig config = script_config(&script, POLICY_DEFAULT);
    g_autoptr(Job) job = job_new(&config);
    JobEvent event = { .kind = JOB_EVENT_SETTINGS };
    JobEvent again = { 0 };
    g_autoptr(JsonObject) json = NULL;

    policy_settings_init(&event.settings, POLICY_PAPER);
    event.settings.deadline_s = known(42);
    json = job_event_to_json(&event);
    cr_assert(job_event_from_json(json, &again, NULL));
    job_feed(job, &again);
    cr_expect_eq(job_settings(job)->kind, POLICY_PAPER);
    cr_expect_eq(job_settings(job)->deadline_s.value, 42);
}

Test(job_orders, events_that_lack_a_member_are_refused)
{
    static const char *const texts[] = {
        "{\"kind\":\"granted\",\"at_us\":1}",
        "{\"kind\":\"granted\",\"at_us\":1,\"guarantee_bytes_s\":1,"
        "\"ceiling_bytes_s\":1,\"application_bytes_s\":0,\"step\":99,"
        "\"reason\":\"\"}",
        "{\"kind\":\"settings\",\"at_us\":1,\"policy\":\"mine\"}",
        "{\"kind\":\"advisory\",\"at_us\":1}",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(JsonObject) json =
            jobj_parse(texts[i], strlen(texts[i]), NULL);
        g_autoptr(GError) error = NULL;
        JobEvent event;

        cr_assert_not_null(json);
        cr_expect_not(job_event_from_json(json, &event, &error), "%s",
                      texts[i]);
        cr_expect_not_null(error);
    }
}
