/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-plan-packing.c - bin packing problems: a digit, which problem, then the
 * text
 */
#include "fuzz-plan.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t number;
    PlanText text = fuzz_plan_numbered(data, size, &number);
    GError *error = NULL;
    PlanModel *model = plan_import_packing(text, number, &error);

    fuzz_plan_model(model, error);
    return 0;
}
