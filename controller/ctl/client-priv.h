/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * client-priv.h - inside of the client
 *
 * client.c       connecting, bytes and objects, ask and wait
 * client-loop.c  the same from a main loop
 */
#ifndef CTL_CLIENT_PRIV_H
#define CTL_CLIENT_PRIV_H

#include "ctl/client.h"
#include "ctl/codec.h"

struct CtlClient {
    unsigned references;
    int fd;
    unsigned timeout_ms;
    CtlCodec *codec;
    JsonObject *greeting;
    uint64_t last_id;
    GQueue inbox;    /* JsonObject *: arrived, not handed on yet */
    GByteArray *out; /* not written yet */
    GError *broken;  /* why the connection is over; NULL: it is not */

    /* client-loop.c */
    bool attached, freed, closed_told;
    GMainContext *context;
    CtlClientCallbacks callbacks;
    gpointer user;
    GSource *in, *writable, *soon;
    GHashTable *replies; /* id (uint64_t *) to Waiting * */
};

/** ctl_client_break() - The connection is over; @error is taken */
void ctl_client_break(CtlClient *client, GError *error);

/** ctl_client_read() - Take what has arrived into the inbox; false: over */
bool ctl_client_read(CtlClient *client);

/** ctl_client_write() - Give the socket what it takes of .out; false: over */
bool ctl_client_write(CtlClient *client);

/** ctl_client_queue() - Put a request into .out. Return: its id */
uint64_t ctl_client_queue(CtlClient *client, CtlCommand command,
                          JsonObject *arguments);

/** ctl_client_result() - Of an answer: what was returned, borrowed; NULL with
 * @error */
JsonObject *ctl_client_result(JsonObject *answer, GError **error);

/** ctl_client_wake() - Something waits in the inbox */
void ctl_client_wake(CtlClient *client);

/** ctl_client_detach() - Before it is freed */
void ctl_client_detach(CtlClient *client);

void ctl_client_unref(CtlClient *client);

#endif
