/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session-observe.c - what happens becomes events of the job
 *
 * Four times a second libvirt is asked for the job's statistics and the
 * guest's counters, never with more than one question under way; the link's
 * counters are read in the same moment. Between the request and the first
 * connection the socket table is looked at ten times a second, so that little
 * of the stream passes unclassified; and again during the blackout, when
 * libvirt does not answer, so that the count of the stream is whole.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "session/session-priv.h"

#define TICK_US 250000
#define SEARCH_MS 100
/* libvirt's default range, migration_port_min and _max of qemu.conf */
#define FIRST_PORT 49152
#define LAST_PORT 49215
/* A driver that is there has told by then, at one report a second. */
#define BALLOON_US (10 * G_USEC_PER_SEC)
/* A stream of which so much has passed outside its class leaves elsewhere. */
#define ELSEWHERE_BYTES (4 * 1024 * 1024)

/* More connections than one: multifd, a copy of disks, post-copy's own. */
static bool
has_many_streams(const VirtMigrateSpec *migrate)
{
    return migrate->flags &
           (VIRT_MIGRATE_PARALLEL | VIRT_MIGRATE_NON_SHARED_DISK |
            VIRT_MIGRATE_NON_SHARED_INC | VIRT_MIGRATE_POSTCOPY);
}

/* The port of "tcp://host:port" or "tcp://[::1]:port", 0 if it has none. */
static uint16_t
port_of_uri(const char *uri)
{
    g_autoptr(GUri) parsed =
        uri ? g_uri_parse(uri, G_URI_FLAGS_NONE, NULL) : NULL;
    int port = parsed ? g_uri_get_port(parsed) : -1;

    return port > 0 && port <= G_MAXUINT16 ? (uint16_t)port : 0;
}

static GArray *
list_streams(Session *session, GError **error)
{
    const SessionSpec *spec = &session->spec;

    if (spec->hands) {
        return spec->hands->streams(session, spec->hands_user);
    }
    return streams_list(session->spec.link->destination, session->first_port,
                        session->last_port, error);
}

/* Put the connections found into our class. */
static void
match_streams(Session *session)
{
    const GArray *matches = attribution_matches(session->attribution);
    g_autoptr(GError) error = NULL;

    /* Whose hands it is in, they have matched it. */
    if (session->reservation &&
        !reservation_match(session->reservation,
                           (const StreamMatch *)(const void *)matches->data,
                           matches->len, &error)) {
        session_warn(session, "the stream is not shaped: %s", error->message);
    }
}

static void
look_for_streams(Session *session)
{
    g_autoptr(GArray) now = NULL;

    if (!session->attribution) {
        return;
    }
    now = list_streams(session, NULL);
    if (now &&
        attribution_update(session->attribution, now, session->sent_bytes)) {
        match_streams(session);
    }
    session_bound_unsent(session);
}

static gboolean
on_search(gpointer user)
{
    Session *session = user;

    look_for_streams(session);
    if (attribution_matches(session->attribution)->len == 0 ||
        job_state(session->job) == JOB_SWITCHOVER) {
        return G_SOURCE_CONTINUE;
    }
    session->search_source = 0;
    return G_SOURCE_REMOVE;
}

bool
session_observe_begin(Session *session, GError **error)
{
    const char *uri =
        virt_migrate_spec_string(session->spec.migrate, VIRT_MIGRATE_PARAM_URI);
    uint16_t port = port_of_uri(uri);
    g_autoptr(GArray) before = NULL;

    session->first_port = port ? port : FIRST_PORT;
    session->last_port = port ? port : LAST_PORT;
    if (!session->spec.link) {
        return true;
    }
    before = list_streams(session, error);
    if (!before) {
        g_prefix_error(error, "reading the socket table: ");
        return false;
    }
    session->attribution =
        attribution_new(before, has_many_streams(session->spec.migrate));
    return true;
}

