/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job.c - one migration's life
 *
 * Events come in and are handed to what they concern; each change of state goes
 * through one door. What happens at the start of an iteration is
 * job-iteration.c's, what counters tell job-meters.c's.
 */
#include "job/job-priv.h"

#include <string.h>

static const char *const job_state_names[] = {
    [JOB_PREPARING] = "preparing",
    [JOB_PRECOPY] = "pre-copy",
    [JOB_SWITCHOVER] = "switchover",
    [JOB_POSTCOPY] = "post-copy",
    [JOB_DONE] = "done",
    [JOB_FAILED] = "failed",
};
G_STATIC_ASSERT(G_N_ELEMENTS(job_state_names) == JOB_N_STATES);

static const unsigned job_may_enter[JOB_N_STATES] = {
    [JOB_PREPARING] = 1u << JOB_PRECOPY | 1u << JOB_SWITCHOVER |
                      1u << JOB_POSTCOPY | 1u << JOB_DONE | 1u << JOB_FAILED,
    [JOB_PRECOPY] = 1u << JOB_SWITCHOVER | 1u << JOB_POSTCOPY | 1u << JOB_DONE |
                    1u << JOB_FAILED,
    [JOB_SWITCHOVER] = 1u << JOB_PRECOPY | 1u << JOB_POSTCOPY | 1u << JOB_DONE |
                       1u << JOB_FAILED,
    [JOB_POSTCOPY] = 1u << JOB_DONE | 1u << JOB_FAILED,
};

const char *
job_state_name(JobState state)
{
    return job_state_names[state];
}

JobAction *
job_act(Job *job, JobActionKind kind)
{
    JobAction action = { .kind = kind, .at_us = job->now_us };

    g_array_append_val(job->actions, action);
    return &g_array_index(job->actions, JobAction, job->actions->len - 1);
}

/* The one place where a job changes state, so that one grep finds its life. */
void
job_enter(Job *job, JobState next, const char *why)
{
    g_assert(job_may_enter[job->state] & 1u << next);
    g_debug("job %s: %s -> %s after %" PRId64 " ms: %s", job->guest,
            job_state_names[job->state], job_state_names[next],
            (job->now_us - job->entered_us) / 1000, why);
    job->state = next;
    job->entered_us = job->now_us;
    job_act(job, JOB_ACTION_STATE)->state = next;
}

Job *
job_new(const JobConfig *config)
{
    Job *job = g_new0(Job, 1);

    job->guest = g_strdup(config->guest ? config->guest : "");
    job->config = *config;
    job->config.guest = job->guest;
    job->state = JOB_PREPARING;
    job->sampler = sampler_new(config->source);
    sampler_set_downtime(job->sampler, config->policy.downtime_limit_s);
    sampler_set_ticks(job->sampler, config->ticks);
    job->forecaster = forecaster_new(config->guest_pages);
    job->application = application_new();
    if (config->oracle.n_points > 0 &&
        !forecaster_set_oracle(job->forecaster, &config->oracle)) {
        job->config.oracle.n_points = 0; /* a record that was tampered with */
    }
    if (config->ladder.climbs) {
        job->ladder =
            ladder_new(&config->ladder.settings, &config->ladder.guest);
    }
    job->begun = g_array_new(FALSE, FALSE, sizeof(JobIteration));
    job->actions = g_array_new(FALSE, TRUE, sizeof(JobAction));
    return job;
}

void
job_free(Job *job)
{
    if (!job) {
        return;
    }
    sampler_free(job->sampler);
    forecaster_free(job->forecaster);
    application_free(job->application);
    ladder_free(job->ladder);
    g_array_unref(job->begun);
    g_array_unref(job->actions);
    g_free(job->guest);
    g_free(job);
}

JobState
job_state(const Job *job)
{
    return job->state;
}

bool
job_shapes(const Job *job)
{
    return job->config.policy.kind != POLICY_NONE && job->has_link;
}

static void
job_on_postcopy(Job *job)
{
    job_enter(job, JOB_POSTCOPY, "the guest runs on the destination");
    job_decide_postcopy(job); /* else when the link is known */
}

static void
job_on_granted(Job *job, const PolicyDecision *grant)
{
    JobAction *action = job_act(job, JOB_ACTION_DECIDED);

    action->decision = *grant;
    action->iter = MAX(job->running_iter, 1);
    job->in_force = *grant;
    job->is_pending = false;
    job_set_reserved(job);
}

static void
job_on_end(Job *job, int64_t at_us, const JobOutcome *outcome)
{
    /* libvirt answers only when the destination runs; the source had sent the
     * last page when its downtime was over. */
    if (job->state == JOB_SWITCHOVER && outcome->downtime_s.known) {
        at_us = MIN(at_us,
                    job->entered_us +
                        (int64_t)(outcome->downtime_s.value * G_USEC_PER_SEC));
    }
    sampler_finish(job->sampler, at_us, outcome->bytes);
    job_sample(job);
    job_enter(job, outcome->completed ? JOB_DONE : JOB_FAILED,
              outcome->completed ? "libvirt says completed"
                                 : "libvirt says it did not");
}

