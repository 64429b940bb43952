/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replay.c - recorded migrations, forecast one step ahead
 *
 * The planned duration of a pass is
 *
 *     T = (pages to send - left) x 4096 / bandwidth of the pass before
 *
 * where left is what QEMU will not have sent when it ends the pass, bandwidth
 * times downtime limit at most. A trace does not hold the limit, but what was
 * left at earlier syncs is known, pages_to_send(j) - dirty_pages(j-1): the
 * median of the last few, for a sync that ended no pass leaves much.
 */
#include "tools/predict/replay.h"

#include <math.h>

#include "forecast/bandwidth.h"

#define LEFT_ROWS 5

#define DOWNTIME_LIMIT_S 0.3 /* QEMU's default: a trace does not say */

typedef struct Course {
    Forecaster *forecaster;
    double left[LEFT_ROWS];
    size_t n_left;
    BandwidthMeter bandwidth;
    double last;
} Course;

Replay *
replay_new(void)
{
    Replay *replay = g_new0(Replay, 1);
    g_autoptr(Forecaster) forecaster = forecaster_new(0);
    ForecastQuery query = { .pages_to_send = 1, .bandwidth_bytes_s = 1.0 };
    Forecast forecast;

    forecaster_next(forecaster, &query, &forecast);
    replay->names[replay->n_models++] = REPLAY_ENSEMBLE;
    for (size_t i = 0; i < forecast.n_members; i++) {
        replay->names[replay->n_models++] = forecast.members[i].name;
    }
    replay->runs = g_ptr_array_new();
    return replay;
}

void
replay_free(Replay *replay)
{
    if (!replay) {
        return;
    }
    for (guint i = 0; i < replay->runs->len; i++) {
        ReplayRun *run = g_ptr_array_index(replay->runs, i);

        g_array_unref(run->steps);
        g_free(run);
    }
    g_ptr_array_unref(replay->runs);
    g_free(replay);
}

const TraceRow *
replay_row(const ReplayRun *run, const ReplayStep *step)
{
    return &g_array_index(run->table->rows, TraceRow, step->row);
}

static double
median_left(const Course *course)
{
    double sorted[LEFT_ROWS];
    size_t n = MIN(course->n_left, LEFT_ROWS);

    for (size_t i = 0; i < n; i++) {
        size_t j = i;

        for (; j > 0 && sorted[j - 1] > course->left[i]; j--) {
            sorted[j] = sorted[j - 1];
        }
        sorted[j] = course->left[i];
    }
    return n == 0 ? 0.0 : 0.5 * (sorted[(n - 1) / 2] + sorted[n / 2]);
}

static void
forecast_row(const Replay *replay, ReplayRun *run, const Course *course,
             size_t index, const SampleRow *row)
{
    double bandwidth =
        known_or(bandwidth_meter_bytes_s(&course->bandwidth), 0.0);
    ForecastQuery query = {
        .pages_to_send = row->pages_to_send,
        .bandwidth_bytes_s = bandwidth,
        .left_bytes = median_left(course) * TRACE_PAGE_BYTES,
        .stop_bytes = bandwidth * DOWNTIME_LIMIT_S,
    };
    ReplayStep step = {
        .row = index,
        .history = row->iter - 1,
        .truth = row->dirty_pages.value,
        .last = course->last,
    };
    Forecast forecast;

    forecaster_next(course->forecaster, &query, &forecast);
    step.planned_s = forecast.planned_duration_s;
    step.pages[0] = forecast.pages;
    step.low = forecast.low_pages;
    step.high = forecast.high_pages;
    for (size_t i = 0; i < forecast.n_members; i++) {
        step.pages[i + 1] = forecast.members[i].pages;
    }
    g_assert(forecast.n_members + 1 == replay->n_models);
    if (replay->with_rest && query.left_bytes > 0.0) {
        MigrationQuery rest = {
            .pages_to_send = query.pages_to_send,
            .bandwidth_bytes_s = query.bandwidth_bytes_s,
            /* what is left takes the limit, as far as that can be seen */
            .downtime_limit_s = query.left_bytes / query.bandwidth_bytes_s,
            .brief = true,
        };
        MigrationForecast migration;

        forecaster_migration(course->forecaster, &rest, &migration);
        step.rest_s = migration.time_s;
    }
    g_array_append_val(run->steps, step);
}

static void
replay_run(const Replay *replay, ReplayRun *run)
{
    const TraceRow *rows = &g_array_index(run->table->rows, TraceRow, 0);
    const TraceRow *first = &rows[run->first];
    Course course = {
        /* the first pass sends all of memory */
        .forecaster =
            forecaster_new(first->iter == 1 ? first->pages_to_send : 0),
    };

    for (size_t i = run->first; i < run->end; i++) {
        SampleRow row;

        trace_to_sample(run->table, i, &row);
        if (i > run->first && rows[i - 1].dirty_pages.known) {
            course.left[course.n_left++ % LEFT_ROWS] =
                fmax(0.0, (double)rows[i].pages_to_send -
                              rows[i - 1].dirty_pages.value);
        }
        if (row.iter > 1 && row.merged <= 1 && !row.final &&
            row.dirty_pages.known && forecaster_rows(course.forecaster) > 0) {
            if (bandwidth_meter_bytes_s(&course.bandwidth).known) {
                forecast_row(replay, run, &course, i, &row);
            } else {
                run->unplanned++;
            }
        }
        forecaster_add(course.forecaster, &row);
        bandwidth_meter_add(&course.bandwidth, &row, DOWNTIME_LIMIT_S);
        if (row.dirty_pages.known) {
            course.last = row.dirty_pages.value / MAX(row.merged, 1);
        }
    }
    forecaster_free(course.forecaster);
}

void
replay_add(Replay *replay, const TraceTable *table)
{
    size_t end;

    for (size_t i = 0; i < table->rows->len; i = end) {
        ReplayRun *run = g_new0(ReplayRun, 1);

        end = trace_run_end(table, i);
        run->table = table;
        run->first = i;
        run->end = end;
        run->steps = g_array_new(FALSE, FALSE, sizeof(ReplayStep));
        g_ptr_array_add(replay->runs, run);
        replay_run(replay, run);
    }
}
