/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cleaner.c - vmferry-cleaner: when the daemon is dead and stays so
 *
 *          dies                 after a while
 *   LIVES ──────> DEAD ────────────────────────> clear ──┐
 *     ^             │ ^                                  │
 *     └── is back ──┘ └────── and look again later ──────┘
 *
 * A process of its own, for it has to survive what killed the daemon. While a
 * daemon lives it sleeps in poll() on the daemon's pidfd and does nothing. It
 * removes only what belongs to dead owners; what was changed on guests is put
 * back by the next daemon, which has the journal. It keeps no state: killed
 * itself, it begins anew.
 */
#include <errno.h>
#include <poll.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/config.h"
#include "daemon/lock-holder.h"
#include "daemon/log.h"
#include "tc/lease.h"
#include "tc/reservation.h"

#define LOOK_EVERY_MS 200
#define LOOK_LATER_MS 1000 /* once all is clean */
#define CLEAN_AGAIN_S 60
#define AFTER_DEFAULT_S 30

static char *run_dir, *config_path;
static double after_option_s = -1;

/* Until the process is gone. */
static void
wait_for_death(int64_t pid)
{
    struct pollfd wait = { .events = POLLIN };

    wait.fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
    if (wait.fd < 0) {
        if (errno != ESRCH) { /* a kernel without: look again and again */
            poll(NULL, 0, LOOK_EVERY_MS);
        }
        return;
    }
    while (poll(&wait, 1, -1) < 0 && errno == EINTR) {
    }
    close(wait.fd);
}

/* Read when it is needed: the daemon may have been reconfigured. */
static double
seconds_to_wait(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DaemonConfig) config = NULL;

    if (after_option_s >= 0) {
        return after_option_s;
    }
    config = daemon_config_load(config_path, &error);
    if (!config) {
        daemon_log(G_LOG_LEVEL_WARNING, NULL,
                   "%s; waiting %d s for a new daemon, as by default",
                   error->message, AFTER_DEFAULT_S);
        return AFTER_DEFAULT_S;
    }
    return config->daemon.cleaner_after_s;
}

static void
clean(double dead_s)
{
    static const LogAbout about = { .event = LOG_EVENT_CLEANED,
                                    .reason = "the daemon is dead" };
    g_autoptr(GError) error = NULL;
    g_autofree char *report = NULL;
    g_auto(GStrv) lines = NULL;

    if (!reservation_clear(NULL, false, run_dir, &report, &error)) {
        daemon_log(G_LOG_LEVEL_WARNING, &about,
                   "removing what dead processes left: %s; trying again",
                   error->message);
        return;
    }
    lines = g_strsplit(report ? report : "", "\n", 0);
    for (size_t i = 0; lines[i]; i++) {
        if (*lines[i]) {
            daemon_log(G_LOG_LEVEL_WARNING, &about,
                       "no vmferryd for %.1f s: %s", dead_s, lines[i]);
        }
    }
}

/* Returns when a daemon lives again. */
static void
mourn(void)
{
    int64_t since_us = clock_mono_us(), pid;
    double wait_s = seconds_to_wait(), next_s = wait_s;
    bool cleaned = false;

    while (!lock_holder(run_dir, &pid)) {
        double dead_s = (double)(clock_mono_us() - since_us) / 1e6;

        if (wait_s > 0 && dead_s >= next_s) {
            clean(dead_s);
            next_s = dead_s + CLEAN_AGAIN_S;
            cleaned = true;
        }
        poll(NULL, 0, cleaned ? LOOK_LATER_MS : LOOK_EVERY_MS);
    }
}

int
main(int argc, char **argv)
{
    static gboolean version;
    static const GOptionEntry entries[] = {
        { "config", 'c', 0, G_OPTION_ARG_FILENAME, &config_path,
          "Read FILE instead of " DAEMON_CONFIG_PATH, "FILE" },
        { "run-dir", 0, 0, G_OPTION_ARG_FILENAME, &run_dir,
          "Lock and leases are in DIR instead of " LEASE_RUN_DIR, "DIR" },
        { "after", 0, 0, G_OPTION_ARG_DOUBLE, &after_option_s,
          "Wait so long for a new daemon, whatever the configuration says",
          "SECONDS" },
        { "version", 'V', 0, G_OPTION_ARG_NONE, &version,
          "Show the version and end", NULL },
        { NULL }
    };
    g_autoptr(GOptionContext) context = g_option_context_new(
        "- remove vmferry's classes when vmferryd is dead and stays so");
    g_autoptr(GError) error = NULL;

    setlocale(LC_CTYPE, ""); /* numbers stay as they are in C */
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        fprintf(stderr, "vmferry-cleaner: %s; see vmferry-cleaner --help\n",
                error->message);
        return 2;
    }
    if (argc > 1) {
        fprintf(stderr,
                "vmferry-cleaner: takes no argument '%s'; see "
                "vmferry-cleaner --help\n",
                argv[1]);
        return 2;
    }
    if (version) {
        printf("vmferry-cleaner %s\n", VMFERRY_VERSION);
        return 0;
    }
    run_dir = run_dir ? run_dir : g_strdup(LEASE_RUN_DIR);
    daemon_log_start(2);
    for (;;) {
        int64_t pid;

        if (lock_holder(run_dir, &pid)) {
            wait_for_death(pid);
        }
        mourn();
    }
}
