/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * options.h - what the commands' options have in common
 */
#ifndef TOOLS_PLAN_OPTIONS_H
#define TOOLS_PLAN_OPTIONS_H

#include "base/json.h"
#include "plan/import.h"
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

/**
 * plan_options_file() - Parse the command line of a command that reads one file
 * @summary: "SAMPLES - durations as measured"
 * @what: What is missing if no file is named, "one table is expected"
 * @text: Set to what is in the file; valid as long as what is returned
 *
 * argv[1] is the file's name afterwards.
 * Return: NULL after having complained to standard error; unref it
 */
GBytes *plan_options_file(int argc, char **argv, const char *summary,
                          const char *what, const GOptionEntry *entries,
                          PlanText *text);

/** plan_options_print() - JSON to standard output, on lines or on one */
void plan_options_print(JsonObject *object, bool pretty);

/** plan_options_fail() - "error: vmferry-plan COMMAND: message"; returns 2 */
int plan_options_fail(const char *command, const char *message);

#endif
