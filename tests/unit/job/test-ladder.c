/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-ladder.c - a job that asks the ladder, and repeats its steps in a replay
 */
#include <criterion/criterion.h>
#include <string.h>

#include "script.h"

/* Writes a small set over and over: a plateau of some 0.8 s at this rate. */
static const Script rewriting = { .memory_pages = 40000,
                                  .set_pages = 1000,
                                  .write_pages_s = 4000,
                                  .bandwidth_bytes_s = 5e6,
                                  .root_bytes_s = 6.06e6,
                                  .most_passes = 30 };
/* Faster than the link */
static const Script hopeless = { .memory_pages = 40000,
                                 .set_pages = 30000,
                                 .write_pages_s = 9000,
                                 .bandwidth_bytes_s = 5e6,
                                 .root_bytes_s = 6.06e6,
                                 .most_passes = 12 };

static JobConfig
config_with(const Script *script, unsigned allowed)
{
    JobConfig config = script_config(script, POLICY_DEFAULT);

    config.ladder.climbs = true;
    ladder_settings_init(&config.ladder.settings);
    config.ladder.settings.allowed = allowed;
    config.ladder.guest.auto_converge_flag = true;
    return config;
}

static const LadderAdvice *
first_step(const GArray *actions, LadderAct act, unsigned *iter)
{
    for (guint i = 0; i < actions->len; i++) {
        const JobAction *action = &g_array_index(actions, JobAction, i);

        if (action->kind == JOB_ACTION_STEP && action->advice.act == act) {
            *iter = action->step_iter;
            return &action->advice;
        }
    }
    return NULL;
}

static bool
has_ended(const GArray *actions, JobState state)
{
    for (guint i = 0; i < actions->len; i++) {
        const JobAction *action = &g_array_index(actions, JobAction, i);

        if (action->kind == JOB_ACTION_STATE && action->state == state) {
            return true;
        }
    }
    return false;
}

Test(job_ladder, says_it_by_the_fourth)
{
    JobConfig config = config_with(&hopeless, 0);
    g_autoptr(Job) job = job_new(&config);
    g_autoptr(GArray) actions = script_run(&hopeless, job, NULL);
    unsigned iter = 0;
    const LadderAdvice *said = first_step(actions, LADDER_SAY, &iter);

    cr_assert_not_null(said);
    cr_assert_leq(iter, 4);
    cr_assert(strstr(said->reason, "what would help"), "%s", said->reason);
    cr_assert_eq(actions_count(actions, JOB_ACTION_STEP), 1);
    cr_assert_eq(job_steps(job), 0);
}

Test(job_ladder, is_not_asked_unless_told_to)
{
    JobConfig config = script_config(&hopeless, POLICY_DEFAULT);
    g_autoptr(Job) job = job_new(&config);
    g_autoptr(GArray) actions = script_run(&hopeless, job, NULL);

    cr_assert_eq(actions_count(actions, JOB_ACTION_STEP), 0);
}

Test(job_ladder, a_raised_limit_ends_it)
{
    JobConfig config = config_with(&rewriting, LADDER_BIT(LADDER_DOWNTIME));
    g_autoptr(Job) job = job_new(&config);
    g_autoptr(GArray) actions = script_run(&rewriting, job, NULL);
    unsigned iter = 0;
    const LadderAdvice *step = first_step(actions, LADDER_TAKE, &iter);

    cr_assert_not_null(step);
    cr_assert_eq(step->step, LADDER_DOWNTIME);
    cr_assert_eq(step->old_value, 0.3);
    cr_assert(has_ended(actions, JOB_DONE));
    cr_assert_leq(iter, 4);

    /* without it, it goes on and on */
    config.ladder.climbs = false;
    {
        g_autoptr(Job) plain = job_new(&config);
        g_autoptr(GArray) others = script_run(&rewriting, plain, NULL);

        cr_assert(has_ended(others, JOB_FAILED));
    }
}

