/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * forecast-priv.h - what forecast.c offers to migration.c
 */
#ifndef FORECAST_PRIV_H
#define FORECAST_PRIV_H

#include "forecast/forecast.h"

/* QEMU sends in slices of up to so long and looks between them whether the pass
 * is over: no pass is much shorter, unless there is nothing left to send. */
#define FORECAST_SLICE_S 0.1

/* D(T) for any duration, with its uncertainty */
typedef struct CurvePoint {
    double log_pages;
    double log_sd; /* standard deviation of log_pages */
} CurvePoint;

/**
 * forecaster_curve() - Distinct dirty pages after any duration
 *
 * Only members that know about durations have a say. Return: false if nothing
 * has been learnt yet.
 */
bool forecaster_curve(const Forecaster *forecaster, double duration_s,
                      CurvePoint *point);

/** forecaster_page_bytes() - Of the rows learnt, 4096 before the first; what
 * of it goes over the wire: forecaster_wire_share() */
double forecaster_page_bytes(const Forecaster *forecaster);

/** forecaster_most_pages() - Upper bound of every forecast, may be infinite */
double forecaster_most_pages(const Forecaster *forecaster);

#endif
