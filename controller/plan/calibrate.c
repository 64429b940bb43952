/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * calibrate.c - see calibrate.h
 *
 * Least relative errors, not least squares: a migration that took three times
 * as long as its like says nothing about the others. They are found by least
 * squares again and again, each sample weighed by the inverse of its present
 * error; and these by orthogonalising the columns (modified Gram-Schmidt), no
 * matrix is inverted.
 */
#include "plan/calibrate.h"

#include <math.h>
#include <string.h>

#include "plan/lines-priv.h"

#define N_TERMS 5
#define ROUNDS 60
#define LEAST_ERROR 1e-3 /* smaller ones weigh no more */
#define HEADER                                                                 \
    "fold,memory_bytes,hot_bytes,hot_bytes_s,cold_bytes_s,rate_bytes_s,"       \
    "both_ways_milli,shared_milli,took_ms"
#define MOST_BYTES (INT64_C(1) << 50)

GArray *
plan_samples_read(PlanText text, GError **error)
{
    g_autoptr(GArray) samples = g_array_new(FALSE, TRUE, sizeof(PlanSample));
    PlanLines l = { .at = text.text,
                    .end = text.text + text.length,
                    .what = "the samples" };
    g_autofree char *header = NULL;

    if (plan_lines_next(&l)) {
        header = g_strndup(l.line, (gsize)(l.line_end - l.line));
        g_strchomp(header);
    }
    if (!header || strcmp(header, HEADER) != 0) {
        plan_lines_fail(&l, "\"" HEADER "\" is expected");
    }
    while (!l.error && plan_lines_next(&l)) {
        PlanSample s = { 0 };

        if (plan_lines_blank(&l)) {
            continue;
        }
        s.fold = plan_lines_number(&l, "fold", 0, INT32_MAX);
        s.guest.memory_bytes =
            (uint64_t)plan_lines_number(&l, "memory_bytes", 1, MOST_BYTES);
        s.guest.hot_bytes = (uint64_t)plan_lines_number(
            &l, "hot_bytes", 0, (int64_t)s.guest.memory_bytes);
        s.guest.hot_bytes_s =
            (uint64_t)plan_lines_number(&l, "hot_bytes_s", 0, MOST_BYTES);
        s.guest.cold_bytes_s =
            (uint64_t)plan_lines_number(&l, "cold_bytes_s", 0, MOST_BYTES);
        s.rate_bytes_s =
            (uint64_t)plan_lines_number(&l, "rate_bytes_s", 1, MOST_BYTES);
        s.both_ways =
            (double)plan_lines_number(&l, "both_ways_milli", 0, 1000000) /
            PLAN_MILLI;
        s.shared = (double)plan_lines_number(&l, "shared_milli", 0, 1000000) /
                   PLAN_MILLI;
        s.took_s =
            (double)plan_lines_number(&l, "took_ms", 1, INT32_MAX) / 1000;
        plan_lines_end(&l);
        g_array_append_val(samples, s);
    }
    if (!l.error && samples->len == 0) {
        plan_lines_fail(&l, "there are no samples");
    }
    if (l.error) {
        g_propagate_error(error, l.error);
        return NULL;
    }
    return g_steal_pointer(&samples);
}

static const PlanSample *
sample(const GArray *samples, guint i)
{
    return &g_array_index(samples, PlanSample, i);
}

/* The formula's summands without their coefficients */
static void
terms_of(const PlanSample *s, double downtime_limit_s, double *terms)
{
    double base =
        plan_duration(&s->guest, s->rate_bytes_s, downtime_limit_s).time_s;

    terms[0] = (double)s->guest.memory_bytes / (double)s->rate_bytes_s;
    terms[4] = base - terms[0];
    terms[1] = terms[0] * s->both_ways;
    terms[2] = terms[0] * s->shared;
    terms[3] = 1e8 / (double)s->rate_bytes_s; /* of 100 MB */
}

static double
predict(const double *terms, const double *x)
{
    double sum = 0;

    for (size_t j = 0; j < N_TERMS; j++) {
        sum += terms[j] * x[j];
    }
    return sum;
}

/* min |A x - b| for n rows of N_TERMS and b, side by side; what depends on
 * earlier columns gets 0 */
