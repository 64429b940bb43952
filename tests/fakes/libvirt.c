/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt.c - a host with guests that migrate, without libvirtd and QEMU
 *
 * To be put before libvirt with LD_PRELOAD: the calls that vmferryd makes are
 * answered here. A guest on paper writes random pages of a set, so that a pass
 * of T seconds dirties set x (1 - exp(-rate T / set)) of them; its stream is a
 * real connection to a real address, and its passes last as long as that takes.
 * So what vmferryd shapes has its effect, and many migrations at once cost no
 * more than their bytes.
 *
 *   VMFERRY_FAKE_GUESTS="start=1,to=10.9.0.2:49152,mib=32,rate=300,set=2000,
 *       mbit=80;start=1,to=..."
 *
 * start: seconds after the first connection, when it leaves; rate: pages a
 * second; set: pages; mbit: it sends no faster. What it prints, if
 * VMFERRY_FAKE_LOG names a file: a line for each end, with its true figures.
 */
#include <arpa/inet.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST_GUESTS 128
#define MOST_CALLBACKS 2048
#define PAGE_BYTES 4096
#define PAGE_WIRE_BYTES 4104 /* with its header */
#define CHUNK_PAGES 16

typedef enum { WAITS, LEAVES, STAYS, GONE } Where;

typedef struct Guest {
    char name[16];
    char uuid[VIR_UUID_STRING_BUFLEN];
    double start_s;
    char host[46];
    int port;
    double memory_pages, write_pages_s, set_pages, most_bytes_s;
    /* under the lock */
    Where where;
    bool abort;
    unsigned pass;
    uint64_t remaining_pages, normal_pages, sent_bytes;
    double begun_s;
    unsigned long long downtime_ms;
} Guest;

typedef struct Callback {
    int id;
    int event; /* -1: of the monitor */
    const Guest *guest;
    virConnectDomainEventGenericCallback call;
    virConnectDomainQemuMonitorEventCallback monitor;
    void *opaque;
    virFreeCallback free_opaque;
} Callback;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t callbacks_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static Guest guests[MOST_GUESTS];
static int n_guests;
static Callback callbacks[MOST_CALLBACKS];
static int n_callbacks, next_id;
static char connection; /* its address is what we hand out */
static __thread virError last_error;

#define CONNECTION ((virConnectPtr)(void *)&connection)

static double
seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static Guest *
guest_of(virDomainPtr domain)
{
    return (Guest *)(void *)domain;
}

static int
no_domain(void)
{
    static char text[] = "Domain not found";

    last_error = (virError){ .code = VIR_ERR_NO_DOMAIN,
                             .domain = VIR_FROM_QEMU,
                             .level = VIR_ERR_ERROR,
                             .message = text };
    return -1;
}

/* --- events --- */

static void
tell(Guest *guest, int event, int a, int b, virTypedParameterPtr params, int n)
{
    pthread_mutex_lock(&callbacks_lock);
    for (int i = 0; i < n_callbacks; i++) {
        const Callback *c = &callbacks[i];
        virDomainPtr domain = (virDomainPtr)(void *)guest;

        if (c->event != event || (c->guest && c->guest != guest)) {
            continue;
        }
        if (event == VIR_DOMAIN_EVENT_ID_LIFECYCLE) {
            ((virConnectDomainEventCallback)c->call)(CONNECTION, domain, a, b,
                                                     c->opaque);
        } else if (event == VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION) {
            ((virConnectDomainEventMigrationIterationCallback)c->call)(
                CONNECTION, domain, a, c->opaque);
        } else if (event == VIR_DOMAIN_EVENT_ID_JOB_COMPLETED) {
            ((virConnectDomainEventJobCompletedCallback)c->call)(
                CONNECTION, domain, params, n, c->opaque);
        }
    }
    pthread_mutex_unlock(&callbacks_lock);
}

