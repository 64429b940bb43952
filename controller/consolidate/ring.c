/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ring.c - the newest samples, and what statistics say of them
 */
#include <math.h>
#include <stdlib.h>

#include "consolidate/watch-priv.h"

ConsRing *
cons_ring_new(size_t room)
{
    ConsRing *ring = g_new0(ConsRing, 1);

    ring->room = room;
    return ring;
}

void
cons_ring_free(gpointer data)
{
    ConsRing *ring = data;

    if (ring) {
        g_free(ring->samples);
        g_free(ring);
    }
}

const struct ConsSample *
cons_ring_at(const ConsRing *ring, size_t back)
{
    g_assert(back < ring->n);
    return &ring->samples[(ring->first + ring->n - 1 - back) % ring->room];
}

bool
cons_ring_add(ConsRing *ring, int64_t at_us, double value)
{
    struct ConsSample sample = { at_us, value };

    if (ring->n > 0 && at_us <= cons_ring_at(ring, 0)->at_us) {
        return false;
    }
    if (!ring->samples) {
        ring->samples = g_new(struct ConsSample, ring->room);
    }
    if (ring->n == ring->room) {
        ring->samples[ring->first] = sample;
        ring->first = (ring->first + 1) % ring->room;
    } else {
        ring->samples[(ring->first + ring->n) % ring->room] = sample;
        ring->n++;
    }
    return true;
}

size_t
cons_ring_since(const ConsRing *ring, int64_t at_us)
{
    size_t n = 0;

    while (n < ring->n && cons_ring_at(ring, n)->at_us >= at_us) {
        n++;
    }
    return n;
}

double
cons_ring_mean(const ConsRing *ring, size_t n, double *sd)
{
    double sum = 0, squares = 0, mean;

    n = MIN(n, ring->n);
    if (n == 0) {
        if (sd) {
            *sd = 0;
        }
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        sum += cons_ring_at(ring, i)->value;
    }
    mean = sum / (double)n;
    for (size_t i = 0; sd && i < n; i++) {
        double off = cons_ring_at(ring, i)->value - mean;

        squares += off * off;
    }
    if (sd) {
        *sd = n > 1 ? sqrt(squares / (double)(n - 1)) : 0;
    }
    return mean;
}

double
cons_ring_line(const ConsRing *ring, size_t n, int64_t at_us)
{
    double mean = cons_ring_mean(ring, n, NULL);
    double mean_t = 0, up = 0, down = 0;
    int64_t zero;

    n = MIN(n, ring->n);
    if (n < 3) {
        return mean;
    }
    zero = cons_ring_at(ring, 0)->at_us;
    for (size_t i = 0; i < n; i++) {
        mean_t += (double)(cons_ring_at(ring, i)->at_us - zero) / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        double t = (double)(cons_ring_at(ring, i)->at_us - zero) - mean_t;

        up += t * (cons_ring_at(ring, i)->value - mean);
        down += t * t;
    }
    return mean + up / down * ((double)(at_us - zero) - mean_t);
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double
quantile(const double *sorted, size_t n, double share)
{
    double at = share * (double)(n - 1);
    size_t below = (size_t)at;

    return below + 1 < n
               ? sorted[below] +
                     (at - (double)below) * (sorted[below + 1] - sorted[below])
               : sorted[below];
}

double
cons_ring_deviation(const ConsRing *ring, size_t n, bool quartiles)
{
    g_autofree double *values = NULL;
    double median;

    n = MIN(n, ring->n);
    if (n == 0) {
        return 0;
    }
    values = g_new(double, n);
    for (size_t i = 0; i < n; i++) {
        values[i] = cons_ring_at(ring, i)->value;
    }
    qsort(values, n, sizeof(double), compare);
    if (quartiles) {
        return quantile(values, n, 0.75) - quantile(values, n, 0.25);
    }
    median = quantile(values, n, 0.5);
    for (size_t i = 0; i < n; i++) {
        values[i] = fabs(values[i] - median);
    }
    qsort(values, n, sizeof(double), compare);
    return quantile(values, n, 0.5);
}
