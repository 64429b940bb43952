/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * server-priv.h - inside of the server
 *
 * server.c      the socket, who may, events
 * request.c     requests and their answers
 * connection.c  one client: bytes in, lines out, never waited for
 */
#ifndef CTL_SERVER_PRIV_H
#define CTL_SERVER_PRIV_H

#include <sys/stat.h>

#include "ctl/codec.h"
#include "ctl/peer.h"
#include "ctl/server.h"

typedef struct CtlConnection CtlConnection;

/* What the server does with it. */
typedef struct CtlConnectionOwner {
    /* A whole object arrived; borrowed. */
    void (*message)(CtlConnection *connection, JsonObject *message,
                    gpointer user);
    /* What arrived makes no sense; the connection closes when the answer to
     * it is written. */
    void (*nonsense)(CtlConnection *connection, const GError *error,
                     gpointer user);
    /* It is over; comes once. @slow: it was not reading. */
    void (*closed)(CtlConnection *connection, bool slow, gpointer user);
} CtlConnectionOwner;

/** ctl_connection_new() - @fd is taken. Nothing is read before
 * ctl_connection_start(). */
CtlConnection *ctl_connection_new(int fd, size_t max_backlog_bytes,
                                  const CtlConnectionOwner *owner,
                                  gpointer user);
void ctl_connection_start(CtlConnection *connection);

/** ctl_connection_close() - At once; .closed comes from within */
void ctl_connection_close(CtlConnection *connection, bool slow);
/** ctl_connection_finish() - As soon as what waits is written */
void ctl_connection_finish(CtlConnection *connection);
/** ctl_connection_free() - After .closed, or before the start; allowed from
 * within its own functions */
void ctl_connection_free(CtlConnection *connection);

/** ctl_connection_send() - @event: closed if it does not read */
void ctl_connection_send(CtlConnection *connection, const char *line,
                         size_t length, bool event);

/* --- inside --- */

struct CtlServer {
    CtlBackend backend;
    CtlGroups groups;
    char *path; /* of our socket; NULL: quiet */
    char *version;
    unsigned max_clients;
    size_t max_backlog_bytes;
    int fd; /* listening, -1: quiet */
    GSource *source;
    struct stat file;   /* our socket, so that we remove no other's */
    GPtrArray *clients; /* ServerClient * */
    uint64_t last_client, last_event;
    CtlServerCounters counters;
};

/* One of those that are connected. */
typedef struct ServerClient {
    CtlServer *server;
    CtlConnection *connection;
    CtlPeer peer;
    unsigned events;    /* 1 << CtlEvent that it subscribed to */
    unsigned asked;     /* 1 << CtlCommand that it has used */
    char *session;      /* only this one's; NULL: all */
    GPtrArray *waiting; /* CtlRequest *, borrowed */
} ServerClient;

struct CtlRequest {
    ServerClient *client; /* NULL: it is gone */
    CtlPeer peer;
    CtlCommand command;
    JsonObject *id;
    JsonObject *arguments;
};

/* --- request.c --- */

/** server_send() - A line; @event: closed if it does not read */
void server_send(ServerClient *client, JsonObject *object, bool event);
JsonObject *server_greeting(const ServerClient *client);
JsonObject *server_error(JsonObject *id, CtlError code, const char *message,
                         const char *remedy);

/* Of CtlConnectionOwner; @user is the ServerClient. */
void server_take_message(CtlConnection *connection, JsonObject *message,
                         gpointer user);
void server_take_nonsense(CtlConnection *connection, const GError *error,
                          gpointer user);

#endif
