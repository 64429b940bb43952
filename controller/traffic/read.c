/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * read.c - see read.h
 */
#include "traffic/read.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "traffic/write.h"

#define MOST_PERIOD_S 1e9

static bool
refuse(GError **error, const char *member, const char *why)
{
    g_set_error(error, TRAFFIC_ERROR, TRAFFIC_ERROR_SYNTAX, "%s: %s", member,
                why);
    return false;
}

static bool
read_sum(JsonObject *object, const char *member, TrafficSum *sum,
         GError **error)
{
    return (object && jobj_get_u64(object, "bytes", &sum->bytes) &&
            jobj_get_u64(object, "packets", &sum->packets)) ||
           refuse(error, member, "it has no bytes and packets");
}

static bool
read_time(JsonObject *document, const char *member, int64_t *at_us,
          GError **error)
{
    const char *text;

    if (!jobj_get_string(document, member, &text)) {
        return refuse(error, member, "it is not there, or no text");
    }
    if (!clock_parse_utc(text, at_us, NULL)) {
        return refuse(error, member, "it is no time with an offset");
    }
    if (*at_us < 0) {
        return refuse(error, member, "it is before 1970");
    }
    return true;
}

static bool
read_head(JsonObject *document, TrafficSummary *summary, GError **error)
{
    const char *format = NULL, *incomplete = NULL;
    uint64_t sampled = 0;
    double period_s = 0;

    if (!json_object_is_type(document, json_type_object) ||
        !jobj_get_string(document, "format", &format) ||
        strcmp(format, TRAFFIC_FORMAT) != 0) {
        return refuse(error, "format", "it is not " TRAFFIC_FORMAT);
    }
    if (!read_time(document, "from", &summary->from_us, error) ||
        !read_time(document, "to", &summary->to_us, error)) {
        return false;
    }
    if (summary->to_us < summary->from_us) {
        return refuse(error, "to", "it is before \"from\"");
    }
    if (!jobj_get_u64(document, "sampled_1_in", &sampled) || sampled < 1 ||
        sampled > TRAFFIC_MOST_SAMPLING) {
        return refuse(error, "sampled_1_in", "it is not 1 to 65536");
    }
    if (!jobj_get_double(document, "period_s", &period_s) ||
        !(period_s >= 0 && period_s <= MOST_PERIOD_S)) {
        return refuse(error, "period_s", "it is no length of a period");
    }
    if (!jobj_get_u64(document, "not_understood", &summary->not_understood) ||
        !jobj_get_u64(document, "late", &summary->late) ||
        !jobj_get_u64(document, "absent_bytes", &summary->absent_bytes)) {
        return refuse(error, "not_understood, late, absent_bytes",
                      "one is not there, or no count");
    }
    summary->sampled_1_in = (uint32_t)sampled;
    summary->period_us = llround(period_s * 1e6);
    if (jobj_get_string(document, "incomplete", &incomplete)) {
        summary->incomplete = g_utf8_make_valid(incomplete, -1);
    }
    return true;
}

static bool
read_classes(JsonObject *document, const char *member, TrafficSum *sums,
             GError **error)
{
    JsonObject *classes = jobj_get(document, member);

    for (int c = 0; c < TRAFFIC_N_CLASSES; c++) {
        const char *name = traffic_class_name((TrafficClass)c);

        if (!read_sum(classes ? jobj_get(classes, name) : NULL, name, &sums[c],
                      error)) {
            g_prefix_error(error, "%s: ", member);
            return false;
        }
    }
    return true;
}

