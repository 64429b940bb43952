/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Addresses as they are written, and who is meant by them.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "traffic/address.h"
#include "traffic/guests.h"

/* inet_pton() and inet_ntop() are of another hand. */
static void
compare_with_libc(const char *text)
{
    TrafficAddress ours;
    uint8_t theirs[16] = { [10] = 0xff, [11] = 0xff };
    bool six = strchr(text, ':') != NULL;
    bool good = inet_pton(six ? AF_INET6 : AF_INET, text,
                          six ? theirs : theirs + 12) == 1;
    g_autoptr(GString) back = g_string_new(NULL);
    char want[INET6_ADDRSTRLEN];

    cr_assert_eq(traffic_address_parse(text, &ours), good, "%s", text);
    if (!good) {
        return;
    }
    cr_assert_eq(memcmp(ours.bytes, theirs, 16), 0, "%s", text);
    traffic_address_append(back, &ours);
    if (traffic_address_is_ipv4(&ours)) {
        inet_ntop(AF_INET, ours.bytes + 12, want, sizeof(want));
    } else {
        inet_ntop(AF_INET6, ours.bytes, want, sizeof(want));
        /* ::1.2.3.4 is deprecated, and not how we write it */
        if (strchr(want, '.')) {
            return;
        }
    }
    cr_assert_str_eq(back->str, want, "%s", text);
}

Test(guests, addresses_are_read_as_the_c_library_does)
{
    static const char *const texts[] = {
        "10.0.0.1",
        "255.255.255.255",
        "0.0.0.0",
        "256.0.0.1",
        "1.2.3",
        "1.2.3.4.5",
        "01.2.3.4",
        "1.2.3.",
        ".1.2.3",
        "",
        "a",
        "1..2.3",
        "::",
        "::1",
        "1::",
        "fe80::1",
        "2001:db8:0:0:1:0:0:1",
        "2001:0:0:1:0:0:0:1",
        "1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1::2::3",
        ":::",
        ":1",
        "1:",
        "1:::2",
        "::ffff:1.2.3.4",
        "64:ff9b::1.2.3.4",
        "1.2.3.4::",
        "::1.2.3",
        "1:2:3:4:5:6:7::",
        "::2:3:4:5:6:7:8",
        "12345::",
        "g::",
        "1:2:3:4:5:6:1.2.3.4",
        "1:2:3:4:5:6:7:1.2.3.4",
        "0:0:0:0:0:0:0:0",
        "1:0:0:2::",
        "A::b",
        "::1:2:3:4:5:6:7:8",
        " ::1",
        "::1 ",
        "1:2:3:4:5:6:7.8.9.10",
    };
    g_autoptr(GRand) random = g_rand_new_with_seed(3);

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        compare_with_libc(texts[i]);
    }
    for (int i = 0; i < 20000; i++) {
        uint8_t bytes[16];
        char text[INET6_ADDRSTRLEN];

        for (int g = 0; g < 16; g += 2) {
            bool zero = g_rand_int_range(random, 0, 2);

            bytes[g] = zero ? 0 : (uint8_t)g_rand_int(random);
            bytes[g + 1] = zero ? 0 : (uint8_t)g_rand_int(random);
        }
        inet_ntop(AF_INET6, bytes, text, sizeof(text));
        compare_with_libc(text);
        /* and something near it that may be none */
        text[g_rand_int_range(random, 0, (gint32)strlen(text))] =
            "0:1.f g"[g_rand_int_range(random, 0, 7)];
        compare_with_libc(text);
    }
}

Test(guests, networks_are_cut_at_any_bit)
{
    TrafficAddress all = { { 0 } }, cut;
    int bits = 0;

    memset(&all, 0xff, sizeof(all));
    for (unsigned n = 0; n <= 128; n++, bits = 0) {
        cut = all;
        traffic_address_mask(&cut, n);
        for (int i = 0; i < 16; i++) {
            bits += __builtin_popcount(cut.bytes[i]);
        }
        cr_assert_eq(bits, (int)n);
        cr_assert(n == 0 || cut.bytes[0] & 0x80);
    }
}

