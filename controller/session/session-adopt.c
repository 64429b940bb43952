/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session-adopt.c - a migration of somebody else's: its beginning and its end
 *
 * No call of ours returns when it is over, so the end is read from what comes:
 *
 *   the guest stopped here, "migrated"     completed
 *   ... stopped here for another reason    failed, with that reason
 *   QEMU's status "failed", "cancelled"    failed, aborted
 *   no migration job any more              the events may be late: half a second
 *                                          later the guest's state decides
 *
 * While the daemon of the source is lost nothing can be told; QEMU goes on, the
 * class stays, and so does the session. The next connection looks again.
 */
#include <math.h>

#include "base/clock.h"
#include "session/session-priv.h"

/* An event of what a reading has told already may be that late. */
#define JUDGE_MS 500
/* How often maximum downtime and speed are looked at, for others' changes. */
#define LIMITS_US (2 * G_USEC_PER_SEC)

static const char *
guest_name(const Session *session)
{
    return virt_guest_info(session->spec.guest)->name;
}

void
session_adopted_clear(Session *session)
{
    g_clear_handle_id(&session->judge_source, g_source_remove);
    g_clear_pointer(&session->no_request, virt_migrate_spec_free);
    g_clear_pointer(&session->final.warnings, g_ptr_array_unref);
    g_clear_pointer(&session->final.job.message, g_free);
}

/* --- the end --- */

static void
end(Session *session, const GError *error)
{
    VirtMigrationResult *result = &session->final;

    if (session->ending) {
        return;
    }
    session->ending = true;
    g_clear_handle_id(&session->judge_source, g_source_remove);
    result->completed = !error;
    if (result->job.state != VIRT_JOB_COMPLETED) {
        result->job.poll.sent_bytes = session->sent_bytes; /* as far as told */
    }
    result->source = error ? VIRT_STATE_RUNNING : VIRT_STATE_GONE;
    session_finish(session, error ? NULL : result, error);
}

static void
end_failed(Session *session, VirtError code, const char *why)
{
    g_autoptr(GError) error = NULL;

    g_set_error(&error, VIRT_ERROR, code,
                "guest '%s': its migration, which somebody else started, %s",
                guest_name(session), why);
    end(session, error);
}

static gboolean
on_grace_over(gpointer user)
{
    Session *session = user;

    session->judge_source = 0;
    end(session, NULL);
    return G_SOURCE_REMOVE;
}

/* The daemon's word after the fact. Where the guest is gone with its figures
 * they come as an event, on the heels of the one that told its stop; without
 * both it ends with what we have. */
static void
on_final(VirtGuest *guest, const VirtReading *reading, const GError *error,
         gpointer user)
{
    Session *session = user;

    if (!error && reading->what & VIRT_READ_JOB &&
        reading->job.state == VIRT_JOB_COMPLETED && reading->job.outgoing) {
        g_free(session->final.job.message);
        session->final.job = reading->job;
        session->final.job.message = NULL;
    }
    if (session->ending) {
        /* told by an event meanwhile */
    } else if (session->final.job.state == VIRT_JOB_COMPLETED) {
        end(session, NULL);
    } else {
        g_clear_handle_id(&session->judge_source, g_source_remove);
        session->judge_source = g_timeout_add(JUDGE_MS, on_grace_over, session);
    }
    session_unref(session);
}

static void
end_completed(Session *session)
{
    if (session->ending) {
        return;
    }
    if (session->final.job.state == VIRT_JOB_COMPLETED || session->lost) {
        end(session, NULL);
    } else {
        virt_guest_completed_job(session->spec.guest, on_final,
                                 session_ref(session));
    }
}

/* What an earlier connection still has to say is about its own end, and not
 * about that of the migration. */
static bool
is_stale(const Session *session, const VirtGuest *guest)
{
    return guest != session->spec.guest;
}

