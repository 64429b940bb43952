/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-paper.c - NRAC line by line, its misprints included
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "policy/policy.h"
#include "taught.h"

#define LINK (50 * MBIT)

/* Rates in Mbit/s; the guest dirties 400 pages/s, 13.1 Mbit/s, at any T. */
typedef struct {
    char what[56];
    unsigned passes;
    double used; /* Nu, negative: unknown */
    double net_mean, net_next, in_force;
    PolicyStep step;
    double guarantee;
    char reason[32];
} PaperCase;

#define DE 13.11

ParameterizedTestParameters(paper_policy, table)
{
    static PaperCase cases[] = {
        { "no forecast: NC = Nf", 0, 10, 0, 0, 0, POLICY_STEP_SET, 40,
          "no forecast" },
        { "Nu unknown: what others were promised", 0, -1, 0, 0, 0,
          POLICY_STEP_SET, 48, "no forecast" },
        { "line 10: NC = De", 6, 10, 0, 0, 0, POLICY_STEP_SET, DE,
          "rate at which pages get dirty" },
        { "line 8: Nf < De, others should wait", 6, 45, 0, 0, 0,
          POLICY_STEP_DELAY, 5, "should wait" },
        { "at Thr it is not intensive", 6, 10, 5, 9, 0, POLICY_STEP_SET, DE,
          "rate at which pages get dirty" },
        { "line 15: NC = Napp + De, one class", 6, 10, 6, 9, 0, POLICY_STEP_SET,
          9 + DE, "together" },
        { "Napp unknown: the mean", 6, 10, 6, 0, 0, POLICY_STEP_SET, 6 + DE,
          "together" },
        { "line 14 fails: NC = Nf", 6, 30, 6, 9, 0, POLICY_STEP_SET, 20,
          "are not" },
        { "nothing free: the least that HTB takes", 0, 60, 0, 0, 0,
          POLICY_STEP_SET, 0.008, "no forecast" },
        { "the same again is kept", 0, 10, 0, 0, 40, POLICY_STEP_KEEP, 40,
          "no forecast" },
    };

    return cr_make_param_array(PaperCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(PaperCase *pc, paper_policy, table)
{
    g_autoptr(Forecaster) forecaster = taught(pc->passes, 400, 1e9);
    PolicyInput input = {
        .iter = pc->passes + 1,
        .pages_to_send = 5000,
        .page_bytes = (uint64_t)PAGE,
        .link_bytes_s = LINK,
        .used_bytes_s = pc->used < 0.0 ? unknown() : known(pc->used * MBIT),
        .others_bytes_s = 2 * MBIT,
        .guarantee_bytes_s = (uint64_t)(pc->in_force * MBIT),
        .ceiling_bytes_s = (uint64_t)LINK,
    };
    PolicySettings settings;
    PolicyDecision decision;

    if (pc->net_mean > 0.0) {
        input.guest_net_mean_bytes_s = known(pc->net_mean * MBIT);
    }
    if (pc->net_next > 0.0) {
        input.guest_net_next_bytes_s = known(pc->net_next * MBIT);
    }
    policy_settings_init(&settings, POLICY_PAPER);
    policy_decide(&settings, forecaster, &input, &decision);

    cr_assert_eq(decision.step, pc->step, "%s: %s", pc->what, decision.reason);
    /* De is a forecast: within a tenth of the law */
    cr_assert_float_eq((double)decision.guarantee_bytes_s / MBIT, pc->guarantee,
                       0.0002 + 0.10 * pc->guarantee, "%s: %s", pc->what,
                       decision.reason);
    cr_assert(strstr(decision.reason, pc->reason), "%s: %s", pc->what,
              decision.reason);
    cr_assert_eq(decision.ceiling_bytes_s, (uint64_t)LINK);
    cr_assert_eq(decision.application_bytes_s, 0);
}
