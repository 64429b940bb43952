/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * member-ridge.c - grey models with drivers that rest on persistence
 *
 * "ogm" is OGM(1,N) of the last OGM_ROWS passes, the first of all left out,
 * with a ridge (grey-improved.c). "dgm" is DGM(1,N) (Xie, Liu 2009) with two
 * lags, differenced once and in logarithms. With y = log D, t = log T and
 * their running means y', t'
 *
 *     y(k) - y(k-1) = g (t(k) - t(k-1)) + m (y' - y(k-1)) + n (t' - t(k-1))
 *                     + l (y(k-2) - y(k-1)) + h
 *
 * Each coefficient has a prior, normal around 0 (g: around 0.65, the exponent
 * of the power law), that few passes cannot leave. T(k) is the one driver that
 * is known for the pass to come, for it follows from the pages to send and the
 * bandwidth; the paper has T(k-1) instead. CPU, guest network and throttle of
 * the pass before changed nothing in the second digit and were left out.
 *
 * The equations so far are kept as a triangle, old ones forgotten: a new one
 * is rotated in (Givens), and the prior stands below it when it is solved. So
 * a step costs O(columns^3) however long the history, and B'B is not formed.
 */
#include "forecast/member.h"

#include <math.h>
#include <string.h>

#include "forecast/grey-improved.h"
#include "forecast/least-squares.h"

#define OGM_ROWS 12
#define OGM_COLS 2
#define OGM_RIDGE 0.01
#define OGM_LEAST_ROWS 5

typedef struct OgmState {
    size_t n;
    double rows[OGM_ROWS * OGM_COLS]; /* pages, T */
    bool any;
    double least, most;
    OgmModel model;
} OgmState;

static void
nothing_init(void *state)
{
    (void)state;
}

static void
ogm_learn(void *state, const Observation *seen)
{
    OgmState *ogm = state;

    if (seen->row->iter <= 1) {
        return;
    }
    if (ogm->n == OGM_ROWS) {
        memmove(ogm->rows, ogm->rows + OGM_COLS,
                (OGM_ROWS - 1) * OGM_COLS * sizeof(*ogm->rows));
        ogm->n--;
    }
    ogm->rows[ogm->n * OGM_COLS] = seen->pages;
    ogm->rows[ogm->n * OGM_COLS + 1] = seen->duration_s;
    ogm->n++;
    ogm->any = ogm->n >= OGM_LEAST_ROWS &&
               ogm_fit(ogm->rows, ogm->n, OGM_COLS, OGM_RIDGE, &ogm->model);
    ogm->least = INFINITY;
    ogm->most = 0.0;
    for (size_t k = 0; k < ogm->n; k++) {
        ogm->least = fmin(ogm->least, ogm->rows[k * OGM_COLS]);
        ogm->most = fmax(ogm->most, ogm->rows[k * OGM_COLS]);
    }
}

static bool
ogm_predict(const void *state, double duration_s, double *pages)
{
    const OgmState *ogm = state;

    return ogm->any &&
           ogm_next(&ogm->model, ogm->rows[(ogm->n - 1) * OGM_COLS],
                    &duration_s, pages) &&
           *pages >= ogm->least / 3.0 && *pages <= ogm->most * 3.0;
}

#define DGM_LEAST_ROWS 2
/* Columns of the equation */
enum { LONGER, TO_MEAN, BEFORE, TO_MEAN_T, CONSTANT, DGM_COLUMNS };

#define DGM_FORGET 0.97
#define DGM_NOISE 0.15   /* of log D */
#define DGM_SURPRISE 0.4 /* errors beyond it weigh less */
#define DGM_MEAN 0.25    /* of the newest in the mean */

typedef struct DgmState {
    size_t n; /* passes learnt */
    /* triangle and right side: what was seen, as equations */
    double r[DGM_COLUMNS][DGM_COLUMNS], right[DGM_COLUMNS];
    double log_pages, before, mean; /* of the last pass, the one before, all */
    double log_s, mean_s;
    bool any;
    double coefficients[DGM_COLUMNS];
} DgmState;

static const double dgm_prior[DGM_COLUMNS] = { [LONGER] = 0.65 };
static const double dgm_prior_sd[DGM_COLUMNS] = {
    [LONGER] = 0.3,    [TO_MEAN] = 0.3,   [BEFORE] = 0.2,
    [TO_MEAN_T] = 0.3, [CONSTANT] = 0.02,
};

static void
dgm_columns(const DgmState *dgm, double log_s, double *x)
{
    x[LONGER] = log_s - dgm->log_s;
    x[TO_MEAN] = dgm->mean - dgm->log_pages;
    x[BEFORE] = dgm->before - dgm->log_pages;
    x[TO_MEAN_T] = dgm->mean_s - dgm->log_s;
    x[CONSTANT] = 1.0;
}

