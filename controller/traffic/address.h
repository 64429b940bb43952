/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * address.h - MAC and IP addresses as people write them
 *
 * Pure, and so without the C library's inet_pton(): no header of sockets here.
 */
#ifndef TRAFFIC_ADDRESS_H
#define TRAFFIC_ADDRESS_H

#include <glib.h>

#include "traffic/frame.h"

/** traffic_address_parse() - "10.0.0.1", "fe80::1"; false: it is none */
bool traffic_address_parse(const char *text, TrafficAddress *address);

/** traffic_address_is_ipv4() - Is it one of ::ffff:0:0/96? */
bool traffic_address_is_ipv4(const TrafficAddress *address);

/** traffic_address_is_group() - Multicast, or 255.255.255.255 */
bool traffic_address_is_group(const TrafficAddress *address);

/** traffic_address_mask() - Clear all but the first @bits of 128 */
void traffic_address_mask(TrafficAddress *address, unsigned bits);

/** traffic_address_append() - "10.0.0.1", or RFC 5952's form */
void traffic_address_append(GString *out, const TrafficAddress *address);

/** traffic_mac_parse() - "52:54:00:12:34:56", also with "-"; 0: it is none */
uint64_t traffic_mac_parse(const char *text);

#endif
