/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * result.c - a run as a value, and what can be measured of it
 */
#include "experiment/result.h"

#include <math.h>

G_DEFINE_QUARK(vmferry_result_error, result_error)

static const char *const status_names[] = {
    [RESULT_COMPLETED] = "completed",
    [RESULT_CUT_OFF] = "cut-off",
    [RESULT_FAILED] = "failed",
};
G_STATIC_ASSERT(G_N_ELEMENTS(status_names) == RESULT_N_STATUSES);

const char *
result_status_name(ResultStatus status)
{
    return status_names[status];
}

Result *
result_new(void)
{
    Result *result = g_new0(Result, 1);

    result->points = g_array_new(FALSE, FALSE, sizeof(ResultPoint));
    return result;
}

void
result_free(Result *result)
{
    if (!result) {
        return;
    }
    g_free(result->scenario);
    g_free(result->guest);
    g_free(result->wire);
    g_free(result->cross);
    g_free(result->method);
    g_free(result->started);
    g_free(result->message);
    g_free(result->disturbed_by);
    g_free(result->machine);
    g_array_unref(result->points);
    g_free(result);
}

/* What the application got done in a second. */
static Known
work(const ObservedWindow *window)
{
    return window->requests_s.known ? window->requests_s
           : known_or(window->pages_s, 0) > 0
               ? window->pages_s
               /* neither pages nor requests: the time that it got */
               : window->ticks_s;
}

static Known
share(Known part, Known whole)
{
    return part.known && known_or(whole, 0) > 0
               ? known(part.value / whole.value)
               : unknown();
}

static Known
plain_measure(const Result *result, Measure measure)
{
    switch (measure) {
    case MEASURE_TOTAL:
        return result->total_s;
    case MEASURE_DOWNTIME:
        return result->downtime_ms;
    case MEASURE_BYTES: /* in MiB */
        return result->bytes.known ? known(result->bytes.value / 1048576)
                                   : unknown();
    case MEASURE_APPLICATION:
        return share(work(&result->during), work(&result->before));
    case MEASURE_NEED:
        return share(result->during.requests_s, result->need_s);
    case MEASURE_LATENCY:
        return result->during.latency_ms[2].known ? result->during.latency_ms[2]
                                                  : unknown();
    case MEASURE_CROSS:
        return share(result->cross_during_bytes_s,
                     result->wire_bytes_s > 0
                         ? known((double)result->wire_bytes_s)
                         : result->cross_before_bytes_s);
    case MEASURE_STALL:
        return result->during.stall_ms;
    case MEASURE_OVER_LIMIT:
        return result->during.stall_ms.known
                   ? known(MAX(result->during.stall_ms.value -
                                   result->downtime_limit_ms,
                               0))
                   : unknown();
    case MEASURE_CPU:
        return result->busy;
    case MEASURE_N:
        break;
    }
    g_assert_not_reached();
}

bool
result_measure(const Result *result, Measure measure, Figure *figure)
{
    bool cut_off = result->status == RESULT_CUT_OFF;
    bool counted_on = measure == MEASURE_TOTAL || measure == MEASURE_BYTES;
    bool at_the_end = measure == MEASURE_DOWNTIME || measure == MEASURE_STALL ||
                      measure == MEASURE_OVER_LIMIT;
    Known value;

    if (result->status == RESULT_FAILED || (cut_off && at_the_end)) {
        return false;
    }
    value = cut_off && measure == MEASURE_TOTAL
                ? known(result->cut_off_s)
                : plain_measure(result, measure);
    if (!value.known || !isfinite(value.value)) {
        return false;
    }
    *figure = (Figure){ .value = value.value,
                        .bound = cut_off && counted_on ? BOUND_AT_LEAST
                                                       : BOUND_EXACT };
    return true;
}
