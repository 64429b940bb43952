/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest-events.c - what happens to a guest, each thing told once
 *
 * Two streams tell of the same migration. libvirt's own events (lifecycle,
 * iteration, job completed) carry no time. QEMU's monitor events, which the
 * daemon hands out as they came, carry QEMU's; asking for them changes nothing
 * on the guest and does not taint it. The daemon queues the monitor's event
 * before the one it makes of it, so the stamped one is first, and libvirt's
 * repetition is dropped. It comes with all that QEMU wrote into it, also what
 * our patches add to MIGRATION_PASS and libvirt knows nothing of.
 *
 * libvirt refuses a callback that it has already for this domain. Registering
 * and giving back therefore go through one lane of the host, in order.
 *
 * libvirt calls from the main loop. Should a driver ever call from another
 * thread, the event is posted: it is a copy anyway.
 */
#include <string.h>

#include <libvirt/libvirt-qemu.h>

#include "base/json.h"
#include "sample/sample.h"
#include "virt/virt-priv.h"

/* What libvirt's callbacks hold. It outlives the subscription until libvirt
 * has let go of it. */
typedef struct Listener {
    VirtSubscription *subscription; /* main thread only; NULL: cancelled */
    GMainContext *context;
} Listener;

enum { LIFECYCLE, ITERATION, JOB_COMPLETED, MONITOR, N_CALLBACKS };

struct VirtSubscription {
    VirtGuest *guest; /* not a reference: the guest owns this */
    VirtGuestEvent event;
    gpointer user;
    Listener *listener;
    int ids[N_CALLBACKS];  /* -1: not registered; set when it stands */
    bool monitor;          /* stamped events come */
    unsigned stamped_pass; /* last pass told by the monitor, 0: none */
    int running;           /* vCPUs, as told by the monitor; -1: not told */
    bool has_job;
    VirtJob last_job;
};

const char *
virt_event_name(VirtEventKind kind)
{
    static const char *const names[] = {
        [VIRT_EVENT_PASS] = "pass",
        [VIRT_EVENT_STATUS] = "status",
        [VIRT_EVENT_PAUSED] = "paused",
        [VIRT_EVENT_RESUMED] = "resumed",
        [VIRT_EVENT_STARTED] = "started",
        [VIRT_EVENT_STOPPED] = "stopped",
        [VIRT_EVENT_POSTCOPY_FAILED] = "postcopy-failed",
        [VIRT_EVENT_JOB_COMPLETED] = "job-completed",
        [VIRT_EVENT_LOST] = "lost",
    };

    G_STATIC_ASSERT(G_N_ELEMENTS(names) == VIRT_N_EVENTS);
    return (unsigned)kind < VIRT_N_EVENTS ? names[kind] : "unknown";
}

static void
listener_clear(gpointer data)
{
    g_main_context_unref(((Listener *)data)->context);
}

static void
listener_unref(gpointer listener)
{
    g_atomic_rc_box_release_full(listener, listener_clear);
}

/* --- from libvirt to the main thread --- */

typedef struct Note {
    Listener *listener;
    VirtEvent event;
    char *detail; /* owned; event.detail points here */
    VirtJob job;  /* owned; event.job points here */
} Note;

/* Is this libvirt's repetition of what the monitor has told already? Keeps
 * track on the way. */
static bool
is_repetition(VirtSubscription *s, const VirtEvent *event)
{
    switch (event->kind) {
    case VIRT_EVENT_PASS:
        if (event->stamped) {
            s->stamped_pass = event->pass;
            return false;
        }
        return event->pass == s->stamped_pass;
    case VIRT_EVENT_PAUSED:
    case VIRT_EVENT_RESUMED: {
        int running = event->kind == VIRT_EVENT_RESUMED;

        if (event->stamped) {
            s->running = running;
            return false;
        }
        return s->running == running;
    }
    default:
        return false;
    }
}

/* QEMU stamps with its host's wall clock. Where that is ours, the monotonic
 * time follows from how long ago it was; a stamp from the future or from long
 * ago is a clock that was set meanwhile. */
