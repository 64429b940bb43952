/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stats.c - typed parameters as QEMU's driver sends them, whole and in pieces
 */
#include "test-virt.h"

static void
initialize(void)
{
    virInitialize();
}

TestSuite(stats, .init = initialize);

typedef struct Params {
    virTypedParameterPtr list;
    int n, capacity;
} Params;

static void
add_u64(Params *p, const char *name, unsigned long long value)
{
    cr_assert_eq(
        virTypedParamsAddULLong(&p->list, &p->n, &p->capacity, name, value), 0);
}

/* An active migration of 512 MiB, third pass. */
static Params
active(void)
{
    Params p = { 0 };

    cr_assert_eq(virTypedParamsAddInt(&p.list, &p.n, &p.capacity,
                                      VIR_DOMAIN_JOB_OPERATION,
                                      VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT),
                 0);
    add_u64(&p, VIR_DOMAIN_JOB_TIME_ELAPSED, 12345);
    add_u64(&p, VIR_DOMAIN_JOB_DOWNTIME, 300);
    add_u64(&p, VIR_DOMAIN_JOB_SETUP_TIME, 7);
    add_u64(&p, VIR_DOMAIN_JOB_DATA_PROCESSED, 70000000);
    add_u64(&p, VIR_DOMAIN_JOB_DATA_REMAINING, 8192000);
    add_u64(&p, VIR_DOMAIN_JOB_MEMORY_TOTAL, 545284096);
    add_u64(&p, VIR_DOMAIN_JOB_MEMORY_PROCESSED, 70000000);
    add_u64(&p, VIR_DOMAIN_JOB_MEMORY_REMAINING, 8192000);
    add_u64(&p, VIR_DOMAIN_JOB_MEMORY_CONSTANT, 120000);
    add_u64(&p, VIR_DOMAIN_JOB_MEMORY_NORMAL, 16800);
    add_u64(&p, VIR_DOMAIN_JOB_MEMORY_BPS, 6000000);
    add_u64(&p, VIR_DOMAIN_JOB_MEMORY_DIRTY_RATE, 800);
    add_u64(&p, VIR_DOMAIN_JOB_MEMORY_PAGE_SIZE, 4096);
    add_u64(&p, VIR_DOMAIN_JOB_MEMORY_ITERATION, 3);
    return p;
}

Test(stats, an_active_migration)
{
    Params p = active();
    VirtJob job;

    virt_job_read(&job, VIR_DOMAIN_JOB_UNBOUNDED, p.list, p.n, 99);
    cr_assert_eq(job.state, VIRT_JOB_ACTIVE);
    cr_assert(job.outgoing);
    cr_assert(job.sampled);
    cr_assert_eq(job.poll.at_us, 99);
    cr_assert_eq(job.poll.pass, 3);
    cr_assert_eq(job.poll.page_bytes, 4096);
    cr_assert_eq(job.poll.remaining_bytes, 8192000);
    cr_assert_eq(job.poll.normal_pages, 16800);
    cr_assert_eq(job.poll.duplicate_pages, 120000);
    cr_assert_eq(job.poll.other_pages, 0);
    cr_assert_eq(job.poll.sent_bytes, 70000000);
    cr_assert_eq(job.poll.throttle_percent, 0);
    cr_assert_eq(job.elapsed_ms.value, 12345);
    cr_assert_eq(job.total_bytes.value, 545284096);
    cr_assert_eq(job.rate_bytes_s.value, 6000000);
    cr_assert_not(job.postcopy_requests.known, "absent is not zero");
    cr_assert_null(job.message);
    virTypedParamsFree(p.list, p.n);
}

Test(stats, compression_and_throttle)
{
    Params p = active();
    VirtJob job;

    add_u64(&p, VIR_DOMAIN_JOB_COMPRESSION_PAGES, 500);
    add_u64(&p, VIR_DOMAIN_JOB_COMPRESSION_OVERFLOW, 120);
    cr_assert_eq(virTypedParamsAddInt(&p.list, &p.n, &p.capacity,
                                      VIR_DOMAIN_JOB_AUTO_CONVERGE_THROTTLE,
                                      40),
                 0);
    virt_job_read(&job, VIR_DOMAIN_JOB_UNBOUNDED, p.list, p.n, 0);
    cr_assert_eq(job.poll.other_pages, 380, "those sent whole are normal");
    cr_assert_eq(job.poll.throttle_percent, 40);
    virTypedParamsFree(p.list, p.n);
}

