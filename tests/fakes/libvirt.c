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
 * sends: Mbit/s that its one interface, 52:54:00:00:00:NN, is said to send, NN
 * being its number; start: seconds after the first connection, when it leaves; rate: pages a
 * second; set: pages; mbit: it sends no faster. If VMFERRY_FAKE_LOG names a
 * file: a line for each end, with its true figures, and for each limit set.
 *
 * With VMFERRY_FAKE_STATE the guests live in processes of their own, each
 * started as "fake-guest FILE NUMBER UUID", and this only looks: so vmferryd
 * can be killed and they go on. As long as FILE.down exists there is no libvirtd.
 */
#include <arpa/inet.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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
    int process; /* that it lives in, 0: a thread of ours */
    char name[16];
    char uuid[VIR_UUID_STRING_BUFLEN];
    double start_s;
    char host[46];
    int port;
    double memory_pages, write_pages_s, set_pages, most_bytes_s;
    double traffic_bytes_s; /* of its interface; 0: it has none */
    /* under the lock */
    Where where;
    bool abort;
    bool stopped;
    double downtime_s; /* of a completed one */
    unsigned pass;
    uint64_t remaining_pages, normal_pages, sent_bytes;
    double begun_s, ended_s;
    unsigned long long downtime_ms;
} Guest;

/* All of the host; in a file, if others look as well. */
typedef struct Host {
    pthread_mutex_t lock;
    int n_guests;
    Guest guests[MOST_GUESTS];
} Host;

typedef struct Connection {
    bool lost;
    virConnectCloseFunc on_close;
    void *on_close_opaque;
} Connection;

typedef struct Domain {
    Connection *connection;
    Guest *guest;
} Domain;

typedef struct Callback {
    int id;
    int event; /* -1: of the monitor */
    Connection *connection;
    const Guest *guest;
    virConnectDomainEventGenericCallback call;
    virConnectDomainQemuMonitorEventCallback monitor;
    void *opaque;
    virFreeCallback free_opaque;
} Callback;

static pthread_mutex_t callbacks_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static Host *host;
static const char *state_path;
static Connection connections[64];
static int n_connections;
static Callback callbacks[MOST_CALLBACKS];
static int n_callbacks, next_id;
static __thread virError last_error;

static double
seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static Domain *
domain_of(virDomainPtr domain)
{
    return (Domain *)(void *)domain;
}

static Guest *
guest_of(virDomainPtr domain)
{
    return domain_of(domain)->guest;
}

static Connection *
connection_of(virConnectPtr conn)
{
    return (Connection *)(void *)conn;
}

static virDomainPtr
domain_new(Connection *connection, Guest *guest)
{
    Domain *domain = malloc(sizeof(*domain));

    *domain = (Domain){ connection, guest };
    return (virDomainPtr)(void *)domain;
}

/* As after the daemon's death. */
static bool
is_lost(virDomainPtr domain)
{
    static char text[] = "client socket is closed";

    if (!domain_of(domain)->connection->lost) {
        return false;
    }
    last_error = (virError){ .code = VIR_ERR_INTERNAL_ERROR,
                             .domain = VIR_FROM_RPC,
                             .level = VIR_ERR_ERROR,
                             .message = text };
    return true;
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
        Domain domain = { c->connection, guest };
        virDomainPtr d = (virDomainPtr)(void *)&domain;
        virConnectPtr conn = (virConnectPtr)(void *)c->connection;

        if (c->event != event || (c->guest && c->guest != guest) ||
            c->connection->lost) {
            continue;
        }
        if (event == VIR_DOMAIN_EVENT_ID_LIFECYCLE) {
            ((virConnectDomainEventCallback)c->call)(conn, d, a, b, c->opaque);
        } else if (event == VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION) {
            ((virConnectDomainEventMigrationIterationCallback)c->call)(
                conn, d, a, c->opaque);
        } else if (event == VIR_DOMAIN_EVENT_ID_JOB_COMPLETED) {
            ((virConnectDomainEventJobCompletedCallback)c->call)(
                conn, d, params, n, c->opaque);
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
        Domain domain = { c->connection, guest };

        if (c->event == -1 && (!c->guest || c->guest == guest) &&
            !c->connection->lost) {
            c->monitor((virConnectPtr)(void *)c->connection,
                       (virDomainPtr)(void *)&domain, event, now.tv_sec,
                       (unsigned)(now.tv_nsec / 1000), details, c->opaque);
        }
    }
    pthread_mutex_unlock(&callbacks_lock);
}

