/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scenario-choose.h - lists of a scenario, and which of what is described is
 * run
 */
#ifndef EXPERIMENT_SCENARIO_CHOOSE_H
#define EXPERIMENT_SCENARIO_CHOOSE_H

#include "experiment/scenario-read.h"

/** scenario_list() - Of elements that begin with their name */
GArray *scenario_list(size_t size, GDestroyNotify clear);

/** scenario_find() - The element of that name, NULL: none */
void *scenario_find(GArray *list, const char *name);

/** scenario_cross_clear() - What a ScenarioCross owns */
void scenario_cross_clear(gpointer data);

/** scenario_choose_methods() - The key "methods"; what is chosen is moved out of
 * @described, ScenarioMethod */
void scenario_choose_methods(Scenario *scenario, ScenarioReader *reader,
                             GArray *described);

/** scenario_choose_crosses() - The key "cross"; .crosses are those described,
 * and afterwards those chosen */
void scenario_choose_crosses(Scenario *scenario, ScenarioReader *reader);

#endif