/* Each element of an array, by @take. */
static bool
read_array(JsonObject *document, const char *member, TrafficSummary *summary,
           bool (*take)(JsonObject *item, TrafficSummary *summary,
                        GError **error),
           GError **error)
{
    JsonObject *array = jobj_get(document, member);

    if (!json_object_is_type(array, json_type_array)) {
        return refuse(error, member, "it is not there, or no list");
    }
    for (size_t i = 0; i < json_object_array_length(array); i++) {
        JsonObject *item = json_object_array_get_idx(array, i);

        if (!json_object_is_type(item, json_type_object)
                ? !refuse(error, "it", "is no object")
                : !take(item, summary, error)) {
            g_prefix_error(error, "%s[%zu]: ", member, i);
            return false;
        }
    }
    return true;
}

static bool
take_source(JsonObject *item, TrafficSummary *summary, GError **error)
{
    TrafficSource *source;
    const char *name;

    if (!jobj_get_string(item, "name", &name)) {
        return refuse(error, "name", "it is not there, or no text");
    }
    source = traffic_summary_add_source(summary, name);
    source->counts_drops = jobj_get_u64(item, "dropped", &source->dropped);
    jobj_get_u64(item, "interface_dropped", &source->interface_dropped);
    return true;
}

static bool
take_guest(JsonObject *item, TrafficSummary *summary, GError **error)
{
    TrafficSum sent, received;
    const char *name;
    TrafficEnd end;

    if (!jobj_get_string(item, "name", &name)) {
        return refuse(error, "name", "it is not there, or no text");
    }
    if (!traffic_end_read(summary->guests, "guest", name, &end, error) ||
        !read_sum(jobj_get(item, "sent"), "sent", &sent, error) ||
        !read_sum(jobj_get(item, "received"), "received", &received, error)) {
        return false;
    }
    if (end.number >= summary->sent->len) {
        g_array_set_size(summary->sent, end.number + 1);
        g_array_set_size(summary->received, end.number + 1);
    }
    g_array_index(summary->sent, TrafficSum, end.number) = sent;
    g_array_index(summary->received, TrafficSum, end.number) = received;
    return true;
}

static bool
read_end(JsonObject *item, const char *member, TrafficSummary *summary,
         TrafficEnd *end, GError **error)
{
    JsonObject *object = jobj_get(item, member);
    const char *kind, *name;

    if (!object || !jobj_get_string(object, "kind", &kind) ||
        !jobj_get_string(object, "name", &name)) {
        return refuse(error, member, "it has no kind and name");
    }
    if (!traffic_end_read(summary->guests, kind, name, end, error)) {
        g_prefix_error(error, "%s: ", member);
        return false;
    }
    return true;
}

static bool
take_pair(JsonObject *item, TrafficSummary *summary, GError **error)
{
    TrafficRow row = { .missing_bytes = 0 };

    if (!read_end(item, "from", summary, &row.from, error) ||
        !read_end(item, "to", summary, &row.to, error) ||
        !read_sum(item, "it", &row.sum, error)) {
        return false;
    }
    if (!jobj_get_u64(item, "missing_bytes", &row.missing_bytes) ||
        !jobj_get_u64(item, "error_bytes", &row.error_bytes)) {
        return refuse(error, "missing_bytes, error_bytes",
                      "one is not there, or no count");
    }
    g_array_append_val(summary->rows, row);
    return true;
}

TrafficSummary *
traffic_read_json(JsonObject *document, TrafficGuests *guests, GError **error)
{
    g_autoptr(TrafficSummary) summary = traffic_summary_new(guests);

    if (!read_head(document, summary, error) ||
        !read_classes(document, "classes", summary->by_class, error) ||
        !read_classes(document, "tail", summary->tail, error) ||
        !read_array(document, "sources", summary, take_source, error) ||
        !read_array(document, "guests", summary, take_guest, error) ||
        !read_array(document, "pairs", summary, take_pair, error)) {
        return NULL;
    }
    for (int c = 0; c < TRAFFIC_N_CLASSES; c++) {
        summary->total.bytes += summary->by_class[c].bytes;
        summary->total.packets += summary->by_class[c].packets;
    }
    g_array_sort(summary->rows, traffic_row_compare);
    return g_steal_pointer(&summary);
}
