/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * peer.c - see peer.h
 *
 * The kernel keeps user, group and process of whoever called connect(), and
 * their supplementary groups (SO_PEERGROUPS, Linux 4.13) as they were then.
 * Nothing that the peer says about itself is believed. Its program's name is
 * for the log alone.
 */
#include "ctl/peer.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static bool
resolve(const char *name, const char *what, bool *has, gid_t *gid,
        GError **error)
{
    g_autofree char *buffer = NULL;
    struct group group, *found = NULL;
    size_t size = 4096;
    int code;

    *has = false;
    if (!name || !*name) {
        return true;
    }
    do {
        size *= 2;
        g_free(buffer);
        buffer = g_malloc(size);
        code = getgrnam_r(name, &group, buffer, size, &found);
    } while (code == ERANGE && size < 1 << 20);
    if (!found) {
        g_set_error(error, CTL_ERROR, CTL_ERROR_SYSTEM,
                    "group '%s', which is to %s: %s", name, what,
                    code ? g_strerror(code)
                         : "there is no such group; create it, or name "
                           "another one in the configuration");
        return false;
    }
    *has = true;
    *gid = group.gr_gid;
    return true;
}

bool
ctl_groups_resolve(const char *read_group, const char *steer_group,
                   CtlGroups *groups, GError **error)
{
    CtlGroups resolved = { 0 };

    if (!resolve(read_group, "look", &resolved.has_read, &resolved.read,
                 error) ||
        !resolve(steer_group, "steer", &resolved.has_steer, &resolved.steer,
                 error)) {
        return false;
    }
    *groups = resolved;
    return true;
}

static bool
is_in(bool has, gid_t group, const gid_t *groups, size_t n_groups)
{
    for (size_t i = 0; has && i < n_groups; i++) {
        if (groups[i] == group) {
            return true;
        }
    }
    return false;
}

void
ctl_peer_may(CtlPeer *peer, const CtlGroups *groups, const gid_t *of_peer,
             size_t n_of_peer)
{
    peer->may_steer =
        peer->uid == 0 ||
        is_in(groups->has_steer, groups->steer, &peer->gid, 1) ||
        is_in(groups->has_steer, groups->steer, of_peer, n_of_peer);
    peer->may_read = peer->may_steer ||
                     is_in(groups->has_read, groups->read, &peer->gid, 1) ||
                     is_in(groups->has_read, groups->read, of_peer, n_of_peer);
}

static void
read_program(CtlPeer *peer)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/comm", (int)peer->pid);
    g_autofree char *name = NULL;

    g_strlcpy(peer->program, "?", sizeof(peer->program));
    if (peer->pid > 0 && g_file_get_contents(path, &name, NULL, NULL)) {
        g_strlcpy(peer->program, g_strchomp(name), sizeof(peer->program));
    }
    for (char *c = peer->program; *c; c++) {
        if (!g_ascii_isgraph(*c)) {
            *c = '?';
        }
    }
}

bool
ctl_peer_ask(int fd, const CtlGroups *groups, CtlPeer *peer, GError **error)
{
    struct ucred ucred = { .uid = (uid_t)-1, .gid = (gid_t)-1 };
    socklen_t length = sizeof(ucred);
    g_autofree gid_t *list = NULL;
    size_t n_groups = 0;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &ucred, &length) != 0) {
        g_set_error(error, CTL_ERROR, CTL_ERROR_SYSTEM,
                    "asking who is at the other end: %s", g_strerror(errno));
        return false;
    }
    length = 0;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &length) != 0 &&
        errno == ERANGE) {
        list = g_malloc0(length);
        if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, list, &length) == 0) {
            n_groups = length / sizeof(*list);
        }
    }
    peer->uid = ucred.uid;
    peer->gid = ucred.gid;
    peer->pid = ucred.pid;
    ctl_peer_may(peer, groups, list, n_groups);
    read_program(peer);
    return true;
}
