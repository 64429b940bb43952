/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * forecast-again.h - the answer of `vmferry forecast --json', read back
 *
 * What was seen of a guest is asked about other bandwidths, limits and
 * deadlines, by today's models, without the guest.
 */
#ifndef TOOLS_CLI_FORECAST_AGAIN_H
#define TOOLS_CLI_FORECAST_AGAIN_H

#include <glib.h>

#include "tools/cli/forecast-table.h"

typedef struct ForecastAgain ForecastAgain;

/**
 * forecast_again_read() - Read an earlier answer
 *
 * Earlier migrations that it went by are not in it, so one that had nothing
 * else is refused. Fails with VIRT_ERROR_FAILED, saying what is wrong.
 */
ForecastAgain *forecast_again_read(const char *path, GError **error);
void forecast_again_free(ForecastAgain *again);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ForecastAgain, forecast_again_free)

/** forecast_again_fill() - What was seen; borrowed by @input */
void forecast_again_fill(const ForecastAgain *again, ForecastInput *input);

#endif