static void
tell_monitor(Guest *guest, const char *event, const char *details)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    pthread_mutex_lock(&callbacks_lock);
    for (int i = 0; i < n_callbacks; i++) {
        const Callback *c = &callbacks[i];

        if (c->event == -1 && (!c->guest || c->guest == guest)) {
            c->monitor(CONNECTION, (virDomainPtr)(void *)guest, event,
                       now.tv_sec, (unsigned)(now.tv_nsec / 1000), details,
                       c->opaque);
        }
    }
    pthread_mutex_unlock(&callbacks_lock);
}

static void
tell_pass(Guest *guest)
{
    char details[32];

    snprintf(details, sizeof(details), "{\"pass\": %u}", guest->pass);
    tell_monitor(guest, "MIGRATION_PASS", details);
    tell(guest, VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION, (int)guest->pass, 0,
         NULL, 0);
}

static int
add_callback(Callback callback)
{
    int id = -1;

    pthread_mutex_lock(&callbacks_lock);
    if (n_callbacks < MOST_CALLBACKS) {
        callback.id = id = next_id++;
        callbacks[n_callbacks++] = callback;
    }
    pthread_mutex_unlock(&callbacks_lock);
    return id;
}

static int
remove_callback(int id)
{
    Callback gone = { 0 };

    pthread_mutex_lock(&callbacks_lock);
    for (int i = 0; i < n_callbacks; i++) {
        if (callbacks[i].id == id) {
            gone = callbacks[i];
            callbacks[i] = callbacks[--n_callbacks];
            break;
        }
    }
    pthread_mutex_unlock(&callbacks_lock);
    if (gone.free_opaque) {
        gone.free_opaque(gone.opaque);
    }
    return 0;
}

int
virConnectDomainEventRegisterAny(virConnectPtr conn, virDomainPtr dom,
                                 int event,
                                 virConnectDomainEventGenericCallback cb,
                                 void *opaque, virFreeCallback free_opaque)
{
    return add_callback((Callback){ .event = event,
                                    .guest = guest_of(dom),
                                    .call = cb,
                                    .opaque = opaque,
                                    .free_opaque = free_opaque });
}

int
virConnectDomainEventDeregisterAny(virConnectPtr conn, int id)
{
    return remove_callback(id);
}

int
virConnectDomainQemuMonitorEventRegister(
    virConnectPtr conn, virDomainPtr dom, const char *event,
    virConnectDomainQemuMonitorEventCallback cb, void *opaque,
    virFreeCallback free_opaque, unsigned int flags)
{
    return add_callback((Callback){ .event = -1,
                                    .guest = guest_of(dom),
                                    .monitor = cb,
                                    .opaque = opaque,
                                    .free_opaque = free_opaque });
}

int
virConnectDomainQemuMonitorEventDeregister(virConnectPtr conn, int id)
{
    return remove_callback(id);
}

/* --- a migration --- */

static int
dial(const Guest *guest)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)guest->port) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    inet_pton(AF_INET, guest->host, &to.sin_addr);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static bool
send_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);

        if (sent <= 0) {
            return false;
        }
        bytes += sent;
        n -= (size_t)sent;
    }
    return true;
}

/* As fast as the connection takes it and the guest's own limit allows. */
static bool
send_pages(Guest *guest, int fd, uint64_t pages)
{
    static const char chunk[CHUNK_PAGES * PAGE_WIRE_BYTES];
    double begun_s = seconds(), sent = 0;

    while (pages > 0 && !guest->abort) {
        uint64_t now = pages < CHUNK_PAGES ? pages : CHUNK_PAGES;
        double ahead_s;

        if (!send_all(fd, chunk, now * PAGE_WIRE_BYTES)) {
            return false;
        }
        pages -= now;
        sent += (double)(now * PAGE_WIRE_BYTES);
        pthread_mutex_lock(&lock);
        guest->remaining_pages -= now;
        guest->normal_pages += now;
        guest->sent_bytes += now * PAGE_WIRE_BYTES;
        pthread_mutex_unlock(&lock);
        ahead_s = sent / guest->most_bytes_s - (seconds() - begun_s);
        if (ahead_s > 0.002) {
            usleep((useconds_t)(ahead_s * 1e6));
        }
    }
    return !guest->abort;
}

