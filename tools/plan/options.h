/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * options.h - what the commands' options have in common
 */
#ifndef TOOLS_PLAN_OPTIONS_H
#define TOOLS_PLAN_OPTIONS_H

#include "plan/model.h"

/**
 * plan_options_model() - Parse a command line, then load the model it names
 * @words: The usage's words behind the options, "MODEL"
 * @entries: The command's own options, ended by { NULL }
 *
 * --from FORMAT is always among them; what is no option are files.
 * Return: NULL after having complained to standard error
 */
PlanModel *plan_options_model(int argc, char **argv, const char *words,
                              const char *summary, const GOptionEntry *entries);

/** plan_options_placement() - The placement in file @name; g_free() it */
int32_t *plan_options_placement(const PlanModel *model, const char *name);

/** plan_options_fail() - "error: vmferry-plan COMMAND: message"; returns 2 */
int plan_options_fail(const char *command, const char *message);

#endif
