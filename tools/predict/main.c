/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main.c - vmferry-predict: evaluate and plot forecasts on recorded traces
 */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "tools/predict/commands.h"

static const char usage[] =
    "Usage: vmferry-predict eval [OPTION...] TRACE.csv...\n"
    "       vmferry-predict plot [OPTION...] TRACE.csv\n"
    "       vmferry-predict pairs RUN.told.csv...\n"
    "\n"
    "eval replays recorded migrations and scores every model one step ahead;\n"
    "plot draws one of them with its forecasts; pairs compares what a patched\n"
    "QEMU told with what could be worked out. \"vmferry-predict COMMAND "
    "--help\"\n"
    "lists the options, vmferry-predict(1) explains them.\n";

int
main(int argc, char **argv)
{
    setlocale(LC_CTYPE, ""); /* numbers stay as they are in C */
    if (argc >= 2 && strcmp(argv[1], "eval") == 0) {
        return predict_eval_main(argc - 1, argv + 1);
    }
    if (argc >= 2 && strcmp(argv[1], "plot") == 0) {
        return predict_plot_main(argc - 1, argv + 1);
    }
    if (argc >= 2 && strcmp(argv[1], "pairs") == 0) {
        return predict_pairs_main(argc - 1, argv + 1);
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("vmferry-predict %s\n", VMFERRY_VERSION);
        return 0;
    }
    if (argc == 2 &&
        (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(usage, stdout);
        return 0;
    }
    if (argc >= 2) {
        fprintf(stderr,
                "error: vmferry-predict: \"%s\" is no command; eval, pairs "
                "and plot are\n",
                argv[1]);
    } else {
        fputs(usage, stderr);
    }
    return 2;
}
