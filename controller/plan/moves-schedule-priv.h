/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * moves-schedule-priv.h - between those that make one schedule and the search
 * over many
 */
#ifndef PLAN_MOVES_SCHEDULE_PRIV_H
#define PLAN_MOVES_SCHEDULE_PRIV_H

#include "plan/moves-priv.h"

typedef struct PlanWant {
    int32_t guest;
    int32_t to; /* where it belongs */
    bool running;
    bool done;
    bool held; /* stepped aside, comes back once nobody else can go */
} PlanWant;

typedef struct PlanRunning {
    size_t want;
    guint move;
} PlanRunning;

/* The last duration that was asked for, of a guest */
typedef struct PlanKnown {
    uint64_t rate_bytes_s;
    PlanDuration duration;
} PlanKnown;

/* One schedule while it is made. The caller sets the first six. */
typedef struct PlanScheduler {
    const PlanModel *m;
    const PlanMoveQuery *query;
    PlanMoves *result;
    PlanKnown *known;      /* [guest] */
    const double *urgency; /* [guest] factor of its interfaces' loads */
    bool whole;            /* whole interfaces only */
    GArray *wants;         /* PlanWant */
    GArray *running;       /* PlanRunning */
    int32_t *where;        /* [guest] while it does not move */
    bool *detoured;        /* [guest] */
    int64_t *use;          /* [host x n_resources + r] both ends booked */
    GArray **here;      /* [host] of int32_t: who is booked, if it has sides */
    uint64_t *out, *in; /* [host] free, bytes per second */
    size_t *busy;       /* [host] migrations */
    double *load_out, *load_in; /* [host] seconds still to carry */
    double now_s;
} PlanScheduler;

/* moves-booking.c */

/** plan_scheduler_init() - Everybody at home, all that have to go waiting */
void plan_scheduler_init(PlanScheduler *s, const int32_t *target);
void plan_scheduler_clear(PlanScheduler *s);

/** plan_full_rate() - Of the slower of the two interfaces */
uint64_t plan_full_rate(const PlanModel *m, const PlanMoveQuery *query,
                        int32_t from, int32_t to);
PlanDuration plan_scheduler_duration(const PlanScheduler *s, int32_t guest,
                                     uint64_t rate_bytes_s);

/** plan_scheduler_full_time() - Seconds at that rate, 0 for a boot */
double plan_scheduler_full_time(const PlanScheduler *s, int32_t guest,
                                int32_t from, int32_t to);
bool plan_scheduler_has_room(const PlanScheduler *s, int32_t guest,
                             int32_t host);

/** plan_scheduler_slots_free() - Are fewer under way at both than allowed? */
bool plan_scheduler_slots_free(const PlanScheduler *s, int32_t from,
                               int32_t to);

/** plan_scheduler_book() - The room of @guest on @host; @sign -1 frees it */
void plan_scheduler_book(PlanScheduler *s, int32_t guest, int32_t host,
                         int sign);

/** plan_scheduler_choose_rate() - To start at now, 0 to wait */
uint64_t plan_scheduler_choose_rate(const PlanScheduler *s, int32_t guest,
                                    int32_t from, int32_t to);

/* moves-detour.c */

/**
 * plan_scheduler_start_detour() - Send somebody out of the way
 *
 * Return: false if nobody can step aside whom that would help
 */
bool plan_scheduler_start_detour(PlanScheduler *s);

/**
 * plan_scheduler_release_held() - Those that stepped aside may come back
 *
 * Return: false if there are none
 */
bool plan_scheduler_release_held(PlanScheduler *s);

/* moves-schedule.c */

/** plan_scheduler_try_start() - Of want @index, to @to, if all is free now */
bool plan_scheduler_try_start(PlanScheduler *s, size_t index, int32_t to,
                              bool bypass);

/**
 * plan_schedule() - One attempt
 * @stay:    [guest] Makes no detour
 * @urgency: [guest] Factor of its interfaces' loads
 * @whole:   At rates of whole interfaces only
 * @known:   [guest] Durations that were asked for last
 */
PlanMoves *plan_schedule(const PlanModel *m, const int32_t *target,
                         const PlanMoveQuery *query, const bool *stay,
                         const double *urgency, bool whole, PlanKnown *known);

/**
 * plan_schedule_steps() - Steps that are known to work one after the other
 * @steps: PlanStep; each starts once it fits beside those before it
 */
PlanMoves *plan_schedule_steps(const PlanModel *m, const int32_t *target,
                               const PlanMoveQuery *query, const GArray *steps,
                               PlanKnown *known);

/** plan_moves_empty() - No moves yet */
PlanMoves *plan_moves_empty(void);

/** plan_moves_fill_after() - What each has to wait for, and the makespan */
void plan_moves_fill_after(const PlanModel *m, PlanMoves *moves);

#endif
