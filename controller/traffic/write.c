/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * write.c - a summary for programs: JSON, CSV, the planner's traffic
 */
#include "traffic/write.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"

static const char *const unit_names[] = {
    [TRAFFIC_UNIT_BYTES] = "bytes",
    [TRAFFIC_UNIT_KIB] = "KiB",
    [TRAFFIC_UNIT_MIB] = "MiB",
    [TRAFFIC_UNIT_KBIT_S] = "kbit/s",
};
_Static_assert(G_N_ELEMENTS(unit_names) == TRAFFIC_N_UNITS,
               "a unit without name");

const char *
traffic_unit_name(TrafficUnit unit)
{
    return unit_names[unit];
}

static void
add_sum(JsonObject *object, TrafficSum sum)
{
    jobj_add_u64(object, "bytes", sum.bytes);
    jobj_add_u64(object, "packets", sum.packets);
}

static JsonObject *
sum_object(TrafficSum sum)
{
    JsonObject *object = json_object_new_object();

    add_sum(object, sum);
    return object;
}

static void
add_end(JsonObject *object, const char *name, const TrafficGuests *guests,
        const TrafficEnd *end)
{
    g_autofree char *text = traffic_end_text(guests, end);
    JsonObject *member = json_object_new_object();

    jobj_add_string(member, "kind",
                    traffic_end_kind_name((TrafficEndKind)end->kind));
    jobj_add_string(member, "name", text);
    jobj_add(object, name, member);
}

static JsonObject *
classes_object(const TrafficSum *sums)
{
    JsonObject *object = json_object_new_object();

    for (int c = 0; c < TRAFFIC_N_CLASSES; c++) {
        jobj_add(object, traffic_class_name((TrafficClass)c),
                 sum_object(sums[c]));
    }
    return object;
}

static JsonObject *
sources_array(const TrafficSummary *summary)
{
    JsonObject *array = json_object_new_array();

    for (guint i = 0; i < summary->sources->len; i++) {
        const TrafficSource *source = summary->sources->pdata[i];
        JsonObject *object = json_object_new_object();

        jobj_add_string(object, "name", source->name);
        if (source->counts_drops) {
            jobj_add_u64(object, "dropped", source->dropped);
            jobj_add_u64(object, "interface_dropped",
                         source->interface_dropped);
        }
        json_object_array_add(array, object);
    }
    return array;
}

static JsonObject *
guests_array(const TrafficSummary *summary)
{
    JsonObject *array = json_object_new_array();

    for (guint i = 0; i < summary->sent->len; i++) {
        JsonObject *object = json_object_new_object();

        jobj_add_string(object, "name",
                        traffic_guests_name(summary->guests, i));
        jobj_add(object, "sent",
                 sum_object(g_array_index(summary->sent, TrafficSum, i)));
        jobj_add(object, "received",
                 sum_object(g_array_index(summary->received, TrafficSum, i)));
        json_object_array_add(array, object);
    }
    return array;
}

JsonObject *
traffic_write_json(const TrafficSummary *summary)
{
    JsonObject *top = json_object_new_object();
    JsonObject *pairs = json_object_new_array();
    g_autofree char *from = clock_format_utc(summary->from_us);
    g_autofree char *to = clock_format_utc(summary->to_us);

    jobj_add_string(top, "format", TRAFFIC_FORMAT);
    jobj_add_string(top, "from", from);
    jobj_add_string(top, "to", to);
    jobj_add_double(top, "duration_s",
                    (double)(summary->to_us - summary->from_us) / 1e6);
    jobj_add_double(top, "period_s", (double)summary->period_us / 1e6);
    jobj_add_u64(top, "sampled_1_in", summary->sampled_1_in);
    jobj_add(top, "sources", sources_array(summary));
    if (summary->incomplete) {
        jobj_add_string(top, "incomplete", summary->incomplete);
    }
    jobj_add_u64(top, "not_understood", summary->not_understood);
    jobj_add_u64(top, "late", summary->late);
    jobj_add(top, "total", sum_object(summary->total));
    jobj_add(top, "classes", classes_object(summary->by_class));
    jobj_add(top, "tail", classes_object(summary->tail));
    jobj_add_u64(top, "absent_bytes", summary->absent_bytes);
    jobj_add(top, "guests", guests_array(summary));
    for (guint i = 0; i < summary->rows->len; i++) {
        const TrafficRow *row = &g_array_index(summary->rows, TrafficRow, i);
        JsonObject *pair = json_object_new_object();

        add_end(pair, "from", summary->guests, &row->from);
        add_end(pair, "to", summary->guests, &row->to);
        add_sum(pair, row->sum);
        jobj_add_u64(pair, "missing_bytes", row->missing_bytes);
        jobj_add_u64(pair, "error_bytes", row->error_bytes);
        json_object_array_add(pairs, pair);
    }
    jobj_add(top, "pairs", pairs);
    return top;
}

/* --- CSV, RFC 4180 with a line feed --- */

static void
csv_text(GString *out, const char *text)
{
    if (!strpbrk(text, ",\"\n\r")) {
        g_string_append(out, text);
        return;
    }
    g_string_append_c(out, '"');
    for (; *text; text++) {
        if (*text == '"') {
            g_string_append_c(out, '"');
        }
        g_string_append_c(out, *text);
    }
    g_string_append_c(out, '"');
}