static int64_t
happened_at(VirtGuest *guest, const VirtEvent *event)
{
    enum { PLAUSIBLE_S = 60 };
    int64_t age_us = g_get_real_time() - event->wall_us;
    int64_t since_us = g_get_monotonic_time() - event->arrived_us;

    if (!event->stamped ||
        virt_host_info(virt_guest_host(guest))->local != VIRT_LOCAL_YES ||
        age_us < since_us || age_us > PLAUSIBLE_S * G_USEC_PER_SEC) {
        return event->arrived_us;
    }
    return event->arrived_us - (age_us - since_us);
}

static void
note_deliver(gpointer data)
{
    Note *note = data;
    VirtSubscription *s = note->listener->subscription;

    note->event.detail = note->detail ? note->detail : "";
    if (s && note->event.kind == VIRT_EVENT_JOB_COMPLETED) {
        note->event.job = &note->job;
        virt_job_clear(&s->last_job);
        virt_job_copy(&s->last_job, &note->job);
        s->has_job = true;
    }
    if (s && !is_repetition(s, &note->event)) {
        g_autoptr(VirtGuest) guest = virt_guest_ref(s->guest);

        note->event.at_us = happened_at(guest, &note->event);
        s->event(guest, &note->event, s->user);
    }
    virt_job_clear(&note->job);
    listener_unref(note->listener);
    g_free(note->detail);
    g_free(note);
}

static void
listener_tell(Listener *listener, Note note)
{
    Note *copy;

    note.listener = g_atomic_rc_box_acquire(listener);
    note.event.arrived_us = g_get_monotonic_time();
    copy = g_memdup2(&note, sizeof(note));
    if (g_main_context_is_owner(listener->context)) {
        note_deliver(copy);
    } else {
        virt_post(listener->context, note_deliver, copy);
    }
}

static const char *
suspended_detail(int detail)
{
    switch (detail) {
    case VIR_DOMAIN_EVENT_SUSPENDED_PAUSED:
        return "user";
    case VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED:
        return "migration";
    case VIR_DOMAIN_EVENT_SUSPENDED_IOERROR:
        return "ioerror";
    case VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY:
        return "postcopy";
    default:
        return "other";
    }
}

static const char *
resumed_detail(int detail)
{
    switch (detail) {
    case VIR_DOMAIN_EVENT_RESUMED_UNPAUSED:
        return "user";
    case VIR_DOMAIN_EVENT_RESUMED_MIGRATED:
        return "migration";
    case VIR_DOMAIN_EVENT_RESUMED_POSTCOPY:
        return "postcopy";
    default:
        return "other";
    }
}

static const char *
stopped_detail(int detail)
{
    switch (detail) {
    case VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN:
        return "shutdown";
    case VIR_DOMAIN_EVENT_STOPPED_DESTROYED:
        return "destroyed";
    case VIR_DOMAIN_EVENT_STOPPED_CRASHED:
        return "crashed";
    case VIR_DOMAIN_EVENT_STOPPED_MIGRATED:
        return "migrated";
    case VIR_DOMAIN_EVENT_STOPPED_FAILED:
        return "failed";
    default:
        return "other";
    }
}

static int
on_lifecycle(virConnectPtr connection, virDomainPtr domain, int event,
             int detail, void *opaque)
{
    Note note = { 0 };
    const char *text = "";

    switch (event) {
    case VIR_DOMAIN_EVENT_STARTED:
        note.event.kind = VIRT_EVENT_STARTED;
        text =
            detail == VIR_DOMAIN_EVENT_STARTED_MIGRATED ? "migration" : "other";
        break;
    case VIR_DOMAIN_EVENT_SUSPENDED:
        note.event.kind = detail == VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY_FAILED
                              ? VIRT_EVENT_POSTCOPY_FAILED
                              : VIRT_EVENT_PAUSED;
        text = suspended_detail(detail);
        break;
    case VIR_DOMAIN_EVENT_RESUMED:
        note.event.kind = detail == VIR_DOMAIN_EVENT_RESUMED_POSTCOPY_FAILED
                              ? VIRT_EVENT_POSTCOPY_FAILED
                              : VIRT_EVENT_RESUMED;
        text = resumed_detail(detail);
        break;
    case VIR_DOMAIN_EVENT_STOPPED:
        note.event.kind = VIRT_EVENT_STOPPED;
        text = stopped_detail(detail);
        break;
    default:
        return 0; /* defined, undefined, ...: nothing of a migration */
    }
    note.detail = g_strdup(text);
    listener_tell(opaque, note);
    return 0;
}

