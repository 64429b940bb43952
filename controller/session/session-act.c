/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session-act.c - what the job answers is carried out and recorded
 *
 * Carrying out a decision raises the next event (it was shaped, or not), while
 * the job's answer to the last one is still being read: events are queued and
 * fed one after the other.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include "base/clock.h"
#include "session/session-priv.h"

int64_t
session_now_us(const Session *session)
{
    return clock_mono_us() - session->started_us;
}

double
session_seconds(const Session *session)
{
    return (double)session_now_us(session) / G_USEC_PER_SEC;
}

void
session_warn(Session *session, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    if (session->callbacks.warning) {
        session->callbacks.warning(session, text, session->user);
    }
    session_keep_warning(session, g_steal_pointer(&text));
}

static void
raise_event(Session *session, JobEvent event)
{
    JobEvent *copy = g_new(JobEvent, 1);

    *copy = event;
    g_queue_push_tail(session->waiting, copy);
}

static bool
carry_out_decision(Session *session, const PolicyDecision *decision,
                   GError **error)
{
    const SessionSpec *spec = &session->spec;

    return spec->hands
               ? spec->hands->set(session, decision, spec->hands_user, error)
               : reservation_set(session->reservation,
                                 decision->guarantee_bytes_s,
                                 decision->ceiling_bytes_s,
                                 decision->application_bytes_s, error);
}

/* Passes may be short, and what is refused is refused each time. */
static void
tell_refusal(Session *session, const GError *error)
{
    if (error && g_strcmp0(session->refusal, error->message) != 0) {
        session_warn(session, "the class was not changed: %s", error->message);
    }
    g_free(session->refusal);
    session->refusal = error ? g_strdup(error->message) : NULL;
}

static void
act_decided(Session *session, const JobAction *action)
{
    RunDecision entry = {
        .t_s = (double)action->at_us / G_USEC_PER_SEC,
        .iter = action->iter,
        .decision = action->decision,
        .applied = true,
    };
    JobEvent answer = { .kind = JOB_EVENT_SHAPED };
    PolicyDecision instead;
    bool held = false;
    g_autoptr(GError) error = NULL;
    int64_t before_us;
    double took_us;

    if (session->spec.advisory) {
        entry.applied = false;
        entry.error = g_strdup("observed only, nothing was changed");
    } else if (action->shape && session_has_hands(session)) {
        before_us = clock_mono_us();
        held = session_is_held(session);
        entry.applied =
            held ? session_hold_decision(session, &action->decision, &instead,
                                         &error)
                 : carry_out_decision(session, &action->decision, &error);
        took_us = (double)(clock_mono_us() - before_us);
        session_keep_cost(session->change_us, &session->n_changes, took_us);
        if (error) {
            entry.error = g_strdup(error->message);
        }
        tell_refusal(session, error);
        answer.at_us = session_now_us(session);
        answer.shaped = entry.applied;
        raise_event(session, answer);
        if (held && entry.applied) {
            answer.kind = JOB_EVENT_GRANTED;
            answer.grant = instead;
            raise_event(session, answer);
            entry.applied = false;
            entry.error = g_strdup(instead.reason);
        }
    }
    if (session_has_room(session, session->record->decisions)) {
        g_array_append_val(session->record->decisions, entry);
    } else {
        g_free(entry.error);
    }
}

static void
act_row(Session *session, const JobIteration *iteration)
{
    const MigrationForecast *rest = &iteration->migration;
    RunIteration entry = {
        .row = iteration->row,
        .forecast = iteration->forecast,
        .reserved_bytes_s = iteration->guarantee_bytes_s,
        .ceiling_bytes_s = iteration->ceiling_bytes_s,
        .forecast_end_s = rest->time_s,
        .forecast_downtime_s = rest->downtime_s,
        .converges = rest->verdict_known ? rest->converges : -1,
    };

    if (session_has_room(session, session->record->iterations)) {
        g_array_append_val(session->record->iterations, entry);
    }
    if (entry.row.source != SAMPLE_SOURCE_LIBVIRT) {
        g_free(session->record->sample_source);
        session->record->sample_source =
            g_strdup(sample_source_name(entry.row.source));
    }
}

