/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * byte-set.h - strings of bytes of one length, numbered as they come
 */
#ifndef PLAN_BYTE_SET_H
#define PLAN_BYTE_SET_H

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

typedef struct PlanByteSet {
    size_t width;
    uint32_t n;
    GByteArray *bytes; /* [n x width] */
    uint32_t *table;   /* number + 1 by what is in it, open addressing */
    size_t table_size; /* a power of two */
} PlanByteSet;

/** plan_byte_set_init() - An empty one of strings of @width bytes */
void plan_byte_set_init(PlanByteSet *set, size_t width);
void plan_byte_set_clear(PlanByteSet *set);

/** plan_byte_set_add() - The number of @bytes; the one that was n before if they
 * are new */
uint32_t plan_byte_set_add(PlanByteSet *set, const uint8_t *bytes);

/** plan_byte_set_at() - What has @number, until something is added */
static inline const uint8_t *
plan_byte_set_at(const PlanByteSet *set, uint32_t number)
{
    return set->bytes->data + (size_t)number * set->width;
}

#endif
