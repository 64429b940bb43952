/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pareto.c - vmferry-plan pareto: what less of one objective costs
 */
#include "plan/pareto.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "plan/check.h"
#include "plan/format.h"
#include "tools/plan/commands.h"
#include "tools/plan/options.h"
#include "tools/plan/solve-options.h"

typedef struct Clock {
    int64_t start_us;
    double limit_s; /* of one point */
} Clock;

static void
begin(void *data)
{
    ((Clock *)data)->start_us = clock_mono_us();
}

static bool
stop(void *data, double *progress)
{
    const Clock *clock = data;

    *progress =
        (double)(clock_mono_us() - clock->start_us) / 1e6 / clock->limit_s;
    return *progress >= 1;
}

static void
print_json(const PlanModel *m, const char *term, const GPtrArray *points)
{
    g_autoptr(JsonObject) top = json_object_new_object();
    JsonObject *list = json_object_new_array();

    jobj_add_string(top, "term", term);
    for (guint i = 0; i < points->len; i++) {
        const PlanPoint *point = points->pdata[i];
        JsonObject *object = plan_format_write_placement(m, point->host_of);

        jobj_add_i64(object, "first", point->first);
        jobj_add_i64(object, "others", point->second);
        json_object_array_add(list, object);
    }
    jobj_add(top, "points", list);
    plan_options_print(top, true);
}

int
plan_pareto_main(int argc, char **argv)
{
    g_auto(SolveOptions) o = { 0 };
    g_autofree char *term = NULL;
    gint n_points = 8;
    gboolean json = FALSE;
    const GOptionEntry entries[] = {
        { "term", 'T', 0, G_OPTION_ARG_STRING, &term,
          "The objective set apart: hosts, energy, traffic, moves, load, ...",
          "TERM" },
        { "points", 'n', 0, G_OPTION_ARG_INT, &n_points,
          "Points to try, 8 if not said", "N" },
        { "json", 0, 0, G_OPTION_ARG_NONE, &json,
          "Print points and their placements as JSON", NULL },
        { NULL },
    };
    g_autoptr(PlanModel) m =
        solve_load(argc, argv, &o,
                   "What less of one objective costs of the others. Limits "
                   "are those of all points together.",
                   false, entries);
    g_autoptr(GPtrArray) points = NULL;
    g_autoptr(GError) error = NULL;
    PlanParetoQuery query = { 0 };
    Clock clock = { 0 };

    if (!m) {
        return 2;
    }
    if (!term || n_points < 2 || n_points > 10000) {
        return plan_options_fail("pareto",
                                 term ? "--points has to be 2 to 10000"
                                      : "--term is needed, \"hosts\" say");
    }
    clock.limit_s = o.solving.time_limit_s / n_points;
    query = (PlanParetoQuery){
        .term = term,
        .n_points = (size_t)n_points,
        .limits = { .work = o.solving.work_limit / (uint64_t)n_points,
                    .seed = o.solving.seed,
                    .stop = clock.limit_s > 0 ? stop : NULL,
                    .data = &clock },
        .begin = begin,
    };
    if (o.solving.work_limit && !query.limits.work) {
        query.limits.work = 1;
    }
    points = plan_pareto(m, &query, &error);
    if (!points) {
        return plan_options_fail("pareto", error->message);
    }
    for (guint i = 0; i < points->len; i++) {
        const PlanPoint *point = points->pdata[i];
        g_autoptr(PlanVerdict) verdict = plan_check(m, point->host_of, 1);

        if (verdict->n_broken ||
            verdict->cost != point->first + point->second) {
            return plan_options_fail("pareto",
                                     "the checker does not agree; please "
                                     "report this with the model");
        }
        if (!json) {
            printf("%s%20" PRId64 "  others %20" PRId64
                   "  hosts %6zu  moves %6zu\n",
                   term, point->first, point->second, verdict->n_active,
                   verdict->n_moved);
        }
    }
    if (json) {
        print_json(m, term, points);
    } else if (points->len == 0) {
        printf("no placement was found in which every rule holds\n");
    }
    return points->len ? 0 : 1;
}
