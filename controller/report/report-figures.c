/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-figures.c - what a page says about a run, worked out of its record
 *
 * Means are weighted by time, each point standing for the interval before it;
 * intervals without a figure count neither as zero nor as anything else.
 */
#include "report/record-priv.h"
#include "report/report-priv.h"

#include <math.h>
#include <stdlib.h>

/* When all was over, as far as anything tells. */
static double
last_moment_s(const RunRecord *record)
{
    double last_s = known_or(record->total_ms, 0) / 1000;
    guint n = record->points->len;

    if (n > 0) {
        last_s =
            MAX(last_s, g_array_index(record->points, RunPoint, n - 1).t_s);
    }
    return last_s;
}

/*
 * Rows lie on a clock of their own, whose reading at the start the record
 * tells; 0 where it was started then. A record that forgot to tell is given
 * away by a first row later than its end: then that row is the start. Rows
 * without times follow one another.
 */
double
run_iteration_start_s(const RunRecord *record, guint index)
{
    const RunIteration *rows = (const RunIteration *)record->iterations->data;
    double origin_us = (double)record->started_us;
    double start_s = 0;

    if (rows[index].row.started_us != 0) {
        if (record->started_us == 0 &&
            (double)rows[0].row.started_us * 1e-6 > last_moment_s(record)) {
            origin_us = (double)rows[0].row.started_us;
        }
        start_s = ((double)rows[index].row.started_us - origin_us) * 1e-6;
        return CLAMP(start_s, 0, RECORD_MAX_MS / 1000);
    }
    for (guint i = 0; i < index; i++) {
        start_s += rows[i].row.duration_s;
    }
    return MIN(start_s, RECORD_MAX_MS / 1000);
}

static int
compare_points(const void *a, const void *b)
{
    double left = ((const RunPoint *)a)->t_s;
    double right = ((const RunPoint *)b)->t_s;

    return (left > right) - (left < right);
}

/* A record without time lines still knows its iterations: two points each. */
static void
points_from_rows(RunFigures *run)
{
    const GArray *rows = run->record->iterations;

    run->points_from_rows = rows->len > 0;
    for (guint i = 0; i < rows->len; i++) {
        const RunIteration *it = &g_array_index(rows, RunIteration, i);
        double memory =
            (double)it->row.pages_to_send * (double)it->row.page_bytes;
        double start_s = run_iteration_start_s(run->record, i);
        RunPoint point = { .t_s = start_s, .remaining_bytes = known(memory) };

        if (it->row.bandwidth_bytes_s > 0) {
            point.stream_bytes_s = known(it->row.bandwidth_bytes_s);
        }
        if (it->reserved_bytes_s) {
            point.reserved_bytes_s = known((double)it->reserved_bytes_s);
        }
        if (it->ceiling_bytes_s) {
            point.ceiling_bytes_s = known((double)it->ceiling_bytes_s);
        }
        g_array_append_val(run->points, point);
        point.t_s = start_s + it->row.duration_s;
        point.remaining_bytes =
            known(MAX(0, memory - (double)it->row.sent_bytes));
        g_array_append_val(run->points, point);
    }
}

static bool
is_zero_throughout(const GArray *points, size_t offset)
{
    for (guint i = 0; i < points->len; i++) {
        const RunPoint *point = &g_array_index(points, RunPoint, i);
        const Known *value = G_STRUCT_MEMBER_P(point, offset);

        if (value->known && value->value > 0) {
            return false;
        }
    }
    return true;
}

static void
forget(GArray *points, size_t offset)
{
    for (guint i = 0; i < points->len; i++) {
        RunPoint *point = &g_array_index(points, RunPoint, i);

        *(Known *)G_STRUCT_MEMBER_P(point, offset) = unknown();
    }
}

