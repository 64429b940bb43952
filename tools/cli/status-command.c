/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * status-command.c - vmferry status and vmferry queue
 *
 * With --watch a terminal shows the whole status, drawn again in place when
 * something happens and once a second; the cursor is hidden meanwhile, and
 * whatever ends the program shows it again. Elsewhere each event is a line.
 */
#include "tools/cli/commands.h"

#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/cli/control.h"
#include "tools/cli/dispatch.h"

#define HIDE_CURSOR "\033[?25l"
#define SHOW_CURSOR "\033[?25h"
#define CLEAR_BELOW "\033[J"
#define CLEAR_TO_END "\033[K"

#define EVERY_MS 1000
#define NOT_SOONER_MS 200

typedef char *(*Format)(JsonObject *document, const TextLook *look);

typedef struct Watch {
    CtlClient *client;
    GMainLoop *loop;
    CtlCommand command;
    Format format;
    bool json;
    bool terminal;
    bool asking;
    guint soon;        /* source of the next question */
    unsigned lines;    /* drawn last, to be drawn over */
    GHashTable *shown; /* session -> what its last line was about */
    int status;
} Watch;

/* --- a terminal --- */

/* The text, cut to what the screen holds: a taller one would scroll, and could
 * not be drawn over. */
static void
draw(Watch *watch, const char *text)
{
    struct winsize size = { 0 };
    unsigned most = G_MAXUINT, n = 0;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1) {
        most = size.ws_row - 1u;
    }
    if (watch->lines > 0) {
        printf("\033[%uA\r", watch->lines);
    }
    for (char **line = lines; *line && line[1] && n < most; line++, n++) {
        printf("%s" CLEAR_TO_END "\n", *line);
    }
    printf(CLEAR_BELOW);
    fflush(stdout);
    watch->lines = n;
}

static void
on_document(CtlClient *client, JsonObject *result, const GError *error,
            gpointer user)
{
    Watch *watch = user;
    TextLook look = control_look();
    g_autofree char *text = NULL;

    watch->asking = false;
    if (!result) {
        if (!g_error_matches(error, CTL_ERROR, CTL_ERROR_CLOSED)) {
            cli_error(error->message);
            watch->status = CONTROL_FAILED;
            g_main_loop_quit(watch->loop);
        }
        return;
    }
    text = watch->format(result, &look);
    draw(watch, text);
}

static gboolean
ask(gpointer user)
{
    Watch *watch = user;

    if (!watch->asking) {
        watch->asking = true;
        ctl_client_send(watch->client, watch->command, NULL, on_document,
                        watch);
    }
    return G_SOURCE_CONTINUE;
}

static gboolean
ask_once(gpointer user)
{
    ((Watch *)user)->soon = 0;
    ask(user);
    return G_SOURCE_REMOVE;
}

/* --- lines --- */

/* A session changes all the time: a line for each pass and each state. */
static bool
is_news(Watch *watch, JsonObject *event)
{
    const char *session = NULL, *state = "";
    int64_t iteration = 0;
    char *now;

    jobj_get_string(event, "data.session", &session);
    if (!session || !jobj_get_string(event, "data.document.state", &state)) {
        return true;
    }
    jobj_get_i64(event, "data.document.iteration", &iteration);
    now = g_strdup_printf("%s %" G_GINT64_FORMAT, state, iteration);
    if (g_strcmp0(now, g_hash_table_lookup(watch->shown, session)) == 0) {
        g_free(now);
        return false;
    }
    g_hash_table_insert(watch->shown, g_strdup(session), now);
    return true;
}

static void
on_event(CtlClient *client, JsonObject *event, gpointer user)
{
    Watch *watch = user;
    g_autofree char *line = NULL;

    if (watch->json) {
        line = jobj_to_text(event, false);
    } else if (watch->terminal) {
        if (!watch->soon) {
            watch->soon = g_timeout_add(NOT_SOONER_MS, ask_once, watch);
        }
        return;
    } else if (is_news(watch, event)) {
        line = status_text_event(event);
    }
    if (line && (printf("%s\n", line) < 0 || fflush(stdout) != 0)) {
        g_main_loop_quit(watch->loop); /* nobody reads */
    }
}

/* --- both --- */

static void
on_closed(CtlClient *client, const GError *error, gpointer user)
{
    Watch *watch = user;

    watch->status = control_fail(error);
    g_main_loop_quit(watch->loop);
}

