/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest.c - finding a domain and looking at it; the way to its monitor
 */
#include <string.h>

#include <libvirt/libvirt-qemu.h>

#include "virt/virt-priv.h"

struct VirtGuest {
    unsigned refs;
    VirtHost *host;
    virDomainPtr domain; /* never changes: workers may use it while their
                            request holds the guest */
    VirtGuestInfo *info;
    VirtTune *tune;
    VirtSubscription *subscription; /* NULL: none */
    bool polling;                   /* guest-read.c */
    bool migrating;
};

const char *
virt_state_name(VirtState state)
{
    static const char *const names[] = {
        [VIRT_STATE_UNKNOWN] = "unknown",  [VIRT_STATE_GONE] = "gone",
        [VIRT_STATE_SHUTOFF] = "shut off", [VIRT_STATE_RUNNING] = "running",
        [VIRT_STATE_PAUSED] = "paused",    [VIRT_STATE_OTHER] = "other",
    };

    G_STATIC_ASSERT(G_N_ELEMENTS(names) == VIRT_N_STATES);
    return (unsigned)state < VIRT_N_STATES ? names[state] : "unknown";
}

VirtState
virt_state_of(virDomainPtr domain)
{
    int state, reason;

    if (virDomainGetState(domain, &state, &reason, 0) < 0) {
        virErrorPtr why = virGetLastError();
        bool gone = why && why->code == VIR_ERR_NO_DOMAIN;

        virResetLastError();
        return gone ? VIRT_STATE_GONE : VIRT_STATE_UNKNOWN;
    }
    switch (state) {
    case VIR_DOMAIN_RUNNING:
    case VIR_DOMAIN_BLOCKED:
        return VIRT_STATE_RUNNING;
    case VIR_DOMAIN_PAUSED:
        return VIRT_STATE_PAUSED;
    case VIR_DOMAIN_SHUTOFF:
        return VIRT_STATE_SHUTOFF;
    default:
        return VIRT_STATE_OTHER;
    }
}

/* --- what it is --- */

static VirtGuestInfo *
info_load(virDomainPtr domain, GError **error)
{
    g_autoptr(VirtGuestInfo) info = NULL;
    char *xml = virDomainGetXMLDesc(domain, 0);
    char **taints = NULL, *metadata;
    int n_taints, persistent, code, reason;

    if (!xml) {
        virt_error_take_guest(error, domain, "reading its description");
        return NULL;
    }
    info = virt_guest_info_parse(xml, error);
    free(xml);
    if (!info) {
        return NULL;
    }
    info->state = virt_state_of(domain);
    info->postcopy = virDomainGetState(domain, &code, &reason, 0) == 0 &&
                     code == VIR_DOMAIN_PAUSED &&
                     reason == VIR_DOMAIN_PAUSED_POSTCOPY;
    persistent = virDomainIsPersistent(domain);
    info->persistent = persistent == 1;
    /* Since libvirt 7.1; an older daemon leaves the list empty. */
    n_taints =
        virDomainGetMessages(domain, &taints, VIR_DOMAIN_MESSAGE_TAINTING);
    for (int i = 0; i < n_taints; i++) {
        g_ptr_array_add(info->taints, g_strdup(taints[i]));
        free(taints[i]);
    }
    if (n_taints >= 0) {
        free(taints);
    }
    metadata = virDomainGetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT,
                                    VIRT_GUEST_METADATA, 0);
    info->metadata = g_strdup(metadata);
    free(metadata);
    virResetLastError();
    return g_steal_pointer(&info);
}

typedef struct Lookup {
    VirtHost *host;
    virConnectPtr connection;
    char *which;
    VirtGuestFound done;
    gpointer user;
    virDomainPtr domain;
    VirtGuestInfo *info;
    GError *error;
} Lookup;

