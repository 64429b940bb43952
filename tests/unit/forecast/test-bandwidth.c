/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-bandwidth.c - what the next pass may count on
 */
#include <criterion/criterion.h>

#include "forecast/bandwidth.h"

static void
add(BandwidthMeter *meter, uint64_t pages, double duration_s, double bytes_s)
{
    SampleRow row = {
        .pages_to_send = pages,
        .page_bytes = 4096,
        .duration_s = duration_s,
        .bandwidth_bytes_s = bytes_s,
    };

    bandwidth_meter_add(meter, &row, 0.3);
}

Test(bandwidth, unknown_before_a_pass)
{
    BandwidthMeter meter = { 0 };

    cr_expect_not(bandwidth_meter_bytes_s(&meter).known);
    add(&meter, 1000, 0, 5e6);
    add(&meter, 1000, 1, 0);
    cr_expect_not(bandwidth_meter_bytes_s(&meter).known);
}

Test(bandwidth, a_long_pass_stands_alone)
{
    BandwidthMeter meter = { 0 };

    add(&meter, 65536, 40, 9e6);
    add(&meter, 65536, 2, 5e6);
    cr_expect_float_eq(bandwidth_meter_bytes_s(&meter).value, 5e6, 1);
}

/* What a socket held back in one pass passes in the next. */
Test(bandwidth, short_passes_are_taken_together)
{
    BandwidthMeter meter = { 0 };

    for (int i = 0; i < 20; i++) {
        add(&meter, 2000, 0.1, i % 2 ? 3e6 : 7e6);
    }
    cr_expect_float_eq(bandwidth_meter_bytes_s(&meter).value, 5e6, 1);
}

/* In the pass in which QEMU stops the guest next to nothing is sent. */
Test(bandwidth, the_stop_is_no_measure)
{
    BandwidthMeter meter = { 0 };

    add(&meter, 65536, 4, 5e6);
    add(&meter, 300, 0.09, 1e5);
    cr_expect_float_eq(bandwidth_meter_bytes_s(&meter).value, 5e6, 1);
}
