/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-queue.c - orders and times of several migrations, sets at random
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "policy/queue.h"
#include "taught.h"

#define LINK_RATE (48 * MBIT)
#define MOST 12

/* Migrations of guests that write W (1 - exp(-r T / W)) pages in T. */
typedef struct Convoy {
    size_t n;
    QueueCurve curves[MOST];
    QueueItem items[MOST];
    QueueSlot slots[MOST];
    QueueDestination destinations[3];
    QueueLimits limits;
    QueuePlan plan;
} Convoy;

static Convoy *
convoy_new(void)
{
    Convoy *convoy = g_new0(Convoy, 1);

    convoy->limits = (QueueLimits){
        .link_bytes_s = LINK_RATE,
        .destinations = convoy->destinations,
        .n_destinations = G_N_ELEMENTS(convoy->destinations),
        .wait_most_s = 36000.0,
    };
    return convoy;
}

static QueueItem *
add(Convoy *convoy, double pages, double writes_s, double written_set)
{
    size_t i = convoy->n++;
    g_autoptr(Forecaster) forecaster = taught(8, writes_s, written_set);

    g_assert(i < MOST);
    queue_curve_forecast(&convoy->curves[i], forecaster, (uint64_t)pages, 0,
                         4096, 0.3, LINK_RATE);
    convoy->items[i] = (QueueItem){ .id = i, .curve = &convoy->curves[i] };
    return &convoy->items[i];
}

static void
plan(Convoy *convoy)
{
    queue_plan(&convoy->limits, convoy->items, convoy->n, &convoy->plan,
               convoy->slots);
}

static QueueItem *
add_random(Convoy *convoy, GRand *rand)
{
    QueueItem *item = add(convoy, g_rand_double_range(rand, 1000, 200000),
                          pow(10, g_rand_double_range(rand, 0, 3.2)),
                          pow(10, g_rand_double_range(rand, 2, 4.5)));

    item->destination = (size_t)g_rand_int_range(rand, 0, 3);
    item->priority = g_rand_int_range(rand, 0, 3) == 0;
    if (g_rand_int_range(rand, 0, 4) == 0) {
        item->intensive = true;
        item->need_bytes_s = g_rand_double_range(rand, 0, 10) * MBIT;
    }
    if (g_rand_int_range(rand, 0, 4) == 0) {
        item->deadline_s = known(g_rand_double_range(rand, 10, 1000));
    }
    return item;
}

/* Bytes do not grow with bandwidth, time falls: what the proof rests on. */
Test(queue, curves_are_monotone)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(21);

    for (unsigned run = 0; run < 100; run++) {
        g_autofree Convoy *convoy = convoy_new();
        double bytes = INFINITY, time_s = INFINITY;

        add_random(convoy, rand);
        for (double b = LINK_RATE / 100; b < 2 * LINK_RATE; b *= 1.013) {
            double at_b_s = queue_curve_time(&convoy->curves[0], b);

            cr_assert(at_b_s > 0.0);
            cr_assert(at_b_s <= time_s * (1 + 1e-9) || isinf(time_s));
            cr_assert(at_b_s * b <= bytes * (1 + 1e-9) || isinf(bytes));
            time_s = at_b_s;
            bytes = at_b_s * b;
        }
    }
}

Test(queue, memory_alone_is_sent_once)
{
    QueueCurve curve;

    queue_curve_forecast(&curve, NULL, 100000, 20000, 4096, 0.3, LINK_RATE);
    cr_assert(curve.guessed);
    cr_assert_float_eq(queue_curve_time(&curve, LINK_RATE / 3.0),
                       80000.0 * 4096 / 0.95 / (LINK_RATE / 3.0), 1e-6);
    cr_assert(isinf(queue_curve_time(&curve, 0.0)));
}

/* With one destination as fast as the link: one after the other, and the sum
 * of times at full bandwidth. */
Test(queue, one_after_the_other)
{
    g_autofree Convoy *convoy = convoy_new();
    double sum = 0.0;

    for (unsigned i = 0; i < 4; i++) {
        add(convoy, 20000 + 10000 * ((i * 7) % 4), 300, 8000);
    }
    plan(convoy);
    cr_assert_eq(convoy->plan.order, QUEUE_SHORTEST);
    for (size_t i = 0; i < 4; i++) {
        sum += queue_curve_time(&convoy->curves[i], LINK_RATE);
    }
    cr_assert_float_eq(convoy->plan.total_s, sum, 0.01 * sum);
    cr_assert_lt(convoy->plan.total_s, 0.95 * convoy->plan.at_once_s);
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(convoy->slots[i].admit, i == 0);
        for (size_t j = 0; j < 4; j++) {
            bool shorter = convoy->items[i].curve->time_s[11] <
                           convoy->items[j].curve->time_s[11];

            cr_assert(!shorter || convoy->slots[i].end_s <=
                                      convoy->slots[j].start_s + 1e-3);
        }
    }
}

