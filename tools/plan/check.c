/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check.c - vmferry-plan check: a placement judged by the separate checker
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "plan/check.h"
#include "tools/plan/commands.h"
#include "tools/plan/options.h"

static void
print_text(const PlanModel *m, const PlanVerdict *v)
{
    for (guint i = 0; i < v->broken->len; i++) {
        printf("broken: %s\n", (char *)v->broken->pdata[i]);
    }
    if (v->n_broken > v->broken->len) {
        printf("broken: %zu more\n", v->n_broken - v->broken->len);
    }
    printf("guests     %zu, %zu of them nowhere, %zu moved, %zu booted\n"
           "hosts      %zu, %zu of them in use\n"
           "violations %zu\n"
           "cost       %" PRId64 "\n",
           m->n_guests, v->n_unplaced, v->n_moved, v->n_booted, m->n_hosts,
           v->n_active, v->n_broken, v->cost);
}

static void
print_json(const PlanModel *m, const PlanVerdict *v)
{
    g_autoptr(JsonObject) top = json_object_new_object();

    jobj_add(top, "broken", jobj_new_strings(v->broken));
    jobj_add_u64(top, "violations", v->n_broken);
    jobj_add_u64(top, "guests", m->n_guests);
    jobj_add_u64(top, "unplaced", v->n_unplaced);
    jobj_add_u64(top, "moved", v->n_moved);
    jobj_add_u64(top, "booted", v->n_booted);
    jobj_add_u64(top, "hosts", m->n_hosts);
    jobj_add_u64(top, "active", v->n_active);
    jobj_add_i64(top, "cost", v->cost);
    plan_options_print(top, true);
}

int
plan_check_main(int argc, char **argv)
{
    g_autofree char *placement = NULL;
    gboolean json = FALSE;
    gint most = 20;
    const GOptionEntry entries[] = {
        { "placement", 'p', 0, G_OPTION_ARG_FILENAME, &placement,
          "Judge this one, not where the guests run now", "FILE" },
        { "most", 0, 0, G_OPTION_ARG_INT, &most,
          "List so many violations at most, 20 if not said", "N" },
        { "json", 0, 0, G_OPTION_ARG_NONE, &json, "Print JSON", NULL },
        { NULL },
    };
    g_autoptr(PlanModel) m = plan_options_model(
        argc, argv, "MODEL",
        "Which rules a placement breaks and what it costs.", entries);
    g_autofree int32_t *host_of = NULL;
    g_autoptr(PlanVerdict) verdict = NULL;

    if (!m) {
        return 2;
    }
    if (most < 0) {
        return plan_options_fail("check", "--most has to be 0 or more");
    }
    host_of =
        placement ? plan_options_placement(m, placement) : plan_model_hosts(m);
    if (!host_of) {
        return 2;
    }
    verdict = plan_check(m, host_of, (size_t)most);
    (json ? print_json : print_text)(m, verdict);
    return verdict->n_broken ? 1 : 0;
}