static void
on_iteration(virConnectPtr connection, virDomainPtr domain, int iteration,
             void *opaque)
{
    if (iteration > 0) {
        listener_tell(opaque,
                      (Note){ .event = { .kind = VIRT_EVENT_PASS,
                                         .pass = (unsigned)iteration } });
    }
}

static void
on_job_completed(virConnectPtr connection, virDomainPtr domain,
                 virTypedParameterPtr params, int n_params, void *opaque)
{
    Note note = { .event = { .kind = VIRT_EVENT_JOB_COMPLETED } };

    virt_job_read(&note.job, VIR_DOMAIN_JOB_COMPLETED, params, n_params,
                  g_get_monotonic_time());
    listener_tell(opaque, note);
}

static void
on_monitor(virConnectPtr connection, virDomainPtr domain, const char *event,
           long long seconds, unsigned int micros, const char *details,
           void *opaque)
{
    g_autoptr(JsonObject) data =
        details ? jobj_parse(details, strlen(details), NULL) : NULL;
    Note note = { .event = { .stamped = true } };
    const char *status = NULL;
    uint64_t pass = 0;

    if (!strcmp(event, "MIGRATION_PASS") && jobj_get_u64(data, "pass", &pass) &&
        pass > 0 && pass <= G_MAXUINT) {
        note.event.kind = VIRT_EVENT_PASS;
        note.event.pass = (unsigned)pass;
        sample_told_read(data, &note.event.told);
    } else if (!strcmp(event, "MIGRATION") &&
               jobj_get_string(data, "status", &status)) {
        note.event.kind = VIRT_EVENT_STATUS;
        note.detail = g_strdup(status);
    } else if (!strcmp(event, "STOP")) {
        note.event.kind = VIRT_EVENT_PAUSED;
    } else if (!strcmp(event, "RESUME")) {
        note.event.kind = VIRT_EVENT_RESUMED;
    } else {
        return;
    }
    /* QEMU writes -1 when it has no clock. */
    note.event.stamped = seconds > 0;
    note.event.wall_us =
        note.event.stamped ? seconds * G_USEC_PER_SEC + micros : 0;
    listener_tell(opaque, note);
}

/* --- registering --- */

typedef struct Register {
    VirtGuest *guest;
    virDomainPtr domain;
    Listener *listener;
    VirtDone done;
    gpointer user;
    int ids[N_CALLBACKS];
    GError *error;
} Register;

static int
register_one(Register *call, int event, virConnectDomainEventGenericCallback cb)
{
    int id = virConnectDomainEventRegisterAny(
        virDomainGetConnect(call->domain), call->domain, event, cb,
        g_atomic_rc_box_acquire(call->listener), listener_unref);

    if (id < 0) {
        listener_unref(call->listener);
    }
    return id;
}

static void
unregister(virConnectPtr connection, const int ids[N_CALLBACKS])
{
    for (int i = 0; i < N_CALLBACKS; i++) {
        if (ids[i] >= 0 && i == MONITOR) {
            virConnectDomainQemuMonitorEventDeregister(connection, ids[i]);
        } else if (ids[i] >= 0) {
            virConnectDomainEventDeregisterAny(connection, ids[i]);
        }
    }
    virResetLastError();
}

static void
register_work(gpointer data)
{
    Register *call = data;
    virConnectPtr connection = virDomainGetConnect(call->domain);

    /* First, so that no event of libvirt's precedes its stamped twin. Not
     * every daemon and not every user gets it; then the others must do. */
    call->ids[MONITOR] = virConnectDomainQemuMonitorEventRegister(
        connection, call->domain, "^(STOP|RESUME|MIGRATION|MIGRATION_PASS)$",
        on_monitor, g_atomic_rc_box_acquire(call->listener), listener_unref,
        VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX);
    if (call->ids[MONITOR] < 0) {
        listener_unref(call->listener);
    }
    call->ids[LIFECYCLE] =
        register_one(call, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                     VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle));
    if (call->ids[LIFECYCLE] < 0) {
        virt_error_take_guest(&call->error, call->domain,
                              "subscribing to its events");
    }
    call->ids[ITERATION] =
        register_one(call, VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION,
                     VIR_DOMAIN_EVENT_CALLBACK(on_iteration));
    call->ids[JOB_COMPLETED] =
        register_one(call, VIR_DOMAIN_EVENT_ID_JOB_COMPLETED,
                     VIR_DOMAIN_EVENT_CALLBACK(on_job_completed));
    virResetLastError();
}

