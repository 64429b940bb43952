/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ladder.c - see ladder.h
 *
 *              forecast at the start of an iteration
 *                               |
 *        a step awaits its check ──yes──> over? ──> helped: stays
 *                               |                 └─> did not: undone
 *                       fine? ──yes──> nothing
 *                               |
 *        missed twice, or surely ──no──> nothing yet
 *                               |
 *         the first step that is allowed, not ruled out, not tried at this
 *         size, and helps by the forecast ──none──> say it, once
 *
 * What a step promises. The forecast at the present bandwidth rests on passes
 * of the length they have, and its verdict is good. What shorter passes would
 * be like it hardly knows where every pass was long enough for the guest to
 * write its whole set: then it thinks writes far too dense. So bandwidth is
 * given where the forecast promises that it helps, or where it is a quarter
 * more, which brings shorter passes and with them knowledge; a throttle that
 * the forecast does not believe in is tried at its bound if there is nothing
 * better. Steps that are in vain for certain are not taken: they cost somebody
 * something, and delay the one that helps.
 *
 * A verdict by the best guess counts from the third iteration on, when two
 * rows are known, and when it comes twice; one by the low end of the forecast
 * at once. So whoever cannot converge hears of it by the fourth.
 *
 * The costly steps (downtime, post-copy) take effect on what remains when they
 * are taken: guests write in phases, so where the present remainder is above
 * what it recently was, a few iterations are waited for a smaller one.
 */
#include "policy/ladder.h"

#include <math.h>
#include <string.h>

#include "policy/ladder-priv.h"

#define WIRE_SHARE 0.95
#define BELIEVED_ITER 3 /* best guesses count from here */
#define CLEARLY 1.25
#define HELPED 0.9     /* of the score before */
#define RAISED_BY 1.02 /* less is not worth a step */
#define EXPLORING 1.25 /* so much more is worth it without a promise */
#define MOMENTS 8      /* of a pass, at which a limit may be raised */
#define LARGER 1.25    /* second size of a step, over the first */
#define MOST_TRIES 2
#define NEAR_PASSES 4 /* an end that is near */
#define OVERDUE 10    /* iterations that it may be near without coming */
#define FINE_AGAIN 3  /* iterations, until a verdict is news again */
#define N_RECENT 6
#define MINIMUM_SHARE 1.15 /* a local minimum is within that of the least */

typedef enum { STEP_IDLE, STEP_CHECKING, STEP_KEPT, STEP_GIVEN_UP } StepState;

typedef struct StepLife {
    StepState state;
    unsigned tries;
    unsigned iter; /* taken in */
    double value, old_value;
    LadderVerdict verdict; /* when it was taken */
    double score;
    bool in_force;
} StepLife;

struct Ladder {
    LadderSettings settings;
    LadderGuest guest;
    unsigned last_iter;
    StepLife steps[LADDER_N_STEPS];
    bool acted; /* last call, with: */
    LadderAct last_act;
    LadderStep last_step;
    unsigned misses; /* verdicts in a row that were not fine */
    unsigned clear_misses;
    unsigned fine;
    unsigned said;           /* verdicts, 1 << each, since it last went well */
    unsigned near;           /* iterations in a row that had the end near */
    double recent[N_RECENT]; /* pages to send, a ring */
    unsigned n_recent;
};

Ladder *
ladder_new(const LadderSettings *settings, const LadderGuest *guest)
{
    Ladder *ladder = g_new0(Ladder, 1);

    ladder->settings = *settings;
    ladder->guest = *guest;
    return ladder;
}

void
ladder_free(Ladder *ladder)
{
    g_free(ladder);
}

void
ladder_configure(Ladder *ladder, const LadderSettings *settings,
                 const LadderGuest *guest)
{
    ladder->settings = *settings;
    ladder->guest = *guest;
}

unsigned
ladder_in_force(const Ladder *ladder)
{
    unsigned steps = 0;

    for (unsigned i = 0; i < LADDER_N_STEPS; i++) {
        if (ladder->steps[i].in_force) {
            steps |= LADDER_BIT(i);
        }
    }
    return steps;
}

static bool
is_allowed(const Ladder *ladder, LadderStep step)
{
    unsigned allowed = ladder->guest.others_started ? ladder->guest.granted
                                                    : ladder->settings.allowed;

    return allowed & LADDER_BIT(step);
}

