/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * migration.c - the rest of a migration, played through
 *
 * QEMU ends a pass when what remains falls below its threshold, bandwidth B
 * times the downtime limit T_d, and looks for dirty pages then. With them it
 * is below the threshold again, and stops the guest, or goes on:
 *
 *     remaining
 *        |\        |\
 *        | \       | \      |\
 *        |  \      |  \     | \    |\ . .  P D(T) < B g : stop, send the rest
 *   B T_d|- -\- - -|- -\- - |- \- -|-\- - - - - - - - - - - - - - - - - -
 *        |    \____|    \___|   \__|  left over, sent in the blackout
 *          T_0        T_1     T_2
 *
 *     T_0 = (V - B T_d) / B        V: bytes to send now
 *     T_{k+1} = P D(T_k) / B       P: bytes of a page
 *
 * The part below the threshold is carried from pass to pass and does not enter
 * the recurrence, so that the downtime limit hardly decides on convergence.
 * What does is how far QEMU overshoots the threshold: it sends in slices of up
 * to g = 0.1 s and looks between them. So the guest is stopped when a pass
 * would last less than g; on recorded migrations passes of 0.14 to 0.20 s with
 * a limit of 0.3 s went on and on.
 *
 * D(T) / T falls with T. A plateau T* = P D(T*) / B above g is reached and not
 * left unless B exceeds P D(g) / g: the search for the least bandwidth starts
 * there. Since a guest is stopped as soon as what remains is below the
 * threshold, raising the limit by T* in mid-migration ends it, once.
 */
#include "forecast/forecast.h"

#include <math.h>

#include "forecast/forecast-priv.h"

#define SLICE_S 0.1     /* g */
#define MOST_PASSES 100 /* later than this is never */
#define LONGEST_PASS_S 1e7
#define STANDSTILL 1e-3 /* a pass that is shorter by less than this share */
#define Z_80 1.2816     /* 80 % lie within so many standard deviations */
#define SEARCH_STEPS 12

typedef struct Outcome {
    bool converges;
    double passes; /* the final one included */
    double time_s;
    double bytes;
    double downtime_s;
    double plateau_s; /* if it does not converge */
} Outcome;

/* Bytes dirtied in @duration_s, @z standard deviations above the best guess */
static double
dirtied(const Forecaster *forecaster, double duration_s, double z)
{
    CurvePoint point;

    g_assert(duration_s > 0.0);
    if (!forecaster_curve(forecaster, duration_s, &point)) {
        return 0.0;
    }
    return forecaster_page_bytes(forecaster) *
           fmin(exp(point.log_pages + z * point.log_sd),
                forecaster_most_pages(forecaster));
}

/* @hurry: leave plateau_s alone if it does not converge. A pass of g that is
 * followed by one no shorter is a plateau, or above one: D(T) grows with T, so
 * that no longer pass is followed by a shorter one than g. */
static void
play(const Forecaster *forecaster, const MigrationQuery *query,
     double bandwidth_bytes_s, double z, bool hurry, Outcome *outcome)
{
    double threshold = bandwidth_bytes_s * query->downtime_limit_s;
    double slice_s = fmin(SLICE_S, query->downtime_limit_s);
    double to_send =
        (double)query->pages_to_send * forecaster_page_bytes(forecaster);
    double duration_s, rest = to_send;
    double blackout = query->blackout_bytes_s > 0.0 ? query->blackout_bytes_s
                                                    : bandwidth_bytes_s;

    *outcome = (Outcome){ .converges = to_send <= threshold };
    duration_s = (to_send - threshold) / bandwidth_bytes_s;
    if (hurry && duration_s > slice_s &&
        dirtied(forecaster, slice_s, z) >= slice_s * bandwidth_bytes_s) {
        return;
    }
    while (!outcome->converges && outcome->passes < MOST_PASSES) {
        double new_bytes, next_s;

        duration_s = fmax(duration_s, 1e-3);
        new_bytes = dirtied(forecaster, duration_s, z);
        next_s = new_bytes / bandwidth_bytes_s;
        outcome->passes++;
        outcome->time_s += duration_s;
        outcome->bytes += duration_s * bandwidth_bytes_s;
        if (next_s < slice_s) {
            outcome->converges = true;
            rest =
                fmin(threshold,
                     threshold - slice_s / 2.0 * bandwidth_bytes_s + new_bytes);
        } else if (next_s > LONGEST_PASS_S ||
                   fabs(next_s - duration_s) <= STANDSTILL * duration_s) {
            duration_s = fmin(next_s, LONGEST_PASS_S);
            break;
        }
        duration_s = next_s;
    }
    if (!outcome->converges) {
        outcome->plateau_s = duration_s;
        return;
    }
    outcome->passes++;
    outcome->downtime_s = rest / blackout + query->fixed_downtime_s;
    outcome->time_s += outcome->downtime_s;
    outcome->bytes += rest;
}

