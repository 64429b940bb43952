/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * writes.c - what guests write to, from one look to the next
 */
#include "test-virt.h"
#include "virt/inventory-priv.h"

#define SECOND_US INT64_C(1000000)
#define MIB 1048576.0

/* Parameters are libvirt's to make, and it has to be awake for that. */
static void
initialize(void)
{
    virInitialize();
}

TestSuite(writes, .init = initialize);

static void
read_answer(SeenBefore *count, int status, int period, long long mib_s,
            int64_t now_us)
{
    virTypedParameterPtr params = NULL;
    int n = 0, most = 0;

    virTypedParamsAddInt(&params, &n, &most, "dirtyrate.calc_status", status);
    virTypedParamsAddInt(&params, &n, &most, "dirtyrate.calc_period", period);
    virTypedParamsAddLLong(&params, &n, &most, "dirtyrate.megabytes_per_second",
                           mib_s);
    seen_writes_read(params, n, now_us, count);
    virTypedParamsFree(params, n);
}

static void
begin(SeenBefore *count, int window_s, int64_t now_us)
{
    count->window_s = window_s;
    count->window_us = now_us;
}

Test(writes, a_short_window_then_a_long_one_then_a_pause)
{
    int64_t every_us = 600 * SECOND_US, now_us = SECOND_US;
    SeenBefore count = { 0 };

    cr_assert_eq(seen_writes_next(&count, 0, now_us), 0);
    cr_assert_eq(seen_writes_next(&count, every_us, now_us), 1);
    begin(&count, 1, now_us);
    now_us += 60 * SECOND_US;
    cr_assert_eq(seen_writes_next(&count, every_us, now_us), 0);
    read_answer(&count, VIR_DOMAIN_DIRTYRATE_MEASURING, 1, 9, now_us);
    cr_assert_not(count.short_bytes.known);
    read_answer(&count, VIR_DOMAIN_DIRTYRATE_MEASURED, 1, 12, now_us);
    cr_assert_float_eq(count.short_bytes.value, 12 * MIB, 1);
    cr_assert_eq(seen_writes_next(&count, every_us, now_us), 8);
    begin(&count, 8, now_us);
    now_us += 60 * SECOND_US;
    read_answer(&count, VIR_DOMAIN_DIRTYRATE_MEASURED, 8, 0, now_us);
    cr_assert_float_eq(count.long_bytes.value, 2 * MIB, 1,
                       "less than a whole MiB/s is not nothing");
    cr_assert_eq(seen_writes_next(&count, every_us, now_us), 0);
    now_us += every_us;
    cr_assert_eq(seen_writes_next(&count, every_us, now_us), 1);
    cr_assert(count.short_bytes.known, "what was known stays so meanwhile");
}

/* Whoever looks twice and then moves is not in the middle of a long window. */
Test(writes, the_long_window_waits_for_the_look_after)
{
    SeenBefore count = { 0 };

    begin(&count, 1, SECOND_US);
    read_answer(&count, VIR_DOMAIN_DIRTYRATE_MEASURED, 1, 3, 3 * SECOND_US);
    cr_assert(count.short_bytes.known);
    cr_assert_eq(seen_writes_next(&count, 600 * SECOND_US, 3 * SECOND_US), 0);
    cr_assert_eq(seen_writes_next(&count, 600 * SECOND_US, 9 * SECOND_US), 8);
}

Test(writes, what_somebody_else_asked_for_is_not_ours)
{
    SeenBefore count = { 0 };

    read_answer(&count, VIR_DOMAIN_DIRTYRATE_MEASURED, 1, 3, SECOND_US);
    cr_assert_not(count.short_bytes.known);
    begin(&count, 1, SECOND_US);
    read_answer(&count, VIR_DOMAIN_DIRTYRATE_MEASURED, 5, 3, 3 * SECOND_US);
    cr_assert_not(count.short_bytes.known);
    /* and one that never comes is given up, not waited for */
    read_answer(&count, VIR_DOMAIN_DIRTYRATE_MEASURED, 5, 3, 300 * SECOND_US);
    cr_assert_eq(count.window_s, 0);
    cr_assert_eq(seen_writes_next(&count, 600 * SECOND_US, 301 * SECOND_US), 0);
}

/* libvirt's test driver cannot: unknown, and asked for once only. */
Test(writes, a_hypervisor_that_cannot_leaves_them_unknown)
{
    g_autoptr(TestPool) pool = virt_pool_new(NULL);
    g_autoptr(GError) error = NULL;
    SeenLink link = { .uri = (char *)"test:///default",
                      .count_every_us = SECOND_US };

    link.guests =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    cr_assert(seen_host_connect(&link, &error), "%s",
              error ? error->message : "");
    for (int i = 0; i < 2; i++) {
        VirtSeenHost *host = seen_host_read(&link);
        const VirtSeenGuest *guest;

        cr_assert(host->answered, "%s", host->why);
        cr_assert_eq(host->guests->len, 1);
        guest = host->guests->pdata[0];
        cr_assert_not(guest->short_written_bytes.known);
        cr_assert(link.cannot_count);
        cr_assert_eq(link.n_begun, i == 0);
        virt_seen_host_free(host);
    }
    virConnectClose(link.connection);
    g_hash_table_unref(link.guests);
    g_free(link.capabilities);
}
