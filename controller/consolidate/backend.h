/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * backend.h - the hosts, real or simulated
 *
 * The manager calls these, and none of them waits or answers at once: what comes
 * of a call is an event, delivered later from the loop (or from the simulator's
 * queue) by manager_event(). So the manager never finds itself called from within
 * its own call.
 *
 *   snapshot()  ──> CONS_EVENT_SNAPSHOT
 *   check()     ──> CONS_EVENT_CHECKED
 *   start()     ──> CONS_EVENT_STARTED, CONS_EVENT_PROGRESS ..., CONS_EVENT_DONE
 *                   or CONS_EVENT_FAILED
 *   adopt()     ──> as start() from where it stands, which may be its end
 *   cancel()    ──> CONS_EVENT_FAILED (or DONE, if it was too late)
 *   power()     ──> CONS_EVENT_DONE or CONS_EVENT_FAILED
 *   wake_at()   ──> CONS_EVENT_TIME; a later call replaces the earlier
 */
#ifndef CONSOLIDATE_BACKEND_H
#define CONSOLIDATE_BACKEND_H

#include "consolidate/carry.h"

typedef enum {
    CONS_EVENT_SNAPSHOT, /* cluster: taken over by the manager; or text */
    CONS_EVENT_CHECKED,  /* text: why not; NULL: it may */
    CONS_EVENT_STARTED,  /* text: whose queue it waited in; NULL: nobody's */
    CONS_EVENT_PROGRESS, /* progress, bytes, left_s */
    CONS_EVENT_DONE,     /* took_s, downtime_s, bytes */
    CONS_EVENT_FAILED,   /* text; the guest is where it was */
    CONS_EVENT_TIME,
    CONS_N_EVENTS,
} ConsEventKind;

typedef struct ConsEvent {
    ConsEventKind kind;
    char *plan;       /* decision's id and step that the call was made with, */
    size_t step;      /* checked to failed */
    Cluster *cluster; /* NULL: could not be taken, text says why */
    char *text;
    double progress;
    uint64_t bytes;
    double took_s, downtime_s; /* -1: nobody knows */
    double left_s;             /* until its end; -1: nobody knows */
} ConsEvent;

ConsEvent *cons_event_new(ConsEventKind kind, const char *plan, size_t step);
void cons_event_free(ConsEvent *event);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ConsEvent, cons_event_free)

/* What is told beside the journal, for a history and for people */
typedef enum {
    CONS_TOLD_CLUSTER, /* a snapshot: cluster as JSON is not made; see told() */
    CONS_TOLD_DECISION, /* cons_decision_to_json(), with "mode" and "will" */
    CONS_TOLD_STEP, /* a step ended: plan, step, guest, from, to, state, why,
                           forecast and measured time_s, downtime_s, bytes */
    CONS_TOLD_OVER, /* cons_carry_to_json(), and what it brought */
    CONS_N_TOLD,
} ConsTold;

typedef struct ConsBackend {
    /* The wall clock, or the simulated one, in microseconds */
    int64_t (*now_us)(void *data);
    void (*snapshot)(void *data);
    void (*check)(void *data, const char *plan, size_t step,
                  const ConsMove *move);
    void (*start)(void *data, const char *plan, size_t step,
                  const ConsMove *move);
    void (*adopt)(void *data, const char *plan, size_t step,
                  const ConsMove *move);
    void (*cancel)(void *data, const char *plan, size_t step,
                   const ConsMove *move);
    void (*power)(void *data, const char *plan, size_t step, const char *host,
                  bool on);
    void (*wake_at)(void *data, int64_t at_us);
    /* A line of JSON, without newline, that is on disk on return. False: it is
     * not, and nothing that it announces is done */
    bool (*journal)(void *data, const char *line, GError **error);
    /* @cluster with CONS_TOLD_CLUSTER, @json with all others; both borrowed */
    void (*told)(void *data, ConsTold what, const Cluster *cluster,
                 JsonObject *json);
    PlanSolver solver; /* as ConsQuestion; may be NULL */
    void *solver_data;
    PlanPartition partition;
} ConsBackend;

#endif
