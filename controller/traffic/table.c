/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * table.c - a summary for people
 */
#include "traffic/write.h"

#include <string.h>

#include "base/clock.h"
#include "base/units.h"

/* Both directions between two ends, the louder end first. */
typedef struct Both {
    const TrafficEnd *a, *b;
    TrafficSum there, back;
    bool missing; /* some of it may lie in the tail */
    uint64_t error_bytes;
} Both;

static uint64_t
both_bytes(const Both *both)
{
    return both->there.bytes + both->back.bytes;
}

static int
compare_both(gconstpointer a, gconstpointer b)
{
    uint64_t first = both_bytes(a), second = both_bytes(b);

    return (first < second) - (first > second);
}

static guint
row_hash(gconstpointer data)
{
    const TrafficRow *row = data;
    const uint8_t *bytes[] = { (const uint8_t *)&row->from,
                               (const uint8_t *)&row->to };
    guint hash = 0;

    /* the same either way round */
    for (int e = 0; e < 2; e++) {
        guint one = 5381;

        for (size_t i = 0; i < sizeof(TrafficEnd); i++) {
            one = one * 33 + bytes[e][i];
        }
        hash += one;
    }
    return hash;
}

static gboolean
row_equal(gconstpointer a, gconstpointer b)
{
    const TrafficRow *first = a, *second = b;
    size_t size = sizeof(TrafficEnd);

    return (!memcmp(&first->from, &second->from, size) &&
            !memcmp(&first->to, &second->to, size)) ||
           (!memcmp(&first->from, &second->to, size) &&
            !memcmp(&first->to, &second->from, size));
}

static GArray *
take_together(const TrafficSummary *summary)
{
    GArray *all = g_array_new(FALSE, FALSE, sizeof(Both));
    g_autoptr(GHashTable) places = g_hash_table_new(row_hash, row_equal);

    /* rows come with most bytes first, so the first is the louder direction */
    for (guint i = 0; i < summary->rows->len; i++) {
        TrafficRow *row = &g_array_index(summary->rows, TrafficRow, i);
        guint place = GPOINTER_TO_UINT(g_hash_table_lookup(places, row));
        Both *both;

        if (!place) {
            Both added = { .a = &row->from, .b = &row->to };

            g_array_append_val(all, added);
            place = all->len;
            g_hash_table_insert(places, row, GUINT_TO_POINTER(place));
            both = &g_array_index(all, Both, place - 1);
            both->there = row->sum;
        } else {
            both = &g_array_index(all, Both, place - 1);
            both->back = row->sum;
        }
        both->missing = both->missing || row->missing_bytes > 0;
        both->error_bytes += row->error_bytes;
    }
    g_array_sort(all, compare_both);
    return all;
}

static void
add_column(GString *out, const char *text, int width)
{
    glong length = g_utf8_strlen(text, -1);

    g_string_append(out, text);
    for (; length < width; length++) {
        g_string_append_c(out, ' ');
    }
}

/* Names from outside: no control characters reach a terminal, see guests.c */
static void
add_line(GString *out, int width, const char *a, const char *b,
         const TrafficSummary *summary, TrafficSum there, TrafficSum back,
         const char *remark)
{
    uint64_t bytes = there.bytes + back.bytes;
    double seconds = (double)(summary->to_us - summary->from_us) / 1e6;
    g_autofree char *there_text = units_format_bytes((double)there.bytes);
    g_autofree char *back_text = units_format_bytes((double)back.bytes);
    g_autofree char *rate = seconds > 0
                                ? units_format_rate((double)bytes / seconds)
                                : g_strdup("-");

    add_column(out, a, width + 2);
    add_column(out, b, width + 2);
    g_string_append_printf(
        out, "%12s %12s %10" G_GUINT64_FORMAT " %14s %6.1f %%%s\n", there_text,
        back_text, there.packets + back.packets, rate,
        summary->total.bytes
            ? 100.0 * (double)bytes / (double)summary->total.bytes
            : 0.0,
        remark);
}