static double
dgm_step(const DgmState *dgm, const double *x)
{
    double sum = 0.0;

    for (size_t j = 0; j < DGM_COLUMNS; j++) {
        sum += dgm->coefficients[j] * x[j];
    }
    return sum;
}

/* Rotate one more equation, x c = y, into the triangle. */
static void
dgm_rotate(DgmState *dgm, double *x, double y)
{
    for (size_t j = 0; j < DGM_COLUMNS; j++) {
        double length = hypot(dgm->r[j][j], x[j]), c, s, swap;

        if (length == 0.0) {
            continue;
        }
        c = dgm->r[j][j] / length;
        s = x[j] / length;
        for (size_t i = j; i < DGM_COLUMNS; i++) {
            swap = c * dgm->r[j][i] + s * x[i];
            x[i] = c * x[i] - s * dgm->r[j][i];
            dgm->r[j][i] = swap;
        }
        swap = c * dgm->right[j] + s * y;
        y = c * y - s * dgm->right[j];
        dgm->right[j] = swap;
    }
}

/* What was seen above, the prior below. */
static void
dgm_solve(DgmState *dgm)
{
    enum { ROWS = 2 * DGM_COLUMNS };
    double matrix[ROWS * DGM_COLUMNS] = { 0 }, right[ROWS] = { 0 };
    double solution[DGM_COLUMNS];

    for (size_t j = 0; j < DGM_COLUMNS; j++) {
        for (size_t i = 0; i <= j; i++) {
            matrix[j * ROWS + i] = dgm->r[i][j];
        }
        matrix[j * ROWS + DGM_COLUMNS + j] = DGM_NOISE / dgm_prior_sd[j];
        right[j] = dgm->right[j];
    }
    dgm->any = least_squares(matrix, right, ROWS, DGM_COLUMNS, 1e-9, solution);
    for (size_t j = 0; dgm->any && j < DGM_COLUMNS; j++) {
        dgm->coefficients[j] = dgm_prior[j] + solution[j];
    }
}

static void
dgm_equation(DgmState *dgm, double log_pages, double log_s)
{
    double x[DGM_COLUMNS], y = log_pages - dgm->log_pages, weight, error;

    dgm_columns(dgm, log_s, x);
    error = fabs(y - dgm_step(dgm, x));
    weight = error > DGM_SURPRISE ? sqrt(DGM_SURPRISE / error) : 1.0;
    for (size_t j = 0; j < DGM_COLUMNS; j++) {
        y -= dgm_prior[j] * x[j];
    }
    for (size_t j = 0; j < DGM_COLUMNS; j++) {
        x[j] *= weight;
        dgm->right[j] *= sqrt(DGM_FORGET);
        for (size_t i = 0; i < DGM_COLUMNS; i++) {
            dgm->r[j][i] *= sqrt(DGM_FORGET);
        }
    }
    dgm_rotate(dgm, x, y * weight);
    dgm_solve(dgm);
}

static void
dgm_learn(void *state, const Observation *seen)
{
    DgmState *dgm = state;
    double log_pages = log(fmax(seen->pages, MEMBER_LEAST_PAGES));
    double log_s = log(seen->duration_s), newest;

    if (dgm->n == 0) {
        memcpy(dgm->coefficients, dgm_prior, sizeof(dgm_prior));
        dgm->before = log_pages;
    } else {
        dgm_equation(dgm, log_pages, log_s);
        dgm->before = dgm->log_pages;
    }
    dgm->n++;
    newest = fmax(1.0 / (double)dgm->n, DGM_MEAN);
    dgm->mean += newest * (log_pages - dgm->mean);
    dgm->mean_s += newest * (log_s - dgm->mean_s);
    dgm->log_pages = log_pages;
    dgm->log_s = log_s;
}

static bool
dgm_predict(const void *state, double duration_s, double *pages)
{
    const DgmState *dgm = state;
    double x[DGM_COLUMNS];

    if (dgm->n < DGM_LEAST_ROWS) {
        return false;
    }
    dgm_columns(dgm, log(duration_s), x);
    *pages = exp(dgm->log_pages + dgm_step(dgm, x));
    return isfinite(*pages);
}

const MemberOps member_ogm = {
    .name = "ogm",
    .state_size = sizeof(OgmState),
    .init = nothing_init,
    .learn = ogm_learn,
    .predict = ogm_predict,
};

const MemberOps member_dgm = {
    .name = "dgm",
    .combined = true,
    .state_size = sizeof(DgmState),
    .init = nothing_init,
    .learn = dgm_learn,
    .predict = dgm_predict,
};
