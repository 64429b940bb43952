/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy-default.c - guarantee what convergence takes, borrow the rest
 *
 *     0 ---------- application ---- allowance ------ free ---- link
 *                  of the guest    (0.9 of free)   (not promised
 *                                                   to others)
 *
 * The class of the migration gets a guarantee (HTB rate); it may borrow up to
 * the link (HTB ceil), always, so that nothing has to be raised in time for
 * the last pass. How large the guarantee is:
 *
 * - What is taken from the others in total is what the migration sends. A
 *   guest that writes sends more the longer it takes, so that a high rate for
 *   a short time costs the others less than a low one for a long time. Hence
 *   the yardstick is the migration with the whole allowance, and a lower
 *   guarantee is chosen only as far as it costs no more than a few per cent
 *   of bytes and a quarter of time.
 * - A tenth of what is free stays with the others, so that nobody starves,
 *   unless convergence or the deadline takes it: for certain (even the low
 *   end of the forecast says so), or by the best guess out of six passes or of
 *   an oracle. The
 *   margin and the high end of the forecast are met up to there.
 * - D(T) / T falls with T, so that T, D and the guarantee depend on each
 *   other: each candidate is played through to the end, and the least one
 *   that will do is found by bisection.
 *
 * Forecasts speak of the stream's bytes, HTB counts whole frames: WIRE_SHARE.
 */
#include <math.h>
#include <string.h>

#include "policy/policy-priv.h"

/* pages in frames: 4096 of 4104 bytes, 1448 of 1514 */
#define WIRE_SHARE 0.95
#define OTHERS_SHARE 0.1 /* of what is free */
#define MORE_BYTES 1.05  /* than with the whole allowance, at most */
#define MORE_TIME 1.25
#define BULK_SHARE 0.5   /* of the deadline, for the first pass */
#define LEAST_SHARE 0.25 /* of the allowance, never less */
#define BELIEVED_ROWS 6  /* from here on the best guess counts as need */
#define NEARLY_DONE_S 3.0
#define SEARCH_STEPS 16

/* What a decision is about to be, with the numbers for its reason. */
typedef struct Plan {
    const PolicySettings *settings;
    const Forecaster *forecaster;
    const PolicyInput *input;
    double application; /* bytes/s for the guest's own class */
    double free;        /* not promised to anybody */
    double allowance;   /* ... of it without the others' tenth */
    double left_s;      /* to the deadline, INFINITY without one */
} Plan;

/* What the guest's own class leaves of what others leave. */
static void
share_out(Plan *plan, double application)
{
    plan->application = application;
    plan->free = policy_available(plan->input) - application;
    plan->allowance = plan->input->asks & POLICY_ASK_URGENT
                          ? plan->free
                          : (1.0 - OTHERS_SHARE) * plan->free;
}

static void
migration_at(const Plan *plan, double guarantee, bool brief,
             MigrationForecast *forecast)
{
    MigrationQuery query = {
        .pages_to_send = plan->input->pages_to_send,
        .bandwidth_bytes_s = guarantee * WIRE_SHARE,
        .downtime_limit_s = plan->settings->downtime_limit_s,
        .brief = brief,
    };

    forecaster_migration(plan->forecaster, &query, forecast);
}

/* De, the rate at which pages will get dirty with this guarantee */
static Known
dirtying_at(const Plan *plan, double guarantee)
{
    double bandwidth = fmax(guarantee, POLICY_LEAST_BYTES_S) * WIRE_SHARE;
    ForecastQuery query = {
        .pages_to_send = plan->input->pages_to_send,
        .bandwidth_bytes_s = bandwidth,
        .left_bytes = bandwidth * plan->settings->downtime_limit_s,
    };
    Forecast forecast;

    forecaster_next(plan->forecaster, &query, &forecast);
    if (!forecast.pages.known || forecast.planned_duration_s <= 0.0) {
        return unknown();
    }
    return known(forecast.median_pages * (double)plan->input->page_bytes /
                 forecast.planned_duration_s);
}

/* What a guarantee must achieve. */
typedef struct Goal {
    double most_bytes, most_s; /* by the best guess */
    double most_high_s;        /* by the high end */
    bool surely;               /* the high end must converge */
} Goal;

