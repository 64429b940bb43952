/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * merge.c - see merge.h
 *
 * A pair without a row in a period may have had that period's absent_bytes
 * there. So a merged row lacks sum(absent) - sum(absent - missing), where the
 * second sum is over the periods in which it has a row.
 */
#include "traffic/merge.h"

#include <math.h>
#include <string.h>

/* A row of the result. */
typedef struct Merged {
    TrafficRow row;   /* first: it is the key as well; .missing_bytes unused */
    uint64_t certain; /* of absent bytes that are not missing after all */
    uint64_t upper;   /* of hosts: most that any says it may be */
    unsigned seen;    /* of hosts: how many have a row */
    double error2;
} Merged;

struct TrafficMerge {
    GHashTable *rows; /* of Merged */
    TrafficSummary *summary;
    unsigned n;
};

static guint
row_hash(gconstpointer data)
{
    uint64_t words[2 * sizeof(TrafficEnd) / 8], hash = 0;

    memcpy(words, data, sizeof(words));
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        hash = (hash ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    return (guint)(hash >> 16);
}

static gboolean
row_equal(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, 2 * sizeof(TrafficEnd)) == 0;
}

static GHashTable *
rows_new(void)
{
    return g_hash_table_new_full(row_hash, row_equal, NULL, g_free);
}

static Merged *
find_merged(GHashTable *rows, const TrafficRow *row)
{
    Merged *merged = g_hash_table_lookup(rows, row);

    if (!merged) {
        merged = g_new0(Merged, 1);
        merged->row.from = row->from;
        merged->row.to = row->to;
        g_hash_table_insert(rows, &merged->row, merged);
    }
    return merged;
}

static void
add_sum(TrafficSum *to, TrafficSum from)
{
    to->bytes += from.bytes;
    to->packets += from.packets;
}

static TrafficSource *
find_source(TrafficSummary *summary, const char *name)
{
    for (guint i = 0; i < summary->sources->len; i++) {
        TrafficSource *source = summary->sources->pdata[i];

        if (strcmp(source->name, name) == 0) {
            return source;
        }
    }
    return traffic_summary_add_source(summary, name);
}

/* What is added up, whichever way it is merged. */
static void
add_frame(TrafficSummary *to, const TrafficSummary *from, bool first)
{
    to->from_us = first ? from->from_us : MIN(to->from_us, from->from_us);
    to->to_us = first ? from->to_us : MAX(to->to_us, from->to_us);
    to->sampled_1_in = MAX(to->sampled_1_in, from->sampled_1_in);
    to->not_understood += from->not_understood;
    to->late += from->late;
    if (from->incomplete && !to->incomplete) {
        to->incomplete = g_strdup(from->incomplete);
    }
    for (int c = 0; c < TRAFFIC_N_CLASSES; c++) {
        add_sum(&to->tail[c], from->tail[c]);
    }
    for (guint i = 0; i < from->sources->len; i++) {
        const TrafficSource *source = from->sources->pdata[i];
        TrafficSource *sum = find_source(to, source->name);

        sum->counts_drops = sum->counts_drops || source->counts_drops;
        sum->dropped += source->dropped;
        sum->interface_dropped += source->interface_dropped;
    }
}

static TrafficSum *
guest_sum(GArray *sums, guint number)
{
    if (number >= sums->len) {
        g_array_set_size(sums, number + 1);
    }
    return &g_array_index(sums, TrafficSum, number);
}

/* --- hosts --- */

static void
most_of(GArray *to, const GArray *from)
{
    for (guint i = 0; i < from->len; i++) {
        const TrafficSum *sum = &g_array_index(from, TrafficSum, i);
        TrafficSum *most = guest_sum(to, i);

        most->bytes = MAX(most->bytes, sum->bytes);
        most->packets = MAX(most->packets, sum->packets);
    }
}

static void
most_of_rows(GHashTable *rows, const TrafficSummary *summary)
{
    for (guint i = 0; i < summary->rows->len; i++) {
        const TrafficRow *row = &g_array_index(summary->rows, TrafficRow, i);
        Merged *merged = find_merged(rows, row);

        if (row->sum.bytes >= merged->row.sum.bytes) {
            merged->row.sum.bytes = row->sum.bytes;
            merged->row.error_bytes = row->error_bytes;
        }
        merged->row.sum.packets =
            MAX(merged->row.sum.packets, row->sum.packets);
        merged->upper = MAX(merged->upper, row->sum.bytes + row->missing_bytes);
        merged->seen++;
    }
}

