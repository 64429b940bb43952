/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job-priv.h - inside of a job
 *
 * Bandwidths: QEMU counts payload, HTB counts frames. A guarantee of G bytes a
 * second on the wire carries about 0.954 G of pages: 1448 of 1514 bytes of a
 * full frame are payload, and a page of 4096 bytes travels with a header of 8.
 */
#ifndef JOB_PRIV_H
#define JOB_PRIV_H

#include "forecast/bandwidth.h"
#include "job/job-traffic.h"
#include "job/job.h"

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
    Known drain_bytes_s; /* at which the stream leaves, over some seconds */
    int64_t drain_at_us;
    double aim_limit_s; /* downtime that is to be kept; 0: nobody asked */
    double aim_floor_s; /* of QEMU's limit, as was found; 0 */
    unsigned in_vain;   /* passes since its last change that aim_limit_s would
                           have ended */
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
    TrafficMeter used_meter;   /* Nu: the link without migration streams */
    TrafficMeter guest_meter;  /* egress of the guest */
    Application *application;  /* what its class is to have */
    Known application_decided; /* ... as of the last decision */
    TrafficMeter host_meter, stream_meter, class_meter, protected_meter,
        application_meter, sent_meter;

    double progress;
    GArray *actions; /* JobAction */
};

/* --- job.c --- */

/** job_act() - A new action, to be filled in */
JobAction *job_act(Job *job, JobActionKind kind);

/** job_enter() - The one place where a job changes state */
void job_enter(Job *job, JobState next, const char *why);

/** job_shapes() - Is there a class whose guarantee it decides on? */
bool job_shapes(const Job *job);

/* --- job-iteration.c --- */

/** job_input() - What the policy is asked with at the start of @row */
PolicyInput job_input(const Job *job, const SampleRow *row);
void job_decide(Job *job, const SampleRow *row);
void job_decide_postcopy(Job *job);
void job_on_pass(Job *job, unsigned pass);
void job_on_poll(Job *job, const SamplePoll *poll);
void job_on_stepped(Job *job, bool stepped);
void job_sample(Job *job);

/** job_set_reserved() - The pass under way has now what is in force */
void job_set_reserved(Job *job);

/* --- job-meters.c --- */

void job_on_link(Job *job, int64_t at_us, const JobLink *link);
void job_on_counters(Job *job, const SampleCounters *counters);

/** job_follows_need() - Is its guest's class what job->application says? */
bool job_follows_need(const Job *job);

/** job_stream_rate() - As the connection counts it; else as QEMU does */
Known job_stream_rate(const Job *job);

#endif