static void
tell_pass(Guest *guest, unsigned pass)
{
    char details[32];

    snprintf(details, sizeof(details), "{\"pass\": %u}", pass);
    tell_monitor(guest, "MIGRATION_PASS", details);
    tell(guest, VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION, (int)pass, 0, NULL, 0);
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
                                    .connection = connection_of(conn),
                                    .guest = dom ? guest_of(dom) : NULL,
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
                                    .connection = connection_of(conn),
                                    .guest = dom ? guest_of(dom) : NULL,
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
        pthread_mutex_lock(&host->lock);
        guest->remaining_pages -= now;
        guest->normal_pages += now;
        guest->sent_bytes += now * PAGE_WIRE_BYTES;
        pthread_mutex_unlock(&host->lock);
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
    pthread_mutex_lock(&host->lock);
    guest->pass++;
    guest->remaining_pages = (uint64_t)pages;
    pthread_mutex_unlock(&host->lock);
}

static int
add_stats(const Guest *guest, virTypedParameterPtr *params, double downtime_ms)
{
    int n = 0, room = 0;

    virTypedParamsAddInt(params, &n, &room, VIR_DOMAIN_JOB_OPERATION,
                         VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT);
    virTypedParamsAddULLong(
        params, &n, &room, VIR_DOMAIN_JOB_TIME_ELAPSED,
        (unsigned long long)(((guest->ended_s > 0 ? guest->ended_s
                                                  : seconds()) -
                              guest->begun_s) *
                             1000));
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

    next_pass(guest, pages);
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
    guest->stopped = true;
    next_pass(guest, pages);
    if (!send_pages(guest, fd, (uint64_t)pages)) {
        return false;
    }
    *downtime_ms = (seconds() - stopped_s) * 1000;
    return true;
}

static void
finish(Guest *guest, bool completed, double downtime_ms)
{
    log_end(guest, completed ? "completed" : "failed", downtime_ms);
    pthread_mutex_lock(&host->lock);
    guest->downtime_s = downtime_ms / 1000;
    guest->ended_s = seconds();
    guest->where = completed ? GONE : STAYS;
    pthread_mutex_unlock(&host->lock);
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
    pthread_mutex_lock(&host->lock);
    guest->where = LEAVES;
    guest->begun_s = seconds();
    pthread_mutex_unlock(&host->lock);
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
    } else if (!strcmp(rest, "sends")) {
        guest->traffic_bytes_s = value * 1e6 / 8;
    }
}

static void
parse_guests(void)
{
    char *text = strdup(getenv("VMFERRY_FAKE_GUESTS") ?: ""), *save, *one;

    for (one = strtok_r(text, ";", &save); one && host->n_guests < MOST_GUESTS;
         one = strtok_r(NULL, ";", &save)) {
        Guest *guest = &host->guests[host->n_guests++];
        char *inner, *word;

        snprintf(guest->name, sizeof(guest->name), "vm%d", host->n_guests);
        snprintf(guest->uuid, sizeof(guest->uuid),
                 "00000000-0000-4000-8000-%012d", host->n_guests);
        guest->most_bytes_s = 12.5e6;
        guest->memory_pages = 8192;
        guest->downtime_ms = 300;
        for (word = strtok_r(one, ",", &inner); word;
             word = strtok_r(NULL, ",", &inner)) {
            parse_word(guest, word);
        }
    }
    free(text);
}

/* The first to come makes it. */
static void
open_host(const char *path)
{
    int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    bool fresh = !path || lseek(fd, 0, SEEK_END) == 0;

    if (fd >= 0 && fresh && ftruncate(fd, sizeof(Host)) != 0) {
        perror(path);
        _exit(1);
    }
    host = mmap(NULL, sizeof(Host), PROT_READ | PROT_WRITE,
                path ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, fd, 0);
    if (fresh) {
        pthread_mutexattr_t shared;

        pthread_mutexattr_init(&shared);
        pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
        /* whoever looks may be killed while he does */
        pthread_mutexattr_setrobust(&shared, PTHREAD_MUTEX_ROBUST);
        pthread_mutex_init(&host->lock, &shared);
        parse_guests();
    }
}

/* --- what becomes events --- */

typedef struct Seen {
    Where where;
    unsigned pass;
    bool stopped;
} Seen;

