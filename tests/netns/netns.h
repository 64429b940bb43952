/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * netns.h - a private network namespace for one test
 *
 * The test process moves into a new namespace and has a wire to a second one,
 * "far", kept by a child that dies with it:
 *
 *     here: near0 10.9.0.1/24, fd09::1/64  ---  far0 10.9.0.2, fd09::2 :far
 *
 * What the code under test did is read back by another road, "tc -j".
 */
#ifndef TESTS_NETNS_H
#define TESTS_NETNS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "tc/link.h"
#include "tc/reservation.h"

#define NEAR4 "10.9.0.1"
#define FAR4 "10.9.0.2"
#define NEAR6 "fd09::1"
#define FAR6 "fd09::2"

/** netns_enter() - Make both namespaces; skips the test aloud if not root */
void netns_enter(void);

/** netns_run_dir() - A run directory of this test alone */
const char *netns_run_dir(void);

/** netns_sh() - Run a shell command here; the test fails if it does */
void netns_sh(const char *format, ...) G_GNUC_PRINTF(1, 2);

/** netns_far() - Run a shell command in the far namespace */
void netns_far(const char *format, ...) G_GNUC_PRINTF(1, 2);

/** netns_read() - What a shell command here prints; g_free() it */
char *netns_read(const char *format, ...) G_GNUC_PRINTF(1, 2);

/** netns_tree() - Qdiscs, classes and filters as tc shows them, no counters */
char *netns_tree(const char *device);

/** netns_class() - One class as "tc -s -d" shows it, in one line; NULL */
char *netns_class(const char *device, const char *id);

/** netns_has_class() - Whether there is such a class */
bool netns_has_class(const char *device, const char *id);

/**
 * netns_class_get() - A number of it; the test fails without
 * @word: "rate" and "ceil" in bytes per second (tc rounds to 1000 bit),
 *        "prio", "quantum", "Sent" (bytes), "backlog" (bytes)
 */
uint64_t netns_class_get(const char *device, const char *id, const char *word);

/** netns_link() - A link as link_resolve() fills it in */
Link netns_link(const char *device, uint64_t rate_bytes_s);

/** netns_spec() - A reservation on @link with everything else plain */
ReservationSpec netns_spec(const Link *link, const char *name);

/**
 * netns_pour() - A TCP stream that sends as much as it can, until the test ends
 * @far_listens: The far side accepts, as a migration's destination does;
 *               otherwise it connects and is answered with the bulk
 * @near_port: 0: any (only if the far side listens)
 * @far_port: Likewise
 *
 * Data flows from here to there. Returns when the connection stands.
 */
void netns_pour(bool ip6, bool far_listens, uint16_t near_port,
                uint16_t far_port);

/** netns_fetch_s() - Seconds to connect to a far port and send @bytes there */
double netns_fetch_s(uint16_t far_port, size_t bytes);

/** netns_wait_sent() - Wait until a class has sent more than @bytes */
void netns_wait_sent(const char *device, const char *id, uint64_t bytes);

/** netns_rates() - Bytes per second of classes over @seconds */
void netns_rates(const char *device, const char *const *ids, double *rates,
                 size_t n, double seconds);

/** netns_far_pid() - Process that holds the far namespace */
int netns_far_pid(void);

#endif
