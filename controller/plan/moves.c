/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * moves.c - see moves.h
 *
 * Event-driven list scheduling. At each moment at which something ends, the
 * waiting migrations are gone through, those first whose interfaces have most
 * still to carry; who fits starts. The rate is the whole of the slower of the
 * two interfaces, or what is free of it now if that ends sooner than waiting
 * for the whole.
 *
 * If nothing runs and nothing can start, the waiting ones stand in each other's
 * way. Then the guest that is cheapest to move makes a detour over a host with
 * room, one that waits or, failing that, one that stands in the way, or in the
 * way of a detour, without having to move; it comes back once nobody else can
 * go. A guest does so once at most, so this ends. If some find no way, small cases
 * are decided by going through all placements (moves-exact.c): the way there is
 * then gone one by one. In larger ones, and where there is none, those that found
 * no way are left out and named.
 *
 * The order is then learnt: all migrations of hosts that were late get more
 * urgent, and everything is planned anew, every second time with whole
 * interfaces only, as long as there is time; the shortest schedule counts.
 *
 * A move that arrives at a host where not everybody fits at once has to wait
 * for all that left this host before it, in `after`: an arrival then finds at
 * least the room that it found here, whatever the others' pace.
 */
#include "plan/moves-priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plan/sides.h"

/* Of variants: how many are tried, and migrations in all of them; how far from
 * the bound none is tried any more */
#define MOST_TRIES 150
#define MOST_STARTS 30000
#define PATIENCE 40 /* tries without gain */
#define GOOD 0.004
#define HURRY 0.4 /* what is added at most, each time that a host is late */
#define GATE 0.5  /* ... for the quickest to make room */
#define LATE 0.3  /* of the way from the bound to the end */

typedef struct Want {
    int32_t guest;
    int32_t to; /* where it belongs */
    bool running;
    bool done;
    bool held; /* stepped aside, comes back once nobody else can go */
} Want;

typedef struct Running {
    size_t want;
    guint move;
} Running;

/* The last duration that was asked for, of a guest */
typedef struct Known {
    uint64_t rate_bytes_s;
    PlanDuration duration;
} Known;

typedef struct Scheduler {
    const PlanModel *m;
    const PlanMoveQuery *query;
    PlanMoves *result;
    GArray *wants;      /* Want */
    GArray *running;    /* Running */
    int32_t *where;     /* [guest] while it does not move */
    bool *detoured;     /* [guest] */
    int64_t *use;       /* [host x n_resources + r] both ends booked */
    GArray **here;      /* [host] of int32_t: who is booked, if it has sides */
    uint64_t *out, *in; /* [host] free, bytes per second */
    size_t *busy;       /* [host] migrations */
    double *load_out, *load_in; /* [host] seconds still to carry */
    double now_s;
    Known *known;          /* [guest] */
    const double *urgency; /* [guest] factor of its interfaces' loads */
    bool whole;            /* whole interfaces only */
} Scheduler;

static uint64_t
link_rate(const Scheduler *s, int32_t host)
{
    uint64_t rate = s->m->hosts[host].link_bytes_s;

    return rate ? rate : s->query->link_bytes_s;
}

static uint64_t
full_rate(const Scheduler *s, int32_t from, int32_t to)
{
    return MIN(link_rate(s, from), link_rate(s, to));
}

static PlanDuration
duration(const Scheduler *s, int32_t guest, uint64_t rate_bytes_s)
{
    Known *known = &s->known[guest];

    if (known->rate_bytes_s != rate_bytes_s) {
        known->rate_bytes_s = rate_bytes_s;
        known->duration = plan_duration(&s->m->guests[guest], rate_bytes_s,
                                        s->query->downtime_limit_s);
    }
    return known->duration;
}

static double
full_time(const Scheduler *s, int32_t guest, int32_t from, int32_t to)
{
    return from == PLAN_NOWHERE
               ? 0
               : duration(s, guest, full_rate(s, from, to)).time_s;
}

