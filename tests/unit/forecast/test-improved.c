/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-improved.c - OGM(1,N), GMC(1,N) and the least squares below them
 *
 * gmc12_tien_tensile was computed by others (CRAN Greymodels under R), the
 * series of ogm13_exact are made by the equation itself: tests/data/grey.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "forecast/grey-improved.h"
#include "forecast/least-squares.h"

static JsonObject *
load(const char *name)
{
    g_autofree char *path =
        g_strdup_printf("%s/grey/%s.json", TEST_DATA_DIR, name);
    g_autofree char *text = NULL;
    gsize length;
    JsonObject *object;

    cr_assert(g_file_get_contents(path, &text, &length, NULL), "%s", path);
    object = jobj_parse(text, length, NULL);
    cr_assert(object, "%s", path);
    return object;
}

static double
item(JsonObject *array, size_t i)
{
    cr_assert_lt(i, json_object_array_length(array));
    return json_object_get_double(json_object_array_get_idx(array, i));
}

static double
number(JsonObject *object, const char *path)
{
    Known value = jobj_get_known(object, path);

    cr_assert(value.known, "%s", path);
    return value.value;
}

Test(improved, gmc12_as_others_computed_it)
{
    g_autoptr(JsonObject) vector = load("gmc12_tien_tensile");
    JsonObject *y = jobj_get(vector, "y");
    JsonObject *x = json_object_array_get_idx(jobj_get(vector, "X"), 0);
    size_t n = json_object_array_length(y), all = json_object_array_length(x);
    double rows[16][2], drivers[16], values[16];
    static const char *const names[][2] = {
        [GMC_TRAPEZOID] = { "gmc_trapezoid", "published.R_gmc12" },
        [GMC_GAUSS] = { "gmc_gauss", "published.R_gmcg12" },
    };
    GmcModel model;

    cr_assert_eq(n, 6);
    cr_assert_eq(all, 10);
    for (size_t k = 0; k < n; k++) {
        rows[k][0] = item(y, k);
        rows[k][1] = item(x, k);
    }
    for (size_t k = 0; k < all; k++) {
        drivers[k] = item(x, k);
    }
    cr_assert(gmc_fit(rows[0], n, 2, &model));
    cr_assert_float_eq(model.a, number(vector, "a"), 1e-9);
    cr_assert_float_eq(model.b[0], item(jobj_get(vector, "b"), 0), 1e-9);
    cr_assert_float_eq(model.u, number(vector, "u"), 1e-6);
    for (GmcRule rule = GMC_TRAPEZOID; rule <= GMC_GAUSS; rule++) {
        gmc_response(&model, rows[0][0], drivers, all, rule, values);
        for (size_t k = 0; k < all; k++) {
            cr_assert_float_eq(values[k],
                               item(jobj_get(vector, names[rule][0]), k), 1e-8,
                               "%s %zu: %.12g", names[rule][0], k, values[k]);
            cr_assert_float_eq(values[k],
                               item(jobj_get(vector, names[rule][1]), k), 1e-8);
        }
    }
}

Test(improved, ogm13_gets_its_own_parameters_back)
{
    g_autoptr(JsonObject) vector = load("ogm13_exact");
    JsonObject *y = jobj_get(vector, "y"), *x = jobj_get(vector, "X");
    size_t n = json_object_array_length(y);
    double rows[16][3] = { 0 }, next;
    OgmModel model;

    for (size_t k = 0; k < n; k++) {
        rows[k][0] = item(y, k);
        rows[k][1] = item(json_object_array_get_idx(x, 0), k);
        rows[k][2] = item(json_object_array_get_idx(x, 1), k);
    }
    cr_assert(ogm_fit(rows[0], n, 3, 0.0, &model));
    cr_assert_float_eq(model.a, number(vector, "true.a"), 1e-11);
    cr_assert_float_eq(model.b[0], item(jobj_get(vector, "true.b"), 0), 1e-11);
    cr_assert_float_eq(model.b[1], item(jobj_get(vector, "true.b"), 1), 1e-11);
    cr_assert_float_eq(model.h1, item(jobj_get(vector, "true.h"), 0), 1e-11);
    cr_assert_float_eq(model.h2, item(jobj_get(vector, "true.h"), 1), 1e-11);

    /* fitted to all but the last row it forecasts that one exactly */
    cr_assert(ogm_fit(rows[0], n - 1, 3, 0.0, &model));
    cr_assert(ogm_next(&model, rows[n - 2][0], rows[n - 1] + 1, &next));
    cr_assert_float_eq(next, rows[n - 1][0], 1e-9);
}

