/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * edges.c - what a row says when something is missing, odd or wrong
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "sim.h"

#define S(seconds) ((int64_t)((seconds)*1e6))

/* Statistics spelled by hand: page size 4096, bytes sent = 4096 * sent pages */
static void
poll(Sampler *sampler, double at_s, unsigned pass, uint64_t remaining,
     uint64_t sent)
{
    SamplePoll statistics = {
        .at_us = S(at_s),
        .pass = pass,
        .page_bytes = 4096,
        .remaining_bytes = remaining * 4096,
        .normal_pages = sent,
        .sent_bytes = sent * 4096,
    };

    sampler_poll(sampler, &statistics);
}

Test(edges, two_passes_between_two_polls_make_one_row)
{
    g_autoptr(Sampler) sampler = sampler_new(SAMPLE_SOURCE_QMP);
    SampleRow row;

    sampler_pass(sampler, 1, S(1));
    poll(sampler, 1.5, 1, 500, 500);
    sampler_pass(sampler, 2, S(2));
    sampler_pass(sampler, 3, S(2.1));
    poll(sampler, 2.2, 3, 250, 1050);
    poll(sampler, 2.3, 3, 200, 1100);
    cr_assert(sampler_take(sampler, &row));
    cr_expect_eq(row.iter, 1);
    cr_expect_eq(row.merged, 2);
    cr_expect_float_eq(row.dirty_pages.value, 300, 0);
    cr_expect_float_eq(row.duration_s, 1.1, 1e-9);
    cr_expect_eq(row.flags, 0);
    cr_assert(sampler_running(sampler, &row));
    cr_expect_eq(row.iter, 3);
    sampler_pass(sampler, 4, S(3));
    poll(sampler, 3.1, 4, 10, 1300);
    cr_assert(sampler_take(sampler, &row));
    cr_expect_eq(row.iter, 3);
    cr_expect_eq(row.merged, 1);
    cr_expect_float_eq(row.prev_duration_s.value, 1.1, 1e-9);
}

Test(edges, pages_dropped_unsent_make_x1_a_lower_bound)
{
    SimSetup setup = { .total_pages = 60000,
                       .rate_pages_s = 10000,
                       .downtime_s = 0.05,
                       .writes_pages_s = 3000,
                       .working_set_pages = 20000,
                       .first_number = 1,
                       .max_passes = 9,
                       .dropped_pages = 3000 };
    g_autoptr(Sampler) sampler = sampler_new(SAMPLE_SOURCE_QMP);
    SampleRow row;
    unsigned n = 0;
    Sim sim;

    sim_init(&sim, &setup, 1);
    for (int64_t at_us = SIM_START_US, i = 0; i < sim.n; at_us += S(0.01)) {
        SamplePoll statistics = sim_poll(&sim, at_us);

        for (; i < sim.n && sim.pass[i].start_us <= at_us; i++) {
            sampler_pass(sampler, (unsigned)i + 1, sim.pass[i].start_us);
        }
        sampler_poll(sampler, &statistics);
    }
    while (sampler_take(sampler, &row)) {
        n++;
        cr_expect_eq(!!(row.flags & SAMPLE_FLAG_BACKWARDS), row.iter == 2,
                     "row %u: flags %u", row.iter, row.flags);
        cr_expect_float_eq(
            row.dirty_pages.value,
            (double)(sim.pass[row.iter + row.merged - 1].c_pages -
                     sim.pass[row.iter - 1].c_pages),
            0, "row %u", row.iter);
    }
    cr_expect_geq(n, 3);
    sim_clear(&sim);
}

Test(edges, more_dropped_than_dirtied_is_no_negative_count)
{
    g_autoptr(Sampler) sampler = sampler_new(SAMPLE_SOURCE_QMP);
    SampleRow row;

    poll(sampler, 1, 1, 1000, 0);
    poll(sampler, 2, 2, 100, 400);
    cr_assert(sampler_take(sampler, &row));
    cr_expect(row.dirty_pages.known);
    cr_expect_float_eq(row.dirty_pages.value, 0, 0);
    cr_expect(row.flags & SAMPLE_FLAG_BACKWARDS);
}

