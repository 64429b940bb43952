/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * matrix.c - see matrix.h
 *
 * Inside, everything is counted as it came; the factor of sampling comes in
 * where a summary is made, so that sums of rows are exact there too. With one
 * frame in N, each taken with probability 1/N, the variance of a pair's bytes
 * is estimated by N (N - 1) x sum of bytes^2 over its frames that were taken
 * (Horvitz and Thompson). Taking one of each N in a row, as our sampler does,
 * has less.
 */
#include "traffic/matrix.h"

#include <math.h>
#include <string.h>

#include "traffic/pairs-priv.h"

struct TrafficMatrix {
    TrafficGuests *guests;
    TrafficSpec spec;
    PairTable *table;
    TrafficSum by_class[TRAFFIC_N_CLASSES];
    TrafficSum tail[TRAFFIC_N_CLASSES];
    GArray *sent, *received; /* TrafficSum */
};

static const char *const class_names[] = {
    [TRAFFIC_BETWEEN_GUESTS] = "between-guests",
    [TRAFFIC_WITH_OUTSIDE] = "with-outside",
    [TRAFFIC_OUTSIDE_ONLY] = "outside-only",
};
_Static_assert(G_N_ELEMENTS(class_names) == TRAFFIC_N_CLASSES,
               "a class without name");

const char *
traffic_class_name(TrafficClass class_)
{
    return class_names[class_];
}

TrafficMatrix *
traffic_matrix_new(TrafficGuests *guests, const TrafficSpec *spec)
{
    TrafficMatrix *matrix = g_new0(TrafficMatrix, 1);

    g_assert(spec->most_pairs >= TRAFFIC_LEAST_PAIRS &&
             spec->most_pairs <= TRAFFIC_MOST_PAIRS);
    g_assert(spec->sampled_1_in >= 1 &&
             spec->sampled_1_in <= TRAFFIC_MOST_SAMPLING);
    matrix->guests = traffic_guests_ref(guests);
    matrix->spec = *spec;
    matrix->table = pair_table_new(spec->most_pairs);
    matrix->sent = g_array_new(FALSE, TRUE, sizeof(TrafficSum));
    matrix->received = g_array_new(FALSE, TRUE, sizeof(TrafficSum));
    return matrix;
}

void
traffic_matrix_free(TrafficMatrix *matrix)
{
    if (matrix) {
        traffic_guests_unref(matrix->guests);
        pair_table_free(matrix->table);
        g_array_unref(matrix->sent);
        g_array_unref(matrix->received);
        g_free(matrix);
    }
}

void
traffic_matrix_clear(TrafficMatrix *matrix)
{
    pair_table_clear(matrix->table);
    memset(matrix->by_class, 0, sizeof(matrix->by_class));
    memset(matrix->tail, 0, sizeof(matrix->tail));
    g_array_set_size(matrix->sent, 0);
    g_array_set_size(matrix->received, 0);
}

static void
count(TrafficSum *sum, uint32_t bytes)
{
    sum->bytes += bytes;
    sum->packets++;
}

static void
count_guest(GArray *sums, const TrafficEnd *end, uint32_t bytes)
{
    if (end->kind == TRAFFIC_END_GUEST) {
        if (end->number >= sums->len) {
            g_array_set_size(sums, end->number + 1);
        }
        count(&g_array_index(sums, TrafficSum, end->number), bytes);
    }
}

void
traffic_matrix_add(TrafficMatrix *matrix, const TrafficFrame *frame)
{
    PairKey key;
    Pair *pair;

    traffic_guests_ends(matrix->guests, frame, &key.from, &key.to);
    count(&matrix->by_class[pair_class(&key)], frame->wire_bytes);
    count_guest(matrix->sent, &key.from, frame->wire_bytes);
    count_guest(matrix->received, &key.to, frame->wire_bytes);
    pair = pair_table_get(matrix->table, &key, matrix->tail);
    count(&pair->sum, frame->wire_bytes);
    pair->squares += (double)frame->wire_bytes * frame->wire_bytes;
}

static TrafficSum
corrected(TrafficSum sum, uint32_t factor)
{
    return (TrafficSum){ sum.bytes * factor, sum.packets * factor };
}

static void
corrected_all(const GArray *sums, size_t n, uint32_t factor, GArray *all)
{
    g_array_set_size(all, (guint)n);
    for (guint i = 0; i < sums->len; i++) {
        g_array_index(all, TrafficSum, i) =
            corrected(g_array_index(sums, TrafficSum, i), factor);
    }
}

int
traffic_row_compare(gconstpointer a, gconstpointer b)
{
    const TrafficRow *first = a, *second = b;

    if (first->sum.bytes != second->sum.bytes) {
        return first->sum.bytes > second->sum.bytes ? -1 : 1;
    }
    return memcmp(first, second, offsetof(TrafficRow, sum));
}

static void
source_free(gpointer data)
{
    TrafficSource *source = data;

    g_free(source->name);
    g_free(source);
}

TrafficSummary *
traffic_summary_new(TrafficGuests *guests)
{
    TrafficSummary *summary = g_new0(TrafficSummary, 1);

    summary->guests = traffic_guests_ref(guests);
    summary->sampled_1_in = 1;
    summary->rows = g_array_new(FALSE, FALSE, sizeof(TrafficRow));
    summary->sent = g_array_new(FALSE, TRUE, sizeof(TrafficSum));
    summary->received = g_array_new(FALSE, TRUE, sizeof(TrafficSum));
    summary->sources = g_ptr_array_new_with_free_func(source_free);
    return summary;
}

