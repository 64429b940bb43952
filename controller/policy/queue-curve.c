/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * queue-curve.c - how long one migration takes, for the queue's simulation
 *
 * Between two points bytes are interpolated, not times: of a guest that writes
 * little they are constant, and time is exactly bytes over bandwidth.
 */
#include <math.h>

#include "policy/queue.h"

#define WIRE_SHARE 0.95
#define LEAST_PART 32.0 /* of the largest bandwidth asked about */
#define GIVEN_UP 2.0    /* memories sent, of one that does not converge */

static double
bytes_at(const QueueCurve *curve, size_t i)
{
    return curve->time_s[i] * curve->bandwidth_bytes_s[i];
}

/* From the largest bandwidth down: bytes do not get fewer. */
static void
make_monotone(QueueCurve *curve)
{
    for (size_t i = curve->n_points - 1; i-- > 0;) {
        double least = bytes_at(curve, i + 1) / curve->bandwidth_bytes_s[i];

        curve->time_s[i] = fmax(curve->time_s[i], least);
    }
    for (size_t i = 0; i < curve->n_points; i++) {
        if (isfinite(curve->time_s[i])) {
            curve->given_up_bytes =
                fmax(curve->given_up_bytes, bytes_at(curve, i));
        }
    }
}

void
queue_curve_forecast(QueueCurve *curve, const Forecaster *forecaster,
                     uint64_t pages, uint64_t zero_pages, uint64_t page_bytes,
                     double downtime_limit_s, double most_bytes_s)
{
    double step = pow(LEAST_PART, 1.0 / (QUEUE_CURVE_POINTS - 1));
    double once = (double)(pages - MIN(zero_pages, pages)) *
                  (double)page_bytes / WIRE_SHARE;
    double bandwidth = fmax(most_bytes_s, 1.0) / LEAST_PART;

    *curve = (QueueCurve){
        .n_points = QUEUE_CURVE_POINTS,
        .given_up_bytes = GIVEN_UP * once,
        .guessed = true,
    };
    for (size_t i = 0; i < QUEUE_CURVE_POINTS; i++, bandwidth *= step) {
        MigrationForecast forecast = { 0 };

        curve->bandwidth_bytes_s[i] = bandwidth;
        if (forecaster) {
            MigrationQuery query = {
                .pages_to_send = pages,
                .zero_pages = zero_pages,
                .bandwidth_bytes_s = bandwidth * WIRE_SHARE,
                .downtime_limit_s = downtime_limit_s,
                .brief = true,
            };

            forecaster_migration(forecaster, &query, &forecast);
        }
        if (forecast.verdict_known) {
            curve->guessed = false;
            curve->time_s[i] = known_or(forecast.time_s, INFINITY);
            curve->downtime_s[i] = known_or(forecast.downtime_s, INFINITY);
        } else {
            curve->time_s[i] = once / bandwidth;
            curve->downtime_s[i] = downtime_limit_s;
        }
    }
    make_monotone(curve);
}

double
queue_curve_time(const QueueCurve *curve, double bandwidth_bytes_s)
{
    const double *at = curve->bandwidth_bytes_s;
    size_t last = curve->n_points - 1, i = 0;
    double share;

    if (curve->n_points == 0 || !(bandwidth_bytes_s > 0.0)) {
        return INFINITY;
    }
    if (bandwidth_bytes_s <= at[0]) {
        return bytes_at(curve, 0) / bandwidth_bytes_s;
    }
    if (bandwidth_bytes_s >= at[last]) {
        return bytes_at(curve, last) / bandwidth_bytes_s;
    }
    while (at[i + 1] < bandwidth_bytes_s) {
        i++;
    }
    if (isinf(curve->time_s[i])) {
        return bandwidth_bytes_s < at[i + 1] ? INFINITY : curve->time_s[i + 1];
    }
    share = (bandwidth_bytes_s - at[i]) / (at[i + 1] - at[i]);
    return ((1.0 - share) * bytes_at(curve, i) +
            share * bytes_at(curve, i + 1)) /
           bandwidth_bytes_s;
}
