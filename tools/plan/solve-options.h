/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * solve-options.h - limits, seed and weights: options of what solves
 */
#ifndef TOOLS_PLAN_SOLVE_OPTIONS_H
#define TOOLS_PLAN_SOLVE_OPTIONS_H

#include "tools/plan/solving.h"

typedef struct SolveOptions {
    Solving solving;
    gint64 work, seed;
    char *objective;
} SolveOptions;

void solve_options_clear(SolveOptions *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SolveOptions, solve_options_clear)

/**
 * solve_load() - The model, with limits checked and weights replaced
 * @methods: Methods can be chosen: they are listed, and several searches may
 *           run side by side
 * @own: The command's own options, ended by { NULL }
 *
 * Return: NULL after having complained to standard error
 */
PlanModel *solve_load(int argc, char **argv, SolveOptions *options,
                      const char *summary, bool methods,
                      const GOptionEntry *own);

#endif
