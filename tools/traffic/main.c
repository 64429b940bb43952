/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main.c - vmferry-traffic: who sends how much to whom
 */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "tools/traffic/commands.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    { "live", traffic_live_main, "count on a device, as it happens" },
    { "read", traffic_read_main, "count what was captured into files" },
    { "history", traffic_history_main, "show what live has kept" },
};

static void
print_usage(FILE *out)
{
    fprintf(out, "Usage: vmferry-traffic COMMAND [OPTION...]\n\n");
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
        fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].help);
    }
    fprintf(out, "\n\"vmferry-traffic COMMAND --help\" lists its options.\n");
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
        printf("vmferry-traffic %s\n", VMFERRY_VERSION);
        return 0;
    }
    if (argc == 2 &&
        (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        print_usage(stdout);
        return 0;
    }
    if (argc >= 2) {
        fprintf(stderr, "error: vmferry-traffic: there is no command \"%s\"\n",
                argv[1]);
    }
    print_usage(stderr);
    return TRAFFIC_EXIT_USAGE;
}
