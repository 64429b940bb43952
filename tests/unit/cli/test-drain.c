/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-drain.c - where guests go, when, how it is told, and what comes of it
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

#include "tools/cli/drain-text.h"

#define MIB (1024.0 * 1024)
#define LINK_BYTES_S 12.5e6

static DrainHost *
add_host(Drain *drain, const char *name, double free_mib)
{
    DrainHost *host = drain_host_new(name, name);

    if (free_mib >= 0) {
        host->free_bytes = known(free_mib * MIB);
    }
    host->link = drain_link(drain, "eth0", "10.0.0.2 -> eth0", LINK_BYTES_S);
    g_ptr_array_add(drain->hosts, host);
    return host;
}

/* A guest whose migration takes as long as its memory at that bandwidth. */
static DrainGuest *
add_guest(Drain *drain, const char *name, double memory_mib)
{
    g_autofree char *uuid = g_strdup_printf("uuid-of-%s", name);
    DrainGuest *guest = drain_guest_new(uuid, name);

    guest->memory_bytes = (uint64_t)(memory_mib * MIB);
    queue_curve_forecast(&guest->curve, NULL, guest->memory_bytes / 4096, 0,
                         4096, 0.3, LINK_BYTES_S);
    g_ptr_array_add(drain->guests, guest);
    return guest;
}

static const char *
where(const Drain *drain, const char *name)
{
    const DrainGuest *guest = drain_guest_find(drain, name);

    cr_assert_not_null(guest, "%s", name);
    return guest->host < 0
               ? "-"
               : ((DrainHost *)drain->hosts->pdata[guest->host])->name;
}

/* --- where --- */

Test(drain, guests_are_spread_by_free_memory)
{
    g_autoptr(Drain) drain = drain_new();

    add_host(drain, "h2", 1000);
    add_host(drain, "h3", 700);
    add_guest(drain, "a", 100);
    add_guest(drain, "b", 400);
    add_guest(drain, "c", 300);
    drain_spread(drain);
    cr_assert_str_eq(where(drain, "b"), "h2"); /* 600 and 700 are left */
    cr_assert_str_eq(where(drain, "c"), "h3"); /* 600 and 400 */
    cr_assert_str_eq(where(drain, "a"), "h2");
}

Test(drain, a_guest_that_fits_nowhere_stays_and_tells_why)
{
    g_autoptr(Drain) drain = drain_new();
    DrainGuest *guest;

    add_host(drain, "h2", 500);
    add_host(drain, "h3", 300);
    add_guest(drain, "a", 400);
    guest = add_guest(drain, "b", 350);
    drain_spread(drain);
    cr_assert_str_eq(where(drain, "a"), "h2");
    cr_assert_str_eq(where(drain, "b"), "-");
    cr_assert_eq(guest->status, DRAIN_STAYS);
    cr_assert_eq(guest->obstacles->len, 2);
    cr_assert_not_null(strstr(guest->obstacles->pdata[0], "100 MiB left"), "%s",
                       (char *)guest->obstacles->pdata[0]);
    cr_assert_not_null(strstr(guest->obstacles->pdata[1], "'h3'"));
}

Test(drain, a_host_that_refuses_a_guest_is_not_chosen)
{
    g_autoptr(Drain) drain = drain_new();
    DrainGuest *guest, *other;

    add_host(drain, "h2", 5000);
    add_host(drain, "h3", 300);
    guest = add_guest(drain, "a", 100);
    g_ptr_array_add(guest->refusals, g_strdup("h2 lacks its machine type"));
    g_ptr_array_add(guest->refusals, NULL);
    other = add_guest(drain, "b", 400);
    g_ptr_array_add(other->refusals, g_strdup("h2 lacks its machine type"));
    drain_spread(drain);
    cr_assert_str_eq(where(drain, "a"), "h3");
    cr_assert_str_eq(where(drain, "b"), "-");
    cr_assert_str_eq(other->obstacles->pdata[0], "h2 lacks its machine type");
}

Test(drain, what_has_a_destination_keeps_it_and_its_memory_counts)
{
    g_autoptr(Drain) drain = drain_new();

    add_host(drain, "h2", 500);
    add_host(drain, "h3", 400);
    add_guest(drain, "a", 300)->host = 0; /* of a drain that is resumed */
    add_guest(drain, "b", 350);
    drain_spread(drain);
    cr_assert_str_eq(where(drain, "a"), "h2");
    cr_assert_str_eq(where(drain, "b"), "h3");
}

