/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-ladder-rules.c - the ladder's rules one by one, and its words
 *
 * What becomes of whole migrations is test-ladder.c's.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

#include "policy/ladder.h"

#define MBIT 125000.0
#define PAGE 4096.0
#define WIRE 0.95

#define DOWNTIME LADDER_BIT(LADDER_DOWNTIME)
#define POSTCOPY LADDER_BIT(LADDER_POSTCOPY)
#define ABORT LADDER_BIT(LADDER_ABORT)
#define GUARANTEE LADDER_BIT(LADDER_GUARANTEE)
#define ORDER LADDER_BIT(LADDER_ORDER)
#define WAIT LADDER_BIT(LADDER_WAIT)

static const LadderGuest any_guest = {
    .postcopy_flag = true,
    .auto_converge_flag = true,
    .throttle_reachable = true,
    .others_on_link = true,
    .largest_page_bytes = 4096,
};

/* What is advised at the start of a pass of so many pages at 40 Mbit/s, which
 * then takes @duration_s and finds @dirty_pages. */
static LadderAdvice
advised(Ladder *ladder, Forecaster *forecaster, unsigned iter,
        uint64_t pages_to_send, double duration_s, double dirty_pages)
{
    LadderInput input = {
        .iter = iter,
        .pages_to_send = pages_to_send,
        .page_bytes = (uint64_t)PAGE,
        .guarantee_bytes_s = 40 * MBIT,
        .free_bytes_s = 40 * MBIT,
        .downtime_limit_s = 0.3,
    };
    SampleRow row = { .iter = iter,
                      .merged = 1,
                      .page_bytes = (uint64_t)PAGE,
                      .duration_s = duration_s,
                      .dirty_pages = known(dirty_pages) };
    LadderAdvice advice;

    ladder_advise(ladder, forecaster, &input, &advice);
    forecaster_add(forecaster, &row);
    return advice;
}

/* What libvirt refuses is not asked for again. */
Test(ladder, a_refusal_is_final)
{
    g_autoptr(Forecaster) forecaster = forecaster_new(1u << 20);
    g_autoptr(Ladder) ladder = NULL;
    LadderSettings settings;
    unsigned takes = 0, aborts = 0;

    ladder_settings_init(&settings);
    settings.allowed = POSTCOPY | ABORT;
    ladder = ladder_new(&settings, &any_guest);
    for (unsigned iter = 1; iter <= 20; iter++) {
        LadderAdvice advice =
            advised(ladder, forecaster, iter, 30000, 24.0, 30000);

        if (advice.act == LADDER_TAKE) {
            takes += advice.step == LADDER_POSTCOPY;
            aborts += advice.step == LADDER_ABORT;
            ladder_refused(ladder);
        }
        cr_assert_eq(ladder_in_force(ladder), 0);
    }
    cr_assert_eq(takes, 1);
    cr_assert_eq(aborts, 1);
}

/* "a limit that libvirt refused seconds later was taken for raised" */
Test(ladder, a_refusal_may_come_late)
{
    g_autoptr(Forecaster) forecaster = forecaster_new(1u << 20);
    g_autoptr(Ladder) ladder = NULL;
    LadderSettings settings;
    unsigned takes = 0, undone = 0;

    ladder_settings_init(&settings);
    settings.allowed = DOWNTIME;
    settings.downtime_most_s = 2000;
    ladder = ladder_new(&settings, &any_guest);
    for (unsigned iter = 1; iter <= 20; iter++) {
        LadderAdvice advice =
            advised(ladder, forecaster, iter, 30000, 24.0, 30000);

        takes += advice.act == LADDER_TAKE;
        undone += advice.act == LADDER_UNDO;
        if (takes == 1 && advice.act == LADDER_NOTHING) {
            /* the iteration after: this is no longer the last act */
            ladder_refused(ladder);
            ladder_refused_step(ladder, LADDER_DOWNTIME, LADDER_TAKE);
            cr_assert_eq(ladder_in_force(ladder), 0);
        }
    }
    cr_assert_eq(takes, 1);
    cr_assert_eq(undone, 0, "there is nothing to be undone");
}

Test(ladder, nothing_after_the_switch)
{
    LadderSettings settings;
    LadderInput input = { .iter = 5,
                          .pages_to_send = 30000,
                          .page_bytes = 4096,
                          .guarantee_bytes_s = MBIT,
                          .downtime_limit_s = 0.3,
                          .postcopy = true };
    g_autoptr(Forecaster) forecaster = forecaster_new(1u << 20);
    g_autoptr(Ladder) ladder = NULL;
    LadderAdvice advice;
    SampleRow row = { .iter = 4,
                      .merged = 1,
                      .page_bytes = 4096,
                      .duration_s = 24.0,
                      .dirty_pages = known(30000) };

    ladder_settings_init(&settings);
    settings.allowed = LADDER_BIT(LADDER_N_STEPS) - 1;
    ladder = ladder_new(&settings, &any_guest);
    forecaster_add(forecaster, &row);
    ladder_advise(ladder, forecaster, &input, &advice);
    cr_assert_eq(advice.act, LADDER_NOTHING);
    input.postcopy = false;
    input.stopped = true;
    ladder_advise(ladder, forecaster, &input, &advice);
    cr_assert_eq(advice.act, LADDER_NOTHING);
}

