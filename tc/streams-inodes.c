/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * streams-inodes.c - which sockets a process holds; see streams.h
 *
 * libvirtd opens the stream and passes it to QEMU: whoever opened it says
 * nothing, whoever holds it says everything. A descriptor of a socket is a link
 * to "socket:[INODE]", and the kernel's socket table tells inodes.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tc/streams.h"

GArray *
streams_inodes(const char *proc_dir, int64_t pid, GError **error)
{
    g_autofree char *path = g_strdup_printf("%s/%" PRId64 "/fd",
                                            proc_dir ? proc_dir : "/proc", pid);
    g_autoptr(GArray) inodes = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    DIR *folder = opendir(path);
    struct dirent *entry;
    int refused = folder ? 0 : errno;

    while (folder && (entry = readdir(folder))) {
        char target[64];
        ssize_t length = readlinkat(dirfd(folder), entry->d_name, target,
                                    sizeof(target) - 1);
        unsigned long long inode;

        if (length < 0) {
            /* "." and ".." are no links; others may be closed by now. */
            refused = errno == EACCES || errno == EPERM ? errno : refused;
            continue;
        }
        target[length] = '\0';
        if (sscanf(target, "socket:[%llu]", &inode) == 1) {
            uint64_t value = inode;

            g_array_append_val(inodes, value);
        }
    }
    if (folder) {
        closedir(folder);
    }
    if (refused) {
        g_set_error(error, RESERVATION_ERROR,
                    refused == ENOENT ? RESERVATION_ERROR_GONE
                                      : RESERVATION_ERROR_PERMISSION,
                    "reading %s: %s%s", path, g_strerror(refused),
                    refused == ENOENT ? "" : " (it takes CAP_SYS_PTRACE)");
        return NULL;
    }
    return g_steal_pointer(&inodes);
}
