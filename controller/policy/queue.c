/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * queue.c - see queue.h
 *
 * Why one after the other. Let A be the bandwidth, T(b) the time that a
 * migration takes at b. The bytes it sends, b T(b), do not grow with b: the
 * longer it takes, the more is written meanwhile. With shares b_i of A that
 * add up to A, work gets done at the rate sum 1 / T_i(b_i), and measured in
 * time at full bandwidth at
 *
 *     sum T_i(A) / T_i(b_i)  <=  sum b_i / A  =  1
 *
 * so that no sharing ends all of them earlier than one after the other does,
 * and equality needs guests that write nothing. It no longer holds where the
 * bandwidth towards a destination is less than the link's, or where preparation
 * takes time without sending: the next one is then admitted beside. Since such
 * schedules are hard to order well, several orders are simulated, and all at
 * once is one of them: what is taken is never worse.
 *
 * Within a priority guests that are not network-intensive go first (NRAC);
 * those that will not converge at all go last, and are thought to be given up
 * after their memory was sent twice.
 *
 * In the model, as in share.c, the first of those that run gets what the others
 * leave of the link beyond a quarter of an equal part each.
 */
#include "policy/queue.h"

#include <math.h>

#include "policy/policy-priv.h"

#define LEAST_PART 0.25 /* of an equal share, for each that runs */
#define ROOM_PART 0.25  /* of what it could use: enough to be admitted */
#define KEEP_PART 0.1   /* of the link, whatever applications need */
#define LEAST_BOUND_S 60.0
#define BOUND_FACTOR 2.0
#define WAIT_MOST_S 3600.0
#define HARDLY 1e-6

static const char *const order_names[] = {
    [QUEUE_SHORTEST] = "shortest first",
    [QUEUE_URGENT] = "nearest deadline first",
    [QUEUE_LONGEST] = "longest first",
    [QUEUE_AT_ONCE] = "all at once",
};
G_STATIC_ASSERT(G_N_ELEMENTS(order_names) == QUEUE_N_ORDERS);

const char *
queue_order_name(QueueOrder order)
{
    g_assert((unsigned)order < QUEUE_N_ORDERS);
    return order_names[order];
}

typedef enum { TRIP_WAITS, TRIP_RUNS, TRIP_OVER, TRIP_UNPLANNED } TripState;

/* An item in a simulation. */
typedef struct Trip {
    const QueueItem *item;
    size_t index;
    double alone_s; /* with all it could ever get */
    bool endless;
    TripState state;
    double left;    /* share of the work */
    double setup_s; /* of the preparation */
    double rate;
    double start_s, end_s;
    bool overdue; /* admitted because its bound was reached */
} Trip;

typedef struct Play {
    const QueueLimits *limits;
    Trip *trips; /* in the order in which they go */
    size_t n;
    bool at_once;
    double now_s;
} Play;

static double
wait_most_s(const QueueLimits *limits)
{
    return limits->wait_most_s > 0.0 ? limits->wait_most_s : WAIT_MOST_S;
}

static double
capacity(const QueueLimits *limits, size_t destination)
{
    return destination < limits->n_destinations
               ? fmin(known_or(
                          limits->destinations[destination].capacity_bytes_s,
                          limits->link_bytes_s),
                      limits->link_bytes_s)
               : limits->link_bytes_s;
}

/* An item's time at a bandwidth; one that does not converge is given up. */
static double
time_at(const QueueItem *item, double bandwidth)
{
    double time_s = queue_curve_time(item->curve, bandwidth);

    return isfinite(time_s) || !(bandwidth > 0.0)
               ? time_s
               : item->curve->given_up_bytes / bandwidth;
}

/* What migrations can have as long as these guests are here */
static double
room_now(const Play *play)
{
    double room = play->limits->link_bytes_s;

    for (size_t i = 0; i < play->n; i++) {
        const Trip *trip = &play->trips[i];

        if (trip->state != TRIP_OVER && trip->item->intensive) {
            room -= fmax(trip->item->need_bytes_s, 0.0);
        }
    }
    return fmax(room, KEEP_PART * play->limits->link_bytes_s);
}

static bool
is_sending(const Trip *trip)
{
    return trip->state == TRIP_RUNS && trip->setup_s <= HARDLY;
}

/* Give @trip up to @most more of the link and of the way to its destination. */
static void
give(Trip *trip, double most, double *room, double *ways)
{
    double *way = &ways[trip->item->destination];
    double more = fmax(fmin(most, fmin(*room, *way)), 0.0);

    trip->rate += more;
    *room -= more;
    *way -= more;
}

