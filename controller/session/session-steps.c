/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session-steps.c - steps of the convergence ladder, carried out
 *
 *   downtime        libvirt's maximum downtime, put back at the end
 *   auto-converge   QEMU's throttle, by its monitor: libvirt has no call for it
 *                   while a migration runs. Only where the user named the step
 *   post-copy       libvirt's switch; the class has been raised before
 *   abort           libvirt's; the reason becomes that of the failure
 *
 * For migrations that are ours: of those that others started the daemon does
 * the same with what their rules grant. Nobody here can put other migrations
 * behind this one, so that "order" is not offered. Each step has its line in the record, under extra.ladder, with what became of
 * it.
 */
#include <math.h>
#include <string.h>

#include "session/session-priv.h"

typedef struct StepCall {
    Session *session; /* referenced */
    LadderAdvice advice;
    JsonObject *entry; /* referenced; of the record's array */
} StepCall;

static JsonObject *
ladder_array(Session *session)
{
    RunRecord *record = session->record;
    JsonObject *array;

    if (!record->extra) {
        record->extra = json_object_new_object();
    }
    array = jobj_get(record->extra, "ladder");
    if (!array) {
        array = json_object_new_array();
        jobj_add(record->extra, "ladder", array);
    }
    return array;
}

static JsonObject *
note_step(Session *session, int64_t at_us, unsigned iter,
          const LadderAdvice *advice)
{
    JsonObject *entry = json_object_new_object();
    g_autofree char *would_help = ladder_steps_format(advice->would_help);

    jobj_add_double(entry, "t_s", (double)at_us / G_USEC_PER_SEC);
    jobj_add_u64(entry, "iter", iter);
    jobj_add_string(entry, "act", ladder_act_name(advice->act));
    if (advice->act != LADDER_SAY) {
        jobj_add_string(entry, "step", ladder_step_name(advice->step));
        jobj_add_double(entry, "value", advice->value);
        jobj_add_double(entry, "old_value", advice->old_value);
    }
    jobj_add_string(entry, "verdict", ladder_verdict_name(advice->verdict));
    jobj_add_bool(entry, "sure", advice->sure);
    jobj_add_string(entry, "would_help", would_help);
    jobj_add_string(entry, "reason", advice->reason);
    json_object_array_add(ladder_array(session), entry);
    return entry;
}

JsonObject *
session_note_step(Session *session, unsigned iter, const LadderAdvice *advice)
{
    return note_step(session, session_now_us(session), iter, advice);
}

static void
step_done(StepCall *call, const GError *error)
{
    Session *session = call->session;
    JobEvent event = { .kind = JOB_EVENT_STEPPED, .stepped = !error };

    if (!error && call->advice.step == LADDER_DOWNTIME &&
        !session->first_downtime_s.known) {
        session->first_downtime_s = known(call->advice.old_value);
    }
    jobj_add_bool(call->entry, "done", !error);
    if (error) {
        jobj_add_string(call->entry, "error", error->message);
        session_warn(session, "the step \"%s\" could not be taken: %s",
                     ladder_step_name(call->advice.step), error->message);
    }
    event.at_us = session_now_us(session);
    session_feed(session, event);
    if (session->spec.advisory) {
        session_withdraw_steps(session); /* it was switched off meanwhile */
    }
    jobj_unref(call->entry);
    session_unref(session);
    g_free(call);
}

static void
on_stepped(const GError *error, gpointer user)
{
    step_done(user, error);
}

static void
on_aborted(const GError *error, gpointer user)
{
    StepCall *call = user;

    if (error) {
        call->session->aborting = false;
        g_clear_pointer(&call->session->given_up, g_free);
    }
    step_done(call, error);
}

typedef struct ThrottleCall {
    Session *session; /* referenced */
    VirtDone done;
    gpointer user;
} ThrottleCall;

static void
on_throttled(VirtGuest *guest, const char *reply, const GError *error,
             gpointer user)
{
    ThrottleCall *call = user;
    g_autoptr(GError) own = NULL;

    if (!error && reply && strstr(reply, "\"error\"")) {
        g_set_error(&own, VIRT_ERROR, VIRT_ERROR_FAILED,
                    "QEMU refused migrate-set-parameters: %s", reply);
    }
    call->done(own ? own : error, call->user);
    session_unref(call->session);
    g_free(call);
}

/* QEMU raises its throttle by an increment whenever it sees that too much is
 * dirtied, up to a maximum: with all three alike the next time sets it. */
void
session_throttle(Session *session, double share, VirtDone done, gpointer user)
{
    unsigned percent = (unsigned)CLAMP(lround(100.0 * share), 1, 99);
    g_autofree char *command = g_strdup_printf(
        "{\"execute\":\"migrate-set-parameters\",\"arguments\":"
        "{\"cpu-throttle-initial\":%u,\"cpu-throttle-increment\":%u,"
        "\"max-cpu-throttle\":%u}}",
        percent, percent, percent);
    ThrottleCall *call = g_new0(ThrottleCall, 1);

    call->session = session_ref(session);
    call->done = done;
    call->user = user;
    session->record->monitor_passthrough = true;
    virt_guest_monitor(session->spec.guest, command, on_throttled, call);
}

