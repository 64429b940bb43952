/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-manager.c - the whole manager on simulated hosts
 */
#include <criterion/criterion.h>
#include <string.h>

#include "fixture.h"

#define HOUR_US (3600 * SECOND_US)
#define POWER                                                                  \
    "idle-power = 100W\nbusy-power = 150W\npower-down = off\nwake = on\n"      \
    "wake-time = 90s\n"

typedef struct Setup {
    ConsSettings *settings;
    ConsSimulator *simulator;
    ConsManager *manager;
} Setup;

static uint64_t seed = 7;

static Setup
set_up(const char *head, size_t n_hosts, const char *more, int64_t cores,
       void (*fill)(Cluster *cluster))
{
    g_autofree char *text = fixture_hosts(head, n_hosts, more);
    g_autoptr(Cluster) cluster = NULL;
    Setup t = { fixture_settings(text), NULL, NULL };

    cluster = fixture_cluster(t.settings, cores, 64);
    fill(cluster);
    t.simulator = cons_simulator_new(t.settings, cluster, seed);
    t.manager =
        cons_manager_new(t.settings, cons_simulator_backend(), t.simulator);
    cons_simulator_set_manager(t.simulator, t.manager);
    return t;
}

static void
run(Setup *t, int64_t until_us)
{
    cons_simulator_run(t->simulator, until_us, 0);
}

static void
tear_down(Setup *t)
{
    cons_manager_free(t->manager);
    cons_simulator_free(t->simulator);
    cons_settings_free(t->settings);
}

static const char *
told(const Setup *t)
{
    static GString *text;
    const GPtrArray *decisions = cons_simulator_decisions(t->simulator);
    const GPtrArray *rest = cons_simulator_told(t->simulator);

    text = text ? g_string_truncate(text, 0) : g_string_new(NULL);
    for (guint i = 0; i < decisions->len; i++) {
        g_autofree char *one =
            jobj_to_text(g_ptr_array_index(decisions, i), true);

        g_string_append(text, one);
    }
    for (guint i = 0; i < rest->len; i++) {
        g_autofree char *one = jobj_to_text(g_ptr_array_index(rest, i), false);

        g_string_append_printf(text, "\n%s", one);
    }
    return text->str;
}

static void
fill_balanced(Cluster *c)
{
    char name[16], host[8];

    for (int i = 0; i < 40; i++) {
        g_snprintf(name, sizeof(name), "g%d", i);
        g_snprintf(host, sizeof(host), "h%d", i % 8 + 1);
        fixture_guest(c, name, host, 700 + 50 * (i / 8), 4);
    }
    for (int i = 0; i + 8 < 40; i += 2) {
        cluster_add_flow(c, i, i + 8, 2e6);
    }
    c->flow_span_s = 3600;
}

static size_t
count_moves(const GPtrArray *moves, const char *guest)
{
    size_t n = 0;

    for (guint i = 0; i < moves->len; i++) {
        const ConsPast *move = g_ptr_array_index(moves, i);

        n += strcmp(move->guest, guest) == 0;
    }
    return n;
}

static void
check_calm(const Setup *t)
{
    const GPtrArray *moves = cons_simulator_moves(t->simulator);

    for (guint i = 0; i < moves->len; i++) {
        const ConsPast *move = g_ptr_array_index(moves, i);

        cr_assert_leq(count_moves(moves, move->guest), 2, "%s: %s", move->guest,
                      told(t));
        for (guint k = 0; k < i; k++) {
            const ConsPast *before = g_ptr_array_index(moves, k);

            cr_assert(strcmp(before->guest, move->guest) != 0 ||
                          strcmp(before->from, move->to) != 0,
                      "%s goes back: %s", move->guest, told(t));
        }
    }
}

/* Everything that could make it fidget is on. */
static const char *const fidgety =
    "[consolidate]\nmode = auto\n"
    "[triggers]\nunderloaded = 30%\nfar-traffic = every 1h\n"
    "overloaded = static 0.85\n";

