/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record-json.c - write a run record as JSON
 *
 * docs/run-record.md tells what each member means. Every member is always
 * written, null where it is not known, so that a reader sees what there could
 * be. Durations and times of the time lines are rounded here to what was
 * measured (microseconds, milliseconds, whole bytes): reading the text and
 * writing it again gives the same text.
 */
#include "report/record-priv.h"

#include <math.h>

/* Names from outside may hold any bytes; JSON is UTF-8. */
static JsonObject *
text_value(const char *text)
{
    g_autofree char *valid = NULL;

    if (!text) {
        return NULL;
    }
    valid = g_utf8_make_valid(text, -1);
    return json_object_new_string(valid);
}

static void
add_text(JsonObject *object, const char *name, const char *text)
{
    jobj_add(object, name, text_value(text));
}

static void
add_word(JsonObject *object, const char *name, const RecordWords *words,
         unsigned index)
{
    g_assert(index < words->n);
    jobj_add_string(object, name, words->words[index]);
}

/* 0 stands for "not known" in a few whole numbers of the struct. */
static void
add_u64_or_null(JsonObject *object, const char *name, uint64_t value)
{
    if (value) {
        jobj_add_u64(object, name, value);
    } else {
        jobj_add(object, name, NULL);
    }
}

/* Rounded to 1/@parts. What the reader would not believe is not written, lest
 * one figure gone wild makes the whole record unreadable. */
static void
add_rounded(JsonObject *object, const char *name, double value, double most,
            double parts)
{
    double within = isnan(value) ? 0 : CLAMP(value, -most, most);

    jobj_add_double(object, name, round(within * parts) / parts);
}

static bool
is_sane(double value)
{
    return value >= 0 && value <= RECORD_MAX_NUMBER; /* nor a NaN */
}

static void
add_figure(JsonObject *object, const char *name, Known value)
{
    jobj_add_known(object, name,
                   value.known && is_sane(value.value) ? value : unknown());
}

/* One that the schema does not let be null. */
static void
add_sane(JsonObject *object, const char *name, double value)
{
    jobj_add_double(object, name, is_sane(value) ? value : 0);
}

static void
add_number(JsonObject *object, const char *name, double value)
{
    add_figure(object, name, known(value));
}

/* Of the time lines: whole bytes will do. */
static void
add_rate(JsonObject *object, const char *name, Known value)
{
    add_figure(object, name,
               value.known ? known(round(value.value)) : unknown());
}

static JsonObject *
texts_of(const GPtrArray *texts)
{
    JsonObject *array = json_object_new_array();

    for (guint i = 0; i < texts->len; i++) {
        json_object_array_add(array, text_value(g_ptr_array_index(texts, i)));
    }
    return array;
}

static void
add_texts(JsonObject *object, const char *section, const RunRecord *record)
{
    for (size_t i = 0; i < record_n_texts; i++) {
        if (g_strcmp0(record_texts[i].section, section) == 0) {
            add_text(object, record_texts[i].name,
                     G_STRUCT_MEMBER(char *, record, record_texts[i].offset));
        }
    }
}

static JsonObject *
section_new(const char *section, const RunRecord *record)
{
    JsonObject *object = json_object_new_object();

    add_texts(object, section, record);
    return object;
}

static JsonObject *
settings_to_json(const PolicySettings *settings)
{
    JsonObject *object = json_object_new_object();

    add_sane(object, "margin", settings->margin);
    add_sane(object, "threshold_fraction", settings->threshold_fraction);
    add_sane(object, "change_fraction", settings->change_fraction);
    add_figure(object, "deadline_s", settings->deadline_s);
    add_sane(object, "downtime_limit_s", settings->downtime_limit_s);
    return object;
}

static JsonObject *
outcome_to_json(const RunRecord *record)
{
    JsonObject *object = json_object_new_object();

    add_word(object, "status", &record_statuses, record->status);
    add_figure(object, "total_ms", record->total_ms);
    add_figure(object, "downtime_ms", record->downtime_ms);
    add_figure(object, "setup_ms", record->setup_ms);
    add_figure(object, "bytes", record->bytes);
    jobj_add_u64(object, "iterations", run_record_passes(record));
    add_texts(object, "outcome", record);
    return object;
}

