/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-plan-huawei.c - Huawei's tables: the hosts, a line "=", the requests
 */
#include "fuzz-plan.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PlanText hosts, requests;
    GError *error = NULL;
    PlanModel *model;

    fuzz_plan_split(data, size, &hosts, &requests);
    model = plan_import_huawei(hosts, requests, &error);
    fuzz_plan_model(model, error);
    return 0;
}
