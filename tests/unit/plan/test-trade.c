/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-trade.c - what annealing does at a glance is what the terms would have
 * said one by one
 */
#include <criterion/criterion.h>

#include <math.h>

#include "plan/state-priv.h"
#include "plan/trade.h"
#include "random-model.h"

#define N_MODELS 300
#define N_STEPS 300

typedef struct Counts {
    size_t n_done, n_left, n_full;
} Counts;

/* What hosts are overloaded by, at the prices of plan_trade_soften() */
static double
overload(const PlanState *s, const PlanTrade *trade)
{
    const PlanModel *m = plan_state_model(s);
    double sum = 0;

    for (size_t i = 0; i < m->n_hosts * m->n_resources; i++) {
        int64_t above = s->use[i] + s->ghost[i] - m->limit[i];

        sum += (double)MAX(0, above) * trade->price[i % m->n_resources];
    }
    return sum;
}

/* The change of the score if @a went where @b is, and came in exchange if @swap;
 * with @soft, what overload costs there in place of the violation */
static PlanScore
ask(PlanState *s, int32_t a, int32_t b, bool swap, const PlanTrade *soft)
{
    int32_t x = plan_state_hosts(s)[a];
    int32_t y = plan_state_hosts(s)[b];
    PlanScore before = plan_state_score(s);
    int64_t full = soft ? s->value[soft->capacity] : 0;
    double priced = soft ? overload(s, soft) : 0;
    PlanScore delta;

    plan_state_move(s, a, y);
    if (swap) {
        plan_state_move(s, b, x);
    }
    delta = plan_state_score(s);
    delta.violation -= before.violation;
    delta.cost -= before.cost;
    if (soft) {
        delta.violation -= s->value[soft->capacity] - full;
        delta.cost += (int64_t)(overload(s, soft) - priced);
    }
    if (swap) {
        plan_state_move(s, b, y);
    }
    plan_state_move(s, a, x);
    return delta;
}

static size_t
try_soft_steps(const PlanModel *m, guint32 seed)
{
    g_autoptr(PlanState) s = plan_state_new(m, NULL);
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    PlanSearch search = { .state = s, .model = m };
    size_t n_over = 0;
    PlanTrade trade;

    plan_trade_init(&trade, &search);
    plan_trade_soften(&trade, 3);
    if (!trade.soft) {
        return 0;
    }
    for (int i = 0; i < N_STEPS; i++) {
        int32_t a = g_rand_int_range(rand, 0, (gint32)m->n_guests);
        int32_t b = g_rand_int_range(rand, 0, (gint32)m->n_guests);
        int32_t x = plan_state_hosts(s)[a];
        int32_t y = plan_state_hosts(s)[b];
        bool swap = i & 1;
        PlanAccept accept = { .price = 0.25 };
        double cost;
        PlanScore delta;
        bool done;

        if (x == PLAN_NOWHERE || y == PLAN_NOWHERE || x == y) {
            continue;
        }
        delta = ask(s, a, b, swap, &trade);
        /* a limit that a price wrong by a few percent would miss; what each host
         * adds is rounded by itself */
        cost = (double)delta.cost + (double)delta.violation * accept.price;
        accept.most = cost + (i & 2 ? 1 : -1) * (4 + 0.02 * fabs(cost));
        done = swap ? plan_trade_swap(&trade, a, b, accept)
                    : plan_trade_shift(&trade, a, y, accept);
        cr_assert_eq(done, plan_search_accepts(delta, accept),
                     "seed %u, step %d: %s", seed, i, swap ? "swap" : "shift");
        n_over += s->value[trade.capacity] > 0;
    }
    /* hard again: whatever a step may cost, it overloads nothing more */
    plan_trade_soften(&trade, 0);
    for (int i = 0; i < N_STEPS; i++) {
        int32_t guest = g_rand_int_range(rand, 0, (gint32)m->n_guests);
        int32_t host = g_rand_int_range(rand, 0, (gint32)m->n_hosts);
        int64_t full = s->value[trade.capacity];

        if (plan_state_hosts(s)[guest] != host &&
            plan_trade_shift(&trade, guest, host, (PlanAccept){ 0, 1e18 })) {
            cr_assert_leq(s->value[trade.capacity], full, "seed %u", seed);
        }
    }
    return n_over;
}

static void
try_steps(const PlanModel *m, guint32 seed, bool strict, Counts *counts)
{
    g_autoptr(PlanState) s = plan_state_new(m, NULL);
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    PlanSearch search = { .state = s, .model = m };
    PlanTrade trade;

    plan_trade_init(&trade, &search);
    for (int i = 0; i < N_STEPS; i++) {
        int32_t a = g_rand_int_range(rand, 0, (gint32)m->n_guests);
        int32_t b = g_rand_int_range(rand, 0, (gint32)m->n_guests);
        int32_t x = plan_state_hosts(s)[a];
        int32_t y = plan_state_hosts(s)[b];
        bool swap = i & 1;
        PlanAccept accept = {
            .price = strict ? PLAN_ACCEPT_STRICT : 0.25,
            .most = g_rand_double_range(rand, -1000, 5000),
        };
        PlanScore delta;
        bool fits, done;

        if (x == PLAN_NOWHERE || y == PLAN_NOWHERE || x == y) {
            continue;
        }
        fits = swap ? plan_state_swap_fits(s, a, b) : plan_state_fits(s, a, y);
        delta = ask(s, a, b, swap, NULL);
        done = swap ? plan_trade_swap(&trade, a, b, accept)
                    : plan_trade_shift(&trade, a, y, accept);
        cr_assert_eq(done, fits && plan_search_accepts(delta, accept),
                     "seed %u, step %d: %s", seed, i, swap ? "swap" : "shift");
        cr_assert_eq(plan_state_hosts(s)[a], done ? y : x);
        cr_assert_eq(plan_state_hosts(s)[b], done && swap ? x : y);
        counts->n_done += done;
        counts->n_left += !done && fits;
        counts->n_full += !fits;
    }
}

Test(trade, decides_as_the_terms_do)
{
    Counts counts = { 0 };

    for (guint32 seed = 1; seed <= N_MODELS; seed++) {
        g_autoptr(PlanModel) m = random_model(seed);

        try_steps(m, seed, seed & 1, &counts);
        random_model_loosen(m);
        try_steps(m, seed, seed & 1, &counts);
    }
    cr_assert(counts.n_done > 1000 && counts.n_left > 1000 &&
                  counts.n_full > 500,
              "%zu done, %zu not, %zu without room", counts.n_done,
              counts.n_left, counts.n_full);
}

Test(trade, counts_overload_at_its_price_where_limits_are_soft)
{
    size_t n_over = 0;

    for (guint32 seed = 1; seed <= N_MODELS; seed++) {
        g_autoptr(PlanModel) m = random_model(seed);

        n_over += try_soft_steps(m, seed);
    }
    cr_assert_gt(n_over, 1000);
}
