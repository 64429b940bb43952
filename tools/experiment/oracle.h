/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * oracle.h - what an oracle of an experiment knows
 *
 * All oracle runs of a cell go by one run record, of an earlier migration of
 * the same guest beside the same traffic. It is kept in the experiment's folder
 * under the cell's name: whoever puts one there decides what the oracle knows.
 */
#ifndef EXPERIMENT_ORACLE_H
#define EXPERIMENT_ORACLE_H

#include "experiment/plan.h"

/** oracle_path() - DIR/oracles/CELL.json, whether it is there or not; g_free()
 * it */
char *oracle_path(const char *folder, const Scenario *scenario,
                  const PlannedRun *planned);

/** oracle_is_there() - Is there a file, and can it serve? @error if one cannot
 * serve; not if there is none */
bool oracle_is_there(const char *path, GError **error);

/** oracle_take() - Keep the run record of a result, if it can serve
 * @result: As JSON */
bool oracle_take(const char *path, const char *result, GError **error);

/** oracle_find() - Take that of a run of the cell that is there already
 *
 * The default policy's come first, then what else of vmferry's has records.
 * Return: the run's name, g_free() it; NULL: none can serve */
char *oracle_find(const char *path, const char *folder,
                  const Scenario *scenario, const PlannedRun *planned);

#endif