typedef struct Judging {
    Session *session; /* referenced */
    VirtGuest *guest; /* likewise: that was asked */
} Judging;

static void
on_judged(const GError *error, gpointer user)
{
    g_autofree Judging *judging = user;
    Session *session = judging->session;
    VirtState state = virt_guest_info(judging->guest)->state;

    if (session->ending) {
        /* an event was faster */
    } else if (is_stale(session, judging->guest)) {
        /* whoever connected again has asked again */
    } else if (g_error_matches(error, VIRT_ERROR, VIRT_ERROR_NO_DOMAIN) ||
               (!error && state == VIRT_STATE_SHUTOFF)) {
        end_completed(session);
    } else if (error) {
        session->lost |=
            g_error_matches(error, VIRT_ERROR, VIRT_ERROR_DISCONNECTED);
    } else if (!session->postcopy_paused) {
        end_failed(session, VIRT_ERROR_FAILED,
                   "is over, and the guest is still here");
    }
    virt_guest_unref(judging->guest);
    session_unref(session);
}

static gboolean
on_judge(gpointer user)
{
    Session *session = user;

    Judging *judging = g_new(Judging, 1);

    session->judge_source = 0;
    *judging =
        (Judging){ session_ref(session), virt_guest_ref(session->spec.guest) };
    virt_guest_refresh(session->spec.guest, on_judged, judging);
    return G_SOURCE_REMOVE;
}

static void
judge_soon(Session *session)
{
    /* A paused one has no job, and may have one again. */
    if (!session->judge_source && !session->ending &&
        !session->postcopy_paused) {
        session->judge_source = g_timeout_add(JUDGE_MS, on_judge, session);
    }
}

void
session_adopted_event(Session *session, const VirtEvent *event)
{
    g_autofree char *why = NULL;

    if (session->ending) {
        return;
    }
    switch (event->kind) {
    case VIRT_EVENT_JOB_COMPLETED:
        if (event->job->state == VIRT_JOB_COMPLETED) {
            g_free(session->final.job.message);
            session->final.job = *event->job;
            session->final.job.message = NULL;
            if (session->stop_told) {
                end(session, NULL);
            }
        }
        break;
    case VIRT_EVENT_STATUS:
        if (g_str_equal(event->detail, "failed")) {
            end_failed(session, VIRT_ERROR_FAILED, "failed, says its QEMU");
        } else if (g_str_equal(event->detail, "cancelled")) {
            end_failed(session, VIRT_ERROR_ABORTED, "was cancelled");
        }
        break;
    case VIRT_EVENT_STOPPED:
        if (g_str_equal(event->detail, "migrated")) {
            session->stop_told = true;
            end_completed(session);
        } else {
            why = g_strdup_printf("ended with the guest: %s", event->detail);
            end_failed(session, VIRT_ERROR_FAILED, why);
        }
        break;
    case VIRT_EVENT_LOST:
        session->lost = true;
        break;
    default:
        break;
    }
}

/* --- others' changes --- */

static bool
differs(Known before, Known now)
{
    return before.known && now.known &&
           fabs(before.value - now.value) > 1e-6 * fabs(before.value);
}

static void
tell_foreign(Session *session, SessionForeign what, double from, double to)
{
    bool speed = what == SESSION_FOREIGN_SPEED;
    double scale = speed ? 1.0 / (1 << 20) : 1000;
    g_autofree char *text = g_strdup_printf(
        "somebody else changed the maximum %s from %.0f to %.0f %s; it is "
        "theirs for the rest of this migration",
        speed ? "speed" : "downtime", from * scale, to * scale,
        speed ? "MiB/s" : "ms");

    session_warn(session, "%s", text);
    if (session->callbacks.foreign) {
        session->callbacks.foreign(session, what, from, to, text,
                                   session->user);
    }
}

