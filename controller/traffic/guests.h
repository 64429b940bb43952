/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guests.h - the ends of traffic: guests that are known, and networks outside
 *
 * A guest is known by its MAC address, else by an IP address of it; either may
 * be bound to a VLAN, for the same address in two VLANs can be two guests. Who
 * is not known is outside, and counted by the network that it is in.
 *
 * Guests may be added while their traffic is being counted. None can be taken
 * away: their numbers are kept by those that count. A guest of another host, of
 * which only the address is seen here, can be one too, called by its address
 * until its name is told.
 */
#ifndef TRAFFIC_GUESTS_H
#define TRAFFIC_GUESTS_H

#include <glib.h>

#include "traffic/frame.h"

/* Guests that may be known by nothing but their address. */
#define TRAFFIC_MOST_LEARNT 65536

#define TRAFFIC_ERROR (traffic_error_quark())
GQuark traffic_error_quark(void);
typedef enum {
    TRAFFIC_ERROR_SYNTAX,   /* no ADDRESS=NAME, or a document of another kind */
    TRAFFIC_ERROR_CONFLICT, /* an address that is somebody else's */
    TRAFFIC_ERROR_RANGE,    /* a number or a length that is too large */
} TrafficError;

typedef enum {
    TRAFFIC_END_GUEST,   /* .number */
    TRAFFIC_END_NAMED,   /* a network with a name: .number */
    TRAFFIC_END_NETWORK, /* .address / .bits, in .vlan */
    TRAFFIC_END_GROUP,   /* everybody: broadcast and multicast */
    TRAFFIC_END_OTHER,   /* neither known nor with an IP address */
    TRAFFIC_N_ENDS
} TrafficEndKind;

/* Compared byte by byte: what does not belong to the kind is zero. */
typedef struct TrafficEnd {
    uint32_t kind; /* TrafficEndKind */
    uint32_t number;
    uint32_t vlan;
    uint32_t bits; /* of 128: an IPv4 /24 has 120 */
    TrafficAddress address;
} TrafficEnd;
_Static_assert(sizeof(TrafficEnd) == 32, "no padding: it is compared whole");

typedef struct TrafficGuests TrafficGuests;

/**
 * traffic_guests_new() - Nobody is known yet
 * @bits4: Length of the networks that unknown IPv4 addresses are counted by,
 *         0 to 32
 * @bits6: Likewise of IPv6, 0 to 128
 */
TrafficGuests *traffic_guests_new(unsigned bits4, unsigned bits6);
TrafficGuests *traffic_guests_ref(TrafficGuests *guests);
void traffic_guests_unref(TrafficGuests *guests);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TrafficGuests, traffic_guests_unref)

/**
 * traffic_guests_add() - Tell whose an address is
 * @address: MAC or IP address, "52:54:00:12:34:56" or "10.0.0.7", then "@10" if
 *           it is so in VLAN 10 only, "@10.20" with two tags; or a network,
 *           "10.0.0.0/8", whose @name then stands for all unknown ends in it
 * @name: Valid UTF-8; of several addresses it is the same guest
 *
 * Of networks the longest that fits counts. To tell the same twice is fine.
 */
bool traffic_guests_add(TrafficGuests *guests, const char *address,
                        const char *name, GError **error);

/**
 * traffic_guests_learn() - Whoever has such a MAC address is a guest
 * @prefix: "52:54:00", one to six bytes
 *
 * One that is not known becomes a guest when it is met, and is called by its MAC
 * address. traffic_guests_add() gives it its name. From TRAFFIC_MOST_LEARNT on
 * those that are new are outside. Return: false with TRAFFIC_ERROR_SYNTAX
 */
bool traffic_guests_learn(TrafficGuests *guests, const char *prefix,
                          GError **error);

/**
 * traffic_guests_parse() - Lines "ADDRESS=NAME"; "#" begins a comment
 *
 * The error names the line; those before it have been added.
 */
bool traffic_guests_parse(TrafficGuests *guests, const char *text,
                          size_t length, GError **error);

/** traffic_guests_count() - How many guests there are, networks not counted */
size_t traffic_guests_count(const TrafficGuests *guests);

/** traffic_guests_name() - Of guest @number; lives until guests are added */
const char *traffic_guests_name(const TrafficGuests *guests, size_t number);

/** traffic_guests_ends() - Between whom was it? Guests may be learnt of it */
void traffic_guests_ends(TrafficGuests *guests, const TrafficFrame *frame,
                         TrafficEnd *from, TrafficEnd *to);

/** traffic_end_kind_name() - "guest", "named", "network", "multicast", "other" */
const char *traffic_end_kind_name(TrafficEndKind kind);

/**
 * traffic_end_read() - An end out of its kind's name and traffic_end_text()
 *
 * Guests and names of networks that are not known yet are added; a guest that is
 * called by its MAC address is the one that has it, if that is known. Return:
 * false with TRAFFIC_ERROR_SYNTAX
 */
bool traffic_end_read(TrafficGuests *guests, const char *kind, const char *text,
                      TrafficEnd *end, GError **error);

/** traffic_end_text() - "web1", "10.0.3.0/24", "10.0.3.0/24 vlan 7"; g_free() */
char *traffic_end_text(const TrafficGuests *guests, const TrafficEnd *end);

#endif
