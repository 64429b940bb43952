/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * told.c - rows out of what a patched QEMU tells, and when it does not
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

#include "sim.h"

typedef struct {
    char what[48];
    double polls_s;       /* mean polls a second: passes may be without */
    double lost;          /* share of the events that do not come */
    double mute;          /* share of the events that come without members */
    unsigned first_heard; /* events before this one are not heard */
} ToldCase;

static ToldCase told_cases[] = {
    { "polled four times a second", 4, 0, 0, 1 },
    { "hardly ever polled", 0.2, 0, 0, 1 },
    { "polled to death", 100, 0, 0, 1 },
    { "attached in the third pass", 20, 0, 0, 3 },
    { "a quarter of the events lost", 20, 0.25, 0, 1 },
    { "a quarter of them by a stock QEMU", 20, 0, 0.25, 1 },
    { "all of them by a stock QEMU", 20, 0, 1, 1 },
};

static const SimSetup guest = {
    .total_pages = 65666,
    .rate_pages_s = 12000,
    .downtime_s = 0.05,
    .writes_pages_s = 3000,
    .working_set_pages = 20000,
    .first_number = 1,
    .max_passes = 12,
};

/* What the event of pass @i, counted from 0, says; a third is hot. */
static SampleTold
told_at(const Sim *sim, unsigned i)
{
    SampleTold told = {
        .dirty_pages = known(0),
        .remaining_pages = known(round(sim_to_send(sim, i))),
        .sent_pages = known(0),
        .zero_pages = known(0),
        .sent_bytes = known(40),
        .duration_s = known(0),
        .hot_pages = known(0),
        .cold_pages = known(0),
        .running = known(sim->pass[i].start_us != sim->stopped_us),
    };

    if (i > 0) {
        double dirty = (double)sim_dirty(sim, i - 1);

        told.dirty_pages = known(dirty);
        told.hot_pages = known(floor(dirty / 3));
        told.cold_pages = known(dirty - floor(dirty / 3));
        told.sent_pages =
            known(round(sim_sent_bytes(sim, i - 1) / (SIM_PAGE + 8)));
        told.sent_bytes = known(round(sim_sent_bytes(sim, i - 1)));
        told.duration_s = known(sim_seconds(sim, i - 1));
    }
    return told;
}

static void
take(Sampler *sampler, GArray *out)
{
    SampleRow row;

    while (sampler_take(sampler, &row)) {
        g_array_append_val(out, row);
    }
}

static void
play(const ToldCase *c, Sim *sim, Sampler *sampler, GArray *out)
{
    int64_t end_us = sim->pass[sim->n].start_us;
    int64_t next_poll_us = SIM_START_US;
    SamplePoll poll;

    for (unsigned i = 0; i < sim->n; i++) {
        int64_t until_us = sim->pass[i + 1].start_us;
        SampleTold told = told_at(sim, i);
        bool lost =
            i + 1 < c->first_heard || g_rand_double(sim->rand) < c->lost;
        bool mute = g_rand_double(sim->rand) < c->mute;

        if (sim->stopped_us == sim->pass[i].start_us) {
            sampler_stopped(sampler, sim->stopped_us);
        }
        if (!lost) {
            sampler_pass_told(sampler, i + 1, sim->pass[i].start_us,
                              mute ? NULL : &told);
        }
        take(sampler, out);
        for (; next_poll_us < until_us;
             next_poll_us +=
             (int64_t)(-log(1 - g_rand_double(sim->rand)) / c->polls_s * 1e6)) {
            poll = sim_poll(sim, next_poll_us);
            sampler_poll(sampler, &poll);
            take(sampler, out);
        }
    }
    sampler_finish(sampler, end_us, unknown());
    take(sampler, out);
}

ParameterizedTestParameters(told, equals_truth)
{
    return cr_make_param_array(ToldCase, told_cases, G_N_ELEMENTS(told_cases));
}

