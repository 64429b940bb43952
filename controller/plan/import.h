/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * import.h - models out of other people's formats; bytes in, no files
 *
 * Each returns a finished model, or NULL with PLAN_ERROR_SYNTAX (not that
 * format) or PLAN_ERROR_MEMBER (a number that makes no sense), naming which.
 */
#ifndef PLAN_IMPORT_H
#define PLAN_IMPORT_H

#include "plan/model.h"

typedef struct PlanText {
    const char *text; /* not necessarily terminated */
    size_t length;
} PlanText;

/**
 * plan_import_roadef() - Machine reassignment, ROADEF/EURO challenge 2012
 * @model: The file model_*.txt
 * @assignment: The file assignment_*.txt: where the processes run now
 *
 * Locations become racks, neighbourhoods sites, services groups, safety
 * capacities safe levels, transient resources transient; costs are the
 * challenge's to the digit.
 */
PlanModel *plan_import_roadef(PlanText model, PlanText assignment,
                              GError **error);

/**
 * plan_import_btrplace() - An instance of BtrPlace, JSON
 *
 * Every move costs 1. Constraints that have no counterpart are refused.
 */
PlanModel *plan_import_btrplace(PlanText text, GError **error);

/** plan_export_roadef() - A placement as an assignment file; g_free() it */
char *plan_export_roadef(const PlanModel *model, const int32_t *host_of);

#endif
