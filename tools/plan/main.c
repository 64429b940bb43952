/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main.c - vmferry-plan: where guests should run, and how they get there
 */
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tools/plan/commands.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    { "solve", plan_solve_main, "look for a better placement" },
    { "moves", plan_moves_main, "the migrations that lead to a placement" },
    { "explain", plan_explain_main, "why guests should move" },
    { "compare", plan_compare_main, "methods side by side" },
    { "pareto", plan_pareto_main, "what less of one objective costs" },
    { "bound", plan_bound_main, "what no placement can undercut" },
    { "check", plan_check_main, "which rules a placement breaks, its cost" },
    { "import", plan_import_main, "other formats into vmferry's own" },
    { "sets", plan_sets_main, "which guests belong side by side, by traffic" },
    { "calibrate", plan_calibrate_main, "durations as measured" },
    { "simulate", plan_simulate_main, "replay a day of processor use" },
};

static void
print_usage(FILE *out)
{
    fprintf(out, "Usage: vmferry-plan COMMAND [OPTION...] MODEL\n\n");
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
        fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].help);
    }
    fprintf(out, "\n\"vmferry-plan COMMAND --help\" lists its options.\n");
}

/* An answer that nobody got, on a full disk say, is none. */
static int
finish(int status)
{
    bool written = fflush(stdout) == 0 && !ferror(stdout);

    if (!written) {
        fprintf(stderr,
                "error: vmferry-plan: standard output cannot be written\n");
    }
    return written ? status : 2;
}

int
main(int argc, char **argv)
{
    setlocale(LC_CTYPE, ""); /* numbers stay as they are in C */
    for (size_t i = 0; argc >= 2 && i < sizeof(commands) / sizeof(*commands);
         i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return finish(commands[i].run(argc - 1, argv + 1));
        }
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("vmferry-plan %s\n", VMFERRY_VERSION);
        return finish(0);
    }
    if (argc == 2 &&
        (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        print_usage(stdout);
        return finish(0);
    }
    if (argc >= 2) {
        fprintf(stderr, "error: vmferry-plan: there is no command \"%s\"\n",
                argv[1]);
    }
    print_usage(stderr);
    return 2;
}
