/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-traffic-frame.c - the first bytes of a frame, from anybody
 *
 * The first byte says what the frame begins with. A frame cut off anywhere is
 * either not understood, or says the same as the whole as far as it goes; one
 * that is not marked as cut says all of it. Both ends of whatever is decoded
 * can be counted and named.
 */
#include "fuzz.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

#include "traffic/matrix.h"

static const char who[] = "02:00:00:00:00:01=a\n10.0.0.2=b\n"
                          "10.0.0.2@7=c\n2001:db8::/32=six\n";

static bool
same_addresses(const TrafficFrame *a, const TrafficFrame *b)
{
    return a->vlan == b->vlan && a->ether_type == b->ether_type &&
           a->ip == b->ip && a->protocol == b->protocol &&
           memcmp(&a->source, &b->source, sizeof(a->source)) == 0 &&
           memcmp(&a->destination, &b->destination, sizeof(a->source)) == 0;
}

static void
check_cuts(TrafficLink link, const uint8_t *data, size_t size,
           const TrafficFrame *whole)
{
    for (size_t cut = 0; cut < MIN(size, 256); cut++) {
        TrafficFrame part;

        if (!traffic_frame_decode(link, data, cut, 1500, &part)) {
            continue;
        }
        FUZZ_CHECK(part.source_mac == whole->source_mac);
        FUZZ_CHECK(part.destination_mac == whole->destination_mac);
        FUZZ_CHECK(part.cut || same_addresses(&part, whole));
    }
}

static void
check_counting(const TrafficFrame *frame)
{
    g_autoptr(TrafficGuests) guests = traffic_guests_new(24, 64);
    TrafficSpec spec = { TRAFFIC_LEAST_PAIRS, 1 };
    g_autoptr(TrafficMatrix) matrix = traffic_matrix_new(guests, &spec);
    g_autoptr(TrafficSummary) summary = NULL;
    g_autofree char *from = NULL, *to = NULL;
    const TrafficRow *row;

    FUZZ_CHECK(traffic_guests_parse(guests, who, sizeof(who) - 1, NULL));
    traffic_matrix_add(matrix, frame);
    summary = traffic_matrix_summary(matrix);
    FUZZ_CHECK(summary->rows->len == 1);
    FUZZ_CHECK(summary->total.bytes == frame->wire_bytes);
    row = &g_array_index(summary->rows, TrafficRow, 0);
    from = traffic_end_text(guests, &row->from);
    to = traffic_end_text(guests, &row->to);
    FUZZ_CHECK(*from && *to);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    TrafficFrame whole;
    TrafficLink link;

    if (size < 1) {
        return 0;
    }
    link = (TrafficLink)(data[0] % TRAFFIC_N_LINKS);
    data++;
    size--;
    if (traffic_frame_decode(link, data, size, 1500, &whole)) {
        check_cuts(link, data, size, &whole);
        check_counting(&whole);
    }
    return 0;
}
