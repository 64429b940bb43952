/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * known.h - a measured number, or the fact that there is none
 *
 * Half of what a controller would like to know is sometimes not to be had: a
 * guest without a balloon driver has no memory figure, an interface of a
 * virtual machine no speed. Such a number is absent, never zero.
 */
#ifndef BASE_KNOWN_H
#define BASE_KNOWN_H

#include <stdbool.h>

typedef struct Known {
    bool known;
    double value; /* meaningless unless known */
} Known;

static inline Known
known(double value)
{
    return (Known){ true, value };
}

static inline Known
unknown(void)
{
    return (Known){ false, 0.0 };
}

static inline double
known_or(Known number, double otherwise)
{
    return number.known ? number.value : otherwise;
}

#endif