static void
csv_line(GString *out, const char *begin, const char *end,
         const char *from_kind, const char *from, const char *to_kind,
         const char *to, TrafficSum sum, uint64_t missing_bytes,
         uint64_t error_bytes)
{
    g_string_append_printf(out, "%s,%s,%s,", begin, end, from_kind);
    csv_text(out, from);
    g_string_append_printf(out, ",%s,", to_kind);
    csv_text(out, to);
    g_string_append_printf(out,
                           ",%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT
                           ",%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT "\n",
                           sum.bytes, sum.packets, missing_bytes, error_bytes);
}

char *
traffic_write_csv(const TrafficSummary *summary, bool heading)
{
    GString *out = g_string_new(NULL);
    g_autofree char *begin = clock_format_utc(summary->from_us);
    g_autofree char *end = clock_format_utc(summary->to_us);

    if (heading) {
        g_string_append(out, "period_from,period_to,from_kind,from,to_kind,to,"
                             "bytes,packets,missing_bytes,error_bytes\n");
    }
    for (guint i = 0; i < summary->rows->len; i++) {
        const TrafficRow *row = &g_array_index(summary->rows, TrafficRow, i);
        g_autofree char *from = traffic_end_text(summary->guests, &row->from);
        g_autofree char *to = traffic_end_text(summary->guests, &row->to);

        csv_line(out, begin, end,
                 traffic_end_kind_name((TrafficEndKind)row->from.kind), from,
                 traffic_end_kind_name((TrafficEndKind)row->to.kind), to,
                 row->sum, row->missing_bytes, row->error_bytes);
    }
    for (int c = 0; c < TRAFFIC_N_CLASSES; c++) {
        const char *name = traffic_class_name((TrafficClass)c);

        if (summary->tail[c].packets > 0) {
            csv_line(out, begin, end, "tail", name, "tail", name,
                     summary->tail[c], 0, 0);
        }
    }
    return g_string_free(out, FALSE);
}

/* --- the planner --- */

static uint64_t
amount_of(const TrafficSummary *summary, TrafficUnit unit, uint64_t bytes)
{
    double seconds = (double)(summary->to_us - summary->from_us) / 1e6;

    switch (unit) {
    case TRAFFIC_UNIT_KIB:
        return bytes / 1024 + (bytes % 1024 > 0);
    case TRAFFIC_UNIT_MIB:
        return bytes / 1048576 + (bytes % 1048576 > 0);
    case TRAFFIC_UNIT_KBIT_S:
        /* a frame alone has no rate; a microsecond is what clocks here know */
        return (uint64_t)MIN(ceil((double)bytes / 125 / MAX(seconds, 1e-6)),
                             1e15);
    case TRAFFIC_UNIT_BYTES:
    case TRAFFIC_N_UNITS:
    default:
        return bytes;
    }
}

bool
traffic_write_plan(const TrafficSummary *summary, TrafficUnit unit,
                   JsonObject *model, size_t *n_unknown, GError **error)
{
    g_autoptr(GArray) exchanges = traffic_summary_exchanges(summary);
    g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) strangers = g_hash_table_new(NULL, NULL);
    JsonObject *guests = jobj_get(model, "guests"), *list;
    const char *format = NULL;

    jobj_get_string(model, "format", &format);
    if (g_strcmp0(format, "vmferry-plan-1") != 0 ||
        !json_object_is_type(guests, json_type_array)) {
        g_set_error_literal(error, TRAFFIC_ERROR, TRAFFIC_ERROR_SYNTAX,
                            "this is no model of vmferry-plan: it has no "
                            "\"format\": \"vmferry-plan-1\" or no guests");
        return false;
    }
    for (size_t i = 0; i < json_object_array_length(guests); i++) {
        const char *name;

        if (jobj_get_string(json_object_array_get_idx(guests, i), "name",
                            &name)) {
            g_hash_table_add(known, (gpointer)(uintptr_t)name);
        }
    }
    list = json_object_new_array();
    for (guint i = 0; i < exchanges->len; i++) {
        const TrafficExchange *exchange =
            &g_array_index(exchanges, TrafficExchange, i);
        const char *a = traffic_guests_name(summary->guests, exchange->a);
        const char *b = traffic_guests_name(summary->guests, exchange->b);
        bool a_known = g_hash_table_contains(known, a);
        bool b_known = g_hash_table_contains(known, b);
        JsonObject *object;

        if (!a_known) {
            g_hash_table_add(strangers, GUINT_TO_POINTER(exchange->a));
        }
        if (!b_known) {
            g_hash_table_add(strangers, GUINT_TO_POINTER(exchange->b));
        }
        if (!a_known || !b_known) {
            continue;
        }
        object = json_object_new_object();
        jobj_add_string(object, "a", a);
        jobj_add_string(object, "b", b);
        jobj_add_u64(object, "amount",
                     amount_of(summary, unit, exchange->sum.bytes));
        json_object_array_add(list, object);
    }
    json_object_object_del(model, "traffic");
    jobj_add(model, "traffic", list);
    *n_unknown = g_hash_table_size(strangers);
    return true;
}