static bool
reaches(const Plan *plan, double guarantee, const Goal *goal)
{
    MigrationForecast forecast;

    migration_at(plan, guarantee, true, &forecast);
    return forecast.converges && forecast.time_s.value <= goal->most_s &&
           forecast.bytes.value <= goal->most_bytes &&
           (!goal->surely || forecast.surely_converges) &&
           forecast.high_time_s <= goal->most_high_s;
}

/* The least guarantee up to @most that reaches the goal, @most if none does */
static double
least_guarantee(const Plan *plan, double most, const Goal *goal)
{
    double low = 0.0, high = most;

    for (int i = 0; i < SEARCH_STEPS; i++) {
        double middle = 0.5 * (low + high);

        if (reaches(plan, middle, goal)) {
            high = middle;
        } else {
            low = middle;
        }
    }
    return high;
}

/* Whether the one in force brings the end within seconds: a lower guarantee
 * would give the others little, and QEMU a lower threshold to fall below. */
static bool
nearly_done(const Plan *plan, double now)
{
    MigrationForecast forecast;

    if (forecaster_rows(plan->forecaster) == 0) {
        return false;
    }
    migration_at(plan, now, true, &forecast);
    return forecast.converges && forecast.time_s.value < NEARLY_DONE_S;
}

/* Set the guarantee, or keep the one in force: small changes are not made, nor
 * is it lowered shortly before the end, unless it is more than there is.
 * Returns what holds from now on. */
static double
settle(const Plan *plan, double wanted, PolicyDecision *decision)
{
    double now = (double)plan->input->guarantee_bytes_s;

    decision->step = POLICY_STEP_SET;
    decision->guarantee_bytes_s = (uint64_t)wanted;
    if (now > 0.0 && now <= plan->free &&
        plan->input->ceiling_bytes_s == decision->ceiling_bytes_s &&
        (fabs(wanted - now) <= plan->settings->change_fraction * now ||
         (wanted < now && nearly_done(plan, now)))) {
        decision->step = POLICY_STEP_KEEP;
        decision->guarantee_bytes_s = plan->input->guarantee_bytes_s;
    }
    return (double)decision->guarantee_bytes_s;
}

static void
decide_unknown(const Plan *plan, PolicyDecision *decision)
{
    double guarantee = plan->allowance;

    if (plan->settings->deadline_s.known && plan->left_s > 0.0) {
        /* more than it will be, for zero pages take next to nothing */
        double bytes = (double)plan->input->pages_to_send *
                       (double)plan->input->page_bytes / WIRE_SHARE;

        guarantee = CLAMP(bytes / (BULK_SHARE * plan->left_s),
                          LEAST_SHARE * plan->allowance, plan->allowance);
        policy_reason(decision,
                      "Nothing is known about the guest yet: %.1f of the free "
                      "%.1f Mbit/s, to send its memory in half of the %.0f s "
                      "to the deadline",
                      policy_mbit(guarantee), policy_mbit(plan->free),
                      plan->left_s);
    } else {
        policy_reason(decision,
                      "Nothing is known about the guest yet: %.1f of the free "
                      "%.1f Mbit/s keep the first pass short, the rest stays "
                      "with others",
                      policy_mbit(guarantee), policy_mbit(plan->free));
    }
    settle(plan, guarantee, decision);
}

/* It does not converge, or not in time, with all that is free. */
static void
decide_cannot(const Plan *plan, const MigrationForecast *all,
              PolicyDecision *decision)
{
    double needs = INFINITY;
    char application[48] = "";
    bool told_later = plan->settings->follows_need;

    decision->step = POLICY_STEP_CANNOT;
    decision->guarantee_bytes_s = (uint64_t)plan->free;
    if (plan->application > 0.0 && !told_later) {
        g_snprintf(application, sizeof(application),
                   " (its own traffic keeps %.1f)",
                   policy_mbit(plan->application));
    }
    if (all->converges) {
        policy_reason(decision,
                      "Cannot meet the deadline: %.0f s are left, all free "
                      "%.1f Mbit/s%s take %.0f s; more bandwidth, "
                      "auto-converge or post-copy would help",
                      fmax(plan->left_s, 0.0), policy_mbit(plan->free),
                      application, all->time_s.value);
        return;
    }
    /* What cannot be reached is no reason to starve the others. */
    decision->guarantee_bytes_s = (uint64_t)plan->allowance;
    if (all->least_bandwidth_bytes_s.known) {
        needs = policy_mbit(all->least_bandwidth_bytes_s.value / WIRE_SHARE);
    }
    /* Raised in mid-migration the limit ends it as soon as it covers what a
     * pass of the plateau leaves on top of the old limit. */
    policy_reason(
        decision,
        "Will not converge: needs about %.1f Mbit/s and %.1f are free%s; that "
        "bandwidth, a downtime limit of %.1f s, auto-converge or post-copy "
        "would help",
        needs, policy_mbit(plan->free), application,
        plan->settings->downtime_limit_s +
            1.1 * known_or(all->plateau_s, 0.0) /
                forecaster_wire_share(plan->forecaster));
}

