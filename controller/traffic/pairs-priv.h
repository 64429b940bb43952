/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pairs-priv.h - a bounded table of pairs, the heavy ones exact
 */
#ifndef TRAFFIC_PAIRS_PRIV_H
#define TRAFFIC_PAIRS_PRIV_H

#include "traffic/matrix.h"

typedef struct PairKey {
    TrafficEnd from, to;
} PairKey;

typedef struct Pair {
    PairKey key;
    TrafficSum sum;   /* since it was entered */
    uint64_t missing; /* bytes that it may have had before, at most */
    double squares; /* sum of bytes x bytes by frame, for the sampling error */
} Pair;

typedef struct PairTable PairTable;

PairTable *pair_table_new(size_t most);
void pair_table_free(PairTable *table);
void pair_table_clear(PairTable *table);

/**
 * pair_table_get() - The pair of that key, entered if it is not there
 * @tail: TRAFFIC_N_CLASSES sums, to which pairs that have to go are added
 *
 * Valid until the next call.
 */
Pair *pair_table_get(PairTable *table, const PairKey *key, TrafficSum *tail);

/** pair_table_all() - In no order, @n of them */
const Pair *pair_table_all(const PairTable *table, size_t *n);

/** pair_table_threshold() - Bytes that a pair not in the table has at most */
uint64_t pair_table_threshold(const PairTable *table);

/** pair_class() - Guests or not, by the kinds of both ends */
TrafficClass pair_class(const PairKey *key);

#endif
