/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * daemon.c - vmferryd's life
 *
 *   lock ─> connect ─> watch ─> sign ─> look at the guest's job ─> Outgoing
 *              ^          │
 *              └── lost ──┘   running sessions and their classes stay
 *
 * A sign is cheap and may mean nothing; whether a migration leaves is told by
 * the job. Somebody who steers a migration of his own, "vmferry migrate", holds
 * a lease for the guest, and is left alone as long as he lives.
 */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/daemon-priv.h"
#include "tc/lease.h"

#define RECONNECT_MS 500
#define RECONNECT_MOST_MS 10000
/* How long libvirt's connections may take to close at the end. */
#define DRAIN_MS 2000

/* A sign was seen, the guest is being looked at. */
typedef struct Noticed {
    Daemon *daemon;
    char *uuid;
    int64_t at_us;
    bool again;     /* another sign came meanwhile */
    VirtHost *host; /* the connection that was asked */
    VirtGuest *guest;
} Noticed;

static void connect_later(Daemon *daemon);

static void
noticed_free(gpointer data)
{
    Noticed *noticed = data;

    virt_guest_unref(noticed->guest);
    virt_host_unref(noticed->host);
    g_free(noticed->uuid);
    g_free(noticed);
}

Outgoing *
daemon_outgoing(Daemon *daemon, const char *uuid)
{
    for (guint i = 0; i < daemon->outgoing->len; i++) {
        Outgoing *outgoing = g_ptr_array_index(daemon->outgoing, i);

        if (!outgoing->ended && g_str_equal(outgoing->uuid, uuid)) {
            return outgoing;
        }
    }
    return NULL;
}

/* --- from a sign to a session --- */

static void look_at(Daemon *daemon, const char *uuid);

/* Was it asked for on a connection that has been lost since? What that says
 * is about itself. */
static bool
is_stale(const Noticed *noticed)
{
    return noticed->host != noticed->daemon->host;
}

static void
noticed_done(Noticed *noticed)
{
    Daemon *daemon = noticed->daemon;
    g_autofree char *uuid = g_strdup(noticed->uuid);
    bool stale = is_stale(noticed);
    bool again = (noticed->again || stale) && !daemon->stopping;

    g_hash_table_remove(daemon->noticed, uuid);
    if (again && (stale || !daemon_outgoing(daemon, uuid))) {
        look_at(daemon, uuid);
    }
}

static const LeaseOwner *
lease_of(const GPtrArray *leases, const char *uuid)
{
    for (guint i = 0; i < leases->len; i++) {
        const Lease *lease = g_ptr_array_index(leases, i);

        for (guint j = 0; j < lease->owners->len; j++) {
            const LeaseOwner *owner = g_ptr_array_index(lease->owners, j);
            uint64_t ticks;

            if (owner->pid != getpid() && owner->uuid &&
                g_str_equal(owner->uuid, uuid) &&
                lease_process_start("/proc", owner->pid, &ticks) &&
                ticks == owner->start_ticks) {
                return owner;
            }
        }
    }
    return NULL;
}

/* Does another living process steer it? */
static bool
steered_by_other(Daemon *daemon, const char *uuid, const char *name)
{
    g_autoptr(GPtrArray) leases = lease_list(daemon->options.run_dir);
    const LeaseOwner *owner = lease_of(leases, uuid);

    if (!owner) {
        g_hash_table_remove(daemon->alone, uuid);
        return false;
    }
    if (!g_hash_table_contains(daemon->alone, uuid)) {
        g_hash_table_add(daemon->alone, g_strdup(uuid));
        daemon_log(G_LOG_LEVEL_INFO, NULL,
                   "guest '%s': its migration is steered by process %" PRId64
                   " (vmferry migrate), and left to it",
                   name, owner->pid);
    }
    return true;
}

