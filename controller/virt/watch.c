/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * watch.c - see watch.h
 *
 * First the events, then the look at what runs: a migration that starts in
 * between is told twice and not missed. libvirt calls from the main loop or
 * from a worker; what it tells is copied and posted.
 */
#include <string.h>

#include <libvirt/libvirt-qemu.h>

#include "base/json.h"
#include "virt/virt-priv.h"
#include "virt/watch.h"

/* What libvirt's callbacks and requests under way hold. */
typedef struct Ear {
    VirtWatch *watch; /* main thread only; NULL: freed */
    GMainContext *context;
} Ear;

enum { ITERATION, MONITOR, N_CALLBACKS };

struct VirtWatch {
    VirtHost *host;
    VirtWatchSign sign;
    VirtDone done;
    gpointer user;
    Ear *ear;
    int ids[N_CALLBACKS]; /* -1: not registered */
};

static void
ear_clear(gpointer data)
{
    g_main_context_unref(((Ear *)data)->context);
}

static void
ear_unref(gpointer ear)
{
    g_atomic_rc_box_release_full(ear, ear_clear);
}

/* --- from libvirt to the main thread --- */

typedef struct Note {
    Ear *ear;
    char uuid[VIR_UUID_STRING_BUFLEN];
    char sign[48];
} Note;

static void
note_deliver(gpointer data)
{
    g_autofree Note *note = data;
    VirtWatch *watch = note->ear->watch;

    if (watch) {
        watch->sign(watch, note->uuid, note->sign, watch->user);
    }
    ear_unref(note->ear);
}

static void
ear_tell(Ear *ear, virDomainPtr domain, const char *sign)
{
    Note *note = g_new0(Note, 1);

    if (virDomainGetUUIDString(domain, note->uuid) < 0) {
        virResetLastError();
        g_free(note);
        return;
    }
    note->ear = g_atomic_rc_box_acquire(ear);
    g_strlcpy(note->sign, sign, sizeof(note->sign));
    virt_post(ear->context, note_deliver, note);
}

static void
on_iteration(virConnectPtr connection, virDomainPtr domain, int iteration,
             void *opaque)
{
    char sign[24];

    g_snprintf(sign, sizeof(sign), "pass %d", iteration);
    ear_tell(opaque, domain, sign);
}

static void
on_monitor(virConnectPtr connection, virDomainPtr domain, const char *event,
           long long seconds, unsigned int micros, const char *details,
           void *opaque)
{
    g_autoptr(JsonObject) data =
        details ? jobj_parse(details, strlen(details), NULL) : NULL;
    const char *status;

    if (!data || !jobj_get_string(data, "status", &status)) {
        return;
    }
    if (!strcmp(event, "MIGRATION")) {
        ear_tell(opaque, domain, status);
    } else if (!strcmp(event, "JOB_STATUS_CHANGE") &&
               !strcmp(status, "created")) {
        /* Disks are copied before memory is, for minutes: QEMU calls that no
         * migration yet, libvirt does. */
        ear_tell(opaque, domain, "a block job");
    }
}

/* --- registering and the first look --- */

typedef struct Begin {
    VirtHost *host;
    virConnectPtr connection;
    Ear *ear;
    int ids[N_CALLBACKS];
    GError *error;
} Begin;

/* A guest whose job is a migration is found by whoever is told of it. */
static void
look_at_running(Begin *call)
{
    virDomainPtr *domains = NULL;
    int n = virConnectListAllDomains(call->connection, &domains,
                                     VIR_CONNECT_LIST_DOMAINS_ACTIVE);

    for (int i = 0; i < n; i++) {
        if (virt_has_job(domains[i])) {
            ear_tell(call->ear, domains[i], "a job was under way");
        }
        virDomainFree(domains[i]);
    }
    if (n < 0) {
        virt_error_take(&call->error, call->connection, VIRT_ERROR_FAILED,
                        "listing the running guests");
    }
    free(domains);
}

