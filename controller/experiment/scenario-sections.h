/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scenario-sections.h - what stands in sections with a name
 */
#ifndef EXPERIMENT_SCENARIO_SECTIONS_H
#define EXPERIMENT_SCENARIO_SECTIONS_H

#include "experiment/scenario-read.h"

/** scenario_method_kind() - By name; METHOD_N_KINDS: none is called that */
MethodKind scenario_method_kind(const char *name);

/** scenario_method() - With the defaults; what is in it is owned */
ScenarioMethod scenario_method(const char *name, MethodKind kind);

/* Each adds what the reader's section describes, mistakes or not. */
void scenario_read_guest(Scenario *scenario, ScenarioReader *reader);
void scenario_read_cross(Scenario *scenario, ScenarioReader *reader);
void scenario_read_claim(Scenario *scenario, ScenarioReader *reader);
/** @methods: ScenarioMethod, those described */
void scenario_read_method(GArray *methods, ScenarioReader *reader);

/** scenario_check_workload() - Does the guest know what it is told to do? */
void scenario_check_workload(const ScenarioGuest *guest,
                             ScenarioReader *reader);

#endif
