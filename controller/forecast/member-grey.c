/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * member-grey.c - GM(1,1) as a member, and as the correction of another one
 *
 *     gm11        on log D of the last five passes ("metabolic": the oldest
 *                 goes when a new one comes; Deng 1982, Liu and Lin 2006)
 *     gm11-full   on D of all passes up to FULL_ROWS back, as textbooks do
 *     power-grey  the power law, times what GM(1,1) expects of the ratio
 *                 D / D^ of its last five forecasts; half of the correction
 *                 in logarithms, and never more than a factor of two
 *
 * On measured migrations gm11 was the grey model that was worth something.
 */
#include "forecast/member.h"

#include <math.h>
#include <string.h>

#include "forecast/grey.h"

#define GM11_ROWS 5
#define FULL_ROWS 128
#define RATIO_ROWS 5
#define MOST_RATIO 2.0

typedef struct Gm11State {
    GreyModel *model;
    size_t n;
    double logs[GM11_ROWS];
    double least, most; /* pages in the window */
    bool any;
    double pages; /* the answer */
} Gm11State;

static void
gm11_init(void *state)
{
    ((Gm11State *)state)->model = grey_new(GM11_ROWS, 1);
}

static void
gm11_clear(void *state)
{
    grey_free(((Gm11State *)state)->model);
}

static void
gm11_learn(void *state, const Observation *seen)
{
    Gm11State *gm11 = state;
    double next, least = INFINITY, most = 0.0;

    if (gm11->n == GM11_ROWS) {
        memmove(gm11->logs, gm11->logs + 1,
                (GM11_ROWS - 1) * sizeof(*gm11->logs));
        gm11->n--;
    }
    gm11->logs[gm11->n++] = log(fmax(seen->pages, 1.0));

    for (size_t k = 0; k < gm11->n; k++) {
        least = fmin(least, exp(gm11->logs[k]));
        most = fmax(most, exp(gm11->logs[k]));
    }
    /* An exponential law in the exponent runs away: beyond three times what
     * the window holds it is not believed. */
    gm11->any = grey_fit(gm11->model, gm11->logs, gm11->n, 1, NULL) &&
                grey_forecast(gm11->model, NULL, 1, &next, NULL);
    if (gm11->any) {
        gm11->pages = exp(next);
        gm11->any = gm11->pages >= least / 3.0 && gm11->pages <= most * 3.0;
    }
}

static bool
gm11_predict(const void *state, double duration_s, double *pages)
{
    const Gm11State *gm11 = state;

    *pages = gm11->pages;
    return gm11->any;
}

typedef struct FullState {
    GreyModel *model;
    size_t n;
    double rows[FULL_ROWS];
    bool any;
    double pages; /* the answer */
} FullState;

static void
full_init(void *state)
{
    ((FullState *)state)->model = grey_new(FULL_ROWS, 1);
}

static void
full_clear(void *state)
{
    grey_free(((FullState *)state)->model);
}

static void
full_learn(void *state, const Observation *seen)
{
    FullState *full = state;

    if (full->n == FULL_ROWS) {
        memmove(full->rows, full->rows + 1,
                (FULL_ROWS - 1) * sizeof(*full->rows));
        full->n--;
    }
    full->rows[full->n++] = seen->pages;
    full->any = grey_fit(full->model, full->rows, full->n, 1, NULL) &&
                grey_forecast(full->model, NULL, 1, &full->pages, NULL);
}

static bool
full_predict(const void *state, double duration_s, double *pages)
{
    const FullState *full = state;

    *pages = fmax(full->pages, 0.0);
    return full->any;
}

typedef struct RatioState {
    GreyModel *model;
    void *power; /* state of the member "power" */
    bool any;
    size_t n;
    double ratios[RATIO_ROWS];
    double factor; /* the answer, 1 until there is one */
} RatioState;

static void
ratio_init(void *state)
{
    RatioState *ratio = state;

    ratio->model = grey_new(RATIO_ROWS, 1);
    ratio->power = g_malloc0(member_power.state_size);
    member_power.init(ratio->power);
    ratio->factor = 1.0;
}

static void
ratio_clear(void *state)
{
    RatioState *ratio = state;

    grey_free(ratio->model);
    g_free(ratio->power);
}

static void
ratio_learn(void *state, const Observation *seen)
{
    RatioState *ratio = state;
    double expected, next;

    if (member_power.predict(ratio->power, seen->duration_s, &expected)) {
        if (ratio->n == RATIO_ROWS) {
            memmove(ratio->ratios, ratio->ratios + 1,
                    (RATIO_ROWS - 1) * sizeof(*ratio->ratios));
            ratio->n--;
        }
        ratio->ratios[ratio->n++] =
            CLAMP(fmax(seen->pages, MEMBER_LEAST_PAGES) /
                      fmax(expected, MEMBER_LEAST_PAGES),
                  1.0 / MOST_RATIO, MOST_RATIO);
    }
    member_power.learn(ratio->power, seen);
    ratio->any = grey_fit(ratio->model, ratio->ratios, ratio->n, 1, NULL) &&
                 grey_forecast(ratio->model, NULL, 1, &next, NULL);
    ratio->factor =
        ratio->any ? sqrt(CLAMP(next, 1.0 / MOST_RATIO, MOST_RATIO)) : 1.0;
}

static bool
ratio_predict(const void *state, double duration_s, double *pages)
{
    const RatioState *ratio = state;

    if (!ratio->any || !member_power.predict(ratio->power, duration_s, pages)) {
        return false;
    }
    *pages *= ratio->factor;
    return true;
}

const MemberOps member_gm11 = {
    .name = "gm11",
    .combined = true,
    .state_size = sizeof(Gm11State),
    .init = gm11_init,
    .clear = gm11_clear,
    .learn = gm11_learn,
    .predict = gm11_predict,
};

const MemberOps member_gm11_full = {
    .name = "gm11-full",
    .state_size = sizeof(FullState),
    .init = full_init,
    .clear = full_clear,
    .learn = full_learn,
    .predict = full_predict,
};

const MemberOps member_power_grey = {
    .name = "power-grey",
    .curve = true,
    .state_size = sizeof(RatioState),
    .init = ratio_init,
    .clear = ratio_clear,
    .learn = ratio_learn,
    .predict = ratio_predict,
};
