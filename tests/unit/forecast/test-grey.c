/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-grey.c - what grey models must do whatever the numbers
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

#include "forecast/grey.h"

static void
expect(const char *what, double got, double want, double tolerance)
{
    cr_assert(fabs(got - want) <= tolerance * fmax(1e-300, fabs(want)),
              "%s: got %.15g, want %.15g", what, got, want);
}

/* x1 from the grey equation itself: x1(k) (1 + a/2) = driven - a X_1(k-1) */
static void
generate(double *rows, size_t n, size_t n_cols, double a, const double *b,
         double first)
{
    double x1_sum = first, sums[8] = { 0 };

    rows[0] = first;
    for (size_t k = 0; k < n; k++) {
        double driven = n_cols == 1 ? b[0] : 0.0;

        for (size_t i = 1; i < n_cols; i++) {
            sums[i] += rows[k * n_cols + i];
            driven += b[i - 1] * sums[i];
        }
        if (k > 0) {
            rows[k * n_cols] = (driven - a * x1_sum) / (1.0 + a / 2.0);
            x1_sum += rows[k * n_cols];
        }
    }
}

typedef struct {
    double a;
    double b;
    double first;
} ChosenCase;

ParameterizedTestParameters(grey, chosen_coefficients_come_back)
{
    static ChosenCase cases[] = {
        { 0.3, 900.0, 1200.0 }, { -0.2, 50.0, 80.0 },    { 1.5, 1e6, 2e6 },
        { 1e-9, 5.0, 5.0 },     { -0.01, 1e-3, 1.2e-3 },
    };

    return cr_make_param_array(ChosenCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(ChosenCase *chosen, grey, chosen_coefficients_come_back)
{
    g_autoptr(GreyModel) model = grey_new(16, 3);
    double rows[12 * 3], b[2] = { chosen->b, -0.4 * chosen->b };

    generate(rows, 10, 1, chosen->a, b, chosen->first);
    cr_assert(grey_fit(model, rows, 10, 1, NULL));
    cr_assert_float_eq(grey_a(model), chosen->a, 1e-9);
    expect("b", grey_b(model, 2), chosen->b, 1e-9);

    for (size_t k = 0; k < 12; k++) {
        rows[k * 3 + 1] = 3.0 + sin((double)k);
        rows[k * 3 + 2] = 2.0 + cos(2.0 * (double)k);
    }
    generate(rows, 12, 3, chosen->a, b, chosen->first);
    cr_assert(grey_fit(model, rows, 12, 3, NULL));
    cr_assert_float_eq(grey_a(model), chosen->a, 1e-8);
    expect("b2", grey_b(model, 2), b[0], 1e-8);
    expect("b3", grey_b(model, 3), b[1], 1e-8);
}

Test(grey, geometric_series_has_a_of_its_ratio)
{
    g_autoptr(GreyModel) model = grey_new(16, 1);
    static const double ratios[] = { 0.3, 0.66, 0.99, 1.01, 1.4, 3.0 };

    for (size_t r = 0; r < G_N_ELEMENTS(ratios); r++) {
        double rows[8];

        for (size_t k = 0; k < 8; k++) {
            rows[k] = 7000.0 * pow(ratios[r], (double)k);
        }
        cr_assert(grey_fit(model, rows, 8, 1, NULL));
        expect("a", grey_a(model), -2.0 * (ratios[r] - 1.0) / (ratios[r] + 1.0),
               1e-9);
    }
}

/* The sign rule: a growing series has a < 0 in GM(1,1) ... */
Test(grey, growth_is_negative_a_in_gm11)
{
    g_autoptr(GreyModel) model = grey_new(8, 1);
    static const double up[] = { 10, 12, 15, 18, 24 };
    static const double down[] = { 24, 18, 15, 12, 10 };

    cr_assert(grey_fit(model, up, 5, 1, NULL));
    cr_assert_lt(grey_a(model), 0.0);
    cr_assert(grey_fit(model, down, 5, 1, NULL));
    cr_assert_gt(grey_a(model), 0.0);
}

/* ... but not in GM(1,N): the same growth, driven, has a > 0. */
Test(grey, growth_may_have_positive_a_in_gm1n)
{
    g_autoptr(GreyModel) model = grey_new(8, 2);
    static const double b[] = { 0.9 };
    double rows[12];

    for (size_t k = 0; k < 6; k++) {
        rows[k * 2 + 1] = 5.0 * pow(1.3, (double)k);
    }
    generate(rows, 6, 2, 1.2, b, 3.0);
    for (size_t k = 2; k < 6; k++) {
        cr_assert_gt(rows[k * 2], rows[(k - 1) * 2]);
    }
    cr_assert(grey_fit(model, rows, 6, 2, NULL));
    expect("a", grey_a(model), 1.2, 1e-9);
}

Test(grey, scaling_every_series_scales_the_forecast)
{
    g_autoptr(GreyModel) model = grey_new(16, 3);
    static const double scales[] = { 1e-6, 1e3, 1e12 };
    double rows[30], scaled[30], next[2] = { 3.1, 0.7 }, plain, other;
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        rows[i] = g_rand_double_range(rand, 1.0, 9.0);
    }
    for (size_t s = 0; s < G_N_ELEMENTS(scales); s++) {
        double scaled_next[2] = { next[0] * scales[s], next[1] * scales[s] };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
            scaled[i] = rows[i] * scales[s];
        }
        cr_assert(grey_fit(model, rows, 10, 3, NULL));
        cr_assert(grey_forecast(model, next, 1, &plain, NULL));
        cr_assert(grey_fit(model, scaled, 10, 3, NULL));
        cr_assert(grey_forecast(model, scaled_next, 1, &other, NULL));
        expect("GM(1,3)", other, plain * scales[s], 1e-8);

        cr_assert(grey_fit(model, rows, 10, 1, NULL));
        cr_assert(grey_forecast(model, NULL, 1, &plain, NULL));
        cr_assert(grey_fit(model, scaled, 10, 1, NULL));
        cr_assert(grey_forecast(model, NULL, 1, &other, NULL));
        expect("GM(1,1)", other, plain * scales[s], 1e-8);
    }
}

