/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Real streams through the real tree: who gets how much, and what is counted.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "netns.h"
#include "tc/reservation-site.h"
#include "tc/streams.h"

#define MBIT 125000u

static Reservation *
open_on(Link *link, uint64_t rate_bytes_s, const char *name,
        const StreamMatch *match)
{
    g_autoptr(GError) error = NULL;
    ReservationSpec spec;
    Reservation *reservation;

    *link = netns_link("near0", rate_bytes_s);
    spec = netns_spec(link, name);
    reservation = reservation_open(&spec, &error);
    cr_assert_not_null(reservation, "%s", error ? error->message : "");
    if (match) {
        cr_assert(reservation_match(reservation, match, 1, &error), "%s",
                  error ? error->message : "");
    }
    return reservation;
}

static void
set(Reservation *reservation, uint64_t guarantee_bytes_s)
{
    g_autoptr(GError) error = NULL;

    cr_assert(
        reservation_set(reservation, guarantee_bytes_s, 50 * MBIT, 0, &error),
        "%s", error ? error->message : "");
}

static void
about(double have, double want, const char *what)
{
    cr_assert(fabs(have - want) <= 0.25 * want, "%s: %.1f Mbit/s, not %.1f",
              what, have / MBIT, want / MBIT);
}

static void
split(bool ip6, bool u32)
{
    static const char *const ids[] = { "7666:1000", "7666:1001" };
    StreamMatch first = { .destination_port = 49152 };
    StreamMatch second = { .destination_port = 49153 };
    Reservation *a, *b;
    double rates[2];
    Link link;

    netns_enter();
    site_pretend_no_bpf(u32);
    g_strlcpy(first.destination, ip6 ? FAR6 : FAR4, sizeof(first.destination));
    g_strlcpy(second.destination, first.destination,
              sizeof(second.destination));
    a = open_on(&link, 50 * MBIT, "vm-a", &first);
    b = open_on(&link, 50 * MBIT, "vm-b", &second);
    netns_pour(ip6, true, 0, 49152);
    netns_pour(ip6, true, 0, 49153);
    set(b, 7 * MBIT);
    set(a, 38 * MBIT);
    netns_wait_sent("near0", ids[0], 1000000);
    netns_rates("near0", ids, rates, 2, 1.5);
    about(rates[0], 39.5 * MBIT, "the larger share");
    about(rates[0] + rates[1], 48.5 * MBIT, "both");
    cr_assert_gt(rates[1], 6 * MBIT, "the smaller guarantee was broken");

    /* in mid-flow, changed in place */
    set(a, 7 * MBIT);
    set(b, 38 * MBIT);
    netns_wait_sent("near0", ids[1],
                    netns_class_get("near0", ids[1], "Sent") + 1000000);
    netns_rates("near0", ids, rates, 2, 1.5);
    about(rates[1], 39.5 * MBIT, "the larger share, now the other's");
    cr_assert_gt(rates[0], 6 * MBIT, "the smaller guarantee was broken");

    cr_assert(reservation_close(a, NULL));
    cr_assert(!netns_has_class("near0", "7666:1000"));
    cr_assert(netns_has_class("near0", "7666:1001"),
              "the other one's class must stay");
    cr_assert(reservation_close(b, NULL));
    site_pretend_no_bpf(false);
}

Test(traffic, two_streams_share_as_guaranteed)
{
    split(false, false);
}

Test(traffic, the_same_over_ipv6)
{
    split(true, false);
}

Test(traffic, the_same_with_u32)
{
    split(false, true);
}

Test(traffic, the_same_with_u32_over_ipv6)
{
    split(true, true);
}

