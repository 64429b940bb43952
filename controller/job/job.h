/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job.h - one migration: events and the time go in, actions come out
 *
 * The job joins sampler, forecaster and policy. It owns no descriptor, reads
 * no clock and starts nothing: the program feeds it what happened and does
 * what it answers. So a recorded migration, fed to it again, repeats every
 * decision exactly, and a new policy can be tried on old migrations.
 *
 *   PREPARING --pass 1--> PRECOPY <--stop--> SWITCHOVER --> DONE
 *       |                  |    `--post-copy--> POSTCOPY --> DONE
 *       `------------------+------ any end that is no success --> FAILED
 *
 * All times are microseconds since the job began, on the monotonic clock.
 */
#ifndef JOB_H
#define JOB_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "base/known.h"
#include "forecast/forecast.h"
#include "policy/aim.h"
#include "policy/application.h"
#include "policy/ladder.h"
#include "policy/policy.h"
#include "sample/sample.h"

typedef enum {
    JOB_PREPARING,  /* asked for; no pass has begun. Shaped, nothing sampled */
    JOB_PRECOPY,    /* the guest runs on the source, passes follow each other */
    JOB_SWITCHOVER, /* the guest is stopped, the rest is being sent */
    JOB_POSTCOPY,   /* the guest runs on the destination and pulls pages */
    JOB_DONE,       /* it runs on the destination; nothing more happens */
    JOB_FAILED,     /* it did not move; nothing more happens */
    JOB_N_STATES
} JobState;

const char *job_state_name(JobState state);

/* policy/ladder.h: whether it is asked, with what. */
typedef struct JobLadder {
    bool climbs;
    LadderSettings settings;
    LadderGuest guest;
} JobLadder;

typedef struct JobConfig {
    const char *guest; /* borrowed during job_new(), for messages */
    PolicySettings policy;
    SampleSource source;
    bool ticks;           /* syncs that end no pass can happen: QEMU >= 9.2 with
                   auto-converge */
    uint64_t guest_pages; /* 0: not known */
    double fixed_downtime_s; /* device state etc., 0: not known */
    JobLadder ladder;
    ForecastCurve oracle; /* .n_points 0: forecasts are learnt */
    bool measures_wire;   /* what compressed pages take; not in records of
                             before it was there */
} JobConfig;

/* Counters of the link and of our classes on it, all counted since some
 * moment; the job uses differences. */
typedef struct JobLink {
    double root_bytes_s;       /* Nt: what our root class carries */
    double others_bytes_s;     /* guaranteed to everybody else */
    uint64_t link_bytes;       /* egress of the NIC */
    uint64_t class_bytes;      /* our migration's class */
    uint64_t migrations_bytes; /* classes of all migrations */
    uint64_t protected_bytes;
    uint64_t application_bytes;
    uint64_t application_backlog_bytes; /* wait in its class now */
} JobLink;

typedef struct JobOutcome {
    bool completed;
    Known total_s, downtime_s, bytes;
} JobOutcome;

typedef enum {
    JOB_EVENT_START,    /* libvirt is about to be asked */
    JOB_EVENT_PASS,     /* .pass began; .told of the one before */
    JOB_EVENT_POLL,     /* .poll: statistics */
    JOB_EVENT_COUNTERS, /* .counters of guest and link */
    JOB_EVENT_LINK,     /* .link: only with a policy that shapes */
    JOB_EVENT_STOPPED,  /* the guest was stopped for the switchover */
    JOB_EVENT_RESUMED,  /* ... and runs here again: it was no switchover */
    JOB_EVENT_POSTCOPY, /* the guest runs on the destination, pages follow */
    JOB_EVENT_SHAPED,   /* .shaped: the last decision was carried out, or not */
    JOB_EVENT_ADVISORY, /* .advisory: from now on decisions are taken and not
                           carried out, and forecasts are of the migration as
                           it is without them; or the other way round */
    JOB_EVENT_GRANTED,  /* .grant: an arbiter of several migrations has put this
                           into force, whatever was decided here */
    JOB_EVENT_SETTINGS, /* .settings and .asks: of the policy, from now on */
    JOB_EVENT_STEPPED,  /* .stepped: the ladder's last step was carried out, or
                           could not be */
    JOB_EVENT_SEEN,     /* .seen: of the guest's traffic, before its stream
                           took from it */
    JOB_EVENT_END,      /* .outcome */
    JOB_N_EVENTS
} JobEventKind;

typedef struct JobEvent {
    JobEventKind kind;
    int64_t at_us;
    union {
        struct {
            unsigned pass;
            SampleTold told; /* all unknown: a stock QEMU */
        };
        SamplePoll poll;
        SampleCounters counters;
        JobLink link;
        bool shaped;
        bool advisory;
        PolicyDecision grant;
        struct {
            PolicySettings settings;
            unsigned asks;      /* POLICY_ASK_ flags */
            double aim_limit_s; /* downtime that is to be kept, where QEMU's
                                   own limit was lowered for it; 0: it was not */
        };
        bool stepped;
        ApplicationSeen seen;
        JobOutcome outcome;
    };
} JobEvent;

