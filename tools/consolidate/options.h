/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * options.h - the command line of vmferry-consolidate
 */
#ifndef TOOLS_CONSOLIDATE_OPTIONS_H
#define TOOLS_CONSOLIDATE_OPTIONS_H

#include <glib.h>
#include <stdbool.h>

#include "base/json.h"

typedef struct ConsOptions {
    char *config;
    gboolean json, alone, quiet;
    char **words; /* what is left; never NULL */
} ConsOptions;

/**
 * cons_options_parse() - Read the words after "vmferry-consolidate"
 * @argv: argv[0] is the command
 * @more: Options of the command alone, or NULL
 * @parameters: "[HOST]", for the help
 * @least, @most: How many words it takes
 *
 * --help prints and exits. Return: false: the error was printed
 */
bool cons_options_parse(int argc, char **argv, const GOptionEntry *more,
                        const char *parameters, const char *summary,
                        unsigned least, unsigned most, ConsOptions *options);
void cons_options_clear(ConsOptions *options);

/** cons_fail() - Print it; return the exit status that fits */
int cons_fail(const char *command, const GError *error);

/** cons_print_json() - A document on standard output: one line, pretty on a
 * terminal */
void cons_print_json(JsonObject *json);

#endif