/* A class that was never there is counted as 0: nothing is known of it. */
static void
forget_absent(RunFigures *run)
{
    const RunRecord *record = run->record;
    bool application = false, protects = false;

    for (guint i = 0; i < record->decisions->len; i++) {
        application |= g_array_index(record->decisions, RunDecision, i)
                           .decision.application_bytes_s > 0;
    }
    for (guint i = 0; i < record->options->len; i++) {
        const char *option = g_ptr_array_index(record->options, i);

        protects |= option && g_str_has_prefix(option, "--protect");
    }
    if (!application &&
        is_zero_throughout(run->points,
                           G_STRUCT_OFFSET(RunPoint, application_bytes_s))) {
        forget(run->points, G_STRUCT_OFFSET(RunPoint, application_bytes_s));
    }
    if (!protects &&
        is_zero_throughout(run->points,
                           G_STRUCT_OFFSET(RunPoint, protected_bytes_s))) {
        forget(run->points, G_STRUCT_OFFSET(RunPoint, protected_bytes_s));
    }
}

static Known
mean_of(const GArray *points, size_t offset)
{
    double sum = 0, time_s = 0, before_s = 0;

    for (guint i = 0; i < points->len; i++) {
        const RunPoint *point = &g_array_index(points, RunPoint, i);
        const Known *value = G_STRUCT_MEMBER_P(point, offset);
        double span_s = MAX(point->t_s - MAX(before_s, 0), 0);

        if (value->known) {
            sum += value->value * span_s;
            time_s += span_s;
        }
        before_s = point->t_s;
    }
    return time_s > 0 ? known(sum / time_s) : unknown();
}

static void
find_reserved(RunFigures *run)
{
    for (guint i = 0; i < run->points->len; i++) {
        Known value = g_array_index(run->points, RunPoint, i).reserved_bytes_s;

        if (!value.known || value.value <= 0) {
            continue;
        }
        if (!run->least_reserved_bytes_s.known) {
            run->least_reserved_bytes_s = run->most_reserved_bytes_s = value;
        }
        run->least_reserved_bytes_s.value =
            MIN(run->least_reserved_bytes_s.value, value.value);
        run->most_reserved_bytes_s.value =
            MAX(run->most_reserved_bytes_s.value, value.value);
    }
}

static int
compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return (left > right) - (left < right);
}

static void
score_forecasts(RunFigures *run)
{
    const GArray *rows = run->record->iterations;
    g_autofree double *errors = g_new(double, rows->len + 1);
    size_t n = 0;

    for (guint i = 0; i < rows->len; i++) {
        const RunIteration *it = &g_array_index(rows, RunIteration, i);
        const Forecast *forecast = &it->forecast;
        double actual = it->row.dirty_pages.value;

        if (!forecast->pages.known || !it->row.dirty_pages.known) {
            continue;
        }
        run->scored++;
        if (isfinite(forecast->low_pages) && isfinite(forecast->high_pages)) {
            run->scored_interval++;
            run->in_interval +=
                actual >= forecast->low_pages && actual <= forecast->high_pages;
        }
        if (actual > 0) {
            errors[n++] = fabs(forecast->pages.value / actual - 1);
        }
    }
    if (n > 0) {
        qsort(errors, n, sizeof(*errors), compare_doubles);
        run->error = known((errors[n / 2] + errors[(n - 1) / 2]) / 2);
    }
}

static void
find_duration(RunFigures *run)
{
    const RunRecord *record = run->record;
    guint n = run->points->len;

    if (record->total_ms.known) {
        run->duration_s = known(record->total_ms.value / 1000);
    } else if (n > 0) {
        run->duration_s =
            known(MAX(g_array_index(run->points, RunPoint, n - 1).t_s, 0));
    } else if (record->wall_ms.known) {
        run->duration_s = known(record->wall_ms.value / 1000);
    }
}

/*
 * Polls four times a second catch TCP between two bursts as often as in one. Up
 * to a second, less on a short run, is one point: rates are averaged, what is
 * set or counted is as at the end. A window in which a figure is never known
 * stays without it.
 */
