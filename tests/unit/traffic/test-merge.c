/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Matrices of many periods and hosts, beside one that saw all of it; and ends
 * that are read back from what was written.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "traffic/address.h"
#include "traffic/merge.h"

#define GUESTS 30

static TrafficGuests *
some_guests(void)
{
    TrafficGuests *guests = traffic_guests_new(24, 64);

    for (int i = 0; i < GUESTS; i++) {
        g_autofree char *mac = g_strdup_printf("52:54:00:00:00:%02x", i);
        g_autofree char *name = g_strdup_printf("vm%d", i);

        cr_assert(traffic_guests_add(guests, mac, name, NULL));
    }
    return guests;
}

static TrafficFrame
frame_between(uint32_t from, uint32_t to, uint32_t bytes)
{
    return (TrafficFrame){ .wire_bytes = bytes,
                           .source_mac = 0x525400000000 + from,
                           .destination_mac = 0x525400000000 + to };
}

static const TrafficRow *
find_row(const TrafficSummary *summary, uint32_t from, uint32_t to)
{
    for (guint i = 0; i < summary->rows->len; i++) {
        const TrafficRow *row = &g_array_index(summary->rows, TrafficRow, i);

        if (row->from.number == from && row->to.number == to) {
            return row;
        }
    }
    return NULL;
}

static void
expect_adds_up(const TrafficSummary *summary)
{
    TrafficSum sum = { 0 };

    for (guint i = 0; i < summary->rows->len; i++) {
        const TrafficRow *row = &g_array_index(summary->rows, TrafficRow, i);

        sum.bytes += row->sum.bytes;
        sum.packets += row->sum.packets;
    }
    for (int c = 0; c < TRAFFIC_N_CLASSES; c++) {
        sum.bytes += summary->tail[c].bytes;
        sum.packets += summary->tail[c].packets;
    }
    cr_assert_eq(sum.bytes, summary->total.bytes);
    cr_assert_eq(sum.packets, summary->total.packets);
}

/* Small tables, cut once more: much lies in tails, and the bounds hold. */
Test(merge, periods_add_up_and_bounds_hold)
{
    for (guint32 seed = 0; seed < 5; seed++) {
        g_autoptr(GRand) random = g_rand_new_with_seed(seed);
        g_autoptr(TrafficGuests) guests = some_guests();
        TrafficSpec spec = { 200, 1 };
        g_autoptr(TrafficMatrix) matrix = traffic_matrix_new(guests, &spec);
        g_autoptr(TrafficMerge) merge = traffic_merge_new(guests);
        g_autoptr(TrafficSummary) merged = NULL;
        uint64_t truth[GUESTS][GUESTS] = { 0 };
        uint64_t total = 0, sent[GUESTS] = { 0 };

        for (int period = 0; period < 12; period++) {
            g_autoptr(TrafficSummary) summary = NULL;

            for (int i = 0; i < 3000; i++) {
                uint32_t from = (uint32_t)g_rand_int_range(
                    random, 0, g_rand_int_range(random, 1, GUESTS + 1));
                uint32_t to = (uint32_t)g_rand_int_range(random, 0, GUESTS);
                uint32_t bytes = (uint32_t)g_rand_int_range(random, 60, 9000);
                TrafficFrame frame = frame_between(from, to, bytes);

                traffic_matrix_add(matrix, &frame);
                truth[from][to] += bytes;
                sent[from] += bytes;
                total += bytes;
            }
            summary = traffic_matrix_summary(matrix);
            traffic_matrix_clear(matrix);
            traffic_summary_truncate(summary, 120);
            cr_assert_leq(summary->rows->len, 120);
            summary->from_us = period * 1000;
            summary->to_us = period * 1000 + 1000;
            expect_adds_up(summary);
            traffic_merge_add(merge, summary);
        }
        cr_assert_eq(traffic_merge_count(merge), 12);
        merged = traffic_merge_finish(merge);
        cr_assert_eq(merged->total.bytes, total);
        cr_assert(merged->from_us == 0 && merged->to_us == 12000);
        expect_adds_up(merged);
        for (uint32_t from = 0; from < GUESTS; from++) {
            cr_assert_eq(g_array_index(merged->sent, TrafficSum, from).bytes,
                         sent[from]);
            for (uint32_t to = 0; to < GUESTS; to++) {
                const TrafficRow *row = find_row(merged, from, to);
                uint64_t have = row ? row->sum.bytes : 0;
                uint64_t missing =
                    row ? row->missing_bytes : merged->absent_bytes;

                cr_assert_leq(have, truth[from][to]);
                cr_assert_geq(have + missing, truth[from][to]);
            }
        }
        /* and it is empty again */
        cr_assert_eq(traffic_merge_count(merge), 0);
    }
}

