/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * streams-queue.c - how much may wait unsent in a connection; see streams.h
 *
 *   write() ──> [ not yet sent | sent, waits in our class | in flight ] ──> peer
 *                 this is bounded     TCP's small queues bound this
 *
 * The kernel lets the unsent part grow to megabytes, in which a narrow class
 * needs tenths of a second after the guest has stopped. TCP_NOTSENT_LOWAT
 * (tcp(7)) bounds it per socket. The socket is QEMU's: pidfd_getfd(2) lends it
 * for the one call. Nothing has to be put back, for it ends with the migration.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tc/streams.h"

#define HOLDERS "qemu" /* their names begin with it, as a rule */

/* The descriptor of @pid that is this socket, or -1. */
static int
descriptor_of(int64_t pid, uint64_t inode)
{
    g_autofree char *path = g_strdup_printf("/proc/%" PRId64 "/fd", pid);
    g_autofree char *wanted = g_strdup_printf("socket:[%" PRIu64 "]", inode);
    DIR *folder = opendir(path);
    struct dirent *entry;
    int found = -1;

    while (folder && found < 0 && (entry = readdir(folder))) {
        char target[64];
        ssize_t length = readlinkat(dirfd(folder), entry->d_name, target,
                                    sizeof(target) - 1);

        if (length > 0) {
            target[length] = '\0';
            found = strcmp(target, wanted) == 0 ? atoi(entry->d_name) : -1;
        }
    }
    if (folder) {
        closedir(folder);
    }
    return found;
}

static bool
named_like_holder(const char *pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%s/comm", pid);
    g_autofree char *name = NULL;

    return g_file_get_contents(path, &name, NULL, NULL) &&
           g_str_has_prefix(name, HOLDERS);
}

static bool
is_socket(int64_t pid, int fd, uint64_t inode)
{
    g_autofree char *path = g_strdup_printf("/proc/%" PRId64 "/fd/%d", pid, fd);
    g_autofree char *wanted = g_strdup_printf("socket:[%" PRIu64 "]", inode);
    g_autofree char *target = g_file_read_link(path, NULL);

    return g_strcmp0(target, wanted) == 0;
}

/* Whoever holds it: most likely processes first. 0: nobody that we may see. */
static int64_t
find_holder(uint64_t inode)
{
    for (int likely = 1; likely >= 0; likely--) {
        g_autoptr(GDir) proc = g_dir_open("/proc", 0, NULL);
        const char *name;

        while (proc && (name = g_dir_read_name(proc))) {
            int64_t pid = g_ascii_strtoll(name, NULL, 10);

            if (pid > 0 && named_like_holder(name) == likely &&
                descriptor_of(pid, inode) >= 0) {
                return pid;
            }
        }
    }
    return 0;
}

/* A descriptor of ours for the same socket, or -1 and errno. */
static int
borrow(int64_t pid, int theirs)
{
    int pidfd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0), ours, error;

    if (pidfd < 0) {
        return -1;
    }
    ours = (int)syscall(SYS_pidfd_getfd, pidfd, theirs, 0);
    error = errno;
    close(pidfd);
    errno = error;
    return ours;
}

static bool
fail(int number, const char *what, GError **error)
{
    g_set_error(
        error, RESERVATION_ERROR,
        number == EPERM || number == EACCES ? RESERVATION_ERROR_PERMISSION
                                            : RESERVATION_ERROR_GONE,
        "%s: %s%s", what, g_strerror(number),
        number == EPERM || number == EACCES ? " (it takes CAP_SYS_PTRACE)"
                                            : "");
    return false;
}

bool
streams_bound_unsent(int64_t *pid, uint64_t inode, uint32_t bytes,
                     GError **error)
{
    int theirs, ours, number = 0;

    if (*pid == 0) {
        *pid = find_holder(inode);
    }
    theirs = *pid ? descriptor_of(*pid, inode) : -1;
    if (theirs < 0) {
        *pid = 0;
        return fail(ENOENT, "looking for the process that holds the stream",
                    error);
    }
    ours = borrow(*pid, theirs);
    if (ours < 0) {
        return fail(errno, "borrowing the stream's socket of QEMU", error);
    }
    if (!is_socket(getpid(), ours, inode)) { /* theirs is another's by now */
        close(ours);
        return fail(ENOENT, "borrowing the stream's socket of QEMU", error);
    }
    if (setsockopt(ours, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes,
                   sizeof(bytes)) != 0) {
        number = errno;
    }
    close(ours);
    return number == 0 ||
           fail(number, "bounding what waits in the stream's socket", error);
}
