/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * anneal.c - simulated annealing over shifts and swaps
 *
 * A step that costs delta is taken with probability exp(-delta / T), and T
 * falls with the share of the limit, time or work, that is gone: geometrically
 * to where load has settled, and where moves have a price, on from there, faster,
 * until it tells dear moves from cheap ones. Rules may be broken at a price in
 * units of T, until the last third and a bit: two guests that depend on each
 * other have to move one after the other. The price falls less than T does, or
 * rules are left broken in the end that no single step mends. Hosts are not
 * overloaded, but for the soft way: where they are nearly full, a large guest
 * finds nothing to change places with that fits. Three things make it find
 * in seconds what plain annealing does not find in minutes:
 *
 *   large first   A guest whose moves change the cost by much less than T would
 *                 only be thrown about, and take the room that a large one
 *                 needs. So guests take part by size, the larger the earlier.
 *   going home    Where room is kept at both ends of a move (transient
 *                 resources), a guest away from home costs room that no cost
 *                 shows. Most shifts proposed are therefore homewards: who
 *                 gained nothing by leaving is soon back.
 *   swaps         are proposed between guests of about the same size, with
 *                 widths from a few ranks to all.
 */
#include "plan/search-priv.h"
#include "plan/sized.h"
#include "plan/trade.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES 4      /* shifts tried to learn a guest's size */
#define RETURN_TRIES 8 /* guests looked at for one that is away */
#define TAKES_PART 1.5 /* from this size on, in units of T */
#define FIRST_SHARE 10 /* one guest in so many takes part at first */
#define RANGE 10000    /* hottest over where load has settled */
#define PRICES 0.2 /* coldest, in units of the cheapest move, if below that */

#define RULE_PRICE 12   /* of a broken rule, in units of T, at first */
#define DEARER 50       /* ... and so many times that before ... */
#define STRICT_FROM 0.6 /* ... rules hold, from this share of the way on */

/* Of the way, what is gone when the temperature is down by RANGE */
#define DOWN 0.75

/* What is above a limit costs so many times what load does: as the temperature
 * falls by half of RANGE's decades, ... */
#define SOFT_FIRST 4.0
#define SOFT_THEN 40.0
#define SOFT_HALF 0.5
/* ... and by so many of them; from there on limits hold */
#define SOFT_LAST 1e4
#define SOFT_END 0.8

const PlanAnnealWay plan_anneal_plain = {
    .shifts = 0.5,
    .homeward = 0.9,
};

typedef struct Anneal {
    PlanSearch *s;
    const PlanAnnealWay *way;
    PlanTrade trade;
    PlanSized *sized; /* guests by the mean change of the cost by a shift, of
                         either sign; largest first */
    size_t n;         /* guests that can move */
    size_t n_active;
    double temperature;
    double price; /* of violation */
    double log_active;
} Anneal;

static bool
pinned(const PlanModel *m, int32_t guest)
{
    return m->guests[guest].pinned && m->guests[guest].host != PLAN_NOWHERE;
}

static void
measure(Anneal *a)
{
    const PlanModel *m = a->s->model;

    for (size_t g = 0; g < m->n_guests; g++) {
        PlanSized *sized = &a->sized[a->n];

        if (pinned(m, (int32_t)g)) {
            continue;
        }
        *sized = (PlanSized){ 0, (int32_t)g };
        for (int i = 0; i < SAMPLES; i++) {
            int32_t host = (int32_t)plan_random_below(a->s, m->n_hosts);
            PlanScore delta = plan_search_delta(a->s, (int32_t)g, host);

            sized->size += fabs((double)delta.cost) / SAMPLES;
        }
        a->n++;
    }
    qsort(a->sized, a->n, sizeof(*a->sized), plan_sized_compare);
}

/* When everything else has settled, what is left to save is the price of moves:
 * it has to be cold enough to tell dear ones from cheap ones. */
static double
coldest(const PlanModel *m, double hot)
{
    double cheapest = G_MAXDOUBLE;

    for (size_t g = 0; g < m->n_guests; g++) {
        double price = (double)(m->guests[g].move_cost * m->weights.move);

        if (price > 0 && m->guests[g].host != PLAN_NOWHERE) {
            cheapest = MIN(cheapest, price);
        }
    }
    return MIN(MAX(1, hot / RANGE), PRICES * cheapest);
}

static void
cool(Anneal *a, double temperature)
{
    a->temperature = temperature;
    while (a->n_active < a->n &&
           (a->n_active < 64 ||
            a->sized[a->n_active].size >= TAKES_PART * temperature)) {
        a->n_active++;
    }
    a->log_active = log((double)a->n_active);
}

/* The most that a step may cost, drawn before the step is looked at */
static PlanAccept
draw_most(Anneal *a)
{
    return (PlanAccept){ a->price,
                         -log(1 - plan_random_unit(a->s)) * a->temperature };
}

