/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * migration.c - one migration from the request to the confirmed end
 *
 *   start --> virDomainMigrate...()     a thread of its own, minutes
 *         --> put back what was changed guest-tune.c, at the guest's new place
 *         --> ask both hosts            aftermath_work()
 *         --> VirtMigrated
 *
 * The long call has a connection of its own. In libvirt 9.0's client a request
 * that is made just after an answer came can fail to wake the thread that
 * polls the socket for all (its loop is told to quit before it runs), and then
 * lies there until the next keepalive, 5 s later. That thread is the one whose
 * call lasts: on a connection without such a call nobody waits. Over ssh a
 * second connection may ask for the password again; there the guest's own one
 * has to do.
 *
 * Nothing here acts on a guest after its migration but with the three calls of
 * the table in guest-tune.c. If the source's daemon is lost in between, QEMU
 * and the migration may well go on without it: then there is nothing to do but
 * to look, and to say what was seen.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "virt/virt-priv.h"

/* How long after the call an abort that finds no job is tried again. */
enum { JOB_APPEARS_MS = 10000, TRY_AGAIN_MS = 50 };

struct VirtMigration {
    unsigned refs;
    VirtGuest *guest;
    VirtHost *destination; /* NULL: no connection there */
    VirtMigrateSpec *spec;
    VirtMigrated done;
    gpointer user;
    bool running;
    int64_t called_us; /* when libvirt was asked; 0: not yet */
    bool given_up;     /* aborted before that */
    bool abort_taken;  /* libvirt accepted to abort it */
    /* the long call */
    virDomainPtr domain;
    bool was_paused;
    GError *error;
    /* the aftermath */
    char uuid[VIR_UUID_STRING_BUFLEN];
    char *name;
    bool look_again; /* the source's daemon was lost, but is on this machine */
    char *source_uri;
    unsigned open_flags; /* VIRT_OPEN_ of the source */
    char *qemu; /* sentence on the guest's process; NULL: nothing known */
    VirtMigrationResult result;
};

VirtMigration *
virt_migration_ref(VirtMigration *migration)
{
    migration->refs++;
    return migration;
}

void
virt_migration_unref(VirtMigration *m)
{
    if (!m || --m->refs > 0) {
        return;
    }
    virt_host_unref(m->destination);
    virt_guest_unref(m->guest);
    virt_migrate_spec_free(m->spec);
    virt_job_clear(&m->result.job);
    g_ptr_array_unref(m->result.warnings);
    g_clear_error(&m->error);
    g_free(m->name);
    g_free(m->source_uri);
    g_free(m->qemu);
    g_free(m);
}

VirtGuest *
virt_migration_guest(const VirtMigration *migration)
{
    return migration->guest;
}

bool
virt_migration_running(const VirtMigration *migration)
{
    return migration->running;
}

/* --- 1. the call --- */

static bool
asks_for_passwords(const char *uri)
{
    const char *end = uri ? strstr(uri, "://") : NULL;
    g_autofree char *scheme = end ? g_strndup(uri, end - uri) : NULL;

    return !scheme || strstr(scheme, "ssh");
}

/* The guest by a new connection; NULL: the one that we have must do. */
static virDomainPtr
open_own(VirtMigration *m, virConnectPtr *connection)
{
    virDomainPtr domain = NULL;

    *connection = asks_for_passwords(m->source_uri)
                      ? NULL
                      : virt_connect(m->source_uri, m->open_flags);
    if (*connection) {
        domain = virDomainLookupByUUIDString(*connection, m->uuid);
    }
    if (*connection && !domain) {
        virConnectClose(*connection);
        *connection = NULL;
    }
    virResetLastError();
    return domain;
}

static void
migrate_by(VirtMigration *m, virDomainPtr domain, virTypedParameterPtr params,
           int n_params)
{
    bool by_uri = m->spec->direct || m->spec->flags & VIRT_MIGRATE_PEER2PEER;
    bool fine;

    m->was_paused = virt_state_of(domain) == VIRT_STATE_PAUSED;
    if (by_uri) {
        fine = virDomainMigrateToURI3(domain, m->spec->destination_uri, params,
                                      n_params, m->spec->flags) == 0;
    } else {
        virDomainPtr moved =
            virDomainMigrate3(domain, virt_host_connection(m->destination),
                              params, n_params, m->spec->flags);

        fine = moved != NULL;
        if (moved) {
            virDomainFree(moved);
        }
    }
    if (!fine) {
        virt_error_take_guest(&m->error, domain, "migrating it to '%s'",
                              m->spec->destination_uri
                                  ? m->spec->destination_uri
                                  : virt_host_info(m->destination)->uri);
    }
}

