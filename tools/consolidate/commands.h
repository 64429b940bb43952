/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * commands.h - the commands of vmferry-consolidate
 *
 * Each is called with its own name as argv[0] and returns the exit status.
 */
#ifndef TOOLS_CONSOLIDATE_COMMANDS_H
#define TOOLS_CONSOLIDATE_COMMANDS_H

enum {
    CONSOLIDATE_FINE = 0,
    CONSOLIDATE_FAILED = 1,     /* refused, stopped, or not done */
    CONSOLIDATE_USAGE = 2,      /* command line or configuration */
    CONSOLIDATE_NO_SERVICE = 3, /* it takes one, and there is none */
    CONSOLIDATE_INTERRUPTED = 130,
};

int consolidate_run_main(int argc, char **argv);
int consolidate_plan_main(int argc, char **argv);
int consolidate_apply_main(int argc, char **argv);
int consolidate_status_main(int argc, char **argv);
int consolidate_explain_main(int argc, char **argv);
int consolidate_report_main(int argc, char **argv);
int consolidate_history_main(int argc, char **argv);
int consolidate_evacuate_main(int argc, char **argv);
int consolidate_release_main(int argc, char **argv);
int consolidate_pause_main(int argc, char **argv);
int consolidate_resume_main(int argc, char **argv);
int consolidate_simulate_main(int argc, char **argv);

#endif
