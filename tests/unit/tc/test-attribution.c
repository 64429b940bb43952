/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-attribution.c - which connection is the stream
 */
#include <criterion/criterion.h>

#include "tc/attribution.h"

#define MB (1000 * 1000)

static StreamInfo
connection(uint16_t source_port, uint64_t inode, uint64_t acked)
{
    StreamInfo info = {
        .match = { .source = "10.0.0.1",
                   .destination = "10.0.0.2",
                   .source_port = source_port,
                   .destination_port = 49152 },
        .inode = inode,
        .bytes_acked = acked,
    };

    return info;
}

static GArray *
table(const StreamInfo *infos, guint n)
{
    GArray *array = g_array_new(FALSE, FALSE, sizeof(StreamInfo));

    g_array_append_vals(array, infos, n);
    return array;
}

static uint16_t
only_port(const Attribution *attribution)
{
    const GArray *matches = attribution_matches(attribution);

    cr_assert_eq(matches->len, 1, "%u connections are matched", matches->len);
    return g_array_index(matches, StreamMatch, 0).source_port;
}

Test(attribution, what_was_there_before_is_not_the_stream)
{
    StreamInfo old = connection(1000, 1, 500 * MB);
    g_autoptr(GArray) before = table(&old, 1);
    g_autoptr(Attribution) attribution = attribution_new(before, false);

    cr_expect_not(attribution_update(attribution, before, 0));
    cr_expect_eq(attribution_matches(attribution)->len, 0);
    cr_expect_not(attribution_bytes(attribution).known);
}

Test(attribution, a_single_new_one_is)
{
    StreamInfo infos[] = { connection(1000, 1, 500 * MB),
                           connection(2000, 2, 10) };
    g_autoptr(GArray) before = table(infos, 1);
    g_autoptr(GArray) now = table(infos, 2);
    g_autoptr(Attribution) attribution = attribution_new(before, false);

    cr_expect(attribution_update(attribution, now, 0));
    cr_expect_eq(only_port(attribution), 2000);
    cr_expect_not(attribution_update(attribution, now, 0));
    cr_expect_float_eq(attribution_bytes(attribution).value, 10, 0);
}

Test(attribution, of_two_the_one_that_follows_qemu)
{
    StreamInfo infos[] = { connection(2000, 2, 0), connection(3000, 3, 0) };
    g_autoptr(Attribution) attribution = attribution_new(NULL, false);
    g_autoptr(GArray) fresh = table(infos, 2);
    g_autoptr(GArray) later = NULL;

    attribution_update(attribution, fresh, 0);
    cr_expect_eq(attribution_matches(attribution)->len, 0,
                 "shaped a stranger while it was not clear");

    infos[0].bytes_acked = 90 * MB;
    infos[1].bytes_acked = 10 * MB;
    later = table(infos, 2);
    cr_expect(attribution_update(attribution, later, 11 * MB));
    cr_expect_eq(only_port(attribution), 3000);
}

Test(attribution, two_that_grow_alike_stay_in_doubt)
{
    StreamInfo infos[] = { connection(2000, 2, 20 * MB),
                           connection(3000, 3, 21 * MB) };
    g_autoptr(Attribution) attribution = attribution_new(NULL, false);
    g_autoptr(GArray) now = table(infos, 2);

    attribution_update(attribution, now, 25 * MB);
    cr_expect_eq(attribution_matches(attribution)->len, 0);
}

Test(attribution, one_that_comes_second_can_still_be_it)
{
    StreamInfo infos[] = { connection(2000, 2, 0), connection(3000, 3, 0) };
    g_autoptr(Attribution) attribution = attribution_new(NULL, false);
    g_autoptr(GArray) first = table(infos, 1);
    g_autoptr(GArray) both = NULL;

    attribution_update(attribution, first, 0);
    cr_expect_eq(only_port(attribution), 2000);
    infos[1].bytes_acked = 40 * MB;
    both = table(infos, 2);
    cr_expect(attribution_update(attribution, both, 41 * MB));
    cr_expect_eq(only_port(attribution), 3000);
}

Test(attribution, many_are_all_matched)
{
    StreamInfo infos[] = { connection(2000, 2, 5), connection(3000, 3, 6) };
    g_autoptr(Attribution) attribution = attribution_new(NULL, true);
    g_autoptr(GArray) now = table(infos, 2);

    cr_expect(attribution_update(attribution, now, 0));
    cr_expect_eq(attribution_matches(attribution)->len, 2);
    cr_expect_float_eq(attribution_bytes(attribution).value, 11, 0);
}