/* --- what the forecast says --- */

static void
migration_at(const Forecaster *forecaster, const Outlook *outlook,
             double bandwidth, double limit_s, MigrationForecast *forecast)
{
    const LadderInput *input = outlook->input;
    MigrationQuery query = {
        .pages_to_send = input->pages_to_send,
        .bandwidth_bytes_s = bandwidth,
        .downtime_limit_s = limit_s,
        .fixed_downtime_s = input->fixed_downtime_s,
        .deadline_s = isfinite(outlook->left_s) && outlook->left_s > 0.0
                          ? outlook->left_s
                          : 0.0,
    };

    forecaster_migration(forecaster, &query, forecast);
}

static double
wanted_s(const Outlook *outlook)
{
    return known_or(outlook->input->downtime_wanted_s, INFINITY);
}

/* Whether the best guess, or at least the low end, is as wanted */
static bool
would_do(const Outlook *outlook, const MigrationForecast *forecast)
{
    if (!forecast->converges) {
        return forecast->possibly_converges &&
               outlook->input->iter < BELIEVED_ITER;
    }
    return forecast->low_time_s <= outlook->left_s &&
           forecast->downtime_s.value <= wanted_s(outlook);
}

static void
judge(Outlook *outlook)
{
    const MigrationForecast *now = &outlook->now;
    double least = known_or(now->least_bandwidth_bytes_s, INFINITY);

    if (!now->verdict_known) {
        outlook->verdict = LADDER_FINE;
    } else if (!now->converges) {
        outlook->verdict = LADDER_NEVER;
        outlook->sure = !now->possibly_converges;
        outlook->clear = least > CLEARLY * outlook->bandwidth;
    } else if (now->time_s.value > outlook->left_s) {
        outlook->verdict = LADDER_LATE;
        outlook->sure = now->low_time_s > outlook->left_s;
        outlook->clear = now->time_s.value > CLEARLY * outlook->left_s;
    } else if (now->downtime_s.value > wanted_s(outlook)) {
        outlook->verdict = LADDER_LONG_STOP;
        outlook->clear = now->downtime_s.value > CLEARLY * wanted_s(outlook);
    } else {
        outlook->verdict = LADDER_FINE;
    }
}

static double
wire_share(const LadderInput *input)
{
    return input->wire_share > 0.0 ? input->wire_share : 1.0;
}

/* The limit is raised at some moment of a pass, which ends then if what remains
 * is below the new threshold. The sync adds what was dirtied since the one
 * before, and pages get dirty faster than they are sent at first: at the worst
 * moment there are so many seconds' worth more than at the pass's start. */
static double
worst_moment_s(const Forecaster *forecaster, const Outlook *outlook)
{
    double plateau_s = known_or(outlook->now.plateau_s, 0.0);
    double page_bytes = (double)outlook->input->page_bytes, worst_s = 0.0;

    for (unsigned i = 1; i <= MOMENTS; i++) {
        double at_s = plateau_s * i / MOMENTS;
        ForecastQuery query = {
            .pages_to_send = (uint64_t)(at_s * outlook->bandwidth / page_bytes),
            .bandwidth_bytes_s = outlook->bandwidth,
        };
        Forecast forecast;

        forecaster_next(forecaster, &query, &forecast);
        worst_s = fmax(worst_s, known_or(forecast.pages, 0.0) * page_bytes /
                                        outlook->bandwidth -
                                    at_s);
    }
    return worst_s;
}

/* The least limit that ends it in time, unknown if none does. On a plateau what
 * remains at a pass's start is one limit's worth, and what a pass dirties on
 * top. */
static Known
enough_downtime(const Forecaster *forecaster, const Outlook *outlook)
{
    double limit_s = outlook->input->downtime_limit_s;

    if (outlook->verdict == LADDER_NEVER) {
        return outlook->now.plateau_s.known
                   ? known(limit_s + (1.1 * outlook->now.plateau_s.value +
                                      worst_moment_s(forecaster, outlook)) /
                                         wire_share(outlook->input))
                   : unknown();
    }
    for (double tried_s = 1.25 * limit_s; tried_s <= 60.0; tried_s *= 1.25) {
        MigrationForecast forecast;

        migration_at(forecaster, outlook, outlook->bandwidth, tried_s,
                     &forecast);
        if (forecast.converges && forecast.time_s.value <= outlook->left_s &&
            forecast.downtime_s.value <= wanted_s(outlook)) {
            return known(tried_s);
        }
    }
    return unknown();
}