TrafficClass
traffic_row_class(const TrafficRow *row)
{
    const PairKey key = { row->from, row->to };

    return pair_class(&key);
}

void
traffic_summary_truncate(TrafficSummary *summary, size_t most)
{
    for (guint i = (guint)MIN(most, summary->rows->len); i < summary->rows->len;
         i++) {
        const TrafficRow *row = &g_array_index(summary->rows, TrafficRow, i);
        TrafficSum *tail = &summary->tail[traffic_row_class(row)];

        tail->bytes += row->sum.bytes;
        tail->packets += row->sum.packets;
        summary->absent_bytes =
            MAX(summary->absent_bytes, row->sum.bytes + row->missing_bytes);
    }
    if (most < summary->rows->len) {
        g_array_set_size(summary->rows, (guint)most);
    }
}

TrafficSummary *
traffic_matrix_summary(const TrafficMatrix *matrix)
{
    TrafficSummary *summary = traffic_summary_new(matrix->guests);
    uint32_t factor = matrix->spec.sampled_1_in;
    size_t n, n_guests = traffic_guests_count(matrix->guests);
    const Pair *pairs = pair_table_all(matrix->table, &n);

    summary->sampled_1_in = factor;
    for (size_t i = 0; i < n; i++) {
        const Pair *pair = &pairs[i];
        TrafficRow row = {
            .from = pair->key.from,
            .to = pair->key.to,
            .sum = corrected(pair->sum, factor),
            .missing_bytes = pair->missing * factor,
            .error_bytes = traffic_count_of(
                1.96 * sqrt((double)factor * (factor - 1.0) * pair->squares)),
        };

        g_array_append_val(summary->rows, row);
    }
    g_array_sort(summary->rows, traffic_row_compare);
    summary->absent_bytes = pair_table_threshold(matrix->table) * factor;
    for (int c = 0; c < TRAFFIC_N_CLASSES; c++) {
        summary->by_class[c] = corrected(matrix->by_class[c], factor);
        summary->tail[c] = corrected(matrix->tail[c], factor);
        summary->total.bytes += summary->by_class[c].bytes;
        summary->total.packets += summary->by_class[c].packets;
    }
    corrected_all(matrix->sent, n_guests, factor, summary->sent);
    corrected_all(matrix->received, n_guests, factor, summary->received);
    return summary;
}

void
traffic_summary_free(TrafficSummary *summary)
{
    if (summary) {
        traffic_guests_unref(summary->guests);
        g_array_unref(summary->rows);
        g_array_unref(summary->sent);
        g_array_unref(summary->received);
        g_ptr_array_unref(summary->sources);
        g_free(summary->incomplete);
        g_free(summary);
    }
}

TrafficSource *
traffic_summary_add_source(TrafficSummary *summary, const char *name)
{
    TrafficSource *source = g_new0(TrafficSource, 1);

    source->name = g_utf8_make_valid(name, -1);
    g_ptr_array_add(summary->sources, source);
    return source;
}

static int
compare_exchanges(gconstpointer a, gconstpointer b)
{
    const TrafficExchange *first = a, *second = b;

    if (first->sum.bytes != second->sum.bytes) {
        return first->sum.bytes > second->sum.bytes ? -1 : 1;
    }
    if (first->a != second->a) {
        return first->a < second->a ? -1 : 1;
    }
    return (first->b > second->b) - (first->b < second->b);
}

GArray *
traffic_summary_exchanges(const TrafficSummary *summary)
{
    GArray *exchanges = g_array_new(FALSE, FALSE, sizeof(TrafficExchange));
    g_autoptr(GHashTable) places =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);

    for (guint i = 0; i < summary->rows->len; i++) {
        const TrafficRow *row = &g_array_index(summary->rows, TrafficRow, i);
        uint32_t a = MIN(row->from.number, row->to.number);
        uint32_t b = MAX(row->from.number, row->to.number);
        int64_t key = (int64_t)a << 32 | b;
        TrafficExchange *exchange;
        guint place;

        if (row->from.kind != TRAFFIC_END_GUEST ||
            row->to.kind != TRAFFIC_END_GUEST || a == b) {
            continue;
        }
        place = GPOINTER_TO_UINT(g_hash_table_lookup(places, &key));
        if (!place) {
            /* what both directions may lack that have no row */
            TrafficExchange added = {
                .a = a,
                .b = b,
                .missing_bytes = 2 * summary->absent_bytes,
            };

            g_array_append_val(exchanges, added);
            place = exchanges->len;
            g_hash_table_insert(places, g_memdup2(&key, sizeof(key)),
                                GUINT_TO_POINTER(place));
        }
        exchange = &g_array_index(exchanges, TrafficExchange, place - 1);
        exchange->sum.bytes += row->sum.bytes;
        exchange->sum.packets += row->sum.packets;
        exchange->missing_bytes -= summary->absent_bytes - row->missing_bytes;
        /* the two directions are sampled independently */
        exchange->error_bytes = traffic_count_of(
            hypot((double)exchange->error_bytes, (double)row->error_bytes));
    }
    g_array_sort(exchanges, compare_exchanges);
    return exchanges;
}
