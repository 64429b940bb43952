/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-in-force.c - why a reservation does not do what it says
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

#include "policy/in-force.h"

#define MBIT 125000.0

/* In Mbit/s, kB and shares of the interval; below zero: unknown. */
typedef struct {
    char what[48];
    double guarantee, rate, backlog_kb, stream, busy, rwnd, sndbuf;
    InForceKind kind;
    bool capacity;
    char reason[24];
} InForceCase;

ParameterizedTestParameters(in_force, table)
{
    static InForceCase cases[] = {
        { "gets what it was promised", 40, 39, 200, 37, 1, 0, 0.9, IN_FORCE_YES,
          false, "in force: 39.0" },
        { "borrows more", 40, 47, 200, 45, 1, 0, 0.9, IN_FORCE_YES, false,
          "of at least 40.0" },
        { "without tcp_info the class tells", 40, 39, 0, -1, -1, -1, -1,
          IN_FORCE_YES, false, "in force" },
        { "... and nothing tells the rest", 40, 10, 0, -1, -1, -1, -1,
          IN_FORCE_UNKNOWN, false, "not known" },
        { "leaves by another NIC", 40, 0, 0, 30, 1, 0, 0, IN_FORCE_ELSEWHERE,
          false, "--link" },
        { "an idle stream is not elsewhere", 40, 0, 0, 0, 0, 0, 0,
          IN_FORCE_SENDER, false, "source sends no more" },
        { "QEMU sends no more", 40, 10, 0, 9.5, 0.2, 0, 0, IN_FORCE_SENDER,
          false, "busy 20 %" },
        { "the destination is slow", 40, 10, 0, 9.5, 0.95, 0.8, 0,
          IN_FORCE_RECEIVER, true, "receiver" },
        { "a small send buffer", 40, 10, 0, 9.5, 0.95, 0.1, 0.8,
          IN_FORCE_SNDBUF, false, "send buffer" },
        { "a narrow path", 40, 10, 0, 9.5, 1, 0.1, 0.1, IN_FORCE_NETWORK, true,
          "behind the NIC" },
        { "the wire is slower than we think", 40, 20, 400, 19, 1, 0, 0.9,
          IN_FORCE_BELOW, false, "less than it is said to" },
        { "no guarantee, no verdict", 0, 20, 400, 19, 1, 0, 0.9,
          IN_FORCE_UNKNOWN, false, "not known" },
    };

    return cr_make_param_array(InForceCase, cases, G_N_ELEMENTS(cases));
}

static Known
part(double share, double interval_s)
{
    return share < 0 ? unknown() : known(share * interval_s);
}

static InForceReading
reading_of(const InForceCase *ic, double interval_s)
{
    return (InForceReading){
        .interval_s = interval_s,
        .guarantee_bytes_s = ic->guarantee * MBIT,
        .ceiling_bytes_s = 50 * MBIT,
        .class_bytes = ic->rate * MBIT * interval_s,
        .backlog_bytes = ic->backlog_kb * 1e3,
        .stream_bytes = part(ic->stream, MBIT * interval_s),
        .busy_s = part(ic->busy, interval_s),
        .rwnd_limited_s = part(ic->rwnd, interval_s),
        .sndbuf_limited_s = part(ic->sndbuf, interval_s),
    };
}

ParameterizedTest(InForceCase *ic, in_force, table)
{
    g_autoptr(InForce) in_force = in_force_new();
    InForceReading reading = reading_of(ic, 0.25);
    InForceState state;

    for (unsigned i = 0; i < 8; i++) {
        in_force_add(in_force, &reading);
    }
    in_force_state(in_force, &state);
    cr_assert_eq(state.kind, ic->kind, "%s: %s", ic->what, state.reason);
    cr_assert(strstr(state.reason, ic->reason), "%s: %s", ic->what,
              state.reason);
    cr_assert_eq(state.capacity_bytes_s.known, ic->capacity, "%s", ic->what);
    if (ic->capacity) {
        cr_assert_float_eq(state.capacity_bytes_s.value, ic->rate * MBIT, 1.0);
    }
    cr_assert_float_eq(state.since_s, 2.0, 1e-9);
}