static void
count_rows(TrafficSummary *summary)
{
    for (int c = 0; c < TRAFFIC_N_CLASSES; c++) {
        summary->by_class[c] = summary->tail[c];
    }
    for (guint i = 0; i < summary->rows->len; i++) {
        const TrafficRow *row = &g_array_index(summary->rows, TrafficRow, i);

        add_sum(&summary->by_class[traffic_row_class(row)], row->sum);
    }
    for (int c = 0; c < TRAFFIC_N_CLASSES; c++) {
        add_sum(&summary->total, summary->by_class[c]);
    }
}

TrafficSummary *
traffic_merge_hosts(TrafficSummary *const *summaries, size_t n)
{
    TrafficSummary *merged = traffic_summary_new(summaries[0]->guests);
    g_autoptr(GHashTable) rows = rows_new();
    GHashTableIter iter;
    gpointer value;

    for (size_t i = 0; i < n; i++) {
        add_frame(merged, summaries[i], i == 0);
        merged->absent_bytes =
            MAX(merged->absent_bytes, summaries[i]->absent_bytes);
        most_of(merged->sent, summaries[i]->sent);
        most_of(merged->received, summaries[i]->received);
        most_of_rows(rows, summaries[i]);
    }
    merged->period_us = summaries[0]->period_us;
    g_hash_table_iter_init(&iter, rows);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Merged *row = value;

        /* a host that has no row of it may have had so much */
        if (row->seen < n) {
            row->upper = MAX(row->upper, merged->absent_bytes);
        }
        row->row.missing_bytes = row->upper - row->row.sum.bytes;
        g_array_append_val(merged->rows, row->row);
    }
    g_array_sort(merged->rows, traffic_row_compare);
    count_rows(merged);
    return merged;
}

/* --- times --- */

TrafficMerge *
traffic_merge_new(TrafficGuests *guests)
{
    TrafficMerge *merge = g_new0(TrafficMerge, 1);

    merge->rows = rows_new();
    merge->summary = traffic_summary_new(guests);
    return merge;
}

void
traffic_merge_free(TrafficMerge *merge)
{
    if (merge) {
        g_hash_table_unref(merge->rows);
        traffic_summary_free(merge->summary);
        g_free(merge);
    }
}

unsigned
traffic_merge_count(const TrafficMerge *merge)
{
    return merge->n;
}

void
traffic_merge_add(TrafficMerge *merge, const TrafficSummary *summary)
{
    TrafficSummary *to = merge->summary;

    add_frame(to, summary, merge->n++ == 0);
    to->absent_bytes += summary->absent_bytes;
    add_sum(&to->total, summary->total);
    for (int c = 0; c < TRAFFIC_N_CLASSES; c++) {
        add_sum(&to->by_class[c], summary->by_class[c]);
    }
    for (guint i = 0; i < summary->sent->len; i++) {
        add_sum(guest_sum(to->sent, i),
                g_array_index(summary->sent, TrafficSum, i));
    }
    for (guint i = 0; i < summary->received->len; i++) {
        add_sum(guest_sum(to->received, i),
                g_array_index(summary->received, TrafficSum, i));
    }
    for (guint i = 0; i < summary->rows->len; i++) {
        const TrafficRow *row = &g_array_index(summary->rows, TrafficRow, i);
        Merged *merged = find_merged(merge->rows, row);
        double error = (double)row->error_bytes;

        add_sum(&merged->row.sum, row->sum);
        merged->certain += summary->absent_bytes -
                           MIN(row->missing_bytes, summary->absent_bytes);
        merged->error2 += error * error;
    }
}

TrafficSummary *
traffic_merge_finish(TrafficMerge *merge)
{
    TrafficSummary *summary = merge->summary;
    size_t n_guests = traffic_guests_count(summary->guests);
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, merge->rows);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Merged *merged = value;

        merged->row.missing_bytes = summary->absent_bytes - merged->certain;
        merged->row.error_bytes = traffic_count_of(sqrt(merged->error2));
        g_array_append_val(summary->rows, merged->row);
    }
    g_array_sort(summary->rows, traffic_row_compare);
    g_array_set_size(summary->sent, (guint)n_guests);
    g_array_set_size(summary->received, (guint)n_guests);
    g_hash_table_remove_all(merge->rows);
    merge->summary = traffic_summary_new(summary->guests);
    merge->n = 0;
    return summary;
}