/* The room above its need is given up for convergence, its need is not. */
static void
give_way(Plan *plan, MigrationForecast *all)
{
    double need = known_or(plan->input->guest_net_next_bytes_s, INFINITY);
    double available = policy_available(plan->input);
    double least = plan->settings->margin *
                   known_or(all->least_bandwidth_bytes_s, INFINITY) /
                   WIRE_SHARE;

    if (plan->settings->follows_need && !all->converges &&
        need < plan->application && least <= available - need) {
        share_out(plan, fmin(available - least, plan->application));
        migration_at(plan, plan->free, false, all);
    }
}

static void
decide_known(Plan *plan, PolicyDecision *decision)
{
    MigrationForecast yardstick, all, chosen;
    double guarantee, least;
    const char *verb, *doubt = "";

    migration_at(plan, plan->free, false, &all);
    give_way(plan, &all);
    least = known_or(all.least_bandwidth_bytes_s, INFINITY) / WIRE_SHARE;
    if ((!all.converges && !all.possibly_converges) ||
        (all.converges && all.time_s.value > plan->left_s)) {
        decide_cannot(plan, &all, decision);
        return;
    }

    migration_at(plan, plan->allowance, false, &yardstick);
    if (!yardstick.converges) {
        /* The others' tenth is for need, not for doubt. */
        bool needed = !yardstick.possibly_converges ||
                      forecaster_has_oracle(plan->forecaster) ||
                      forecaster_rows(plan->forecaster) >= BELIEVED_ROWS;

        guarantee = all.converges && needed ? plan->free : plan->allowance;
    } else if (plan->settings->deadline_s.known) {
        Goal likely = { INFINITY, plan->left_s, INFINITY, false };
        Goal surely = { INFINITY, plan->left_s, plan->left_s, true };

        guarantee = fmax(least_guarantee(plan, plan->free, &likely),
                         least_guarantee(plan, plan->allowance, &surely));
    } else {
        Goal goal = {
            .most_bytes = yardstick.bytes.value * MORE_BYTES,
            .most_s = yardstick.time_s.value * MORE_TIME,
            .most_high_s = INFINITY,
            .surely = true,
        };

        guarantee = least_guarantee(plan, plan->allowance, &goal);
    }
    guarantee =
        fmax(guarantee, fmin(plan->settings->margin * least, plan->allowance));
    guarantee = fmax(guarantee, LEAST_SHARE * plan->allowance);

    guarantee = settle(plan, fmin(guarantee, plan->free), decision);
    verb = decision->step == POLICY_STEP_KEEP ? "Keeps" : "Guarantees";

    migration_at(plan, guarantee, true, &chosen);
    if (!chosen.converges) {
        policy_reason(decision,
                      "%s %.1f of the free %.1f Mbit/s: convergence "
                      "seems to take %.1f, which is not sure yet",
                      verb, policy_mbit(guarantee), policy_mbit(plan->free),
                      policy_mbit(least));
        return;
    }
    if (!chosen.surely_converges) {
        doubt = ", not sure yet";
    } else if (chosen.high_time_s > plan->left_s) {
        doubt = ", the deadline is in doubt";
    }
    policy_reason(decision,
                  "%s %.1f of the free %.1f Mbit/s: pages get dirty at "
                  "%.1f, convergence takes %.1f, the end is %.1f s away%s",
                  verb, policy_mbit(guarantee), policy_mbit(plan->free),
                  policy_mbit(known_or(dirtying_at(plan, guarantee), 0.0)),
                  policy_mbit(least), chosen.time_s.value, doubt);
}

