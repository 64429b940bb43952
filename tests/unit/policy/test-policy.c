/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-policy.c - names, settings, and the policy that does nothing
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

#include "policy/policy.h"

Test(policy, names_are_read_back)
{
    for (unsigned i = 0; i < POLICY_N_KINDS; i++) {
        PolicyKind kind = POLICY_N_KINDS;

        cr_assert(
            policy_kind_parse(policy_kind_name((PolicyKind)i), &kind, NULL));
        cr_assert_eq(kind, i);
    }
    for (unsigned i = 0; i < POLICY_N_STEPS; i++) {
        cr_assert_gt(strlen(policy_step_name((PolicyStep)i)), 0);
    }
}

Test(policy, unknown_name_is_refused)
{
    static const char *const names[] = { "fair", "", "Default", NULL };
    PolicyKind kind = POLICY_PAPER;

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(GError) error = NULL;

        cr_assert_not(policy_kind_parse(names[i], &kind, &error));
        cr_assert(g_error_matches(error, POLICY_ERROR, POLICY_ERROR_NAME));
        cr_assert(strstr(error->message, "none, paper or default"));
        cr_assert_eq(kind, POLICY_PAPER);
    }
}

typedef struct {
    char what[32];
    double margin, threshold, change, downtime_s, deadline_s;
    bool deadline;
} SettingCase;

ParameterizedTestParameters(policy, settings)
{
    static SettingCase cases[] = {
        { "", 1.25, 0.1, 0.05, 0.3, 0.0, false },
        { "", 1.0, 0.0, 0.0, 0.001, 60.0, true },
        { "margin", 0.9, 0.1, 0.05, 0.3, 0.0, false },
        { "margin", NAN, 0.1, 0.05, 0.3, 0.0, false },
        { "threshold", 1.25, 1.1, 0.05, 0.3, 0.0, false },
        { "threshold", 1.25, -0.1, 0.05, 0.3, 0.0, false },
        { "change", 1.25, 0.1, 1.0, 0.3, 0.0, false },
        { "downtime", 1.25, 0.1, 0.05, 0.0, 0.0, false },
        { "downtime", 1.25, 0.1, 0.05, INFINITY, 0.0, false },
        { "deadline", 1.25, 0.1, 0.05, 0.3, 0.0, true },
        { "deadline", 1.25, 0.1, 0.05, 0.3, INFINITY, true },
    };

    return cr_make_param_array(SettingCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(SettingCase *sc, policy, settings)
{
    PolicySettings settings;
    g_autoptr(GError) error = NULL;

    policy_settings_init(&settings, POLICY_DEFAULT);
    cr_assert(policy_settings_check(&settings, NULL));
    settings.margin = sc->margin;
    settings.threshold_fraction = sc->threshold;
    settings.change_fraction = sc->change;
    settings.downtime_limit_s = sc->downtime_s;
    settings.deadline_s = (Known){ sc->deadline, sc->deadline_s };

    if (sc->what[0] == '\0') {
        cr_assert(policy_settings_check(&settings, &error));
        return;
    }
    cr_assert_not(policy_settings_check(&settings, &error), "%s", sc->what);
    cr_assert(g_error_matches(error, POLICY_ERROR, POLICY_ERROR_SETTING));
    cr_assert(strstr(error->message, sc->what), "%s", error->message);
}

Test(policy, none_touches_nothing)
{
    g_autoptr(Forecaster) forecaster = forecaster_new(1000);
    PolicyInput input = { .iter = 1, .page_bytes = 4096, .link_bytes_s = 1e6 };
    PolicySettings settings;
    PolicyDecision decision;

    policy_settings_init(&settings, POLICY_NONE);
    policy_decide(&settings, forecaster, &input, &decision);
    cr_assert_eq(decision.step, POLICY_STEP_KEEP);
    cr_assert_eq(decision.guarantee_bytes_s, 0);
    cr_assert_eq(decision.ceiling_bytes_s, 0);
    cr_assert_eq(decision.application_bytes_s, 0);
    cr_assert_gt(strlen(decision.reason), 0);
}
