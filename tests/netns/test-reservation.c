/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening, changing and closing a reservation on the real kernel.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <linux/capability.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netns.h"
#include "tc/kernel.h"
#include "tc/shaper-nl.h"
#include "tc/show.h"

#define MBIT 125000u

static void
count_changes(int type, void *data)
{
    /* RTM_NEW* and RTM_DEL*; RTM_GET* is the third of each four */
    *(unsigned *)data += (type & 3) < 2;
}

/* tc prints whole kbit/s. */
static void
near_rate(const char *id, const char *word, uint64_t want_bytes_s)
{
    uint64_t have = netns_class_get("near0", id, word);

    cr_assert(have <= want_bytes_s + 125 && have + 125 >= want_bytes_s,
              "%s of %s is %lu, not %lu", word, id, (unsigned long)have,
              (unsigned long)want_bytes_s);
}

static void
open_set_close(const char *leaf_kind)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *before = NULL, *after = NULL;
    Reservation *reservation;
    unsigned changes = 0;
    ReservationSpec spec;
    Link link;

    netns_enter();
    shaper_nl_leaf_kind(leaf_kind);
    before = netns_tree("near0");
    link = netns_link("near0", 50 * MBIT);
    spec = netns_spec(&link, "vm-a");
    reservation = reservation_open(&spec, &error);
    cr_assert_not_null(reservation, "%s", error ? error->message : "");

    near_rate("7666:1", "rate", 50 * MBIT / 100 * 97);
    cr_assert_eq(netns_class_get("near0", "7666:2", "prio"), 0);
    near_rate("7666:1000", "ceil", 50 * MBIT / 100 * 97);

    cr_assert(reservation_set(reservation, 40 * MBIT, 45 * MBIT, 0, &error),
              "%s", error ? error->message : "");
    near_rate("7666:1000", "rate", 40 * MBIT);
    near_rate("7666:1000", "ceil", 45 * MBIT);
    near_rate("7666:10", "rate",
              50 * MBIT / 100 * 97 - 40 * MBIT -
                  netns_class_get("near0", "7666:2", "rate"));

    /* applied twice nothing is sent to the kernel but questions */
    kernel_spy(count_changes, &changes);
    cr_assert(reservation_set(reservation, 40 * MBIT, 45 * MBIT, 0, &error));
    cr_assert_eq(changes, 0);
    cr_assert(reservation_set(reservation, 30 * MBIT, 45 * MBIT, 0, &error));
    cr_assert_eq(changes, 2, "%u", changes); /* it and the rest */
    kernel_spy(NULL, NULL);

    if (leaf_kind) {
        netns_sh("test $(tc qdisc show dev near0 | grep -c '%s .* parent "
                 "7666:') = 3",
                 leaf_kind);
    }
    cr_assert(reservation_close(reservation, &error), "%s",
              error ? error->message : "");
    after = netns_tree("near0");
    cr_assert_str_eq(after, before);
}

Test(reservation, open_set_close)
{
    open_set_close(NULL);
}

/* As on a kernel that has fq_codel: every class with a qdisc of its own. */
Test(reservation, open_set_close_with_leaf_qdiscs)
{
    open_set_close("bfifo");
}

/* As somebody without any capability, in a child. */
static void
unprivileged(void (*run)(const ReservationSpec *spec),
             const ReservationSpec *spec)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        struct __user_cap_header_struct header = {
            .version = _LINUX_CAPABILITY_VERSION_3,
        };
        struct __user_cap_data_struct none[2] = { 0 };

        if (syscall(SYS_capset, &header, none) != 0) {
            _exit(99);
        }
        run(spec);
        _exit(0);
    }
    cr_assert(waitpid(child, &status, 0) == child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "step %d",
              WEXITSTATUS(status));
}

static void
look_only(const ReservationSpec *spec)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonObject) shown = NULL;
    g_autofree char *plan = reservation_plan(spec, &error);

    if (!plan || !strstr(plan, "add class 7666:1001")) {
        _exit(1);
    }
    shown = reservation_describe(NULL, netns_run_dir(), &error);
    if (!shown || json_object_array_length(jobj_get(shown, "links")) != 1) {
        _exit(2);
    }
    if (reservation_open(spec, &error) ||
        !g_error_matches(error, RESERVATION_ERROR,
                         RESERVATION_ERROR_PERMISSION) ||
        !strstr(error->message, "CAP_NET_ADMIN") ||
        !strstr(error->message, "--policy none")) {
        _exit(3);
    }
    g_clear_error(&error);
    if (reservation_clear(NULL, true, netns_run_dir(), NULL, &error) ||
        !g_error_matches(error, RESERVATION_ERROR,
                         RESERVATION_ERROR_PERMISSION)) {
        _exit(4);
    }
}