static void
least_squares(double *rows, size_t n, double *x)
{
    size_t width = N_TERMS + 1;
    double r[N_TERMS][N_TERMS + 1] = { { 0 } };

    for (size_t j = 0; j < N_TERMS; j++) {
        double before = 0;
        double norm = 0;

        for (size_t i = 0; i < n; i++) {
            norm += rows[i * width + j] * rows[i * width + j];
        }
        for (size_t k = 0; k < j; k++) {
            before += r[k][j] * r[k][j];
        }
        norm = norm > 1e-9 * (norm + before) ? sqrt(norm) : 0;
        r[j][j] = norm;
        for (size_t k = j + 1; k < width && norm > 0; k++) {
            double dot = 0;

            for (size_t i = 0; i < n; i++) {
                dot += rows[i * width + j] / norm * rows[i * width + k];
            }
            r[j][k] = dot;
            for (size_t i = 0; i < n; i++) {
                rows[i * width + k] -= dot * rows[i * width + j] / norm;
            }
        }
    }
    for (size_t j = N_TERMS; j-- > 0;) {
        x[j] = r[j][N_TERMS];
        for (size_t k = j + 1; k < N_TERMS; k++) {
            x[j] -= r[j][k] * x[k];
        }
        x[j] = r[j][j] > 0 ? x[j] / r[j][j] : 0;
    }
}

/* From all samples but those of fold @without, or from all if that is -1 */
static void
fit(const GArray *samples, double downtime_limit_s, int64_t without, double *x)
{
    g_autofree double *terms = g_new(double, samples->len *N_TERMS);
    g_autofree double *weight = g_new(double, samples->len);
    g_autofree double *rows = g_new(double, samples->len *(N_TERMS + 1));

    for (guint i = 0; i < samples->len; i++) {
        terms_of(sample(samples, i), downtime_limit_s, terms + i * N_TERMS);
        weight[i] = 1;
    }
    for (int round = 0; round < ROUNDS; round++) {
        size_t n = 0;

        for (guint i = 0; i < samples->len; i++) {
            const PlanSample *s = sample(samples, i);
            double *row = rows + n * (N_TERMS + 1);

            if (s->fold == without) {
                continue;
            }
            for (size_t j = 0; j < N_TERMS; j++) {
                row[j] = weight[i] * terms[i * N_TERMS + j] / s->took_s;
            }
            row[N_TERMS] = weight[i];
            n++;
        }
        least_squares(rows, n, x);
        for (guint i = 0; i < samples->len; i++) {
            double error = fabs(predict(terms + i * N_TERMS, x) /
                                    sample(samples, i)->took_s -
                                1);

            weight[i] = 1 / sqrt(MAX(LEAST_ERROR, error));
        }
    }
}

/* Mean time of the samples of its class in the other folds; of all the others
 * if there are none */
static double
class_mean(const GArray *samples, const PlanSample *s, int64_t without)
{
    double sum[2] = { 0, 0 };
    double n[2] = { 0, 0 };

    for (guint i = 0; i < samples->len; i++) {
        const PlanSample *other = sample(samples, i);
        bool alike = other->guest.memory_bytes == s->guest.memory_bytes &&
                     other->rate_bytes_s == s->rate_bytes_s;

        if (other->fold != without) {
            sum[alike] += other->took_s;
            n[alike]++;
        }
    }
    return n[1] > 0 ? sum[1] / n[1] : sum[0] / MAX(1, n[0]);
}

static int
compare_folds(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* Each number once, sorted */
static GArray *
list_folds(const GArray *samples)
{
    g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(int64_t));
    GArray *folds = g_array_new(FALSE, FALSE, sizeof(int64_t));

    for (guint i = 0; i < samples->len; i++) {
        g_array_append_val(all, sample(samples, i)->fold);
    }
    g_array_sort(all, compare_folds);
    for (guint i = 0; i < all->len; i++) {
        int64_t fold = g_array_index(all, int64_t, i);

        if (i == 0 || fold != g_array_index(all, int64_t, i - 1)) {
            g_array_append_val(folds, fold);
        }
    }
    return folds;
}

PlanCalibration
plan_calibrate(const GArray *samples, double downtime_limit_s)
{
    g_autoptr(GArray) folds = list_folds(samples);
    PlanCalibration c = { .n_samples = samples->len, .n_folds = folds->len };
    double x[N_TERMS];

    for (guint f = 0; f < folds->len; f++) {
        int64_t fold = g_array_index(folds, int64_t, f);
        int64_t without = folds->len > 1 ? fold : -1;

        fit(samples, downtime_limit_s, without, x);
        for (guint i = 0; i < samples->len; i++) {
            const PlanSample *s = sample(samples, i);
            double terms[N_TERMS];
            double off;

            if (s->fold != fold) {
                continue;
            }
            terms_of(s, downtime_limit_s, terms);
            off = predict(terms, x) / s->took_s - 1;
            c.error += fabs(off) / samples->len;
            c.bias += off / samples->len;
            c.error_raw +=
                fabs((terms[0] + terms[4]) / s->took_s - 1) / samples->len;
            c.error_class +=
                fabs(class_mean(samples, s, without) / s->took_s - 1) /
                samples->len;
        }
    }
    fit(samples, downtime_limit_s, -1, x);
    c.factor = x[0];
    c.both_ways = x[1];
    c.shared = x[2];
    c.dirty = x[4];
    c.extra_bytes = x[3] * 1e8;
    return c;
}
