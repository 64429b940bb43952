/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-default.c - a table of cases for each rule of the default policy
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "policy/policy.h"
#include "taught.h"

#define LINK (50 * MBIT)
#define CONTROL (2 * MBIT)

/* Everything in Mbit/s; 0 stands for unknown or none. */
typedef struct {
    char what[56];
    unsigned passes;
    double writes_s, written_set, pages_to_send;
    double others, net_mean, net_next, deadline_s, elapsed_s, in_force;
    PolicyStep step;
    double low, high; /* where the guarantee must lie */
    double application;
    char reason[32];
} DefaultCase;

#define BUSY 800, 16384
#define QUIET 60, 16384
#define HOPELESS 8000, 60000

ParameterizedTestParameters(default_policy, table)
{
    static DefaultCase cases[] = {
        /* the first pass */
        { "nothing known: all but a tenth", 0, BUSY, 1e5, 2, 0, 0, 0, 0, 0,
          POLICY_STEP_SET, 43.19, 43.21, 0, "Nothing is known" },
        { "others' guarantees come first", 0, BUSY, 1e5, 22, 0, 0, 0, 0, 0,
          POLICY_STEP_SET, 25.19, 25.21, 0, "of the free 28.0" },
        { "a far deadline: half of it for memory", 0, BUSY, 1e5, 2, 0, 0, 400,
          0, 0, POLICY_STEP_SET, 17.2, 17.3, 0, "half of the 400 s" },
        { "a near deadline: the allowance", 0, BUSY, 1e5, 2, 0, 0, 30, 0, 0,
          POLICY_STEP_SET, 43.19, 43.21, 0, "half of the 30 s" },
        { "a very far deadline: a quarter of it", 0, BUSY, 1e5, 2, 0, 0, 4000,
          0, 0, POLICY_STEP_SET, 10.79, 10.81, 0, "half of the 4000 s" },
        { "decided twice: kept", 0, BUSY, 1e5, 2, 0, 0, 0, 0, 43.2,
          POLICY_STEP_KEEP, 43.19, 43.21, 0, "Nothing is known" },
        /* convergence */
        { "a busy guest gets nearly the allowance", 10, BUSY, 5000, 2, 0, 0, 0,
          0, 0, POLICY_STEP_SET, 38, 43.21, 0, "pages get dirty at" },
        { "a quiet guest a quarter less", 6, QUIET, 20000, 2, 0, 0, 0, 0, 0,
          POLICY_STEP_SET, 33, 37, 0, "pages get dirty at" },
        { "a quiet guest with time little", 6, QUIET, 20000, 2, 0, 0, 200, 0, 0,
          POLICY_STEP_SET, 10.79, 10.81, 0, "pages get dirty at" },
        { "less time, more bandwidth", 6, QUIET, 20000, 2, 0, 0, 200, 170, 0,
          POLICY_STEP_SET, 23, 36, 0, "pages get dirty at" },
        /* small changes and the end */
        { "a small change is not made", 6, QUIET, 20000, 2, 0, 0, 0, 0, 36,
          POLICY_STEP_KEEP, 35.99, 36.01, 0, "Keeps 36.0" },
        { "a large one is", 6, QUIET, 20000, 2, 0, 0, 0, 0, 43, POLICY_STEP_SET,
          33, 37, 0, "Guarantees" },
        { "not lowered shortly before the end", 6, QUIET, 2000, 2, 0, 0, 0, 0,
          43, POLICY_STEP_KEEP, 42.99, 43.01, 0, "Keeps 43.0" },
        { "lowered if it is more than there is", 6, QUIET, 2000, 30, 0, 0, 0, 0,
          43, POLICY_STEP_SET, 10, 18.01, 0, "of the free 20.0" },
        /* what cannot be */
        { "hopeless: said at once", 6, HOPELESS, 50000, 2, 0, 0, 0, 0, 0,
          POLICY_STEP_CANNOT, 43.19, 43.21, 0, "Will not converge" },
        { "hopeless on what others leave", 10, BUSY, 10000, 40, 0, 0, 0, 0, 0,
          POLICY_STEP_CANNOT, 8.99, 9.01, 0, "10.0 are free" },
        { "the deadline is past saving", 6, QUIET, 50000, 2, 0, 0, 100, 90, 0,
          POLICY_STEP_CANNOT, 47.99, 48.01, 0, "Cannot meet the deadline" },
        { "nothing is left", 6, QUIET, 50000, 50, 0, 0, 0, 0, 0,
          POLICY_STEP_CANNOT, 0, 0, 0, "nothing is left" },
        { "others have more than the link", 0, QUIET, 50000, 60, 0, 0, 0, 0, 0,
          POLICY_STEP_CANNOT, 0, 0, 0, "nothing is left" },
        /* the guest's own application, as records of old have it */
        { "traffic at Thr is not intensive", 0, BUSY, 1e5, 2, 5, 9, 0, 0, 0,
          POLICY_STEP_SET, 43.19, 43.21, 0, "of the free 48.0" },
        { "above Thr it gets its need", 0, BUSY, 1e5, 2, 6, 8, 0, 0, 0,
          POLICY_STEP_SET, 35.99, 36.01, 8, "of the free 40.0" },
        { "its mean if no need is forecast", 0, BUSY, 1e5, 2, 6, 0, 0, 0, 0,
          POLICY_STEP_SET, 37.79, 37.81, 6, "of the free 42.0" },
        { "more than the link: a tenth migrates", 0, BUSY, 1e5, 2, 30, 90, 0, 0,
          0, POLICY_STEP_SET, 4.31, 4.33, 43.2, "of the free 4.8" },
        { "it comes before convergence", 10, BUSY, 10000, 2, 30, 36, 0, 0, 0,
          POLICY_STEP_CANNOT, 10.79, 10.81, 36, "its own traffic keeps 36.0" },
    };

    return cr_make_param_array(DefaultCase, cases, G_N_ELEMENTS(cases));
}