static void
spend_a_day(uint64_t with_seed)
{
    Setup t;
    size_t n_moves;

    seed = with_seed;
    t = set_up(fidgety, 8, POWER, 8, fill_balanced);
    cons_simulator_noise(t.simulator, 0.1);
    cons_manager_start(t.manager);
    run(&t, START_US + SECOND_US);
    cr_assert(cons_manager_request(t.manager, NULL));
    run(&t, START_US + 24 * HOUR_US);
    check_calm(&t);
    n_moves = cons_simulator_moves(t.simulator)->len;
    cr_assert_leq(n_moves, 40, "%s", told(&t));
    /* planning on the end state */
    cr_assert(cons_manager_request(t.manager, NULL));
    run(&t, START_US + 25 * HOUR_US);
    cr_assert_eq(cons_simulator_moves(t.simulator)->len, n_moves, "%s",
                 told(&t));
    tear_down(&t);
}

Test(manager, a_balanced_cluster_with_noise_is_left_alone_for_a_day)
{
    for (uint64_t i = 1; i <= 3; i++) {
        spend_a_day(i);
    }
}

/* One host full, one nearly empty, and not all are needed at first. */
static void
fill_uneven(Cluster *c)
{
    fixture_guest(c, "big", "h1", 2600, 4)->vcpus = 4;
    fixture_guest(c, "mid", "h1", 2600, 4)->vcpus = 4;
    fixture_guest(c, "small", "h1", 2500, 4)->vcpus = 4;
    fixture_guest(c, "x", "h2", 2600, 4)->vcpus = 4;
    fixture_guest(c, "lone", "h3", 300, 2)->vcpus = 4;
}

static bool
is_up(const Setup *t, const char *host)
{
    const Cluster *c = cons_simulator_cluster(t->simulator);

    return cluster_host(c, (guint)cluster_find_host(c, host))->state ==
           CLUSTER_HOST_UP;
}

Test(manager, overload_is_relieved_underload_sleeps_and_is_woken_in_time)
{
    Setup t = set_up("[consolidate]\nmode = auto\ncycle = 10s\n"
                     "[triggers]\nunderloaded = 20%\nwindow = 5min\n"
                     "[budget]\ncool-down = 5min\n",
                     3, POWER, 8, fill_uneven);
    Cluster *c = cons_simulator_cluster(t.simulator);
    const GPtrArray *moves = cons_simulator_moves(t.simulator);
    int64_t asleep_us;

    cons_manager_start(t.manager);
    /* three samples, ten seconds apart; then a minute */
    run(&t, START_US + 90 * SECOND_US);
    cr_assert_eq(count_moves(moves, "big") + count_moves(moves, "mid") +
                     count_moves(moves, "small"),
                 1, "%s", told(&t));
    run(&t, START_US + HOUR_US);
    /* 10.6 cores in all, and two hosts give 12.8 */
    cr_assert_eq(!is_up(&t, "h1") + !is_up(&t, "h2") + !is_up(&t, "h3"), 0,
                 "%s", told(&t));
    for (guint g = 0; g < c->guests->len; g++) {
        cluster_guest(c, g)->cpu_milli /= 3;
    }
    run(&t, START_US + 3 * HOUR_US);
    cr_assert_geq(!is_up(&t, "h1") + !is_up(&t, "h2") + !is_up(&t, "h3"), 1,
                  "%s", told(&t));
    asleep_us = cons_simulator_now_us(t.simulator);
    /* a slow rise: woken while there is still room */
    for (int minute = 0; minute < 120; minute++) {
        for (guint g = 0; g < c->guests->len; g++) {
            cluster_guest(c, g)->cpu_milli += g == 4 ? 2 : 18;
        }
        run(&t, asleep_us + (minute + 1) * 60 * SECOND_US);
    }
    cr_assert_eq(!is_up(&t, "h1") + !is_up(&t, "h2") + !is_up(&t, "h3"), 0,
                 "%s", told(&t));
    cr_assert_float_eq(cons_simulator_figures(t.simulator).overloaded_share, 0,
                       0.01);
    tear_down(&t);
}

static void
fill_evacuation(Cluster *c)
{
    fixture_guest(c, "a", "h1", 800, 4);
    fixture_guest(c, "b", "h1", 800, 4);
    fixture_guest(c, "c", "h1", 800, 4);
    fixture_guest(c, "d", "h1", 800, 4);
    fixture_guest(c, "x", "h2", 3000, 4);
    fixture_guest(c, "y", "h3", 3000, 4);
}