static Reservation *
opened(const ReservationSpec *spec)
{
    g_autoptr(GError) error = NULL;
    Reservation *reservation = reservation_open(spec, &error);

    cr_assert_not_null(reservation, "%s", error ? error->message : "");
    return reservation;
}

Test(reservation, without_privilege_one_may_look)
{
    g_autofree char *before = NULL, *after = NULL;
    Reservation *reservation;
    ReservationSpec spec;
    Link link;

    netns_enter();
    link = netns_link("near0", 50 * MBIT);
    spec = netns_spec(&link, "vm-a");
    reservation = opened(&spec);
    before = netns_tree("near0");
    unprivileged(look_only, &spec);
    after = netns_tree("near0");
    cr_assert_str_eq(after, before);
    cr_assert(reservation_close(reservation, NULL));
}

Test(reservation, plan_tells_what_open_does)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *before = NULL, *after = NULL, *plan = NULL;
    ReservationSpec spec;
    Link link;

    netns_enter();
    before = netns_tree("near0");
    link = netns_link("near0", 50 * MBIT);
    spec = netns_spec(&link, "vm-a");
    plan = reservation_plan(&spec, &error);
    cr_assert_not_null(plan, "%s", error ? error->message : "");
    cr_assert_not_null(strstr(plan, "add qdisc 7666: htb default 10 as root "
                                    "(instead of the kernel's noqueue"),
                       "%s", plan);
    cr_assert_not_null(strstr(plan, "add class 7666:1000"), "%s", plan);
    after = netns_tree("near0");
    cr_assert_str_eq(after, before);
    netns_sh("test ! -e %s/tc.lock", netns_run_dir());
}

typedef struct {
    char what[40];
    uint64_t link_bytes_s, guarantee_bytes_s, protect_bytes_s;
    char expression[32];
    int code;
} BadCase;

