/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job-traffic.h - rates out of counters: what the link and the guest carry
 *
 * NRAC asks two things of a byte counter: its mean since the beginning, which
 * tells whether a guest is network-intensive, and what it will need next. The
 * second is simple exponential smoothing with a time constant of 5 s, plus one
 * smoothed mean absolute deviation, so that an application that comes in
 * bursts is not cut to its average.
 */
#ifndef JOB_TRAFFIC_H
#define JOB_TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/known.h"

typedef struct TrafficMeter {
    bool started;
    int64_t first_us, last_us;
    double first_bytes, last_bytes;
    Known rate_bytes_s;   /* over the last interval */
    double level_bytes_s; /* smoothed */
    double deviation_bytes_s;
} TrafficMeter;

/**
 * traffic_meter_add() - A reading of the counter
 *
 * A counter that fell was reset (an interface was unplugged): the meter starts
 * again. Readings less than 50 ms apart are joined with the next.
 *
 * Return: true if it made a new rate
 */
bool traffic_meter_add(TrafficMeter *meter, int64_t at_us, double bytes);

/** traffic_meter_mean() - Mean rate so far, unknown before one second */
Known traffic_meter_mean(const TrafficMeter *meter);

/** traffic_meter_level() - Smoothed rate, unknown before one second */
Known traffic_meter_level(const TrafficMeter *meter);

/** traffic_meter_need() - Level plus deviation, unknown before one second */
Known traffic_meter_need(const TrafficMeter *meter);

#endif
