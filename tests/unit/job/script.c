/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * script.c - see script.h
 *
 * The loop mirrors what QEMU does: it sends in slices of some 50 ms, at least
 * one a pass; a pass ends with the slice after which the rest could be sent
 * within the downtime limit; if the sync finds more, another pass begins, else
 * the guest is stopped and the rest follows.
 */
#include "script.h"

#include <math.h>

#define PAGE 4096.0
#define DOWNTIME_S 0.3
#define POLL_US 250000
#define SLICE_S 0.05

typedef struct {
    const Script *script;
    Job *job;
    JsonObject *events;
    GArray *actions;
    int64_t now_us;
    double sent_pages;
    double packed_pages; /* of these: compressed */
    double remaining_pages;
    double link_bytes;
    unsigned pass;
    double limit_s; /* of the downtime, once a step has raised it */
    bool aborted;
} Play;

static void
play_feed(Play *play, JobEvent event)
{
    const GArray *actions;
    bool shape = false, step = false;

    event.at_us = play->now_us;
    if (play->events) {
        json_object_array_add(play->events, job_event_to_json(&event));
    }
    actions = job_feed(play->job, &event);
    for (guint i = 0; i < actions->len; i++) {
        const JobAction *action = &g_array_index(actions, JobAction, i);

        shape |= action->kind == JOB_ACTION_DECIDED && action->shape;
        if (action->kind == JOB_ACTION_STEP && action->carry_out) {
            step = true;
            if (!play->script->refuses &&
                action->advice.step == LADDER_DOWNTIME) {
                play->limit_s = action->advice.value;
            }
            play->aborted |=
                !play->script->refuses && action->advice.step == LADDER_ABORT;
        }
        g_array_append_val(play->actions, *action);
    }
    if (step) {
        play_feed(play, (JobEvent){ .kind = JOB_EVENT_STEPPED,
                                    .stepped = !play->script->refuses });
    }
    if (shape) {
        play_feed(play, (JobEvent){ .kind = JOB_EVENT_SHAPED, .shaped = true });
    }
}

static void
play_poll(Play *play)
{
    const Script *script = play->script;
    double packed_bytes = play->packed_pages * script->wire_share * PAGE;
    uint64_t whole = (uint64_t)round(play->sent_pages - play->packed_pages);
    double now_s = (double)play->now_us / G_USEC_PER_SEC;
    JobEvent poll = { .kind = JOB_EVENT_POLL };
    JobEvent counters = { .kind = JOB_EVENT_COUNTERS };

    poll.poll = (SamplePoll){
        .at_us = play->now_us,
        .pass = play->pass,
        .page_bytes = (uint64_t)PAGE,
        .remaining_bytes = (uint64_t)round(play->remaining_pages) * 4096,
        .normal_pages = whole,
        .other_pages = (uint64_t)round(play->packed_pages),
        .sent_bytes = whole * 4096 + (uint64_t)round(packed_bytes),
    };
    play_feed(play, poll);
    if (script->root_bytes_s > 0) {
        JobEvent link = { .kind = JOB_EVENT_LINK };

        link.link = (JobLink){
            .root_bytes_s = script->root_bytes_s,
            .others_bytes_s = script->root_bytes_s / 100,
            .link_bytes = (uint64_t)(script->root_bytes_s * now_s),
            .class_bytes = (uint64_t)(play->sent_pages * 4300),
            .migrations_bytes = (uint64_t)(play->sent_pages * 4300),
        };
        play_feed(play, link);
    }
    counters.counters = (SampleCounters){
        .at_us = play->now_us,
        .guest_cpu_s = known(now_s * 0.5),
        .guest_net_bytes = known(script->guest_tx_bytes_s * now_s * 1.5),
        .guest_tx_bytes = known(script->guest_tx_bytes_s * now_s),
        .stream_bytes = known(play->sent_pages * 4112),
    };
    play_feed(play, counters);
}

/* Send until @stop_pages remain, polling on the way; returns the seconds. */
static double
play_pass(Play *play, double stop_pages)
{
    double rate = play->script->bandwidth_bytes_s / PAGE;
    double slices = ceil((play->remaining_pages - stop_pages) / rate / SLICE_S);
    double most_s = play->remaining_pages / rate;
    double left_s = MIN(MAX(slices, 1) * SLICE_S, most_s);
    double total_s = left_s;

    play_poll(play);
    while (left_s > 0) {
        double step_s = MIN(left_s, (double)POLL_US / G_USEC_PER_SEC);

        play->now_us += (int64_t)(step_s * G_USEC_PER_SEC);
        play->sent_pages += step_s * rate;
        if (play->script->wire_share > 0 && play->pass > 1) {
            play->packed_pages += step_s * rate;
        }
        play->remaining_pages -= step_s * rate;
        left_s -= step_s;
        play_poll(play);
    }
    return total_s;
}

GArray *
script_run(const Script *script, Job *job, JsonObject *events)
{
    double stop_pages;
    bool completed = false;
    JobEvent end = { .kind = JOB_EVENT_END };
    Play play = {
        .script = script,
        .job = job,
        .events = events,
        .actions = g_array_new(FALSE, FALSE, sizeof(JobAction)),
        .remaining_pages = script->memory_pages,
    };

    play_feed(&play, (JobEvent){ .kind = JOB_EVENT_START });
    while (play.pass < script->most_passes && !play.aborted) {
        double seconds;

        play.pass++;
        play_feed(&play,
                  (JobEvent){ .kind = JOB_EVENT_PASS, .pass = play.pass });
        stop_pages = script->bandwidth_bytes_s / PAGE *
                     (play.limit_s > 0 ? play.limit_s : DOWNTIME_S);
        seconds = play_pass(&play, stop_pages);
        play.remaining_pages +=
            script->set_pages *
            (1 - exp(-script->write_pages_s * seconds / script->set_pages));
        if (play.remaining_pages <= stop_pages) {
            play_feed(&play, (JobEvent){ .kind = JOB_EVENT_STOPPED });
            play.pass++;
            play_feed(&play,
                      (JobEvent){ .kind = JOB_EVENT_PASS, .pass = play.pass });
            play_pass(&play, 0);
            completed = true;
            break;
        }
    }
    end.outcome = (JobOutcome){
        .completed = completed,
        .total_s = known((double)play.now_us / G_USEC_PER_SEC),
        .bytes = known(round(play.sent_pages) * PAGE),
    };
    play_feed(&play, end);
    return play.actions;
}

JobConfig
script_config(const Script *script, PolicyKind kind)
{
    JobConfig config = {
        .guest = "paper",
        .source = SAMPLE_SOURCE_LIBVIRT,
        .guest_pages = (uint64_t)script->memory_pages,
    };

    policy_settings_init(&config.policy, kind);
    config.policy.downtime_limit_s = DOWNTIME_S;
    return config;
}

unsigned
actions_count(const GArray *actions, JobActionKind kind)
{
    unsigned n = 0;

    for (guint i = 0; i < actions->len; i++) {
        n += g_array_index(actions, JobAction, i).kind == kind;
    }
    return n;
}
