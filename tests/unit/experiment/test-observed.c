/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-observed.c - lines of the client, summed up by hand
 */
#include <criterion/criterion.h>
#include <string.h>

#include "experiment/observed.h"

static Observed *
parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    Observed *observed = observed_parse(text, strlen(text), &error);

    cr_assert(observed, "%s", error ? error->message : "");
    return observed;
}

/* Answers at 1000, 11000, 331000 and 341000 us: silent for 310 ms more than the
 * 10 between two probes. */
Test(observed, stall_is_the_longest_silence)
{
    g_autoptr(Observed) observed = parse("p 500 500\np 10000 1000\n"
                                         "p 330000 1000\np 340500 500\n"
                                         "e 400000\n");
    ObservedWindow window;

    observed_window(observed, 0, 400000, &window);
    cr_assert_eq(window.probes, 4);
    cr_assert_float_eq(window.stall_ms.value, 310, 1e-9);
    cr_assert_float_eq(window.probe_ms.value, 1, 1e-9);

    /* a silence that begins before the end lasts beyond it */
    observed_window(observed, 0, 20000, &window);
    cr_assert_float_eq(window.stall_ms.value, 310, 1e-9);

    /* one that was over before the window is none of its */
    observed_window(observed, 335000, 345000, &window);
    cr_assert_float_eq(window.stall_ms.value, 49, 1e-9, "%g, to the end",
                       window.stall_ms.value);
}

/* What was sent at 90 ms is answered from a queue at 210, what was sent at 500
 * at once: silent for 291 ms, but nothing of 410 was answered. And the other way
 * round, where probes wait for the guest. */
Test(observed, a_queue_does_not_shorten_a_stall)
{
    g_autoptr(Observed) emptied = parse("p 80000 120000\np 90000 120000\n"
                                        "p 500000 1000\np 510000 1000\n"
                                        "e 520000\n");
    g_autoptr(Observed) filled = parse("p 90000 1000\np 100000 400000\n"
                                       "p 110000 390000\ne 500000\n");
    ObservedWindow window;

    observed_window(emptied, 0, 520000, &window);
    cr_assert_float_eq(window.stall_ms.value, 400, 1e-9);
    observed_window(filled, 0, 500000, &window);
    cr_assert_float_eq(window.stall_ms.value, 399, 1e-9);
}

Test(observed, a_guest_that_never_answers_again_is_silent_to_the_end)
{
    g_autoptr(Observed) observed = parse("p 0 1000\ne 5001000\n");
    ObservedWindow window;

    observed_window(observed, 0, 2000, &window);
    cr_assert_float_eq(window.stall_ms.value, 4990, 1e-9);
}

Test(observed, requests_count_where_they_are_answered)
{
    g_autoptr(Observed) observed =
        parse("r 0 1000 100\nr 100000 2000 100\nr 200000 900000 100\n"
              "r 300000 3000 100\n");
    ObservedWindow window;

    observed_window(observed, 0, 1000000, &window);
    cr_assert_float_eq(window.requests_s.value, 3, 1e-9);
    cr_assert_float_eq(window.bytes_s.value, 300, 1e-9);
    /* ... and their latency where they were due */
    cr_assert_float_eq(window.latency_ms[0].value, 3, 1e-9);
    cr_assert_float_eq(window.latency_ms[2].value, 900, 1e-9);
    cr_assert_not(window.stall_ms.known);
}

Test(observed, counters_are_taken_where_they_were_told)
{
    g_autoptr(Observed) observed =
        parse("s 0 0 0\ns 1000000 100 500\ns 2000000 200 1000\n"
              "s 3000000 300 1100\n");
    ObservedWindow window;

    observed_window(observed, 1200000, 3100000, &window);
    cr_assert_float_eq(window.pages_s.value, 300, 1e-9);
    cr_assert_float_eq(window.ticks_s.value, 100, 1e-9);
}

Test(observed, nothing_is_not_zero)
{
    g_autoptr(Observed) observed = parse("");
    ObservedWindow window;

    observed_window(observed, 0, 1000000, &window);
    cr_assert_not(window.stall_ms.known);
    cr_assert_not(window.requests_s.known);
    cr_assert_not(window.pages_s.known);
    observed_window(observed, 5, 5, &window);
    cr_assert_not(window.stall_ms.known);
}

Test(observed, a_torn_last_line_is_left_out)
{
    g_autoptr(Observed) observed = parse("p 0 1000\np 100");
    ObservedWindow window;

    observed_window(observed, 0, 2000, &window);
    cr_assert_eq(window.probes, 1);
}

Test(observed, refuses_other_lines)
{
    static const char *const wrong[] = { "x 1 2\n", "p 1\n", "p -1 2\n",
                                         "r 1 2\n", "\n",    "s 1 2 -3\n" };

    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GError) error = NULL;

        cr_assert_null(observed_parse(wrong[i], strlen(wrong[i]), &error), "%s",
                       wrong[i]);
        cr_assert(g_str_has_prefix(error->message, "line 1 "), "%s",
                  error->message);
    }
}