/* The end has been a few passes away for long: the forecast is wrong, and
 * passes are short and go on. What there is to send now would end it. */
static void
call_overdue(Outlook *outlook)
{
    const LadderInput *input = outlook->input;
    double to_send_s = (double)input->pages_to_send *
                       (double)input->page_bytes / outlook->bandwidth;

    outlook->verdict = LADDER_NEVER;
    outlook->sure = outlook->clear = false;
    outlook->now.plateau_s = known(
        fmax(to_send_s - wire_share(input) * input->downtime_limit_s, 0.1));
}

static void
look_ahead(const Ladder *ladder, const Forecaster *forecaster,
           const LadderInput *input, Outlook *outlook)
{
    double in_force = input->guarantee_bytes_s * WIRE_SHARE;
    double free = input->free_bytes_s * WIRE_SHARE;
    double ordered = fmax(input->ordered_bytes_s, input->free_bytes_s);

    *outlook = (Outlook){
        .input = input,
        .bandwidth = fmax(in_force, input->achieved_bytes_s),
        .left_s = input->deadline_s.known
                      ? input->deadline_s.value - input->elapsed_s
                      : INFINITY,
    };
    if (!(outlook->bandwidth > 0.0) || !(input->downtime_limit_s > 0.0)) {
        return;
    }
    migration_at(forecaster, outlook, outlook->bandwidth,
                 input->downtime_limit_s, &outlook->now);
    judge(outlook);
    if (outlook->verdict == LADDER_FINE && outlook->now.verdict_known &&
        ladder->near >= OVERDUE) {
        call_overdue(outlook);
    }
    if (outlook->verdict == LADDER_FINE) {
        return;
    }
    outlook->would_help = LADDER_BIT(LADDER_POSTCOPY);
    if (free > RAISED_BY * in_force) {
        migration_at(forecaster, outlook, fmax(free, outlook->bandwidth),
                     input->downtime_limit_s, &outlook->raised);
        if (would_do(outlook, &outlook->raised) ||
            free > EXPLORING * outlook->bandwidth) {
            outlook->would_help |= LADDER_BIT(LADDER_GUARANTEE);
        }
    }
    if (ordered > RAISED_BY * input->free_bytes_s) {
        migration_at(forecaster, outlook,
                     fmax(ordered * WIRE_SHARE, outlook->bandwidth),
                     input->downtime_limit_s, &outlook->ordered);
        if (would_do(outlook, &outlook->ordered) ||
            ordered * WIRE_SHARE > EXPLORING * outlook->bandwidth) {
            outlook->would_help |= LADDER_BIT(LADDER_ORDER);
        }
    }
    if (outlook->verdict != LADDER_LONG_STOP) {
        outlook->enough_downtime_s = enough_downtime(forecaster, outlook);
    }
    if (outlook->enough_downtime_s.known) {
        outlook->would_help |= LADDER_BIT(LADDER_DOWNTIME);
    }
    if (outlook->now.enough_throttle.known) {
        outlook->enough_throttle = outlook->now.enough_throttle;
    }
    outlook->would_help |= LADDER_BIT(LADDER_THROTTLE);
}

/* How far from what is wanted: comparable within one verdict only. */
static double
score_of(const Outlook *outlook)
{
    switch (outlook->verdict) {
    case LADDER_NEVER:
        return known_or(outlook->now.least_bandwidth_bytes_s, 1e15) /
               outlook->bandwidth;
    case LADDER_LATE:
        return outlook->now.time_s.value / fmax(outlook->left_s, 1.0);
    case LADDER_LONG_STOP:
        return outlook->now.downtime_s.value / wanted_s(outlook);
    case LADDER_FINE:
    case LADDER_N_VERDICTS:
        break;
    }
    return 0.0;
}

/* --- steps --- */

static void
act(Ladder *ladder, LadderAdvice *advice, LadderAct what, LadderStep step,
    double value, double old_value)
{
    advice->act = what;
    advice->step = step;
    advice->value = value;
    advice->old_value = old_value;
    ladder->acted = what == LADDER_TAKE || what == LADDER_UNDO;
    ladder->last_act = what;
    ladder->last_step = step;
}

