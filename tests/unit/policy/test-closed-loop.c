/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-closed-loop.c - policy and forecaster steer a simulated migration
 *
 * The guest writes @writes pages a second at random within a set of pages, so
 * that D(T) = W (1 - exp(-writes T / W)), 10 % noise on it. QEMU sends in
 * slices of 50 ms, ends a pass when less than bandwidth x downtime limit
 * remains, and looks for dirty pages then. The link is an HTB tree: the
 * migration's class has its guarantee, greedy TCP flows the rest, and what
 * the control class leaves is shared in proportion to the guarantees.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy/policy.h"

#define MBIT 125000.0
#define PAGE 4096.0
#define WIRE 0.9545 /* page bytes of frame bytes */
#define SLICE_S 0.05
#define CUT_OFF_S 600.0

typedef struct Scenario {
    double link, control;     /* bytes/s */
    double pages, full_pages; /* of the guest, and those that are not zero */
    double writes_s, written_set;
    double downtime_limit_s;
    Known guest_net;
    Known deadline_s;
} Scenario;

static const Scenario demo = {
    .link = 48.5 * MBIT,
    .control = 1.0 * MBIT,
    .pages = 135000,
    .full_pages = 38000,
    .writes_s = 800,
    .written_set = 16384,
    .downtime_limit_s = 0.3,
};

typedef struct Result {
    bool completed, cannot;
    unsigned iterations, sets;
    double time_s, downtime_s, frame_bytes, guaranteed; /* integral of rate */
    double others_bytes; /* that the greedy flows could send meanwhile */
    double short_s;      /* how long they had less than a twelfth of the link */
    double first_guarantee, last_guarantee;
} Result;

static double
dirtied(const Scenario *scenario, double duration_s, GRand *rand)
{
    double noise = 1.0 + g_rand_double_range(rand, -0.1, 0.1);

    return floor(-scenario->written_set *
                 expm1(-scenario->writes_s * noise * duration_s /
                       scenario->written_set));
}

static Result
simulate(const Scenario *scenario, PolicyKind kind, unsigned seed)
{
    g_autoptr(Forecaster) forecaster =
        forecaster_new((uint64_t)scenario->pages);
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    Result result = { 0 };
    double remaining = scenario->full_pages * PAGE, left = 0.0;
    double zero_pages = scenario->pages - scenario->full_pages;
    PolicyDecision decision = { 0 };
    PolicySettings settings;

    policy_settings_init(&settings, kind);
    settings.downtime_limit_s = scenario->downtime_limit_s;
    settings.deadline_s = scenario->deadline_s;

    while (result.time_s < CUT_OFF_S) {
        PolicyInput input = {
            .iter = result.iterations + 1,
            .elapsed_s = result.time_s,
            .pages_to_send = (uint64_t)(remaining / PAGE + zero_pages),
            .page_bytes = (uint64_t)PAGE,
            .link_bytes_s = scenario->link,
            .others_bytes_s = scenario->control,
            .guest_net_mean_bytes_s = scenario->guest_net,
            .guarantee_bytes_s = decision.guarantee_bytes_s,
            .ceiling_bytes_s = decision.ceiling_bytes_s,
        };
        SampleRow row = {
            .iter = input.iter,
            .merged = 1,
            .pages_to_send = input.pages_to_send,
            .page_bytes = (uint64_t)PAGE,
        };
        double rate, threshold;

        policy_decide(&settings, forecaster, &input, &decision);
        if (getenv("SHOW_DECISIONS")) {
            fprintf(stderr, "%6.1f s %2u %7.0f pages %-6s %s\n", result.time_s,
                    input.iter, remaining / PAGE,
                    policy_step_name(decision.step), decision.reason);
        }
        result.sets += decision.step == POLICY_STEP_SET;
        result.cannot |= decision.step == POLICY_STEP_CANNOT;
        cr_assert_leq((double)decision.guarantee_bytes_s +
                          (double)decision.application_bytes_s,
                      scenario->link - scenario->control + 1.0);

        if (kind == POLICY_NONE) {
            rate = scenario->link / 5.0; /* one of five flows */
        } else {
            double guarantee = (double)decision.guarantee_bytes_s;

            rate = guarantee * scenario->link /
                   (scenario->link - scenario->control);
            if (result.iterations == 0) {
                result.first_guarantee = guarantee;
            }
            result.last_guarantee = guarantee;
        }
        threshold = rate * WIRE * scenario->downtime_limit_s;
        while (remaining >= threshold) {
            remaining -= fmin(remaining, rate * WIRE * SLICE_S);
            row.duration_s += SLICE_S;
        }
        left = remaining;
        zero_pages = 0.0;
        result.iterations++;
        result.time_s += row.duration_s;
        result.frame_bytes += row.duration_s * rate;
        result.guaranteed +=
            row.duration_s * (double)decision.guarantee_bytes_s;
        result.others_bytes += row.duration_s * (scenario->link - rate);
        if (scenario->link - rate < scenario->link / 12.0) {
            result.short_s += row.duration_s;
        }
        row.dirty_pages = known(dirtied(scenario, row.duration_s, rand));
        row.bandwidth_bytes_s = rate * WIRE;
        remaining = left + row.dirty_pages.value * PAGE;
        forecaster_add(forecaster, &row);

        if (remaining < threshold) {
            result.completed = true;
            result.downtime_s = remaining / (rate * WIRE);
            result.time_s += result.downtime_s;
            result.frame_bytes += remaining / WIRE;
            result.iterations++;
            break;
        }
    }
    return result;
}

