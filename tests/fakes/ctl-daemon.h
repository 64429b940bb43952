/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ctl-daemon.h - a daemon that has but one session, and shows it
 *
 * The real server over a backend that keeps a session, a link and a queue, and
 * does to them what it is told. For tests of whoever talks to vmferryd.
 */
#ifndef FAKE_CTL_DAEMON_H
#define FAKE_CTL_DAEMON_H

#include "ctl/document.h"
#include "ctl/server.h"

typedef struct FakeDaemon FakeDaemon;

/** fake_daemon_new() - @path: NULL: no socket, clients come by
 * fake_daemon_connect() */
FakeDaemon *fake_daemon_new(const char *path, GError **error);
void fake_daemon_free(FakeDaemon *daemon);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FakeDaemon, fake_daemon_free)

CtlServer *fake_daemon_server(FakeDaemon *daemon);

/** fake_daemon_connect() - The client's end of a new connection, to be closed
 * @may_steer: else it may only look */
int fake_daemon_connect(FakeDaemon *daemon, bool may_steer);

/** fake_daemon_tick() - A second passes: the migration gets on, and ends with
 * the tenth; events tell */
void fake_daemon_tick(FakeDaemon *daemon);

/** fake_daemon_refuse() - Refuse all announcements from now on */
void fake_daemon_refuse(FakeDaemon *daemon, const char *why);

/** fake_daemon_log() - "hold 17\n..." of all commands; borrowed */
const char *fake_daemon_log(const FakeDaemon *daemon);

/** fake_daemon_wait() - Requests that are left unanswered; answered now with
 * fake_daemon_answer() */
void fake_daemon_wait(FakeDaemon *daemon);
void fake_daemon_answer(FakeDaemon *daemon);

/** fake_daemon_gone() - Clients that have left */
unsigned fake_daemon_gone(const FakeDaemon *daemon);

#endif
