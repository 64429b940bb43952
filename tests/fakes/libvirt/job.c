/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job.c - a guest's migration, as libvirt tells of its job
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake.h"

int
fake_job_stats(const Guest *guest, virTypedParameterPtr *params,
               double downtime_ms)
{
    int n = 0, room = 0;

    virTypedParamsAddInt(params, &n, &room, VIR_DOMAIN_JOB_OPERATION,
                         VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT);
    virTypedParamsAddULLong(
        params, &n, &room, VIR_DOMAIN_JOB_TIME_ELAPSED,
        (unsigned long long)(((guest->ended_s > 0 ? guest->ended_s
                                                  : fake_seconds()) -
                              guest->begun_s) *
                             1000));
    virTypedParamsAddULLong(params, &n, &room, VIR_DOMAIN_JOB_DOWNTIME,
                            (unsigned long long)downtime_ms);
    if (guest->pass > 0) {
        virTypedParamsAddULLong(params, &n, &room,
                                VIR_DOMAIN_JOB_MEMORY_ITERATION, guest->pass);
        virTypedParamsAddULLong(params, &n, &room,
                                VIR_DOMAIN_JOB_MEMORY_PAGE_SIZE,
                                FAKE_PAGE_BYTES);
        virTypedParamsAddULLong(params, &n, &room,
                                VIR_DOMAIN_JOB_MEMORY_REMAINING,
                                guest->remaining_pages * FAKE_PAGE_BYTES);
        virTypedParamsAddULLong(params, &n, &room, VIR_DOMAIN_JOB_MEMORY_NORMAL,
                                guest->normal_pages);
        virTypedParamsAddULLong(params, &n, &room,
                                VIR_DOMAIN_JOB_MEMORY_CONSTANT, 0);
        virTypedParamsAddULLong(params, &n, &room,
                                VIR_DOMAIN_JOB_MEMORY_PROCESSED,
                                guest->sent_bytes);
    }
    if (guest->throttle_percent > 0) {
        virTypedParamsAddInt(params, &n, &room,
                             VIR_DOMAIN_JOB_AUTO_CONVERGE_THROTTLE,
                             (int)guest->throttle_percent);
    }
    return n;
}

int
virDomainGetJobInfo(virDomainPtr domain, virDomainJobInfoPtr info)
{
    memset(info, 0, sizeof(*info));
    info->type = fake_guest_of(domain)->where == LEAVES
                     ? VIR_DOMAIN_JOB_UNBOUNDED
                     : VIR_DOMAIN_JOB_NONE;
    return 0;
}

/* As long as an answer is late, FILE.late says so. */
static void
be_late(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static int n_late;

    pthread_mutex_lock(&lock);
    if (n_late++ == 0) {
        fake_state_say("late", true);
    }
    pthread_mutex_unlock(&lock);
    usleep(1500000);
    pthread_mutex_lock(&lock);
    if (--n_late == 0) {
        fake_state_say("late", false);
    }
    pthread_mutex_unlock(&lock);
}

int
virDomainGetJobStats(virDomainPtr domain, int *type,
                     virTypedParameterPtr *params, int *n_params,
                     unsigned int flags)
{
    const Guest *guest = fake_guest_of(domain);
    int result = 0;

    if (fake_state_says("slow")) {
        be_late(); /* and only then it is seen whether it is lost */
    }
    if (fake_domain_lost(domain)) {
        return -1;
    }
    *params = NULL;
    *n_params = 0;
    *type = VIR_DOMAIN_JOB_NONE;
    pthread_mutex_lock(&fake_host->lock);
    if (guest->where == GONE) {
        result = fake_no_domain();
    } else if (guest->where == LEAVES &&
               !(flags & VIR_DOMAIN_JOB_STATS_COMPLETED)) {
        *type = VIR_DOMAIN_JOB_UNBOUNDED;
        *n_params = fake_job_stats(guest, params, 300);
    }
    pthread_mutex_unlock(&fake_host->lock);
    return result;
}

