/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job-iteration.c - what a pass is decided and forecast to be, and was
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
 */
#include "job/job-priv.h"

#include <math.h>
#include <string.h>

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

/* What is said of the guest's own traffic, where its need is followed. */
static void
application_input(const Job *job, PolicyInput *input)
{
    ApplicationState state;

    application_state(job->application, &state);
    input->guest_net_mean_bytes_s = state.mean_bytes_s;
    input->guest_net_next_bytes_s = state.need_bytes_s;
    input->application_bytes_s = state.rate_bytes_s;
    input->application_now_bytes_s = job->in_force.application_bytes_s;
}

/* What a page of what is dirty takes on the wire. */
static uint64_t
wire_page_bytes(const Job *job, const SampleRow *row)
{
    double page_bytes = row->page_bytes ? (double)row->page_bytes : 4096;

    return (uint64_t)MAX(
        round(page_bytes * forecaster_wire_share(job->forecaster)), 1);
}

PolicyInput
job_input(const Job *job, const SampleRow *row)
{
    PolicyInput input = {
        .asks = job->asks | (job->urgent ? POLICY_ASK_URGENT : 0),
        .iter = MAX(row->iter, 1),
        .elapsed_s = (double)(job->now_us - job->started_us) / G_USEC_PER_SEC,
        .pages_to_send = row->pages_to_send,
        .page_bytes = wire_page_bytes(job, row),
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

    if (job_follows_need(job)) {
        application_input(job, &input);
    }
    return input;
}

/* Decide for the iteration @row, which starts now (or, in pass 1, for what is
 * left of it), and say so. */
void
job_decide(Job *job, const SampleRow *row)
{
    PolicyInput input = job_input(job, row);
    PolicyDecision decision = { 0 };
    JobAction *action;

    if (!job_shapes(job)) {
        return;
    }
    policy_decide(&job->config.policy, job->forecaster, &input, &decision);
    job->application_decided = input.application_bytes_s;

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
void
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
        .page_bytes = wire_page_bytes(job, row),
        .wire_share = forecaster_wire_share(job->forecaster),
        .guarantee_bytes_s = (double)ahead->guarantee_bytes_s,
        .achieved_bytes_s =
            known_or(bandwidth_meter_bytes_s(&job->achieved), 0),
        .free_bytes_s = job_shapes(job) ? MAX(free - application, 0) : 0,
        /* that QEMU's was lowered is our doing, and will be undone */
        .downtime_limit_s =
            MAX(job->config.policy.downtime_limit_s, job->aim_limit_s),
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

void
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
    if ((double)row->pages_to_send * (double)row->page_bytes <=
        known_or(job->drain_bytes_s, 0) * job->aim_limit_s) {
        job->in_vain++;
    } else {
        job->in_vain = 0;
    }
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

void
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

void
job_on_poll(Job *job, const SamplePoll *poll)
{
    if (job->has_poll && poll->at_us < job->poll.at_us) {
        return;
    }
    job->poll = *poll;
    job->has_poll = true;
    traffic_meter_add(&job->sent_meter, poll->at_us, (double)poll->sent_bytes);
    if (poll->other_pages > 0 && job->config.measures_wire) {
        forecaster_set_compressed(job->forecaster);
    }
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
void
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
    if (job_follows_need(job)) {
        /* The guest sends from elsewhere now. */
        action->decision.application_bytes_s = 0;
    }
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

/* The pass under way has now what is in force, whatever was planned for it. */
void
job_set_reserved(Job *job)
{
    JobIteration *begun = job_begun(job, job->running_iter);

    if (begun) {
        begun->guarantee_bytes_s = job->in_force.guarantee_bytes_s;
        begun->ceiling_bytes_s = job->in_force.ceiling_bytes_s;
    }
}
