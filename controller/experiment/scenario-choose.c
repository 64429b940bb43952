/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scenario-choose.c - which of what is described is run
 *
 * [scenario] names methods and cross traffics in their order, sections of their
 * own give the settings.
 */
#include "experiment/scenario-choose.h"

#include <string.h>

#include "experiment/scenario-sections.h"

void
scenario_cross_clear(gpointer data)
{
    g_free(((ScenarioCross *)data)->name);
}

GArray *
scenario_list(size_t size, GDestroyNotify clear)
{
    GArray *list = g_array_new(FALSE, TRUE, (guint)size);

    g_array_set_clear_func(list, clear);
    return list;
}

/* Every element of these lists begins with its name. */
void *
scenario_find(GArray *list, const char *name)
{
    guint size = g_array_get_element_size(list);

    for (guint i = 0; i < list->len; i++) {
        char **element = (char **)(void *)(list->data + (gsize)size * i);

        if (strcmp(*element, name) == 0) {
            return element;
        }
    }
    return NULL;
}

/* Those that need no section. */
static char *
method_kinds(void)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (int i = 0; i < METHOD_N_KINDS; i++) {
        if (i != METHOD_BANDWIDTH) {
            g_ptr_array_add(names, (gpointer)method_kind_name((MethodKind)i));
        }
    }
    g_ptr_array_add(names, NULL);
    return g_strjoinv(", ", (char **)names->pdata);
}

void
scenario_choose_methods(Scenario *scenario, ScenarioReader *reader,
                        GArray *described)
{
    g_auto(GStrv) words = NULL;

    read_list(reader, "methods", &words);
    if (!words) {
        read_fail(reader, NULL, SCENARIO_ERROR_MISSING,
                  "needs methods = virsh, default, ...");
        return;
    }
    for (char **word = words; *word; word++) {
        ScenarioMethod *found = scenario_find(described, *word);
        ScenarioMethod method;
        MethodKind kind = scenario_method_kind(*word);

        if (found) {
            method = *found;
            *found = scenario_method("", METHOD_VIRSH); /* moved */
        } else if (kind == METHOD_N_KINDS || kind == METHOD_BANDWIDTH) {
            g_autofree char *kinds = method_kinds();

            read_fail(reader, "methods", SCENARIO_ERROR_VALUE,
                      "there is no section [method %s]%s%s", *word,
                      kind == METHOD_BANDWIDTH
                          ? ", with its bandwidth = MiB/s"
                          : ", and no method is called that; there are ",
                      kind == METHOD_BANDWIDTH ? "" : kinds);
            return;
        } else {
            method = scenario_method(*word, kind);
        }
        g_array_append_val(scenario->methods, method);
    }
    for (guint i = 0; i < described->len; i++) {
        const ScenarioMethod *left =
            &g_array_index(described, ScenarioMethod, i);

        if (*left->name) {
            read_fail(reader, "methods", SCENARIO_ERROR_VALUE,
                      "[method %s] is described and not named here",
                      left->name);
        }
    }
}

void
scenario_choose_crosses(Scenario *scenario, ScenarioReader *reader)
{
    g_auto(GStrv) words = NULL;
    GArray *chosen = scenario_list(sizeof(ScenarioCross), scenario_cross_clear);

    read_list(reader, "cross", &words);
    if (!words) {
        words = g_strsplit(scenario->crosses->len ? "" : "none", ",", -1);
    }
    for (guint i = 0; !*words && i < scenario->crosses->len; i++) {
        ScenarioCross copy = g_array_index(scenario->crosses, ScenarioCross, i);

        copy.name = g_strdup(copy.name);
        g_array_append_val(chosen, copy);
    }
    for (char **word = words; *word; word++) {
        const ScenarioCross *found = scenario_find(scenario->crosses, *word);
        ScenarioCross copy = { 0 };

        if (found) {
            copy = *found;
        } else if (strcmp(*word, "none") != 0) {
            read_fail(reader, "cross", SCENARIO_ERROR_VALUE,
                      "there is no section [cross %s]", *word);
        }
        copy.name = g_strdup(*word);
        g_array_append_val(chosen, copy);
    }
    g_array_unref(scenario->crosses);
    scenario->crosses = chosen;
}
