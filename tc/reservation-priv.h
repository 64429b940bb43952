/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reservation-priv.h - inside of a reservation
 */
#ifndef TC_RESERVATION_PRIV_H
#define TC_RESERVATION_PRIV_H

#include "tc/reservation-site.h"
#include "tc/reservation.h"

struct Reservation {
    Site *site;
    int64_t opened_us; /* monotonic */
    int ifindex;
    LeaseKey key;
    uint16_t minor;
    uint32_t class_id;
    char *name;
    char **macs;
    char *warning;
};

void reservation_free(Reservation *reservation);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Reservation, reservation_free)

/**
 * reservation_enter() - Read lease and link anew, under the lock
 *
 * Return: our owner in the lease, borrowed; NULL with RESERVATION_ERROR_GONE if
 * somebody else has removed the share
 */
LeaseOwner *reservation_enter(Reservation *reservation, SiteDepth depth,
                              GError **error);

/** reservation_owner() - The same of what was read already, wherever that was
 * done */
LeaseOwner *reservation_owner(const Reservation *reservation, const Site *site,
                              GError **error);

/* The guest's own class in the lease, NULL: it has none. Once there it stays,
 * with rate 0 while it is not on the link: only the lease tells whose the class
 * is if we die while it comes or goes. */
LeaseGuard *reservation_application(const LeaseOwner *owner);

#endif