Test(manager, an_evacuation_goes_at_the_links_pace_and_lasts_until_released)
{
    Setup t = set_up("[consolidate]\nmode = approve\n"
                     "[group pair]\nmembers = a;b\ntogether = host\n",
                     3, POWER, 8, fill_evacuation);
    const Cluster *c = cons_simulator_cluster(t.simulator);
    g_autoptr(GError) error = NULL;
    double bound_s = 4 * 4.0 * (double)GIB / 125e6;
    const ConsCarry *carry;
    int64_t first = INT64_MAX, last = 0;

    cons_manager_start(t.manager);
    run(&t, START_US + SECOND_US);
    cr_assert(cons_manager_evacuate(t.manager, "h1", &error));
    cr_assert_not(cons_manager_evacuate(t.manager, "h9", &error));
    run(&t, START_US + HOUR_US);
    carry = cons_manager_carry(t.manager);
    cr_assert(carry && cons_carry_is_over(carry), "%s", told(&t));
    cr_assert_eq(cons_carry_steps(carry), 4, "%s", told(&t));
    for (size_t i = 0; i < 4; i++) {
        const ConsStep *step = cons_carry_step(carry, i);

        cr_assert_eq(step->state, CONS_STEP_DONE, "%s", told(&t));
        first = MIN(first, step->started_us);
        last = MAX(last, step->ended_us);
    }
    cr_assert_leq((double)(last - first) / 1e6, 1.10 * bound_s);
    cr_assert_str_eq(fixture_where(c, "a"), fixture_where(c, "b"));
    cr_assert_str_neq(fixture_where(c, "c"), "h1");
    cr_assert(cons_manager_release(t.manager, "h1", NULL));
    cr_assert_not(cons_manager_release(t.manager, "h1", NULL));
    run(&t, START_US + 4 * HOUR_US);
    cr_assert_eq(cons_simulator_moves(t.simulator)->len, 4, "%s", told(&t));
    tear_down(&t);
}

Test(manager, advice_is_given_once_and_carried_out_when_asked)
{
    Setup t =
        set_up("[consolidate]\nmode = advise\n", 3, POWER, 8, fill_uneven);
    g_autoptr(GError) error = NULL;

    cons_manager_start(t.manager);
    run(&t, START_US + HOUR_US);
    cr_assert_eq(cons_simulator_moves(t.simulator)->len, 0);
    cr_assert_eq(cons_simulator_decisions(t.simulator)->len, 1, "%s", told(&t));
    cr_assert_not(cons_manager_apply(t.manager, "plan-0", &error));
    cr_assert(cons_manager_apply(t.manager, NULL, NULL));
    run(&t, START_US + 2 * HOUR_US);
    cr_assert_eq(cons_simulator_moves(t.simulator)->len, 1, "%s", told(&t));
    tear_down(&t);
}

/* What is out of date is not carried out. */
Test(manager, advice_that_is_out_of_date_is_refused)
{
    Setup t =
        set_up("[consolidate]\nmode = advise\n", 3, POWER, 8, fill_uneven);
    Cluster *c = cons_simulator_cluster(t.simulator);
    g_autoptr(GError) error = NULL;
    const ConsMove *move;

    cons_manager_start(t.manager);
    run(&t, START_US + HOUR_US / 4);
    move = g_ptr_array_index(cons_manager_decision(t.manager)->moves, 0);
    cluster_guest(c, (guint)cluster_find_guest(c, move->guest))->host = 2;
    run(&t, START_US + HOUR_US / 4 + 61 * SECOND_US);
    cr_assert_not(cons_manager_apply(t.manager, NULL, &error));
    cr_assert(strstr(error->message, "out of date"), "%s", error->message);
    tear_down(&t);
}

static void
fill_crowd(Cluster *c)
{
    char name[16];

    for (int i = 0; i < 12; i++) {
        g_snprintf(name, sizeof(name), "g%d", i);
        fixture_guest(c, name, i < 8 ? "h1" : "h2", 500, 2);
    }
}

