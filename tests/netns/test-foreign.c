/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What was there before: refused, joined, or put back exactly.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "netns.h"
#include "tc/reservation-site.h"

#define MBIT 125000u

typedef struct {
    char what[40];
    char setup[300];
    uint32_t parent;
    char says[48]; /* part of the message */
} ForeignCase;

#define HTB                                                                    \
    "tc qdisc add dev near0 root handle 1: htb default 30 && "                 \
    "tc class add dev near0 parent 1: classid 1:1 htb rate 50mbit"

ParameterizedTestParameters(foreign, refused)
{
    static ForeignCase cases[] = {
        { "tbf",
          "tc qdisc add dev near0 root tbf rate 50mbit burst 10k "
          "limit 100k",
          0, "root qdisc tbf" },
        { "an htb", HTB, 0, "--parent CLASSID" },
        { "pfifo with a handle", "tc qdisc add dev near0 root handle 8: pfifo",
          0, "root qdisc pfifo 8:" },
        { "our handle without a lease",
          "tc qdisc add dev near0 root handle 7666: htb", 0,
          "tc clear --force" },
        { "our handle on another kind",
          "tc qdisc add dev near0 root handle 7666: pfifo", 0,
          "root qdisc pfifo 7666" },
        { "a parent that is not there", HTB, 0x10009, "no HTB class 1:9" },
        { "a parent without an htb", "true", 0x10009, "no HTB class 1:9" },
        { "a parent of ours", "true", 0x76660001, "our own tree" },
        { "the default class as parent",
          HTB " && tc class add dev near0 parent 1:1 classid 1:30 htb rate "
              "1mbit",
          0x10030, "default class" },
        { "a parent with a qdisc",
          HTB " && tc qdisc add dev near0 parent 1:1 handle 5: pfifo", 0x10001,
          "its own qdisc pfifo 5:" },
        { "a filter that comes first",
          HTB " && tc filter add dev near0 parent 1: pref 2 protocol ip u32 "
              "match u32 0 0 flowid 1:1",
          0x10001, "pref 2" },
    };

    return cr_make_param_array(ForeignCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(ForeignCase *c, foreign, refused)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *before = NULL, *after = NULL;
    ReservationSpec spec;
    Link link;

    netns_enter();
    netns_sh("%s", c->setup);
    before = netns_tree("near0");
    link = netns_link("near0", 50 * MBIT);
    spec = netns_spec(&link, "vm-a");
    spec.parent = c->parent;
    cr_assert_null(reservation_open(&spec, &error), "%s", c->what);
    cr_assert(
        g_error_matches(error, RESERVATION_ERROR, RESERVATION_ERROR_FOREIGN),
        "%s: %s", c->what, error->message);
    cr_assert_not_null(strstr(error->message, c->says), "%s: %s", c->what,
                       error->message);
    cr_assert_null(reservation_plan(&spec, NULL));
    /* clearing without force does not touch it either */
    cr_assert(reservation_clear(NULL, false, netns_run_dir(), NULL, NULL));
    after = netns_tree("near0");
    cr_assert_str_eq(after, before, "%s", c->what);
}

Test(foreign, orphan_is_named_and_removed_by_force)
{
    g_autofree char *before = NULL, *after = NULL, *report = NULL;
    g_autoptr(GError) error = NULL;

    netns_enter();
    before = netns_tree("near0");
    netns_sh("tc qdisc add dev near0 root handle 7666: htb");
    cr_assert(
        reservation_clear("near0", false, netns_run_dir(), &report, &error));
    cr_assert_not_null(strstr(report, "no lease explains"), "%s", report);
    g_clear_pointer(&report, g_free);
    cr_assert(
        reservation_clear("near0", true, netns_run_dir(), &report, &error));
    cr_assert_not_null(strstr(report, "removed"), "%s", report);
    after = netns_tree("near0");
    cr_assert_str_eq(after, before);
    cr_assert(
        !reservation_clear("nosuch0", false, netns_run_dir(), NULL, &error));
}

static void
joined(bool u32, bool leaf_parent)
{
    g_autofree char *before = NULL, *after = NULL, *plan = NULL;
    StreamMatch match = { .destination = FAR4, .destination_port = 49152 };
    ProtectedSpec guard = { (char *)"tcp dst port 6379", 2 * MBIT };
    g_autoptr(GError) error = NULL;
    Reservation *a, *b;
    ReservationSpec spec;
    ReservationStats stats;
    Link link;

    netns_enter();
    site_pretend_no_bpf(u32);
    netns_sh(HTB
             " && "
             "tc class add dev near0 parent 1:1 classid 1:20 htb rate 20mbit "
             "ceil 50mbit && "
             "tc class add dev near0 parent 1:1 classid 1:30 htb rate 30mbit "
             "ceil 50mbit && "
             "tc qdisc add dev near0 parent 1:30 handle 30: pfifo && "
             "tc filter add dev near0 parent 1: pref 10 protocol ip u32 "
             "match ip dport 80 0xffff flowid 1:30");
    if (!leaf_parent) {
        netns_sh("tc class add dev near0 parent 1:20 classid 1:1000 htb rate "
                 "5mbit");
    }
    before = netns_tree("near0");
    link = netns_link("near0", 50 * MBIT);
    spec = netns_spec(&link, "vm-a");
    spec.parent = 0x10020;
    if (!u32) {
        spec.protected_specs = &guard;
        spec.n_protected = 1;
    }
    plan = reservation_plan(&spec, &error);
    cr_assert_not_null(plan, "%s", error ? error->message : "");
    cr_assert_null(strstr(plan, "root"), "%s", plan);
    a = reservation_open(&spec, &error);
    cr_assert_not_null(a, "%s", error ? error->message : "");
    b = reservation_open(&spec, &error);
    cr_assert_not_null(b, "%s", error ? error->message : "");
    /* The class number 1000 is taken by the administrator in one case. */
    cr_assert(reservation_match(a, &match, 1, &error), "%s",
              error ? error->message : "");
    cr_assert(reservation_set(a, 10 * MBIT, 50 * MBIT, 0, &error), "%s",
              error ? error->message : "");
    cr_assert(!reservation_set(b, 19 * MBIT, 50 * MBIT, 0, &error));
    cr_assert(g_error_matches(error, RESERVATION_ERROR, RESERVATION_ERROR_RATE),
              "%s", error->message);
    g_clear_error(&error);

    netns_pour(false, true, 0, 49152);
    netns_wait_sent("near0", leaf_parent ? "1:1000" : "1:1001", 1000000);
    cr_assert(reservation_stats(a, &stats, &error));
    cr_assert_gt(stats.migration.bytes, 1000000);

    cr_assert(reservation_close(a, &error), "%s", error ? error->message : "");
    cr_assert(reservation_close(b, &error), "%s", error ? error->message : "");
    after = netns_tree("near0");
    cr_assert_str_eq(after, before);
    site_pretend_no_bpf(false);
}

Test(foreign, joined_below_an_inner_class_and_left_as_it_was)
{
    joined(false, false);
}

Test(foreign, joined_below_an_empty_leaf_and_left_as_it_was)
{
    joined(false, true);
}

Test(foreign, joined_with_u32_and_left_as_it_was)
{
    joined(true, false);
}

static int
tap_queue(const char *name)
{
    struct ifreq request = { .ifr_flags =
                                 IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE };
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

    g_strlcpy(request.ifr_name, name, sizeof(request.ifr_name));
    if (fd >= 0 && ioctl(fd, TUNSETIFF, &request) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

Test(foreign, mq_of_a_multi_queue_tap_comes_back)
{
    g_autofree char *before = NULL, *after = NULL, *plan = NULL;
    g_autoptr(GError) error = NULL;
    Reservation *reservation;
    ReservationSpec spec;
    int queues[4];
    Link link;

    netns_enter();
    for (size_t i = 0; i < G_N_ELEMENTS(queues); i++) {
        queues[i] = tap_queue("tap0");
        if (queues[i] < 0) {
            fprintf(stderr, "SKIPPED: no multi-queue tap here\n");
            cr_skip_test("no multi-queue tap here");
        }
    }
    netns_sh("ip link set dev tap0 up");
    before = netns_tree("tap0");
    cr_assert_not_null(strstr(before, "qdisc mq 0:"), "%s", before);
    link = netns_link("tap0", 3200000000);
    spec = netns_spec(&link, "vm-a");
    plan = reservation_plan(&spec, &error);
    cr_assert_not_null(strstr(plan, "instead of the kernel's mq"), "%s", plan);
    cr_assert_not_null(strstr(plan, "25 Gbit/s"), "%s", plan);
    reservation = reservation_open(&spec, &error);
    cr_assert_not_null(reservation, "%s", error ? error->message : "");
    cr_assert_not_null(reservation_warning(reservation));
    cr_assert(reservation_close(reservation, &error));
    after = netns_tree("tap0");
    cr_assert_str_eq(after, before);

    /* with the administrator's own leaves the root has a handle: foreign */
    netns_sh("tc qdisc replace dev tap0 root handle 1: mq && "
             "tc qdisc replace dev tap0 parent 1:1 handle 8: pfifo limit 5");
    cr_assert_null(reservation_open(&spec, &error));
    cr_assert(
        g_error_matches(error, RESERVATION_ERROR, RESERVATION_ERROR_FOREIGN));
}