typedef struct {
    char what[48];
    bool ticks;
    double rate_pages_s;
    double downtime_s;
    double told_downtime_s; /* 0: not told */
    bool told_impossible;
    bool want_flags; /* a tick is told from the end of a pass */
} TickCase;

ParameterizedTestParameters(edges, tick)
{
    static TickCase cases[] = {
        { "ticks in long passes", true, 1500, 0.3, 0, false, true },
        { "ticks in very long passes", true, 400, 0.3, 0, false, true },
        { "no ticks, passes of all lengths", false, 1500, 0.3, 0, false, true },
        { "no ticks, long passes", false, 600, 0.3, 0, false, true },
        { "a limit of 3 s that we were told", true, 1000, 3, 3, false, true },
        { "no ticks, a limit of 3 s, told", false, 1500, 3, 3, false, true },
        { "QEMU that has none", true, 1500, 0.3, 0, true, false },
    };

    return cr_make_param_array(TickCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(const TickCase *c, edges, tick)
{
    SimSetup setup = { .total_pages = 60000,
                       .rate_pages_s = c->rate_pages_s,
                       .downtime_s = c->downtime_s,
                       .writes_pages_s = 900,
                       .working_set_pages = 12000,
                       .first_number = 1,
                       .max_passes = 20,
                       .ticks = c->ticks };
    unsigned n_ticks = 0;

    for (uint32_t seed = 1; seed <= 10; seed++) {
        g_autoptr(Sampler) sampler = sampler_new(SAMPLE_SOURCE_QMP);
        SampleRow row;
        Sim sim;

        sim_init(&sim, &setup, seed);
        if (c->told_downtime_s > 0) {
            sampler_set_downtime(sampler, c->told_downtime_s);
        }
        sampler_set_ticks(sampler, !c->told_impossible);
        for (unsigned i = 0; i < sim.n; i++) {
            int64_t span_us = sim.pass[i + 1].start_us - sim.pass[i].start_us;
            SamplePoll statistics;

            sampler_pass(sampler, i + 1, sim.pass[i].start_us);
            for (int64_t k = 0; k < 3; k++) {
                statistics =
                    sim_poll(&sim, sim.pass[i].start_us + span_us * k / 3 +
                                       g_rand_int_range(sim.rand, 0,
                                                        (gint32)(span_us / 3)));
                sampler_poll(sampler, &statistics);
            }
        }
        while (sampler_take(sampler, &row)) {
            const SimPass *pass = &sim.pass[row.iter - 1];
            double left = (double)pass->c_pages - pass[1].done_at_start;
            /* a tick within twice the limit is as good as the end of a pass */
            bool tick =
                pass->tick && left > 2 * c->downtime_s * c->rate_pages_s;

            n_ticks += tick;
            cr_expect_eq(!!(row.flags & SAMPLE_FLAG_TICK),
                         tick && c->want_flags,
                         "%s, seed %u, row %u of %u: flags %u, %g s", c->what,
                         seed, row.iter, sim.n, row.flags, row.duration_s);
            cr_expect_float_eq(row.dirty_pages.value,
                               (double)sim_dirty(&sim, row.iter - 1), 0,
                               "the identity holds for ticks as well");
        }
        sim_clear(&sim);
    }
    cr_expect_eq(n_ticks > 0, c->ticks, "%s: the case is what it says",
                 c->what);
}

typedef struct {
    char what[48];
    double seconds; /* that pass 2 lasts */
    uint64_t left;  /* of 10000 pages, at its end */
    bool want_tick;
} LeftCase;

ParameterizedTestParameters(edges, left)
{
    static LeftCase cases[] = {
        { "half is left after 5 s", 5, 5000, true },
        { "half is left after 7 s", 7, 5000, true },
        { "half is left after 3 s: the line got faster", 3, 5000, false },
        { "half is left after 12 s: likewise", 12, 5000, false },
        { "what is left goes within the limit", 5, 500, false },
        { "nothing is left", 5, 0, false },
    };

    return cr_make_param_array(LeftCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(const LeftCase *c, edges, left)
{
    g_autoptr(Sampler) sampler = sampler_new(SAMPLE_SOURCE_QMP);
    uint64_t sent = 20000 - c->left;
    SampleRow row;

    sampler_pass(sampler, 1, S(1));
    poll(sampler, 1, 1, 10000, 0);
    sampler_pass(sampler, 2, S(7));
    poll(sampler, 7, 2, 10000, 10000);
    poll(sampler, 7 + c->seconds, 2, c->left, sent);
    sampler_pass(sampler, 3, S(7 + c->seconds));
    poll(sampler, 7 + c->seconds, 3, c->left + 700, sent);
    cr_assert(sampler_take(sampler, &row));
    cr_expect_eq(row.flags, 0, "%s: pass 1 is none", c->what);
    cr_assert(sampler_take(sampler, &row));
    cr_expect_eq(row.flags, c->want_tick ? SAMPLE_FLAG_TICK : 0, "%s: %u",
                 c->what, row.flags);
    cr_expect_float_eq(row.dirty_pages.value, 700, 0);
    cr_assert(sampler_running(sampler, &row));
    cr_expect_eq(row.pages_to_send, c->left + 700);
}

Test(edges, leftovers_of_an_earlier_migration_are_dropped)
{
    g_autoptr(Sampler) sampler = sampler_new(SAMPLE_SOURCE_LIBVIRT);
    SampleRow row;

    poll(sampler, 0.5, 17, 0, 99999);
    sampler_pass(sampler, 1, S(1));
    poll(sampler, 1.5, 1, 500, 500);
    sampler_pass(sampler, 2, S(2));
    poll(sampler, 2.5, 2, 100, 1100);
    cr_assert(sampler_take(sampler, &row));
    cr_expect_eq(row.iter, 1);
    cr_expect_eq(row.pages_to_send, 1000);
    cr_expect_float_eq(row.dirty_pages.value, 200, 0);
    cr_expect_eq(row.source, SAMPLE_SOURCE_LIBVIRT);
    cr_expect_not(sampler_take(sampler, &row));
}

Test(edges, numbers_that_do_not_grow_are_ignored)
{
    g_autoptr(Sampler) sampler = sampler_new(SAMPLE_SOURCE_QMP);
    SampleRow row;

    for (int repeat = 0; repeat < 3; repeat++) {
        sampler_pass(sampler, 1, S(1 + repeat));
    }
    poll(sampler, 2, 1, 500, 500);
    poll(sampler, 1.5, 1, 1000, 500); /* older, and C would be 1500 */
    sampler_pass(sampler, 2, S(3));
    poll(sampler, 3.5, 2, 100, 1000);
    sampler_pass(sampler, 2, S(3.9));
    sampler_pass(sampler, 1, S(3.9));
    poll(sampler, 4, 1, 5000, 500); /* an answer from before */
    cr_assert(sampler_take(sampler, &row));
    cr_expect_float_eq(row.dirty_pages.value, 100, 0);
    cr_expect_eq(row.started_us, S(1));
    cr_expect_eq(row.ended_us, S(3));
    cr_assert(sampler_running(sampler, &row));
    cr_expect_eq(row.started_us, S(3));
    cr_expect_not(sampler_take(sampler, &row));
}

Test(edges, statistics_no_qemu_gives_are_ignored)
{
    static const SamplePoll odd[] = {
        { .at_us = 3000000, .pass = 1 }, /* page size 0 */
        { .at_us = 3000000, .pass = 0, .page_bytes = 4096 },
        { .at_us = 3000000, .pass = 2, .page_bytes = 16384 },
        { .at_us = 3000000,
          .pass = 2,
          .page_bytes = 4096,
          .normal_pages = UINT64_MAX },
        { .at_us = 3000000,
          .pass = 2,
          .page_bytes = 4096,
          .sent_bytes = UINT64_MAX },
        { .at_us = 3000000,
          .pass = 2,
          .page_bytes = UINT64_MAX,
          .remaining_bytes = UINT64_MAX },
    };
    g_autoptr(Sampler) sampler = sampler_new(SAMPLE_SOURCE_QMP);
    SampleRow row, after;

    sampler_pass(sampler, 1, S(1));
    poll(sampler, 2, 1, 500, 500);
    cr_assert(sampler_running(sampler, &row));
    for (size_t i = 0; i < G_N_ELEMENTS(odd); i++) {
        sampler_poll(sampler, &odd[i]);
        cr_expect_not(sampler_take(sampler, &after), "poll %zu", i);
        cr_assert(sampler_running(sampler, &after));
        cr_expect_eq(after.iter, row.iter);
        cr_expect_eq(after.pages_to_send, row.pages_to_send);
        cr_expect_eq(after.ended_us, row.ended_us, "poll %zu", i);
    }
}

Test(edges, an_event_far_from_its_polls_is_a_clock_that_was_set)
{
    static const int64_t stamps[] = { INT64_MIN, -S(3600), S(1.9 + 3600),
                                      INT64_MAX };

    for (size_t i = 0; i < G_N_ELEMENTS(stamps); i++) {
        g_autoptr(Sampler) sampler = sampler_new(SAMPLE_SOURCE_QMP);
        SampleRow row;

        sampler_pass(sampler, 1, S(1));
        poll(sampler, 1.8, 1, 500, 500);
        sampler_pass(sampler, 2, stamps[i]);
        poll(sampler, 2, 2, 250, 1000);
        cr_assert(sampler_take(sampler, &row));
        cr_expect(row.flags & SAMPLE_FLAG_TIME_GUESSED);
        cr_expect_eq(row.ended_us, S(1.9), "in the middle between the polls");
        sampler_finish(sampler, S(3), unknown());
        cr_assert(sampler_take(sampler, &row));
        cr_expect(row.flags & SAMPLE_FLAG_TIME_GUESSED);
        cr_expect_float_eq(row.duration_s, 1.1, 1e-9);
    }
}

Test(edges, end_without_statistics_of_the_end)
{
    g_autoptr(Sampler) sampler = sampler_new(SAMPLE_SOURCE_QMP);
    SampleRow row;

    sampler_pass(sampler, 1, S(1));
    poll(sampler, 2, 1, 500, 500);
    sampler_pass(sampler, 2, S(3));
    sampler_stopped(sampler, S(3.1));
    sampler_pass(sampler, 3, S(3.1));
    cr_expect_not(sampler_running(sampler, &row), "pass 3 was not sampled");
    sampler_finish(sampler, S(3.5), known(1000 * 4096));
    cr_assert(sampler_take(sampler, &row));
    cr_expect_eq(row.iter, 1);
    cr_expect_eq(row.merged, 3);
    cr_expect(row.final);
    cr_expect_not(row.dirty_pages.known);
    cr_expect_eq(row.sent_bytes, 1000 * 4096);
    cr_expect_float_eq(row.duration_s, 2.5, 1e-9);
    cr_expect_not(sampler_take(sampler, &row));
    cr_expect_not(sampler_running(sampler, &row));
    sampler_finish(sampler, S(9), unknown());
    poll(sampler, 9.5, 9, 1, 1);
    cr_expect_not(sampler_take(sampler, &row), "it is over");
}

Test(edges, a_pause_by_hand_is_no_blackout)
{
    g_autoptr(Sampler) sampler = sampler_new(SAMPLE_SOURCE_QMP);
    SampleRow row;

    sampler_pass(sampler, 1, S(1));
    poll(sampler, 2, 1, 500, 500);
    sampler_stopped(sampler, S(2.1));
    sampler_resumed(sampler);
    sampler_pass(sampler, 2, S(3));
    poll(sampler, 3.1, 2, 300, 1000);
    sampler_pass(sampler, 3, S(4));
    poll(sampler, 4.1, 3, 300, 1300);
    while (sampler_take(sampler, &row)) {
        cr_expect_not(row.final, "row %u", row.iter);
    }
    cr_assert(sampler_running(sampler, &row));
    cr_expect_not(row.final);
}

Test(edges, only_what_ran_while_the_guest_stood_still_is_final)
{
    g_autoptr(Sampler) sampler = sampler_new(SAMPLE_SOURCE_QMP);
    static const bool want[] = { false, false, true };
    SampleRow row;

    sampler_pass(sampler, 1, S(1));
    poll(sampler, 2, 1, 500, 500);
    sampler_pass(sampler, 2, S(3));
    poll(sampler, 3.1, 2, 300, 1000);
    sampler_stopped(sampler, S(3.2));
    sampler_pass(sampler, 3, S(3.2));
    poll(sampler, 3.6, 3, 0, 1350); /* the completed statistics */
    sampler_finish(sampler, S(3.6), known(1350 * 4096));
    for (unsigned i = 0; i < 3; i++) {
        cr_assert(sampler_take(sampler, &row));
        cr_expect_eq(row.final, want[i], "row %u", row.iter);
        cr_expect_eq(row.merged, 1);
    }
    cr_expect_not(sampler_take(sampler, &row));
}

Test(edges, a_stop_stamped_by_a_clock_that_is_off)
{
    g_autoptr(Sampler) sampler = sampler_new(SAMPLE_SOURCE_QMP);
    SampleRow row;

    sampler_pass(sampler, 1, S(1 - 120));
    poll(sampler, 2, 1, 500, 500);
    sampler_pass(sampler, 2, S(3 - 120));
    poll(sampler, 3.1, 2, 300, 1000);
    sampler_stopped(sampler, S(3.2 - 120));
    sampler_pass(sampler, 3, S(3.2 - 120));
    poll(sampler, 3.6, 3, 0, 1350);
    sampler_finish(sampler, S(3.6), unknown());
    for (unsigned i = 0; i < 3; i++) {
        cr_assert(sampler_take(sampler, &row));
        cr_expect_eq(row.final, i == 2, "row %u", row.iter);
        cr_expect(row.flags & SAMPLE_FLAG_TIME_GUESSED);
    }
}

Test(edges, nothing_seen_makes_no_row)
{
    g_autoptr(Sampler) sampler = sampler_new(SAMPLE_SOURCE_QMP);
    SampleRow row;

    cr_expect_not(sampler_running(sampler, &row));
    sampler_pass(sampler, 0, S(1));
    sampler_pass(sampler, 1, S(1));
    cr_expect_not(sampler_running(sampler, &row));
    sampler_finish(sampler, S(2), known(12));
    cr_expect_not(sampler_take(sampler, &row));
}

Test(edges, attached_late_begins_where_it_is)
{
    g_autoptr(Sampler) sampler = sampler_new(SAMPLE_SOURCE_QMP);
    SampleRow row;

    poll(sampler, 1, 5, 800, 9200);
    poll(sampler, 2, 5, 500, 9500);
    cr_assert(sampler_running(sampler, &row));
    cr_expect_eq(row.iter, 1);
    cr_expect_eq(row.pages_to_send, 800);
    cr_expect_eq(row.sent_bytes, 300 * 4096);
    cr_expect_float_eq(row.duration_s, 1, 1e-9);
    cr_expect(row.flags & SAMPLE_FLAG_TIME_GUESSED);
}
