/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-traffic.c - rates out of counters
 */
#include <criterion/criterion.h>
#include <glib.h>

#include "job/job-traffic.h"

Test(job_traffic, steady_rate_is_found)
{
    TrafficMeter meter = { 0 };

    for (int i = 0; i <= 40; i++) {
        traffic_meter_add(&meter, i * 250000, 1000.0 * i * 0.25);
    }
    cr_expect_float_eq(traffic_meter_mean(&meter).value, 1000, 1e-6);
    cr_expect_float_eq(traffic_meter_level(&meter).value, 1000, 1e-6);
    cr_expect_float_eq(traffic_meter_need(&meter).value, 1000, 1e-6);
}

Test(job_traffic, nothing_is_known_before_a_second)
{
    TrafficMeter meter = { 0 };

    traffic_meter_add(&meter, 0, 0);
    traffic_meter_add(&meter, 900000, 900);
    cr_expect_not(traffic_meter_mean(&meter).known);
    cr_expect_not(traffic_meter_need(&meter).known);
    traffic_meter_add(&meter, 1000000, 1000);
    cr_expect(traffic_meter_mean(&meter).known);
}

Test(job_traffic, a_counter_that_falls_starts_again)
{
    TrafficMeter meter = { 0 };

    traffic_meter_add(&meter, 0, 1e9);
    traffic_meter_add(&meter, 2000000, 2e9);
    cr_expect_not(traffic_meter_add(&meter, 3000000, 10));
    cr_expect_not(traffic_meter_mean(&meter).known);
    traffic_meter_add(&meter, 4500000, 1510);
    cr_expect_float_eq(traffic_meter_mean(&meter).value, 1000, 1e-6);
}

Test(job_traffic, readings_too_close_are_joined)
{
    TrafficMeter meter = { 0 };

    traffic_meter_add(&meter, 0, 0);
    cr_expect_not(traffic_meter_add(&meter, 10000, 5000));
    cr_expect(traffic_meter_add(&meter, 100000, 5000));
    cr_expect_float_eq(meter.rate_bytes_s.value, 50000, 1e-6);
}

Test(job_traffic, bursts_need_more_than_their_mean)
{
    TrafficMeter meter = { 0 };
    double bytes = 0;

    for (int i = 0; i <= 200; i++) {
        traffic_meter_add(&meter, i * 250000, bytes);
        bytes += i % 8 < 4 ? 500 : 0;
    }
    cr_expect_gt(traffic_meter_need(&meter).value,
                 1.3 * traffic_meter_mean(&meter).value);
}