/* Each figure of the identity is needed; without it there is no sample. */
Test(stats, a_sample_needs_every_part_of_the_identity)
{
    static const char *const needed[] = {
        VIR_DOMAIN_JOB_MEMORY_ITERATION, VIR_DOMAIN_JOB_MEMORY_PAGE_SIZE,
        VIR_DOMAIN_JOB_MEMORY_REMAINING, VIR_DOMAIN_JOB_MEMORY_NORMAL,
        VIR_DOMAIN_JOB_MEMORY_CONSTANT,  VIR_DOMAIN_JOB_MEMORY_PROCESSED,
    };

    for (size_t i = 0; i < G_N_ELEMENTS(needed); i++) {
        Params p = active();
        virTypedParameterPtr param = virTypedParamsGet(p.list, p.n, needed[i]);
        VirtJob job;

        cr_assert_not_null(param, "%s", needed[i]);
        g_strlcpy(param->field, "something_else", sizeof(param->field));
        virt_job_read(&job, VIR_DOMAIN_JOB_UNBOUNDED, p.list, p.n, 0);
        cr_assert_not(job.sampled, "%s", needed[i]);
        cr_assert_eq(job.state, VIRT_JOB_STARTING);
        virTypedParamsFree(p.list, p.n);
    }
}

typedef struct StateCase {
    int type;
    int want;
} StateCase;

