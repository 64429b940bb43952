/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * forecast-table.c - one line a bandwidth: how long, how much, and if not, what
 *
 * A bandwidth is what the wire carries, as tc and switches count; the stream
 * gets FORECAST_PAYLOAD of it. What is said to be needed is of the wire again.
 */
#include "tools/cli/forecast-table.h"

#include <math.h>
#include <string.h>

#include "base/units.h"

#define PAGE_BYTES 4096.0
#define WORTH_A_WORD_S 10.0 /* a longer pause is no remedy for people */

static const char *const verdict_names[] = {
    [FORECAST_CONVERGES] = "converges",
    [FORECAST_PROBABLY] = "probably converges",
    [FORECAST_MAYBE] = "may not converge",
    [FORECAST_NOT] = "does not converge",
};
G_STATIC_ASSERT(G_N_ELEMENTS(verdict_names) == FORECAST_N_VERDICTS);

GArray *
forecast_ladder(uint64_t link_rate_bytes_s)
{
    static const double shares[] = { 0.05, 0.1, 0.25, 0.5, 0.75, 1 };
    static const uint64_t usual_bits_s[] = {
        UINT64_C(100000000),   UINT64_C(1000000000),  UINT64_C(2500000000),
        UINT64_C(10000000000), UINT64_C(25000000000),
    };
    GArray *rates = g_array_new(FALSE, FALSE, sizeof(uint64_t));

    if (link_rate_bytes_s == 0) {
        for (size_t i = 0; i < G_N_ELEMENTS(usual_bits_s); i++) {
            uint64_t rate = usual_bits_s[i] / 8;

            g_array_append_val(rates, rate);
        }
        return rates;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(shares); i++) {
        uint64_t rate = (uint64_t)(shares[i] * (double)link_rate_bytes_s);

        if (rate > 0) {
            g_array_append_val(rates, rate);
        }
    }
    return rates;
}

/* --- playing --- */

static MigrationQuery
query_of(const ForecastInput *input, uint64_t bandwidth_bytes_s)
{
    double total = (double)input->memory_bytes / PAGE_BYTES;
    double nonzero =
        known_or(input->nonzero_bytes, (double)input->memory_bytes) /
        PAGE_BYTES;

    return (MigrationQuery){
        .pages_to_send = (uint64_t)total,
        .zero_pages = (uint64_t)fmax(0, total - nonzero),
        .header_bytes = FORECAST_HEADER_BYTES,
        .bandwidth_bytes_s = (double)bandwidth_bytes_s * FORECAST_PAYLOAD,
        .downtime_limit_s = input->downtime_limit_s,
        .deadline_s = known_or(input->deadline_s, 0),
    };
}

static ForecastVerdict
verdict_of(const MigrationForecast *forecast)
{
    return forecast->surely_converges && forecast->converges
               ? FORECAST_CONVERGES
           : forecast->converges          ? FORECAST_PROBABLY
           : forecast->possibly_converges ? FORECAST_MAYBE
                                          : FORECAST_NOT;
}

/* All of memory once, then what was written to meanwhile, from the other
 * side: a page that is there is not written to here any more. */
static double
postcopy_seconds(const Forecaster *forecaster, const MigrationQuery *query)
{
    double page = PAGE_BYTES + query->header_bytes;
    double bytes = (double)(query->pages_to_send - query->zero_pages) * page +
                   (double)query->zero_pages * query->header_bytes;
    ForecastQuery next = {
        .pages_to_send = (uint64_t)(bytes / PAGE_BYTES),
        .bandwidth_bytes_s = query->bandwidth_bytes_s,
    };
    Forecast forecast;

    forecaster_next(forecaster, &next, &forecast);
    return (bytes + (forecast.pages.known ? forecast.median_pages : 0) * page) /
           query->bandwidth_bytes_s;
}

static ForecastRow
play_row(const Forecaster *forecaster, const ForecastInput *input,
         const BeforeCurve *curve, uint64_t bandwidth_bytes_s)
{
    MigrationQuery query = query_of(input, bandwidth_bytes_s);
    ForecastRow row = { .bandwidth_bytes_s = bandwidth_bytes_s };

    query.levels = curve->levels;
    query.n_levels = curve->n_levels;
    forecaster_migration(forecaster, &query, &row.migration);
    row.verdict = verdict_of(&row.migration);
    row.late = input->deadline_s.known && row.migration.time_s.known &&
               row.migration.time_s.value > input->deadline_s.value;
    if (row.migration.least_bandwidth_bytes_s.known) {
        row.least_bandwidth_bytes_s = known(
            row.migration.least_bandwidth_bytes_s.value / FORECAST_PAYLOAD);
    }
    row.postcopy_s = postcopy_seconds(forecaster, &query);
    return row;
}

