/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sized.h - numbers of guests or of others, to be sorted with the largest first
 */
#ifndef PLAN_SIZED_H
#define PLAN_SIZED_H

#include <stdint.h>

typedef struct PlanSized {
    double size;
    int32_t number;
} PlanSized;

/** plan_sized_compare() - For qsort(): the larger first, else the lower number,
 * so that the order is the same on every machine */
static inline int
plan_sized_compare(const void *a, const void *b)
{
    const PlanSized *x = a;
    const PlanSized *y = b;

    return x->size != y->size
               ? (x->size < y->size) - (x->size > y->size)
               : (x->number > y->number) - (x->number < y->number);
}

#endif