static TrafficGuests *
guests_of(const char *text)
{
    g_autoptr(GError) error = NULL;
    TrafficGuests *guests = traffic_guests_new(24, 64);

    cr_assert(traffic_guests_parse(guests, text, strlen(text), &error), "%s",
              error ? error->message : "");
    return guests;
}

/* "web1>10.0.3.0/24" for a frame from @source to @destination */
static char *
ends_of(TrafficGuests *guests, uint64_t source_mac, uint64_t destination_mac,
        const char *source, const char *destination, uint32_t vlan)
{
    TrafficFrame frame = { .source_mac = source_mac,
                           .destination_mac = destination_mac,
                           .vlan = vlan,
                           .ip = source ? 4 : 0 };
    TrafficEnd from, to;
    g_autofree char *from_text = NULL, *to_text = NULL;

    if (source) {
        cr_assert(traffic_address_parse(source, &frame.source));
        cr_assert(traffic_address_parse(destination, &frame.destination));
    }
    traffic_guests_ends(guests, &frame, &from, &to);
    from_text = traffic_end_text(guests, &from);
    to_text = traffic_end_text(guests, &to);
    return g_strconcat(from_text, ">", to_text, NULL);
}

#define expect(want, ...)                                                      \
    do {                                                                       \
        g_autofree char *have = ends_of(__VA_ARGS__);                          \
        cr_assert_str_eq(have, want);                                          \
    } while (0)

Test(guests, a_guest_is_known_by_mac_else_by_ip)
{
    g_autoptr(TrafficGuests) guests = guests_of("# who is who\n"
                                                "52:54:00:00:00:01=web1\n"
                                                "\n"
                                                " 10.0.0.2 = web2 \r\n"
                                                "2001:db8::3=web3\n"
                                                "52-54-00-00-00-0A=web2\n");

    cr_assert_eq(traffic_guests_count(guests), 3);
    expect("web1>web2", guests, 0x525400000001, 2, "10.0.0.1", "10.0.0.2", 0);
    /* its MAC counts more than an address that is somebody else's */
    expect("web1>web1", guests, 0x525400000001, 0x525400000001, "10.0.0.2",
           "10.0.0.2", 0);
    expect("web2>web3", guests, 0x52540000000a, 2, "fe80::1", "2001:db8::3", 0);
    expect("web1>other", guests, 0x525400000001, 7, NULL, NULL, 0);
    expect("10.0.3.0/24>web1", guests, 7, 0x525400000001, "10.0.3.9",
           "10.0.0.1", 0);
    expect("2001:db8:0:5::/64>web1", guests, 7, 0x525400000001,
           "2001:db8:0:5:1::1", "::1", 0);
    expect("web1>multicast", guests, 0x525400000001, 0xffffffffffff, "10.0.0.1",
           "10.0.0.2", 0);
    expect("web1>multicast", guests, 0x525400000001, 0, "10.0.0.1", "239.1.1.1",
           0);
    expect("web1>multicast", guests, 0x525400000001, 0, "10.0.0.1", "ff02::1",
           0);
    expect("10.0.3.0/24 vlan 7>web1", guests, 7, 0x525400000001, "10.0.3.9",
           "10.0.0.1", 7);
    expect("10.0.3.0/24 vlan 7.8>web1", guests, 7, 0x525400000001, "10.0.3.9",
           "10.0.0.1", 7 | 8 << 12);
}

