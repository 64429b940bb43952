/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-plan-traces.c - archives of processor use, and the replay of them
 */
#include "fuzz.h"

#include <glib.h>

#include "plan/simulate.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(PlanTraces) traces =
        plan_traces_new((PlanText){ (const char *)data, size }, &error);

    FUZZ_CHECK(!traces == !!error);
    for (int rules = 0; traces && rules < PLAN_N_SIMULATE_RULES; rules++) {
        PlanSimulateQuery query = { .rules = (PlanSimulateRules)rules,
                                    .n_hosts = 6 };
        PlanSimulation r = plan_simulate(traces, &query);

        FUZZ_CHECK(r.slatah >= 0 && r.slatah <= 1);
        FUZZ_CHECK(r.energy_kwh >= 0);
    }
    return 0;
}
