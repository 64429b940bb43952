/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * decide.h - which guests should move, and is it worth it
 *
 *   broken rules, overload,    ──> the fewest and cheapest moves that mend it
 *   evacuation                     (nothing else is touched)
 *   underload                  ──> all guests of the host elsewhere, or none
 *   far traffic, request       ──> a search for less, then only what pays
 *
 * What a placement costs is power, in watts; a migration costs energy, in joules.
 * A move that mends nothing has to save more over the horizon than it costs, by
 * the margin. The planner works on forecast demands. A second planning on the
 * end state finds nothing to do.
 */
#ifndef CONSOLIDATE_DECIDE_H
#define CONSOLIDATE_DECIDE_H

#include "consolidate/triggers.h"
#include "plan/kway.h"
#include "plan/moves.h"
#include "plan/program.h"

#define DECISION_FORMAT "vmferry-decision-1"

/* A move that was made, by us or not, newest last */
typedef struct ConsPast {
    char *guest;
    char *from, *to; /* hosts */
    int64_t at_us;   /* its end */
    bool ours;
} ConsPast;

typedef struct ConsMove {
    char *guest;
    char *from, *to;
    ConsTriggerKind kind; /* that it serves */
    bool bypass;          /* not where it belongs: a stop on the way */
    char *why;            /* in words and numbers */
    GArray *after;        /* guint: moves of the plan that end before */
    double start_s;       /* by the schedule, from the plan's start */
    uint64_t rate_bytes_s;
    uint64_t bytes; /* these three forecast */
    double time_s, downtime_s;
    bool assumed;   /* ... for what the guest writes is not known */
    double cost_j;  /* of the migration */
    double saves_w; /* what the end state would cost more if it stayed; its set
                        if a host is emptied */
    double benefit_j; /* over the horizon; a move that mends: 0 */
    bool mends; /* made because something is broken, not because it pays */
} ConsMove;

typedef struct ConsRefusal {
    char *subject; /* a guest, or a host */
    char *why;
} ConsRefusal;

typedef struct ConsPower {
    char *host;
    bool on;
    char *why;
    GArray *after; /* guint: moves that end before it (off) */
} ConsPower;

typedef struct ConsDecision {
    char *id; /* of the time and a number */
    int64_t at_us;
    GPtrArray *triggers; /* ConsTrigger *; `host` as in the cluster looked at */
    GPtrArray *moves;    /* ConsMove *, by start */
    GPtrArray *powers;   /* ConsPower * */
    GPtrArray *refusals; /* ConsRefusal * */
    /* before and after: what is broken (0: nothing), and what it costs */
    int64_t violation_before, violation_after;
    double cost_w_before, cost_w_after;
    double far_bytes_s_before, far_bytes_s_after; /* between racks */
    double cost_j, benefit_j;
    double makespan_s, bound_s;
    char *summary; /* a sentence */
} ConsDecision;

typedef struct ConsQuestion {
    const ConsSettings *settings;
    const Cluster *cluster;
    const ConsWatch *watch;       /* demands; NULL: those of the cluster */
    const GPtrArray *triggers;    /* ConsTrigger *, at least one */
    const GPtrArray *past;        /* ConsPast *; or NULL */
    const char *const *evacuated; /* hosts that take nobody; or NULL */
    PlanSolver solver;            /* or NULL */
    void *solver_data;
    PlanPartition partition; /* or NULL */
} ConsQuestion;

/** cons_decide() - Always an answer, which may be to do nothing, and says why */
ConsDecision *cons_decide(const ConsQuestion *question);
void cons_decision_free(ConsDecision *decision);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ConsDecision, cons_decision_free)

/** cons_decision_is_empty() - No move, no power command */
bool cons_decision_is_empty(const ConsDecision *decision);

JsonObject *cons_decision_to_json(const ConsDecision *decision);

/** cons_decision_from_json() - NULL with CONS_ERROR_SYNTAX */
ConsDecision *cons_decision_from_json(JsonObject *json, GError **error);

/** cons_explain() - A move in a few lines of text; g_free() it */
char *cons_explain(const ConsDecision *decision, size_t move);

/**
 * cons_sets() - The patent's sets of guests that belong together
 *
 * Return: of GPtrArray of names, borrowed from @cluster, in the order of
 * splitting; unref it. NULL with CONS_ERROR_FIT if no model can be made
 */
GPtrArray *cons_sets(const ConsSettings *settings, const Cluster *cluster,
                     GError **error);

#endif
