/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-plan-btrplace.c - BtrPlace's JSON
 */
#include "fuzz-plan.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PlanText text = { (const char *)data, size };
    GError *error = NULL;
    PlanModel *model = plan_import_btrplace(text, &error);

    fuzz_plan_model(model, error);
    return 0;
}
