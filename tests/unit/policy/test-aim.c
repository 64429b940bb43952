/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-aim.c - which downtime limit QEMU is given
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "policy/aim.h"
#include "taught.h"

typedef struct AimCase {
    char what[64];
    double limit_s, in_force_s, queued_bytes, drain_bytes_s;
    double want_s;
    bool held_back;
} AimCase;

ParameterizedTestParameters(aim, queue)
{
    static AimCase cases[] = {
        { "an empty socket: only the fixed part", 0.3, 0.3, 0, 12.5e6, 0.3,
          false }, /* too small a change */
        { "half a limit waits", 0.5, 0.5, 2.5e6, 10e6, 0.2, false },
        { "more than the limit waits", 0.3, 0.3, 5e6, 10e6, AIM_LEAST_S, true },
        { "a limit below the least", 0.02, 0.02, 5e6, 10e6, 0.02, true },
        { "nearly what it is", 0.5, 0.22, 2.5e6, 10e6, 0.22, false },
        { "the queue went", 0.5, 0.1, 0.5e6, 10e6, 0.4, false },
        { "nothing leaves", 0.3, 0.3, 5e6, 0, 0.3, false },
    };

    return cr_make_param_array(AimCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(AimCase *c, aim, queue)
{
    AimInput input = {
        .limit_s = c->limit_s,
        .in_force_s = c->in_force_s,
        .queued_bytes = known(c->queued_bytes),
        .drain_bytes_s = known(c->drain_bytes_s),
        .fixed_s = AIM_FIXED_S,
    };
    Aim aim;

    aim_choose(&input, &aim);
    cr_assert_float_eq(aim.limit_s, c->want_s, 1e-9, "%s: %g", c->what,
                       aim.limit_s);
    cr_assert_eq(aim.is_held_back, c->held_back, "%s", c->what);
    cr_assert_eq(aim.change, c->want_s != c->in_force_s, "%s", c->what);
    cr_assert_gt(strlen(aim.reason), 10);
}

Test(aim, of_a_queue_that_nobody_knows_nothing_is_concluded)
{
    AimInput input = {
        .limit_s = 0.3,
        .in_force_s = 0.2,
        .drain_bytes_s = known(1e7),
    };
    Aim aim;

    aim_choose(&input, &aim);
    cr_assert_not(aim.change);
    cr_assert_eq(aim.limit_s, 0.2);
}

/* What the forecast says of a guest that dirties @writes_s pages a second, at
 * 10 MB/s and a limit of @limit_s. */
static MigrationForecast
forecast(const Forecaster *forecaster, double limit_s)
{
    MigrationForecast forecast;
    MigrationQuery query = {
        .pages_to_send = 4000,
        .bandwidth_bytes_s = 10e6,
        .downtime_limit_s = limit_s,
    };

    forecaster_migration(forecaster, &query, &forecast);
    return forecast;
}

static Aim
aim_with(const Forecaster *forecaster)
{
    Aim aim;
    AimInput input = {
        .limit_s = 0.3,
        .in_force_s = 0.3,
        .queued_bytes = known(2.2e6),
        .drain_bytes_s = known(10e6),
        .fixed_s = AIM_FIXED_S,
        .forecaster = forecaster,
        .pages_to_send = 4000,
        .bandwidth_bytes_s = 10e6,
    };

    aim_choose(&input, &aim);
    return aim;
}

Test(aim, a_calm_guest_gets_what_the_queue_leaves)
{
    g_autoptr(Forecaster) forecaster = taught(4, 100, 2000);
    Aim aim = aim_with(forecaster);

    cr_assert(forecast(forecaster, AIM_LEAST_S).converges);
    cr_assert_float_eq(aim.limit_s, AIM_LEAST_S, 1e-9, "%g", aim.limit_s);
    cr_assert(aim.change);
}

/* The forecast of very short passes is no proof. */
Test(aim, where_qemu_goes_on_all_the_same_the_limit_is_raised)
{
    g_autoptr(Forecaster) forecaster = taught(4, 100, 2000);
    AimInput input = {
        .limit_s = 0.3,
        .in_force_s = 0.06,
        .queued_bytes = known(2e6),
        .drain_bytes_s = known(10e6),
        .fixed_s = AIM_FIXED_S,
        .in_vain = 2,
    };
    unsigned steps = 0;
    Aim aim;

    aim_choose(&input, &aim);
    cr_assert_not(aim.change, "two passes are no proof");
    for (input.in_vain = 3; input.in_force_s < 0.3; steps++) {
        aim_choose(&input, &aim);
        cr_assert(aim.change);
        cr_assert(aim.is_held_back);
        cr_assert_gt(aim.limit_s, input.in_force_s);
        input.in_force_s = aim.limit_s;
        input.floor_s = aim.floor_s;
    }
    cr_assert_leq(steps, 5);
    cr_assert_eq(aim.limit_s, 0.3);
    input.in_vain = 0;
    input.in_force_s = aim.limit_s;
    aim_choose(&input, &aim);
    cr_assert_not(aim.change, "and stays there");
}

/* Never so low that it would not converge: found by the forecast itself. */
Test(aim, a_limit_at_which_it_would_not_converge_is_not_set)
{
    bool found = false;

    for (double writes_s = 1000; writes_s < 4000; writes_s += 100) {
        g_autoptr(Forecaster) forecaster = taught(4, writes_s, 20000);
        Aim aim = aim_with(forecaster);

        if (!forecast(forecaster, 0.3).converges) {
            cr_assert_eq(aim.limit_s, 0.3, "%g pages/s", writes_s);
            continue;
        }
        cr_assert(forecast(forecaster, aim.limit_s).converges,
                  "%g pages/s: not with %g s", writes_s, aim.limit_s);
        if (!forecast(forecaster, AIM_LEAST_S).converges) {
            found = true;
            cr_assert_gt(aim.limit_s, AIM_LEAST_S);
            cr_assert(aim.is_held_back);
            cr_assert_not_null(strstr(aim.reason, "would not converge"));
        }
    }
    cr_assert(found, "no guest of these tells the limits apart");
}