static void
add_forecast(JsonObject *object, const RunIteration *it)
{
    const Forecast *forecast = &it->forecast;
    JsonObject *models = json_object_new_object();
    bool any = forecast->pages.known && is_sane(forecast->pages.value);

    add_figure(object, "predicted_pages", forecast->pages);
    add_number(object, "predicted_low_pages", any ? forecast->low_pages : NAN);
    add_number(object, "predicted_high_pages",
               any ? forecast->high_pages : NAN);
    add_number(object, "planned_duration_s",
               any ? forecast->planned_duration_s : NAN);
    add_text(object, "model", any ? forecast->model : NULL);
    for (size_t i = 0; i < forecast->n_members; i++) {
        jobj_add_known(models, forecast->members[i].name,
                       forecast->members[i].pages);
    }
    jobj_add(object, "models", models);
    add_figure(object, "forecast_end_s", it->forecast_end_s);
    add_figure(object, "forecast_downtime_s", it->forecast_downtime_s);
    jobj_add(object, "converges",
             it->converges < 0 ? NULL
                               : json_object_new_boolean(it->converges != 0));
}

static JsonObject *
flags_to_json(unsigned flags)
{
    JsonObject *array = json_object_new_array();

    for (size_t bit = 0; bit < record_flags.n; bit++) {
        if (flags & 1u << bit) {
            json_object_array_add(
                array, json_object_new_string(record_flags.words[bit]));
        }
    }
    return array;
}

JsonObject *
run_iteration_to_json(const RunIteration *it)
{
    const SampleRow *row = &it->row;
    JsonObject *object = json_object_new_object();
    double duration_ms = MAX(row->duration_s * 1000, 0);
    /* 0.5 us: what the rounding below leaves of it */
    bool measured = row->bandwidth_bytes_s > 0 || duration_ms >= 0.0005;

    jobj_add_u64(object, "iter", row->iter);
    jobj_add_u64(object, "merged", MAX(row->merged, 1));
    add_rounded(object, "duration_ms", duration_ms, RECORD_MAX_MS, 1000);
    jobj_add_u64(object, "pages_to_send", row->pages_to_send);
    jobj_add_u64(object, "page_bytes",
                 row->page_bytes ? row->page_bytes : 4096);
    add_figure(object, "dirty_pages", row->dirty_pages);
    add_figure(object, "hot_pages", row->hot_pages);
    add_figure(object, "cold_pages", row->cold_pages);
    add_figure(object, "zero_pages", row->zero_pages);
    add_forecast(object, it);
    jobj_add_u64(object, "sent_bytes", row->sent_bytes);
    jobj_add_u64(object, "reserved_bytes_s", it->reserved_bytes_s);
    jobj_add_u64(object, "ceiling_bytes_s", it->ceiling_bytes_s);
    if (measured) {
        add_sane(object, "achieved_bytes_s", row->bandwidth_bytes_s);
    } else {
        jobj_add(object, "achieved_bytes_s", NULL);
    }
    add_figure(object, "mem_used", row->mem_used);
    add_figure(object, "cpu_cores", row->cpu_cores);
    add_figure(object, "vm_net_bytes_s", row->vm_net_bytes_s);
    add_figure(object, "prev_duration_s", row->prev_duration_s);
    add_figure(object, "host_net_bytes_s", row->host_net_bytes_s);
    jobj_add_u64(object, "throttle_percent", MIN(row->throttle_percent, 100));
    jobj_add_bool(object, "final", row->final);
    add_word(object, "source", &record_sources, row->source);
    jobj_add(object, "flags", flags_to_json(row->flags));
    jobj_add_i64(object, "started_us", row->started_us);
    jobj_add_i64(object, "ended_us", row->ended_us);
    return object;
}

static JsonObject *
decision_to_json(const RunDecision *made)
{
    const PolicyDecision *decision = &made->decision;
    JsonObject *object = json_object_new_object();

    add_rounded(object, "t_s", made->t_s, RECORD_MAX_MS / 1000, 1000);
    jobj_add_u64(object, "iter", made->iter);
    add_word(object, "step", &record_steps, decision->step);
    jobj_add_u64(object, "guarantee_bytes_s", decision->guarantee_bytes_s);
    jobj_add_u64(object, "ceiling_bytes_s", decision->ceiling_bytes_s);
    jobj_add_u64(object, "application_bytes_s", decision->application_bytes_s);
    add_figure(object, "dirty_bytes_s", decision->dirty_bytes_s);
    add_text(object, "reason", decision->reason);
    jobj_add_bool(object, "applied", made->applied);
    add_text(object, "error", made->error);
    return object;
}