Test(drain, free_memory_that_is_not_known_keeps_nobody)
{
    g_autoptr(Drain) drain = drain_new();

    add_host(drain, "h2", -1);
    add_guest(drain, "a", 300);
    drain_spread(drain);
    cr_assert_str_eq(where(drain, "a"), "h2");
}

Test(drain, huge_pages_are_not_of_the_plain_memory)
{
    g_autoptr(Drain) drain = drain_new();

    add_host(drain, "h2", 500);
    add_guest(drain, "a", 4000)->plain_memory = false;
    add_guest(drain, "b", 450);
    drain_spread(drain);
    cr_assert_str_eq(where(drain, "a"), "h2");
    cr_assert_str_eq(where(drain, "b"), "h2");
}

/* --- when --- */

Test(drain, a_link_carries_one_after_the_other)
{
    g_autoptr(Drain) drain = drain_new();
    const DrainGuest *small, *large;
    unsigned admitted;

    add_host(drain, "h2", 9000);
    large = add_guest(drain, "a", 512);
    small = add_guest(drain, "b", 128);
    drain_spread(drain);
    drain_order(drain, 0.97, 0, 0);
    cr_assert(small->slot.planned && large->slot.planned);
    admitted = small->slot.admit + large->slot.admit;
    cr_assert_eq(admitted, 1, "nothing is known of how they write");
    cr_assert(isfinite(drain->total_s));
    cr_assert_geq(drain->total_s, (512 + 128) * MIB / LINK_BYTES_S);
    cr_assert_gt(small->bound_s, 0);
}

Test(drain, of_two_links_both_are_used)
{
    g_autoptr(Drain) drain = drain_new();
    DrainHost *other;
    const DrainGuest *a, *b;

    add_host(drain, "h2", 1000);
    other = add_host(drain, "h3", 1000);
    other->link = drain_link(drain, "eth1", "10.1.0.2 -> eth1", LINK_BYTES_S);
    a = add_guest(drain, "a", 512);
    b = add_guest(drain, "b", 512);
    drain_spread(drain);
    drain_order(drain, 0.97, 0, 1);
    cr_assert_neq(a->host, b->host);
    cr_assert(a->slot.admit && b->slot.admit);
    cr_assert_eq(drain->links->len, 2);
}

Test(drain, no_more_at_once_than_asked_for)
{
    g_autoptr(Drain) drain = drain_new();
    DrainGuest *a;

    add_host(drain, "h2", 9000);
    a = add_guest(drain, "a", 512);
    add_guest(drain, "b", 512);
    a->status = DRAIN_RUNS;
    a->host = 0;
    drain_spread(drain);
    drain_order(drain, 0.97, 0, 1);
    cr_assert_not(drain_guest_find(drain, "b")->slot.admit);
    a->status = DRAIN_MOVED;
    drain_order(drain, 0.97, 0, 1);
    cr_assert(drain_guest_find(drain, "b")->slot.admit);
}

/* --- what came of it --- */

typedef struct EndCase {
    char what[48];
    int statuses[4]; /* -1: no more; +100: excluded */
    int status, planned;
    char word[8];
} EndCase;

#define EXCLUDED 100