static size_t
count_text(const char *text, const char *what)
{
    size_t n = 0;

    for (text = strstr(text, what); text; text = strstr(text + 1, what)) {
        n++;
    }
    return n;
}

/* The evacuation of eight guests, its manager killed after so many events and
 * followed by another that has nothing but the journal. */
static void
kill_after(size_t n_events)
{
    Setup t = set_up("[consolidate]\nmode = auto\n[budget]\ncool-down = 0\n", 4,
                     POWER, 8, fill_crowd);
    const Cluster *c = cons_simulator_cluster(t.simulator);
    const GPtrArray *moves = cons_simulator_moves(t.simulator);
    g_autofree char *journal = NULL;
    g_autoptr(GError) error = NULL;
    int64_t now_us;

    cons_manager_start(t.manager);
    cr_assert(cons_manager_evacuate(t.manager, "h1", NULL));
    cons_simulator_run(t.simulator, START_US + HOUR_US, n_events);
    cons_simulator_set_manager(t.simulator, NULL);
    cons_manager_free(t.manager);
    journal = g_strdup(cons_simulator_journal(t.simulator));
    now_us = cons_simulator_now_us(t.simulator);
    /* it is away for a while, and migrations go on */
    run(&t, now_us + (int64_t)(n_events % 5) * 7 * SECOND_US);
    t.manager =
        cons_manager_new(t.settings, cons_simulator_backend(), t.simulator);
    cr_assert(cons_manager_restore(t.manager, journal, &error), "%s",
              error ? error->message : "");
    cons_simulator_set_manager(t.simulator, t.manager);
    cons_manager_start(t.manager);
    run(&t, now_us + HOUR_US + SECOND_US); /* no look is just under way */
    cr_assert(cons_manager_idle(t.manager));
    cr_assert_eq(moves->len, 8, "after %zu: %u moves, %s", n_events, moves->len,
                 told(&t));
    cr_assert_eq(cons_simulator_figures(t.simulator).starts, 8);
    for (guint g = 0; g < 8; g++) {
        cr_assert_neq(cluster_guest(c, g)->host, 0);
        cr_assert_eq(count_moves(moves, cluster_guest(c, g)->name), 1);
    }
    /* what it wrote over both lives restores as well */
    cr_assert_geq(
        count_text(cons_simulator_journal(t.simulator), "\"what\":\"plan\""),
        1);
    tear_down(&t);
}

Test(manager, killed_at_any_moment_none_is_moved_twice_and_none_forgotten)
{
    uint64_t random = 8;

    for (int i = 0; i < 20; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        kill_after(1 + (size_t)(random >> 33) % 45);
    }
}

Test(manager, a_journal_written_afresh_restores_the_same)
{
    Setup t = set_up("[consolidate]\nmode = auto\n", 4, POWER, 8, fill_crowd);
    g_autoptr(ConsManager) other =
        cons_manager_new(t.settings, cons_simulator_backend(), t.simulator);
    g_autofree char *journal = NULL, *again = NULL;
    g_autoptr(GError) error = NULL;

    cons_manager_start(t.manager);
    cr_assert(cons_manager_evacuate(t.manager, "h1", NULL));
    cons_simulator_run(t.simulator, START_US + HOUR_US, 17);
    cr_assert_not(cons_carry_is_over(cons_manager_carry(t.manager)));
    cr_assert(cons_manager_pause(t.manager, NULL));
    journal = cons_manager_journal(t.manager);
    cr_assert(cons_manager_restore(other, journal, &error), "%s",
              error ? error->message : "");
    again = cons_manager_journal(other);
    cr_assert_eq(count_text(journal, "\n"), count_text(again, "\n"));
    cr_assert(strstr(again, "\"what\":\"pause\""));
    cr_assert(strstr(again, "\"what\":\"evacuate\""));
    tear_down(&t);
}

