/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * format.h - models and placements as JSON, docs/plan-format.md
 */
#ifndef PLAN_FORMAT_H
#define PLAN_FORMAT_H

#include "base/json.h"
#include "plan/model.h"

#define PLAN_FORMAT_MODEL "vmferry-plan-1"
#define PLAN_FORMAT_PLACEMENT "vmferry-placement-1"

/**
 * plan_format_read() - A model out of its JSON text
 *
 * Return: a finished model; NULL with PLAN_ERROR (or JOBJ_ERROR_SYNTAX) and a
 * message that names the member, "hosts[3].capacity.cpu: ...". Members that
 * the format does not know are refused, for they are mostly misspelt.
 */
PlanModel *plan_format_read(const char *text, size_t length, GError **error);

/** plan_format_write() - The same as JSON; plan_format_read() takes it back */
JsonObject *plan_format_write(const PlanModel *model);

/**
 * plan_format_read_placement() - Where each guest is, out of a JSON text
 *
 * Return: a host for each guest of @model, PLAN_NOWHERE for guests that are
 * null; g_free() it. NULL with PLAN_ERROR; every guest has to be named.
 */
int32_t *plan_format_read_placement(const PlanModel *model, const char *text,
                                    size_t length, GError **error);

/** plan_format_write_placement() - {"guest": "host", ...} with the format */
JsonObject *plan_format_write_placement(const PlanModel *model,
                                        const int32_t *host_of);

#endif