static void
migrate_work(gpointer data)
{
    VirtMigration *m = data;
    virTypedParameterPtr params = NULL;
    virConnectPtr own = NULL;
    virDomainPtr domain;
    int n_params = 0;

    if (!virt_migrate_params(m->spec, &params, &n_params, &m->error)) {
        return;
    }
    domain = open_own(m, &own);
    migrate_by(m, domain ? domain : m->domain, params, n_params);
    virTypedParamsFree(params, n_params);
    if (own) {
        virDomainFree(domain);
        virConnectClose(own);
    }
}

/* --- 3. the aftermath --- */

static VirtState
state_at(virConnectPtr connection, const char *uuid, virDomainPtr *keep)
{
    virDomainPtr domain = virDomainLookupByUUIDString(connection, uuid);
    VirtState state;

    if (!domain) {
        virErrorPtr why = virGetLastError();
        bool gone = why && why->code == VIR_ERR_NO_DOMAIN;

        virResetLastError();
        return gone ? VIRT_STATE_GONE : VIRT_STATE_UNKNOWN;
    }
    state = virt_state_of(domain);
    if (keep) {
        *keep = domain;
    } else {
        virDomainFree(domain);
    }
    return state;
}

static bool
final_stats(VirtMigrationResult *result, virDomainPtr domain)
{
    virTypedParameterPtr params = NULL;
    int n_params = 0, type = 0;

    if (virDomainGetJobStats(domain, &type, &params, &n_params,
                             VIR_DOMAIN_JOB_STATS_COMPLETED |
                                 VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED) < 0) {
        virResetLastError();
        return false;
    }
    virt_job_clear(&result->job);
    virt_job_read(&result->job, type, params, n_params, g_get_monotonic_time());
    virTypedParamsFree(params, n_params);
    return result->job.state != VIRT_JOB_NONE;
}

/* libvirtd is gone; is QEMU? Its pid file is where libvirt keeps it for the
 * system daemon. */
static char *
look_for_qemu(const char *name)
{
    g_autofree char *path = g_strdup_printf("/run/libvirt/qemu/%s.pid", name);
    g_autofree char *text = NULL, *proc = NULL;
    gint64 pid;

    if (!g_file_get_contents(path, &text, NULL, NULL) ||
        !g_ascii_string_to_signed(g_strstrip(text), 10, 1, G_MAXINT, &pid,
                                  NULL)) {
        return NULL;
    }
    proc = g_strdup_printf("/proc/%d", (int)pid);
    return access(proc, F_OK) == 0
               ? g_strdup_printf("its QEMU (process %d) is alive", (int)pid)
               : g_strdup_printf("its QEMU (process %d) has ended", (int)pid);
}

static void
aftermath_work(gpointer data)
{
    VirtMigration *m = data;
    VirtMigrationResult *result = &m->result;
    virConnectPtr source = virDomainGetConnect(m->domain);
    virConnectPtr again = NULL;
    virDomainPtr here = NULL, there = NULL;

    if (m->look_again) {
        m->qemu = look_for_qemu(m->name);
        /* It may have been restarted already, by socket activation too. */
        again = source = virConnectOpenReadOnly(m->source_uri);
    }
    if (source) {
        result->source = state_at(source, m->uuid, &here);
    }
    if (m->destination) {
        result->destination =
            state_at(virt_host_connection(m->destination), m->uuid, &there);
    }
    /* The source has measured it; once the guest is gone there, the
     * destination passes its figures on. After a failure there are none. */
    if (result->completed && !(here && final_stats(result, here)) && there) {
        final_stats(result, there);
    }
    if (here) {
        virDomainFree(here);
    }
    if (there) {
        virDomainFree(there);
    }
    if (again) {
        virConnectClose(again);
    }
    virResetLastError();
}

static bool
is_confirmed(const VirtMigration *m)
{
    const VirtMigrationResult *r = &m->result;
    bool left = r->source == VIRT_STATE_GONE || r->source == VIRT_STATE_SHUTOFF;

    if (!r->completed || !left) {
        return false;
    }
    if (m->spec->flags & VIRT_MIGRATE_OFFLINE &&
        r->destination == VIRT_STATE_SHUTOFF) {
        return true;
    }
    if (r->destination == VIRT_STATE_PAUSED) {
        return m->was_paused || m->spec->flags & VIRT_MIGRATE_PAUSED;
    }
    return r->destination == VIRT_STATE_RUNNING;
}

/* Nobody knows how it ended: say what was seen, and how to find out. */
static void
explain_loss(VirtMigration *m)
{
    g_autofree char *said = m->error->message;

    m->error->message = g_strdup_printf(
        "the connection to the source's libvirt daemon broke while guest '%s' "
        "was being migrated, so its outcome is not known. Source: %s%s%s; "
        "destination: %s. The guest was left alone; when the daemon is back, "
        "see 'virsh -c %s domstate %s' before starting it anywhere. %s",
        m->name, virt_state_name(m->result.source), m->qemu ? ", " : "",
        m->qemu ? m->qemu : "", virt_state_name(m->result.destination),
        m->source_uri, m->name, said);
}