static void
take(Ladder *ladder, const Outlook *outlook, LadderAdvice *advice,
     LadderStep step, double value, double old_value)
{
    StepLife *life = &ladder->steps[step];

    *life = (StepLife){
        .state = STEP_CHECKING,
        .tries = life->tries + 1,
        .iter = outlook->input->iter,
        .value = value,
        .old_value = old_value,
        .verdict = outlook->verdict,
        .score = score_of(outlook),
        .in_force = true,
    };
    act(ladder, advice, LADDER_TAKE, step, value, old_value);
}

/* At a lucky moment less is enough: what there is at a pass's start. */
static double
least_downtime(const Outlook *outlook)
{
    return outlook->verdict == LADDER_NEVER
               ? outlook->input->downtime_limit_s +
                     1.1 * known_or(outlook->now.plateau_s, INFINITY) /
                         wire_share(outlook->input)
               : INFINITY;
}

/* In steps of 5 % */
static Known
throttle_share(const Ladder *ladder, const Outlook *outlook, double old_value)
{
    double most = ladder->settings.throttle_most;
    double value = known_or(outlook->enough_throttle, INFINITY);
    const StepLife *life = &ladder->steps[LADDER_THROTTLE];
    bool better = is_allowed(ladder, LADDER_POSTCOPY) &&
                  !ladder_rules_out(&ladder->guest, LADDER_POSTCOPY);

    value = ceil(value * 20.0 - 1e-9) / 20.0;
    if (value > most + 1e-9) {
        if (better) {
            return unknown();
        }
        value = most;
    }
    if (value <= old_value + 1e-9 ||
        (life->tries > 0 && value < LARGER * life->value)) {
        return unknown();
    }
    return known(value);
}

/* The size of a step, unknown if it would not help or was tried. */
static Known
size_of(const Ladder *ladder, const Outlook *outlook, LadderStep step,
        double *old_value)
{
    const LadderInput *input = outlook->input;
    const LadderSettings *settings = &ladder->settings;
    const StepLife *life = &ladder->steps[step];
    double value;

    *old_value = 0.0;
    if (life->state == STEP_GIVEN_UP || life->tries >= MOST_TRIES ||
        !(outlook->would_help & LADDER_BIT(step))) {
        return unknown();
    }
    switch (step) {
    case LADDER_GUARANTEE:
        *old_value = input->guarantee_bytes_s;
        return life->tries > 0 ? unknown() : known(input->free_bytes_s);
    case LADDER_ORDER:
        *old_value = input->free_bytes_s;
        return life->tries > 0 ? unknown() : known(input->ordered_bytes_s);
    case LADDER_DOWNTIME:
        *old_value = input->downtime_limit_s;
        value = ceil(outlook->enough_downtime_s.value * 100.0) / 100.0;
        if (value > settings->downtime_most_s &&
            settings->downtime_most_s >= least_downtime(outlook)) {
            value = settings->downtime_most_s;
        }
        if (value > settings->downtime_most_s ||
            value <= input->downtime_limit_s ||
            (life->tries > 0 && value < LARGER * life->value)) {
            return unknown();
        }
        return known(value);
    case LADDER_THROTTLE:
        *old_value = input->throttle_percent / 100.0;
        return throttle_share(ladder, outlook, *old_value);
    case LADDER_POSTCOPY:
        return life->tries > 0 ? unknown() : known(0.0);
    case LADDER_WAIT:
    case LADDER_ABORT:
    case LADDER_N_STEPS:
        break;
    }
    return unknown();
}

static double
least_recent(const Ladder *ladder)
{
    double least = INFINITY;

    for (unsigned i = 0; i < MIN(ladder->n_recent, N_RECENT); i++) {
        least = fmin(least, ladder->recent[i]);
    }
    return least;
}

/* A smaller remainder was there a moment ago, and may come again. */
static bool
is_worth_waiting(const Ladder *ladder, const Outlook *outlook)
{
    return (double)outlook->input->pages_to_send >
           MINIMUM_SHARE * least_recent(ladder);
}

/* Wait before something that takes effect on what remains. Return: true if
 * this call ends with that. */
