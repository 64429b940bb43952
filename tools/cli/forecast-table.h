/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * forecast-table.h - a migration that has not begun, over bandwidths
 *
 * Pure: what was measured in, a table for people or programs out.
 */
#ifndef CLI_FORECAST_TABLE_H
#define CLI_FORECAST_TABLE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "base/known.h"
#include "forecast/before.h"
#include "forecast/forecast.h"

#define FORECAST_SCHEMA "vmferry-forecast/1"

/* Of what an Ethernet frame of 1500 bytes occupies on the wire as tc counts
 * it, this much is the stream's: TCP with time stamps over IPv4. */
#define FORECAST_PAYLOAD (1448.0 / 1514.0)
#define FORECAST_HEADER_BYTES 8.0 /* of QEMU, before each page */

typedef enum {
    FORECAST_WINDOW_LIBVIRT,
    FORECAST_WINDOW_MONITOR,
    FORECAST_WINDOW_CURVE, /* the monitor; one measurement with all windows */
    FORECAST_N_WINDOW_SOURCES
} ForecastWindowSource;

/** forecast_window_source() - By its word in JSON; false if there is none */
bool forecast_window_source(const char *word, ForecastWindowSource *source);

typedef struct ForecastWindow {
    double window_s;
    double pages, low_pages, high_pages;
    double log_sd;
    ForecastWindowSource source;
} ForecastWindow;

/* What is known before the start. Strings are borrowed, and may be NULL. */
typedef struct ForecastInput {
    const char *guest_name, *guest_uuid, *host_name;
    uint64_t memory_bytes;
    Known nonzero_bytes;        /* that a first pass has to send */
    const char *nonzero_source; /* "sampled", "balloon", "history", "all" */
    const ForecastWindow *windows;
    size_t n_windows;
    const BeforeRun *runs; /* oldest first */
    size_t n_runs;
    const char *link_device;
    uint64_t link_rate_bytes_s; /* 0: not known */
    double downtime_limit_s;
    Known deadline_s;
    const uint64_t *bandwidths; /* on the wire, growing */
    size_t n_bandwidths;
} ForecastInput;

typedef enum {
    FORECAST_CONVERGES, /* also at the high end of the interval */
    FORECAST_PROBABLY,  /* the best guess does */
    FORECAST_MAYBE,     /* only the low end does */
    FORECAST_NOT,
    FORECAST_N_VERDICTS
} ForecastVerdict;

typedef struct ForecastRow {
    uint64_t bandwidth_bytes_s; /* on the wire */
    ForecastVerdict verdict;
    MigrationForecast migration;   /* rates in it: of the stream */
    Known least_bandwidth_bytes_s; /* on the wire; by the deadline, if any */
    bool late;                     /* converges after the deadline */
    double postcopy_s;             /* first pass, then what it left */
} ForecastRow;

typedef struct ForecastTable {
    BeforeCurve curve;
    GArray *rows; /* ForecastRow */
} ForecastTable;

/**
 * forecast_input_forecaster() - A forecaster that knows what is known
 * @curve: Set to the curve that was fitted
 *
 * Return: forecaster_free() it; NULL if nothing is known about the guest's
 * writing, neither windows nor runs
 */
Forecaster *forecast_input_forecaster(const ForecastInput *input,
                                      BeforeCurve *curve);

/**
 * forecast_table_new() - Play the migration at each bandwidth
 *
 * Return: forecast_table_free() it; NULL if nothing is known about the guest's
 * writing, neither windows nor runs
 */
ForecastTable *forecast_table_new(const ForecastInput *input);
void forecast_table_free(ForecastTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ForecastTable, forecast_table_free)

/** forecast_ladder() - Bandwidths to show when none were named
 * @link_rate_bytes_s: 0: not known
 * Return: uint64_t, growing, g_array_unref() it */
GArray *forecast_ladder(uint64_t link_rate_bytes_s);

/** forecast_table_text() - For people, ends with a newline; g_free() it */
char *forecast_table_text(const ForecastTable *table,
                          const ForecastInput *input);

JsonObject *forecast_table_json(const ForecastTable *table,
                                const ForecastInput *input);

#endif
