/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rows.c - rows equal the truth of a simulated QEMU, whenever it is polled
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>

#include "sim.h"

typedef struct {
    char what[48];
    SimSetup setup;
    bool events;    /* MIGRATION_PASS comes */
    double lost;    /* share of the events that do not */
    double late;    /* share that comes after the first poll of its pass */
    double polls_s; /* mean polls a second beside the one in each pass */
    int dirty_off;  /* how far x1 may be from the truth */
} RowsCase;

#define GUEST                                                                  \
    .total_pages = 65666, .rate_pages_s = 12000, .downtime_s = 0.05,           \
    .writes_pages_s = 3000, .working_set_pages = 20000, .first_number = 1,     \
    .max_passes = 12

static RowsCase rows_cases[] = {
    { "one poll a pass", { GUEST }, true, 0, 0, 0, 0 },
    { "four polls a second", { GUEST }, true, 0, 0, 4, 0 },
    { "polled to death", { GUEST }, true, 0, 0, 200, 0 },
    { "reads are not atomic", { GUEST, .noise = true }, true, 0, 0, 20, 2 },
    { "half of the events late", { GUEST }, true, 0, 0.5, 10, 0 },
    { "a third of the events lost", { GUEST }, true, 0.3, 0, 10, 0 },
    { "no events at all", { GUEST }, false, 1, 0, 10, 0 },
    { "goes on counting at 18",
      { .total_pages = 65666,
        .rate_pages_s = 12000,
        .downtime_s = 0.05,
        .writes_pages_s = 3000,
        .working_set_pages = 20000,
        .first_number = 18,
        .max_passes = 12 },
      true,
      0,
      0,
      10,
      0 },
    { "never converges",
      { .total_pages = 30000,
        .rate_pages_s = 1000,
        .downtime_s = 0.3,
        .writes_pages_s = 20000,
        .working_set_pages = 15000,
        .first_number = 1,
        .max_passes = 8 },
      true,
      0,
      0,
      2,
      0 },
    { "multifd with four channels",
      { GUEST, .multifd_pages = 640 },
      true,
      0,
      0,
      200,
      640 },
    { "an idle guest",
      { .total_pages = 65666,
        .rate_pages_s = 12000,
        .downtime_s = 0.3,
        .writes_pages_s = 10,
        .working_set_pages = 300,
        .first_number = 1,
        .max_passes = 12 },
      true,
      0,
      0,
      4,
      0 },
};

