/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-ladder.c - simulated guests that do not converge, and what is done
 *
 * The guest dirties W (1 - exp(-r T / W)) pages in T, r being one rate or two
 * that take turns (phases). The migration has a guarantee and no more; QEMU
 * sends in slices of 50 ms, as in test-closed-loop.c.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/ladder.h"

#define MBIT 125000.0
#define PAGE 4096.0
#define WIRE 0.95
#define SLICE_S 0.05

#define DOWNTIME LADDER_BIT(LADDER_DOWNTIME)
#define THROTTLE LADDER_BIT(LADDER_THROTTLE)
#define POSTCOPY LADDER_BIT(LADDER_POSTCOPY)
#define ABORT LADDER_BIT(LADDER_ABORT)
#define GUARANTEE LADDER_BIT(LADDER_GUARANTEE)
#define ORDER LADDER_BIT(LADDER_ORDER)
#define WAIT LADDER_BIT(LADDER_WAIT)

typedef struct Life {
    double full_pages, written_set;
    double writes_s, other_writes_s;      /* in the other phase */
    double phase_s;                       /* how long each lasts, 0: one only */
    double guarantee, free, ordered;      /* Mbit/s; ordered 0: as free */
    double limit_s, deadline_s, wanted_s; /* 0: none */
    bool dull; /* throttle and limit change nothing */
} Life;

typedef enum { CUT_OFF, COMPLETED, SWITCHED, ABORTED } Ending;
static const char *const endings[] = { "cut off", "completed", "post-copy",
                                       "aborted" };

typedef struct Story {
    Ending ending;
    unsigned iterations, first_said;
    unsigned takes[LADDER_N_STEPS], undos[LADDER_N_STEPS];
    unsigned acts, says;
    double time_s, limit_s, throttle;
    LadderVerdict verdict; /* first one said */
    char reason[400];      /* of the first that said it */
    GString *all;          /* every advice */
} Story;

static double
writes_at(const Life *life, double at_s)
{
    bool other =
        life->phase_s > 0 && fmod(floor(at_s / life->phase_s), 2.0) > 0;

    return other ? life->other_writes_s : life->writes_s;
}

static double
dirtied(const Life *life, double from_s, double duration_s, double awake,
        GRand *rand)
{
    double writes = 0.0, noise = g_rand_double_range(rand, 0.95, 1.05);

    for (double t = 0.0; t < duration_s; t += 0.05) {
        writes += writes_at(life, from_s + t) * fmin(0.05, duration_s - t);
    }
    return floor(-life->written_set *
                 expm1(-writes * awake * noise / life->written_set));
}

static void
tell(Story *story, const LadderInput *input, const LadderAdvice *advice)
{
    g_string_append_printf(story->all, "%2u %s %s %g %s\n", input->iter,
                           ladder_act_name(advice->act),
                           ladder_verdict_name(advice->verdict), advice->value,
                           advice->reason);
    if (getenv("SHOW_DECISIONS")) {
        fprintf(stderr, "%6.1f s %2u %8" PRIu64 " pages %-7s %-9s%s %s\n",
                input->elapsed_s, input->iter, input->pages_to_send,
                ladder_act_name(advice->act),
                ladder_verdict_name(advice->verdict),
                advice->sure ? " surely" : "", advice->reason);
    }
    if (advice->act == LADDER_NOTHING) {
        return;
    }
    story->acts++;
    cr_assert_gt(strlen(advice->reason), 20);
    if (advice->verdict != LADDER_FINE && story->first_said == 0) {
        story->first_said = input->iter;
        story->verdict = advice->verdict;
        g_strlcpy(story->reason, advice->reason, sizeof(story->reason));
    }
    if (advice->act == LADDER_SAY) {
        story->says++;
    } else if (advice->act == LADDER_TAKE) {
        story->takes[advice->step]++;
    } else {
        story->undos[advice->step]++;
    }
}

