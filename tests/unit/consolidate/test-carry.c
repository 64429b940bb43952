/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-carry.c - a plan on its way: order, surprises, journal
 */
#include <criterion/criterion.h>
#include <string.h>

#include "consolidate/decision-priv.h"
#include "fixture.h"

static ConsMove *
add_move(ConsDecision *d, const char *guest, const char *from, const char *to)
{
    ConsMove *move = g_new0(ConsMove, 1);

    move->guest = g_strdup(guest);
    move->from = g_strdup(from);
    move->to = g_strdup(to);
    move->why = g_strdup("the test wants it");
    move->after = g_array_new(FALSE, FALSE, sizeof(guint));
    move->time_s = 10;
    move->rate_bytes_s = 125000000;
    g_ptr_array_add(d->moves, move);
    return move;
}

/* a and b swap by way of c; x goes on its own; then h1 is switched off */
static ConsDecision *
swap_plan(void)
{
    ConsDecision *d = cons_decision_new("plan-1", START_US);
    ConsPower *power = g_new0(ConsPower, 1);
    const guint zero = 0, one = 1;

    add_move(d, "a", "h1", "h3")->bypass = true;
    g_array_append_val(add_move(d, "b", "h2", "h1")->after, zero);
    g_array_append_val(add_move(d, "a", "h3", "h2")->after, one);
    add_move(d, "x", "h4", "h5");
    power->host = g_strdup("h4");
    power->why = g_strdup("it is empty");
    power->after = g_array_new(FALSE, FALSE, sizeof(guint));
    {
        const guint three = 3;

        g_array_append_val(power->after, three);
    }
    g_ptr_array_add(d->powers, power);
    return d;
}

static ConsSettings *
five_hosts(void)
{
    g_autofree char *text = fixture_hosts("", 5, "power-down = off");

    return fixture_settings(text);
}

/* Kinds and steps of all actions, "check 0, start 3" */
static const char *
actions(ConsCarry *c)
{
    static const char *const names[] = { "check",  "start", "adopt",
                                         "cancel", "power", "over" };
    static char text[256];
    ConsAction action;

    text[0] = '\0';
    while (cons_carry_next_action(c, &action)) {
        size_t length = strlen(text);

        g_snprintf(text + length, sizeof(text) - length, "%s%s %zu",
                   length ? ", " : "", names[action.kind], action.step);
    }
    return text;
}

static void
drop_records(ConsCarry *c)
{
    JsonObject *record;

    while ((record = cons_carry_next_record(c))) {
        jobj_unref(record);
    }
}

Test(carry, steps_go_as_soon_as_those_before_are_over)
{
    g_autoptr(ConsSettings) s = five_hosts();
    g_autoptr(ConsCarry) c = cons_carry_new(swap_plan(), s, START_US);

    cr_assert_str_eq(actions(c), "check 0, check 3");
    cons_carry_checked(c, 0, NULL, START_US);
    cr_assert_str_eq(actions(c), "start 0");
    cons_carry_checked(c, 3, NULL, START_US);
    cr_assert_str_eq(actions(c), "start 3");
    cons_carry_started(c, 0, NULL, START_US);
    cons_carry_started(c, 3, NULL, START_US);
    cr_assert_str_eq(actions(c), "");
    cons_carry_done(c, 3, 9, 0.1, 100, START_US + 9 * SECOND_US);
    cr_assert_str_eq(actions(c), "power 4");
    cons_carry_done(c, 0, 10, 0.1, 100, START_US + 10 * SECOND_US);
    cr_assert_str_eq(actions(c), "check 1");
    cons_carry_checked(c, 1, NULL, START_US + 10 * SECOND_US);
    cons_carry_done(c, 1, 10, 0.1, 100, START_US + 20 * SECOND_US);
    cr_assert_str_eq(actions(c), "start 1, check 2");
    cons_carry_checked(c, 2, NULL, START_US + 20 * SECOND_US);
    cons_carry_done(c, 2, 10, 0.1, 100, START_US + 30 * SECOND_US);
    cr_assert_str_eq(actions(c), "start 2");
    cr_assert_not(cons_carry_is_over(c));
    cons_carry_done(c, 4, 1, -1, 0, START_US + 31 * SECOND_US);
    cr_assert_str_eq(actions(c), "over 0");
    cr_assert(cons_carry_is_over(c));
    cr_assert_null(cons_carry_stopped(c));
}

