/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * clock.c - times as they stand in records
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "base/clock.h"

typedef struct {
    char text[48];
    int64_t want_us; /* -1: refused */
    bool canonical;  /* as we write it */
} TimeCase;

ParameterizedTestParameters(clock, utc)
{
    static TimeCase cases[] = {
        { "1970-01-01T00:00:00.000000+00:00", 0, true },
        { "2026-03-01T12:00:00.123456+00:00", 1772366400123456, true },
        { "2024-02-29T23:59:59.999999+00:00", 1709251199999999, true },
        { "1969-12-31T23:59:59.500000+00:00", -500000, true },
        { "2026-03-01T12:00:00Z", 1772366400000000, false },
        { "2026-03-01T14:00:00.5+02:00", 1772366400500000, false },
        { "2026-03-01T06:30:00-05:30", 1772366400000000, false },
        { "", -1, false },
        { "2026-03-01", -1, false },
        { "2026-13-01T12:00:00Z", -1, false },
        { "2026-02-30T12:00:00Z", -1, false },
        { "2026-03-01T12:00:00", -1, false },
        { "2026-03-01T25:00:00Z", -1, false },
        { "yesterday", -1, false },
    };

    return cr_make_param_array(TimeCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(const TimeCase *c, clock, utc)
{
    g_autoptr(GError) error = NULL;
    int64_t wall_us = 4711;
    bool taken = clock_parse_utc(c->text, &wall_us, &error);

    cr_expect_eq(taken, c->want_us != -1, "'%s': %s", c->text,
                 error ? error->message : "taken");
    if (taken) {
        g_autofree char *text = clock_format_utc(wall_us);

        cr_expect_eq(wall_us, c->want_us, "'%s': %" G_GINT64_FORMAT, c->text,
                     wall_us);
        cr_expect_eq(g_strcmp0(text, c->text) == 0, c->canonical, "'%s': %s",
                     c->text, text);
    } else {
        cr_expect_eq(wall_us, 4711);
        cr_expect_eq(error->domain, CLOCK_ERROR);
    }
}

Test(clock, runs_forward)
{
    int64_t first_us = clock_mono_us();

    cr_expect_geq(clock_mono_us(), first_us);
    cr_expect_gt(clock_wall_us(), 1700000000000000);
}
