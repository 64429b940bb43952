/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main.c - vmferry, the administrator's program
 *
 * Called by the name of virsh (a link), it is "vmferry virsh".
 */
#include <locale.h>
#include <string.h>

#include "tools/cli/commands.h"
#include "tools/cli/dispatch.h"
#include "tools/cli/report-cmd.h"

static int
command_report(const GlobalOptions *global, int argc, char **argv)
{
    return vmferry_report_main(argc, argv);
}

static const Command commands[] = {
    { "migrate", command_migrate, true,
      "migrate a guest as virsh does, with reserved bandwidth" },
    { "forecast", command_forecast, true,
      "what the migration of a guest would be like" },
    { "drain", command_drain, true,
      "move all guests off this host, in the best order" },
    { "virsh", command_virsh, false,
      "virsh itself, but for migrate, which is ours" },
    { "status", command_status, false,
      "what vmferryd sees and does, and how good its forecasts were" },
    { "queue", command_queue, false, "which migrations wait, and why" },
    { "history", command_history, false, "migrations that are over" },
    { "show", command_show, false,
      "a migration with its passes and decisions" },
    { "hold", command_hold, false, "keep a migration back" },
    { "release", command_release, false, "hold it no longer" },
    { "cancel", command_cancel, false, "give a migration up" },
    { "set", command_set, false,
      "deadline, priority or policy of a migration" },
    { "disable", command_disable, false,
      "switch vmferry off on this host, and remove what is set up" },
    { "enable", command_enable, false, "switch it on again" },
    { "tc", command_tc, false, "show or remove vmferry's classes on a link" },
    { "report", command_report, false,
      "turn run records into a page that compares them" },
    { NULL, NULL, false, NULL },
};

int
main(int argc, char **argv)
{
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;

    if (argc > 0 && strcmp(slash ? slash + 1 : argv[0], "virsh") == 0) {
        GlobalOptions global;

        global_options_init(&global);
        return command_virsh(&global, argc, argv);
    }

    setlocale(LC_CTYPE, ""); /* numbers stay as they are in C */
    return dispatch_run(commands, VMFERRY_VERSION, VMFERRY_HELPER_DIR, argc,
                        argv);
}
