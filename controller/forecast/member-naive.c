/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * member-naive.c - what everybody else does: last value, mean, last rate
 *
 * "linear" is QEMU's and Xen's own estimate, dirty rate times time. "ewma" is
 * the mean of log D with the weight of a value halved by each later one; the
 * first pass, which sends all of memory, is no part of it. They are the
 * yardstick that any other member has to beat.
 */
#include "forecast/member.h"

#include <math.h>

typedef struct NaiveState {
    bool any;
    double pages;
    double duration_s;
} NaiveState;

static void
naive_init(void *state)
{
    (void)state;
}

static void
naive_learn(void *state, const Observation *seen)
{
    *(NaiveState *)state = (NaiveState){ true, seen->pages, seen->duration_s };
}

static bool
last_predict(const void *state, double duration_s, double *pages)
{
    const NaiveState *naive = state;

    *pages = naive->pages;
    return naive->any;
}

static bool
linear_predict(const void *state, double duration_s, double *pages)
{
    const NaiveState *naive = state;

    if (!naive->any) {
        return false;
    }
    *pages = naive->pages / naive->duration_s * duration_s;
    return true;
}

#define EWMA_NEWEST 0.5

typedef struct EwmaState {
    bool any;
    double log_pages;
} EwmaState;

static void
ewma_learn(void *state, const Observation *seen)
{
    EwmaState *ewma = state;
    double log_pages = log(fmax(seen->pages, MEMBER_LEAST_PAGES));

    if (seen->row->iter <= 1) {
        return;
    }
    ewma->log_pages = ewma->any ? EWMA_NEWEST * log_pages +
                                      (1.0 - EWMA_NEWEST) * ewma->log_pages
                                : log_pages;
    ewma->any = true;
}

static bool
ewma_predict(const void *state, double duration_s, double *pages)
{
    const EwmaState *ewma = state;

    *pages = exp(ewma->log_pages);
    return ewma->any;
}

const MemberOps member_ewma = {
    .name = "ewma",
    .combined = true,
    .state_size = sizeof(EwmaState),
    .init = naive_init,
    .learn = ewma_learn,
    .predict = ewma_predict,
};

const MemberOps member_last = {
    .name = "last",
    .combined = true,
    .state_size = sizeof(NaiveState),
    .init = naive_init,
    .learn = naive_learn,
    .predict = last_predict,
};

const MemberOps member_linear = {
    .name = "linear",
    .curve = true,
    .combined = true,
    .state_size = sizeof(NaiveState),
    .init = naive_init,
    .learn = naive_learn,
    .predict = linear_predict,
};
