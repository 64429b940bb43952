/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * numbers-priv.h - texts that are numbers between white space
 */
#ifndef PLAN_NUMBERS_PRIV_H
#define PLAN_NUMBERS_PRIV_H

#include "plan/import.h"

typedef struct PlanNumbers {
    const char *at;
    const char *end;
    size_t n_read;
    const char *what; /* "the model", for messages */
    GError *error;    /* the first; nothing is read after it */
} PlanNumbers;

/**
 * plan_numbers_next() - The next number, from @least to @most
 * @name: What it is, for messages
 *
 * Return: @least once there is an error
 */
int64_t plan_numbers_next(PlanNumbers *numbers, const char *name, int64_t least,
                          int64_t most);

/** plan_numbers_end() - Complain if there is more */
void plan_numbers_end(PlanNumbers *numbers);

#endif
