/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * control.h - asking the service, over a unix socket
 *
 *     > {"command": "apply", "arguments": {"follow": true}}
 *     < {"event": "step", "data": {...}}        only to who follows
 *     < {"return": {...}}  or  {"error": {"message": "..."}}
 *
 * One JSON object a line. A connection carries one request. Who may: root, for
 * the socket is its own.
 */
#ifndef CONSOLIDATE_CONTROL_H
#define CONSOLIDATE_CONTROL_H

#include <glib.h>
#include <stdbool.h>

#include "base/json.h"

typedef struct Control Control;
typedef struct ControlPeer ControlPeer;

/* Answer with control_return() or control_refuse(), now or later: until then
 * @peer lives. @arguments is borrowed, may be NULL. */
typedef void (*ControlRequest)(ControlPeer *peer, const char *command,
                               JsonObject *arguments, gpointer user);

/** control_listen() - NULL with GLib's I/O errors */
Control *control_listen(const char *path, ControlRequest request, gpointer user,
                        GError **error);
void control_free(Control *control);

/** control_follow() - From now on it is told what control_tell() tells */
void control_follow(ControlPeer *peer);

/** control_tell() - To all that follow; @data is borrowed */
void control_tell(Control *control, const char *event, JsonObject *data);

/** control_return() - The answer, and the end of @peer; @result is taken */
void control_return(ControlPeer *peer, JsonObject *result);
void control_refuse(ControlPeer *peer, const char *message);

/** control_peers() - Those that wait for an answer: ControlPeer *; borrowed.
 * Whoever goes away is no longer among them */
const GPtrArray *control_peers(const Control *control);

/** control_peer_tag() - What a request is waiting for, for its owner's use */
gpointer *control_peer_tag(ControlPeer *peer);

/* --- the other end; blocks --- */

/* False ends it. */
typedef bool (*ControlEvent)(const char *event, JsonObject *data,
                             gpointer user);

/**
 * control_ask() - Ask, and wait for the answer
 * @arguments: Taken; NULL: none
 * @event: Called for each event before the answer
 * @nobody: Set to true if nobody listens there, then there is no error
 *
 * Return: the answer, a new reference; NULL with G_IO_ERROR or CONS_ERROR
 */
JsonObject *control_ask(const char *path, const char *command,
                        JsonObject *arguments, ControlEvent event,
                        gpointer user, bool *nobody, GError **error);

#endif