static void
propose_shift(Anneal *a)
{
    PlanSearch *s = a->s;
    int32_t guest = a->sized[plan_random_below(s, a->n_active)].number;
    int32_t host = s->model->guests[guest].host;

    if (host == PLAN_NOWHERE || plan_random_unit(s) >= a->way->homeward) {
        host = (int32_t)plan_random_below(s, s->model->n_hosts);
    }
    if (plan_state_hosts(s->state)[guest] != host) {
        plan_trade_shift(&a->trade, guest, host, draw_most(a));
    }
}

static void
exchange(Anneal *a, int32_t one, int32_t other)
{
    const int32_t *host_of = plan_state_hosts(a->s->state);

    if (host_of[one] != PLAN_NOWHERE && host_of[other] != PLAN_NOWHERE) {
        plan_trade_swap(&a->trade, one, other, draw_most(a));
    }
}

static void
propose_swap(Anneal *a)
{
    PlanSearch *s = a->s;
    size_t i = plan_random_below(s, a->n_active);
    size_t width = (size_t)exp(a->log_active * plan_random_unit(s));
    size_t by = 1 + plan_random_below(s, MAX(1, width));
    size_t j = plan_random(s) & 1 ? i + by : i - by; /* may wrap: too large */

    if (j < a->n_active) {
        exchange(a, a->sized[i].number, a->sized[j].number);
    }
}

/* Somebody goes home, and one of those there comes in exchange */
static void
propose_return(Anneal *a)
{
    PlanSearch *s = a->s;
    const int32_t *host_of = plan_state_hosts(s->state);

    for (int i = 0; i < RETURN_TRIES; i++) {
        int32_t guest = a->sized[plan_random_below(s, a->n_active)].number;
        int32_t home = s->model->guests[guest].host;

        if (home != PLAN_NOWHERE && host_of[guest] != home) {
            size_t n;
            const int32_t *there = plan_state_guests(s->state, home, &n);
            int32_t other =
                n > 0 ? there[plan_random_below(s, n)] : PLAN_NOWHERE;

            if (n > 0 && !pinned(s->model, other)) {
                exchange(a, guest, other);
            }
            break;
        }
    }
}

static void
propose(Anneal *a)
{
    double kind = plan_random_unit(a->s);

    if (kind < a->way->shifts) {
        propose_shift(a);
    } else if (kind < a->way->shifts + a->way->returns) {
        propose_return(a);
    } else {
        propose_swap(a);
    }
}

/* What overload costs at @down of RANGE's decades, in units of load; 0: limits
 * hold */
static double
soft_price(double down)
{
    if (down < SOFT_HALF) {
        return SOFT_FIRST * pow(SOFT_THEN / SOFT_FIRST, down / SOFT_HALF);
    }
    return down >= SOFT_END
               ? 0
               : SOFT_THEN * pow(SOFT_LAST / SOFT_THEN,
                                 (down - SOFT_HALF) / (SOFT_END - SOFT_HALF));
}

/* Prices and temperature for the share of the way that is @gone: most of it goes
 * by where load settles, the rest where the prices of moves do */
static void
proceed(Anneal *a, double gone, double hot, double cold)
{
    double middle = MAX(cold, MAX(1, hot / RANGE));
    double down = CLAMP(cold < middle ? gone / DOWN : gone, 0, 1);

    if (down < 1) {
        cool(a, hot * pow(middle / hot, down));
    } else {
        cool(a,
             middle * pow(cold / middle, MIN(1, (gone - DOWN) / (1 - DOWN))));
    }
    plan_trade_soften(&a->trade, a->way->soft ? soft_price(down) : 0);
    a->price = gone > STRICT_FROM
                   ? PLAN_ACCEPT_STRICT
                   : RULE_PRICE * a->temperature *
                         pow(DEARER, gone / STRICT_FROM) / (double)PLAN_BROKEN;
}

void
plan_search_anneal(PlanSearch *s, const PlanAnnealWay *way, double until)
{
    g_autofree PlanSized *sized = g_new(PlanSized, s->model->n_guests + 1);
    Anneal a = { .s = s, .way = way, .sized = sized };
    double begin = s->progress;
    uint64_t round = 0;
    double hot;
    double cold;

    if (!s->limits->work && !s->limits->stop) {
        return; /* it would never cool down */
    }
    measure(&a);
    if (a.n == 0) {
        return;
    }
    hot = MAX(1, sized[a.n / FIRST_SHARE].size / TAKES_PART);
    cold = coldest(s->model, hot);
    plan_trade_init(&a.trade, s);
    cool(&a, hot);
    a.price = PLAN_ACCEPT_STRICT;
    do {
        for (int i = 0; i < 64; i++) {
            propose(&a);
        }
        if (++round % 64 == 0) {
            proceed(&a, (s->progress - begin) / (until - begin), hot, cold);
        }
        if (plan_score_less(plan_state_score(s->state), s->best) &&
            (round % 256 == 0 || s->progress > 0.9 * until)) {
            plan_search_note(s);
        }
    } while (plan_search_goes_on(s, 64) && s->progress < until);
    plan_search_note(s);
}
