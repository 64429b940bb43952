/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virt-session.c - drives the libvirt adapter for virt-adapter.sh
 *
 *   virt-session migrate|plain|early|soon|abort|monitor GUEST DESTINATION URI
 *
 * Prints what it sees, one "word value..." a line, and leaves judging to the
 * script. "plain" is a migration that is not peer-to-peer. "abort" gives up
 * when the second pass begins, "early" as soon as it has been asked for,
 * "soon" 5 ms later, when libvirt has no job yet. Each changes the balloon's
 * period and the maximum speed before the migration, and the maximum downtime
 * during it; "ready" is printed then. "monitor" migrates nothing: it passes a
 * command through to QEMU, which taints the guest.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "virt/migration.h"

enum {
    POLL_MS = 250,
    WHEN_PASS = 2,
    DOWNTIME_MS = 77,
    SPEED_BYTES_S = 100 << 20
};

typedef struct Session {
    GMainLoop *loop;
    const char *what;
    VirtGuest *guest;
    VirtMigration *migration;
    unsigned polls, sampled, counters, balloon, unstamped;
    unsigned last_pass;
    int64_t asked_us, slowest_us; /* of polls */
    bool acted;
    int status;
} Session;

static void
complain(const char *what, const GError *error)
{
    if (error) {
        printf("error %s: code %d: %s\n", what, error->code, error->message);
    }
}

static void
on_done(const GError *error, gpointer user)
{
    printf("done %s %s\n", (char *)user, error ? error->message : "fine");
}

static void
act(Session *session)
{
    session->acted = true;
    virt_guest_set_max_downtime(virt_migration_guest(session->migration),
                                DOWNTIME_MS, on_done, (char *)"downtime");
    if (!strcmp(session->what, "abort")) {
        virt_migration_abort(session->migration, on_done, (char *)"abort");
    }
    printf("ready\n");
}

static void
on_event(VirtGuest *guest, const VirtEvent *event, gpointer user)
{
    Session *session = user;

    printf("event %s pass=%u stamped=%d age_ms=%.1f '%s'\n",
           virt_event_name(event->kind), event->pass, event->stamped,
           (double)(event->arrived_us - event->at_us) / 1e3, event->detail);
    if (event->kind == VIRT_EVENT_PASS) {
        if (event->pass <= session->last_pass) {
            printf("error pass %u was told twice\n", event->pass);
        }
        session->last_pass = event->pass;
        session->unstamped += !event->stamped;
        if (!session->acted && event->pass >= WHEN_PASS) {
            act(session);
        }
    }
}

static void
on_read(VirtGuest *guest, const VirtReading *reading, const GError *error,
        gpointer user)
{
    Session *session = user;

    session->polls++;
    session->slowest_us =
        MAX(session->slowest_us, g_get_monotonic_time() - session->asked_us);
    if (reading->what & VIRT_READ_JOB && reading->job.sampled) {
        const SamplePoll *p = &reading->job.poll;

        session->sampled++;
        printf("poll pass=%u remaining=%" G_GUINT64_FORMAT
               " normal=%" G_GUINT64_FORMAT " zero=%" G_GUINT64_FORMAT
               " page=%" G_GUINT64_FORMAT " sent=%" G_GUINT64_FORMAT "\n",
               p->pass, p->remaining_bytes, p->normal_pages, p->duplicate_pages,
               p->page_bytes, p->sent_bytes);
    }
    if (reading->what & VIRT_READ_COUNTERS) {
        const SampleCounters *c = &reading->counters;

        session->counters += c->guest_cpu_s.known && c->guest_net_bytes.known;
        session->balloon += c->mem_used.known;
        printf("counters cpu=%.2f net=%.0f used=%.3f age=%.1f\n",
               known_or(c->guest_cpu_s, -1), known_or(c->guest_net_bytes, -1),
               known_or(c->mem_used, -1), known_or(reading->balloon_age_s, -1));
    }
}

static gboolean
on_tick(gpointer user)
{
    Session *session = user;

    if (virt_guest_poll(virt_migration_guest(session->migration),
                        VIRT_READ_JOB | VIRT_READ_COUNTERS, on_read, session)) {
        session->asked_us = g_get_monotonic_time();
    }
    return G_SOURCE_CONTINUE;
}

static void
on_migrated(VirtMigration *migration, const VirtMigrationResult *r,
            const GError *error, gpointer user)
{
    Session *session = user;

    complain("migration", error);
    printf("result completed=%d confirmed=%d source='%s' destination='%s'\n",
           r->completed, r->confirmed, virt_state_name(r->source),
           virt_state_name(r->destination));
    printf("final state=%d total_ms=%.0f downtime_ms=%.0f setup_ms=%.0f "
           "iterations=%u bytes=%" G_GUINT64_FORMAT "\n",
           r->job.state, known_or(r->job.elapsed_ms, -1),
           known_or(r->job.downtime_ms, -1), known_or(r->job.setup_ms, -1),
           r->job.poll.pass, r->job.poll.sent_bytes);
    for (guint i = 0; i < r->warnings->len; i++) {
        printf("warning %s\n", (char *)r->warnings->pdata[i]);
    }
    session->status = r->completed ? 0 : 1;
    g_main_loop_quit(session->loop);
}

