/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * events.c - who is to be told of what
 */
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "fake.h"

#define MOST_CALLBACKS 2048

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
static Callback callbacks[MOST_CALLBACKS];
static int n_callbacks, next_id;

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

void
fake_tell_monitor(Guest *guest, const char *event, const char *details)
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

void
fake_tell_lifecycle(Guest *guest, int event, int detail)
{
    tell(guest, VIR_DOMAIN_EVENT_ID_LIFECYCLE, event, detail, NULL, 0);
}

void
fake_tell_completed(Guest *guest, virTypedParameterPtr params, int n)
{
    tell(guest, VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, 0, 0, params, n);
}

void
fake_tell_pass(Guest *guest, unsigned pass)
{
    char details[32];

    snprintf(details, sizeof(details), "{\"pass\": %u}", pass);
    fake_tell_monitor(guest, "MIGRATION_PASS", details);
    tell(guest, VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION, (int)pass, 0, NULL, 0);
}

/* --- who asked --- */

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
                                    .connection = fake_connection_of(conn),
                                    .guest = dom ? fake_guest_of(dom) : NULL,
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
                                    .connection = fake_connection_of(conn),
                                    .guest = dom ? fake_guest_of(dom) : NULL,
                                    .monitor = cb,
                                    .opaque = opaque,
                                    .free_opaque = free_opaque });
}

int
virConnectDomainQemuMonitorEventDeregister(virConnectPtr conn, int id)
{
    return remove_callback(id);
}
