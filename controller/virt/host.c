/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host.c - a connection to a libvirt daemon
 *
 * The daemon's death is noticed by whoever happens to read the socket, often a
 * worker: libvirt's close callback therefore only posts a note. It holds a
 * HostLink and not the host, for it can come when the host is long gone.
 */
#include <string.h>

#include "virt/virt-priv.h"

enum {
    /* What virsh uses: a dead peer is noticed after some 35 s. */
    KEEPALIVE_INTERVAL_S = 5,
    KEEPALIVE_COUNT = 6,
};

typedef struct HostLink {
    VirtHost *host;    /* main thread only; NULL: not yet, or no longer */
    const char *early; /* main thread only: lost before there was a host */
    GMainContext *context;
} HostLink;

typedef struct Watch {
    VirtHostWatch watch;
    gpointer data;
} Watch;

struct VirtHost {
    unsigned refs;
    unsigned flags; /* VIRT_OPEN_ */
    VirtPool *pool;
    virConnectPtr connection;
    HostLink *link;
    VirtHostInfo info;
    const char *why_lost; /* static string; NULL: connected */
    VirtHostLost lost;
    gpointer lost_user;
    GArray *watches; /* Watch */
    VirtLane lane;
};

/* --- losing it --- */

static void
link_clear(gpointer data)
{
    g_main_context_unref(((HostLink *)data)->context);
}

static void
link_unref(gpointer link)
{
    g_atomic_rc_box_release_full(link, link_clear);
}

typedef struct LossNote {
    HostLink *link;
    const char *why;
} LossNote;

static const char *
close_reason(int reason)
{
    switch (reason) {
    case VIR_CONNECT_CLOSE_REASON_EOF:
        return "end of file: the daemon ended or was killed";
    case VIR_CONNECT_CLOSE_REASON_KEEPALIVE:
        return "keepalive: the daemon no longer answers";
    case VIR_CONNECT_CLOSE_REASON_CLIENT:
        return "closed on our side";
    default:
        return "error on the connection";
    }
}

static void
loss_deliver(gpointer data)
{
    g_autofree LossNote *note = data;
    VirtHost *host = note->link->host;

    if (!host) {
        note->link->early = note->why;
    } else if (!host->why_lost) {
        virt_host_ref(host);
        host->why_lost = note->why;
        /* From the end: a watch may take itself away. */
        for (guint i = host->watches->len; i-- > 0;) {
            if (i < host->watches->len) {
                Watch w = g_array_index(host->watches, Watch, i);

                w.watch(note->why, w.data);
            }
        }
        if (host->lost) {
            host->lost(host, note->why, host->lost_user);
        }
        virt_host_unref(host);
    }
    link_unref(note->link);
}

static void
on_close(virConnectPtr connection, int reason, void *opaque)
{
    LossNote *note = g_new(LossNote, 1);

    *note = (LossNote){ g_atomic_rc_box_acquire(opaque), close_reason(reason) };
    virt_post(note->link->context, loss_deliver, note);
}

/* --- opening --- */

typedef struct Open {
    VirtPool *pool;
    char *uri; /* NULL: libvirt's default */
    unsigned flags;
    VirtHostOpened done;
    gpointer user;
    /* results */
    virConnectPtr connection;
    HostLink *link;
    VirtHostInfo info;
    GError *error;
} Open;

static char *
version_text(unsigned long version)
{
    return g_strdup_printf("%lu.%lu.%lu", version / 1000000,
                           version / 1000 % 1000, version % 1000);
}

/* Move a string of libvirt's, which comes from malloc(), to GLib's. */
static char *
take_string(char *theirs)
{
    char *ours = g_strdup(theirs);

    free(theirs);
    return ours;
}

/* What cannot be learnt stays NULL; only the connection itself must succeed. */
static void
info_fill(VirtHostInfo *info, virConnectPtr connection)
{
    g_autofree char *capabilities = NULL;
    unsigned long version = 0;

    info->uri = take_string(virConnectGetURI(connection));
    info->host_name = take_string(virConnectGetHostname(connection));
    info->driver = g_strdup(virConnectGetType(connection));
    if (virConnectGetLibVersion(connection, &version) == 0) {
        info->libvirt_version = version_text(version);
    }
    if (virConnectGetVersion(connection, &version) == 0 && version > 0) {
        info->hypervisor_version = version_text(version);
    }
    capabilities = take_string(virConnectGetCapabilities(connection));
    if (capabilities) {
        info->uuid = virt_caps_host_uuid(capabilities);
    }
    info->local = virt_local(info->uri);
    virResetLastError();
}

virConnectPtr
virt_connect(const char *uri, unsigned flags)
{
    virConnectPtr connection =
        virConnectOpenAuth(uri, virConnectAuthPtrDefault,
                           flags & VIRT_OPEN_READ_ONLY ? VIR_CONNECT_RO : 0);

    /* Drivers without a daemon lack it, and need it not. */
    if (connection && virConnectSetKeepAlive(connection, KEEPALIVE_INTERVAL_S,
                                             KEEPALIVE_COUNT) < 0) {
        virResetLastError();
    }
    return connection;
}

