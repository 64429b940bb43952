/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session.c - a session's life
 *
 *   reserve ─> subscribe ─> (working set) ─> downtime ─> balloon ─> migrate
 *      └─ look at what the guest sends, for a second ──────┘
 *   ... ended ─> release
 *
 * Each arrow is an answer that came in by the main loop. The reservation comes
 * first and goes last, so that no byte of the stream leaves unclassified. What
 * was changed on the guest is put back by the migration itself, or here if
 * there was none.
 */
#include "session/session.h"

#include <string.h>

#include "base/clock.h"
#include "session/session-priv.h"

G_DEFINE_QUARK(vmferry_session_error, session_error)

Session *
session_new(const SessionSpec *spec, const SessionCallbacks *callbacks,
            gpointer user)
{
    Session *session = g_new0(Session, 1);
    JobConfig config;

    session->refs = 1;

    session->spec = *spec;
    session->callbacks = *callbacks;
    session->user = user;
    virt_guest_ref(spec->guest);
    if (spec->destination) {
        virt_host_ref(spec->destination);
    }
    config = session_job_config(session);
    session->job = job_new(&config);
    session->started_us = clock_mono_us();
    session->events = g_byte_array_new();
    session->point_stride = 1;
    session->waiting = g_queue_new();
    session->decision_us = g_array_new(FALSE, FALSE, sizeof(double));
    session->change_us = g_array_new(FALSE, FALSE, sizeof(double));
    session_record_begin(session);
    return session;
}

Session *
session_ref(Session *session)
{
    session->refs++;
    return session;
}

void
session_free(Session *session)
{
    if (session) {
        session->over = true;
        session_observe_stop(session);
        session_unref(session);
    }
}

void
session_unref(Session *session)
{
    if (!session || --session->refs > 0) {
        return;
    }
    session_adopted_clear(session);
    g_clear_handle_id(&session->timeout_source, g_source_remove);
    g_clear_handle_id(&session->cut_off_source, g_source_remove);
    if (session->reservation) {
        reservation_close(session->reservation, NULL);
    }
    virt_migration_unref(session->migration);
    virt_migrate_spec_free(session->request);
    attribution_free(session->attribution);
    virt_host_unref(session->spec.destination);
    virt_guest_unref(session->spec.guest);
    job_free(session->job);
    run_record_free(session->record);
    g_byte_array_unref(session->events);
    g_queue_free_full(session->waiting, g_free);
    g_array_unref(session->decision_us);
    g_array_unref(session->change_us);
    g_free(session->given_up);
    g_free(session->held_why);
    g_free(session->refusal);
    g_free(session->destination_uri);
    g_clear_error(&session->failure);
    g_free(session);
}

static bool
session_reserve(Session *session, GError **error)
{
    const SessionSpec *spec = &session->spec;
    const VirtGuestInfo *guest = virt_guest_info(spec->guest);
    const VirtHostInfo *host = virt_host_info(virt_guest_host(spec->guest));
    ReservationSpec reserve = {
        .link = spec->link,
        .name = guest->name,
        .uuid = guest->uuid,
        .protected_specs = spec->protected_specs,
        .n_protected = spec->n_protected,
        .parent = spec->parent,
    };

    if (spec->policy.kind == POLICY_NONE) {
        return true;
    }
    if (host->local == VIRT_LOCAL_NO) {
        g_set_error(error, SESSION_ERROR, SESSION_ERROR_REMOTE,
                    "the source %s is another host, and bandwidth can be "
                    "reserved only where the stream leaves: run vmferry there, "
                    "or use --policy none",
                    host->uri);
        return false;
    }
    virt_guest_info_macs(guest, reserve.guest_macs,
                         G_N_ELEMENTS(reserve.guest_macs));
    session->reservation = reservation_open(&reserve, error);
    return session->reservation != NULL;
}