static bool
has_room(const Scheduler *s, int32_t guest, int32_t host)
{
    size_t n = s->m->n_resources;

    for (size_t r = 0; r < n; r++) {
        int64_t demand = s->m->demand[(size_t)guest * n + r];

        if (demand > 0 && s->use[(size_t)host * n + r] + demand >
                              s->m->limit[(size_t)host * n + r]) {
            return false;
        }
    }
    return !s->here[host] || s->m->guests[guest].numa == 0 ||
           plan_sides_excess(s->m, host, (int32_t *)(void *)s->here[host]->data,
                             s->here[host]->len, PLAN_NOWHERE, guest,
                             NULL) == 0;
}

static void
book(Scheduler *s, int32_t guest, int32_t host, int sign)
{
    size_t n = s->m->n_resources;

    if (s->here[host] && sign > 0) {
        g_array_append_val(s->here[host], guest);
    }
    for (guint i = 0; s->here[host] && sign < 0; i++) {
        if (g_array_index(s->here[host], int32_t, i) == guest) {
            g_array_remove_index_fast(s->here[host], i);
            break;
        }
    }

    for (size_t r = 0; r < n; r++) {
        s->use[(size_t)host * n + r] +=
            sign * s->m->demand[(size_t)guest * n + r];
    }
}

/* When what is booked on the two interfaces leaves @rate free: the last end
 * that it takes, by going through the ends in order */
static double
free_at(const Scheduler *s, int32_t from, int32_t to, uint64_t rate)
{
    uint64_t out = s->out[from];
    uint64_t in = s->in[to];
    double at_s = s->now_s;

    while (out < rate || in < rate) {
        double next_s = HUGE_VAL;

        for (guint i = 0; i < s->running->len; i++) {
            const PlanMove *move =
                &g_array_index(s->result->moves, PlanMove,
                               g_array_index(s->running, Running, i).move);

            if ((move->from == from || move->to == to) && move->end_s > at_s) {
                next_s = MIN(next_s, move->end_s);
            }
        }
        if (isinf(next_s)) {
            return next_s;
        }
        at_s = next_s;
        out = s->out[from];
        in = s->in[to];
        for (guint i = 0; i < s->running->len; i++) {
            const PlanMove *move =
                &g_array_index(s->result->moves, PlanMove,
                               g_array_index(s->running, Running, i).move);

            if (move->end_s <= at_s) {
                out += move->from == from ? move->rate_bytes_s : 0;
                in += move->to == to ? move->rate_bytes_s : 0;
            }
        }
    }
    return at_s;
}

/* The rate to start at now, 0 to wait */
static uint64_t
choose_rate(const Scheduler *s, int32_t guest, int32_t from, int32_t to)
{
    uint64_t full = full_rate(s, from, to);
    uint64_t free = MIN(s->out[from], s->in[to]);
    PlanDuration partly, whole;

    if (free >= full) {
        return full;
    }
    if (s->whole) {
        return 0;
    }
    /* a tenth is no rate to live on */
    if (free < full / 10 || free == 0) {
        return 0;
    }
    partly = duration(s, guest, free);
    whole = duration(s, guest, full);
    return (partly.converges || !whole.converges) &&
                   s->now_s + partly.time_s <
                       free_at(s, from, to, full) + whole.time_s
               ? free
               : 0;
}

static bool
slots_free(const Scheduler *s, int32_t from, int32_t to)
{
    size_t most = s->query->most_per_host;

    return most == 0 || (s->busy[from] < most && s->busy[to] < most);
}

