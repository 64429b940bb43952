/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * grey-improved.h - OGM(1,N) and GMC(1,N), what grey theory made of GM(1,N)
 *
 * Both add the constant that GM(1,N) lacks, and neither takes the sum of the
 * drivers for a constant when it solves the equation. Nothing is allocated.
 */
#ifndef FORECAST_GREY_IMPROVED_H
#define FORECAST_GREY_IMPROVED_H

#include <stdbool.h>
#include <stddef.h>

#define GREY_IMPROVED_MAX_ROWS 64
#define GREY_IMPROVED_MAX_COLS 8

typedef struct OgmModel {
    size_t n_cols;
    double a;                             /* development coefficient */
    double b[GREY_IMPROVED_MAX_COLS - 1]; /* of x2 .. xN */
    double h1, h2;                        /* trend and constant */
} OgmModel;

/**
 * ogm_fit() - Fit OGM(1,N): x1(k) + a Z(k) = sum b_i X_i(k) + h1 (k-1) + h2
 * @rows: Oldest first, row-major, column 0 is x1
 * @n_rows: At least 5; without ridge at least @n_cols + 3
 * @n_cols: N, at least 1
 * @ridge: Weight of the prior a = 0, b_i = 0, h1 = 0 in columns of length
 *         one; 0: plain least squares
 *
 * Return: false if there is no such model
 */
bool ogm_fit(const double *rows, size_t n_rows, size_t n_cols, double ridge,
             OgmModel *model);

/**
 * ogm_next() - The equation, differenced once and solved for the next x1
 * @last: x1 of the row before
 * @drivers: x2 .. xN of the next row
 *
 * Return: false where 1 + a/2 is too close to zero
 */
bool ogm_next(const OgmModel *model, double last, const double *drivers,
              double *next);

typedef enum { GMC_TRAPEZOID, GMC_GAUSS } GmcRule;

typedef struct GmcModel {
    size_t n_cols;
    double a;
    double b[GREY_IMPROVED_MAX_COLS - 1];
    double u; /* control coefficient */
} GmcModel;

/** gmc_fit() - Fit GMC(1,N): x1(k) + a Z_1(k) = sum b_i Z_i(k) + u. At least
 * @n_cols + 2 rows. Return: false if there is no such model */
bool gmc_fit(const double *rows, size_t n_rows, size_t n_cols, GmcModel *model);

/**
 * gmc_response() - Convolution of the drivers with e^(-a t)
 * @first: x1(1)
 * @drivers: x2 .. xN, @n rows of N - 1, also of those to forecast
 * @rule: How the integral over the drivers is taken
 * @values: @n values of x1, [0] is @first
 */
void gmc_response(const GmcModel *model, double first, const double *drivers,
                  size_t n, GmcRule rule, double *values);

#endif
