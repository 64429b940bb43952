/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * partition.h - METIS as the planner's graph partitioner
 */
#ifndef TOOLS_PLAN_PARTITION_H
#define TOOLS_PLAN_PARTITION_H

#include "plan/kway.h"

/** plan_metis_partition() - See PlanPartition; NULL if METIS is not built in */
extern const PlanPartition plan_metis_partition;

#endif
