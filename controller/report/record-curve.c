/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record-curve.c - how many pages a recorded guest dirtied in which time
 *
 * Each pass of a record is a point of D(T): it lasted T, and at its end D pages
 * had been dirtied. Passes of about the same length become one point, their
 * geometric mean; and since distinct pages only grow with time, points that
 * fall are pooled with the one before (pool adjacent violators):
 *
 *     D |            x  ___o        x  passes
 *       |        _o--x--            o  points
 *       |    x_-- x
 *       |  o- x
 *       +------------------- T
 *
 * The scatter of passes about their points is told with it.
 */
#include "report/record-curve.h"

#include <math.h>

#define BINS_PER_E 3.0 /* a point for every factor of 1.4 */
#define LEAST_DURATION_S 0.02 /* shorter ones are timed too badly */
#define LEAST_PAGES 0.5
#define LEAST_SD 0.05
#define MOST_SD 0.5

typedef struct Bin {
    double log_duration, log_pages; /* means */
    double weight;
} Bin;

/* Whether a row tells what the guest does when it may run as it likes. */
static bool
is_usable(const SampleRow *row)
{
    return !row->final && row->dirty_pages.known &&
           row->dirty_pages.value >= 0.0 &&
           row->duration_s >= LEAST_DURATION_S && row->throttle_percent == 0 &&
           !(row->flags & (SAMPLE_FLAG_TICK | SAMPLE_FLAG_BACKWARDS));
}

static void
bin_merge(Bin *to, const Bin *from)
{
    double sum = to->weight + from->weight;

    to->log_duration =
        (to->weight * to->log_duration + from->weight * from->log_duration) /
        sum;
    to->log_pages =
        (to->weight * to->log_pages + from->weight * from->log_pages) / sum;
    to->weight = sum;
}

static int
compare_bins(const void *a, const void *b)
{
    double x = ((const Bin *)a)->log_duration;
    double y = ((const Bin *)b)->log_duration;

    return (x > y) - (x < y);
}

/* One for each usable pass, by duration. */
static GArray *
passes_of(const RunRecord *record)
{
    GArray *passes = g_array_new(FALSE, FALSE, sizeof(Bin));

    for (guint i = 0; i < record->iterations->len; i++) {
        const SampleRow *row =
            &g_array_index(record->iterations, RunIteration, i).row;
        double n = MAX(row->merged, 1);
        Bin pass = { .weight = 1.0 };

        if (!is_usable(row)) {
            continue;
        }
        pass.log_duration = log(fmax(row->duration_s / n, LEAST_DURATION_S));
        pass.log_pages = log(fmax(row->dirty_pages.value / n, LEAST_PAGES));
        g_array_append_val(passes, pass);
    }
    g_array_sort(passes, compare_bins);
    return passes;
}

/* Passes of about the same length in one, then no point below an earlier. */
static GArray *
pooled(const GArray *passes)
{
    GArray *bins = g_array_new(FALSE, FALSE, sizeof(Bin));
    double first = 0.0;

    for (guint i = 0; i < passes->len; i++) {
        const Bin *pass = &g_array_index(passes, Bin, i);
        Bin *last =
            bins->len > 0 ? &g_array_index(bins, Bin, bins->len - 1) : NULL;

        if (last && pass->log_duration - first < 1.0 / BINS_PER_E) {
            bin_merge(last, pass);
        } else {
            first = pass->log_duration;
            g_array_append_vals(bins, pass, 1);
        }
    }
    for (guint i = 1; i < bins->len;) {
        Bin *before = &g_array_index(bins, Bin, i - 1);
        const Bin *bin = &g_array_index(bins, Bin, i);

        if (bin->log_pages >= before->log_pages) {
            i++;
            continue;
        }
        bin_merge(before, bin);
        g_array_remove_index(bins, i);
        i = MAX(i - 1, 1);
    }
    return bins;
}

/* Of passes about the nearest point, taken for a straight line through the
 * origin there: a pass twice as long may dirty twice as many. */
static double
scatter(const GArray *passes, const GArray *bins)
{
    double squares = 0.0;
    guint n = 0;

    for (guint i = 0; i < passes->len; i++) {
        const Bin *pass = &g_array_index(passes, Bin, i);
        double nearest = INFINITY, rest = 0.0;

        for (guint j = 0; j < bins->len; j++) {
            const Bin *bin = &g_array_index(bins, Bin, j);
            double off = pass->log_duration - bin->log_duration;

            if (fabs(off) < nearest) {
                nearest = fabs(off);
                rest = pass->log_pages - bin->log_pages - off;
            }
        }
        squares += rest * rest;
        n++;
    }
    return n > bins->len ? sqrt(squares / (n - bins->len)) : 0.0;
}

bool
run_record_curve(const RunRecord *record, ForecastCurve *curve, GError **error)
{
    g_autoptr(GArray) passes = passes_of(record);
    g_autoptr(GArray) bins = pooled(passes);

    if (bins->len == 0) {
        g_set_error(error, RECORD_ERROR, RECORD_ERROR_VALUE,
                    "none of its %u iterations tells how many pages the guest "
                    "dirtied while it ran unthrottled",
                    record->iterations->len);
        return false;
    }
    if (bins->len > FORECAST_MAX_POINTS) {
        g_set_error(error, RECORD_ERROR, RECORD_ERROR_VALUE,
                    "its passes last from %.3g to %.3g s, which is no "
                    "migration",
                    exp(g_array_index(bins, Bin, 0).log_duration),
                    exp(g_array_index(bins, Bin, bins->len - 1).log_duration));
        return false;
    }
    *curve = (ForecastCurve){
        .n_points = bins->len,
        .log_sd = CLAMP(scatter(passes, bins), LEAST_SD, MOST_SD),
    };
    for (guint i = 0; i < bins->len; i++) {
        const Bin *bin = &g_array_index(bins, Bin, i);

        curve->points[i] = (ForecastPoint){
            .duration_s = exp(bin->log_duration),
            .pages = exp(bin->log_pages),
        };
    }
    return true;
}