Test(carry, after_a_surprise_nothing_new_begins)
{
    g_autoptr(ConsSettings) s = five_hosts();
    g_autoptr(ConsCarry) c = cons_carry_new(swap_plan(), s, START_US);

    cons_carry_checked(c, 0, NULL, START_US);
    cons_carry_checked(c, 3, "host h5 has not enough free memory", START_US);
    cr_assert_str_eq(actions(c), "check 0, check 3, start 0");
    cr_assert(strstr(cons_carry_stopped(c), "x: host h5 has not enough"));
    cr_assert_not(cons_carry_is_over(c));
    cons_carry_done(c, 0, 10, 0.1, 100, START_US + 10 * SECOND_US);
    cr_assert_str_eq(actions(c), "over 0");
    cr_assert_eq(cons_carry_step(c, 0)->state, CONS_STEP_DONE);
    cr_assert_eq(cons_carry_step(c, 1)->state, CONS_STEP_DROPPED);
    cr_assert_eq(cons_carry_step(c, 4)->state, CONS_STEP_DROPPED);
}

Test(carry, a_move_far_slower_than_forecast_stops_the_plan)
{
    g_autoptr(ConsSettings) s = five_hosts();
    g_autoptr(ConsCarry) c = cons_carry_new(swap_plan(), s, START_US);

    cons_carry_checked(c, 0, NULL, START_US);
    cons_carry_started(c, 0, NULL, START_US);
    cons_carry_progress(c, 0, 0.5, 50, -1, START_US + 45 * SECOND_US);
    cr_assert_null(cons_carry_stopped(c));
    cons_carry_progress(c, 0, 0.6, 60, -1, START_US + 51 * SECOND_US);
    cr_assert(strstr(cons_carry_stopped(c), "instead of the 10 s forecast"));
}

/* The plan was stopped, for a move had waited in vmferryd's queue */
Test(carry, waiting_for_its_turn_is_not_late)
{
    g_autoptr(ConsSettings) s = five_hosts();
    g_autoptr(ConsCarry) c = cons_carry_new(swap_plan(), s, START_US);

    cons_carry_checked(c, 0, NULL, START_US);
    cons_carry_started(c, 0, "session 7 of vmferryd",
                       START_US + 600 * SECOND_US);
    cons_carry_progress(c, 0, 0.5, 50, 5, START_US + 605 * SECOND_US);
    cr_assert_null(cons_carry_stopped(c), "%s", cons_carry_stopped(c));
    cons_carry_progress(c, 0, 0.6, 60, 5, START_US + 651 * SECOND_US);
    cr_assert(strstr(cons_carry_stopped(c), "instead of the 10 s forecast"));
}

Test(carry, a_guest_that_somebody_else_moved_is_let_be)
{
    g_autoptr(ConsSettings) s = five_hosts();
    g_autoptr(ConsCarry) c = cons_carry_new(swap_plan(), s, START_US);
    g_autoptr(Cluster) cluster = fixture_cluster(s, 8, 64);

    fixture_guest(cluster, "a", "h1", 100, 1);
    fixture_guest(cluster, "b", "h4", 100, 1); /* was on h2 */
    fixture_guest(cluster, "x", "h4", 100, 1);
    cluster->at_us = START_US + SECOND_US;
    cons_carry_observe(c, cluster, cluster->at_us);
    cr_assert_eq(cons_carry_step(c, 1)->state, CONS_STEP_DROPPED);
    cr_assert(strstr(cons_carry_step(c, 1)->why, "somebody else"));
    /* a's way back counted on it, x did not */
    cr_assert_eq(cons_carry_step(c, 2)->state, CONS_STEP_DROPPED);
    cr_assert_eq(cons_carry_step(c, 3)->state, CONS_STEP_CHECKING);
    cr_assert_null(cons_carry_stopped(c));
}

