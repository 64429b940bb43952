/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trade.h - what shifts and swaps cost at the two hosts, at one glance
 *
 * Annealing proposes millions of steps a second and takes few. Whether a step is
 * out of the question is mostly seen from what its two hosts have in use, and
 * from their limits: room, load, balance and the price of moving are counted
 * here in one pass, for both guests of a swap at once. Only what passes is put
 * to the other terms one by one.
 */
#ifndef PLAN_TRADE_H
#define PLAN_TRADE_H

#include "plan/search-priv.h"

#define PLAN_TRADE_MAX_TERMS 24

typedef struct PlanTrade {
    PlanSearch *s;
    bool all_seen;   /* the rest cannot make up for what is seen here, but... */
    int64_t slack;   /* ... by this much */
    size_t capacity; /* which term that is; SIZE_MAX: there is none */
    bool soft;       /* hosts may be overloaded, at these prices of a unit: */
    double price[PLAN_MAX_RESOURCES];
    size_t n_rest; /* terms that are asked one by one */
    size_t rest[PLAN_TRADE_MAX_TERMS];
} PlanTrade;

/** plan_trade_init() - Look at the terms that the search's state has */
void plan_trade_init(PlanTrade *trade, PlanSearch *s);

/** plan_trade_can_soften() - Does load cost anything, has no host sides, and is
 * no objective a limit? */
bool plan_trade_can_soften(const PlanSearch *search);

/**
 * plan_trade_soften() - From now on hosts may be overloaded
 * @times: What is above a limit costs so many times what load above the safe
 * level does; 0: limits hold again
 *
 * Limits hold anyway unless plan_trade_can_soften(). A state that is overloaded in the end stays so until
 * steps are proposed that mend it.
 */
void plan_trade_soften(PlanTrade *trade, double times);

/**
 * plan_trade_shift() - Put @guest on @host if @accept agrees
 * @host: Another one than where it is
 *
 * Decides as plan_state_fits() and plan_state_delta() would. Return: whether it
 * was done
 */
bool plan_trade_shift(PlanTrade *trade, int32_t guest, int32_t host,
                      PlanAccept accept);

/** plan_trade_swap() - The same for two guests, neither nowhere, that change
 * hosts; nothing is done if they share one */
bool plan_trade_swap(PlanTrade *trade, int32_t a, int32_t b, PlanAccept accept);

#endif