/* A reading may be of the one before the last, which is on its way. */
static bool
is_own_downtime(const Session *session, Known downtime_s)
{
    for (size_t i = 0; i < G_N_ELEMENTS(session->own_downtimes_s); i++) {
        double own_s = session->own_downtimes_s[i];

        if (own_s > 0 && !differs(known(own_s), downtime_s)) {
            return true;
        }
    }
    return false;
}

/* From now on that knob is the other's, for the rest of the job. */
static void
on_limits(VirtGuest *guest, const VirtLimits *limits, gpointer user)
{
    Session *session = user;

    if (is_stale(session, guest)) {
        session_unref(session);
        return;
    }
    session->limits_asked = false;
    if (!session_running(session)) {
        session_unref(session);
        return;
    }
    if (differs(session->limits.downtime_s, limits->downtime_s) &&
        !is_own_downtime(session, limits->downtime_s)) {
        session->downtime_is_theirs = true;
        tell_foreign(session, SESSION_FOREIGN_DOWNTIME,
                     session->limits.downtime_s.value,
                     limits->downtime_s.value);
    }
    if (differs(session->limits.speed_bytes_s, limits->speed_bytes_s)) {
        tell_foreign(session, SESSION_FOREIGN_SPEED,
                     session->limits.speed_bytes_s.value,
                     limits->speed_bytes_s.value);
    }
    if (limits->downtime_s.known) {
        session->limits.downtime_s = limits->downtime_s;
    }
    if (limits->speed_bytes_s.known) {
        session->limits.speed_bytes_s = limits->speed_bytes_s;
    }
    session_unref(session);
}

static void
watch_limits(Session *session)
{
    int64_t now_us = clock_mono_us();

    if (session->limits_asked || now_us - session->limits_at_us < LIMITS_US) {
        return;
    }
    session->limits_asked = true;
    session->limits_at_us = now_us;
    virt_guest_read_limits(session->spec.guest, on_limits,
                           session_ref(session));
}

void
session_adopted_reading(Session *session, const VirtReading *reading,
                        const GError *error)
{
    bool there = !error && reading->what & VIRT_READ_JOB &&
                 reading->job.outgoing &&
                 (reading->job.state == VIRT_JOB_STARTING ||
                  reading->job.state == VIRT_JOB_ACTIVE);

    if (there) {
        g_clear_handle_id(&session->judge_source, g_source_remove);
        watch_limits(session);
    } else if (g_error_matches(error, VIRT_ERROR, VIRT_ERROR_DISCONNECTED)) {
        session->lost = true;
    } else if (!error && !(reading->what & VIRT_READ_JOB)) {
        /* the job alone could not be read: another poll will tell */
    } else if (!error ||
               g_error_matches(error, VIRT_ERROR, VIRT_ERROR_NO_DOMAIN) ||
               g_error_matches(error, VIRT_ERROR, VIRT_ERROR_NOT_RUNNING)) {
        judge_soon(session);
    }
}

/* --- the beginning --- */

static void
on_subscribed(const GError *error, gpointer user)
{
    Session *session = user;
    JobEvent postcopy = { .kind = JOB_EVENT_POSTCOPY };

    if (error && !session->ending) {
        session_warn(session, "no events from libvirt, polling only: %s",
                     error->message);
    }
    if (session_running(session) &&
        virt_guest_info(session->spec.guest)->postcopy) {
        /* it was before there was anybody to be told */
        postcopy.at_us = session_now_us(session);
        session_feed(session, postcopy);
    }
    session_unref(session);
}

static void
listen(Session *session)
{
    virt_guest_subscribe(session->spec.guest, session_on_guest_event, session,
                         on_subscribed, session_ref(session));
    session_observe_start(session);
    session_poll(session, VIRT_READ_JOB | VIRT_READ_COUNTERS);
}

