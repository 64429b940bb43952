/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job.c - one migration's life
 *
 * What happens at the start of an iteration, in this order:
 *
 *   poll in pass k+1 ─> sampler closes row k ─> ROW   (forecast beside actual)
 *                   └─> forecaster learns row k
 *                   └─> policy decides for k+1 ─> DECIDED
 *                   └─> forecast of k+1 under that decision ─> FORECAST
 *
 * A pass can be over before a poll falls into it. So the event that starts it
 * makes a first forecast, from what is left and what the pass before was
 * forecast to dirty; the poll, if there is one, makes it anew from the truth.
 * With a patched QEMU the event tells the truth itself, and all of this happens
 * when it comes.
 *
 * Bandwidths: QEMU counts payload, HTB counts frames. A guarantee of G bytes a
 * second on the wire carries about 0.954 G of pages: 1448 of 1514 bytes of a
 * full frame are payload, and a page of 4096 bytes travels with a header of 8.
 */
#include "job/job.h"

#include <math.h>
#include <string.h>

#include "forecast/bandwidth.h"
#include "job/job-traffic.h"

#define QUEUE_FADES_US (20.0 * G_USEC_PER_SEC)
#define WIRE_EFFICIENCY (1448.0 / 1514.0 * 4096.0 / 4104.0)

struct Job {
    char *guest;
    JobConfig config;
    JobState state;
    int64_t now_us;
    int64_t entered_us;
    int64_t started_us;

    Sampler *sampler;
    Forecaster *forecaster;
    JobIteration running; /* the iteration under way */
    GArray *begun; /* JobIteration: passes begun and not yet sampled whole */
    unsigned base_pass;      /* QEMU's number of our iteration 1, 0: none yet */
    unsigned running_iter;   /* its number, 0: none yet */
    BandwidthMeter achieved; /* under last_guarantee_bytes_s */
    Known queued_bytes; /* in the stream's socket at its fullest lately: QEMU
                           counts them as sent, and when the guest is stopped
                           they go first */
    int64_t queued_at_us;
    uint64_t last_guarantee_bytes_s; /* in force when that was achieved */

    Ladder *ladder; /* NULL: it is not asked */
    bool urgent;    /* its first step is in force */
    bool step_is_pending;
    LadderAdvice step; /* waits for JOB_EVENT_STEPPED */

    PolicyDecision in_force;
    PolicyDecision pending; /* waits for JOB_EVENT_SHAPED */
    bool is_pending;
    unsigned asks;
    bool advisory;            /* nothing of it is carried out */
    bool first_measures_used; /* pass 1 was decided again, knowing the link */

    SamplePoll poll;
    bool has_poll;
    uint64_t sent_at_iteration_bytes;
    int64_t iteration_started_us;
    JobLink link;
    bool has_link;
    TrafficMeter used_meter;  /* Nu: the link without migration streams */
    TrafficMeter guest_meter; /* egress of the guest */
    TrafficMeter host_meter, stream_meter, class_meter, protected_meter,
        application_meter, sent_meter;

    double progress;
    GArray *actions; /* JobAction */
};

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

static JobAction *
job_act(Job *job, JobActionKind kind)
{
    JobAction action = { .kind = kind, .at_us = job->now_us };

    g_array_append_val(job->actions, action);
    return &g_array_index(job->actions, JobAction, job->actions->len - 1);
}

/* The one place where a job changes state, so that one grep finds its life. */
static void
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

static bool
job_shapes(const Job *job)
{
    return job->config.policy.kind != POLICY_NONE && job->has_link;
}

/* What the stream will carry if @decision comes into force: the guarantee, and
 * what it borrowed above the last one, which others left and probably will. */
static double
job_planned_bandwidth(const Job *job, const PolicyDecision *decision)
{
    double achieved = known_or(bandwidth_meter_bytes_s(&job->achieved), 0);
    double before = (double)job->last_guarantee_bytes_s * WIRE_EFFICIENCY;
    double now = (double)decision->guarantee_bytes_s * WIRE_EFFICIENCY;
    double planned;

    if (!job_shapes(job) || decision->guarantee_bytes_s == 0) {
        return achieved;
    }
    planned = now + MAX(achieved - before, 0);
    if (decision->ceiling_bytes_s > 0) {
        planned =
            MIN(planned, (double)decision->ceiling_bytes_s * WIRE_EFFICIENCY);
    }
    return planned;
}