ParameterizedTestParameters(drain, exit_status)
{
    static EndCase cases[] = {
        { "nobody there", { -1 }, 0, 0, "all" },
        { "all", { DRAIN_MOVED, DRAIN_MOVED, -1 }, 0, 0, "all" },
        { "one failed", { DRAIN_MOVED, DRAIN_FAILED, -1 }, 3, 3, "some" },
        { "one cannot", { DRAIN_MOVED, DRAIN_STAYS, -1 }, 3, 3, "some" },
        { "one is not to",
          { DRAIN_MOVED, DRAIN_STAYS + EXCLUDED, -1 },
          0,
          0,
          "all" },
        { "all failed", { DRAIN_FAILED, DRAIN_STAYS, -1 }, 1, 1, "none" },
        { "a plan", { DRAIN_WAITS, DRAIN_WAITS, -1 }, 1, 0, "none" },
        { "a plan for some", { DRAIN_WAITS, DRAIN_STAYS, -1 }, 1, 3, "none" },
        { "interrupted", { DRAIN_MOVED, DRAIN_WAITS, -1 }, 3, 0, "some" },
        { "one ended by itself", { DRAIN_MOVED, DRAIN_GONE, -1 }, 0, 0, "all" },
        { "nobody is to", { DRAIN_STAYS + EXCLUDED, -1 }, 0, 0, "all" },
    };

    return cr_make_param_array(EndCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(EndCase *c, drain, exit_status)
{
    g_autoptr(Drain) drain = drain_new();
    g_autoptr(JsonObject) json = NULL;
    const char *word = NULL;

    for (size_t i = 0; c->statuses[i] >= 0; i++) {
        g_autofree char *name = g_strdup_printf("g%zu", i);
        DrainGuest *guest = add_guest(drain, name, 100);

        guest->excluded = c->statuses[i] >= EXCLUDED;
        guest->status = (DrainStatus)(c->statuses[i] % EXCLUDED);
    }
    cr_assert_eq(drain_exit_status(drain, false), c->status, "%s", c->what);
    cr_assert_eq(drain_exit_status(drain, true), c->planned, "%s", c->what);
    json = drain_json_summary(drain);
    cr_assert(jobj_get_string(json, "status", &word));
    cr_assert_str_eq(word, c->word, "%s", c->what);
}

Test(drain, statuses_have_names)
{
    for (int i = 0; i < DRAIN_N_STATUSES; i++) {
        DrainStatus back = DRAIN_N_STATUSES;

        cr_assert(drain_status_parse(drain_status_name((DrainStatus)i), &back));
        cr_assert_eq((int)back, i);
    }
    cr_assert_not(drain_status_parse("elsewhere", &(DrainStatus){ 0 }));
}

/* --- how it is told --- */

static Drain *
a_plan(void)
{
    Drain *drain = drain_new();
    DrainGuest *guest;

    drain->source_name = g_strdup("h1");
    drain->source_uri = g_strdup("qemu:///system");
    drain->stopped = 1;
    add_host(drain, "h2", 9000);
    add_guest(drain, "vm-a", 512)->persistent = true;
    guest = add_guest(drain, "vm-b", 256);
    g_ptr_array_add(guest->cautions, g_strdup("it loses its dongle"));
    guest = add_guest(drain, "vm-c", 256);
    drain_guest_keep(guest, g_strdup("it uses pci device 0000:3b:10.2"));
    drain_guest_keep(guest, g_strdup("it has 2 snapshots"));
    guest = add_guest(drain, "vm-d", 256);
    guest->excluded = true;
    drain_guest_keep(guest, g_strdup("not asked for"));
    drain_spread(drain);
    drain_order(drain, 0.97, 0, 0);
    return drain;
}

Test(drain, the_plan_in_words)
{
    static const char *const says[] = {
        "cannot move:\n  vm-c   it uses pci device 0000:3b:10.2\n",
        "\n         it has 2 snapshots\n",
        "note: not asked for: vm-d\n",
        "note: vm-b: it loses its dongle\n",
        "1 guest that is not running stays",
        "link 10.0.0.2 -> eth0 of 100 Mbit/s\n",
        "h1: 2 guests to move, in ",
        "warning: that is later than the deadline of 10.0 s",
    };
    g_autoptr(Drain) drain = a_plan();
    g_autofree char *late = drain_text_plan(drain, known(10));
    g_autofree char *text = drain_text_plan(drain, unknown());

    for (size_t i = 0; i < G_N_ELEMENTS(says); i++) {
        cr_assert_not_null(strstr(late, says[i]), "no \"%s\" in:\n%s", says[i],
                           late);
    }
    cr_assert_null(strstr(text, "deadline"));
}

Test(drain, the_plan_as_json)
{
    g_autoptr(Drain) drain = a_plan();
    g_autoptr(JsonObject) json = drain_json_plan(drain, known(10));
    JsonObject *guests = jobj_get(json, "guests");
    JsonObject *first, *third;
    const char *text = NULL;
    double number = 0;

    cr_assert(jobj_get_string(json, "schema", &text));
    cr_assert_str_eq(text, DRAIN_PLAN_SCHEMA);
    cr_assert_eq(json_object_array_length(guests), 4);
    first = json_object_array_get_idx(guests, 0);
    third = json_object_array_get_idx(guests, 2);
    cr_assert(jobj_get_string(first, "destination", &text));
    cr_assert_str_eq(text, "h2");
    cr_assert(jobj_get_double(first, "end_s", &number));
    cr_assert_gt(number, 0);
    cr_assert_not(jobj_get_string(third, "destination", &text));
    cr_assert_eq(json_object_array_length(jobj_get(third, "obstacles")), 2);
    cr_assert(jobj_get_double(json, "deadline_s", &number));
}

Test(drain, a_host_without_guests)
{
    g_autoptr(Drain) drain = drain_new();
    g_autofree char *text = NULL;

    drain->source_name = g_strdup("h1");
    text = drain_text_plan(drain, unknown());
    cr_assert_str_eq(text, "h1: no guest is to be moved\n");
}

Test(drain, the_table_fits_and_tells_of_each)
{
    g_autoptr(Drain) drain = a_plan();
    DrainGuest *a = drain_guest_find(drain, "vm-a");
    g_autofree char *before = drain_text_table(drain, 100);
    g_autofree char *after = NULL;
    g_auto(GStrv) lines = NULL;

    cr_assert_not_null(strstr(before, "begins in"), "%s", before);
    cr_assert_null(strstr(before, "vm-c"), "%s", before);
    a->status = DRAIN_RUNS;
    a->done = 0.5;
    a->iter = 3;
    a->remaining_bytes = known(20 * MIB);
    drain_guest_find(drain, "vm-b")->status = DRAIN_FAILED;
    drain_guest_find(drain, "vm-b")->why = g_strdup("it would not go anywhere");
    after = drain_text_table(drain, 45);
    lines = g_strsplit(after, "\n", -1);
    cr_assert_eq(g_strv_length(lines), 3);
    cr_assert(lines[0] && lines[1]);
    for (size_t i = 0; lines[i]; i++) {
        cr_assert_leq(strlen(lines[i]), 45, "%s", lines[i]);
    }
    cr_assert_not_null(strstr(lines[0], "50 %, pass 3"), "%s", lines[0]);
    cr_assert_not_null(strstr(lines[1], "it would not"), "%s", lines[1]);
}

Test(drain, the_end_in_words)
{
    g_autoptr(Drain) drain = a_plan();
    DrainGuest *a = drain_guest_find(drain, "vm-a");
    DrainGuest *b = drain_guest_find(drain, "vm-b");
    g_autofree char *moved = NULL, *failed = NULL, *summary = NULL;

    a->status = DRAIN_MOVED;
    a->total_s = known(42);
    a->downtime_s = known(0.15);
    b->status = DRAIN_FAILED;
    b->why = g_strdup("no route");
    moved = drain_text_end(drain, a);
    failed = drain_text_end(drain, b);
    summary = drain_text_summary(drain);
    cr_assert_str_eq(moved, "vm-a -> h2: moved in 42.0 s, downtime 150 ms");
    cr_assert_str_eq(failed, "vm-b: failed: no route");
    cr_assert_not_null(strstr(summary, "h1: 1 of 3 guests have moved"), "%s",
                       summary);
    cr_assert_not_null(strstr(summary, "  vm-b: no route\n"));
    cr_assert_not_null(strstr(summary, "  vm-c: it uses pci"));
    cr_assert_null(strstr(summary, "vm-d"));
}

/* --- who waits for the end of another --- */

static DrainGuest *
runs(Drain *drain, const char *name, unsigned iter, double done, double end_s)
{
    DrainGuest *guest = add_guest(drain, name, 100);

    guest->host = 0;
    guest->status = DRAIN_RUNS;
    guest->iter = iter;
    guest->done = done;
    guest->first_pass_bytes = 100 * MIB;
    guest->sent_bytes = done * 100 * MIB;
    guest->end_s = isfinite(end_s) ? known(end_s) : unknown();
    return guest;
}

Test(drain, nobody_is_held_while_no_end_is_near)
{
    g_autoptr(Drain) drain = drain_new();
    DrainGuest *a, *b;

    add_host(drain, "h2", -1);
    a = runs(drain, "a", 1, 0.3, INFINITY);
    b = runs(drain, "b", 2, 0.9, 30);
    drain_hold(drain, 1, 10);
    cr_assert_not(a->held);
    cr_assert_not(b->held);
}

Test(drain, the_next_waits_until_the_one_before_has_sent_all)
{
    g_autoptr(Drain) drain = drain_new();
    DrainGuest *a, *b;

    add_host(drain, "h2", -1);
    a = runs(drain, "a", 3, 0.95, 1);
    b = runs(drain, "b", 0, 0, INFINITY); /* prepares */
    drain_hold(drain, 1, 10);
    cr_assert_not(a->held);
    cr_assert(b->held);

    a->stopped = true;
    a->end_s = known(5); /* whatever the forecast says now */
    drain_hold(drain, 1, 60);
    cr_assert_not(a->held);
    cr_assert(b->held, "a blackout is not given up");

    a->sent = true; /* and libvirt has its own to do */
    drain_hold(drain, 1, 61);
    cr_assert_not(b->held);
}

/* What is left of a first pass is known before any forecast. */
Test(drain, the_end_of_a_guest_that_writes_nothing_comes_with_its_first_pass)
{
    g_autoptr(Drain) drain = drain_new();
    DrainGuest *a, *b;

    add_host(drain, "h2", -1);
    a = runs(drain, "a", 1, 0.5, INFINITY);
    b = runs(drain, "b", 1, 0.1, INFINITY);
    drain_hold(drain, 1, 10);
    cr_assert_not(b->held);
    a->sent_bytes = 90 * MIB; /* 0.8 s are left */
    drain_hold(drain, 1, 10);
    cr_assert(b->held);
    cr_assert_not(a->held);
}

Test(drain, of_two_that_end_the_nearer_one_goes_first)
{
    g_autoptr(Drain) drain = drain_new();
    DrainGuest *a, *b;

    add_host(drain, "h2", -1);
    a = runs(drain, "a", 4, 0.9, 2);
    b = runs(drain, "b", 4, 0.9, 1);
    drain_hold(drain, 1, 10);
    cr_assert(a->held);
    cr_assert_not(b->held);
    a->stopped = true; /* too late to hold it */
    drain_hold(drain, 1, 10.1);
    cr_assert_not(a->held);
    cr_assert(b->held);
}

Test(drain, two_of_the_same_length_do_not_take_turns)
{
    g_autoptr(Drain) drain = drain_new();
    DrainGuest *a, *b;

    add_host(drain, "h2", -1);
    a = runs(drain, "a", 4, 0.9, 1.5);
    b = runs(drain, "b", 4, 0.9, 1.6);
    drain_hold(drain, 1, 10);
    cr_assert(b->held);
    b->end_s = known(1.3);
    drain_hold(drain, 1, 10.1);
    cr_assert(b->held);
    cr_assert_not(a->held);
    a->end_s = known(8);
    drain_hold(drain, 1, 10.2);
    cr_assert_not(b->held, "its end is far again");
}

Test(drain, one_that_never_ends_holds_nobody_for_ever)
{
    g_autoptr(Drain) drain = drain_new();
    DrainGuest *b;

    add_host(drain, "h2", -1);
    runs(drain, "a", 9, 0.9, 1);
    b = runs(drain, "b", 0, 0, INFINITY);
    drain_hold(drain, 1, 10);
    cr_assert(b->held);
    drain_hold(drain, 1, 29);
    cr_assert(b->held);
    drain_hold(drain, 1, 31);
    cr_assert_not(b->held);
}

Test(drain, links_do_not_wait_for_each_other)
{
    g_autoptr(Drain) drain = drain_new();
    DrainHost *other;
    DrainGuest *b;

    add_host(drain, "h2", -1);
    other = add_host(drain, "h3", -1);
    other->link = drain_link(drain, "eth1", "10.0.1.2 -> eth1", LINK_BYTES_S);
    runs(drain, "a", 3, 0.95, 1);
    b = runs(drain, "b", 1, 0, INFINITY);
    b->host = 1;
    drain_hold(drain, 1, 10);
    cr_assert_not(b->held);
}

/* It was admitted eleven seconds too early, when the first pass was over. */
Test(drain, what_a_running_one_still_writes_counts_in_the_order)
{
    g_autoptr(Drain) drain = drain_new();
    DrainGuest *a, *b;

    add_host(drain, "h2", -1);
    a = runs(drain, "a", 1, 0.99, INFINITY);
    a->first_pass_bytes = 50 * MIB; /* the rest is written meanwhile */
    a->sent_bytes = 49 * MIB;
    b = add_guest(drain, "b", 100);
    b->host = 0;
    a->curve.guessed = b->curve.guessed = false;
    for (size_t i = 0; i + 1 < a->curve.n_points; i++) {
        a->curve.time_s[i] *= 1.2; /* both write */
        b->curve.time_s[i] *= 1.2;
    }
    drain_order(drain, 1, 0, 0);
    cr_assert_not(b->slot.admit);
    cr_assert_gt(b->slot.start_s, 2);
    a->iter = 4;
    a->end_s = known(0.8);
    drain_order(drain, 1, 0, 0);
    cr_assert(b->slot.admit);
}
