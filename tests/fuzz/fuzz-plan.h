/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-plan.h - what holds of every model, wherever it came from
 */
#ifndef TESTS_FUZZ_PLAN_H
#define TESTS_FUZZ_PLAN_H

#include <string.h>

#include "fuzz.h"
#include "plan/check.h"
#include "plan/import.h"
#include "plan/state.h"

/** fuzz_plan_sums() - The search's sums and the checker agree */
static inline void
fuzz_plan_sums(const PlanModel *m, const PlanState *s)
{
    g_autoptr(PlanVerdict) verdict = plan_check(m, plan_state_hosts(s), 5);

    FUZZ_CHECK(verdict->cost == plan_state_score(s).cost);
    FUZZ_CHECK((verdict->n_broken == 0) ==
               (plan_state_score(s).violation == 0));
}

/** fuzz_plan_model() - A model, or an error instead of it; frees both */
static inline void
fuzz_plan_model(PlanModel *model, GError *error)
{
    g_autoptr(PlanModel) m = model;
    g_autoptr(GError) why = error;

    FUZZ_CHECK(!m == !!why);
    if (m) {
        g_autoptr(PlanState) s = plan_state_new(m, NULL);

        fuzz_plan_sums(m, s);
    }
}

/** fuzz_plan_split() - Two files in one: before and behind the first "=" */
static inline void
fuzz_plan_split(const uint8_t *data, size_t size, PlanText *first,
                PlanText *second)
{
    const char *text = (const char *)data;
    const char *cut = size ? memchr(text, '=', size) : NULL;
    size_t length = cut ? (size_t)(cut - text) : size;

    *first = (PlanText){ text, length };
    *second =
        (PlanText){ cut ? cut + 1 : text + size, cut ? size - length - 1 : 0 };
}

/** fuzz_plan_numbered() - A digit, which the number is, and the text */
static inline PlanText
fuzz_plan_numbered(const uint8_t *data, size_t size, int64_t *number)
{
    const char *text = (const char *)data;
    size_t skip = size > 0;

    *number = size > 0 ? text[0] - '0' : 1;
    return (PlanText){ text + skip, size - skip };
}

#endif
