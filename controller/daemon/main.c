/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main.c - the program vmferryd: words, signals, the loop
 */
#include <glib-unix.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/daemon-priv.h"

static Notify *notify; /* main()'s; signals tell it of reloads */

static gboolean
on_stop(gpointer user)
{
    daemon_log(G_LOG_LEVEL_INFO, NULL,
               "stopping: what is ours is given back, "
               "migrations go on");
    daemon_stop(user);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_reload(gpointer user)
{
    g_autoptr(GError) error = NULL;

    notify_reloading(notify, NULL);
    if (!daemon_reload(user, NULL, &error)) {
        g_auto(GStrv) lines = g_strsplit(error->message, "\n", 0);
        LogAbout about = { .event = LOG_EVENT_CONFIG, .reason = "mistakes" };

        for (size_t i = 0; lines[i]; i++) {
            daemon_log(G_LOG_LEVEL_WARNING, &about, "%s", lines[i]);
        }
        daemon_log(G_LOG_LEVEL_WARNING, &about,
                   "the configuration was not read anew, the old one holds");
    }
    control_take_groups(user, NULL, NULL);
    notify_ready(notify, NULL);
    return G_SOURCE_CONTINUE;
}

/* What --explain asks for. */
static char *explain_guest, *explain_destination, *explain_starter;

static char *
explain(const DaemonConfig *config)
{
    ConfigWho who = {
        .uuid = explain_guest,
        .name = explain_guest,
        .host = explain_destination,
        .address = explain_destination,
        .starter = explain_starter ? explain_starter : CONFIG_STARTER_OTHER,
    };

    return daemon_config_explain(config, &who);
}

static int
check_config(const char *path, bool show)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DaemonConfig) config = daemon_config_load(path, &error);
    g_autofree char *text = NULL;

    if (!config) {
        fprintf(stderr, "%s\n", error->message);
        return 1;
    }
    if (!show && !explain_guest) {
        printf("%s: no mistakes\n", path ? path : DAEMON_CONFIG_PATH);
        return 0;
    }
    text = explain_guest ? explain(config) : daemon_config_to_text(config);
    fputs(text, stdout);
    return 0;
}

int
main(int argc, char **argv)
{
    static char *config_path, *run_dir;
    static gboolean version, check, show;
    static const GOptionEntry entries[] = {
        { "config", 'c', 0, G_OPTION_ARG_FILENAME, &config_path,
          "Read FILE instead of " DAEMON_CONFIG_PATH, "FILE" },
        { "check-config", 0, 0, G_OPTION_ARG_NONE, &check,
          "Read the configuration (FILE, if one is named last), say what is "
          "wrong with it, and end",
          NULL },
        { "show-config", 0, 0, G_OPTION_ARG_NONE, &show,
          "Likewise, and print all that would hold, defaults included", NULL },
        { "explain", 0, 0, G_OPTION_ARG_STRING, &explain_guest,
          "Likewise, and print which rules a migration of GUEST would have, "
          "and where each comes from (but for the guest's own metadata)",
          "GUEST" },
        { "destination", 0, 0, G_OPTION_ARG_STRING, &explain_destination,
          "... to this host or address", "HOST" },
        { "starter", 0, 0, G_OPTION_ARG_STRING, &explain_starter,
          "... started by vmferry, drain, or others (as if not given)",
          "NAME" },
        { "run-dir", 0, 0, G_OPTION_ARG_FILENAME, &run_dir,
          "Keep lock and leases in DIR instead of /run/vmferry", "DIR" },
        { "version", 'V', 0, G_OPTION_ARG_NONE, &version,
          "Show the version and end", NULL },
        { NULL }
    };
    g_autoptr(GOptionContext) context =
        g_option_context_new("- steer the migrations that leave this host");
    g_autoptr(GError) error = NULL;
    g_autoptr(Daemon) daemon = NULL;
    DaemonOptions options = { 0 };

    setlocale(LC_CTYPE, ""); /* numbers stay as they are in C */
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        fprintf(stderr, "vmferryd: %s; see vmferryd --help\n", error->message);
        return 2;
    }
    if (!explain_guest && (explain_destination || explain_starter)) {
        fprintf(stderr, "vmferryd: --destination and --starter go with "
                        "--explain; see vmferryd --help\n");
        return 2;
    }
    check |= explain_guest != NULL;
    if (argc == 2 && (check || show)) {
        return check_config(argv[1], show);
    }
    if (argc > 1) {
        fprintf(stderr,
                "vmferryd: takes no argument '%s'; see vmferryd "
                "--help\n",
                argv[1]);
        return 2;
    }
    if (version) {
        printf("vmferryd %s\n", VMFERRY_VERSION);
        return 0;
    }
    if (check || show) {
        return check_config(config_path, show);
    }
    options.config_path = config_path;
    options.run_dir = run_dir;
    notify = notify_new(&error);
    if (!notify) {
        fprintf(stderr, "vmferryd: %s\n", error->message);
        return 1;
    }
    options.notify = notify;
    signal(SIGPIPE, SIG_IGN);
    daemon_log_start(2);
    daemon = daemon_new(&options, &error);
    if (!daemon) {
        fprintf(stderr, "vmferryd: %s\n", error->message);
        return 1;
    }
    g_unix_signal_add(SIGTERM, on_stop, daemon);
    g_unix_signal_add(SIGINT, on_stop, daemon);
    g_unix_signal_add(SIGHUP, on_reload, daemon);
    daemon_run(daemon);
    return 0;
}
