/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * moves.c - see moves.h: the search over many schedules
 *
 * A schedule follows from an order (moves-schedule.c), and who should go first
 * is learnt: all migrations of hosts that were late get more urgent, and
 * everything is planned anew, every second time with whole interfaces only, as
 * long as there is time; the shortest schedule counts. Of a few migrations all
 * schedules are gone through (moves-shortest.c).
 *
 * If some find no way, it is decided whether there is one (moves-decide.c), which
 * is then gone in its order. Where there is none, and where that took too long,
 * those that found no way are left out and named.
 */
#include "plan/moves-schedule-priv.h"

#include <string.h>

/* Of variants: how many are tried, and migrations in all of them; how far from
 * the bound none is tried any more */
#define MOST_TRIES 150
#define MOST_STARTS 30000
#define PATIENCE 40 /* tries without gain */
#define GOOD 0.004
#define HURRY 0.4 /* what is added at most, each time that a host is late */
#define GATE 0.5  /* ... for the quickest to make room */
#define LATE 0.3  /* of the way from the bound to the end */

/* 0 to 1, the same for the same two numbers: splitmix64's way of stirring */
static double
chance(uint64_t a, uint64_t b)
{
    uint64_t x = ((a << 32) ^ b) + UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (double)((x ^ (x >> 31)) >> 11) * 0x1p-53;
}

/* Where those that come had to wait for room, the quickest to go should go first,
 * and where those that go did, for room elsewhere, the quickest to come last:
 * meanwhile the interface stands idle. */
static void
open_gates(const PlanModel *m, const PlanMoves *moves, const bool *late,
           double *urgency)
{
    g_autofree const PlanMove **quickest = g_new0(const PlanMove *, m->n_hosts);
    g_autofree const PlanMove **first = g_new0(const PlanMove *, m->n_hosts);

    for (guint i = 0; i < moves->moves->len; i++) {
        const PlanMove *move = &g_array_index(moves->moves, PlanMove, i);

        if (move->from == PLAN_NOWHERE) {
            continue;
        }
        if (!quickest[move->from] ||
            move->duration.time_s < quickest[move->from]->duration.time_s) {
            quickest[move->from] = move;
        }
        if (!first[move->to] || move->start_s < first[move->to]->start_s) {
            first[move->to] = move;
        }
    }
    for (size_t h = 0; h < m->n_hosts; h++) {
        if (late[h] && first[h] && quickest[h] &&
            first[h]->start_s >= quickest[h]->duration.time_s) {
            urgency[quickest[h]->guest] *= 1 + GATE;
        }
    }
}

/* Whoever ended late, and all that share an interface with it, are in more of a
 * hurry next time, some more than others. */
static void
learn(const PlanModel *m, const PlanMoves *moves, double bound_s, guint round,
      double *urgency)
{
    g_autofree bool *late = g_new0(bool, m->n_hosts + 1);
    double late_s = bound_s + LATE * (moves->makespan_s - bound_s);

    for (guint i = 0; i < moves->moves->len; i++) {
        const PlanMove *move = &g_array_index(moves->moves, PlanMove, i);

        if (move->from != PLAN_NOWHERE && move->end_s > late_s) {
            late[move->from] = late[move->to] = true;
        }
    }
    for (guint i = 0; i < moves->moves->len; i++) {
        const PlanMove *move = &g_array_index(moves->moves, PlanMove, i);

        if (move->from != PLAN_NOWHERE &&
            (late[move->from] || late[move->to])) {
            urgency[move->guest] *=
                1 + HURRY * chance(round, (uint64_t)move->guest);
        }
    }
    open_gates(m, moves, late, urgency);
}

/* The shortest of as many orders as there is time for, or the first that is as
 * good as the bound */
static PlanMoves *
improve(const PlanModel *m, const int32_t *target, const PlanMoveQuery *query,
        const bool *stay, double *urgency, PlanKnown *known, PlanMoves *best)
{
    double bound_s = best->bound_s;
    double link_s = best->link_bound_s;
    guint gained = 0;
    size_t n = 1 + best->moves->len;
    guint tries = (guint)CLAMP(MOST_STARTS / n, 2, MOST_TRIES);

    learn(m, best, bound_s, 0, urgency);
    for (guint i = 1; i <= tries && i <= gained + PATIENCE &&
                      best->makespan_s > bound_s * (1 + GOOD);
         i++) {
        PlanMoves *other =
            plan_schedule(m, target, query, stay, urgency, i % 2 == 1, known);

        learn(m, other, bound_s, i, urgency);
        if (other->left_out->len == 0 && other->makespan_s < best->makespan_s) {
            PlanMoves *swap = best;

            best = other;
            other = swap;
            gained = i;
        }
        plan_moves_free(other);
    }
    best->bound_s = bound_s;
    best->link_bound_s = link_s;
    return best;
}