/* Post-copy that is paused: nothing at all is sent. */
Test(in_force, a_silent_stream_is_described_in_numbers)
{
    g_autoptr(InForce) in_force = in_force_new();
    InForceCase silent = { "", 40, 0, 0, 0, 0, 0, 0, 0, false, "" };
    InForceReading reading = reading_of(&silent, 0.25);
    InForceState state;

    for (unsigned i = 0; i < 8; i++) {
        in_force_add(in_force, &reading);
    }
    in_force_state(in_force, &state);
    cr_assert_eq(state.kind, IN_FORCE_SENDER);
    cr_assert(strstr(state.reason, "receiver 0 %, buffer 0 %"), "%s",
              state.reason);
}

/* A pass that ends, a moment without data: the verdict stays. */
Test(in_force, a_moment_is_no_verdict)
{
    g_autoptr(InForce) in_force = in_force_new();
    InForceCase good = { "", 40, 39, 200, 37, 1, 0, 0.9, 0, false, "" };
    InForceCase idle = { "", 40, 1, 0, 1, 0.1, 0, 0, 0, false, "" };
    InForceReading readings[2] = { reading_of(&good, 0.25),
                                   reading_of(&idle, 0.25) };
    InForceState state;

    for (unsigned i = 0; i < 400; i++) {
        in_force_add(in_force, &readings[i >= 8 && i % 5 < 3]);
        in_force_state(in_force, &state);
        cr_assert(i < 4 || state.kind == IN_FORCE_YES, "%u: %s", i,
                  state.reason);
    }
    for (unsigned i = 0; i < 4; i++) {
        in_force_add(in_force, &readings[1]);
    }
    in_force_state(in_force, &state);
    cr_assert_eq(state.kind, IN_FORCE_SENDER);
}

/* One long interval alone is not believed either. */
Test(in_force, takes_two)
{
    g_autoptr(InForce) in_force = in_force_new();
    InForceCase narrow = { "", 40, 10, 0, 9.5, 1, 0, 0, 0, false, "" };
    InForceReading reading = reading_of(&narrow, 30.0);
    InForceState state;

    in_force_add(in_force, &reading);
    in_force_state(in_force, &state);
    cr_assert_eq(state.kind, IN_FORCE_UNKNOWN);
    in_force_add(in_force, &reading);
    in_force_state(in_force, &state);
    cr_assert_eq(state.kind, IN_FORCE_NETWORK);
}

Test(in_force, capacity_is_forgotten_when_more_comes_through)
{
    g_autoptr(InForce) in_force = in_force_new();
    InForceCase narrow = { "", 40, 10, 0, 9.5, 1, 0, 0, 0, false, "" };
    InForceCase wide = { "", 40, 40, 100, 38, 1, 0, 0, 0, false, "" };
    InForceState state;
    InForceReading reading = reading_of(&narrow, 0.5);

    for (unsigned i = 0; i < 10; i++) {
        in_force_add(in_force, &reading);
    }
    reading.class_bytes *= 1.5; /* follows */
    for (unsigned i = 0; i < 40; i++) {
        in_force_add(in_force, &reading);
    }
    in_force_state(in_force, &state);
    cr_assert_float_eq(state.capacity_bytes_s.value, 15 * MBIT, 0.2 * MBIT);
    reading = reading_of(&wide, 0.5);
    for (unsigned i = 0; i < 4; i++) {
        in_force_add(in_force, &reading);
    }
    in_force_state(in_force, &state);
    cr_assert_eq(state.kind, IN_FORCE_YES);
    cr_assert_not(state.capacity_bytes_s.known);
}

Test(in_force, nonsense_is_ignored)
{
    static const double bad[] = { 0.0, -1.0, NAN, INFINITY };
    g_autoptr(InForce) in_force = in_force_new();
    InForceState state;

    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        InForceReading reading = { .interval_s = bad[i],
                                   .guarantee_bytes_s = 1e6,
                                   .class_bytes = 1e6 };

        in_force_add(in_force, &reading);
        reading.interval_s = 2.0;
        reading.class_bytes = bad[i] == 0.0 ? -5.0 : bad[i];
        in_force_add(in_force, &reading);
    }
    in_force_state(in_force, &state);
    cr_assert_eq(state.kind, IN_FORCE_UNKNOWN);
    cr_assert_eq(state.since_s, 0.0);
}
