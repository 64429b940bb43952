/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest-read.c - reading a guest's statistics, one request at a time
 *
 * Both calls need no more than libvirt's query job, which a migration allows,
 * and neither leaves a trace on the guest. The time of a reading is that of
 * its answer: while the guest is switched over, QEMU answers late.
 */
#include "virt/virt-priv.h"

typedef struct Read {
    VirtGuest *guest;
    virDomainPtr domain;
    unsigned what;
    int stats_flags; /* of virDomainGetJobStats() */
    VirtRead done;
    gpointer user;
    VirtReading reading;
    GError *error;
} Read;

static void
read_job(Read *read)
{
    virTypedParameterPtr params = NULL;
    int n_params = 0, type = 0;

    if (virDomainGetJobStats(read->domain, &type, &params, &n_params,
                             read->stats_flags) < 0) {
        virt_error_take_guest(read->error ? NULL : &read->error, read->domain,
                              "reading its job's statistics");
        return;
    }
    virt_job_read(&read->reading.job, type, params, n_params,
                  g_get_monotonic_time());
    virTypedParamsFree(params, n_params);
    read->reading.what |= VIRT_READ_JOB;
}

static void
read_counters(Read *read)
{
    virDomainPtr domains[] = { read->domain, NULL };
    virDomainStatsRecordPtr *records = NULL;
    int n = virDomainListGetStats(
        domains,
        VIR_DOMAIN_STATS_STATE | VIR_DOMAIN_STATS_CPU_TOTAL |
            VIR_DOMAIN_STATS_BALLOON | VIR_DOMAIN_STATS_INTERFACE,
        &records, 0);

    if (n < 0) {
        virt_error_take_guest(read->error ? NULL : &read->error, read->domain,
                              "reading its counters");
        return;
    }
    read->reading.counters.at_us = g_get_monotonic_time();
    if (n > 0) {
        virt_counters_read(&read->reading, records[0]->params,
                           records[0]->nparams, g_get_monotonic_time(),
                           g_get_real_time());
    }
    virDomainStatsRecordListFree(records);
    read->reading.what |= VIRT_READ_COUNTERS;
}

static void
read_work(gpointer data)
{
    Read *read = data;

    if (read->what & VIRT_READ_JOB) {
        read_job(read);
    }
    if (read->what & VIRT_READ_COUNTERS) {
        read_counters(read);
    }
}

static void
read_free(Read *read)
{
    g_clear_error(&read->error);
    virt_job_clear(&read->reading.job);
    virt_guest_unref(read->guest);
    g_free(read);
}

static void
read_deliver(gpointer data)
{
    Read *read = data;

    read->done(read->guest, &read->reading,
               read->reading.what ? NULL : read->error, read->user);
    read_free(read);
}

static void
poll_deliver(gpointer data)
{
    Read *read = data;

    *virt_guest_polling(read->guest) =
        false; /* before: the callback may poll again */
    read_deliver(read);
}

static Read *
read_new(VirtGuest *guest, unsigned what, VirtRead done, gpointer user)
{
    Read *read = g_new0(Read, 1);

    read->guest = virt_guest_ref(guest);
    read->domain = virt_guest_domain(guest);
    read->what = what;
    read->done = done;
    read->user = user;
    return read;
}

bool
virt_guest_poll(VirtGuest *guest, unsigned what, VirtRead done, gpointer user)
{
    if (*virt_guest_polling(guest)) {
        return false;
    }
    *virt_guest_polling(guest) = true;
    virt_pool_call(virt_host_pool(virt_guest_host(guest)), read_work,
                   poll_deliver, read_new(guest, what, done, user));
    return true;
}

void
virt_guest_counters_now(VirtGuest *guest, SampleCounters *counters)
{
    Read read = { .guest = guest, .domain = virt_guest_domain(guest) };

    read_counters(&read);
    g_clear_error(&read.error);
    *counters = read.reading.counters;
}

void
virt_guest_completed_job(VirtGuest *guest, VirtRead done, gpointer user)
{
    Read *read = read_new(guest, VIRT_READ_JOB, done, user);

    read->stats_flags =
        VIR_DOMAIN_JOB_STATS_COMPLETED | VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED;
    virt_pool_call(virt_host_pool(virt_guest_host(guest)), read_work,
                   read_deliver, read);
}