bool
session_running(const Session *session)
{
    return !session->over &&
           (session->adopted ? !session->ending
                             : session->migration &&
                                   virt_migration_running(session->migration));
}

bool
session_has_hands(const Session *session)
{
    return session->reservation || (session->spec.hands && session->spec.link);
}

VirtGuest *
session_guest(const Session *session)
{
    return session->spec.guest;
}

Job *
session_job(const Session *session)
{
    return session->job;
}

RunRecord *
session_record(const Session *session)
{
    return session->record;
}

bool
session_sent(const Session *session, uint64_t *bytes, int64_t *at_us)
{
    *bytes = session->sent_bytes;
    *at_us = session->sent_at_us;
    return session->sent_at_us != 0;
}

void
session_note(Session *session, const char *text)
{
    session_warn(session, "%s", text);
}

static void
on_abort_taken(const GError *error, gpointer user)
{
    Session *session = user;

    if (error) {
        session_warn(session, "libvirt did not take the request to abort: %s",
                     error->message);
        session->aborting = false;
        session->cut_off = false;
    }
}

void
session_abort(Session *session)
{
    if (session->aborting) {
        return;
    }
    session->aborting = true;
    if (session->migration && virt_migration_running(session->migration)) {
        virt_migration_abort(session->migration, on_abort_taken, session);
    }
}

static gboolean
on_cut_off(gpointer user)
{
    Session *session = user;

    session->cut_off_source = 0;
    session->cut_off = true;
    session_abort(session);
    return G_SOURCE_REMOVE;
}

static void
on_step_taken(const GError *error, gpointer user)
{
    Session *session = user;

    if (error) {
        session_warn(session, "libvirt refused: %s", error->message);
    }
}

void
session_request_postcopy(Session *session, const char *why)
{
    if (session->postcopy_asked) {
        return;
    }
    session->postcopy_asked = true;
    g_info("guest '%s': switching to post-copy, %s",
           virt_guest_info(session->spec.guest)->name, why);
    virt_migration_start_postcopy(session->migration, on_step_taken, session);
}

static gboolean
on_timeout(gpointer user)
{
    Session *session = user;

    session->timeout_source = 0;
    if (session->spec.timeout == SESSION_TIMEOUT_POSTCOPY) {
        session_request_postcopy(session, "the time set for it is over");
    } else if (session->spec.timeout == SESSION_TIMEOUT_SUSPEND) {
        virt_migration_suspend(session->migration, on_step_taken, session);
    }
    return G_SOURCE_REMOVE;
}

static void
on_migrated(VirtMigration *migration, const VirtMigrationResult *result,
            const GError *error, gpointer user)
{
    session_finish(user, result, error);
}

static void
session_migrate(Session *session)
{
    const SessionSpec *spec = &session->spec;
    g_autoptr(GError) error = NULL;

    if (session->aborting) {
        g_set_error_literal(&error, VIRT_ERROR, VIRT_ERROR_ABORTED,
                            "aborted before libvirt was asked to migrate");
        session_finish(session, NULL, error);
        return;
    }
    session_compress(session);
    session->migration =
        virt_migration_start(spec->guest, spec->destination, spec->migrate,
                             on_migrated, session, &error);
    if (!session->migration) {
        session_finish(session, NULL, error);
        return;
    }
    session_observe_start(session);
    if (spec->timeout_s > 0 && spec->timeout != SESSION_TIMEOUT_NONE) {
        session->timeout_source =
            g_timeout_add_seconds(spec->timeout_s, on_timeout, session);
    }
    if (spec->cut_off_s.known) {
        session->cut_off_source = g_timeout_add(
            (guint)(spec->cut_off_s.value * 1000), on_cut_off, session);
    }
}

/* Without figures from the balloon memory use stays unknown; that is all. */
static void
on_balloon(const GError *error, gpointer user)
{
    Session *session = user;

    if (error) {
        session_warn(session, "no memory figures from the guest: %s",
                     error->message);
    }
    session_look_end(session, session_migrate);
}

