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

/**
 * plan_import_packing() - One-dimensional bin packing
 * @which: The problem's number in a file of several, from 1; else 1
 *
 * As many hosts as can be needed at most, each costs 1.
 */
PlanModel *plan_import_packing(PlanText text, int64_t which, GError **error);

/**
 * plan_import_graph() - A graph to be cut into parts, METIS' format
 * @n_parts: Hosts, each with room for 1.03 of its share
 *
 * The cost is 1000 times the cut.
 */
PlanModel *plan_import_graph(PlanText text, int64_t n_parts, GError **error);

/**
 * plan_import_huawei() - Huawei's data set for topology-aware placement, CSV
 * @hosts: PM_res: two sides a host, added up; sixteen hosts make a rack
 * @requests: VM_data_*: guests, none of them placed
 *
 * The reserve is 0.8, a host in use costs 1.
 */
PlanModel *plan_import_huawei(PlanText hosts, PlanText requests,
                              GError **error);

/** plan_export_roadef() - A placement as an assignment file; g_free() it */
char *plan_export_roadef(const PlanModel *model, const int32_t *host_of);

#endif
