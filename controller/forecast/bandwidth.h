/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bandwidth.h - the bandwidth that the next pass may count on
 *
 * QEMU sends in slices of 0.1 s, and the sockets between it and the wire take
 * or give back what a slice carries. So the bytes of a pass of 0.1 s over its
 * duration are off by half, and what is missing in one is found in the next:
 * the newest passes are taken together until they last a second.
 */
#ifndef FORECAST_BANDWIDTH_H
#define FORECAST_BANDWIDTH_H

#include <stddef.h>

#include "base/known.h"
#include "sample/sample.h"

#define BANDWIDTH_ROWS 16

typedef struct BandwidthMeter {
    struct {
        double bytes, duration_s;
    } rows[BANDWIDTH_ROWS]; /* a ring */
    size_t n;
} BandwidthMeter;

/**
 * bandwidth_meter_add() - A pass has ended
 * @downtime_limit_s: QEMU's. A pass that began with no more to send than fits
 *                    into it was the guest's being stopped, sent next to
 *                    nothing, and is passed over
 */
void bandwidth_meter_add(BandwidthMeter *meter, const SampleRow *row,
                         double downtime_limit_s);

/** bandwidth_meter_bytes_s() - Of the newest passes; unknown before the first */
Known bandwidth_meter_bytes_s(const BandwidthMeter *meter);

#endif
