/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main.c - vmferry-experiment: scenarios are run, and reported on
 *
 * vmferry-testbed, the script, hands its commands run, report and compare over
 * to this program; `client' is what the runner starts on the third host.
 */
#include <stdio.h>
#include <string.h>

#include "tools/experiment/commands.h"

static const char usage[] =
    "usage: vmferry-testbed run SCENARIO.conf... [OPTION...]\n"
    "       vmferry-testbed report DIR [OPTION...]\n"
    "       vmferry-testbed compare DIR1 DIR2 [OPTION...]\n"
    "\n"
    "run migrates guests as a scenario says and keeps what came of it; report\n"
    "sums it up; compare sets two beside each other. `vmferry-testbed COMMAND "
    "--help' lists the options,\n"
    "vmferry-testbed(1) explains them.\n";

static const struct {
    const char *name;
    int (*main)(int argc, char **argv);
} commands[] = {
    { "run", experiment_run_main },
    { "report", experiment_report_main },
    { "compare", experiment_compare_main },
    { "client", experiment_client_main },
};

int
main(int argc, char **argv)
{
    for (size_t i = 0; argc >= 2 && i < sizeof(commands) / sizeof(*commands);
         i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].main(argc - 1, argv + 1);
        }
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("vmferry-experiment %s\n", VMFERRY_VERSION);
        return 0;
    }
    if (argc == 2 &&
        (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(usage, stdout);
        return 0;
    }
    if (argc >= 2) {
        fprintf(stderr, "error: vmferry-experiment: \"%s\" is no command\n",
                argv[1]);
    } else {
        fputs(usage, stderr);
    }
    return 2;
}
