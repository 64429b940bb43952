/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search-priv.h - what the methods share: counting work, random numbers
 */
#ifndef PLAN_SEARCH_PRIV_H
#define PLAN_SEARCH_PRIV_H

#include "plan/columns.h"
#include "plan/search.h"
#include "plan/term.h"

#define PLAN_SEARCH_ASK_EVERY 2048

struct PlanSearch {
    PlanState *state;
    const PlanModel *model;
    const PlanLimits *limits;
    uint64_t work;
    uint64_t ask_at; /* work at which stop() is asked again */
    bool stopped;
    double progress;
    uint64_t random[2];
    PlanScore best;
    int32_t *best_hosts;
    int32_t *promising; /* a placement on few hosts that lacks some guests, to
                           start from; or NULL */
};

/* xoroshiro128+, of Blackman and Vigna: small, fast, the same everywhere */
static inline uint64_t
plan_random(PlanSearch *s)
{
    uint64_t a = s->random[0];
    uint64_t b = s->random[1];
    uint64_t result = a + b;

    b ^= a;
    s->random[0] = ((a << 24) | (a >> 40)) ^ b ^ (b << 16);
    s->random[1] = (b << 37) | (b >> 27);
    return result;
}

/* 0 .. @n - 1, n > 0 */
static inline size_t
plan_random_below(PlanSearch *s, size_t n)
{
    return (size_t)(((__uint128_t)plan_random(s) * n) >> 64);
}

/* 0 to 1, 1 excluded */
static inline double
plan_random_unit(PlanSearch *s)
{
    return (double)(plan_random(s) >> 11) * 0x1p-53;
}

/** plan_search_goes_on() - Count @work; false once a limit is reached */
bool plan_search_goes_on(PlanSearch *s, uint64_t work);

/** plan_search_note() - Keep the state's placement if it is the best so far */
void plan_search_note(PlanSearch *s);

/** plan_search_delta() - plan_state_delta(), counted */
static inline PlanScore
plan_search_delta(PlanSearch *s, int32_t guest, int32_t host)
{
    s->work++;
    return plan_state_delta(s->state, guest, host);
}

/* What a step may cost: delta cost + price x delta violation below `most` */
typedef struct PlanAccept {
    double price; /* of a unit of violation; STRICT: as plan_score_less() */
    double most;
} PlanAccept;

#define PLAN_ACCEPT_STRICT 1e20

static inline bool
plan_search_accepts(PlanScore delta, PlanAccept accept)
{
    return (double)delta.cost + (double)delta.violation * accept.price <
           accept.most;
}

/** plan_search_can_swap() - Are both somewhere, and is there room both ways? */
bool plan_search_can_swap(const PlanSearch *s, int32_t a, int32_t b);

/**
 * plan_search_try_swap() - Exchange @a and @b if @accept agrees
 *
 * Half a swap is done to ask for the other half. On true both are done.
 */
bool plan_search_try_swap(PlanSearch *s, int32_t a, int32_t b,
                          PlanAccept accept);

/**
 * plan_search_insert() - Put @guest, which is nowhere, where it adds least
 *
 * Of hosts that cost the same the fullest is taken, of those not in use the
 * largest, then the first from a random one on if @shuffle.
 * Return: false if it fits nowhere, then it stays nowhere
 */
bool plan_search_insert(PlanSearch *s, int32_t guest, bool shuffle);

/** plan_search_order() - Guests by size, largest first; g_free() it
 *
 * The size is the sum over the resources of demand / total capacity.
 */
int32_t *plan_search_order(const PlanModel *model);

void plan_search_greedy(PlanSearch *s, bool best, bool decreasing);
void plan_search_pack(PlanSearch *s);

/**
 * plan_search_assign() - Put all guests anew, those of a kind where hosts want
 * one
 * @wanted: Of plan_columns_choose(); used up
 * @share: Of what is left of the limit, for the solver once more
 */
void plan_search_assign(PlanSearch *s, const PlanColumns *columns,
                        GPtrArray *wanted, double share);

/**
 * plan_search_repack() - Fill these hosts anew with the guests they have
 * @rank: [guest] place in the order of sizes
 * @hosts: Different ones; put in another order
 *
 * One after the other as full as can be, so that what is free is at the last.
 * Put back if that is worse.
 */
void plan_search_repack(PlanSearch *s, const size_t *rank, int32_t *hosts,
                        size_t n);
void plan_search_place_rest(PlanSearch *s);

/** plan_search_quick() - Put down what is nowhere, once, and not looking at costs */
void plan_search_quick(PlanSearch *s);

/** plan_search_mend() - Relieve overloaded hosts one by one, with as few guests
 * as can be */
void plan_search_mend(PlanSearch *s);
/** plan_search_hill() - Until nothing helps or the progress is @until */
void plan_search_hill(PlanSearch *s, double until);
/* genetic search, particle swarm, ant colony: population.c */
void plan_search_genetic(PlanSearch *s);
void plan_search_particles(PlanSearch *s);
void plan_search_ants(PlanSearch *s);

/* How annealing goes about it; see anneal.c */
typedef struct PlanAnnealWay {
    double shifts;   /* share of the steps proposed that are shifts */
    double homeward; /* share of these that go home */
    double returns; /* share of the steps: home, in exchange for who is there */
    bool soft;      /* hosts may be overloaded on the way, at a price */
} PlanAnnealWay;

extern const PlanAnnealWay plan_anneal_plain;

/** plan_search_anneal() - Cool down until the progress is @until */
void plan_search_anneal(PlanSearch *s, const PlanAnnealWay *way, double until);
/** plan_search_lns() - Until the progress is @until */
void plan_search_lns(PlanSearch *s, double until);

/** plan_search_refine() - As lns, from a placement that is good already */
void plan_search_refine(PlanSearch *s);

/** plan_search_exact() - By integer programming; as lns if that cannot be */
void plan_search_exact(PlanSearch *s);

/** plan_search_group_map_tune() - Put all guests anew, by heavy flows */
void plan_search_group_map_tune(PlanSearch *s);

/** plan_search_kway() - Put all guests anew, by cuts of the traffic graph */
void plan_search_kway(PlanSearch *s, PlanPartition partition);

#endif