Test(queue, network_intensive_guests_go_last)
{
    g_autofree Convoy *convoy = convoy_new();
    QueueItem *intensive = add(convoy, 10000, 300, 8000);

    intensive->intensive = true;
    intensive->need_bytes_s = 10 * MBIT;
    add(convoy, 60000, 300, 8000);
    add(convoy, 50000, 300, 8000);
    plan(convoy);
    cr_assert_gt(convoy->slots[0].start_s, convoy->slots[1].start_s);
    cr_assert_gt(convoy->slots[0].start_s, convoy->slots[2].start_s);
    cr_assert(strstr(convoy->slots[0].reason, "not network-intensive"));
    /* but for one who says so */
    intensive->priority = 1;
    plan(convoy);
    cr_assert(convoy->slots[0].admit);
}

Test(queue, deadlines_change_the_order)
{
    g_autofree Convoy *convoy = convoy_new();

    add(convoy, 40000, 100, 8000);
    add(convoy, 80000, 100, 8000)->deadline_s = known(85.0);
    plan(convoy);
    cr_assert_eq(convoy->plan.order, QUEUE_URGENT);
    cr_assert_eq(convoy->plan.late, 0);
    cr_assert(convoy->slots[1].admit);
}

/* Slow ways to two destinations: both are used at once. */
Test(queue, slow_destinations_are_used_side_by_side)
{
    g_autofree Convoy *convoy = convoy_new();

    convoy->destinations[0].capacity_bytes_s = known(LINK_RATE / 2);
    convoy->destinations[1].capacity_bytes_s = known(LINK_RATE / 2);
    for (unsigned i = 0; i < 4; i++) {
        add(convoy, 40000, 100, 8000)->destination = i % 2;
    }
    plan(convoy);
    cr_assert(convoy->slots[0].admit && convoy->slots[1].admit);
    cr_assert_not(convoy->slots[2].admit);
    cr_assert_not(convoy->slots[3].admit);
}

/* The next one prepares while the last one sends. */
Test(queue, preparation_overlaps)
{
    g_autofree Convoy *convoy = convoy_new();
    double alone;

    convoy->limits.between_s = 2.0;
    add(convoy, 20000, 1, 100);
    add(convoy, 20000, 1, 100);
    alone = queue_curve_time(&convoy->curves[0], LINK_RATE);
    plan(convoy);
    cr_assert_float_eq(convoy->slots[1].start_s, alone, 0.1);
    cr_assert_leq(convoy->plan.total_s, 2 * alone + 2.1);

    /* as the daemon asks: it runs, and nearly has it */
    convoy->items[0].running = true;
    convoy->items[0].done = 0.5;
    plan(convoy);
    cr_assert_not(convoy->slots[1].admit);
    convoy->items[0].done = 1.0 - 1.0 / alone;
    plan(convoy);
    cr_assert(convoy->slots[1].admit);
}

Test(queue, full_destinations_and_held_guests)
{
    g_autofree Convoy *convoy = convoy_new();

    convoy->destinations[0].incoming_most = 2;
    convoy->destinations[0].incoming_now = 1;
    convoy->destinations[1].incoming_most = 1;
    convoy->destinations[1].incoming_now = 1;
    convoy->destinations[0].capacity_bytes_s = known(LINK_RATE / 4);
    for (unsigned i = 0; i < 2; i++) {
        add(convoy, 20000, 100, 8000);
    }
    add(convoy, 20000, 100, 8000)->destination = 1;
    add(convoy, 20000, 100, 8000)->held = true;
    plan(convoy);
    cr_assert(convoy->slots[0].admit);
    cr_assert_not(convoy->slots[1].admit);
    cr_assert_geq(convoy->slots[1].start_s, convoy->slots[0].end_s - 1e-3);
    cr_assert_not(convoy->slots[2].planned);
    cr_assert(strstr(convoy->slots[2].reason, "takes no more"));
    cr_assert_not(convoy->slots[3].planned);
    cr_assert(strstr(convoy->slots[3].reason, "held"));
}

/* One that will not converge blocks nobody. */
Test(queue, hopeless_ones_go_last)
{
    g_autofree Convoy *convoy = convoy_new();

    add(convoy, 20000, 50000, 60000);
    add(convoy, 90000, 100, 8000);
    plan(convoy);
    cr_assert_eq(convoy->plan.endless, 1);
    cr_assert(isinf(convoy->plan.total_s));
    cr_assert(convoy->slots[1].admit);
    cr_assert_not(convoy->slots[0].admit);
    cr_assert(isinf(convoy->slots[0].end_s));
    cr_assert(isfinite(convoy->slots[0].start_s));
}