static void
on_own_throttled(const GError *error, gpointer user)
{
    StepCall *call = user;

    call->session->throttled |= !error;
    step_done(call, error);
}

static void
refuse(StepCall *call, const char *why)
{
    g_autoptr(GError) error =
        g_error_new_literal(VIRT_ERROR, VIRT_ERROR_INVALID, why);

    step_done(call, error);
}

static void
carry_out_step(StepCall *call)
{
    Session *session = call->session;
    const LadderAdvice *advice = &call->advice;

    switch (advice->step) {
    case LADDER_DOWNTIME:
        virt_guest_set_max_downtime(session->spec.guest,
                                    (uint64_t)lround(1000.0 * advice->value),
                                    on_stepped, call);
        return;
    case LADDER_THROTTLE:
        session_throttle(session, advice->value, on_own_throttled, call);
        return;
    case LADDER_POSTCOPY:
        if (!session->migration || session->postcopy_asked) {
            refuse(call, "post-copy is not ours to switch to here");
            return;
        }
        session->postcopy_asked = true;
        virt_migration_start_postcopy(session->migration, on_stepped, call);
        return;
    case LADDER_ABORT:
        if (!session->migration || session->aborting) {
            refuse(call, "the migration is not ours to abort");
            return;
        }
        session->aborting = true;
        g_free(session->given_up);
        session->given_up = g_strdup(advice->reason);
        virt_migration_abort(session->migration, on_aborted, call);
        return;
    case LADDER_GUARANTEE:
    case LADDER_ORDER:
    case LADDER_WAIT:
    case LADDER_N_STEPS:
        break;
    }
    g_assert_not_reached();
}

void
session_act_step(Session *session, const JobAction *action)
{
    JsonObject *entry =
        note_step(session, action->at_us, action->step_iter, &action->advice);
    StepCall *call;

    if (!action->carry_out) {
        return;
    }
    call = g_new0(StepCall, 1);
    call->session = session_ref(session);
    call->advice = action->advice;
    call->entry = json_object_get(entry);
    carry_out_step(call);
}

static void
on_downtime_back(const GError *error, gpointer user)
{
    Session *session = user;

    if (error) {
        session_warn(session, "the downtime limit is not put back: %s",
                     error->message);
    }
    session_unref(session);
}

/* While it runs: what its user asked for stays. */
void
session_withdraw_steps(Session *session)
{
    Known before_s = session->first_downtime_s;
    PolicySettings settings = *job_settings(session->job);

    session->first_downtime_s = unknown();
    if (before_s.known) {
        settings.downtime_limit_s = before_s.value;
        session_set_policy(session, &settings);
        virt_guest_set_max_downtime(session->spec.guest,
                                    (uint64_t)lround(1000.0 * before_s.value),
                                    on_downtime_back, session_ref(session));
    }
}

static void
on_throttle_back(VirtGuest *guest, const char *reply, const GError *error,
                 gpointer user)
{
    Session *session = user;

    if (error || (reply && strstr(reply, "\"error\""))) {
        session_warn(session,
                     "QEMU's max-cpu-throttle is not put back; it is 99 %% by "
                     "default: %s",
                     error ? error->message : reply);
    }
    session_unref(session);
}

/* libvirt puts back what it knows of, which this is not; a guest that has moved
 * is another QEMU's. */
void
session_undo_steps(Session *session, bool completed)
{
    if (session->throttled && !completed) {
        session->throttled = false;
        virt_guest_monitor(session->spec.guest,
                           "{\"execute\":\"migrate-set-parameters\","
                           "\"arguments\":{\"max-cpu-throttle\":99}}",
                           on_throttle_back, session_ref(session));
    }
}

JobLadder
session_ladder(const Session *session)
{
    const SessionSpec *spec = &session->spec;
    const VirtGuestInfo *guest = virt_guest_info(spec->guest);
    unsigned flags = spec->migrate ? spec->migrate->flags : 0;

    return (JobLadder){
        .climbs = spec->climbs,
        .settings = spec->ladder,
        .guest = {
            
            
            .postcopy_flag = flags & VIRT_MIGRATE_POSTCOPY,
            .auto_converge_flag = flags & VIRT_MIGRATE_AUTO_CONVERGE,
            .throttle_reachable = spec->monitor_allowed,
            .tunnelled = flags & VIRT_MIGRATE_TUNNELLED,
            .parallel = flags & VIRT_MIGRATE_PARALLEL,
            .host_devices = guest->host_devices,
            .local_disks = flags & (VIRT_MIGRATE_NON_SHARED_DISK |
                                    VIRT_MIGRATE_NON_SHARED_INC),
            .largest_page_bytes = guest->hugepage_bytes,
        },
    };
}