static double
dirtied(const Guest *guest, double during_s)
{
    return guest->set_pages > 0
               ? guest->set_pages * (1 - exp(-guest->write_pages_s * during_s /
                                             guest->set_pages))
               : 0;
}

static void
next_pass(Guest *guest, double pages)
{
    pthread_mutex_lock(&lock);
    guest->pass++;
    guest->remaining_pages = (uint64_t)pages;
    pthread_mutex_unlock(&lock);
    tell_pass(guest);
}

static int
add_stats(const Guest *guest, virTypedParameterPtr *params, double downtime_ms)
{
    int n = 0, room = 0;

    virTypedParamsAddInt(params, &n, &room, VIR_DOMAIN_JOB_OPERATION,
                         VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT);
    virTypedParamsAddULLong(
        params, &n, &room, VIR_DOMAIN_JOB_TIME_ELAPSED,
        (unsigned long long)((seconds() - guest->begun_s) * 1000));
    virTypedParamsAddULLong(params, &n, &room, VIR_DOMAIN_JOB_DOWNTIME,
                            (unsigned long long)downtime_ms);
    if (guest->pass > 0) {
        virTypedParamsAddULLong(params, &n, &room,
                                VIR_DOMAIN_JOB_MEMORY_ITERATION, guest->pass);
        virTypedParamsAddULLong(params, &n, &room,
                                VIR_DOMAIN_JOB_MEMORY_PAGE_SIZE, PAGE_BYTES);
        virTypedParamsAddULLong(params, &n, &room,
                                VIR_DOMAIN_JOB_MEMORY_REMAINING,
                                guest->remaining_pages * PAGE_BYTES);
        virTypedParamsAddULLong(params, &n, &room, VIR_DOMAIN_JOB_MEMORY_NORMAL,
                                guest->normal_pages);
        virTypedParamsAddULLong(params, &n, &room,
                                VIR_DOMAIN_JOB_MEMORY_CONSTANT, 0);
        virTypedParamsAddULLong(params, &n, &room,
                                VIR_DOMAIN_JOB_MEMORY_PROCESSED,
                                guest->sent_bytes);
    }
    return n;
}

static void
log_end(const Guest *guest, const char *how, double downtime_ms)
{
    const char *path = getenv("VMFERRY_FAKE_LOG");
    FILE *file = path ? fopen(path, "a") : NULL;

    if (file) {
        fprintf(file,
                "{\"guest\":\"%s\",\"end\":\"%s\",\"seconds\":%.3f,"
                "\"passes\":%u,\"bytes\":%llu,\"downtime_ms\":%.0f}\n",
                guest->name, how, seconds() - guest->begun_s, guest->pass,
                (unsigned long long)guest->sent_bytes, downtime_ms);
        fclose(file);
    }
}

static void
log_limit(const Guest *guest, unsigned long long limit_ms)
{
    const char *path = getenv("VMFERRY_FAKE_LOG");
    FILE *file = path ? fopen(path, "a") : NULL;

    if (file) {
        fprintf(file, "{\"guest\":\"%s\",\"limit_ms\":%llu}\n", guest->name,
                limit_ms);
        fclose(file);
    }
}

