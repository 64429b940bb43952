/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-data.c - the summary as CSV and JSON
 */
#include "experiment/report.h"

#include <string.h>

#include "base/json.h"
#include "experiment/report-data-priv.h"

#define REPORT_SCHEMA "vmferry-experiment-report/1"

static const char *const bound_names[] = {
    [BOUND_EXACT] = "exact",
    [BOUND_AT_LEAST] = "at-least",
    [BOUND_AT_MOST] = "at-most",
    [BOUND_OPEN] = "open",
};
G_STATIC_ASSERT(G_N_ELEMENTS(bound_names) == BOUND_N);

static void
append_field(GString *out, const char *text)
{
    if (strpbrk(text, ",\"\n\r")) {
        g_auto(GStrv) parts = g_strsplit(text, "\"", -1);
        g_autofree char *doubled = g_strjoinv("\"\"", parts);

        g_string_append_printf(out, "\"%s\",", doubled);
    } else {
        g_string_append_printf(out, "%s,", text);
    }
}

/* Six digits: more than is known of any of these. */
static void
append_number(GString *out, double number)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    g_string_append(out, g_ascii_formatd(text, sizeof(text), "%.6g", number));
}

static void
append_estimate(GString *out, const Estimate *estimate)
{
    g_string_append_printf(out, ",%zu", estimate->n);
    g_string_append_c(out, ',');
    if (estimate->n > 0) {
        append_number(out, estimate->median.value);
    }
    g_string_append_c(out, ',');
    if (estimate->n > 0) {
        g_string_append(out, bound_names[estimate->median.bound]);
    }
    for (int i = 0; i < 2; i++) {
        g_string_append_c(out, ',');
        if (estimate->interval) {
            append_number(out, i ? estimate->high.value : estimate->low.value);
        }
    }
}

char *
experiment_csv(const Summary *summary)
{
    const Scenario *scenario = summary->scenario;
    GString *out = g_string_new(
        "scenario,guest,wire,cross,method,measure,n,median,bound,low,high,"
        "pairs,ratio,ratio_bound,ratio_low,ratio_high\n");

    for (guint c = 0; c < summary->cells->len; c++) {
        const SummaryCell *cell =
            &g_array_index(summary->cells, SummaryCell, c);

        for (guint m = 0; m < scenario->methods->len; m++) {
            for (int i = 0; i < MEASURE_N; i++) {
                if (cell->methods[m].measures[i].n == 0) {
                    continue;
                }
                append_field(out, scenario->name);
                append_field(out, g_array_index(scenario->guests, ScenarioGuest,
                                                cell->guest)
                                      .name);
                append_field(out, g_array_index(scenario->wires, ScenarioWire,
                                                cell->wire)
                                      .name);
                append_field(out, g_array_index(scenario->crosses,
                                                ScenarioCross, cell->cross)
                                      .name);
                append_field(
                    out,
                    g_array_index(scenario->methods, ScenarioMethod, m).name);
                g_string_append(out, measure_name((Measure)i));
                append_estimate(out, &cell->methods[m].measures[i]);
                append_estimate(out, &cell->methods[m].ratios[i]);
                g_string_append_c(out, '\n');
            }
        }
    }
    return g_string_free(out, FALSE);
}

char *
experiment_runs_csv(const Summary *summary, const GPtrArray *results)
{
    GString *out = g_string_new(
        "scenario,guest,wire,cross,method,repetition,order,attempt,status,"
        "disturbed");

    for (int i = 0; i < MEASURE_N; i++) {
        g_string_append_printf(out, ",%s,%s_bound", measure_name((Measure)i),
                               measure_name((Measure)i));
    }
    g_string_append_c(out, '\n');
    for (guint r = 0; r < results->len; r++) {
        const Result *result = g_ptr_array_index(results, r);

        if (summary->undisturbed_only && result->disturbed) {
            continue;
        }
        append_field(out, result->scenario);
        append_field(out, result->guest);
        append_field(out, result->wire);
        append_field(out, result->cross);
        append_field(out, result->method);
        g_string_append_printf(out, "%u,%u,%u,%s,%d", result->repetition,
                               result->order, result->attempt,
                               result_status_name(result->status),
                               result->disturbed);
        for (int i = 0; i < MEASURE_N; i++) {
            Figure figure;

            g_string_append_c(out, ',');
            if (result_measure(result, (Measure)i, &figure)) {
                append_number(out, figure.value);
                g_string_append_printf(out, ",%s", bound_names[figure.bound]);
            } else {
                g_string_append_c(out, ',');
            }
        }
        g_string_append_c(out, '\n');
    }
    return g_string_free(out, FALSE);
}