/* libvirt says "client socket is closed" and not whose. */
static void
explain_destination(VirtMigration *m)
{
    const char *uri = virt_host_info(m->destination)->uri;
    g_autofree char *said = m->error->message;

    m->error->message = g_strdup_printf(
        "%s; the destination's libvirt daemon does not answer any more, and "
        "guest '%s' is %s on the source: see to the daemon ('virsh -c %s "
        "list'), then migrate again",
        said, m->name, virt_state_name(m->result.source), uri);
}

static void
migration_finish(VirtMigration *m)
{
    const VirtJob *told =
        virt_subscription_last_job(*virt_guest_subscription(m->guest));

    if (told && m->result.completed && m->result.job.state == VIRT_JOB_NONE) {
        virt_job_clear(&m->result.job);
        virt_job_copy(&m->result.job, told);
    }
    m->result.confirmed = is_confirmed(m);
    /* Cancelled at an awkward moment, QEMU 7.2 says that it failed: "Unable to
     * write to socket". It did what it was told. */
    if (m->abort_taken &&
        g_error_matches(m->error, VIRT_ERROR, VIRT_ERROR_FAILED)) {
        m->error->code = VIRT_ERROR_ABORTED;
    }
    if (m->error &&
        g_error_matches(m->error, VIRT_ERROR, VIRT_ERROR_DISCONNECTED)) {
        explain_loss(m);
    } else if (m->error && m->destination &&
               m->result.destination == VIRT_STATE_UNKNOWN &&
               (m->result.source == VIRT_STATE_RUNNING ||
                m->result.source == VIRT_STATE_PAUSED)) {
        explain_destination(m);
    }
    m->running = false;
    virt_guest_set_migrating(m->guest, false);
    m->done(m, &m->result, m->error, m->user);
    virt_migration_unref(m);
}

static void
aftermath_deliver(gpointer data)
{
    VirtMigration *m = data;

    if (m->result.completed && !m->destination) {
        g_ptr_array_add(
            m->result.warnings,
            g_strdup_printf("no connection to the destination: that guest "
                            "'%s' runs there is the source's word",
                            m->name));
    }
    migration_finish(m);
}

/* --- 2. putting back --- */

static void
on_restored(const GError *error, gpointer user)
{
    VirtMigration *m = user;

    if (error) {
        g_ptr_array_add(m->result.warnings, g_strdup(error->message));
    }
    virt_pool_call(virt_host_pool(virt_guest_host(m->guest)), aftermath_work,
                   aftermath_deliver, m);
}

static void
migrate_deliver(gpointer data)
{
    VirtMigration *m = data;

    m->result.completed = !m->error;
    m->look_again =
        g_error_matches(m->error, VIRT_ERROR, VIRT_ERROR_DISCONNECTED) &&
        virt_host_info(virt_guest_host(m->guest))->local == VIRT_LOCAL_YES;
    if (virt_guest_changed(m->guest)) {
        virt_tune_restore(m->guest, m->destination, m->result.completed,
                          on_restored, m);
    } else {
        on_restored(NULL, m);
    }
}

static void
on_settled(const GError *error, gpointer user)
{
    VirtMigration *m = user;

    if (m->given_up) {
        g_set_error(&m->error, VIRT_ERROR, VIRT_ERROR_ABORTED,
                    "guest '%s': the migration was aborted before it began",
                    m->name);
        migrate_deliver(m);
        return;
    }
    m->called_us = g_get_monotonic_time();
    virt_pool_call_long(virt_host_pool(virt_guest_host(m->guest)), migrate_work,
                        migrate_deliver, m);
}

static bool
makes_sense(VirtGuest *guest, VirtHost *destination,
            const VirtMigrateSpec *spec, GError **error)
{
    bool by_uri = spec->direct || spec->flags & VIRT_MIGRATE_PEER2PEER;

    if (by_uri && !spec->destination_uri) {
        g_set_error(error, VIRT_ERROR, VIRT_ERROR_INVALID,
                    "migrating guest '%s': a peer-to-peer or direct migration "
                    "needs the destination's URI",
                    virt_guest_name(guest));
        return false;
    }
    if (!by_uri && !destination) {
        g_set_error(error, VIRT_ERROR, VIRT_ERROR_INVALID,
                    "migrating guest '%s': without --p2p or --direct a "
                    "connection to the destination is needed",
                    virt_guest_name(guest));
        return false;
    }
    if (virt_guest_migrating(guest)) {
        g_set_error(error, VIRT_ERROR, VIRT_ERROR_BUSY,
                    "migrating guest '%s': a migration of it is under way",
                    virt_guest_name(guest));
        return false;
    }
    return true;
}