/* Where nobody has hands the counter of its link is not read with the rest. */
static Known
link_egress(const Session *session)
{
    uint64_t bytes;

    if (session_has_hands(session)) {
        return session->egress_bytes;
    }
    return link_tx_bytes(session->spec.link, &bytes, NULL)
               ? known((double)bytes)
               : unknown();
}

/* A stream that grows while its class does not leaves by another interface. */
static void
check_coverage(Session *session, const JobLink *link)
{
    Known stream_bytes = attribution_bytes(session->attribution);

    /* Hands have their own eyes for it. */
    if (session->spec.hands || session->stream_warned || !stream_bytes.known ||
        stream_bytes.value < ELSEWHERE_BYTES ||
        (double)link->class_bytes > stream_bytes.value / 2) {
        return;
    }
    session->stream_warned = true;
    session_warn(session,
                 "reservation not in force: of %.0f MB of the stream only "
                 "%.0f MB left by %s; name its interface with --link",
                 stream_bytes.value / 1e6, (double)link->class_bytes / 1e6,
                 session->spec.link->device);
}

/* The class's count, with what waits in it, against the connections' own. In
 * the same moment: both grow by megabytes between two readings. */
static void
measure_foreign(Session *session, const ClassStats *ours)
{
    Known wire = attribution_wire_bytes(session->attribution);
    double in_class = (double)(ours->bytes + ours->backlog_bytes);

    if (!wire.known) {
        return;
    }
    /* Others may have held its connections in another class until they were
     * known to be its own: from then on they are compared. */
    if (session->spec.hands && !session->foreign_base.known) {
        session->foreign_base = known(in_class - wire.value);
    }
    session->foreign_bytes = known(
        MAX(in_class - wire.value - known_or(session->foreign_base, 0), 0));
}

static bool
read_stats(Session *session, ReservationStats *stats, GError **error)
{
    const SessionSpec *spec = &session->spec;

    return spec->hands
               ? spec->hands->stats(session, stats, spec->hands_user, error)
               : reservation_stats(session->reservation, stats, error);
}

static void
observe_link(Session *session)
{
    JobEvent event = { .kind = JOB_EVENT_LINK };
    g_autoptr(GError) error = NULL;
    ReservationStats stats;

    session->egress_bytes = unknown();
    if (!session_has_hands(session)) {
        return;
    }
    if (!read_stats(session, &stats, &error)) {
        if (!session->stream_warned) {
            session->stream_warned = true;
            session_warn(session, "reservation lost: %s", error->message);
        }
        return;
    }
    session->egress_bytes = known((double)stats.link_bytes);
    event.at_us = MAX(stats.read_us - session->started_us, 0);
    event.link = (JobLink){
        .root_bytes_s = stats.root_bytes_s,
        .others_bytes_s = stats.others_bytes_s,
        .link_bytes = stats.link_bytes,
        .class_bytes = stats.migration.bytes,
        .migrations_bytes = stats.migrations.bytes,
        .protected_bytes = stats.protected_classes.bytes,
        .application_bytes = stats.application.bytes,
        .application_backlog_bytes = stats.application.backlog_bytes,
    };
    if (!session->spec.advisory) {
        measure_foreign(session, &stats.migration);
    }
    check_coverage(session, &event.link);
    session_feed(session, event);
}

/* A pass that began is asked about between two ticks, perhaps ten times a
 * second: the tick's look at sockets and link is young enough for it. */
static void
look_in_time(Session *session, bool tick)
{
    int64_t now_us = clock_mono_us();

    if (tick || now_us - session->looked_us >= TICK_US / 2) {
        session->looked_us = now_us;
        look_for_streams(session);
        observe_link(session);
    }
}

/* The device is there, and nobody in the guest answers it. */
void
session_check_balloon(Session *session)
{
    const VirtGuestInfo *guest = virt_guest_info(session->spec.guest);

    if (guest->balloon && !session->balloon_seen && !session->balloon_warned) {
        session->balloon_warned = true;
        session_warn(session,
                     "no memory figures from guest '%s': its balloon has no "
                     "driver, or an old one (load virtio_balloon in the "
                     "guest); its memory use is not known to the forecast",
                     guest->name);
    }
}