static void
tell_end(Guest *guest)
{
    virTypedParameterPtr params = NULL;
    int n;

    if (guest->where == STAYS) {
        tell_monitor(guest, "MIGRATION",
                     guest->abort ? "{\"status\": \"cancelled\"}"
                                  : "{\"status\": \"failed\"}");
        return;
    }
    tell_monitor(guest, "MIGRATION", "{\"status\": \"completed\"}");
    n = add_stats(guest, &params, guest->downtime_s * 1000);
    tell(guest, VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_STOPPED,
         VIR_DOMAIN_EVENT_STOPPED_MIGRATED, NULL, 0);
    tell(guest, VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, 0, 0, params, n);
    virTypedParamsFree(params, n);
}

static void
look_at_guest(Guest *guest, Seen *seen)
{
    Guest now = *guest;

    if (seen->where == WAITS && now.where != WAITS) {
        tell_monitor(guest, "MIGRATION", "{\"status\": \"setup\"}");
        seen->where = LEAVES;
    }
    if (now.stopped && !seen->stopped) {
        seen->stopped = true;
        tell_monitor(guest, "STOP", NULL);
        tell(guest, VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_SUSPENDED,
             VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED, NULL, 0);
    }
    while (seen->pass < now.pass) {
        tell_pass(guest, ++seen->pass);
    }
    if (now.where != seen->where) {
        seen->where = now.where;
        tell_end(guest);
    }
}

static void
look_at_daemon(void)
{
    char down[256];

    if (!state_path) {
        return;
    }
    snprintf(down, sizeof(down), "%s.down", state_path);
    if (access(down, F_OK) != 0) {
        return;
    }
    for (int i = 0; i < n_connections; i++) {
        Connection *c = &connections[i];

        if (!c->lost) {
            c->lost = true;
            if (c->on_close) {
                c->on_close((virConnectPtr)(void *)c,
                            VIR_CONNECT_CLOSE_REASON_EOF, c->on_close_opaque);
            }
        }
    }
}

static void *
watch_host(void *data)
{
    static Seen seen[MOST_GUESTS];

    for (int i = 0; i < host->n_guests; i++) {
        seen[i] = (Seen){ host->guests[i].where, host->guests[i].pass,
                          host->guests[i].stopped };
    }
    for (;;) {
        look_at_daemon();
        for (int i = 0; i < host->n_guests; i++) {
            look_at_guest(&host->guests[i], &seen[i]);
        }
        usleep(2000);
    }
    return NULL;
}

static void
begin(void)
{
    pthread_t thread;

    state_path = getenv("VMFERRY_FAKE_STATE");
    open_host(state_path);
    for (int i = 0; i < host->n_guests && !state_path; i++) {
        pthread_create(&thread, NULL, guest_life, &host->guests[i]);
        pthread_detach(thread);
    }
    pthread_create(&thread, NULL, watch_host, NULL);
    pthread_detach(thread);
}

#ifdef FAKE_GUEST
/* One guest, in a process whose command line holds its UUID, as QEMU's does. */
int
main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: fake-guest FILE NUMBER UUID\n");
        return 2;
    }
    open_host(argv[1]);
    guest_life(&host->guests[atoi(argv[2]) - 1]);
    return 0;
}
#endif

/* --- the connection --- */

virConnectPtr
virConnectOpenAuth(const char *name, virConnectAuthPtr auth, unsigned int flags)
{
    static char text[] = "Failed to connect socket";
    char down[256] = "";

    pthread_once(&once, begin);
    if (state_path) {
        snprintf(down, sizeof(down), "%s.down", state_path);
    }
    if ((*down && access(down, F_OK) == 0) ||
        n_connections == sizeof(connections) / sizeof(connections[0])) {
        last_error = (virError){ .code = VIR_ERR_SYSTEM_ERROR,
                                 .domain = VIR_FROM_RPC,
                                 .level = VIR_ERR_ERROR,
                                 .message = text };
        return NULL;
    }
    return (virConnectPtr)(void *)&connections[n_connections++];
}

int
virConnectClose(virConnectPtr conn)
{
    return 0;
}

int
virConnectIsAlive(virConnectPtr conn)
{
    return !connection_of(conn)->lost;
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
    connection_of(conn)->on_close_opaque = opaque;
    connection_of(conn)->on_close = cb;
    return 0;
}

int
virConnectUnregisterCloseCallback(virConnectPtr conn, virConnectCloseFunc cb)
{
    connection_of(conn)->on_close = NULL;
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

    *domains = calloc((size_t)host->n_guests + 1, sizeof(**domains));
    pthread_mutex_lock(&host->lock);
    for (int i = 0; i < host->n_guests; i++) {
        if (host->guests[i].where != GONE) {
            (*domains)[n++] = domain_new(connection_of(conn), &host->guests[i]);
        }
    }
    pthread_mutex_unlock(&host->lock);
    return n;
}