/* The least bandwidth at which the best guess converges; unknown if none is
 * found, which needs a guest that dirties memory faster than any link. */
static Known
least_bandwidth(const Forecaster *forecaster, const MigrationQuery *query)
{
    double slice_s = fmin(SLICE_S, query->downtime_limit_s);
    double low, high = 1.05 * dirtied(forecaster, slice_s, 0.0) / slice_s;
    Outcome outcome;

    high = fmax(high, 1.0);
    for (int i = 0;; i++) {
        play(forecaster, query, high, 0.0, true, &outcome);
        if (outcome.converges) {
            break;
        }
        if (i == SEARCH_STEPS) {
            return unknown();
        }
        high *= 1.25;
    }
    low = high / 2.0;
    for (int i = 0; i < SEARCH_STEPS; i++) {
        play(forecaster, query, low, 0.0, true, &outcome);
        if (!outcome.converges) {
            break;
        }
        high = low;
        low /= 2.0;
    }
    for (int i = 0; i < SEARCH_STEPS; i++) {
        double middle = sqrt(low * high);

        play(forecaster, query, middle, 0.0, true, &outcome);
        if (outcome.converges) {
            high = middle;
        } else {
            low = middle;
        }
    }
    return known(high);
}

void
forecaster_migration(const Forecaster *forecaster, const MigrationQuery *query,
                     MigrationForecast *forecast)
{
    Outcome best, low, high;
    CurvePoint point;

    *forecast = (MigrationForecast){ 0 };
    if (!(query->bandwidth_bytes_s > 0.0) || !(query->downtime_limit_s > 0.0) ||
        !forecaster_curve(forecaster, 1.0, &point)) {
        return;
    }

    play(forecaster, query, query->bandwidth_bytes_s, 0.0, query->brief, &best);
    play(forecaster, query, query->bandwidth_bytes_s, Z_80, true, &high);
    forecast->verdict_known = true;
    forecast->converges = best.converges;
    forecast->surely_converges = high.converges;
    if (best.converges) {
        forecast->iterations = known(best.passes);
        forecast->time_s = known(best.time_s);
        forecast->bytes = known(best.bytes);
        forecast->downtime_s = known(best.downtime_s);
        forecast->high_time_s =
            high.converges ? fmax(high.time_s, best.time_s) : INFINITY;
    } else if (!query->brief) {
        forecast->plateau_s = known(best.plateau_s);
    }
    if (query->brief) {
        forecast->low_time_s = known_or(forecast->time_s, 0.0);
        return;
    }

    play(forecaster, query, query->bandwidth_bytes_s, -Z_80, true, &low);
    forecast->possibly_converges = low.converges;
    if (best.converges) {
        forecast->low_time_s =
            low.converges ? fmin(low.time_s, best.time_s) : best.time_s;
    }
    forecast->least_bandwidth_bytes_s = least_bandwidth(forecaster, query);
}
