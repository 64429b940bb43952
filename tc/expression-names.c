/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * expression-names.c - which word of a pcap expression would be looked up
 *
 * Of a word that is no keyword, no number and no address libpcap takes what
 * stands before it for its kind: after "port" a service, after "proto" a
 * protocol, both out of files of this host; after anything else the name of a
 * host or a network, which may be asked for far away. So the words are read
 * here as pcap-filter(7) has them. One that is not known here is taken for a
 * name: whoever must not wait had rather refuse one too many.
 */
#include <string.h>

#include "tc/expression.h"

/* What is no part of a word. A backslash is: it makes a name of a keyword. */
#define BETWEEN " \t\r\n()[]!&|<>=+*^%,/"

static const char *const joining[] = { "and", "or", "not", NULL };

/* What follows them is looked up in files, if at all. */
static const char *const local[] = { "port",       "portrange", "proto",
                                     "protochain", "llc",       NULL };

static const char *const keywords[] = {
    "dst", "src", "link", "ether", "ppp", "slip", "fddi", "tr", "wlan", "arp",
    "rarp", "ip", "sctp", "tcp", "udp", "icmp", "igmp", "igrp", "pim", "vrrp",
    "carp", "radio", "ip6", "icmp6", "ah", "esp", "atalk", "aarp", "decnet",
    "lat", "sca", "moprc", "mopdl", "iso", "esis", "es-is", "isis", "is-is",
    "clnp", "stp", "ipx", "netbeui", "host", "net", "mask", "gateway", "less",
    "greater", "byte", "broadcast", "multicast", "len", "length", "inbound",
    "outbound", "vlan", "mpls", "pppoed", "pppoes", "geneve", "lane",
    /* offsets and values of header fields */
    "icmptype", "icmpcode", "icmp-echoreply", "icmp-unreach",
    "icmp-sourcequench", "icmp-redirect", "icmp-echo", "icmp-routeradvert",
    "icmp-routersolicit", "icmp-timxceed", "icmp-paramprob", "icmp-tstamp",
    "icmp-tstampreply", "icmp-ireq", "icmp-ireqreply", "icmp-maskreq",
    "icmp-maskreply", "icmp6type", "icmp6code", "icmp6-echo", "icmp6-echoreply",
    "icmp6-destinationunreach", "icmp6-packettoobig", "icmp6-timeexceeded",
    "icmp6-parameterproblem", "icmp6-multicastlistenerquery",
    "icmp6-multicastlistenerreportv1", "icmp6-multicastlistenerreportv2",
    "icmp6-multicastlistenerdone", "icmp6-routersolicit", "icmp6-routeradvert",
    "icmp6-neighborsolicit", "icmp6-neighboradvert", "icmp6-redirect",
    "icmp6-routerrenum", "icmp6-nodeinformationquery",
    "icmp6-nodeinformationresponse", "tcpflags", "tcp-fin", "tcp-syn",
    "tcp-rst", "tcp-push", "tcp-ack", "tcp-urg", "tcp-ece", "tcp-cwr", NULL
};

/* "10.0.0.0", "0x1f", "443", "1000-2000" */
static bool
is_number(const char *word)
{
    return g_ascii_isdigit(*word) &&
           (word[strspn(word, "0123456789.-")] == '\0' ||
            (word[0] == '0' && (word[1] == 'x' || word[1] == 'X') &&
             word[2 + strspn(word + 2, "0123456789abcdefABCDEF")] == '\0'));
}

/* A MAC with its dashes or dots; what holds a colon is IPv6, a MAC, or a slice
 * of a header, and no name. */
static bool
is_address(const char *word)
{
    unsigned marks = 0;

    if (strchr(word, ':') || *word == '$') {
        return true;
    }
    for (const char *c = word; *c; c++) {
        marks += *c == '-' || *c == '.';
        if (!g_ascii_isxdigit(*c) && *c != '-' && *c != '.') {
            return false;
        }
    }
    return marks == 5 || (marks == 2 && strlen(word) == 14);
}

char *
expression_host_name(const char *expression)
{
    bool stays_here = false;
    const char *at = expression;

    while (*(at += strspn(at, BETWEEN))) {
        size_t length = strcspn(at, BETWEEN);
        g_autofree char *word = g_strndup(at, length);
        bool escaped = *word == '\\';

        at += length;
        if (!escaped && g_strv_contains(joining, word)) {
            continue; /* "port 80 or http": the kind stays */
        }
        if (!escaped && g_strv_contains(local, word)) {
            stays_here = true;
        } else if (!escaped && g_strv_contains(keywords, word)) {
            stays_here = false;
        } else if (!stays_here &&
                   (escaped || (!is_number(word) && !is_address(word)))) {
            return g_strdup(escaped ? word + 1 : word);
        }
    }
    return NULL;
}
