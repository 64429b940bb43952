/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * solve-options.c - see solve-options.h
 */
#include "tools/plan/solve-options.h"

#include "tools/plan/options.h"

void
solve_options_clear(SolveOptions *o)
{
    g_free(o->objective);
}

static char *
method_help(void)
{
    GString *text = g_string_new("Methods:\n");

    for (int i = 0; i < PLAN_N_METHODS; i++) {
        g_string_append_printf(text, "  %-8s %s\n",
                               plan_method_name((PlanMethod)i),
                               plan_method_help((PlanMethod)i));
    }
    return g_string_free(text, FALSE);
}

PlanModel *
solve_load(int argc, char **argv, SolveOptions *o, const char *summary,
           bool methods, const GOptionEntry *own)
{
    const GOptionEntry threads = {
        "threads",
        0,
        0,
        G_OPTION_ARG_INT,
        &o->solving.threads,
        "Searches side by side, the best of which counts; 2 if not said",
        "N"
    };
    const GOptionEntry shared[] = {
        { "time-limit", 't', 0, G_OPTION_ARG_DOUBLE, &o->solving.time_limit_s,
          "Seconds; 10 if neither limit is given", "S" },
        { "work-limit", 'w', 0, G_OPTION_ARG_INT64, &o->work,
          "Steps; alone, the same seed gives the same answer", "N" },
        { "seed", 0, 0, G_OPTION_ARG_INT64, &o->seed,
          "Of the random numbers, 1 if not said", "N" },
        { "objective", 'O', 0, G_OPTION_ARG_STRING, &o->objective,
          "Weights in place of the model's, \"hosts=1000,move=1\"",
          "TERM=WEIGHT,..." },
        { NULL },
    };
    g_autoptr(GArray) entries = g_array_new(TRUE, TRUE, sizeof(GOptionEntry));
    g_autofree char *help = methods ? method_help() : NULL;
    g_autofree char *all =
        help ? g_strdup_printf("%s\n\n%s", summary, help) : g_strdup(summary);
    g_autoptr(PlanModel) m = NULL;
    g_autoptr(GError) error = NULL;
    const char *command = argv[0];

    for (; own->long_name; own++) {
        g_array_append_val(entries, *own);
    }
    g_array_append_vals(entries, shared, G_N_ELEMENTS(shared) - 1);
    if (methods) {
        g_array_append_val(entries, threads);
    }
    o->seed = 1;
    o->solving.threads = 2;
    m = plan_options_model(argc, argv, "MODEL", all,
                           (GOptionEntry *)(void *)entries->data);
    if (!m) {
        return NULL;
    }
    if (o->solving.threads < 1 || o->solving.threads > 256) {
        plan_options_fail(command, "--threads has to be 1 to 256");
        return NULL;
    }
    if (!(o->solving.time_limit_s >= 0 && o->solving.time_limit_s <= 1e9) ||
        o->work < 0 || o->seed < 0) {
        plan_options_fail(command, "limits and seed have to be 0 or more, "
                                   "--time-limit 1e9 at most");
        return NULL;
    }
    if (o->objective && !solving_weights(m, o->objective, &error)) {
        plan_options_fail(command, error->message);
        return NULL;
    }
    if (o->solving.time_limit_s == 0 && o->work == 0) {
        o->solving.time_limit_s = 10;
    }
    o->solving.work_limit = (uint64_t)o->work;
    o->solving.seed = (uint64_t)o->seed;
    return g_steal_pointer(&m);
}