Test(attribution, a_closed_connection_keeps_its_count)
{
    StreamInfo info = connection(2000, 2, 70 * MB);
    g_autoptr(Attribution) attribution = attribution_new(NULL, false);
    g_autoptr(GArray) open = table(&info, 1);
    g_autoptr(GArray) closed = table(&info, 0);

    attribution_update(attribution, open, 70 * MB);
    cr_expect_not(attribution_update(attribution, closed, 71 * MB));
    cr_expect_float_eq(attribution_bytes(attribution).value, 70.0 * MB, 0);
}

/* Its process is gone and its last bytes are not: counted once. */
Test(attribution, one_that_loses_its_inode_is_the_same)
{
    StreamInfo info = connection(2000, 2, 70 * MB);
    g_autoptr(Attribution) attribution = attribution_new(NULL, true);
    g_autoptr(GArray) open = table(&info, 1);
    g_autoptr(GArray) orphaned = NULL;
    g_autoptr(GArray) uncounted = NULL;

    attribution_update(attribution, open, 0);
    info.inode = 0;
    info.bytes_acked = 71 * MB;
    orphaned = table(&info, 1);
    attribution_update(attribution, orphaned, 0);
    cr_expect_eq(attribution_matches(attribution)->len, 1);
    cr_expect_float_eq(attribution_bytes(attribution).value, 71.0 * MB, 0);
    info.bytes_acked = 0;
    uncounted = table(&info, 1);
    attribution_update(attribution, uncounted, 0);
    cr_expect_eq(attribution_matches(attribution)->len, 1);
    cr_expect_float_eq(attribution_bytes(attribution).value, 71.0 * MB, 0);
}

Test(attribution, the_rest_of_an_old_one_is_not_the_stream)
{
    StreamInfo old = connection(1000, 1, 500 * MB);
    g_autoptr(GArray) before = table(&old, 1);
    g_autoptr(GArray) now = NULL;
    g_autoptr(Attribution) attribution = attribution_new(before, true);

    old.inode = 0;
    now = table(&old, 1);
    cr_expect_not(attribution_update(attribution, now, 0));
    cr_expect_eq(attribution_matches(attribution)->len, 0);
}

Test(attribution, a_port_used_again_is_another_connection)
{
    StreamInfo old = connection(2000, 2, 70 * MB);
    StreamInfo again = connection(2000, 9, 1);
    g_autoptr(GArray) before = table(&old, 1);
    g_autoptr(GArray) now = table(&again, 1);
    g_autoptr(Attribution) attribution = attribution_new(before, false);

    cr_expect(attribution_update(attribution, now, 0));
    cr_expect_eq(only_port(attribution), 2000);
}

/* What a connection sent before it was known is in no class of ours. */
Test(attribution, wire_bytes_count_from_when_it_was_chosen)
{
    StreamInfo infos[] = { connection(2000, 2, 4 * MB),
                           connection(3000, 3, 5 * MB) };
    g_autoptr(Attribution) attribution = attribution_new(NULL, true);
    g_autoptr(GArray) first = NULL;
    g_autoptr(GArray) second = NULL;
    g_autoptr(GArray) third = NULL;

    cr_expect_not(attribution_wire_bytes(attribution).known);
    infos[0].wire_bytes = 4 * MB;
    first = table(infos, 1);
    attribution_update(attribution, first, 0);
    cr_expect_eq(attribution_wire_bytes(attribution).value, 0);

    infos[0].wire_bytes = 10 * MB;
    infos[1].wire_bytes = 5 * MB;
    second = table(infos, 2);
    attribution_update(attribution, second, 0);
    cr_expect_eq(attribution_wire_bytes(attribution).value, 6 * MB);

    infos[0].wire_bytes = 11 * MB;
    infos[1].wire_bytes = 7 * MB;
    third = table(infos, 2);
    attribution_update(attribution, third, 0);
    cr_expect_eq(attribution_wire_bytes(attribution).value, 9 * MB);
}

Test(attribution, wire_bytes_of_the_closed_or_uncounted_are_not_known)
{
    StreamInfo info = connection(2000, 2, 4 * MB);
    g_autoptr(Attribution) attribution = attribution_new(NULL, false);
    g_autoptr(GArray) uncounted = table(&info, 1);
    g_autoptr(GArray) closed = table(&info, 0);
    g_autoptr(GArray) counted = NULL;

    attribution_update(attribution, uncounted, 4 * MB);
    cr_expect_not(attribution_wire_bytes(attribution).known);
    info.wire_bytes = 4 * MB;
    counted = table(&info, 1);
    attribution_update(attribution, counted, 4 * MB);
    cr_expect(attribution_wire_bytes(attribution).known);
    attribution_update(attribution, closed, 4 * MB);
    cr_expect_not(attribution_wire_bytes(attribution).known);
}
