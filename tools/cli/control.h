/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * control.h - what the commands that talk to vmferryd have in common
 */
#ifndef CLI_CONTROL_H
#define CLI_CONTROL_H

#include <glib.h>
#include <stdbool.h>

#include "ctl/client.h"
#include "tools/cli/cmdline.h"
#include "tools/cli/status-text.h"

/* Exit statuses of these commands. */
enum {
    CONTROL_DONE = 0,
    CONTROL_FAILED = 1,    /* the daemon refused, or it could not be done */
    CONTROL_SYNTAX = 2,    /* the command line makes no sense */
    CONTROL_NO_DAEMON = 3, /* nobody answers, or not to us */
};

/* Rows of every table of these commands. */
#define CONTROL_OPTIONS                                                        \
    { "socket", CMDLINE_STRING, 0, "path", "the daemon's control socket" },    \
        { "json", CMDLINE_FLAG, 0, NULL, "JSON on standard output" },          \
    {                                                                          \
        NULL, CMDLINE_FLAG, 0, NULL, NULL                                      \
    }

/**
 * control_parse() - Read the words of a command
 * @usage: First line of its help
 * @explain: Text below it
 * @status: Set if NULL is returned: what to exit with; help was printed then,
 *          or the error
 */
Cmdline *control_parse(const char *command, const CmdlineOption *options,
                       char **argv, const char *usage, const char *explain,
                       int *status);

/** control_value() - A string option that was given, NULL: it was not; an empty
 * one is an error, printed, @ok set to false */
const char *control_value(const Cmdline *cmdline, const char *name, bool *ok);

/** control_fail() - Print the error. Return: the exit status that fits it */
int control_fail(const GError *error);

/** control_open() - Connect; NULL with @error */
CtlClient *control_open(const Cmdline *cmdline, GError **error);

/** control_ask() - Connect, ask one thing; NULL with @error. @arguments is
 * taken */
JsonObject *control_ask(const Cmdline *cmdline, CtlCommand command,
                        JsonObject *arguments, GError **error);

/** control_look() - Of standard output */
TextLook control_look(void);

/** control_print_json() - Pretty on a terminal, one line elsewhere */
void control_print_json(JsonObject *object);

#endif
