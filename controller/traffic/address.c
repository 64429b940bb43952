/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * address.c - see address.h
 */
#include "traffic/address.h"

#include <string.h>

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

static bool
parse_ipv4(const char *text, uint8_t *out)
{
    for (int i = 0; i < 4; i++) {
        unsigned number = 0;
        size_t digits = strspn(text, "0123456789");

        /* 010 is 8 to some and 10 to others: to us it is a mistake */
        if (digits < 1 || digits > 3 || (digits > 1 && text[0] == '0')) {
            return false;
        }
        for (size_t d = 0; d < digits; d++) {
            number = number * 10 + (unsigned)(text[d] - '0');
        }
        text += digits;
        if (number > 255 || *text != (i < 3 ? '.' : '\0')) {
            return false;
        }
        out[i] = (uint8_t)number;
        text++;
    }
    return true;
}

/* Groups of one side of "::", or all of them; how many bytes, -1 on mistakes */
static int
parse_groups(const char *text, size_t length, uint8_t *out, size_t most)
{
    g_autofree char *copy = g_strndup(text, length);
    g_auto(GStrv) groups = g_strsplit(copy, ":", -1);
    size_t n = 0;

    if (length == 0) {
        return 0;
    }
    for (size_t i = 0; groups[i]; i++) {
        size_t digits = strspn(groups[i], "0123456789abcdefABCDEF");
        guint64 number;

        if (!groups[i + 1] && strchr(groups[i], '.')) {
            if (n + 4 > most || !parse_ipv4(groups[i], out + n)) {
                return -1;
            }
            n += 4;
            break;
        }
        if (digits < 1 || digits > 4 || groups[i][digits] || n + 2 > most) {
            return -1;
        }
        number = g_ascii_strtoull(groups[i], NULL, 16);
        out[n++] = (uint8_t)(number >> 8);
        out[n++] = (uint8_t)number;
    }
    return (int)n;
}

static bool
parse_ipv6(const char *text, uint8_t *out)
{
    const char *gap = strstr(text, "::");
    uint8_t tail[16];
    int head_bytes, tail_bytes;

    if (!gap) {
        return parse_groups(text, strlen(text), out, 16) == 16;
    }
    /* an IPv4 part can only be the end */
    if (memchr(text, '.', (size_t)(gap - text))) {
        return false;
    }
    head_bytes = parse_groups(text, (size_t)(gap - text), out, 14);
    tail_bytes = parse_groups(gap + 2, strlen(gap + 2), tail, 14);
    if (head_bytes < 0 || tail_bytes < 0 || head_bytes + tail_bytes > 14) {
        return false;
    }
    memset(out + head_bytes, 0, (size_t)(16 - head_bytes));
    memcpy(out + 16 - tail_bytes, tail, (size_t)tail_bytes);
    return true;
}

bool
traffic_address_parse(const char *text, TrafficAddress *address)
{
    TrafficAddress found;

    if (strlen(text) > 45) {
        return false;
    }
    if (strchr(text, ':')) {
        if (!parse_ipv6(text, found.bytes)) {
            return false;
        }
    } else {
        memcpy(found.bytes, mapped, sizeof(mapped));
        if (!parse_ipv4(text, found.bytes + sizeof(mapped))) {
            return false;
        }
    }
    *address = found;
    return true;
}

bool
traffic_address_is_ipv4(const TrafficAddress *address)
{
    return memcmp(address->bytes, mapped, sizeof(mapped)) == 0;
}

bool
traffic_address_is_group(const TrafficAddress *address)
{
    static const uint8_t everybody[4] = { 255, 255, 255, 255 };

    if (!traffic_address_is_ipv4(address)) {
        return address->bytes[0] == 0xff;
    }
    return address->bytes[12] >> 4 == 14 ||
           memcmp(address->bytes + 12, everybody, sizeof(everybody)) == 0;
}

void
traffic_address_mask(TrafficAddress *address, unsigned bits)
{
    size_t whole = MIN(bits, 128u) / 8;

    if (whole < 16) {
        address->bytes[whole] &= (uint8_t)(0xff00 >> (bits % 8));
        memset(address->bytes + whole + 1, 0, 15 - whole);
    }
}

void
traffic_address_append(GString *out, const TrafficAddress *address)
{
    const uint8_t *b = address->bytes;
    int best = -1, best_length = 1, run = 0;

    if (traffic_address_is_ipv4(address)) {
        g_string_append_printf(out, "%u.%u.%u.%u", b[12], b[13], b[14], b[15]);
        return;
    }
    /* the first of the longest runs of zero groups, if longer than one */
    for (int i = 0; i < 8; i++) {
        run = b[2 * i] || b[2 * i + 1] ? 0 : run + 1;
        if (run > best_length) {
            best_length = run;
            best = i + 1 - run;
        }
    }
    for (int i = 0; i < 8; i++) {
        if (i == best) {
            g_string_append(out, "::");
            i += best_length - 1;
            continue;
        }
        g_string_append_printf(out, "%s%x",
                               i == 0 || i == best + best_length ? "" : ":",
                               b[2 * i] << 8 | b[2 * i + 1]);
    }
}

uint64_t
traffic_mac_parse(const char *text)
{
    uint64_t mac = 0;

    if (strlen(text) != 17) {
        return 0;
    }
    for (int i = 0; i < 17; i++) {
        if (i % 3 == 2) {
            if (text[i] != ':' && text[i] != '-') {
                return 0;
            }
        } else if (!g_ascii_isxdigit(text[i])) {
            return 0;
        } else {
            mac = mac << 4 | (uint64_t)g_ascii_xdigit_value(text[i]);
        }
    }
    return mac;
}
