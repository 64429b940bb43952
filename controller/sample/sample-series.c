/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sample-series.c - counters over time, asked for at times between readings
 *
 *     reading      |        |         |        |
 *     rows      .........k.......|...k+1..|.k+2.|
 *
 * Counters are read on a timer, passes end when they like. A counter is taken
 * as a straight line between two readings. A row that sticks out of what was
 * read by less than its half gets the mean of the part inside; the usual case
 * is the end of a row that is younger than the last reading. A row outside
 * gets the slope next to it, if that is not too long ago.
 *
 * A counter that falls was started anew (an interface went and came back):
 * readings before that are forgotten.
 */
#include "sample/sample-priv.h"

#include <math.h>

/* How far from its readings a counter is still believed. */
#define FAR_US (2 * G_USEC_PER_SEC)

/* Memory in use moves slowly, and balloon drivers report every few seconds. */
#define GAUGE_FAR_US (10 * G_USEC_PER_SEC)

typedef struct {
    int64_t at_us;
    double value;
} Reading;

#define READING(series, i) g_array_index((series)->readings, Reading, i)

double
sample_interpolate(int64_t at_us, int64_t a_us, double a, int64_t b_us,
                   double b)
{
    if (at_us <= a_us) {
        return a;
    }
    if (at_us >= b_us) {
        return b;
    }
    return a + (b - a) * ((double)(at_us - a_us) / (double)(b_us - a_us));
}

void
sample_series_clear(SampleSeries *series)
{
    g_clear_pointer(&series->readings, g_array_unref);
}

void
sample_series_add(SampleSeries *series, int64_t at_us, Known value)
{
    Reading reading = { at_us, value.value };

    if (!value.known || !isfinite(value.value)) {
        return;
    }
    if (!series->readings) {
        series->readings = g_array_new(FALSE, FALSE, sizeof(Reading));
    }
    if (series->readings->len > 0) {
        const Reading *last = &READING(series, series->readings->len - 1);

        if (at_us <= last->at_us) {
            return;
        }
        if (value.value < last->value && !series->gauge) {
            g_array_set_size(series->readings, 0);
        }
    }
    g_array_append_val(series->readings, reading);
}

void
sample_series_prune(SampleSeries *series, int64_t from_us)
{
    unsigned useless = 0;

    /* the last two are kept for their slope */
    while (series->readings && useless + 2 < series->readings->len &&
           READING(series, useless + 1).at_us < from_us) {
        useless++;
    }
    if (useless > 0) {
        g_array_remove_range(series->readings, 0, useless);
    }
}

static double
series_at(const SampleSeries *series, int64_t at_us)
{
    unsigned i = 0;

    while (i + 2 < series->readings->len &&
           READING(series, i + 1).at_us < at_us) {
        i++;
    }
    return sample_interpolate(
        at_us, READING(series, i).at_us, READING(series, i).value,
        READING(series, i + 1).at_us, READING(series, i + 1).value);
}

Known
sample_series_rate(const SampleSeries *series, int64_t from_us, int64_t to_us)
{
    const Reading *a, *b;
    int64_t first_us, last_us, inside_from_us, inside_to_us;

    if (!series->readings || series->readings->len < 2) {
        return unknown();
    }
    first_us = READING(series, 0).at_us;
    last_us = READING(series, series->readings->len - 1).at_us;
    inside_from_us = MAX(from_us, first_us);
    inside_to_us = MIN(to_us, last_us);

    if (inside_to_us > inside_from_us &&
        (inside_to_us - inside_from_us) * 2 >= to_us - from_us) {
        return known(
            (series_at(series, inside_to_us) -
             series_at(series, inside_from_us)) /
            ((double)(inside_to_us - inside_from_us) / G_USEC_PER_SEC));
    }
    if (from_us - last_us > FAR_US || first_us - to_us > FAR_US) {
        return unknown();
    }
    /* A long row of which little was seen has no mean that deserves the name. */
    if (to_us - from_us > 2 * FAR_US) {
        return unknown();
    }
    if (to_us >= last_us) {
        a = &READING(series, series->readings->len - 2);
    } else {
        unsigned i = 0;

        while (READING(series, i + 1).at_us < to_us) {
            i++;
        }
        a = &READING(series, i);
    }
    b = a + 1;
    return known((b->value - a->value) /
                 ((double)(b->at_us - a->at_us) / G_USEC_PER_SEC));
}

Known
sample_series_nearest(const SampleSeries *series, int64_t from_us,
                      int64_t to_us)
{
    const Reading *best = NULL;

    for (unsigned i = 0; series->readings && i < series->readings->len; i++) {
        const Reading *reading = &READING(series, i);

        if (!best || ABS(reading->at_us - to_us) < ABS(best->at_us - to_us)) {
            best = reading;
        }
    }
    if (!best || from_us - best->at_us > GAUGE_FAR_US ||
        best->at_us - to_us > GAUGE_FAR_US) {
        return unknown();
    }
    return known(best->value);
}