static void
on_downtime(const GError *error, gpointer user)
{
    Session *session = user;

    if (error) {
        session_finish(session, NULL, error);
        return;
    }
    if (virt_guest_info(session->spec.guest)->balloon) {
        virt_guest_collect_balloon(session->spec.guest, 1, on_balloon, session);
    } else {
        session_warn(session,
                     "guest '%s' has no balloon device (<memballoon "
                     "model='virtio'/>): its memory use is not known to the "
                     "forecast",
                     virt_guest_info(session->spec.guest)->name);
        session_look_end(session, session_migrate);
    }
}

static void
session_set_downtime(Session *session)
{
    double limit_ms = session->spec.policy.downtime_limit_s * 1000;

    if (session->spec.set_downtime) {
        virt_guest_set_max_downtime(session->spec.guest, (uint64_t)limit_ms,
                                    on_downtime, session);
    } else {
        on_downtime(NULL, session);
    }
}

#define WORKING_SET(on)                                                        \
    "{\"execute\":\"migrate-set-capabilities\",\"arguments\":"                 \
    "{\"capabilities\":[{\"capability\":\"working-set\",\"state\":" on "}]}}"

/* A stock QEMU refuses; then hot and cold pages are not known. */
static void
on_working_set(VirtGuest *guest, const char *reply, const GError *error,
               gpointer user)
{
    Session *session = user;

    session->record->monitor_passthrough = true;
    session->working_set_on = reply && strstr(reply, "\"return\"");
    if (!session->working_set_on) {
        session_warn(session,
                     "hot and cold pages of guest '%s' are not known: %s",
                     virt_guest_info(guest)->name,
                     error ? error->message
                           : "this QEMU has no capability working-set "
                             "(qemu-patches/README.md)");
    }
    session_set_downtime(session);
}

static void
on_subscribed(const GError *error, gpointer user)
{
    Session *session = user;

    if (error) {
        session_warn(session, "no events from libvirt, polling only: %s",
                     error->message);
    }
    if (session->spec.working_set) {
        virt_guest_monitor(session->spec.guest, WORKING_SET("true"),
                           on_working_set, session);
    } else {
        session_set_downtime(session);
    }
}

Session *
session_start(const SessionSpec *spec, const SessionCallbacks *callbacks,
              gpointer user, GError **error)
{
    g_autoptr(Session) session = session_new(spec, callbacks, user);

    if (!session_observe_begin(session, error) ||
        !session_reserve(session, error)) {
        return NULL;
    }
    if (session->reservation && reservation_warning(session->reservation)) {
        session_warn(session, "%s", reservation_warning(session->reservation));
    }
    session_feed(session, (JobEvent){ .kind = JOB_EVENT_START });
    session_look_begin(session);
    virt_guest_subscribe(spec->guest, session_on_guest_event, session,
                         on_subscribed, session);
    return g_steal_pointer(&session);
}

void
session_stop_shaping(Session *session, const char *why)
{
    g_autoptr(GError) error = NULL;
    JobEvent event = { .kind = JOB_EVENT_ADVISORY, .advisory = true };
    ReservationStats stats;

    if (session->over || session->spec.advisory || !session->reservation) {
        return;
    }
    session_warn(session, "%s: the migration goes on without a reservation",
                 why);
    if (reservation_stats(session->reservation, &stats, NULL)) {
        session->class_bytes = known((double)stats.migration.bytes);
    }
    if (!reservation_close_running(g_steal_pointer(&session->reservation),
                                   &error)) {
        session_warn(session, "%s; \"vmferry tc clear %s\" removes the rest",
                     error->message, session->spec.link->device);
    }
    session->spec.advisory = true;
    event.at_us = session_now_us(session);
    session_feed(session, event);
    session_withdraw_steps(session);
    session_aim_no_more(session);
}

