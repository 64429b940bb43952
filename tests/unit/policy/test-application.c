/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-application.c - a guest's own traffic, from before its migration on
 *
 * A link of 48 Mbit/s and a guest that offers so much: of it comes through what
 * its class is guaranteed and what others leave, and the rest waits.
 */
#include <criterion/criterion.h>
#include <math.h>

#include "policy/application.h"

#define MBIT 125000.0
#define LINK_RATE (48 * MBIT)
#define STEP_S 0.25

typedef struct Play {
    Application *application;
    ApplicationState state;
    double at_s, sent, class_bytes, backlog;
    double rate;    /* guaranteed to its class, as it said */
    double borrows; /* what others leave it, bytes/s */
    double stays;   /* bytes/s to neighbours on its host */
    unsigned changes;
} Play;

static Play
play_new(double mean, double need)
{
    Play play = { .application = application_new() };
    ApplicationSeen seen = { known(mean), known(need) };

    if (mean > 0) {
        application_seen(play.application, &seen);
    }
    return play;
}

static void
look(Play *play)
{
    ApplicationClass class_ = {
        .link_bytes_s = LINK_RATE,
        .bytes = play->class_bytes,
        .backlog_bytes = play->backlog,
        .rate_bytes_s = play->rate,
    };
    double before = play->rate;

    application_sent(play->application, (int64_t)(play->at_s * 1e6),
                     play->sent);
    application_class(play->application, (int64_t)(play->at_s * 1e6), &class_);
    application_state(play->application, &play->state);
    play->rate = known_or(play->state.rate_bytes_s, 0);
    play->changes += play->rate != before;
}

/* @greedy: TCP, which never has more waiting than a window */
static void
run(Play *play, double duration_s, double offered, bool greedy)
{
    double until_s = play->at_s + duration_s;

    while (play->at_s < until_s - 1e-9) {
        /* without a class it has what others leave */
        double can = (play->rate + play->borrows) * STEP_S;
        double want = offered * STEP_S + play->backlog;
        double gone = fmin(can, want);

        play->at_s += STEP_S;
        play->backlog = greedy ? 0 : want - gone;
        play->sent += gone + play->stays * STEP_S;
        play->class_bytes += play->rate > 0 ? gone : 0;
        look(play);
    }
}

static void
play_end(Play *play)
{
    application_free(play->application);
}

Test(application, what_was_seen_before_is_its_class_at_once)
{
    Play play = play_new(3.9 * MBIT, 4.0 * MBIT);

    look(&play);
    cr_assert(play.state.rate_bytes_s.known);
    cr_assert_float_eq(play.state.need_bytes_s.value, 4.0 * MBIT, 1);
    cr_assert_float_eq(play.state.mean_bytes_s.value, 3.9 * MBIT, 1);
    /* a twentieth of the link beside it */
    cr_assert_float_eq(play.rate, 6.4 * MBIT, 1);
    play_end(&play);
}

Test(application, noise_gets_no_class)
{
    Play play = play_new(0.1 * MBIT, 0.2 * MBIT);

    play.borrows = LINK_RATE;
    look(&play);
    run(&play, 60, 0.15 * MBIT, false);
    cr_assert_not(play.state.rate_bytes_s.known);
    cr_assert_eq(play.changes, 0);
    play_end(&play);
}

Test(application, steady_traffic_changes_nothing)
{
    Play play = play_new(3.9 * MBIT, 4.0 * MBIT);

    look(&play);
    run(&play, 120, 3.9 * MBIT, false);
    cr_assert_eq(play.changes, 1);
    play_end(&play);
}

/* "0.51 of its need": the look before caught a quiet second. */
Test(application, a_class_that_is_used_up_is_raised_until_it_is_not)
{
    Play play = play_new(0.5 * MBIT, 0.5 * MBIT);

    look(&play);
    run(&play, 8, 6 * MBIT, true);
    cr_assert_geq(play.rate, 6 * MBIT / 0.95);
    cr_assert_leq(play.rate, 12.1 * MBIT);
    play.changes = 0;
    run(&play, 60, 6 * MBIT, true);
    cr_assert_leq(play.changes, 1, "%u changes", play.changes);
    cr_assert_not(play.state.used_up);
    play_end(&play);
}

