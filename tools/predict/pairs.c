/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pairs.c - vmferry-predict pairs: what it buys that QEMU tells more
 *
 * A migration of a patched QEMU is there twice: RUN.told.csv as it told, and
 * RUN.stock.csv as the identity has it from the polls of the same record. Three
 * forecasts of each pass are compared:
 *
 *     worked out      from the rows of the identity
 *     told            from the rows that were told, page classes left out
 *     with classes    with hot and cold pages too
 *
 * The same passes are scored in all three, against what was told of them; those
 * of fewer than 50 pages are left out.
 */
#include "tools/predict/commands.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tools/predict/score.h"

typedef enum { ARM_STOCK, ARM_TOLD, ARM_CLASSES, N_ARMS } Arm;

static const char *const arm_names[N_ARMS] = {
    [ARM_STOCK] = "worked out",
    [ARM_TOLD] = "told",
    [ARM_CLASSES] = "told, with classes",
};

#define LEAST_PAGES 50 /* fewer are a matter of chance */
#define TOLD ".told.csv"
#define STOCK ".stock.csv"

typedef struct {
    GPtrArray *tables;       /* TraceTable *, which the replays look into */
    Replay *replays[N_ARMS]; /* run i is file i */
    unsigned alone[N_ARMS];  /* passes that had a forecast and a row */
    unsigned passes;         /* that there were, the first and the last out */
} Pairs;

static void
pairs_clear(Pairs *pairs)
{
    for (int arm = 0; arm < N_ARMS; arm++) {
        replay_free(pairs->replays[arm]);
    }
    g_ptr_array_unref(pairs->tables);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Pairs, pairs_clear)

static TraceTable *
load_into(Pairs *pairs, const char *path, GError **error)
{
    TraceTable *table = predict_load(path, error);

    if (!table) {
        return NULL;
    }
    g_ptr_array_add(pairs->tables, table);
    if (table->rows->len == 0 || trace_run_end(table, 0) != table->rows->len) {
        g_set_error(error, TRACE_ERROR, TRACE_ERROR_LINE,
                    "%s: pairs are files of one migration each", path);
        return NULL;
    }
    return table;
}

static bool
load_pair(Pairs *pairs, const char *path, GError **error)
{
    g_autofree char *stem = NULL;
    g_autofree char *other = NULL;
    TraceTable *stock, *told, *classes;

    if (!g_str_has_suffix(path, TOLD)) {
        g_set_error(error, TRACE_ERROR, TRACE_ERROR_HEADER,
                    "%s: name the files *" TOLD "; *" STOCK
                    " beside them are read too",
                    path);
        return false;
    }
    stem = g_strndup(path, strlen(path) - strlen(TOLD));
    other = g_strconcat(stem, STOCK, NULL);
    if (!(stock = load_into(pairs, other, error)) ||
        !(told = load_into(pairs, path, error)) ||
        !(classes = load_into(pairs, path, error))) {
        return false;
    }
    for (guint i = 0; i < told->rows->len; i++) {
        TraceRow *row = &g_array_index(told->rows, TraceRow, i);

        row->hot_pages = row->cold_pages = unknown();
        pairs->passes += row->iter > 1 && !row->final;
    }
    replay_add(pairs->replays[ARM_STOCK], stock);
    replay_add(pairs->replays[ARM_TOLD], told);
    replay_add(pairs->replays[ARM_CLASSES], classes);
    return true;
}

static const ReplayStep *
step_of(const ReplayRun *run, uint64_t iter)
{
    for (guint i = 0; i < run->steps->len; i++) {
        const ReplayStep *step = &g_array_index(run->steps, ReplayStep, i);

        if (replay_row(run, step)->iter == iter) {
            return step;
        }
    }
    return NULL;
}

/* Leave the steps that all arms have, and what was told as their truth. Passes
 * of next to nothing, which only QEMU tells of, would rule any mean of relative
 * errors. */
