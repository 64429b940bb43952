/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * member-arima.c - ARIMA(1,1,0) on log D
 *
 *     d(k) = log D(k) - log D(k-1),    d(k+1) = phi d(k)
 *
 * phi by conditional least squares over all passes, two running sums; after
 * Patel et al. 2016, who forecast pass by pass with ARIMA. |phi| is kept below
 * 1, so that a jump is not continued by a larger one.
 */
#include "forecast/member.h"

#include <math.h>

#include <glib.h>

#define LEAST_ROWS 3
#define MOST_PHI 0.95

typedef struct ArimaState {
    size_t n;
    double log_pages, step; /* the newest */
    double cross, square;   /* sums of d(k) d(k-1), d(k-1)^2 */
} ArimaState;

static void
arima_init(void *state)
{
    (void)state;
}

static void
arima_learn(void *state, const Observation *seen)
{
    ArimaState *arima = state;
    double log_pages = log(fmax(seen->pages, MEMBER_LEAST_PAGES));
    double step = log_pages - arima->log_pages;

    if (arima->n >= 2) {
        arima->cross += step * arima->step;
        arima->square += arima->step * arima->step;
    }
    arima->log_pages = log_pages;
    arima->step = step;
    arima->n++;
}

static bool
arima_predict(const void *state, double duration_s, double *pages)
{
    const ArimaState *arima = state;
    double phi = 0.0;

    if (arima->n < LEAST_ROWS) {
        return false;
    }
    if (arima->square > 0.0) {
        phi = CLAMP(arima->cross / arima->square, -MOST_PHI, MOST_PHI);
    }
    *pages = exp(arima->log_pages + phi * arima->step);
    return true;
}

const MemberOps member_arima = {
    .name = "arima",
    .state_size = sizeof(ArimaState),
    .init = arima_init,
    .learn = arima_learn,
    .predict = arima_predict,
};
