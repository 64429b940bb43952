/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record-parse.c - read a run record back
 *
 * A record may come from another version or another hand. A member that we do
 * not know is ignored, one that is absent or null is "not known"; but one that
 * is there and makes no sense is refused by its full name, for a figure drawn
 * from a misread member would be a lie.
 */
#include "report/record-cursor.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"

static void
parse_texts(Cursor *cursor, const char *section, RunRecord *record)
{
    for (size_t i = 0; i < record_n_texts; i++) {
        const RecordText *text = &record_texts[i];

        if (g_strcmp0(text->section, section) == 0) {
            G_STRUCT_MEMBER(char *, record, text->offset) =
                g_strdup(cursor_string(cursor, text->name, MEMBER_OPTIONAL));
        }
    }
}

static void
parse_started(Cursor *cursor, const RunRecord *record)
{
    g_autoptr(GError) error = NULL;
    int64_t wall_us;

    if (record->started &&
        !clock_parse_utc(record->started, &wall_us, &error)) {
        cursor_refuse(cursor, "started", "is no time: %s", error->message);
    }
}

static void
parse_settings(Cursor *cursor, PolicySettings *settings)
{
    settings->margin = known_or(cursor_known(cursor, "margin"), 0);
    settings->threshold_fraction =
        known_or(cursor_known(cursor, "threshold_fraction"), 0);
    settings->change_fraction =
        known_or(cursor_known(cursor, "change_fraction"), 0);
    settings->deadline_s = cursor_known(cursor, "deadline_s");
    settings->downtime_limit_s =
        known_or(cursor_known(cursor, "downtime_limit_s"), 0);
}

static void
parse_outcome(Cursor *cursor, RunRecord *record)
{
    record->status =
        cursor_word(cursor, "status", MEMBER_REQUIRED, &record_statuses);
    record->total_ms = cursor_known(cursor, "total_ms");
    record->downtime_ms = cursor_known(cursor, "downtime_ms");
    record->setup_ms = cursor_known(cursor, "setup_ms");
    record->bytes = cursor_known(cursor, "bytes");
    /* "iterations" follows from the rows */
    cursor_u64(cursor, "iterations", MEMBER_OPTIONAL, 0, UINT32_MAX);
    parse_texts(cursor, "outcome", record);
}

static void
parse_models(Cursor *cursor, RunRecord *record, Forecast *forecast)
{
    JsonObject *models =
        cursor_container(cursor, "models", MEMBER_OPTIONAL, json_type_object);
    Cursor inner;

    if (!models) {
        return;
    }
    if (json_object_object_length(models) > FORECAST_MAX_MEMBERS) {
        cursor_refuse(cursor, "models", "has %d members, more than %d",
                      json_object_object_length(models), FORECAST_MAX_MEMBERS);
        return;
    }
    inner = *cursor;
    inner.object = models;
    json_object_object_foreach (models, name, value) {
        ForecastMember *to = &forecast->members[forecast->n_members++];

        (void)value;
        to->name = g_string_chunk_insert_const(record->names, name);
        /* a grey model may say anything, below zero or beyond all measure */
        to->pages = cursor_number(&inner, name, MEMBER_OPTIONAL, -G_MAXDOUBLE,
                                  G_MAXDOUBLE);
    }
    cursor_leave(cursor, &inner);
}

static void
parse_forecast(Cursor *cursor, RunRecord *record, RunIteration *it)
{
    Forecast *forecast = &it->forecast;
    const char *model = cursor_string(cursor, "model", MEMBER_OPTIONAL);
    JsonObject *converges = cursor_member(cursor, "converges", MEMBER_OPTIONAL);
    Known low = cursor_known(cursor, "predicted_low_pages");
    Known high = cursor_known(cursor, "predicted_high_pages");

    forecast->pages = cursor_known(cursor, "predicted_pages");
    forecast->low_pages = known_or(low, NAN);
    forecast->high_pages = known_or(high, NAN);
    forecast->planned_duration_s =
        known_or(cursor_known(cursor, "planned_duration_s"), NAN);
    if (model) {
        forecast->model = g_string_chunk_insert_const(record->names, model);
    }
    parse_models(cursor, record, forecast);
    it->forecast_end_s = cursor_known(cursor, "forecast_end_s");
    it->forecast_downtime_s = cursor_known(cursor, "forecast_downtime_s");
    it->converges = converges ? cursor_bool(cursor, "converges") : -1;
}

