/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * server.h - a small HTTP server for pages that are made on request
 *
 * It knows how to listen, whom to turn away and when to hang up, and nothing
 * of what it serves: that is a callback's, and for Server-Sent Events whatever
 * was published last. GET and HEAD only. One thread: it lives in the GLib main
 * loop, and wakes up for requests alone.
 */
#ifndef EXPORTER_SERVER_H
#define EXPORTER_SERVER_H

#include <gio/gio.h>
#include <glib.h>
#include <stdbool.h>

typedef struct ServerAnswer {
    unsigned status;
    const char *type;           /* static */
    const char *content_policy; /* Content-Security-Policy, or NULL; lives as
                                   long as the server */
    GBytes *body;               /* handed over */
} ServerAnswer;

typedef struct ServerSpec {
    GInetSocketAddress *address; /* port 0: the kernel chooses; referenced */
    unsigned connections;        /* at most, 0: 64 */
    unsigned streams;            /* at most, of these, 0: 32 */
    unsigned seconds;            /* for a request and for taking an answer or
                                    an event, 0: 10 */
    const char *events_path;     /* static; Server-Sent Events are there */

    /* Answer a GET of @path: false if there is nothing. The query is not part
     * of it. */
    bool (*answer)(const char *path, ServerAnswer *answer, gpointer user);
    /* A client is about to read events: publish one that is not stale. */
    void (*stream_opened)(gpointer user);
    gpointer user;
} ServerSpec;

typedef struct Server Server;

/**
 * server_new() - Listen and serve from the main loop
 *
 * Return: server_free() it; NULL with EXPORTER_ERROR_LISTEN
 */
Server *server_new(const ServerSpec *spec, GError **error);
void server_free(Server *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Server, server_free)

/** server_port() - The port that it listens on */
guint16 server_port(const Server *server);

/** server_streams() - How many clients read events */
unsigned server_streams(const Server *server);

/**
 * server_publish() - Send an event to all that read them
 * @json: One line, the event's data; a client that is still busy with an
 *        earlier one gets the last that was published when it is done
 */
void server_publish(Server *server, const char *json);

#endif