static void
share_out(Play *play, double *ways)
{
    double room = room_now(play), equal;
    size_t n = 0;

    for (size_t i = 0; i < play->n; i++) {
        play->trips[i].rate = 0.0;
        ways[play->trips[i].item->destination] =
            capacity(play->limits, play->trips[i].item->destination);
        n += is_sending(&play->trips[i]);
    }
    if (n == 0) {
        return;
    }
    if (play->at_once) {
        /* filled up alike: what some cannot use goes to the others */
        for (unsigned round = 0; round < 8 && room > HARDLY; round++) {
            equal = room / (double)n;
            for (size_t i = 0; i < play->n; i++) {
                if (is_sending(&play->trips[i])) {
                    give(&play->trips[i], equal, &room, ways);
                }
            }
        }
        return;
    }
    equal = LEAST_PART * room / (double)n;
    for (size_t i = 0; i < play->n && n > 1; i++) {
        if (is_sending(&play->trips[i])) {
            give(&play->trips[i], equal, &room, ways);
        }
    }
    for (size_t i = 0; i < play->n; i++) {
        if (is_sending(&play->trips[i])) {
            give(&play->trips[i], INFINITY, &room, ways);
        }
    }
}

static unsigned
running(const Play *play, size_t destination, bool everywhere)
{
    unsigned n = 0;

    for (size_t i = 0; i < play->n; i++) {
        n += play->trips[i].state == TRIP_RUNS &&
             (everywhere || play->trips[i].item->destination == destination);
    }
    return n;
}

static bool
is_full(const Play *play, size_t destination)
{
    const QueueLimits *limits = play->limits;
    unsigned most = destination < limits->n_destinations
                        ? limits->destinations[destination].incoming_most
                        : 0;

    return (limits->running_most > 0 &&
            running(play, 0, true) >= limits->running_most) ||
           (most > 0 &&
            running(play, destination, false) +
                    limits->destinations[destination].incoming_now >=
                most);
}

/* What those that run, or prepare to, leave unused of what @trip could have */
static double
room_beside(const Play *play, const Trip *trip)
{
    double link = room_now(play);
    double way = capacity(play->limits, trip->item->destination);

    for (size_t i = 0; i < play->n; i++) {
        const Trip *other = &play->trips[i];
        double most;

        if (other->state != TRIP_RUNS) {
            continue;
        }
        /* its preparation will take longer than they do */
        if (is_sending(other) && other->rate > 0.0 &&
            other->left * time_at(other->item, other->rate) <=
                play->limits->between_s) {
            continue;
        }
        most = capacity(play->limits, other->item->destination);
        link -= most;
        if (other->item->destination == trip->item->destination) {
            way -= most;
        }
    }
    return fmin(link, way);
}

static double
bound_left_s(const Play *play, const Trip *trip)
{
    const QueueItem *item = trip->item;

    return item->bound_s > 0.0 ? item->bound_s - item->waited_s - play->now_s
                               : INFINITY;
}

static void
start(const Play *play, Trip *trip)
{
    trip->state = TRIP_RUNS;
    trip->setup_s = play->limits->between_s;
    trip->start_s = play->now_s;
}

static void
admit(Play *play)
{
    /* who may not wait any longer, first */
    for (size_t i = 0; i < play->n; i++) {
        Trip *trip = &play->trips[i];

        if (trip->state == TRIP_WAITS && bound_left_s(play, trip) <= HARDLY &&
            !is_full(play, trip->item->destination)) {
            trip->overdue = true;
            start(play, trip);
        }
    }
    for (size_t i = 0; i < play->n; i++) {
        Trip *trip = &play->trips[i];
        double most = fmin(room_now(play),
                           capacity(play->limits, trip->item->destination));

        if (trip->state == TRIP_WAITS &&
            !is_full(play, trip->item->destination) &&
            (play->at_once || running(play, 0, true) == 0 ||
             room_beside(play, trip) >= ROOM_PART * most)) {
            start(play, trip);
        }
    }
}

/* How far to the next thing that happens */
static double
next_event_s(const Play *play)
{
    double next_s = INFINITY;

    for (size_t i = 0; i < play->n; i++) {
        const Trip *trip = &play->trips[i];

        if (is_sending(trip) && trip->rate > 0.0) {
            double end_s = trip->left * time_at(trip->item, trip->rate);

            next_s = fmin(next_s, end_s);
            if (end_s > play->limits->between_s) {
                next_s = fmin(next_s, end_s - play->limits->between_s + HARDLY);
            }
        } else if (trip->state == TRIP_RUNS && trip->setup_s > 0.0) {
            next_s = fmin(next_s, trip->setup_s);
        } else if (trip->state == TRIP_WAITS) {
            double bound_s = bound_left_s(play, trip);

            if (bound_s > HARDLY) {
                next_s = fmin(next_s, bound_s);
            }
        }
    }
    return next_s;
}