static void
show(const char *what, const Result *result)
{
    fprintf(stderr,
            "%-26s %s after %5.1f s, %2u iterations, %4.0f MB, downtime "
            "%3.0f ms, %2u changes; others had %4.1f Mbit/s, %.1f s short\n",
            what, result->completed ? "completed" : "cut off  ", result->time_s,
            result->iterations, result->frame_bytes / 1e6,
            result->downtime_s * 1e3, result->sets,
            result->others_bytes / result->time_s / MBIT, result->short_s);
}

/* The case of the demonstration: without shaping it does not end. */
Test(closed_loop, default_ends_what_plain_cannot)
{
    Result plain = simulate(&demo, POLICY_NONE, 1);

    show("plain, one of five flows", &plain);
    cr_assert_not(plain.completed);
    for (unsigned seed = 1; seed <= 20; seed++) {
        Result shaped = simulate(&demo, POLICY_DEFAULT, seed);
        double mean_guarantee = shaped.guaranteed / shaped.time_s;

        if (seed <= 3) {
            show("default", &shaped);
        }
        cr_assert(shaped.completed);
        cr_assert_not(shaped.cannot);
        cr_assert_leq(shaped.iterations, 20);
        cr_assert_leq(shaped.downtime_s, 0.3);
        /* against a plain one that is cut off after 180 s */
        cr_assert_leq(shaped.time_s, 0.35 * 180.0);
        cr_assert_leq(shaped.time_s,
                      1.10 * shaped.frame_bytes / mean_guarantee);
        /* the flows beside it keep something, nearly all the time */
        cr_assert_geq(shaped.others_bytes / shaped.time_s, 4.0 * MBIT);
        cr_assert_leq(shaped.short_s, 0.1 * shaped.time_s);
    }
}

/* Where time is all that a lower guarantee costs, others get more. */
Test(closed_loop, a_quiet_guest_is_content_with_less)
{
    Scenario quiet = demo;
    Result shaped;

    quiet.pages = 500000;
    quiet.full_pages = 300000;
    quiet.writes_s = 200;
    quiet.written_set = 200000;
    shaped = simulate(&quiet, POLICY_DEFAULT, 1);
    show("quiet guest", &shaped);
    cr_assert(shaped.completed);
    cr_assert_leq(shaped.iterations, 8);
    cr_assert_leq(shaped.last_guarantee, 0.9 * shaped.first_guarantee);
    cr_assert_eq(shaped.short_s, 0.0);
}

Test(closed_loop, a_hopeless_guest_is_said_to_be)
{
    Scenario hopeless = demo;
    Result shaped;

    hopeless.writes_s = 4000;
    shaped = simulate(&hopeless, POLICY_DEFAULT, 1);
    show("hopeless guest", &shaped);
    cr_assert_not(shaped.completed);
    cr_assert(shaped.cannot);
    cr_assert_eq(shaped.short_s, 0.0);
}

Test(closed_loop, a_deadline_is_met_with_less)
{
    Scenario patient = demo, hurried = demo;
    Result slow, fast;

    patient.writes_s = hurried.writes_s = 100;
    patient.deadline_s = known(400.0);
    hurried.deadline_s = known(60.0);
    slow = simulate(&patient, POLICY_DEFAULT, 1);
    fast = simulate(&hurried, POLICY_DEFAULT, 1);
    show("deadline 400 s", &slow);
    show("deadline 60 s", &fast);
    cr_assert(slow.completed);
    cr_assert_leq(slow.time_s, 400.0);
    cr_assert(fast.completed);
    cr_assert_leq(fast.time_s, 60.0);
    cr_assert_gt(slow.others_bytes / slow.time_s,
                 1.5 * fast.others_bytes / fast.time_s);
}

Test(closed_loop, paper_gains_nothing_on_the_dirtying)
{
    Result paper = simulate(&demo, POLICY_PAPER, 1);
    Result ours = simulate(&demo, POLICY_DEFAULT, 1);

    show("paper", &paper);
    cr_assert_gt(paper.time_s, 1.5 * ours.time_s);
    cr_assert_gt(paper.frame_bytes, 1.2 * ours.frame_bytes);
}
