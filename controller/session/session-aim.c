/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session-aim.c - QEMU's downtime limit, so that the user's is kept
 *
 *   reading ─> job: what waits in the socket ─> aim ─> libvirt ─> settings
 *
 * Of migrations that are ours, and of those only where libvirt tells which
 * limit QEMU has: one that somebody set for this guest before is the one that
 * is to be kept. What it was is put back at the end with all else. Each change
 * has its line in the record, under extra.downtime_aim.
 */
#include <math.h>

#include "session/session-priv.h"

/* The queue is that of a stream under way by then. */
#define FIRST_US (1 * G_USEC_PER_SEC)
#define AGAIN_US (1 * G_USEC_PER_SEC)
/* Raised, since QEMU goes on for it: passes of a tenth follow each other. */
#define RAISED_US (G_USEC_PER_SEC / 5)
/* ... and has so long to stop with it before it is lowered again: at the edge
 * of what converges the forecast says now this, now that. */
#define LOWERED_US (10 * G_USEC_PER_SEC)

typedef struct AimCall {
    Session *session; /* referenced */
    Aim aim;
    unsigned iter;
} AimCall;

static void
note_aim(Session *session, const AimCall *call, const GError *error)
{
    RunRecord *record = session->record;
    JsonObject *entry = json_object_new_object(), *array;

    if (!record->extra) {
        record->extra = json_object_new_object();
    }
    array = jobj_get(record->extra, "downtime_aim");
    if (!array) {
        array = json_object_new_array();
        jobj_add(record->extra, "downtime_aim", array);
    }
    jobj_add_double(entry, "t_s", session_seconds(session));
    jobj_add_u64(entry, "iter", call->iter);
    jobj_add_double(entry, "limit_s", session->aim_limit_s.value);
    jobj_add_double(entry, "qemu_limit_s", call->aim.limit_s);
    jobj_add_double(entry, "queue_s", call->aim.queue_s);
    jobj_add_bool(entry, "held_back", call->aim.is_held_back);
    jobj_add_string(entry, "reason", call->aim.reason);
    jobj_add_bool(entry, "done", !error);
    if (error) {
        jobj_add_string(entry, "error", error->message);
    }
    json_object_array_add(array, entry);
}

static void
on_aimed(const GError *error, gpointer user)
{
    AimCall *call = user;
    Session *session = call->session;
    PolicySettings settings = *job_settings(session->job);

    session->aiming = false;
    if (session_running(session)) { /* else it came too late, and that is all */
        note_aim(session, call, error);
        if (error) {
            session->aim_refused = true;
            session_warn(session, "QEMU's downtime limit stays what it is: %s",
                         error->message);
        } else {
            settings.downtime_limit_s = call->aim.limit_s;
            session_set_policy(session, &settings);
            if (session->callbacks.aimed) {
                session->callbacks.aimed(session, &call->aim, session->user);
            }
        }
    }
    session_unref(session);
    g_free(call);
}

static void
on_limit(VirtGuest *guest, const VirtLimits *limits, gpointer user)
{
    Session *session = user;
    PolicySettings settings = *job_settings(session->job);

    session->aiming = false;
    session->aim_refused = !limits->downtime_s.known;
    if (limits->downtime_s.known && session_running(session)) {
        session->aim_limit_s = limits->downtime_s;
        if (settings.downtime_limit_s != limits->downtime_s.value) {
            settings.downtime_limit_s = limits->downtime_s.value;
            session_set_policy(session, &settings);
        }
    }
    session_unref(session);
}

static bool
may_aim(const Session *session)
{
    return session->spec.aims && session->migration &&
           session_running(session) && !session->aiming &&
           !session->aim_refused && !session->held && !session->spec.advisory &&
           !session->aborting && !session->postcopy_asked &&
           job_state(session->job) == JOB_PRECOPY;
}

void
session_aim(Session *session)
{
    int64_t now_us = session_now_us(session);
    JobProgress progress;
    bool raised;
    AimCall *call;
    Aim aim;

    if (!may_aim(session) || now_us < session->aim_at_us) {
        return;
    }
    if (!session->aim_limit_s.known) {
        session->aiming = true;
        session->aim_at_us = now_us + FIRST_US;
        virt_guest_read_limits(session->spec.guest, on_limit,
                               session_ref(session));
        return;
    }
    if (!job_aim(session->job, session->aim_limit_s.value, &aim) ||
        !aim.change) {
        return;
    }
    raised = aim.limit_s > job_settings(session->job)->downtime_limit_s;
    if (!raised && now_us < session->aim_lower_at_us) {
        return;
    }
    if (raised) {
        session->aim_lower_at_us = now_us + LOWERED_US;
    }
    call = g_new0(AimCall, 1);
    call->session = session_ref(session);
    call->aim = aim;
    /* libvirt's are whole milliseconds */
    call->aim.limit_s = round(aim.limit_s * 1e3) / 1e3;
    job_progress(session->job, &progress);
    call->iter = progress.iter;
    session->aiming = true;
    session->aim_at_us = now_us + (raised ? RAISED_US : AGAIN_US);
    virt_guest_set_max_downtime(session->spec.guest,
                                (uint64_t)lround(1e3 * call->aim.limit_s),
                                on_aimed, call);
}

/* The user's own, as long as the migration goes on without us. */
static void
on_back(const GError *error, gpointer user)
{
    Session *session = user;

    if (error && session_running(session)) {
        session_warn(session, "the downtime limit is not put back: %s",
                     error->message);
    }
    session_unref(session);
}

void
session_aim_no_more(Session *session)
{
    PolicySettings settings = *job_settings(session->job);

    session->aim_refused = true;
    if (session->aim_limit_s.known && session_running(session) &&
        settings.downtime_limit_s < session->aim_limit_s.value) {
        settings.downtime_limit_s = session->aim_limit_s.value;
        session_set_policy(session, &settings);
        virt_guest_set_max_downtime(
            session->spec.guest,
            (uint64_t)lround(1e3 * session->aim_limit_s.value), on_back,
            session_ref(session));
    }
}
