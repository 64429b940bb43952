/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * member-naive.c - what everybody else does: last value, means, page rates
 *
 *     last    D(k)
 *     mean    of all passes                     Akoush et al. 2010, "AVG"
 *     wmean   of all passes, pass k with weight k
 *     ewma    a value's weight is halved by each later one
 *     rate    pages per second of the last five passes, times T
 *     linear  pages per second of the last pass, times T
 *
 * "linear" is QEMU's and Xen's own estimate, "rate" the likeliest rate of a
 * Poisson process over five passes, which is what page frequency tables (Hu et
 * al. 2013) come to in the sum. "ewma" leaves out the first pass, which sends
 * all of memory and would outweigh the next five. These are the yardstick that
 * any other member has to beat.
 */
#include "forecast/member.h"

#include <math.h>

#define EWMA_NEWEST 0.5
#define RATE_ROWS 5

typedef struct NaiveState {
    double passes;             /* learnt so far */
    double last_pages, last_s; /* the newest */
    double sum;                /* of pages */
    double weight, weighted;   /* of wmean */
    bool any_ewma;
    double ewma;
    size_t n; /* rows in the rings */
    double ring_pages[RATE_ROWS], ring_s[RATE_ROWS];
} NaiveState;

static void
naive_init(void *state)
{
    (void)state;
}

static void
naive_learn(void *state, const Observation *seen)
{
    NaiveState *naive = state;
    double before = naive->passes, weight;

    naive->passes += seen->passes;
    naive->last_pages = seen->pages;
    naive->last_s = seen->duration_s;
    naive->sum += seen->pages * seen->passes;

    /* (before + 1) + .. + (before + passes) */
    weight = seen->passes * (before + 0.5 * (seen->passes + 1.0));
    naive->weight += weight;
    naive->weighted += weight * seen->pages;

    if (seen->row->iter > 1) {
        double old = pow(1.0 - EWMA_NEWEST, seen->passes);

        naive->ewma = naive->any_ewma
                          ? old * naive->ewma + (1.0 - old) * seen->pages
                          : seen->pages;
        naive->any_ewma = true;
    }
    naive->ring_pages[naive->n % RATE_ROWS] = seen->pages * seen->passes;
    naive->ring_s[naive->n % RATE_ROWS] = seen->duration_s * seen->passes;
    naive->n++;
}

static bool
last_predict(const void *state, double duration_s, double *pages)
{
    const NaiveState *naive = state;

    *pages = naive->last_pages;
    return naive->n > 0;
}

static bool
mean_predict(const void *state, double duration_s, double *pages)
{
    const NaiveState *naive = state;

    if (naive->n == 0) {
        return false;
    }
    *pages = naive->sum / naive->passes;
    return true;
}

static bool
wmean_predict(const void *state, double duration_s, double *pages)
{
    const NaiveState *naive = state;

    if (naive->n == 0) {
        return false;
    }
    *pages = naive->weighted / naive->weight;
    return true;
}

static bool
ewma_predict(const void *state, double duration_s, double *pages)
{
    const NaiveState *naive = state;

    *pages = naive->ewma;
    return naive->any_ewma;
}

static bool
rate_predict(const void *state, double duration_s, double *pages)
{
    const NaiveState *naive = state;
    double all_pages = 0.0, all_s = 0.0;

    if (naive->n == 0) {
        return false;
    }
    for (size_t i = 0; i < RATE_ROWS && i < naive->n; i++) {
        all_pages += naive->ring_pages[i];
        all_s += naive->ring_s[i];
    }
    *pages = all_pages / all_s * duration_s;
    return true;
}

static bool
linear_predict(const void *state, double duration_s, double *pages)
{
    const NaiveState *naive = state;

    if (naive->n == 0) {
        return false;
    }
    *pages = naive->last_pages / naive->last_s * duration_s;
    return true;
}

#define NAIVE(object, text, is_curve, is_combined)                             \
    const MemberOps member_##object = {                                        \
        .name = (text),                                                        \
        .curve = (is_curve),                                                   \
        .combined = (is_combined),                                             \
        .state_size = sizeof(NaiveState),                                      \
        .init = naive_init,                                                    \
        .learn = naive_learn,                                                  \
        .predict = object##_predict,                                           \
    }

NAIVE(last, "last", false, true);
NAIVE(mean, "mean", false, false);
NAIVE(wmean, "wmean", false, false);
NAIVE(ewma, "ewma", false, true);
NAIVE(rate, "rate", true, true);
NAIVE(linear, "linear", true, false);