Test(manager, a_wrong_journal_is_refused_with_its_line)
{
    static const char *const wrong[] = {
        "{\"what\":\"pause\"}\nrubbish\n",
        "{\"what\":\"pause\"}\n{\"what\":\"dance\"}\n",
        "{\"what\":\"pause\"}\n{\"what\":\"step\",\"step\":0}\n",
        "{\"what\":\"pause\"}\n{\"what\":\"moved\",\"guest\":\"a\"}\n",
    };
    Setup t = set_up("", 3, POWER, 8, fill_evacuation);

    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(ConsManager) m =
            cons_manager_new(t.settings, cons_simulator_backend(), t.simulator);

        cr_assert_not(cons_manager_restore(m, wrong[i], &error));
        cr_assert(strstr(error->message, "line 2"), "%s", error->message);
    }
    tear_down(&t);
}

Test(manager, a_migration_that_fails_is_planned_anew)
{
    Setup t = set_up("[consolidate]\nmode = auto\n", 4, POWER, 8, fill_crowd);
    const Cluster *c = cons_simulator_cluster(t.simulator);

    cons_simulator_fail_next(t.simulator, "g3", "connection refused");
    cons_simulator_refuse_next(t.simulator, "g5", "no huge pages are free");
    cons_manager_start(t.manager);
    cr_assert(cons_manager_evacuate(t.manager, "h1", NULL));
    run(&t, START_US + 2 * HOUR_US);
    for (guint g = 0; g < 8; g++) {
        cr_assert_neq(cluster_guest(c, g)->host, 0, "%s", told(&t));
    }
    cr_assert(strstr(told(&t), "connection refused"));
    cr_assert(strstr(told(&t), "no huge pages are free"));
    tear_down(&t);
}

Test(manager, a_host_lost_in_mid_plan_stops_it_and_the_rest_finds_room)
{
    Setup t = set_up("[consolidate]\nmode = auto\n", 4, POWER, 8, fill_crowd);
    Cluster *c = cons_simulator_cluster(t.simulator);

    cons_manager_start(t.manager);
    cr_assert(cons_manager_evacuate(t.manager, "h1", NULL));
    run(&t, START_US + 20 * SECOND_US);
    cr_assert_not(cons_carry_is_over(cons_manager_carry(t.manager)));
    cluster_host(c, 3)->state = CLUSTER_HOST_UNKNOWN;
    run(&t, START_US + 2 * HOUR_US);
    for (guint g = 0; g < 12; g++) {
        cr_assert_neq(cluster_guest(c, g)->host, 0, "%s", told(&t));
    }
    tear_down(&t);
}

Test(manager, a_guest_moved_by_somebody_else_is_left_there)
{
    Setup t = set_up(fidgety, 8, POWER, 8, fill_balanced);
    Cluster *c = cons_simulator_cluster(t.simulator);
    const GPtrArray *moves = cons_simulator_moves(t.simulator);

    cons_manager_start(t.manager);
    run(&t, START_US + 2 * HOUR_US + HOUR_US / 2);
    cluster_guest(c, 0)->host = cluster_guest(c, 0)->host == 4 ? 5 : 4;
    run(&t, START_US + 3 * HOUR_US + HOUR_US / 4);
    cr_assert_leq(count_moves(moves, "g0"), 1, "%s", told(&t));
    cr_assert(strstr(cons_simulator_journal(t.simulator), "\"ours\":false"));
    cr_assert_eq(
        cluster_guest(c, 0)->host == 4 || cluster_guest(c, 0)->host == 5, true);
    tear_down(&t);
}

Test(manager, traffic_is_looked_at_at_its_hour)
{
    Setup t = set_up("[consolidate]\nmode = auto\n[triggers]\n"
                     "far-traffic = 03:00\n"
                     "[network]\nswitches = 1;3;3;5;7\n",
                     8, POWER, 8, fill_balanced);
    const GPtrArray *moves = cons_simulator_moves(t.simulator);
    const ConsPast *move;

    cons_manager_start(t.manager);
    run(&t, START_US + 2 * HOUR_US);
    /* somebody pulls a pair apart; what he moved stays for now */
    cluster_guest(cons_simulator_cluster(t.simulator), 8)->host = 7;
    run(&t, START_US + 3 * HOUR_US - SECOND_US);
    cr_assert_eq(moves->len, 0, "%s", told(&t));
    run(&t, START_US + 3 * HOUR_US + HOUR_US / 6);
    cr_assert_eq(moves->len, 1, "%s", told(&t));
    move = g_ptr_array_index(moves, 0);
    cr_assert_str_eq(move->guest, "g0", "%s", told(&t));
    cr_assert_str_eq(move->to, "h8", "%s", told(&t));
    tear_down(&t);
}

