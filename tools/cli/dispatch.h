/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dispatch.h - "vmferry X" runs X, or the program vmferry-X
 *
 * Commands that vmferry knows itself stand in a table; every other name is
 * looked for as a program of its own, git's way: in the folder for helper
 * programs, beside the vmferry that runs, then in PATH.
 */
#ifndef CLI_DISPATCH_H
#define CLI_DISPATCH_H

#include <glib.h>
#include <stdbool.h>

#include "tools/cli/global-options.h"

#define DISPATCH_ERROR (dispatch_error_quark())
GQuark dispatch_error_quark(void);
typedef enum {
    DISPATCH_ERROR_UNKNOWN, /* no such command */
    DISPATCH_ERROR_EXEC,
} DispatchError;

/* A command that lives in the vmferry program itself. */
typedef struct Command {
    const char *name; /* NULL ends a table */
    /* Gets what stood before the command, and words[0] is the command's name;
     * returns the exit status */
    int (*run)(const GlobalOptions *global, int argc, char **argv);
    bool takes_globals; /* options before the command mean something to it */
    const char *help;   /* one line */
} Command;

/**
 * dispatch_run() - The whole of main()
 * @commands: Table of built-in commands
 * @version: Printed by --version
 * @helper_dir: Installed folder of helper programs
 *
 * Speaks on stdout and stderr. Return: exit status; does not return when
 * another program takes over
 */
int dispatch_run(const Command *commands, const char *version,
                 const char *helper_dir, int argc, char **argv);

/**
 * dispatch_find() - The program of a command that is not built in
 * @name: "predict"
 * @folders: Searched in order, NULL-terminated
 *
 * Return: path of an executable vmferry-NAME, g_free() it; NULL if there is
 * none or @name is no name of a command (letters, digits and dashes)
 */
char *dispatch_find(const char *name, const char *const *folders);

/** cli_error() - "error: ..." on stderr for each line, as virsh prints it */
void cli_error(const char *message);

#endif
