/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * commands.h - commands of vmferry-predict, and what they share
 *
 * A command gets its own name as argv[0] and returns an exit status: 0, 1 if a
 * file was bad or nothing could be shown, 2 if the command line was.
 */
#ifndef PREDICT_COMMANDS_H
#define PREDICT_COMMANDS_H

#include <glib.h>
#include <stdbool.h>

#include "report/trace.h"

int predict_eval_main(int argc, char **argv);
int predict_pairs_main(int argc, char **argv);
int predict_plot_main(int argc, char **argv);

/** predict_load() - Read a trace; the error names the file */
TraceTable *predict_load(const char *path, GError **error);

/** predict_write() - To a file, or to standard output if NULL or "-" */
bool predict_write(const char *path, const char *text, GError **error);

/** predict_flatten() - "a,b" "c" into "a" "b" "c"; NULL stays NULL */
char **predict_flatten(char **lists);

#endif
