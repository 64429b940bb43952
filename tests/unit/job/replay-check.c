/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replay-check.c - see replay-check.h
 *
 * What differs only a little was decided by something that is not among the
 * events, or computed on another machine.
 */
#include "replay-check.h"

#include <math.h>

#include "base/json.h"
#include "job/job.h"

static bool
same(double a, double b, double tolerance)
{
    return fabs(a - b) <= tolerance * fabs(a);
}

static bool
same_known(Known a, Known b, double tolerance)
{
    return a.known == b.known &&
           (!a.known || same(a.value, b.value, tolerance));
}

static char *
compare_decision(const RunDecision *want, const JobAction *got, guint i,
                 double tolerance)
{
    const PolicyDecision *a = &want->decision, *b = &got->decision;

    if (want->iter != got->iter || a->step != b->step ||
        !same((double)a->guarantee_bytes_s, (double)b->guarantee_bytes_s,
              tolerance) ||
        a->ceiling_bytes_s != b->ceiling_bytes_s ||
        !same((double)a->application_bytes_s, (double)b->application_bytes_s,
              tolerance) ||
        !same_known(a->dirty_bytes_s, b->dirty_bytes_s, tolerance) ||
        (tolerance == 0 && !g_str_equal(a->reason, b->reason)) ||
        /* written in milliseconds */
        fabs(want->t_s - (double)got->at_us / G_USEC_PER_SEC) > 0.00051) {
        return g_strdup_printf(
            "decision %u at %g s: recorded \"%s\", replayed \"%s\" at %g s", i,
            want->t_s, a->reason, b->reason,
            (double)got->at_us / G_USEC_PER_SEC);
    }
    return NULL;
}

static char *
compare_row(const RunIteration *want, const JobAction *got, double tolerance)
{
    const JobIteration *b = &got->iteration;

    if (want->row.iter != b->row.iter ||
        want->row.pages_to_send != b->row.pages_to_send ||
        !same_known(want->row.dirty_pages, b->row.dirty_pages, 0) ||
        !same_known(want->forecast.pages, b->forecast.pages, tolerance) ||
        !same((double)want->reserved_bytes_s, (double)b->guarantee_bytes_s,
              tolerance)) {
        return g_strdup_printf("iteration %u: recorded %g dirty pages, %g "
                               "predicted; replayed %u: %g, %g",
                               want->row.iter, want->row.dirty_pages.value,
                               want->forecast.pages.value, b->row.iter,
                               b->row.dirty_pages.value,
                               b->forecast.pages.value);
    }
    return NULL;
}

static char *
compare(const RunRecord *record, const GArray *actions, double tolerance)
{
    guint decisions = 0, rows = 0;
    char *wrong = NULL;

    for (guint i = 0; i < actions->len && !wrong; i++) {
        const JobAction *action = &g_array_index(actions, JobAction, i);

        if (action->kind == JOB_ACTION_DECIDED) {
            if (decisions < record->decisions->len) {
                wrong = compare_decision(
                    &g_array_index(record->decisions, RunDecision, decisions),
                    action, decisions, tolerance);
            }
            decisions++;
        } else if (action->kind == JOB_ACTION_ROW) {
            if (rows < record->iterations->len) {
                wrong = compare_row(
                    &g_array_index(record->iterations, RunIteration, rows),
                    action, tolerance);
            }
            rows++;
        }
    }
    if (!wrong && (decisions != record->decisions->len ||
                   rows != record->iterations->len)) {
        wrong = g_strdup_printf("recorded %u decisions and %u rows, replayed "
                                "%u and %u",
                                record->decisions->len, record->iterations->len,
                                decisions, rows);
    }
    return wrong;
}

static GArray *
replay(const RunRecord *record, GError **error)
{
    JsonObject *config_json = NULL;
    JobConfig config;

    if (!record->events || !record->extra ||
        !json_object_object_get_ex(record->extra, "job_config", &config_json)) {
        g_set_error_literal(error, JOB_ERROR, JOB_ERROR_REPLAY,
                            "holds no events or no extra.job_config");
        return NULL;
    }
    return job_config_from_json(config_json, &config, error)
               ? job_replay(&config, record->events, error)
               : NULL;
}

char *
replay_check(const RunRecord *record, double tolerance)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) actions = replay(record, &error);

    return actions ? compare(record, actions, tolerance)
                   : g_strdup(error->message);
}

bool
replay_retell(RunRecord *record, GError **error)
{
    g_autoptr(GArray) actions = replay(record, error);

    if (!actions) {
        return false;
    }
    g_array_set_size(record->decisions, 0);
    g_array_set_size(record->iterations, 0);
    for (guint i = 0; i < actions->len; i++) {
        const JobAction *action = &g_array_index(actions, JobAction, i);

        if (action->kind == JOB_ACTION_DECIDED) {
            RunDecision entry = {
                .t_s = (double)action->at_us / G_USEC_PER_SEC,
                .iter = action->iter,
                .decision = action->decision,
                .applied = true,
            };

            g_array_append_val(record->decisions, entry);
        } else if (action->kind == JOB_ACTION_ROW) {
            const JobIteration *iteration = &action->iteration;
            const MigrationForecast *rest = &iteration->migration;
            RunIteration entry = {
                .row = iteration->row,
                .forecast = iteration->forecast,
                .reserved_bytes_s = iteration->guarantee_bytes_s,
                .ceiling_bytes_s = iteration->ceiling_bytes_s,
                .forecast_end_s = rest->time_s,
                .forecast_downtime_s = rest->downtime_s,
                .converges = rest->verdict_known ? rest->converges : -1,
            };

            g_array_append_val(record->iterations, entry);
        }
    }
    return true;
}