static void
fill_nothing(Cluster *c)
{
    cr_assert_eq(c->guests->len, 0);
}

static size_t
count_up(const Setup *t)
{
    const Cluster *c = cons_simulator_cluster(t->simulator);
    size_t n = 0;

    for (guint h = 0; h < c->hosts->len; h++) {
        n += cluster_host(c, h)->state == CLUSTER_HOST_UP;
    }
    return n;
}

#define COMING 20

/* A guest of 8 GiB each ten minutes, for two hours; hosts have 64 GiB. */
Test(manager, guests_come_and_go_and_hosts_wake_for_their_memory)
{
    static char names[COMING][8];
    ConsRequest requests[COMING];
    Setup t = set_up("[consolidate]\nmode = auto\n"
                     "[triggers]\nunderloaded = 30%\nwindow = 5min\n"
                     "[budget]\ncool-down = 5min\n",
                     4, POWER, 8, fill_nothing);
    ConsSimulatorFigures figures;

    for (int i = 0; i < COMING; i++) {
        g_snprintf(names[i], sizeof(names[i]), "r%d", i);
        requests[i] = (ConsRequest){
            .name = names[i],
            .vcpus = 2,
            .cpu_milli = 100,
            .memory_bytes = 8 * GIB,
            .from_us = START_US + HOUR_US + i * HOUR_US / 6,
            .until_us = START_US + 3 * HOUR_US + i * HOUR_US / 6,
        };
    }
    cons_simulator_requests(t.simulator, requests, COMING);
    cons_manager_start(t.manager);
    run(&t, START_US + HOUR_US - SECOND_US);
    cr_assert_eq(count_up(&t), 1, "one stays awake, %zu do: %s", count_up(&t),
                 told(&t));
    run(&t, START_US + 3 * HOUR_US);
    cr_assert_eq(count_up(&t), 2, "12 guests of 8 GiB: %s", told(&t));
    run(&t, START_US + 12 * HOUR_US);
    figures = cons_simulator_figures(t.simulator);
    cr_assert_eq(figures.requests, COMING);
    cr_assert_eq(figures.refused, 0, "%s", told(&t));
    cr_assert_eq(cons_simulator_cluster(t.simulator)->guests->len, 0);
    cr_assert_eq(count_up(&t), 1, "%s", told(&t));
    tear_down(&t);
}

Test(manager, who_comes_keeps_the_rules_of_its_group)
{
    const ConsRequest requests[] = {
        { "a", 1, 100, GIB, START_US + 10, INT64_MAX },
        { "b", 1, 100, GIB, START_US + 20, INT64_MAX },
        { "c", 1, 100, GIB, START_US + 30, START_US + 40 * SECOND_US },
    };
    Setup t = set_up("[group g]\nmembers = a;b;c\napart = host\n", 2, "", 8,
                     fill_nothing);
    const Cluster *c = cons_simulator_cluster(t.simulator);

    cons_simulator_requests(t.simulator, requests, G_N_ELEMENTS(requests));
    cons_manager_start(t.manager);
    run(&t, START_US + 60 * SECOND_US);
    cr_assert_eq(c->guests->len, 2);
    cr_assert_str_neq(fixture_where(c, "a"), fixture_where(c, "b"));
    cr_assert_eq(cons_simulator_figures(t.simulator).refused, 1, "c");
    tear_down(&t);
}

Test(manager, looks_keep_their_pace_whatever_comes_between)
{
    Setup t = set_up("[consolidate]\nmode = auto\n", 4, POWER, 8, fill_crowd);

    cons_manager_start(t.manager);
    run(&t, START_US + 17 * SECOND_US);
    cr_assert(cons_manager_evacuate(t.manager, "h1", NULL));
    run(&t, START_US + HOUR_US + SECOND_US);
    cr_assert_eq(cons_simulator_moves(t.simulator)->len, 8, "%s", told(&t));
    cr_assert_eq(cons_manager_cluster(t.manager)->at_us,
                 START_US + HOUR_US + SECOND_US / 5);
    tear_down(&t);
}

