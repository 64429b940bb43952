/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shaper-match.c - see shaper-match.h
 *
 * The u32 selectors, with offsets from the network header:
 *
 *   -8  source MAC, first four bytes
 *   -4  source MAC, last two; ethertype
 *    0  IPv4: version and header length (0x45: no options), IPv6: version
 *    4  IPv4: fragment offset, IPv6: next header
 *    8  IPv4: protocol, IPv6: source ..
 *   12  IPv4: source, 16 destination, 20 ports; IPv6: 24 destination, 40 ports
 *
 * Packets with IPv4 options or IPv6 extension headers are not matched by
 * either classifier's port tests; the kernel's TCP sends none.
 */
#include "tc/shaper-match.h"

#include <arpa/inet.h>
#include <string.h>

#include "tc/shaper.h"

#define ETHERTYPE_AT (-4)
#define ETHERTYPE_IP 0x0800u
#define ETHERTYPE_IP6 0x86ddu
#define PROTOCOL_ICMP 1u
#define PROTOCOL_TCP 6u
#define PROTOCOL_ICMP6 58u

/* ssh and libvirt's plain and TLS listeners */
static const uint16_t control_ports[] = { 22, 16509, 16514 };

void
shaper_filter_clear(ShaperFilter *filter)
{
    g_clear_pointer(&filter->expression, g_free);
}

GArray *
shaper_filters_new(void)
{
    GArray *filters = g_array_new(FALSE, TRUE, sizeof(ShaperFilter));

    g_array_set_clear_func(filters, (GDestroyNotify)shaper_filter_clear);
    return filters;
}

void
shaper_filter_copy(GArray *filters, const ShaperFilter *filter)
{
    ShaperFilter copy = *filter;

    copy.expression = g_strdup(filter->expression);
    g_array_append_val(filters, copy);
}

/* The same match twice is one filter. */
static void
filter_add(GArray *filters, const ShaperFilter *filter)
{
    for (guint i = 0; i < filters->len; i++) {
        const ShaperFilter *have = &g_array_index(filters, ShaperFilter, i);

        if (have->class_id == filter->class_id && have->pref == filter->pref &&
            strcmp(have->key, filter->key) == 0) {
            return;
        }
    }
    shaper_filter_copy(filters, filter);
}

static void
filter_add_bpf(GArray *filters, uint32_t class_id, uint16_t pref,
               const char *expression)
{
    ShaperFilter filter = {
        .class_id = class_id,
        .pref = pref,
        .classifier = SHAPER_CLASSIFIER_BPF,
        .expression = (char *)expression, /* copied below */
    };
    /* with the class: two owners may match the same */
    g_autofree char *text = g_strdup_printf("%x %s", class_id, expression);
    g_autofree char *hash =
        g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);

    hash[6] = '\0';
    filter.handle =
        SHAPER_BPF_HANDLE | (uint32_t)g_ascii_strtoull(hash, NULL, 16);
    shaper_filter_seal_bpf(&filter);
    filter_add(filters, &filter);
}

void
shaper_filter_seal_bpf(ShaperFilter *filter)
{
    if ((filter->handle & 0xff000000u) == SHAPER_BPF_HANDLE) {
        g_snprintf(filter->key, sizeof(filter->key), "vmferry %06x",
                   filter->handle & 0xffffffu);
    }
}

void
shaper_filter_seal_u32(ShaperFilter *filter)
{
    g_autofree char *hash = g_compute_checksum_for_data(
        G_CHECKSUM_SHA256, (const guchar *)filter->keys,
        filter->n_keys * sizeof(filter->keys[0]));

    g_snprintf(filter->key, sizeof(filter->key), "u32 %.16s", hash);
}

static void
key_add(ShaperFilter *filter, int32_t offset, uint32_t mask, uint32_t value)
{
    g_assert(filter->n_keys < SHAPER_U32_KEYS_MAX);
    filter->keys[filter->n_keys++] =
        (ShaperU32Key){ .value = value & mask, .mask = mask, .offset = offset };
}

static void
key_add_address6(ShaperFilter *filter, int32_t offset,
                 const struct in6_addr *address)
{
    for (int i = 0; i < 4; i++) {
        uint32_t word;

        memcpy(&word, address->s6_addr + 4 * i, sizeof(word));
        key_add(filter, offset + 4 * i, UINT32_MAX, ntohl(word));
    }
}

