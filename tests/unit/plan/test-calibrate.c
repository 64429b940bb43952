/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-calibrate.c - samples made from a formula give it back
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

#include "plan/calibrate.h"

#define HEADER                                                                 \
    "fold,memory_bytes,hot_bytes,hot_bytes_s,cold_bytes_s,rate_bytes_s,"       \
    "both_ways_milli,shared_milli,took_ms\n"

/* factor 1.1, both ways 0.05, shared 0.2, dirty 0.5, extra 100 MB; every tenth
 * takes three times as long for no reason */
static GArray *
make_samples(guint n, bool outliers)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);
    GArray *samples = g_array_new(FALSE, TRUE, sizeof(PlanSample));

    for (guint i = 0; i < n; i++) {
        PlanSample s = { .fold = i % 7 };
        double once, again;

        s.guest.memory_bytes =
            (uint64_t)g_rand_int_range(rand, 500, 4000) * 1000000;
        s.guest.hot_bytes = (uint64_t)g_rand_int_range(rand, 0, 200) * 1000000;
        s.guest.hot_bytes_s = s.guest.hot_bytes;
        s.rate_bytes_s = (uint64_t)g_rand_int_range(rand, 40, 125) * 1000000;
        s.both_ways = g_rand_double(rand);
        s.shared = 2 * g_rand_double(rand);
        once = (double)s.guest.memory_bytes / (double)s.rate_bytes_s;
        again = plan_duration(&s.guest, s.rate_bytes_s, 0.3).time_s - once;
        s.took_s = once * (1.1 + 0.05 * s.both_ways + 0.2 * s.shared) +
                   0.5 * again + 1e8 / (double)s.rate_bytes_s;
        s.took_s *= outliers && i % 10 == 0 ? 3 : 1;
        g_array_append_val(samples, s);
    }
    return samples;
}

Test(calibrate, gives_the_formula_back)
{
    for (int outliers = 0; outliers < 2; outliers++) {
        g_autoptr(GArray) samples = make_samples(300, outliers);
        PlanCalibration c = plan_calibrate(samples, 0.3);

        cr_assert_float_eq(c.factor, 1.1, 0.002, "%g", c.factor);
        cr_assert_float_eq(c.both_ways, 0.05, 0.002, "%g", c.both_ways);
        cr_assert_float_eq(c.shared, 0.2, 0.002, "%g", c.shared);
        cr_assert_float_eq(c.dirty, 0.5, 0.02, "%g", c.dirty);
        cr_assert_float_eq(c.extra_bytes, 1e8, 2e6, "%g", c.extra_bytes);
        cr_assert_eq(c.n_folds, 7);
        /* a third of each outlier's time is predicted */
        cr_assert_float_eq(c.error, outliers ? 0.0667 : 0, 0.001, "%g",
                           c.error);
        cr_assert_gt(c.error_class, 0.2);
        cr_assert_gt(c.error_raw, 0.1);
    }
}

/* What does not vary has no coefficient of its own. */
Test(calibrate, alike)
{
    static const char text[] =
        HEADER "0,1000000000,0,0,0,100000000,0,0,12000\n"
               "0,1000000000,0,0,0,100000000,0,0,12000\n";
    g_autoptr(GArray) samples =
        plan_samples_read((PlanText){ text, strlen(text) }, NULL);
    PlanCalibration c = plan_calibrate(samples, 0.3);

    cr_assert_float_eq(c.factor, 1.2, 1e-9);
    cr_assert_eq(c.extra_bytes, 0);
    cr_assert_float_eq(c.error, 0, 1e-9);
    cr_assert(isfinite(c.error_class) && isfinite(c.bias));
}

typedef struct WrongCase {
    char text[240];
    char want[64];
} WrongCase;

ParameterizedTestParameters(calibrate, wrong)
{
    static WrongCase cases[] = {
        { "", "is expected" },
        { "fold,took_ms\n", "is expected" },
        { HEADER, "no samples" },
        { HEADER "0,1,0,0,0,1,0,0\n", "took_ms is missing" },
        { HEADER "0,1,2,0,0,1,0,0,1\n", "hot_bytes" },
        { HEADER "0,1,0,0,0,0,0,0,1\n", "rate_bytes_s" },
        { HEADER "0,1,0,0,0,1,0,0,1,1\n", "there is more" },
    };

    return cr_make_param_array(WrongCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(WrongCase *c, calibrate, wrong)
{
    g_autoptr(GError) error = NULL;

    cr_assert_null(
        plan_samples_read((PlanText){ c->text, strlen(c->text) }, &error));
    cr_assert(strstr(error->message, c->want), "%s", error->message);
}