static bool
try_start(Scheduler *s, size_t index, int32_t to, bool bypass)
{
    Want *want = &g_array_index(s->wants, Want, index);
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
    Running running = { index, s->result->moves->len };

    if (!has_room(s, want->guest, to)) {
        return false;
    }
    if (from != PLAN_NOWHERE) {
        if (!slots_free(s, from, to)) {
            return false;
        }
        move.rate_bytes_s = choose_rate(s, want->guest, from, to);
        if (move.rate_bytes_s == 0) {
            return false;
        }
        move.duration = duration(s, want->guest, move.rate_bytes_s);
        move.end_s += move.duration.time_s;
        s->out[from] -= move.rate_bytes_s;
        s->in[to] -= move.rate_bytes_s;
        s->busy[from]++;
        s->busy[to]++;
    }
    book(s, want->guest, to, 1);
    want->running = true;
    move.after = g_array_new(FALSE, FALSE, sizeof(guint));
    g_array_append_val(s->result->moves, move);
    g_array_append_val(s->running, running);
    return true;
}

static void
finish(Scheduler *s, const Running *running)
{
    const PlanMove *move =
        &g_array_index(s->result->moves, PlanMove, running->move);
    Want *want = &g_array_index(s->wants, Want, running->want);

    if (move->from != PLAN_NOWHERE) {
        double full_s = full_time(s, move->guest, move->from, move->to);

        book(s, move->guest, move->from, -1);
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
start_waiting(Scheduler *s)
{
    g_autofree Ranked *ranked = g_new(Ranked, s->wants->len);
    size_t n = 0;
    size_t n_started = 0;

    for (guint i = 0; i < s->wants->len; i++) {
        const Want *want = &g_array_index(s->wants, Want, i);
        int32_t from = s->where[want->guest];

        if (want->running || want->done || want->held) {
            continue;
        }
        ranked[n].want = i;
        ranked[n].time_s = full_time(s, want->guest, from, want->to);
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
        const Want *want = &g_array_index(s->wants, Want, ranked[i].want);

        n_started += try_start(s, ranked[i].want, want->to, false);
    }
    return n - n_started;
}

/* Would somebody who waits for room on @host get it if @guest left? With
 * @stop, also one who could make a detour over @host. */
static bool
unblocks(Scheduler *s, int32_t guest, int32_t host, bool stop)
{
    bool found = false;

    book(s, guest, host, -1);
    for (guint i = 0; i < s->wants->len && !found; i++) {
        const Want *want = &g_array_index(s->wants, Want, i);

        found = !want->done && want->guest != guest &&
                (want->to == host ||
                 (stop && !s->detoured[want->guest] &&
                  s->where[want->guest] != host &&
                  plan_model_allows(s->m, want->guest, host))) &&
                has_room(s, want->guest, host);
    }
    book(s, guest, host, 1);
    return found;
}

typedef struct Detour {
    double cost;
    int32_t guest, over;
} Detour;

static void
consider_detour(Scheduler *s, int32_t guest, int32_t to, bool stop,
                Detour *best)
{
    int32_t from = s->where[guest];
    double time_s;

    if (s->detoured[guest] || from == PLAN_NOWHERE ||
        s->m->guests[guest].pinned) {
        return;
    }
    time_s = full_time(s, guest, from, from);
    if (2 * time_s >= best->cost || !unblocks(s, guest, from, stop)) {
        return;
    }
    for (size_t h = 0; h < s->m->n_hosts; h++) {
        int32_t over = (int32_t)h;

        if (over != from && over != to &&
            plan_model_allows(s->m, guest, over) && has_room(s, guest, over)) {
            double cost =
                full_time(s, guest, from, over) + full_time(s, guest, over, to);

            if (cost < best->cost) {
                *best = (Detour){ cost, guest, over };
            }
        }
    }
}

/* Nothing runs, nothing can start: send somebody on a detour. */
static bool
start_detour(Scheduler *s)
{
    Detour best = { HUGE_VAL, 0, PLAN_NOWHERE };
    g_autofree bool *wants_to_move = g_new0(bool, s->m->n_guests);

    for (guint i = 0; i < s->wants->len; i++) {
        const Want *want = &g_array_index(s->wants, Want, i);

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
        const Want *want = &g_array_index(s->wants, Want, i);

        if (want->guest == best.guest && !want->done) {
            return try_start(s, i, best.over, true);
        }
    }
    /* one that was where it belongs has to come back */
    {
        Want back = { .guest = best.guest,
                      .to = s->where[best.guest],
                      .held = true };

        g_array_append_val(s->wants, back);
        return try_start(s, s->wants->len - 1, best.over, true);
    }
}

/* Those that stepped aside may come back; false if there are none. */
static bool
release_held(Scheduler *s)
{
    bool released = false;

    for (guint i = 0; i < s->wants->len; i++) {
        Want *want = &g_array_index(s->wants, Want, i);

        released = released || want->held;
        want->held = false;
    }
    return released;
}

static void
finish_next(Scheduler *s)
{
    double next_s = HUGE_VAL;

    for (guint i = 0; i < s->running->len; i++) {
        next_s = MIN(next_s,
                     g_array_index(s->result->moves, PlanMove,
                                   g_array_index(s->running, Running, i).move)
                         .end_s);
    }
    s->now_s = next_s;
    for (guint i = 0; i < s->running->len;) {
        Running running = g_array_index(s->running, Running, i);

        if (g_array_index(s->result->moves, PlanMove, running.move).end_s <=
            next_s) {
            g_array_remove_index(s->running, i);
            finish(s, &running);
        } else {
            i++;
        }
    }
}

static void
fill_loads(Scheduler *s)
{
    for (guint i = 0; i < s->wants->len; i++) {
        const Want *want = &g_array_index(s->wants, Want, i);
        int32_t from = s->where[want->guest];

        if (from != PLAN_NOWHERE) {
            double time_s = full_time(s, want->guest, from, want->to);

            s->load_out[from] += time_s;
            s->load_in[want->to] += time_s;
        }
    }
}

/* Hosts at which all that ever come would not fit beside those there now */
static bool *
find_crowded(const Scheduler *s, const int64_t *use_at_first)
{
    size_t n = s->m->n_resources;
    bool *crowded = g_new0(bool, s->m->n_hosts);
    g_autofree int64_t *use =
        g_memdup2(use_at_first, (s->m->n_hosts * n + 1) * sizeof(int64_t));

    for (guint i = 0; i < s->result->moves->len; i++) {
        const PlanMove *move = &g_array_index(s->result->moves, PlanMove, i);

        for (size_t r = 0; r < n; r++) {
            size_t at = (size_t)move->to * n + r;

            use[at] += s->m->demand[(size_t)move->guest * n + r];
            crowded[move->to] |= use[at] > s->m->limit[at];
        }
        /* who would fit the sides as well is not gone into */
        crowded[move->to] |=
            s->m->hosts[move->to].sides && s->m->guests[move->guest].numa;
    }
    return crowded;
}

static void
fill_after(Scheduler *s, const int64_t *use_at_first)
{
    GArray *moves = s->result->moves;
    g_autofree bool *crowded = find_crowded(s, use_at_first);

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
        s->result->makespan_s = MAX(s->result->makespan_s, move->end_s);
    }
}

static void
move_clear(void *data)
{
    g_array_unref(((PlanMove *)data)->after);
}

static void
scheduler_start(Scheduler *s, const int32_t *target)
{
    size_t n_hosts = s->m->n_hosts;

    s->wants = g_array_new(FALSE, TRUE, sizeof(Want));
    s->running = g_array_new(FALSE, TRUE, sizeof(Running));
    s->where = g_new(int32_t, s->m->n_guests);
    s->detoured = g_new0(bool, s->m->n_guests);
    s->use = g_new0(int64_t, n_hosts * s->m->n_resources + 1);
    s->here = g_new0(GArray *, n_hosts);
    s->out = g_new0(uint64_t, n_hosts);
    s->in = g_new0(uint64_t, n_hosts);
    s->busy = g_new0(size_t, n_hosts);
    s->load_out = g_new0(double, n_hosts);
    s->load_in = g_new0(double, n_hosts);
    for (size_t h = 0; h < n_hosts; h++) {
        s->out[h] = s->in[h] = link_rate(s, (int32_t)h);
        if (s->m->hosts[h].sides) {
            s->here[h] = g_array_new(FALSE, FALSE, sizeof(int32_t));
        }
    }
    for (size_t g = 0; g < s->m->n_guests; g++) {
        Want want = { .guest = (int32_t)g, .to = target[g] };

        s->where[g] = s->m->guests[g].host;
        if (s->where[g] != PLAN_NOWHERE) {
            book(s, (int32_t)g, s->where[g], 1);
        }
        if (target[g] != PLAN_NOWHERE && target[g] != s->where[g]) {
            g_array_append_val(s->wants, want);
        }
    }
}

static void
scheduler_clear(Scheduler *s)
{
    for (size_t h = 0; h < s->m->n_hosts; h++) {
        g_clear_pointer(&s->here[h], g_array_unref);
    }
    g_free(s->here);
    g_array_unref(s->wants);
    g_array_unref(s->running);
    g_free(s->where);
    g_free(s->detoured);
    g_free(s->use);
    g_free(s->out);
    g_free(s->in);
    g_free(s->busy);
    g_free(s->load_out);
    g_free(s->load_in);
}

/* One attempt. What @stay says makes no detour. */
static PlanMoves *
schedule(const PlanModel *m, const int32_t *target, const PlanMoveQuery *query,
         const bool *stay, const double *urgency, bool whole, Known *known)
{
    PlanMoves *result = g_new0(PlanMoves, 1);
    Scheduler s = { .m = m,
                    .query = query,
                    .result = result,
                    .known = known,
                    .urgency = urgency,
                    .whole = whole };
    g_autofree int64_t *use_at_first = NULL;

    result->moves = g_array_new(FALSE, TRUE, sizeof(PlanMove));
    g_array_set_clear_func(result->moves, move_clear);
    result->left_out = g_array_new(FALSE, FALSE, sizeof(int32_t));
    scheduler_start(&s, target);
    memcpy(s.detoured, stay, m->n_guests * sizeof(bool));
    use_at_first =
        g_memdup2(s.use, (m->n_hosts * m->n_resources + 1) * sizeof(int64_t));
    fill_loads(&s);
    for (;;) {
        size_t n_waiting = start_waiting(&s);

        if (s.running->len > 0 || (n_waiting > 0 && start_detour(&s))) {
            finish_next(&s);
        } else if (!release_held(&s)) {
            break;
        }
    }
    for (guint i = 0; i < s.wants->len; i++) {
        const Want *want = &g_array_index(s.wants, Want, i);

        if (!want->done) {
            g_array_append_val(result->left_out, want->guest);
        }
    }
    fill_after(&s, use_at_first);
    scheduler_clear(&s);
    return result;
}

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
        const bool *stay, double *urgency, Known *known, PlanMoves *best)
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
            schedule(m, target, query, stay, urgency, i % 2 == 1, known);

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