static const size_t averaged[] = {
    G_STRUCT_OFFSET(RunPoint, stream_bytes_s),
    G_STRUCT_OFFSET(RunPoint, application_bytes_s),
    G_STRUCT_OFFSET(RunPoint, protected_bytes_s),
    G_STRUCT_OFFSET(RunPoint, other_bytes_s),
};

static Known
mean_between(const GArray *points, guint from, guint to, size_t offset)
{
    double sum = 0;
    unsigned n = 0;

    for (guint i = from; i < to; i++) {
        const Known *value =
            G_STRUCT_MEMBER_P(&g_array_index(points, RunPoint, i), offset);

        sum += value->known ? value->value : 0;
        n += value->known;
    }
    return n > 0 ? known(sum / n) : unknown();
}

/* A point stands for the time before it: 1.0 s belongs to the first second. */
static double
window_of(const RunFigures *run, guint index)
{
    double t_s = g_array_index(run->points, RunPoint, index).t_s;

    return ceil(t_s / MAX(run->window_s, 1e-6) - 1e-9);
}

static void
smooth(RunFigures *run)
{
    const GArray *points = run->points;
    guint next;

    run->smooth = g_array_new(FALSE, FALSE, sizeof(RunPoint));
    run->window_s =
        run->points_from_rows ? 0 : MIN(known_or(run->duration_s, 60) / 60, 1);
    for (guint i = 0; i < points->len; i = next) {
        double window = window_of(run, i);
        RunPoint point;

        next = i + 1;
        while (next < points->len && run->window_s > 0 &&
               window_of(run, next) == window) {
            next++;
        }
        point = g_array_index(points, RunPoint, next - 1);
        for (size_t k = 0; k < G_N_ELEMENTS(averaged); k++) {
            *(Known *)G_STRUCT_MEMBER_P(&point, averaged[k]) =
                mean_between(points, i, next, averaged[k]);
        }
        g_array_append_val(run->smooth, point);
    }
}

void
run_figures_init(RunFigures *run, const RunRecord *record)
{
    *run = (RunFigures){ .record = record };
    run->points = g_array_new(FALSE, FALSE, sizeof(RunPoint));
    if (record->points->len > 0) {
        g_array_append_vals(run->points, record->points->data,
                            record->points->len);
    } else {
        points_from_rows(run);
    }
    g_array_sort(run->points, compare_points);
    forget_absent(run);
    find_duration(run);
    for (guint i = run->points->len;
         i-- > 0 && !run->left_bytes.known && !run->points_from_rows;) {
        run->left_bytes =
            g_array_index(run->points, RunPoint, i).remaining_bytes;
    }
#define MEAN(name)                                                             \
    run->name = mean_of(run->points, G_STRUCT_OFFSET(RunPoint, name))
    MEAN(stream_bytes_s);
    MEAN(application_bytes_s);
    MEAN(protected_bytes_s);
    MEAN(other_bytes_s);
#undef MEAN
    find_reserved(run);
    smooth(run);
    score_forecasts(run);
}

void
run_figures_clear(RunFigures *run)
{
    g_clear_pointer(&run->points, g_array_unref);
    g_clear_pointer(&run->smooth, g_array_unref);
    g_clear_pointer(&run->name, g_free);
}

void
run_figures_name(RunFigures *runs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        PolicyKind kind = runs[i].record->policy.kind;
        unsigned alike = 0, number = 0;

        for (size_t j = 0; j < n; j++) {
            alike += runs[j].record->policy.kind == kind;
            number += j <= i && runs[j].record->policy.kind == kind;
        }
        g_free(runs[i].name);
        runs[i].name =
            alike > 1
                ? g_strdup_printf("policy %s, run %u",
                                  record_policies.words[kind], number)
                : g_strdup_printf("policy %s", record_policies.words[kind]);
    }
}
