/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * past-command.c - vmferry history and vmferry show
 *
 * The daemon is asked first. Where none answers, what it has kept is read as
 * it lies, and that is said.
 */
#include "tools/cli/commands.h"

#include <stdio.h>
#include <string.h>

#include "tools/cli/control.h"
#include "tools/cli/dispatch.h"
#include "tools/cli/history.h"
#include "tools/cli/past.h"

#define DEFAULT_RUNS 20
#define MOST_RUNS 1000

/* Standard output is for the answer. */
static void
say_no_daemon(const char *from)
{
    fprintf(stderr, "note: no daemon answers; this is what %s holds\n", from);
}

static bool
is_absence(const GError *error)
{
    return g_error_matches(error, CTL_ERROR, CTL_ERROR_NO_DAEMON) ||
           g_error_matches(error, CTL_ERROR, CTL_ERROR_UNAVAILABLE);
}

/* --- history --- */

static const CmdlineOption history_options[] = {
    { "guest", CMDLINE_STRING, CMDLINE_BY_POSITION, "guest",
      "only this one: name or UUID" },
    { "limit", CMDLINE_NUMBER, 0, "number", "how many at most (20)" },
    { "records", CMDLINE_STRING, 0, "folder",
      "the daemon's records, if none answers (" PAST_RECORDS ")" },
    { "history", CMDLINE_STRING, 0, "file",
      "history of vmferry migrate (" STORE_DEFAULT_PATH "); none" },
    CONTROL_OPTIONS,
};

static JsonObject *
daemon_runs(const Cmdline *cmdline, const char *guest, unsigned limit,
            GError **error)
{
    JsonObject *arguments = json_object_new_object();
    g_autoptr(JsonObject) result = NULL;
    JsonObject *runs;

    if (guest) {
        jobj_add_string(arguments, "guest", guest);
    }
    jobj_add_i64(arguments, "limit", limit);
    result = control_ask(cmdline, CTL_COMMAND_HISTORY, arguments, error);
    if (!result) {
        return NULL;
    }
    runs = jobj_get(result, "runs");
    return json_object_is_type(runs, json_type_array) ? json_object_get(runs)
                                                      : json_object_new_array();
}

/* What "vmferry migrate" remembered by itself; NULL: nothing */
static GPtrArray *
stored_runs(const char *option, const char *guest, unsigned limit)
{
    g_autofree char *path = history_path(option);
    g_autoptr(GError) error = NULL;
    g_autoptr(Store) store = path ? store_open_to_read(path, &error) : NULL;
    GPtrArray *runs = NULL;

    if (store) {
        runs = store_latest(store, guest, limit, &error);
    }
    if (error && !g_error_matches(error, STORE_ERROR, STORE_ERROR_NONE_YET)) {
        fprintf(stderr, "warning: %s\n", error->message);
    }
    return runs;
}

int
command_history(const GlobalOptions *global, int argc, char **argv)
{
    int status;
    bool ok = true;
    unsigned limit = DEFAULT_RUNS;
    g_autoptr(GError) error = NULL;
    g_autoptr(Cmdline) cmdline = control_parse(
        "history", history_options, argv,
        "vmferry history [GUEST] [--limit NUMBER] [--json] [--socket PATH]",
        "Migrations that are over, the latest first.\n", &status);
    const char *guest, *records, *history;
    g_autoptr(GPtrArray) stored = NULL;
    g_autoptr(JsonObject) document = NULL;
    JsonObject *runs;

    if (!cmdline) {
        return status;
    }
    guest = control_value(cmdline, "guest", &ok);
    records = control_value(cmdline, "records", &ok);
    history = control_value(cmdline, "history", &ok);
    if (ok && (!cmdline_uint(cmdline, "limit", &limit, &error) || limit < 1 ||
               limit > MOST_RUNS)) {
        cli_error(error ? error->message : "--limit: 1 to 1000 are possible");
        ok = false;
    }
    if (!ok) {
        return CONTROL_SYNTAX;
    }
    records = records ? records : PAST_RECORDS;
    runs = daemon_runs(cmdline, guest, limit, &error);
    if (!runs && is_absence(error)) {
        say_no_daemon(records);
        runs = past_runs(records, guest);
    }
    if (!runs) {
        return control_fail(error);
    }
    stored = stored_runs(history, guest, limit);
    document = json_object_new_object();
    jobj_add(document, "runs", past_merge(runs, stored, limit));
    if (cmdline_given(cmdline, "json")) {
        control_print_json(document);
    } else {
        TextLook look = control_look();
        g_autofree char *text = status_text_history(document, &look);

        fputs(text, stdout);
    }
    return CONTROL_DONE;
}

/* --- show --- */

static const CmdlineOption show_options[] = {
    { "session", CMDLINE_STRING, CMDLINE_BY_POSITION | CMDLINE_REQUIRED, "id",
      "which one: id, guest's name or UUID" },
    { "records", CMDLINE_STRING, 0, "folder",
      "the daemon's records, if none answers (" PAST_RECORDS ")" },
    CONTROL_OPTIONS,
};

int
command_show(const GlobalOptions *global, int argc, char **argv)
{
    int status;
    bool ok = true;
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) missing = NULL;
    g_autoptr(Cmdline) cmdline = control_parse(
        "show", show_options, argv,
        "vmferry show SESSION [--json] [--socket PATH]",
        "A migration with its passes, what was forecast of them, and each "
        "decision with\nits reason; one that runs, or one that is over.\n",
        &status);
    const char *session, *records;
    JsonObject *arguments;
    g_autoptr(JsonObject) document = NULL;

    if (!cmdline) {
        return status;
    }
    session = control_value(cmdline, "session", &ok);
    records = control_value(cmdline, "records", &ok);
    if (!ok) {
        return CONTROL_SYNTAX;
    }
    arguments = json_object_new_object();
    jobj_add_string(arguments, "session", session);
    document = control_ask(cmdline, CTL_COMMAND_SHOW, arguments, &error);
    if (!document && (is_absence(error) ||
                      g_error_matches(error, CTL_ERROR, CTL_ERROR_NOT_FOUND))) {
        records = records ? records : PAST_RECORDS;
        document = past_show(records, session, &missing);
        if (!document) {
            cli_error(missing->message);
            return CONTROL_FAILED;
        }
        if (is_absence(error)) {
            say_no_daemon(records);
        }
    }
    if (!document) {
        return control_fail(error);
    }
    document = past_complete(g_steal_pointer(&document));
    if (cmdline_given(cmdline, "json")) {
        control_print_json(document);
    } else {
        TextLook look = control_look();
        g_autofree char *text = status_text_show(document, &look);

        fputs(text, stdout);
    }
    return CONTROL_DONE;
}