static void
pass(Play *play, double duration_s)
{
    play->now_s += duration_s;
    for (size_t i = 0; i < play->n; i++) {
        Trip *trip = &play->trips[i];

        if (is_sending(trip) && trip->rate > 0.0) {
            trip->left -= duration_s / time_at(trip->item, trip->rate);
            if (trip->left <= 1e-9) {
                trip->state = TRIP_OVER;
                trip->end_s = play->now_s;
            }
        } else if (trip->state == TRIP_RUNS) {
            trip->setup_s = fmax(trip->setup_s - duration_s, 0.0);
        }
    }
}

static void
simulate(Play *play)
{
    size_t n_destinations = 1;
    g_autofree double *ways = NULL;

    for (size_t i = 0; i < play->n; i++) {
        n_destinations =
            MAX(n_destinations, play->trips[i].item->destination + 1);
    }
    ways = g_new0(double, n_destinations);
    play->now_s = 0.0;
    /* each event ends a trip, a preparation or a wait, or is a look ahead */
    for (size_t event = 0; event < 20 * play->n + 20; event++) {
        double next_s;

        share_out(play, ways);
        admit(play);
        share_out(play, ways);
        next_s = next_event_s(play);
        if (isinf(next_s)) {
            break;
        }
        pass(play, fmax(next_s, 0.0));
    }
}

static int
compare_doubles(double a, double b)
{
    return (a > b) - (a < b);
}

static double
latest_start_s(const Trip *trip)
{
    return trip->item->deadline_s.known
               ? trip->item->deadline_s.value - trip->alone_s
               : INFINITY;
}

static int
compare_trips(gconstpointer left, gconstpointer right, gpointer user)
{
    const Trip *a = left, *b = right;
    QueueOrder order = GPOINTER_TO_UINT(user);
    int by = (a->item->running ? 0 : 1) - (b->item->running ? 0 : 1);

    if (by == 0) {
        by = (b->item->priority > a->item->priority) -
             (b->item->priority < a->item->priority);
    }
    if (by == 0) {
        by = (int)a->endless - (int)b->endless;
    }
    if (by == 0) {
        by = (int)a->item->intensive - (int)b->item->intensive;
    }
    if (by == 0 && order == QUEUE_URGENT) {
        by = compare_doubles(latest_start_s(a), latest_start_s(b));
    }
    if (by == 0) {
        by = compare_doubles(a->alone_s, b->alone_s);
        by = order == QUEUE_LONGEST ? -by : by;
    }
    if (by == 0) {
        by = (a->item->id > b->item->id) - (a->item->id < b->item->id);
    }
    return by != 0 ? by : (a->index > b->index) - (a->index < b->index);
}

static void
play_order(const QueueLimits *limits, const QueueItem *items, size_t n,
           QueueOrder order, Play *play)
{
    *play = (Play){
        .limits = limits,
        .trips = g_new0(Trip, n + 1),
        .n = n,
        .at_once = order == QUEUE_AT_ONCE,
    };
    for (size_t i = 0; i < n; i++) {
        Trip *trip = &play->trips[i];
        const QueueDestination *to =
            items[i].destination < limits->n_destinations
                ? &limits->destinations[items[i].destination]
                : NULL;
        double most = capacity(limits, items[i].destination);

        *trip = (Trip){
            .item = &items[i],
            .index = i,
            .state = items[i].running ? TRIP_RUNS : TRIP_WAITS,
            .left =
                1.0 - (items[i].running ? CLAMP(items[i].done, 0.0, 1.0) : 0.0),
            .alone_s = time_at(&items[i], most),
            .endless = isinf(queue_curve_time(items[i].curve, most)),
            .start_s = items[i].running ? 0.0 : INFINITY,
            .end_s = INFINITY,
        };
        if (!items[i].running &&
            (items[i].held || (to && to->incoming_most > 0 &&
                               to->incoming_now >= to->incoming_most))) {
            trip->state = TRIP_UNPLANNED;
        }
    }
    g_qsort_with_data(play->trips, (int)n, sizeof(Trip), compare_trips,
                      GUINT_TO_POINTER(order));
    simulate(play);
}

typedef struct Verdict {
    double total_s; /* those that are given up included */
    double sum_s;
    unsigned late, endless;
} Verdict;

static Verdict
judge(const Play *play)
{
    Verdict verdict = { 0 };

    for (size_t i = 0; i < play->n; i++) {
        const Trip *trip = &play->trips[i];

        if (trip->state == TRIP_UNPLANNED) {
            continue;
        }
        verdict.total_s = fmax(verdict.total_s, trip->end_s);
        verdict.sum_s += trip->end_s;
        verdict.endless += trip->endless;
        verdict.late +=
            trip->item->deadline_s.known &&
            (trip->endless || trip->end_s > trip->item->deadline_s.value);
    }
    return verdict;
}

