/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-svg.c - scales, ticks, label places and escaping of the charts
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

#include "report/report-svg.h"

/* --- scales ------------------------------------------------------------- */

typedef struct {
    ChartScale scale;
    double value, want;
} ScaleCase;

ParameterizedTestParameters(svg, scale)
{
    static const ChartScale up = { 0, 50, 200, 0, false, 0 };
    static const ChartScale power = { 10, 1000, 100, 0, true, 120 };
    static ScaleCase cases[9];

    cases[0] = (ScaleCase){ up, 0, 200 };
    cases[1] = (ScaleCase){ up, 25, 100 };
    cases[2] = (ScaleCase){ up, 50, 0 };
    cases[3] = (ScaleCase){ up, 70, 0 }; /* never outside */
    cases[4] = (ScaleCase){ up, -3, 200 };
    cases[5] = (ScaleCase){ power, 10, 100 };
    cases[6] = (ScaleCase){ power, 100, 50 };
    cases[7] = (ScaleCase){ power, 0, 120 }; /* a line of its own */
    cases[8] = (ScaleCase){ power, 5, 100 };
    return cr_make_param_array(ScaleCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(ScaleCase *c, svg, scale)
{
    cr_assert_float_eq(chart_at(&c->scale, c->value), c->want, 1e-9, "%g",
                       c->value);
}

/* --- ticks -------------------------------------------------------------- */

typedef size_t (*TickFunction)(double high, size_t most, double *ticks);

static size_t
log_from_200(double high, size_t most, double *ticks)
{
    return chart_log_ticks(200, high, most, ticks);
}

enum { PLAIN, TIME, LOG_FROM_200 };
static const TickFunction functions[] = { chart_ticks, chart_time_ticks,
                                          log_from_200 };

typedef struct {
    int function;
    double high;
    size_t most;
    char want[96];
} TickCase;

ParameterizedTestParameters(svg, ticks)
{
    static TickCase cases[] = {
        { PLAIN, 50, 6, "0 10 20 30 40 50" },
        { PLAIN, 49.9, 6, "0 10 20 30 40" },
        { PLAIN, 51, 6, "0 20 40" },
        { PLAIN, 1, 6, "0 0.2 0.4 0.6 0.8 1" },
        { PLAIN, 0.3, 4, "0 0.1 0.2 0.3" },
        { PLAIN, 7, 3, "0 5" },
        { PLAIN, 3e9, 4, "0 1e+09 2e+09 3e+09" },
        { TIME, 180, 13, "0 15 30 45 60 75 90 105 120 135 150 165 180" },
        { TIME, 180, 6, "0 60 120 180" },
        { TIME, 61, 6, "0 15 30 45 60" },
        { TIME, 9, 6, "0 2 4 6 8" },
        { TIME, 0.4, 5, "0 0.1 0.2 0.3 0.4" },
        { TIME, 7200, 6, "0 1800 3600 5400 7200" },
        { TIME, 864000, 6, "0 172800 345600 518400 691200 864000" },
        { LOG_FROM_200, 50000, 8, "200 500 1000 2000 5000 10000 20000 50000" },
        { LOG_FROM_200, 50000, 7, "300 1000 3000 10000 30000" },
        { LOG_FROM_200, 2e6, 5, "1000 10000 100000 1e+06" },
        { LOG_FROM_200, 1e12, 4, "100000 1e+08 1e+11" },
        { LOG_FROM_200, 300, 4, "200" },
    };

    return cr_make_param_array(TickCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(TickCase *c, svg, ticks)
{
    double ticks[CHART_MAX_TICKS];
    size_t n = functions[c->function](c->high, c->most, ticks);
    g_autoptr(GString) text = g_string_new(NULL);

    cr_assert_leq(n, c->most);
    for (size_t i = 0; i < n; i++) {
        g_string_append_printf(text, "%s%g", i ? " " : "", ticks[i]);
    }
    cr_assert_str_eq(text->str, c->want);
}

/* Whatever the figure, there are ticks, few enough, growing, and on the axis */
Test(svg, ticks_of_any_size)
{
    for (double high = 1e-9; high < 1e300; high *= 3.7) {
        for (size_t most = 2; most <= CHART_MAX_TICKS; most++) {
            for (size_t f = 0; f < G_N_ELEMENTS(functions); f++) {
                double ticks[CHART_MAX_TICKS];
                double top = f == LOG_FROM_200 ? 200 + high : high;
                size_t n = functions[f](top, most, ticks);

                cr_assert(n <= most, "%zu of %zu up to %g", n, most, top);
                cr_assert(f == LOG_FROM_200 || n >= 1);
                for (size_t i = 0; i < n; i++) {
                    cr_assert(ticks[i] <= top * (1 + 1e-6));
                    cr_assert(i == 0 || ticks[i] > ticks[i - 1]);
                }
            }
        }
    }
}

Test(svg, round_up)
{
    static const double cases[][2] = { { 1, 1 },        { 1.01, 1.5 },
                                       { 48.5, 50 },    { 51, 70 },
                                       { 71, 100 },     { 0.02, 0.02 },
                                       { 0.021, 0.03 }, { 9.9e9, 1e10 } };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        cr_assert_float_eq(chart_round_up(cases[i][0]) / cases[i][1], 1, 1e-12,
                           "%g", cases[i][0]);
    }
}

/* --- labels ------------------------------------------------------------- */

Test(svg, labels_apart_stay)
{
    double at[] = { 80, 10, 50 };

    chart_spread(at, 3, 15, 0, 100);
    cr_assert(at[0] == 80 && at[1] == 10 && at[2] == 50);
}

Test(svg, labels_that_meet_are_pushed_and_keep_their_order)
{
    double at[] = { 99, 98, 97, 10 };

    chart_spread(at, 4, 15, 0, 100);
    cr_assert_eq(at[0], 100);
    cr_assert_eq(at[1], 85);
    cr_assert_eq(at[2], 70);
    cr_assert_eq(at[3], 10);
    chart_spread(at, 0, 15, 0, 100);
}

/* --- text --------------------------------------------------------------- */

typedef struct {
    char text[48];
    char want[96];
} EscapeCase;

ParameterizedTestParameters(svg, escape)
{
    static EscapeCase cases[] = {
        { "vm-a", "vm-a" },
        { "<script>alert(1)</script>",
          "&lt;script&gt;alert(1)&lt;/script&gt;" },
        { "\"a\" 'b' & c", "&quot;a&quot; &#39;b&#39; &amp; c" },
        { "two\nlines\tand", "two lines and" },
        { "bell\x07", "bell\xef\xbf\xbd" },
        { "\xc3\xa9", "\xc3\xa9" },
        { "cut \xc3", "cut \xef\xbf\xbd" },
        { "a\xe2\x80\xae"
          "b",
          "a\xef\xbf\xbd"
          "b" },                            /* right to left */
        { "\xef\xbf\xbe", "\xef\xbf\xbd" }, /* no character */
    };

    return cr_make_param_array(EscapeCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(EscapeCase *c, svg, escape)
{
    g_autoptr(GString) out = g_string_new(NULL);

    svg_escape(out, c->text);
    cr_assert_str_eq(out->str, c->want);
}

Test(svg, numbers_are_short_and_never_strange)
{
    static const struct {
        double number;
        const char *want;
    } cases[] = {
        { 0, "0" },
        { -0.01, "0" },
        { 12, "12" },
        { 12.34, "12.3" },
        { -7.5, "-7.5" },
        { 1e99, "1000000" },
        { -INFINITY, "-1000000" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GString) out = g_string_new(NULL);

        svg_number(out, cases[i].number);
        cr_assert_str_eq(out->str, cases[i].want);
    }
}

/* --- paths -------------------------------------------------------------- */

Test(svg, path_has_gaps_and_dots)
{
    g_autoptr(GString) out = g_string_new(NULL);
    SvgPath path;

    svg_path_init(&path);
    svg_path_to(&path, 1, 2);
    svg_path_to(&path, 3, 4);
    svg_path_gap(&path);
    svg_path_to(&path, 9, 9); /* alone */
    svg_path_gap(&path);
    svg_path_gap(&path);
    svg_path_step(&path, 10, 1);
    svg_path_step(&path, 12, 1);
    svg_path_step(&path, 14, 5);
    svg_path_draw(&path, out, "line x");
    cr_assert_str_eq(out->str,
                     "<path class=\"line x\" d=\"M1 2L3 4M9 9h.1M10 1L12 1"
                     "L14 1L14 5\"/>\n");
}

Test(svg, path_without_points_draws_nothing)
{
    g_autoptr(GString) out = g_string_new(NULL);
    SvgPath path;

    svg_path_init(&path);
    svg_path_gap(&path);
    svg_path_draw(&path, out, "line");
    cr_assert_str_empty(out->str);
}
