/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frames written down by hand, and what is to be read in them.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <glib.h>
#include <string.h>

#include "traffic/address.h"
#include "traffic/frame.h"

#define MACS "020000000002 020000000001 "
#define IP4 "45000054 00000000 4011 0000 0a000001 0a000002 "
#define IP6(next)                                                              \
    "60000000 0010 " next " 40 20010db8000000000000000000000001 "              \
    "20010db8000000000000000000000002 "
#define ARP                                                                    \
    "0806 0001 0800 06 04 0001 020000000001 0a000001 000000000000 0a000002 "

typedef struct FrameCase {
    char what[40];
    int link;
    char hex[400];
    bool understood;
    uint64_t source_mac;
    unsigned vlan; /* outer, inner << 12 */
    int ether_type;
    int ip, protocol;
    bool cut;
    char source[46], destination[46]; /* "": none */
} FrameCase;

ParameterizedTestParameters(frame, decode)
{
    static FrameCase cases[] = {
        { "IPv4", TRAFFIC_LINK_ETHERNET, MACS "0800" IP4 "00350035", true,
          0x020000000001, 0, 0x0800, 4, 17, false, "10.0.0.1", "10.0.0.2" },
        { "tag", TRAFFIC_LINK_ETHERNET, MACS "8100 2007 0800" IP4, true,
          0x020000000001, 7, 0x0800, 4, 17, false, "10.0.0.1", "10.0.0.2" },
        { "priority tag is no VLAN", TRAFFIC_LINK_ETHERNET,
          MACS "8100 e000 0800" IP4, true, 0x020000000001, 0, 0x0800, 4, 17,
          false, "10.0.0.1", "10.0.0.2" },
        { "QinQ", TRAFFIC_LINK_ETHERNET, MACS "88a8 0064 8100 0007 0800" IP4,
          true, 0x020000000001, 100 | 7 << 12, 0x0800, 4, 17, false, "10.0.0.1",
          "10.0.0.2" },
        { "old QinQ, two more tags", TRAFFIC_LINK_ETHERNET,
          MACS "9100 0001 8100 0002 8100 0003 8100 0004 86dd" IP6("3a"), true,
          0x020000000001, 1 | 2 << 12, 0x86dd, 6, 58, false, "2001:db8::1",
          "2001:db8::2" },
        { "five tags are too many", TRAFFIC_LINK_ETHERNET,
          MACS "8100 0001 8100 0002 8100 0003 8100 0004 8100 0005 0800" IP4,
          true, 0x020000000001, 1 | 2 << 12, 0x8100, 0, 0, false, "", "" },
        { "tag cut off", TRAFFIC_LINK_ETHERNET, MACS "8100 00", true,
          0x020000000001, 0, 0x8100, 0, 0, true, "", "" },
        { "IPv4 cut off", TRAFFIC_LINK_ETHERNET,
          MACS "0800 45000054 00000000 4011 0000 0a000001 0a0000", true,
          0x020000000001, 0, 0x0800, 0, 0, true, "", "" },
        { "IPv4 of version 5", TRAFFIC_LINK_ETHERNET,
          MACS "0800 55000054 00000000 4011 0000 0a000001 0a000002", true,
          0x020000000001, 0, 0x0800, 0, 0, false, "", "" },
        { "IPv4 with a header of 16", TRAFFIC_LINK_ETHERNET,
          MACS "0800 44000054 00000000 4011 0000 0a000001 0a000002", true,
          0x020000000001, 0, 0x0800, 0, 0, false, "", "" },
        { "0.0.0.0 is nobody", TRAFFIC_LINK_ETHERNET,
          MACS "0800 45000054 00000000 4011 0000 00000000 ffffffff", true,
          0x020000000001, 0, 0x0800, 4, 17, false, "", "255.255.255.255" },
        { "IPv6", TRAFFIC_LINK_ETHERNET, MACS "86dd" IP6("06"), true,
          0x020000000001, 0, 0x86dd, 6, 6, false, "2001:db8::1",
          "2001:db8::2" },
        { "IPv6, hop by hop, options, fragment", TRAFFIC_LINK_ETHERNET,
          MACS "86dd" IP6("00") "3c00000000000000 2c01000000000000"
                                "0000000000000000 1100000000000000",
          true, 0x020000000001, 0, 0x86dd, 6, 17, false, "2001:db8::1",
          "2001:db8::2" },
        { "IPv6, authentication counts in fours", TRAFFIC_LINK_ETHERNET,
          MACS "86dd" IP6("33") "0604000000000000 0000000000000000"
                                "0000000000000000",
          true, 0x020000000001, 0, 0x86dd, 6, 6, false, "2001:db8::1",
          "2001:db8::2" },
        { "IPv6, extension cut off", TRAFFIC_LINK_ETHERNET,
          MACS "86dd" IP6("2b") "06ff0000", true, 0x020000000001, 0, 0x86dd, 6,
          43, true, "2001:db8::1", "2001:db8::2" },
        { "IPv6, extension without a byte", TRAFFIC_LINK_ETHERNET,
          MACS "86dd" IP6("3c"), true, 0x020000000001, 0, 0x86dd, 6, 60, true,
          "2001:db8::1", "2001:db8::2" },
        { "IPv6, nine extensions", TRAFFIC_LINK_ETHERNET,
          MACS "86dd" IP6("00") "0000000000000000 0000000000000000"
                                "0000000000000000 0000000000000000"
                                "0000000000000000 0000000000000000"
                                "0000000000000000 0000000000000000",
          true, 0x020000000001, 0, 0x86dd, 6, 0, false, "2001:db8::1",
          "2001:db8::2" },
        { "IPv6 cut off", TRAFFIC_LINK_ETHERNET, MACS "86dd 60000000 0010",
          true, 0x020000000001, 0, 0x86dd, 0, 0, true, "", "" },
        { "ARP", TRAFFIC_LINK_ETHERNET, MACS ARP, true, 0x020000000001, 0,
          0x0806, 4, 0, false, "10.0.0.1", "10.0.0.2" },
        { "ARP in a VLAN", TRAFFIC_LINK_ETHERNET, MACS "8100 0009" ARP, true,
          0x020000000001, 9, 0x0806, 4, 0, false, "10.0.0.1", "10.0.0.2" },
        { "ARP of something else", TRAFFIC_LINK_ETHERNET,
          MACS "0806 0006 0800 06 04 0001 020000000001 0a000001"
               "000000000000 0a000002",
          true, 0x020000000001, 0, 0x0806, 0, 0, false, "", "" },
        { "ARP cut off", TRAFFIC_LINK_ETHERNET, MACS "0806 0001 0800 06 04",
          true, 0x020000000001, 0, 0x0806, 0, 0, true, "", "" },
        { "802.3 with a length", TRAFFIC_LINK_ETHERNET,
          MACS "0026 424203000000", true, 0x020000000001, 0, 0x0026, 0, 0,
          false, "", "" },
        { "13 bytes", TRAFFIC_LINK_ETHERNET, MACS "08", false, 0, 0, 0, 0, 0,
          false, "", "" },
        { "nothing", TRAFFIC_LINK_ETHERNET, "", false, 0, 0, 0, 0, 0, false, "",
          "" },
        { "cooked", TRAFFIC_LINK_SLL,
          "0000 0001 0006 020000000001 0000 0800" IP4, true, 0x020000000001, 0,
          0x0800, 4, 17, false, "10.0.0.1", "10.0.0.2" },
        { "cooked, of a tunnel", TRAFFIC_LINK_SLL,
          "0000 0300 0000 0000000000000000 0800" IP4, true, 0, 0, 0x0800, 4, 17,
          false, "10.0.0.1", "10.0.0.2" },
        { "cooked, cut off", TRAFFIC_LINK_SLL, "0000 0001 0006 0200", false, 0,
          0, 0, 0, 0, false, "", "" },
        { "cooked 2", TRAFFIC_LINK_SLL2,
          "86dd 0000 00000003 0001 00 06 020000000001 0000" IP6("06"), true,
          0x020000000001, 0, 0x86dd, 6, 6, false, "2001:db8::1",
          "2001:db8::2" },
        { "raw IPv4", TRAFFIC_LINK_RAW, IP4, true, 0, 0, 0x0800, 4, 17, false,
          "10.0.0.1", "10.0.0.2" },
        { "raw IPv6", TRAFFIC_LINK_RAW, IP6("11"), true, 0, 0, 0x86dd, 6, 17,
          false, "2001:db8::1", "2001:db8::2" },
        { "raw nothing", TRAFFIC_LINK_RAW, "", false, 0, 0, 0, 0, 0, false, "",
          "" },
    };

    return cr_make_param_array(FrameCase, cases, G_N_ELEMENTS(cases));
}