Forecaster *
forecast_input_forecaster(const ForecastInput *input, BeforeCurve *curve)
{
    double total = (double)input->memory_bytes / PAGE_BYTES;
    g_autofree BeforeWindow *windows = g_new(BeforeWindow, input->n_windows);
    g_autoptr(Forecaster) forecaster = forecaster_new((uint64_t)total);

    for (size_t i = 0; i < input->n_windows; i++) {
        windows[i] = (BeforeWindow){
            .duration_s = input->windows[i].window_s,
            .pages = input->windows[i].pages,
            .log_sd = input->windows[i].log_sd,
        };
    }
    if (!before_fit(windows, input->n_windows, input->runs, input->n_runs,
                    total, curve) ||
        !forecaster_set_prior(forecaster, curve->points, curve->n_points,
                              curve->log_sd)) {
        return NULL;
    }
    return g_steal_pointer(&forecaster);
}

ForecastTable *
forecast_table_new(const ForecastInput *input)
{
    g_autoptr(ForecastTable) table = g_new0(ForecastTable, 1);
    g_autoptr(Forecaster) forecaster =
        forecast_input_forecaster(input, &table->curve);

    if (!forecaster) {
        return NULL;
    }
    table->rows = g_array_new(FALSE, FALSE, sizeof(ForecastRow));
    for (size_t i = 0; i < input->n_bandwidths; i++) {
        ForecastRow row =
            play_row(forecaster, input, &table->curve, input->bandwidths[i]);

        g_array_append_val(table->rows, row);
    }
    return g_steal_pointer(&table);
}

void
forecast_table_free(ForecastTable *table)
{
    if (!table) {
        return;
    }
    if (table->rows) {
        g_array_unref(table->rows);
    }
    g_free(table);
}

/* --- text --- */

static const struct {
    const char *word, *text;
} window_sources[] = {
    [FORECAST_WINDOW_LIBVIRT] = { "libvirt", "by libvirt, one after another" },
    [FORECAST_WINDOW_MONITOR] = { "monitor",
                                  "by QEMU's monitor, one after another" },
    [FORECAST_WINDOW_CURVE] = { "curve",
                                "by QEMU's monitor, in one measurement" },
};
G_STATIC_ASSERT(G_N_ELEMENTS(window_sources) == FORECAST_N_WINDOW_SOURCES);

bool
forecast_window_source(const char *word, ForecastWindowSource *source)
{
    for (int i = 0; i < FORECAST_N_WINDOW_SOURCES; i++) {
        if (strcmp(word, window_sources[i].word) == 0) {
            *source = (ForecastWindowSource)i;
            return true;
        }
    }
    return false;
}

static char *
pages_text(double pages)
{
    g_autofree char *bytes = units_format_bytes(pages * PAGE_BYTES);

    return g_strdup_printf("%.0f pages (%s)", pages, bytes);
}

static void
append_head(GString *text, const ForecastTable *table,
            const ForecastInput *input)
{
    g_autofree char *memory = units_format_bytes((double)input->memory_bytes);
    g_autofree char *second = pages_text(table->curve.pages_1s);
    g_autofree char *limit = units_format_seconds(input->downtime_limit_s);
    g_autofree char *nonzero =
        units_format_bytes(known_or(input->nonzero_bytes, 0));

    g_string_append_printf(text, "guest '%s'%s%s: %s",
                           input->guest_name ? input->guest_name : "",
                           input->host_name ? " on " : "",
                           input->host_name ? input->host_name : "", memory);
    if (input->nonzero_bytes.known) {
        g_string_append_printf(text, ", %s of it to send (%s)", nonzero,
                               input->nonzero_source);
    }
    g_string_append(text, "\n");
    for (size_t i = 0; i < input->n_windows; i++) {
        const ForecastWindow *w = &input->windows[i];
        g_autofree char *pages =
            pages_text(w->low_pages > 0 ? w->pages : w->high_pages);

        g_string_append_printf(text, "written to in %g s: %s%s\n", w->window_s,
                               w->low_pages > 0 ? "" : "less than ", pages);
    }
    if (input->n_windows > 0) {
        g_string_append_printf(text, "sampled %s\n",
                               window_sources[input->windows[0].source].text);
    }
    if (input->n_runs > 0) {
        g_string_append_printf(text, "history: %zu earlier migration%s\n",
                               input->n_runs, input->n_runs == 1 ? "" : "s");
    }
    g_string_append_printf(text,
                           "dirty curve: %s in 1 s, growing with the time to "
                           "the power %.2f, good to %.0f %%\n"
                           "downtime limit %s",
                           second, table->curve.exponent,
                           100 * (exp(table->curve.log_sd) - 1), limit);
    if (input->deadline_s.known) {
        g_autofree char *deadline =
            units_format_seconds(input->deadline_s.value);

        g_string_append_printf(text, ", deadline %s", deadline);
    }
    if (input->link_device) {
        g_autofree char *rate =
            units_format_rate((double)input->link_rate_bytes_s);

        g_string_append_printf(text, ", link %s of %s", input->link_device,
                               rate);
    }
    g_string_append(text, "\n\n");
}