static bool
migrate(Guest *guest, int fd, double *downtime_ms)
{
    double pages = guest->memory_pages, pass_s, rate, stopped_s;

    tell_monitor(guest, "MIGRATION", "{\"status\": \"setup\"}");
    next_pass(guest, pages);
    tell_monitor(guest, "MIGRATION", "{\"status\": \"active\"}");
    for (;;) {
        double begun_s = seconds();

        if (!send_pages(guest, fd, (uint64_t)pages)) {
            return false;
        }
        pass_s = seconds() - begun_s;
        rate = pages * PAGE_WIRE_BYTES / fmax(pass_s, 1e-3);
        pages = dirtied(guest, pass_s);
        if (pages * PAGE_WIRE_BYTES / rate <=
            (double)guest->downtime_ms / 1000) {
            break;
        }
        next_pass(guest, pages);
    }
    stopped_s = seconds();
    tell_monitor(guest, "STOP", NULL);
    tell(guest, VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_SUSPENDED,
         VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED, NULL, 0);
    next_pass(guest, pages);
    if (!send_pages(guest, fd, (uint64_t)pages)) {
        return false;
    }
    *downtime_ms = (seconds() - stopped_s) * 1000;
    tell_monitor(guest, "MIGRATION", "{\"status\": \"completed\"}");
    return true;
}

static void
finish(Guest *guest, bool completed, double downtime_ms)
{
    virTypedParameterPtr params = NULL;
    int n = 0;

    pthread_mutex_lock(&lock);
    if (completed) {
        n = add_stats(guest, &params, downtime_ms);
    }
    guest->where = completed ? GONE : STAYS;
    pthread_mutex_unlock(&lock);
    log_end(guest, completed ? "completed" : "failed", downtime_ms);
    if (completed) {
        tell(guest, VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, 0, 0, params, n);
        tell(guest, VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_STOPPED,
             VIR_DOMAIN_EVENT_STOPPED_MIGRATED, NULL, 0);
        virTypedParamsFree(params, n);
    } else {
        tell_monitor(guest, "MIGRATION",
                     guest->abort ? "{\"status\": \"cancelled\"}"
                                  : "{\"status\": \"failed\"}");
    }
}

static void *
guest_life(void *data)
{
    Guest *guest = data;
    double downtime_ms = 0;
    bool completed;
    int fd;

    usleep((useconds_t)(guest->start_s * 1e6));
    fd = dial(guest);
    pthread_mutex_lock(&lock);
    guest->where = LEAVES;
    guest->begun_s = seconds();
    pthread_mutex_unlock(&lock);
    completed = fd >= 0 && migrate(guest, fd, &downtime_ms);
    finish(guest, completed, downtime_ms);
    if (fd >= 0) {
        close(fd);
    }
    return NULL;
}

static void
parse_word(Guest *guest, const char *word)
{
    double value = 0;
    char rest[64];

    if (sscanf(word, "to=%45[^:]:%d", guest->host, &guest->port) == 2) {
        return;
    }
    if (sscanf(word, "%15[a-z]=%lf", rest, &value) != 2) {
        return;
    }
    if (!strcmp(rest, "start")) {
        guest->start_s = value;
    } else if (!strcmp(rest, "mib")) {
        guest->memory_pages = value * 256;
    } else if (!strcmp(rest, "rate")) {
        guest->write_pages_s = value;
    } else if (!strcmp(rest, "set")) {
        guest->set_pages = value;
    } else if (!strcmp(rest, "mbit")) {
        guest->most_bytes_s = value * 1e6 / 8;
    }
}

static void
begin(void)
{
    char *text = strdup(getenv("VMFERRY_FAKE_GUESTS") ?: ""), *save, *one;

    for (one = strtok_r(text, ";", &save); one && n_guests < MOST_GUESTS;
         one = strtok_r(NULL, ";", &save)) {
        Guest *guest = &guests[n_guests++];
        char *inner, *word;

        snprintf(guest->name, sizeof(guest->name), "vm%d", n_guests);
        snprintf(guest->uuid, sizeof(guest->uuid),
                 "00000000-0000-4000-8000-%012d", n_guests);
        guest->most_bytes_s = 12.5e6;
        guest->memory_pages = 8192;
        guest->downtime_ms = 300;
        for (word = strtok_r(one, ",", &inner); word;
             word = strtok_r(NULL, ",", &inner)) {
            parse_word(guest, word);
        }
    }
    free(text);
    for (int i = 0; i < n_guests; i++) {
        pthread_t thread;

        pthread_create(&thread, NULL, guest_life, &guests[i]);
        pthread_detach(thread);
    }
}

