/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replay-check.c - see replay-check.h
 *
 * "Exactly" is to the byte and to the last digit: what differs only a little
 * was decided by something that is not among the events.
 */
#include "replay-check.h"

#include <math.h>

#include "base/json.h"
#include "job/job.h"

static bool
same_known(Known a, Known b)
{
    return a.known == b.known && (!a.known || a.value == b.value);
}

static char *
compare_decision(const RunDecision *want, const JobAction *got, guint i)
{
    const PolicyDecision *a = &want->decision, *b = &got->decision;

    if (want->iter != got->iter || a->step != b->step ||
        a->guarantee_bytes_s != b->guarantee_bytes_s ||
        a->ceiling_bytes_s != b->ceiling_bytes_s ||
        a->application_bytes_s != b->application_bytes_s ||
        !same_known(a->dirty_bytes_s, b->dirty_bytes_s) ||
        !g_str_equal(a->reason, b->reason) ||
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
compare_row(const RunIteration *want, const JobAction *got)
{
    const JobIteration *b = &got->iteration;

    if (want->row.iter != b->row.iter ||
        want->row.pages_to_send != b->row.pages_to_send ||
        !same_known(want->row.dirty_pages, b->row.dirty_pages) ||
        !same_known(want->forecast.pages, b->forecast.pages) ||
        want->reserved_bytes_s != b->guarantee_bytes_s) {
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
compare(const RunRecord *record, const GArray *actions)
{
    guint decisions = 0, rows = 0;
    char *wrong = NULL;

    for (guint i = 0; i < actions->len && !wrong; i++) {
        const JobAction *action = &g_array_index(actions, JobAction, i);

        if (action->kind == JOB_ACTION_DECIDED) {
            if (decisions < record->decisions->len) {
                wrong = compare_decision(
                    &g_array_index(record->decisions, RunDecision, decisions),
                    action, decisions);
            }
            decisions++;
        } else if (action->kind == JOB_ACTION_ROW) {
            if (rows < record->iterations->len) {
                wrong = compare_row(
                    &g_array_index(record->iterations, RunIteration, rows),
                    action);
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

char *
replay_check(const RunRecord *record)
{
    g_autoptr(GArray) actions = NULL;
    g_autoptr(GError) error = NULL;
    JsonObject *config_json = NULL;
    JobConfig config;

    if (!record->events || !record->extra ||
        !json_object_object_get_ex(record->extra, "job_config", &config_json)) {
        return g_strdup("holds no events or no extra.job_config");
    }
    if (!job_config_from_json(config_json, &config, &error)) {
        return g_strdup(error->message);
    }
    actions = job_replay(&config, record->events, &error);
    return actions ? compare(record, actions) : g_strdup(error->message);
}
