/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * announce-priv.h - what is kept of an announced migration
 *
 * announce.c   from the announcement to its begin, and the announcer's end
 * waiting.c    whose turn it is
 */
#ifndef DAEMON_ANNOUNCE_PRIV_H
#define DAEMON_ANNOUNCE_PRIV_H

#include "daemon/daemon-priv.h"
#include "policy/queue.h"

struct Announced {
    Daemon *daemon;
    char *id; /* of the session to come */
    uint64_t number;
    uint64_t client;
    uid_t uid;
    char *program;
    char *uuid, *guest, *destination, *device;
    JsonObject *arguments;
    GArray *guards; /* ProtectedSpec */
    guint forget_source;

    /* waiting.c */
    bool waits;    /* for its turn; false: it may begin */
    bool has_link; /* .link is known; else nobody can be waited for */
    Link link;
    int64_t since_us; /* monotonic: announced */
    double bound_s;   /* it waits no longer; 0: not set yet */
    char *held_by;    /* NULL: it is not held */
    QueueSlot slot;   /* as last planned */
};

/** announced_lookup() - The rules that would hold for it now */
void announced_lookup(const Announced *announced, ConfigRules *rules);

/** announced_host() - Of its destination; g_free() it, NULL: none is named */
char *announced_host(const Announced *announced);

/** announced_admit() - It may begin: its minute runs from now */
void announced_admit(Announced *announced);

/* waiting.c */
/** waiting_enter() - It was announced with "queue"; may be admitted at once */
void waiting_enter(Announced *announced);

#endif