/* The steps one after the other */
static PlanMoves *
in_a_row(const PlanModel *m, const int32_t *target, const PlanMoveQuery *query,
         const GArray *steps)
{
    PlanMoves *result = g_new0(PlanMoves, 1);
    Known *known = g_new0(Known, m->n_guests + 1);
    Scheduler s = { .m = m, .query = query, .result = result, .known = known };

    result->moves = g_array_new(FALSE, TRUE, sizeof(PlanMove));
    g_array_set_clear_func(result->moves, move_clear);
    result->left_out = g_array_new(FALSE, FALSE, sizeof(int32_t));
    scheduler_start(&s, target);
    fill_loads(&s);
    for (guint i = 0; i < steps->len; i++) {
        const PlanStep *step = &g_array_index(steps, PlanStep, i);
        uint64_t rate = full_rate(&s, step->from, step->to);
        guint before = i - 1;
        PlanMove move = {
            .guest = step->guest,
            .from = step->from,
            .to = step->to,
            .start_s = result->makespan_s,
            .rate_bytes_s = rate,
            .duration = plan_duration(&m->guests[step->guest], rate,
                                      query->downtime_limit_s),
            .bypass = step->to != (target[step->guest] == PLAN_NOWHERE
                                       ? m->guests[step->guest].host
                                       : target[step->guest]),
            .after = g_array_new(FALSE, FALSE, sizeof(guint)),
        };

        move.end_s = move.start_s + move.duration.time_s;
        if (i > 0) {
            g_array_append_val(move.after, before);
        }
        result->makespan_s = move.end_s;
        g_array_append_val(result->moves, move);
    }
    scheduler_clear(&s);
    g_free(known);
    result->bound_s = plan_moves_bound(m, target, query, &result->link_bound_s);
    return result;
}