ParameterizedTestParameters(reservation, refused)
{
    static BadCase cases[] = {
        { "more protected than there is", 50 * MBIT, 0, 50 * MBIT, "udp",
          RESERVATION_ERROR_RATE },
        { "a broken expression", 50 * MBIT, 0, MBIT, "tcp porq 5",
          RESERVATION_ERROR_EXPRESSION },
        { "an expression with a loop", 50 * MBIT, 0, MBIT, "ip6 protochain 6",
          RESERVATION_ERROR_EXPRESSION },
        { "a link too slow", 5000, 0, 0, "", RESERVATION_ERROR_RATE },
    };

    return cr_make_param_array(BadCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(BadCase *c, reservation, refused)
{
    g_autofree char *before = NULL, *after = NULL;
    g_autoptr(GError) error = NULL;
    ProtectedSpec guard = { c->expression, c->protect_bytes_s };
    ReservationSpec spec;
    Link link;

    netns_enter();
    before = netns_tree("near0");
    link = netns_link("near0", c->link_bytes_s);
    spec = netns_spec(&link, "vm-a");
    spec.protected_specs = &guard;
    spec.n_protected = c->expression[0] != '\0';
    cr_assert_null(reservation_open(&spec, &error), "%s", c->what);
    cr_assert(g_error_matches(error, RESERVATION_ERROR, c->code), "%s: %s",
              c->what, error->message);
    after = netns_tree("near0");
    cr_assert_str_eq(after, before);
    netns_sh("test ! -e %s/*.json", netns_run_dir());
}

Test(reservation, a_change_that_does_not_fit_changes_nothing)
{
    static const char *const macs[] = { "52:54:00:00:00:01", NULL };
    StreamMatch bad = { .destination = "far", .destination_port = 1 };
    g_autoptr(GError) error = NULL;
    g_autofree char *before = NULL, *after = NULL;
    Reservation *a, *b;
    ReservationSpec spec;
    Link link, slower;

    netns_enter();
    link = netns_link("near0", 50 * MBIT);
    spec = netns_spec(&link, "vm-a");
    memcpy(spec.guest_macs, macs, sizeof(macs));
    a = opened(&spec);
    b = opened(&spec);
    cr_assert(reservation_set(a, 20 * MBIT, 40 * MBIT, 5 * MBIT, &error));
    before = netns_tree("near0");
    cr_assert(!reservation_set(b, 30 * MBIT, 40 * MBIT, 0, &error));
    cr_assert(
        g_error_matches(error, RESERVATION_ERROR, RESERVATION_ERROR_RATE));
    g_clear_error(&error);
    cr_assert(!reservation_set(b, MBIT, 40 * MBIT, 40 * MBIT, &error));
    g_clear_error(&error);
    cr_assert(!reservation_match(b, &bad, 1, &error));
    cr_assert(g_error_matches(error, RESERVATION_ERROR,
                              RESERVATION_ERROR_EXPRESSION));
    g_clear_error(&error);
    after = netns_tree("near0");
    cr_assert_str_eq(after, before);

    /* nor can the link be shared under another rate */
    slower = link;
    slower.rate_bytes_s /= 2;
    spec.link = &slower;
    cr_assert_null(reservation_open(&spec, &error));
    cr_assert(
        g_error_matches(error, RESERVATION_ERROR, RESERVATION_ERROR_RATE));
    cr_assert(reservation_close(a, NULL));
    cr_assert(reservation_close(b, NULL));
}

Test(reservation, the_guests_own_class_comes_and_goes)
{
    static const char *const macs[] = { "52:54:00:00:00:01",
                                        "52:54:00:00:00:02", NULL };
    g_autoptr(GError) error = NULL;
    Reservation *reservation;
    ReservationSpec spec;
    Link link;

    netns_enter();
    link = netns_link("near0", 50 * MBIT);
    spec = netns_spec(&link, "vm-a");
    memcpy(spec.guest_macs, macs, sizeof(macs));
    reservation = opened(&spec);
    for (int i = 0; i < 2; i++) {
        cr_assert(!netns_has_class("near0", "7666:4000"));
        cr_assert(reservation_set(reservation, 20 * MBIT, 40 * MBIT, 5 * MBIT,
                                  &error),
                  "%s", error ? error->message : "");
        near_rate("7666:4000", "rate", 5 * MBIT);
        near_rate("7666:4000", "ceil", 50 * MBIT / 100 * 97);
        netns_sh("test $(tc filter show dev near0 | grep -c 'flowid "
                 "7666:4000') = 2");
        cr_assert(reservation_set(reservation, 20 * MBIT, 40 * MBIT, 6 * MBIT,
                                  &error));
        near_rate("7666:4000", "rate", 6 * MBIT);
        cr_assert(
            reservation_set(reservation, 20 * MBIT, 40 * MBIT, 0, &error));
    }
    cr_assert(reservation_close(reservation, NULL));
}

Test(reservation, one_protected_class_for_the_same_expression)
{
    ProtectedSpec small = { (char *)"udp", 2 * MBIT };
    ProtectedSpec large = { (char *)"udp", 3 * MBIT };
    Reservation *a, *b;
    ReservationSpec spec;
    Link link;

    netns_enter();
    link = netns_link("near0", 50 * MBIT);
    spec = netns_spec(&link, "vm-a");
    spec.protected_specs = &small;
    spec.n_protected = 1;
    a = opened(&spec);
    spec.protected_specs = &large;
    b = opened(&spec);
    near_rate("7666:4000", "rate", 3 * MBIT);
    cr_assert(!netns_has_class("near0", "7666:4001"));
    cr_assert(reservation_close(b, NULL));
    near_rate("7666:4000", "rate", 2 * MBIT);
    cr_assert(reservation_close(a, NULL));
}

Test(reservation, a_link_that_went_away)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *report = NULL;
    Reservation *reservation;
    ReservationStats stats;
    ReservationSpec spec;
    Link link;

    netns_enter();
    link = netns_link("near0", 50 * MBIT);
    spec = netns_spec(&link, "vm-a");
    reservation = opened(&spec);
    netns_sh("ip link del near0 && ip link add name near0 type veth peer name "
             "other0 && tc qdisc add dev near0 root handle 7666: htb");
    cr_assert(!reservation_set(reservation, MBIT, MBIT, 0, &error));
    cr_assert(g_error_matches(error, RESERVATION_ERROR, RESERVATION_ERROR_GONE),
              "%s", error->message);
    cr_assert(!reservation_stats(reservation, &stats, NULL));
    g_clear_error(&error);
    /* the new one bears the name, but is not ours */
    cr_assert_null(reservation_open(&spec, &error));
    cr_assert(g_error_matches(error, RESERVATION_ERROR, RESERVATION_ERROR_GONE),
              "%s", error->message);
    cr_assert(reservation_close(reservation, NULL));
    netns_sh("tc qdisc show dev near0 | grep -q 'htb 7666:'");
    cr_assert(reservation_clear(NULL, false, netns_run_dir(), &report, NULL));
    netns_sh("tc qdisc show dev near0 | grep -q 'htb 7666:'");
    netns_sh("test ! -e %s/*.json", netns_run_dir());
}

Test(reservation, a_tree_removed_by_the_administrator)
{
    g_autoptr(GError) error = NULL;
    Reservation *reservation;
    ReservationSpec spec;
    Link link;

    netns_enter();
    link = netns_link("near0", 50 * MBIT);
    spec = netns_spec(&link, "vm-a");
    reservation = opened(&spec);
    netns_sh("tc qdisc replace dev near0 root handle 9: pfifo");
    cr_assert(!reservation_set(reservation, MBIT, MBIT, 0, &error));
    cr_assert(g_error_matches(error, RESERVATION_ERROR, RESERVATION_ERROR_GONE),
              "%s", error->message);
    cr_assert(reservation_close(reservation, NULL));
    netns_sh("tc qdisc show dev near0 | grep -q 'pfifo 9:'");
    netns_sh("test ! -e %s/*.json", netns_run_dir());
}

Test(reservation, shown_as_it_is)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonObject) shown = NULL;
    g_autofree char *text = NULL, *nothing = NULL;
    ProtectedSpec guard = { (char *)"udp", 2 * MBIT };
    Reservation *reservation;
    ReservationSpec spec;
    JsonObject *link_json, *classes;
    bool alive = false;
    Link link;

    netns_enter();
    shown = reservation_describe("near0", netns_run_dir(), &error);
    cr_assert_not_null(shown, "%s", error ? error->message : "");
    nothing = reservation_describe_text(shown);
    cr_assert_not_null(strstr(nothing, "nothing"));
    g_clear_pointer(&shown, jobj_unref);

    link = netns_link("near0", 50 * MBIT);
    spec = netns_spec(&link, "vm-a");
    spec.protected_specs = &guard;
    spec.n_protected = 1;
    reservation = opened(&spec);
    shown = reservation_describe(NULL, netns_run_dir(), &error);
    link_json = json_object_array_get_idx(jobj_get(shown, "links"), 0);
    cr_assert(jobj_get_bool(
                  json_object_array_get_idx(jobj_get(link_json, "owners"), 0),
                  "alive", &alive) &&
              alive);
    classes = jobj_get(link_json, "classes");
    cr_assert_eq(json_object_array_length(classes), 5);
    text = reservation_describe_text(shown);
    cr_assert_not_null(strstr(text, "near0: 50.0 Mbit/s, root qdisc 7666:"),
                       "%s", text);
    cr_assert_not_null(strstr(text, "guest vm-a: class 7666:1000"), "%s", text);
    cr_assert_not_null(strstr(text, "protected"), "%s", text);
    cr_assert_null(reservation_describe("nosuch0", NULL, &error));
    cr_assert(reservation_close(reservation, NULL));
}

