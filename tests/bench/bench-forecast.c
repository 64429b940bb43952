/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bench-forecast.c - what one step of all members and the ensemble costs
 *
 * A step is what happens at a sync: the finished row is learnt, by every
 * member, and the pages of the next pass are forecast. It is timed on
 * histories of 1 to 64 rows with all factors known, so that GM(1,N) has its
 * six columns. Exits 1 unless the median and the 99th percentile are within
 * BUDGET_US, and unless no step allocates: the linker sends allocations of our
 * own objects through the counters below.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "forecast/forecast.h"

#define MOST_ROWS 64
#define ROUNDS 60
#define BUDGET_US 200.0

static unsigned long allocations;

#define WRAP(name, parameters, arguments)                                      \
    void *__real_##name parameters;                                            \
    void *__wrap_##name parameters;                                            \
    void *__wrap_##name parameters                                             \
    {                                                                          \
        allocations++;                                                         \
        return __real_##name arguments;                                        \
    }

WRAP(malloc, (size_t n), (n))
WRAP(calloc, (size_t n, size_t size), (n, size))
WRAP(realloc, (void *old, size_t n), (old, n))
WRAP(g_malloc, (gsize n), (n))
WRAP(g_malloc0, (gsize n), (n))
WRAP(g_malloc_n, (gsize n, gsize size), (n, size))
WRAP(g_malloc0_n, (gsize n, gsize size), (n, size))
WRAP(g_realloc, (gpointer old, gsize n), (old, n))

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

static SampleRow
make_row(GRand *rand, unsigned iter, double *duration_s)
{
    SampleRow row = {
        .iter = iter,
        .merged = 1,
        .pages_to_send = 5000,
        .page_bytes = 4096,
        .bandwidth_bytes_s = 5e6,
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

int
main(void)
{
    static double us[ROUNDS * MOST_ROWS];
    unsigned long allocated = 0;
    double median, p99;
    size_t n = 0;
    bool kept;

    for (unsigned round = 0; round < ROUNDS; round++) {
        g_autoptr(Forecaster) forecaster = forecaster_new(1u << 20);
        g_autoptr(GRand) rand = g_rand_new_with_seed(round);
        double duration_s = 25.0;

        for (unsigned iter = 1; iter <= MOST_ROWS; iter++) {
            SampleRow row = make_row(rand, iter, &duration_s);
            ForecastQuery query = {
                .pages_to_send = (uint64_t)row.dirty_pages.value + 450,
                .bandwidth_bytes_s = 5e6,
                .left_bytes = 1.5e6,
            };
            unsigned long before = allocations;
            double start = now_us();
            Forecast forecast;

            forecaster_add(forecaster, &row);
            forecaster_next(forecaster, &query, &forecast);
            us[n++] = now_us() - start;
            allocated += allocations - before;
        }
    }
    qsort(us, n, sizeof(*us), compare);
    median = us[n / 2];
    p99 = us[(size_t)(0.99 * (double)(n - 1))];
    kept = median <= BUDGET_US && p99 <= BUDGET_US && allocated == 0;
    printf("%-34s %8s %8s %8s %8s %12s\n", "forecast step, microseconds",
           "median", "p99", "max", "budget", "allocations");
    printf("%-34s %8.1f %8.1f %8.1f %8.0f %12lu   %s\n",
           "all members and ensemble", median, p99, us[n - 1], BUDGET_US,
           allocated, kept ? "kept" : "OVERRUN");
    if (allocations == 0) {
        printf("the counters count nothing: forecaster_new() allocates\n");
        return EXIT_FAILURE;
    }
    return kept ? EXIT_SUCCESS : EXIT_FAILURE;
}
