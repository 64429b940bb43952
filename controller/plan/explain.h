/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * explain.h - why a guest should move
 */
#ifndef PLAN_EXPLAIN_H
#define PLAN_EXPLAIN_H

#include "plan/state.h"

/**
 * plan_explain() - Why @guest does not stay, in words
 * @target: Everybody where they should be
 *
 * First what is wrong with its host now: closed, over its limit, without what
 * the guest requires. Then what would change if this guest alone stayed.
 *
 * Return: "" for a guest that does stay; g_free() it
 */
char *plan_explain(const PlanState *target, int32_t guest);

#endif
