/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-plan-btrplace.c - BtrPlace's JSON
 */
#include "fuzz.h"

#include <glib.h>

#include "plan/check.h"
#include "plan/import.h"
#include "plan/state.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PlanText text = { (const char *)data, size };
    g_autoptr(GError) error = NULL;
    g_autoptr(PlanModel) m = plan_import_btrplace(text, &error);

    FUZZ_CHECK(!m == !!error);
    if (m) {
        g_autoptr(PlanState) s = plan_state_new(m, NULL);
        g_autoptr(PlanVerdict) verdict = plan_check(m, plan_state_hosts(s), 5);

        FUZZ_CHECK(verdict->cost == plan_state_score(s).cost);
        FUZZ_CHECK((verdict->n_broken == 0) ==
                   (plan_state_score(s).violation == 0));
    }
    return 0;
}
