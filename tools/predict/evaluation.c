/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * evaluation.c - scores of models by group and by trace, and how they print
 *
 * A group's rows are pooled, so that a long run weighs more in it than a short
 * one; the mean of the groups has each weigh the same.
 */
#include "tools/predict/evaluation.h"

#include <string.h>

#include "base/json.h"

G_DEFINE_QUARK(vmferry_predict_evaluation_error, evaluation_error)

/* Some runs and the scores of the models shown over them, pooled. */
typedef struct Scored {
    const char *group;
    const char *trace; /* NULL: all of the group */
    Score *scores;
} Scored;

typedef struct Evaluation {
    const Replay *replay;
    size_t n_models;
    size_t models[REPLAY_MAX_MODELS]; /* shown, by index in the replay */
    GArray *groups;                   /* Scored */
    GArray *traces;                   /* Scored */
    Score *mean;
} Evaluation;

static void
scored_clear(gpointer data)
{
    g_free(((Scored *)data)->scores);
}

static void
evaluation_clear(Evaluation *evaluation)
{
    g_clear_pointer(&evaluation->groups, g_array_unref);
    g_clear_pointer(&evaluation->traces, g_array_unref);
    g_free(evaluation->mean);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Evaluation, evaluation_clear)

static const TraceRow *
first_row(const ReplayRun *run)
{
    return &g_array_index(run->table->rows, TraceRow, run->first);
}

static bool
choose_models(Evaluation *evaluation, char **wanted, GError **error)
{
    const Replay *replay = evaluation->replay;

    for (size_t i = 0; i < replay->n_models; i++) {
        if (!wanted ||
            g_strv_contains((const char *const *)wanted, replay->names[i])) {
            evaluation->models[evaluation->n_models++] = i;
        }
    }
    for (char **name = wanted; name && *name; name++) {
        bool any = false;

        for (size_t i = 0; i < replay->n_models; i++) {
            any = any || strcmp(replay->names[i], *name) == 0;
        }
        if (!any) {
            g_autoptr(GString) list = g_string_new(NULL);

            for (size_t i = 0; i < replay->n_models; i++) {
                g_string_append_printf(list, "%s%s", i ? ", " : "",
                                       replay->names[i]);
            }
            g_set_error(error, EVALUATION_ERROR, EVALUATION_ERROR_MODEL,
                        "there is no model \"%s\"; the models are %s", *name,
                        list->str);
            return false;
        }
    }
    return true;
}

static void
add_scored(Evaluation *evaluation, GArray *to, const char *group,
           const char *trace)
{
    const GPtrArray *all = evaluation->replay->runs;
    g_autofree ReplayRun **runs = g_new(ReplayRun *, all->len);
    Scored scored = { group, trace, g_new0(Score, evaluation->n_models) };
    size_t n = 0;

    for (guint i = 0; i < all->len; i++) {
        ReplayRun *run = g_ptr_array_index(all, i);

        if (strcmp(first_row(run)->group, group) == 0 &&
            (!trace || strcmp(first_row(run)->trace, trace) == 0)) {
            runs[n++] = run;
        }
    }
    for (size_t i = 0; i < evaluation->n_models; i++) {
        score_runs(runs, n, evaluation->models[i], &scored.scores[i]);
    }
    g_array_append_val(to, scored);
}

static bool
has(const GArray *list, const char *group, const char *trace)
{
    for (guint i = 0; i < list->len; i++) {
        const Scored *scored = &g_array_index(list, Scored, i);

        if (strcmp(scored->group, group) == 0 &&
            g_strcmp0(scored->trace, trace) == 0) {
            return true;
        }
    }
    return false;
}