/* IPv4 without options and not a later fragment, or IPv6. */
static void
key_add_protocol(ShaperFilter *filter, bool ip6, uint32_t protocol)
{
    key_add(filter, ETHERTYPE_AT, 0xffff, ip6 ? ETHERTYPE_IP6 : ETHERTYPE_IP);
    if (ip6) {
        key_add(filter, 4, 0xff00, protocol << 8);
    } else {
        key_add(filter, 0, 0xff000000, 0x45000000);
        key_add(filter, 4, 0x1fff, 0);
        key_add(filter, 8, 0xff0000, protocol << 16);
    }
}

static void
key_add_ports(ShaperFilter *filter, bool ip6, uint16_t source,
              uint16_t destination)
{
    key_add(filter, ip6 ? 40 : 20,
            (source ? 0xffff0000u : 0u) | (destination ? 0xffffu : 0u),
            (uint32_t)source << 16 | destination);
}

static void
filter_add_u32(GArray *filters, ShaperFilter *filter, uint32_t class_id,
               uint16_t pref)
{
    filter->class_id = class_id;
    filter->pref = pref;
    filter->classifier = SHAPER_CLASSIFIER_U32;
    shaper_filter_seal_u32(filter);
    filter_add(filters, filter);
}

bool
shaper_match_stream(GArray *filters, ShaperClassifier classifier,
                    uint32_t class_id, const StreamMatch *match, GError **error)
{
    struct in_addr source4, destination4;
    struct in6_addr source6, destination6;
    bool any = match->source[0] == '\0';
    bool ip4 = inet_pton(AF_INET, match->destination, &destination4) == 1 &&
               (any || inet_pton(AF_INET, match->source, &source4) == 1);
    bool ip6 = !ip4 &&
               inet_pton(AF_INET6, match->destination, &destination6) == 1 &&
               (any || inet_pton(AF_INET6, match->source, &source6) == 1);

    if (!ip4 && !ip6) {
        g_set_error(error, SHAPER_ERROR, SHAPER_ERROR_MATCH,
                    "stream from '%s' to '%s': not two numeric addresses of "
                    "one family",
                    match->source, match->destination);
        return false;
    }
    if (match->destination_port == 0) {
        g_set_error(error, SHAPER_ERROR, SHAPER_ERROR_MATCH,
                    "stream to '%s': without its exact port it cannot be told "
                    "from other traffic",
                    match->destination);
        return false;
    }

    if (classifier == SHAPER_CLASSIFIER_BPF) {
        g_autoptr(GString) text = g_string_new(ip4 ? "ip" : "ip6");

        g_string_append_printf(text, " and tcp and dst host %s and dst port %u",
                               match->destination, match->destination_port);
        if (!any) {
            g_string_append_printf(text, " and src host %s", match->source);
        }
        if (match->source_port) {
            g_string_append_printf(text, " and src port %u",
                                   match->source_port);
        }
        filter_add_bpf(filters, class_id, SHAPER_PREF_STREAM, text->str);
    } else {
        ShaperFilter filter = { 0 };

        key_add_protocol(&filter, ip6, PROTOCOL_TCP);
        if (ip4) {
            if (!any) {
                key_add(&filter, 12, UINT32_MAX, ntohl(source4.s_addr));
            }
            key_add(&filter, 16, UINT32_MAX, ntohl(destination4.s_addr));
        } else {
            if (!any) {
                key_add_address6(&filter, 8, &source6);
            }
            key_add_address6(&filter, 24, &destination6);
        }
        key_add_ports(&filter, ip6, match->source_port,
                      match->destination_port);
        filter_add_u32(filters, &filter, class_id, SHAPER_PREF_STREAM);
    }
    return true;
}

bool
shaper_match_expression(GArray *filters, ShaperClassifier classifier,
                        uint32_t class_id, const char *expression,
                        GError **error)
{
    if (classifier == SHAPER_CLASSIFIER_U32) {
        g_set_error(error, SHAPER_ERROR, SHAPER_ERROR_MATCH,
                    "protecting '%s' needs the kernel's cls_bpf classifier, "
                    "which is missing here; load it (modprobe cls_bpf) or "
                    "leave --protect out",
                    expression);
        return false;
    }
    filter_add_bpf(filters, class_id, SHAPER_PREF_PROTECTED, expression);
    return true;
}

