/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * server.h - the daemon's end of the control socket
 *
 * It listens, knows who is at the other end, checks what is asked, and hands
 * it to a table of functions. It never waits: a client that does not read is
 * closed. Belongs to the thread that runs the main context.
 */
#ifndef CTL_SERVER_H
#define CTL_SERVER_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/json.h"
#include "ctl/protocol.h"

/* Who is at the other end, as the kernel says. */
typedef struct CtlPeer {
    uint64_t client; /* number of the connection, never used twice */
    uid_t uid;
    gid_t gid;
    pid_t pid;
    char program[64]; /* of /proc/PID/comm when it connected; "?" */
    bool may_read, may_steer;
} CtlPeer;

/* Groups by number; known: there is one. Root may everything always. */
typedef struct CtlGroups {
    bool has_read, has_steer;
    gid_t read, steer;
} CtlGroups;

/* A request that waits for its answer. */
typedef struct CtlRequest CtlRequest;

CtlCommand ctl_request_command(const CtlRequest *request);
/** ctl_request_arguments() - An object, empty if none were given; borrowed */
JsonObject *ctl_request_arguments(const CtlRequest *request);
/** ctl_request_peer() - Borrowed; lives as long as the request */
const CtlPeer *ctl_request_peer(const CtlRequest *request);

/* Each answers the request, now or later, and frees it. An answer to a client
 * that is gone by then goes nowhere. */

/** ctl_request_return() - @result is taken; NULL: {} */
void ctl_request_return(CtlRequest *request, JsonObject *result);
/** ctl_request_fail() - @remedy: what to do, or NULL */
void ctl_request_fail(CtlRequest *request, CtlError code, const char *remedy,
                      const char *format, ...) G_GNUC_PRINTF(4, 5);
/** ctl_request_fail_error() - A CTL_ERROR keeps its class, every other error
 * is "failed"; @error is borrowed */
void ctl_request_fail_error(CtlRequest *request, const GError *error,
                            const char *remedy);

/* What carries commands out. Each must answer its request; NULL: the command
 * is answered with "unavailable". version, subscribe and unsubscribe are the
 * server's own. */
typedef struct CtlBackend {
    void (*commands[CTL_N_COMMANDS])(gpointer self, CtlRequest *request);
    /* A client is gone, what it announced with it; may be NULL. */
    void (*closed)(gpointer self, const CtlPeer *peer);
    gpointer self;
} CtlBackend;

typedef struct CtlServerSpec {
    const char *path;         /* NULL: CTL_DEFAULT_SOCKET; its folder is made */
    const char *version;      /* of the program */
    const char *read_group;   /* NULL or "": nobody but root */
    const char *steer_group;  /* likewise */
    unsigned max_clients;     /* 0: 64 */
    size_t max_backlog_bytes; /* 0: 1 MiB */
} CtlServerSpec;

typedef struct CtlServer CtlServer;

/**
 * ctl_server_new() - Listen
 *
 * A socket that nobody answers on is replaced; one that somebody does is
 * CTL_ERROR_BUSY: another daemon runs. A group that does not exist is
 * CTL_ERROR_SYSTEM, named.
 */
CtlServer *ctl_server_new(const CtlServerSpec *spec, const CtlBackend *backend,
                          GError **error);

/** ctl_server_new_quiet() - Without a socket: clients come by
 * ctl_server_add(), for tests */
CtlServer *ctl_server_new_quiet(const CtlServerSpec *spec,
                                const CtlBackend *backend, GError **error);

/** ctl_server_add() - A connected socket, taken in any case; @peer NULL: ask
 * the kernel. Return: number of the client, 0: refused and closed */
uint64_t ctl_server_add(CtlServer *server, int fd, const CtlPeer *peer);

/** ctl_server_take_groups() - After a reload; applies to clients that come
 * @groups: Of ctl_groups_resolve(), which may take its time */
void ctl_server_take_groups(CtlServer *server, const CtlGroups *groups);

/** ctl_server_free() - Closes everything, removes the socket. Requests that
 * still wait must be answered all the same, into the void. Not from within a
 * function of the backend. */
void ctl_server_free(CtlServer *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CtlServer, ctl_server_free)

/**
 * ctl_server_event() - Tell those who subscribed
 * @session: Its id, NULL: of no session
 * @data: An object, taken; "session" is added to it
 */
void ctl_server_event(CtlServer *server, CtlEvent event, const char *session,
                      JsonObject *data);

/** ctl_server_wants() - Does anybody listen? So that nobody builds documents
 * for nobody. */
bool ctl_server_wants(const CtlServer *server, CtlEvent event);

typedef struct CtlServerCounters {
    unsigned clients; /* now */
    uint64_t requests, refused, dropped;
} CtlServerCounters;

CtlServerCounters ctl_server_counters(const CtlServer *server);

#endif
