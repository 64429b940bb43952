/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy-priv.h - what the policies share
 */
#ifndef POLICY_PRIV_H
#define POLICY_PRIV_H

#include "policy/policy.h"

/* HTB takes no class without a rate: 8 kbit/s. */
#define POLICY_LEAST_BYTES_S 1000.0

void policy_paper_decide(const PolicySettings *settings,
                         const Forecaster *forecaster, const PolicyInput *input,
                         PolicyDecision *decision);
void policy_default_decide(const PolicySettings *settings,
                           const Forecaster *forecaster,
                           const PolicyInput *input, PolicyDecision *decision);

/** policy_available() - What guarantees to others leave of the link, >= 0 */
double policy_available(const PolicyInput *input);

/** policy_network_intensive() - Mean traffic of the guest above Thr */
bool policy_network_intensive(const PolicySettings *settings,
                              const PolicyInput *input);

/** policy_mbit() - Mbit/s, as reasons say it */
static inline double
policy_mbit(double rate_bytes_s)
{
    return rate_bytes_s * 8e-6;
}

/** policy_reason() - Write the sentence, cut to its place */
void policy_reason(PolicyDecision *decision, const char *format, ...)
    G_GNUC_PRINTF(2, 3);

#endif