/* Six pairs of hexadecimal digits with colons between. */
static bool
mac_parse(const char *text, uint8_t mac[6])
{
    if (strlen(text) != 17) {
        return false;
    }
    for (int i = 0; i < 6; i++, text += 3) {
        if (!g_ascii_isxdigit(text[0]) || !g_ascii_isxdigit(text[1]) ||
            text[2] != (i < 5 ? ':' : '\0')) {
            return false;
        }
        mac[i] = (uint8_t)(g_ascii_xdigit_value(text[0]) << 4 |
                           g_ascii_xdigit_value(text[1]));
    }
    return true;
}

bool
shaper_match_mac(GArray *filters, ShaperClassifier classifier,
                 uint32_t class_id, const char *mac, GError **error)
{
    uint8_t byte[6];

    if (!mac_parse(mac, byte)) {
        g_set_error(error, SHAPER_ERROR, SHAPER_ERROR_MATCH,
                    "'%s' is no MAC address", mac);
        return false;
    }
    if (classifier == SHAPER_CLASSIFIER_BPF) {
        g_autofree char *text =
            g_strdup_printf("ether src %02x:%02x:%02x:%02x:%02x:%02x", byte[0],
                            byte[1], byte[2], byte[3], byte[4], byte[5]);

        filter_add_bpf(filters, class_id, SHAPER_PREF_APPLICATION, text);
    } else {
        ShaperFilter filter = { 0 };

        key_add(&filter, -8, UINT32_MAX,
                (uint32_t)byte[0] << 24 | (uint32_t)byte[1] << 16 |
                    (uint32_t)byte[2] << 8 | byte[3]);
        key_add(&filter, -4, 0xffff0000u,
                (uint32_t)byte[4] << 24 | (uint32_t)byte[5] << 16);
        filter_add_u32(filters, &filter, class_id, SHAPER_PREF_APPLICATION);
    }
    return true;
}

static void
control_u32(GArray *filters, uint32_t control_id, uint32_t rest_id)
{
    ShaperFilter all = { 0 };

    for (int ip6 = 0; ip6 < 2; ip6++) {
        ShaperFilter icmp = { 0 }, other = { 0 };

        for (size_t i = 0; i < G_N_ELEMENTS(control_ports); i++) {
            ShaperFilter to = { 0 }, from = { 0 };

            key_add_protocol(&to, ip6, PROTOCOL_TCP);
            key_add_ports(&to, ip6, 0, control_ports[i]);
            filter_add_u32(filters, &to, control_id, SHAPER_PREF_CONTROL);
            key_add_protocol(&from, ip6, PROTOCOL_TCP);
            key_add_ports(&from, ip6, control_ports[i], 0);
            filter_add_u32(filters, &from, control_id, SHAPER_PREF_CONTROL);
        }
        key_add_protocol(&icmp, ip6, ip6 ? PROTOCOL_ICMP6 : PROTOCOL_ICMP);
        filter_add_u32(filters, &icmp, control_id, SHAPER_PREF_CONTROL);
        /* u32 cannot say "not": other IP leaves here, so that what is left
         * for the last filter is not IP. */
        key_add(&other, ETHERTYPE_AT, 0xffff,
                ip6 ? ETHERTYPE_IP6 : ETHERTYPE_IP);
        filter_add_u32(filters, &other, rest_id, SHAPER_PREF_CONTROL + 1);
    }
    key_add(&all, 0, 0, 0);
    filter_add_u32(filters, &all, control_id, SHAPER_PREF_CONTROL + 2);
}

void
shaper_match_control(GArray *filters, ShaperClassifier classifier,
                     uint32_t control_id, uint32_t rest_id)
{
    g_autoptr(GString) text = g_string_new("not (ip or ip6) or icmp or icmp6");

    if (classifier == SHAPER_CLASSIFIER_U32) {
        control_u32(filters, control_id, rest_id);
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(control_ports); i++) {
        g_string_append_printf(text, " or tcp port %u", control_ports[i]);
    }
    filter_add_bpf(filters, control_id, SHAPER_PREF_CONTROL, text->str);
}