static Known
mbit_known(double mbit)
{
    return mbit > 0.0 ? known(mbit * MBIT) : unknown();
}

ParameterizedTest(DefaultCase *dc, default_policy, table)
{
    g_autoptr(Forecaster) forecaster =
        taught(dc->passes, dc->writes_s, dc->written_set);
    PolicyInput input = {
        .iter = dc->passes + 1,
        .elapsed_s = dc->elapsed_s,
        .pages_to_send = (uint64_t)dc->pages_to_send,
        .page_bytes = (uint64_t)PAGE,
        .link_bytes_s = LINK,
        .others_bytes_s = dc->others * MBIT,
        .guest_net_mean_bytes_s = mbit_known(dc->net_mean),
        .guest_net_next_bytes_s = mbit_known(dc->net_next),
        .guarantee_bytes_s = (uint64_t)(dc->in_force * MBIT),
        .ceiling_bytes_s = (uint64_t)LINK,
    };
    PolicySettings settings;
    PolicyDecision decision;
    double guarantee;

    policy_settings_init(&settings, POLICY_DEFAULT);
    settings.follows_need = dc->net_mean == 0;
    if (dc->deadline_s > 0.0) {
        settings.deadline_s = known(dc->deadline_s);
    }
    policy_decide(&settings, forecaster, &input, &decision);
    guarantee = (double)decision.guarantee_bytes_s / MBIT;

    cr_assert_eq(decision.step, dc->step, "%s: %s, %s", dc->what,
                 policy_step_name(decision.step), decision.reason);
    cr_assert(guarantee >= dc->low && guarantee <= dc->high, "%s: %.2f, %s",
              dc->what, guarantee, decision.reason);
    cr_assert_float_eq((double)decision.application_bytes_s / MBIT,
                       dc->application, 0.01, "%s", dc->what);
    cr_assert(strstr(decision.reason, dc->reason), "%s: %s", dc->what,
              decision.reason);
    cr_assert_eq(decision.ceiling_bytes_s, (uint64_t)LINK);
    cr_assert_lt(strlen(decision.reason), sizeof(decision.reason) - 1);
    cr_assert_eq(decision.dirty_bytes_s.known,
                 dc->passes > 0 && decision.guarantee_bytes_s > 0, "%s",
                 dc->what);
}

/* Everything in Mbit/s; 0 stands for unknown or none. */
typedef struct {
    char what[56];
    unsigned passes;
    double writes_s, written_set, pages_to_send;
    double others, need, wants, has, in_force;
    PolicyStep step;
    double low, high; /* where the guarantee must lie */
    double application;
    char reason[56];
} ApplicationCase;

