/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "forecast/bandwidth.h"

#include <glib.h>

#define LONG_ENOUGH_S 0.99

void
bandwidth_meter_add(BandwidthMeter *meter, const SampleRow *row,
                    double downtime_limit_s)
{
    size_t at = meter->n % BANDWIDTH_ROWS;
    Known before = bandwidth_meter_bytes_s(meter);

    if (!(row->bandwidth_bytes_s > 0.0) || !(row->duration_s > 0.0) ||
        (before.known && (double)row->pages_to_send * (double)row->page_bytes <=
                             before.value * downtime_limit_s)) {
        return;
    }
    meter->rows[at].bytes = row->bandwidth_bytes_s * row->duration_s;
    meter->rows[at].duration_s = row->duration_s;
    meter->n++;
}

Known
bandwidth_meter_bytes_s(const BandwidthMeter *meter)
{
    double bytes = 0.0, duration_s = 0.0;
    size_t n = MIN(meter->n, BANDWIDTH_ROWS);

    for (size_t i = 0; i < n && duration_s < LONG_ENOUGH_S; i++) {
        size_t at = (meter->n - 1 - i) % BANDWIDTH_ROWS;

        bytes += meter->rows[at].bytes;
        duration_s += meter->rows[at].duration_s;
    }
    return n > 0 ? known(bytes / duration_s) : unknown();
}