/* What the circuit breaker falls back to: margin times the bandwidth at which
 * the pages of the pass before would get dirty again, whatever the models say.
 * It promises nothing, so it never says that something cannot be. */
static void
decide_last(const Plan *plan, PolicyDecision *decision)
{
    double bandwidth = plan->allowance * WIRE_SHARE, guarantee;
    ForecastQuery query = {
        .pages_to_send = plan->input->pages_to_send,
        .bandwidth_bytes_s = bandwidth,
        .left_bytes = bandwidth * plan->settings->downtime_limit_s,
    };
    Forecast forecast;
    Known pages = unknown();

    forecaster_next(plan->forecaster, &query, &forecast);
    for (size_t i = 0; i < forecast.n_members; i++) {
        if (strcmp(forecast.members[i].name, "last") == 0) {
            pages = forecast.members[i].pages;
        }
    }
    guarantee = plan->allowance;
    if (pages.known && forecast.planned_duration_s > 0.0) {
        guarantee = plan->settings->margin * pages.value *
                    (double)plan->input->page_bytes /
                    forecast.planned_duration_s / WIRE_SHARE;
    }
    guarantee =
        CLAMP(guarantee, LEAST_SHARE * plan->allowance, plan->allowance);
    guarantee = settle(plan, guarantee, decision);
    policy_reason(decision,
                  "Forecasts of this link are not trusted at present: %.1f of "
                  "the free %.1f Mbit/s, from the pages of the last pass",
                  policy_mbit(guarantee), policy_mbit(plan->free));
}

/* Its class belongs to the decision, and what it is for. */
static void
settle_application(const Plan *plan, PolicyDecision *decision)
{
    const PolicyInput *input = plan->input;
    char why[80];

    decision->application_bytes_s = (uint64_t)plan->application;
    if (!plan->settings->follows_need) {
        return;
    }
    if (decision->step == POLICY_STEP_KEEP &&
        decision->application_bytes_s != input->application_now_bytes_s) {
        decision->step = POLICY_STEP_SET;
    }
    if (plan->application > 0.0) {
        g_snprintf(why, sizeof(why),
                   "; the guest's own traffic needs %.1f and has %.1f",
                   policy_mbit(known_or(input->guest_net_next_bytes_s,
                                        plan->application)),
                   policy_mbit(plan->application));
        if (strlen(decision->reason) + strlen(why) <
            sizeof(decision->reason) - 1) {
            g_strlcat(decision->reason, why, sizeof(decision->reason));
        }
    }
}

void
policy_default_decide(const PolicySettings *settings,
                      const Forecaster *forecaster, const PolicyInput *input,
                      PolicyDecision *decision)
{
    double available = policy_available(input);
    Plan plan = {
        .settings = settings,
        .forecaster = forecaster,
        .input = input,
        .left_s = settings->deadline_s.known
                      ? settings->deadline_s.value - input->elapsed_s
                      : INFINITY,
    };

    decision->ceiling_bytes_s = (uint64_t)fmax(input->link_bytes_s, 0.0);
    /* The application comes first while the link can carry it; where it
     * cannot, the migration keeps its tenth, or it would never end. */
    share_out(&plan, fmin(policy_application(settings, input),
                          (1.0 - OTHERS_SHARE) * available));
    decision->application_bytes_s = (uint64_t)plan.application;

    if (plan.free < POLICY_LEAST_BYTES_S) {
        decision->step = POLICY_STEP_CANNOT;
        decision->guarantee_bytes_s = (uint64_t)plan.free;
        policy_reason(decision,
                      "Guarantees to others take %.1f of the link's %.1f "
                      "Mbit/s: nothing is left for this migration, queue it "
                      "or lower them",
                      policy_mbit(input->others_bytes_s),
                      policy_mbit(input->link_bytes_s));
        return;
    }
    /* an oracle knows the guest, but not yet what there is to send */
    if (forecaster_rows(forecaster) == 0 &&
        (!forecaster_has_oracle(forecaster) || input->pages_to_send == 0)) {
        decide_unknown(&plan, decision);
    } else if (input->asks & POLICY_ASK_LAST) {
        decide_last(&plan, decision);
    } else {
        decide_known(&plan, decision);
    }
    settle_application(&plan, decision);
    decision->dirty_bytes_s =
        dirtying_at(&plan, (double)decision->guarantee_bytes_s);
}
