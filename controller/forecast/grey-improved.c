/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * grey-improved.c - OGM(1,N) and GMC(1,N)
 *
 * OGM(1,N) (Zeng et al., Engineering Applications of Artificial Intelligence
 * 55, 2016): the difference equation that is fitted is also the one that
 * forecasts. Of two neighbouring equations the difference is
 *
 *     (1 + a/2) x1(k) = (1 - a/2) x1(k-1) + sum b_i x_i(k) + h1,
 *
 * so that a = 0, b = 0, h1 = 0 says "as last time": that is where the ridge
 * pulls to. Ridge rows stand below the matrix, for B'B is never formed.
 *
 * GMC(1,N) (Tien, Applied Mathematics and Computation 218, 2012) solves
 * dX_1/dt + a X_1 = f(t), f(t) = sum b_i X_i(t) + u, by convolution:
 *
 *     X^_1(t) = x1(1) e^(-a(t-1)) + integral from 1 to t of e^(-a(t-s)) f(s)
 *
 * with the integral by trapezoids, or f at its mean over each unit of time and
 * the kernel in its middle ("Gauss").
 */
#include "forecast/grey-improved.h"

#include <math.h>
#include <string.h>

#include <glib.h>

#include "forecast/least-squares.h"

#define TOLERANCE 1e-10
#define LEAST_DENOMINATOR 0.05
#define MOST_UNKNOWNS (GREY_IMPROVED_MAX_COLS + 2)

G_STATIC_ASSERT(MOST_UNKNOWNS <= LEAST_SQUARES_MOST_COLUMNS);

/* Solve for unknowns that stand in columns of @m rows each, of which the last
 * @free ones are not pulled to zero. */
static bool
solve(double *matrix, double *right, size_t m, size_t n, size_t free_columns,
      double ridge, double *solution)
{
    double wide[(GREY_IMPROVED_MAX_ROWS + MOST_UNKNOWNS) * MOST_UNKNOWNS];
    double long_right[GREY_IMPROVED_MAX_ROWS + MOST_UNKNOWNS];
    size_t pulled = n - free_columns, rows;

    if (ridge <= 0.0) {
        return m >= n &&
               least_squares(matrix, right, m, n, TOLERANCE, solution);
    }
    rows = m + pulled;
    if (rows < n) {
        return false;
    }
    memset(wide, 0, rows * n * sizeof(*wide));
    memcpy(long_right, right, m * sizeof(*right));
    for (size_t j = 0; j < n; j++) {
        double square = 0.0;

        memcpy(wide + j * rows, matrix + j * m, m * sizeof(*matrix));
        for (size_t i = 0; i < m; i++) {
            square += matrix[j * m + i] * matrix[j * m + i];
        }
        if (j < pulled) {
            wide[j * rows + m + j] = sqrt(ridge * square);
            long_right[m + j] = 0.0;
        }
    }
    return least_squares(wide, long_right, rows, n, TOLERANCE, solution);
}

bool
ogm_fit(const double *rows, size_t n_rows, size_t n_cols, double ridge,
        OgmModel *model)
{
    double matrix[GREY_IMPROVED_MAX_ROWS * MOST_UNKNOWNS];
    double right[GREY_IMPROVED_MAX_ROWS], solution[MOST_UNKNOWNS];
    double sums[GREY_IMPROVED_MAX_COLS];
    size_t m = n_rows - 1, n = n_cols + 2;

    g_assert(n_cols >= 1 && n_cols <= GREY_IMPROVED_MAX_COLS);
    g_assert(n_rows <= GREY_IMPROVED_MAX_ROWS);
    if (n_rows < 5) {
        return false;
    }

    memcpy(sums, rows, n_cols * sizeof(*sums));
    for (size_t k = 1; k < n_rows; k++) {
        const double *row = rows + k * n_cols;

        matrix[k - 1] = -(sums[0] + 0.5 * row[0]);
        for (size_t i = 0; i < n_cols; i++) {
            sums[i] += row[i];
        }
        for (size_t i = 1; i < n_cols; i++) {
            matrix[i * m + k - 1] = sums[i];
        }
        matrix[n_cols * m + k - 1] = (double)k;
        matrix[(n_cols + 1) * m + k - 1] = 1.0;
        right[k - 1] = row[0];
    }
    if (!solve(matrix, right, m, n, 1, ridge, solution)) {
        return false;
    }
    *model = (OgmModel){ .n_cols = n_cols, .a = solution[0] };
    memcpy(model->b, solution + 1, (n_cols - 1) * sizeof(*model->b));
    model->h1 = solution[n_cols];
    model->h2 = solution[n_cols + 1];
    return true;
}

bool
ogm_next(const OgmModel *model, double last, const double *drivers,
         double *next)
{
    double sum = (1.0 - 0.5 * model->a) * last + model->h1;

    if (fabs(1.0 + 0.5 * model->a) < LEAST_DENOMINATOR) {
        return false;
    }
    for (size_t i = 0; i + 1 < model->n_cols; i++) {
        sum += model->b[i] * drivers[i];
    }
    *next = sum / (1.0 + 0.5 * model->a);
    return isfinite(*next);
}

bool
gmc_fit(const double *rows, size_t n_rows, size_t n_cols, GmcModel *model)
{
    double matrix[GREY_IMPROVED_MAX_ROWS * MOST_UNKNOWNS];
    double right[GREY_IMPROVED_MAX_ROWS], solution[MOST_UNKNOWNS];
    double sums[GREY_IMPROVED_MAX_COLS];
    size_t m = n_rows - 1, n = n_cols + 1;

    g_assert(n_cols >= 1 && n_cols <= GREY_IMPROVED_MAX_COLS);
    g_assert(n_rows <= GREY_IMPROVED_MAX_ROWS);
    if (n_rows < n_cols + 2) {
        return false;
    }

    memcpy(sums, rows, n_cols * sizeof(*sums));
    for (size_t k = 1; k < n_rows; k++) {
        const double *row = rows + k * n_cols;

        for (size_t i = 0; i < n_cols; i++) {
            double background = sums[i] + 0.5 * row[i];

            matrix[i * m + k - 1] = i == 0 ? -background : background;
            sums[i] += row[i];
        }
        matrix[n_cols * m + k - 1] = 1.0;
        right[k - 1] = row[0];
    }
    if (!solve(matrix, right, m, n, 1, 0.0, solution)) {
        return false;
    }
    *model = (GmcModel){ .n_cols = n_cols, .a = solution[0] };
    memcpy(model->b, solution + 1, (n_cols - 1) * sizeof(*model->b));
    model->u = solution[n_cols];
    return true;
}

void
gmc_response(const GmcModel *model, double first, const double *drivers,
             size_t n, GmcRule rule, double *values)
{
    double sums[GREY_IMPROVED_MAX_COLS] = { 0 };
    double fade = exp(-model->a), integral = 0.0, force = 0.0, total = first;
    double start = first; /* x1(1) e^(-a(t-1)) */

    for (size_t t = 0; t < n; t++) {
        double before = force, now;

        force = model->u;
        for (size_t i = 0; i + 1 < model->n_cols; i++) {
            sums[i] += drivers[t * (model->n_cols - 1) + i];
            force += model->b[i] * sums[i];
        }
        if (t == 0) {
            values[0] = first;
            continue;
        }
        if (rule == GMC_TRAPEZOID) {
            integral = fade * integral + 0.5 * (fade * before + force);
        } else {
            integral = fade * integral + sqrt(fade) * 0.5 * (before + force);
        }
        start *= fade;
        now = start + integral;
        values[t] = now - total;
        total = now;
    }
}