VirtMigration *
virt_migration_start(VirtGuest *guest, VirtHost *destination,
                     const VirtMigrateSpec *spec, VirtMigrated done,
                     gpointer user, GError **error)
{
    VirtMigration *m;

    if (!makes_sense(guest, destination, spec, error)) {
        return NULL;
    }
    m = g_new0(VirtMigration, 1);
    m->refs = 1;
    m->guest = virt_guest_ref(guest);
    m->destination = destination ? virt_host_ref(destination) : NULL;
    m->spec = virt_migrate_spec_copy(spec);
    m->done = done;
    m->user = user;
    m->running = true;
    m->domain = virt_guest_domain(guest);
    m->name = g_strdup(virt_guest_name(guest));
    m->source_uri = g_strdup(virt_host_info(virt_guest_host(guest))->uri);
    m->open_flags = virt_host_flags(virt_guest_host(guest));
    g_strlcpy(m->uuid, virt_guest_info(guest)->uuid, sizeof(m->uuid));
    m->result.warnings = g_ptr_array_new_with_free_func(g_free);
    virt_guest_set_migrating(guest, true);
    virt_subscription_forget_job(*virt_guest_subscription(guest));
    /* The request's own reference, given back in migration_finish(). Changes
     * that were asked for before would have to wait for the end. */
    virt_tune_settle(guest, on_settled, virt_migration_ref(m));
    return m;
}

/* --- steering --- */

typedef struct Steer {
    VirtMigration *migration;
    virDomainPtr domain;
    int (*call)(virDomainPtr domain);
    const char *what;
    VirtDone done;
    gpointer user;
    GError *error;
} Steer;

static void
steer_work(gpointer data)
{
    Steer *steer = data;

    if (steer->call(steer->domain) < 0) {
        virt_error_take_guest(&steer->error, steer->domain, "%s", steer->what);
    }
}

/* An abort on the heels of the start finds no job yet, and it must not get
 * lost: somebody pressed Ctrl-C. Nothing announces the job, so ask again. */
static bool
came_too_early(const Steer *steer)
{
    const VirtMigration *m = steer->migration;

    return steer->call == virDomainAbortJob && m->running &&
           g_error_matches(steer->error, VIRT_ERROR, VIRT_ERROR_NOT_RUNNING) &&
           g_get_monotonic_time() - m->called_us <
               JOB_APPEARS_MS * G_TIME_SPAN_MILLISECOND;
}

static void
steer_deliver(gpointer data)
{
    Steer *steer = data;

    if (came_too_early(steer)) {
        g_clear_error(&steer->error);
        virt_pool_call_later(
            virt_host_pool(virt_guest_host(steer->migration->guest)),
            TRY_AGAIN_MS, steer_work, steer_deliver, steer);
        return;
    }
    if (steer->call == virDomainAbortJob && !steer->error) {
        steer->migration->abort_taken = true;
    }
    if (steer->done) {
        steer->done(steer->error, steer->user);
    }
    g_clear_error(&steer->error);
    virt_migration_unref(steer->migration);
    g_free(steer);
}

static void
nothing_work(gpointer data)
{
}

static void
steer(VirtMigration *m, int (*call)(virDomainPtr domain), const char *what,
      VirtDone done, gpointer user)
{
    Steer *steer = g_new0(Steer, 1);
    VirtWork work = steer_work;

    *steer = (Steer){ .migration = virt_migration_ref(m),
                      .domain = m->domain,
                      .call = call,
                      .what = what,
                      .done = done,
                      .user = user };
    if (m->running && !m->called_us && call == virDomainAbortJob) {
        m->given_up = true;
        work = nothing_work;
    } else if (!m->running || !m->called_us) {
        /* Another job, of somebody else's, may run by now: hands off. */
        g_set_error(&steer->error, VIRT_ERROR, VIRT_ERROR_NOT_RUNNING,
                    "guest '%s': %s: it has %s", m->name, what,
                    m->running ? "not begun" : "ended");
        work = nothing_work;
    }
    virt_pool_call(virt_host_pool(virt_guest_host(m->guest)), work,
                   steer_deliver, steer);
}

static int
start_postcopy(virDomainPtr domain)
{
    return virDomainMigrateStartPostCopy(domain, 0);
}

void
virt_migration_abort(VirtMigration *migration, VirtDone done, gpointer user)
{
    steer(migration, virDomainAbortJob, "aborting its migration", done, user);
}

void
virt_migration_start_postcopy(VirtMigration *migration, VirtDone done,
                              gpointer user)
{
    steer(migration, start_postcopy, "switching its migration to post-copy",
          done, user);
}

void
virt_migration_suspend(VirtMigration *migration, VirtDone done, gpointer user)
{
    steer(migration, virDomainSuspend, "suspending it during the migration",
          done, user);
}
