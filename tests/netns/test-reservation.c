/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening, changing and closing a reservation on the real kernel.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "netns.h"
#include "tc/kernel.h"

#define MBIT 125000u

TestSuite(reservation, .timeout = 60);

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

Test(reservation, open_set_close)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *before = NULL, *after = NULL;
    Reservation *reservation;
    unsigned changes = 0;
    ReservationSpec spec;
    Link link;

    netns_enter();
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

    cr_assert(reservation_close(reservation, &error), "%s",
              error ? error->message : "");
    after = netns_tree("near0");
    cr_assert_str_eq(after, before);
}