virDomainPtr
virDomainLookupByUUIDString(virConnectPtr conn, const char *uuid)
{
    for (int i = 0; i < host->n_guests; i++) {
        if (!strcmp(host->guests[i].uuid, uuid) &&
            host->guests[i].where != GONE) {
            return domain_new(connection_of(conn), &host->guests[i]);
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
    free(domain_of(domain));
    return 0;
}

virConnectPtr
virDomainGetConnect(virDomainPtr domain)
{
    return (virConnectPtr)(void *)domain_of(domain)->connection;
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
    char *xml = NULL, interface[96] = "";

    if (is_lost(domain)) {
        return NULL;
    }

    if (guest->traffic_bytes_s > 0) {
        snprintf(interface, sizeof(interface),
                 "<interface type='ethernet'>"
                 "<mac address='52:54:00:00:00:%02x'/></interface>",
                 (unsigned)(guest - host->guests + 1) & 0xff);
    }
    if (asprintf(&xml,
                 "<domain type='qemu' id='1'><name>%s</name><uuid>%s</uuid>"
                 "<memory unit='KiB'>%.0f</memory><vcpu>1</vcpu>"
                 "<os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type>"
                 "</os><devices>%s</devices></domain>",
                 guest->name, guest->uuid, guest->memory_pages * 4,
                 interface) < 0) {
        return NULL;
    }
    return xml;
}

int
virDomainIsPersistent(virDomainPtr domain)
{
    return 0;
}

/* VMFERRY_FAKE_METADATA, of each guest. */
char *
virDomainGetMetadata(virDomainPtr domain, int type, const char *uri,
                     unsigned int flags)
{
    const char *text = getenv("VMFERRY_FAKE_METADATA");

    return text ? strdup(text) : NULL;
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
    if (is_lost(domain)) {
        return -1;
    }
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

    if (is_lost(domain)) {
        return -1;
    }
    *params = NULL;
    *n_params = 0;
    *type = VIR_DOMAIN_JOB_NONE;
    pthread_mutex_lock(&host->lock);
    if (guest->where == GONE) {
        result = no_domain();
    } else if (guest->where == LEAVES &&
               !(flags & VIR_DOMAIN_JOB_STATS_COMPLETED)) {
        *type = VIR_DOMAIN_JOB_UNBOUNDED;
        *n_params = add_stats(guest, params, 300);
    }
    pthread_mutex_unlock(&host->lock);
    return result;
}

static void
add_traffic(virDomainStatsRecordPtr record, int *room, const Guest *guest)
{
    if (guest->traffic_bytes_s <= 0) {
        return;
    }
    virTypedParamsAddUInt(&record->params, &record->nparams, room, "net.count",
                          1);
    virTypedParamsAddULLong(&record->params, &record->nparams, room,
                            "net.0.rx.bytes", 0);
    virTypedParamsAddULLong(
        &record->params, &record->nparams, room, "net.0.tx.bytes",
        (unsigned long long)(seconds() * guest->traffic_bytes_s));
}

int
virConnectGetAllDomainStats(virConnectPtr conn, unsigned int stats,
                            virDomainStatsRecordPtr **records,
                            unsigned int flags)
{
    int n = 0;

    *records = calloc((size_t)host->n_guests + 1, sizeof(**records));
    for (int i = 0; i < host->n_guests; i++) {
        virDomainStatsRecordPtr record;
        int room = 0;

        if (host->guests[i].where == GONE) {
            continue;
        }
        record = calloc(1, sizeof(*record));
        record->dom = domain_new(connection_of(conn), &host->guests[i]);
        virTypedParamsAddInt(&record->params, &record->nparams, &room,
                             "state.state", VIR_DOMAIN_RUNNING);
        add_traffic(record, &room, &host->guests[i]);
        (*records)[n++] = record;
    }
    return n;
}

int
virDomainListGetStats(virDomainPtr *domains, unsigned int stats,
                      virDomainStatsRecordPtr **records, unsigned int flags)
{
    virDomainStatsRecordPtr record = calloc(1, sizeof(*record));
    int room = 0;

    if (is_lost(domains[0])) {
        free(record);
        return -1;
    }
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
        if (records[i]->dom) {
            virDomainFree(records[i]->dom);
        }
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
    if (is_lost(domain)) {
        return -1;
    }
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