static size_t
from_hex(const char *hex, uint8_t *bytes)
{
    size_t n = 0;

    for (; *hex; hex++) {
        if (*hex == ' ') {
            continue;
        }
        bytes[n++] = (uint8_t)(g_ascii_xdigit_value(hex[0]) << 4 |
                               g_ascii_xdigit_value(hex[1]));
        hex++;
    }
    return n;
}

static void
expect_address(const FrameCase *c, const TrafficAddress *have, const char *want)
{
    TrafficAddress wanted = { { 0 } };

    cr_assert(!*want || traffic_address_parse(want, &wanted));
    cr_assert_eq(memcmp(have, &wanted, sizeof(wanted)), 0, "%s: not %s",
                 c->what, want);
}

ParameterizedTest(FrameCase *c, frame, decode)
{
    uint8_t bytes[200];
    size_t n = from_hex(c->hex, bytes);
    TrafficFrame frame = { .ether_type = 0x4711 };

    cr_assert_eq(
        traffic_frame_decode((TrafficLink)c->link, bytes, n, 1500, &frame),
        c->understood, "%s", c->what);
    if (!c->understood) {
        cr_assert_eq(frame.ether_type, 0x4711, "%s: it was written to",
                     c->what);
        return;
    }
    cr_assert_eq(frame.wire_bytes, 1500);
    cr_assert_eq(frame.source_mac, c->source_mac, "%s", c->what);
    cr_assert_eq(frame.destination_mac,
                 c->link == TRAFFIC_LINK_ETHERNET ? 0x020000000002u : 0u, "%s",
                 c->what);
    cr_assert_eq(frame.vlan, c->vlan, "%s: VLAN %x", c->what, frame.vlan);
    cr_assert_eq(frame.ether_type, c->ether_type, "%s: type %x", c->what,
                 frame.ether_type);
    cr_assert_eq(frame.ip, c->ip, "%s: IP %u", c->what, frame.ip);
    cr_assert_eq(frame.protocol, c->protocol, "%s: protocol %u", c->what,
                 frame.protocol);
    cr_assert_eq(frame.cut, c->cut, "%s", c->what);
    expect_address(c, &frame.source, c->source);
    expect_address(c, &frame.destination, c->destination);
}
