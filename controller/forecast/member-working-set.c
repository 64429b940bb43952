/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * member-working-set.c - a set of W pages written evenly, W (1 - exp(-T/tau))
 *
 * Where all writes go to one set, distinct pages grow with time at first and
 * stop at W. For each tau of a grid the best W of the recent passes is known
 * in closed form (a mean of logarithms, old passes forgotten), and what is
 * left over says how likely that tau is. The answer is the curve of the mean
 * log tau under these likelihoods, on the grid, with its W; it is made
 * when a pass is learnt, so that asking costs one exponential.
 */
#include "forecast/member.h"

#include <math.h>

#define N_TAUS 60
#define SHORTEST_TAU_S 0.01
#define LONGEST_TAU_S 1000.0
#define FORGET 0.7
#define NOISE_VARIANCE 0.01 /* of log D, about 10 % */

typedef struct WorkingSetState {
    bool any;
    double weight;         /* of all passes, forgotten */
    double first[N_TAUS];  /* weighted sums of log D - log shape */
    double second[N_TAUS]; /* ... and of its square */
    double log_tau[N_TAUS];
    double log_w, tau_s; /* the answer */
} WorkingSetState;

/* log (1 - exp(-T / tau)) */
static double
log_shape(double duration_s, double tau_s)
{
    return log(-expm1(-duration_s / tau_s));
}

static void
working_set_init(void *state)
{
    WorkingSetState *set = state;

    for (int i = 0; i < N_TAUS; i++) {
        set->log_tau[i] =
            log(SHORTEST_TAU_S) +
            log(LONGEST_TAU_S / SHORTEST_TAU_S) * i / (N_TAUS - 1);
    }
}

static void
working_set_learn(void *state, const Observation *seen)
{
    WorkingSetState *set = state;
    double log_d = log(fmax(seen->pages, MEMBER_LEAST_PAGES));
    double least = INFINITY, sum = 0.0, place = 0.0;
    int middle;
    double misfit[N_TAUS];

    set->weight = set->weight * FORGET + 1.0;
    for (int i = 0; i < N_TAUS; i++) {
        double rest = log_d - log_shape(seen->duration_s, exp(set->log_tau[i]));

        set->first[i] = set->first[i] * FORGET + rest;
        set->second[i] = set->second[i] * FORGET + rest * rest;
        misfit[i] =
            set->second[i] - set->first[i] * set->first[i] / set->weight;
        least = fmin(least, misfit[i]);
    }
    for (int i = 0; i < N_TAUS; i++) {
        double likely = exp(-0.5 * (misfit[i] - least) / NOISE_VARIANCE);

        sum += likely;
        place += likely * i;
    }
    middle = (int)lround(place / sum);
    set->tau_s = exp(set->log_tau[middle]);
    set->log_w = set->first[middle] / set->weight;
    set->any = true;
}

static bool
working_set_predict(const void *state, double duration_s, double *pages)
{
    const WorkingSetState *set = state;

    if (!set->any) {
        return false;
    }
    *pages = exp(set->log_w + log_shape(duration_s, set->tau_s));
    return true;
}

const MemberOps member_working_set = {
    .name = "working-set",
    .curve = true,
    .combined = true,
    .state_size = sizeof(WorkingSetState),
    .init = working_set_init,
    .learn = working_set_learn,
    .predict = working_set_predict,
};