static void
on_limits(VirtGuest *guest, const VirtLimits *limits, gpointer user)
{
    Noticed *noticed = user;
    Daemon *daemon = noticed->daemon;

    if (!daemon->stopping && !is_stale(noticed) &&
        !daemon_outgoing(daemon, noticed->uuid)) {
        Outgoing *outgoing =
            outgoing_begin(daemon, guest, noticed->at_us, limits);

        g_ptr_array_add(daemon->outgoing, outgoing);
        daemon->counted.adopted += !daemon->begun_whole;
        outgoing_tell_begun(outgoing);
        sockets_search(daemon);
    }
    noticed->again = false;
    noticed_done(noticed); /* a stale one is looked at again */
}

static void
on_job(VirtGuest *guest, const VirtReading *reading, const GError *error,
       gpointer user)
{
    Noticed *noticed = user;
    Outgoing *running = daemon_outgoing(noticed->daemon, noticed->uuid);
    bool leaves = !error && reading->what & VIRT_READ_JOB &&
                  reading->job.outgoing &&
                  (reading->job.state == VIRT_JOB_STARTING ||
                   reading->job.state == VIRT_JOB_ACTIVE);

    if (is_stale(noticed)) {
        noticed_done(noticed);
    } else if (running) {
        /* The connection was lost and is back; what became of the migration
         * meanwhile the session finds out. */
        if (session_guest(running->session) != guest) {
            session_reconnect(running->session, guest);
            steps_reconnected(running);
        }
        noticed_done(noticed);
    } else if (!leaves || noticed->daemon->stopping ||
               steered_by_other(noticed->daemon, noticed->uuid,
                                virt_guest_info(guest)->name)) {
        noticed_done(noticed);
    } else {
        virt_guest_read_limits(guest, on_limits, noticed);
    }
}

static void
on_guest(VirtGuest *guest, const GError *error, gpointer user)
{
    Noticed *noticed = user;

    if (!guest) {
        Outgoing *running = daemon_outgoing(noticed->daemon, noticed->uuid);

        daemon_log(G_LOG_LEVEL_DEBUG, NULL, "%s", error->message);
        /* Nothing of it is left here: its session ends by itself when it asks
         * on the old connection; told nothing, it is let go. */
        if (running && !is_stale(noticed) &&
            g_error_matches(error, VIRT_ERROR, VIRT_ERROR_NO_DOMAIN)) {
            session_vanished(running->session);
        }
        noticed_done(noticed);
        return;
    }
    noticed->guest = virt_guest_ref(guest);
    if (!virt_guest_poll(guest, VIRT_READ_JOB, on_job, noticed)) {
        noticed_done(noticed);
    }
}

static void
look_at(Daemon *daemon, const char *uuid)
{
    Noticed *noticed = g_hash_table_lookup(daemon->noticed, uuid);

    if (noticed || !daemon->host) {
        if (noticed) {
            noticed->again = true;
        }
        return;
    }
    noticed = g_new0(Noticed, 1);
    noticed->daemon = daemon;
    noticed->host = virt_host_ref(daemon->host);
    noticed->uuid = g_strdup(uuid);
    noticed->at_us = clock_mono_us();
    g_hash_table_insert(daemon->noticed, noticed->uuid, noticed);
    virt_guest_lookup(daemon->host, uuid, on_guest, noticed);
}

/* These tell of an end; the job may be seen for a moment more. */
static bool
is_end(const char *sign)
{
    static const char *const ends[] = { "completed", "failed", "cancelling",
                                        "cancelled", NULL };

    return g_strv_contains(ends, sign);
}

static void
on_sign(VirtWatch *watch, const char *uuid, const char *sign, gpointer user)
{
    Daemon *daemon = user;

    if (daemon->stopping || is_end(sign) || daemon_outgoing(daemon, uuid)) {
        return;
    }
    daemon_log(G_LOG_LEVEL_DEBUG, NULL, "guest %s: %s", uuid, sign);
    look_at(daemon, uuid);
}

/* --- the connection --- */

