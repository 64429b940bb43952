/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sampler.h - one of each N frames, at a random place among them
 *
 * Always the first of N would see nothing, or all, of traffic that has a beat.
 */
#ifndef TRAFFIC_SAMPLER_H
#define TRAFFIC_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>

typedef struct TrafficSampler {
    uint32_t one_in; /* 1: all */
    uint32_t at;     /* in these N */
    uint32_t pick;   /* which of them is taken */
    uint64_t state;  /* of the random numbers */
} TrafficSampler;

static inline uint64_t
traffic_sampler_random(TrafficSampler *sampler)
{
    /* splitmix64 */
    uint64_t z = sampler->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/** traffic_sampler_init() - The same @seed takes the same frames */
static inline void
traffic_sampler_init(TrafficSampler *sampler, uint32_t one_in, uint64_t seed)
{
    *sampler = (TrafficSampler){ .one_in = one_in, .state = seed };
    sampler->pick = (uint32_t)(traffic_sampler_random(sampler) % one_in);
}

/** traffic_sampler_take() - Is this frame to be counted? */
static inline bool
traffic_sampler_take(TrafficSampler *sampler)
{
    bool taken;

    if (sampler->one_in <= 1) {
        return true;
    }
    taken = sampler->at == sampler->pick;
    if (++sampler->at == sampler->one_in) {
        sampler->at = 0;
        sampler->pick =
            (uint32_t)(traffic_sampler_random(sampler) % sampler->one_in);
    }
    return taken;
}

#endif
