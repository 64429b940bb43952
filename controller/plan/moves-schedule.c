/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * moves-schedule.c - one schedule: what starts at each moment
 *
 * Event-driven list scheduling. At each moment at which something ends, the
 * waiting migrations are gone through, those first whose interfaces have most
 * still to carry; who fits starts. If nothing runs and nothing can start,
 * somebody makes a detour (moves-detour.c). Who found no way is left out.
 *
 * A move that arrives at a host where not everybody fits at once has to wait
 * for all that left this host before it, in `after`: an arrival then finds at
 * least the room that it found here, whatever the others' pace.
 */
#include "plan/moves-schedule-priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool
plan_scheduler_try_start(PlanScheduler *s, size_t index, int32_t to,
                         bool bypass)
{
    PlanWant *want = &g_array_index(s->wants, PlanWant, index);
    int32_t from = s->where[want->guest];
    PlanMove move = {
        .guest = want->guest,
        .from = from,
        .to = to,
        .start_s = s->now_s,
        .end_s = s->now_s,
        .bypass = bypass,
        .duration = { .converges = true },
    };
    PlanRunning running = { index, s->result->moves->len };

    if (!plan_scheduler_has_room(s, want->guest, to)) {
        return false;
    }
    if (from != PLAN_NOWHERE) {
        if (!plan_scheduler_slots_free(s, from, to)) {
            return false;
        }
        move.rate_bytes_s =
            plan_scheduler_choose_rate(s, want->guest, from, to);
        if (move.rate_bytes_s == 0) {
            return false;
        }
        move.duration =
            plan_scheduler_duration(s, want->guest, move.rate_bytes_s);
        move.end_s += move.duration.time_s;
        s->out[from] -= move.rate_bytes_s;
        s->in[to] -= move.rate_bytes_s;
        s->busy[from]++;
        s->busy[to]++;
    }
    plan_scheduler_book(s, want->guest, to, 1);
    want->running = true;
    move.after = g_array_new(FALSE, FALSE, sizeof(guint));
    g_array_append_val(s->result->moves, move);
    g_array_append_val(s->running, running);
    return true;
}

static void
finish(PlanScheduler *s, const PlanRunning *running)
{
    const PlanMove *move =
        &g_array_index(s->result->moves, PlanMove, running->move);
    PlanWant *want = &g_array_index(s->wants, PlanWant, running->want);

    if (move->from != PLAN_NOWHERE) {
        double full_s =
            plan_scheduler_full_time(s, move->guest, move->from, move->to);

        plan_scheduler_book(s, move->guest, move->from, -1);
        s->out[move->from] += move->rate_bytes_s;
        s->in[move->to] += move->rate_bytes_s;
        s->busy[move->from]--;
        s->busy[move->to]--;
        s->load_out[move->from] -= full_s;
        s->load_in[move->to] -= full_s;
    }
    s->where[move->guest] = move->to;
    want->running = false;
    want->done = !move->bypass;
}

static void
finish_next(PlanScheduler *s)
{
    double next_s = HUGE_VAL;

    for (guint i = 0; i < s->running->len; i++) {
        next_s =
            MIN(next_s,
                g_array_index(s->result->moves, PlanMove,
                              g_array_index(s->running, PlanRunning, i).move)
                    .end_s);
    }
    s->now_s = next_s;
    for (guint i = 0; i < s->running->len;) {
        PlanRunning running = g_array_index(s->running, PlanRunning, i);

        if (g_array_index(s->result->moves, PlanMove, running.move).end_s <=
            next_s) {
            g_array_remove_index(s->running, i);
            finish(s, &running);
        } else {
            i++;
        }
    }
}

typedef struct Ranked {
    double urgency, time_s;
    size_t want;
} Ranked;

static int
compare_ranked(const void *a, const void *b)
{
    const Ranked *x = a;
    const Ranked *y = b;

    if (x->urgency != y->urgency) {
        return (x->urgency < y->urgency) - (x->urgency > y->urgency);
    }
    if (x->time_s != y->time_s) {
        return (x->time_s < y->time_s) - (x->time_s > y->time_s);
    }
    return (x->want > y->want) - (x->want < y->want);
}

/* Start what can be started; how many are still waiting */
static size_t
start_waiting(PlanScheduler *s)
{
    g_autofree Ranked *ranked = g_new(Ranked, s->wants->len);
    size_t n = 0;
    size_t n_started = 0;

    for (guint i = 0; i < s->wants->len; i++) {
        const PlanWant *want = &g_array_index(s->wants, PlanWant, i);
        int32_t from = s->where[want->guest];

        if (want->running || want->done || want->held) {
            continue;
        }
        ranked[n].want = i;
        ranked[n].time_s =
            plan_scheduler_full_time(s, want->guest, from, want->to);
        ranked[n].urgency = from == PLAN_NOWHERE
                                ? 0
                                : MAX(s->load_out[from], s->load_in[want->to]) *
                                      s->urgency[want->guest];
        n++;
    }
    if (n > 1) {
        qsort(ranked, n, sizeof(*ranked), compare_ranked);
    }
    for (size_t i = 0; i < n; i++) {
        const PlanWant *want =
            &g_array_index(s->wants, PlanWant, ranked[i].want);

        n_started +=
            plan_scheduler_try_start(s, ranked[i].want, want->to, false);
    }
    return n - n_started;
}

