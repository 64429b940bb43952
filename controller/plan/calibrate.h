/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * calibrate.h - what measured migrations say about predicted durations
 *
 *   seconds = memory / rate x (factor + both_ways x o + shared x s)
 *           + again x dirty + extra / rate
 *
 * plan_duration() says memory / rate, once through, + again; o and s are how
 * many other migrations went the opposite and the same way over one of its two
 * interfaces, as shares of its own time. The factor is what headers and pauses
 * take of a link, dirty how much of what should have been sent again was, extra
 * what a migration sends beside what is known of the guest.
 */
#ifndef PLAN_CALIBRATE_H
#define PLAN_CALIBRATE_H

#include "plan/import.h"
#include "plan/moves.h"

typedef struct PlanSample {
    int64_t fold; /* those of one plan, whatever run, are judged together */
    PlanGuest guest;
    uint64_t rate_bytes_s;
    double both_ways, shared;
    double took_s;
} PlanSample;

/**
 * plan_samples_read() - A table, with this first line and whole numbers
 *
 *     fold,memory_bytes,hot_bytes,hot_bytes_s,cold_bytes_s,rate_bytes_s,
 *     both_ways_milli,shared_milli,took_ms
 *
 * (on one line). Return: of PlanSample, at least one; unref it. NULL with
 * PLAN_ERROR_SYNTAX
 */
GArray *plan_samples_read(PlanText text, GError **error);

typedef struct PlanCalibration {
    double factor, both_ways, shared, dirty, extra_bytes;
    size_t n_samples, n_folds;
    /* mean relative errors, in shares: of plan_duration() as it is, and, each
     * fold predicted from the others (or from itself, if it is the only one),
     * of the formula, with its bias, and of the mean of the samples of the same
     * memory and rate */
    double error_raw, error, bias, error_class;
} PlanCalibration;

/**
 * plan_calibrate() - The formula with the least sum of relative errors
 * @downtime_limit_s: Of the migrations
 */
PlanCalibration plan_calibrate(const GArray *samples, double downtime_limit_s);

#endif