static bool
collect(Evaluation *evaluation, char **wanted, GError **error)
{
    const GPtrArray *runs = evaluation->replay->runs;
    g_autoptr(GString) all = g_string_new(NULL);

    for (guint i = 0; i < runs->len; i++) {
        const TraceRow *row = first_row(g_ptr_array_index(runs, i));

        if (wanted &&
            !g_strv_contains((const char *const *)wanted, row->group)) {
            continue;
        }
        if (!has(evaluation->groups, row->group, NULL)) {
            add_scored(evaluation, evaluation->groups, row->group, NULL);
        }
        if (!has(evaluation->traces, row->group, row->trace)) {
            add_scored(evaluation, evaluation->traces, row->group, row->trace);
        }
    }
    for (char **name = wanted; name && *name; name++) {
        if (has(evaluation->groups, *name, NULL)) {
            continue;
        }
        for (guint i = 0; i < runs->len; i++) {
            const char *group = first_row(g_ptr_array_index(runs, i))->group;

            if (i == 0 ||
                strcmp(group,
                       first_row(g_ptr_array_index(runs, i - 1))->group) != 0) {
                g_string_append_printf(all, "%s%s", i ? ", " : "", group);
            }
        }
        g_set_error(error, EVALUATION_ERROR, EVALUATION_ERROR_GROUP,
                    "there is no group \"%s\" in the traces; they have %s",
                    *name, all->str);
        return false;
    }
    return true;
}

static bool
average(Evaluation *evaluation, GError **error)
{
    guint n = evaluation->groups->len;
    g_autofree Score *column = g_new(Score, MAX(n, 1));
    unsigned scored = 0;

    evaluation->mean = g_new0(Score, MAX(evaluation->n_models, 1));
    for (size_t m = 0; m < evaluation->n_models; m++) {
        for (guint g = 0; g < n; g++) {
            column[g] = g_array_index(evaluation->groups, Scored, g).scores[m];
        }
        score_mean(column, n, &evaluation->mean[m]);
        scored += evaluation->mean[m].n;
    }
    if (scored == 0) {
        g_set_error_literal(error, EVALUATION_ERROR, EVALUATION_ERROR_EMPTY,
                            "no row can be scored: it takes passes after the "
                            "first that are not merged, not final and whose "
                            "dirty pages are known");
        return false;
    }
    return true;
}

static const char *
model_name(const Evaluation *evaluation, size_t i)
{
    return evaluation->replay->names[evaluation->models[i]];
}

/* --- JSON --------------------------------------------------------------- */

static JsonObject *
score_to_json(const Score *score)
{
    JsonObject *object = json_object_new_object();
    JsonObject *histories = json_object_new_object();

    jobj_add_u64(object, "n", score->n);
    jobj_add_u64(object, "abstained", score->abstained);
    jobj_add_known(object, "mape", score->mape);
    jobj_add_known(object, "median_ape", score->median_ape);
    jobj_add_known(object, "wape", score->wape);
    jobj_add_known(object, "log_error", score->log_error);
    jobj_add_known(object, "over_50", score->over_50);
    jobj_add_known(object, "coverage_80", score->coverage_80);
    for (size_t h = 0; h < SCORE_N_HISTORIES; h++) {
        JsonObject *part = json_object_new_object();

        jobj_add_u64(part, "n", score->by_history[h].n);
        jobj_add_known(part, "mape", score->by_history[h].mape);
        jobj_add(histories, score_history_names[h], part);
    }
    jobj_add(object, "by_history", histories);
    return object;
}

static JsonObject *
models_to_json(const Evaluation *evaluation, const Score *scores)
{
    JsonObject *models = json_object_new_object();

    for (size_t i = 0; i < evaluation->n_models; i++) {
        jobj_add(models, model_name(evaluation, i), score_to_json(&scores[i]));
    }
    return models;
}