Test(application, it_works_up_without_a_look_before)
{
    Play play = play_new(0, 0);

    look(&play);
    play.borrows = 0.9 * MBIT; /* one of five flows in the rest */
    run(&play, 3, 4 * MBIT, true);
    cr_assert(play.state.rate_bytes_s.known);
    play.borrows = 0;
    run(&play, 8, 4 * MBIT, true);
    cr_assert_geq(play.rate, 4 * MBIT / 0.95);
    play_end(&play);
}

Test(application, a_queue_that_stays_raises_it)
{
    Play play = play_new(4 * MBIT, 4 * MBIT);

    look(&play);
    play.class_bytes = 0;
    run(&play, 2, 4 * MBIT, false);
    cr_assert_eq(play.changes, 1);
    /* less than its rate gets through, and something always waits */
    for (int i = 0; i < 8; i++) {
        play.at_s += STEP_S;
        play.class_bytes += 0.7 * play.rate * STEP_S;
        play.backlog = 0.1 * play.rate;
        look(&play);
    }
    cr_assert(play.state.used_up);
    cr_assert_gt(play.changes, 1);
    play_end(&play);
}

/* A download takes all it gets; nine tenths of the link are no need. */
Test(application, the_greedy_get_half_as_much_again)
{
    Play play = play_new(9.4 * MBIT, 9.4 * MBIT);

    look(&play);
    run(&play, 60, 48 * MBIT, true);
    cr_assert_geq(play.rate, 9.4 * MBIT);
    cr_assert_leq(play.rate, 1.51 * 9.4 * MBIT);
    play_end(&play);

    play = play_new(0.3 * MBIT, 0.3 * MBIT);
    look(&play);
    run(&play, 60, 48 * MBIT, true);
    cr_assert_leq(play.rate, 0.251 * LINK_RATE);
    play_end(&play);
}

Test(application, what_is_not_used_is_lowered_slowly)
{
    Play play = play_new(10 * MBIT, 10 * MBIT);
    double first;

    look(&play);
    first = play.rate;
    run(&play, 25, 1 * MBIT, false);
    cr_assert_eq(play.rate, first, "a pause is no end");
    run(&play, 30, 1 * MBIT, false);
    cr_assert_lt(play.rate, first);
    cr_assert_geq(play.rate, 0.5 * first);
    run(&play, 200, 1 * MBIT, false);
    cr_assert_leq(play.rate, 0.3 * first);
    /* it stays, as long as it is there: it alone tells what leaves */
    run(&play, 600, 0, false);
    cr_assert_gt(play.rate, 0);
    cr_assert_leq(play.changes, 20, "%u changes", play.changes);
    play_end(&play);
}

/* Bursts every ten seconds: their rate is kept. */
Test(application, bursts_do_not_make_it_flap)
{
    Play play = play_new(2 * MBIT, 8 * MBIT);

    look(&play);
    for (int i = 0; i < 20; i++) {
        run(&play, 3, 8 * MBIT, false);
        run(&play, 7, 0.2 * MBIT, false);
    }
    cr_assert_leq(play.changes, 3, "%u changes", play.changes);
    cr_assert_geq(play.rate, 8 * MBIT);
    play_end(&play);
}

/* The guest's counter holds what its neighbours get. */
Test(application, what_stays_on_the_host_needs_no_link)
{
    Play play = play_new(20 * MBIT, 20 * MBIT);

    look(&play);
    cr_assert_geq(play.rate, 20 * MBIT);
    play.stays = 19 * MBIT;
    run(&play, 6, 1 * MBIT, false);
    cr_assert_leq(play.rate, 3 * MBIT, "%g", play.rate / MBIT);
    cr_assert_leq(play.state.mean_bytes_s.value, 1.1 * MBIT);
    play_end(&play);
}

Test(application, least_traffic_depends_on_the_link)
{
    cr_assert_eq(application_least_bytes_s(1 * MBIT), 8000);
    cr_assert_float_eq(application_least_bytes_s(50 * MBIT), 0.25 * MBIT, 1);
    cr_assert_eq(application_least_bytes_s(10000 * MBIT), MBIT);
}
