/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-prom.c - the text format, byte by byte
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <signal.h>
#include <string.h>

#include "tools/exporter/prom.h"

static Prom *
with_family(PromType type, const char *name)
{
    Prom *prom = prom_new();

    prom_family(prom, type, name, "Help.");
    return prom;
}

static void
check_text(Prom *prom, const char *want)
{
    size_t length;

    cr_expect(eq(str, (char *)prom_text(prom, &length), (char *)want));
    cr_expect(eq(sz, length, strlen(want)));
    prom_free(prom);
}

Test(prom, one_value)
{
    Prom *prom = with_family(PROM_GAUGE, "a_bytes");

    prom_sample(prom, 0.1, NULL);
    check_text(prom, "# HELP a_bytes Help.\n# TYPE a_bytes gauge\n"
                     "a_bytes 0.1\n");
}

Test(prom, a_family_without_samples_is_told)
{
    check_text(with_family(PROM_COUNTER, "a_total"),
               "# HELP a_total Help.\n# TYPE a_total counter\n");
}

Test(prom, labels_are_escaped)
{
    Prom *prom = with_family(PROM_GAUGE, "a");

    prom_sample(prom, 1, "guest", "a\"b\\c\nd", "link", NULL, NULL);
    check_text(prom, "# HELP a Help.\n# TYPE a gauge\n"
                     "a{guest=\"a\\\"b\\\\c\\nd\",link=\"\"} 1\n");
}

Test(prom, help_is_escaped_but_for_quotes)
{
    Prom *prom = prom_new();

    prom_family(prom, PROM_GAUGE, "a", "A \"b\" \\ c\nd.");
    check_text(prom, "# HELP a A \"b\" \\\\ c\\nd.\n# TYPE a gauge\n");
}

Test(prom, bytes_that_are_no_utf8_are_replaced)
{
    Prom *prom = with_family(PROM_GAUGE, "a");

    prom_sample(prom, 1, "guest", "\xffx", NULL);
    check_text(prom, "# HELP a Help.\n# TYPE a gauge\n"
                     "a{guest=\"\xef\xbf\xbdx\"} 1\n");
}

Test(prom, the_same_labels_twice_are_the_first)
{
    Prom *prom = with_family(PROM_GAUGE, "a");

    prom_sample(prom, 1, "guest", "x", NULL);
    prom_sample(prom, 2, "guest", "x", NULL);
    prom_sample(prom, 3, "guest", "y", NULL);
    check_text(prom, "# HELP a Help.\n# TYPE a gauge\n"
                     "a{guest=\"x\"} 1\na{guest=\"y\"} 3\n");
}

typedef struct NumberCase {
    double number;
    char want[32];
} NumberCase;

ParameterizedTestParameters(prom, numbers)
{
    static NumberCase cases[] = {
        { 0, "a 0\n" },
        { -1.5, "a -1.5\n" },
        { 6250000, "a 6250000\n" },
        { NAN, "a NaN\n" },
        { INFINITY, "a +Inf\n" },
        { -INFINITY, "a -Inf\n" },
    };

    return cr_make_param_array(NumberCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(NumberCase *one, prom, numbers)
{
    Prom *prom = with_family(PROM_GAUGE, "a");
    g_autofree char *want =
        g_strconcat("# HELP a Help.\n# TYPE a gauge\n", one->want, NULL);

    prom_sample(prom, one->number, NULL);
    check_text(prom, want);
}

Test(prom, what_is_not_known_is_not_told)
{
    Prom *prom = with_family(PROM_GAUGE, "a");

    prom_known(prom, unknown(), "guest", "x", NULL);
    prom_known(prom, known(2), "guest", "y", NULL);
    check_text(prom, "# HELP a Help.\n# TYPE a gauge\na{guest=\"y\"} 2\n");
}

Test(prom, a_histogram_accumulates)
{
    static const double bounds[] = { 0.1, 1 };
    static const double counts[] = { 3, 0, 2 };
    Prom *prom = with_family(PROM_HISTOGRAM, "a_ratio");

    prom_histogram(prom, bounds, counts, 2, 7.5);
    check_text(prom, "# HELP a_ratio Help.\n# TYPE a_ratio histogram\n"
                     "a_ratio_bucket{le=\"0.1\"} 3\n"
                     "a_ratio_bucket{le=\"1\"} 3\n"
                     "a_ratio_bucket{le=\"+Inf\"} 5\n"
                     "a_ratio_sum 7.5\na_ratio_count 5\n");
}

/* Mistakes of ours, which a test has to find before a user does. */

Test(prom, a_counter_is_called_total, .signal = SIGABRT)
{
    with_family(PROM_COUNTER, "a_bytes");
}

Test(prom, nothing_else_is, .signal = SIGABRT)
{
    with_family(PROM_GAUGE, "a_total");
}

Test(prom, names_are_names, .signal = SIGABRT)
{
    with_family(PROM_GAUGE, "a-b");
}

Test(prom, a_family_comes_once, .signal = SIGABRT)
{
    Prom *prom = with_family(PROM_GAUGE, "a");

    prom_family(prom, PROM_GAUGE, "a", "Again.");
}