static unsigned
parse_flags(Cursor *cursor)
{
    JsonObject *array =
        cursor_container(cursor, "flags", MEMBER_OPTIONAL, json_type_array);
    size_t n = array ? json_object_array_length(array) : 0;
    unsigned flags = 0;

    for (size_t i = 0; i < n && cursor->ok; i++) {
        g_autofree char *item = g_strdup_printf("flags[%zu]", i);
        const char *text = cursor_string_value(
            cursor, item, json_object_array_get_idx(array, i));

        if (text) {
            flags |= 1u << cursor_word_index(cursor, item, &record_flags, text);
        }
    }
    return flags;
}

static void
parse_row(Cursor *cursor, SampleRow *row)
{
    Known duration_ms =
        cursor_number(cursor, "duration_ms", MEMBER_REQUIRED, 0, RECORD_MAX_MS);

    row->iter =
        (unsigned)cursor_u64(cursor, "iter", MEMBER_REQUIRED, 1, UINT32_MAX);
    row->merged =
        (unsigned)cursor_u64(cursor, "merged", MEMBER_OPTIONAL, 0, UINT32_MAX);
    row->duration_s = duration_ms.value / 1000;
    row->pages_to_send =
        cursor_u64(cursor, "pages_to_send", MEMBER_REQUIRED, 0, UINT64_MAX);
    row->page_bytes =
        cursor_u64(cursor, "page_bytes", MEMBER_OPTIONAL, 1, 1 << 30);
    row->dirty_pages = cursor_known(cursor, "dirty_pages");
    row->hot_pages = cursor_known(cursor, "hot_pages");
    row->cold_pages = cursor_known(cursor, "cold_pages");
    row->zero_pages = cursor_known(cursor, "zero_pages");
    row->sent_bytes =
        cursor_u64(cursor, "sent_bytes", MEMBER_OPTIONAL, 0, UINT64_MAX);
    row->bandwidth_bytes_s =
        known_or(cursor_known(cursor, "achieved_bytes_s"), 0);
    row->mem_used = cursor_known(cursor, "mem_used");
    row->cpu_cores = cursor_known(cursor, "cpu_cores");
    row->vm_net_bytes_s = cursor_known(cursor, "vm_net_bytes_s");
    row->prev_duration_s = cursor_known(cursor, "prev_duration_s");
    row->host_net_bytes_s = cursor_known(cursor, "host_net_bytes_s");
    row->throttle_percent = (unsigned)cursor_u64(cursor, "throttle_percent",
                                                 MEMBER_OPTIONAL, 0, 100);
    row->final = cursor_bool(cursor, "final");
    row->source =
        cursor_word(cursor, "source", MEMBER_OPTIONAL, &record_sources);
    row->flags = parse_flags(cursor);
    row->started_us = cursor_i64(cursor, "started_us");
    row->ended_us = cursor_i64(cursor, "ended_us");
    /* a record that does not say had the usual ones */
    row->merged = row->merged ? row->merged : 1;
    row->page_bytes = row->page_bytes ? row->page_bytes : 4096;
}

static void
parse_iteration(Cursor *cursor, RunRecord *record)
{
    RunIteration it = { 0 };

    parse_row(cursor, &it.row);
    parse_forecast(cursor, record, &it);
    it.reserved_bytes_s =
        cursor_u64(cursor, "reserved_bytes_s", MEMBER_OPTIONAL, 0, UINT64_MAX);
    it.ceiling_bytes_s =
        cursor_u64(cursor, "ceiling_bytes_s", MEMBER_OPTIONAL, 0, UINT64_MAX);
    g_array_append_val(record->iterations, it);
}

/* Seconds of the time lines; a decision may be made before the start. */
static double
take_time(Cursor *cursor)
{
    return cursor_number(cursor, "t_s", MEMBER_REQUIRED, -RECORD_MAX_MS / 1000,
                         RECORD_MAX_MS / 1000)
        .value;
}