ParameterizedTest(const ToldCase *c, told, equals_truth)
{
    unsigned exact_rows = 0, all_rows = 0;

    for (uint32_t seed = 1; seed <= 25; seed++) {
        Sim sim;
        g_autoptr(Sampler) sampler = sampler_new(SAMPLE_SOURCE_LIBVIRT);
        g_autoptr(GArray) out = g_array_new(FALSE, FALSE, sizeof(SampleRow));
        unsigned next = 1;

        sim_init(&sim, &guest, seed);
        play(c, &sim, sampler, out);
        cr_assert_gt(out->len, 0);
        for (unsigned i = 0; i < out->len; i++) {
            const SampleRow *row = &g_array_index(out, SampleRow, i);
            double truth = 0, seconds = 0;

            cr_assert_geq(row->iter, next, "%s, seed %u: row %u told twice",
                          c->what, seed, row->iter);
            next = row->iter + row->merged;
            cr_assert_leq(next, sim.n + 1);
            for (unsigned k = row->iter - 1; k + 1 < next; k++) {
                truth += (double)sim_dirty(&sim, k);
                seconds += sim_seconds(&sim, k);
            }
            if (row->dirty_pages.known) {
                cr_expect_eq(row->dirty_pages.value, truth,
                             "%s, seed %u, row %u: %g dirty, truth %g", c->what,
                             seed, row->iter, row->dirty_pages.value, truth);
            }
            cr_expect_eq(row->final, i + 1 == out->len, "%s, seed %u, row %u",
                         c->what, seed, row->iter);
            all_rows++;
            if (row->source != SAMPLE_SOURCE_PATCH) {
                cr_expect_not(row->hot_pages.known || row->cold_pages.known);
                continue;
            }
            exact_rows++;
            cr_expect_float_eq(row->duration_s, seconds, 2e-6);
            cr_expect_float_eq((double)row->pages_to_send,
                               sim_to_send(&sim, row->iter - 1), 1);
            cr_expect_eq(row->flags, 0);
            if (!row->final) {
                cr_expect_eq(row->merged, 1);
                cr_expect_float_eq((double)row->sent_bytes,
                                   sim_sent_bytes(&sim, row->iter - 1), 1);
                cr_expect_eq(row->hot_pages.value + row->cold_pages.value,
                             row->dirty_pages.value);
            }
        }
        if (c->lost == 0 && c->mute == 0 && c->first_heard == 1) {
            cr_expect_eq(out->len, sim.n, "%s, seed %u: a row for each pass",
                         c->what, seed);
        }
        sim_clear(&sim);
    }
    if (c->mute == 1) {
        cr_expect_eq(exact_rows, 0);
    } else if (c->mute > 0 || c->lost > 0) {
        cr_expect(exact_rows > all_rows / 4 && exact_rows < all_rows,
                  "%s: %u of %u rows are exact", c->what, exact_rows, all_rows);
    } else if (c->first_heard == 1) {
        cr_expect_eq(exact_rows, all_rows);
    }
}

Test(told, the_running_row_is_known_from_its_event_on)
{
    Sim sim;
    g_autoptr(Sampler) sampler = sampler_new(SAMPLE_SOURCE_LIBVIRT);
    SampleTold told;
    SamplePoll poll;
    SampleRow row;

    sim_init(&sim, &guest, 1);
    told = told_at(&sim, 0);
    sampler_pass_told(sampler, 1, sim.pass[0].start_us, &told);
    poll = sim_poll(&sim, sim.pass[0].start_us + 1000);
    sampler_poll(sampler, &poll);
    told = told_at(&sim, 1);
    sampler_pass_told(sampler, 2, sim.pass[1].start_us, &told);
    cr_assert(sampler_running(sampler, &row));
    cr_expect_eq(row.iter, 2);
    cr_expect_eq(row.source, SAMPLE_SOURCE_PATCH);
    cr_expect_eq((double)row.pages_to_send, told.remaining_pages.value);
    cr_expect_eq(row.sent_bytes, 0);
    cr_expect_float_eq(row.prev_duration_s.value, sim_seconds(&sim, 0), 2e-6);
    cr_assert(sampler_take(sampler, &row));
    cr_expect_eq(row.iter, 1);
    sim_clear(&sim);
}

