/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bench-decision.c - what a forecast step and a decision cost
 *
 * At the start of an iteration the controller learns the finished row, which
 * fits every member, and decides, which plays the migration through for many
 * bandwidths. Both are timed on a history of 1 to 64 rows with all factors
 * known, so that GM(1,N) has its six columns. Beside each figure stands the
 * budget: a decision (row and policy together) of 1 ms in the median and 5 ms
 * at the 99th percentile. Exits 1 if it is overrun.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "forecast/forecast.h"
#include "policy/policy.h"

#define MOST_ROWS 64
#define ROUNDS 60
#define LINK 6.25e6
#define BUDGET_MEDIAN_US 1000.0
#define BUDGET_P99_US 5000.0

typedef struct Series {
    const char *name;
    double us[ROUNDS * MOST_ROWS];
    size_t n;
} Series;

static double
now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec * 1e-3;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double
quantile(Series *series, double share)
{
    qsort(series->us, series->n, sizeof(*series->us), compare);
    return series->us[(size_t)(share * (double)(series->n - 1))];
}

static SampleRow
make_row(GRand *rand, unsigned iter, double *duration_s)
{
    SampleRow row = {
        .iter = iter,
        .merged = 1,
        .pages_to_send = 5000,
        .page_bytes = 4096,
        .prev_duration_s = known(*duration_s),
        .mem_used = known(g_rand_double_range(rand, 0.3, 0.5)),
        .cpu_cores = known(g_rand_double_range(rand, 0.5, 4.0)),
        .vm_net_bytes_s = known(g_rand_double_range(rand, 1e4, 1e6)),
        .host_net_bytes_s = known(g_rand_double_range(rand, 5e6, 6e6)),
    };

    *duration_s = fmax(0.4, *duration_s * 0.8);
    row.duration_s = *duration_s;
    row.dirty_pages = known(900.0 * pow(*duration_s, 0.8) *
                            g_rand_double_range(rand, 0.85, 1.15));
    return row;
}

/* One migration of MOST_ROWS rows; its times go to the series. */
static void
migrate(unsigned seed, Series *step, Series *decision, Series *both)
{
    g_autoptr(Forecaster) forecaster = forecaster_new(1u << 20);
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    PolicySettings settings;
    double duration_s = 25.0;

    policy_settings_init(&settings, POLICY_DEFAULT);
    for (unsigned iter = 1; iter <= MOST_ROWS; iter++) {
        SampleRow row = make_row(rand, iter, &duration_s);
        PolicyInput input = {
            .iter = iter + 1,
            .pages_to_send = (uint64_t)(row.dirty_pages.value + 450.0),
            .page_bytes = 4096,
            .link_bytes_s = LINK,
            .others_bytes_s = 0.02 * LINK,
        };
        PolicyDecision decided;
        double start = now_us(), middle, end;

        forecaster_add(forecaster, &row);
        middle = now_us();
        policy_decide(&settings, forecaster, &input, &decided);
        end = now_us();
        step->us[step->n++] = middle - start;
        decision->us[decision->n++] = end - middle;
        both->us[both->n++] = end - start;
    }
}

int
main(void)
{
    static Series step = { .name = "forecast step, all members" };
    static Series decision = { .name = "policy with migration played" };
    static Series both = { .name = "decision: both together" };
    Series *const all[] = { &step, &decision, &both };
    bool within;

    for (unsigned round = 0; round < ROUNDS; round++) {
        migrate(round, &step, &decision, &both);
    }
    printf("%-30s %10s %10s %10s   %s\n", "microseconds", "median", "p99",
           "max", "n");
    for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
        printf("%-30s %10.1f %10.1f %10.1f   %zu\n", all[i]->name,
               quantile(all[i], 0.5), quantile(all[i], 0.99),
               quantile(all[i], 1.0), all[i]->n);
    }
    within = quantile(&both, 0.5) <= BUDGET_MEDIAN_US &&
             quantile(&both, 0.99) <= BUDGET_P99_US;
    printf("%-30s %10.1f %10.1f %10s   %s\n", "budget", BUDGET_MEDIAN_US,
           BUDGET_P99_US, "", within ? "kept" : "OVERRUN");
    return within ? EXIT_SUCCESS : EXIT_FAILURE;
}