static bool
wait_first(Ladder *ladder, const Outlook *outlook, LadderAdvice *advice)
{
    StepLife *life = &ladder->steps[LADDER_WAIT];

    if (!is_allowed(ladder, LADDER_WAIT) || life->state == STEP_GIVEN_UP ||
        ladder->settings.wait_most == 0) {
        return false;
    }
    if (life->state == STEP_IDLE) {
        if (!is_worth_waiting(ladder, outlook)) {
            return false;
        }
        take(ladder, outlook, advice, LADDER_WAIT, 0.0, 0.0);
        return true;
    }
    if (is_worth_waiting(ladder, outlook) &&
        outlook->input->iter < life->iter + ladder->settings.wait_most) {
        advice->act = LADDER_NOTHING;
        return true;
    }
    life->state = STEP_GIVEN_UP; /* once in a migration */
    life->in_force = false;
    return false;
}

/* The last one: only where it is named, or the deadline is an end. */
static bool
may_abort(const Ladder *ladder, const Outlook *outlook, bool sure)
{
    bool named = is_allowed(ladder, LADDER_ABORT);
    bool ends = ladder->settings.deadline_is_end &&
                !ladder->guest.others_started &&
                outlook->input->deadline_s.known;

    if (!sure || outlook->verdict == LADDER_LONG_STOP ||
        ladder->steps[LADDER_ABORT].state == STEP_GIVEN_UP ||
        ladder->steps[LADDER_ABORT].tries > 0) {
        return false;
    }
    return named ||
           (ends && (outlook->verdict == LADDER_NEVER || outlook->left_s <= 0));
}

static bool
next_step(Ladder *ladder, const Outlook *outlook, bool sure,
          LadderAdvice *advice)
{
    for (unsigned i = 0; i < LADDER_ABORT; i++) {
        LadderStep step = (LadderStep)i;
        double old_value;
        Known size;

        if (step == LADDER_WAIT || !is_allowed(ladder, step) ||
            ladder_rules_out(&ladder->guest, step)) {
            continue;
        }
        size = size_of(ladder, outlook, step, &old_value);
        if (!size.known) {
            continue;
        }
        if (step >= LADDER_DOWNTIME && wait_first(ladder, outlook, advice)) {
            return true;
        }
        take(ladder, outlook, advice, step, size.value, old_value);
        return true;
    }
    /* nothing else is left but to hope for a quieter phase */
    if (wait_first(ladder, outlook, advice)) {
        return true;
    }
    if (may_abort(ladder, outlook, sure)) {
        take(ladder, outlook, advice, LADDER_ABORT, 0.0, 0.0);
        return true;
    }
    return false;
}

static bool
has_helped(LadderStep step, const StepLife *life, const Outlook *outlook)
{
    if (step == LADDER_DOWNTIME && life->verdict == LADDER_NEVER) {
        return false; /* it would be over */
    }
    if (outlook->verdict == LADDER_FINE) {
        return true;
    }
    if (life->verdict != outlook->verdict) {
        /* late is better than never */
        return life->verdict == LADDER_NEVER;
    }
    return score_of(outlook) <= HELPED * life->score;
}

/* Judge the step that is being checked. Return: true if this call ends with
 * that, because it is still open or was undone. */
static bool
check_effect(Ladder *ladder, const Outlook *outlook, LadderAdvice *advice)
{
    for (unsigned i = 0; i < LADDER_N_STEPS; i++) {
        StepLife *life = &ladder->steps[i];

        if (life->state != STEP_CHECKING || i == LADDER_WAIT) {
            continue;
        }
        if (outlook->input->iter < life->iter + ladder->settings.check_after) {
            return true;
        }
        if (has_helped((LadderStep)i, life, outlook) || i == LADDER_POSTCOPY ||
            i == LADDER_ABORT) {
            life->state = STEP_KEPT;
            continue;
        }
        life->state = STEP_GIVEN_UP;
        life->in_force = false;
        act(ladder, advice, LADDER_UNDO, (LadderStep)i, life->old_value,
            life->value);
        return true;
    }
    return false;
}

static void
remember(Ladder *ladder, const LadderInput *input)
{
    ladder->recent[ladder->n_recent % N_RECENT] = (double)input->pages_to_send;
    ladder->n_recent++;
}