/* h1 has too much to do, h2 no room, h3 sleeps. */
static void
fill_sleeper(Cluster *c)
{
    fixture_guest(c, "a", "h1", 2600, 4)->vcpus = 4;
    fixture_guest(c, "b", "h1", 2600, 4)->vcpus = 4;
    fixture_guest(c, "d", "h1", 2500, 4)->vcpus = 4;
    fixture_guest(c, "x", "h2", 2500, 4)->vcpus = 4;
    fixture_guest(c, "y", "h2", 2400, 4)->vcpus = 4;
    cluster_host(c, 2)->state = CLUSTER_HOST_UNKNOWN;
}

static Setup
with_sleeper(const char *more)
{
    g_autofree char *head = g_strdup_printf(
        "[consolidate]\nmode = auto\n[triggers]\nunderloaded = 10%%\n"
        "wake-above = 100%%\n%s",
        more);
    Setup t = set_up(head, 3, POWER, 8, fill_sleeper);

    cr_assert(cons_manager_restore(
        t.manager, "{\"what\":\"asleep\",\"host\":\"h3\"}\n", NULL));
    cons_manager_start(t.manager);
    run(&t, START_US + 2 * HOUR_US);
    return t;
}

Test(manager, a_sleeper_is_woken_for_a_guest_that_finds_no_room)
{
    Setup t = with_sleeper("");
    const GPtrArray *moves = cons_simulator_moves(t.simulator);

    cr_assert(is_up(&t, "h3"), "%s", told(&t));
    cr_assert_eq(moves->len, 1, "%s", told(&t));
    cr_assert_str_eq(((const ConsPast *)moves->pdata[0])->to, "h3");
    tear_down(&t);
}

/* One host after the other was woken, and each time for nothing. */
Test(manager, no_sleeper_is_woken_for_guests_that_may_not_leave)
{
    Setup t = with_sleeper("[guest a]\npinned = yes\n"
                           "[guest b]\npinned = yes\n"
                           "[guest d]\nhosts = h1;h2\n");

    cr_assert_not(is_up(&t, "h3"), "%s", told(&t));
    cr_assert_eq(cons_simulator_moves(t.simulator)->len, 0, "%s", told(&t));
    tear_down(&t);
}

/* Nearly nothing on h1, in large guests: emptying it takes a while. */
static void
fill_slow(Cluster *c)
{
    char name[8];

    for (int i = 0; i < 4; i++) {
        g_snprintf(name, sizeof(name), "s%d", i);
        fixture_guest(c, name, "h1", 100, 12);
    }
    fixture_guest(c, "x", "h2", 2000, 1)->vcpus = 8;
    fixture_guest(c, "y", "h2", 1500, 1)->vcpus = 8;
    fixture_guest(c, "z", "h3", 2000, 1);
}

Test(manager, a_plan_that_only_saves_gives_way_to_an_overload)
{
    Setup t = set_up("[consolidate]\nmode = auto\ncycle = 20s\n"
                     "[triggers]\nunderloaded = 20%\n"
                     "underloaded-samples = 1 of 1\nwindow = 2min\n"
                     "[budget]\nparallel-per-host = 1\n",
                     3, POWER, 8, fill_slow);
    Cluster *c = cons_simulator_cluster(t.simulator);
    const GPtrArray *moves = cons_simulator_moves(t.simulator);

    cons_manager_start(t.manager);
    run(&t, START_US + 10 * SECOND_US);
    cr_assert(cons_manager_carry(t.manager), "%s", told(&t));
    cr_assert_eq(cons_carry_steps(cons_manager_carry(t.manager)), 5, "%s",
                 told(&t));
    cluster_guest(c, 4)->cpu_milli = 6500;
    run(&t, START_US + 600 * SECOND_US);
    cr_assert(strstr(told(&t), "something has to be mended first"), "%s",
              told(&t));
    cr_assert_eq(count_moves(moves, "x") + count_moves(moves, "y"), 1, "%s",
                 told(&t));
    tear_down(&t);
}
