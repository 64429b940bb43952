/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * commands.h - commands of vmferry-experiment
 *
 * A command gets its own name as argv[0] and returns an exit status: 0, 1 if
 * something failed, 2 if the command line or a scenario cannot be meant, 130
 * if it was interrupted.
 */
#ifndef EXPERIMENT_COMMANDS_H
#define EXPERIMENT_COMMANDS_H

int experiment_run_main(int argc, char **argv);
int experiment_report_main(int argc, char **argv);
int experiment_compare_main(int argc, char **argv);
int experiment_client_main(int argc, char **argv);

#endif