static PolicyInput
job_input(const Job *job, const SampleRow *row)
{
    return (PolicyInput){
        .asks = job->asks | (job->urgent ? POLICY_ASK_URGENT : 0),
        .iter = MAX(row->iter, 1),
        .elapsed_s = (double)(job->now_us - job->started_us) / G_USEC_PER_SEC,
        .pages_to_send = row->pages_to_send,
        .page_bytes = row->page_bytes ? row->page_bytes : 4096,
        .link_bytes_s = job->link.root_bytes_s,
        .used_bytes_s = traffic_meter_level(&job->used_meter),
        .others_bytes_s = job->link.others_bytes_s,
        .guest_net_mean_bytes_s = traffic_meter_mean(&job->guest_meter),
        .guest_net_next_bytes_s = traffic_meter_need(&job->guest_meter),
        .achieved_bytes_s =
            known_or(bandwidth_meter_bytes_s(&job->achieved), 0),
        .guarantee_bytes_s = job->in_force.guarantee_bytes_s,
        .ceiling_bytes_s = job->in_force.ceiling_bytes_s,
    };
}

/* Decide for the iteration @row, which starts now (or, in pass 1, for what is
 * left of it), and say so. */
static void
job_decide(Job *job, const SampleRow *row)
{
    PolicyInput input = job_input(job, row);
    PolicyDecision decision = { 0 };
    JobAction *action;

    if (!job_shapes(job)) {
        return;
    }
    policy_decide(&job->config.policy, job->forecaster, &input, &decision);

    action = job_act(job, JOB_ACTION_DECIDED);
    action->decision = decision;
    action->iter = input.iter;
    action->shape =
        !job->advisory &&
        (decision.guarantee_bytes_s != job->in_force.guarantee_bytes_s ||
         decision.ceiling_bytes_s != job->in_force.ceiling_bytes_s ||
         decision.application_bytes_s != job->in_force.application_bytes_s);
    if (action->shape) {
        job->pending = decision;
        job->is_pending = true;
    }
}

static const PolicyDecision *
job_decision_ahead(const Job *job)
{
    return job->is_pending ? &job->pending : &job->in_force;
}

/* What is expected of an iteration that starts with @pages to send, if
 * @decision is in force. */
static void
job_forecast(const Job *job, const PolicyDecision *decision, uint64_t pages,
             JobIteration *iteration)
{
    double bandwidth = job_planned_bandwidth(job, decision);
    double limit_s = job->config.policy.downtime_limit_s;
    ForecastQuery next = {
        .pages_to_send = pages,
        .bandwidth_bytes_s = bandwidth,
        .left_bytes = bandwidth * limit_s,
        .stop_bytes = bandwidth * limit_s,
    };
    MigrationQuery rest = {
        .pages_to_send = pages,
        .bandwidth_bytes_s = bandwidth,
        .downtime_limit_s = limit_s,
    };

    if (bandwidth > 0) {
        rest.fixed_downtime_s = job->config.fixed_downtime_s +
                                known_or(job->queued_bytes, 0) / bandwidth;
    }
    if (bandwidth > 0 && forecaster_rows(job->forecaster) > 0) {
        forecaster_next(job->forecaster, &next, &iteration->forecast);
        forecaster_migration(job->forecaster, &rest, &iteration->migration);
    }
}

static JobIteration *
job_begun(Job *job, unsigned iter)
{
    for (guint i = 0; i < job->begun->len; i++) {
        JobIteration *begun = &g_array_index(job->begun, JobIteration, i);

        if (begun->row.iter == iter) {
            return begun;
        }
    }
    return NULL;
}

/* The event came; a poll in the pass may replace this. Numbers count from the
 * first that was seen, as the sampler has it. */
