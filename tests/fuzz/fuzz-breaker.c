/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-breaker.c - the circuit breaker's state, as a file may hold it
 *
 * What is taken is written and read again as the same state, and goes on alike;
 * what is refused says why.
 */
#include "fuzz.h"

#include <glib.h>
#include <string.h>

#include "policy/breaker.h"

static void
check_same(const BreakerState *a, const BreakerState *b)
{
    FUZZ_CHECK(a->level == b->level);
    FUZZ_CHECK(a->runs == b->runs);
    FUZZ_CHECK(a->good == b->good);
    FUZZ_CHECK(a->needed == b->needed);
    FUZZ_CHECK(strcmp(a->reason, b->reason) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const BreakerRun bad = { 9, 1, { true, 0.5 } };
    g_autoptr(JsonObject) json = jobj_parse((const char *)data, size, NULL);
    g_autoptr(JsonObject) written = NULL;
    g_autoptr(Breaker) breaker = NULL;
    g_autoptr(Breaker) again = NULL;
    g_autoptr(GError) error = NULL;
    BreakerSettings settings;
    BreakerState a, b;

    if (!json) {
        return 0;
    }
    breaker_settings_init(&settings);
    breaker = breaker_from_json(json, &settings, &error);
    FUZZ_CHECK(!breaker == !!error);
    if (!breaker) {
        FUZZ_CHECK(error->message[0]);
        return 0;
    }
    written = breaker_to_json(breaker);
    again = breaker_from_json(written, &settings, NULL);
    FUZZ_CHECK(again);
    breaker_state(breaker, &a);
    breaker_state(again, &b);
    check_same(&a, &b);
    for (unsigned i = 0; i < 12; i++) {
        breaker_add(breaker, &bad, &a);
        breaker_add(again, &bad, &b);
        check_same(&a, &b);
        FUZZ_CHECK(a.level < BREAKER_N_LEVELS);
    }
    return 0;
}
