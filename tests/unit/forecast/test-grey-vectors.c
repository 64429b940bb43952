/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-grey-vectors.c - grey models against numbers that others published
 *
 * Each file of tests/data/grey is one case (SOURCE.txt there says whose). What
 * was recomputed must agree to 1e-9, what somebody printed rounded to 1e-4.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "forecast/grey.h"

#define EXACT 1e-9
#define PRINTED 1e-4

static JsonObject *
load(const char *name)
{
    g_autofree char *path =
        g_strdup_printf("%s/grey/%s.json", TEST_DATA_DIR, name);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    JsonObject *object;
    gsize length;

    cr_assert(g_file_get_contents(path, &text, &length, &error), "%s: %s", path,
              error ? error->message : "");
    object = jobj_parse(text, length, &error);
    cr_assert(object, "%s: %s", path, error ? error->message : "");
    return object;
}

static size_t
numbers(JsonObject *array, double *values, size_t max)
{
    size_t n = json_object_array_length(array);

    cr_assert(n <= max);
    for (size_t i = 0; i < n; i++) {
        values[i] = json_object_get_double(json_object_array_get_idx(array, i));
    }
    return n;
}

static void
expect(const char *what, double got, double want, double tolerance)
{
    cr_assert(fabs(got - want) <= tolerance * fmax(1e-300, fabs(want)),
              "%s: got %.15g, want %.15g", what, got, want);
}

/* Compare the array at @path, if the vector has one, with @got. */
static size_t
expect_array(JsonObject *vector, const char *path, const double *got, size_t n,
             double tolerance)
{
    JsonObject *array = jobj_get(vector, path);
    double want[64];
    size_t n_want;

    if (!array) {
        return 0;
    }
    n_want = numbers(array, want, G_N_ELEMENTS(want));
    cr_assert_leq(n_want, n, "%s has more values than were computed", path);
    for (size_t i = 0; i < n_want; i++) {
        expect(path, got[i], want[i], tolerance);
    }
    return n_want;
}

typedef struct {
    char name[40];
    /* members of "published" to compare, from which value on, how exact */
    char published[40];
    unsigned from;
    double tolerance;
} VectorCase;

