/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * compare-words.c - a comparison as text and as JSON
 *
 * Two experiments that were not made alike are compared all the same, for that
 * may be what somebody wants; but it is said.
 */
#include <string.h>

#include "experiment/compare.h"
#include "experiment/report-data-priv.h"

#define COMPARE_SCHEMA "vmferry-experiment-compare/1"

static void G_GNUC_PRINTF(2, 3) note(GPtrArray *notes, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_ptr_array_add(notes, g_strdup_vprintf(format, arguments));
    va_end(arguments);
}

/* What most were made with: of the first that says so. */
static const char *
machine_of(const GPtrArray *results)
{
    for (guint i = 0; i < results->len; i++) {
        const Result *result = g_ptr_array_index(results, i);

        if (result->machine) {
            return result->machine;
        }
    }
    return "what they do not say";
}

GPtrArray *
experiment_compare_notes(const Summary *earlier, const GPtrArray *before,
                         const Summary *later, const GPtrArray *after)
{
    GPtrArray *notes = g_ptr_array_new_with_free_func(g_free);
    const Scenario *old = earlier->scenario, *new = later->scenario;

    if (old->cut_off_s != new->cut_off_s) {
        note(notes,
             "runs were cut off after %g s in the earlier one, after "
             "%g s in the later",
             old->cut_off_s, new->cut_off_s);
    }
    if (old->downtime_limit_ms != new->downtime_limit_ms) {
        note(notes,
             "the downtime limit was %u ms in the earlier one, %u ms in "
             "the later",
             old->downtime_limit_ms, new->downtime_limit_ms);
    }
    if (strcmp(machine_of(before), machine_of(after)) != 0) {
        note(notes, "the earlier one was run with %s, the later with %s",
             machine_of(before), machine_of(after));
    }
    if (earlier->disturbed > 0 || later->disturbed > 0) {
        note(notes,
             "%u of %u runs were on a disturbed machine in the earlier "
             "one, %u of %u in the later",
             earlier->disturbed, earlier->runs, later->disturbed, later->runs);
    }
    return notes;
}

static void
count_kinds(const GArray *compared, unsigned counts[COMPARED_N])
{
    for (guint i = 0; i < compared->len; i++) {
        counts[g_array_index(compared, Compared, i).kind]++;
    }
}

static void
append_line(GString *out, const Summary *later, const Compared *one)
{
    g_autofree char *cell = summary_cell_name(later, one->cell);
    g_autofree char *ratio = estimate_text(&one->ratio);

    g_string_append_printf(
        out, "%-6s  %s, %s: ", compared_word(one->kind), cell,
        g_array_index(later->scenario->methods, ScenarioMethod, one->method)
            .name);
    if (one->measure == MEASURE_N) {
        g_string_append_printf(out, "%u of %u runs failed, %u of %u before\n",
                               one->later.failed, one->later.runs,
                               one->earlier.failed, one->earlier.runs);
    } else {
        g_string_append_printf(out, "%s %s\n", measure_name(one->measure),
                               ratio);
    }
}

char *
experiment_compare_text(const Summary *later, const GArray *compared,
                        const GPtrArray *notes, double tolerance)
{
    GString *out = g_string_new(NULL);
    unsigned counts[COMPARED_N] = { 0 };

    count_kinds(compared, counts);
    for (guint i = 0; i < compared->len; i++) {
        append_line(out, later, &g_array_index(compared, Compared, i));
    }
    for (guint i = 0; i < notes->len; i++) {
        g_string_append_printf(out, "note: %s.\n",
                               (char *)g_ptr_array_index(notes, i));
    }
    g_string_append_printf(
        out,
        "%u worse, %u better, %u alike, %u open. Ratios of medians, later to "
        "earlier, with\ntheir 95 %% interval; %g %% are let pass.\n",
        counts[COMPARED_WORSE], counts[COMPARED_BETTER], counts[COMPARED_ALIKE],
        counts[COMPARED_OPEN], 100 * tolerance);
    return g_string_free(out, FALSE);
}

static JsonObject *
failed_to_json(unsigned failed, unsigned runs)
{
    JsonObject *json = json_object_new_object();

    jobj_add_u64(json, "failed", failed);
    jobj_add_u64(json, "runs", runs);
    return json;
}

static JsonObject *
one_to_json(const Summary *later, const Compared *one)
{
    JsonObject *json = json_object_new_object();

    cell_to_json(json, later, one->cell);
    jobj_add_string(
        json, "method",
        g_array_index(later->scenario->methods, ScenarioMethod, one->method)
            .name);
    jobj_add_string(json, "verdict", compared_word(one->kind));
    if (one->measure == MEASURE_N) {
        jobj_add_string(json, "measure", "failed");
        jobj_add(json, "earlier",
                 failed_to_json(one->earlier.failed, one->earlier.runs));
        jobj_add(json, "later",
                 failed_to_json(one->later.failed, one->later.runs));
    } else {
        jobj_add_string(json, "measure", measure_name(one->measure));
        jobj_add(json, "ratio", estimate_to_json(&one->ratio));
    }
    return json;
}

char *
experiment_compare_json(const Summary *later, const GArray *compared,
                        const GPtrArray *notes, double tolerance)
{
    g_autoptr(JsonObject) top = json_object_new_object();
    JsonObject *list = json_object_new_array();
    JsonObject *said = json_object_new_array();
    unsigned counts[COMPARED_N] = { 0 };

    count_kinds(compared, counts);
    jobj_add_string(top, "schema", COMPARE_SCHEMA);
    jobj_add_double(top, "tolerance", tolerance);
    for (int i = 0; i < COMPARED_N; i++) {
        jobj_add_u64(top, compared_word((ComparedKind)i), counts[i]);
    }
    for (guint i = 0; i < notes->len; i++) {
        json_object_array_add(
            said, json_object_new_string(g_ptr_array_index(notes, i)));
    }
    for (guint i = 0; i < compared->len; i++) {
        json_object_array_add(
            list, one_to_json(later, &g_array_index(compared, Compared, i)));
    }
    jobj_add(top, "notes", said);
    jobj_add(top, "compared", list);
    return jobj_to_text(top, true);
}