Test(job_ladder, what_is_refused_is_not_tried_again)
{
    Script refusing = rewriting;
    JobConfig config = config_with(&rewriting, LADDER_BIT(LADDER_DOWNTIME) |
                                                   LADDER_BIT(LADDER_ABORT));
    g_autoptr(Job) job = job_new(&config);
    g_autoptr(GArray) actions = NULL;
    unsigned takes = 0;

    refusing.refuses = true;
    actions = script_run(&refusing, job, NULL);
    for (guint i = 0; i < actions->len; i++) {
        const JobAction *action = &g_array_index(actions, JobAction, i);

        takes += action->kind == JOB_ACTION_STEP &&
                 action->advice.act == LADDER_TAKE;
    }
    cr_assert_eq(takes, 2); /* downtime, abort */
    cr_assert_eq(job_steps(job), 0);
}

/* Observing, it says what it would have done, once each, and does nothing. */
Test(job_ladder, advisory_steps_are_not_carried_out)
{
    JobConfig config = config_with(&hopeless, LADDER_BIT(LADDER_N_STEPS) - 1);
    g_autoptr(Job) job = job_new(&config);
    JobEvent advisory = { .kind = JOB_EVENT_ADVISORY, .advisory = true };
    g_autoptr(GArray) actions = NULL;

    job_feed(job, &advisory);
    actions = script_run(&hopeless, job, NULL);
    cr_assert_gt(actions_count(actions, JOB_ACTION_STEP), 0);
    for (guint i = 0; i < actions->len; i++) {
        const JobAction *action = &g_array_index(actions, JobAction, i);

        cr_assert(action->kind != JOB_ACTION_STEP || !action->carry_out);
    }
    cr_assert_eq(job_steps(job), 0);
}

static JsonObject *
through_text(JsonObject *json)
{
    g_autofree char *text = jobj_to_text(json, false);

    return jobj_parse(text, strlen(text), NULL);
}

Test(job_ladder, replays_its_steps)
{
    const Script *scripts[] = { &rewriting, &hopeless };

    for (unsigned allowed = 0; allowed < LADDER_BIT(LADDER_N_STEPS);
         allowed += 5) {
        const Script *script = scripts[allowed % 2];
        JobConfig config = config_with(script, allowed), again;
        g_autoptr(JsonObject) events = json_object_new_array();
        g_autoptr(JsonObject) config_json = job_config_to_json(&config);
        g_autoptr(Job) job = NULL;
        g_autoptr(GArray) live = NULL;
        g_autoptr(GArray) replayed = NULL;
        g_autoptr(JsonObject) read_events = NULL;
        g_autoptr(JsonObject) read_config = through_text(config_json);

        config.policy.deadline_s = known(60);
        config.ladder.settings.deadline_is_end = allowed % 3 == 0;
        jobj_unref(config_json);
        config_json = job_config_to_json(&config);
        jobj_unref(read_config);
        read_config = through_text(config_json);
        job = job_new(&config);
        live = script_run(script, job, events);
        read_events = through_text(events);
        cr_assert(job_config_from_json(read_config, &again, NULL));
        replayed = job_replay(&again, read_events, NULL);
        cr_assert_eq(live->len, replayed->len);
        for (guint i = 0; i < live->len; i++) {
            const JobAction *a = &g_array_index(live, JobAction, i);
            const JobAction *b = &g_array_index(replayed, JobAction, i);

            cr_assert_eq(a->kind, b->kind);
            if (a->kind == JOB_ACTION_STEP) {
                cr_assert_eq(a->advice.act, b->advice.act);
                cr_assert_eq(a->advice.step, b->advice.step);
                cr_assert_eq(a->advice.value, b->advice.value);
                cr_assert_str_eq(a->advice.reason, b->advice.reason);
            }
        }
    }
}

Test(job_ladder, configurations_that_make_no_sense)
{
    JobConfig config = config_with(&hopeless, LADDER_DEFAULT), read;
    static const char *const broken[] = {
        "{}",
        "[]",
        "{\"allowed\":\"everything\"}",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(broken); i++) {
        g_autoptr(JsonObject) json = job_config_to_json(&config);
        g_autoptr(GError) error = NULL;

        jobj_add(json, "ladder",
                 jobj_parse(broken[i], strlen(broken[i]), NULL));
        cr_assert_not(job_config_from_json(json, &read, &error), "%s",
                      broken[i]);
        cr_assert(g_error_matches(error, JOB_ERROR, JOB_ERROR_REPLAY));
    }
}
