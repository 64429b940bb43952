/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-observed.c - lines of an experiment's client
 *
 * Whatever they say, what is summed up over a window is finite and not below
 * zero, and a window of no length has nothing in it.
 */
#include "fuzz.h"

#include <glib.h>
#include <math.h>

#include "experiment/observed.h"

static void
check_known(Known value)
{
    FUZZ_CHECK(!value.known || (isfinite(value.value) && value.value >= 0));
}

static void
check_window(const Observed *observed, int64_t from_us, int64_t to_us)
{
    ObservedWindow window;

    observed_window(observed, from_us, to_us, &window);
    check_known(window.stall_ms);
    check_known(window.probe_ms);
    check_known(window.requests_s);
    check_known(window.bytes_s);
    for (size_t i = 0; i < G_N_ELEMENTS(window.latency_ms); i++) {
        check_known(window.latency_ms[i]);
    }
    check_known(window.pages_s);
    check_known(window.ticks_s);
    if (from_us == to_us) {
        FUZZ_CHECK(window.probes == 0 && !window.stall_ms.known &&
                   !window.requests_s.known);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Observed) observed =
        observed_parse((const char *)data, size, &error);

    if (!observed) {
        FUZZ_CHECK(error && error->domain == OBSERVED_ERROR);
        return 0;
    }
    check_window(observed, 0, 1000000);
    check_window(observed, 500, 500);
    check_window(observed, 20000, INT64_C(1) << 60);
    return 0;
}
