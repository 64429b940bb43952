/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest-stats.c - libvirt's typed parameters become figures; pure
 *
 * libvirt leaves out what it does not know, and so do we: a parameter that is
 * missing is unknown, not zero. memory_constant are the zero pages,
 * memory_iteration is QEMU's dirty-sync-count, memory_processed what QEMU has
 * put on the wire ("transferred").
 */
#include <string.h>

#include "virt/virt-priv.h"

/* Any whole-number type: libvirt changed some of them between versions. */
static bool
get_u64(virTypedParameterPtr params, int n_params, const char *name,
        uint64_t *value)
{
    for (int i = 0; i < n_params; i++) {
        if (strcmp(params[i].field, name)) {
            continue;
        }
        switch (params[i].type) {
        case VIR_TYPED_PARAM_INT:
            *value = params[i].value.i < 0 ? 0 : (uint64_t)params[i].value.i;
            return params[i].value.i >= 0;
        case VIR_TYPED_PARAM_UINT:
            *value = params[i].value.ui;
            return true;
        case VIR_TYPED_PARAM_LLONG:
            *value = params[i].value.l < 0 ? 0 : (uint64_t)params[i].value.l;
            return params[i].value.l >= 0;
        case VIR_TYPED_PARAM_ULLONG:
            *value = params[i].value.ul;
            return true;
        default:
            return false;
        }
    }
    return false;
}

static Known
get_known(virTypedParameterPtr params, int n_params, const char *name)
{
    uint64_t value;

    return get_u64(params, n_params, name, &value) ? known((double)value)
                                                   : unknown();
}

static VirtJobState
job_state_of(int type)
{
    switch (type) {
    case VIR_DOMAIN_JOB_NONE:
        return VIRT_JOB_NONE;
    case VIR_DOMAIN_JOB_COMPLETED:
        return VIRT_JOB_COMPLETED;
    case VIR_DOMAIN_JOB_FAILED:
        return VIRT_JOB_FAILED;
    case VIR_DOMAIN_JOB_CANCELLED:
        return VIRT_JOB_CANCELLED;
    default:
        return VIRT_JOB_ACTIVE;
    }
}

static bool
poll_read(SamplePoll *poll, virTypedParameterPtr params, int n, int64_t at_us)
{
    uint64_t iteration = 0, throttle = 0, overflow = 0;
    const struct {
        const char *name;
        uint64_t *value;
    } needed[] = {
        { VIR_DOMAIN_JOB_MEMORY_ITERATION, &iteration },
        { VIR_DOMAIN_JOB_MEMORY_PAGE_SIZE, &poll->page_bytes },
        { VIR_DOMAIN_JOB_MEMORY_REMAINING, &poll->remaining_bytes },
        { VIR_DOMAIN_JOB_MEMORY_NORMAL, &poll->normal_pages },
        { VIR_DOMAIN_JOB_MEMORY_CONSTANT, &poll->duplicate_pages },
        { VIR_DOMAIN_JOB_MEMORY_PROCESSED, &poll->sent_bytes },
    };
    bool all = true;

    for (size_t i = 0; i < G_N_ELEMENTS(needed); i++) {
        all = get_u64(params, n, needed[i].name, needed[i].value) && all;
    }
    /* Only with compression or auto-converge. */
    get_u64(params, n, VIR_DOMAIN_JOB_COMPRESSION_PAGES, &poll->other_pages);
    get_u64(params, n, VIR_DOMAIN_JOB_COMPRESSION_OVERFLOW, &overflow);
    poll->other_pages -= MIN(overflow, poll->other_pages);
    get_u64(params, n, VIR_DOMAIN_JOB_AUTO_CONVERGE_THROTTLE, &throttle);
    poll->pass = (unsigned)MIN(iteration, G_MAXUINT);
    poll->throttle_percent = (unsigned)MIN(throttle, 100);
    poll->at_us = at_us;
    return all && poll->page_bytes > 0;
}