static virDomainPtr
find(virConnectPtr connection, const char *which)
{
    virDomainPtr domain = NULL;
    gint64 id;

    if (g_ascii_string_to_signed(which, 10, 0, G_MAXINT, &id, NULL)) {
        domain = virDomainLookupByID(connection, (int)id);
    }
    if (!domain && strlen(which) == VIR_UUID_STRING_BUFLEN - 1) {
        domain = virDomainLookupByUUIDString(connection, which);
    }
    if (!domain) {
        domain = virDomainLookupByName(connection, which);
    }
    return domain;
}

static void
lookup_work(gpointer data)
{
    Lookup *lookup = data;
    const VirtHostInfo *host = virt_host_info(lookup->host);

    lookup->domain = find(lookup->connection, lookup->which);
    if (!lookup->domain) {
        virt_error_take(
            &lookup->error, lookup->connection, VIRT_ERROR_FAILED,
            "looking for guest '%s' on '%s' (see 'virsh -c %s list --all')",
            lookup->which, host->host_name ? host->host_name : "this host",
            host->uri ? host->uri : "URI");
        return;
    }
    lookup->info = info_load(lookup->domain, &lookup->error);
    if (!lookup->info) {
        virDomainFree(lookup->domain);
        lookup->domain = NULL;
    }
}

static VirtGuest *
lookup_finish(Lookup *lookup)
{
    VirtGuest *guest;

    if (!lookup->domain) {
        return NULL;
    }
    guest = g_new0(VirtGuest, 1);
    guest->refs = 1;
    guest->host = virt_host_ref(lookup->host);
    guest->domain = lookup->domain;
    guest->info = lookup->info;
    guest->tune = virt_tune_new();
    return guest;
}

static void
lookup_deliver(gpointer data)
{
    Lookup *lookup = data;
    g_autoptr(VirtGuest) guest = lookup_finish(lookup);

    lookup->done(guest, lookup->error, lookup->user);
    g_clear_error(&lookup->error);
    virt_host_unref(lookup->host);
    g_free(lookup->which);
    g_free(lookup);
}

void
virt_guest_lookup(VirtHost *host, const char *which, VirtGuestFound done,
                  gpointer user)
{
    Lookup *lookup = g_new0(Lookup, 1);

    lookup->host = virt_host_ref(host);
    lookup->connection = virt_host_connection(host);
    lookup->which = g_strdup(which);
    lookup->done = done;
    lookup->user = user;
    virt_pool_call(virt_host_pool(host), lookup_work, lookup_deliver, lookup);
}

VirtGuest *
virt_guest_lookup_now(VirtHost *host, const char *which, GError **error)
{
    g_autofree char *copy = g_strdup(which);
    Lookup lookup = { .host = host,
                      .connection = virt_host_connection(host),
                      .which = copy };
    VirtGuest *guest;

    lookup_work(&lookup);
    guest = lookup_finish(&lookup);
    if (!guest) {
        g_propagate_error(error, lookup.error);
    }
    return guest;
}

VirtGuest *
virt_guest_ref(VirtGuest *guest)
{
    guest->refs++;
    return guest;
}

void
virt_guest_unref(VirtGuest *guest)
{
    if (!guest || --guest->refs > 0) {
        return;
    }
    virt_guest_unsubscribe(guest);
    virt_tune_free(guest->tune);
    /* Does not block: the host still holds the connection. */
    virDomainFree(guest->domain);
    virt_guest_info_free(guest->info);
    virt_host_unref(guest->host);
    g_free(guest);
}

const VirtGuestInfo *
virt_guest_info(const VirtGuest *guest)
{
    return guest->info;
}

VirtHost *
virt_guest_host(const VirtGuest *guest)
{
    return guest->host;
}

const char *
virt_guest_name(const VirtGuest *guest)
{
    return guest->info->name;
}

virDomainPtr
virt_guest_domain(VirtGuest *guest)
{
    return guest->domain;
}

VirtSubscription **
virt_guest_subscription(VirtGuest *guest)
{
    return &guest->subscription;
}

VirtTune *
virt_guest_tune(VirtGuest *guest)
{
    return guest->tune;
}

