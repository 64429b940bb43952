/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * grey.h - grey models GM(1,1) and GM(1,N)
 *
 * docs/grey-model.md derives what is computed here, with the same symbols.
 * A model is a workspace that is made once and fitted as often as there is a
 * new row: fitting and forecasting allocate nothing.
 */
#ifndef FORECAST_GREY_H
#define FORECAST_GREY_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#define GREY_ERROR (grey_error_quark())
GQuark grey_error_quark(void);
typedef enum {
    GREY_ERROR_SHORT,    /* fewer rows than the model needs */
    GREY_ERROR_SINGULAR, /* columns that are zero or depend on each other */
    GREY_ERROR_RANGE,    /* a sample is not finite, or a result would not be */
} GreyError;

#define GREY_MAX_ROWS 256
#define GREY_MAX_COLS 16
#define GREY_MIN_ROWS 4 /* of GM(1,1), and of a residual tail */

typedef struct GreyModel GreyModel;

/**
 * grey_new() - A workspace for windows up to a given size
 * @max_rows: At most GREY_MAX_ROWS
 * @max_cols: At most GREY_MAX_COLS, the predicted series included
 */
GreyModel *grey_new(size_t max_rows, size_t max_cols);
void grey_free(GreyModel *model);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GreyModel, grey_free)

/**
 * grey_fit() - Fit GM(1,N) to a window of samples, GM(1,1) if N = 1
 * @rows: Oldest first, row-major; column 0 is the predicted series x1, column
 *        i - 1 the driver x_i; copied
 * @n_rows: At least @n_cols + 1, and GREY_MIN_ROWS for one column
 * @n_cols: N
 * @error: Any GREY_ERROR
 *
 * Return: false if there is no such model; the workspace then holds none.
 */
bool grey_fit(GreyModel *model, const double *rows, size_t n_rows,
              size_t n_cols, GError **error);

/** grey_a() - Development coefficient of the fit. Growth is a < 0 for
 * GM(1,1); for GM(1,N) the sign of a says nothing about growth. */
double grey_a(const GreyModel *model);

/** grey_b() - Driving coefficient b_i, 2 <= @i <= N; b of GM(1,1): @i = 2 */
double grey_b(const GreyModel *model, size_t i);

/** grey_condition() - Of the scaled matrix that was solved, at least 1 */
double grey_condition(const GreyModel *model);

/**
 * grey_fitted() - Values of the fitted model on its own window
 * @fitted: As many as there were rows; [0] is the first sample itself
 */
bool grey_fitted(const GreyModel *model, double *fitted, GError **error);

/**
 * grey_forecast() - Values of the fitted model after its window
 * @drivers: What x_2 .. x_N will be, @steps rows of N - 1; NULL for GM(1,1)
 * @steps: How many
 * @forecast: Untouched on failure
 */
bool grey_forecast(const GreyModel *model, const double *drivers, size_t steps,
                   double *forecast, GError **error);

typedef struct GreyCorrection {
    size_t first;  /* k0: index of the first residual of the tail */
    size_t length; /* members of the tail, at least GREY_MIN_ROWS */
    int sign;      /* +1 or -1, of all of them */
    double next;   /* signed: add it to the forecast of the next step */
} GreyCorrection;

/**
 * grey_residual() - Correction out of the tail of the residuals
 * @model: Workspace; holds GM(1,1) of the tail's magnitudes afterwards, so
 *         grey_fitted() gives the corrections inside the tail, unsigned
 * @residuals: x1(k) - x^1(k), oldest first
 * @correction: Zero if there is none
 *
 * Return: false if the last residuals of one sign are fewer than
 * GREY_MIN_ROWS or cannot be modelled: nothing is to be corrected then.
 */
bool grey_residual(GreyModel *model, const double *residuals, size_t n,
                   GreyCorrection *correction);

#endif
