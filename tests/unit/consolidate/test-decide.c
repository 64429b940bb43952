/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-decide.c - what is decided on small clusters, and why
 */
#include <criterion/criterion.h>
#include <string.h>

#include "fixture.h"

#define POWER                                                                  \
    "idle-power = 100W\nbusy-power = 150W\npower-down = off\nwake = on\n"

/* h1 is at 95 %; the 2.0 of "big" alone bring it below 80 % */
static Cluster *
overloaded(const ConsSettings *s)
{
    Cluster *c = fixture_cluster(s, 8, 64);

    fixture_guest(c, "big", "h1", 2000, 4);
    fixture_guest(c, "mid", "h1", 1900, 2);
    fixture_guest(c, "a", "h1", 1000, 1);
    fixture_guest(c, "b", "h1", 1000, 1);
    fixture_guest(c, "c", "h1", 900, 1);
    fixture_guest(c, "d", "h1", 800, 1);
    fixture_guest(c, "x", "h2", 1800, 4);
    fixture_guest(c, "y", "h3", 1000, 4);
    return c;
}

Test(decide, an_overloaded_host_is_relieved_by_one_move)
{
    g_autofree char *text = fixture_hosts("", 3, POWER);
    g_autoptr(ConsSettings) s = fixture_settings(text);
    g_autoptr(Cluster) c = overloaded(s);
    g_autoptr(ConsDecision) d =
        fixture_decide(s, c, CONS_TRIGGER_OVERLOADED, "h1");
    const ConsMove *move;

    /* 7.6 of 8 cores, limit 6.4: mid is enough, and has half of big's memory */
    cr_assert_eq(d->moves->len, 1, "%s", fixture_text(d));
    move = g_ptr_array_index(d->moves, 0);
    cr_assert_str_eq(move->guest, "mid", "%s", fixture_text(d));
    cr_assert(move->mends);
    cr_assert_gt(move->time_s, 0);
    cr_assert_gt(move->cost_j, 0);
    cr_assert_gt(d->violation_before, 0);
    cr_assert_eq(d->violation_after, 0);
    cr_assert(strstr(move->why, "1.9 cores"), "%s", move->why);
}

Test(decide, an_end_state_has_nothing_left_to_do)
{
    g_autofree char *text = fixture_hosts("", 3, POWER);
    g_autoptr(ConsSettings) s = fixture_settings(text);
    g_autoptr(Cluster) c = overloaded(s);

    for (int kind = 0; kind < CONS_N_TRIGGERS; kind++) {
        g_autoptr(ConsDecision) d = NULL, again = NULL;
        g_autoptr(Cluster) after = NULL;

        if (kind == CONS_TRIGGER_UNDERLOADED || kind == CONS_TRIGGER_WAKE) {
            continue;
        }
        d = fixture_decide(s, c, (ConsTriggerKind)kind, "h1");
        after = fixture_apply(c, d);
        again = fixture_decide(s, after, (ConsTriggerKind)kind, "h1");
        cr_assert_eq(again->moves->len, 0, "%s: %s", cons_trigger_name(kind),
                     fixture_text(again));
    }
}

Test(decide, an_evacuation_keeps_rules)
{
    g_autofree char *text =
        fixture_hosts("[group pair]\nmembers = a;b\ntogether = host\n"
                      "[group apart]\nmembers = c;x\napart = host\n",
                      3, POWER);
    g_autoptr(ConsSettings) s = fixture_settings(text);
    g_autoptr(Cluster) c = fixture_cluster(s, 8, 64);
    g_autoptr(ConsDecision) d = NULL;
    g_autoptr(Cluster) after = NULL;

    fixture_guest(c, "a", "h1", 1000, 4);
    fixture_guest(c, "b", "h1", 1000, 4);
    fixture_guest(c, "c", "h1", 1000, 4);
    fixture_guest(c, "d", "h1", 1000, 4);
    fixture_guest(c, "x", "h2", 1000, 4);
    fixture_guest(c, "y", "h3", 3000, 4);
    d = fixture_decide(s, c, CONS_TRIGGER_EVACUATE, "h1");
    cr_assert_eq(d->moves->len, 4, "%s", fixture_text(d));
    cr_assert_eq(d->violation_after, 0, "%s", fixture_text(d));
    after = fixture_apply(c, d);
    cr_assert_str_eq(fixture_where(after, "a"), fixture_where(after, "b"));
    cr_assert_str_eq(fixture_where(after, "c"), "h3");
}