static void
begin_work(gpointer data)
{
    Begin *call = data;

    call->ids[MONITOR] = virConnectDomainQemuMonitorEventRegister(
        call->connection, NULL, "^(MIGRATION|JOB_STATUS_CHANGE)$", on_monitor,
        g_atomic_rc_box_acquire(call->ear), ear_unref,
        VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX);
    if (call->ids[MONITOR] < 0) {
        ear_unref(call->ear);
    }
    call->ids[ITERATION] = virConnectDomainEventRegisterAny(
        call->connection, NULL, VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION,
        VIR_DOMAIN_EVENT_CALLBACK(on_iteration),
        g_atomic_rc_box_acquire(call->ear), ear_unref);
    if (call->ids[ITERATION] < 0) {
        ear_unref(call->ear);
        virt_error_take(&call->error, call->connection, VIRT_ERROR_FAILED,
                        "subscribing to the migrations of its guests");
        return;
    }
    look_at_running(call);
    virResetLastError();
}

typedef struct End {
    VirtHost *host;
    virConnectPtr connection;
    int ids[N_CALLBACKS];
} End;

static void
end_work(gpointer data)
{
    End *call = data;

    if (call->ids[MONITOR] >= 0) {
        virConnectDomainQemuMonitorEventDeregister(call->connection,
                                                   call->ids[MONITOR]);
    }
    if (call->ids[ITERATION] >= 0) {
        virConnectDomainEventDeregisterAny(call->connection,
                                           call->ids[ITERATION]);
    }
    virResetLastError();
}

static void
end_deliver(gpointer data)
{
    g_autofree End *call = data;

    virt_host_unref(call->host);
}

static void
end_later(VirtHost *host, const int ids[N_CALLBACKS])
{
    End *call = g_new0(End, 1);

    call->host = virt_host_ref(host);
    call->connection = virt_host_connection(host);
    memcpy(call->ids, ids, sizeof(call->ids));
    virt_lane_call(virt_host_lane(host), virt_host_pool(host), end_work,
                   end_deliver, call);
}

static void
begin_deliver(gpointer data)
{
    g_autofree Begin *call = data;
    VirtWatch *watch = call->ear->watch;

    if (watch) {
        memcpy(watch->ids, call->ids, sizeof(watch->ids));
        watch->done(call->error, watch->user);
    } else {
        end_later(call->host, call->ids);
    }
    g_clear_error(&call->error);
    ear_unref(call->ear);
    virt_host_unref(call->host);
}

VirtWatch *
virt_watch_new(VirtHost *host, VirtWatchSign sign, VirtDone done, gpointer user)
{
    VirtWatch *watch = g_new0(VirtWatch, 1);
    Begin *call = g_new0(Begin, 1);

    watch->host = virt_host_ref(host);
    watch->sign = sign;
    watch->done = done;
    watch->user = user;
    watch->ear = g_atomic_rc_box_new0(Ear);
    watch->ear->watch = watch;
    watch->ear->context =
        g_main_context_ref(virt_pool_context(virt_host_pool(host)));
    watch->ids[ITERATION] = watch->ids[MONITOR] = -1;

    call->host = virt_host_ref(host);
    call->connection = virt_host_connection(host);
    call->ear = g_atomic_rc_box_acquire(watch->ear);
    call->ids[ITERATION] = call->ids[MONITOR] = -1;
    virt_lane_call(virt_host_lane(host), virt_host_pool(host), begin_work,
                   begin_deliver, call);
    return watch;
}

void
virt_watch_free(VirtWatch *watch)
{
    if (!watch) {
        return;
    }
    if (watch->ids[ITERATION] >= 0 || watch->ids[MONITOR] >= 0) {
        end_later(watch->host, watch->ids);
    }
    watch->ear->watch = NULL;
    ear_unref(watch->ear);
    virt_host_unref(watch->host);
    g_free(watch);
}
