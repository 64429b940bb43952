/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-plan-huawei.c - Huawei's tables: the hosts, a line "=", the requests
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
    const char *cut = size ? memchr(text, '=', size) : NULL;
    size_t first = cut ? (size_t)(cut - text) : size;
    PlanText hosts = { text, first };
    PlanText requests = { cut ? cut + 1 : text + size,
                          cut ? size - first - 1 : 0 };
    g_autoptr(GError) error = NULL;
    g_autoptr(PlanModel) m = plan_import_huawei(hosts, requests, &error);

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