/* Two that had to be apart were on one host, and were put apart by parting two
 * that had to be together */
Test(decide, an_evacuation_does_not_mend_a_rule_by_breaking_another)
{
    g_autofree char *text =
        fixture_hosts("[group apart]\nmembers = a;b\napart = host\n"
                      "[group pair]\nmembers = c;d\ntogether = host\n",
                      3, POWER);
    g_autoptr(ConsSettings) s = fixture_settings(text);
    g_autoptr(Cluster) c = fixture_cluster(s, 8, 10);
    g_autoptr(ConsDecision) d = NULL;

    /* two of them fill a host */
    fixture_guest(c, "a", "h1", 100, 4);
    fixture_guest(c, "b", "h1", 100, 4);
    fixture_guest(c, "c", "h1", 100, 4);
    fixture_guest(c, "d", "h1", 100, 4);
    d = fixture_decide(s, c, CONS_TRIGGER_EVACUATE, "h1");
    cr_assert_eq(d->moves->len, 0, "%s", fixture_text(d));
    cr_assert(strstr(fixture_text(d), "cannot leave host h1"), "%s",
              fixture_text(d));
}

Test(decide, an_evacuation_that_does_not_fit_says_who_and_why)
{
    g_autofree char *text = fixture_hosts("", 2, POWER);
    g_autoptr(ConsSettings) s = fixture_settings(text);
    g_autoptr(Cluster) c = fixture_cluster(s, 8, 16);
    g_autoptr(ConsDecision) d = NULL;
    const ConsRefusal *refusal;

    fixture_guest(c, "fits", "h1", 100, 1);
    fixture_guest(c, "large", "h1", 100, 12);
    fixture_guest(c, "x", "h2", 100, 8);
    d = fixture_decide(s, c, CONS_TRIGGER_EVACUATE, "h1");
    cr_assert_eq(d->moves->len, 0, "%s", fixture_text(d));
    cr_assert_eq(d->refusals->len, 2, "%s", fixture_text(d));
    refusal = g_ptr_array_index(d->refusals, 0);
    cr_assert_str_eq(refusal->subject, "large");
    cr_assert(strstr(refusal->why, "12.0 GiB"), "%s", refusal->why);
    refusal = g_ptr_array_index(d->refusals, 1);
    cr_assert_str_eq(refusal->subject, "h1");
    cr_assert(strstr(refusal->why, "1 of its 2 guests"), "%s", refusal->why);
}

Test(decide, an_evacuation_names_a_guest_that_cannot_move)
{
    g_autofree char *text = fixture_hosts("", 2, POWER);
    g_autoptr(ConsSettings) s = fixture_settings(text);
    g_autoptr(Cluster) c = fixture_cluster(s, 8, 64);
    g_autoptr(ConsDecision) d = NULL;

    fixture_guest(c, "a", "h1", 100, 1)->fixed =
        g_strdup("it has a device of its host");
    d = fixture_decide(s, c, CONS_TRIGGER_EVACUATE, "h1");
    cr_assert_eq(d->moves->len, 0);
    cr_assert(strstr(fixture_text(d), "device of its host"), "%s",
              fixture_text(d));
}

Test(decide, room_is_made_by_moving_others)
{
    g_autofree char *text = fixture_hosts("", 3, POWER);
    g_autoptr(ConsSettings) s = fixture_settings(text);
    g_autoptr(Cluster) c = fixture_cluster(s, 10, 20);
    g_autoptr(ConsDecision) d = NULL;

    /* 18 GiB a host within the reserve; 10 go nowhere unless x leaves */
    fixture_guest(c, "large", "h1", 100, 10);
    fixture_guest(c, "x", "h2", 100, 6);
    fixture_guest(c, "y", "h2", 100, 6);
    fixture_guest(c, "z", "h3", 100, 9);
    d = fixture_decide(s, c, CONS_TRIGGER_EVACUATE, "h1");
    cr_assert_eq(d->violation_after, 0, "%s", fixture_text(d));
    cr_assert_eq(d->moves->len, 2, "%s", fixture_text(d));
    cr_assert(fixture_move(d, "large"));
}

