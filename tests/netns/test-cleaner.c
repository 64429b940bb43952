/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The cleaner, beside a daemon that is killed: it removes what that left when
 * nobody comes after it, and nothing before or else. The daemon is played by a
 * child that holds the lock and a reservation; the cleaner is the program.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/lock-holder.h"
#include "netns.h"

#define MBIT 125000u
#define AFTER_S 1.0

static pid_t cleaner_pid;

static void
start_cleaner(void)
{
    const char *program = g_getenv("VMFERRY_CLEANER");
    g_autofree char *dir = g_strdup_printf("--run-dir=%s", netns_run_dir());

    cr_assert_not_null(program);
    cleaner_pid = fork();
    if (cleaner_pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl(program, program, dir, "--after=1", NULL);
        _exit(127);
    }
    cr_assert(cleaner_pid > 0);
}

static void
still_runs(pid_t pid)
{
    cr_assert(waitpid(pid, NULL, WNOHANG) == 0, "a child ended");
}

/* A process that holds a reservation, and, as a daemon, the lock. Returns when
 * both stand. */
static pid_t
start_owner(const ReservationSpec *spec, bool daemon)
{
    int ready[2];
    char byte = 0;
    pid_t child;

    cr_assert(pipe(ready) == 0);
    child = fork();
    if (child == 0) {
        g_autofree char *path =
            g_build_filename(netns_run_dir(), DAEMON_LOCK_NAME, NULL);
        g_autofree char *text = g_strdup_printf("%d\n", (int)getpid());
        int fd;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (daemon) {
            fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
            if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0 ||
                ftruncate(fd, 0) != 0 ||
                write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
                _exit(1);
            }
        }
        if (spec && !reservation_open(spec, NULL)) {
            _exit(2);
        }
        if (write(ready[1], "y", 1) != 1) {
            _exit(3);
        }
        for (;;) {
            pause();
        }
    }
    close(ready[1]);
    cr_assert(read(ready[0], &byte, 1) == 1, "the owner failed");
    close(ready[0]);
    return child;
}

static void
end(pid_t pid)
{
    kill(pid, SIGKILL);
    cr_assert(waitpid(pid, NULL, 0) == pid);
}

/* Seconds until the link is as it was; the test's timeout ends a wait that
 * would not. */
static double
seconds_until_clean(const char *before)
{
    gint64 began_us = g_get_monotonic_time();

    for (;;) {
        g_autofree char *now = netns_tree("near0");

        if (strcmp(now, before) == 0) {
            return (double)(g_get_monotonic_time() - began_us) / 1e6;
        }
        poll(NULL, 0, 20);
    }
}

/* Longer than the cleaner would wait. */
static void
expect_stays(const char *class_id)
{
    gint64 until_us = g_get_monotonic_time() + (gint64)(2.0 * AFTER_S * 1e6);

    while (g_get_monotonic_time() < until_us) {
        cr_assert(netns_has_class("near0", class_id), "it was removed");
        poll(NULL, 0, 100);
    }
}

Test(cleaner, removes_what_a_killed_daemon_left)
{
    g_autofree char *before = NULL;
    ReservationSpec spec;
    double seconds;
    pid_t daemon;
    Link link;

    netns_enter();
    before = netns_tree("near0");
    link = netns_link("near0", 50 * MBIT);
    spec = netns_spec(&link, "vm-a");
    daemon = start_owner(&spec, true);
    start_cleaner();
    expect_stays("7666:1000"); /* the daemon lives */

    end(daemon);
    seconds = seconds_until_clean(before);
    cr_expect_gt(seconds, 0.8 * AFTER_S, "after %.2f s", seconds);
    cr_expect_lt(seconds, AFTER_S + 2, "after %.2f s", seconds);
    still_runs(cleaner_pid);

    /* the next daemon is watched likewise */
    daemon = start_owner(&spec, true);
    expect_stays("7666:1000");
    end(daemon);
    seconds = seconds_until_clean(before);
    cr_expect_gt(seconds, 0.8 * AFTER_S, "after %.2f s", seconds);
}

Test(cleaner, leaves_all_to_a_daemon_that_comes_back)
{
    ReservationSpec spec;
    pid_t daemon, next;
    Link link;

    netns_enter();
    link = netns_link("near0", 50 * MBIT);
    spec = netns_spec(&link, "vm-a");
    daemon = start_owner(&spec, true);
    start_cleaner();
    end(daemon);
    next = start_owner(NULL, true); /* within the time */
    expect_stays("7666:1000");      /* what it adopts is its own affair */
    still_runs(cleaner_pid);
    end(next);
}

Test(cleaner, does_nothing_to_the_living)
{
    g_autofree char *before = NULL;
    ReservationSpec spec;
    pid_t migrate;
    Link link;

    netns_enter();
    before = netns_tree("near0");
    link = netns_link("near0", 50 * MBIT);
    spec = netns_spec(&link, "vm-a");
    migrate = start_owner(&spec, false); /* vmferry migrate, without a daemon */
    start_cleaner();
    expect_stays("7666:1000");
    still_runs(cleaner_pid);
    end(migrate);
    cr_expect(netns_has_class("near0", "7666:1000"), "nobody was told");
    /* looked at again a minute later; a cleaner started anew looks earlier */
    end(cleaner_pid);
    start_cleaner();
    seconds_until_clean(before);
}
