/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * daemon-priv.h - inside of vmferryd
 *
 * main.c       words of the command line, signals, the loop
 * lock.c       one daemon a host
 * daemon.c     its life: connection, signs of migrations, the end
 * outgoing.c   one migration that leaves this host, and its session
 * sockets.c    which connections are whose
 * shaping.c    classes of those that are steered; how they are kept
 * records.c    what remains of each
 */
#ifndef DAEMON_PRIV_H
#define DAEMON_PRIV_H

#include "daemon/config.h"
#include "daemon/daemon.h"
#include "daemon/disabled.h"
#include "daemon/log.h"
#include "daemon/notify.h"
#include "session/session.h"
#include "virt/watch.h"

typedef enum {
    FORCE_YES,
    FORCE_MODE,      /* observed or advised only */
    FORCE_NO_STREAM, /* not found yet */
    FORCE_AMBIGUOUS, /* shares the class of others until bytes tell */
    FORCE_LINK,      /* its rate is not known, or it is gone */
    FORCE_KERNEL,    /* the kernel refused, or a root that is not ours */
    FORCE_GIVEN_UP,  /* our tree was removed again and again */
    FORCE_N_STATES
} ForceState;

const char *force_state_name(ForceState state); /* "no-stream", ... */

/* A migration that leaves this host. */
typedef struct Outgoing {
    Daemon *daemon;
    char *id; /* unique on this host */
    char *uuid, *name;
    int64_t noticed_us; /* monotonic: the first sign of it */
    Session *session;
    bool ended;
    guint forget_source;
    ConfigRules rules;

    Link link;
    bool has_link;
    int64_t pid; /* of its QEMU, 0: not known */

    /* sockets.c */
    GArray *inodes;     /* uint64_t; NULL: we may not look */
    bool inodes_failed; /* said once */
    GArray *owned;  /* StreamMatch, beyond doubt; they are never taken off */
    GArray *shared; /* StreamMatch, of the group it is in */
    int group;      /* -1: none */
    StreamMatch endpoint;     /* of the first of them */
    bool found;               /* .endpoint is set */
    uint64_t wire_bytes;      /* of its own connections, closed ones included */
    uint64_t rate_sent_bytes; /* as of .rate_at_us */
    int64_t rate_at_us;
    double sent_bytes_s;

    /* shaping.c */
    Reservation *reservation;
    ForceState force;
    char *why_not; /* in words; NULL if it is in force */
    bool has_decision;
    PolicyDecision decision; /* the last that it took */
    GArray *matched;         /* StreamMatch, in its class now */
    uint64_t set_guarantee_bytes_s, set_ceiling_bytes_s,
        set_application_bytes_s; /* of its class now */
    unsigned repairs;
    bool had_class;
    uint64_t class_bytes_before; /* of classes that are gone */
    uint64_t class_bytes_now;
} Outgoing;

struct Daemon {
    DaemonOptions options;
    DaemonConfig *config;
    int lock; /* descriptor */
    GMainLoop *loop;
    bool stopping;
    Notify *notify;
    Disabled *disabled;
    VirtPool *pool;
    VirtHost *host; /* NULL: not connected */
    VirtWatch *watch;
    guint connect_source;
    unsigned attempts;
    bool begun; /* what an earlier one left has been cleared */

    GHashTable *noticed; /* uuid -> Noticed *: being looked at */
    GHashTable *alone;   /* uuid -> why it is left alone, said once */
    GPtrArray *outgoing; /* Outgoing * */
    unsigned n_ids;

    GArray *streams; /* StreamInfo, as last listed */
    int64_t listed_us;
    GHashTable *strangers; /* inode -> when first seen, monotonic */
    guint search_source;
};

/* outgoing.c: with guest, migration and reason as fields of their own in the
 * journal */
void outgoing_log(const Outgoing *outgoing, GLogLevelFlags level,
                  const char *event, const char *reason, const char *format,
                  ...) G_GNUC_PRINTF(5, 6);

/* lock.c */
int daemon_lock(const char *run_dir, GError **error);

/* daemon.c */
Outgoing *daemon_outgoing(Daemon *daemon, const char *uuid);

/* outgoing.c */
Outgoing *outgoing_begin(Daemon *daemon, VirtGuest *guest, int64_t noticed_us,
                         const VirtLimits *limits);
void outgoing_free(Outgoing *outgoing);
void outgoing_found(Outgoing *outgoing); /* its stream, or its group */
void outgoing_pick_rules(Outgoing *outgoing);

/* sockets.c */
void sockets_look(Daemon *daemon, bool now);
void sockets_search(Daemon *daemon); /* look often while one is not found */
GArray *sockets_of(Outgoing *outgoing);
uint64_t sockets_wire_bytes(const Daemon *daemon, int ifindex);
void sockets_forget(Outgoing *outgoing);

/* shaping.c */
void shaping_open(Outgoing *outgoing);
void shaping_apply(Daemon *daemon, int ifindex);
bool shaping_set(Outgoing *outgoing, const PolicyDecision *decision,
                 GError **error);
bool shaping_stats(Outgoing *outgoing, ReservationStats *stats, GError **error);
Known shaping_close(Outgoing *outgoing);

/* records.c */
void records_keep(Outgoing *outgoing, RunRecord *record);

#endif
