/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * oracle.c - run records out of results
 */
#include "tools/experiment/oracle.h"

#include <string.h>

#include "experiment/method.h"
#include "report/record-curve.h"
#include "tools/experiment/files.h"

char *
oracle_path(const char *folder, const Scenario *scenario,
            const PlannedRun *planned)
{
    g_autofree char *cell = planned_cell_name(scenario, planned);

    return g_strdup_printf("%s/oracles/%s.json", folder, cell);
}

static bool
can_serve(const char *text, gsize length, GError **error)
{
    g_autoptr(RunRecord) record = run_record_parse(text, length, error);
    ForecastCurve curve;

    return record && run_record_curve(record, &curve, error);
}

bool
oracle_is_there(const char *path, GError **error)
{
    g_autofree char *text = NULL;
    gsize length = 0;

    if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
        return false;
    }
    if (!g_file_get_contents(path, &text, &length, error)) {
        return false;
    }
    if (!can_serve(text, length, error)) {
        g_prefix_error(error, "%s, which the oracle would go by: ", path);
        return false;
    }
    return true;
}

bool
oracle_take(const char *path, const char *result, GError **error)
{
    g_autoptr(JsonObject) json = jobj_parse(result, strlen(result), error);
    JsonObject *record = json ? jobj_get(json, "record") : NULL;
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *text = record ? jobj_to_text(record, false) : NULL;

    if (!json) {
        return false;
    }
    if (!text) {
        g_set_error_literal(error, RECORD_ERROR, RECORD_ERROR_VALUE,
                            "it has no run record of vmferry");
        return false;
    }
    g_mkdir_with_parents(folder, 0755);
    return can_serve(text, strlen(text), error) &&
           g_file_set_contents(path, text, -1, error);
}

/* Under the default policy passes are of many lengths, to the shortest. */
static unsigned
rank(MethodKind kind)
{
    return kind == METHOD_DEFAULT ? 0 : kind == METHOD_LAST ? 1 : 2;
}

char *
oracle_find(const char *path, const char *folder, const Scenario *scenario,
            const PlannedRun *planned)
{
    for (unsigned wanted = 0; wanted <= 2; wanted++) {
        PlannedRun run = *planned;

        for (run.repetition = 1; run.repetition <= scenario->repetitions;
             run.repetition++) {
            for (run.method = 0; run.method < scenario->methods->len;
                 run.method++) {
                const ScenarioMethod *method = &g_array_index(
                    scenario->methods, ScenarioMethod, run.method);
                g_autofree char *name = planned_run_name(scenario, &run);
                g_autofree char *text = NULL;
                gsize length = 0;

                if (method_is_vmferry(method) && method->kind != METHOD_DRAIN &&
                    method->kind != METHOD_ORACLE &&
                    rank(method->kind) == wanted &&
                    files_has_run(folder, name) &&
                    files_read_run(folder, name, &text, &length, NULL) &&
                    oracle_take(path, text, NULL)) {
                    return g_steal_pointer(&name);
                }
            }
        }
    }
    return NULL;
}
