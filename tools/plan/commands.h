/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * commands.h - the commands of vmferry-plan
 *
 * Each is called with its own name as argv[0] and returns the exit status: 0
 * fine, 1 the plan or placement is not (broken rules), 2 wrong usage or input.
 */
#ifndef TOOLS_PLAN_COMMANDS_H
#define TOOLS_PLAN_COMMANDS_H

int plan_calibrate_main(int argc, char **argv);
int plan_check_main(int argc, char **argv);
int plan_bound_main(int argc, char **argv);
int plan_compare_main(int argc, char **argv);
int plan_explain_main(int argc, char **argv);
int plan_import_main(int argc, char **argv);
int plan_solve_main(int argc, char **argv);
int plan_moves_main(int argc, char **argv);
int plan_pareto_main(int argc, char **argv);
int plan_sets_main(int argc, char **argv);
int plan_simulate_main(int argc, char **argv);

#endif