static Story
live(const Life *life, const LadderSettings *settings, const LadderGuest *guest,
     unsigned seed)
{
    g_autoptr(Forecaster) forecaster = forecaster_new(1u << 20);
    g_autoptr(Ladder) ladder = ladder_new(settings, guest);
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    double remaining = life->full_pages * PAGE;
    double guarantee = life->guarantee * MBIT;
    Story story = { .limit_s = life->limit_s, .all = g_string_new(NULL) };

    while (story.time_s < 600.0 && story.iterations < 60) {
        LadderInput input = {
            .iter = story.iterations + 1,
            .elapsed_s = story.time_s,
            .pages_to_send = (uint64_t)(remaining / PAGE),
            .page_bytes = (uint64_t)PAGE,
            .guarantee_bytes_s = guarantee,
            .achieved_bytes_s = guarantee * WIRE,
            .free_bytes_s = life->free * MBIT,
            .ordered_bytes_s = life->ordered * MBIT,
            .downtime_limit_s = story.limit_s,
            .throttle_percent = (unsigned)round(100 * story.throttle),
        };
        SampleRow row = { .iter = input.iter,
                          .merged = 1,
                          .pages_to_send = input.pages_to_send,
                          .page_bytes = (uint64_t)PAGE };
        LadderAdvice advice, again;
        double threshold, awake;

        if (life->deadline_s > 0) {
            input.deadline_s = known(life->deadline_s);
        }
        if (life->wanted_s > 0) {
            input.downtime_wanted_s = known(life->wanted_s);
        }
        ladder_advise(ladder, forecaster, &input, &advice);
        tell(&story, &input, &advice);
        if (advice.act == LADDER_TAKE || advice.act == LADDER_UNDO) {
            switch (advice.step) {
            case LADDER_GUARANTEE:
            case LADDER_ORDER:
                guarantee = advice.value;
                break;
            case LADDER_DOWNTIME:
                story.limit_s = advice.value;
                break;
            case LADDER_THROTTLE:
                story.throttle = advice.value;
                break;
            case LADDER_POSTCOPY:
                story.ending = SWITCHED;
                return story;
            case LADDER_ABORT:
                story.ending = ABORTED;
                return story;
            default:
                break;
            }
        }
        /* asked twice, it does nothing twice */
        ladder_advise(ladder, forecaster, &input, &again);
        cr_assert_eq(again.act, LADDER_NOTHING);

        threshold =
            guarantee * WIRE * (life->dull ? life->limit_s : story.limit_s);
        while (remaining >= threshold) {
            remaining -= fmin(remaining, guarantee * WIRE * SLICE_S);
            row.duration_s += SLICE_S;
        }
        awake = life->dull ? 1.0 : 1.0 - story.throttle;
        row.dirty_pages =
            known(dirtied(life, story.time_s, row.duration_s, awake, rand));
        row.bandwidth_bytes_s = guarantee * WIRE;
        story.time_s += row.duration_s;
        story.iterations++;
        remaining += row.dirty_pages.value * PAGE;
        forecaster_add(forecaster, &row);
        if (remaining < threshold) {
            story.ending = COMPLETED;
            return story;
        }
    }
    return story;
}

/* Guests on a link of which 43 Mbit/s can be had. */
#define FAST 38000, 16384, 4000, 0, 0 /* never, at this rate */
#define BUSY 38000, 16384, 800, 0, 0  /* at 43 Mbit/s, after some passes */
#define QUIET 38000, 16384, 60, 0, 0
#define LITTLE 38000, 1024, 4000, 0, 0 /* writes a small set over and over */

typedef struct {
    char what[72];
    Life life;
    unsigned allowed;
    bool deadline_is_end;
    Ending ending;
    unsigned said_by; /* iteration; 0: never said */
    unsigned takes;   /* LADDER_BITs of steps taken */
    char reason[40];
} LadderCase;