ParameterizedTestParameters(stats, states)
{
    static StateCase cases[] = {
        { VIR_DOMAIN_JOB_NONE, VIRT_JOB_NONE },
        { VIR_DOMAIN_JOB_BOUNDED, VIRT_JOB_STARTING },
        { VIR_DOMAIN_JOB_UNBOUNDED, VIRT_JOB_STARTING },
        { VIR_DOMAIN_JOB_COMPLETED, VIRT_JOB_COMPLETED },
        { VIR_DOMAIN_JOB_FAILED, VIRT_JOB_FAILED },
        { VIR_DOMAIN_JOB_CANCELLED, VIRT_JOB_CANCELLED },
    };

    return cr_make_param_array(StateCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(StateCase *c, stats, states)
{
    VirtJob job;

    virt_job_read(&job, c->type, NULL, 0, 0);
    cr_assert_eq((int)job.state, c->want, "%d: %d", c->type, (int)job.state);
    cr_assert_not(job.sampled);
    cr_assert_not(job.downtime_ms.known);
}

Test(stats, the_final_event_of_a_failed_job)
{
    Params p = { 0 };
    VirtJob job, copy;

    cr_assert_eq(virTypedParamsAddBoolean(&p.list, &p.n, &p.capacity,
                                          VIR_DOMAIN_JOB_SUCCESS, 0),
                 0);
    cr_assert_eq(virTypedParamsAddString(&p.list, &p.n, &p.capacity,
                                         VIR_DOMAIN_JOB_ERRMSG, "no route"),
                 0);
    virt_job_read(&job, VIR_DOMAIN_JOB_COMPLETED, p.list, p.n, 0);
    virTypedParamsFree(p.list, p.n);
    cr_assert_eq(job.state, VIRT_JOB_FAILED);
    cr_assert_str_eq(job.message, "no route");
    virt_job_copy(&copy, &job);
    virt_job_clear(&job);
    cr_assert_str_eq(copy.message, "no route");
    virt_job_clear(&copy);
}

Test(stats, a_page_size_of_zero_or_a_negative_count_is_no_sample)
{
    Params p = active();
    VirtJob job;

    virTypedParamsGet(p.list, p.n, VIR_DOMAIN_JOB_MEMORY_PAGE_SIZE)->value.ul =
        0;
    virt_job_read(&job, VIR_DOMAIN_JOB_UNBOUNDED, p.list, p.n, 0);
    cr_assert_not(job.sampled);
    virTypedParamsFree(p.list, p.n);

    p = active();
    *virTypedParamsGet(p.list, p.n, VIR_DOMAIN_JOB_MEMORY_ITERATION) =
        (virTypedParameter){ .field = VIR_DOMAIN_JOB_MEMORY_ITERATION,
                             .type = VIR_TYPED_PARAM_INT,
                             .value.i = -1 };
    virt_job_read(&job, VIR_DOMAIN_JOB_UNBOUNDED, p.list, p.n, 0);
    cr_assert_not(job.sampled);
    virTypedParamsFree(p.list, p.n);
}

/* --- counters --- */

static Params
counters(unsigned long long updated_s)
{
    Params p = { 0 };

    add_u64(&p, "state.state", VIR_DOMAIN_RUNNING);
    add_u64(&p, "cpu.time", 2500000000ull);
    add_u64(&p, "balloon.current", 524288);
    add_u64(&p, "balloon.available", 400000);
    add_u64(&p, "balloon.unused", 300000);
    add_u64(&p, "balloon.last-update", updated_s);
    add_u64(&p, "net.count", 3);
    add_u64(&p, "net.0.rx.bytes", 1000);
    add_u64(&p, "net.0.tx.bytes", 200);
    /* the second is passed through: no counters */
    add_u64(&p, "net.2.rx.bytes", 30);
    add_u64(&p, "net.2.tx.bytes", 4);
    return p;
}

Test(stats, counters_of_a_guest_with_a_driver)
{
    Params p = counters(1000);
    VirtReading r = { 0 };

    virt_counters_read(&r, p.list, p.n, 55, 1002500000);
    cr_assert_eq(r.counters.at_us, 55);
    cr_assert_float_eq(r.counters.guest_cpu_s.value, 2.5, 1e-12);
    cr_assert_eq(r.counters.guest_net_bytes.value, 1234);
    cr_assert_eq(r.counters.guest_tx_bytes.value, 204);
    cr_assert_float_eq(r.counters.mem_used.value, 0.25, 1e-12);
    cr_assert_float_eq(r.balloon_age_s.value, 2.5, 1e-6);
    cr_assert_not(r.counters.host_net_bytes.known);
    virTypedParamsFree(p.list, p.n);
}

Test(stats, a_balloon_driver_that_never_answered_is_no_driver)
{
    Params p = counters(0);
    VirtReading r = { 0 };

    virt_counters_read(&r, p.list, p.n, 0, 0);
    cr_assert_not(r.counters.mem_used.known);
    cr_assert_not(r.balloon_age_s.known);
    cr_assert(r.counters.guest_cpu_s.known);
    virTypedParamsFree(p.list, p.n);
}

Test(stats, unused_above_available_is_nonsense)
{
    Params p = counters(1000);
    VirtReading r = { 0 };

    virTypedParamsGet(p.list, p.n, "balloon.unused")->value.ul = 400001;
    virt_counters_read(&r, p.list, p.n, 0, 0);
    cr_assert_not(r.counters.mem_used.known);
    virTypedParamsFree(p.list, p.n);
}

/* Seen after a migration: 5.12 s, then 0.22 s, the daemon's own. */
Test(stats, cpu_time_of_a_guest_that_has_ended_is_not_its_own)
{
    Params p = counters(1000);
    VirtReading r = { 0 };

    virTypedParamsGet(p.list, p.n, "state.state")->value.ul =
        VIR_DOMAIN_SHUTOFF;
    virt_counters_read(&r, p.list, p.n, 5, 0);
    cr_assert_not(r.counters.guest_cpu_s.known);
    cr_assert_not(r.counters.mem_used.known);
    cr_assert_eq(r.counters.at_us, 5);
    virTypedParamsFree(p.list, p.n);
}

Test(stats, nothing_known_is_nothing_known)
{
    VirtReading r = { 0 };

    virt_counters_read(&r, NULL, 0, 5, 0);
    cr_assert_not(r.counters.guest_cpu_s.known);
    cr_assert_not(r.counters.guest_net_bytes.known);
    cr_assert_not(r.counters.mem_used.known);
}

Test(stats, an_absurd_interface_count_ends)
{
    Params p = { 0 };
    VirtReading r = { 0 };

    add_u64(&p, "state.state", VIR_DOMAIN_RUNNING);
    add_u64(&p, "net.count", G_MAXUINT64);
    virt_counters_read(&r, p.list, p.n, 0, 0);
    cr_assert_not(r.counters.guest_net_bytes.known);
    virTypedParamsFree(p.list, p.n);
}
