/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-notify.c - what a service manager hears, from a socket that plays it
 */
#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/notify.h"

static int manager = -1;
static char *folder;

/* @name: "@..." or a path */
static void
listen_at(const char *name)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct timeval patience = { .tv_sec = 10 };
    size_t length = strlen(name);

    memcpy(address.sun_path, name, length);
    if (*name == '@') {
        address.sun_path[0] = '\0';
    }
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert(manager >= 0);
    cr_assert(bind(manager, (struct sockaddr *)&address,
                   (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
                               length)) == 0);
    cr_assert(setsockopt(manager, SOL_SOCKET, SO_RCVTIMEO, &patience,
                         sizeof(patience)) == 0);
    g_setenv("NOTIFY_SOCKET", name, TRUE);
}

static void
teardown(void)
{
    g_autofree char *path = folder ? g_build_filename(folder, "n", NULL) : NULL;

    if (path) {
        g_unlink(path);
        g_rmdir(folder);
    }
    if (manager >= 0) {
        close(manager);
    }
}

TestSuite(notify, .fini = teardown);

/* Next datagram; borrowed until the next call. */
static const char *
heard(void)
{
    static char text[4096];
    ssize_t n = recv(manager, text, sizeof(text) - 1, 0);

    cr_assert(n >= 0, "nothing came");
    text[n] = '\0';
    return text;
}

static bool
silent(void)
{
    char byte;

    return recv(manager, &byte, 1, MSG_DONTWAIT) < 0;
}

static void
whole_life(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Notify) notify = notify_new(&error);

    cr_assert_not_null(notify, "%s", error ? error->message : "");
    cr_assert(notify_active(notify));
    cr_expect_null(g_getenv("NOTIFY_SOCKET"), "children are not to have it");
    notify_ready(notify, "watching 2 guests\nall is well");
    cr_expect_str_eq(heard(), "READY=1\nSTATUS=watching 2 guests all is well");
    notify_reloading(notify, NULL);
    cr_expect(g_str_has_prefix(heard(), "RELOADING=1\nMONOTONIC_USEC="));
    notify_ready(notify, NULL);
    cr_expect_str_eq(heard(), "READY=1");
    notify_stopping(notify, NULL);
    cr_expect_str_eq(heard(), "STOPPING=1");
    cr_expect(silent());
}

Test(notify, by_a_path)
{
    g_autofree char *path = NULL;

    folder = g_dir_make_tmp("notify-XXXXXX", NULL);
    path = g_build_filename(folder, "n", NULL);
    listen_at(path);
    whole_life();
}

Test(notify, by_an_abstract_name)
{
    g_autofree char *name = g_strdup_printf("@vmferry-test-%d", (int)getpid());

    listen_at(name);
    whole_life();
}

Test(notify, started_by_hand_nothing_is_said)
{
    g_autoptr(Notify) notify = NULL;

    g_unsetenv("NOTIFY_SOCKET");
    g_setenv("WATCHDOG_USEC", "1000", TRUE);
    notify = notify_new(NULL);
    cr_assert_not_null(notify);
    cr_expect_not(notify_active(notify));
    cr_expect_eq(notify_watchdog_us(notify), 0);
    notify_ready(notify, "x");
    notify_watch(notify, NULL);
    cr_expect_not(g_main_context_pending(NULL));
}

Test(notify, a_name_that_is_none_is_an_error)
{
    static const char *const names[] = { "relative", "@", "/", "vsock:2:9" };
    char longest[200] = "/";

    memset(longest + 1, 'x', sizeof(longest) - 2);
    for (size_t i = 0; i <= G_N_ELEMENTS(names); i++) {
        const char *name = i < G_N_ELEMENTS(names) ? names[i] : longest;
        g_autoptr(GError) error = NULL;

        g_setenv("NOTIFY_SOCKET", name, TRUE);
        cr_expect_null(notify_new(&error), "%s", name);
        cr_expect(g_error_matches(error, NOTIFY_ERROR, NOTIFY_ERROR_ADDRESS));
    }
}

Test(notify, a_manager_that_went_away_hurts_nobody)
{
    g_autofree char *name = g_strdup_printf("@vmferry-gone-%d", (int)getpid());
    g_autoptr(Notify) notify = NULL;

    listen_at(name);
    notify = notify_new(NULL);
    close(manager);
    manager = -1;
    notify_ready(notify, "x");
    notify_ready(notify, "y");
}

Test(notify, the_loop_gives_signs_of_life)
{
    g_autofree char *name = g_strdup_printf("@vmferry-dog-%d", (int)getpid());
    g_autofree char *pid = g_strdup_printf("%d", (int)getpid());
    g_autoptr(Notify) notify = NULL;
    gint64 began_us;

    listen_at(name);
    g_setenv("WATCHDOG_USEC", "60000", TRUE);
    g_setenv("WATCHDOG_PID", pid, TRUE);
    notify = notify_new(NULL);
    cr_expect_eq(notify_watchdog_us(notify), 60000);
    notify_watch(notify, NULL);
    cr_expect_str_eq(heard(), "WATCHDOG=1", "the first at once");
    cr_expect(silent(), "not without the loop");
    began_us = g_get_monotonic_time();
    for (int i = 0; i < 3; i++) {
        while (silent()) {
            g_main_context_iteration(NULL, TRUE);
        }
    }
    /* three halves of the time allowed */
    cr_expect_geq(g_get_monotonic_time() - began_us, 85000);
}

Test(notify, another_process_is_watched)
{
    g_autofree char *name = g_strdup_printf("@vmferry-odog-%d", (int)getpid());
    g_autoptr(Notify) notify = NULL;

    listen_at(name);
    g_setenv("WATCHDOG_USEC", "60000", TRUE);
    g_setenv("WATCHDOG_PID", "1", TRUE);
    notify = notify_new(NULL);
    notify_watch(notify, NULL);
    cr_expect(silent());
    cr_expect_null(g_getenv("WATCHDOG_USEC"));
}