ParameterizedTestParameters(ladder, table)
{
    static LadderCase cases[] = {
        { "goes well: nothing is said",
          { QUIET, 40, 43, 0, 0.3, 0, 0, false },
          ~0u,
          true,
          COMPLETED,
          0,
          0,
          "" },
        { "said by the fourth, nothing allowed",
          { FAST, 43, 43, 0, 0.3, 0, 0, false },
          0,
          false,
          CUT_OFF,
          4,
          0,
          "what would help" },
        { "... and with the defaults, all that is free in vain",
          { FAST, 43, 43, 0, 0.3, 0, 0, false },
          LADDER_DEFAULT,
          false,
          CUT_OFF,
          4,
          0,
          "what would help" },
        { "post-copy ends it",
          { FAST, 43, 43, 0, 0.3, 0, 0, false },
          LADDER_DEFAULT | POSTCOPY,
          false,
          SWITCHED,
          4,
          POSTCOPY,
          "switches to post-copy" },
        { "aborts where it is named",
          { FAST, 43, 43, 0, 0.3, 0, 0, false },
          ABORT,
          false,
          ABORTED,
          4,
          ABORT,
          "aborts, for it" },
        { "aborts where the deadline is an end",
          { FAST, 43, 43, 0, 0.3, 120, 0, false },
          0,
          true,
          ABORTED,
          4,
          ABORT,
          "post-copy" },
        { "the deadline is none: it goes on",
          { FAST, 43, 43, 0, 0.3, 120, 0, false },
          0,
          false,
          CUT_OFF,
          4,
          0,
          "what would help" },
        { "the guarantee is raised to what is free",
          { BUSY, 12, 45, 0, 0.3, 0, 0, false },
          LADDER_DEFAULT,
          false,
          COMPLETED,
          4,
          GUARANTEE,
          "guarantees all that is free" },
        { "others stand back",
          { BUSY, 12, 12, 45, 0.3, 0, 0, false },
          LADDER_DEFAULT,
          false,
          COMPLETED,
          4,
          ORDER,
          "before the other" },
        { "a limit that ends a plateau",
          { LITTLE, 43, 43, 0, 0.3, 0, 0, false },
          DOWNTIME,
          false,
          COMPLETED,
          4,
          DOWNTIME,
          "raises the downtime limit" },
        { "one beyond its bound is not taken",
          { FAST, 43, 43, 0, 0.3, 0, 0, false },
          DOWNTIME,
          false,
          CUT_OFF,
          4,
          0,
          "downtime limit of" },
        { "auto-converge by as much as it takes",
          { BUSY, 20, 20, 0, 0.3, 0, 0, false },
          THROTTLE,
          false,
          COMPLETED,
          4,
          THROTTLE,
          "throttles the guest's vCPUs" },
        { "auto-converge that does not help is undone",
          { BUSY, 12, 12, 0, 0.3, 0, 0, true },
          THROTTLE,
          false,
          CUT_OFF,
          4,
          THROTTLE,
          "throttles the guest's vCPUs" },
        { "a limit that does not help is put back, and the next step follows",
          { LITTLE, 43, 43, 0, 0.3, 0, 0, true },
          DOWNTIME | POSTCOPY,
          false,
          SWITCHED,
          4,
          DOWNTIME | POSTCOPY,
          "puts back the downtime limit" },
        { "late: more bandwidth is in time",
          { BUSY, 25, 45, 0, 0.3, 90, 0, false },
          LADDER_DEFAULT,
          false,
          COMPLETED,
          4,
          GUARANTEE,
          "to the deadline" },
        { "late and nothing helps: aborted when it is over",
          { QUIET, 10, 10, 0, 0.3, 30, 0, false },
          0,
          true,
          ABORTED,
          4,
          ABORT,
          "to the deadline" },
    };

    return cr_make_param_array(LadderCase, cases, G_N_ELEMENTS(cases));
}

static const LadderGuest any_guest = {
    .postcopy_flag = true,
    .auto_converge_flag = true,
    .throttle_reachable = true,
    .others_on_link = true,
    .largest_page_bytes = 4096,
};