/* What an earlier daemon left and nobody took over goes. */
static void
clear_remains(Daemon *daemon)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *report = NULL;

    if (!reservation_clear(NULL, false, daemon->options.run_dir, &report,
                           &error)) {
        daemon_log(g_error_matches(error, RESERVATION_ERROR,
                                   RESERVATION_ERROR_PERMISSION)
                       ? G_LOG_LEVEL_INFO
                       : G_LOG_LEVEL_WARNING,
                   NULL, "clearing what dead processes left: %s",
                   error->message);
    } else if (report && *report) {
        g_auto(GStrv) lines = g_strsplit(g_strstrip(report), "\n", -1);

        for (guint i = 0; lines[i]; i++) {
            daemon_log(G_LOG_LEVEL_INFO, NULL, "%s", lines[i]);
        }
    }
}

static gboolean
on_adopted(gpointer user)
{
    Daemon *daemon = user;

    if (g_hash_table_size(daemon->noticed) > 0) {
        return G_SOURCE_CONTINUE;
    }
    daemon->begun_whole = true;
    clear_remains(daemon);
    put_back_look(daemon);
    return G_SOURCE_REMOVE;
}

static void
on_watching(const GError *error, gpointer user)
{
    Daemon *daemon = user;
    const VirtHostInfo *info = virt_host_info(daemon->host);

    if (error) {
        daemon_log(G_LOG_LEVEL_WARNING, NULL,
                   "no events of migrations from libvirt: %s", error->message);
    }
    daemon_log(G_LOG_LEVEL_INFO, NULL,
               "watching the migrations of %s (libvirt %s, QEMU %s)", info->uri,
               info->libvirt_version, info->hypervisor_version);
    notify_ready(daemon->notify, "watching");
    /* Those of an earlier connection: what became of them? */
    for (guint i = 0; i < daemon->outgoing->len; i++) {
        Outgoing *outgoing = g_ptr_array_index(daemon->outgoing, i);

        if (!outgoing->ended) {
            look_at(daemon, outgoing->uuid);
        }
    }
    if (!daemon->begun) {
        daemon->begun = true;
        /* Migrations under way take their classes over first. */
        g_timeout_add(100, on_adopted, daemon);
    } else if (daemon->begun_whole) {
        daemon->returns = 0;
        put_back_look(daemon);
    }
}

static void
disconnect(Daemon *daemon)
{
    g_clear_pointer(&daemon->watch, virt_watch_free);
    if (daemon->host) {
        virt_host_on_lost(daemon->host, NULL, NULL);
        g_clear_pointer(&daemon->host, virt_host_unref);
    }
}

static void
on_lost(VirtHost *host, const char *cause, gpointer user)
{
    Daemon *daemon = user;

    daemon_log(
        G_LOG_LEVEL_WARNING, NULL,
        "the connection to libvirt broke (%s); %u sessions go on, and it "
        "is tried again",
        cause, daemon->outgoing->len);
    daemon->connected_wall_us = clock_wall_us();
    disconnect(daemon);
    connect_later(daemon);
}

static void
on_opened(VirtHost *host, const GError *error, gpointer user)
{
    Daemon *daemon = user;

    if (daemon->stopping) {
        return;
    }
    if (error) {
        daemon_log(daemon->attempts == 0 ? G_LOG_LEVEL_WARNING
                                         : G_LOG_LEVEL_DEBUG,
                   NULL, "%s; trying again", error->message);
        /* Without libvirt there is nothing to do yet; that is no failure. */
        notify_ready(daemon->notify, "waiting for libvirt");
        daemon->attempts++;
        connect_later(daemon);
        return;
    }
    if (!virt_host_connected(host)) {
        connect_later(daemon);
        return;
    }
    daemon->attempts = 0;
    daemon->connected_wall_us = clock_wall_us();
    g_free(daemon->libvirt_version);
    daemon->libvirt_version = g_strdup(virt_host_info(host)->libvirt_version);
    daemon->host = virt_host_ref(host);
    virt_host_on_lost(host, on_lost, daemon);
    daemon->watch = virt_watch_new(host, on_sign, on_watching, daemon);
}

static gboolean
on_connect(gpointer user)
{
    Daemon *daemon = user;

    daemon->connect_source = 0;
    virt_host_open(daemon->pool, daemon->config->daemon.connect, 0, on_opened,
                   daemon);
    return G_SOURCE_REMOVE;
}