static void
count_lists(int type, void *data)
{
    *(unsigned *)data += type == RTM_GETTCLASS;
}

/* One list of classes for all who share the link; what one share is told is
 * what it would have read by itself. */
Test(reservation, a_look_that_is_shared)
{
    static const char *const macs[] = { "52:54:00:00:00:01", NULL };
    g_autoptr(ReservationLook) look = NULL;
    g_autoptr(GError) error = NULL;
    Reservation *shares[8], *late;
    ReservationStats own, shared;
    int64_t since_us;
    ReservationSpec spec;
    unsigned lists = 0;
    Link link;

    netns_enter();
    link = netns_link("near0", 50 * MBIT);
    spec = netns_spec(&link, "vm-a");
    memcpy(spec.guest_macs, macs, sizeof(macs));
    for (size_t i = 0; i < G_N_ELEMENTS(shares); i++) {
        shares[i] = opened(&spec);
        cr_assert(reservation_set(shares[i], (i + 1) * MBIT, 40 * MBIT,
                                  i == 3 ? MBIT : 0, &error));
    }
    look = reservation_look_new(link.ifindex);
    since_us = g_get_monotonic_time();
    kernel_spy(count_lists, &lists);
    for (size_t i = 0; i < G_N_ELEMENTS(shares); i++) {
        cr_assert(
            reservation_stats_at(shares[i], look, since_us, &shared, &error),
            "%s", error ? error->message : "");
        cr_assert_geq(shared.read_us, since_us);
        cr_assert_eq(lists, 1);
        kernel_spy(NULL, NULL);
        cr_assert(reservation_stats(shares[i], &own, &error));
        kernel_spy(count_lists, &lists);
        own.read_us = shared.read_us;
        own.link_bytes = shared.link_bytes; /* neighbours are looked for */
        own.rest = shared.rest;
        cr_assert(memcmp(&own, &shared, sizeof(own)) == 0, "share %zu", i);
    }
    /* too old, and from before it was there */
    cr_assert(reservation_stats_at(shares[0], look, shared.read_us + 1, &own,
                                   &error));
    cr_assert_eq(lists, 2);
    late = opened(&spec);
    lists = 0;
    cr_assert(reservation_stats_at(late, look, 0, &own, &error));
    cr_assert_eq(lists, 1);

    /* that it is gone is read anew, and then said of nobody else */
    netns_sh("tc class del dev near0 classid 7666:1001");
    since_us = g_get_monotonic_time();
    cr_assert(reservation_stats_at(shares[0], look, since_us, &own, &error));
    cr_assert(!reservation_stats_at(shares[1], look, 0, &own, &error));
    cr_assert(
        g_error_matches(error, RESERVATION_ERROR, RESERVATION_ERROR_GONE));
    g_clear_error(&error);
    cr_assert(reservation_stats_at(shares[2], look, 0, &own, &error));
    kernel_spy(NULL, NULL);
    cr_assert(reservation_close(late, NULL));
    for (size_t i = 0; i < G_N_ELEMENTS(shares); i++) {
        cr_assert(reservation_close(shares[i], NULL));
    }
}

