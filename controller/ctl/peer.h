/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * peer.h - who is at the other end of a socket, and what they may
 */
#ifndef CTL_PEER_H
#define CTL_PEER_H

#include "ctl/server.h"

/**
 * ctl_groups_resolve() - Names to numbers
 * @read_group: NULL or "": none
 *
 * Return: false with CTL_ERROR_SYSTEM, which names the group; @groups is left
 * alone then
 */
bool ctl_groups_resolve(const char *read_group, const char *steer_group,
                        CtlGroups *groups, GError **error);

/** ctl_peer_may() - Fill in what a user with these groups may */
void ctl_peer_may(CtlPeer *peer, const CtlGroups *groups, const gid_t *of_peer,
                  size_t n_of_peer);

/** ctl_peer_ask() - All about the other end of @fd, as the kernel says */
bool ctl_peer_ask(int fd, const CtlGroups *groups, CtlPeer *peer,
                  GError **error);

#endif
