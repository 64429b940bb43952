/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main.c - vmferry-consolidate: where guests should run, and has them moved
 */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "tools/consolidate/commands.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    { "plan", consolidate_plan_main,
      "look at the hosts and say what should move, and why" },
    { "apply", consolidate_apply_main, "... and have it moved" },
    { "evacuate", consolidate_evacuate_main,
      "empty a host, and keep it empty" },
    { "release", consolidate_release_main, "let guests onto it again" },
    { "status", consolidate_status_main, "hosts, load, the plan on its way" },
    { "explain", consolidate_explain_main, "why these moves, one by one" },
    { "report", consolidate_report_main, "a page about a plan, as HTML" },
    { "history", consolidate_history_main,
      "moves made: forecast against what they really took" },
    { "pause", consolidate_pause_main, "decide nothing, begin no more moves" },
    { "resume", consolidate_resume_main, "go on" },
    { "run", consolidate_run_main, "the service: watch, decide, carry out" },
    { "simulate", consolidate_simulate_main,
      "the same decisions on hosts that exist in numbers only" },
};

static void
print_usage(FILE *out)
{
    fprintf(out, "Usage: vmferry-consolidate COMMAND [OPTION...]\n\n");
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
        fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].help);
    }
    fprintf(out,
            "\n\"vmferry-consolidate COMMAND --help\" lists its options.\n");
}

int
main(int argc, char **argv)
{
    setlocale(LC_CTYPE, ""); /* numbers stay as they are in C */
    for (size_t i = 0; argc >= 2 && i < sizeof(commands) / sizeof(*commands);
         i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("vmferry-consolidate %s\n", VMFERRY_VERSION);
        return CONSOLIDATE_FINE;
    }
    if (argc == 2 &&
        (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        print_usage(stdout);
        return CONSOLIDATE_FINE;
    }
    if (argc >= 2) {
        fprintf(stderr,
                "error: vmferry-consolidate: there is no command \"%s\"\n",
                argv[1]);
    }
    print_usage(stderr);
    return CONSOLIDATE_USAGE;
}
