/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * client.h - a program's end of the control socket
 *
 * Two ways to use it. A command line asks and waits: ctl_client_call(). A
 * program with a main loop sends and is called back: ctl_client_attach(),
 * ctl_client_send(). Both may be mixed as long as it is one thread.
 */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "ctl/protocol.h"

/**
 * ctl_socket_path() - Which socket
 * @option: Value of --socket; NULL: not given
 *
 * Without it $VMFERRY_SOCKET, without that CTL_DEFAULT_SOCKET.
 * Return: g_free() it
 */
char *ctl_socket_path(const char *option);

typedef struct CtlClient CtlClient;

/**
 * ctl_client_open() - Connect and read the greeting
 * @path: Of the socket
 * @timeout_ms: For the greeting, and for each ctl_client_call(); 0: 5000
 *
 * Return: ctl_client_free() it. NULL with CTL_ERROR_NO_DAEMON if nobody
 * listens, CTL_ERROR_NOT_PERMITTED if we may not; the message names the socket
 * and the remedy.
 */
CtlClient *ctl_client_open(const char *path, unsigned timeout_ms,
                           GError **error);
/** ctl_client_new_fd() - A connected socket, taken in any case */
CtlClient *ctl_client_new_fd(int fd, unsigned timeout_ms, GError **error);
void ctl_client_free(CtlClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CtlClient, ctl_client_free)

/** ctl_client_greeting() - {"protocol", "version", "rights"}; borrowed */
JsonObject *ctl_client_greeting(const CtlClient *client);

/**
 * ctl_client_call() - Ask, and wait for the answer
 * @arguments: Taken; NULL: none
 *
 * Events that arrive meanwhile are kept. With @error, its code is the class,
 * its message ends with the remedy.
 * Return: what was returned, a new reference
 */
JsonObject *ctl_client_call(CtlClient *client, CtlCommand command,
                            JsonObject *arguments, GError **error);

/**
 * ctl_client_next_event() - Wait for an event
 * @timeout_ms: -1: for ever
 *
 * Return: {"event", "seq", "time", "data"}, a new reference; NULL without
 * @error if none came in time
 */
JsonObject *ctl_client_next_event(CtlClient *client, int timeout_ms,
                                  GError **error);

typedef struct CtlClientCallbacks {
    /* {"event", ...}, borrowed. May free the client. */
    void (*event)(CtlClient *client, JsonObject *event, gpointer user);
    /* The connection is over; comes once, nothing after it. May free the
     * client. */
    void (*closed)(CtlClient *client, const GError *error, gpointer user);
} CtlClientCallbacks;

/** ctl_client_attach() - From now on the main context @context (NULL: the
 * default) serves the connection */
void ctl_client_attach(CtlClient *client, GMainContext *context,
                       const CtlClientCallbacks *callbacks, gpointer user);

/** typedef CtlReply - @result is borrowed, NULL with @error */
typedef void (*CtlReply)(CtlClient *client, JsonObject *result,
                         const GError *error, gpointer user);

/** ctl_client_send() - Ask, and be called back from the main loop; attached
 * clients only. @reply comes exactly once, unless the client is freed before */
void ctl_client_send(CtlClient *client, CtlCommand command,
                     JsonObject *arguments, CtlReply reply, gpointer user);

#endif