const GArray *
job_feed(Job *job, const JobEvent *event)
{
    bool over = job->state == JOB_DONE || job->state == JOB_FAILED;

    g_array_set_size(job->actions, 0);
    if (over) {
        return job->actions;
    }
    job->now_us = MAX(job->now_us, event->at_us);

    switch (event->kind) {
    case JOB_EVENT_START:
        job->started_us = job->now_us;
        break;
    case JOB_EVENT_PASS:
        sampler_pass_told(job->sampler, event->pass, event->at_us,
                          &event->told);
        job_on_pass(job, event->pass);
        if (job->state == JOB_PREPARING) {
            job_enter(job, JOB_PRECOPY, "the first pass began");
        }
        /* No poll has to be waited for. */
        if (sample_told_exact(&event->told)) {
            job_sample(job);
        }
        break;
    case JOB_EVENT_POLL:
        job_on_poll(job, &event->poll);
        break;
    case JOB_EVENT_COUNTERS:
        job_on_counters(job, &event->counters);
        break;
    case JOB_EVENT_LINK:
        job_on_link(job, event->at_us, &event->link);
        break;
    case JOB_EVENT_STOPPED:
        if (job->state == JOB_PREPARING || job->state == JOB_PRECOPY) {
            sampler_stopped(job->sampler, event->at_us);
            job_enter(job, JOB_SWITCHOVER, "the guest was stopped");
        }
        break;
    case JOB_EVENT_RESUMED:
        if (job->state == JOB_SWITCHOVER) {
            sampler_resumed(job->sampler);
            job_enter(job, JOB_PRECOPY, "the guest runs here again");
        }
        break;
    case JOB_EVENT_POSTCOPY:
        if (job->state != JOB_POSTCOPY) {
            job_on_postcopy(job);
        }
        break;
    case JOB_EVENT_SHAPED:
        if (job->is_pending) {
            job->is_pending = false;
            if (event->shaped) {
                job->in_force = job->pending;
            }
            job_set_reserved(job);
        }
        break;
    case JOB_EVENT_GRANTED:
        job_on_granted(job, &event->grant);
        break;
    case JOB_EVENT_SETTINGS:
        job->config.policy = event->settings;
        job->asks = event->asks;
        job->aim_limit_s = event->aim_limit_s;
        sampler_set_downtime(job->sampler, event->settings.downtime_limit_s);
        break;
    case JOB_EVENT_ADVISORY:
        job->advisory = event->advisory;
        if (job->advisory) {
            job->in_force = (PolicyDecision){ 0 };
            job->is_pending = false;
        }
        break;
    case JOB_EVENT_STEPPED:
        job_on_stepped(job, event->stepped);
        break;
    case JOB_EVENT_SEEN:
        application_seen(job->application, &event->seen);
        break;
    case JOB_EVENT_END:
        job_on_end(job, event->at_us, &event->outcome);
        break;
    case JOB_N_EVENTS:
        break;
    }
    return job->actions;
}

bool
job_policy_input(const Job *job, PolicyInput *input)
{
    SampleRow row = job->running.row;

    if (!job_shapes(job)) {
        return false;
    }
    if (job->has_poll && job->poll.page_bytes > 0) {
        row.page_bytes = job->poll.page_bytes;
        row.pages_to_send = job->poll.remaining_bytes / job->poll.page_bytes;
    }
    *input = job_input(job, &row);
    return true;
}

const Forecaster *
job_forecaster(const Job *job)
{
    return job->forecaster;
}

const PolicySettings *
job_settings(const Job *job)
{
    return &job->config.policy;
}

unsigned
job_asks(const Job *job)
{
    return job->asks;
}

const PolicyDecision *
job_in_force(const Job *job)
{
    return &job->in_force;
}

unsigned
job_steps(const Job *job)
{
    return job->ladder ? ladder_in_force(job->ladder) : 0;
}

bool
job_aim(Job *job, double limit_s, Aim *aim)
{
    uint64_t page_bytes = MAX(job->poll.page_bytes, 1);
    AimInput input = {
        .limit_s = limit_s,
        .in_force_s = job->config.policy.downtime_limit_s,
        .queued_bytes = job->queued_bytes,
        .drain_bytes_s = job->drain_bytes_s,
        .fixed_s = job->config.fixed_downtime_s > 0
                       ? job->config.fixed_downtime_s
                       : AIM_FIXED_S,
        .floor_s = job->aim_floor_s,
        .in_vain = job->in_vain,
        .forecaster = job->forecaster,
        .pages_to_send = job->poll.remaining_bytes / page_bytes,
        .bandwidth_bytes_s = known_or(job->drain_bytes_s, 0),
    };

    if (job->state != JOB_PRECOPY || !job->has_poll || job->step_is_pending ||
        job_steps(job) & LADDER_BIT(LADDER_DOWNTIME)) {
        return false;
    }
    aim_choose(&input, aim);
    job->aim_floor_s = aim->floor_s;
    if (aim->floor_s > input.floor_s) {
        job->in_vain = 0;
    }
    return true;
}

static double
job_share(Job *job)
{
    double done, rest, share;

    if (job->state == JOB_DONE) {
        job->progress = 1;
    } else if (job->has_poll && job->state != JOB_FAILED) {
        done = (double)job->poll.sent_bytes;
        rest = (double)job->poll.remaining_bytes;
        if (job->running.migration.bytes.known) {
            double since = done - (double)job->sent_at_iteration_bytes;

            rest = MAX(rest, job->running.migration.bytes.value - since);
        }
        share = done + rest > 0 ? done / (done + rest) : 0;
        job->progress = MAX(job->progress, MIN(share, 0.99));
    }
    return job->progress;
}

void
job_progress(Job *job, JobProgress *progress)
{
    const MigrationForecast *rest = &job->running.migration;

    *progress = (JobProgress){
        .share = job_share(job),
        .iter = job->running_iter,
        .stream_bytes_s = job_stream_rate(job),
        .guarantee_bytes_s = job->in_force.guarantee_bytes_s,
        .converges = rest->verdict_known ? rest->converges : -1,
    };
    if (job->has_poll) {
        progress->remaining_bytes = known((double)job->poll.remaining_bytes);
    }
    if (rest->time_s.known) {
        double since =
            (double)(job->now_us - job->iteration_started_us) / G_USEC_PER_SEC;

        progress->end_s = known(MAX(rest->time_s.value - since, 0));
    }
}