static unsigned
taken(const Story *story)
{
    unsigned steps = 0;

    for (unsigned i = 0; i < LADDER_N_STEPS; i++) {
        steps |= story->takes[i] ? LADDER_BIT(i) : 0;
    }
    return steps;
}

/* Each step twice at most, each undone as often, each verdict said a few
 * times. */
static void
check_calm(const Story *story)
{
    for (unsigned i = 0; i < LADDER_N_STEPS; i++) {
        cr_assert_leq(story->takes[i], 2, "%s", story->all->str);
        cr_assert_leq(story->undos[i], story->takes[i], "%s", story->all->str);
    }
    cr_assert_leq(story->says, 4, "%s", story->all->str);
}

ParameterizedTest(LadderCase *lc, ladder, table)
{
    for (unsigned seed = 1; seed <= 5; seed++) {
        LadderSettings settings;
        Story story;

        ladder_settings_init(&settings);
        settings.allowed = lc->allowed & (LADDER_BIT(LADDER_N_STEPS) - 1);
        settings.deadline_is_end = lc->deadline_is_end;
        cr_assert(ladder_settings_check(&settings, NULL));
        story = live(&lc->life, &settings, &any_guest, seed);
        cr_assert_eq(story.ending, lc->ending, "%s: %s\n%s", lc->what,
                     endings[story.ending], story.all->str);
        cr_assert_eq(taken(&story), lc->takes, "%s: %x\n%s", lc->what,
                     taken(&story), story.all->str);
        cr_assert_leq(story.first_said, lc->said_by, "%s\n%s", lc->what,
                      story.all->str);
        cr_assert_eq(story.first_said > 0, lc->said_by > 0, "%s\n%s", lc->what,
                     story.all->str);
        cr_assert(strstr(story.all->str, lc->reason), "%s\n%s", lc->what,
                  story.all->str);
        check_calm(&story);
        g_string_free(story.all, TRUE);
    }
}

/* Two phases, of which one would converge: it waits for the quiet one, and
 * whatever it does it does calmly. */
Test(ladder, phases)
{
    LadderSettings settings;
    unsigned waited = 0;

    ladder_settings_init(&settings);
    settings.allowed = LADDER_DEFAULT | DOWNTIME | POSTCOPY;
    for (unsigned seed = 1; seed <= 30; seed++) {
        Life life = { .full_pages = 38000,
                      .written_set = 16384,
                      .writes_s = 2500,
                      .other_writes_s = 500,
                      .phase_s = 3.0 + seed,
                      .guarantee = 43,
                      .free = 43,
                      .limit_s = 0.3 };
        Story story = live(&life, &settings, &any_guest, seed);

        cr_assert_neq(story.ending, CUT_OFF, "%s", story.all->str);
        waited += story.takes[LADDER_WAIT];
        check_calm(&story);
        g_string_free(story.all, TRUE);
    }
    cr_assert_gt(waited, 0);
}

/* Allowed for what others start, and not to be had: that is said, and why. */
Test(ladder, a_throttle_out_of_reach)
{
    const Life life = { FAST, 43, 43, 0, 0.3, 0, 0, false };
    LadderGuest guest = any_guest;
    LadderSettings settings;
    Story story;

    ladder_settings_init(&settings);
    settings.allowed = LADDER_BIT(LADDER_THROTTLE);
    guest.others_started = true;
    guest.granted = settings.allowed;
    story = live(&life, &settings, &guest, 1);
    cr_assert_eq(taken(&story), 0);
    cr_assert(strstr(story.all->str, "auto-converge is ruled out: libvirt"),
              "%s", story.all->str);
    cr_assert(strstr(story.all->str, "taints a guest that is others'"), "%s",
              story.all->str);
    g_string_free(story.all, TRUE);

    /* of what nobody asked for nothing is said */
    settings.allowed = guest.granted = LADDER_DEFAULT;
    story = live(&life, &settings, &guest, 1);
    cr_assert_null(strstr(story.all->str, "auto-converge is ruled out"));
    g_string_free(story.all, TRUE);
}

