/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy.c - the policies' names, settings and common ground
 *
 * docs/policy.md says what each of them does and why.
 */
#include "policy/policy.h"

#include <math.h>
#include <stdarg.h>

#include "policy/policy-priv.h"

G_DEFINE_QUARK(vmferry_policy_error, policy_error)

static const char *const kind_names[] = {
    [POLICY_NONE] = "none",
    [POLICY_PAPER] = "paper",
    [POLICY_DEFAULT] = "default",
};
G_STATIC_ASSERT(G_N_ELEMENTS(kind_names) == POLICY_N_KINDS);

static const char *const step_names[] = {
    [POLICY_STEP_KEEP] = "keep",
    [POLICY_STEP_SET] = "set",
    [POLICY_STEP_DELAY] = "delay",
    [POLICY_STEP_CANNOT] = "cannot",
};
G_STATIC_ASSERT(G_N_ELEMENTS(step_names) == POLICY_N_STEPS);

const char *
policy_kind_name(PolicyKind kind)
{
    g_assert((unsigned)kind < POLICY_N_KINDS);
    return kind_names[kind];
}

const char *
policy_step_name(PolicyStep step)
{
    g_assert((unsigned)step < POLICY_N_STEPS);
    return step_names[step];
}

bool
policy_kind_parse(const char *text, PolicyKind *kind, GError **error)
{
    for (unsigned i = 0; i < POLICY_N_KINDS; i++) {
        if (g_strcmp0(text, kind_names[i]) == 0) {
            *kind = (PolicyKind)i;
            return true;
        }
    }
    g_set_error(error, POLICY_ERROR, POLICY_ERROR_NAME,
                "policy \"%s\" is unknown: use none, paper or default",
                text ? text : "");
    return false;
}

void
policy_settings_init(PolicySettings *settings, PolicyKind kind)
{
    *settings = (PolicySettings){
        .kind = kind,
        .margin = 1.25,
        .threshold_fraction = 0.10,
        .change_fraction = 0.05,
        .downtime_limit_s = 0.3,
        .follows_need = true,
    };
}

bool
policy_settings_check(const PolicySettings *settings, GError **error)
{
    const char *what = NULL;
    double value = 0.0;

    /* written so that NaN fails */
    if (!(settings->margin >= 1.0 && settings->margin <= 100.0)) {
        what = "margin must lie between 1 and 100";
        value = settings->margin;
    } else if (!(settings->threshold_fraction >= 0.0 &&
                 settings->threshold_fraction <= 1.0)) {
        what = "threshold must lie between 0 and 1, a fraction of the link";
        value = settings->threshold_fraction;
    } else if (!(settings->change_fraction >= 0.0 &&
                 settings->change_fraction < 1.0)) {
        what = "smallest change must lie between 0 and 1";
        value = settings->change_fraction;
    } else if (!(settings->downtime_limit_s > 0.0 &&
                 settings->downtime_limit_s <= 2000.0)) {
        what = "downtime limit must lie between 0 and 2000 seconds";
        value = settings->downtime_limit_s;
    } else if (settings->deadline_s.known &&
               !(settings->deadline_s.value > 0.0 &&
                 isfinite(settings->deadline_s.value))) {
        what = "deadline must be some seconds from the start";
        value = settings->deadline_s.value;
    }
    if (what) {
        g_set_error(error, POLICY_ERROR, POLICY_ERROR_SETTING,
                    "policy %s: %s, not %g", policy_kind_name(settings->kind),
                    what, value);
        return false;
    }
    return true;
}

double
policy_available(const PolicyInput *input)
{
    double available = input->link_bytes_s - input->others_bytes_s;

    return isfinite(available) ? fmax(available, 0.0) : 0.0;
}

bool
policy_network_intensive(const PolicySettings *settings,
                         const PolicyInput *input)
{
    return input->guest_net_mean_bytes_s.known &&
           input->guest_net_mean_bytes_s.value >
               settings->threshold_fraction * input->link_bytes_s;
}

double
policy_application(const PolicySettings *settings, const PolicyInput *input)
{
    Known wanted = unknown();

    if (settings->kind == POLICY_DEFAULT && settings->follows_need) {
        wanted = input->application_bytes_s;
    } else if (policy_network_intensive(settings, input)) {
        wanted = known(known_or(input->guest_net_next_bytes_s,
                                input->guest_net_mean_bytes_s.value));
    }
    return fmax(known_or(wanted, 0.0), 0.0);
}

void
policy_reason(PolicyDecision *decision, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_vsnprintf(decision->reason, sizeof(decision->reason), format, args);
    va_end(args);
}

void
policy_decide(const PolicySettings *settings, const Forecaster *forecaster,
              const PolicyInput *input, PolicyDecision *decision)
{
    *decision = (PolicyDecision){ .step = POLICY_STEP_KEEP };

    switch (settings->kind) {
    case POLICY_PAPER:
        policy_paper_decide(settings, forecaster, input, decision);
        break;
    case POLICY_DEFAULT:
        policy_default_decide(settings, forecaster, input, decision);
        break;
    case POLICY_NONE:
    case POLICY_N_KINDS:
        policy_reason(decision, "policy none touches no traffic control");
        break;
    }
}