/* A few migrations: all schedules are gone through, where the best is not known
 * to be good */
static PlanMoves *
shorten(const PlanModel *m, const int32_t *target, const PlanMoveQuery *query,
        PlanMoves *best)
{
    PlanMoves *result;
    g_autoptr(GArray) starts = NULL;

    if (best->makespan_s <= best->bound_s * (1 + GOOD)) {
        return best;
    }
    starts = plan_moves_shortest(m, target, query, best->makespan_s,
                                 &best->shortest);
    if (!starts) {
        return best;
    }
    result = plan_moves_empty();
    result->shortest = best->shortest;
    result->bound_s = best->bound_s;
    result->link_bound_s = best->link_bound_s;
    for (guint i = 0; i < starts->len; i++) {
        const PlanStart *start = &g_array_index(starts, PlanStart, i);
        PlanMove move = { .guest = start->guest,
                          .from = m->guests[start->guest].host,
                          .to = target[start->guest],
                          .start_s = start->start_s,
                          .rate_bytes_s = start->rate_bytes_s,
                          .after = g_array_new(FALSE, FALSE, sizeof(guint)) };

        move.duration = plan_duration(&m->guests[move.guest], move.rate_bytes_s,
                                      query->downtime_limit_s);
        move.end_s = move.start_s + move.duration.time_s;
        g_array_append_val(result->moves, move);
    }
    plan_moves_fill_after(m, result);
    plan_moves_free(best);
    return result;
}

/* Whoever found no way is dropped from the target, and all is planned anew, so
 * that nobody makes a detour for moves that do not happen. */
PlanMoves *
plan_moves_new(const PlanModel *m, const int32_t *target,
               const PlanMoveQuery *query)
{
    g_autofree int32_t *rest = g_new(int32_t, m->n_guests + 1);
    g_autofree bool *stay = g_new0(bool, m->n_guests + 1);
    g_autofree double *urgency = g_new(double, m->n_guests + 1);
    g_autofree PlanKnown *known = g_new0(PlanKnown, m->n_guests + 1);
    g_autoptr(GArray) dropped = g_array_new(FALSE, FALSE, sizeof(int32_t));
    bool proved = false;

    for (size_t g = 0; g < m->n_guests; g++) {
        urgency[g] = 1;
    }
    g_assert(query->link_bytes_s > 0 && query->downtime_limit_s > 0);
    memcpy(rest, target, m->n_guests * sizeof(int32_t));
    for (int attempt = 0;; attempt++) {
        PlanMoves *result =
            plan_schedule(m, rest, query, stay, urgency, false, known);

        if (result->left_out->len > 0 && attempt == 0) {
            bool decided;
            g_autoptr(GArray) steps = plan_moves_decide(m, target, &decided);

            if (steps) {
                plan_moves_free(result);
                result = plan_schedule_steps(m, target, query, steps, known);
                result->bound_s =
                    plan_moves_bound(m, target, query, &result->link_bound_s);
                return result;
            }
            proved = decided;
        }
        if (result->left_out->len == 0) {
            result->bound_s =
                plan_moves_bound(m, rest, query, &result->link_bound_s);
            result = improve(m, rest, query, stay, urgency, known, result);
            result = shorten(m, rest, query, result);
            result->proved = proved;
            g_array_append_vals(result->left_out, dropped->data, dropped->len);
            return result;
        }
        for (guint i = 0; i < result->left_out->len; i++) {
            int32_t guest = g_array_index(result->left_out, int32_t, i);

            /* one that only stood in the way stays there */
            if (rest[guest] == PLAN_NOWHERE ||
                rest[guest] == m->guests[guest].host) {
                stay[guest] = true;
            } else {
                rest[guest] = PLAN_NOWHERE;
                g_array_append_val(dropped, guest);
            }
        }
        plan_moves_free(result);
    }
}

void
plan_moves_free(PlanMoves *moves)
{
    if (moves) {
        g_array_unref(moves->moves);
        g_array_unref(moves->left_out);
        g_free(moves);
    }
}
