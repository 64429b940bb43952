/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-plan-format.c - models from another hand
 *
 * A model taken, written and taken again is the same text; one that is refused
 * says why. Of whatever was taken, the search's sums and the checker agree.
 */
#include "fuzz-plan.h"

#include "plan/format.h"

static void
check_sums(const PlanModel *m)
{
    g_autoptr(PlanState) s = plan_state_new(m, NULL);

    if (m->n_hosts > 0) {
        for (size_t g = 0; g < m->n_guests && g < 50; g++) {
            plan_state_move(s, (int32_t)g, (int32_t)(g % m->n_hosts));
        }
    }
    fuzz_plan_sums(m, s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(PlanModel) m = plan_format_read((const char *)data, size, &error);
    g_autoptr(PlanModel) again = NULL;
    g_autoptr(JsonObject) once_json = NULL;
    g_autoptr(JsonObject) twice_json = NULL;
    g_autofree char *once = NULL;
    g_autofree char *twice = NULL;

    FUZZ_CHECK(!m == !!error);
    if (!m) {
        FUZZ_CHECK(g_utf8_validate(error->message, -1, NULL));
        return 0;
    }
    once_json = plan_format_write(m);
    once = jobj_to_text(once_json, false);
    again = plan_format_read(once, strlen(once), &error);
    FUZZ_CHECK(again);
    twice_json = plan_format_write(again);
    twice = jobj_to_text(twice_json, false);
    FUZZ_CHECK(strcmp(once, twice) == 0);
    check_sums(m);
    return 0;
}