static void
connect_later(Daemon *daemon)
{
    unsigned wait_ms =
        MIN(RECONNECT_MS * (daemon->attempts + 1), RECONNECT_MOST_MS);

    if (!daemon->connect_source && !daemon->stopping) {
        daemon->connect_source = g_timeout_add(wait_ms, on_connect, daemon);
    }
}

/* --- the life --- */

/* What is queued in each gets a tenth of a second, one after the other. */
#define MANY_CLASSES 4

static bool
many_classes(const Daemon *daemon)
{
    unsigned n = 0;

    for (guint i = 0; i < daemon->outgoing->len; i++) {
        const Outgoing *outgoing = g_ptr_array_index(daemon->outgoing, i);

        n += outgoing->reservation != NULL;
    }
    return n > MANY_CLASSES;
}

/* Within a second nothing of ours is left, or all of it is back. */
static void
on_disabled(bool disabled, const char *why, gpointer user)
{
    Daemon *daemon = user;
    LogAbout about = { .event = LOG_EVENT_DISABLED, .reason = why };

    daemon_log(G_LOG_LEVEL_INFO, &about, "%s%s%s",
               disabled ? "switched off: all shaping is removed, migrations "
                          "under way go on"
                        : "switched on again",
               disabled && *why ? ": " : "", disabled ? why : "");
    daemon->hurry = disabled && many_classes(daemon);
    for (guint i = 0; i < daemon->outgoing->len; i++) {
        Outgoing *outgoing = g_ptr_array_index(daemon->outgoing, i);

        if (!outgoing->ended) {
            outgoing_pick_rules(outgoing);
        }
    }
    daemon->hurry = false;
    control_tell_mode(daemon, disabled ? "switched off" : "switched on again");
    if (disabled) {
        clear_remains(daemon);
    }
}

void
daemon_look_disabled(Daemon *daemon)
{
    disabled_look(daemon->disabled);
}

Daemon *
daemon_new(const DaemonOptions *options, GError **error)
{
    g_autoptr(DaemonConfig) config =
        daemon_config_load(options->config_path, error);
    Daemon *daemon;
    int lock;

    if (!config) {
        return NULL;
    }
    daemon_log_level(config->daemon.log);
    lock =
        daemon_lock(options->run_dir ? options->run_dir : LEASE_RUN_DIR, error);
    if (lock < 0) {
        return NULL;
    }
    daemon = g_new0(Daemon, 1);
    daemon->drained = true;
    daemon->lock = lock;
    daemon->options = *options;
    if (!daemon->options.run_dir) {
        daemon->options.run_dir = LEASE_RUN_DIR;
    }
    daemon->config = g_steal_pointer(&config);
    daemon->notify = options->notify;
    daemon->loop = g_main_loop_new(NULL, FALSE);
    daemon->pool = virt_pool_new(NULL);
    daemon->noticed =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, noticed_free);
    daemon->alone =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    daemon->outgoing =
        g_ptr_array_new_with_free_func((GDestroyNotify)outgoing_free);
    daemon->disk = disk_new();
    track_load(daemon);
    circuit_load(daemon);
    daemon->uses =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    daemon->looks = g_hash_table_new_full(
        NULL, NULL, NULL, (GDestroyNotify)reservation_look_free);
    daemon->listed = sockets_listed_new();
    daemon->arbitrated =
        g_hash_table_new_full(g_int_hash, g_int_equal, g_free, g_free);
    daemon->fewer_on = g_array_new(FALSE, FALSE, sizeof(int));
    put_back_open_journal(daemon);
    daemon->strangers =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    return daemon;
}