static void
tell_progress(Session *session)
{
    JobProgress progress;

    if (session->callbacks.progress) {
        job_progress(session->job, &progress);
        session->callbacks.progress(session, &progress, session->user);
    }
}

static void
take_reading(Session *session, const VirtReading *reading, const GError *error)
{
    if (session->adopted && session_running(session)) {
        session_adopted_reading(session, reading, error);
    }
    if (error || !session_running(session)) {
        return; /* the end of the migration tells more than a failed poll */
    }
    if (session->ask_again) {
        session->ask_again = false;
        session_poll(session, VIRT_READ_JOB);
    }
    if (reading->what & VIRT_READ_JOB && reading->job.sampled &&
        reading->job.outgoing) {
        JobEvent event = { .kind = JOB_EVENT_POLL };

        event.poll = reading->job.poll;
        event.poll.at_us -= session->started_us;
        event.at_us = event.poll.at_us;
        session->sent_bytes = event.poll.sent_bytes;
        session->sent_at_us = reading->job.poll.at_us;
        session_feed(session, event);
    }
    look_in_time(session, reading->what & VIRT_READ_COUNTERS);
    if (reading->what & VIRT_READ_COUNTERS) {
        JobEvent event = { .kind = JOB_EVENT_COUNTERS };

        event.counters = reading->counters;
        event.counters.at_us -= session->started_us;
        event.at_us = event.counters.at_us;
        session->balloon_seen |= event.counters.mem_used.known;
        if (event.at_us >= BALLOON_US) {
            session_check_balloon(session);
        }
        if (session->spec.link) {
            event.counters.host_net_bytes = link_egress(session);
            event.counters.stream_bytes =
                attribution_bytes(session->attribution);
            event.counters.queued_bytes =
                attribution_queued(session->attribution);
        }
        session_feed(session, event);
        session_aim(session);
    }
    tell_progress(session);
}

static void
on_reading(VirtGuest *guest, const VirtReading *reading, const GError *error,
           gpointer user)
{
    Session *session = user; /* a reference of the request's */

    /* Not of a connection that was lost and has been made anew. */
    if (guest == session->spec.guest) {
        take_reading(session, reading, error);
    }
    session_unref(session);
}

static bool
start_poll(Session *session, unsigned what)
{
    if (!virt_guest_poll(session->spec.guest, what, on_reading, session)) {
        return false;
    }
    session_ref(session);
    return true;
}

void
session_poll(Session *session, unsigned what)
{
    start_poll(session, what);
}

static gboolean on_tick(gpointer user);

/* All sessions of a process ask at the same moments, or in the middle between
 * them: what is read of the link then does for all of them. */
static void
tick_later(Session *session)
{
    int64_t now_us = clock_mono_us() - (session->tick_odd ? TICK_US / 2 : 0);
    int64_t wait_us = TICK_US - now_us % TICK_US;

    session->tick_source =
        g_timeout_add((guint)((wait_us + 999) / 1000), on_tick, session);
}

static gboolean
on_tick(gpointer user)
{
    Session *session = user;

    tick_later(session);
    /* Not answered yet: the monitor is silent during the switchover. */
    session_poll(session, VIRT_READ_JOB | VIRT_READ_COUNTERS);
    return G_SOURCE_REMOVE;
}

static void
search_start(Session *session)
{
    if (session->attribution && !session->search_source) {
        session->search_source = g_timeout_add(SEARCH_MS, on_search, session);
    }
}

void
session_observe_start(Session *session)
{
    observe_link(session);
    if (session->tick_source) {
        return;
    }
    session->tick_odd = clock_mono_us() / (TICK_US / 2) % 2;
    tick_later(session);
    search_start(session);
}

void
session_observe_stop(Session *session)
{
    g_clear_handle_id(&session->tick_source, g_source_remove);
    g_clear_handle_id(&session->search_source, g_source_remove);
}

static char *
quoted(const char *word)
{
    return strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789_.:/+@%=,[]-") == strlen(word)
               ? g_strdup(word)
               : g_shell_quote(word);
}