Test(decide, a_broken_rule_takes_one_move)
{
    g_autofree char *text =
        fixture_hosts("[group g]\nmembers = a;b;c\napart = host\n", 4, POWER);
    g_autoptr(ConsSettings) s = fixture_settings(text);
    g_autoptr(Cluster) c = fixture_cluster(s, 8, 64);
    g_autoptr(ConsDecision) d = NULL;
    char name[16];

    fixture_guest(c, "a", "h1", 500, 2);
    fixture_guest(c, "b", "h1", 500, 2);
    fixture_guest(c, "c", "h2", 500, 2);
    for (int i = 0; i < 8; i++) {
        g_snprintf(name, sizeof(name), "other%d", i);
        fixture_guest(c, name, i % 2 ? "h3" : "h4", 500, 2);
    }
    d = fixture_decide(s, c, CONS_TRIGGER_CONSTRAINTS, NULL);
    cr_assert_eq(d->moves->len, 1, "%s", fixture_text(d));
    cr_assert_eq(d->violation_after, 0);
}

Test(decide, an_underloaded_host_is_emptied_and_sleeps_if_that_pays)
{
    g_autofree char *text = fixture_hosts("", 3, POWER);
    g_autoptr(ConsSettings) s = fixture_settings(text);
    g_autoptr(Cluster) c = fixture_cluster(s, 8, 64);
    g_autoptr(ConsDecision) d = NULL, dear = NULL;
    const ConsPower *power;

    fixture_guest(c, "a", "h1", 300, 2);
    fixture_guest(c, "b", "h1", 300, 2);
    fixture_guest(c, "x", "h2", 2000, 2);
    fixture_guest(c, "y", "h3", 2000, 2);
    d = fixture_decide(s, c, CONS_TRIGGER_UNDERLOADED, "h1");
    cr_assert_eq(d->moves->len, 2, "%s", fixture_text(d));
    cr_assert_eq(d->powers->len, 1);
    power = g_ptr_array_index(d->powers, 0);
    cr_assert_str_eq(power->host, "h1");
    cr_assert_not(power->on);
    cr_assert_eq(power->after->len, 2);
    cr_assert_float_eq(d->cost_w_before - d->cost_w_after, 100, 1);
    cr_assert_gt(d->benefit_j, d->cost_j * (1 + s->margin));

    s->each_move_j = 2e6; /* 100 W for 6 hours are 2.16 MJ */
    dear = fixture_decide(s, c, CONS_TRIGGER_UNDERLOADED, "h1");
    cr_assert(cons_decision_is_empty(dear), "%s", fixture_text(dear));
    cr_assert(strstr(fixture_text(dear), "are less than"));
}

Test(decide, far_mates_come_together_and_nobody_else_moves)
{
    g_autofree char *hosts =
        g_strdup("[host h1]\nrack = r1\n[host h2]\nrack = r1\n"
                 "[host h3]\nrack = r2\n[host h4]\nrack = r2\n");
    g_autoptr(ConsSettings) s = fixture_settings(hosts);
    g_autoptr(Cluster) c = fixture_cluster(s, 8, 64);
    g_autoptr(ConsDecision) d = NULL;
    static const char *const at[] = { "h1", "h2", "h3", "h4",
                                      "h1", "h2", "h3", "h4" };
    char name[8];

    for (int i = 0; i < 8; i++) {
        g_snprintf(name, sizeof(name), "g%d", i);
        fixture_guest(c, name, at[i], 500, 2);
    }
    cluster_add_flow(c, 0, 2, 5e6); /* racks r1, r2 */
    cluster_add_flow(c, 1, 3, 4e6);
    c->flow_span_s = 3600;
    d = fixture_decide(s, c, CONS_TRIGGER_FAR_TRAFFIC, NULL);
    cr_assert_eq(d->moves->len, 2, "%s", fixture_text(d));
    cr_assert_float_eq(d->far_bytes_s_before, 9e6, 1);
    cr_assert_float_eq(d->far_bytes_s_after, 0, 1);
    for (guint i = 0; i < d->moves->len; i++) {
        const ConsMove *move = g_ptr_array_index(d->moves, i);

        cr_assert(strstr(move->why, "MB/s with"), "%s", move->why);
        cr_assert_gt(move->benefit_j, move->cost_j);
    }
}