Test(improved, ogm_without_full_rank_is_none_and_with_ridge_persistence)
{
    double rows[6][3], next;
    OgmModel model;

    for (size_t k = 0; k < 6; k++) {
        rows[k][0] = 100.0;
        rows[k][1] = 2.0; /* the same ramp as the trend, accumulated */
        rows[k][2] = 5.0;
    }
    cr_assert_not(ogm_fit(rows[0], 6, 3, 0.0, &model));
    cr_assert_not(ogm_fit(rows[0], 4, 3, 0.1, &model));
    cr_assert(ogm_fit(rows[0], 6, 3, 0.1, &model));
    cr_assert(ogm_next(&model, 100.0, rows[5] + 1, &next));
    cr_assert_float_eq(next, 100.0, 5.0, "%g", next);
}

Test(improved, scaling_the_series_scales_the_forecast)
{
    double rows[8][2], scaled[8][2], next, scaled_next, driver = 4.0;
    OgmModel model, scaled_model;

    for (size_t k = 0; k < 8; k++) {
        rows[k][0] = 50.0 + 7.0 * (double)((k * 5) % 8);
        rows[k][1] = 1.0 + (double)((k * 3) % 8);
        scaled[k][0] = 1000.0 * rows[k][0];
        scaled[k][1] = rows[k][1];
    }
    cr_assert(ogm_fit(rows[0], 8, 2, 0.01, &model));
    cr_assert(ogm_fit(scaled[0], 8, 2, 0.01, &scaled_model));
    cr_assert(ogm_next(&model, rows[7][0], &driver, &next));
    cr_assert(ogm_next(&scaled_model, scaled[7][0], &driver, &scaled_next));
    cr_assert_float_eq(scaled_next, 1000.0 * next, 1e-6 * fabs(scaled_next));
}

/* Against the definition: the residual is orthogonal to every column. */
Test(improved, least_squares_residual_is_orthogonal)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(5);

    for (unsigned run = 0; run < 100; run++) {
        enum { ROWS = 12, COLUMNS = 5 };
        double matrix[ROWS * COLUMNS], right[ROWS], x[COLUMNS];
        double copy[ROWS * COLUMNS], rest[ROWS], scale;

        for (size_t j = 0; j < COLUMNS; j++) {
            scale = pow(10.0, 3.0 * (double)j - 6.0);
            for (size_t i = j * ROWS; i < (j + 1) * ROWS; i++) {
                matrix[i] = copy[i] = g_rand_double_range(rand, -1, 1) * scale;
            }
        }
        for (size_t i = 0; i < ROWS; i++) {
            right[i] = rest[i] = g_rand_double_range(rand, -1, 1);
        }
        cr_assert(least_squares(copy, right, ROWS, COLUMNS, 1e-10, x));
        for (size_t j = 0; j < COLUMNS; j++) {
            for (size_t i = 0; i < ROWS; i++) {
                rest[i] -= matrix[j * ROWS + i] * x[j];
            }
        }
        for (size_t j = 0; j < COLUMNS; j++) {
            double dot = 0.0;

            scale = pow(10.0, 3.0 * (double)j - 6.0);
            for (size_t i = 0; i < ROWS; i++) {
                dot += matrix[j * ROWS + i] * rest[i] / scale;
            }
            cr_assert_float_eq(dot, 0.0, 1e-10);
        }
    }
}

Test(improved, least_squares_refuses_dependent_columns)
{
    double matrix[] = { 1, 2, 3, 4, 2, 4, 6, 8 }, right[] = { 1, 1, 1, 1 };
    double zero[] = { 0, 0, 0, 0 }, nan[] = { 1, NAN, 1, 1 };
    double x[2] = { -7.0, -7.0 };

    cr_assert_not(least_squares(matrix, right, 4, 2, 1e-10, x));
    cr_assert_not(least_squares(zero, right, 4, 1, 1e-10, x));
    cr_assert_not(least_squares(nan, right, 4, 1, 1e-10, x));
    cr_assert_eq(x[0], -7.0);
}