Test(guests, the_same_address_in_two_vlans_is_two_guests)
{
    g_autoptr(TrafficGuests) guests = guests_of("10.0.0.2@10=a\n"
                                                "10.0.0.2@20=b\n"
                                                "10.0.0.2@20.30=c\n"
                                                "52:54:00:00:00:01@10=d\n"
                                                "52:54:00:00:00:01=e\n");

    expect("a>a", guests, 1, 2, "10.0.0.2", "10.0.0.2", 10);
    expect("b>b", guests, 1, 2, "10.0.0.2", "10.0.0.2", 20);
    expect("c>c", guests, 1, 2, "10.0.0.2", "10.0.0.2", 20 | 30 << 12);
    expect("10.0.0.0/24>10.0.0.0/24", guests, 1, 2, "10.0.0.2", "10.0.0.2", 0);
    expect("d>a", guests, 0x525400000001, 2, "10.0.0.9", "10.0.0.2", 10);
    expect("e>b", guests, 0x525400000001, 2, "10.0.0.9", "10.0.0.2", 20);
}

Test(guests, outside_goes_by_the_longest_network_with_a_name)
{
    g_autoptr(TrafficGuests) guests = guests_of("10.0.0.0/8=office\n"
                                                "10.1.0.0/16=lab\n"
                                                "10.1.0.0/16@5=lab5\n"
                                                "::/0=six\n"
                                                "10.2.0.0/16=office\n"
                                                "10.2.3.4=web1\n");

    expect("office>lab", guests, 1, 2, "10.0.0.2", "10.1.0.2", 0);
    expect("office>lab5", guests, 1, 2, "10.2.0.2", "10.1.0.2", 5);
    expect("six>192.168.1.0/24", guests, 1, 2, "fe80::1", "192.168.1.9", 0);
    expect("web1>lab", guests, 1, 2, "10.2.3.4", "10.1.0.2", 0);
}

typedef struct BadCase {
    char line[64];
    char want[48]; /* in the message */
} BadCase;