/* The same events, the same advice, to the letter. */
Test(ladder, replays)
{
    LadderSettings settings;

    ladder_settings_init(&settings);
    settings.allowed = (LADDER_BIT(LADDER_N_STEPS) - 1) & ~ABORT & ~POSTCOPY;
    for (unsigned seed = 1; seed <= 10; seed++) {
        Life life = { .full_pages = 38000,
                      .written_set = 16384,
                      .writes_s = 2500,
                      .other_writes_s = 300,
                      .phase_s = 5.0 + seed,
                      .guarantee = 20,
                      .free = 43,
                      .limit_s = 0.3 };
        Story one = live(&life, &settings, &any_guest, seed);
        Story two = live(&life, &settings, &any_guest, seed);

        cr_assert_str_eq(one.all->str, two.all->str);
        g_string_free(one.all, TRUE);
        g_string_free(two.all, TRUE);
    }
}

/* Whatever is allowed and ruled out: no step that is not both, none twice too
 * often, and the number of acts is bounded. */
Test(ladder, any_guest_any_permission)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(9);
    unsigned ends[4] = { 0 };

    for (unsigned run = 0; run < 300; run++) {
        LadderSettings settings;
        LadderGuest guest = {
            .others_started = g_rand_int_range(rand, 0, 4) == 0,
            .granted = (unsigned)g_rand_int_range(rand, 0, 128),
            .downtime_is_theirs = g_rand_boolean(rand),
            .postcopy_flag = g_rand_boolean(rand),
            .auto_converge_flag = g_rand_boolean(rand),
            .throttle_reachable = g_rand_boolean(rand),
            .host_devices = g_rand_int_range(rand, 0, 4) == 0,
            .others_on_link = g_rand_boolean(rand),
        };
        double free = g_rand_double_range(rand, 5, 100);
        Life life = {
            .full_pages = g_rand_double_range(rand, 1000, 40000),
            .written_set = g_rand_double_range(rand, 100, 20000),
            .writes_s = pow(10, g_rand_double_range(rand, 1, 4)),
            .other_writes_s = pow(10, g_rand_double_range(rand, 1, 4)),
            .phase_s =
                g_rand_boolean(rand) ? g_rand_double_range(rand, 1, 30) : 0,
            .guarantee = free * g_rand_double_range(rand, 0.2, 1.0),
            .free = free,
            .ordered = free * g_rand_double_range(rand, 1.0, 2.0),
            .limit_s = g_rand_double_range(rand, 0.05, 1.0),
            .deadline_s =
                g_rand_boolean(rand) ? g_rand_double_range(rand, 5, 300) : 0,
            .wanted_s =
                g_rand_boolean(rand) ? g_rand_double_range(rand, 0.05, 1) : 0,
        };
        unsigned may;
        Story story;

        ladder_settings_init(&settings);
        settings.allowed = (unsigned)g_rand_int_range(rand, 0, 128);
        settings.deadline_is_end = g_rand_boolean(rand);
        story = live(&life, &settings, &guest, run);
        ends[story.ending]++;
        may = guest.others_started ? guest.granted : settings.allowed;
        if (settings.deadline_is_end && !guest.others_started &&
            life.deadline_s > 0) {
            may |= ABORT;
        }
        for (unsigned i = 0; i < LADDER_N_STEPS; i++) {
            if (ladder_rules_out(&guest, (LadderStep)i)) {
                may &= ~LADDER_BIT(i);
            }
        }
        cr_assert_eq(taken(&story) & ~may, 0, "%s", story.all->str);
        cr_assert_leq(story.limit_s,
                      fmax(settings.downtime_most_s, life.limit_s));
        cr_assert_leq(story.throttle, settings.throttle_most + 1e-9);
        check_calm(&story);
        g_string_free(story.all, TRUE);
    }
    for (unsigned i = 0; i < 4; i++) {
        cr_assert_gt(ends[i], 0, "%s", endings[i]);
    }
}