static void
fill_loads(PlanScheduler *s)
{
    for (guint i = 0; i < s->wants->len; i++) {
        const PlanWant *want = &g_array_index(s->wants, PlanWant, i);
        int32_t from = s->where[want->guest];

        if (from != PLAN_NOWHERE) {
            double time_s =
                plan_scheduler_full_time(s, want->guest, from, want->to);

            s->load_out[from] += time_s;
            s->load_in[want->to] += time_s;
        }
    }
}

/* Hosts at which all that ever come would not fit beside those there at first */
static bool *
find_crowded(const PlanModel *m, const GArray *moves)
{
    size_t n = m->n_resources;
    bool *crowded = g_new0(bool, m->n_hosts + 1);
    g_autofree int64_t *use = g_new0(int64_t, m->n_hosts * n + 1);

    for (int32_t g = 0; g < (int32_t)m->n_guests; g++) {
        if (m->guests[g].host != PLAN_NOWHERE) {
            plan_model_book(m, use, g, m->guests[g].host, 1);
        }
    }
    for (guint i = 0; i < moves->len; i++) {
        const PlanMove *move = &g_array_index(moves, PlanMove, i);

        plan_model_book(m, use, move->guest, move->to, 1);
        for (size_t r = 0; r < n; r++) {
            size_t at = (size_t)move->to * n + r;

            crowded[move->to] |= use[at] > m->limit[at];
        }
        /* who would fit the sides as well is not gone into */
        crowded[move->to] |=
            m->hosts[move->to].sides && m->guests[move->guest].numa;
    }
    return crowded;
}

void
plan_moves_fill_after(const PlanModel *m, PlanMoves *result)
{
    GArray *moves = result->moves;
    g_autofree bool *crowded = find_crowded(m, moves);

    for (guint i = 0; i < moves->len; i++) {
        PlanMove *move = &g_array_index(moves, PlanMove, i);

        for (guint j = 0; j < i; j++) {
            const PlanMove *other = &g_array_index(moves, PlanMove, j);

            if (other->end_s <= move->start_s &&
                (other->guest == move->guest ||
                 (crowded[move->to] && other->from == move->to))) {
                g_array_append_val(move->after, j);
            }
        }
        result->makespan_s = MAX(result->makespan_s, move->end_s);
    }
}

static void
move_clear(void *data)
{
    g_array_unref(((PlanMove *)data)->after);
}

PlanMoves *
plan_moves_empty(void)
{
    PlanMoves *moves = g_new0(PlanMoves, 1);

    moves->moves = g_array_new(FALSE, TRUE, sizeof(PlanMove));
    g_array_set_clear_func(moves->moves, move_clear);
    moves->left_out = g_array_new(FALSE, FALSE, sizeof(int32_t));
    return moves;
}

PlanMoves *
plan_schedule(const PlanModel *m, const int32_t *target,
              const PlanMoveQuery *query, const bool *stay,
              const double *urgency, bool whole, PlanKnown *known)
{
    PlanMoves *result = plan_moves_empty();
    PlanScheduler s = { .m = m,
                        .query = query,
                        .result = result,
                        .known = known,
                        .urgency = urgency,
                        .whole = whole };

    plan_scheduler_init(&s, target);
    if (m->n_guests > 0) { /* else there are no arrays */
        memcpy(s.detoured, stay, m->n_guests * sizeof(bool));
    }
    fill_loads(&s);
    for (;;) {
        size_t n_waiting = start_waiting(&s);

        if (s.running->len > 0 ||
            (n_waiting > 0 && plan_scheduler_start_detour(&s))) {
            finish_next(&s);
        } else if (!plan_scheduler_release_held(&s)) {
            break;
        }
    }
    for (guint i = 0; i < s.wants->len; i++) {
        const PlanWant *want = &g_array_index(s.wants, PlanWant, i);

        if (!want->done) {
            g_array_append_val(result->left_out, want->guest);
        }
    }
    plan_moves_fill_after(m, result);
    plan_scheduler_clear(&s);
    return result;
}

PlanMoves *
plan_schedule_steps(const PlanModel *m, const int32_t *target,
                    const PlanMoveQuery *query, const GArray *steps,
                    PlanKnown *known)
{
    PlanMoves *result = plan_moves_empty();
    PlanScheduler s = {
        .m = m, .query = query, .result = result, .known = known
    };

    plan_scheduler_init(&s, target);
    g_array_set_size(s.wants, 0);
    for (guint i = 0; i < steps->len; i++) {
        const PlanStep *step = &g_array_index(steps, PlanStep, i);
        PlanWant want = { .guest = step->guest, .to = step->to };
        int32_t end = target[step->guest] == PLAN_NOWHERE
                          ? m->guests[step->guest].host
                          : target[step->guest];

        g_array_append_val(s.wants, want);
        while (s.where[step->guest] != step->from ||
               !plan_scheduler_try_start(&s, i, step->to, step->to != end)) {
            g_assert(s.running->len > 0); /* alone, each step fits */
            finish_next(&s);
        }
    }
    plan_scheduler_clear(&s);
    plan_moves_fill_after(m, result);
    return result;
}
