/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * byte-set.c - see byte-set.h
 *
 * A hash table that owns no keys: those stand one after the other in an array,
 * and the table has their numbers. Millions of placements fit that way.
 */
#include "plan/byte-set.h"

#include <string.h>

void
plan_byte_set_init(PlanByteSet *set, size_t width)
{
    *set = (PlanByteSet){ .width = width,
                          .bytes = g_byte_array_new(),
                          .table = g_new0(uint32_t, 1 << 10),
                          .table_size = 1 << 10 };
}

void
plan_byte_set_clear(PlanByteSet *set)
{
    g_byte_array_unref(set->bytes);
    g_free(set->table);
}

/* As FNV-1a, but eight bytes at a time, and stirred after each */
static uint64_t
hash(const uint8_t *bytes, size_t n)
{
    uint64_t x = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < n; i += sizeof(x)) {
        uint64_t part = 0;

        memcpy(&part, bytes + i, MIN(n - i, sizeof(part)));
        x = (x ^ part) * UINT64_C(0xbf58476d1ce4e5b9);
        x ^= x >> 29;
    }
    return x >> 8;
}

/* Where @bytes are in the table, or would be */
static size_t
find_slot(const PlanByteSet *set, const uint8_t *bytes)
{
    size_t mask = set->table_size - 1;
    size_t at = hash(bytes, set->width) & mask;

    while (set->table[at] && memcmp(plan_byte_set_at(set, set->table[at] - 1),
                                    bytes, set->width) != 0) {
        at = (at + 1) & mask;
    }
    return at;
}

uint32_t
plan_byte_set_add(PlanByteSet *set, const uint8_t *bytes)
{
    size_t at = find_slot(set, bytes);

    if (set->table[at]) {
        return set->table[at] - 1;
    }
    g_byte_array_append(set->bytes, bytes, (guint)set->width);
    set->table[at] = ++set->n;
    if (2 * (size_t)set->n > set->table_size) {
        set->table_size *= 2;
        g_free(set->table);
        set->table = g_new0(uint32_t, set->table_size);
        for (uint32_t i = 0; i < set->n; i++) {
            set->table[find_slot(set, plan_byte_set_at(set, i))] = i + 1;
        }
    }
    return set->n - 1;
}
