/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * score.c - how far forecasts were off
 *
 *     APE  = |forecast - truth| / truth, at most SCORE_APE_CAP; a truth below
 *            one page counts as one
 *     WAPE = sum |forecast - truth| / sum truth: large passes weigh more
 *     log error: mean |log forecast - log truth|, half a page for none
 *
 * MAPE punishes forecasts above the truth without bound and those below by
 * 100 % at most; WAPE and log error, which do not, stand beside it.
 */
#include "tools/predict/score.h"

#include <math.h>
#include <stdlib.h>

#define LEAST_PAGES 0.5

const char *const score_history_names[SCORE_N_HISTORIES] = { "1", "2-6", "7-15",
                                                             "16+" };

static ScoreHistory
history_of(unsigned passes)
{
    if (passes <= 1) {
        return SCORE_FIRST;
    }
    if (passes <= 6) {
        return SCORE_EARLY;
    }
    return passes <= 15 ? SCORE_MIDDLE : SCORE_LATE;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static Known
median(GArray *values)
{
    const double *sorted = (const double *)values->data;
    guint n = values->len;

    if (n == 0) {
        return unknown();
    }
    qsort(values->data, n, sizeof(double), compare);
    return known(50.0 * (sorted[(n - 1) / 2] + sorted[n / 2]));
}

static Known
share(double part, double whole)
{
    return whole > 0.0 ? known(100.0 * part / whole) : unknown();
}

void
score_runs(ReplayRun *const *runs, size_t n, size_t model, Score *score)
{
    g_autoptr(GArray) apes = g_array_new(FALSE, FALSE, sizeof(double));
    double ape_sum = 0.0, errors = 0.0, truths = 0.0, logs = 0.0;
    double history_sum[SCORE_N_HISTORIES] = { 0 };
    unsigned over = 0, inside = 0;

    *score = (Score){ 0 };
    for (size_t r = 0; r < n; r++) {
        for (guint i = 0; i < runs[r]->steps->len; i++) {
            const ReplayStep *step =
                &g_array_index(runs[r]->steps, ReplayStep, i);
            double pages = known_or(step->pages[model], step->last);
            double error = fabs(pages - step->truth);
            double ape = fmin(error / fmax(step->truth, 1.0), SCORE_APE_CAP);
            ScoreHistory history = history_of(step->history);

            g_array_append_val(apes, ape);
            ape_sum += ape;
            errors += error;
            truths += step->truth;
            logs += fabs(
                log(fmax(pages, LEAST_PAGES) / fmax(step->truth, LEAST_PAGES)));
            history_sum[history] += ape;
            score->by_history[history].n++;
            score->abstained += !step->pages[model].known;
            over += ape > 0.5;
            inside += step->truth >= step->low && step->truth <= step->high;
        }
    }
    score->n = apes->len;
    score->mape = share(ape_sum, score->n);
    score->median_ape = median(apes);
    score->wape = share(errors, truths);
    if (score->n > 0) {
        score->log_error = known(logs / score->n);
    }
    score->over_50 = share(over, score->n);
    if (model == 0) {
        score->coverage_80 = share(inside, score->n);
    }
    for (size_t h = 0; h < SCORE_N_HISTORIES; h++) {
        score->by_history[h].mape =
            share(history_sum[h], score->by_history[h].n);
    }
}

static void
mean_add(Known *mean, unsigned *n, Known value)
{
    if (value.known) {
        double sum = mean->known ? mean->value * *n : 0.0;

        *mean = known((sum + value.value) / (*n + 1));
        ++*n;
    }
}

void
score_mean(const Score *scores, size_t n, Score *mean)
{
    unsigned counts[6] = { 0 }, histories[SCORE_N_HISTORIES] = { 0 };

    *mean = (Score){ 0 };
    for (size_t i = 0; i < n; i++) {
        const Score *score = &scores[i];

        mean->n += score->n;
        mean->abstained += score->abstained;
        mean_add(&mean->mape, &counts[0], score->mape);
        mean_add(&mean->median_ape, &counts[1], score->median_ape);
        mean_add(&mean->wape, &counts[2], score->wape);
        mean_add(&mean->log_error, &counts[3], score->log_error);
        mean_add(&mean->over_50, &counts[4], score->over_50);
        mean_add(&mean->coverage_80, &counts[5], score->coverage_80);
        for (size_t h = 0; h < SCORE_N_HISTORIES; h++) {
            mean->by_history[h].n += score->by_history[h].n;
            mean_add(&mean->by_history[h].mape, &histories[h],
                     score->by_history[h].mape);
        }
    }
}
