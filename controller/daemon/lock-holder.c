/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lock-holder.c - see lock-holder.h
 *
 *   12: FLOCK  ADVISORY  WRITE 1234 00:1a:5678 0 EOF
 *                              pid  device:inode
 *
 * Device numbers are not compared: on some file systems they differ from what
 * stat() says. The number in the file and the inode together are enough.
 */
#include "daemon/lock-holder.h"

#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

bool
lock_holder_parse(const char *locks, uint64_t inode, int64_t claimed_pid)
{
    g_auto(GStrv) lines = g_strsplit(locks, "\n", 0);

    for (size_t i = 0; lines[i]; i++) {
        int64_t pid = 0;
        uint64_t number = 0;

        /* A process that waits has an arrow in front: "12: -> FLOCK". The
         * kernel writes the numbers; one out of range fits no process and no
         * inode. NOLINTNEXTLINE(cert-err34-c) */
        if (sscanf(lines[i],
                   "%*u: FLOCK %*s WRITE %" SCNd64 " %*x:%*x:%" SCNu64, &pid,
                   &number) == 2 &&
            number == inode && pid == claimed_pid) {
            return true;
        }
    }
    return false;
}

bool
lock_holder(const char *run_dir, int64_t *pid)
{
    g_autofree char *path = g_build_filename(run_dir, DAEMON_LOCK_NAME, NULL);
    g_autofree char *text = NULL, *locks = NULL;
    struct stat about;
    gint64 claimed;
    char *end = NULL;

    if (stat(path, &about) < 0 ||
        !g_file_get_contents(path, &text, NULL, NULL) ||
        !g_file_get_contents("/proc/locks", &locks, NULL, NULL)) {
        return false;
    }
    claimed = g_ascii_strtoll(text, &end, 10);
    if (end == text || claimed <= 0 ||
        !lock_holder_parse(locks, about.st_ino, claimed)) {
        return false;
    }
    *pid = claimed;
    return true;
}