char *
session_recover(const Session *session)
{
    VirtGuest *guest = session->spec.guest;
    g_autofree char *source = NULL, *name = NULL, *destination = NULL;
    const char *uri = session->destination_uri
                          ? session->destination_uri
                          : session->record->destination_uri;

    if (!session->postcopy_paused) {
        return NULL;
    }
    source = quoted(virt_host_info(virt_guest_host(guest))->uri);
    name = quoted(virt_guest_info(guest)->name);
    destination = uri ? quoted(uri) : g_strdup("DESTURI");
    return g_strdup_printf("virsh -c %s migrate --live --p2p --postcopy "
                           "--postcopy-resume %s %s",
                           source, name, destination);
}

/* libvirt and QEMU tell it, in this order or that. */
static void
pause_postcopy(Session *session)
{
    g_autofree char *command = NULL;

    if (session->postcopy_paused) {
        return;
    }
    session->postcopy_paused = true;
    command = session_recover(session);
    session_warn(session,
                 "post-copy is paused and the guest waits for its pages; when "
                 "the way to its destination is open again: %s",
                 command);
}

static void
take_event(Session *session, const VirtEvent *event)
{
    JobEvent out = { .at_us = MAX(event->at_us - session->started_us, 0) };

    if (session->adopted) {
        session_adopted_event(session, event);
        if (!session_running(session)) {
            return;
        }
    }

    switch (event->kind) {
    case VIRT_EVENT_PASS:
        out.kind = JOB_EVENT_PASS;
        out.pass = event->pass;
        out.told = event->told;
        session_feed(session, out);
        if (event->pass >= 2 && session->spec.postcopy_after_precopy) {
            session_request_postcopy(session, "pass 1 is over");
        }
        /* Ask at once, or as soon as the question under way is answered: a
         * pass may be over in a tenth of a second. */
        session->ask_again = !start_poll(session, VIRT_READ_JOB);
        break;
    case VIRT_EVENT_PAUSED:
        /* QEMU's own event tells no reason; it comes in post-copy too, just
         * before the status does. */
        out.kind = g_str_equal(event->detail, "postcopy") ? JOB_EVENT_POSTCOPY
                                                          : JOB_EVENT_STOPPED;
        session_feed(session, out);
        search_start(session);
        break;
    case VIRT_EVENT_STATUS:
        if (g_str_equal(event->detail, "postcopy-paused")) {
            pause_postcopy(session);
        } else if (g_str_equal(event->detail, "postcopy-active")) {
            session->postcopy_paused = false;
            out.kind = JOB_EVENT_POSTCOPY;
            session_feed(session, out);
        } else if (g_str_equal(event->detail, "completed")) {
            session->all_sent_us = session_now_us(session);
            tell_progress(session);
        }
        break;
    case VIRT_EVENT_POSTCOPY_FAILED:
        pause_postcopy(session);
        break;
    case VIRT_EVENT_LOST:
        if (session->adopted) {
            break; /* whoever adopted it connects again */
        }
        session_warn(session,
                     "the connection to the source's libvirtd broke "
                     "(%s); what becomes of the migration is being "
                     "found out",
                     event->detail);
        break;
    case VIRT_EVENT_RESUMED:
        out.kind = JOB_EVENT_RESUMED;
        session_feed(session, out);
        break;
    case VIRT_EVENT_STARTED:
    case VIRT_EVENT_STOPPED:
    case VIRT_EVENT_JOB_COMPLETED:
    case VIRT_N_EVENTS:
        break;
    }
}

void
session_on_guest_event(VirtGuest *guest, const VirtEvent *event, gpointer user)
{
    Session *session = session_ref(user);

    take_event(session, event);
    session_unref(session);
}

void
session_set_link(Session *session, const Link *link)
{
    session->spec.link = link;
    session_record_link(session);
    if (!session->attribution) {
        /* Those that are told are its own, all of them. */
        session->attribution = attribution_new(NULL, true);
    }
    look_for_streams(session);
    observe_link(session);
    search_start(session);
}
