/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * duration.c - how long a migration takes, from a guest's few numbers
 *
 * The controller's forecast works on a running migration's rows; here there
 * are none yet, only what is known of the guest beforehand.
 */
#include "plan/moves.h"

#include <math.h>

#define MOST_PASSES 30

PlanDuration
plan_duration(const PlanGuest *guest, uint64_t rate_bytes_s,
              double downtime_limit_s)
{
    double rate = (double)rate_bytes_s;
    double memory = (double)guest->memory_bytes;
    double hot = (double)guest->hot_bytes;
    double left = memory;
    double sent = 0;
    double time = 0;
    PlanDuration d = { 0 };

    g_assert(rate_bytes_s > 0);
    if (guest->memory_bytes == 0) {
        d.time_s = 1;
        d.converges = true;
        return d;
    }
    for (int pass = 0; pass < MOST_PASSES; pass++) {
        double t = left / rate;
        double dirty = (double)guest->cold_bytes_s * t;

        if (pass > 0 && t <= downtime_limit_s) {
            break;
        }
        if (hot > 0) {
            dirty += hot * -expm1(-(double)guest->hot_bytes_s * t / hot);
        }
        time += t;
        sent += left;
        left = MIN(dirty, memory);
    }
    d.downtime_s = left / rate;
    d.time_s = time + d.downtime_s;
    d.bytes = (uint64_t)(sent + left);
    d.converges = d.downtime_s <= downtime_limit_s;
    return d;
}
