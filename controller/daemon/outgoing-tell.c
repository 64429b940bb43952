/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * outgoing-tell.c - what the session of a migration tells, and who hears of it
 *
 * The log, clients of the control socket, counters; at the end its record.
 */

#include "base/clock.h"
#include "daemon/daemon-priv.h"

static void
count_decision(Outgoing *outgoing, const JobAction *action)
{
    Daemon *daemon = outgoing->daemon;

    daemon->counted.decisions++;
    daemon->counted.steps[action->decision.step][outgoing->role]++;
    outgoing->decided_s = (double)action->at_us / G_USEC_PER_SEC;
    outgoing->decided_iter = action->iter;
    outgoing->decided_wall_us = clock_wall_us();
}

static void
tell_decision(const Outgoing *outgoing)
{
    JsonObject *data;

    if (control_wants(outgoing, CTL_EVENT_DECISION)) {
        data = json_object_new_object();
        jobj_add(data, "decision", control_decision(outgoing));
        control_tell(outgoing, CTL_EVENT_DECISION, data);
    }
}

/* What stays as it was is not told again. It may be in force already: then
 * .decision is the same, and was not told yet. */
static void
say_decision(Outgoing *outgoing)
{
    const PolicyDecision *decision = &outgoing->decision;
    const PolicyDecision *told = &outgoing->told_decision;

    if (outgoing->has_told &&
        told->guarantee_bytes_s == decision->guarantee_bytes_s &&
        told->step == decision->step) {
        return;
    }
    outgoing->told_decision = *decision;
    outgoing->has_told = true;
    outgoing_log(
        outgoing, G_LOG_LEVEL_INFO, LOG_EVENT_DECISION,
        policy_step_name(decision->step), "%s%s",
        outgoing->rules.mode == CONFIG_MODE_ENFORCE ? "" : "not carried out: ",
        decision->reason);
    tell_decision(outgoing);
}

static void
tell_iteration(const Outgoing *outgoing)
{
    const GArray *rows = session_record(outgoing->session)->iterations;
    JsonObject *data;

    if (rows->len > 0 && control_wants(outgoing, CTL_EVENT_SESSION_ITERATION)) {
        data = json_object_new_object();
        jobj_add(data, "iteration",
                 run_iteration_to_json(
                     &g_array_index(rows, RunIteration, rows->len - 1)));
        control_tell(outgoing, CTL_EVENT_SESSION_ITERATION, data);
    }
}

static void
on_action(Session *session, const JobAction *action, gpointer user)
{
    Outgoing *outgoing = user;

    switch (action->kind) {
    case JOB_ACTION_STATE:
        control_changed(outgoing);
        outgoing_log(outgoing, G_LOG_LEVEL_INFO, LOG_EVENT_STATE,
                     job_state_name(action->state), "%s",
                     job_state_name(action->state));
        break;
    case JOB_ACTION_DECIDED:
        count_decision(outgoing, action);
        outgoing->decision = action->decision;
        outgoing->has_decision = true;
        say_decision(outgoing);
        break;
    case JOB_ACTION_ROW:
        tell_iteration(outgoing);
        break;
    case JOB_ACTION_FORECAST:
        track_forecast(outgoing, &action->iteration);
        steps_look(outgoing);
        break;
    default:
        break;
    }
}

static void
on_warning(Session *session, const char *text, gpointer user)
{
    JsonObject *data = json_object_new_object();

    jobj_add_string(data, "text", text);
    control_tell(user, CTL_EVENT_WARNING, data);
    outgoing_log(user, G_LOG_LEVEL_WARNING, LOG_EVENT_FOREIGN, "warning", "%s",
                 text);
}

static void
on_foreign(Session *session, SessionForeign what, double from, double to,
           const char *text, gpointer user)
{
    if (what == SESSION_FOREIGN_DOWNTIME) {
        steps_theirs(user);
    }
    control_foreign(user,
                    what == SESSION_FOREIGN_DOWNTIME ? FOREIGN_DOWNTIME
                                                     : FOREIGN_SPEED,
                    known(from), known(to), text);
}

/* For how long it is not in force, by the reason. */
static void
count_force(Outgoing *outgoing)
{
    int64_t now_us = clock_mono_us();

    if (outgoing->counted_us && outgoing->force != FORCE_YES) {
        outgoing->daemon->counted.not_in_force_s[outgoing->force] +=
            (double)(now_us - outgoing->counted_us) / G_USEC_PER_SEC;
    }
    outgoing->counted_us = now_us;
}

static void
on_progress(Session *session, const JobProgress *progress, gpointer user)
{
    Outgoing *outgoing = user;
    uint64_t sent;
    int64_t at_us;

    outgoing->progress = *progress;
    count_force(outgoing);
    if (clock_mono_us() - outgoing->told_us >= G_USEC_PER_SEC) {
        outgoing->told_us = clock_mono_us();
        control_changed(outgoing);
    }
    if (session_sent(session, &sent, &at_us) && at_us > outgoing->rate_at_us) {
        if (outgoing->rate_at_us && sent >= outgoing->rate_sent_bytes) {
            outgoing->sent_bytes_s =
                (double)(sent - outgoing->rate_sent_bytes) * G_USEC_PER_SEC /
                (double)(at_us - outgoing->rate_at_us);
        }
        outgoing->rate_sent_bytes = sent;
        outgoing->rate_at_us = at_us;
    }
    if (!outgoing->found) {
        sockets_look(outgoing->daemon, false); /* or its own eyes do */
    }
}

static gboolean
on_forget(gpointer user)
{
    Outgoing *outgoing = user;

    g_ptr_array_remove(outgoing->daemon->outgoing, outgoing);
    return G_SOURCE_REMOVE;
}

