/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * random-model.h - small models with something of everything
 */
#ifndef TESTS_RANDOM_MODEL_H
#define TESTS_RANDOM_MODEL_H

#include "plan/model.h"

/** random_model() - A finished model; the same for the same @seed */
PlanModel *random_model(guint32 seed);

/** random_placement() - Any host or none for each guest; g_free() it */
int32_t *random_placement(const PlanModel *model, GRand *rand);

/* Room for everybody everywhere, so that rules between guests decide */
void random_model_loosen(PlanModel *model);

/* The first @n rules only */
void random_model_keep_rules(PlanModel *model, size_t n);

#endif
