/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-hold.c - which of several moves has the link
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "tools/consolidate/hold.h"

#define LINK_BYTES_S 12500000
#define SECOND_US G_USEC_PER_SEC

static uint64_t
link_of(const char *host, gpointer user)
{
    return LINK_BYTES_S;
}

static GPtrArray *
list(HoldMove *moves, size_t n)
{
    GPtrArray *all = g_ptr_array_new();

    for (size_t i = 0; i < n; i++) {
        g_ptr_array_add(all, &moves[i]);
    }
    return all;
}

typedef struct Case {
    char what[40];
    char to[2][4];
    char from[2][4];
    uint64_t rate_bytes_s;
    bool held;
} Case;

ParameterizedTestParameters(hold, second)
{
    static Case cases[] = {
        { "both leave one host", { "h2", "h3" }, { "h1", "h1" }, 0, true },
        { "both go to one host", { "h3", "h3" }, { "h1", "h2" }, 0, true },
        { "nothing is shared", { "h3", "h4" }, { "h1", "h2" }, 0, false },
        { "there and back", { "h2", "h1" }, { "h1", "h2" }, 0, false },
        { "half of it each", { "h2", "h3" }, { "h1", "h1" }, 6250000, false },
    };

    return cr_make_param_array(Case, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(const Case *c, hold, second)
{
    uint64_t rate = c->rate_bytes_s ? c->rate_bytes_s : LINK_BYTES_S;
    HoldMove moves[] = { { c->from[0], c->to[0], rate },
                         { c->from[1], c->to[1], rate } };
    g_autoptr(GPtrArray) all = list(moves, 2);

    hold_begin(all, &moves[0], link_of, NULL, 0);
    cr_assert_not(moves[0].held, "%s", c->what);
    hold_begin(all, &moves[1], link_of, NULL, SECOND_US);
    cr_assert_eq(moves[1].held, c->held, "%s", c->what);
    cr_assert_null(hold_next(all, link_of, NULL, 2 * SECOND_US));
    moves[0].sends = false;
    cr_assert_eq(hold_next(all, link_of, NULL, 3 * SECOND_US),
                 c->held ? &moves[1] : NULL, "%s", c->what);
    cr_assert_not(moves[1].held, "%s", c->what);
}

Test(hold, one_after_the_other_is_let_go)
{
    HoldMove moves[] = { { "h1", "h2", LINK_BYTES_S },
                         { "h1", "h3", LINK_BYTES_S },
                         { "h1", "h4", LINK_BYTES_S } };
    g_autoptr(GPtrArray) all = list(moves, 3);

    for (size_t i = 0; i < 3; i++) {
        hold_begin(all, &moves[i], link_of, NULL, 0);
    }
    moves[0].sends = false;
    cr_assert_eq(hold_next(all, link_of, NULL, SECOND_US), &moves[1]);
    cr_assert_null(hold_next(all, link_of, NULL, SECOND_US));
    cr_assert(moves[2].held);
    moves[1].sends = false;
    cr_assert_eq(hold_next(all, link_of, NULL, SECOND_US), &moves[2]);
}

/* The first writes more than it can send, and is always about to end */
Test(hold, not_for_ever)
{
    HoldMove moves[] = { { "h1", "h2", LINK_BYTES_S },
                         { "h1", "h3", LINK_BYTES_S } };
    g_autoptr(GPtrArray) all = list(moves, 2);

    hold_begin(all, &moves[0], link_of, NULL, 0);
    hold_begin(all, &moves[1], link_of, NULL, SECOND_US);
    cr_assert_null(hold_next(all, link_of, NULL, SECOND_US + HOLD_MOST_US));
    cr_assert_eq(hold_next(all, link_of, NULL, SECOND_US + HOLD_MOST_US + 1),
                 &moves[1]);
    cr_assert_null(hold_next(all, link_of, NULL, INT64_MAX));
}

Test(hold, slow_but_not_without_end)
{
    cr_assert_eq(hold_rate(LINK_BYTES_S), 1 << 20);
    cr_assert_eq(hold_rate(UINT64_C(1250000000)), 1250000000 / 32);
}