static void
keep_common(Pairs *pairs, guint index)
{
    ReplayRun *runs[N_ARMS];
    GArray *common[N_ARMS];

    for (int arm = 0; arm < N_ARMS; arm++) {
        runs[arm] = g_ptr_array_index(pairs->replays[arm]->runs, index);
        common[arm] = g_array_new(FALSE, FALSE, sizeof(ReplayStep));
        pairs->alone[arm] += runs[arm]->steps->len;
    }
    for (guint i = 0; i < runs[ARM_TOLD]->steps->len; i++) {
        const ReplayStep *told =
            &g_array_index(runs[ARM_TOLD]->steps, ReplayStep, i);
        uint64_t iter = replay_row(runs[ARM_TOLD], told)->iter;
        const ReplayStep *of[N_ARMS] = {
            [ARM_STOCK] = step_of(runs[ARM_STOCK], iter),
            [ARM_TOLD] = told,
            [ARM_CLASSES] = step_of(runs[ARM_CLASSES], iter),
        };

        if (!of[ARM_STOCK] || !of[ARM_CLASSES] || told->truth < LEAST_PAGES) {
            continue;
        }
        for (int arm = 0; arm < N_ARMS; arm++) {
            ReplayStep step = *of[arm];

            step.truth = told->truth;
            g_array_append_val(common[arm], step);
        }
    }
    for (int arm = 0; arm < N_ARMS; arm++) {
        g_array_unref(runs[arm]->steps);
        runs[arm]->steps = common[arm];
    }
}