typedef enum {
    JOB_ACTION_STATE,    /* .state was entered */
    JOB_ACTION_DECIDED,  /* .decision was taken; when .shape, carry it out and
                            answer with JOB_EVENT_SHAPED */
    JOB_ACTION_STEP,     /* .advice of the ladder; when .carry_out, do it and
                            answer with JOB_EVENT_STEPPED */
    JOB_ACTION_FORECAST, /* an iteration started: what is expected of it */
    JOB_ACTION_ROW,      /* an iteration ended: what it was */
    JOB_ACTION_POINT,    /* one point of the time lines */
    JOB_N_ACTIONS
} JobActionKind;

typedef struct JobIteration {
    SampleRow row;               /* FORECAST: as far as it is known */
    Forecast forecast;           /* of its dirty pages, made at its start */
    MigrationForecast migration; /* from its start on */
    uint64_t guarantee_bytes_s;  /* in force at its start */
    uint64_t ceiling_bytes_s;
} JobIteration;

typedef struct JobPoint {
    double t_s;
    Known remaining_bytes;
    Known stream_bytes_s;
    Known class_bytes_s;
    Known application_bytes_s;
    Known protected_bytes_s;
    Known other_bytes_s;
    uint64_t guarantee_bytes_s;
    uint64_t ceiling_bytes_s;
} JobPoint;

typedef struct JobAction {
    JobActionKind kind;
    int64_t at_us;
    union {
        JobState state;
        struct {
            PolicyDecision decision;
            unsigned iter;
            bool shape;
        };
        struct {
            LadderAdvice advice;
            unsigned step_iter;
            bool carry_out;
        };
        JobIteration iteration;
        JobPoint point;
    };
} JobAction;

typedef struct Job Job;

/** job_new() - A job that waits for JOB_EVENT_START; job_free() it */
Job *job_new(const JobConfig *config);
void job_free(Job *job);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Job, job_free)

/**
 * job_feed() - Tell the job what happened
 * @event: Times must not run backwards; one that does is taken as "now"
 *
 * Events that make no sense in the present state are ignored: monitors repeat
 * themselves, and after the end everything is.
 *
 * Return: the actions to take, in order, an array of JobAction that belongs to
 * the job and lives until the next call.
 */
const GArray *job_feed(Job *job, const JobEvent *event);

JobState job_state(const Job *job);

/** job_policy_input() - What a policy would be asked with now
 *
 * .pages_to_send is what remains of the iteration under way. Return: false
 * while nothing is known of a link */
bool job_policy_input(const Job *job, PolicyInput *input);

/** job_forecaster() - Its history so far, borrowed */
const Forecaster *job_forecaster(const Job *job);

/** job_settings() - Of its policy, as they hold now; borrowed */
const PolicySettings *job_settings(const Job *job);

/** job_asks() - POLICY_ASK_ flags that hold now */
unsigned job_asks(const Job *job);

/** job_in_force() - What of its decisions, or of an arbiter's, is; borrowed */
const PolicyDecision *job_in_force(const Job *job);
/** job_steps() - LADDER_BITs of the steps in force */
unsigned job_steps(const Job *job);

/**
 * job_aim() - Which downtime limit QEMU should have now
 * @limit_s: That is to be kept; what QEMU has is job_settings()'
 *
 * Return: false where it is not to be changed: no pass is under way, or the
 * ladder has changed it
 */
bool job_aim(Job *job, double limit_s, Aim *aim);

/* Where it stands now, for whoever watches. */
typedef struct JobProgress {
    double share;  /* of the work done, 0..1, never smaller than before:
                              bytes sent over bytes sent plus forecast, or plus
                              remaining as long as there is no forecast */
    unsigned iter; /* under way, 0: none yet */
    Known remaining_bytes;
    Known stream_bytes_s;       /* over the last interval */
    uint64_t guarantee_bytes_s; /* 0: none */
    Known end_s;                /* forecast, from now */
    int converges;              /* 1 yes, 0 no, -1 not known */
} JobProgress;

void job_progress(Job *job, JobProgress *progress);

/* --- events and configurations as JSON, for the record and its replay --- */

#define JOB_ERROR (job_error_quark())
GQuark job_error_quark(void);
typedef enum { JOB_ERROR_EVENT, JOB_ERROR_REPLAY } JobError;

JsonObject *job_event_to_json(const JobEvent *event);
bool job_event_from_json(JsonObject *json, JobEvent *event, GError **error);
JsonObject *job_config_to_json(const JobConfig *config);

/** job_config_from_json() - @config->guest is borrowed from @json */
bool job_config_from_json(JsonObject *json, JobConfig *config, GError **error);

/**
 * job_replay() - Feed recorded events to a new job
 * @config: As recorded, or with another policy to try
 * @events: JSON array of events
 *
 * Return: all its actions, an array of JobAction; g_array_unref() it
 */
GArray *job_replay(const JobConfig *config, JsonObject *events, GError **error);

#endif