static JsonObject *
point_to_json(const RunPoint *point)
{
    JsonObject *object = json_object_new_object();

    add_rounded(object, "t_s", point->t_s, RECORD_MAX_MS / 1000, 1000);
    add_rate(object, "remaining_bytes", point->remaining_bytes);
    add_rate(object, "stream_bytes_s", point->stream_bytes_s);
    add_rate(object, "reserved_bytes_s", point->reserved_bytes_s);
    add_rate(object, "ceiling_bytes_s", point->ceiling_bytes_s);
    add_rate(object, "application_bytes_s", point->application_bytes_s);
    add_rate(object, "protected_bytes_s", point->protected_bytes_s);
    add_rate(object, "other_bytes_s", point->other_bytes_s);
    return object;
}

static JsonObject *
link_to_json(const RunRecord *record)
{
    JsonObject *object;

    if (!record->link_device) {
        return NULL;
    }
    object = section_new("link", record);
    add_u64_or_null(object, "rate_bytes_s", record->link_rate_bytes_s);
    jobj_add_bool(object, "rate_declared", record->link_rate_declared);
    return object;
}

static JsonObject *
cost_to_json(const RunCost *cost)
{
    JsonObject *object = json_object_new_object();

    add_figure(object, "median", cost->median_us);
    add_figure(object, "p99", cost->p99_us);
    add_figure(object, "max", cost->max_us);
    return object;
}

static void
add_environment(JsonObject *top, const RunRecord *record)
{
    JsonObject *guest = section_new("guest", record);
    JsonObject *migration = section_new("migration", record);

    add_u64_or_null(guest, "memory_bytes", record->guest_memory_bytes);
    add_u64_or_null(guest, "vcpus", record->guest_vcpus);
    jobj_add_bool(migration, "live", record->live);
    jobj_add_bool(migration, "monitor_passthrough",
                  record->monitor_passthrough);
    jobj_add(migration, "options", texts_of(record->options));

    jobj_add(top, "versions", section_new("versions", record));
    jobj_add(top, "host", section_new("host", record));
    jobj_add(top, "guest", guest);
    jobj_add(top, "migration", migration);
    jobj_add(top, "link", link_to_json(record));
}

static void
add_history(JsonObject *top, const RunRecord *record)
{
    JsonObject *iterations = json_object_new_array();
    JsonObject *decisions = json_object_new_array();
    JsonObject *points = json_object_new_array();

    for (guint i = 0; i < record->iterations->len; i++) {
        json_object_array_add(
            iterations, run_iteration_to_json(&g_array_index(record->iterations,
                                                             RunIteration, i)));
    }
    for (guint i = 0; i < record->decisions->len; i++) {
        json_object_array_add(decisions,
                              decision_to_json(&g_array_index(record->decisions,
                                                              RunDecision, i)));
    }
    for (guint i = 0; i < record->points->len; i++) {
        json_object_array_add(
            points, point_to_json(&g_array_index(record->points, RunPoint, i)));
    }
    jobj_add(top, "iterations", iterations);
    jobj_add(top, "decisions", decisions);
    jobj_add(top, "points", points);
}

JsonObject *
run_record_to_json(const RunRecord *record)
{
    JsonObject *top = json_object_new_object();
    JsonObject *shaping = json_object_new_object();
    JsonObject *cost = json_object_new_object();

    jobj_add_string(top, "schema", RECORD_SCHEMA);
    add_texts(top, NULL, record);
    jobj_add_i64(top, "started_us", record->started_us);
    add_word(top, "policy", &record_policies, record->policy.kind);
    jobj_add(top, "policy_settings", settings_to_json(&record->policy));
    jobj_add(top, "outcome", outcome_to_json(record));

    add_figure(shaping, "class_bytes", record->class_bytes);
    add_figure(shaping, "stream_bytes", record->stream_bytes);
    add_figure(shaping, "foreign_bytes", record->foreign_bytes);
    jobj_add(top, "shaping", shaping);

    add_figure(cost, "cpu_ms", record->cpu_ms);
    add_figure(cost, "max_rss_kb", record->max_rss_kb);
    add_figure(cost, "wall_ms", record->wall_ms);
    jobj_add(cost, "decision_us", cost_to_json(&record->decision_us));
    jobj_add(cost, "tc_change_us", cost_to_json(&record->tc_change_us));
    jobj_add(top, "cost", cost);

    add_environment(top, record);
    jobj_add(top, "warnings", texts_of(record->warnings));
    add_history(top, record);
    /* json-c counts references: what the record keeps stays its own */
    jobj_add(top, "events", json_object_get(record->events));
    jobj_add(top, "extra", json_object_get(record->extra));
    return top;
}
