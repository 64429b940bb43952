/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sets.c - vmferry-plan sets: which guests belong side by side, by traffic
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "plan/patent.h"
#include "tools/plan/commands.h"
#include "tools/plan/options.h"

static void
print_set(const PlanModel *m, const GArray *set)
{
    for (guint i = 0; i < set->len; i++) {
        printf("%s%s", i ? " " : "",
               m->guests[g_array_index(set, int32_t, i)].name);
    }
    printf("\n");
}

static void
print_text(const PlanModel *m, const PlanPatent *p)
{
    const PlanAdjacency *a = p->adjacency;

    printf("distance  probability  smoothed   (mean %g)\n", a->mean);
    for (size_t i = 0; i < a->n_distances; i++) {
        printf("%8g  %11g  %8g\n", a->distances[i].value,
               a->distances[i].probability, a->distances[i].smoothed);
    }
    printf("\ncorrected adjacency\n");
    for (size_t e = 0; e < a->n_edges; e++) {
        printf("%s - %s: %g\n", m->guests[a->edges[e].a].name,
               m->guests[a->edges[e].b].name, a->edges[e].weight);
    }
    printf("\nclusters\n");
    for (guint k = 0; k < p->clusters->len; k++) {
        print_set(m, p->clusters->pdata[k]);
    }
    printf("\nsets, in the order of splitting\n");
    for (guint k = 0; k < p->sets->len; k++) {
        print_set(m, p->sets->pdata[k]);
    }
}

static JsonObject *
sets_to_json(const PlanModel *m, const GPtrArray *sets)
{
    JsonObject *list = json_object_new_array();

    for (guint k = 0; k < sets->len; k++) {
        const GArray *set = sets->pdata[k];
        JsonObject *names = json_object_new_array();

        for (guint i = 0; i < set->len; i++) {
            json_object_array_add(
                names, json_object_new_string(
                           m->guests[g_array_index(set, int32_t, i)].name));
        }
        json_object_array_add(list, names);
    }
    return list;
}

static void
print_json(const PlanModel *m, const PlanPatent *p)
{
    const PlanAdjacency *a = p->adjacency;
    g_autoptr(JsonObject) top = json_object_new_object();
    JsonObject *list = json_object_new_array();

    jobj_add_double(top, "mean", a->mean);
    for (size_t i = 0; i < a->n_distances; i++) {
        JsonObject *object = json_object_new_object();

        jobj_add_double(object, "distance", a->distances[i].value);
        jobj_add_double(object, "probability", a->distances[i].probability);
        jobj_add_double(object, "smoothed", a->distances[i].smoothed);
        json_object_array_add(list, object);
    }
    jobj_add(top, "distances", list);
    list = json_object_new_array();
    for (size_t e = 0; e < a->n_edges; e++) {
        JsonObject *object = json_object_new_object();

        jobj_add_string(object, "a", m->guests[a->edges[e].a].name);
        jobj_add_string(object, "b", m->guests[a->edges[e].b].name);
        jobj_add_double(object, "adjacency", a->edges[e].weight);
        json_object_array_add(list, object);
    }
    jobj_add(top, "adjacency", list);
    jobj_add(top, "clusters", sets_to_json(m, p->clusters));
    jobj_add(top, "sets", sets_to_json(m, p->sets));
    plan_options_print(top, true);
}

static bool
read_smoothing(const char *name, PlanSmoothing *smoothing)
{
    for (int i = 0; i < PLAN_N_SMOOTHINGS; i++) {
        if (strcmp(name, plan_smoothing_name((PlanSmoothing)i)) == 0) {
            *smoothing = (PlanSmoothing)i;
            return true;
        }
    }
    return false;
}

int
plan_sets_main(int argc, char **argv)
{
    PlanPatentQuery query = { .threshold = 0 };
    g_autofree char *smoothing = NULL;
    gint most = 0;
    gboolean json = FALSE;
    const GOptionEntry entries[] = {
        { "threshold", 't', 0, G_OPTION_ARG_DOUBLE, &query.threshold,
          "Adjacency that makes a cluster, 0 if not said", "A" },
        { "size", 'M', 0, G_OPTION_ARG_INT, &most,
          "Guests that a set may have; required", "M" },
        { "smoothing", 0, 0, G_OPTION_ARG_STRING, &smoothing,
          "probability (if not said), none or mean", "HOW" },
        { "json", 0, 0, G_OPTION_ARG_NONE, &json, "Print JSON", NULL },
        { NULL },
    };
    g_autoptr(PlanModel) m = plan_options_model(
        argc, argv, "MODEL",
        "Sets of guests that belong side by side, by minimum cuts of their "
        "traffic.",
        entries);
    g_autofree int32_t *host_of = NULL;
    g_autoptr(PlanPatent) p = NULL;

    if (!m) {
        return 2;
    }
    if (most < 1) {
        return plan_options_fail("sets", "--size has to be at least 1");
    }
    if (!isfinite(query.threshold)) {
        return plan_options_fail("sets", "--threshold has to be a number");
    }
    if (smoothing && !read_smoothing(smoothing, &query.smoothing)) {
        return plan_options_fail("sets",
                                 "--smoothing is probability, none or mean");
    }
    query.most = (size_t)most;
    host_of = plan_model_hosts(m);
    p = plan_patent_new(m, host_of, &query);
    (json ? print_json : print_text)(m, p);
    return 0;
}