static void
act_point(Session *session, const JobPoint *point)
{
    RunPoint entry = {
        .t_s = point->t_s,
        .remaining_bytes = point->remaining_bytes,
        .stream_bytes_s = point->class_bytes_s.known ? point->class_bytes_s
                                                     : point->stream_bytes_s,
        .application_bytes_s = point->application_bytes_s,
        .protected_bytes_s = point->protected_bytes_s,
        .other_bytes_s = point->other_bytes_s,
    };

    if (!session->spec.advisory && session_has_hands(session)) {
        entry.reserved_bytes_s = known((double)point->guarantee_bytes_s);
        entry.ceiling_bytes_s = known((double)point->ceiling_bytes_s);
    }
    session_keep_point(session, &entry);
}

static void
carry_out(Session *session, const JobAction *action)
{
    switch (action->kind) {
    case JOB_ACTION_DECIDED:
        act_decided(session, action);
        break;
    case JOB_ACTION_STEP:
        session_act_step(session, action);
        break;
    case JOB_ACTION_ROW:
        act_row(session, &action->iteration);
        break;
    case JOB_ACTION_POINT:
        act_point(session, &action->point);
        break;
    case JOB_ACTION_STATE:
    case JOB_ACTION_FORECAST:
    case JOB_N_ACTIONS:
        break;
    }
    if (session->callbacks.action) {
        session->callbacks.action(session, action, session->user);
    }
}

static void
feed_one(Session *session, const JobEvent *event)
{
    int64_t before_us = clock_mono_us();
    const GArray *actions = job_feed(session->job, event);
    double took_us = (double)(clock_mono_us() - before_us);
    bool decided = false;

    session_keep_event(session, event);
    for (guint i = 0; i < actions->len; i++) {
        decided |=
            g_array_index(actions, JobAction, i).kind == JOB_ACTION_DECIDED;
    }
    if (decided) {
        session_keep_cost(session->decision_us, &session->n_decisions, took_us);
    }
    for (guint i = 0; i < actions->len; i++) {
        carry_out(session, &g_array_index(actions, JobAction, i));
    }
}

void
session_feed(Session *session, JobEvent event)
{
    JobEvent *next;

    raise_event(session, event);
    if (session->feeding) {
        return;
    }
    session->feeding = true;
    while ((next = g_queue_pop_head(session->waiting))) {
        feed_one(session, next);
        g_free(next);
    }
    session->feeding = false;
}

/* Auto-converge of QEMU 9.2 and later syncs every 5 s, pass or not. */
static bool
can_tick(const SessionSpec *spec)
{
    const char *version =
        virt_host_info(virt_guest_host(spec->guest))->hypervisor_version;
    g_auto(GStrv) parts = g_strsplit(version ? version : "", ".", 3);
    guint64 major = parts[0] ? g_ascii_strtoull(parts[0], NULL, 10) : 0;
    guint64 minor =
        parts[0] && parts[1] ? g_ascii_strtoull(parts[1], NULL, 10) : 0;

    return spec->migrate->flags & VIRT_MIGRATE_AUTO_CONVERGE &&
           (major > 9 || (major == 9 && minor >= 2));
}

JobConfig
session_job_config(const Session *session)
{
    const VirtGuestInfo *guest = virt_guest_info(session->spec.guest);
    JobConfig config = {
        .guest = guest->name,
        .policy = session->spec.policy,
        .source = SAMPLE_SOURCE_LIBVIRT,
        .ticks = can_tick(&session->spec),
        .guest_pages = guest->memory_bytes / 4096,
        .ladder = session_ladder(session),
        .measures_wire = true,
    };

    if (session->spec.oracle) {
        config.oracle = *session->spec.oracle;
    }
    return config;
}