bool *
virt_guest_polling(VirtGuest *guest)
{
    return &guest->polling;
}

bool
virt_guest_migrating(const VirtGuest *guest)
{
    return guest->migrating;
}

void
virt_guest_set_migrating(VirtGuest *guest, bool migrating)
{
    guest->migrating = migrating;
}

int64_t
virt_guest_pid(const VirtGuest *guest)
{
    g_autofree char *path =
        g_strdup_printf("/run/libvirt/qemu/%s.pid", guest->info->name);
    g_autofree char *text = NULL, *proc = NULL, *words = NULL;
    gsize length = 0;
    gint64 pid;

    if (!g_file_get_contents(path, &text, NULL, NULL) ||
        !g_ascii_string_to_signed(g_strstrip(text), 10, 1, G_MAXINT, &pid,
                                  NULL)) {
        return 0;
    }
    proc = g_strdup_printf("/proc/%d/cmdline", (int)pid);
    if (!guest->info->uuid ||
        !g_file_get_contents(proc, &words, &length, NULL)) {
        return 0;
    }
    /* Words end with a NUL each; a pid that was used again has another one. */
    for (gsize at = 0; at < length; at += strlen(words + at) + 1) {
        if (strcmp(words + at, guest->info->uuid) == 0) {
            return pid;
        }
    }
    return 0;
}

typedef struct Refresh {
    VirtGuest *guest;
    virDomainPtr domain;
    VirtDone done;
    gpointer user;
    VirtGuestInfo *info;
    GError *error;
} Refresh;

static void
refresh_work(gpointer data)
{
    Refresh *refresh = data;

    refresh->info = info_load(refresh->domain, &refresh->error);
}

static void
refresh_deliver(gpointer data)
{
    Refresh *refresh = data;

    if (refresh->info) {
        virt_guest_info_free(refresh->guest->info);
        refresh->guest->info = refresh->info;
    }
    refresh->done(refresh->error, refresh->user);
    g_clear_error(&refresh->error);
    virt_guest_unref(refresh->guest);
    g_free(refresh);
}

void
virt_guest_refresh(VirtGuest *guest, VirtDone done, gpointer user)
{
    Refresh *refresh = g_new0(Refresh, 1);

    *refresh = (Refresh){ .guest = virt_guest_ref(guest),
                          .domain = guest->domain,
                          .done = done,
                          .user = user };
    virt_pool_call(virt_host_pool(guest->host), refresh_work, refresh_deliver,
                   refresh);
}

/* --- the monitor --- */

typedef struct Monitor {
    VirtGuest *guest;
    virDomainPtr domain;
    char *command;
    VirtMonitorReply done;
    gpointer user;
    char *reply; /* libvirt's, free() it */
    GError *error;
} Monitor;

static void
monitor_work(gpointer data)
{
    Monitor *monitor = data;

    if (virDomainQemuMonitorCommand(monitor->domain, monitor->command,
                                    &monitor->reply, 0) < 0) {
        virt_error_take_guest(&monitor->error, monitor->domain,
                              "passing %s to its QEMU", monitor->command);
    }
}

static void
monitor_deliver(gpointer data)
{
    Monitor *monitor = data;

    monitor->done(monitor->guest, monitor->reply, monitor->error,
                  monitor->user);
    g_clear_error(&monitor->error);
    free(monitor->reply);
    virt_guest_unref(monitor->guest);
    g_free(monitor->command);
    g_free(monitor);
}

void
virt_guest_monitor(VirtGuest *guest, const char *command,
                   VirtMonitorReply reply, gpointer user)
{
    Monitor *monitor = g_new0(Monitor, 1);

    monitor->guest = virt_guest_ref(guest);
    monitor->domain = guest->domain;
    monitor->command = g_strdup(command);
    monitor->done = reply;
    monitor->user = user;
    virt_pool_call(virt_host_pool(guest->host), monitor_work, monitor_deliver,
                   monitor);
}
