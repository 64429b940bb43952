/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job-meters.c - counters of the stream, the link and the guest, as rates
 */
#include "job/job-priv.h"

#include <math.h>

#define QUEUE_FADES_US (20.0 * G_USEC_PER_SEC)
#define DRAIN_FADES_US (2.0 * G_USEC_PER_SEC)

bool
job_follows_need(const Job *job)
{
    return job->config.policy.kind == POLICY_DEFAULT &&
           job->config.policy.follows_need;
}

/* Is its class to have something else than was last decided? */
static bool
job_application(Job *job, int64_t at_us)
{
    ApplicationClass class_ = {
        .link_bytes_s = job->link.root_bytes_s,
        .bytes = (double)job->link.application_bytes,
        .backlog_bytes = (double)job->link.application_backlog_bytes,
        .rate_bytes_s = (double)job->in_force.application_bytes_s,
    };
    ApplicationState state;

    application_class(job->application, at_us, &class_);
    application_state(job->application, &state);
    return state.rate_bytes_s.known != job->application_decided.known ||
           state.rate_bytes_s.value != job->application_decided.value;
}

void
job_on_link(Job *job, int64_t at_us, const JobLink *link)
{
    bool changed;
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
    changed = job_follows_need(job) && job_application(job, at_us);

    /* Pass 1 is the longest by far. It is decided on when the link is there,
     * and once more when a second of traffic has been seen on it; any pass, when
     * the need of the guest's application turns out to be another. */
    if (first || changed ||
        (!job->first_measures_used && job->running_iter <= 1 &&
         traffic_meter_level(&job->used_meter).known)) {
        SampleRow row = job->running.row;

        job->first_measures_used |= !first;
        if (job->state == JOB_PREPARING || job->state == JOB_PRECOPY) {
            job_decide(job, &row);
        } else if (first && job->state == JOB_POSTCOPY) {
            job_decide_postcopy(job);
        }
    }
}

/* As the connection counts it; else as QEMU does. */
Known
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

/* Of what waits, how long? One interval more or less is chance. */
static void
job_drain(Job *job, int64_t at_us)
{
    Known rate = job->stream_meter.rate_bytes_s;
    double weight =
        -expm1(-(double)(at_us - job->drain_at_us) / DRAIN_FADES_US);

    if (rate.known) {
        job->drain_bytes_s =
            job->drain_bytes_s.known
                ? known(job->drain_bytes_s.value +
                        weight * (rate.value - job->drain_bytes_s.value))
                : rate;
        job->drain_at_us = at_us;
    }
}

void
job_on_counters(Job *job, const SampleCounters *counters)
{
    JobPoint point = {
        .t_s = (double)(job->now_us - job->started_us) / G_USEC_PER_SEC,
        .guarantee_bytes_s = job->in_force.guarantee_bytes_s,
        .ceiling_bytes_s = job->in_force.ceiling_bytes_s,
    };

    sampler_counters(job->sampler, counters);
    if (counters->guest_tx_bytes.known) {
        application_sent(job->application, counters->at_us,
                         counters->guest_tx_bytes.value);
    }
    if (counters->guest_tx_bytes.known) {
        traffic_meter_add(&job->guest_meter, counters->at_us,
                          counters->guest_tx_bytes.value);
    }
    job_queue(job, counters);
    if (counters->stream_bytes.known) {
        traffic_meter_add(&job->stream_meter, counters->at_us,
                          counters->stream_bytes.value);
        job_drain(job, counters->at_us);
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