static void
count(Ladder *ladder, const Outlook *outlook)
{
    bool near = outlook->now.iterations.known &&
                outlook->now.iterations.value <= NEAR_PASSES;

    ladder->near = near ? ladder->near + 1 : 0;
    if (outlook->verdict == LADDER_FINE) {
        ladder->misses = ladder->clear_misses = 0;
        ladder->fine++;
        if (ladder->fine >= FINE_AGAIN) {
            ladder->said = 0;
        }
        return;
    }
    ladder->fine = 0;
    if (outlook->sure || outlook->input->iter >= BELIEVED_ITER) {
        ladder->misses++;
        ladder->clear_misses = outlook->clear ? ladder->clear_misses + 1 : 0;
    }
}

static void
give_reason(const Ladder *ladder, const Outlook *outlook, LadderAdvice *advice)
{
    g_autofree char *verdict = ladder_verdict_words(outlook);
    g_autofree char *help = ladder_would_help_words(outlook);
    g_autofree char *step =
        ladder_take_words(advice->step, advice->value, advice->old_value,
                          advice->act == LADDER_UNDO);
    const char *ruled_out = ladder_rules_out(&ladder->guest, LADDER_POSTCOPY);
    const char *no_throttle =
        is_allowed(ladder, LADDER_THROTTLE)
            ? ladder_rules_out(&ladder->guest, LADDER_THROTTLE)
            : NULL;

    if (advice->act == LADDER_UNDO) {
        g_snprintf(advice->reason, sizeof(advice->reason),
                   "%s: it did not help within %u iterations", step,
                   ladder->settings.check_after);
    } else if (advice->act == LADDER_TAKE && advice->step != LADDER_ABORT) {
        g_snprintf(advice->reason, sizeof(advice->reason), "%s, for it %s",
                   step, verdict);
    } else if (advice->act != LADDER_NOTHING) {
        g_snprintf(advice->reason, sizeof(advice->reason),
                   "%s%s; what would help: %s%s%s%s%s%s",
                   advice->act == LADDER_TAKE ? "aborts, for it " : "", verdict,
                   help, ruled_out ? " (ruled out: " : "",
                   ruled_out ? ruled_out : "", ruled_out ? ")" : "",
                   no_throttle ? "; auto-converge is ruled out: " : "",
                   no_throttle ? no_throttle : "");
    }
}

void
ladder_advise(Ladder *ladder, const Forecaster *forecaster,
              const LadderInput *input, LadderAdvice *advice)
{
    Outlook outlook;
    bool sure;

    *advice = (LadderAdvice){ .act = LADDER_NOTHING };
    ladder->acted = false;
    if (input->postcopy || input->stopped || input->iter <= ladder->last_iter) {
        return;
    }
    ladder->last_iter = input->iter;
    look_ahead(ladder, forecaster, input, &outlook);
    count(ladder, &outlook);
    sure = outlook.sure || ladder->clear_misses >= 2;
    outlook.sure = sure;
    advice->verdict = outlook.verdict;
    advice->sure = sure;
    advice->would_help = outlook.would_help;

    if (!check_effect(ladder, &outlook, advice) &&
        outlook.verdict != LADDER_FINE &&
        (ladder->misses >= 2 || outlook.sure)) {
        advice->news = !(ladder->said & 1u << outlook.verdict);
        if (!next_step(ladder, &outlook, sure, advice) && advice->news) {
            act(ladder, advice, LADDER_SAY, LADDER_N_STEPS, 0.0, 0.0);
        }
        if (advice->act != LADDER_NOTHING) {
            ladder->said |= 1u << outlook.verdict;
        } else {
            advice->news = false;
        }
    }
    remember(ladder, input);
    give_reason(ladder, &outlook, advice);
}

void
ladder_refused(Ladder *ladder)
{
    if (ladder->acted) {
        ladder_refused_step(ladder, ladder->last_step, ladder->last_act);
    }
}

void
ladder_refused_step(Ladder *ladder, LadderStep step, LadderAct what)
{
    StepLife *life = &ladder->steps[step];

    life->state = STEP_GIVEN_UP;
    /* an undo that failed leaves it as it is */
    life->in_force = what == LADDER_UNDO;
    if (ladder->last_step == step) {
        ladder->acted = false;
    }
}
