/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * frame.h - who sent a frame to whom, out of its first bytes
 *
 * Pure: bytes in, addresses out. Nothing is allocated, and no byte beyond those
 * given is read, however a frame lies about its lengths.
 */
#ifndef TRAFFIC_FRAME_H
#define TRAFFIC_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a frame begins with. */
typedef enum {
    TRAFFIC_LINK_ETHERNET,
    TRAFFIC_LINK_SLL,  /* Linux "cooked", of captures on "any" */
    TRAFFIC_LINK_SLL2, /* the same with the interface's number */
    TRAFFIC_LINK_RAW,  /* an IP header */
    TRAFFIC_N_LINKS
} TrafficLink;

/* Enough of a frame: two tags, IPv6, some extension headers. */
#define TRAFFIC_SNAP_BYTES 128

/* An IPv6 address; of IPv4 it is ::ffff:a.b.c.d. All zero: not known. */
typedef struct TrafficAddress {
    uint8_t bytes[16];
} TrafficAddress;

typedef struct TrafficFrame {
    uint32_t wire_bytes;      /* its length on the wire, as the capture tells */
    uint64_t source_mac;      /* 48 bits; 0: not known */
    uint64_t destination_mac; /* likewise */
    uint32_t vlan;            /* outer id, inner id << 12; 0: no tag */
    uint16_t ether_type;      /* behind the tags; a length below 0x600 */
    uint8_t ip;               /* 4, 6; of ARP 4; 0: no address is known */
    uint8_t protocol;         /* behind IPv6's extension headers */
    bool cut;                 /* bytes were missing for some of the above */
    TrafficAddress source, destination;
} TrafficFrame;

#define TRAFFIC_MAC_GROUP_BIT (UINT64_C(1) << 40) /* multicast, broadcast */

/**
 * traffic_frame_decode() - Read a frame's addresses
 * @link: What @data begins with
 * @data: @length bytes, the beginning of the frame
 * @wire_bytes: Length of all of it
 * @frame: Set on success
 *
 * A frame that ends within its IP header still has its MAC addresses, and says
 * that it was cut. Of IPv6 with a routing header the destination is the next
 * stop. Return: false if not even the link's header is there
 */
bool traffic_frame_decode(TrafficLink link, const uint8_t *data, size_t length,
                          uint32_t wire_bytes, TrafficFrame *frame);

#endif