static void
job_on_pass(Job *job, unsigned pass)
{
    unsigned iter;
    const JobIteration *before;
    JobIteration begun = {
        .guarantee_bytes_s = job->in_force.guarantee_bytes_s,
        .ceiling_bytes_s = job->in_force.ceiling_bytes_s,
    };

    if (pass == 0) {
        return;
    }
    if (job->base_pass == 0 || pass < job->base_pass) {
        job->base_pass = pass;
        g_array_set_size(job->begun, 0);
    }
    iter = pass - job->base_pass + 1;
    if (iter <= job->running_iter || job_begun(job, iter)) {
        return;
    }
    begun.row.iter = iter;
    before = job_begun(job, iter - 1);
    if (before && before->forecast.pages.known) {
        double left = job_planned_bandwidth(job, &job->in_force) *
                      job->config.policy.downtime_limit_s / 4096;

        job_forecast(job, &job->in_force,
                     (uint64_t)(left + before->forecast.median_pages), &begun);
    }
    g_array_append_val(job->begun, begun);
}

/* Whether a step is somebody else's to carry out. The guarantee is ours, and
 * to wait is to do nothing. */
static bool
step_is_outside(LadderStep step)
{
    return step != LADDER_GUARANTEE && step != LADDER_WAIT;
}

/* Ask the ladder about the iteration @row, which has been decided on. */
static void
job_climb(Job *job, const SampleRow *row)
{
    const PolicyDecision *ahead = job_decision_ahead(job);
    double application = (double)ahead->application_bytes_s;
    double free = job->link.root_bytes_s - job->link.others_bytes_s;
    LadderInput input = {
        .iter = row->iter,
        .elapsed_s = (double)(job->now_us - job->started_us) / G_USEC_PER_SEC,
        .pages_to_send = row->pages_to_send,
        .page_bytes = row->page_bytes ? row->page_bytes : 4096,
        .guarantee_bytes_s = (double)ahead->guarantee_bytes_s,
        .achieved_bytes_s =
            known_or(bandwidth_meter_bytes_s(&job->achieved), 0),
        .free_bytes_s = job_shapes(job) ? MAX(free - application, 0) : 0,
        .downtime_limit_s = job->config.policy.downtime_limit_s,
        .fixed_downtime_s = job->config.fixed_downtime_s,
        .deadline_s = job->config.policy.deadline_s,
        .throttle_percent = row->throttle_percent,
    };
    LadderAdvice advice;
    JobAction *action;

    if (!job->ladder || job->step_is_pending) {
        return;
    }
    ladder_advise(job->ladder, job->forecaster, &input, &advice);
    if (advice.act == LADDER_NOTHING) {
        return;
    }
    if (advice.act == LADDER_TAKE && advice.step == LADDER_POSTCOPY &&
        !job->advisory) {
        /* The guest will wait for each page: there is to be room before. */
        job->urgent = true;
        job_decide(job, row);
    }
    action = job_act(job, JOB_ACTION_STEP);
    action->advice = advice;
    action->step_iter = row->iter;
    if (advice.act == LADDER_SAY) {
        return;
    }
    if (job->advisory) {
        ladder_refused(job->ladder); /* said, and that was it */
    } else if (step_is_outside(advice.step)) {
        action->carry_out = true;
        job->step = advice;
        job->step_is_pending = true;
    } else if (advice.step == LADDER_GUARANTEE) {
        job->urgent = advice.act == LADDER_TAKE;
        job_decide(job, row);
    }
}

static void
job_on_stepped(Job *job, bool stepped)
{
    if (!job->step_is_pending) {
        return;
    }
    job->step_is_pending = false;
    if (!stepped) {
        ladder_refused(job->ladder);
    } else if (job->step.step == LADDER_DOWNTIME) {
        job->config.policy.downtime_limit_s = job->step.value;
        sampler_set_downtime(job->sampler, job->step.value);
    }
}

static void
job_start_iteration(Job *job, const SampleRow *row)
{
    const PolicyDecision *ahead;
    JobIteration *begun;

    job->running_iter = row->iter;
    if (job->state == JOB_PRECOPY) {
        job_decide(job, row);
        job_climb(job, row);
    }
    ahead = job_decision_ahead(job);
    job->running = (JobIteration){
        .row = *row,
        .guarantee_bytes_s = ahead->guarantee_bytes_s,
        .ceiling_bytes_s = ahead->ceiling_bytes_s,
    };
    job->sent_at_iteration_bytes = job->poll.sent_bytes;
    job->iteration_started_us = job->now_us;
    job_forecast(job, ahead, row->pages_to_send, &job->running);

    begun = job_begun(job, row->iter);
    if (begun) {
        *begun = job->running;
    } else {
        g_array_append_val(job->begun, job->running);
    }
    job_act(job, JOB_ACTION_FORECAST)->iteration = job->running;
}

