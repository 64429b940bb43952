/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * control.c - see control.h
 */
#include "tools/cli/control.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/cli/dispatch.h"

Cmdline *
control_parse(const char *command, const CmdlineOption *options, char **argv,
              const char *usage, const char *explain, int *status)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Cmdline) cmdline =
        cmdline_parse(command, options, (const char *const *)argv + 1, &error);

    if (!cmdline) {
        cli_error(error->message);
        *status = CONTROL_SYNTAX;
        return NULL;
    }
    if (cmdline_help(cmdline)) {
        g_autofree char *text = cmdline_format_options(options, false);

        printf("usage: %s\n\n%s\n%s    --help                          this "
               "text\n",
               usage, explain, text);
        *status = CONTROL_DONE;
        return NULL;
    }
    return g_steal_pointer(&cmdline);
}

const char *
control_value(const Cmdline *cmdline, const char *name, bool *ok)
{
    g_autoptr(GError) error = NULL;
    const char *value = NULL;

    if (!cmdline_string(cmdline, name, &value, &error)) {
        cli_error(error->message);
        *ok = false;
    }
    return value;
}

int
control_fail(const GError *error)
{
    bool nobody = g_error_matches(error, CTL_ERROR, CTL_ERROR_NO_DAEMON) ||
                  g_error_matches(error, CTL_ERROR, CTL_ERROR_CLOSED) ||
                  g_error_matches(error, CTL_ERROR, CTL_ERROR_NOT_PERMITTED);

    cli_error(error->message);
    if (error->domain == CMDLINE_ERROR) {
        return CONTROL_SYNTAX;
    }
    return nobody ? CONTROL_NO_DAEMON : CONTROL_FAILED;
}

CtlClient *
control_open(const Cmdline *cmdline, GError **error)
{
    const char *option = NULL;
    g_autofree char *path = NULL;

    if (!cmdline_string(cmdline, "socket", &option, error)) {
        return NULL;
    }
    path = ctl_socket_path(option);
    return ctl_client_open(path, 0, error);
}

JsonObject *
control_ask(const Cmdline *cmdline, CtlCommand command, JsonObject *arguments,
            GError **error)
{
    g_autoptr(CtlClient) client = control_open(cmdline, error);

    if (!client) {
        jobj_unref(arguments);
        return NULL;
    }
    return ctl_client_call(client, command, arguments, error);
}

TextLook
control_look(void)
{
    const char *term = g_getenv("TERM");
    const char *no_color = g_getenv("NO_COLOR");
    TextLook look = { 0 };
    struct winsize size = { 0 };

    if (!isatty(STDOUT_FILENO)) {
        return look;
    }
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        look.width = size.ws_col;
    }
    look.colour =
        term && *term && strcmp(term, "dumb") != 0 && (!no_color || !*no_color);
    return look;
}

void
control_print_json(JsonObject *object)
{
    g_autofree char *text = jobj_to_text(object, isatty(STDOUT_FILENO));

    printf("%s\n", text);
    fflush(stdout);
}
