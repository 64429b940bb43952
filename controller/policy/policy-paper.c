/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy-paper.c - NRAC as printed
 *
 *     NC := Nf = Nt - Nu
 *     if mean(Net) <= Thr:
 *         if Nf < De:  delay migrations of network-intensive guests
 *         else:        NC := De
 *     else:
 *         if Nf > Napp + De:  NC := Napp + De
 *
 * with De = Dp P / T, Dp being what GM(1,N) with residual correction says. It
 * is kept to the letter so that the paper can be compared; its misprints, as
 * docs/policy.md lists them, are kept too. NC becomes the rate of the class
 * and the ceiling is the link, for the paper speaks of reserving. What the
 * paper leaves open is decided like this:
 *
 * - T(i) is the duration planned with all of Nf.
 * - While GM(1,N) abstains, until eight passes are known at least, Dp is the
 *   combination's forecast; when there is none either, NC stays Nf.
 * - Nu unknown: what is promised to others counts as used.
 * - Napp unknown: the mean.
 * - NC is kept between 8 kbit/s and what is not promised to others.
 */
#include <math.h>
#include <string.h>

#include "policy/policy-priv.h"

static Known
paper_forecast(const Forecast *forecast, bool *grey)
{
    for (size_t i = 0; i < forecast->n_members; i++) {
        if (strcmp(forecast->members[i].name, "gm1n-residual") == 0 &&
            forecast->members[i].pages.known) {
            *grey = true;
            return forecast->members[i].pages;
        }
    }
    *grey = false;
    return forecast->pages;
}

void
policy_paper_decide(const PolicySettings *settings,
                    const Forecaster *forecaster, const PolicyInput *input,
                    PolicyDecision *decision)
{
    double used = known_or(input->used_bytes_s, input->others_bytes_s);
    double nf = fmax(input->link_bytes_s - used, 0.0), nc = nf;
    double ceiling = fmax(input->link_bytes_s, 0.0);
    double most = policy_available(input);
    ForecastQuery query = {
        .pages_to_send = input->pages_to_send,
        .bandwidth_bytes_s = fmax(nf, POLICY_LEAST_BYTES_S),
        .left_bytes =
            fmax(nf, POLICY_LEAST_BYTES_S) * settings->downtime_limit_s,
    };
    Forecast forecast;
    Known pages;
    bool grey;

    forecaster_next(forecaster, &query, &forecast);
    pages = paper_forecast(&forecast, &grey);
    if (pages.known && forecast.planned_duration_s > 0.0) {
        decision->dirty_bytes_s =
            known(pages.value * (double)input->page_bytes /
                  forecast.planned_duration_s);
    }

    decision->step = POLICY_STEP_SET;
    if (!decision->dirty_bytes_s.known) {
        policy_reason(decision,
                      "NRAC: no forecast of dirty pages yet, all that is free, "
                      "%.1f of %.1f Mbit/s",
                      policy_mbit(nf), policy_mbit(input->link_bytes_s));
    } else if (!policy_network_intensive(settings, input)) {
        double de = decision->dirty_bytes_s.value;

        if (nf < de) {
            decision->step = POLICY_STEP_DELAY;
            policy_reason(decision,
                          "NRAC: %.1f Mbit/s are free and pages get dirty at "
                          "%.1f (%s), network-intensive guests should wait",
                          policy_mbit(nf), policy_mbit(de),
                          grey ? "GM(1,N)" : "combination");
        } else {
            nc = de;
            policy_reason(decision,
                          "NRAC: the rate at which pages get dirty, "
                          "%.1f Mbit/s (%s), of %.1f that are free",
                          policy_mbit(de), grey ? "GM(1,N)" : "combination",
                          policy_mbit(nf));
        }
    } else {
        double de = decision->dirty_bytes_s.value;
        double napp = known_or(input->guest_net_next_bytes_s,
                               input->guest_net_mean_bytes_s.value);

        if (nf > napp + de) {
            nc = napp + de;
            policy_reason(decision,
                          "NRAC: network-intensive guest, its traffic of %.1f "
                          "and its dirty pages of %.1f Mbit/s together",
                          policy_mbit(napp), policy_mbit(de));
        } else {
            policy_reason(decision,
                          "NRAC: network-intensive guest, all %.1f Mbit/s that "
                          "are free, for %.1f + %.1f are not",
                          policy_mbit(nf), policy_mbit(napp), policy_mbit(de));
        }
    }

    nc = fmin(fmax(nc, POLICY_LEAST_BYTES_S), most);
    decision->guarantee_bytes_s = (uint64_t)nc;
    decision->ceiling_bytes_s = (uint64_t)ceiling;
    if (decision->step == POLICY_STEP_SET &&
        decision->guarantee_bytes_s == input->guarantee_bytes_s &&
        decision->ceiling_bytes_s == input->ceiling_bytes_s) {
        decision->step = POLICY_STEP_KEEP;
    }
}