/* Two seconds of polls in a pass that was never announced. */
Test(told, silence_hands_over_to_the_identity)
{
    Sim sim;
    g_autoptr(Sampler) sampler = sampler_new(SAMPLE_SOURCE_LIBVIRT);
    SampleTold told;
    SampleRow row = { 0 };

    sim_init(&sim, &guest, 1);
    told = told_at(&sim, 0);
    sampler_pass_told(sampler, 1, sim.pass[0].start_us, &told);
    for (int64_t t = 0; t < 10; t++) {
        SamplePoll poll =
            sim_poll(&sim, sim.pass[t < 1 ? 0 : 1].start_us + 1000 + t);

        cr_expect_not(sampler_take(sampler, &row), "after %d polls", (int)t);
        sampler_poll(sampler, &poll);
        if (t >= 8) {
            break;
        }
    }
    cr_assert(sampler_take(sampler, &row));
    cr_expect_eq(row.iter, 1);
    cr_expect_eq(row.source, SAMPLE_SOURCE_LIBVIRT);
    cr_expect_eq(row.dirty_pages.value, (double)sim_dirty(&sim, 0));
    cr_assert(sampler_running(sampler, &row));
    cr_expect_eq(row.iter, 2);
    sim_clear(&sim);
}

typedef struct {
    char what[40];
    char json[224];
    bool exact;
    bool classes;
} ReadCase;

#define MEMBERS                                                                \
    "\"pass\":3,\"dirty-pages\":7,\"remaining-pages\":9,\"sent-pages\":5,"     \
    "\"sent-bytes\":20000,\"duration-us\":1250000"

ParameterizedTestParameters(told, reading)
{
    static ReadCase cases[] = {
        { "a stock QEMU", "{\"pass\":3}", false, false },
        { "patch 3", "{" MEMBERS "}", true, false },
        { "patch 4", "{" MEMBERS ",\"hot-pages\":3,\"cold-pages\":4}", true,
          true },
        { "classes that do not add up",
          "{" MEMBERS ",\"hot-pages\":3,\"cold-pages\":5}", true, false },
        { "more dirty than remains",
          "{\"dirty-pages\":7,\"remaining-pages\":6,\"sent-pages\":5,"
          "\"sent-bytes\":20000,\"duration-us\":1250000}",
          false, false },
        { "no duration",
          "{\"dirty-pages\":7,\"remaining-pages\":9,\"sent-pages\":5,"
          "\"sent-bytes\":20000}",
          false, false },
        { "negative",
          "{\"dirty-pages\":-7,\"remaining-pages\":9,\"sent-pages\":5,"
          "\"sent-bytes\":20000,\"duration-us\":1250000}",
          false, false },
        { "more than there is",
          "{\"dirty-pages\":7,\"remaining-pages\":18446744073709551615,"
          "\"sent-pages\":5,\"sent-bytes\":20000,\"duration-us\":1250000}",
          false, false },
        { "text for a number",
          "{\"dirty-pages\":\"7\",\"remaining-pages\":9,\"sent-pages\":5,"
          "\"sent-bytes\":20000,\"duration-us\":1250000}",
          false, false },
        { "a list", "[]", false, false },
    };

    return cr_make_param_array(ReadCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(const ReadCase *c, told, reading)
{
    g_autoptr(JsonObject) data = jobj_parse(c->json, strlen(c->json), NULL);
    SampleTold told = { .dirty_pages = known(1) };

    cr_assert_not_null(data);
    cr_expect_eq(sample_told_read(data, &told), c->exact, "%s", c->what);
    cr_expect_eq(sample_told_exact(&told), c->exact, "%s", c->what);
    cr_expect_eq(told.dirty_pages.known, c->exact, "%s", c->what);
    cr_expect_eq(told.hot_pages.known, c->classes, "%s", c->what);
    if (c->exact) {
        g_autoptr(JsonObject) written = sample_told_write(&told);
        SampleTold again;

        cr_expect_eq(told.duration_s.value, 1.25);
        cr_assert(sample_told_read(written, &again));
        cr_expect_eq(memcmp(&told, &again, sizeof(told)), 0, "%s", c->what);
    } else {
        cr_expect_null(sample_told_write(&told));
    }
}

Test(told, no_data_at_all)
{
    SampleTold told;

    cr_expect_not(sample_told_read(NULL, &told));
    cr_expect_not(told.dirty_pages.known);
}