static gboolean
on_signal(gpointer user)
{
    g_main_loop_quit(((Watch *)user)->loop);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_resized(gpointer user)
{
    ((Watch *)user)->lines = 0; /* lines may have been wrapped */
    printf("\033[H\033[2J");
    ask(user);
    return G_SOURCE_CONTINUE;
}

static int
run_watch(Watch *watch)
{
    static const CtlClientCallbacks callbacks = { on_event, on_closed };
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
    guint sources[G_N_ELEMENTS(signals) + 2] = { 0 };

    watch->loop = g_main_loop_new(NULL, FALSE);
    watch->shown =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    ctl_client_attach(watch->client, NULL, &callbacks, watch);
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++) {
        sources[i] = g_unix_signal_add(signals[i], on_signal, watch);
    }
    if (watch->terminal) {
        sources[G_N_ELEMENTS(signals)] = g_timeout_add(EVERY_MS, ask, watch);
        sources[G_N_ELEMENTS(signals) + 1] =
            g_unix_signal_add(SIGWINCH, on_resized, watch);
        printf(HIDE_CURSOR);
        ask(watch);
    }
    g_main_loop_run(watch->loop);
    if (watch->terminal) {
        printf(SHOW_CURSOR);
        fflush(stdout);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(sources); i++) {
        g_clear_handle_id(&sources[i], g_source_remove);
    }
    g_clear_handle_id(&watch->soon, g_source_remove);
    g_hash_table_unref(watch->shown);
    g_main_loop_unref(watch->loop);
    return watch->status;
}

/* What holds now, before the first event. */
static int
begin_watch(Watch *watch)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonObject) subscribed =
        ctl_client_call(watch->client, CTL_COMMAND_SUBSCRIBE, NULL, &error);
    g_autoptr(JsonObject) document = NULL;

    if (subscribed && !watch->terminal) {
        document = ctl_client_call(watch->client, watch->command, NULL, &error);
    }
    if (error) {
        return control_fail(error);
    }
    if (document && watch->json) {
        g_autofree char *text = jobj_to_text(document, false);

        printf("%s\n", text);
    } else if (document) {
        const TextLook look = { 0 };
        g_autofree char *text = watch->format(document, &look);

        fputs(text, stdout);
    }
    fflush(stdout);
    return run_watch(watch);
}

static bool
is_terminal(void)
{
    const char *term = g_getenv("TERM");

    return isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

static int
show(const Cmdline *cmdline, CtlCommand command, Format format)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(CtlClient) client = control_open(cmdline, &error);
    g_autoptr(JsonObject) document = NULL;
    bool json = cmdline_given(cmdline, "json");

    if (client && cmdline_given(cmdline, "watch")) {
        Watch watch = { .client = client,
                        .command = command,
                        .format = format,
                        .json = json,
                        .terminal = !json && is_terminal() };

        return begin_watch(&watch);
    }
    if (client) {
        document = ctl_client_call(client, command, NULL, &error);
    }
    if (!document) {
        return control_fail(error);
    }
    if (json) {
        control_print_json(document);
    } else {
        TextLook look = control_look();
        g_autofree char *text = format(document, &look);

        fputs(text, stdout);
    }
    return CONTROL_DONE;
}

static const CmdlineOption watch_options[] = {
    { "watch", CMDLINE_FLAG, 0, NULL,
      "show what happens as it happens, until Ctrl-C" },
    CONTROL_OPTIONS,
};

int
command_status(const GlobalOptions *global, int argc, char **argv)
{
    int status;
    g_autoptr(Cmdline) cmdline = control_parse(
        "status", watch_options, argv,
        "vmferry status [--watch] [--json] [--socket PATH]",
        "What vmferryd sees and does: migrations that leave this host, links "
        "and their\nclasses, who waits, and how good its forecasts were.\n",
        &status);

    return cmdline ? show(cmdline, CTL_COMMAND_STATUS, status_text) : status;
}

int
command_queue(const GlobalOptions *global, int argc, char **argv)
{
    int status;
    g_autoptr(Cmdline) cmdline = control_parse(
        "queue", watch_options, argv,
        "vmferry queue [--watch] [--json] [--socket PATH]",
        "Which migrations wait, why, and for how long at most.\n", &status);

    return cmdline ? show(cmdline, CTL_COMMAND_QUEUE, status_text_queue)
                   : status;
}
