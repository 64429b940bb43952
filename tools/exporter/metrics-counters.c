/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * metrics-counters.c - what the daemon counted since it was started
 *
 * Sums over all migrations, and how good its last forecasts were.
 */
#include <math.h>

#include "tools/exporter/metrics-priv.h"

/* One line for each item of a list, with up to two labels taken from it. What
 * is beyond MAX_REASONS is summed as "other". */
static void
add_counts(JsonObject *list, Prom *prom, const char *count, const char *first,
           const char *second)
{
    Known other = unknown();
    JsonObject *item;

    for (size_t i = 0; (item = picture_item(list, i, SIZE_MAX)); i++) {
        Known value = count_of(item, count);

        if (i >= MAX_REASONS) {
            other = known(known_or(other, 0) + known_or(value, 0));
        } else if (second) {
            prom_known(prom, value, first, picture_word(item, first, ""),
                       second, picture_word(item, second, ""), NULL);
        } else {
            prom_known(prom, value, first, picture_word(item, first, ""), NULL);
        }
    }
    if (second) {
        prom_known(prom, other, first, "other", second, "other", NULL);
    } else {
        prom_known(prom, other, first, "other", NULL);
    }
}

#define MAX_BOUNDS 32

static void
add_histogram(JsonObject *histogram, Prom *prom)
{
    JsonObject *bounds = list_of(histogram, "bounds");
    JsonObject *counts = list_of(histogram, "counts");
    double limits[MAX_BOUNDS], in[MAX_BOUNDS + 1];
    size_t n;

    if (!json_object_is_type(bounds, json_type_array) ||
        !json_object_is_type(counts, json_type_array)) {
        return;
    }
    n = json_object_array_length(bounds);
    if (n > MAX_BOUNDS || json_object_array_length(counts) != n + 1) {
        return;
    }
    for (size_t i = 0; i <= n; i++) {
        in[i] = json_object_get_double(json_object_array_get_idx(counts, i));
        if (!(in[i] >= 0)) {
            return;
        }
    }
    for (size_t i = 0; i < n; i++) {
        limits[i] =
            json_object_get_double(json_object_array_get_idx(bounds, i));
        if (!isfinite(limits[i]) || (i > 0 && !(limits[i] > limits[i - 1]))) {
            return;
        }
    }
    prom_histogram(prom, limits, in, n,
                   known_or(count_of(histogram, "sum"), NAN));
}

static void
add_ended(JsonObject *metrics, Prom *prom)
{
    static const char *const outcomes[] = { "completed", "failed",
                                            "cancelled" };
    JsonObject *sessions = list_of(metrics, "sessions");

    single(prom, PROM_COUNTER, "vmferry_sessions_begun_total",
           "Migrations that vmferryd took hold of.",
           count_of(sessions, "begun"));
    single(prom, PROM_COUNTER, "vmferry_sessions_adopted_total",
           "Migrations that ran already when vmferryd was started.",
           count_of(sessions, "adopted"));
    prom_family(prom, PROM_COUNTER, "vmferry_sessions_ended_total",
                "Migrations that ended, by outcome.");
    for (size_t i = 0; i < G_N_ELEMENTS(outcomes); i++) {
        prom_known(prom, count_of(sessions, outcomes[i]), "outcome",
                   outcomes[i], NULL);
    }
}

static void
add_ladder(JsonObject *metrics, Prom *prom)
{
    JsonObject *ladder = list_of(metrics, "ladder");
    JsonObject *step;

    prom_family(prom, PROM_COUNTER, "vmferry_ladder_steps_total",
                "Steps of the convergence ladder, taken and undone.");
    for (size_t i = 0; (step = picture_item(ladder, i, MAX_REASONS)); i++) {
        const char *name = picture_word(step, "step", "");

        prom_known(prom, count_of(step, "taken"), "step", name, "action",
                   "taken", NULL);
        prom_known(prom, count_of(step, "undone"), "step", name, "action",
                   "undone", NULL);
    }
}

