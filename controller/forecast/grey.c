/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * grey.c - grey models GM(1,1) and GM(1,N)
 *
 *     X_i(k)  = x_i(1) + .. + x_i(k)                      accumulate (1-AGO)
 *     Z(k)    = (X_1(k) + X_1(k-1)) / 2                   background, k >= 2
 *     x1(k) + a Z(k) = b                                  GM(1,1)
 *     x1(k) + a Z(k) = b_2 X_2(k) + .. + b_N X_N(k)       GM(1,N)
 *
 * The coefficients come from least squares over k = 2..S. The columns differ
 * by many orders of magnitude (pages beside fractions) and running sums of
 * steady factors are nearly the same ramp, so the normal matrix B'B is useless
 * in double precision: each column is divided by its length and LAPACK's
 * dgelsd decomposes B itself. A matrix without full rank gives no model.
 *
 * The time response has a in a denominator. Written with
 *
 *     phi(t) = (e^t - 1) / t,  phi(0) = 1
 *
 * it has none, and a constant series (a = 0) needs no case of its own:
 *
 *     GM(1,1):  x^1(k)  = (b - a x1(1)) phi(a) e^{-a (k-1)}
 *     GM(1,N):  X^_1(k) = x1(1) e^{-a (k-1)} + S(k) (k-1) phi(-a (k-1)),
 *               S(k) = b_2 X_2(k) + .. + b_N X_N(k)
 */
#include "forecast/grey.h"

#include <lapacke.h>
#include <math.h>
#include <string.h>

/* Singular values of the scaled matrix below this share of the largest count
 * as none: three digits above rounding, far below any honest column. */
#define RANK_TOLERANCE 1e-12

struct GreyModel {
    size_t max_rows, max_cols;
    size_t n_rows, n_cols; /* of the window fitted, 0: no model */
    double *sums;          /* X_i(k), row-major n_rows x n_cols */
    double x1_first;       /* x1(1) */
    double a;
    double b[GREY_MAX_COLS];
    double condition;
    /* workspace of dgelsd, column-major */
    double *matrix, *right;
    double scale[GREY_MAX_COLS], singular[GREY_MAX_COLS];
    double *work;
    lapack_int *iwork;
    lapack_int work_size;
};

G_DEFINE_QUARK(vmferry_grey_error, grey_error)

/* e^t - 1 over t, continued through 0 */
static double
phi(double t)
{
    return t == 0.0 ? 1.0 : expm1(t) / t;
}

static size_t
unknowns(size_t n_cols)
{
    return n_cols == 1 ? 2 : n_cols;
}

GreyModel *
grey_new(size_t max_rows, size_t max_cols)
{
    GreyModel *model = g_new0(GreyModel, 1);
    lapack_int work_size = 1, iwork_size = 1;

    g_assert(max_rows >= GREY_MIN_ROWS && max_rows <= GREY_MAX_ROWS);
    g_assert(max_cols >= 1 && max_cols <= GREY_MAX_COLS);

    model->max_rows = max_rows;
    model->max_cols = max_cols;
    model->sums = g_new0(double, max_rows *max_cols);
    model->matrix = g_new0(double, max_rows *unknowns(max_cols));
    model->right = g_new0(double, MAX(max_rows, unknowns(max_cols)));

    /* What dgelsd asks for is not said to grow with the size: ask for all. */
    for (size_t n = 1; n <= unknowns(max_cols); n++) {
        for (size_t m = n; m <= max_rows; m++) {
            double want = 0.0;
            lapack_int iwant = 0, rank = 0;

            LAPACKE_dgelsd_work(LAPACK_COL_MAJOR, (lapack_int)m, (lapack_int)n,
                                1, model->matrix, (lapack_int)m, model->right,
                                (lapack_int)m, model->singular, RANK_TOLERANCE,
                                &rank, &want, -1, &iwant);
            work_size = MAX(work_size, (lapack_int)want);
            iwork_size = MAX(iwork_size, iwant);
        }
    }
    model->work_size = work_size;
    model->work = g_new0(double, work_size);
    model->iwork = g_new0(lapack_int, iwork_size);
    return model;
}

void
grey_free(GreyModel *model)
{
    if (!model) {
        return;
    }
    g_free(model->sums);
    g_free(model->matrix);
    g_free(model->right);
    g_free(model->work);
    g_free(model->iwork);
    g_free(model);
}