/* The forecast of a row that merges passes is the sum of theirs; members are
 * not added up, for they saw different passes. */
static void
add_forecast(Forecast *sum, const Forecast *forecast)
{
    if (!forecast->pages.known || !sum->pages.known) {
        *sum = (Forecast){ 0 };
        return;
    }
    sum->pages.value += forecast->pages.value;
    sum->median_pages += forecast->median_pages;
    sum->low_pages += forecast->low_pages;
    sum->high_pages += forecast->high_pages;
    sum->planned_duration_s += forecast->planned_duration_s;
    sum->n_members = 0;
}

static void
job_end_iteration(Job *job, const SampleRow *row)
{
    unsigned last = row->iter + MAX(row->merged, 1) - 1;
    const JobIteration *begun = job_begun(job, row->iter);
    JobIteration done = {
        .guarantee_bytes_s = job->in_force.guarantee_bytes_s,
        .ceiling_bytes_s = job->in_force.ceiling_bytes_s,
    };

    if (begun) {
        done = *begun;
    }
    for (unsigned iter = row->iter + 1; iter <= last; iter++) {
        static const Forecast none = { 0 };

        begun = job_begun(job, iter);
        add_forecast(&done.forecast, begun ? &begun->forecast : &none);
    }
    while (job->begun->len > 0 &&
           g_array_index(job->begun, JobIteration, 0).row.iter <= last) {
        g_array_remove_index(job->begun, 0);
    }
    done.row = *row;
    if (!row->final) {
        if (done.guarantee_bytes_s != job->last_guarantee_bytes_s) {
            job->achieved = (BandwidthMeter){ 0 };
        }
        bandwidth_meter_add(&job->achieved, row,
                            job->config.policy.downtime_limit_s);
        job->last_guarantee_bytes_s = done.guarantee_bytes_s;
    }
    job_act(job, JOB_ACTION_ROW)->iteration = done;
    forecaster_add(job->forecaster, row);
}

static void
job_sample(Job *job)
{
    SampleRow row;

    while (sampler_take(job->sampler, &row)) {
        job_end_iteration(job, &row);
    }
    if (sampler_running(job->sampler, &row) && row.iter > job->running_iter &&
        (job->state == JOB_PRECOPY || job->state == JOB_SWITCHOVER)) {
        job_start_iteration(job, &row);
    }
}

static void
job_on_poll(Job *job, const SamplePoll *poll)
{
    if (job->has_poll && poll->at_us < job->poll.at_us) {
        return;
    }
    job->poll = *poll;
    job->has_poll = true;
    traffic_meter_add(&job->sent_meter, poll->at_us, (double)poll->sent_bytes);
    if (job->state == JOB_PREPARING && poll->pass > 0) {
        job_enter(job, JOB_PRECOPY, "statistics of a pass");
    }
    if (job->base_pass == 0) {
        job->base_pass = poll->pass;
    }
    sampler_poll(job->sampler, poll);
    job_sample(job);
}

/* The guest waits for every page now: all that nobody was promised. */
static void
job_decide_postcopy(Job *job)
{
    JobAction *action;

    if (!job_shapes(job)) {
        return;
    }
    action = job_act(job, JOB_ACTION_DECIDED);
    action->iter = MAX(job->running_iter, 1);
    action->decision = job->in_force;
    action->decision.step = POLICY_STEP_SET;
    action->decision.guarantee_bytes_s =
        (uint64_t)MAX(job->link.root_bytes_s - job->link.others_bytes_s, 1000);
    action->decision.ceiling_bytes_s = (uint64_t)job->link.root_bytes_s;
    g_strlcpy(action->decision.reason,
              "post-copy: the guest waits for its pages, so the stream gets "
              "all that is not promised to others",
              sizeof(action->decision.reason));
    action->shape = !job->advisory;
    if (action->shape) {
        job->pending = action->decision;
        job->is_pending = true;
    }
}

