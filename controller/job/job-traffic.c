/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job-traffic.c - see job-traffic.h
 *
 * Intervals are unequal, so the weight of the newest is 1 - exp(-dt / tau).
 */
#include "job/job-traffic.h"

#include <glib.h>
#include <math.h>

#define TAU_S 5.0
#define LEAST_INTERVAL_US 50000
#define LEAST_SPAN_US G_USEC_PER_SEC

static void
meter_restart(TrafficMeter *meter, int64_t at_us, double bytes)
{
    *meter = (TrafficMeter){
        .started = true,
        .first_us = at_us,
        .last_us = at_us,
        .first_bytes = bytes,
        .last_bytes = bytes,
    };
}

bool
traffic_meter_add(TrafficMeter *meter, int64_t at_us, double bytes)
{
    double interval_s, rate, weight;
    bool first_rate;

    if (!meter->started || bytes < meter->last_bytes) {
        meter_restart(meter, at_us, bytes);
        return false;
    }
    if (at_us - meter->last_us < LEAST_INTERVAL_US) {
        return false;
    }

    interval_s = (double)(at_us - meter->last_us) / G_USEC_PER_SEC;
    rate = (bytes - meter->last_bytes) / interval_s;
    first_rate = !meter->rate_bytes_s.known;
    weight = 1 - exp(-interval_s / TAU_S);
    if (first_rate) {
        meter->level_bytes_s = rate;
    } else {
        double error = rate - meter->level_bytes_s;

        meter->level_bytes_s += weight * error;
        meter->deviation_bytes_s +=
            weight * (fabs(error) - meter->deviation_bytes_s);
    }
    meter->rate_bytes_s = known(rate);
    meter->last_us = at_us;
    meter->last_bytes = bytes;
    return true;
}

static bool
meter_is_old_enough(const TrafficMeter *meter)
{
    return meter->rate_bytes_s.known &&
           meter->last_us - meter->first_us >= LEAST_SPAN_US;
}

Known
traffic_meter_mean(const TrafficMeter *meter)
{
    if (!meter_is_old_enough(meter)) {
        return unknown();
    }
    return known((meter->last_bytes - meter->first_bytes) * G_USEC_PER_SEC /
                 (double)(meter->last_us - meter->first_us));
}

Known
traffic_meter_level(const TrafficMeter *meter)
{
    return meter_is_old_enough(meter) ? known(meter->level_bytes_s) : unknown();
}

Known
traffic_meter_need(const TrafficMeter *meter)
{
    return meter_is_old_enough(meter)
               ? known(meter->level_bytes_s + meter->deviation_bytes_s)
               : unknown();
}