static double
cpu_ms_used(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

void
session_record_begin(Session *session)
{
    RunRecord *record = run_record_new();
    const SessionSpec *spec = &session->spec;
    const VirtGuestInfo *guest = virt_guest_info(spec->guest);
    const VirtHostInfo *host = virt_host_info(virt_guest_host(spec->guest));
    struct utsname system;

    session->record = record;
    session->cpu_ms_before = cpu_ms_used();
    record->started = clock_format_utc(clock_wall_us());
    record->vmferry_version = g_strdup(VMFERRY_VERSION);
    record->libvirt_version = g_strdup(host->libvirt_version);
    record->qemu_version = g_strdup(host->hypervisor_version);
    if (uname(&system) == 0) {
        record->kernel_version = g_strdup(system.release);
    }
    record->accelerator = g_strdup(guest->accelerator);
    record->machine = g_strdup(guest->machine);
    record->host_name = g_strdup(host->host_name);
    record->source_uri = g_strdup(host->uri);
    record->destination_uri =
        g_strdup(spec->migrate->destination_uri ? spec->migrate->destination_uri
                 : spec->destination ? virt_host_info(spec->destination)->uri
                                     : NULL);
    record->migrate_uri = g_strdup(
        virt_migrate_spec_string(spec->migrate, VIRT_MIGRATE_PARAM_URI));
    record->guest_name = g_strdup(guest->name);
    record->guest_uuid = g_strdup(guest->uuid);
    record->guest_memory_bytes = guest->memory_bytes;
    record->guest_vcpus = guest->vcpus;
    record->policy = spec->policy;
    record->live = spec->migrate->flags & VIRT_MIGRATE_LIVE;
    record->sample_source = g_strdup(sample_source_name(SAMPLE_SOURCE_LIBVIRT));
    for (guint i = 0; spec->options && i < spec->options->len; i++) {
        g_ptr_array_add(record->options,
                        g_strdup(g_ptr_array_index(spec->options, i)));
    }
    session_record_link(session);
}

void
session_record_link(Session *session)
{
    RunRecord *record = session->record;
    const Link *link = session->spec.link;

    if (!link) {
        return;
    }
    g_free(record->link_device);
    g_free(record->link_chain);
    g_free(record->link_destination);
    record->link_device = g_strdup(link->device);
    record->link_chain = g_strdup(link->chain);
    record->link_destination = g_strdup(link->destination);
    record->link_rate_bytes_s = link->rate_bytes_s;
    record->link_rate_declared = link->rate_declared;
}

static int
compare_doubles(gconstpointer a, gconstpointer b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static RunCost
summarise(GArray *values)
{
    RunCost cost = { 0 };

    if (values->len > 0) {
        guint n = values->len;

        g_array_sort(values, compare_doubles);
        cost.median_us = known(g_array_index(values, double, n / 2));
        /* Nearest rank: with fewer than 100 values it is the maximum. */
        cost.p99_us = known(
            g_array_index(values, double, (guint)ceil(0.99 * (double)n) - 1));
        cost.max_us = known(g_array_index(values, double, n - 1));
    }
    return cost;
}

static RunStatus
status_of(const Session *session, const GError *error)
{
    if (!error) {
        return RUN_STATUS_COMPLETED;
    }
    if (session->cut_off) {
        return RUN_STATUS_CUT_OFF;
    }
    if (g_error_matches(error, SESSION_ERROR, SESSION_ERROR_LEFT)) {
        return RUN_STATUS_LEFT;
    }
    return session->aborting ||
                   g_error_matches(error, VIRT_ERROR, VIRT_ERROR_ABORTED)
               ? RUN_STATUS_ABORTED
               : RUN_STATUS_FAILED;
}

void
session_record_end(Session *session, const VirtMigrationResult *result,
                   const GError *error)
{
    RunRecord *record = session->record;
    JobConfig config = session_job_config(session);
    struct rusage usage;

    record->status = status_of(session, error);
    g_free(record->message);
    record->message = error ? g_strdup(error->message) : NULL;
    if (result && result->completed) {
        record->total_ms = result->job.elapsed_ms;
        record->downtime_ms = result->job.downtime_ms;
        record->setup_ms = result->job.setup_ms;
        record->bytes = known((double)result->job.poll.sent_bytes);
    } else {
        record->total_ms = known((double)session_now_us(session) / 1000);
        record->bytes = known((double)session->sent_bytes);
    }
    if (session->attribution) {
        record->stream_bytes = attribution_bytes(session->attribution);
        record->foreign_bytes = session->foreign_bytes;
    }

    if (!record->extra) {
        record->extra = json_object_new_object();
    }
    jobj_add(record->extra, "job_config", job_config_to_json(&config));
    session_record_dropped(session, record->extra);
    g_clear_pointer(&record->events, jobj_unref);
    record->events = session_kept_events(session);

    record->wall_ms = known((double)session_now_us(session) / 1000);
    record->cpu_ms = known(cpu_ms_used() - session->cpu_ms_before);
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        record->max_rss_kb = known((double)usage.ru_maxrss);
    }
    record->decision_us = summarise(session->decision_us);
    record->tc_change_us = summarise(session->change_us);
}
