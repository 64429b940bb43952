/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * migrate-command.c - "vmferry migrate" and "vmferry virsh", around the session
 *
 * virsh ends every command with an empty line, or with the time it took; so do
 * we, unless --quiet, or --json, whose readers want nothing but JSON.
 */
#include "tools/cli/commands.h"

#include <stdio.h>

#include "base/clock.h"
#include "tools/cli/dispatch.h"
#include "tools/cli/migrate-session.h"
#include "tools/cli/virsh-front.h"

static int
migrate(const GlobalOptions *global, char **words)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(MigrateOptions) options = NULL;
    int64_t started_us = clock_mono_us();
    bool help = false;
    int status;

    options = migrate_options_parse((const char *const *)words, global, &help,
                                    &error);
    if (help) {
        g_autofree char *text = migrate_options_help();

        fputs(text, stdout);
        return 0;
    }
    if (!options) {
        cli_error(error->message);
        return 1;
    }

    status = migrate_session_run(options);
    if (options->json) {
        return status;
    }
    if (options->global.timing) {
        printf("\n(Time: %.3f ms)\n\n",
               (double)(clock_mono_us() - started_us) / 1000);
    } else if (!options->global.quiet) {
        printf("\n");
    }
    return status;
}

int
command_migrate(const GlobalOptions *global, int argc, char **argv)
{
    return migrate(global, argv + 1);
}

int
command_virsh(const GlobalOptions *global, int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    VirshCall call;
    int status = 1;

    switch (virsh_call_parse(argc, argv, &call, &error)) {
    case VIRSH_CALL_MIGRATE:
        status = migrate(&call.global, call.words);
        break;
    case VIRSH_CALL_EXEC:
        virsh_exec(argv, &error);
        cli_error(error->message);
        break;
    case VIRSH_CALL_REFUSED:
        cli_error(error->message);
        break;
    }
    virsh_call_clear(&call);
    return status;
}
