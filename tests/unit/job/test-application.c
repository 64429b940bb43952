/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-application.c - the class of the migrating guest's own traffic
 *
 * A link of 6 MB/s, of which an eighth is what the guest's requests need.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "script.h"

#define ROOT 6e6
#define NEED 500e3

typedef struct Play {
    Job *job;
    JsonObject *events;
    double at_s, class_bytes;
    unsigned decided;
    PolicyDecision last;
} Play;

static void
feed(Play *play, JobEvent event)
{
    const GArray *actions;
    bool shape = false;

    event.at_us = (int64_t)(play->at_s * 1e6);
    json_object_array_add(play->events, job_event_to_json(&event));
    actions = job_feed(play->job, &event);
    for (guint i = 0; i < actions->len; i++) {
        const JobAction *action = &g_array_index(actions, JobAction, i);

        if (action->kind == JOB_ACTION_DECIDED) {
            play->decided++;
            play->last = action->decision;
            shape = action->shape;
        }
    }
    if (shape) {
        feed(play, (JobEvent){ .kind = JOB_EVENT_SHAPED, .shaped = true });
    }
}

static void
link_now(Play *play)
{
    JobEvent event = { .kind = JOB_EVENT_LINK };

    event.link = (JobLink){
        .root_bytes_s = ROOT,
        .others_bytes_s = ROOT / 100,
        .link_bytes = (uint64_t)(ROOT * play->at_s),
        .application_bytes = (uint64_t)play->class_bytes,
    };
    feed(play, event);
}

static Play
play_new(PolicyKind kind, bool follows, bool seen)
{
    static const Script script = { .memory_pages = 65536 };
    JobConfig config = script_config(&script, kind);
    Play play = { .events = json_object_new_array() };
    JobEvent told = { .kind = JOB_EVENT_SEEN,
                      .seen = { known(0.95 * NEED), known(NEED) } };

    config.policy.follows_need = follows;
    play.job = job_new(&config);
    feed(&play, (JobEvent){ .kind = JOB_EVENT_START });
    if (seen) {
        feed(&play, told);
    }
    link_now(&play);
    feed(&play, (JobEvent){ .kind = JOB_EVENT_PASS, .pass = 1 });
    return play;
}

static void
play_end(Play *play)
{
    job_free(play->job);
    json_object_put(play->events);
}

/* Its class has let through so much a second. */
static void
run(Play *play, double duration_s, double rate)
{
    for (double until_s = play->at_s + duration_s;
         play->at_s < until_s - 1e-9;) {
        play->at_s += 0.25;
        play->class_bytes += 0.25 * rate;
        link_now(play);
    }
}

/* "0.51 of its need, and application_bytes_s was 0 in every decision" */
Test(job_application, the_first_decision_knows_what_was_seen_before)
{
    Play play = play_new(POLICY_DEFAULT, true, true);

    cr_assert_eq(play.decided, 1);
    cr_expect_geq(play.last.application_bytes_s, (uint64_t)(1.25 * NEED));
    cr_expect_leq(play.last.application_bytes_s, (uint64_t)(2 * NEED));
    cr_expect_leq(play.last.guarantee_bytes_s + play.last.application_bytes_s,
                  (uint64_t)(0.99 * ROOT));
    cr_expect(strstr(play.last.reason, "own traffic needs 4.0"), "%s",
              play.last.reason);
    play_end(&play);
}

Test(job_application, it_is_decided_again_in_the_first_pass)
{
    Play play = play_new(POLICY_DEFAULT, true, true);
    uint64_t first = play.last.application_bytes_s;
    unsigned decided;

    run(&play, 3, NEED);
    decided = play.decided;
    run(&play, 20, NEED);
    cr_expect_eq(play.decided, decided, "nothing has changed");
    cr_expect_eq(play.last.application_bytes_s, first);
    /* more than its class is guaranteed comes through */
    run(&play, 3, 1.2 * (double)first);
    cr_expect_gt(play.decided, decided);
    cr_expect_gt(play.last.application_bytes_s,
                 (uint64_t)(1.2 * (double)first));
    cr_expect_eq(job_in_force(play.job)->application_bytes_s,
                 play.last.application_bytes_s);
    play_end(&play);
}

Test(job_application, the_guest_of_post_copy_sends_from_elsewhere)
{
    Play play = play_new(POLICY_DEFAULT, true, true);

    feed(&play, (JobEvent){ .kind = JOB_EVENT_POSTCOPY });
    cr_expect_eq(play.last.application_bytes_s, 0);
    cr_expect_eq(job_in_force(play.job)->application_bytes_s, 0);
    play_end(&play);
}

Test(job_application, paper_keeps_to_its_threshold)
{
    Play play = play_new(POLICY_PAPER, true, true);

    run(&play, 5, NEED);
    cr_expect_eq(play.last.application_bytes_s, 0);
    play_end(&play);
}

/* What an older vmferry recorded says nothing of it. */
Test(job_application, old_records_replay_as_they_were_decided)
{
    Play play = play_new(POLICY_DEFAULT, false, false);
    JobConfig config = { 0 }, again = { 0 };
    g_autoptr(JsonObject) json = NULL;

    run(&play, 5, NEED);
    cr_expect_eq(play.last.application_bytes_s, 0);
    config.guest = "paper";
    policy_settings_init(&config.policy, POLICY_DEFAULT);
    json = job_config_to_json(&config);
    cr_assert(job_config_from_json(json, &again, NULL));
    cr_expect(again.policy.follows_need);
    json_object_object_del(json, "follows_need");
    cr_assert(job_config_from_json(json, &again, NULL));
    cr_expect_not(again.policy.follows_need);
    play_end(&play);
}

Test(job_application, a_replay_repeats_it)
{
    static const Script script = { .memory_pages = 65536 };
    JobConfig config = script_config(&script, POLICY_DEFAULT);
    Play play = play_new(POLICY_DEFAULT, true, true);
    g_autoptr(GArray) actions = NULL;
    const PolicyDecision *last = NULL;

    run(&play, 4, NEED);
    run(&play, 4, 3 * NEED);
    actions = job_replay(&config, play.events, NULL);
    cr_assert_not_null(actions);
    cr_expect_eq(actions_count(actions, JOB_ACTION_DECIDED), play.decided);
    for (guint i = 0; i < actions->len; i++) {
        JobAction *action = &g_array_index(actions, JobAction, i);

        last = action->kind == JOB_ACTION_DECIDED ? &action->decision : last;
    }
    cr_assert_not_null(last);
    cr_expect_eq(last->application_bytes_s, play.last.application_bytes_s);
    cr_expect_str_eq(last->reason, play.last.reason);
    play_end(&play);
}
