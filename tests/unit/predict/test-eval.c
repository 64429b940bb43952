/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-eval.c - scores against figures worked out by hand (small.h)
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "small.h"
#include "tools/predict/evaluation.h"

typedef struct Loaded {
    TraceTable *table;
    Replay *replay;
} Loaded;

static Loaded
load(const char *text)
{
    g_autoptr(GError) error = NULL;
    Loaded loaded = { .table = trace_parse(text, strlen(text), &error),
                      .replay = replay_new() };

    cr_assert(loaded.table, "%s", error ? error->message : "");
    replay_add(loaded.replay, loaded.table);
    return loaded;
}

static void
unload(Loaded *loaded)
{
    replay_free(loaded->replay);
    trace_table_free(loaded->table);
}

static JsonObject *
evaluate(const char *text, const EvaluationOptions *options)
{
    Loaded loaded = load(text);
    g_autoptr(GError) error = NULL;
    g_autofree char *json = evaluation_print(loaded.replay, options, &error);
    JsonObject *object;

    cr_assert(json, "%s", error ? error->message : "");
    object = jobj_parse(json, strlen(json), &error);
    cr_assert(object, "%s", error ? error->message : "");
    unload(&loaded);
    return object;
}

static double
number(JsonObject *object, const char *path)
{
    Known value = jobj_get_known(object, path);

    cr_assert(value.known, "%s is not there", path);
    return value.value;
}

/*
 * Pages forecast of passes 2, 3, 6, of which 500, 400 and 120 came:
 *
 *     last    1000, 500, 300/2
 *     mean    1000, 1500/2, (1500 + 400 + 300)/5
 *     wmean   1000, (1000 + 2 500)/3, (2000 + 3 400 + (4 + 5) 150)/15
 *     ewma    abstains, 500, 450 after pass 3, a quarter of it and three of 150
 *     rate    1000/10 1.0, 1500/11.25 0.5, 2200/12.45 0.3
 *     linear  1000/10 1.0, 500/1.25 0.5, 300/0.8 0.3
 */
typedef struct {
    char model[16];
    double pages[3];
    double abstained;
} HandCase;