static JsonObject *
figure_to_json(Figure figure)
{
    JsonObject *json = json_object_new_object();

    jobj_add_double(json, "value", figure.value);
    jobj_add_string(json, "bound", bound_names[figure.bound]);
    return json;
}

JsonObject *
estimate_to_json(const Estimate *estimate)
{
    JsonObject *json = json_object_new_object();

    jobj_add_u64(json, "n", estimate->n);
    jobj_add_u64(json, "bounded", estimate->bounded);
    jobj_add(json, "median",
             estimate->n > 0 ? figure_to_json(estimate->median) : NULL);
    jobj_add(json, "low",
             estimate->interval ? figure_to_json(estimate->low) : NULL);
    jobj_add(json, "high",
             estimate->interval ? figure_to_json(estimate->high) : NULL);
    return json;
}

static JsonObject *
method_to_json(const SummaryMethod *method, const char *name, bool first)
{
    JsonObject *json = json_object_new_object();
    JsonObject *measures = json_object_new_object();
    JsonObject *ratios = json_object_new_object();

    jobj_add_string(json, "method", name);
    jobj_add_u64(json, "runs", method->runs);
    jobj_add_u64(json, "completed", method->completed);
    jobj_add_u64(json, "cut_off", method->cut_off);
    jobj_add_u64(json, "failed", method->failed);
    jobj_add_u64(json, "disturbed", method->disturbed);
    for (int i = 0; i < MEASURE_N; i++) {
        if (method->measures[i].n > 0) {
            jobj_add(measures, measure_name((Measure)i),
                     estimate_to_json(&method->measures[i]));
        }
        if (!first && method->ratios[i].n > 0) {
            jobj_add(ratios, measure_name((Measure)i),
                     estimate_to_json(&method->ratios[i]));
        }
    }
    jobj_add(json, "measures", measures);
    jobj_add(json, "ratios", ratios);
    return json;
}

void
cell_to_json(JsonObject *json, const Summary *summary, const SummaryCell *cell)
{
    const Scenario *scenario = summary->scenario;

    jobj_add_string(
        json, "guest",
        g_array_index(scenario->guests, ScenarioGuest, cell->guest).name);
    jobj_add_string(
        json, "wire",
        g_array_index(scenario->wires, ScenarioWire, cell->wire).name);
    jobj_add_string(
        json, "cross",
        g_array_index(scenario->crosses, ScenarioCross, cell->cross).name);
}

static JsonObject *
verdict_to_json(const Summary *summary, const Verdict *verdict)
{
    JsonObject *json = json_object_new_object();
    g_autofree char *words = claim_words(verdict->claim);

    jobj_add_string(json, "claim", verdict->claim->name);
    jobj_add_string(json, "title", words);
    if (verdict->cell) {
        cell_to_json(json, summary, verdict->cell);
    }
    jobj_add_string(json, "verdict", verdict_word(verdict->kind));
    jobj_add_known(json, "at_most", verdict->claim->at_most);
    jobj_add_known(json, "at_least", verdict->claim->at_least);
    jobj_add_known(json, "share", verdict->share);
    jobj_add(json, "effect", estimate_to_json(&verdict->effect));
    return json;
}

char *
experiment_json(const Summary *summary)
{
    const GArray *methods = summary->scenario->methods;
    g_autoptr(JsonObject) top = json_object_new_object();
    JsonObject *verdicts = json_object_new_array();
    JsonObject *cells = json_object_new_array();

    jobj_add_string(top, "schema", REPORT_SCHEMA);
    jobj_add_string(top, "scenario", summary->scenario->name);
    jobj_add_u64(top, "runs", summary->runs);
    jobj_add_u64(top, "planned", summary->planned);
    jobj_add_u64(top, "disturbed", summary->disturbed);
    jobj_add_u64(top, "failed", summary->failed);
    for (guint i = 0; i < summary->verdicts->len; i++) {
        json_object_array_add(
            verdicts, verdict_to_json(summary, &g_array_index(summary->verdicts,
                                                              Verdict, i)));
    }
    for (guint c = 0; c < summary->cells->len; c++) {
        const SummaryCell *cell =
            &g_array_index(summary->cells, SummaryCell, c);
        JsonObject *json = json_object_new_object();
        JsonObject *list = json_object_new_array();

        cell_to_json(json, summary, cell);
        for (guint m = 0; m < methods->len; m++) {
            json_object_array_add(
                list,
                method_to_json(&cell->methods[m],
                               g_array_index(methods, ScenarioMethod, m).name,
                               m == 0));
        }
        jobj_add(json, "methods", list);
        json_object_array_add(cells, json);
    }
    jobj_add(top, "verdicts", verdicts);
    jobj_add(top, "cells", cells);
    return jobj_to_text(top, true);
}