/* Fewer late ones; then an earlier end of all; then of each */
static bool
is_better(const Verdict *a, const Verdict *b)
{
    if (a->late != b->late) {
        return a->late < b->late;
    }
    if (fabs(a->total_s - b->total_s) > 0.005 * b->total_s) {
        return a->total_s < b->total_s;
    }
    return a->sum_s < 0.999 * b->sum_s;
}

static void
say_why(const Trip *trip, QueueOrder order, QueueSlot *slot)
{
    const char *ahead =
        trip->item->intensive ? "guests that are not network-intensive go first"
        : trip->endless       ? "it will not converge, so the others go first"
                              : queue_order_name(order);

    if (trip->item->held) {
        g_snprintf(slot->reason, sizeof(slot->reason), "held by the user");
    } else if (!slot->planned) {
        g_snprintf(slot->reason, sizeof(slot->reason),
                   "its destination takes no more guests at present");
    } else if (trip->item->running) {
        g_snprintf(slot->reason, sizeof(slot->reason), "under way");
    } else if (slot->admit && trip->overdue) {
        g_snprintf(slot->reason, sizeof(slot->reason),
                   "goes now: it has waited for the %.0f s it may wait at most",
                   trip->item->bound_s);
    } else if (slot->admit) {
        g_snprintf(slot->reason, sizeof(slot->reason), "goes now (%s)",
                   queue_order_name(order));
    } else {
        g_snprintf(slot->reason, sizeof(slot->reason),
                   "%s; starts in about %.0f s, in %.0f s at the latest", ahead,
                   slot->start_s, slot->latest_s);
    }
}

static void
fill_slots(const Play *play, QueueOrder order, QueueSlot *slots)
{
    unsigned position = 0;

    for (size_t i = 0; i < play->n; i++) {
        const Trip *trip = &play->trips[i];
        QueueSlot *slot = &slots[trip->index];
        double left_s = trip->item->bound_s > 0.0
                            ? trip->item->bound_s - trip->item->waited_s
                            : wait_most_s(play->limits);

        *slot = (QueueSlot){
            .planned = trip->state != TRIP_UNPLANNED,
            .start_s = trip->start_s,
            .end_s = trip->endless ? INFINITY : trip->end_s,
            .latest_s = fmax(left_s, 0.0),
        };
        slot->admit =
            slot->planned && !trip->item->running && trip->start_s <= HARDLY;
        if (slot->planned && !trip->item->running && !slot->admit) {
            slot->position = position++;
        }
        say_why(trip, order, slot);
    }
}

void
queue_plan(const QueueLimits *limits, const QueueItem *items, size_t n_items,
           QueuePlan *plan, QueueSlot *slots)
{
    Play best, play;
    Verdict best_verdict, verdict;

    *plan = (QueuePlan){ .order = QUEUE_AT_ONCE };
    play_order(limits, items, n_items, QUEUE_AT_ONCE, &best);
    best_verdict = judge(&best);
    plan->at_once_s = best_verdict.total_s;
    for (unsigned i = 0; i < QUEUE_AT_ONCE; i++) {
        play_order(limits, items, n_items, (QueueOrder)i, &play);
        verdict = judge(&play);
        /* at the same length waiting is better: the link is left to others,
         * and what has not begun can be stopped */
        if (verdict.total_s <= plan->at_once_s * (1.0 + 1e-9) &&
            (is_better(&verdict, &best_verdict) ||
             (plan->order == QUEUE_AT_ONCE &&
              !is_better(&best_verdict, &verdict)))) {
            g_free(best.trips);
            best = play;
            best_verdict = verdict;
            plan->order = (QueueOrder)i;
        } else {
            g_free(play.trips);
        }
    }
    plan->late = best_verdict.late;
    plan->endless = best_verdict.endless;
    plan->total_s = best_verdict.endless > 0 ? INFINITY : best_verdict.total_s;
    fill_slots(&best, plan->order, slots);
    g_free(best.trips);
}

double
queue_bound(const QueueLimits *limits, const QueueItem *items, size_t n_items,
            size_t index)
{
    g_autofree QueueSlot *slots = g_new0(QueueSlot, n_items);
    double most_s = wait_most_s(limits), start_s;
    QueuePlan plan;

    g_assert(index < n_items);
    queue_plan(limits, items, n_items, &plan, slots);
    start_s = slots[index].planned ? slots[index].start_s : INFINITY;
    return fmin(fmax(BOUND_FACTOR * start_s, LEAST_BOUND_S), most_s);
}