ParameterizedTestParameters(eval, by_hand)
{
    static HandCase cases[] = {
        { "last", { 1000, 500, 150 }, 0 },
        { "mean", { 1000, 750, 440 }, 0 },
        { "wmean", { 1000, 2000.0 / 3, 4550.0 / 15 }, 0 },
        { "ewma", { 1000, 500, 225 }, 1 },
        { "rate", { 100, 1500 / 11.25 * 0.5, 2200 / 12.45 * 0.3 }, 0 },
        { "linear", { 100, 200, 112.5 }, 0 },
    };

    return cr_make_param_array(HandCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(HandCase *hand, eval, by_hand)
{
    static const double truth[3] = { 500, 400, 120 };
    EvaluationOptions options = { .format = FORMAT_JSON };
    g_autoptr(JsonObject) top = evaluate(small_trace, &options);
    JsonObject *group = json_object_array_get_idx(jobj_get(top, "groups"), 0);
    g_autofree char *path = g_strdup_printf("models.%s", hand->model);
    JsonObject *score = jobj_get(group, path);
    double ape[3], errors = 0.0, logs = 0.0, over = 0.0, sum = 0.0, most, least;

    cr_assert(score, "%s", path);
    for (size_t i = 0; i < 3; i++) {
        ape[i] = 100.0 * fabs(hand->pages[i] - truth[i]) / truth[i];
        sum += ape[i];
        errors += fabs(hand->pages[i] - truth[i]);
        logs += fabs(log(hand->pages[i] / truth[i]));
        over += ape[i] > 50.0;
    }
    most = fmax(fmax(ape[0], ape[1]), ape[2]);
    least = fmin(fmin(ape[0], ape[1]), ape[2]);
    cr_assert_eq(number(score, "n"), 3.0);
    cr_assert_eq(number(score, "abstained"), hand->abstained);
    cr_assert_float_eq(number(score, "mape"), sum / 3, 1e-9);
    cr_assert_float_eq(number(score, "median_ape"), sum - most - least, 1e-9);
    cr_assert_float_eq(number(score, "wape"), 100 * errors / 1020, 1e-9);
    cr_assert_float_eq(number(score, "log_error"), logs / 3, 1e-9);
    cr_assert_float_eq(number(score, "over_50"), 100 * over / 3, 1e-9);
    cr_assert_not(jobj_get_known(score, "coverage_80").known);
    cr_assert_eq(number(score, "by_history.1.n"), 1.0);
    cr_assert_float_eq(number(score, "by_history.1.mape"), ape[0], 1e-9);
    cr_assert_eq(number(score, "by_history.2-6.n"), 2.0);
    cr_assert_float_eq(number(score, "by_history.2-6.mape"),
                       (ape[1] + ape[2]) / 2, 1e-9);
    cr_assert_eq(number(score, "by_history.7-15.n"), 0.0);
    cr_assert_not(jobj_get_known(score, "by_history.7-15.mape").known);
    cr_assert_eq(number(score, "by_history.16+.n"), 0.0);
}

/* Nothing that became known later may change a forecast: each row is made
 * wild in turn, and the forecasts up to it must not move. */
Test(eval, nothing_of_the_future_is_used)
{
    Loaded plain = load(small_trace);
    const ReplayRun *before = g_ptr_array_index(plain.replay->runs, 0);
    g_auto(GStrv) lines = g_strsplit(small_trace, "\n", -1);
    unsigned compared = 0;

    for (size_t wild = 2; wild <= 6; wild++) {
        g_auto(GStrv) cells = g_strsplit(lines[wild], ",", -1);
        g_autofree char *line = lines[wild], *text = NULL;
        const ReplayRun *after;
        Loaded changed;

        /* duration, dirty pages, bandwidth, factors: known when it has ended */
        lines[wild] = g_strdup_printf(
            "%s,%s,%s,%s,%s,77.7,98765,,123456789,0.9,3.5,1e9,2e9,50,%s",
            cells[0], cells[1], cells[2], cells[3], cells[4], cells[14]);
        text = g_strjoinv("\n", lines);
        changed = load(text);
        after = g_ptr_array_index(changed.replay->runs, 0);
        cr_assert_eq(after->steps->len, before->steps->len);
        for (guint i = 0; i < before->steps->len; i++) {
            const ReplayStep *a = &g_array_index(before->steps, ReplayStep, i);
            const ReplayStep *b = &g_array_index(after->steps, ReplayStep, i);

            if (a->row + 1 > wild) {
                break;
            }
            compared++;
            cr_assert_eq(a->planned_s, b->planned_s);
            cr_assert_eq(a->low, b->low);
            cr_assert_eq(a->high, b->high);
            for (size_t m = 0; m < plain.replay->n_models; m++) {
                cr_assert_eq(a->pages[m].known, b->pages[m].known);
                cr_assert(!a->pages[m].known ||
                          a->pages[m].value == b->pages[m].value);
            }
        }
        g_free(lines[wild]);
        lines[wild] = g_steal_pointer(&line);
        unload(&changed);
    }
    cr_assert_geq(compared, 8);
    unload(&plain);
}

/* A forecast is counted as 500 % off at most, and a truth of zero as one. */
Test(eval, errors_are_capped)
{
    static const char text[] = HEADER "g,a,1,1,10000,10,1000,,4096000,,,,,,0\n"
                                      "g,a,2,1,1200,1,0,,4096000,,,,,,0\n";
    EvaluationOptions options = { .format = FORMAT_JSON };
    g_autoptr(JsonObject) top = evaluate(text, &options);
    JsonObject *group = json_object_array_get_idx(jobj_get(top, "groups"), 0);

    cr_assert_float_eq(number(group, "models.last.mape"), 500.0, 1e-9);
    cr_assert_not(jobj_get_known(group, "models.last.wape").known);
}

/* The mean of groups weighs them alike, however long they are. */
Test(eval, groups_and_models_can_be_chosen)
{
    g_autofree char *text =
        g_strconcat(small_trace,
                    "h,b,1,1,10000,10,1000,,4096000,,,,,,0\n"
                    "h,b,2,1,1200,1,1000,,4096000,,,,,,0\n"
                    "i,c,1,1,10000,10,1000,,4096000,,,,,,0\n"
                    "i,c,2,1,1200,1,250,,4096000,,,,,,0\n",
                    NULL);
    char last[] = "last", g[] = "g", h[] = "h";
    char *models[] = { last, NULL }, *groups[] = { g, h, NULL };
    EvaluationOptions options = { .models = models,
                                  .groups = groups,
                                  .format = FORMAT_JSON };
    g_autoptr(JsonObject) top = evaluate(text, &options);
    JsonObject *list = jobj_get(top, "groups");

    cr_assert_eq(json_object_array_length(list), 2);
    cr_assert_eq(json_object_object_length(jobj_get(top, "mean_of_groups")), 1);
    /* 50 % over three rows of g, 0 % over one of h */
    cr_assert_float_eq(number(top, "mean_of_groups.last.mape"), 25.0, 1e-9);
    cr_assert_eq(number(top, "mean_of_groups.last.n"), 4.0);
}

Test(eval, what_is_not_there_is_named)
{
    Loaded loaded = load(small_trace);
    char name[] = "gm9", *wrong[] = { name, NULL };
    EvaluationOptions model = { .models = wrong }, group = { .groups = wrong };
    g_autoptr(GError) error = NULL, other = NULL;

    cr_assert_null(evaluation_print(loaded.replay, &model, &error));
    cr_assert(strstr(error->message, "\"gm9\""));
    cr_assert(strstr(error->message, "ensemble, last"));
    cr_assert_null(evaluation_print(loaded.replay, &group, &other));
    cr_assert(strstr(other->message, "they have g"), "%s", other->message);
    unload(&loaded);
}

Test(eval, rows_without_any_bandwidth_are_counted)
{
    static const char text[] = HEADER "g,a,1,1,10000,10,1000,,,,,,,,0\n"
                                      "g,a,2,1,1200,1,500,,4096000,,,,,,0\n"
                                      "g,a,3,1,700,1,500,,4096000,,,,,,0\n";
    Loaded loaded = load(text);
    EvaluationOptions options = { .format = FORMAT_TEXT };
    g_autofree char *shown = evaluation_print(loaded.replay, &options, NULL);

    cr_assert(shown);
    cr_assert(strstr(shown, "1 rows of the files are not scored"), "%s", shown);
    unload(&loaded);
}

/* The names are fixed: scripts and papers refer to them. */
Test(eval, all_models_are_there)
{
    static const char *const names[] = {
        "ensemble",   "last",        "mean",          "wmean",    "ewma",
        "arima",      "rate",        "linear",        "gm11",     "gm11-full",
        "gm1n",       "gm1n-all",    "gm1n-residual", "dgm",      "ogm",
        "power-grey", "working-set", "two-class",     "spectrum", "power",
        "power-fast",
    };
    g_autoptr(Replay) replay = replay_new();

    cr_assert_eq(replay->n_models, G_N_ELEMENTS(names));
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        bool any = false;

        for (size_t m = 0; m < replay->n_models; m++) {
            any = any || strcmp(replay->names[m], names[i]) == 0;
        }
        cr_assert(any, "%s", names[i]);
    }
}
