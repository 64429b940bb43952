/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * aim.c - see aim.h
 *
 * A forecast of passes of some 50 ms is no better than the slices in which QEMU
 * sends: it has to converge with room to spare, and if QEMU goes on all the
 * same, pass after pass as short as the last ones, the limit is raised step by
 * step: a few tenths of a second, where the guest would have been stopped for
 * longer than its user wants.
 *
 * In the first pass nothing is forecast yet, but a guest that writes nothing
 * stops at its end: the limit is set then, and taken back in the second if it
 * proves too small. The queue is measured with some noise, so that QEMU's limit
 * follows it in steps.
 */
#include "policy/aim.h"

#include <math.h>

#include "policy/policy-priv.h"

#define STEP_UP 1.5      /* from one limit that is tried to the next */
#define LONGER 1.1       /* a migration may get, ... */
#define LONGER_S 1.0     /* ... and by so much */
#define CHANGE_PART 0.25 /* smaller ones are not worth a call */
#define CHANGE_S 0.010
#define TO_SPARE 0.7   /* it has to converge with so much of the limit */
#define MOST_IN_VAIN 3 /* passes */

static bool
forecast_at(const AimInput *input, double limit_s, MigrationForecast *forecast)
{
    MigrationQuery query = {
        .pages_to_send = input->pages_to_send,
        .bandwidth_bytes_s = input->bandwidth_bytes_s,
        .downtime_limit_s = limit_s,
        .brief = true,
    };

    forecaster_migration(input->forecaster, &query, forecast);
    return forecast->verdict_known;
}

/* The least limit from @wanted_s up that hardly changes when it ends. */
static double
bearable(const AimInput *input, double wanted_s)
{
    MigrationForecast at_limit, at;
    double limit_s = wanted_s;

    if (!input->forecaster || forecaster_rows(input->forecaster) == 0 ||
        !(input->bandwidth_bytes_s > 0.0) ||
        !forecast_at(input, input->limit_s, &at_limit)) {
        return wanted_s;
    }
    if (!at_limit.converges) {
        return input->limit_s; /* whoever sees to that shall have all of it */
    }
    while (limit_s < input->limit_s) {
        if (forecast_at(input, TO_SPARE * limit_s, &at) && at.converges &&
            at.time_s.value <= LONGER * at_limit.time_s.value + LONGER_S) {
            return limit_s;
        }
        limit_s *= STEP_UP;
    }
    return input->limit_s;
}

void
aim_choose(const AimInput *input, Aim *aim)
{
    double least_s = fmin(AIM_LEAST_S, input->limit_s), wanted_s;

    *aim = (Aim){ .limit_s = input->in_force_s, .floor_s = input->floor_s };
    if (!input->queued_bytes.known || !input->drain_bytes_s.known ||
        !(input->drain_bytes_s.value > 0.0) || !(input->limit_s > 0.0)) {
        g_snprintf(aim->reason, sizeof(aim->reason),
                   "what waits in the stream's socket is not known");
        return;
    }
    aim->queue_s = input->queued_bytes.value / input->drain_bytes_s.value;
    wanted_s = input->limit_s - aim->queue_s - input->fixed_s;
    if (input->in_vain >= MOST_IN_VAIN) {
        aim->floor_s = fmax(aim->floor_s, STEP_UP * input->in_force_s);
    }
    least_s = fmin(fmax(least_s, aim->floor_s), input->limit_s);
    aim->limit_s = bearable(input, fmax(wanted_s, least_s));
    aim->is_held_back = aim->limit_s > fmax(wanted_s, 0.0) + 1e-6;
    if (fabs(aim->limit_s - input->in_force_s) <=
        fmax(CHANGE_S, CHANGE_PART * input->in_force_s)) {
        aim->limit_s = input->in_force_s;
    }
    aim->change = aim->limit_s != input->in_force_s;
    g_snprintf(aim->reason, sizeof(aim->reason),
               "QEMU's downtime limit is %.0f ms, for %.0f ms wait in the "
               "socket (%.1f MB at %.1f Mbit/s) and the switchover takes "
               "some %.0f ms of the %.0f ms%s",
               aim->limit_s * 1e3, aim->queue_s * 1e3,
               input->queued_bytes.value / 1e6,
               policy_mbit(input->drain_bytes_s.value), input->fixed_s * 1e3,
               input->limit_s * 1e3,
               !aim->is_held_back ? ""
               : aim->limit_s > fmax(wanted_s, AIM_LEAST_S) + 1e-6
                   ? "; with less it would not converge, or much later"
                   : "; less it is never given");
}
