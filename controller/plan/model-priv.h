/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * model-priv.h - between the files that make a model
 */
#ifndef PLAN_MODEL_PRIV_H
#define PLAN_MODEL_PRIV_H

#include "plan/model.h"

/** plan_model_check_members() - Is each one what it can be? */
bool plan_model_check_members(const PlanModel *model, GError **error);

/** plan_model_check_magnitude() - Does the largest cost that any placement could
 * have fit? Limits and scales have to be filled in. */
bool plan_model_check_magnitude(const PlanModel *model, GError **error);

/** plan_compare_hosts() - Of numbers of hosts, for qsort() and bsearch() */
int plan_compare_hosts(const void *a, const void *b);

#endif
