/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * member-power.c - distinct dirty pages as a power of the time, D = c T^a
 *
 * A guest whose pages are written at a broad spectrum of rates dirties
 * D(T) = sum over pages of 1 - exp(-rate T) distinct pages in T, which over
 * the decades that matter is close to c T^a; a was 0.66 to 0.79 on measured
 * database and key-value guests, 1 for a guest that never writes twice, near
 * 0 for a small set that is written all the time. In logarithms
 *
 *     log D = log c + a log T + noise
 *
 * is linear in the state (log c, a): a Kalman filter of two states. The prior
 * a ~ N(0.75, 0.15^2) makes it answer after one pass. log c walks at random
 * with time, for guests change what they do; a does not. The noise is larger
 * for short passes, which are timed badly, and adapts to the innovations. One
 * surprise is taken for an outlier, a second one of the same sign for a new
 * phase of the guest.
 */
#include "forecast/member.h"

#include <math.h>

#include <glib.h>

#define PRIOR_EXPONENT 0.75
#define PRIOR_EXPONENT_SD 0.15
#define PRIOR_LEVEL_VARIANCE 1e4 /* of log c: nothing is known */
#define SURPRISE 3.0             /* standard deviations */
#define PHASE_VARIANCE 1.0       /* of log c, added when a phase changes */

typedef struct PowerState {
    bool any;
    double level;         /* log c */
    double exponent;      /* a */
    double p00, p01, p11; /* their covariance */
    double noise_scale;   /* adapts, 1 at first */
    int surprise;         /* sign of the last innovation if it was one */
    /* how much is believed, set by init */
    double walk_per_s; /* variance of log c, by time and by pass */
    double walk_per_pass;
    double noise;   /* variance of log D, and its part that goes */
    double noise_s; /* with 1 / T */
} PowerState;

static void
power_init(void *state)
{
    *(PowerState *)state = (PowerState){
        .exponent = PRIOR_EXPONENT,
        .p00 = PRIOR_LEVEL_VARIANCE,
        .p11 = PRIOR_EXPONENT_SD * PRIOR_EXPONENT_SD,
        .noise_scale = 1.0,
        .walk_per_s = 0.02,
        .walk_per_pass = 0.002,
        .noise = 0.015,
        .noise_s = 0.006,
    };
}

static void
power_fast_init(void *state)
{
    PowerState *power = state;

    power_init(state);
    power->walk_per_s = 0.4;
    power->walk_per_pass = 0.01;
    power->noise = 0.005;
    power->noise_s = 0.002;
}

static double
variance_at(const PowerState *power, double log_t)
{
    return power->p00 + 2.0 * power->p01 * log_t + power->p11 * log_t * log_t;
}

static void
power_learn(void *state, const Observation *seen)
{
    PowerState *power = state;
    double log_t = log(seen->duration_s);
    double log_d = log(fmax(seen->pages, MEMBER_LEAST_PAGES));
    /* pages are counted: 1 / D is the relative variance of a count */
    double noise = power->noise_scale *
                       (power->noise + power->noise_s / seen->duration_s) /
                       seen->passes +
                   1.0 / fmax(seen->pages, 1.0);
    double innovation, variance, z, gain0, gain1, p00, p01, p11;

    if (power->any) {
        power->p00 += power->walk_per_s * seen->duration_s * seen->passes +
                      power->walk_per_pass * seen->passes;
    }
    innovation = log_d - power->level - power->exponent * log_t;
    variance = variance_at(power, log_t) + noise;
    z = innovation / sqrt(variance);

    if (power->any && fabs(z) > SURPRISE) {
        int sign = z > 0.0 ? 1 : -1;

        if (power->surprise == sign) {
            power->p00 += PHASE_VARIANCE;
            power->surprise = 0;
        } else {
            noise *= z * z;
            power->surprise = sign;
        }
        variance = variance_at(power, log_t) + noise;
    } else {
        power->surprise = 0;
        if (power->any) {
            power->noise_scale *= 0.9 + 0.1 * z * z;
            power->noise_scale = CLAMP(power->noise_scale, 0.25, 10.0);
        }
    }

    p00 = power->p00;
    p01 = power->p01;
    p11 = power->p11;
    gain0 = (p00 + p01 * log_t) / variance;
    gain1 = (p01 + p11 * log_t) / variance;
    power->level += gain0 * innovation;
    power->exponent += gain1 * innovation;
    power->p00 = p00 - gain0 * (p00 + p01 * log_t);
    power->p01 = p01 - gain0 * (p01 + p11 * log_t);
    power->p11 = p11 - gain1 * (p01 + p11 * log_t);

    /* D(T) is concave and grows: a lies between 0 and 1. Keep what was fitted
     * at this duration while a moves back. */
    if (power->exponent < 0.0 || power->exponent > 1.0) {
        double inside = CLAMP(power->exponent, 0.0, 1.0);

        power->level += (power->exponent - inside) * log_t;
        power->exponent = inside;
    }
    power->any = true;
}

static bool
power_predict(const void *state, double duration_s, double *pages)
{
    const PowerState *power = state;

    if (!power->any) {
        return false;
    }
    *pages = exp(power->level + power->exponent * log(duration_s));
    return true;
}

double
member_power_variance(const void *state, double duration_s)
{
    const PowerState *power = state;
    double off = log(duration_s) + power->p01 / power->p11;

    return power->p11 * off * off;
}

const MemberOps member_power = {
    .name = "power",
    .curve = true,
    .combined = true,
    .state_size = sizeof(PowerState),
    .init = power_init,
    .learn = power_learn,
    .predict = power_predict,
};

const MemberOps member_power_fast = {
    .name = "power-fast",
    .curve = true,
    .combined = true,
    .state_size = sizeof(PowerState),
    .init = power_fast_init,
    .learn = power_learn,
    .predict = power_predict,
};