static TrafficSummary *
one_frame(TrafficGuests *guests, uint32_t from, uint32_t to, uint32_t bytes)
{
    TrafficSpec spec = { 16, 1 };
    g_autoptr(TrafficMatrix) matrix = traffic_matrix_new(guests, &spec);
    TrafficFrame frame = frame_between(from, to, bytes);

    traffic_matrix_add(matrix, &frame);
    return traffic_matrix_summary(matrix);
}

Test(merge, what_two_hosts_saw_counts_once)
{
    g_autoptr(TrafficGuests) guests = some_guests();
    g_autoptr(TrafficSummary) here = one_frame(guests, 1, 2, 1000);
    g_autoptr(TrafficSummary) there = one_frame(guests, 1, 2, 900);
    g_autoptr(TrafficSummary) third = one_frame(guests, 3, 4, 500);
    TrafficSummary *all[] = { here, there, third };
    g_autoptr(TrafficSummary) merged = NULL;
    const TrafficRow *row;

    third->absent_bytes = 70;
    traffic_summary_add_source(here, "br0")->dropped = 2;
    traffic_summary_add_source(there, "br0")->dropped = 3;
    traffic_summary_add_source(third, "br1");
    merged = traffic_merge_hosts(all, 3);
    cr_assert_eq(merged->rows->len, 2);
    row = find_row(merged, 1, 2);
    cr_assert_eq(row->sum.bytes, 1000);
    cr_assert_eq(row->missing_bytes, 0, "70 more elsewhere are not more");
    row = find_row(merged, 3, 4);
    cr_assert_eq(row->sum.bytes, 500);
    cr_assert_eq(merged->total.bytes, 1500);
    cr_assert_eq(g_array_index(merged->sent, TrafficSum, 1).bytes, 1000);
    cr_assert_eq(merged->sources->len, 2);
    cr_assert_eq(((TrafficSource *)merged->sources->pdata[0])->dropped, 5);
    expect_adds_up(merged);
}

Test(merge, ends_are_read_back)
{
    static const char *const addresses[] = {
        "10.1.2.3", "::1", "fe80::5", "1.2.3.4", "2001:db8:1:2:3::",
    };
    g_autoptr(TrafficGuests) guests = some_guests();
    g_autoptr(TrafficGuests) others = traffic_guests_new(24, 64);

    cr_assert(traffic_guests_add(guests, "10.1.0.0/16", "lab", NULL));
    for (size_t i = 0; i < 3 * G_N_ELEMENTS(addresses); i++) {
        static const uint32_t vlans[] = { 0, 7, 7 | 8 << 12 };
        TrafficFrame frame = { .ip = 4, .vlan = vlans[i % 3] };
        TrafficEnd ends[2];

        frame.source_mac = i % 2 ? 0x525400000003 : 0;
        frame.destination_mac = i % 2 ? 0xffffffffffff : 0;
        cr_assert(traffic_address_parse(addresses[i / 3], &frame.source));
        traffic_guests_ends(guests, &frame, &ends[0], &ends[1]);
        for (int e = 0; e < 2; e++) {
            g_autofree char *text = traffic_end_text(guests, &ends[e]);
            g_autofree char *again = NULL;
            TrafficEnd same, elsewhere;

            cr_assert(traffic_end_read(
                guests, traffic_end_kind_name((TrafficEndKind)ends[e].kind),
                text, &same, NULL));
            cr_assert_eq(memcmp(&same, &ends[e], sizeof(same)), 0, "%s", text);
            cr_assert(traffic_end_read(
                others, traffic_end_kind_name((TrafficEndKind)ends[e].kind),
                text, &elsewhere, NULL));
            again = traffic_end_text(others, &elsewhere);
            cr_assert_str_eq(text, again);
        }
    }
}

Test(merge, what_is_no_end_is_refused)
{
    static const char *const bad[][2] = {
        { "guest", "" },
        { "guest", "a\nb" },
        { "guest", "\xff" },
        { "robot", "x" },
        { "network", "10.0.0.0" },
        { "network", "10.0.0.1/24" },
        { "network", "10.0.0.0/33" },
        { "network", "10.0.0.0/24 vlan 0" },
        { "network", "10.0.0.0/24 vlan" },
        { "", "" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(TrafficGuests) guests = traffic_guests_new(24, 64);
        g_autoptr(GError) error = NULL;
        TrafficEnd end = { .kind = 99 };

        cr_assert(!traffic_end_read(guests, bad[i][0], bad[i][1], &end, &error),
                  "%s", bad[i][1]);
        cr_assert(error->domain == TRAFFIC_ERROR);
        cr_assert_eq(end.kind, 99);
    }
}
