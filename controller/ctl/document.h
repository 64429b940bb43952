/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * document.h - what the daemon shows, as structs, and their JSON
 *
 * The members are those of docs/protocol.md, in its order; a test compares the
 * two. Pure. All strings are borrowed and may be NULL: not known. Words
 * ("enforce", "precopy", "nic-not-bottleneck") are those of the page.
 */
#ifndef CTL_DOCUMENT_H
#define CTL_DOCUMENT_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/known.h"

/* 80 % of outcomes lie between low and high. */
typedef struct CtlInterval {
    Known value, low, high;
} CtlInterval;

typedef struct CtlHeld {
    const char *by; /* program and user */
    const char *reason;
    int64_t since_us; /* wall clock, as all of these */
    Known floor_bytes_s;
    Known cost_s;
} CtlHeld;

typedef struct CtlDecision {
    int64_t time_us;
    double t_s; /* since the migration's start */
    unsigned iteration;
    const char *step;
    const char *reason; /* one stable word */
    const char *text;
    uint64_t guarantee_bytes_s, ceiling_bytes_s, application_bytes_s;
    bool carried_out;
} CtlDecision;

typedef struct CtlSession {
    const char *session;
    const char *guest, *uuid;
    const char *destination;
    const char *address;
    unsigned port; /* 0: not found yet */
    const char *starter, *starter_program;
    Known starter_uid;
    const char *mode;
    const char *policy;
    int priority;
    Known deadline_s;
    Known downtime_limit_s;
    const char *state;
    int64_t started_us; /* 0: not yet */
    Known elapsed_s;
    unsigned iteration;
    double progress;
    Known remaining_bytes, bandwidth_bytes_s, dirty_bytes_s, sent_bytes;
    const char *link;
    const char *class_id;
    Known guarantee_bytes_s, ceiling_bytes_s, application_bytes_s;
    const char *not_in_force; /* NULL: it is in force */
    const char *not_in_force_text;
    CtlInterval end_s, downtime_s, bytes; /* from now */
    int64_t forecast_at_us;               /* 0: there is none */
    int converges;                        /* 1, 0, -1: not known */
    const CtlHeld *held;
    const CtlDecision *decision;
    /* NULL-terminated lists of words, NULL: empty */
    const char *const *allowed, *const *offered, *const *taken, *const *undone;
    const char *const *foreign;
    const char *advice;
    const char *recover;
    const char *const *warnings;
} CtlSession;

typedef struct CtlClass {
    const char *id, *role, *owner;
    Known guarantee_bytes_s, ceiling_bytes_s, use_bytes_s;
    Known bytes, drops, backlog_bytes;
} CtlClass;

typedef struct CtlDestination {
    const char *address;
    Known capacity_bytes_s;
} CtlDestination;

typedef struct CtlLink {
    const char *link;
    int ifindex;
    const char *mac;
    const char *state;
    Known capacity_bytes_s;
    const char *capacity_source;
    Known use_bytes_s, guaranteed_bytes_s;
    const char *const *sessions;
    const CtlClass *classes;
    size_t n_classes;
    const CtlDestination *destinations;
    size_t n_destinations;
} CtlLink;

typedef struct CtlQueued {
    unsigned position; /* 1: next */
    const char *session, *guest, *uuid, *destination, *link;
    int priority;
    const char *reason, *text;
    double waiting_s;
    Known wait_most_s;
    Known forecast_start_s;
    Known forecast_time_s;
} CtlQueued;

typedef struct CtlTrackEntry {
    const char *session, *guest;
    int64_t time_us;
    const char *mode, *status;
    unsigned at_iteration;
    CtlInterval forecast_time_s;
    Known time_s;
    Known forecast_downtime_s, downtime_s;
    unsigned passes, passes_inside; /* whose dirty pages were forecast; ... */
    const char *would_have;
} CtlTrackEntry;

typedef struct CtlAlert {
    const char *alert;
    int64_t since_us;
    const char *link, *text;
} CtlAlert;

typedef struct CtlDaemon {
    const char *version;
    int64_t pid;
    const char *host;
    const char *mode;
    const char *disabled; /* NULL: it is not */
    int64_t since_us;
    const char *libvirt_uri;
    bool libvirt_connected;
    int64_t libvirt_since_us;
    const char *libvirt_version;
    uint64_t sessions_begun, sessions_completed, sessions_failed, decisions,
        foreign_changes;
} CtlDaemon;

/* Each returns a new object. */
JsonObject *ctl_held_to_json(const CtlHeld *held);
JsonObject *ctl_decision_to_json(const CtlDecision *decision);
JsonObject *ctl_session_to_json(const CtlSession *session);
JsonObject *ctl_link_to_json(const CtlLink *link);
JsonObject *ctl_queued_to_json(const CtlQueued *queued);
JsonObject *ctl_alert_to_json(const CtlAlert *alert);

/**
 * ctl_track_record_to_json() - Forecasts against outcomes, with the figures
 * @entries: The latest first; of more than 100 the first 100 are taken
 *
 * Errors are |forecast - outcome| / outcome of the completed runs; coverage is
 * the share of passes inside their interval, of all runs. null without any.
 */
JsonObject *ctl_track_record_to_json(const CtlTrackEntry *entries,
                                     size_t n_entries);

/**
 * ctl_status_to_json() - The whole document
 * @now_us: Wall clock
 * @sessions, @links, @queue, @alerts: Arrays, taken; NULL: empty
 * @track_record: Taken; NULL: of no runs
 */
JsonObject *ctl_status_to_json(const CtlDaemon *daemon, int64_t now_us,
                               JsonObject *sessions, JsonObject *links,
                               JsonObject *queue, JsonObject *track_record,
                               JsonObject *alerts);

#endif