Test(carry, a_lost_host_stops_the_plan)
{
    g_autoptr(ConsSettings) s = five_hosts();
    g_autoptr(ConsCarry) c = cons_carry_new(swap_plan(), s, START_US);
    g_autoptr(Cluster) cluster = fixture_cluster(s, 8, 64);

    fixture_guest(cluster, "a", "h1", 100, 1);
    fixture_guest(cluster, "b", "h2", 100, 1)->gone = true;
    fixture_guest(cluster, "x", "h4", 100, 1);
    cluster_host(cluster, 1)->state = CLUSTER_HOST_UNKNOWN;
    cluster->at_us = START_US + SECOND_US;
    cons_carry_observe(c, cluster, cluster->at_us);
    cr_assert(strstr(cons_carry_stopped(c), "host h2 does not answer"));
}

Test(carry, links_and_the_number_a_host_bound_what_runs_at_once)
{
    g_autoptr(ConsSettings) s = five_hosts();
    ConsDecision *d = cons_decision_new("plan-2", START_US);
    g_autoptr(ConsCarry) c = NULL;

    for (int i = 0; i < 3; i++) {
        char name[8];

        g_snprintf(name, sizeof(name), "g%d", i);
        /* each takes half of h1's link */
        add_move(d, name, "h1", i == 2 ? "h3" : "h2")->rate_bytes_s =
            s->link_bytes_s / 2;
    }
    c = cons_carry_new(d, s, START_US);
    cr_assert_str_eq(actions(c), "check 0, check 1");
    cons_carry_checked(c, 0, NULL, START_US);
    cons_carry_done(c, 0, 1, 0, 1, START_US + SECOND_US);
    cr_assert_str_eq(actions(c), "start 0, check 2");
}

/* Three guests one after the other left gaps of two seconds, in which libvirt
 * finished one and prepared the next */
Test(carry, the_next_begins_shortly_before_the_end_of_one_that_fills_the_link)
{
    g_autoptr(ConsSettings) s = five_hosts();
    ConsDecision *d = cons_decision_new("plan-3", START_US);
    g_autoptr(ConsCarry) c = NULL;

    add_move(d, "g0", "h1", "h2")->rate_bytes_s = s->link_bytes_s;
    add_move(d, "g1", "h1", "h3")->rate_bytes_s = s->link_bytes_s;
    add_move(d, "g2", "h1", "h4")->rate_bytes_s = s->link_bytes_s;
    c = cons_carry_new(d, s, START_US);
    cr_assert_str_eq(actions(c), "check 0");
    cons_carry_checked(c, 0, NULL, START_US);
    cons_carry_started(c, 0, NULL, START_US);
    cr_assert_str_eq(actions(c), "start 0");
    cons_carry_progress(c, 0, 0.1, 10, 9, START_US + SECOND_US);
    cons_carry_progress(c, 0, 0.1, 10, -1, START_US + 2 * SECOND_US);
    cr_assert_str_eq(actions(c), "");
    cons_carry_progress(c, 0, 0.5, 50, 4.9, START_US + 5 * SECOND_US);
    cr_assert_str_eq(actions(c), "check 1");
    cons_carry_checked(c, 1, NULL, START_US + 5 * SECOND_US);
    cons_carry_started(c, 1, NULL, START_US + 5 * SECOND_US);
    cr_assert_str_eq(actions(c), "start 1");
    /* it is kept back, and a third would be one too many */
    cons_carry_progress(c, 1, 0, 0, 100, START_US + 6 * SECOND_US);
    cons_carry_progress(c, 0, 0.9, 90, 1, START_US + 9 * SECOND_US);
    cr_assert_str_eq(actions(c), "");
    cons_carry_done(c, 0, 10, 0.1, 100, START_US + 10 * SECOND_US);
    cr_assert_str_eq(actions(c), "");
    /* half of the 20 s that it has run */
    cons_carry_progress(c, 1, 0.5, 50, 9.9, START_US + 25 * SECOND_US);
    cr_assert_str_eq(actions(c), "check 2");
}

Test(carry, one_at_a_time_stays_one_at_a_time)
{
    g_autoptr(ConsSettings) s = five_hosts();
    ConsDecision *d = cons_decision_new("plan-4", START_US);
    g_autoptr(ConsCarry) c = NULL;

    s->parallel = 1;
    add_move(d, "g0", "h1", "h2");
    add_move(d, "g1", "h1", "h3");
    c = cons_carry_new(d, s, START_US);
    cons_carry_checked(c, 0, NULL, START_US);
    cons_carry_started(c, 0, NULL, START_US);
    cr_assert_str_eq(actions(c), "check 0, start 0");
    cons_carry_progress(c, 0, 0.9, 90, 1, START_US + 9 * SECOND_US);
    cr_assert_str_eq(actions(c), "");
}

