/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * member.h - one way to forecast the pages that the next pass dirties
 *
 * A member learns finished passes and answers for a planned duration, or
 * abstains. Its state has a fixed size, a step costs O(1) or a small window,
 * and allocates nothing. A member of kind "curve" takes the duration into
 * account, so that it may be asked about any duration; the others only know
 * the pass that would come next if things went on as they did.
 */
#ifndef FORECAST_MEMBER_H
#define FORECAST_MEMBER_H

#include <stdbool.h>
#include <stddef.h>

#include "forecast/forecast.h"
#include "sample/sample.h"

/* No pass is taken for shorter, and no page count for less, in logarithms. */
#define MEMBER_LEAST_DURATION_S 1e-3
#define MEMBER_LEAST_PAGES 0.5

/* A finished row, as the members see it. */
typedef struct Observation {
    double pages;      /* newly dirtied by one pass; merged rows: the mean */
    double duration_s; /* of one pass, at least MEMBER_LEAST_DURATION_S */
    double passes;     /* how many the row merged, 1 if none */
    const SampleRow *row;
    /* Where QEMU told of page classes: what this pass and the one before it
     * dirtied together, which is what that one did and the cold pages of this
     * one. A point of D without the noise between two passes. */
    bool has_both;
    double both_pages, both_s;
    double before_pages, before_s; /* of the one before alone */
} Observation;

typedef struct MemberOps {
    const char *name;
    bool curve;    /* D(T): answers for any duration */
    bool combined; /* takes part in the combination */
    size_t state_size;
    void (*init)(void *state);  /* state is zeroed before */
    void (*clear)(void *state); /* may be NULL */
    void (*learn)(void *state, const Observation *seen);
    /* false: it abstains; @pages may be anything finite */
    bool (*predict)(const void *state, double duration_s, double *pages);
} MemberOps;

/* Naive ones. */
extern const MemberOps member_last;   /* as many as last time */
extern const MemberOps member_mean;   /* of all passes */
extern const MemberOps member_wmean;  /* ... pass k with weight k */
extern const MemberOps member_ewma;   /* mean, old values halved */
extern const MemberOps member_arima;  /* ARIMA(1,1,0) on log D */
extern const MemberOps member_rate;   /* pages per second of the last 5, x T */
extern const MemberOps member_linear; /* pages per second of the last, x T */
/* Grey ones. */
extern const MemberOps member_gm11;          /* GM(1,1), last 5, on log D */
extern const MemberOps member_gm11_full;     /* GM(1,1), all, on D */
extern const MemberOps member_gm1n;          /* GM(1,N) of the paper */
extern const MemberOps member_gm1n_all;      /* ... with the first pass */
extern const MemberOps member_gm1n_residual; /* ... with its correction */
extern const MemberOps member_dgm;           /* DGM(1,N), ridge, on log D */
extern const MemberOps member_ogm;           /* OGM(1,N), ridge */
extern const MemberOps member_power_grey;    /* power law x GM(1,1) of ratio */
/* Physical ones. */
extern const MemberOps member_working_set; /* W (1 - exp(-T / tau)) */
extern const MemberOps member_two_class;   /* W (1 - exp(-T / tau)) + r T */
extern const MemberOps member_spectrum;    /* C ((1 + h T)^a - 1) / a */
extern const MemberOps member_power;       /* c T^a, slow to believe change */
extern const MemberOps member_power_fast;  /* c T^a, quick to follow */

/* Start member_spectrum from a measured curve, before it has learnt a pass. */
void member_spectrum_prior(void *state, const ForecastPoint *points, size_t n);

/* Variance of log D at a duration between the curves of member_spectrum */
double member_spectrum_variance(const void *state, double duration_s);

/* Variance of log D that comes from not knowing the exponent of member_power:
 * 0 at the durations of the passes learnt, more the further from them. */
double member_power_variance(const void *state, double duration_s);

#endif
