/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * forecast.h - dirty pages of the next iteration, and the whole migration
 *
 * Several members (grey models, physical models, naive ones) look at the same
 * rows; each may abstain. Distinct dirty pages are a concave function of the
 * time they have to appear in, so a forecast is asked for a planned bandwidth:
 * "how many pages if I give it B?". Nothing is used that is not known at the
 * sync that starts the iteration.
 */
#ifndef FORECAST_H
#define FORECAST_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/known.h"
#include "sample/sample.h"

#define FORECAST_MAX_MEMBERS 24

typedef struct ForecastMember {
    const char *name; /* static: "last", "gm11", "gm1n", ... */
    Known pages;      /* unknown: it abstains */
} ForecastMember;

typedef struct ForecastQuery {
    uint64_t pages_to_send;   /* at the start of the iteration asked about */
    double bandwidth_bytes_s; /* planned, > 0 */
    double left_bytes;        /* what QEMU leaves unsent at the end of a pass:
                                 bandwidth x downtime limit; 0 if unknown */
} ForecastQuery;

typedef struct Forecast {
    Known pages;      /* best estimate of x1; unknown: no forecast */
    double low_pages; /* 80 % interval, only if pages is known */
    double high_pages;
    double planned_duration_s; /* that follows from the query */
    const char *model;         /* static name of the member or combination */
    size_t n_members;
    ForecastMember members[FORECAST_MAX_MEMBERS];
} Forecast;

typedef struct Forecaster Forecaster;

/**
 * forecaster_new() - A forecaster without history
 * @total_pages: Guest pages, upper bound of every forecast; 0 if unknown
 */
Forecaster *forecaster_new(uint64_t total_pages);
void forecaster_free(Forecaster *forecaster);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Forecaster, forecaster_free)

/**
 * forecaster_add() - Learn a finished row
 *
 * Rows come in order. Rows whose dirty_pages are unknown, and final ones, only
 * move the clock. Merged rows are history with their own duration.
 */
void forecaster_add(Forecaster *forecaster, const SampleRow *row);

/** forecaster_rows() - How many rows with known dirty_pages it has learnt */
size_t forecaster_rows(const Forecaster *forecaster);

/**
 * forecaster_next() - Forecast x1 of the iteration that starts now
 * @query: What is known and planned at its start
 * @forecast: Filled in whole, whatever the history
 *
 * Does not change the forecaster: ask as often as there are plans to compare.
 */
void forecaster_next(const Forecaster *forecaster, const ForecastQuery *query,
                     Forecast *forecast);

typedef struct MigrationQuery {
    uint64_t pages_to_send;   /* now */
    double bandwidth_bytes_s; /* that the stream gets from now on, > 0 */
    double blackout_bytes_s;  /* ... in the blackout; 0: the same */
    double downtime_limit_s;  /* QEMU's downtime-limit, > 0 */
    double fixed_downtime_s;  /* device state etc., 0 if unknown */
    bool brief; /* no low end, plateau or least bandwidth: for a search */
} MigrationQuery;

typedef struct MigrationForecast {
    Known iterations; /* still to come, the final one included; unknown:
                             no forecast, or it does not converge */
    Known time_s;     /* from now to the end */
    Known bytes;      /* from now to the end */
    Known downtime_s;
    double low_time_s, high_time_s; /* 80 % interval, if time_s is known;
                             the high end is infinite if only the best guess
                             converges */
    bool converges;          /* the best guess; meaningful if verdict_known */
    bool surely_converges;   /* even if 80 % interval's high end comes true */
    bool possibly_converges; /* if its low end does; not if brief */
    bool verdict_known;
    Known plateau_s; /* duration at which passes stop getting shorter,
                             if the best guess does not converge */
    Known least_bandwidth_bytes_s; /* at which it would converge */
} MigrationForecast;

/** forecaster_migration() - Play the rest of the migration through */
void forecaster_migration(const Forecaster *forecaster,
                          const MigrationQuery *query,
                          MigrationForecast *forecast);

#endif