Test(grey, constant_series_is_forecast_as_such)
{
    g_autoptr(GreyModel) model = grey_new(8, 1);
    static const double rows[] = { 512, 512, 512, 512, 512 };
    double fitted[5], next[3];

    cr_assert(grey_fit(model, rows, 5, 1, NULL));
    cr_assert_float_eq(grey_a(model), 0.0, 1e-12);
    cr_assert(grey_fitted(model, fitted, NULL));
    cr_assert(grey_forecast(model, NULL, 3, next, NULL));
    for (size_t k = 0; k < 3; k++) {
        expect("fitted", fitted[k], 512.0, 1e-9);
        expect("next", next[k], 512.0, 1e-9);
    }
}

/* No constant term: a constant series with a constant driver has one
 * representation only, an extreme one. */
Test(grey, constant_with_constant_driver_is_a_of_two)
{
    g_autoptr(GreyModel) model = grey_new(8, 2);
    static const double rows[] = { 30, 6, 30, 6, 30, 6, 30, 6, 30, 6 };

    cr_assert(grey_fit(model, rows, 5, 2, NULL));
    expect("a", grey_a(model), 2.0, 1e-9);
    expect("b2", grey_b(model, 2), 10.0, 1e-9);
}

typedef struct {
    char what[40];
    unsigned n_rows;
    unsigned n_cols;
    double rows[24];
    int code;
} AbstainCase;