/* A bulk answer to a client whose port lies in libvirt's range. */
Test(traffic, a_bulk_reply_to_an_ephemeral_port_is_not_counted)
{
    StreamMatch match = { .destination = FAR4, .destination_port = 49152 };
    g_autoptr(GError) error = NULL;
    ReservationStats stats;
    Reservation *reservation;
    uint64_t total;
    Link link;

    netns_enter();
    reservation = open_on(&link, 50 * MBIT, "vm-a", &match);
    netns_pour(false, false, 8000, 49160);
    netns_wait_sent("near0", "7666:10", 3000000);
    cr_assert_eq(netns_class_get("near0", "7666:1000", "Sent"), 0);

    /* and now the stream beside it: its class counts it and nothing else */
    netns_pour(false, true, 0, 49152);
    set(reservation, 30 * MBIT);
    netns_wait_sent("near0", "7666:1000", 5000000);
    cr_assert(reservation_stats(reservation, &stats, &error), "%s",
              error ? error->message : "");
    cr_assert_gt(stats.rest.bytes, 3000000);
    total = stats.migration.bytes + stats.rest.bytes;
    cr_assert(stats.link_bytes >= total * 95 / 100 &&
                  stats.link_bytes <= total * 105 / 100,
              "%lu on the link, %lu in the classes",
              (unsigned long)stats.link_bytes, (unsigned long)total);
    cr_assert(reservation_close(reservation, &error));
}

Test(traffic, class_bytes_agree_with_the_connection)
{
    StreamMatch match = { .destination = FAR4, .destination_port = 49152 };
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) streams = NULL, none = NULL;
    const StreamInfo *stream;
    Reservation *reservation;
    uint64_t class_bytes;
    Link link;

    netns_enter();
    reservation = open_on(&link, 50 * MBIT, "vm-a", &match);
    set(reservation, 30 * MBIT);
    netns_pour(false, true, 0, 49152);
    netns_pour(false, true, 0, 8000);
    netns_wait_sent("near0", "7666:1000", 5000000);
    class_bytes = netns_class_get("near0", "7666:1000", "Sent");
    streams = streams_list(FAR4, 49152, 49215, &error);
    cr_assert_not_null(streams, "%s", error ? error->message : "");
    cr_assert_eq(streams->len, 1);
    stream = &g_array_index(streams, StreamInfo, 0);
    cr_assert_str_eq(stream->match.source, NEAR4);
    cr_assert_str_eq(stream->match.destination, FAR4);
    cr_assert_eq(stream->match.destination_port, 49152);
    cr_assert_neq(stream->match.source_port, 0);
    cr_assert_neq(stream->inode, 0);
    cr_assert_gt(stream->rtt_us, 0);
    cr_assert_geq(stream->bytes_sent, stream->bytes_acked);
    /* headers make the class's bytes more, what is queued fewer */
    cr_assert(class_bytes > stream->bytes_acked * 8 / 10 &&
                  class_bytes < stream->bytes_sent * 12 / 10 + 1000000,
              "class %lu, connection %lu acked", (unsigned long)class_bytes,
              (unsigned long)stream->bytes_acked);

    none = streams_list(FAR6, 49152, 49215, &error);
    cr_assert_eq(none->len, 0);
    cr_assert_null(streams_list("far", 1, 2, NULL));

    /* the exact four-tuple keeps what is counted */
    match = stream->match;
    cr_assert(reservation_match(reservation, &match, 1, &error));
    netns_wait_sent("near0", "7666:1000", class_bytes + 1000000);
    match.source_port ^= 1;
    cr_assert(reservation_match(reservation, &match, 1, &error));
    netns_wait_sent("near0", "7666:10", 0);
    class_bytes = netns_class_get("near0", "7666:1000", "Sent");
    netns_wait_sent("near0", "7666:10",
                    netns_class_get("near0", "7666:10", "Sent") + 2000000);
    /* what was queued may still leave; nothing new comes */
    cr_assert_leq(netns_class_get("near0", "7666:1000", "Sent"),
                  class_bytes + 1000000);
    cr_assert(reservation_close(reservation, &error));
}

/* 5 Mbit/s declared for a link of 50 or more, and more offered than fits. */
Test(traffic, management_lives_under_a_rate_declared_ten_times_too_small)
{
    StreamMatch match = { .destination = FAR4, .destination_port = 49152 };
    Reservation *reservation;
    double ssh_s;
    Link link;

    netns_enter();
    reservation = open_on(&link, 5 * MBIT, "vm-a", &match);
    set(reservation, 4 * MBIT);
    netns_pour(false, true, 0, 49152);
    for (uint16_t port = 8000; port < 8004; port++) {
        netns_pour(false, true, 0, port);
    }
    netns_wait_sent("near0", "7666:10", 300000);
    netns_wait_sent("near0", "7666:1000", 300000);
    ssh_s = netns_fetch_s(22, 20000);
    cr_assert_lt(ssh_s, 1.5, "20 kB by ssh's port took %.1f s", ssh_s);
    cr_assert_gt(netns_class_get("near0", "7666:2", "Sent"), 20000);
    ssh_s = netns_fetch_s(16509, 20000);
    cr_assert_lt(ssh_s, 1.5, "20 kB by libvirt's port took %.1f s", ssh_s);
    cr_assert(reservation_close(reservation, NULL));
}

