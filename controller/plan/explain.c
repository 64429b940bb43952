/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * explain.c - see explain.h
 */
#include "plan/explain.h"

#include <inttypes.h>

static void
say(GString *text, const char *what)
{
    g_string_append_printf(text, "%s%s", text->len ? "; " : "", what);
}

/* What is wrong with the guest's host as things are now */
static void
say_home(GString *text, const PlanModel *m, int32_t guest, int32_t home)
{
    const PlanHost *host = &m->hosts[home];

    if (host->closed) {
        say(text, "its host is closed");
    } else if (m->guests[guest].requires & ~host->features) {
        say(text, "its host lacks hardware that it requires");
    } else if (!plan_model_allows(m, guest, home)) {
        say(text, "it is not allowed on its host");
    }
    for (size_t r = 0; !host->closed && r < m->n_resources; r++) {
        int64_t limit = m->limit[(size_t)home * m->n_resources + r];
        int64_t use = 0;

        for (size_t g = 0; g < m->n_guests; g++) {
            if (m->guests[g].host == home) {
                use += m->demand[g * m->n_resources + r];
            }
        }
        if (use > limit) {
            g_autofree char *over = g_strdup_printf(
                "its host has %" PRId64 " of %" PRId64 " %s in use", use, limit,
                m->resources[r].name);

            say(text, over);
        }
    }
}

char *
plan_explain(const PlanState *target, int32_t guest)
{
    const PlanModel *m = plan_state_model(target);
    int32_t home = m->guests[guest].host;
    int32_t to = plan_state_hosts(target)[guest];
    GString *text = g_string_new(NULL);

    if (to == home || to == PLAN_NOWHERE) {
        return g_string_free(text, FALSE);
    }
    if (home == PLAN_NOWHERE) {
        say(text, "it waits to be booted");
        return g_string_free(text, FALSE);
    }
    say_home(text, m, guest, home);
    for (size_t i = 0; i < plan_state_terms(target); i++) {
        bool hard;
        int64_t value;
        const char *name = plan_state_term(target, i, &hard, &value);
        int64_t delta = plan_state_term_delta(target, i, guest, home);
        g_autofree char *change = NULL;

        if (delta == 0) {
            continue;
        }
        change = hard ? g_strdup_printf("if it stayed, the rule %s would be "
                                        "%s broken",
                                        name, delta > 0 ? "more" : "less")
                      : g_strdup_printf("%s %s%" PRId64 " if it stayed", name,
                                        delta > 0 ? "+" : "", delta);
        say(text, change);
    }
    if (text->len == 0) {
        say(text, "it could as well stay");
    }
    return g_string_free(text, FALSE);
}