static void
add_head(GString *out, const TrafficSummary *summary)
{
    g_autofree char *from = clock_format_utc(summary->from_us);
    g_autofree char *seconds =
        units_format_seconds((double)(summary->to_us - summary->from_us) / 1e6);
    g_autofree char *bytes = units_format_bytes((double)summary->total.bytes);
    uint64_t dropped = 0, interface_dropped = 0;
    bool counted = false;

    g_string_append_printf(out, "%.19sZ, %s", from, seconds);
    for (guint i = 0; i < summary->sources->len; i++) {
        const TrafficSource *source = summary->sources->pdata[i];

        if (i < 4) {
            g_string_append_printf(out, ", %s", source->name);
        }
        counted = counted || source->counts_drops;
        dropped += source->dropped;
        interface_dropped += source->interface_dropped;
    }
    if (summary->sources->len > 4) {
        g_string_append_printf(out, " and %u more", summary->sources->len - 4);
    }
    g_string_append_printf(out, ": %" G_GUINT64_FORMAT " packets, %s",
                           summary->total.packets, bytes);
    if (summary->sampled_1_in > 1) {
        g_string_append_printf(out, ", estimated from 1 in %u",
                               summary->sampled_1_in);
    }
    g_string_append_c(out, '\n');
    if (counted) {
        uint64_t arrived =
            dropped + summary->total.packets / summary->sampled_1_in;

        g_string_append_printf(
            out,
            "dropped: %" G_GUINT64_FORMAT
            " packets (%.2f %%) for want of room, "
            "%" G_GUINT64_FORMAT " by the interface\n",
            dropped, arrived ? 100.0 * (double)dropped / (double)arrived : 0.0,
            interface_dropped);
    }
    if (summary->not_understood) {
        g_string_append_printf(out,
                               "not understood: %" G_GUINT64_FORMAT " frames\n",
                               summary->not_understood);
    }
    if (summary->late) {
        g_string_append_printf(
            out, "late: %" G_GUINT64_FORMAT " frames of an earlier period\n",
            summary->late);
    }
    if (summary->incomplete) {
        g_string_append_printf(out, "INCOMPLETE: %s\n", summary->incomplete);
    }
}

char *
traffic_write_table(const TrafficSummary *summary, size_t most)
{
    GString *out = g_string_new(NULL);
    g_autoptr(GArray) all = take_together(summary);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    TrafficSum rest = { 0 }, tail = { 0 };
    size_t shown = most ? MIN(most, all->len) : all->len;
    int width = 7;

    add_head(out, summary);
    for (size_t i = 0; i < shown; i++) {
        const Both *both = &g_array_index(all, Both, i);
        const TrafficEnd *ends[] = { both->a, both->b };

        for (int e = 0; e < 2; e++) {
            char *name = traffic_end_text(summary->guests, ends[e]);

            width = MAX(width, (int)MIN(g_utf8_strlen(name, -1), 60));
            g_ptr_array_add(names, name);
        }
    }
    g_string_append_c(out, '\n');
    add_column(out, "a", width + 2);
    add_column(out, "b", width + 2);
    g_string_append_printf(out, "%12s %12s %10s %14s %8s\n", "a to b", "b to a",
                           "packets", "rate", "share");
    for (guint i = 0; i < all->len; i++) {
        const Both *both = &g_array_index(all, Both, i);
        g_autofree char *remark = NULL;

        if (i >= shown) {
            rest.bytes += both_bytes(both);
            rest.packets += both->there.packets + both->back.packets;
            continue;
        }
        if (summary->sampled_1_in > 1 && both_bytes(both) > 0) {
            remark = g_strdup_printf("  +-%.1f %%",
                                     100.0 * (double)both->error_bytes /
                                         (double)both_bytes(both));
        } else if (both->missing) {
            remark = g_strdup("  or more");
        }
        add_line(out, width, names->pdata[2 * i], names->pdata[2 * i + 1],
                 summary, both->there, both->back, remark ? remark : "");
    }
    if (all->len > shown) {
        g_autofree char *text =
            g_strdup_printf("%zu more", (size_t)all->len - shown);

        add_line(out, width, text, "", summary, rest, (TrafficSum){ 0 }, "");
    }
    for (int c = 0; c < TRAFFIC_N_CLASSES; c++) {
        tail.bytes += summary->tail[c].bytes;
        tail.packets += summary->tail[c].packets;
    }
    if (tail.packets > 0) {
        add_line(out, width, "(tail)", "", summary, tail, (TrafficSum){ 0 },
                 "");
    }
    return g_string_free(out, FALSE);
}