/* "needs 24.1 Mbit/s; or a downtime limit of ...; post-copy: ..." */
static char *
verdict_text(const ForecastRow *row, const ForecastInput *input)
{
    const MigrationForecast *m = &row->migration;
    g_autoptr(GString) text = g_string_new(verdict_names[row->verdict]);
    bool fails = row->verdict == FORECAST_MAYBE || row->verdict == FORECAST_NOT;

    if (row->late) {
        g_string_append(text, ", but late");
    }
    if (!fails && !row->late) {
        return g_string_free(g_steal_pointer(&text), FALSE);
    }
    if (row->least_bandwidth_bytes_s.known &&
        row->least_bandwidth_bytes_s.value > (double)row->bandwidth_bytes_s) {
        g_autofree char *rate =
            units_format_rate(row->least_bandwidth_bytes_s.value);

        g_string_append_printf(text, "; would with %s", rate);
    }
    if (m->enough_downtime_s.known &&
        m->enough_downtime_s.value <= WORTH_A_WORD_S) {
        g_autofree char *downtime =
            units_format_seconds(m->enough_downtime_s.value);

        g_string_append_printf(text, ", a downtime of %s", downtime);
    }
    if (m->enough_throttle.known) {
        g_string_append_printf(text, ", %.0f %% throttling",
                               ceil(m->enough_throttle.value * 100));
    }
    if (fails) {
        g_autofree char *time = units_format_seconds(row->postcopy_s);

        g_string_append_printf(text, ", post-copy (%s)", time);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static char *
time_text(const MigrationForecast *m)
{
    g_autofree char *time = NULL, *low = NULL, *high = NULL;

    if (!m->time_s.known) {
        return g_strdup("-");
    }
    time = units_format_seconds(m->time_s.value);
    low = units_format_seconds(m->low_time_s);
    high = isfinite(m->high_time_s) ? units_format_seconds(m->high_time_s)
                                    : g_strdup("never");
    return g_strdup_printf("%s (%s to %s)", time, low, high);
}

char *
forecast_table_text(const ForecastTable *table, const ForecastInput *input)
{
    GString *text = g_string_new(NULL);

    append_head(text, table, input);
    g_string_append_printf(text, "%-14s %-34s %-10s %-11s %s\n", "bandwidth",
                           "time (80 % interval)", "downtime", "sent",
                           "verdict");
    for (guint i = 0; i < table->rows->len; i++) {
        const ForecastRow *row = &g_array_index(table->rows, ForecastRow, i);
        const MigrationForecast *m = &row->migration;
        g_autofree char *rate =
            units_format_rate((double)row->bandwidth_bytes_s);
        g_autofree char *time = time_text(m);
        g_autofree char *downtime =
            m->downtime_s.known ? units_format_seconds(m->downtime_s.value)
                                : g_strdup("-");
        g_autofree char *bytes =
            m->bytes.known ? units_format_bytes(m->bytes.value) : g_strdup("-");
        g_autofree char *verdict = verdict_text(row, input);

        g_string_append_printf(text, "%-14s %-34s %-10s %-11s %s\n", rate, time,
                               downtime, bytes, verdict);
    }
    return g_string_free(text, FALSE);
}

/* --- JSON --- */

static JsonObject *
windows_json(const ForecastInput *input)
{
    JsonObject *list = json_object_new_array();

    for (size_t i = 0; i < input->n_windows; i++) {
        const ForecastWindow *w = &input->windows[i];
        JsonObject *object = json_object_new_object();

        jobj_add_double(object, "window_s", w->window_s);
        jobj_add_double(object, "dirty_pages", w->pages);
        jobj_add_double(object, "low_pages", w->low_pages);
        jobj_add_double(object, "high_pages", w->high_pages);
        jobj_add_double(object, "log_sd", w->log_sd);
        jobj_add_string(object, "source", window_sources[w->source].word);
        json_object_array_add(list, object);
    }
    return list;
}

static JsonObject *
curve_json(const BeforeCurve *curve)
{
    JsonObject *object = json_object_new_object();
    JsonObject *points = json_object_new_array();

    jobj_add_double(object, "pages_1s", curve->pages_1s);
    jobj_add_double(object, "exponent", curve->exponent);
    jobj_add_double(object, "log_sd", curve->log_sd);
    for (size_t i = 0; i < curve->n_points; i++) {
        JsonObject *point = json_object_new_object();

        jobj_add_double(point, "duration_s", curve->points[i].duration_s);
        jobj_add_double(point, "dirty_pages", curve->points[i].pages);
        json_object_array_add(points, point);
    }
    jobj_add(object, "points", points);
    return object;
}

static JsonObject *
row_json(const ForecastRow *row, const ForecastInput *input)
{
    static const char *const words[] = {
        [FORECAST_CONVERGES] = "converges",
        [FORECAST_PROBABLY] = "probably",
        [FORECAST_MAYBE] = "maybe",
        [FORECAST_NOT] = "does-not",
    };
    const MigrationForecast *m = &row->migration;
    JsonObject *object = json_object_new_object();

    jobj_add_u64(object, "bandwidth_bytes_s", row->bandwidth_bytes_s);
    jobj_add_string(object, "verdict", words[row->verdict]);
    jobj_add_bool(object, "converges", m->converges);
    jobj_add_known(object, "time_s", m->time_s);
    jobj_add_known(object, "low_time_s",
                   m->time_s.known ? known(m->low_time_s) : unknown());
    /* null: not known, or never */
    jobj_add_known(object, "high_time_s",
                   m->time_s.known ? known(m->high_time_s) : unknown());
    jobj_add_known(object, "downtime_s", m->downtime_s);
    jobj_add_known(object, "bytes", m->bytes);
    jobj_add_known(object, "iterations", m->iterations);
    if (input->deadline_s.known) {
        jobj_add_bool(object, "in_time", m->converges && !row->late);
    }
    jobj_add_known(object, "plateau_s", m->plateau_s);
    jobj_add_known(object, "least_bandwidth_bytes_s",
                   row->least_bandwidth_bytes_s);
    jobj_add_known(object, "enough_downtime_s", m->enough_downtime_s);
    jobj_add_known(object, "enough_throttle", m->enough_throttle);
    jobj_add_double(object, "postcopy_s", row->postcopy_s);
    return object;
}

JsonObject *
forecast_table_json(const ForecastTable *table, const ForecastInput *input)
{
    JsonObject *object = json_object_new_object();
    JsonObject *guest = json_object_new_object();
    JsonObject *rows = json_object_new_array();
    JsonObject *link = NULL;

    jobj_add_string(object, "schema", FORECAST_SCHEMA);
    jobj_add_string(guest, "name", input->guest_name);
    jobj_add_string(guest, "uuid", input->guest_uuid);
    jobj_add_u64(guest, "memory_bytes", input->memory_bytes);
    jobj_add_known(guest, "nonzero_bytes", input->nonzero_bytes);
    jobj_add_string(guest, "nonzero_source", input->nonzero_source);
    jobj_add(object, "guest", guest);
    if (input->link_device) {
        link = json_object_new_object();
        jobj_add_string(link, "device", input->link_device);
        jobj_add_u64(link, "rate_bytes_s", input->link_rate_bytes_s);
    }
    jobj_add(object, "link", link);
    jobj_add_double(object, "downtime_limit_s", input->downtime_limit_s);
    jobj_add_known(object, "deadline_s", input->deadline_s);
    jobj_add(object, "windows", windows_json(input));
    jobj_add_u64(object, "history_runs", input->n_runs);
    jobj_add(object, "curve", curve_json(&table->curve));
    for (guint i = 0; i < table->rows->len; i++) {
        json_object_array_add(
            rows, row_json(&g_array_index(table->rows, ForecastRow, i), input));
    }
    jobj_add(object, "bandwidths", rows);
    return object;
}