/* What one gives up another may have at once; and all, or none. */
Test(reservation, several_are_set_as_one_change)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *before = NULL, *after = NULL;
    ReservationChange changes[3] = { 0 };
    ReservationSpec spec;
    unsigned sent = 0;
    Link link;

    netns_enter();
    link = netns_link("near0", 50 * MBIT);
    spec = netns_spec(&link, "vm-a");
    for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
        changes[i].reservation = opened(&spec);
        changes[i].guarantee_bytes_s = (i == 0 ? 40 : 1) * MBIT;
        changes[i].ceiling_bytes_s = 45 * MBIT;
    }
    cr_assert(reservation_set_many(changes, 3, &error), "%s",
              error ? error->message : "");
    near_rate("7666:1000", "rate", 40 * MBIT);
    near_rate("7666:1002", "rate", MBIT);

    /* one after the other the second would not fit */
    changes[2].guarantee_bytes_s = 40 * MBIT;
    changes[0].guarantee_bytes_s = 2 * MBIT;
    kernel_spy(count_changes, &sent);
    cr_assert(reservation_set_many(changes, 3, &error), "%s",
              error ? error->message : "");
    kernel_spy(NULL, NULL);
    cr_assert_eq(sent, 3, "%u", sent); /* both, and what the rest gets */
    near_rate("7666:1000", "rate", 2 * MBIT);
    near_rate("7666:1002", "rate", 40 * MBIT);

    before = netns_tree("near0");
    changes[0].guarantee_bytes_s = 3 * MBIT;
    changes[1].guarantee_bytes_s = 30 * MBIT;
    cr_assert(!reservation_set_many(changes, 3, &error));
    cr_assert(
        g_error_matches(error, RESERVATION_ERROR, RESERVATION_ERROR_RATE));
    after = netns_tree("near0");
    cr_assert_str_eq(after, before);
    g_clear_error(&error);
    /* nor is what did not fit kept for the next change */
    changes[1].guarantee_bytes_s = 4 * MBIT;
    cr_assert(reservation_set_many(changes + 1, 1, &error), "%s",
              error ? error->message : "");
    near_rate("7666:1000", "rate", 2 * MBIT);
    near_rate("7666:1001", "rate", 4 * MBIT);
    for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
        cr_assert(reservation_close(changes[i].reservation, NULL));
    }
}
