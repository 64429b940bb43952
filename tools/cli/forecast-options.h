/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * forecast-options.h - what "vmferry forecast" was asked
 */
#ifndef CLI_FORECAST_OPTIONS_H
#define CLI_FORECAST_OPTIONS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/known.h"
#include "tools/cli/cmdline.h"
#include "tools/cli/global-options.h"

#define FORECAST_OPTIONS_ERROR (forecast_options_error_quark())
GQuark forecast_options_error_quark(void);
typedef enum { FORECAST_OPTIONS_ERROR_VALUE } ForecastOptionsError;

#define FORECAST_MAX_WINDOWS 8

/* Strings are owned; NULL: not given. */
typedef struct ForecastOptions {
    char *domain; /* NULL: .from */
    char *from;   /* an earlier answer; NULL: .domain */
    char *desturi;
    char *connect_uri;
    bool readonly;
    GArray *bandwidths;      /* uint64_t, bytes/s on the wire; growing; empty:
                                a ladder */
    double downtime_limit_s; /* QEMU's own default without --downtime */
    Known deadline_s;
    unsigned windows_ms[FORECAST_MAX_WINDOWS]; /* growing */
    size_t n_windows;                          /* 0: no sampling */
    bool monitor;
    bool one_by_one; /* windows, also where QEMU can look at them at once */
    char *link_device;
    uint64_t link_rate_bytes_s;
    char *history; /* as given; see history_path() */
    bool json;
} ForecastOptions;

/**
 * forecast_options_parse() - Read the words after "forecast"
 * @help: Set to true if --help was among them; NULL is returned then, without
 *        an error
 */
ForecastOptions *forecast_options_parse(const char *const *words,
                                        const GlobalOptions *global, bool *help,
                                        GError **error);
void forecast_options_free(ForecastOptions *options);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ForecastOptions, forecast_options_free)

/** forecast_options_help() - g_free() it */
char *forecast_options_help(void);

#endif
