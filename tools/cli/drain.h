/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * drain.h - a host that is emptied: guests, where they go, in which order
 *
 *   look ──> spread ──> order ──> run, by the order, made anew each time one
 *                                 of them ends
 *
 * Pure. A guest has one status; whoever changes it writes the state file and
 * shows it. What keeps a guest here is a list of sentences.
 */
#ifndef CLI_DRAIN_H
#define CLI_DRAIN_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/known.h"
#include "policy/queue.h"

/* From the end of one to the first byte of the next: libvirt's preparation on
 * both hosts, as long as it has not been seen. */
#define DRAIN_BETWEEN_S 1.0

typedef enum {
    DRAIN_STAYS,  /* something keeps it here, or it is excluded */
    DRAIN_WAITS,  /* for its turn */
    DRAIN_RUNS,   /* is being migrated */
    DRAIN_MOVED,  /* runs on its destination */
    DRAIN_FAILED, /* was tried; .why tells */
    DRAIN_GONE,   /* ended by itself before its turn */
    DRAIN_N_STATUSES
} DrainStatus;

const char *drain_status_name(DrainStatus status); /* "stays", "waits", ... */
bool drain_status_parse(const char *name, DrainStatus *status);

typedef struct DrainLink {
    char *device;
    char *chain; /* for people */
    double rate_bytes_s;
} DrainLink;

typedef struct DrainHost {
    char *uri;
    char *name;
    Known free_bytes; /* of plain memory, for guests */
    int link;         /* index; -1: not known */
} DrainHost;

typedef struct DrainGuest {
    char *uuid;
    char *name;
    uint64_t memory_bytes;
    bool plain_memory; /* of what .free_bytes counts, not of huge pages */
    bool persistent;
    bool autostart;
    bool excluded;        /* by the user */
    GPtrArray *obstacles; /* char *, why it stays */
    GPtrArray *cautions;  /* char * */
    GPtrArray *refusals; /* char *, by host: why not there; NULL: it takes it */
    QueueCurve curve;
    bool intensive;      /* its application uses much of the link */
    double need_bytes_s; /* so much */
    int host;            /* where it goes; -1: nowhere */
    DrainStatus status;
    char *why; /* it failed; NULL otherwise */
    bool lost; /* nobody knows how its migration ended: to be looked at anew */
    /* of the plan, as of drain_order() */
    QueueSlot slot;
    /* while it waits and runs */
    double waited_s;
    double bound_s; /* it waits no longer than that */
    double done;    /* share, 0..1; never shrinks */
    unsigned iter;  /* pass under way */
    Known remaining_bytes, rate_bytes_s, end_s;
    double first_pass_bytes; /* that are not zero; 0: not known */
    double sent_bytes;       /* so far */
    bool stopped;            /* for the switchover */
    bool sent;               /* all of it; what is left to do is libvirt's */
    Known closing_at_s; /* when its end came near, of drain_hold()'s time */
    bool ends_next;     /* before the others of its link, and soon */
    bool held;          /* for the sake of that one */
    /* when it has moved */
    Known total_s, downtime_s, bytes;
} DrainGuest;

typedef struct Drain {
    char *source_uri;
    char *source_name;
    char *source_uuid; /* of the host; NULL: not known */
    GPtrArray *links;  /* DrainLink * */
    GPtrArray *hosts;  /* DrainHost * */
    GPtrArray *guests; /* DrainGuest *, in the order of names */
    unsigned stopped;  /* guests that are defined and do not run: not ours */
    double between_s; /* from the word to the first byte, as seen; 0: not yet */
    double looked_s;  /* it took so long to see what there is */
    /* of the plan */
    double total_s;   /* until the last one has moved; INFINITY */
    double at_once_s; /* ... if all were started now */
} Drain;

Drain *drain_new(void);
void drain_free(Drain *drain);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Drain, drain_free)

DrainGuest *drain_guest_new(const char *uuid, const char *name);
void drain_guest_free(DrainGuest *guest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DrainGuest, drain_guest_free)

DrainHost *drain_host_new(const char *uri, const char *name);

/** drain_link() - Index of a link by its device; a new one if there is none */
int drain_link(Drain *drain, const char *device, const char *chain,
               double rate_bytes_s);

/** drain_guest_find() - By UUID or name; NULL */
DrainGuest *drain_guest_find(const Drain *drain, const char *which);

/** drain_guest_keep() - Something keeps it here; takes @text */
void drain_guest_keep(DrainGuest *guest, char *text);

/**
 * drain_spread() - Choose a destination for all that are free to go
 *
 * The largest guest first, each to the host that has the most memory left of
 * those that take it. A guest for which no host is left stays, with what each
 * of them lacks. Guests with a destination keep it, and its memory is counted.
 */
void drain_spread(Drain *drain);

/**
 * drain_order() - Who goes when
 * @share: Of a link's rate that migrations may be promised, 0..1
 * @taken_bytes_s: Of each link, promised to others
 * @parallel: At once on a link at most; 0: no limit
 *
 * Sets .slot of all that wait or run, and .bound_s of those that had none:
 * twice the plan and two minutes.
 */
void drain_order(Drain *drain, double share, double taken_bytes_s,
                 unsigned parallel);

/** drain_left_s() - How long one that runs still takes with that bandwidth */
double drain_left_s(const DrainGuest *guest, double rate_bytes_s);

/**
 * drain_hold() - Who is to wait at its floor while another one ends
 * @share: Of a link's rate that migrations have
 * @now_s: On any clock that does not run backwards
 *
 * Sets .held of all that run: those on a link on which one is about to stop its
 * guest, or has, but that one. For 20 s at most as long as it has not.
 */
void drain_hold(Drain *drain, double share, double now_s);

/** drain_count() - How many guests have that status */
unsigned drain_count(const Drain *drain, DrainStatus status);

/**
 * drain_exit_status() - 0: all have moved; 3: some; 1: none
 * @planned: Those that wait count as moved: the status of a plan
 *
 * Guests that the user excluded do not count, nor those that ended by
 * themselves; where nobody was left to move, all have.
 */
int drain_exit_status(const Drain *drain, bool planned);

#endif