/* Single figures of the answer to "metrics". */
static const struct {
    PromType type;
    const char *name, *help, *path;
} counters[] = {
    { PROM_COUNTER, "vmferry_stream_bytes_total", "Bytes of migration streams.",
      "bytes.streams" },
    { PROM_COUNTER, "vmferry_class_foreign_bytes_total",
      "Bytes in migrations' classes that belong to no migration.",
      "bytes.foreign_in_class" },
    { PROM_GAUGE, "vmferry_control_clients",
      "Clients of the control socket now.", "control.clients" },
    { PROM_COUNTER, "vmferry_control_requests_total",
      "Requests on the control socket.", "control.requests" },
    { PROM_COUNTER, "vmferry_control_requests_refused_total",
      "Requests on the control socket that were refused.", "control.refused" },
    { PROM_COUNTER, "vmferry_control_clients_dropped_total",
      "Clients of the control socket that were closed because they did not "
      "read.",
      "control.dropped" },
};

static void
add_counters(JsonObject *metrics, Prom *prom)
{
    static const char *const sides[] = { "inside", "outside" };

    add_ended(metrics, prom);
    prom_family(prom, PROM_COUNTER, "vmferry_decisions_total",
                "Decisions, by step and by reason.");
    add_counts(list_of(metrics, "decisions"), prom, "count", "step", "reason");
    add_ladder(metrics, prom);
    prom_family(prom, PROM_COUNTER, "vmferry_foreign_changes_total",
                "Changes that others made to what vmferryd had set.");
    add_counts(list_of(metrics, "foreign_changes"), prom, "count", "what",
               NULL);
    prom_family(prom, PROM_COUNTER, "vmferry_not_in_force_seconds_total",
                "Time for which reservations had no effect, by reason.");
    add_counts(list_of(metrics, "not_in_force"), prom, "seconds", "reason",
               NULL);

    prom_family(prom, PROM_HISTOGRAM, "vmferry_forecast_time_error_ratio",
                "Absolute error of total times that were forecast at the "
                "second iteration, relative to the outcome.");
    add_histogram(list_of(metrics, "forecast.time_error"), prom);
    prom_family(prom, PROM_HISTOGRAM, "vmferry_forecast_downtime_error_ratio",
                "Absolute error of downtimes that were forecast at the second "
                "iteration, relative to the outcome.");
    add_histogram(list_of(metrics, "forecast.downtime_error"), prom);
    prom_family(prom, PROM_COUNTER, "vmferry_forecast_outcomes_total",
                "Outcomes inside and outside their 80 % interval.");
    for (size_t i = 0; metrics && i < G_N_ELEMENTS(sides); i++) {
        prom_known(prom, count_of(list_of(metrics, "forecast"), sides[i]),
                   "interval", sides[i], NULL);
    }

    for (size_t i = 0; i < G_N_ELEMENTS(counters); i++) {
        single(prom, counters[i].type, counters[i].name, counters[i].help,
               count_of(metrics, counters[i].path));
    }
}

/* ---- the track record */

static void
add_record(const Picture *picture, Prom *prom)
{
    static const char *const what[] = { "time", "downtime" };
    static const char *const statistics[] = { "median", "p90" };
    JsonObject *record = list_of(picture->status, "track_record");

    single(prom, PROM_GAUGE, "vmferry_forecast_recent_runs",
           "Runs that the recent errors are of, 100 at most.",
           number_of(record, "runs"));
    single(prom, PROM_GAUGE, "vmferry_forecast_recent_coverage_ratio",
           "Share of the recent outcomes inside their 80 % interval.",
           number_of(record, "coverage"));
    prom_family(prom, PROM_GAUGE, "vmferry_forecast_recent_error_ratio",
                "Absolute relative error of the recent forecasts.");
    for (size_t w = 0; w < G_N_ELEMENTS(what); w++) {
        for (size_t s = 0; s < G_N_ELEMENTS(statistics); s++) {
            g_autofree char *path =
                g_strdup_printf("%s_error_%s", what[w], statistics[s]);

            prom_known(prom, number_of(record, path), "of", what[w],
                       "statistic", statistics[s], NULL);
        }
    }
}

void
metrics_add_counters(const Picture *picture, Prom *prom)
{
    add_counters(picture->metrics, prom);
    add_record(picture, prom);
}
