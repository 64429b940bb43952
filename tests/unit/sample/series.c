/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * series.c - counters between readings, and the drivers of a row
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "sample/sample-priv.h"

#define S(seconds) ((int64_t)((seconds)*1e6))
#define N_READINGS 6

typedef struct {
    char what[48];
    double at_s[N_READINGS]; /* 0 ends the list */
    double value[N_READINGS];
    double from_s, to_s;
    double want; /* a second; below 0: unknown */
} RateCase;

ParameterizedTestParameters(series, rate)
{
    static RateCase cases[] = {
        { "on the readings", { 1, 2, 3 }, { 10, 20, 40 }, 1, 3, 15 },
        { "between them", { 1, 2, 3 }, { 10, 20, 40 }, 1.5, 2.5, 15 },
        { "inside one interval", { 1, 3 }, { 0, 8 }, 1.2, 1.3, 4 },
        { "row younger than the last reading",
          { 1, 2, 3 },
          { 0, 10, 30 },
          3.1,
          3.3,
          20 },
        { "row ends after the last reading",
          { 1, 2, 3 },
          { 0, 10, 30 },
          2,
          3.5,
          20 },
        { "row older than the first reading",
          { 3, 4, 5 },
          { 0, 10, 30 },
          1,
          2.5,
          10 },
        { "of no duration", { 1, 2, 3 }, { 0, 10, 30 }, 2.5, 2.5, 20 },
        { "of no duration, on a reading",
          { 1, 2, 3 },
          { 0, 10, 30 },
          2,
          2,
          10 },
        { "too long ago", { 1, 2, 3 }, { 0, 10, 30 }, 5.1, 6, -1 },
        { "too far ahead", { 9, 10 }, { 0, 10 }, 2, 3, -1 },
        { "less than half of a long row",
          { 1, 2, 3 },
          { 0, 10, 30 },
          1,
          20,
          -1 },
        { "one reading", { 1 }, { 5 }, 1, 2, -1 },
        { "none", { 0 }, { 0 }, 1, 2, -1 },
        { "counter started anew", { 1, 2, 3, 4 }, { 50, 60, 0, 7 }, 3, 4, 7 },
        { "counter started anew just now",
          { 1, 2, 3 },
          { 50, 60, 0 },
          1,
          2,
          -1 },
        { "standing still", { 1, 2, 3 }, { 5, 5, 5 }, 1, 3, 0 },
        { "readings out of order",
          { 1, 3, 2, 4 },
          { 0, 20, 99, 30 },
          1,
          4,
          10 },
    };

    return cr_make_param_array(RateCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(const RateCase *c, series, rate)
{
    SampleSeries series = { 0 };
    Known rate;

    for (int i = 0; i < N_READINGS && c->at_s[i] > 0; i++) {
        sample_series_add(&series, S(c->at_s[i]), known(c->value[i]));
        sample_series_add(&series, S(c->at_s[i] + 0.001), unknown());
    }
    rate = sample_series_rate(&series, S(c->from_s), S(c->to_s));
    cr_expect_eq(rate.known, c->want >= 0, "%s", c->what);
    if (rate.known) {
        cr_expect_float_eq(rate.value, c->want, 1e-9, "%s: %g", c->what,
                           rate.value);
    }
    /* forgetting what is not needed changes nothing */
    if (rate.known) {
        sample_series_prune(&series, S(c->from_s));
        cr_expect_float_eq(
            sample_series_rate(&series, S(c->from_s), S(c->to_s)).value,
            rate.value, 1e-9, "%s, pruned", c->what);
    }
    sample_series_clear(&series);
}

Test(series, nearest_gauge)
{
    SampleSeries series = { .gauge = true };

    cr_expect_not(sample_series_nearest(&series, S(1), S(2)).known);
    sample_series_add(&series, S(1), known(0.5));
    sample_series_add(&series, S(3), known(0.4));
    cr_expect_float_eq(sample_series_nearest(&series, S(0), S(1.9)).value, 0.5,
                       0);
    cr_expect_float_eq(sample_series_nearest(&series, S(0), S(2.1)).value, 0.4,
                       0, "a gauge may fall");
    cr_expect_float_eq(sample_series_nearest(&series, S(12), S(50)).value, 0.4,
                       0);
    cr_expect_not(sample_series_nearest(&series, S(14), S(50)).known);
    sample_series_clear(&series);
}

Test(series, drivers_of_a_row)
{
    g_autoptr(Sampler) sampler = sampler_new(SAMPLE_SOURCE_QMP);
    SamplePoll poll = {
        .at_us = S(1), .pass = 1, .page_bytes = 4096, .remaining_bytes = 4096000
    };
    SampleRow row;

    sampler_pass(sampler, 1, S(1));
    sampler_poll(sampler, &poll);
    for (int i = 0; i < 12; i++) {
        SampleCounters counters = {
            .at_us = S(0.75 + 0.25 * i),
            .guest_cpu_s = known(100 + 0.25 * i * 3), /* three cores */
            .guest_net_bytes = known(1e9 + 0.25 * i * 5e6),
            .mem_used = known(0.1 + 0.01 * i),
        };

        sampler_counters(sampler, &counters);
    }
    sampler_pass(sampler, 2, S(3.1));
    poll.at_us = S(3.2);
    poll.pass = 2;
    poll.remaining_bytes = 409600;
    poll.normal_pages = 1000;
    sampler_poll(sampler, &poll);

    cr_assert(sampler_take(sampler, &row));
    cr_expect_float_eq(row.cpu_cores.value, 3, 1e-9);
    cr_expect_float_eq(row.vm_net_bytes_s.value, 5e6, 1e-3);
    cr_expect_float_eq(row.mem_used.value, 0.19, 1e-9);
    cr_expect_not(row.host_net_bytes_s.known, "nobody read it");
    cr_expect_not(row.prev_duration_s.known, "there is none before");
}
