/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * moves-detour.c - who steps aside when nothing runs and nothing can start
 *
 * The waiting ones stand in each other's way then. The guest that is cheapest to
 * move makes a detour over a host with room, one that waits or, failing that, one
 * that stands in the way, or in the way of a detour, without having to move; it
 * comes back once nobody else can go. A guest does so once at most, so this ends.
 */
#include "plan/moves-schedule-priv.h"

#include <math.h>

/* Would somebody who waits for room on @host get it if @guest left? With
 * @stop, also one who could make a detour over @host. */
static bool
unblocks(PlanScheduler *s, int32_t guest, int32_t host, bool stop)
{
    bool found = false;

    plan_scheduler_book(s, guest, host, -1);
    for (guint i = 0; i < s->wants->len && !found; i++) {
        const PlanWant *want = &g_array_index(s->wants, PlanWant, i);

        found = !want->done && want->guest != guest &&
                (want->to == host ||
                 (stop && !s->detoured[want->guest] &&
                  s->where[want->guest] != host &&
                  plan_model_allows(s->m, want->guest, host))) &&
                plan_scheduler_has_room(s, want->guest, host);
    }
    plan_scheduler_book(s, guest, host, 1);
    return found;
}

typedef struct Detour {
    double cost;
    int32_t guest, over;
} Detour;

static void
consider_detour(PlanScheduler *s, int32_t guest, int32_t to, bool stop,
                Detour *best)
{
    int32_t from = s->where[guest];
    double time_s;

    if (s->detoured[guest] || from == PLAN_NOWHERE ||
        s->m->guests[guest].pinned) {
        return;
    }
    time_s = plan_scheduler_full_time(s, guest, from, from);
    if (2 * time_s >= best->cost || !unblocks(s, guest, from, stop)) {
        return;
    }
    for (size_t h = 0; h < s->m->n_hosts; h++) {
        int32_t over = (int32_t)h;

        if (over != from && over != to &&
            plan_model_allows(s->m, guest, over) &&
            plan_scheduler_has_room(s, guest, over)) {
            double cost = plan_scheduler_full_time(s, guest, from, over) +
                          plan_scheduler_full_time(s, guest, over, to);

            if (cost < best->cost) {
                *best = (Detour){ cost, guest, over };
            }
        }
    }
}

/* Nothing runs, nothing can start: send somebody on a detour. */
bool
plan_scheduler_start_detour(PlanScheduler *s)
{
    Detour best = { HUGE_VAL, 0, PLAN_NOWHERE };
    g_autofree bool *wants_to_move = g_new0(bool, s->m->n_guests);

    for (guint i = 0; i < s->wants->len; i++) {
        const PlanWant *want = &g_array_index(s->wants, PlanWant, i);

        if (!want->done) {
            wants_to_move[want->guest] = true;
            consider_detour(s, want->guest, want->to, false, &best);
        }
    }
    for (int stop = 0; stop < 2 && best.over == PLAN_NOWHERE; stop++) {
        for (size_t g = 0; g < s->m->n_guests; g++) {
            if (!wants_to_move[g]) {
                consider_detour(s, (int32_t)g, s->where[g], stop, &best);
            }
        }
    }
    if (best.over == PLAN_NOWHERE) {
        return false;
    }
    s->detoured[best.guest] = true;
    for (guint i = 0; i < s->wants->len; i++) {
        const PlanWant *want = &g_array_index(s->wants, PlanWant, i);

        if (want->guest == best.guest && !want->done) {
            return plan_scheduler_try_start(s, i, best.over, true);
        }
    }
    /* one that was where it belongs has to come back */
    {
        PlanWant back = { .guest = best.guest,
                          .to = s->where[best.guest],
                          .held = true };

        g_array_append_val(s->wants, back);
        return plan_scheduler_try_start(s, s->wants->len - 1, best.over, true);
    }
}

/* Those that stepped aside may come back; false if there are none. */
bool
plan_scheduler_release_held(PlanScheduler *s)
{
    bool released = false;

    for (guint i = 0; i < s->wants->len; i++) {
        PlanWant *want = &g_array_index(s->wants, PlanWant, i);

        released = released || want->held;
        want->held = false;
    }
    return released;
}
