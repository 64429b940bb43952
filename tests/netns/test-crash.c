/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kill -9 before every single message that changes something, and at random
 * moments: whoever comes next finds out and puts the link back.
 */
#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netns.h"
#include "tc/kernel.h"
#include "tc/shaper-nl.h"

#define MBIT 125000u

static void
die_before(int type, void *data)
{
    unsigned *left = data;

    if ((type & 3) < 2 && (*left)-- == 0) { /* RTM_NEW*, RTM_DEL* */
        kill(getpid(), SIGKILL);
    }
}

static void
must(bool good, GError **error, const char *what)
{
    if (!good) {
        fprintf(stderr, "%s: %s\n", what, *error ? (*error)->message : "?");
        _exit(1);
    }
}

/* A whole life of two reservations, one within the other. */
static void
live(const ReservationSpec *spec)
{
    static const char *const streams[] = { FAR4, FAR6 };
    StreamMatch matches[2] = { 0 };
    GError *error = NULL;
    Reservation *a, *b;

    for (size_t i = 0; i < 2; i++) {
        g_strlcpy(matches[i].destination, streams[i],
                  sizeof(matches[i].destination));
        matches[i].destination_port = 49152;
    }
    a = reservation_open(spec, &error);
    must(a, &error, "open");
    b = reservation_open(spec, &error);
    must(b, &error, "open another");
    must(reservation_match(a, matches, 2, &error), &error, "match");
    must(reservation_set(a, 5 * MBIT, 40 * MBIT, MBIT, &error), &error,
         "application");
    must(reservation_set(b, 5 * MBIT, 40 * MBIT, 0, &error), &error, "set");
    must(reservation_match(a, matches + 1, 1, &error), &error, "match less");
    must(reservation_set(a, 6 * MBIT, 40 * MBIT, 0, &error), &error,
         "no application");
    must(reservation_close(a, &error), &error, "close");
    must(reservation_close(b, &error), &error, "close another");
    _exit(0);
}

static unsigned
leases_left(void)
{
    g_autoptr(GDir) dir = g_dir_open(netns_run_dir(), 0, NULL);
    unsigned n = 0;
    const char *name;

    while ((name = g_dir_read_name(dir))) {
        n += g_str_has_suffix(name, ".json");
    }
    return n;
}

/* Returns whether the child lived to its end. */
static bool
life_and_death(const ReservationSpec *spec, int kill_at, gulong kill_us)
{
    unsigned left = (unsigned)kill_at;
    pid_t child = fork();
    int status;

    if (child == 0) {
        if (kill_at >= 0) {
            kernel_spy(die_before, &left);
        }
        live(spec);
    }
    if (kill_at < 0) {
        g_usleep(kill_us);
        kill(child, SIGKILL);
    }
    cr_assert(waitpid(child, &status, 0) == child);
    cr_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 0,
              "the life itself fails");
    return WIFEXITED(status);
}

static void
clean_up(const ReservationSpec *spec, bool by_open, const char *before,
         int round)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *after = NULL, *report = NULL;

    if (by_open) {
        Reservation *next = reservation_open(spec, &error);

        cr_assert_not_null(next, "round %d: %s", round,
                           error ? error->message : "");
        cr_assert(reservation_close(next, &error), "round %d: %s", round,
                  error ? error->message : "");
    } else {
        cr_assert(
            reservation_clear(NULL, false, netns_run_dir(), &report, &error),
            "round %d: %s", round, error ? error->message : "");
    }
    after = netns_tree("near0");
    cr_assert_str_eq(after, before, "round %d: %s", round, after);
    cr_assert_eq(leases_left(), 0, "round %d", round);
}

static void
every_death(uint32_t parent, const char *leaf_kind)
{
    static const char *const macs[] = { "52:54:00:00:00:01", NULL };
    ProtectedSpec guard = { (char *)"tcp dst port 6379", 2 * MBIT };
    g_autofree char *before = NULL;
    GRand *rand = g_rand_new_with_seed(9);
    ReservationSpec spec;
    bool lived = false;
    int round;
    Link link;

    netns_enter();
    shaper_nl_leaf_kind(leaf_kind);
    if (parent) {
        netns_sh("tc qdisc add dev near0 root handle 1: htb default 30 && "
                 "tc class add dev near0 parent 1: classid 1:1 htb rate "
                 "50mbit && tc class add dev near0 parent 1:1 classid 1:30 "
                 "htb rate 10mbit");
    }
    before = netns_tree("near0");
    link = netns_link("near0", 50 * MBIT);
    spec = netns_spec(&link, "vm-a");
    spec.parent = parent;
    spec.protected_specs = &guard;
    spec.n_protected = 1;
    memcpy(spec.guest_macs, macs, sizeof(macs));
    for (round = 0; !lived; round++) {
        lived = life_and_death(&spec, round, 0);
        clean_up(&spec, round % 2, before, round);
    }
    cr_assert_gt(round, 20, "only %d messages?", round);
    for (round = 0; round < 40; round++) {
        life_and_death(&spec, -1, (gulong)g_rand_int_range(rand, 0, 20000));
        clean_up(&spec, round % 2, before, 1000 + round);
    }
    g_rand_free(rand);
}