ParameterizedTestParameters(grey_vectors, single)
{
    static VectorCase cases[] = {
        { "gm11_liu_textbook", "published.from_R_Greymodels_2_0_1", 0, EXACT },
        { "gm11_kalvar", "published.readme_fitted_k2_to_k6", 1, EXACT },
        { "gm11_kalvar", "published.readme_forecasts", 6, EXACT },
        { "gm11_mathmodels_r", "published.fitted", 0, PRINTED },
        { "gm11_mathmodels_r", "published.forecasts", 5, PRINTED },
        { "gm11_shanghai_energy", "published.from_R_Greymodels_2_0_1", 0,
          EXACT },
        { "gm11_cran_greymodel_series", "", 0, EXACT },
    };

    return cr_make_param_array(VectorCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(VectorCase *vc, grey_vectors, single)
{
    g_autoptr(JsonObject) vector = load(vc->name);
    g_autoptr(GreyModel) model = grey_new(32, 1);
    g_autoptr(GError) error = NULL;
    double x1[32], values[40];
    size_t n = numbers(jobj_get(vector, "x0"), x1, G_N_ELEMENTS(x1));
    double a, b;

    cr_assert(grey_fit(model, x1, n, 1, &error), "%s: %s", vc->name,
              error ? error->message : "");
    cr_assert(grey_fitted(model, values, NULL));
    cr_assert(grey_forecast(model, NULL, 4, values + n, NULL));

    cr_assert(jobj_get_double(vector, "a", &a));
    cr_assert(jobj_get_double(vector, "b", &b));
    expect("a", grey_a(model), a, EXACT);
    expect("b", grey_b(model, 2), b, EXACT);
    cr_assert_eq(expect_array(vector, "fitted", values, n, EXACT), n);
    cr_assert_gt(expect_array(vector, "forecast", values + n, 4, EXACT), 0);

    if (vc->published[0]) {
        cr_assert_gt(expect_array(vector, vc->published, values + vc->from,
                                  n + 4 - vc->from, vc->tolerance),
                     0);
    }
    if (jobj_get_double(vector, "published.textbook_rounded.a", &a)) {
        cr_assert_float_eq(grey_a(model), a, 5e-5);
    }
}

ParameterizedTestParameters(grey_vectors, driven)
{
    static VectorCase cases[] = {
        { "gm12_deng_textbook", "published.R_mathmodels_GM1N_fitted", 0,
          EXACT },
        { "gm13_exact", "", 0, EXACT },
        { "gm13_mathmodels_r", "published.fitted", 0, PRINTED },
        { "gm14_badly_scaled", "", 0, EXACT },
        { "gm15_kalvar_square", "published.R_mathmodels_GM1N_fitted", 0,
          EXACT },
    };

    return cr_make_param_array(VectorCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(VectorCase *vc, grey_vectors, driven)
{
    g_autoptr(JsonObject) vector = load(vc->name);
    g_autoptr(GreyModel) model = grey_new(32, 8);
    g_autoptr(GError) error = NULL;
    JsonObject *drivers = jobj_get(vector, "X"), *estimated;
    size_t n_cols = 1 + json_object_array_length(drivers), n;
    double column[32], rows[32 * 8], coefficients[8], fitted[32];

    n = numbers(jobj_get(vector, "y"), column, G_N_ELEMENTS(column));
    for (size_t i = 0; i < n_cols; i++) {
        if (i > 0) {
            JsonObject *driver = json_object_array_get_idx(drivers, i - 1);
            cr_assert_eq(numbers(driver, column, G_N_ELEMENTS(column)), n);
        }
        for (size_t k = 0; k < n; k++) {
            rows[k * n_cols + i] = column[k];
        }
    }

    cr_assert(grey_fit(model, rows, n, n_cols, &error), "%s: %s", vc->name,
              error ? error->message : "");
    cr_assert(grey_fitted(model, fitted, NULL));
    coefficients[0] = grey_a(model);
    for (size_t i = 2; i <= n_cols; i++) {
        coefficients[i - 1] = grey_b(model, i);
    }

    estimated = jobj_get(vector, "estimated");
    if (estimated) {
        double a = 0.0;

        cr_assert_eq(
            expect_array(vector, "estimated", coefficients, n_cols, EXACT),
            n_cols);
        cr_assert(jobj_get_double(vector, "true.a", &a));
        expect("true a", coefficients[0], a, EXACT);
        cr_assert_eq(
            expect_array(vector, "true.b", coefficients + 1, n_cols - 1, EXACT),
            n_cols - 1);
        return;
    }
    expect("a", coefficients[0], jobj_get_known(vector, "a").value, EXACT);
    cr_assert_eq(expect_array(vector, "b", coefficients + 1, n_cols - 1, EXACT),
                 n_cols - 1);
    cr_assert_eq(expect_array(vector, "fitted_time_response", fitted, n, EXACT),
                 n);
    if (vc->published[0]) {
        cr_assert_eq(
            expect_array(vector, vc->published, fitted, n, vc->tolerance), n);
    }
    if (jobj_get(vector, "wrong_on_purpose")) {
        /* what comes of the normal equations: it must not come here */
        double wrong[32];

        numbers(jobj_get(vector, "wrong_on_purpose.fitted"), wrong, 32);
        cr_assert_gt(fabs(fitted[1] - wrong[1]), 0.5 * fitted[1]);
    }
}

Test(grey_vectors, absolute_values_of_the_readme)
{
    g_autoptr(JsonObject) vector = load("gm15_kalvar_square");
    double printed[8], b[8];
    size_t n = numbers(jobj_get(vector, "published.abs_a_b2_b3_b4_b5"), printed,
                       G_N_ELEMENTS(printed));

    cr_assert_eq(n, 5);
    cr_assert_eq(numbers(jobj_get(vector, "b"), b, G_N_ELEMENTS(b)), 4);
    for (size_t i = 0; i < 4; i++) {
        expect("|b|", fabs(b[i]), printed[i + 1], EXACT);
    }
}

Test(grey_vectors, residual_tail)
{
    g_autoptr(JsonObject) vector = load("residual_tail");
    g_autoptr(GreyModel) model = grey_new(16, 1);
    GreyCorrection correction;
    double residuals[16];
    size_t n = numbers(jobj_get(vector, "residuals"), residuals, 16);

    cr_assert(grey_residual(model, residuals, n, &correction));
    cr_assert_eq(correction.first, n - 4);
    cr_assert_eq(correction.length, 4);
    cr_assert_eq(correction.sign, 1);
    expect("a", grey_a(model), jobj_get_known(vector, "tail_a").value, EXACT);
    expect("b", grey_b(model, 2), jobj_get_known(vector, "tail_b").value,
           EXACT);
    expect("next", correction.next,
           jobj_get_known(vector, "correction_next").value, EXACT);

    for (size_t i = 0; i < n; i++) {
        residuals[i] = -residuals[i];
    }
    cr_assert(grey_residual(model, residuals, n, &correction));
    cr_assert_eq(correction.sign, -1);
    expect("negated", correction.next,
           jobj_get_known(vector, "negated_correction").value, EXACT);

    n = numbers(jobj_get(vector, "too_short.residuals"), residuals, 16);
    cr_assert_not(grey_residual(model, residuals, n, &correction));
    cr_assert_eq(correction.next,
                 jobj_get_known(vector, "too_short.correction").value);
}
