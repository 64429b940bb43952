/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-virt.h - what the tests of the libvirt adapter share
 *
 * libvirt's test driver lives in the process: test:///default holds one
 * running domain, "test", and needs no daemon. Every criterion test is a
 * process of its own, and with it libvirt's event loop.
 */
#ifndef TEST_VIRT_H
#define TEST_VIRT_H

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "virt/virt-priv.h"

#define TEST_URI "test:///default"

/* A pool that is drained when its test ends: declared first, it goes last. */
typedef VirtPool TestPool;
void test_pool_end(TestPool *pool);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TestPool, test_pool_end)

/* A result that a callback leaves behind. */
typedef struct Answer {
    bool done;
    VirtHost *host;
    VirtGuest *guest;
    GError *error;
} Answer;

/* Iterate the main loop until *@flag; fail the test after ten seconds. */
void until(bool *flag);

void on_host(VirtHost *host, const GError *error, gpointer user);
void on_guest(VirtGuest *guest, const GError *error, gpointer user);
void on_done(const GError *error, gpointer user);

VirtHost *open_test_host(VirtPool *pool);
VirtGuest *open_test_guest(VirtHost *host);

/* A file of tests/data/virt; g_free() it */
char *data_file(const char *name);

#endif
