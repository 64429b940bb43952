/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * frame.c - see frame.h
 *
 *   Ethernet   destination 6 | source 6 | type 2
 *   tag        0x8100, 0x88a8, 0x9100 as type, then id 2 | type 2
 *   SLL        kind 2 | hardware 2 | length 2 | source 8 | type 2
 *   SLL2       type 2 | - 2 | interface 4 | hardware 2 | kind 1 | length 1 |
 *              source 8
 *
 * Every step asks whether its bytes are there; what is not there is left at
 * zero and the frame is marked as cut.
 */
#include "traffic/frame.h"

#include <string.h>

enum {
    TYPE_IPV4 = 0x0800,
    TYPE_ARP = 0x0806,
    TYPE_TAG = 0x8100,
    TYPE_TAG_OLD = 0x9100,
    TYPE_TAG_SERVICE = 0x88a8,
    TYPE_IPV6 = 0x86dd,
};

#define MOST_TAGS 4       /* the ids of two are kept */
#define MOST_EXTENSIONS 8 /* more are nobody's honest packet */

/* What is left to read. */
typedef struct Bytes {
    const uint8_t *at;
    size_t left;
} Bytes;

static const uint8_t *
take(Bytes *bytes, size_t n)
{
    const uint8_t *at = bytes->at;

    if (bytes->left < n) {
        return NULL;
    }
    bytes->at += n;
    bytes->left -= n;
    return at;
}

static uint16_t
get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint64_t
get_mac(const uint8_t *at)
{
    uint64_t mac = 0;

    for (int i = 0; i < 6; i++) {
        mac = mac << 8 | at[i];
    }
    return mac;
}

static void
set_ipv4(TrafficAddress *address, const uint8_t *at)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    static const uint8_t nobody[4];

    /* 0.0.0.0 is who has no address yet */
    if (memcmp(at, nobody, sizeof(nobody)) != 0) {
        memcpy(address->bytes, mapped, sizeof(mapped));
        memcpy(address->bytes + sizeof(mapped), at, 4);
    }
}

static void
decode_ipv4(Bytes bytes, TrafficFrame *frame)
{
    const uint8_t *header = take(&bytes, 20);

    if (!header) {
        frame->cut = true;
        return;
    }
    if (header[0] >> 4 != 4 || (header[0] & 15) < 5) {
        return;
    }
    frame->ip = 4;
    frame->protocol = header[9];
    set_ipv4(&frame->source, header + 12);
    set_ipv4(&frame->destination, header + 16);
}

/* Length of an extension header; 0: it is none */
static size_t
extension_bytes(uint8_t protocol, const uint8_t *first)
{
    switch (protocol) {
    case 0:   /* hop by hop */
    case 43:  /* routing */
    case 60:  /* destination options */
    case 135: /* mobility */
    case 139: /* host identity */
    case 140: /* shim6 */
        return 8 + 8 * (size_t)first[1];
    case 44: /* fragment */
        return 8;
    case 51: /* authentication */
        return 8 + 4 * (size_t)first[1];
    default:
        return 0;
    }
}

static bool
is_extension(uint8_t protocol)
{
    static const uint8_t shortest[2];

    return extension_bytes(protocol, shortest) > 0;
}

static void
decode_ipv6(Bytes bytes, TrafficFrame *frame)
{
    const uint8_t *header = take(&bytes, 40);
    uint8_t next;

    if (!header) {
        frame->cut = true;
        return;
    }
    if (header[0] >> 4 != 6) {
        return;
    }
    frame->ip = 6;
    memcpy(frame->source.bytes, header + 8, 16);
    memcpy(frame->destination.bytes, header + 24, 16);
    next = header[6];
    for (int i = 0; is_extension(next) && i < MOST_EXTENSIONS; i++) {
        const uint8_t *first = bytes.left >= 2 ? bytes.at : NULL;

        if (!first || !take(&bytes, extension_bytes(next, first))) {
            frame->cut = true;
            break;
        }
        next = first[0];
    }
    frame->protocol = next;
}

static void
decode_arp(Bytes bytes, TrafficFrame *frame)
{
    static const uint8_t kind[6] = { 0, 1, TYPE_IPV4 >> 8, 0, 6, 4 };
    const uint8_t *arp = take(&bytes, 28);

    if (!arp) {
        frame->cut = true;
        return;
    }
    if (memcmp(arp, kind, sizeof(kind)) == 0) {
        frame->ip = 4;
        set_ipv4(&frame->source, arp + 14);
        set_ipv4(&frame->destination, arp + 24);
    }
}

/* Tags, then what they are around. */
static void
decode_type(Bytes bytes, uint16_t type, TrafficFrame *frame)
{
    for (int tags = 0; tags < MOST_TAGS; tags++) {
        const uint8_t *tag;

        if (type != TYPE_TAG && type != TYPE_TAG_SERVICE &&
            type != TYPE_TAG_OLD) {
            break;
        }
        tag = take(&bytes, 4);
        if (!tag) {
            frame->cut = true;
            break;
        }
        if (tags < 2) {
            frame->vlan |= (get16(tag) & 0xfffu) << (12 * tags);
        }
        type = get16(tag + 2);
    }
    frame->ether_type = type;
    if (frame->cut) {
        return;
    }
    if (type == TYPE_IPV4) {
        decode_ipv4(bytes, frame);
    } else if (type == TYPE_IPV6) {
        decode_ipv6(bytes, frame);
    } else if (type == TYPE_ARP) {
        decode_arp(bytes, frame);
    }
}

bool
traffic_frame_decode(TrafficLink link, const uint8_t *data, size_t length,
                     uint32_t wire_bytes, TrafficFrame *frame)
{
    Bytes bytes = { data, length };
    TrafficFrame found = { .wire_bytes = wire_bytes };
    const uint8_t *header;

    switch (link) {
    case TRAFFIC_LINK_ETHERNET:
        header = take(&bytes, 14);
        if (!header) {
            return false;
        }
        found.destination_mac = get_mac(header);
        found.source_mac = get_mac(header + 6);
        decode_type(bytes, get16(header + 12), &found);
        break;
    case TRAFFIC_LINK_SLL:
        header = take(&bytes, 16);
        if (!header) {
            return false;
        }
        found.source_mac = get16(header + 4) == 6 ? get_mac(header + 6) : 0;
        decode_type(bytes, get16(header + 14), &found);
        break;
    case TRAFFIC_LINK_SLL2:
        header = take(&bytes, 20);
        if (!header) {
            return false;
        }
        found.source_mac = header[11] == 6 ? get_mac(header + 12) : 0;
        decode_type(bytes, get16(header), &found);
        break;
    case TRAFFIC_LINK_RAW:
        if (length < 1) {
            return false;
        }
        decode_type(bytes, data[0] >> 4 == 6 ? TYPE_IPV6 : TYPE_IPV4, &found);
        break;
    case TRAFFIC_N_LINKS:
    default:
        return false;
    }
    *frame = found;
    return true;
}