static void
parse_decision(Cursor *cursor, RunRecord *record)
{
    RunDecision made = { 0 };
    PolicyDecision *decision = &made.decision;
    const char *reason = cursor_string(cursor, "reason", MEMBER_OPTIONAL);
    const char *failure = cursor_string(cursor, "error", MEMBER_OPTIONAL);

    made.t_s = take_time(cursor);
    made.iter =
        (unsigned)cursor_u64(cursor, "iter", MEMBER_OPTIONAL, 0, UINT32_MAX);
    decision->step =
        cursor_word(cursor, "step", MEMBER_REQUIRED, &record_steps);
    decision->guarantee_bytes_s =
        cursor_u64(cursor, "guarantee_bytes_s", MEMBER_OPTIONAL, 0, UINT64_MAX);
    decision->ceiling_bytes_s =
        cursor_u64(cursor, "ceiling_bytes_s", MEMBER_OPTIONAL, 0, UINT64_MAX);
    decision->application_bytes_s = cursor_u64(cursor, "application_bytes_s",
                                               MEMBER_OPTIONAL, 0, UINT64_MAX);
    decision->dirty_bytes_s = cursor_known(cursor, "dirty_bytes_s");
    if (reason && strlen(reason) >= sizeof(decision->reason)) {
        cursor_refuse(cursor, "reason", "is longer than %zu bytes",
                      sizeof(decision->reason) - 1);
    } else if (reason) {
        g_strlcpy(decision->reason, reason, sizeof(decision->reason));
    }
    made.applied = cursor_bool(cursor, "applied");
    if (cursor->ok) {
        made.error = g_strdup(failure);
        g_array_append_val(record->decisions, made);
    }
}

static void
parse_point(Cursor *cursor, RunRecord *record)
{
    RunPoint point = { .t_s = take_time(cursor) };

    point.remaining_bytes = cursor_known(cursor, "remaining_bytes");
    point.stream_bytes_s = cursor_known(cursor, "stream_bytes_s");
    point.reserved_bytes_s = cursor_known(cursor, "reserved_bytes_s");
    point.ceiling_bytes_s = cursor_known(cursor, "ceiling_bytes_s");
    point.application_bytes_s = cursor_known(cursor, "application_bytes_s");
    point.protected_bytes_s = cursor_known(cursor, "protected_bytes_s");
    point.other_bytes_s = cursor_known(cursor, "other_bytes_s");
    g_array_append_val(record->points, point);
}

typedef void (*ParseItem)(Cursor *cursor, RunRecord *record);

static void
parse_items(Cursor *cursor, const char *name, MemberNeed need, ParseItem parse,
            RunRecord *record)
{
    JsonObject *array = cursor_container(cursor, name, need, json_type_array);
    size_t n = array ? json_object_array_length(array) : 0;

    for (size_t i = 0; i < n && cursor->ok; i++) {
        g_autofree char *where = g_strdup_printf("%s[%zu]", name, i);
        Cursor item = { json_object_array_get_idx(array, i), where,
                        cursor->error, true };

        if (!json_object_is_type(item.object, json_type_object)) {
            cursor_refuse_type(cursor, where, "an object", item.object);
            return;
        }
        parse(&item, record);
        cursor_leave(cursor, &item);
    }
}

static void
parse_link(Cursor *cursor, RunRecord *record)
{
    parse_texts(cursor, "link", record);
    record->link_rate_bytes_s =
        cursor_u64(cursor, "rate_bytes_s", MEMBER_OPTIONAL, 0, UINT64_MAX);
    record->link_rate_declared = cursor_bool(cursor, "rate_declared");
}

static void
parse_guest(Cursor *cursor, RunRecord *record)
{
    parse_texts(cursor, "guest", record);
    record->guest_memory_bytes =
        cursor_u64(cursor, "memory_bytes", MEMBER_OPTIONAL, 0, UINT64_MAX);
    record->guest_vcpus =
        (unsigned)cursor_u64(cursor, "vcpus", MEMBER_OPTIONAL, 0, UINT32_MAX);
}

static void
parse_migration(Cursor *cursor, RunRecord *record)
{
    parse_texts(cursor, "migration", record);
    record->live = cursor_bool(cursor, "live");
    record->monitor_passthrough = cursor_bool(cursor, "monitor_passthrough");
    cursor_texts(cursor, "options", record->options);
}

static void
parse_cost_of(Cursor *cursor, const char *name, const char *where,
              RunCost *cost, JsonObject **empty)
{
    Cursor inner = cursor_enter(cursor, name, MEMBER_OPTIONAL, empty);

    inner.where = where;
    cost->median_us = cursor_known(&inner, "median");
    cost->p99_us = cursor_known(&inner, "p99");
    cost->max_us = cursor_known(&inner, "max");
    cursor_leave(cursor, &inner);
}