static char *
print_json(const Evaluation *evaluation)
{
    g_autoptr(JsonObject) top = json_object_new_object();
    JsonObject *groups = json_object_new_array();

    for (guint g = 0; g < evaluation->groups->len; g++) {
        const Scored *group = &g_array_index(evaluation->groups, Scored, g);
        JsonObject *object = json_object_new_object();
        JsonObject *traces = json_object_new_array();

        jobj_add_string(object, "group", group->group);
        jobj_add(object, "models", models_to_json(evaluation, group->scores));
        for (guint t = 0; t < evaluation->traces->len; t++) {
            const Scored *trace = &g_array_index(evaluation->traces, Scored, t);
            JsonObject *one;

            if (strcmp(trace->group, group->group) != 0) {
                continue;
            }
            one = json_object_new_object();
            jobj_add_string(one, "trace", trace->trace);
            jobj_add(one, "models", models_to_json(evaluation, trace->scores));
            json_object_array_add(traces, one);
        }
        jobj_add(object, "traces", traces);
        json_object_array_add(groups, object);
    }
    jobj_add(top, "groups", groups);
    jobj_add(top, "mean_of_groups",
             models_to_json(evaluation, evaluation->mean));
    return jobj_to_text(top, true);
}

/* --- CSV ---------------------------------------------------------------- */

/* Quoted as in RFC 4180 where needed. */
static void
append_name(GString *out, const char *name)
{
    if (!strpbrk(name, ",\"\r\n")) {
        g_string_append(out, name);
        return;
    }
    g_string_append_c(out, '"');
    for (; *name; name++) {
        g_string_append(out, *name == '"' ? "\"\"" : "");
        if (*name != '"') {
            g_string_append_c(out, *name);
        }
    }
    g_string_append_c(out, '"');
}

static void
append_known(GString *out, Known value, const char *format)
{
    char digits[G_ASCII_DTOSTR_BUF_SIZE] = "";

    if (value.known) {
        g_ascii_formatd(digits, sizeof(digits), format, value.value);
    }
    g_string_append_printf(out, ",%s", digits);
}

static void
append_csv(GString *out, const Evaluation *evaluation, const char *group,
           const char *trace, const Score *scores)
{
    for (size_t i = 0; i < evaluation->n_models; i++) {
        const Score *score = &scores[i];

        append_name(out, group);
        g_string_append_c(out, ',');
        append_name(out, trace);
        g_string_append_printf(out, ",%s,%u,%u", model_name(evaluation, i),
                               score->n, score->abstained);
        append_known(out, score->mape, "%.4f");
        append_known(out, score->median_ape, "%.4f");
        append_known(out, score->wape, "%.4f");
        append_known(out, score->log_error, "%.5f");
        append_known(out, score->over_50, "%.4f");
        append_known(out, score->coverage_80, "%.4f");
        for (size_t h = 0; h < SCORE_N_HISTORIES; h++) {
            g_string_append_printf(out, ",%u", score->by_history[h].n);
            append_known(out, score->by_history[h].mape, "%.4f");
        }
        g_string_append_c(out, '\n');
    }
}

/* An empty trace is all of the group, an empty group the mean of all. */
static char *
print_csv(const Evaluation *evaluation)
{
    GString *out = g_string_new("group,trace,model,n,abstained,mape,"
                                "median_ape,wape,log_error,over_50,"
                                "coverage_80");

    for (size_t h = 0; h < SCORE_N_HISTORIES; h++) {
        g_string_append_printf(out, ",n_%s,mape_%s", score_history_names[h],
                               score_history_names[h]);
    }
    g_string_append_c(out, '\n');
    for (guint g = 0; g < evaluation->groups->len; g++) {
        const Scored *group = &g_array_index(evaluation->groups, Scored, g);

        append_csv(out, evaluation, group->group, "", group->scores);
    }
    for (guint t = 0; t < evaluation->traces->len; t++) {
        const Scored *trace = &g_array_index(evaluation->traces, Scored, t);

        append_csv(out, evaluation, trace->group, trace->trace, trace->scores);
    }
    append_csv(out, evaluation, "", "", evaluation->mean);
    return g_string_free(out, FALSE);
}