/* The rule of rules. */
Test(queue, never_worse_than_all_at_once)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(22);
    unsigned orders[QUEUE_N_ORDERS] = { 0 };
    double saved = 0.0;

    for (unsigned run = 0; run < 400; run++) {
        g_autofree Convoy *convoy = convoy_new();
        unsigned n = (unsigned)g_rand_int_range(rand, 1, MOST + 1);
        double last = 0.0;

        for (unsigned i = 0; i < n; i++) {
            QueueItem *item = add_random(convoy, rand);

            item->running = g_rand_int_range(rand, 0, 6) == 0;
            item->done = g_rand_double(rand);
            item->held = g_rand_int_range(rand, 0, 12) == 0;
        }
        for (unsigned i = 0; i < 3; i++) {
            if (g_rand_boolean(rand)) {
                convoy->destinations[i].capacity_bytes_s =
                    known(LINK_RATE * g_rand_double_range(rand, 0.2, 1.5));
            }
            convoy->destinations[i].incoming_most =
                (unsigned)g_rand_int_range(rand, 0, 4);
        }
        convoy->limits.between_s = g_rand_int_range(rand, 0, 3);
        convoy->limits.running_most = (unsigned)g_rand_int_range(rand, 0, 5);
        plan(convoy);
        orders[convoy->plan.order]++;
        for (unsigned i = 0; i < n; i++) {
            const QueueSlot *slot = &convoy->slots[i];

            cr_assert_gt(strlen(slot->reason), 5);
            if (slot->planned && isfinite(slot->end_s)) {
                cr_assert(isfinite(slot->start_s));
                cr_assert_leq(slot->start_s, slot->end_s);
                last = fmax(last, slot->end_s);
            }
            cr_assert(!slot->planned || isfinite(slot->start_s), "run %u: %s",
                      run, slot->reason);
        }
        cr_assert_leq(last, convoy->plan.at_once_s * (1 + 1e-6), "run %u", run);
        if (convoy->plan.endless == 0 && convoy->plan.at_once_s > 0) {
            cr_assert_leq(convoy->plan.total_s,
                          convoy->plan.at_once_s * (1 + 1e-6));
            saved += 1.0 - convoy->plan.total_s / convoy->plan.at_once_s;
        }
    }
    fprintf(stderr,
            "orders: %u shortest, %u urgent, %u longest, %u at once; "
            "saved %.1f %% in the mean\n",
            orders[0], orders[1], orders[2], orders[3], saved / 4.0);
    cr_assert_gt(orders[QUEUE_SHORTEST], orders[QUEUE_AT_ONCE]);
}

/* As the daemon lives it: time passes, new ones of higher priority arrive all
 * the time, and everyone goes within the bound it was told. */
Test(queue, nobody_starves)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(23);

    for (unsigned run = 0; run < 20; run++) {
        g_autofree Convoy *convoy = convoy_new();
        double step_s = 5.0, longest = 0.0;
        unsigned admitted = 0;

        convoy->limits.wait_most_s = 600.0;
        for (unsigned i = 0; i < 4; i++) {
            add_random(convoy, rand)->destination = 0;
        }
        for (double now = 0.0; now < 3000.0; now += step_s) {
            if (g_rand_int_range(rand, 0, 6) == 0 && convoy->n < MOST) {
                QueueItem *item = add_random(convoy, rand);

                item->destination = 0;
                item->priority = 2;
            }
            for (size_t i = 0; i < convoy->n; i++) {
                QueueItem *item = &convoy->items[i];

                item->deadline_s = unknown();
                if (item->bound_s <= 0.0) {
                    item->bound_s = queue_bound(&convoy->limits, convoy->items,
                                                convoy->n, i);
                    cr_assert_geq(item->bound_s, 60.0);
                    cr_assert_leq(item->bound_s, 600.0);
                }
            }
            plan(convoy);
            for (size_t i = 0; i < convoy->n;) {
                QueueItem *item = &convoy->items[i];

                if (item->running) {
                    item->done += step_s / 150.0;
                } else if (convoy->slots[i].admit) {
                    cr_assert_leq(item->waited_s, item->bound_s + step_s);
                    longest = fmax(longest, item->waited_s);
                    item->running = true;
                    admitted++;
                } else {
                    item->waited_s += step_s;
                    cr_assert_leq(item->waited_s, item->bound_s + step_s, "%s",
                                  convoy->slots[i].reason);
                }
                if (item->done >= 1.0) {
                    /* over: the last one takes its place */
                    size_t last = --convoy->n;

                    convoy->curves[i] = convoy->curves[last];
                    convoy->items[i] = convoy->items[last];
                    convoy->items[i].curve = &convoy->curves[i];
                    convoy->slots[i] = convoy->slots[last];
                } else {
                    i++;
                }
            }
        }
        cr_assert_gt(admitted, 10);
        cr_assert_leq(longest, 600.0 + step_s);
    }
}

/* The same input, the same plan. */
Test(queue, deterministic)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(24);
    g_autofree Convoy *convoy = convoy_new();
    QueueSlot slots[MOST];

    for (unsigned i = 0; i < MOST; i++) {
        add_random(convoy, rand);
    }
    plan(convoy);
    memcpy(slots, convoy->slots, sizeof(slots));
    plan(convoy);
    for (unsigned i = 0; i < MOST; i++) {
        cr_assert_eq(slots[i].start_s, convoy->slots[i].start_s);
        cr_assert_str_eq(slots[i].reason, convoy->slots[i].reason);
    }
}

Test(queue, an_empty_one)
{
    g_autofree Convoy *convoy = convoy_new();

    plan(convoy);
    cr_assert_eq(convoy->plan.total_s, 0.0);
    cr_assert_eq(convoy->plan.endless, 0);
}
