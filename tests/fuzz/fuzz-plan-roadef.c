/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-plan-roadef.c - machine reassignment files: the model, a line "=", the
 * assignment
 */
#include "fuzz-plan.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PlanText machines, assignment;
    GError *error = NULL;
    PlanModel *model;

    fuzz_plan_split(data, size, &machines, &assignment);
    model = plan_import_roadef(machines, assignment, &error);
    fuzz_plan_model(model, error);
    return 0;
}