void
virt_job_read(VirtJob *job, int type, virTypedParameterPtr params, int n,
              int64_t at_us)
{
    uint64_t operation = VIR_DOMAIN_JOB_OPERATION_UNKNOWN;

    *job = (VirtJob){ .state = job_state_of(type) };
    get_u64(params, n, VIR_DOMAIN_JOB_OPERATION, &operation);
    job->outgoing = operation == VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT;
    job->sampled = poll_read(&job->poll, params, n, at_us);
    if (job->state == VIRT_JOB_ACTIVE && !job->sampled) {
        job->state = VIRT_JOB_STARTING;
    }
    job->elapsed_ms = get_known(params, n, VIR_DOMAIN_JOB_TIME_ELAPSED);
    job->downtime_ms = get_known(params, n, VIR_DOMAIN_JOB_DOWNTIME);
    if (job->state == VIRT_JOB_ACTIVE) {
        job->poll.expected_downtime_ms = job->downtime_ms;
    }
    job->setup_ms = get_known(params, n, VIR_DOMAIN_JOB_SETUP_TIME);
    job->total_bytes = get_known(params, n, VIR_DOMAIN_JOB_MEMORY_TOTAL);
    job->remaining_bytes = get_known(params, n, VIR_DOMAIN_JOB_DATA_REMAINING);
    job->rate_bytes_s = get_known(params, n, VIR_DOMAIN_JOB_MEMORY_BPS);
    job->postcopy_requests =
        get_known(params, n, VIR_DOMAIN_JOB_MEMORY_POSTCOPY_REQS);
    for (int i = 0; i < n; i++) {
        /* Only in the event that ends a job, whose type says nothing. */
        if (!strcmp(params[i].field, VIR_DOMAIN_JOB_SUCCESS) &&
            params[i].type == VIR_TYPED_PARAM_BOOLEAN && !params[i].value.b) {
            job->state = VIRT_JOB_FAILED;
        }
        if (!strcmp(params[i].field, VIR_DOMAIN_JOB_ERRMSG) &&
            params[i].type == VIR_TYPED_PARAM_STRING) {
            g_free(job->message);
            job->message = g_strdup(params[i].value.s);
        }
    }
}

void
virt_job_clear(VirtJob *job)
{
    g_clear_pointer(&job->message, g_free);
}

void
virt_job_copy(VirtJob *to, const VirtJob *from)
{
    *to = *from;
    to->message = g_strdup(from->message);
}

/* Over all interfaces that have counters: both directions, and what the guest
 * sent. libvirt tells both as the guest sees them. */
static void
net_bytes(virTypedParameterPtr params, int n, SampleCounters *counters)
{
    uint64_t count = 0, received = 0, sent = 0;
    bool any = false;

    get_u64(params, n, "net.count", &count);
    for (uint64_t i = 0; i < MIN(count, 256); i++) {
        char name[48];
        uint64_t rx, tx;

        g_snprintf(name, sizeof(name), "net.%u.rx.bytes", (unsigned)i);
        if (!get_u64(params, n, name, &rx)) {
            continue;
        }
        g_snprintf(name, sizeof(name), "net.%u.tx.bytes", (unsigned)i);
        if (get_u64(params, n, name, &tx)) {
            received += rx;
            sent += tx;
            any = true;
        }
    }
    if (any) {
        counters->guest_net_bytes = known((double)(received + sent));
        counters->guest_tx_bytes = known((double)sent);
    }
}

void
virt_counters_read(VirtReading *reading, virTypedParameterPtr params, int n,
                   int64_t at_us, int64_t wall_us)
{
    SampleCounters *counters = &reading->counters;
    uint64_t state = 0, cpu_ns, updated_s, available, unused;

    *counters = (SampleCounters){ .at_us = at_us };
    reading->balloon_age_s = unknown();
    /* Of a guest whose process has just ended libvirt tells some other
     * process's CPU time. */
    if (!get_u64(params, n, "state.state", &state) ||
        (state != VIR_DOMAIN_RUNNING && state != VIR_DOMAIN_BLOCKED &&
         state != VIR_DOMAIN_PAUSED)) {
        return;
    }
    counters->guest_cpu_s = get_u64(params, n, "cpu.time", &cpu_ns)
                                ? known((double)cpu_ns / 1e9)
                                : unknown();
    net_bytes(params, n, counters);

    /* The driver in the guest has answered at least once. Page cache counts as
     * used: a migration has to send it like anything else. */
    if (get_u64(params, n, "balloon.last-update", &updated_s) &&
        updated_s > 0 && get_u64(params, n, "balloon.available", &available) &&
        get_u64(params, n, "balloon.unused", &unused) && available > 0 &&
        unused <= available) {
        counters->mem_used =
            known((double)(available - unused) / (double)available);
        reading->balloon_age_s = known(wall_us / 1e6 - (double)updated_s);
    }
}