static void
parse_cost(Cursor *cursor, RunRecord *record)
{
    g_autoptr(JsonObject) empty = NULL;

    record->cpu_ms = cursor_known(cursor, "cpu_ms");
    record->max_rss_kb = cursor_known(cursor, "max_rss_kb");
    record->wall_ms = cursor_known(cursor, "wall_ms");
    parse_cost_of(cursor, "decision_us", "cost.decision_us",
                  &record->decision_us, &empty);
    parse_cost_of(cursor, "tc_change_us", "cost.tc_change_us",
                  &record->tc_change_us, &empty);
}

static void
parse_shaping(Cursor *cursor, RunRecord *record)
{
    record->class_bytes = cursor_known(cursor, "class_bytes");
    record->stream_bytes = cursor_known(cursor, "stream_bytes");
    record->foreign_bytes = cursor_known(cursor, "foreign_bytes");
}

static void
parse_policy(Cursor *cursor, RunRecord *record)
{
    parse_settings(cursor, &record->policy);
}

static void
parse_versions(Cursor *cursor, RunRecord *record)
{
    parse_texts(cursor, "versions", record);
}

static void
parse_host(Cursor *cursor, RunRecord *record)
{
    parse_texts(cursor, "host", record);
}

static const struct {
    const char *name;
    MemberNeed need;
    ParseItem parse;
} sections[] = {
    { "policy_settings", MEMBER_OPTIONAL, parse_policy },
    { "outcome", MEMBER_REQUIRED, parse_outcome },
    { "shaping", MEMBER_OPTIONAL, parse_shaping },
    { "cost", MEMBER_OPTIONAL, parse_cost },
    { "versions", MEMBER_OPTIONAL, parse_versions },
    { "host", MEMBER_OPTIONAL, parse_host },
    { "guest", MEMBER_OPTIONAL, parse_guest },
    { "migration", MEMBER_OPTIONAL, parse_migration },
    { "link", MEMBER_OPTIONAL, parse_link },
};

static bool
check_schema(JsonObject *object, GError **error)
{
    const char *schema = NULL;

    if (!jobj_get_string(object, "schema", &schema)) {
        g_set_error_literal(error, RECORD_ERROR, RECORD_ERROR_SCHEMA,
                            "this JSON is no run record: member schema is "
                            "missing (it should be \"" RECORD_SCHEMA "\")");
        return false;
    }
    if (strcmp(schema, RECORD_SCHEMA) != 0) {
        g_autofree char *brief = cursor_shorten(schema);

        g_set_error(error, RECORD_ERROR, RECORD_ERROR_SCHEMA,
                    "member schema is '%s', this vmferry reads "
                    "'" RECORD_SCHEMA "'",
                    brief);
        return false;
    }
    return true;
}

RunRecord *
run_record_parse(const char *text, size_t length, GError **error)
{
    g_autoptr(RunRecord) record = run_record_new();
    g_autoptr(JsonObject) top = NULL;
    g_autoptr(JsonObject) empty = NULL;
    Cursor cursor = { NULL, "", error, true };

    top = jobj_parse(text, length, error);
    if (!top) {
        g_prefix_error(error, "reading a run record: ");
        return NULL;
    }
    if (!check_schema(top, error)) {
        return NULL;
    }
    cursor.object = top;
    parse_texts(&cursor, NULL, record);
    parse_started(&cursor, record);
    record->started_us = cursor_i64(&cursor, "started_us");
    record->policy.kind =
        cursor_word(&cursor, "policy", MEMBER_REQUIRED, &record_policies);
    for (size_t i = 0; i < G_N_ELEMENTS(sections); i++) {
        Cursor inner =
            cursor_enter(&cursor, sections[i].name, sections[i].need, &empty);

        sections[i].parse(&inner, record);
        cursor_leave(&cursor, &inner);
    }
    cursor_texts(&cursor, "warnings", record->warnings);
    parse_items(&cursor, "iterations", MEMBER_REQUIRED, parse_iteration,
                record);
    parse_items(&cursor, "decisions", MEMBER_OPTIONAL, parse_decision, record);
    parse_items(&cursor, "points", MEMBER_OPTIONAL, parse_point, record);
    record->events = json_object_get(
        cursor_container(&cursor, "events", MEMBER_OPTIONAL, json_type_array));
    record->extra = json_object_get(
        cursor_container(&cursor, "extra", MEMBER_OPTIONAL, json_type_object));
    return cursor.ok ? g_steal_pointer(&record) : NULL;
}
