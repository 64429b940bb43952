/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * moves.h - the migrations that lead from one placement to another
 *
 * Host capacity is booked at both ends for as long as a migration lasts, each
 * interface in its direction at the rate that the migration gets. Nothing
 * starts that would not fit, so no host is ever asked for more than its limit
 * because of a guest that comes; one that starts overloaded may stay so until
 * enough have left.
 *
 *   out of a ──┐   ┌── into b       a and b swap full hosts: neither can
 *              └─ c ┘                start, and one goes by way of c
 */
#ifndef PLAN_MOVES_H
#define PLAN_MOVES_H

#include "plan/model.h"

typedef struct PlanMoveQuery {
    double downtime_limit_s; /* a guest stops once so little is left */
    uint64_t link_bytes_s;   /* of hosts that do not say */
    size_t most_per_host;    /* migrations at a time at one host, either
                                  direction; 0: as links and room allow */
} PlanMoveQuery;

/* What a migration at a constant rate takes */
typedef struct PlanDuration {
    double time_s;
    double downtime_s;
    uint64_t bytes;
    bool converges; /* false: stopped with more left than the limit allows */
} PlanDuration;

/**
 * plan_duration() - Pre-copy played through
 * @rate_bytes_s: Above 0
 *
 * After a pass of t seconds hot (1 - exp(-hot rate t / hot)) + cold rate t
 * bytes are dirty again. A guest whose memory is not known takes one second.
 */
PlanDuration plan_duration(const PlanGuest *guest, uint64_t rate_bytes_s,
                           double downtime_limit_s);

typedef struct PlanMove {
    int32_t guest;
    int32_t from, to; /* from PLAN_NOWHERE: a boot, which takes no time */
    double start_s, end_s;
    uint64_t rate_bytes_s; /* booked on both interfaces */
    PlanDuration duration;
    bool bypass;   /* not where it belongs: a stop on the way */
    GArray *after; /* of guint: moves that have to be over before;
                              if these are kept, capacity is, however long
                              each takes */
} PlanMove;

typedef struct PlanMoves {
    GArray *moves;    /* PlanMove, by start */
    GArray *left_out; /* of int32_t: guests that found no way */
    bool proved;      /* that there is no way for all of them */
    double makespan_s;
    double bound_s;      /* no schedule is faster: the busiest interface, with
                       the time that it waits for room, and the longest
                       single migration */
    bool shortest;       /* all schedules at rates of whole interfaces, or
                            what others leave of them, were gone through */
    double link_bound_s; /* the same if there were room for everybody */
} PlanMoves;

/**
 * plan_moves_new() - From where the guests run now to @target
 * @target: A host for each guest; PLAN_NOWHERE leaves it where it is
 */
PlanMoves *plan_moves_new(const PlanModel *model, const int32_t *target,
                          const PlanMoveQuery *query);
void plan_moves_free(PlanMoves *moves);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PlanMoves, plan_moves_free)

/**
 * plan_moves_check() - Judge a schedule, with code that shares nothing with
 * the scheduler
 *
 * Return: sentences, one a violation; none if all is well. Unref it
 */
GPtrArray *plan_moves_check(const PlanModel *model, const int32_t *target,
                            const PlanMoveQuery *query, const PlanMoves *moves);

#endif