/* --- the connection --- */

virConnectPtr
virConnectOpenAuth(const char *name, virConnectAuthPtr auth, unsigned int flags)
{
    pthread_once(&once, begin);
    return CONNECTION;
}

int
virConnectClose(virConnectPtr conn)
{
    return 0;
}

int
virConnectIsAlive(virConnectPtr conn)
{
    return 1;
}

int
virConnectSetKeepAlive(virConnectPtr conn, int interval, unsigned int count)
{
    return 0;
}

int
virConnectRegisterCloseCallback(virConnectPtr conn, virConnectCloseFunc cb,
                                void *opaque, virFreeCallback free_opaque)
{
    return 0;
}

int
virConnectUnregisterCloseCallback(virConnectPtr conn, virConnectCloseFunc cb)
{
    return 0;
}

char *
virConnectGetURI(virConnectPtr conn)
{
    return strdup("fake:///system");
}

char *
virConnectGetHostname(virConnectPtr conn)
{
    return strdup("fake");
}

const char *
virConnectGetType(virConnectPtr conn)
{
    return "QEMU";
}

int
virConnectGetLibVersion(virConnectPtr conn, unsigned long *version)
{
    *version = 9000000;
    return 0;
}

int
virConnectGetVersion(virConnectPtr conn, unsigned long *version)
{
    *version = 7002022;
    return 0;
}

char *
virConnectGetCapabilities(virConnectPtr conn)
{
    return strdup("<capabilities><host/></capabilities>");
}

int
virConnectListAllDomains(virConnectPtr conn, virDomainPtr **domains,
                         unsigned int flags)
{
    int n = 0;

    *domains = calloc((size_t)n_guests + 1, sizeof(**domains));
    pthread_mutex_lock(&lock);
    for (int i = 0; i < n_guests; i++) {
        if (guests[i].where != GONE) {
            (*domains)[n++] = (virDomainPtr)(void *)&guests[i];
        }
    }
    pthread_mutex_unlock(&lock);
    return n;
}

virDomainPtr
virDomainLookupByUUIDString(virConnectPtr conn, const char *uuid)
{
    for (int i = 0; i < n_guests; i++) {
        if (!strcmp(guests[i].uuid, uuid) && guests[i].where != GONE) {
            return (virDomainPtr)(void *)&guests[i];
        }
    }
    no_domain();
    return NULL;
}

virDomainPtr
virDomainLookupByName(virConnectPtr conn, const char *name)
{
    no_domain();
    return NULL;
}

int
virDomainFree(virDomainPtr domain)
{
    return 0;
}

virConnectPtr
virDomainGetConnect(virDomainPtr domain)
{
    return CONNECTION;
}

const char *
virDomainGetName(virDomainPtr domain)
{
    return guest_of(domain)->name;
}

int
virDomainGetUUIDString(virDomainPtr domain, char *buffer)
{
    strcpy(buffer, guest_of(domain)->uuid);
    return 0;
}

char *
virDomainGetXMLDesc(virDomainPtr domain, unsigned int flags)
{
    const Guest *guest = guest_of(domain);
    char *xml = NULL;

    if (asprintf(&xml,
                 "<domain type='qemu' id='1'><name>%s</name><uuid>%s</uuid>"
                 "<memory unit='KiB'>%.0f</memory><vcpu>1</vcpu>"
                 "<os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type>"
                 "</os><devices/></domain>",
                 guest->name, guest->uuid, guest->memory_pages * 4) < 0) {
        return NULL;
    }
    return xml;
}

int
virDomainIsPersistent(virDomainPtr domain)
{
    return 0;
}

int
virDomainGetMessages(virDomainPtr domain, char ***messages, unsigned int flags)
{
    *messages = NULL;
    return 0;
}