typedef struct {
    LadderGuest guest;
    LadderStep step;
    char why[24]; /* empty: can be taken */
} RuleCase;

ParameterizedTestParameters(ladder, rules)
{
    static RuleCase cases[] = {
        { { .postcopy_flag = true }, LADDER_POSTCOPY, "" },
        { { .postcopy_flag = false }, LADDER_POSTCOPY, "--postcopy" },
        { { .postcopy_flag = true, .host_devices = true },
          LADDER_POSTCOPY,
          "host devices" },
        { { .postcopy_flag = true, .largest_page_bytes = 1ull << 30 },
          LADDER_POSTCOPY,
          "1 GiB" },
        { { .postcopy_flag = true, .largest_page_bytes = 1ull << 21 },
          LADDER_POSTCOPY,
          "" },
        { { .postcopy_flag = true, .tunnelled = true },
          LADDER_POSTCOPY,
          "tunnelled" },
        { { .postcopy_flag = true, .parallel = true },
          LADDER_POSTCOPY,
          "parallel" },
        { { .postcopy_flag = true, .local_disks = true },
          LADDER_POSTCOPY,
          "disks" },
        { { .auto_converge_flag = false }, LADDER_THROTTLE, "--auto-converge" },
        { { .auto_converge_flag = true }, LADDER_THROTTLE, "monitor" },
        { { .auto_converge_flag = true, .throttle_reachable = true },
          LADDER_THROTTLE,
          "" },
        { { .others_started = true,
            .auto_converge_flag = true,
            .throttle_reachable = true },
          LADDER_THROTTLE,
          "taints" },
        { { .downtime_is_theirs = true }, LADDER_DOWNTIME, "somebody else" },
        { { .downtime_is_theirs = false }, LADDER_DOWNTIME, "" },
        { { .others_on_link = false }, LADDER_ORDER, "no other migration" },
        { { .others_on_link = true }, LADDER_ORDER, "" },
        { { .others_started = true }, LADDER_ABORT, "" },
    };

    return cr_make_param_array(RuleCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(RuleCase *rc, ladder, rules)
{
    const char *why = ladder_rules_out(&rc->guest, rc->step);

    cr_assert_eq(why != NULL, rc->why[0] != '\0', "%s: %s",
                 ladder_step_name(rc->step), why ? why : "");
    cr_assert(!why || strstr(why, rc->why), "%s", why);
}

Test(ladder, steps_by_name)
{
    static const char *const bad[] = { "", "postcopy", "downtime,", "none,wait",
                                       "Downtime" };
    g_autoptr(GError) error = NULL;
    unsigned steps = 77;

    cr_assert(ladder_steps_parse("downtime, post-copy", &steps, NULL));
    cr_assert_eq(steps, DOWNTIME | POSTCOPY);
    cr_assert(ladder_steps_parse("default,abort", &steps, NULL));
    cr_assert_eq(steps, GUARANTEE | ORDER | WAIT | ABORT);
    cr_assert(ladder_steps_parse("none", &steps, NULL));
    cr_assert_eq(steps, 0);
    for (unsigned i = 0; i < 128; i++) {
        g_autofree char *text = ladder_steps_format(i);

        cr_assert(ladder_steps_parse(text, &steps, NULL));
        cr_assert_eq(steps, i);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_clear_error(&error);
        steps = 77;
        cr_assert_not(ladder_steps_parse(bad[i], &steps, &error));
        cr_assert(g_error_matches(error, LADDER_ERROR, LADDER_ERROR_STEP));
        cr_assert_eq(steps, 77);
    }
}

Test(ladder, settings_out_of_range)
{
    LadderSettings settings;

    ladder_settings_init(&settings);
    cr_assert(ladder_settings_check(&settings, NULL));
    settings.downtime_most_s = NAN;
    cr_assert_not(ladder_settings_check(&settings, NULL));
    ladder_settings_init(&settings);
    settings.throttle_most = 1.0;
    cr_assert_not(ladder_settings_check(&settings, NULL));
    ladder_settings_init(&settings);
    settings.check_after = 0;
    cr_assert_not(ladder_settings_check(&settings, NULL));
    ladder_settings_init(&settings);
    settings.allowed = 1u << LADDER_N_STEPS;
    cr_assert_not(ladder_settings_check(&settings, NULL));
}

/* What recorded migrations did: passes of 0.2 s that ought to be the last and
 * are not. The forecast is not believed for ever. */
Test(ladder, an_end_that_does_not_come)
{
    g_autoptr(Forecaster) forecaster = forecaster_new(1u << 20);
    g_autoptr(Ladder) ladder = NULL;
    LadderSettings settings;
    unsigned raised = 0;

    ladder_settings_init(&settings);
    settings.allowed = DOWNTIME;
    ladder = ladder_new(&settings, &any_guest);
    for (unsigned iter = 1; iter <= 14; iter++) {
        LadderAdvice advice = advised(ladder, forecaster, iter, 600, 0.2, 40);

        if (advice.act == LADDER_TAKE) {
            raised = iter;
            cr_assert_eq(advice.step, LADDER_DOWNTIME);
            cr_assert_geq(advice.value * 40 * MBIT * WIRE, 600 * PAGE);
        }
    }
    cr_assert_geq(raised, 10);
}