/* The last figures of the classes, then everything of ours goes. */
static void
session_release(Session *session)
{
    RunRecord *record = session->record;
    g_autoptr(GError) error = NULL;
    ReservationStats stats;

    if (session->spec.hands) {
        record->class_bytes =
            session->spec.hands->release(session, session->spec.hands_user);
    }
    if (session->class_bytes.known) {
        record->class_bytes = session->class_bytes;
    }
    if (!session->reservation) {
        return;
    }
    if (reservation_stats(session->reservation, &stats, NULL)) {
        record->class_bytes = known((double)stats.migration.bytes);
    }
    if (!reservation_close(g_steal_pointer(&session->reservation), &error)) {
        session_warn(session, "%s; \"vmferry tc clear %s\" removes the rest",
                     error->message, session->spec.link->device);
    }
}

static void
on_restored(const GError *error, gpointer user)
{
    Session *session = user;
    Session *held = session_ref(session); /* .ended may free it */

    if (error) {
        session_warn(session,
                     "what was changed on the guest is not all put "
                     "back: %s",
                     error->message);
    }
    session->over = true;
    session->callbacks.ended(session, session->record, session->failure,
                             session->user);
    session_unref(held);
}

static void
on_working_set_off(VirtGuest *guest, const char *reply, const GError *error,
                   gpointer user)
{
    Session *session = user;

    if (!reply || !strstr(reply, "\"return\"")) {
        session_warn(session,
                     "QEMU's capability working-set of guest '%s' was not "
                     "turned off again: %s",
                     virt_guest_info(guest)->name,
                     error ? error->message : reply);
    }
    virt_guest_restore(guest, on_restored, session);
}

void
session_finish(Session *session, const VirtMigrationResult *result,
               const GError *error)
{
    JobEvent end = { .kind = JOB_EVENT_END };

    session_observe_stop(session);
    g_clear_handle_id(&session->timeout_source, g_source_remove);
    g_clear_handle_id(&session->cut_off_source, g_source_remove);
    virt_guest_unsubscribe(session->spec.guest);

    if (result) {
        for (guint i = 0; i < result->warnings->len; i++) {
            session_warn(session, "%s",
                         (char *)g_ptr_array_index(result->warnings, i));
        }
    }
    if (session->migration) {
        session_check_balloon(session);
    }
    end.at_us = session_now_us(session);
    end.outcome.completed = result && result->completed;
    if (end.outcome.completed) {
        const VirtJob *job = &result->job;

        end.outcome.total_s = known(known_or(job->elapsed_ms, 0) / 1000);
        end.outcome.downtime_s = known(known_or(job->downtime_ms, 0) / 1000);
        end.outcome.bytes = known((double)job->poll.sent_bytes);
    }
    session_undo_steps(session, end.outcome.completed);
    session_feed(session, end);
    session_release(session);
    if (session->cut_off && error) {
        g_set_error(&session->failure, SESSION_ERROR, SESSION_ERROR_CUT_OFF,
                    "given up after %.0f s as asked: %s",
                    session->spec.cut_off_s.value, error->message);
    } else if (session->given_up && error) {
        g_set_error(&session->failure, SESSION_ERROR, SESSION_ERROR_GIVEN_UP,
                    "given up: %s (%s)", session->given_up, error->message);
    } else if (error) {
        session->failure = g_error_copy(error);
        session_explain_refusal(session, session->failure);
    }
    session_record_end(session, result, session->failure);
    /* The QEMU that has it on is gone with a migration that completed. */
    if (session->working_set_on && !end.outcome.completed) {
        virt_guest_monitor(session->spec.guest, WORKING_SET("false"),
                           on_working_set_off, session);
        return;
    }
    /* A migration has put back what was changed; where there was none, or the
     * daemon was lost, this does, and asks nothing if nothing is left. */
    virt_guest_restore(session->spec.guest, on_restored, session);
}
