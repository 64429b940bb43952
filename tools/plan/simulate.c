/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * simulate.c - vmferry-plan simulate: traces replayed
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "plan/simulate.h"
#include "tools/plan/commands.h"
#include "tools/plan/files.h"
#include "tools/plan/options.h"

static void
print_json(const char *rules, const PlanTraces *traces, const PlanSimulation *r)
{
    g_autoptr(JsonObject) top = json_object_new_object();

    jobj_add_string(top, "rules", rules);
    jobj_add_u64(top, "guests", traces->n_guests);
    jobj_add_u64(top, "steps", traces->n_steps);
    jobj_add_u64(top, "unplaced", r->n_unplaced);
    jobj_add_double(top, "energy_kwh", r->energy_kwh);
    jobj_add_double(top, "floor_kwh", r->floor_kwh);
    jobj_add_u64(top, "migrations", r->migrations);
    jobj_add_double(top, "slatah", r->slatah);
    jobj_add_double(top, "pdm", r->pdm);
    jobj_add_double(top, "hosts_mean", r->hosts_mean);
    jobj_add_u64(top, "hosts_most", r->hosts_most);
    plan_options_print(top, true);
}

int
plan_simulate_main(int argc, char **argv)
{
    g_autofree char *rules = NULL;
    gboolean archive_order = FALSE;
    gboolean stay = FALSE;
    gboolean json = FALSE;
    gint n_hosts = 800;
    const GOptionEntry entries[] = {
        { "rules", 'r', 0, G_OPTION_ARG_STRING, &rules,
          "cloudsim (memory counts at creation only; if not said) or honest "
          "(memory counts always)",
          "RULES" },
        { "archive-order", 0, 0, G_OPTION_ARG_NONE, &archive_order,
          "Create guests in the order of the archive, not of an ext4 folder",
          NULL },
        { "hosts", 'n', 0, G_OPTION_ARG_INT, &n_hosts,
          "800 if not said, alternately of two types", "N" },
        { "stay", 0, 0, G_OPTION_ARG_NONE, &stay, "No migrations", NULL },
        { "json", 0, 0, G_OPTION_ARG_NONE, &json, "Print JSON", NULL },
        { NULL },
    };
    PlanText text;
    g_autoptr(GBytes) bytes =
        plan_options_file(argc, argv, "TRACES - replay a day of processor use",
                          "one archive of traces is expected", entries, &text);
    g_autoptr(GError) error = NULL;
    g_autoptr(PlanTraces) traces = NULL;
    PlanSimulateQuery query = { 0 };
    PlanSimulation result;

    if (!bytes) {
        return 2;
    }
    if (n_hosts < 1 || n_hosts > 1000000) {
        return plan_options_fail("simulate", "--hosts has to be 1 to 1000000");
    }
    while (rules && query.rules < PLAN_N_SIMULATE_RULES &&
           strcmp(rules, plan_simulate_rules_name(query.rules)) != 0) {
        query.rules++;
    }
    if (query.rules == PLAN_N_SIMULATE_RULES) {
        return plan_options_fail("simulate",
                                 "--rules is either cloudsim or honest");
    }
    traces = plan_traces_new(text, &error);
    if (!traces) {
        g_prefix_error(&error, "%s: ", argv[1]);
        return plan_options_fail("simulate", error->message);
    }
    if (!archive_order) {
        plan_traces_sort(traces);
    }
    query.n_hosts = (size_t)n_hosts;
    query.stay = stay;
    result = plan_simulate(traces, &query);
    if (json) {
        print_json(plan_simulate_rules_name(query.rules), traces, &result);
    } else {
        printf("rules      %s%s\n"
               "guests     %zu, %zu steps, %zu found no host\n"
               "energy     %.2f kWh; no placement needs less than %.2f\n"
               "migrations %" PRIu64 "\n"
               "SLATAH     %.2f %%\n"
               "PDM        %.3f %%\n"
               "hosts      %.1f in use on average, %zu at most\n",
               plan_simulate_rules_name(query.rules),
               stay ? ", no migrations" : "", traces->n_guests, traces->n_steps,
               result.n_unplaced, result.energy_kwh, result.floor_kwh,
               result.migrations, 100 * result.slatah, 100 * result.pdm,
               result.hosts_mean, result.hosts_most);
    }
    return result.n_unplaced ? 1 : 0;
}