static Known
seconds(Known ms)
{
    return ms.known ? known(ms.value / 1000) : unknown();
}

static void
tell_ended(Outgoing *outgoing, const RunRecord *record)
{
    Daemon *daemon = outgoing->daemon;
    JsonObject *data = json_object_new_object();

    switch (record->status) {
    case RUN_STATUS_COMPLETED:
        daemon->counted.completed++;
        break;
    case RUN_STATUS_ABORTED:
        daemon->counted.cancelled++;
        break;
    default:
        daemon->counted.failed += record->status != RUN_STATUS_LEFT;
        break;
    }
    daemon->counted.stream_bytes += (uint64_t)known_or(record->stream_bytes, 0);
    daemon->counted.foreign_bytes +=
        (uint64_t)known_or(record->foreign_bytes, 0);
    jobj_add(data, "document", control_session(outgoing));
    jobj_add_string(data, "status", run_status_name(record->status));
    jobj_add_string(data, "message", record->message);
    jobj_add_known(data, "total_s", seconds(record->total_ms));
    jobj_add_known(data, "downtime_s", seconds(record->downtime_ms));
    jobj_add_known(data, "bytes", record->bytes);
    control_tell(outgoing, CTL_EVENT_SESSION_ENDED, data);
}

void
outgoing_tell_begun(Outgoing *outgoing)
{
    JsonObject *data = json_object_new_object();

    outgoing->daemon->counted.begun++;
    jobj_add(data, "document", control_session(outgoing));
    control_tell(outgoing, CTL_EVENT_SESSION_BEGUN, data);
}

static void
tell_held(Outgoing *outgoing, CtlEvent event)
{
    JsonObject *data = json_object_new_object();
    CtlHeld held = { .by = outgoing->held_by,
                     .reason = outgoing->held_reason,
                     .since_us = outgoing->held_wall_us,
                     .cost_s = outgoing->cost_s };

    jobj_add(data, "held", outgoing->held ? ctl_held_to_json(&held) : NULL);
    control_tell(outgoing, event, data);
    control_changed(outgoing);
}

static void
mark_held(Outgoing *outgoing, const char *by, const char *reason)
{
    g_free(outgoing->held_by);
    g_free(outgoing->held_reason);
    outgoing->held_by = g_strdup(by);
    outgoing->held_reason = g_strdup(reason);
    outgoing->held = true;
    outgoing->held_wall_us = clock_wall_us();
}

static void
log_held(const Outgoing *outgoing)
{
    outgoing_log(outgoing, G_LOG_LEVEL_INFO, LOG_EVENT_STEP, "held",
                 "held at its floor by %s: %s%s", outgoing->held_by,
                 outgoing->held_reason,
                 outgoing->reservation ? "" : " (nothing of it is in force)");
}

/* At its floor: nobody can queue what runs already. */
void
outgoing_hold(Outgoing *outgoing, const char *by, const char *reason)
{
    mark_held(outgoing, by, reason);
    if (outgoing->has_link) {
        arbiter_settle(outgoing->daemon, outgoing->link.ifindex);
    }
    log_held(outgoing);
    tell_held(outgoing, CTL_EVENT_HELD);
}

void
outgoing_release(Outgoing *outgoing)
{
    if (!outgoing->held) {
        return;
    }
    outgoing->held = false;
    if (outgoing->has_link) {
        arbiter_settle(outgoing->daemon, outgoing->link.ifindex);
    }
    outgoing_log(outgoing, G_LOG_LEVEL_INFO, LOG_EVENT_STEP, "released",
                 "no longer held");
    tell_held(outgoing, CTL_EVENT_RELEASED);
}

void
outgoing_hold_others(Outgoing *first, bool hold, const char *reason)
{
    Daemon *daemon = first->daemon;
    g_autoptr(GPtrArray) others = g_ptr_array_new();

    for (guint i = 0; i < daemon->outgoing->len; i++) {
        Outgoing *other = g_ptr_array_index(daemon->outgoing, i);

        if (other == first || other->ended || !other->has_link ||
            other->link.ifindex != first->link.ifindex) {
            continue;
        }
        if (hold && !other->held) {
            other->held_for = first->number;
            mark_held(other, "vmferryd", reason);
            g_ptr_array_add(others, other);
        } else if (!hold && other->held_for == first->number) {
            other->held_for = 0;
            if (other->held) {
                other->held = false;
                g_ptr_array_add(others, other);
            }
        }
    }
    if (others->len > 0) {
        arbiter_settle(daemon, first->link.ifindex);
    }
    for (guint i = 0; i < others->len; i++) {
        Outgoing *other = g_ptr_array_index(others, i);

        if (hold) {
            log_held(other);
        } else {
            outgoing_log(other, G_LOG_LEVEL_INFO, LOG_EVENT_STEP, "released",
                         "no longer held");
        }
        tell_held(other, hold ? CTL_EVENT_HELD : CTL_EVENT_RELEASED);
    }
}

static void
on_ended(Session *session, const RunRecord *record, const GError *error,
         gpointer user)
{
    Outgoing *outgoing = user;

    outgoing->ended = true;
    steps_end(outgoing);
    tell_ended(outgoing, record);
    outgoing_log(outgoing, G_LOG_LEVEL_INFO, LOG_EVENT_ENDED,
                 run_status_name(record->status), "migration %s%s%s",
                 run_status_name(record->status), error ? ": " : "",
                 error ? error->message : "");
    records_keep(outgoing, session_record(session));
    track_ended(outgoing, record);
    /* Not from inside of its own callback. */
    outgoing->forget_source = g_idle_add(on_forget, outgoing);
}

const SessionCallbacks outgoing_callbacks = {
    .action = on_action,
    .warning = on_warning,
    .foreign = on_foreign,
    .progress = on_progress,
    .ended = on_ended,
};