/* --- text --------------------------------------------------------------- */

static void
append_cell(GString *out, Known value, int width, const char *format)
{
    char digits[G_ASCII_DTOSTR_BUF_SIZE] = "-";

    if (value.known) {
        g_ascii_formatd(digits, sizeof(digits), format, value.value);
    }
    g_string_append_printf(out, " %*s", width, digits);
}

static void
append_table(GString *out, const Evaluation *evaluation, const char *title,
             const Score *scores)
{
    g_string_append_printf(out, "%s%s\n", out->len ? "\n" : "", title);
    g_string_append_printf(out,
                           "%-14s %5s %5s %6s %6s %6s %6s %5s %5s |%6s %6s "
                           "%6s %6s\n",
                           "model", "n", "abst", "MAPE", "median", "WAPE",
                           "logerr", ">50", "in80", "1", "2-6", "7-15", "16+");
    for (size_t i = 0; i < evaluation->n_models; i++) {
        const Score *score = &scores[i];

        g_string_append_printf(out, "%-14s %5u %5u", model_name(evaluation, i),
                               score->n, score->abstained);
        append_cell(out, score->mape, 6, "%.1f");
        append_cell(out, score->median_ape, 6, "%.1f");
        append_cell(out, score->wape, 6, "%.1f");
        append_cell(out, score->log_error, 6, "%.3f");
        append_cell(out, score->over_50, 5, "%.1f");
        append_cell(out, score->coverage_80, 5, "%.1f");
        g_string_append(out, " |");
        for (size_t h = 0; h < SCORE_N_HISTORIES; h++) {
            append_cell(out, score->by_history[h].mape, h ? 6 : 5, "%.1f");
        }
        g_string_append_c(out, '\n');
    }
}

static char *
print_text(const Evaluation *evaluation, bool traces)
{
    GString *out = g_string_new(NULL);
    unsigned unplanned = 0;

    for (guint g = 0; g < evaluation->groups->len; g++) {
        const Scored *group = &g_array_index(evaluation->groups, Scored, g);

        append_table(out, evaluation, group->group, group->scores);
        for (guint t = 0; traces && t < evaluation->traces->len; t++) {
            const Scored *trace = &g_array_index(evaluation->traces, Scored, t);

            if (strcmp(trace->group, group->group) == 0) {
                append_table(out, evaluation, trace->trace, trace->scores);
            }
        }
    }
    if (evaluation->groups->len > 1) {
        append_table(out, evaluation, "mean of groups", evaluation->mean);
    }
    for (guint i = 0; i < evaluation->replay->runs->len; i++) {
        unplanned +=
            ((const ReplayRun *)g_ptr_array_index(evaluation->replay->runs, i))
                ->unplanned;
    }
    if (unplanned > 0) {
        g_string_append_printf(out,
                               "\n%u rows of the files are not scored: no "
                               "bandwidth is known before them\n",
                               unplanned);
    }
    return g_string_free(out, FALSE);
}

char *
evaluation_print(const Replay *replay, const EvaluationOptions *options,
                 GError **error)
{
    g_auto(Evaluation) evaluation = {
        .replay = replay,
        .groups = g_array_new(FALSE, FALSE, sizeof(Scored)),
        .traces = g_array_new(FALSE, FALSE, sizeof(Scored)),
    };

    g_array_set_clear_func(evaluation.groups, scored_clear);
    g_array_set_clear_func(evaluation.traces, scored_clear);
    if (!choose_models(&evaluation, options->models, error) ||
        !collect(&evaluation, options->groups, error) ||
        !average(&evaluation, error)) {
        return NULL;
    }
    switch (options->format) {
    case FORMAT_JSON:
        return print_json(&evaluation);
    case FORMAT_CSV:
        return print_csv(&evaluation);
    case FORMAT_TEXT:
    default:
        return print_text(&evaluation, options->traces);
    }
}
