/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * member-paper.c - the paper's GM(1,N), N = 6 (Li, Chen, Yang, Li 2017)
 *
 *     gm1n           without the first pass, which sends all of memory
 *     gm1n-residual  ... and with the paper's residual correction
 *     gm1n-all       with the first pass
 *
 * As printed; they are there to be compared and take no part in steering
 * (docs/prediction.md has the figures). Passes up to GM1N_ROWS back count. A
 * driver that is unknown in one row of them is left out, so that N gets
 * smaller. What the drivers will be during the pass asked about is not known
 * when it starts, and the paper is silent:
 *
 *     x5  duration of the pass before: known
 *     x2, x3, x4, x6: as they were in the pass before
 */
#include "forecast/member.h"

#include <math.h>
#include <string.h>

#include "forecast/grey.h"

#define GM1N_ROWS 256
#define GM1N_COLS 6

typedef struct Gm1nState {
    GreyModel *model, *tail;
    bool corrected; /* by its residuals */
    bool all;       /* the first pass too */
    size_t n;
    Known rows[GM1N_ROWS][GM1N_COLS];
    bool any;
    double pages; /* the answer */
} Gm1nState;

static void
gm1n_init(void *state)
{
    ((Gm1nState *)state)->model = grey_new(GM1N_ROWS, GM1N_COLS);
}

static void
gm1n_residual_init(void *state)
{
    Gm1nState *gm1n = state;

    gm1n_init(state);
    gm1n->tail = grey_new(GM1N_ROWS, 1);
    gm1n->corrected = true;
}

static void
gm1n_all_init(void *state)
{
    gm1n_init(state);
    ((Gm1nState *)state)->all = true;
}

static void
gm1n_clear(void *state)
{
    Gm1nState *gm1n = state;

    grey_free(gm1n->model);
    grey_free(gm1n->tail);
}

static bool
gm1n_answer(const Gm1nState *gm1n, const double *window, size_t n_cols,
            const double *drivers, double *pages)
{
    double fitted[GM1N_ROWS], next;
    GreyCorrection correction;

    /* Without any driver it would be another model, GM(1,1). */
    if (n_cols < 2 || !grey_fit(gm1n->model, window, gm1n->n, n_cols, NULL) ||
        !grey_forecast(gm1n->model, drivers, 1, &next, NULL)) {
        return false;
    }
    if (gm1n->corrected) {
        if (!grey_fitted(gm1n->model, fitted, NULL)) {
            return false;
        }
        for (size_t k = 0; k < gm1n->n; k++) {
            fitted[k] = window[k * n_cols] - fitted[k];
        }
        grey_residual(gm1n->tail, fitted, gm1n->n, &correction);
        next += correction.next;
    }
    *pages = fmax(next, 0.0);
    return isfinite(next);
}

static void
gm1n_learn(void *state, const Observation *seen)
{
    Gm1nState *gm1n = state;
    const SampleRow *row = seen->row;
    double window[GM1N_ROWS * GM1N_COLS], drivers[GM1N_COLS];
    size_t columns[GM1N_COLS], n_cols = 0;

    if (row->iter <= 1 && !gm1n->all) {
        return;
    }
    if (gm1n->n == GM1N_ROWS) {
        memmove(gm1n->rows, gm1n->rows + 1,
                (GM1N_ROWS - 1) * sizeof(*gm1n->rows));
        gm1n->n--;
    }
    memcpy(gm1n->rows[gm1n->n++],
           (Known[GM1N_COLS]){ known(seen->pages), row->mem_used,
                               row->cpu_cores, row->vm_net_bytes_s,
                               row->prev_duration_s, row->host_net_bytes_s },
           sizeof(*gm1n->rows));

    for (size_t i = 0; i < GM1N_COLS; i++) {
        bool whole = true;

        for (size_t k = 0; k < gm1n->n; k++) {
            whole = whole && gm1n->rows[k][i].known;
        }
        if (whole) {
            columns[n_cols++] = i;
        }
    }
    for (size_t k = 0; k < gm1n->n; k++) {
        for (size_t j = 0; j < n_cols; j++) {
            window[k * n_cols + j] = gm1n->rows[k][columns[j]].value;
        }
    }
    for (size_t j = 1; j < n_cols; j++) {
        drivers[j - 1] = columns[j] == 4 ? seen->duration_s
                                         : window[(gm1n->n - 1) * n_cols + j];
    }
    gm1n->any = gm1n_answer(gm1n, window, n_cols, drivers, &gm1n->pages);
}

static bool
gm1n_predict(const void *state, double duration_s, double *pages)
{
    const Gm1nState *gm1n = state;

    *pages = gm1n->pages;
    return gm1n->any;
}

const MemberOps member_gm1n = {
    .name = "gm1n",
    .state_size = sizeof(Gm1nState),
    .init = gm1n_init,
    .clear = gm1n_clear,
    .learn = gm1n_learn,
    .predict = gm1n_predict,
};

const MemberOps member_gm1n_residual = {
    .name = "gm1n-residual",
    .state_size = sizeof(Gm1nState),
    .init = gm1n_residual_init,
    .clear = gm1n_clear,
    .learn = gm1n_learn,
    .predict = gm1n_predict,
};

const MemberOps member_gm1n_all = {
    .name = "gm1n-all",
    .state_size = sizeof(Gm1nState),
    .init = gm1n_all_init,
    .clear = gm1n_clear,
    .learn = gm1n_learn,
    .predict = gm1n_predict,
};