ParameterizedTestParameters(default_policy, application)
{
    static ApplicationCase cases[] = {
        { "no traffic, no class", 0, BUSY, 1e5, 2, 0, 0, 0, 0, POLICY_STEP_SET,
          43.19, 43.21, 0, "of the free 48.0" },
        /* The requests of 4 Mbit/s that got half of what they needed */
        { "far below Thr it has its class", 0, BUSY, 1e5, 2, 3.9, 6.3, 0, 0,
          POLICY_STEP_SET, 37.52, 37.54, 6.3,
          "the guest's own traffic needs 3.9 and has 6.3" },
        { "what is in force stays", 0, BUSY, 1e5, 2, 3.9, 6.3, 6.3, 37.53,
          POLICY_STEP_KEEP, 37.52, 37.54, 6.3, "needs 3.9 and has 6.3" },
        { "a class that changes is set", 0, BUSY, 1e5, 2, 5, 7.5, 6.3, 37.53,
          POLICY_STEP_SET, 37.52, 37.54, 7.5, "needs 5.0 and has 7.5" },
        { "more than the link: a tenth migrates", 0, BUSY, 1e5, 2, 90, 99, 0, 0,
          POLICY_STEP_SET, 4.31, 4.33, 43.2, "of the free 4.8" },
        { "its room gives way to convergence", 10, BUSY, 10000, 2, 3, 25, 0, 0,
          POLICY_STEP_SET, 20, 43.21, 0, "needs 3.0 and has" },
        { "its need does not", 10, BUSY, 10000, 2, 36, 45, 0, 0,
          POLICY_STEP_CANNOT, 4.31, 4.33, 43.2, "Will not converge" },
    };

    return cr_make_param_array(ApplicationCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(ApplicationCase *ac, default_policy, application)
{
    g_autoptr(Forecaster) forecaster =
        taught(ac->passes, ac->writes_s, ac->written_set);
    PolicyInput input = {
        .iter = ac->passes + 1,
        .pages_to_send = (uint64_t)ac->pages_to_send,
        .page_bytes = (uint64_t)PAGE,
        .link_bytes_s = LINK,
        .others_bytes_s = ac->others * MBIT,
        .guest_net_next_bytes_s = mbit_known(ac->need),
        .application_bytes_s = mbit_known(ac->wants),
        .application_now_bytes_s = (uint64_t)(ac->has * MBIT),
        .guarantee_bytes_s = (uint64_t)(ac->in_force * MBIT),
        .ceiling_bytes_s = (uint64_t)LINK,
    };
    PolicySettings settings;
    PolicyDecision decision;
    double guarantee, application;

    policy_settings_init(&settings, POLICY_DEFAULT);
    policy_decide(&settings, forecaster, &input, &decision);
    guarantee = (double)decision.guarantee_bytes_s / MBIT;
    application = (double)decision.application_bytes_s / MBIT;
    cr_expect_eq(decision.step, ac->step, "%s: %s, %s", ac->what,
                 policy_step_name(decision.step), decision.reason);
    cr_expect(guarantee >= ac->low && guarantee <= ac->high, "%s: %.2f, %s",
              ac->what, guarantee, decision.reason);
    if (ac->application > 0 || ac->wants == 0) {
        cr_expect_float_eq(application, ac->application, 0.01, "%s: %.2f",
                           ac->what, application);
    } else {
        cr_expect(application >= ac->need && application < ac->wants,
                  "%s: %.2f", ac->what, application);
    }
    cr_expect(strstr(decision.reason, ac->reason), "%s: %s", ac->what,
              decision.reason);
}

/* Whatever is asked, guarantees fit into the link and reasons are whole. */
Test(default_policy, never_promises_more_than_there_is)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(5);
    unsigned steps[POLICY_N_STEPS] = { 0 };

    for (unsigned run = 0; run < 2000; run++) {
        unsigned passes = (unsigned)g_rand_int_range(rand, 0, 12);
        g_autoptr(Forecaster) forecaster =
            taught(passes, pow(10.0, g_rand_double_range(rand, 0.0, 5.0)),
                   pow(10.0, g_rand_double_range(rand, 1.0, 6.0)));
        double link = pow(10.0, g_rand_double_range(rand, 3.0, 11.0));
        PolicyInput input = {
            .iter = passes + 1,
            .elapsed_s = g_rand_double_range(rand, 0.0, 100.0),
            .pages_to_send = (uint64_t)g_rand_int_range(rand, 0, 1 << 20),
            .page_bytes = (uint64_t)PAGE,
            .link_bytes_s = link,
            .others_bytes_s = link * g_rand_double_range(rand, 0.0, 1.2),
            .guarantee_bytes_s = (uint64_t)(link * g_rand_double(rand)),
            .ceiling_bytes_s = (uint64_t)link,
        };
        PolicySettings settings;
        PolicyDecision decision;

        if (g_rand_boolean(rand)) {
            input.guest_net_mean_bytes_s = known(link * g_rand_double(rand));
            input.guest_net_next_bytes_s =
                known(2.0 * link * g_rand_double(rand));
        }
        if (g_rand_boolean(rand)) {
            input.application_bytes_s = known(2.0 * link * g_rand_double(rand));
        }
        policy_settings_init(&settings,
                             run % 4 ? POLICY_DEFAULT : POLICY_PAPER);
        settings.follows_need = g_rand_boolean(rand);
        if (g_rand_boolean(rand)) {
            settings.deadline_s = known(g_rand_double_range(rand, 1.0, 500.0));
        }
        policy_decide(&settings, forecaster, &input, &decision);
        steps[decision.step]++;
        cr_assert_leq((double)decision.guarantee_bytes_s +
                          (double)decision.application_bytes_s,
                      fmax(0.0, link - input.others_bytes_s) + 1.0, "%s",
                      decision.reason);
        cr_assert_eq(decision.ceiling_bytes_s, (uint64_t)link);
        cr_assert_lt(strlen(decision.reason), sizeof(decision.reason) - 1);
        cr_assert(strstr(decision.reason, "nan") == NULL, "%s",
                  decision.reason);
    }
    cr_assert_gt(steps[POLICY_STEP_KEEP], 20);
    cr_assert_gt(steps[POLICY_STEP_SET], 200);
    cr_assert_gt(steps[POLICY_STEP_CANNOT], 200);
}

/* Without an answer about its guest a link that is not one says so. */
/* An oracle decides before the first row, as soon as there is something to
 * send; not before, when nothing would seem to be next to no work. */
Test(default_policy, an_oracle_is_believed_at_once)
{
    static const ForecastCurve curve = {
        .points = { { 0.3, 238 }, { 3.0, 2230 }, { 30.0, 12600 } },
        .n_points = 3,
        .log_sd = 0.1,
    };
    g_autoptr(Forecaster) forecaster = forecaster_new(131072);
    PolicySettings settings;
    PolicyInput input = { .iter = 1,
                          .page_bytes = 4096,
                          .link_bytes_s = LINK,
                          .others_bytes_s = CONTROL };
    PolicyDecision decision;

    policy_settings_init(&settings, POLICY_DEFAULT);
    cr_assert(forecaster_set_oracle(forecaster, &curve));
    policy_decide(&settings, forecaster, &input, &decision);
    cr_assert(strstr(decision.reason, "Nothing is known"), "%s",
              decision.reason);
    input.pages_to_send = 100000;
    policy_decide(&settings, forecaster, &input, &decision);
    cr_assert(strstr(decision.reason, "pages get dirty at"), "%s",
              decision.reason);
    cr_assert_gt(decision.guarantee_bytes_s, 30 * MBIT);
}

Test(default_policy, a_link_of_nothing)
{
    static const double links[] = { 0.0, -5.0, NAN };
    g_autoptr(Forecaster) forecaster = forecaster_new(100);
    PolicySettings settings;

    policy_settings_init(&settings, POLICY_DEFAULT);
    for (size_t i = 0; i < G_N_ELEMENTS(links); i++) {
        PolicyInput input = { .iter = 1,
                              .page_bytes = 4096,
                              .link_bytes_s = links[i] };
        PolicyDecision decision;

        policy_decide(&settings, forecaster, &input, &decision);
        cr_assert_eq(decision.step, POLICY_STEP_CANNOT);
        cr_assert_eq(decision.guarantee_bytes_s, 0);
        cr_assert_eq(decision.ceiling_bytes_s, 0);
    }
}
