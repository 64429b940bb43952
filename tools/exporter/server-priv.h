/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * server-priv.h - what the server's two halves share
 *
 * server.c has the requests, events.c the streams of events.
 */
#ifndef EXPORTER_SERVER_PRIV_H
#define EXPORTER_SERVER_PRIV_H

#include <microhttpd.h>
#include <stdint.h>

#include "tools/exporter/server.h"

/* A TCP connection, from accept to close. */
typedef struct Client {
    struct MHD_Connection *connection;
    int64_t deadline_us; /* hang up then; INT64_MAX: no need to */
} Client;

/* One client that reads events. */
typedef struct Stream {
    Server *server; /* borrowed; NULL when the server is gone */
    struct MHD_Connection *connection;
    Client *client;
    GBytes *message; /* being sent, NULL: none */
    size_t sent;     /* of it */
    uint64_t seen;   /* number of the event that was sent last */
    bool asleep;     /* suspended until there is something to send */
} Stream;

struct Server {
    struct MHD_Daemon *daemon;
    GSocket *socket; /* listening; its descriptor is the daemon's */
    guint16 port;
    ServerSpec spec;
    GSource *source;
    guint sweep;         /* looks for clients that take too long, 0: none */
    GHashTable *clients; /* Client, owned by libmicrohttpd's callbacks */
    GPtrArray *streams;  /* Stream, owned by their responses */
    GBytes *event;       /* as sent, NULL: nothing was published yet */
    uint64_t event_number;
    bool resumed; /* libmicrohttpd has work that its descriptor does not show */
    bool closing;
};

enum MHD_Result server_queue_stream(Server *server, Client *client,
                                    struct MHD_Connection *connection);
void server_wake_streams(Server *server);
int64_t server_patience_us(const Server *server);

/* Headers that every answer has. */
void server_add_headers(struct MHD_Response *response, const char *type,
                        const char *content_policy);

#endif
