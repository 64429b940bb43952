/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * observed.h - what a client on a third host saw of a guest
 *
 * The client writes a line for everything that came back (tools/experiment,
 * client.c); here the lines are read and summed up over a time. All times are
 * microseconds on the machine's monotonic clock, which client and runner share.
 *
 *   p SENT RTT              a probe, 10 ms apart, that was answered
 *   r DUE LATENCY BYTES     a request, from when it was due to its last byte
 *   s AT TICKS PAGES        the guest's own counters, as answered at AT
 *   e AT                    the client went on at least until then
 */
#ifndef EXPERIMENT_OBSERVED_H
#define EXPERIMENT_OBSERVED_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/known.h"

#define OBSERVED_PROBE_US 10000

#define OBSERVED_ERROR (observed_error_quark())
GQuark observed_error_quark(void);
typedef enum { OBSERVED_ERROR_LINE } ObservedErrorCode;

typedef struct Observed Observed;

/** observed_parse() - Lines of the client; a torn last line is left out.
 * Return: observed_free() it, NULL with OBSERVED_ERROR that names the line */
Observed *observed_parse(const char *text, size_t length, GError **error);
void observed_free(Observed *observed);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Observed, observed_free)

typedef struct ObservedWindow {
    unsigned probes;     /* answered in it */
    Known stall_ms;      /* longest silence to probes that began in it, less the
                         10 ms between two; it may last beyond its end */
    Known probe_ms;      /* median round trip */
    Known requests_s;    /* answered in it */
    Known bytes_s;       /* of them */
    Known latency_ms[3]; /* median, 95 %, 99 %, of those that were due in it */
    Known pages_s;       /* that the guest wrote, by its own count */
    Known ticks_s;       /* of its 10 ms clock: 100 where it got its time */
} ObservedWindow;

/** observed_window() - From @from_us on, up to @to_us */
void observed_window(const Observed *observed, int64_t from_us, int64_t to_us,
                     ObservedWindow *window);

#endif
