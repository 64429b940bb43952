/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * random.h - numbers that are the same everywhere for the same seed
 *
 * The order of runs and the bootstrap are to be repeatable, on any machine and
 * with any version of GLib: SplitMix64 (Steele, Lea, Flood 2014), whose first
 * outputs a test holds fast.
 */
#ifndef EXPERIMENT_RANDOM_H
#define EXPERIMENT_RANDOM_H

#include <stdint.h>

typedef struct Random {
    uint64_t state; /* the seed, to begin with */
} Random;

static inline uint64_t
random_next(Random *random)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/** random_below() - 0..n-1, each as likely (n > 0): what would favour the low
 * ones is drawn again */
static inline uint64_t
random_below(Random *random, uint64_t n)
{
    uint64_t most = UINT64_MAX - UINT64_MAX % n;
    uint64_t drawn;

    do {
        drawn = random_next(random);
    } while (drawn >= most);
    return drawn % n;
}

#endif
