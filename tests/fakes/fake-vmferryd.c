/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fake-vmferryd.c - SOCKET [MS]: the daemon of ctl-daemon.h as a program
 *
 * Every MS milliseconds (never, without) a second of its migration passes. It
 * says "ready" when it listens, then each command that it gets, and ends on
 * SIGTERM.
 */
#include <glib-unix.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl-daemon.h"

static size_t told;

static gboolean
tell(gpointer user)
{
    const char *log = fake_daemon_log(user);

    fputs(log + told, stdout);
    told = strlen(log);
    fflush(stdout);
    return G_SOURCE_CONTINUE;
}

static gboolean
tick(gpointer user)
{
    fake_daemon_tick(user);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_term(gpointer user)
{
    g_main_loop_quit(user);
    return G_SOURCE_CONTINUE;
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    FakeDaemon *fake = argc > 1 ? fake_daemon_new(argv[1], &error) : NULL;

    if (!fake) {
        fprintf(stderr, "%s\n", error ? error->message : "which socket?");
        return 1;
    }
    if (g_getenv("FAKE_REFUSES")) {
        fake_daemon_refuse(fake, g_getenv("FAKE_REFUSES"));
    }
    g_unix_signal_add(SIGTERM, on_term, loop);
    g_timeout_add(20, tell, fake);
    if (argc > 2) {
        g_timeout_add((guint)g_ascii_strtoull(argv[2], NULL, 10), tick, fake);
    }
    puts("ready");
    fflush(stdout);
    g_main_loop_run(loop);
    tell(fake);
    fake_daemon_free(fake);
    return 0;
}