ParameterizedTestParameters(grey, abstains)
{
    static AbstainCase cases[] = {
        { "no rows", 0, 1, { 0 }, GREY_ERROR_SHORT },
        { "GM(1,1) of three", 3, 1, { 3, 2, 1 }, GREY_ERROR_SHORT },
        { "GM(1,3) of three",
          3,
          3,
          { 1, 2, 3, 4, 5, 6, 7, 8, 1 },
          GREY_ERROR_SHORT },
        { "zeros", 5, 1, { 0 }, GREY_ERROR_SINGULAR },
        { "x1 all zero",
          4,
          2,
          { 0, 1, 0, 2, 0, 1, 0, 3 },
          GREY_ERROR_SINGULAR },
        { "driver all zero",
          4,
          2,
          { 5, 0, 4, 0, 3, 0, 2, 0 },
          GREY_ERROR_SINGULAR },
        { "drivers the same",
          4,
          3,
          { 5, 1, 1, 4, 2, 2, 3, 1, 1, 2, 4, 4 },
          GREY_ERROR_SINGULAR },
        { "drivers both constant",
          5,
          3,
          { 5, 1, 7, 4, 1, 7, 3, 1, 7, 2, 1, 7, 3, 1, 7 },
          GREY_ERROR_SINGULAR },
        { "not a number", 4, 1, { 4, NAN, 3, 2 }, GREY_ERROR_RANGE },
        { "infinite driver",
          4,
          2,
          { 4, 1, 3, INFINITY, 3, 1, 2, 1 },
          GREY_ERROR_RANGE },
        { "sum overflows", 4, 1, { 1e308, 1e308, 1e308, 1 }, GREY_ERROR_RANGE },
    };

    return cr_make_param_array(AbstainCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(AbstainCase *ac, grey, abstains)
{
    g_autoptr(GreyModel) model = grey_new(8, 3);
    g_autoptr(GError) error = NULL;

    cr_assert_not(grey_fit(model, ac->rows, ac->n_rows, ac->n_cols, &error),
                  "%s was fitted", ac->what);
    cr_assert(g_error_matches(error, GREY_ERROR, ac->code), "%s: %s", ac->what,
              error->message);
}

Test(grey, forecast_out_of_range_is_an_error)
{
    g_autoptr(GreyModel) model = grey_new(8, 1);
    g_autoptr(GError) error = NULL;
    static const double rows[] = { 1, 1e3, 1e6, 1e9, 1e12 };
    double values[GREY_MAX_ROWS];

    values[0] = -1.0;
    cr_assert(grey_fit(model, rows, 5, 1, NULL));
    cr_assert(grey_a(model) < -1.9);
    for (size_t steps = 1; steps <= GREY_MAX_ROWS; steps *= 2) {
        if (!grey_forecast(model, NULL, steps, values, &error)) {
            cr_assert(g_error_matches(error, GREY_ERROR, GREY_ERROR_RANGE));
            return;
        }
        cr_assert(isfinite(values[steps - 1]));
    }
}

/* Whatever goes in, comes out a finite number or an error. */
Test(grey, random_input_never_yields_nan)
{
    g_autoptr(GreyModel) model = grey_new(16, 6);
    g_autoptr(GRand) rand = g_rand_new_with_seed(20171);
    unsigned fits = 0, refusals = 0;

    for (unsigned round = 0; round < 20000; round++) {
        size_t n_cols = (size_t)g_rand_int_range(rand, 1, 7);
        size_t n_rows = (size_t)g_rand_int_range(rand, 1, 17);
        double rows[16 * 6], next[5], fitted[16], forecast = 0.0;
        g_autoptr(GError) error = NULL;
        GreyCorrection correction;

        for (size_t i = 0; i < n_rows * n_cols; i++) {
            switch (g_rand_int_range(rand, 0, 6)) {
            case 0:
                rows[i] = 0.0;
                break;
            case 1:
                rows[i] = 5.0;
                break;
            case 2:
                rows[i] = pow(10.0, g_rand_double_range(rand, -320.0, 305.0));
                break;
            default:
                rows[i] = g_rand_double_range(rand, -10.0, 1000.0);
                break;
            }
        }
        for (size_t i = 0; i < 5; i++) {
            next[i] = g_rand_double_range(rand, 0.0, 1000.0);
        }
        if (!grey_fit(model, rows, n_rows, n_cols, &error)) {
            cr_assert(error);
            refusals++;
            continue;
        }
        cr_assert(isfinite(grey_a(model)));
        cr_assert(isfinite(grey_condition(model)));
        if (!grey_forecast(model, next, 1, &forecast, &error)) {
            cr_assert(error);
            refusals++;
            continue;
        }
        cr_assert(isfinite(forecast));
        fits++;
        if (grey_fitted(model, fitted, NULL)) {
            for (size_t k = 0; k < n_rows; k++) {
                cr_assert(isfinite(fitted[k]));
                fitted[k] = rows[k * n_cols] - fitted[k];
            }
            grey_residual(model, fitted, n_rows, &correction);
            cr_assert(isfinite(correction.next));
        }
    }
    cr_assert_gt(fits, 1000);
    cr_assert_gt(refusals, 1000);
}
