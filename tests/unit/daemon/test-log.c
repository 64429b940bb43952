/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-log.c - lines for people, and for a journal that we play
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/log.h"

static void
say_something(void)
{
    LogAbout about = { .event = LOG_EVENT_DECISION,
                       .guest = "vm-a",
                       .link = "eth1",
                       .session = "17",
                       .reason = "it dirties 5 Mbit/s" };

    daemon_log(G_LOG_LEVEL_DEBUG, &about, "not shown");
    daemon_log(G_LOG_LEVEL_INFO, &about, "reserve %d Mbit/s", 42);
    daemon_log(G_LOG_LEVEL_WARNING, NULL, "nothing in particular");
    g_log("other", G_LOG_LEVEL_CRITICAL, "a library's");
}

static int
swap_stderr(int fd)
{
    int before = dup(STDERR_FILENO);

    fflush(stderr);
    dup2(fd, STDERR_FILENO);
    close(fd);
    return before;
}

Test(log, for_people)
{
    g_autofree char *path = NULL, *text = NULL;
    int fd = g_file_open_tmp("log-XXXXXX", &path, NULL);

    cr_assert(fd >= 0);
    daemon_log_start(2);
    fd = swap_stderr(fd);
    say_something();
    daemon_log_level(0);
    daemon_log(G_LOG_LEVEL_WARNING, NULL, "no longer");
    close(swap_stderr(fd));
    cr_assert(g_file_get_contents(path, &text, NULL, NULL));
    g_unlink(path);
    cr_expect_str_eq(text, "vmferryd: vm-a: eth1: reserve 42 Mbit/s\n"
                           "vmferryd: warning: nothing in particular\n"
                           "vmferryd: error: a library's\n");
}

static int
bind_in_journal(const char *name, int type)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct timeval patience = { .tv_sec = 10 };
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

    g_snprintf(address.sun_path, sizeof(address.sun_path),
               "/run/systemd/journal/%s", name);
    cr_assert(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    return fd;
}

/* A journal of our own in a mount namespace of our own. */
Test(log, for_the_journal)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX,
                                   .sun_path = "/run/systemd/journal/stdout" };
    int journal, listener, fd;
    char text[2048];
    ssize_t n;

    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", "/run", "tmpfs", 0, NULL) != 0) {
        fprintf(stderr, "SKIPPED: needs root and mount namespaces\n");
        cr_skip_test("needs root and mount namespaces");
    }
    cr_assert_eq(g_mkdir_with_parents("/run/systemd/journal", 0755), 0);
    journal = bind_in_journal("socket", SOCK_DGRAM);
    listener = bind_in_journal("stdout", SOCK_STREAM);
    cr_assert(listen(listener, 1) == 0);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);

    daemon_log_start(2);
    fd = swap_stderr(fd);
    say_something();
    close(swap_stderr(fd));

    n = recv(journal, text, sizeof(text) - 1, 0);
    cr_assert(n > 0);
    text[n] = '\0';
    cr_expect_not_null(strstr(text, "PRIORITY=6\n"), "%s", text);
    cr_expect_not_null(strstr(text, "MESSAGE=reserve 42 Mbit/s\n"));
    cr_expect_not_null(strstr(text, "VMFERRY_EVENT=decision\n"));
    cr_expect_not_null(strstr(text, "VMFERRY_GUEST=vm-a\n"));
    cr_expect_not_null(strstr(text, "VMFERRY_MIGRATION=17\n"));
    cr_expect_not_null(strstr(text, "VMFERRY_LINK=eth1\n"));
    cr_expect_not_null(strstr(text, "VMFERRY_REASON=it dirties 5 Mbit/s\n"));
    cr_expect_null(strstr(text, "VMFERRY_MODE"), "not said");
    close(journal);
    close(listener);
}
