/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pairs.c - see pairs-priv.h
 *
 * Space-Saving (Metwally, Agrawal and El Abbadi, 2005), with weights and in
 * batches. Let u = bytes counted + missing be a pair's upper bound. When all K
 * places are taken, the K/4 pairs with the least u go to the tail, and the
 * threshold T becomes the largest u among them. A pair entered then starts with
 * missing = T. Two invariants follow:
 *
 *   - a pair that is not in the table has had at most T bytes,
 *   - all that stayed have u >= T.
 *
 * How large can T get? Let p = sum of (u - T) over the table: it grows by a
 * frame's bytes with each frame (a new pair adds nothing but its frame, since
 * it starts at u = T), and raising T by d takes at least d from each of the
 * 3/4 K pairs that stay. So 3/4 K T <= N, all bytes together.
 *
 * Sorting all K for K/4 new pairs is a few dozen comparisons for each; a table
 * that never fills never sorts.
 */
#include "traffic/pairs-priv.h"

#include <stdlib.h>
#include <string.h>

struct PairTable {
    GHashTable *index; /* PairKey, the beginning of a Pair -> the Pair */
    Pair *pairs;       /* room for most */
    size_t n, most;
    uint64_t threshold;
};

static guint
pair_hash(gconstpointer data)
{
    uint64_t words[sizeof(PairKey) / 8], hash = 0;

    memcpy(words, data, sizeof(words));
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        hash = (hash ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    return (guint)(hash >> 16);
}

static gboolean
pair_equal(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, sizeof(PairKey)) == 0;
}

PairTable *
pair_table_new(size_t most)
{
    PairTable *table = g_new0(PairTable, 1);

    table->index = g_hash_table_new(pair_hash, pair_equal);
    /* pages that are never used are never there */
    table->pairs = g_new0(Pair, most);
    table->most = most;
    return table;
}

void
pair_table_free(PairTable *table)
{
    if (table) {
        g_hash_table_unref(table->index);
        g_free(table->pairs);
        g_free(table);
    }
}

void
pair_table_clear(PairTable *table)
{
    g_hash_table_remove_all(table->index);
    table->n = 0;
    table->threshold = 0;
}

TrafficClass
pair_class(const PairKey *key)
{
    int guests = (key->from.kind == TRAFFIC_END_GUEST) +
                 (key->to.kind == TRAFFIC_END_GUEST);

    return guests == 2   ? TRAFFIC_BETWEEN_GUESTS
           : guests == 1 ? TRAFFIC_WITH_OUTSIDE
                         : TRAFFIC_OUTSIDE_ONLY;
}

/* Largest upper bound first; then by the key, so that a run can be repeated. */
static int
compare_pairs(const void *a, const void *b)
{
    const Pair *first = a, *second = b;
    uint64_t first_bytes = first->sum.bytes + first->missing;
    uint64_t second_bytes = second->sum.bytes + second->missing;

    if (first_bytes != second_bytes) {
        return first_bytes > second_bytes ? -1 : 1;
    }
    return memcmp(&first->key, &second->key, sizeof(first->key));
}

static void
make_room(PairTable *table, TrafficSum *tail)
{
    size_t stay = table->n - table->n / 4;

    qsort(table->pairs, table->n, sizeof(*table->pairs), compare_pairs);
    table->threshold =
        table->pairs[stay].sum.bytes + table->pairs[stay].missing;
    for (size_t i = stay; i < table->n; i++) {
        TrafficSum *sum = &tail[pair_class(&table->pairs[i].key)];

        sum->bytes += table->pairs[i].sum.bytes;
        sum->packets += table->pairs[i].sum.packets;
    }
    table->n = stay;
    g_hash_table_remove_all(table->index);
    for (size_t i = 0; i < stay; i++) {
        g_hash_table_add(table->index, &table->pairs[i]);
    }
}

Pair *
pair_table_get(PairTable *table, const PairKey *key, TrafficSum *tail)
{
    Pair *pair = g_hash_table_lookup(table->index, key);

    if (!pair) {
        if (table->n == table->most) {
            make_room(table, tail);
        }
        pair = &table->pairs[table->n++];
        *pair = (Pair){ .key = *key, .missing = table->threshold };
        g_hash_table_add(table->index, pair);
    }
    return pair;
}

const Pair *
pair_table_all(const PairTable *table, size_t *n)
{
    *n = table->n;
    return table->pairs;
}

uint64_t
pair_table_threshold(const PairTable *table)
{
    return table->threshold;
}