/* Divide a vector by its length, which is returned: 0 if it has none. The
 * largest member goes first, so that squares neither overflow nor vanish. */
static double
equilibrate(double *vector, size_t n)
{
    double largest = 0.0, squares = 0.0;

    for (size_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs(vector[i]));
    }
    if (largest == 0.0) {
        return 0.0;
    }
    for (size_t i = 0; i < n; i++) {
        double share = vector[i] / largest;
        squares += share * share;
    }
    for (size_t i = 0; i < n; i++) {
        vector[i] = vector[i] / largest / sqrt(squares);
    }
    return largest * sqrt(squares);
}

static bool
solve(GreyModel *model, size_t m, size_t n, GError **error)
{
    double right_scale;
    lapack_int rank = 0, info;

    for (size_t j = 0; j < n; j++) {
        model->scale[j] = equilibrate(model->matrix + j * m, m);
        if (model->scale[j] == 0.0) {
            g_set_error(error, GREY_ERROR, GREY_ERROR_SINGULAR,
                        "column %zu of the grey equation is all zero", j + 1);
            return false;
        }
    }
    right_scale = equilibrate(model->right, m);

    info = LAPACKE_dgelsd_work(
        LAPACK_COL_MAJOR, (lapack_int)m, (lapack_int)n, 1, model->matrix,
        (lapack_int)m, model->right, (lapack_int)m, model->singular,
        RANK_TOLERANCE, &rank, model->work, model->work_size, model->iwork);
    g_assert(info >= 0);
    if (info > 0 || rank < (lapack_int)n) {
        g_set_error(error, GREY_ERROR, GREY_ERROR_SINGULAR,
                    "the %zu columns of the grey equation depend on each "
                    "other: rank %d",
                    n, (int)rank);
        return false;
    }

    for (size_t j = 0; j < n; j++) {
        model->right[j] *= right_scale / model->scale[j];
        if (!isfinite(model->right[j])) {
            g_set_error(error, GREY_ERROR, GREY_ERROR_RANGE,
                        "coefficient %zu of the grey equation is out of range",
                        j + 1);
            return false;
        }
    }
    model->condition = model->singular[0] / model->singular[n - 1];
    return true;
}

bool
grey_fit(GreyModel *model, const double *rows, size_t n_rows, size_t n_cols,
         GError **error)
{
    size_t equations, n = unknowns(n_cols);
    size_t least = n_cols == 1 ? GREY_MIN_ROWS : n_cols + 1;

    g_assert(n_cols >= 1 && n_cols <= model->max_cols);
    g_assert(n_rows <= model->max_rows);

    model->n_rows = 0;
    if (n_rows < least) {
        g_set_error(error, GREY_ERROR, GREY_ERROR_SHORT,
                    "%zu rows are too few for GM(1,%zu), which needs %zu",
                    n_rows, n_cols, least);
        return false;
    }

    for (size_t i = 0; i < n_cols; i++) {
        double sum = 0.0;

        for (size_t k = 0; k < n_rows; k++) {
            /* The analyser loses that "first" stays below "n" in the tail. */
            /* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign) */
            sum += rows[k * n_cols + i];
            if (!isfinite(sum)) {
                g_set_error(error, GREY_ERROR, GREY_ERROR_RANGE,
                            "row %zu, column %zu of the window is not finite",
                            k + 1, i + 1);
                return false;
            }
            model->sums[k * n_cols + i] = sum;
        }
    }

    equations = n_rows - 1;
    for (size_t k = 1; k < n_rows; k++) {
        const double *now = model->sums + k * n_cols;
        const double *before = now - n_cols;

        model->matrix[k - 1] = -(0.5 * now[0] + 0.5 * before[0]);
        for (size_t j = 1; j < n; j++) {
            model->matrix[j * equations + k - 1] = n_cols == 1 ? 1.0 : now[j];
        }
        model->right[k - 1] = rows[k * n_cols];
    }
    if (!solve(model, equations, n, error)) {
        g_prefix_error(error, "window of %zu rows: ", n_rows);
        return false;
    }

    model->a = model->right[0];
    memcpy(model->b, model->right + 1, (n - 1) * sizeof(*model->b));
    model->x1_first = rows[0];
    model->n_rows = n_rows;
    model->n_cols = n_cols;
    return true;
}

double
grey_a(const GreyModel *model)
{
    g_assert(model->n_rows > 0);
    return model->a;
}

