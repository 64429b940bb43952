/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-plan-graph.c - graphs in METIS' format: a digit, how many parts, then the text
 */
#include "fuzz.h"

#include <glib.h>
#include <string.h>

#include "plan/check.h"
#include "plan/import.h"
#include "plan/state.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    size_t skip = size > 0;
    int64_t number = size > 0 ? text[0] - '0' : 1;
    g_autoptr(GError) error = NULL;
    g_autoptr(PlanModel) m = plan_import_graph(
        (PlanText){ text + skip, size - skip }, number, &error);

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