/* Specification 2.1's golden case, from its configuration and matrix on. */
Test(decide, the_patents_sets)
{
    GString *text = g_string_new("[triggers]\ncluster-threshold = 3\n"
                                 "cluster-guests = 2\n");
    g_autoptr(ConsSettings) s = NULL;
    g_autoptr(Cluster) c = NULL;
    g_autoptr(GPtrArray) sets = NULL;
    static const struct {
        int mate;
        double mb_s;
    } flows[] = { { 2, 2 }, { 3, 2 }, { 4, 2 }, { 5, 1 }, { 13, 1 } };
    char name[8], host[8];

    for (int i = 0; i < 4; i++) {
        g_string_append_printf(
            text, "[host h%d]\nrack = r%d\npod = p%d\nguests = 4\n", i, i,
            i / 2);
    }
    s = fixture_settings(text->str);
    g_string_free(text, TRUE);
    c = fixture_cluster(s, 8, 64);
    for (int i = 1; i <= 16; i++) {
        g_snprintf(name, sizeof(name), "%d", i);
        g_snprintf(host, sizeof(host), "h%d", (i - 1) / 4);
        fixture_guest(c, name, host, 100, 1);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(flows); i++) {
        cluster_add_flow(c, 0, flows[i].mate - 1, flows[i].mb_s * 1e6);
    }
    c->flow_span_s = 86400;
    sets = cons_sets(s, c, NULL);
    cr_assert_eq(sets->len, 5);
    for (guint i = 0; i < 4; i++) {
        const GPtrArray *set = g_ptr_array_index(sets, i);

        cr_assert_eq(set->len, 1);
        if (i < 2) {
            cr_assert_str_eq(g_ptr_array_index(set, 0), i ? "13" : "5");
        }
    }
    {
        const GPtrArray *last = g_ptr_array_index(sets, 4);

        cr_assert_eq(last->len, 2);
        cr_assert(strcmp(g_ptr_array_index(last, 0), "1") == 0 ||
                  strcmp(g_ptr_array_index(last, 1), "1") == 0);
    }
}

Test(decide, a_guest_that_moved_cools_down_and_does_not_go_back)
{
    g_autofree char *text = fixture_hosts("", 2, POWER);
    g_autoptr(ConsSettings) s = fixture_settings(text);
    g_autoptr(Cluster) c = fixture_cluster(s, 8, 64);
    g_autoptr(ConsWatch) watch = cons_watch_new(s);
    g_autoptr(GPtrArray) triggers =
        g_ptr_array_new_with_free_func((GDestroyNotify)cons_trigger_free);
    g_autoptr(GPtrArray) past = g_ptr_array_new();
    ConsPast move = { (char *)"a", (char *)"h2", (char *)"h1",
                      START_US - 600 * SECOND_US, true };
    ConsQuestion question = { .settings = s,
                              .cluster = c,
                              .watch = watch,
                              .triggers = triggers,
                              .past = past };

    fixture_guest(c, "a", "h1", 2000, 2);
    fixture_guest(c, "b", "h1", 5000, 2)->vcpus = 8;
    fixture_guest(c, "x", "h2", 500, 2);
    cons_watch_observe(watch, c);
    g_ptr_array_add(triggers,
                    cons_trigger_new(CONS_TRIGGER_OVERLOADED, 0, "test"));
    g_ptr_array_add(past, &move);
    for (int hours = 0; hours < 30; hours++) {
        g_autoptr(ConsDecision) d = NULL;

        move.at_us = START_US - hours * INT64_C(3600) * SECOND_US - 1;
        d = cons_decide(&question);
        /* b could go instead: 5 of 8 cores; a only when a day is over */
        if (hours < 24) {
            cr_assert_null(fixture_move(d, "a"), "%d: %s", hours,
                           fixture_text(d));
            cr_assert(fixture_move(d, "b"), "%d: %s", hours, fixture_text(d));
        } else {
            cr_assert(fixture_move(d, "a"), "%d: %s", hours, fixture_text(d));
        }
    }
}