int
virDomainGetState(virDomainPtr domain, int *state, int *reason,
                  unsigned int flags)
{
    if (guest_of(domain)->where == GONE) {
        return no_domain();
    }
    *state = VIR_DOMAIN_RUNNING;
    return 0;
}

int
virDomainGetJobInfo(virDomainPtr domain, virDomainJobInfoPtr info)
{
    memset(info, 0, sizeof(*info));
    info->type = guest_of(domain)->where == LEAVES ? VIR_DOMAIN_JOB_UNBOUNDED
                                                   : VIR_DOMAIN_JOB_NONE;
    return 0;
}

int
virDomainGetJobStats(virDomainPtr domain, int *type,
                     virTypedParameterPtr *params, int *n_params,
                     unsigned int flags)
{
    const Guest *guest = guest_of(domain);
    int result = 0;

    *params = NULL;
    *n_params = 0;
    *type = VIR_DOMAIN_JOB_NONE;
    pthread_mutex_lock(&lock);
    if (guest->where == GONE) {
        result = no_domain();
    } else if (guest->where == LEAVES &&
               !(flags & VIR_DOMAIN_JOB_STATS_COMPLETED)) {
        *type = VIR_DOMAIN_JOB_UNBOUNDED;
        *n_params = add_stats(guest, params, 300);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int
virDomainListGetStats(virDomainPtr *domains, unsigned int stats,
                      virDomainStatsRecordPtr **records, unsigned int flags)
{
    virDomainStatsRecordPtr record = calloc(1, sizeof(*record));
    int room = 0;

    if (guest_of(domains[0])->where == GONE) {
        free(record);
        return no_domain();
    }
    virTypedParamsAddInt(&record->params, &record->nparams, &room,
                         "state.state", VIR_DOMAIN_RUNNING);
    virTypedParamsAddULLong(&record->params, &record->nparams, &room,
                            "cpu.time", (unsigned long long)(seconds() * 1e8));
    *records = calloc(2, sizeof(**records));
    (*records)[0] = record;
    return 1;
}

void
virDomainStatsRecordListFree(virDomainStatsRecordPtr *records)
{
    for (int i = 0; records && records[i]; i++) {
        virTypedParamsFree(records[i]->params, records[i]->nparams);
        free(records[i]);
    }
    free(records);
}

int
virDomainMigrateGetMaxDowntime(virDomainPtr domain,
                               unsigned long long *downtime, unsigned int flags)
{
    *downtime = guest_of(domain)->downtime_ms;
    return 0;
}

int
virDomainMigrateSetMaxDowntime(virDomainPtr domain, unsigned long long downtime,
                               unsigned int flags)
{
    log_limit(guest_of(domain), downtime);
    guest_of(domain)->downtime_ms = downtime;
    return 0;
}

int
virDomainMigrateGetMaxSpeed(virDomainPtr domain, unsigned long *speed,
                            unsigned int flags)
{
    *speed = 8796093022207;
    return 0;
}

int
virDomainAbortJob(virDomainPtr domain)
{
    guest_of(domain)->abort = true;
    return 0;
}

int
virDomainMigrateStartPostCopy(virDomainPtr domain, unsigned int flags)
{
    static char text[] = "post-copy was not asked for";

    last_error =
        (virError){ .code = VIR_ERR_OPERATION_INVALID, .message = text };
    return -1;
}

/* --- errors, a thread's own --- */

virErrorPtr
virGetLastError(void)
{
    return last_error.code ? &last_error : NULL;
}

virErrorPtr
virSaveLastError(void)
{
    virErrorPtr copy = calloc(1, sizeof(*copy));

    *copy = last_error;
    copy->message = last_error.message ? strdup(last_error.message) : NULL;
    return copy;
}

void
virFreeError(virErrorPtr error)
{
    if (error) {
        free(error->message);
        free(error);
    }
}

const char *
virGetLastErrorMessage(void)
{
    return last_error.message ? last_error.message : "no error";
}

void
virResetLastError(void)
{
    memset(&last_error, 0, sizeof(last_error));
}