static void
print_host(const char *role, VirtHost *host)
{
    const VirtHostInfo *info = virt_host_info(host);

    printf("host %s uri=%s name=%s driver=%s libvirt=%s hypervisor=%s "
           "local=%d\n",
           role, info->uri, info->host_name, info->driver,
           info->libvirt_version, info->hypervisor_version, info->local);
}

static void
print_guest(VirtGuest *guest)
{
    const VirtGuestInfo *info = virt_guest_info(guest);

    printf("guest %s uuid=%s memory=%" G_GUINT64_FORMAT
           " vcpus=%u machine=%s accelerator=%s balloon=%d period=%u "
           "persistent=%d\n",
           info->name, info->uuid, info->memory_bytes, info->vcpus,
           info->machine, info->accelerator, info->balloon,
           info->balloon_period_s, info->persistent);
    for (guint i = 0; i < info->interfaces->len; i++) {
        const VirtInterface *interface = info->interfaces->pdata[i];

        printf("interface %s %s\n", interface->device, interface->mac);
    }
    for (guint i = 0; i < info->taints->len; i++) {
        printf("taint %s\n", (char *)info->taints->pdata[i]);
    }
}

static gboolean
on_soon(gpointer user)
{
    virt_migration_abort(user, on_done, (char *)"abort");
    return G_SOURCE_REMOVE;
}

static void
on_refreshed(const GError *error, gpointer user)
{
    Session *session = user;

    complain("refresh", error);
    print_guest(session->guest);
    g_main_loop_quit(session->loop);
}

static void
on_reply(VirtGuest *guest, const char *reply, const GError *error,
         gpointer user)
{
    complain("monitor", error);
    printf("reply %s\n", reply ? reply : "none");
    virt_guest_refresh(guest, on_refreshed, user);
}

static int
run(VirtPool *pool, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VirtHost) source = virt_host_open_now(pool, NULL, 0, &error);
    g_autoptr(VirtHost) destination =
        source ? virt_host_open_now(pool, argv[3], 0, &error) : NULL;
    g_autoptr(VirtGuest) guest =
        destination ? virt_guest_lookup_now(source, argv[2], &error) : NULL;
    g_autoptr(VirtMigrateSpec) spec = virt_migrate_spec_new();
    Session session = { .what = argv[1] };
    guint timer;

    if (!guest) {
        complain("setup", error);
        return 2;
    }
    print_host("source", source);
    print_host("destination", destination);
    print_guest(guest);
    if (!virt_host_check_guest_now(destination, guest, &error)) {
        complain("check", error);
        return 2;
    }

    session.guest = guest;
    session.loop = g_main_loop_new(NULL, FALSE);
    if (!strcmp(argv[1], "monitor")) {
        virt_guest_monitor(guest, "{\"execute\":\"query-status\"}", on_reply,
                           &session);
        g_main_loop_run(session.loop);
        g_main_loop_unref(session.loop);
        return 0;
    }
    virt_guest_subscribe(guest, on_event, &session, on_done,
                         (char *)"subscribe");
    virt_guest_collect_balloon(guest, 1, on_done, (char *)"balloon");
    /* far above the wire's rate: changes nothing but the value */
    virt_guest_set_max_speed(guest, SPEED_BYTES_S, on_done, (char *)"speed");
    spec->flags = VIRT_MIGRATE_LIVE;
    if (strcmp(argv[1], "plain") != 0) {
        spec->flags |= VIRT_MIGRATE_PEER2PEER;
    }
    spec->destination_uri = g_strdup(argv[3]);
    virt_migrate_spec_add_string(spec, VIRT_MIGRATE_PARAM_URI, argv[4]);
    session.migration = virt_migration_start(guest, destination, spec,
                                             on_migrated, &session, &error);
    if (!session.migration) {
        complain("start", error);
        return 2;
    }
    if (!strcmp(argv[1], "early")) {
        virt_migration_abort(session.migration, on_done, (char *)"abort");
    }
    if (!strcmp(argv[1], "soon")) {
        g_timeout_add(5, on_soon, session.migration);
    }
    timer = g_timeout_add(POLL_MS, on_tick, &session);
    g_main_loop_run(session.loop);
    g_source_remove(timer);
    virt_migration_unref(session.migration);
    printf("count polls=%u sampled=%u counters=%u balloon=%u unstamped=%u "
           "passes=%u slowest_ms=%.0f\n",
           session.polls, session.sampled, session.counters, session.balloon,
           session.unstamped, session.last_pass,
           (double)session.slowest_us / 1e3);
    g_main_loop_unref(session.loop);
    return session.status;
}

int
main(int argc, char **argv)
{
    g_autoptr(VirtPool) pool = NULL;
    int status;

    if (argc != 5) {
        fprintf(stderr,
                "usage: %s migrate|plain|early|soon|abort|monitor GUEST "
                "DESTINATION "
                "MIGRATE_URI\n",
                argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    pool = virt_pool_new(NULL);
    status = run(pool, argv);
    if (!virt_pool_drain(pool, 10000)) {
        printf("error requests are still under way\n");
    }
    return status;
}