static int
compare_doubles(gconstpointer a, gconstpointer b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Of the migrations that ended: at each pass, the time that was left then. */
static void
append_rests(GString *text, const Pairs *pairs)
{
    g_string_append(text,
                    "\n| rows | forecasts of the rest of a migration that "
                    "ended | said to end | median error of its time |\n"
                    "|---|---|---|---|\n");
    for (int arm = 0; arm < N_ARMS; arm++) {
        const GPtrArray *runs = pairs->replays[arm]->runs;
        g_autoptr(GArray) errors = g_array_new(FALSE, FALSE, sizeof(double));
        unsigned asked = 0;

        for (guint r = 0; r < runs->len; r++) {
            /* what came, as told */
            const ReplayRun *told =
                g_ptr_array_index(pairs->replays[ARM_TOLD]->runs, r);
            const ReplayRun *run = g_ptr_array_index(runs, r);
            const TraceRow *last =
                &g_array_index(told->table->rows, TraceRow, told->end - 1);
            double end_s = last->start_s + last->duration_s;

            for (guint i = 0; last->final && i < run->steps->len; i++) {
                const ReplayStep *step =
                    &g_array_index(run->steps, ReplayStep, i);
                const ReplayStep *as_told =
                    &g_array_index(told->steps, ReplayStep, i);
                double truth_s = end_s - replay_row(told, as_told)->start_s;
                double error = fabs(step->rest_s.value / truth_s - 1);

                asked++;
                if (step->rest_s.known && truth_s > 0) {
                    g_array_append_val(errors, error);
                }
            }
        }
        g_array_sort(errors, compare_doubles);
        g_string_append_printf(text, "| %s | %u | %u |", arm_names[arm], asked,
                               errors->len);
        if (errors->len > 0) {
            g_string_append_printf(
                text, " %.1f %% |",
                50 * (g_array_index(errors, double, (errors->len - 1) / 2) +
                      g_array_index(errors, double, errors->len / 2)));
        } else {
            g_string_append(text, " |");
        }
        g_string_append(text, "\n");
    }
}

static void
append_known(GString *text, Known value)
{
    if (value.known) {
        g_string_append_printf(text, " %.1f |", value.value);
    } else {
        g_string_append(text, " |");
    }
}

static char *
print_table(const Pairs *pairs, size_t model)
{
    GString *text = g_string_new(NULL);
    guint n_runs = pairs->replays[0]->runs->len;
    Score scores[N_ARMS];
    unsigned n = 0;

    for (int arm = 0; arm < N_ARMS; arm++) {
        const GPtrArray *runs = pairs->replays[arm]->runs;

        score_runs((ReplayRun *const *)(void *)runs->pdata, runs->len, model,
                   &scores[arm]);
        n = scores[arm].n;
    }
    g_string_append_printf(
        text,
        "%u migrations, %u passes after their first; "
        "of 50 pages and more and forecast in all three ways: "
        "%u.\n\n",
        n_runs, pairs->passes, n);
    g_string_append(text,
                    "| rows | passes with a row of their own | MAPE | median | "
                    "WAPE | after 1 pass | 2-6 | 7-15 | 16+ | in the 80 % "
                    "interval |\n|---|---|---|---|---|---|---|---|---|---|\n");
    for (int arm = 0; arm < N_ARMS; arm++) {
        const Score *score = &scores[arm];

        g_string_append_printf(text, "| %s | %u |", arm_names[arm],
                               pairs->alone[arm]);
        append_known(text, score->mape);
        append_known(text, score->median_ape);
        append_known(text, score->wape);
        for (int i = 0; i < SCORE_N_HISTORIES; i++) {
            append_known(text, score->by_history[i].mape);
        }
        append_known(text, score->coverage_80);
        g_string_append(text, "\n");
    }
    if (scores[ARM_STOCK].mape.known && scores[ARM_STOCK].mape.value > 0) {
        g_string_append_printf(
            text,
            "\nMAPE over that of rows worked out: told %.2f, with "
            "classes %.2f.\n",
            scores[ARM_TOLD].mape.value / scores[ARM_STOCK].mape.value,
            scores[ARM_CLASSES].mape.value / scores[ARM_STOCK].mape.value);
    }
    if (model == 0) {
        append_rests(text, pairs);
    }
    return g_string_free(text, FALSE);
}

/* Each pass that is compared, to look into. */
static char *
print_steps(const Pairs *pairs)
{
    GString *text = g_string_new("trace,iter,dirty_pages,worked_out,told,"
                                 "with_classes\n");

    for (guint i = 0; i < pairs->replays[ARM_TOLD]->runs->len; i++) {
        const ReplayRun *run =
            g_ptr_array_index(pairs->replays[ARM_TOLD]->runs, i);

        for (guint k = 0; k < run->steps->len; k++) {
            const TraceRow *row =
                replay_row(run, &g_array_index(run->steps, ReplayStep, k));

            g_string_append_printf(text, "%s,%" G_GUINT64_FORMAT ",%.0f",
                                   row->trace, row->iter,
                                   row->dirty_pages.value);
            for (int arm = 0; arm < N_ARMS; arm++) {
                const ReplayRun *of =
                    g_ptr_array_index(pairs->replays[arm]->runs, i);

                g_string_append_printf(
                    text, ",%.0f",
                    known_or(g_array_index(of->steps, ReplayStep, k).pages[0],
                             0));
            }
            g_string_append_c(text, '\n');
        }
    }
    return g_string_free(text, FALSE);
}

int
predict_pairs_main(int argc, char **argv)
{
    g_auto(Pairs) pairs = { .tables = g_ptr_array_new_with_free_func(
                                (GDestroyNotify)trace_table_free) };
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    bool steps = false;
    size_t model = 0; /* the ensemble */

    for (int arm = 0; arm < N_ARMS; arm++) {
        pairs.replays[arm] = replay_new();
        pairs.replays[arm]->with_rest = true;
    }
    if (argc >= 3 && strcmp(argv[1], "--model") == 0) {
        while (model < pairs.replays[0]->n_models &&
               strcmp(argv[2], pairs.replays[0]->names[model]) != 0) {
            model++;
        }
        if (model == pairs.replays[0]->n_models) {
            fprintf(stderr,
                    "error: vmferry-predict pairs: there is no model '%s'\n",
                    argv[2]);
            return 2;
        }
        argv += 2;
        argc -= 2;
    }
    if (argc >= 2 && strcmp(argv[1], "--steps") == 0) {
        steps = true;
        argv++;
        argc--;
    }
    if (argc < 2 || argv[1][0] == '-') {
        bool help = argc == 2 && strcmp(argv[1], "--help") == 0;

        fprintf(help ? stdout : stderr,
                "Usage: vmferry-predict pairs [--model NAME] [--steps] RUN" TOLD
                "...\n\n"
                "Compares forecasts from what a patched QEMU told with those "
                "from what could be\nworked out of the same migration "
                "(RUN" STOCK ").\n--steps lists each pass instead, as CSV.\n");
        return help ? 0 : 2;
    }
    for (int i = 1; i < argc; i++) {
        if (!load_pair(&pairs, argv[i], &error)) {
            fprintf(stderr, "error: vmferry-predict pairs: %s\n",
                    error->message);
            return 1;
        }
    }
    for (guint i = 0; i < pairs.replays[0]->runs->len; i++) {
        keep_common(&pairs, i);
    }
    text = steps ? print_steps(&pairs) : print_table(&pairs, model);
    if (!predict_write(NULL, text, &error)) {
        fprintf(stderr, "error: vmferry-predict pairs: %s\n", error->message);
        return 1;
    }
    return 0;
}
