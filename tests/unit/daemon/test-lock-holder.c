/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-lock-holder.c - is there a daemon?
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/lock-holder.h"

static const char locks[] =
    "1: POSIX  ADVISORY  WRITE 700 00:1a:5678 0 EOF\n"
    "2: FLOCK  ADVISORY  WRITE 1234 00:1a:5678 0 EOF\n"
    "2: -> FLOCK  ADVISORY  WRITE 1235 00:1a:5678 0 EOF\n"
    "3: FLOCK  ADVISORY  READ  1236 fd:01:5679 0 EOF\n"
    "4: FLOCK  ADVISORY  WRITE 1237 fd:01:18446744073709551615 0 EOF\n";

Test(lock_holder, reads_what_the_kernel_lists)
{
    cr_expect(lock_holder_parse(locks, 5678, 1234));
    cr_expect_not(lock_holder_parse(locks, 5678, 1235), "it waits");
    cr_expect_not(lock_holder_parse(locks, 5678, 700), "another kind");
    cr_expect_not(lock_holder_parse(locks, 5679, 1236), "a shared one");
    cr_expect_not(lock_holder_parse(locks, 5679, 1234), "another file");
    cr_expect(lock_holder_parse(locks, G_MAXUINT64, 1237));
    cr_expect_not(lock_holder_parse("", 1, 1));
    cr_expect_not(lock_holder_parse("x\n9: FLOCK\n:", 1, 1));
}

Test(lock_holder, a_lock_that_is_held_and_given_back)
{
    g_autofree char *folder = g_dir_make_tmp("holder-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, DAEMON_LOCK_NAME, NULL);
    g_autofree char *text = g_strdup_printf("%d\n", (int)getpid());
    int64_t pid = 77;
    int fd;

    cr_expect_not(lock_holder(folder, &pid), "no file");
    cr_assert(g_file_set_contents(path, text, -1, NULL));
    cr_expect_not(lock_holder(folder, &pid), "a file, and no lock");
    cr_expect_eq(pid, 77);
    fd = open(path, O_RDWR);
    cr_assert(flock(fd, LOCK_EX | LOCK_NB) == 0);
    cr_expect(lock_holder(folder, &pid));
    cr_expect_eq(pid, getpid());
    cr_assert_eq(pwrite(fd, "junk", 4, 0), 4);
    cr_expect_not(lock_holder(folder, &pid), "nobody is named");
    close(fd);
    g_unlink(path);
    g_rmdir(folder);
}
