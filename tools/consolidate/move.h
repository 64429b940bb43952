/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * move.h - one guest on its way
 *
 *   connect ──> announce to vmferryd ──> its turn ──> libvirt migrates ──> over
 *                 nobody there ──────────────┘
 *
 * libvirt at the source migrates to the destination by itself (peer to peer), so
 * that the migration outlives us; the guest's definition goes along. Whoever
 * reserves bandwidth at the source is told before, and waits for its queue.
 *
 * By a slow link pages that are sent again are compressed (compress.h).
 *
 * Without vmferryd, a move can be held (hold.h): it begins so slowly that it leaves
 * the link to the one before, and is let go once that has sent everything. So
 * what libvirt needs at both ends of a migration costs the link nothing.
 */
#ifndef CONSOLIDATE_MOVE_H
#define CONSOLIDATE_MOVE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/known.h"
#include "virt/virt.h"

/* Strings are copied. */
typedef struct MoveSpec {
    const char *guest, *uuid;
    const char *from, *to;  /* libvirt URIs as we reach them */
    const char *migrate_to; /* as the source reaches the destination */
    const char *vmferryd;   /* control socket at the source; NULL: the usual one
                               if the source is this machine */
    bool autostart;         /* it is to start with its new host */
    uint64_t hold_bytes_s;  /* begin at that until move_release(); 0: at once */
    double patience_s;      /* of vmferryd */
    bool compresses;        /* what is sent again, by a slow link: */
    uint64_t link_bytes_s;  /* what it carries; 0: not known */
    Known free_bytes;       /* of the source's memory */
} MoveSpec;

typedef struct Move Move;

/* Exactly one of the last three comes, as the last of all. None is called from
 * within move_start() or move_cancel(). */
typedef struct MoveCallbacks {
    void (*note)(Move *move, const char *text, gpointer user);
    /* @via: whose queue it has waited in, in words; NULL: nobody's */
    void (*started)(Move *move, const char *via, gpointer user);
    /* @share: 0 to 1 of what there is to send; @bytes: sent so far; @left_s:
     * at the present rate, -1: not known */
    void (*progress)(Move *move, double share, uint64_t bytes, double left_s,
                     gpointer user);
    /* All that there was to send is sent, or it was given up */
    void (*sent)(Move *move, gpointer user);
    /* -1: nobody knows */
    void (*done)(Move *move, double took_s, double downtime_s, uint64_t bytes,
                 gpointer user);
    void (*failed)(Move *move, const char *why, gpointer user);
    /* The source's libvirt was lost on the way, and the hosts know how it ended,
     * or will */
    void (*lost)(Move *move, const char *why, gpointer user);
} MoveCallbacks;

/** move_start() - move_free() it, which may be done from its last callback */
Move *move_start(VirtPool *pool, const MoveSpec *spec,
                 const MoveCallbacks *callbacks, gpointer user);

/** move_cancel() - Give it up; the end comes by a callback, and may be that it
 * was too late */
void move_cancel(Move *move);

/** move_release() - It need not be held any more */
void move_release(Move *move);

/** move_free() - Of one that goes on nobody hears any more; it is not ended */
void move_free(Move *move);

#endif