int
virDomainMigrateGetMaxDowntime(virDomainPtr domain,
                               unsigned long long *downtime, unsigned int flags)
{
    if (fake_domain_lost(domain)) {
        return -1;
    }
    *downtime = fake_guest_of(domain)->downtime_ms;
    return 0;
}

int
virDomainMigrateSetMaxDowntime(virDomainPtr domain, unsigned long long downtime,
                               unsigned int flags)
{
    if (fake_domain_lost(domain)) {
        return -1;
    }
    if (fake_state_says("refuse")) {
        return fake_fail(VIR_ERR_OPERATION_TIMEOUT, VIR_FROM_QEMU,
                         "another job holds the guest");
    }
    fake_guest_log_limit(fake_guest_of(domain), downtime);
    fake_guest_of(domain)->downtime_ms = downtime;
    return 0;
}

/* Of QEMU's monitor: the bound of its throttle, which it reaches at once. */
int
virDomainQemuMonitorCommand(virDomainPtr domain, const char *command,
                            char **result, unsigned int flags)
{
    Guest *guest = fake_guest_of(domain);
    const char *bound = strstr(command, "\"max-cpu-throttle\":");

    if (fake_domain_lost(domain)) {
        return -1;
    }
    if (fake_state_says("refuse")) {
        return fake_fail(VIR_ERR_OPERATION_TIMEOUT, VIR_FROM_QEMU,
                         "another job holds the guest");
    }
    if (bound) {
        unsigned percent = (unsigned)atoi(strchr(bound, ':') + 1);

        fake_guest_log_throttle(guest, percent);
        guest->throttle_percent = guest->where == LEAVES ? percent : 0;
    }
    *result = strdup(bound ? "{\"return\":{},\"id\":\"libvirt-1\"}"
                           : "{\"error\":{\"class\":\"CommandNotFound\"}}");
    return 0;
}

int
virDomainMigrateGetMaxSpeed(virDomainPtr domain, unsigned long *speed,
                            unsigned int flags)
{
    *speed = 8796093022207;
    return 0;
}

/* Of one that waits to be asked; returns when it is over. */
int
virDomainMigrateToURI3(virDomainPtr domain, const char *uri,
                       virTypedParameterPtr params, unsigned int n_params,
                       unsigned int flags)
{
    Guest *guest = fake_guest_of(domain);
    unsigned long long cache_bytes = 0;
    const char *method = "";

    if (flags & VIR_MIGRATE_COMPRESSED) {
        virTypedParamsGetString(params, (int)n_params,
                                VIR_MIGRATE_PARAM_COMPRESSION, &method);
        virTypedParamsGetULLong(params, (int)n_params,
                                VIR_MIGRATE_PARAM_COMPRESSION_XBZRLE_CACHE,
                                &cache_bytes);
        fake_guest_log_compression(guest, method, cache_bytes);
    }
    guest->asked = true;
    while (guest->where == WAITS || guest->where == LEAVES) {
        usleep(1000);
    }
    if (guest->where == GONE) {
        return 0;
    }
    return guest->abort ? fake_fail(VIR_ERR_OPERATION_ABORTED, VIR_FROM_QEMU,
                                    "it was aborted")
                        : fake_fail(VIR_ERR_OPERATION_FAILED, VIR_FROM_QEMU,
                                    "migration failed");
}

int
virDomainAbortJob(virDomainPtr domain)
{
    fake_guest_of(domain)->abort = true;
    return 0;
}

int
virDomainMigrateStartPostCopy(virDomainPtr domain, unsigned int flags)
{
    const char *command = getenv("VMFERRY_FAKE_ON_POSTCOPY");
    Guest *guest = fake_guest_of(domain);

    if (!guest->may_postcopy || guest->where != LEAVES) {
        return fake_fail(VIR_ERR_OPERATION_INVALID, VIR_FROM_QEMU,
                         "post-copy was not asked for");
    }
    if (command && system(command) != 0) {
        perror(command);
    }
    guest->postcopy = true;
    return 0;
}