static void
open_work(gpointer data)
{
    Open *open = data;

    open->connection = virt_connect(open->uri, open->flags);
    if (!open->connection) {
        virt_error_take(&open->error, NULL, VIRT_ERROR_CONNECT,
                        "connecting to libvirt at '%s' (is the daemon there "
                        "running, and reachable from here?)",
                        open->uri ? open->uri : "its default");
        return;
    }

    open->link = g_atomic_rc_box_new0(HostLink);
    open->link->context = g_main_context_ref(virt_pool_context(open->pool));
    /* Drivers without a daemon accept it and forget it, free function and all:
     * the link is kept by the host and goes after the connection. */
    virConnectRegisterCloseCallback(open->connection, on_close, open->link,
                                    NULL);
    info_fill(&open->info, open->connection);
}

static VirtHost *
open_finish(Open *open)
{
    VirtHost *host;

    if (!open->connection) {
        return NULL;
    }
    host = g_new0(VirtHost, 1);
    host->refs = 1;
    host->flags = open->flags;
    host->pool = virt_pool_ref(open->pool);
    host->connection = open->connection;
    host->link = open->link;
    host->link->host = host;
    host->why_lost = host->link->early;
    host->info = open->info;
    host->watches = g_array_new(FALSE, FALSE, sizeof(Watch));
    return host;
}

static void
open_deliver(gpointer data)
{
    Open *open = data;
    g_autoptr(VirtHost) host = open_finish(open);

    open->done(host, open->error, open->user);
    g_clear_error(&open->error);
    virt_pool_unref(open->pool);
    g_free(open->uri);
    g_free(open);
}

void
virt_host_open(VirtPool *pool, const char *uri, unsigned flags,
               VirtHostOpened done, gpointer user)
{
    Open *open = g_new0(Open, 1);

    open->pool = virt_pool_ref(pool);
    open->uri = g_strdup(uri);
    open->flags = flags;
    open->done = done;
    open->user = user;
    virt_pool_call(pool, open_work, open_deliver, open);
}

VirtHost *
virt_host_open_now(VirtPool *pool, const char *uri, unsigned flags,
                   GError **error)
{
    g_autofree char *copy = g_strdup(uri);
    Open open = { .pool = pool, .uri = copy, .flags = flags };
    VirtHost *host;

    open_work(&open);
    host = open_finish(&open);
    if (!host) {
        g_propagate_error(error, open.error);
    }
    return host;
}

/* --- closing --- */

typedef struct Close {
    virConnectPtr connection;
    HostLink *link;
} Close;

static void
close_work(gpointer data)
{
    Close *close = data;

    /* Waits for a callback that is running. */
    virConnectUnregisterCloseCallback(close->connection, on_close);
    virConnectClose(close->connection);
}

static void
close_deliver(gpointer data)
{
    g_autofree Close *close = data;

    link_unref(close->link);
}

VirtHost *
virt_host_ref(VirtHost *host)
{
    host->refs++;
    return host;
}

void
virt_host_unref(VirtHost *host)
{
    Close *close;

    if (!host || --host->refs > 0) {
        return;
    }
    host->link->host = NULL;
    close = g_new(Close, 1);
    *close = (Close){ host->connection, host->link };
    virt_pool_call(host->pool, close_work, close_deliver, close);
    virt_pool_unref(host->pool);
    g_free(host->info.uri);
    g_free(host->info.host_name);
    g_free(host->info.driver);
    g_free(host->info.libvirt_version);
    g_free(host->info.hypervisor_version);
    g_free(host->info.uuid);
    g_array_unref(host->watches);
    g_free(host);
}

/* --- asking --- */

const VirtHostInfo *
virt_host_info(const VirtHost *host)
{
    return &host->info;
}

bool
virt_host_connected(const VirtHost *host)
{
    return !host->why_lost;
}

void
virt_host_on_lost(VirtHost *host, VirtHostLost lost, gpointer user)
{
    host->lost = lost;
    host->lost_user = user;
}

VirtPool *
virt_host_pool(VirtHost *host)
{
    return host->pool;
}

unsigned
virt_host_flags(const VirtHost *host)
{
    return host->flags;
}

VirtLane *
virt_host_lane(VirtHost *host)
{
    return &host->lane;
}

virConnectPtr
virt_host_connection(VirtHost *host)
{
    return host->connection;
}

void
virt_host_watch(VirtHost *host, VirtHostWatch watch, gpointer data)
{
    Watch entry = { watch, data };

    g_array_append_val(host->watches, entry);
}

void
virt_host_unwatch(VirtHost *host, gpointer data)
{
    for (guint i = 0; i < host->watches->len; i++) {
        if (g_array_index(host->watches, Watch, i).data == data) {
            g_array_remove_index(host->watches, i);
            return;
        }
    }
}
