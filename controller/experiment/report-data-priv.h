/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-data-priv.h - what reports as JSON have in common
 */
#ifndef EXPERIMENT_REPORT_DATA_PRIV_H
#define EXPERIMENT_REPORT_DATA_PRIV_H

#include "base/json.h"
#include "experiment/summary.h"

JsonObject *estimate_to_json(const Estimate *estimate);

/** cell_to_json() - Adds guest, wire and cross */
void cell_to_json(JsonObject *json, const Summary *summary,
                  const SummaryCell *cell);

#endif
