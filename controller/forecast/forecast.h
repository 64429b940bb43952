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
    double stop_bytes;        /* that QEMU would send within the downtime limit.
                                 An iteration that begins with no more is the
                                 guest's being stopped; 0: do not look */
} ForecastQuery;

typedef struct Forecast {
    Known pages; /* estimate of x1 of the least expected percentage error;
                         unknown: no forecast */
    double median_pages; /* as often too low as too high: for those who plan by
                            it; only if pages is known */
    double low_pages;    /* 80 % interval, only if pages is known */
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

#define FORECAST_MAX_POINTS 64

/* A point of a measured curve of distinct dirty pages. */
typedef struct ForecastPoint {
    double duration_s; /* > 0 */
    double pages;      /* distinct ones dirtied within it, >= 0 */
} ForecastPoint;

/**
 * forecaster_set_prior() - What is known about D(T) before the migration
 * @points: Windows of page sampling, or passes of earlier migrations of the
 *          guest, in any order; two or more windows far apart tell a set that
 *          is written all over from a guest that writes wide
 * @n_points: 1 to FORECAST_MAX_POINTS
 * @log_sd: How wrong the curve as a whole may be by now, as a standard
 *          deviation of log D: 0.1 for a fresh sample, 0.3 or more for history
 *
 * From then on forecasts and forecaster_migration() answer before the first
 * row; rows that are learnt then correct the curve.
 *
 * Return: false, and nothing is changed, if rows have been learnt already or a
 * number makes no sense
 */
bool forecaster_set_prior(Forecaster *forecaster, const ForecastPoint *points,
                          size_t n_points, double log_sd);

/* A guest's D(T) out of a recorded migration, for an oracle. */
typedef struct ForecastCurve {
    ForecastPoint points[FORECAST_MAX_POINTS]; /* in any order */
    size_t n_points;                           /* 0: there is none */
    double log_sd; /* how far single passes lie from it, of log D; > 0 */
} ForecastCurve;

/**
 * forecaster_set_oracle() - Forecast what is known, not what was learnt
 *
 * For experiments: what would be gained if forecasts were as good as they can
 * be. From then on forecasts and forecaster_migration() say what the curve
 * says, before the first row and after it. Members learn and are told in
 * forecasts as always, "oracle" beside them.
 *
 * Return: false, and nothing is changed, if rows have been learnt already,
 * another curve was given, or a number makes no sense
 */
bool forecaster_set_oracle(Forecaster *forecaster, const ForecastCurve *curve);

/** forecaster_has_oracle() - So that D(T) is known without any row */
bool forecaster_has_oracle(const Forecaster *forecaster);

/**
 * forecaster_set_compressed() - Pages that are sent again are compressed
 *
 * By xbzrle: a page that is in its cache takes what has changed of it. What a
 * page takes is then measured of the rows that are learnt from now on, from the
 * third on, for the second is the first to fill the cache.
 */
void forecaster_set_compressed(Forecaster *forecaster);

/**
 * forecaster_wire_share() - Bytes on the wire of a byte of dirty memory
 *
 * 1, if nothing is compressed or nothing has been measured yet; of the newest
 * passes else. QEMU knows nothing of it: it ends a pass when the bytes of
 * memory that remain could be sent within its limit.
 */
double forecaster_wire_share(const Forecaster *forecaster);

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

/* When the guest is stopped. */
typedef enum {
    MIGRATION_STOP_QEMU,  /* as QEMU does: migration.c */
    MIGRATION_STOP_IDEAL, /* as soon as what a pass has to send can be sent
                             within the downtime limit: textbooks, Gudkov */
} MigrationStop;

/* How much more than usual a guest wrote for a while. */
typedef struct ForecastLevel {
    double duration_s; /* > 0 */
    double log_level;  /* 0: as much as the curve says */
} ForecastLevel;

typedef struct MigrationQuery {
    uint64_t pages_to_send;   /* now */
    uint64_t zero_pages;      /* ... of them, that go as headers only */
    double header_bytes;      /* on the wire, of each page, in addition */
    double bandwidth_bytes_s; /* that the stream gets from now on, > 0 */
    double blackout_bytes_s;  /* ... in the blackout; 0: the same */
    double downtime_limit_s;  /* QEMU's downtime-limit, > 0 */
    double fixed_downtime_s;  /* device state etc., 0 if unknown */
    double deadline_s;        /* from now; 0: none. For least_bandwidth */
    MigrationStop stop;
    /* A guest that does not write the same way all the time: what was seen, in
     * order, taken to come again and again. None: steady. */
    const ForecastLevel *levels;
    size_t n_levels;
    bool brief; /* no low end, plateau, least bandwidth or remedies: for a
                   search */
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
    Known least_bandwidth_bytes_s; /* at which it would converge, and by the
                                      deadline if there is one */
    /* What else would end it, if the best guess does not converge. Post-copy
     * always does. */
    Known enough_downtime_s; /* limit that ends it when set on the plateau */
    Known enough_throttle;   /* share of the guest's CPU time to take, 0..1 */
} MigrationForecast;

/** forecaster_migration() - Play the rest of the migration through */
void forecaster_migration(const Forecaster *forecaster,
                          const MigrationQuery *query,
                          MigrationForecast *forecast);

#endif