Test(carry, moves_start_in_their_hours_only)
{
    g_autoptr(ConsSettings) s = five_hosts();
    g_autoptr(Cluster) cluster = NULL;
    g_autoptr(ConsCarry) c = NULL;
    int hours[] = { 22 * 60, 6 * 60 };
    int64_t noon = START_US + 12 * INT64_C(3600) * SECOND_US;

    g_array_append_val(s->open_minutes, hours);
    cluster = fixture_cluster(s, 8, 64);
    fixture_guest(cluster, "a", "h1", 100, 1);
    fixture_guest(cluster, "b", "h2", 100, 1);
    fixture_guest(cluster, "x", "h4", 100, 1);
    c = cons_carry_new(swap_plan(), s, noon);
    cr_assert_str_eq(actions(c), "");
    cluster->at_us = noon + 10 * INT64_C(3600) * SECOND_US;
    cons_carry_observe(c, cluster, cluster->at_us);
    cr_assert_str_eq(actions(c), "check 0, check 3");
}

Test(carry, whose_queue_it_waited_in_outlives_a_manager)
{
    g_autoptr(ConsSettings) s = five_hosts();
    g_autoptr(ConsCarry) c = cons_carry_new(swap_plan(), s, START_US);
    g_autoptr(ConsCarry) again = NULL;
    g_autoptr(GPtrArray) records =
        g_ptr_array_new_with_free_func((GDestroyNotify)jobj_unref);
    JsonObject *record;

    cons_carry_checked(c, 3, NULL, START_US);
    cons_carry_started(c, 3, "session 7 of vmferryd", START_US);
    cr_assert_str_eq(cons_carry_step(c, 3)->via, "session 7 of vmferryd");
    while ((record = cons_carry_next_record(c))) {
        g_ptr_array_add(records, record);
    }
    again = cons_carry_new_from(records, s, NULL);
    cr_assert(again);
    cr_assert_str_eq(cons_carry_step(again, 3)->via, "session 7 of vmferryd");
    cr_assert_null(cons_carry_step(again, 0)->via);
}

typedef struct Found {
    char at[8];
    bool moving;
    ConsStepState state;
    char does[24];
} Found;

/* Killed after step 3 was written as starting: what do the hosts say? */
Test(carry, a_rebuilt_plan_asks_the_hosts)
{
    static const Found cases[] = {
        { "h4", false, CONS_STEP_CHECKING, "check 3" },
        { "h4", true, CONS_STEP_RUNNING, "adopt 3" },
        { "h5", false, CONS_STEP_RUNNING, "adopt 3" },
        { "h2", false, CONS_STEP_DROPPED, "" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(ConsSettings) s = five_hosts();
        g_autoptr(ConsCarry) c = cons_carry_new(swap_plan(), s, START_US);
        g_autoptr(ConsCarry) again = NULL;
        g_autoptr(Cluster) cluster = fixture_cluster(s, 8, 64);
        g_autoptr(GPtrArray) records =
            g_ptr_array_new_with_free_func((GDestroyNotify)jobj_unref);
        JsonObject *record;
        const char *does;

        cons_carry_checked(c, 3, NULL, START_US);
        while ((record = cons_carry_next_record(c))) {
            g_ptr_array_add(records, record);
        }
        fixture_guest(cluster, "a", "h1", 100, 1);
        fixture_guest(cluster, "b", "h2", 100, 1);
        fixture_guest(cluster, "x", cases[i].at, 100, 1)->moving =
            cases[i].moving;
        cluster->at_us = START_US + SECOND_US;
        again = cons_carry_new_from(records, s, NULL);
        cr_assert(again);
        cr_assert_str_eq(actions(again), "");
        cons_carry_reconcile(again, cluster, cluster->at_us);
        does = actions(again);
        cr_assert_eq(cons_carry_step(again, 3)->state, cases[i].state,
                     "case %zu: %s", i,
                     cons_step_state_name(cons_carry_step(again, 3)->state));
        cr_assert(strstr(does, cases[i].does), "case %zu: %s", i, does);
        cr_assert_null(strstr(does, "start 3"));
        drop_records(c);
    }
}