Session *
session_adopt(const SessionSpec *spec, const SessionCallbacks *callbacks,
              gpointer user)
{
    g_autoptr(VirtMigrateSpec) none = virt_migrate_spec_new();
    SessionSpec own = *spec;
    Session *session;

    /* Whoever started it asked for what he asked; we know of nothing. */
    none->flags = VIRT_MIGRATE_LIVE;
    own.migrate = none;
    own.set_downtime = false;
    session = session_new(&own, callbacks, user);
    session->adopted = true;
    session->no_request = g_steal_pointer(&none);
    session->final.warnings = g_ptr_array_new_with_free_func(g_free);
    /* Its statistics are collected, or not, as the administrator set it. */
    session->balloon_warned = true;
    session_feed(session, (JobEvent){ .kind = JOB_EVENT_START });
    session->spec.advisory = false;
    session_set_advisory(session, spec->advisory);
    if (spec->link) {
        session_set_link(session, spec->link);
    }
    listen(session);
    return session;
}

void
session_set_destination(Session *session, const char *uri)
{
    g_free(session->destination_uri);
    session->destination_uri = g_strdup(uri);
}

void
session_set_advisory(Session *session, bool advisory)
{
    JobEvent event = { .kind = JOB_EVENT_ADVISORY, .advisory = advisory };

    if (session->spec.advisory == advisory || session->ending) {
        return;
    }
    session->spec.advisory = advisory;
    event.at_us = session_now_us(session);
    session_feed(session, event);
}

void
session_grant(Session *session, const PolicyDecision *decision)
{
    JobEvent event = { .kind = JOB_EVENT_GRANTED, .grant = *decision };

    if (!session->ending && !session->over) {
        event.at_us = session_now_us(session);
        session_feed(session, event);
    }
}

void
session_set_policy(Session *session, const PolicySettings *settings)
{
    JobEvent event = { .kind = JOB_EVENT_SETTINGS };

    if (!session->ending && !session->over) {
        event.settings = *settings;
        event.asks = job_asks(session->job);
        event.aim_limit_s = known_or(session->aim_limit_s, 0);
        event.at_us = session_now_us(session);
        session_feed(session, event);
    }
}

void
session_set_asks(Session *session, unsigned asks)
{
    JobEvent event = { .kind = JOB_EVENT_SETTINGS };

    if (!session->ending && !session->over && job_asks(session->job) != asks) {
        event.settings = *job_settings(session->job);
        event.asks = asks;
        event.aim_limit_s = known_or(session->aim_limit_s, 0);
        event.at_us = session_now_us(session);
        session_feed(session, event);
    }
}

void
session_expect_downtime(Session *session, double limit_s)
{
    session->own_downtimes_s[session->n_own_downtimes++ %
                             G_N_ELEMENTS(session->own_downtimes_s)] = limit_s;
}

bool
session_downtime_is_theirs(const Session *session)
{
    return session->downtime_is_theirs;
}

void
session_vanished(Session *session)
{
    if (!session->ending) {
        end_failed(session, VIRT_ERROR_NO_DOMAIN,
                   "ended while its libvirtd was away, and the guest is no "
                   "longer here; look for it on the destination");
    }
}

void
session_reconnect(Session *session, VirtGuest *guest)
{
    if (session->ending) {
        return;
    }
    virt_guest_unsubscribe(session->spec.guest);
    virt_guest_unref(session->spec.guest);
    session->spec.guest = virt_guest_ref(guest);
    session->lost = false;
    session->limits_asked = false;
    g_clear_handle_id(&session->judge_source, g_source_remove);
    listen(session);
}

bool
session_lost(const Session *session)
{
    return session->lost;
}

void
session_leave(Session *session, const char *why)
{
    g_autoptr(GError) error = NULL;

    if (!session->adopted || session->ending) {
        return;
    }
    session->ending = true;
    g_set_error(&error, SESSION_ERROR, SESSION_ERROR_LEFT,
                "guest '%s': %s; the migration goes on", guest_name(session),
                why);
    session_finish(session, NULL, error);
}