void
daemon_run(Daemon *daemon)
{
    daemon->disabled = disabled_watch(NULL, NULL, on_disabled, daemon);
    if (disabled_now(daemon->disabled)) {
        daemon_log(G_LOG_LEVEL_INFO, NULL,
                   "%s is there: nothing is changed until it goes",
                   disabled_path());
    }
    daemon->started_wall_us = clock_wall_us();
    control_start(daemon);
    daemon->intensive = intensive_new(daemon);
    daemon->names = names_new(daemon);
    notify_watch(daemon->notify, NULL);
    on_connect(daemon);
    g_main_loop_run(daemon->loop);

    daemon->stopping = true;
    g_clear_pointer(&daemon->intensive, intensive_free);
    g_clear_pointer(&daemon->names, names_free);
    g_clear_handle_id(&daemon->return_source, g_source_remove);
    daemon->hurry = many_classes(daemon);
    notify_stopping(daemon->notify, "giving back what is ours");
    for (guint i = 0; i < daemon->outgoing->len; i++) {
        Outgoing *outgoing = g_ptr_array_index(daemon->outgoing, i);

        if (!outgoing->ended) {
            session_leave(outgoing->session, "vmferryd was stopped");
        }
    }
    control_stop(daemon);
    /* Their last requests need the connection: values are put back by it. */
    daemon->drained = virt_pool_drain(daemon->pool, DRAIN_MS);
    disconnect(daemon);
    daemon->drained &= virt_pool_drain(daemon->pool, DRAIN_MS);
    g_clear_pointer(&daemon->disk, disk_free);
}

void
daemon_stop(Daemon *daemon)
{
    g_main_loop_quit(daemon->loop);
}

bool
daemon_reload(Daemon *daemon, char **changed, GError **error)
{
    g_autoptr(DaemonConfig) config =
        daemon_config_load(daemon->options.config_path, error);
    g_autofree char *changes = NULL;
    bool restart = false;

    if (!config) {
        return false;
    }
    changes = daemon_config_diff(daemon->config, config, &restart);
    daemon_log(G_LOG_LEVEL_INFO, NULL, "configuration read anew%s%s%s",
               *changes ? ": " : ", nothing changed", changes,
               restart ? " (some of it holds after a restart)" : "");
    daemon_config_free(daemon->config);
    daemon->config = g_steal_pointer(&config);
    daemon_log_level(daemon->config->daemon.log);
    if (changed) {
        *changed = g_steal_pointer(&changes);
    }
    if (daemon->names) {
        names_reload(daemon->names);
    }
    control_tell_mode(daemon, "configuration");
    for (guint i = 0; i < daemon->outgoing->len; i++) {
        Outgoing *outgoing = g_ptr_array_index(daemon->outgoing, i);

        if (!outgoing->ended) {
            outgoing_pick_rules(outgoing);
        }
    }
    return true;
}

void
daemon_free(Daemon *daemon)
{
    if (!daemon) {
        return;
    }
    if (!daemon->drained) {
        /* libvirt hangs, and its answers point to what would be freed here.
         * Classes are gone already; the rest goes with the process. */
        return;
    }
    g_clear_pointer(&daemon->disabled, disabled_free);
    g_clear_handle_id(&daemon->connect_source, g_source_remove);
    g_clear_handle_id(&daemon->search_source, g_source_remove);
    g_clear_handle_id(&daemon->grant_source, g_source_remove);
    g_clear_handle_id(&daemon->fewer_source, g_source_remove);
    g_ptr_array_unref(daemon->outgoing);
    disconnect(daemon);
    g_hash_table_unref(daemon->noticed);
    g_hash_table_unref(daemon->alone);
    g_hash_table_unref(daemon->strangers);
    g_ptr_array_unref(daemon->past);
    journal_close(daemon->journal);
    g_hash_table_unref(daemon->circuits);
    g_hash_table_unref(daemon->uses);
    g_hash_table_unref(daemon->arbitrated);
    g_hash_table_unref(daemon->looks);
    g_hash_table_unref(daemon->listed);
    g_hash_table_unref(daemon->returning);
    g_clear_pointer(&daemon->described, g_hash_table_unref);
    g_array_unref(daemon->fewer_on);
    g_clear_pointer(&daemon->streams, g_array_unref);
    virt_pool_drain(daemon->pool, DRAIN_MS);
    virt_pool_unref(daemon->pool);
    g_main_loop_unref(daemon->loop);
    daemon_config_free(daemon->config);
    close(daemon->lock);
    g_free(daemon->libvirt_version);
    g_free(daemon);
}
