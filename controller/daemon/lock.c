/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lock.c - one daemon a host
 *
 * The kernel gives the lock back with the process, however that ends; the
 * number in the file is for people. /run belongs to a host, as its interfaces
 * do: daemons of several namespaces do not meet there.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/daemon-priv.h"
#include "daemon/lock-holder.h"

G_DEFINE_QUARK(vmferry_daemon_error, daemon_error)

int
daemon_lock(const char *run_dir, GError **error)
{
    g_autofree char *path = g_build_filename(run_dir, DAEMON_LOCK_NAME, NULL);
    char text[24] = "";
    int fd;

    if (g_mkdir_with_parents(run_dir, 0755) != 0 ||
        (fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644)) < 0) {
        g_set_error(error, DAEMON_ERROR, DAEMON_ERROR_LOCK,
                    "making the lock file %s: %s%s", path, g_strerror(errno),
                    errno == EACCES || errno == EPERM
                        ? " (vmferryd runs as root)"
                        : "");
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        ssize_t length = pread(fd, text, sizeof(text) - 1, 0);

        g_strstrip(text);
        g_set_error(error, DAEMON_ERROR, DAEMON_ERROR_RUNNING,
                    "another vmferryd runs on this host (process %s has the "
                    "lock %s); stop it first: systemctl stop vmferryd",
                    length > 0 ? text : "?", path);
        close(fd);
        return -1;
    }
    g_snprintf(text, sizeof(text), "%" PRId64 "\n", (int64_t)getpid());
    if (ftruncate(fd, 0) != 0 ||
        pwrite(fd, text, strlen(text), 0) != (ssize_t)strlen(text)) {
        daemon_log(G_LOG_LEVEL_WARNING, NULL, "writing our number into %s: %s",
                   path, g_strerror(errno));
    }
    return fd;
}