/* A few migrations: all schedules are gone through, where the best is not known
 * to be good */
static PlanMoves *
shorten(const PlanModel *m, const int32_t *target, const PlanMoveQuery *query,
        Known *known, PlanMoves *best)
{
    PlanMoves *result;
    g_autoptr(GArray) starts = NULL;
    g_autofree int64_t *use_at_first = NULL;
    Scheduler s = { .m = m, .query = query, .known = known };

    if (best->makespan_s <= best->bound_s * (1 + GOOD)) {
        return best;
    }
    starts = plan_moves_shortest(m, target, query, best->makespan_s,
                                 &best->shortest);
    if (!starts) {
        return best;
    }
    result = g_new0(PlanMoves, 1);
    *result = (PlanMoves){ .moves = g_array_new(FALSE, TRUE, sizeof(PlanMove)),
                           .left_out = g_array_ref(best->left_out),
                           .shortest = best->shortest,
                           .bound_s = best->bound_s,
                           .link_bound_s = best->link_bound_s };
    g_array_set_clear_func(result->moves, move_clear);
    s.result = result;
    scheduler_start(&s, target);
    use_at_first =
        g_memdup2(s.use, (m->n_hosts * m->n_resources + 1) * sizeof(int64_t));
    for (guint i = 0; i < starts->len; i++) {
        const PlanStart *start = &g_array_index(starts, PlanStart, i);
        PlanMove move = { .guest = start->guest,
                          .from = m->guests[start->guest].host,
                          .to = target[start->guest],
                          .start_s = start->start_s,
                          .rate_bytes_s = start->rate_bytes_s,
                          .after = g_array_new(FALSE, FALSE, sizeof(guint)) };

        move.duration = duration(&s, move.guest, move.rate_bytes_s);
        move.end_s = move.start_s + move.duration.time_s;
        g_array_append_val(result->moves, move);
    }
    fill_after(&s, use_at_first);
    scheduler_clear(&s);
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
    g_autofree Known *known = g_new0(Known, m->n_guests + 1);
    g_autoptr(GArray) dropped = g_array_new(FALSE, FALSE, sizeof(int32_t));
    bool proved = false;

    for (size_t g = 0; g < m->n_guests; g++) {
        urgency[g] = 1;
    }
    g_assert(query->link_bytes_s > 0 && query->downtime_limit_s > 0);
    memcpy(rest, target, m->n_guests * sizeof(int32_t));
    for (int attempt = 0;; attempt++) {
        PlanMoves *result =
            schedule(m, rest, query, stay, urgency, false, known);

        if (result->left_out->len > 0 && attempt == 0) {
            bool decided;
            g_autoptr(GArray) steps = plan_moves_decide(m, target, &decided);

            if (steps) {
                plan_moves_free(result);
                return in_a_row(m, target, query, steps);
            }
            proved = decided;
        }
        if (result->left_out->len == 0) {
            result->bound_s =
                plan_moves_bound(m, rest, query, &result->link_bound_s);
            result = improve(m, rest, query, stay, urgency, known, result);
            result = shorten(m, rest, query, known, result);
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
