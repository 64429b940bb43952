/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tc-command.c - "vmferry tc": what of ours is on the links, and away with it
 *
 * The words are read as virsh reads its own, so that one grammar serves all of
 * vmferry.
 */
#include "tools/cli/commands.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "tc/reservation.h"
#include "tc/show.h"
#include "tools/cli/cmdline.h"
#include "tools/cli/dispatch.h"

static const CmdlineOption tc_options[] = {
    { "action", CMDLINE_STRING, CMDLINE_BY_POSITION | CMDLINE_REQUIRED, NULL,
      NULL },
    { "device", CMDLINE_STRING, CMDLINE_BY_POSITION, NULL, NULL },
    { "force", CMDLINE_FLAG, 0, NULL, NULL },
    { "json", CMDLINE_FLAG, 0, NULL, NULL },
    { NULL, CMDLINE_FLAG, 0, NULL, NULL },
};

static int
tc_show(const char *device, bool json)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonObject) links = reservation_describe(device, NULL, &error);
    g_autofree char *text = NULL;

    if (!links) {
        cli_error(error->message);
        return 1;
    }
    text = json ? jobj_to_text(links, true) : reservation_describe_text(links);
    fputs(text, stdout);
    if (*text && !g_str_has_suffix(text, "\n")) {
        fputc('\n', stdout);
    }
    return 0;
}

static int
tc_clear(const char *device, bool force, bool json)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *report = NULL;

    if (!reservation_clear(device, force, NULL, &report, &error)) {
        cli_error(error->message);
        return 1;
    }
    if (json) {
        g_autoptr(JsonObject) object = json_object_new_object();
        g_autofree char *text = NULL;

        jobj_add(object, "done", jobj_new_lines(report ? report : ""));
        text = jobj_to_text(object, true);
        printf("%s\n", text);
        return 0;
    }
    fputs(report && *report ? report : "nothing of vmferry's is there\n",
          stdout);
    return 0;
}

static const char help[] =
    "usage: vmferry tc show [DEV] [--json]\n"
    "       vmferry tc clear [DEV] [--force] [--json]\n"
    "\n"
    "Show vmferry's classes on the links of this network namespace, or remove "
    "those\n"
    "whose owner is dead.\n"
    "\n"
    "    --force   clear also what a running vmferry holds\n"
    "    --json    JSON on standard output\n"
    "    --help    this text\n";

int
command_tc(const GlobalOptions *global, int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Cmdline) cmdline =
        cmdline_parse("tc", tc_options, (const char *const *)argv + 1, &error);
    const char *action = NULL;
    const char *device = NULL;
    g_autofree char *message = NULL;

    if (!cmdline || (!cmdline_help(cmdline) &&
                     (!cmdline_string(cmdline, "action", &action, &error) ||
                      !cmdline_string(cmdline, "device", &device, &error)))) {
        cli_error(error->message);
        return 1;
    }
    if (cmdline_help(cmdline)) {
        fputs(help, stdout);
        return 0;
    }
    g_assert(action); /* it is a required option */
    if (strcmp(action, "show") == 0) {
        if (cmdline_given(cmdline, "force")) {
            cli_error("--force has no meaning for vmferry tc show");
            return 1;
        }
        return tc_show(device, cmdline_given(cmdline, "json"));
    }
    if (strcmp(action, "clear") == 0) {
        return tc_clear(device, cmdline_given(cmdline, "force"),
                        cmdline_given(cmdline, "json"));
    }
    message =
        g_strdup_printf("'%s' is nothing that vmferry tc does; see vmferry tc "
                        "--help",
                        action);
    cli_error(message);
    return 1;
}
