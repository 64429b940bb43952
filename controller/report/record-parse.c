/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record-parse.c - read a run record back
 *
 * A record may come from another version or another hand. A member that we do
 * not know is ignored, one that is absent or null is "not known"; but one that
 * is there and makes no sense is refused by its full name, for a figure drawn
 * from a misread member would be a lie.
 *
 * A Cursor stands on one object and carries its name. The first failure sticks:
 * later calls do nothing, so that a list of members reads like a list.
 */
#include "report/record-priv.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"

typedef struct {
    JsonObject *object; /* borrowed */
    const char *where;  /* "iterations[3]", "" at the top */
    GError **error;
    bool ok;
} Cursor;

typedef enum { OPTIONAL, REQUIRED } Need;

#define ANY_NUMBER (-1e300)
#define NO_NEGATIVE 0.0

static void refuse(Cursor *cursor, const char *name, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

static void
refuse(Cursor *cursor, const char *name, const char *format, ...)
{
    g_autofree char *why = NULL;
    va_list arguments;

    if (!cursor->ok) {
        return;
    }
    va_start(arguments, format);
    why = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error(cursor->error, RECORD_ERROR, RECORD_ERROR_VALUE,
                "member %s%s%s of the run record %s", cursor->where,
                *cursor->where ? "." : "", name, why);
    cursor->ok = false;
}

/* The member, or NULL if it is absent or null (refused where needed). */
static JsonObject *
member(Cursor *cursor, const char *name, Need need)
{
    JsonObject *value = NULL;

    if (!cursor->ok) {
        return NULL;
    }
    json_object_object_get_ex(cursor->object, name, &value);
    if (!value && need == REQUIRED) {
        refuse(cursor, name, "is missing");
    }
    return value;
}

/* What was found may be a megabyte. g_free() it. */
static char *
shorten(const char *text)
{
    g_autofree char *start = NULL;

    if (g_utf8_strlen(text, -1) <= 40) {
        return g_strdup(text);
    }
    start = g_utf8_substring(text, 0, 37);
    return g_strconcat(start, "...", NULL);
}

static void
refuse_type(Cursor *cursor, const char *name, const char *wanted,
            JsonObject *found)
{
    g_autofree char *text = jobj_to_text(found, false);
    g_autofree char *brief = shorten(text);

    refuse(cursor, name, "must be %s, not %s", wanted, brief);
}

static uint64_t
take_u64(Cursor *cursor, const char *name, Need need, uint64_t least,
         uint64_t most)
{
    JsonObject *value = member(cursor, name, need);
    uint64_t number = 0;

    if (!value) {
        return 0;
    }
    if (!json_object_is_type(value, json_type_int) ||
        json_object_get_int64(value) < 0) {
        refuse_type(cursor, name, "a whole number, not negative", value);
        return 0;
    }
    number = json_object_get_uint64(value);
    if (number < least || number > most) {
        refuse(cursor, name,
               "must be between %" G_GUINT64_FORMAT " and %" G_GUINT64_FORMAT
               ", not %" G_GUINT64_FORMAT,
               least, most, number);
        return 0;
    }
    return number;
}

static int64_t
take_i64(Cursor *cursor, const char *name)
{
    JsonObject *value = member(cursor, name, OPTIONAL);

    if (!value) {
        return 0;
    }
    if (!json_object_is_type(value, json_type_int) ||
        json_object_get_uint64(value) > INT64_MAX) {
        refuse_type(cursor, name, "a whole number of 63 bits", value);
        return 0;
    }
    return json_object_get_int64(value);
}

static Known
take_number(Cursor *cursor, const char *name, Need need, double least,
            double most)
{
    JsonObject *value = member(cursor, name, need);
    double number;

    if (!value) {
        return unknown();
    }
    if (!json_object_is_type(value, json_type_int) &&
        !json_object_is_type(value, json_type_double)) {
        refuse_type(cursor, name, "a number", value);
        return unknown();
    }
    number = json_object_get_double(value);
    if (!isfinite(number) || number < least || number > most) {
        refuse_type(cursor, name,
                    least < 0 ? "a finite number of a believable size"
                              : "a number, neither negative nor absurdly large",
                    value);
        return unknown();
    }
    return known(number + 0.0); /* no negative zero */
}

/* The common case: a measured figure that may be absent, not negative. */
static Known
take_known(Cursor *cursor, const char *name)
{
    return take_number(cursor, name, OPTIONAL, NO_NEGATIVE, 1e300);
}

static bool
take_bool(Cursor *cursor, const char *name)
{
    JsonObject *value = member(cursor, name, OPTIONAL);

    if (value && !json_object_is_type(value, json_type_boolean)) {
        refuse_type(cursor, name, "true or false", value);
        return false;
    }
    return value && json_object_get_boolean(value);
}

/* Borrowed from the JSON; NULL if absent. */
static const char *
string_value(Cursor *cursor, const char *name, JsonObject *value)
{
    const char *text;

    if (!json_object_is_type(value, json_type_string)) {
        refuse_type(cursor, name, "a string", value);
        return NULL;
    }
    text = json_object_get_string(value);
    if (strlen(text) != (size_t)json_object_get_string_len(value)) {
        refuse(cursor, name, "holds a NUL character");
        return NULL;
    }
    return text;
}

static const char *
take_string(Cursor *cursor, const char *name, Need need)
{
    JsonObject *value = member(cursor, name, need);

    return value ? string_value(cursor, name, value) : NULL;
}

static unsigned
word_index(Cursor *cursor, const char *name, const RecordWords *words,
           const char *text)
{
    g_autoptr(GString) all = g_string_new(NULL);
    g_autofree char *brief = shorten(text);

    for (size_t i = 0; i < words->n; i++) {
        if (strcmp(words->words[i], text) == 0) {
            return (unsigned)i;
        }
        g_string_append_printf(all, "%s%s", i ? ", " : "", words->words[i]);
    }
    refuse(cursor, name, "is '%s', none of %s", brief, all->str);
    return 0;
}

/* The first word of the table if the member is absent. */
static unsigned
take_word(Cursor *cursor, const char *name, Need need, const RecordWords *words)
{
    const char *text = take_string(cursor, name, need);

    return text ? word_index(cursor, name, words, text) : 0;
}

/* A member that must be an object or an array if it is there. */
static JsonObject *
take_container(Cursor *cursor, const char *name, Need need, enum json_type type)
{
    JsonObject *value = member(cursor, name, need);

    if (value && !json_object_is_type(value, type)) {
        refuse_type(cursor, name,
                    type == json_type_array ? "an array" : "an object", value);
        return NULL;
    }
    return value;
}

/* Steps into an object; absent ones read as empty. */
static Cursor
enter(Cursor *cursor, const char *name, Need need, JsonObject **empty)
{
    JsonObject *value = take_container(cursor, name, need, json_type_object);

    if (!value) {
        if (!*empty) {
            *empty = json_object_new_object();
        }
        value = *empty;
    }
    return (Cursor){ value, name, cursor->error, cursor->ok };
}

static void
leave(Cursor *cursor, const Cursor *inner)
{
    cursor->ok = inner->ok;
}

static void
take_texts(Cursor *cursor, const char *name, GPtrArray *texts)
{
    JsonObject *array = take_container(cursor, name, OPTIONAL, json_type_array);
    size_t n = array ? json_object_array_length(array) : 0;

    for (size_t i = 0; i < n && cursor->ok; i++) {
        g_autofree char *item = g_strdup_printf("%s[%zu]", name, i);
        const char *text =
            string_value(cursor, item, json_object_array_get_idx(array, i));

        if (text) {
            g_ptr_array_add(texts, g_strdup(text));
        }
    }
}

/* --- the parts, in the order of docs/run-record.md ---------------------- */

static void
parse_texts(Cursor *cursor, const char *section, RunRecord *record)
{
    for (size_t i = 0; i < record_n_texts; i++) {
        const RecordText *text = &record_texts[i];

        if (g_strcmp0(text->section, section) == 0) {
            G_STRUCT_MEMBER(char *, record, text->offset) =
                g_strdup(take_string(cursor, text->name, OPTIONAL));
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
        refuse(cursor, "started", "is no time: %s", error->message);
    }
}

static void
parse_settings(Cursor *cursor, PolicySettings *settings)
{
    settings->margin = known_or(take_known(cursor, "margin"), 0);
    settings->threshold_fraction =
        known_or(take_known(cursor, "threshold_fraction"), 0);
    settings->change_fraction =
        known_or(take_known(cursor, "change_fraction"), 0);
    settings->deadline_s = take_known(cursor, "deadline_s");
    settings->downtime_limit_s =
        known_or(take_known(cursor, "downtime_limit_s"), 0);
}

static void
parse_outcome(Cursor *cursor, RunRecord *record)
{
    record->status = take_word(cursor, "status", REQUIRED, &record_statuses);
    record->total_ms = take_known(cursor, "total_ms");
    record->downtime_ms = take_known(cursor, "downtime_ms");
    record->setup_ms = take_known(cursor, "setup_ms");
    record->bytes = take_known(cursor, "bytes");
    /* "iterations" follows from the rows */
    take_u64(cursor, "iterations", OPTIONAL, 0, UINT32_MAX);
    parse_texts(cursor, "outcome", record);
}

static void
parse_models(Cursor *cursor, RunRecord *record, Forecast *forecast)
{
    JsonObject *models =
        take_container(cursor, "models", OPTIONAL, json_type_object);
    Cursor inner;

    if (!models) {
        return;
    }
    if (json_object_object_length(models) > FORECAST_MAX_MEMBERS) {
        refuse(cursor, "models", "has %d members, more than %d",
               json_object_object_length(models), FORECAST_MAX_MEMBERS);
        return;
    }
    inner = *cursor;
    inner.object = models;
    json_object_object_foreach (models, name, value) {
        ForecastMember *to = &forecast->members[forecast->n_members++];

        (void)value;
        to->name = g_string_chunk_insert_const(record->names, name);
        /* a grey model may well say something below zero */
        to->pages = take_number(&inner, name, OPTIONAL, ANY_NUMBER, 1e300);
    }
    leave(cursor, &inner);
}

static void
parse_forecast(Cursor *cursor, RunRecord *record, RunIteration *it)
{
    Forecast *forecast = &it->forecast;
    const char *model = take_string(cursor, "model", OPTIONAL);
    JsonObject *converges = member(cursor, "converges", OPTIONAL);
    Known low = take_known(cursor, "predicted_low_pages");
    Known high = take_known(cursor, "predicted_high_pages");

    forecast->pages = take_known(cursor, "predicted_pages");
    forecast->low_pages = known_or(low, NAN);
    forecast->high_pages = known_or(high, NAN);
    forecast->planned_duration_s =
        known_or(take_known(cursor, "planned_duration_s"), NAN);
    if (model) {
        forecast->model = g_string_chunk_insert_const(record->names, model);
    }
    parse_models(cursor, record, forecast);
    it->forecast_end_s = take_known(cursor, "forecast_end_s");
    it->forecast_downtime_s = take_known(cursor, "forecast_downtime_s");
    it->converges = converges ? take_bool(cursor, "converges") : -1;
}

static unsigned
parse_flags(Cursor *cursor)
{
    JsonObject *array =
        take_container(cursor, "flags", OPTIONAL, json_type_array);
    size_t n = array ? json_object_array_length(array) : 0;
    unsigned flags = 0;

    for (size_t i = 0; i < n && cursor->ok; i++) {
        g_autofree char *item = g_strdup_printf("flags[%zu]", i);
        const char *text =
            string_value(cursor, item, json_object_array_get_idx(array, i));

        if (text) {
            flags |= 1u << word_index(cursor, item, &record_flags, text);
        }
    }
    return flags;
}

static void
parse_row(Cursor *cursor, SampleRow *row)
{
    Known duration_ms =
        take_number(cursor, "duration_ms", REQUIRED, 0, RECORD_MAX_MS);

    row->iter = (unsigned)take_u64(cursor, "iter", REQUIRED, 1, UINT32_MAX);
    row->merged = (unsigned)take_u64(cursor, "merged", OPTIONAL, 0, UINT32_MAX);
    row->duration_s = duration_ms.value / 1000;
    row->pages_to_send =
        take_u64(cursor, "pages_to_send", REQUIRED, 0, UINT64_MAX);
    row->page_bytes = take_u64(cursor, "page_bytes", OPTIONAL, 1, 1 << 30);
    row->dirty_pages = take_known(cursor, "dirty_pages");
    row->sent_bytes = take_u64(cursor, "sent_bytes", OPTIONAL, 0, UINT64_MAX);
    row->bandwidth_bytes_s =
        known_or(take_known(cursor, "achieved_bytes_s"), 0);
    row->mem_used = take_known(cursor, "mem_used");
    row->cpu_cores = take_known(cursor, "cpu_cores");
    row->vm_net_bytes_s = take_known(cursor, "vm_net_bytes_s");
    row->prev_duration_s = take_known(cursor, "prev_duration_s");
    row->host_net_bytes_s = take_known(cursor, "host_net_bytes_s");
    row->throttle_percent =
        (unsigned)take_u64(cursor, "throttle_percent", OPTIONAL, 0, 100);
    row->final = take_bool(cursor, "final");
    row->source = take_word(cursor, "source", OPTIONAL, &record_sources);
    row->flags = parse_flags(cursor);
    row->started_us = take_i64(cursor, "started_us");
    row->ended_us = take_i64(cursor, "ended_us");
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
        take_u64(cursor, "reserved_bytes_s", OPTIONAL, 0, UINT64_MAX);
    it.ceiling_bytes_s =
        take_u64(cursor, "ceiling_bytes_s", OPTIONAL, 0, UINT64_MAX);
    g_array_append_val(record->iterations, it);
}

/* Seconds of the time lines; a decision may be made before the start. */
static double
take_time(Cursor *cursor)
{
    return take_number(cursor, "t_s", REQUIRED, -RECORD_MAX_MS / 1000,
                       RECORD_MAX_MS / 1000)
        .value;
}

static void
parse_decision(Cursor *cursor, RunRecord *record)
{
    RunDecision made = { 0 };
    PolicyDecision *decision = &made.decision;
    const char *reason = take_string(cursor, "reason", OPTIONAL);
    const char *failure = take_string(cursor, "error", OPTIONAL);

    made.t_s = take_time(cursor);
    made.iter = (unsigned)take_u64(cursor, "iter", OPTIONAL, 0, UINT32_MAX);
    decision->step = take_word(cursor, "step", REQUIRED, &record_steps);
    decision->guarantee_bytes_s =
        take_u64(cursor, "guarantee_bytes_s", OPTIONAL, 0, UINT64_MAX);
    decision->ceiling_bytes_s =
        take_u64(cursor, "ceiling_bytes_s", OPTIONAL, 0, UINT64_MAX);
    decision->application_bytes_s =
        take_u64(cursor, "application_bytes_s", OPTIONAL, 0, UINT64_MAX);
    decision->dirty_bytes_s = take_known(cursor, "dirty_bytes_s");
    if (reason && strlen(reason) >= sizeof(decision->reason)) {
        refuse(cursor, "reason", "is longer than %zu bytes",
               sizeof(decision->reason) - 1);
    } else if (reason) {
        g_strlcpy(decision->reason, reason, sizeof(decision->reason));
    }
    made.applied = take_bool(cursor, "applied");
    if (cursor->ok) {
        made.error = g_strdup(failure);
        g_array_append_val(record->decisions, made);
    }
}

static void
parse_point(Cursor *cursor, RunRecord *record)
{
    RunPoint point = { .t_s = take_time(cursor) };

    point.remaining_bytes = take_known(cursor, "remaining_bytes");
    point.stream_bytes_s = take_known(cursor, "stream_bytes_s");
    point.reserved_bytes_s = take_known(cursor, "reserved_bytes_s");
    point.ceiling_bytes_s = take_known(cursor, "ceiling_bytes_s");
    point.application_bytes_s = take_known(cursor, "application_bytes_s");
    point.protected_bytes_s = take_known(cursor, "protected_bytes_s");
    point.other_bytes_s = take_known(cursor, "other_bytes_s");
    g_array_append_val(record->points, point);
}

typedef void (*ParseItem)(Cursor *cursor, RunRecord *record);

static void
parse_items(Cursor *cursor, const char *name, Need need, ParseItem parse,
            RunRecord *record)
{
    JsonObject *array = take_container(cursor, name, need, json_type_array);
    size_t n = array ? json_object_array_length(array) : 0;

    for (size_t i = 0; i < n && cursor->ok; i++) {
        g_autofree char *where = g_strdup_printf("%s[%zu]", name, i);
        Cursor item = { json_object_array_get_idx(array, i), where,
                        cursor->error, true };

        if (!json_object_is_type(item.object, json_type_object)) {
            refuse_type(cursor, where, "an object", item.object);
            return;
        }
        parse(&item, record);
        leave(cursor, &item);
    }
}

static void
parse_link(Cursor *cursor, RunRecord *record)
{
    parse_texts(cursor, "link", record);
    record->link_rate_bytes_s =
        take_u64(cursor, "rate_bytes_s", OPTIONAL, 0, UINT64_MAX);
    record->link_rate_declared = take_bool(cursor, "rate_declared");
}

static void
parse_guest(Cursor *cursor, RunRecord *record)
{
    parse_texts(cursor, "guest", record);
    record->guest_memory_bytes =
        take_u64(cursor, "memory_bytes", OPTIONAL, 0, UINT64_MAX);
    record->guest_vcpus =
        (unsigned)take_u64(cursor, "vcpus", OPTIONAL, 0, UINT32_MAX);
}

static void
parse_migration(Cursor *cursor, RunRecord *record)
{
    parse_texts(cursor, "migration", record);
    record->live = take_bool(cursor, "live");
    record->monitor_passthrough = take_bool(cursor, "monitor_passthrough");
    take_texts(cursor, "options", record->options);
}

static void
parse_cost_of(Cursor *cursor, const char *name, const char *where,
              RunCost *cost, JsonObject **empty)
{
    Cursor inner = enter(cursor, name, OPTIONAL, empty);

    inner.where = where;
    cost->median_us = take_known(&inner, "median");
    cost->p99_us = take_known(&inner, "p99");
    cost->max_us = take_known(&inner, "max");
    leave(cursor, &inner);
}

static void
parse_cost(Cursor *cursor, RunRecord *record)
{
    g_autoptr(JsonObject) empty = NULL;

    record->cpu_ms = take_known(cursor, "cpu_ms");
    record->max_rss_kb = take_known(cursor, "max_rss_kb");
    record->wall_ms = take_known(cursor, "wall_ms");
    parse_cost_of(cursor, "decision_us", "cost.decision_us",
                  &record->decision_us, &empty);
    parse_cost_of(cursor, "tc_change_us", "cost.tc_change_us",
                  &record->tc_change_us, &empty);
}

static void
parse_shaping(Cursor *cursor, RunRecord *record)
{
    record->class_bytes = take_known(cursor, "class_bytes");
    record->stream_bytes = take_known(cursor, "stream_bytes");
    record->foreign_bytes = take_known(cursor, "foreign_bytes");
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
    Need need;
    ParseItem parse;
} sections[] = {
    { "policy_settings", OPTIONAL, parse_policy },
    { "outcome", REQUIRED, parse_outcome },
    { "shaping", OPTIONAL, parse_shaping },
    { "cost", OPTIONAL, parse_cost },
    { "versions", OPTIONAL, parse_versions },
    { "host", OPTIONAL, parse_host },
    { "guest", OPTIONAL, parse_guest },
    { "migration", OPTIONAL, parse_migration },
    { "link", OPTIONAL, parse_link },
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
        g_autofree char *brief = shorten(schema);

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
    record->started_us = take_i64(&cursor, "started_us");
    record->policy.kind =
        take_word(&cursor, "policy", REQUIRED, &record_policies);
    for (size_t i = 0; i < G_N_ELEMENTS(sections); i++) {
        Cursor inner =
            enter(&cursor, sections[i].name, sections[i].need, &empty);

        sections[i].parse(&inner, record);
        leave(&cursor, &inner);
    }
    take_texts(&cursor, "warnings", record->warnings);
    parse_items(&cursor, "iterations", REQUIRED, parse_iteration, record);
    parse_items(&cursor, "decisions", OPTIONAL, parse_decision, record);
    parse_items(&cursor, "points", OPTIONAL, parse_point, record);
    record->events = json_object_get(
        take_container(&cursor, "events", OPTIONAL, json_type_array));
    record->extra = json_object_get(
        take_container(&cursor, "extra", OPTIONAL, json_type_object));
    return cursor.ok ? g_steal_pointer(&record) : NULL;
}
