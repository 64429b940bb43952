/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reservation.h - one migration's share of a link, from request to clean-up
 *
 * The face of the tc folder towards programs: it joins link resolution, the
 * shaper's tree, the classifier and the lease that several migrations share.
 * Everything here talks to the kernel of the present network namespace and
 * needs CAP_NET_ADMIN unless said otherwise. No call blocks for longer than a
 * netlink round trip, but reservation_close(), which lets a backlog drain.
 */
#ifndef TC_RESERVATION_H
#define TC_RESERVATION_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/known.h"
#include "tc/link.h"

#define RESERVATION_ERROR (reservation_error_quark())
GQuark reservation_error_quark(void);
typedef enum {
    RESERVATION_ERROR_PERMISSION, /* no CAP_NET_ADMIN */
    RESERVATION_ERROR_FOREIGN,    /* a root qdisc that is not ours */
    RESERVATION_ERROR_RATE,       /* rate impossible on this link */
    RESERVATION_ERROR_EXPRESSION, /* a pcap expression does not compile */
    RESERVATION_ERROR_KERNEL,     /* the kernel refused or lacks something */
    RESERVATION_ERROR_BUSY,       /* lease held by somebody and not freed */
    RESERVATION_ERROR_GONE,       /* link vanished, or our tree was removed */
} ReservationError;

/* A TCP stream to classify: exact addresses and port. */
typedef struct StreamMatch {
    char source[46];           /* numeric IPv4 or IPv6, empty: any */
    char destination[46];      /* numeric, never empty */
    uint16_t source_port;      /* 0: any */
    uint16_t destination_port; /* never 0: the range overlaps ephemeral ports */
} StreamMatch;

typedef struct ProtectedSpec {
    char *expression; /* pcap filter */
    uint64_t rate_bytes_s;
} ProtectedSpec;

typedef struct ReservationSpec {
    const Link *link; /* resolved, with a rate */
    const char *name; /* of the guest, for messages and the lease */
    const char *uuid; /* of the guest */
    const ProtectedSpec *protected_specs;
    size_t n_protected;
    const char *guest_macs[8]; /* of the migrating guest, NULL-terminated:
                                  match of its application class */
    uint32_t parent;           /* class of a foreign HTB to join below; 0 */
    const char *run_dir;       /* NULL: /run/vmferry */
    const char *proc_dir;      /* NULL: /proc, tests use another */
} ReservationSpec;

typedef struct Reservation Reservation;

/**
 * reservation_plan() - Say what reservation_open() would change
 *
 * Needs no privilege and changes nothing.
 * Return: one change a line, g_free() it; NULL with @error
 */
char *reservation_plan(const ReservationSpec *spec, GError **error);

/**
 * reservation_open() - Build or join our tree on the link
 *
 * Collects the remains of dead owners first. On failure nothing is left
 * changed. The migration's class exists from here on, without a match and
 * with a hundredth of the link as its guarantee.
 */
Reservation *reservation_open(const ReservationSpec *spec, GError **error);

/** reservation_warning() - What the user should know, or NULL; borrowed */
const char *reservation_warning(const Reservation *reservation);

/** reservation_class_id() - Of the migration's class, as tc prints it: major in
 * the upper half */
uint32_t reservation_class_id(const Reservation *reservation);

/**
 * reservation_match() - Send the stream into the migration's class
 * @matches: All connections of the stream; replaces what was matched before
 */
bool reservation_match(Reservation *reservation, const StreamMatch *matches,
                       size_t n_matches, GError **error);

/**
 * reservation_set() - Change the guarantee in place, no packet lost
 * @guarantee_bytes_s: HTB rate of the migration's class
 * @ceiling_bytes_s: HTB ceil of it, at least the guarantee
 * @application_bytes_s: Rate of the guest's own class, 0 removes the class
 *
 * The class of everything else gets what the guarantees of all leave.
 */
bool reservation_set(Reservation *reservation, uint64_t guarantee_bytes_s,
                     uint64_t ceiling_bytes_s, uint64_t application_bytes_s,
                     GError **error);

typedef struct ReservationChange {
    Reservation *reservation;
    uint64_t guarantee_bytes_s, ceiling_bytes_s, application_bytes_s;
} ReservationChange;

/**
 * reservation_set_many() - The same for several of one link, as one change
 * @n: At least 1
 *
 * What they need together counts, not what one of them would need before
 * another is lowered. On failure all of them are as they were.
 */
bool reservation_set_many(const ReservationChange *changes, size_t n,
                          GError **error);

typedef struct ClassStats {
    uint64_t bytes;
    uint64_t packets;
    uint64_t drops;
    uint64_t overlimits;
    uint64_t backlog_bytes;
} ClassStats;

typedef struct ReservationStats {
    ClassStats migration;  /* ours */
    ClassStats migrations; /* all migrations on this link, ours included */
    ClassStats protected_classes; /* sum */
    ClassStats application;       /* the guest's own class, zero without */
    ClassStats rest;              /* everything else, control included */
    uint64_t link_bytes;          /* egress counter of the NIC */
    double others_bytes_s; /* guarantees of all but our migration's and its
                               guest's own class; the least that the rest
                               keeps and the control class included */
    double root_bytes_s;   /* rate of the root class */
    int64_t read_us;       /* monotonic: when all of it was counted */
    char device[16];       /* what the interface was called then */
} ReservationStats;

bool reservation_stats(Reservation *reservation, ReservationStats *stats,
                       GError **error);

/* What is on a link, read once for all who share it: the kernel lists all of a
 * link's classes or none. For one thread. */
typedef struct ReservationLook ReservationLook;

/** reservation_look_new() - Nothing is read yet; reservation_look_free() it
 * @ifindex: All who ask it have their share there */
ReservationLook *reservation_look_new(int ifindex);
void reservation_look_free(ReservationLook *look);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ReservationLook, reservation_look_free)

/**
 * reservation_stats_at() - As reservation_stats(), out of a shared look
 * @look: Of the link it is on
 * @since_us: Monotonic: older than that is read anew; so is what says that the
 *            share is gone, and what is from before it was there
 *
 * Rates are those of that moment: what was set since is not in them.
 */
bool reservation_stats_at(Reservation *reservation, ReservationLook *look,
                          int64_t since_us, ReservationStats *stats,
                          GError **error);

/**
 * reservation_close() - Give the share back; frees @reservation
 *
 * Raises ceilings, lets the backlog drain (at most 2 s), deletes our class;
 * the last one out removes the tree, and the kernel's default root is back.
 */
bool reservation_close(Reservation *reservation, GError **error);

/** reservation_close_running() - The same for a stream that goes on: what is
 * queued gets a tenth of a second */
bool reservation_close_running(Reservation *reservation, GError **error);

/** reservation_close_at_once() - The same where many are closed: what is queued
 * is sent again by whoever sent it */
bool reservation_close_at_once(Reservation *reservation, GError **error);

/**
 * reservation_clear() - Remove what is ours and whose owner is dead
 * @device: Only there; NULL: on every link of this namespace
 * @force: Also what a living owner holds
 * @report: Set to what was done, a line each; g_free() it
 */
bool reservation_clear(const char *device, bool force, const char *run_dir,
                       char **report, GError **error);

#endif