double
grey_b(const GreyModel *model, size_t i)
{
    g_assert(model->n_rows > 0);
    g_assert(i >= 2 && i <= unknowns(model->n_cols));
    return model->b[i - 2];
}

double
grey_condition(const GreyModel *model)
{
    g_assert(model->n_rows > 0);
    return model->condition;
}

/* x^1(k) of GM(1,1), k counted from 1 */
static double
response_single(const GreyModel *model, size_t k)
{
    if (k == 1) {
        return model->x1_first;
    }
    return (model->b[0] - model->a * model->x1_first) * phi(model->a) *
           exp(-model->a * (double)(k - 1));
}

/* X^_1(k) of GM(1,N); @sums holds X_2(k) .. X_N(k) */
static double
response_driven(const GreyModel *model, size_t k, const double *sums)
{
    double driven = 0.0, t = -model->a * (double)(k - 1);

    if (k == 1) {
        return model->x1_first;
    }
    for (size_t i = 0; i + 1 < model->n_cols; i++) {
        driven += model->b[i] * sums[i];
    }
    return model->x1_first * exp(t) + driven * (double)(k - 1) * phi(t);
}

static bool
check_finite(const double *values, size_t n, GError **error)
{
    for (size_t k = 0; k < n; k++) {
        if (!isfinite(values[k])) {
            g_set_error(error, GREY_ERROR, GREY_ERROR_RANGE,
                        "value %zu of the grey model is not finite", k + 1);
            return false;
        }
    }
    return true;
}

bool
grey_fitted(const GreyModel *model, double *fitted, GError **error)
{
    double values[GREY_MAX_ROWS], before = 0.0;

    g_assert(model->n_rows > 0);
    for (size_t k = 1; k <= model->n_rows; k++) {
        if (model->n_cols == 1) {
            values[k - 1] = response_single(model, k);
        } else {
            double now = response_driven(
                model, k, model->sums + (k - 1) * model->n_cols + 1);

            values[k - 1] = now - before;
            before = now;
        }
    }
    if (!check_finite(values, model->n_rows, error)) {
        return false;
    }
    memcpy(fitted, values, model->n_rows * sizeof(*fitted));
    return true;
}

bool
grey_forecast(const GreyModel *model, const double *drivers, size_t steps,
              double *forecast, GError **error)
{
    size_t n_drivers = model->n_cols - 1, k = model->n_rows;
    double values[GREY_MAX_ROWS], sums[GREY_MAX_COLS] = { 0 }, before = 0.0;

    g_assert(model->n_rows > 0);
    g_assert(steps <= GREY_MAX_ROWS);
    g_assert(drivers || n_drivers == 0);

    if (n_drivers > 0) {
        memcpy(sums, model->sums + (k - 1) * model->n_cols + 1,
               n_drivers * sizeof(*sums));
        before = response_driven(model, k, sums);
    }
    for (size_t step = 0; step < steps; step++) {
        k++;
        if (n_drivers == 0) {
            values[step] = response_single(model, k);
            continue;
        }
        for (size_t i = 0; i < n_drivers; i++) {
            sums[i] += drivers[step * n_drivers + i];
        }
        values[step] = response_driven(model, k, sums) - before;
        before += values[step];
    }
    if (!check_finite(values, steps, error)) {
        return false;
    }
    memcpy(forecast, values, steps * sizeof(*forecast));
    return true;
}

bool
grey_residual(GreyModel *model, const double *residuals, size_t n,
              GreyCorrection *correction)
{
    double tail[GREY_MAX_ROWS], next = 0.0;
    size_t first = n;
    int sign;

    *correction = (GreyCorrection){ 0 };
    model->n_rows = 0;
    if (n < GREY_MIN_ROWS || residuals[n - 1] == 0.0 ||
        isnan(residuals[n - 1])) {
        return false;
    }

    sign = residuals[n - 1] > 0.0 ? 1 : -1;
    while (first > 0 && sign * residuals[first - 1] > 0.0 &&
           n - first < model->max_rows) {
        first--;
    }
    for (size_t k = first; k < n; k++) {
        tail[k - first] = fabs(residuals[k]);
    }
    if (n - first < GREY_MIN_ROWS ||
        !grey_fit(model, tail, n - first, 1, NULL) ||
        !grey_forecast(model, NULL, 1, &next, NULL)) {
        model->n_rows = 0;
        return false;
    }
    *correction = (GreyCorrection){
        .first = first,
        .length = n - first,
        .sign = sign,
        .next = sign * next,
    };
    return true;
}
