/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * steer-command.c - vmferry hold, release, cancel and set
 *
 * Each names a session by its id, or by the name or UUID of its guest.
 */
#include "tools/cli/commands.h"

#include <stdio.h>
#include <string.h>

#include "tools/cli/control.h"
#include "tools/cli/dispatch.h"
#include "tools/cli/own-values.h"

static const CmdlineOption session_options[] = {
    { "session", CMDLINE_STRING, CMDLINE_BY_POSITION | CMDLINE_REQUIRED, "id",
      "which one: id, guest's name or UUID" },
    CONTROL_OPTIONS,
};

static const CmdlineOption reason_options[] = {
    { "session", CMDLINE_STRING, CMDLINE_BY_POSITION | CMDLINE_REQUIRED, "id",
      "which one: id, guest's name or UUID" },
    { "reason", CMDLINE_STRING, 0, "text", "shown to others, and kept" },
    CONTROL_OPTIONS,
};

/* Ask, and say what was done. @arguments is taken. */
static int
steer(const Cmdline *cmdline, CtlCommand command, JsonObject *arguments,
      const char *done)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonObject) result =
        control_ask(cmdline, command, arguments, &error);
    const char *session = "";

    if (!result) {
        return control_fail(error);
    }
    if (cmdline_given(cmdline, "json")) {
        control_print_json(result);
        return CONTROL_DONE;
    }
    jobj_get_string(result, "session", &session);
    printf("session %s %s\n", session, done);
    return CONTROL_DONE;
}

static int
steer_session(const char *name, CtlCommand command,
              const CmdlineOption *options, char **argv, const char *usage,
              const char *explain, const char *done)
{
    int status;
    bool ok = true;
    g_autoptr(Cmdline) cmdline =
        control_parse(name, options, argv, usage, explain, &status);
    const char *session, *reason = NULL;
    JsonObject *arguments;

    if (!cmdline) {
        return status;
    }
    session = control_value(cmdline, "session", &ok);
    if (options == reason_options) {
        reason = control_value(cmdline, "reason", &ok);
    }
    if (!ok) {
        return CONTROL_SYNTAX;
    }
    arguments = json_object_new_object();
    jobj_add_string(arguments, "session", session);
    if (reason) {
        jobj_add_string(arguments, "reason", reason);
    }
    return steer(cmdline, command, arguments, done);
}

int
command_hold(const GlobalOptions *global, int argc, char **argv)
{
    return steer_session(
        "hold", CTL_COMMAND_HOLD, reason_options, argv,
        "vmferry hold SESSION [--reason TEXT] [--json] [--socket PATH]",
        "Keep a migration back: one that waits does not begin, one that runs "
        "is left its\nfloor of bandwidth, and the status shows what that "
        "costs.\n",
        "is held");
}

int
command_release(const GlobalOptions *global, int argc, char **argv)
{
    return steer_session("release", CTL_COMMAND_RELEASE, session_options, argv,
                         "vmferry release SESSION [--json] [--socket PATH]",
                         "Hold a migration no longer.\n", "is released");
}

int
command_cancel(const GlobalOptions *global, int argc, char **argv)
{
    return steer_session(
        "cancel", CTL_COMMAND_CANCEL, reason_options, argv,
        "vmferry cancel SESSION [--reason TEXT] [--json] [--socket PATH]",
        "Ask libvirt to give a migration up; its guest stays here. Not after "
        "post-copy\nhas begun.\n",
        "is being cancelled");
}

/* --- set --- */

static const CmdlineOption set_options[] = {
    { "session", CMDLINE_STRING, CMDLINE_BY_POSITION | CMDLINE_REQUIRED, "id",
      "which one: id, guest's name or UUID" },
    { "setting", CMDLINE_STRING,
      CMDLINE_BY_POSITION | CMDLINE_REPEATABLE | CMDLINE_REQUIRED, "name=value",
      "what to change; may be repeated" },
    CONTROL_OPTIONS,
};

static const struct {
    const char *name;
    const char *argument;
    double least, most; /* a number between them */
    double factor;      /* to the protocol's unit; 0: a word */
    const char *unit;
    bool none; /* "none" takes it away */
} settings[] = {
    { "deadline", "deadline_s", 0.001, 1e9, 1, "s", true },
    { "priority", "priority", 0, 9, 1, "", false },
    { "policy", "policy", 0, 0, 0, "", false },
    { "downtime", "downtime_limit_s", 1, OWN_DOWNTIME_MAX_MS, 0.001, "ms",
      false },
    { "margin", "margin", 1, 100, 1, "", false },
};

static bool
add_setting(JsonObject *arguments, const char *text, GError **error)
{
    const char *equals = strchr(text, '=');
    g_autofree char *name =
        g_strndup(text, equals ? (gsize)(equals - text) : strlen(text));
    double number;

    for (size_t i = 0; i < G_N_ELEMENTS(settings); i++) {
        if (!equals || strcmp(settings[i].name, name) != 0) {
            continue;
        }
        if (settings[i].none && strcmp(equals + 1, "none") == 0) {
            jobj_add(arguments, settings[i].argument, NULL);
        } else if (settings[i].factor <= 0) {
            jobj_add_string(arguments, settings[i].argument, equals + 1);
        } else if (!own_number_parse(equals + 1, name, settings[i].least,
                                     settings[i].most, settings[i].unit,
                                     &number, error)) {
            return false;
        } else if (strcmp(name, "priority") == 0) {
            if (number != (double)(int)number) {
                g_set_error(error, CMDLINE_ERROR, CMDLINE_ERROR_VALUE,
                            "priority: '%s' is no whole number", equals + 1);
                return false;
            }
            jobj_add_i64(arguments, settings[i].argument, (int)number);
        } else {
            jobj_add_double(arguments, settings[i].argument,
                            number * settings[i].factor);
        }
        return true;
    }
    g_set_error(error, CMDLINE_ERROR, CMDLINE_ERROR_VALUE,
                "'%s' is nothing to set; write deadline=SECONDS|none, "
                "priority=0..9, policy=default|paper|none, downtime=MS or "
                "margin=FACTOR",
                text);
    return false;
}

int
command_set(const GlobalOptions *global, int argc, char **argv)
{
    int status;
    bool ok = true;
    g_autoptr(GError) error = NULL;
    g_autoptr(Cmdline) cmdline = control_parse(
        "set", set_options, argv,
        "vmferry set SESSION NAME=VALUE... [--json] [--socket PATH]",
        "Change settings of a migration: deadline=SECONDS (of the whole of "
        "it; none),\npriority=0..9 (9 first), policy=default|paper|none, "
        "downtime=MS, margin=FACTOR.\n",
        &status);
    JsonObject *arguments;
    const GPtrArray *values;
    const char *session;

    if (!cmdline) {
        return status;
    }
    session = control_value(cmdline, "session", &ok);
    if (!ok) {
        return CONTROL_SYNTAX;
    }
    arguments = json_object_new_object();
    jobj_add_string(arguments, "session", session);
    values = cmdline_values(cmdline, "setting");
    for (guint i = 0; i < values->len; i++) {
        if (!add_setting(arguments, g_ptr_array_index(values, i), &error)) {
            cli_error(error->message);
            jobj_unref(arguments);
            return CONTROL_SYNTAX;
        }
    }
    return steer(cmdline, CTL_COMMAND_SET, arguments, "is changed");
}