/* Request to give back registrations; the guest must outlive it. */
typedef struct Unregister {
    VirtHost *host;
    int ids[N_CALLBACKS];
} Unregister;

static void
unregister_work(gpointer data)
{
    Unregister *call = data;

    unregister(virt_host_connection(call->host), call->ids);
}

static void
unregister_deliver(gpointer data)
{
    Unregister *call = data;

    virt_host_unref(call->host);
    g_free(call);
}

static void
unregister_later(VirtGuest *guest, const int ids[N_CALLBACKS])
{
    VirtHost *host = virt_guest_host(guest);
    Unregister *call;
    bool any = false;

    for (int i = 0; i < N_CALLBACKS; i++) {
        any |= ids[i] >= 0;
    }
    if (!any) {
        return;
    }
    call = g_new0(Unregister, 1);
    call->host = virt_host_ref(host);
    memcpy(call->ids, ids, sizeof(call->ids));
    virt_lane_call(virt_host_lane(host), virt_host_pool(host), unregister_work,
                   unregister_deliver, call);
}

static void
register_deliver(gpointer data)
{
    Register *call = data;
    VirtSubscription *s = call->listener->subscription;

    if (s && !call->error) {
        memcpy(s->ids, call->ids, sizeof(s->ids));
        s->monitor = s->ids[MONITOR] >= 0;
    } else {
        unregister_later(call->guest, call->ids);
        if (s) {
            virt_guest_unsubscribe(call->guest);
        }
    }
    if (call->done) {
        call->done(call->error, call->user);
    }
    g_clear_error(&call->error);
    listener_unref(call->listener);
    virt_guest_unref(call->guest);
    g_free(call);
}

static void
on_host_lost(const char *cause, gpointer data)
{
    VirtSubscription *s = data;

    listener_tell(s->listener, (Note){ .event = { .kind = VIRT_EVENT_LOST },
                                       .detail = g_strdup(cause) });
}

void
virt_guest_subscribe(VirtGuest *guest, VirtGuestEvent event, gpointer user,
                     VirtDone done, gpointer done_user)
{
    VirtSubscription *s = g_new0(VirtSubscription, 1);
    Register *call = g_new0(Register, 1);

    virt_guest_unsubscribe(guest);
    s->guest = guest;
    s->event = event;
    s->user = user;
    s->running = -1;
    for (int i = 0; i < N_CALLBACKS; i++) {
        s->ids[i] = -1;
    }
    s->listener = g_atomic_rc_box_new0(Listener);
    s->listener->subscription = s;
    s->listener->context = g_main_context_ref(
        virt_pool_context(virt_host_pool(virt_guest_host(guest))));
    *virt_guest_subscription(guest) = s;
    virt_host_watch(virt_guest_host(guest), on_host_lost, s);

    call->guest = virt_guest_ref(guest);
    call->domain = virt_guest_domain(guest);
    call->listener = g_atomic_rc_box_acquire(s->listener);
    call->done = done;
    call->user = done_user;
    virt_lane_call(virt_host_lane(virt_guest_host(guest)),
                   virt_host_pool(virt_guest_host(guest)), register_work,
                   register_deliver, call);
}

void
virt_guest_unsubscribe(VirtGuest *guest)
{
    VirtSubscription *s = *virt_guest_subscription(guest);

    if (!s) {
        return;
    }
    *virt_guest_subscription(guest) = NULL;
    virt_host_unwatch(virt_guest_host(guest), s);
    unregister_later(guest, s->ids);
    s->listener->subscription = NULL;
    listener_unref(s->listener);
    virt_job_clear(&s->last_job);
    g_free(s);
}

bool
virt_guest_monitor_events(const VirtGuest *guest)
{
    VirtSubscription *s = *virt_guest_subscription((VirtGuest *)guest);

    return s && s->monitor;
}

const VirtJob *
virt_subscription_last_job(VirtSubscription *subscription)
{
    return subscription && subscription->has_job ? &subscription->last_job
                                                 : NULL;
}

void
virt_subscription_forget_job(VirtSubscription *subscription)
{
    if (subscription) {
        subscription->has_job = false;
    }
}