static gint
by_time(gconstpointer a, gconstpointer b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

/* Poll at random times, at least once in each pass; events as the case says. */
static void
play(const RowsCase *c, Sim *sim, Sampler *sampler, GArray *out)
{
    g_autoptr(GArray) polls = g_array_new(FALSE, FALSE, sizeof(int64_t));
    unsigned passed = 0;
    int64_t end_us = sim->pass[sim->n].start_us;
    unsigned extra =
        (unsigned)(c->polls_s * (double)(end_us - SIM_START_US) / 1e6);
    bool late[SIM_MAX_PASSES] = { 0 }, lost[SIM_MAX_PASSES] = { 0 };
    SampleRow row;

    for (unsigned i = 0; i < sim->n; i++) {
        int64_t at_us =
            sim->pass[i].start_us + (int64_t)(g_rand_double(sim->rand) *
                                              (sim_seconds(sim, i) * 1e6 - 1));

        g_array_append_val(polls, at_us);
        late[i] = g_rand_double(sim->rand) < c->late;
        lost[i] = !c->events || g_rand_double(sim->rand) < c->lost;
    }
    for (unsigned i = 0; i < extra; i++) {
        int64_t at_us =
            SIM_START_US + (int64_t)(g_rand_double(sim->rand) *
                                     (double)(end_us - SIM_START_US));

        g_array_append_val(polls, at_us);
    }
    g_array_append_val(polls, end_us);
    g_array_sort(polls, by_time);

    for (unsigned i = 0; i < polls->len; i++) {
        int64_t at_us = g_array_index(polls, int64_t, i);
        unsigned from = passed;
        SamplePoll poll;

        while (passed < sim->n && sim->pass[passed].start_us <= at_us) {
            if (!late[passed] && !lost[passed]) {
                sampler_pass(sampler, sim->setup.first_number + passed,
                             sim->pass[passed].start_us);
            }
            passed++;
        }
        if (sim->stopped_us <= at_us) {
            sampler_stopped(sampler, sim->stopped_us);
        }
        poll = sim_poll(sim, at_us);
        sampler_poll(sampler, &poll);
        for (; from < passed; from++) {
            if (late[from] && !lost[from]) {
                sampler_pass(sampler, sim->setup.first_number + from,
                             sim->pass[from].start_us);
            }
        }
        while (sampler_take(sampler, &row)) {
            g_array_append_val(out, row);
        }
    }
    sampler_finish(sampler, end_us, unknown());
    while (sampler_take(sampler, &row)) {
        g_array_append_val(out, row);
    }
}

ParameterizedTestParameters(rows, equal_truth)
{
    return cr_make_param_array(RowsCase, rows_cases, G_N_ELEMENTS(rows_cases));
}

ParameterizedTest(const RowsCase *c, rows, equal_truth)
{
    for (uint32_t seed = 1; seed <= 25; seed++) {
        Sim sim;
        g_autoptr(Sampler) sampler = sampler_new(SAMPLE_SOURCE_QMP);
        g_autoptr(GArray) out = g_array_new(FALSE, FALSE, sizeof(SampleRow));
        double dirty_sum = 0, sent_sum = 0, truth_sent = 0;
        bool timed = c->events && c->lost == 0;
        bool exact = timed && c->setup.multifd_pages == 0;

        sim_init(&sim, &c->setup, seed);
        play(c, &sim, sampler, out);
        cr_assert_eq(out->len, sim.n, "%s, seed %u: %u rows for %u passes",
                     c->what, seed, out->len, sim.n);
        for (unsigned i = 0; i < out->len; i++) {
            const SampleRow *row = &g_array_index(out, SampleRow, i);
            bool last = i + 1 == out->len;
            double truth = (double)sim_dirty(&sim, i);

            cr_expect_eq(row->iter, i + 1);
            cr_expect_eq(row->merged, 1);
            cr_expect_eq(row->page_bytes, SIM_PAGE);
            cr_expect_eq(row->final, last, "%s, seed %u, row %u", c->what, seed,
                         i + 1);
            cr_expect_eq(row->dirty_pages.known, !last);
            cr_expect_eq(row->prev_duration_s.known, i > 0);
            if (!last) {
                cr_expect(fabs(row->dirty_pages.value - truth) <= c->dirty_off,
                          "%s, seed %u, row %u: %g dirty, truth %g", c->what,
                          seed, i + 1, row->dirty_pages.value, truth);
                dirty_sum += row->dirty_pages.value;
            }
            if (timed) {
                cr_expect_float_eq(row->duration_s, sim_seconds(&sim, i), 2e-6);
                cr_expect_eq(row->flags, 0, "%s, seed %u, row %u: flags %u",
                             c->what, seed, i + 1, row->flags);
            } else if (row->started_us != sim.pass[i].start_us ||
                       (!last && row->ended_us != sim.pass[i + 1].start_us)) {
                cr_expect(row->flags & SAMPLE_FLAG_TIME_GUESSED);
            }
            if (exact && c->setup.first_number == 1) {
                cr_expect_float_eq((double)row->pages_to_send,
                                   sim_to_send(&sim, i), 3 + c->dirty_off);
                cr_expect_float_eq((double)row->sent_bytes,
                                   sim_sent_bytes(&sim, i), 3 * 4104);
                if (!last) {
                    cr_expect(row->sent_pages.known);
                    cr_expect_float_eq(
                        row->sent_pages.value, sim_sent_bytes(&sim, i) / 4104,
                        3, "%s, seed %u, row %u", c->what, seed, i + 1);
                }
            }
            sent_sum += (double)row->sent_bytes;
            truth_sent += sim_sent_bytes(&sim, i);
        }
        /* nothing is lost or counted twice between the rows */
        cr_expect_float_eq(
            dirty_sum, (double)(sim.pass[sim.n].c_pages - sim.pass[0].c_pages),
            c->dirty_off * (double)sim.n);
        if (c->setup.first_number == 1) {
            cr_expect_float_eq(sent_sum, truth_sent, 4104.0 + sim.n);
            cr_expect_float_eq(
                (double)g_array_index(out, SampleRow, 0).pages_to_send,
                (double)sim.pass[0].c_pages, c->dirty_off + 1e-9,
                "%s: all of memory", c->what);
        }
        sim_clear(&sim);
    }
}