static void
job_on_link(Job *job, int64_t at_us, const JobLink *link)
{
    bool first = !job->has_link;
    uint64_t others = link->link_bytes >= link->migrations_bytes
                          ? link->link_bytes - link->migrations_bytes
                          : 0;

    job->link = *link;
    job->has_link = true;
    traffic_meter_add(&job->used_meter, at_us, (double)others);
    traffic_meter_add(&job->class_meter, at_us, (double)link->class_bytes);
    traffic_meter_add(&job->protected_meter, at_us,
                      (double)link->protected_bytes);
    traffic_meter_add(&job->application_meter, at_us,
                      (double)link->application_bytes);

    /* Pass 1 is the longest by far. It is decided on when the link is there,
     * and once more when a second of traffic has been seen on it. */
    if (first || (!job->first_measures_used && job->running_iter <= 1 &&
                  traffic_meter_level(&job->used_meter).known)) {
        SampleRow row = job->running.row;

        job->first_measures_used = !first;
        if (job->state == JOB_PREPARING || job->state == JOB_PRECOPY) {
            job_decide(job, &row);
        } else if (first && job->state == JOB_POSTCOPY) {
            job_decide_postcopy(job);
        }
    }
}

/* As the connection counts it; else as QEMU does. */
static Known
job_stream_rate(const Job *job)
{
    return job->stream_meter.rate_bytes_s.known ? job->stream_meter.rate_bytes_s
                                                : job->sent_meter.rate_bytes_s;
}

/* The last thing QEMU does is to write as fast as it can, so that the queue is
 * full when the guest stops, whatever it is between two passes. What was seen
 * fades, for windows shrink and shares change. */
static void
job_queue(Job *job, const SampleCounters *counters)
{
    double faded =
        known_or(job->queued_bytes, 0) *
        exp(-(double)(counters->at_us - job->queued_at_us) / QUEUE_FADES_US);

    if (!counters->queued_bytes.known) {
        job->queued_bytes = unknown();
        return;
    }
    job->queued_bytes = known(fmax(counters->queued_bytes.value, faded));
    job->queued_at_us = counters->at_us;
}

static void
job_on_counters(Job *job, const SampleCounters *counters)
{
    JobPoint point = {
        .t_s = (double)(job->now_us - job->started_us) / G_USEC_PER_SEC,
        .guarantee_bytes_s = job->in_force.guarantee_bytes_s,
        .ceiling_bytes_s = job->in_force.ceiling_bytes_s,
    };

    sampler_counters(job->sampler, counters);
    if (counters->guest_tx_bytes.known) {
        traffic_meter_add(&job->guest_meter, counters->at_us,
                          counters->guest_tx_bytes.value);
    }
    job_queue(job, counters);
    if (counters->stream_bytes.known) {
        traffic_meter_add(&job->stream_meter, counters->at_us,
                          counters->stream_bytes.value);
    }
    if (!counters->host_net_bytes.known) {
        job->host_meter.rate_bytes_s = unknown();
    } else {
        traffic_meter_add(&job->host_meter, counters->at_us,
                          counters->host_net_bytes.value);
    }

    if (job->has_poll) {
        point.remaining_bytes = known((double)job->poll.remaining_bytes);
    }
    point.stream_bytes_s = job_stream_rate(job);
    if (job->has_link) {
        point.class_bytes_s = job->class_meter.rate_bytes_s;
        point.protected_bytes_s = job->protected_meter.rate_bytes_s;
        point.application_bytes_s = job->application_meter.rate_bytes_s;
        if (job->used_meter.rate_bytes_s.known) {
            point.other_bytes_s =
                known(MAX(job->used_meter.rate_bytes_s.value -
                              known_or(job->protected_meter.rate_bytes_s, 0) -
                              known_or(job->application_meter.rate_bytes_s, 0),
                          0));
        }
    } else if (job->host_meter.rate_bytes_s.known) {
        point.other_bytes_s =
            known(MAX(job->host_meter.rate_bytes_s.value -
                          known_or(point.stream_bytes_s, 0) / WIRE_EFFICIENCY,
                      0));
    }
    job_act(job, JOB_ACTION_POINT)->point = point;
}

/* The pass under way has now what is in force, whatever was planned for it. */
static void
job_set_reserved(Job *job)
{
    JobIteration *begun = job_begun(job, job->running_iter);

    if (begun) {
        begun->guarantee_bytes_s = job->in_force.guarantee_bytes_s;
        begun->ceiling_bytes_s = job->in_force.ceiling_bytes_s;
    }
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