Test(crash, our_own_tree)
{
    every_death(0, NULL);
}

Test(crash, below_a_parent)
{
    every_death(0x10001, NULL);
}

Test(crash, with_leaf_qdiscs)
{
    every_death(0, "bfifo");
}

Test(crash, below_a_parent_with_leaf_qdiscs)
{
    every_death(0x10001, "bfifo");
}

/* Several at once, some of whom are killed: nobody fails but for the killing,
 * and at the end nothing is left. */
Test(crash, a_crowd)
{
    g_autofree char *before = NULL;
    GRand *rand = g_rand_new_with_seed(11);
    pid_t children[4];
    ReservationSpec spec;
    int status;
    Link link;

    netns_enter();
    before = netns_tree("near0");
    link = netns_link("near0", 400 * MBIT);
    spec = netns_spec(&link, "vm-a");
    for (int round = 0; round < 10; round++) {
        for (size_t i = 0; i < G_N_ELEMENTS(children); i++) {
            children[i] = fork();
            if (children[i] == 0) {
                live(&spec);
            }
        }
        g_usleep((gulong)g_rand_int_range(rand, 0, 30000));
        kill(children[0], SIGKILL);
        for (size_t i = 0; i < G_N_ELEMENTS(children); i++) {
            cr_assert(waitpid(children[i], &status, 0) == children[i]);
            cr_assert(i == 0 || (WIFEXITED(status) && !WEXITSTATUS(status)),
                      "round %d: number %zu failed", round, i);
        }
        clean_up(&spec, round % 2, before, round);
    }
    g_rand_free(rand);
}

/* The dead one's share goes, the living one's stays. */
Test(crash, the_living_keep_their_share)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *before = NULL, *after = NULL, *report = NULL;
    Reservation *mine, *third;
    ReservationSpec spec;
    Link link;

    netns_enter();
    before = netns_tree("near0");
    link = netns_link("near0", 50 * MBIT);
    spec = netns_spec(&link, "vm-a");
    mine = reservation_open(&spec, &error);
    cr_assert_not_null(mine, "%s", error ? error->message : "");
    life_and_death(&spec, 2, 0);
    cr_assert(
        reservation_clear("near0", false, netns_run_dir(), &report, &error));
    cr_assert_not_null(strstr(report, "vm-a"), "%s", report);
    cr_assert(netns_has_class("near0", "7666:1000"));
    cr_assert(!netns_has_class("near0", "7666:1001"));
    third = reservation_open(&spec, &error);
    cr_assert_not_null(third, "%s", error ? error->message : "");

    /* by force everything goes, and the owners are told */
    g_clear_pointer(&report, g_free);
    cr_assert(reservation_clear(NULL, true, netns_run_dir(), &report, &error));
    after = netns_tree("near0");
    cr_assert_str_eq(after, before);
    cr_assert(!reservation_set(mine, MBIT, MBIT, 0, &error));
    cr_assert(g_error_matches(error, RESERVATION_ERROR, RESERVATION_ERROR_GONE),
              "%s", error->message);
    cr_assert(reservation_close(mine, NULL));
    cr_assert(reservation_close(third, NULL));
}

Test(crash, a_broken_lease_is_named_and_cleared_by_force)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *before = NULL, *after = NULL;
    ReservationSpec spec;
    Link link;

    netns_enter();
    before = netns_tree("near0");
    link = netns_link("near0", 50 * MBIT);
    spec = netns_spec(&link, "vm-a");
    life_and_death(&spec, 6, 0);
    netns_sh("for f in %s/tc-*.json; do echo '{' > $f; done", netns_run_dir());
    cr_assert_null(reservation_open(&spec, &error));
    cr_assert(g_error_matches(error, RESERVATION_ERROR, RESERVATION_ERROR_BUSY),
              "%s", error->message);
    cr_assert_not_null(strstr(error->message, netns_run_dir()));
    cr_assert(!reservation_clear(NULL, false, netns_run_dir(), NULL, NULL));
    cr_assert(reservation_clear(NULL, true, netns_run_dir(), NULL, NULL));
    after = netns_tree("near0");
    cr_assert_str_eq(after, before);
}
