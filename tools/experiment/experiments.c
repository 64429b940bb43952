/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * experiments.c - folders put together
 */
#include "tools/experiment/experiments.h"

#include <string.h>

#include "tools/experiment/files.h"

static void
experiment_free(gpointer data)
{
    Experiment *experiment = data;

    scenario_free(experiment->scenario);
    g_free(experiment->text);
    g_clear_pointer(&experiment->results, g_ptr_array_unref);
    g_free(experiment);
}

static Experiment *
find_named(const GPtrArray *list, const char *name)
{
    for (guint i = 0; i < list->len; i++) {
        Experiment *experiment = g_ptr_array_index(list, i);

        if (strcmp(experiment->scenario->name, name) == 0) {
            return experiment;
        }
    }
    return NULL;
}

static bool
is_same_run(const Result *a, const Result *b)
{
    return a->repetition == b->repetition && a->attempt == b->attempt &&
           strcmp(a->guest, b->guest) == 0 && strcmp(a->wire, b->wire) == 0 &&
           strcmp(a->cross, b->cross) == 0 && strcmp(a->method, b->method) == 0;
}

static bool
is_new(const Experiment *experiment, const Result *result, const char *folder,
       GError **error)
{
    for (guint i = 0; i < experiment->results->len; i++) {
        const Result *there = g_ptr_array_index(experiment->results, i);

        if (is_same_run(there, result)) {
            g_set_error(error, FILES_ERROR, FILES_ERROR_NO_EXPERIMENT,
                        "%s and %s: both hold repetition %u of %s, %s, %s, %s: "
                        "leave one out",
                        experiment->folder, folder, result->repetition,
                        result->guest, result->wire, result->cross,
                        result->method);
            return false;
        }
    }
    return true;
}

/* The results of another folder of the same scenario. */
static bool
join(Experiment *experiment, const char *folder, const char *text,
     GPtrArray *results, GError **error)
{
    if (strcmp(experiment->text, text) != 0) {
        g_set_error(error, FILES_ERROR, FILES_ERROR_NO_EXPERIMENT,
                    "%s and %s: scenarios of the same name, \"%s\", that are "
                    "not the same",
                    experiment->folder, folder, experiment->scenario->name);
        return false;
    }
    for (guint i = 0; i < results->len; i++) {
        if (!is_new(experiment, g_ptr_array_index(results, i), folder, error)) {
            return false;
        }
    }
    while (results->len > 0) {
        g_ptr_array_add(experiment->results,
                        g_ptr_array_steal_index(results, 0));
    }
    return true;
}

static int
run_compare(const void *left, const void *right)
{
    const Result *a = *(Result *const *)left, *b = *(Result *const *)right;
    int order = (int)a->repetition - (int)b->repetition;

    order = order ? order : strcmp(a->guest, b->guest);
    order = order ? order : strcmp(a->wire, b->wire);
    order = order ? order : strcmp(a->cross, b->cross);
    order = order ? order : strcmp(a->method, b->method);
    return order ? order : (int)a->attempt - (int)b->attempt;
}

GPtrArray *
experiments_load(char **folders, GError **error)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(experiment_free);

    for (char **folder = folders; *folder; folder++) {
        g_autoptr(Scenario) scenario = NULL;
        g_autoptr(GPtrArray) results = NULL;
        g_autofree char *text = NULL;
        Experiment *experiment;

        if (!files_load(*folder, &scenario, &text, &results, error)) {
            return NULL;
        }
        experiment = find_named(list, scenario->name);
        if (experiment) {
            if (!join(experiment, *folder, text, results, error)) {
                return NULL;
            }
            continue;
        }
        experiment = g_new0(Experiment, 1);
        experiment->folder = *folder;
        experiment->scenario = g_steal_pointer(&scenario);
        experiment->text = g_steal_pointer(&text);
        experiment->results = g_steal_pointer(&results);
        g_ptr_array_add(list, experiment);
    }
    /* whichever folder they came from */
    for (guint i = 0; i < list->len; i++) {
        g_ptr_array_sort(((Experiment *)g_ptr_array_index(list, i))->results,
                         run_compare);
    }
    return g_steal_pointer(&list);
}