Test(traffic, a_protected_expression_gets_its_share)
{
    static const char *const ids[] = { "7666:4000", "7666:1000" };
    ProtectedSpec guard = { (char *)"tcp dst port 6379", 20 * MBIT };
    StreamMatch match = { .destination = FAR4, .destination_port = 49152 };
    g_autoptr(GError) error = NULL;
    Reservation *reservation;
    ReservationStats stats;
    ReservationSpec spec;
    double rates[2];
    Link link;

    netns_enter();
    link = netns_link("near0", 50 * MBIT);
    spec = netns_spec(&link, "vm-a");
    spec.protected_specs = &guard;
    spec.n_protected = 1;
    reservation = reservation_open(&spec, &error);
    cr_assert_not_null(reservation, "%s", error ? error->message : "");
    cr_assert(reservation_match(reservation, &match, 1, &error));
    set(reservation, 25 * MBIT);
    netns_pour(false, true, 0, 49152);
    netns_pour(false, true, 0, 6379);
    netns_wait_sent("near0", ids[1], 1000000);
    netns_wait_sent("near0", ids[0], 1000000);
    netns_rates("near0", ids, rates, 2, 1.5);
    cr_assert_gt(rates[0], 18 * MBIT);
    cr_assert_gt(rates[1], 22 * MBIT);
    cr_assert(reservation_stats(reservation, &stats, &error));
    cr_assert_gt(stats.protected_classes.bytes, 1000000);
    /* 20 protected, 0.97 control and 0.485 rest of the 48.5 Mbit/s */
    about(stats.others_bytes_s, 21.455 * MBIT, "others");
    cr_assert_float_eq(stats.root_bytes_s, 48.5 * MBIT, 1);
    cr_assert(reservation_close(reservation, &error));
}

/* Waits until the stream to @port has more, or less, in its socket. */
static StreamInfo
wait_queued(uint16_t port, bool more, uint64_t bytes)
{
    StreamInfo info = { .inode = 0 };

    for (int i = 0; i < 1500; i++) { /* half a minute */
        g_autoptr(GArray) streams = streams_list(FAR4, port, port, NULL);

        cr_assert(streams && streams->len == 1, "no stream to port %u", port);
        info = g_array_index(streams, StreamInfo, 0);
        if (more ? info.queued_bytes >= bytes : info.queued_bytes <= bytes) {
            return info;
        }
        g_usleep(20000);
    }
    cr_assert_fail("%" G_GUINT64_FORMAT " bytes wait in the socket",
                   info.queued_bytes);
    return info;
}

/* Another process writes as fast as it can, as QEMU does. */
Test(traffic, what_waits_unsent_can_be_bounded)
{
    static const char *const ids[] = { "7666:1000" };
    StreamMatch match = { .destination = FAR4, .destination_port = 49152 };
    g_autoptr(GError) error = NULL;
    Reservation *reservation;
    int64_t pid = 0;
    StreamInfo info;
    double rate;
    Link link;

    netns_enter();
    reservation = open_on(&link, 20 * MBIT, "vm-a", &match);
    set(reservation, 15 * MBIT);
    netns_pour(false, true, 0, 49152);
    info = wait_queued(49152, true, 800 * 1000);
    cr_assert(streams_bound_unsent(&pid, info.inode, 65536, &error), "%s",
              error ? error->message : "");
    cr_expect(pid > 0 && pid != getpid());
    wait_queued(49152, false, 400 * 1000);
    netns_rates("near0", ids, &rate, 1, 1.5);
    about(rate, 19.4 * MBIT, "the stream goes on");
    wait_queued(49152, false, 400 * 1000);

    cr_expect_not(streams_bound_unsent(&pid, info.inode + 1, 65536, &error));
    cr_expect(
        g_error_matches(error, RESERVATION_ERROR, RESERVATION_ERROR_GONE));
    cr_assert(reservation_close(reservation, NULL));
}
