/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * switch-command.c - vmferry disable and vmferry enable
 *
 * The switch is a file (daemon/disabled.h), made here, so that it can be thrown
 * when no daemon runs or when it hangs. Who may not write it asks the daemon.
 * Then the link is looked at, not the daemon believed: what is still there
 * after the time in which it should have gone is removed, whoever holds it.
 */
#include "tools/cli/commands.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/disabled.h"
#include "tc/lease.h"
#include "tc/reservation.h"
#include "tools/cli/control.h"
#include "tools/cli/dispatch.h"

/* In which the owners give their shares back by themselves, backlog drained. */
#define GIVE_BACK_US 600000
#define LOOK_EVERY_US 25000

static const CmdlineOption disable_options[] = {
    { "now", CMDLINE_FLAG, 0, NULL,
      "remove all classes at once, backlog or not" },
    { "reason", CMDLINE_STRING, 0, "text", "kept in the file, and logged" },
    CONTROL_OPTIONS,
};

static const CmdlineOption enable_options[] = {
    CONTROL_OPTIONS,
};

static bool
links_are_held(void)
{
    g_autoptr(GPtrArray) leases = lease_list(LEASE_RUN_DIR);

    for (guint i = 0; i < leases->len; i++) {
        const Lease *lease = g_ptr_array_index(leases, i);

        if (lease->owners->len) {
            return true;
        }
    }
    return false;
}

static void
wait_for_owners(void)
{
    int64_t until_us = clock_mono_us() + GIVE_BACK_US;

    while (links_are_held() && clock_mono_us() < until_us) {
        g_usleep(LOOK_EVERY_US);
    }
}

/* @done: What was removed by us, a line each */
static bool
clear_links(bool now, char **done, GError **error)
{
    g_autofree char *dead = NULL, *held = NULL;

    /* The dead give nothing back; without the privilege the daemon has it. */
    if (!reservation_clear(NULL, now, NULL, &dead, error)) {
        if (!g_error_matches(*error, RESERVATION_ERROR,
                             RESERVATION_ERROR_PERMISSION)) {
            return false;
        }
        wait_for_owners();
        if (links_are_held()) {
            return false;
        }
        g_clear_error(error);
        *done = g_strdup("");
        return true;
    }
    if (!now) {
        wait_for_owners();
        if (links_are_held() &&
            !reservation_clear(NULL, true, NULL, &held, error)) {
            return false;
        }
    }
    *done = g_strconcat(dead ? dead : "", held ? held : "", NULL);
    return true;
}

static void
tell(const Cmdline *cmdline, bool disabled, bool was, const char *done)
{
    g_autoptr(JsonObject) json = NULL;

    if (cmdline_given(cmdline, "json")) {
        json = json_object_new_object();
        jobj_add_bool(json, "disabled", disabled);
        jobj_add_bool(json, "changed", disabled != was);
        jobj_add_string(json, "file", disabled_path());
        jobj_add(json, "done", jobj_new_lines(done));
        control_print_json(json);
        return;
    }
    fputs(done, stdout);
    if (disabled) {
        printf("vmferry is %sdisabled on this host (%s): migrations go on "
               "plain until \"vmferry enable\"\n",
               was ? "already " : "", disabled_path());
    } else {
        printf("vmferry is %senabled on this host\n", was ? "" : "already ");
    }
}

/* The daemon may write where we may not. @refused: why we may not; used up. */
static bool
ask_daemon(const Cmdline *cmdline, CtlCommand command, bool now,
           GError *refused, GError **error)
{
    g_autoptr(GError) cause = refused;
    g_autoptr(GError) local = NULL;
    g_autoptr(JsonObject) result = NULL;
    JsonObject *arguments = NULL;

    if (command == CTL_COMMAND_DISABLE) {
        arguments = json_object_new_object();
        jobj_add_bool(arguments, "now", now);
    }
    result = control_ask(cmdline, command, arguments, &local);
    if (result) {
        return true;
    }
    g_set_error(error, cause->domain, cause->code,
                "%s\nasking vmferryd to do it: %s", cause->message,
                local->message);
    return false;
}

int
command_disable(const GlobalOptions *global, int argc, char **argv)
{
    int status;
    bool ok = true, was = false, now;
    g_autoptr(Cmdline) cmdline = control_parse(
        "disable", disable_options, argv,
        "vmferry disable [--now] [--reason TEXT] [--json] [--socket PATH]",
        "Remove all that vmferry has set up on the links of this host within a "
        "second, and\nset nothing up until \"vmferry enable\". Migrations go "
        "on, plain.\n",
        &status);
    g_autoptr(GError) error = NULL;
    g_autofree char *why = NULL, *done = NULL;
    GError *refused = NULL;
    const char *reason;

    if (!cmdline) {
        return status;
    }
    reason = control_value(cmdline, "reason", &ok);
    if (!ok) {
        return CONTROL_SYNTAX;
    }
    now = cmdline_given(cmdline, "now");
    why = g_strdup_printf("%s%svmferry disable, uid %u", reason ? reason : "",
                          reason ? "; " : "", (unsigned)getuid());
    if (!disabled_set(NULL, why, &was, &refused) &&
        !ask_daemon(cmdline, CTL_COMMAND_DISABLE, now, refused, &error)) {
        return control_fail(error);
    }
    if (!clear_links(now, &done, &error)) {
        g_prefix_error(&error,
                       "%s is there, so that nothing new is set up, but what "
                       "there is may still be on the links: ",
                       disabled_path());
        return control_fail(error);
    }
    tell(cmdline, true, was, done);
    return CONTROL_DONE;
}

int
command_enable(const GlobalOptions *global, int argc, char **argv)
{
    int status;
    bool was = disabled_read(NULL, NULL);
    g_autoptr(Cmdline) cmdline = control_parse(
        "enable", enable_options, argv,
        "vmferry enable [--json] [--socket PATH]",
        "Take \"vmferry disable\" back. Migrations under way are steered "
        "again where the\nconfiguration says so.\n",
        &status);
    g_autoptr(GError) error = NULL;
    GError *refused = NULL;

    if (!cmdline) {
        return status;
    }
    if (!disabled_unset(NULL, NULL, &refused) &&
        !ask_daemon(cmdline, CTL_COMMAND_ENABLE, false, refused, &error)) {
        return control_fail(error);
    }
    tell(cmdline, false, was, "");
    return CONTROL_DONE;
}