ParameterizedTestParameters(guests, refused)
{
    static BadCase cases[] = {
        { "52:54:00:00:00:01", "is no ADDRESS=NAME" },
        { "52:54:00:00:00:01=", "its name is empty" },
        { "52:54:00:00:00=x", "is neither the MAC or IP" },
        { "ff:ff:ff:ff:ff:ff=x", "is neither the MAC or IP" },
        { "00:00:00:00:00:00=x", "is neither the MAC or IP" },
        { "239.0.0.1=x", "is neither the MAC or IP" },
        { "10.0.0.0/33=x", "is neither the MAC or IP" },
        { "52:54:00:00:00:01/8=x", "is neither the MAC or IP" },
        { "10.0.0.1@0=x", "behind the @ stands a VLAN" },
        { "10.0.0.1@4095=x", "behind the @ stands a VLAN" },
        { "10.0.0.1@1.2.3=x", "behind the @ stands a VLAN" },
        { "10.0.0.1@=x", "behind the @ stands a VLAN" },
        { "10.0.0.1=a\x1b[31mb", "control characters" },
        { "10.0.0.1=\xff", "not UTF-8" },
        { "10.0.0.7=other", "is web7's already" },
        { "10.7.0.0/16=other", "is called lab already" },
    };

    return cr_make_param_array(BadCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(BadCase *c, guests, refused)
{
    g_autoptr(TrafficGuests) guests =
        guests_of("10.0.0.7=web7\n10.7.0.0/16=lab\n");
    g_autoptr(GError) error = NULL;
    g_autofree char *text = g_strconcat("# one\n\n", c->line, "\n", NULL);

    cr_assert(!traffic_guests_parse(guests, text, strlen(text), &error), "%s",
              c->line);
    cr_assert(error->domain == TRAFFIC_ERROR);
    cr_assert(strstr(error->message, c->want), "%s: %s", c->line,
              error->message);
    cr_assert(g_str_has_prefix(error->message, "line 3: "), "%s",
              error->message);
    cr_assert(g_utf8_validate(error->message, -1, NULL));
    cr_assert_eq(traffic_guests_count(guests), 1);
}

Test(guests, a_file_with_zero_bytes_is_no_text)
{
    g_autoptr(TrafficGuests) guests = traffic_guests_new(24, 64);
    g_autoptr(GError) error = NULL;

    cr_assert(!traffic_guests_parse(guests, "10.0.0.1=a\0b", 12, &error));
}

Test(guests, one_of_another_host_is_known_by_its_address_until_it_is_named)
{
    g_autoptr(TrafficGuests) guests = guests_of("52:54:00:00:00:01=web1\n"
                                                "10.0.0.9=web9\n");
    g_autoptr(GError) error = NULL;
    TrafficEnd end, again;

    cr_assert(traffic_guests_learn(guests, "52:54:00", &error), "%s",
              error ? error->message : "");
    expect("web1>52:54:00:00:00:0b", guests, 0x525400000001, 0x52540000000b,
           "10.0.0.1", "10.0.0.2", 0);
    /* an address of IP counts more, and other cards are no guests */
    expect("web1>web9", guests, 0x525400000001, 0x52540000000c, "10.0.0.1",
           "10.0.0.9", 0);
    expect("web1>10.0.0.0/24", guests, 0x525400000001, 0x00163e00000b,
           "10.0.0.1", "10.0.0.2", 0);
    expect("web1>multicast", guests, 0x525400000001, 0xffffffffffff, "10.0.0.1",
           "10.0.0.2", 0);
    /* what was counted is counted as its own once it has a name */
    cr_assert(
        traffic_end_read(guests, "guest", "52:54:00:00:00:0b", &end, NULL));
    cr_assert(traffic_guests_add(guests, "52:54:00:00:00:0b", "web2", &error),
              "%s", error ? error->message : "");
    cr_assert_str_eq(traffic_guests_name(guests, end.number), "web2");
    expect("web2>web1", guests, 0x52540000000b, 0x525400000001, "10.0.0.2",
           "10.0.0.1", 0);
    cr_assert(
        traffic_end_read(guests, "guest", "52:54:00:00:00:0b", &again, NULL));
    cr_assert_eq(again.number, end.number);
    /* one more interface of somebody who has a name */
    expect("web1>52:54:00:00:00:0d", guests, 0x525400000001, 0x52540000000d,
           NULL, NULL, 0);
    cr_assert(traffic_guests_add(guests, "52:54:00:00:00:0d", "web2", &error),
              "%s", error ? error->message : "");
    expect("web1>web2", guests, 0x525400000001, 0x52540000000d, NULL, NULL, 0);
    /* a name that was told is nobody else's any more */
    cr_assert(!traffic_guests_add(guests, "52:54:00:00:00:0b", "web3", NULL));
}

Test(guests, only_so_many_are_learnt)
{
    g_autoptr(TrafficGuests) guests = guests_of("");

    cr_assert(traffic_guests_learn(guests, "02", NULL));
    for (uint64_t i = 0; i < TRAFFIC_MOST_LEARNT + 1000; i++) {
        g_autofree char *text =
            ends_of(guests, 0x020000000000 + i, 1, "10.1.0.1", "10.2.0.1", 0);

        cr_assert_eq(g_str_has_prefix(text, "02:"), i < TRAFFIC_MOST_LEARNT);
    }
    cr_assert_eq(traffic_guests_count(guests), TRAFFIC_MOST_LEARNT);
}

Test(guests, how_an_address_begins_is_read_or_refused)
{
    static const char *const wrong[] = {
        "", "5", "52:", "zz", "01:00", "52:54:00:00:00:01:02", "52-5"
    };
    g_autoptr(TrafficGuests) guests = guests_of("");

    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GError) error = NULL;

        cr_assert(!traffic_guests_learn(guests, wrong[i], &error), "%s",
                  wrong[i]);
        cr_assert(g_error_matches(error, TRAFFIC_ERROR, TRAFFIC_ERROR_SYNTAX));
    }
    cr_assert(traffic_guests_learn(guests, "52:54:00:00:00:01", NULL));
    expect("52:54:00:00:00:01>10.0.0.0/24", guests, 0x525400000001,
           0x525400000002, "10.0.0.1", "10.0.0.2", 0);
}