Test(decide, a_budget_is_kept)
{
    g_autofree char *text =
        fixture_hosts("[budget]\nmoves-per-hour = 2\n", 4, "rack = r\n");
    g_autoptr(ConsSettings) s = fixture_settings(text);
    g_autoptr(Cluster) c = fixture_cluster(s, 16, 64);
    g_autoptr(ConsDecision) d = NULL, all = NULL;
    char name[8];

    for (int i = 0; i < 12; i++) {
        g_snprintf(name, sizeof(name), "g%d", i);
        fixture_guest(c, name,
                      i % 4 == 0   ? "h1"
                      : i % 4 == 1 ? "h2"
                      : i % 4 == 2 ? "h3"
                                   : "h4",
                      500, 1);
    }
    for (int i = 0; i < 12; i += 2) {
        cluster_add_flow(c, i, i + 1, 5e6);
    }
    c->flow_span_s = 60;
    /* on one host a packet goes through as little as in one rack */
    s->distance_milli[1] = 3000;
    d = fixture_decide(s, c, CONS_TRIGGER_FAR_TRAFFIC, NULL);
    cr_assert_leq(d->moves->len, 2, "%s", fixture_text(d));
    cr_assert_geq(d->moves->len, 1, "%s", fixture_text(d));
    s->moves_per_hour = 0;
    all = fixture_decide(s, c, CONS_TRIGGER_FAR_TRAFFIC, NULL);
    cr_assert_geq(all->moves->len, 6, "%s", fixture_text(all));
}

Test(decide, a_decision_comes_back_from_its_json)
{
    g_autofree char *text = fixture_hosts("", 3, POWER);
    g_autoptr(ConsSettings) s = fixture_settings(text);
    g_autoptr(Cluster) c = overloaded(s);
    g_autoptr(ConsDecision) d =
        fixture_decide(s, c, CONS_TRIGGER_EVACUATE, "h1");
    g_autoptr(JsonObject) json = cons_decision_to_json(d), again = NULL;
    g_autoptr(ConsDecision) back = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *one = NULL, *two = NULL, *explained = NULL;

    cr_assert_gt(d->moves->len, 2, "%s", fixture_text(d));
    back = cons_decision_from_json(json, &error);
    cr_assert(back, "%s", error ? error->message : "");
    again = cons_decision_to_json(back);
    one = jobj_to_text(json, true);
    two = jobj_to_text(again, true);
    cr_assert_str_eq(one, two);
    explained = cons_explain(d, 0);
    cr_assert(strstr(explained, "why:") && strstr(explained, "costs:"));
}

static void
fill_writers(Cluster *c)
{
    ClusterGuest *quick = fixture_guest(c, "quick", "h1", 500, 4);
    ClusterGuest *slow = fixture_guest(c, "slow", "h1", 500, 4);

    cluster_guest_writes(quick, 30e6, 1, 30e6, 8);
    quick->resident_bytes = GIB;
    cluster_guest_writes(slow, 60e6, 1, 480e6, 8);
    fixture_guest(c, "unknown", "h1", 500, 4);
}

/* 125 MB/s: pages never touched are not sent, and who writes at half of that
 * takes twice as long. */
Test(decide, moves_are_forecast_by_what_guests_write)
{
    g_autofree char *text =
        fixture_hosts("[budget]\nwrites-assumed = 2MiB\n", 2, "");
    g_autoptr(ConsSettings) s = fixture_settings(text);
    g_autoptr(Cluster) c = fixture_cluster(s, 8, 64);
    g_autoptr(ConsDecision) d = NULL, back = NULL;
    g_autoptr(JsonObject) json = NULL;
    const ConsMove *quick, *slow, *unknown;

    fill_writers(c);
    d = fixture_decide(s, c, CONS_TRIGGER_EVACUATE, "h1");
    quick = fixture_move(d, "quick");
    slow = fixture_move(d, "slow");
    unknown = fixture_move(d, "unknown");
    cr_assert(quick && slow && unknown, "%s", fixture_text(d));
    cr_assert_float_eq((double)quick->bytes, (double)GIB + 30e6, 10e6);
    cr_assert_gt(slow->bytes, (uint64_t)(1.9 * 4 * (double)GIB));
    cr_assert_gt(quick->downtime_s, 0);
    cr_assert_gt(slow->downtime_s, 0);
    cr_assert_not(quick->assumed || slow->assumed);
    cr_assert(unknown->assumed);
    cr_assert_gt(unknown->downtime_s, 0, "%s", fixture_text(d));
    json = cons_decision_to_json(d);
    back = cons_decision_from_json(json, NULL);
    cr_assert(fixture_move(back, "unknown")->assumed);
    for (size_t i = 0; i < d->moves->len; i++) {
        const ConsMove *move = g_ptr_array_index(d->moves, i);
        g_autofree char *said = cons_explain(d, i);

        cr_assert_eq(strstr(said, "is not known") != NULL, move->assumed, "%s",
                     said);
    }
}
