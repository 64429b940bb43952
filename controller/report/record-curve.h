/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record-curve.h - a recorded guest's D(T), for the oracle of experiments
 */
#ifndef REPORT_RECORD_CURVE_H
#define REPORT_RECORD_CURVE_H

#include "forecast/forecast.h"
#include "report/record.h"

/**
 * run_record_curve() - Pages dirtied within a duration, out of all its passes
 * @curve: Filled in whole; pages are those of the record
 * @error: RECORD_ERROR_VALUE: no pass tells of the guest as it runs by itself.
 *         The last one, throttled ones and lower bounds do not
 */
bool run_record_curve(const RunRecord *record, ForecastCurve *curve,
                      GError **error);

#endif
