/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * document.c - see document.h
 */
#include "ctl/document.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "ctl/protocol.h"

#define TRACK_MOST 100

static void
add_time(JsonObject *object, const char *name, int64_t wall_us)
{
    g_autofree char *text = wall_us > 0 ? clock_format_utc(wall_us) : NULL;

    jobj_add_string(object, name, text);
}

static void
add_words(JsonObject *object, const char *name, const char *const *words)
{
    jobj_add(object, name, jobj_new_words(words));
}

static JsonObject *
interval_to_json(const CtlInterval *interval)
{
    JsonObject *object = json_object_new_object();

    jobj_add_known(object, "value", interval->value);
    jobj_add_known(object, "low", interval->low);
    jobj_add_known(object, "high", interval->high);
    return object;
}

JsonObject *
ctl_held_to_json(const CtlHeld *held)
{
    JsonObject *object = json_object_new_object();

    jobj_add_string(object, "by", held->by);
    jobj_add_string(object, "reason", held->reason);
    add_time(object, "since", held->since_us);
    jobj_add_known(object, "floor_bytes_s", held->floor_bytes_s);
    jobj_add_known(object, "cost_s", held->cost_s);
    return object;
}

JsonObject *
ctl_decision_to_json(const CtlDecision *decision)
{
    JsonObject *object = json_object_new_object();

    add_time(object, "time", decision->time_us);
    jobj_add_double(object, "t_s", decision->t_s);
    jobj_add_u64(object, "iteration", decision->iteration);
    jobj_add_string(object, "step", decision->step);
    jobj_add_string(object, "reason", decision->reason);
    jobj_add_string(object, "text", decision->text);
    jobj_add_u64(object, "guarantee_bytes_s", decision->guarantee_bytes_s);
    jobj_add_u64(object, "ceiling_bytes_s", decision->ceiling_bytes_s);
    jobj_add_u64(object, "application_bytes_s", decision->application_bytes_s);
    jobj_add_bool(object, "carried_out", decision->carried_out);
    return object;
}

static JsonObject *
forecast_to_json(const CtlSession *session)
{
    JsonObject *object;

    if (session->forecast_at_us == 0) {
        return NULL;
    }
    object = json_object_new_object();
    jobj_add(object, "end_s", interval_to_json(&session->end_s));
    jobj_add(object, "downtime_s", interval_to_json(&session->downtime_s));
    jobj_add(object, "bytes", interval_to_json(&session->bytes));
    add_time(object, "at", session->forecast_at_us);
    return object;
}

static JsonObject *
ladder_to_json(const CtlSession *session)
{
    JsonObject *object = json_object_new_object();

    add_words(object, "allowed", session->allowed);
    add_words(object, "offered", session->offered);
    add_words(object, "taken", session->taken);
    add_words(object, "undone", session->undone);
    return object;
}

static void
add_settings(JsonObject *object, const CtlSession *session)
{
    jobj_add_string(object, "mode", session->mode);
    jobj_add_string(object, "policy", session->policy);
    jobj_add_i64(object, "priority", session->priority);
    jobj_add_known(object, "deadline_s", session->deadline_s);
    jobj_add_known(object, "downtime_limit_s", session->downtime_limit_s);
}

static void
add_reservation(JsonObject *object, const CtlSession *session)
{
    jobj_add_string(object, "link", session->link);
    jobj_add_string(object, "class", session->class_id);
    jobj_add_known(object, "guarantee_bytes_s", session->guarantee_bytes_s);
    jobj_add_known(object, "ceiling_bytes_s", session->ceiling_bytes_s);
    jobj_add_known(object, "application_bytes_s", session->application_bytes_s);
    jobj_add_bool(object, "in_force", !session->not_in_force);
    jobj_add_string(object, "not_in_force", session->not_in_force);
    jobj_add_string(object, "not_in_force_text", session->not_in_force_text);
}

JsonObject *
ctl_session_to_json(const CtlSession *session)
{
    JsonObject *object = json_object_new_object();

    jobj_add_string(object, "session", session->session);
    jobj_add_string(object, "guest", session->guest);
    jobj_add_string(object, "uuid", session->uuid);
    jobj_add_string(object, "destination", session->destination);
    jobj_add_string(object, "address", session->address);
    jobj_add(object, "port",
             session->port ? json_object_new_int((int)session->port) : NULL);
    jobj_add_string(object, "starter", session->starter);
    jobj_add_string(object, "starter_program", session->starter_program);
    jobj_add_known(object, "starter_uid", session->starter_uid);
    add_settings(object, session);
    jobj_add_string(object, "state", session->state);
    add_time(object, "started", session->started_us);
    jobj_add_known(object, "elapsed_s", session->elapsed_s);
    jobj_add_u64(object, "iteration", session->iteration);
    jobj_add_double(object, "progress", session->progress);
    jobj_add_known(object, "remaining_bytes", session->remaining_bytes);
    jobj_add_known(object, "bandwidth_bytes_s", session->bandwidth_bytes_s);
    jobj_add_known(object, "dirty_bytes_s", session->dirty_bytes_s);
    jobj_add_known(object, "sent_bytes", session->sent_bytes);
    add_reservation(object, session);
    jobj_add(object, "forecast", forecast_to_json(session));
    jobj_add(object, "converges",
             session->converges < 0
                 ? NULL
                 : json_object_new_boolean(session->converges));
    jobj_add(object, "held",
             session->held ? ctl_held_to_json(session->held) : NULL);
    jobj_add(object, "decision",
             session->decision ? ctl_decision_to_json(session->decision)
                               : NULL);
    jobj_add(object, "ladder", ladder_to_json(session));
    add_words(object, "foreign", session->foreign);
    jobj_add_string(object, "advice", session->advice);
    jobj_add_string(object, "recover", session->recover);
    add_words(object, "warnings", session->warnings);
    return object;
}

static JsonObject *
class_to_json(const CtlClass *class)
{
    JsonObject *object = json_object_new_object();

    jobj_add_string(object, "id", class->id);
    jobj_add_string(object, "role", class->role);
    jobj_add_string(object, "owner", class->owner);
    jobj_add_known(object, "guarantee_bytes_s", class->guarantee_bytes_s);
    jobj_add_known(object, "ceiling_bytes_s", class->ceiling_bytes_s);
    jobj_add_known(object, "use_bytes_s", class->use_bytes_s);
    jobj_add_known(object, "bytes", class->bytes);
    jobj_add_known(object, "drops", class->drops);
    jobj_add_known(object, "backlog_bytes", class->backlog_bytes);
    return object;
}

JsonObject *
ctl_link_to_json(const CtlLink *link)
{
    JsonObject *object = json_object_new_object();
    JsonObject *classes = json_object_new_array();
    JsonObject *destinations = json_object_new_array();

    for (size_t i = 0; i < link->n_classes; i++) {
        json_object_array_add(classes, class_to_json(&link->classes[i]));
    }
    for (size_t i = 0; i < link->n_destinations; i++) {
        JsonObject *one = json_object_new_object();

        jobj_add_string(one, "address", link->destinations[i].address);
        jobj_add_known(one, "capacity_bytes_s",
                       link->destinations[i].capacity_bytes_s);
        json_object_array_add(destinations, one);
    }
    jobj_add_string(object, "link", link->link);
    jobj_add_i64(object, "ifindex", link->ifindex);
    jobj_add_string(object, "mac", link->mac);
    jobj_add_string(object, "state", link->state);
    jobj_add_known(object, "capacity_bytes_s", link->capacity_bytes_s);
    jobj_add_string(object, "capacity_source", link->capacity_source);
    jobj_add_known(object, "use_bytes_s", link->use_bytes_s);
    jobj_add_known(object, "guaranteed_bytes_s", link->guaranteed_bytes_s);
    add_words(object, "sessions", link->sessions);
    jobj_add(object, "classes", classes);
    jobj_add(object, "destinations", destinations);
    return object;
}

JsonObject *
ctl_queued_to_json(const CtlQueued *queued)
{
    JsonObject *object = json_object_new_object();

    jobj_add_u64(object, "position", queued->position);
    jobj_add_string(object, "session", queued->session);
    jobj_add_string(object, "guest", queued->guest);
    jobj_add_string(object, "uuid", queued->uuid);
    jobj_add_string(object, "destination", queued->destination);
    jobj_add_string(object, "link", queued->link);
    jobj_add_i64(object, "priority", queued->priority);
    jobj_add_string(object, "reason", queued->reason);
    jobj_add_string(object, "text", queued->text);
    jobj_add_double(object, "waiting_s", queued->waiting_s);
    jobj_add_known(object, "wait_most_s", queued->wait_most_s);
    jobj_add_known(object, "forecast_start_s", queued->forecast_start_s);
    jobj_add_known(object, "forecast_time_s", queued->forecast_time_s);
    return object;
}

JsonObject *
ctl_alert_to_json(const CtlAlert *alert)
{
    JsonObject *object = json_object_new_object();

    jobj_add_string(object, "alert", alert->alert);
    add_time(object, "since", alert->since_us);
    jobj_add_string(object, "link", alert->link);
    jobj_add_string(object, "text", alert->text);
    return object;
}

/* --- the track record --- */

static JsonObject *
entry_to_json(const CtlTrackEntry *entry)
{
    JsonObject *object = json_object_new_object();

    jobj_add_string(object, "session", entry->session);
    jobj_add_string(object, "guest", entry->guest);
    add_time(object, "time", entry->time_us);
    jobj_add_string(object, "mode", entry->mode);
    jobj_add_string(object, "status", entry->status);
    jobj_add_u64(object, "at_iteration", entry->at_iteration);
    jobj_add(object, "forecast_time_s",
             interval_to_json(&entry->forecast_time_s));
    jobj_add_known(object, "time_s", entry->time_s);
    jobj_add_known(object, "forecast_downtime_s", entry->forecast_downtime_s);
    jobj_add_known(object, "downtime_s", entry->downtime_s);
    jobj_add_u64(object, "passes", entry->passes);
    jobj_add_u64(object, "passes_inside", entry->passes_inside);
    jobj_add_string(object, "would_have", entry->would_have);
    return object;
}

static void
add_error(GArray *errors, Known forecast, Known outcome)
{
    if (forecast.known && outcome.known && outcome.value > 0) {
        double error = fabs(forecast.value - outcome.value) / outcome.value;

        g_array_append_val(errors, error);
    }
}

static gint
compare_doubles(gconstpointer a, gconstpointer b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Of a sorted array; between two of its members in proportion. */
static Known
quantile(const GArray *sorted, double q)
{
    double at;
    guint below;

    if (sorted->len == 0) {
        return unknown();
    }
    at = q * (sorted->len - 1);
    below = (guint)at;
    if (below + 1 >= sorted->len) {
        return known(g_array_index(sorted, double, sorted->len - 1));
    }
    return known(g_array_index(sorted, double, below) * (1 - (at - below)) +
                 g_array_index(sorted, double, below + 1) * (at - below));
}

JsonObject *
ctl_track_record_to_json(const CtlTrackEntry *entries, size_t n_entries)
{
    g_autoptr(GArray) times = g_array_new(FALSE, FALSE, sizeof(double));
    g_autoptr(GArray) downtimes = g_array_new(FALSE, FALSE, sizeof(double));
    JsonObject *object = json_object_new_object();
    JsonObject *array = json_object_new_array();
    unsigned observed = 0, passes = 0, inside = 0;

    n_entries = MIN(n_entries, TRACK_MOST);
    for (size_t i = 0; i < n_entries; i++) {
        const CtlTrackEntry *entry = &entries[i];

        json_object_array_add(array, entry_to_json(entry));
        observed += g_strcmp0(entry->mode, "observe") == 0;
        passes += entry->passes;
        inside += entry->passes_inside;
        if (g_strcmp0(entry->status, "completed") == 0) {
            add_error(times, entry->forecast_time_s.value, entry->time_s);
            add_error(downtimes, entry->forecast_downtime_s, entry->downtime_s);
        }
    }
    g_array_sort(times, compare_doubles);
    g_array_sort(downtimes, compare_doubles);
    jobj_add_u64(object, "runs", n_entries);
    jobj_add_u64(object, "mode_observe_runs", observed);
    jobj_add_known(object, "time_error_median", quantile(times, 0.5));
    jobj_add_known(object, "time_error_p90", quantile(times, 0.9));
    jobj_add_known(object, "downtime_error_median", quantile(downtimes, 0.5));
    jobj_add_known(object, "downtime_error_p90", quantile(downtimes, 0.9));
    jobj_add_known(object, "coverage",
                   passes ? known((double)inside / passes) : unknown());
    jobj_add(object, "entries", array);
    return object;
}

/* --- the whole --- */

static JsonObject *
daemon_to_json(const CtlDaemon *daemon)
{
    JsonObject *object = json_object_new_object();
    JsonObject *libvirt = json_object_new_object();
    JsonObject *counters = json_object_new_object();

    jobj_add_string(libvirt, "uri", daemon->libvirt_uri);
    jobj_add_bool(libvirt, "connected", daemon->libvirt_connected);
    add_time(libvirt, "since", daemon->libvirt_since_us);
    jobj_add_string(libvirt, "version", daemon->libvirt_version);
    jobj_add_u64(counters, "sessions_begun", daemon->sessions_begun);
    jobj_add_u64(counters, "sessions_completed", daemon->sessions_completed);
    jobj_add_u64(counters, "sessions_failed", daemon->sessions_failed);
    jobj_add_u64(counters, "decisions", daemon->decisions);
    jobj_add_u64(counters, "foreign_changes", daemon->foreign_changes);
    jobj_add_string(object, "version", daemon->version);
    jobj_add_i64(object, "pid", daemon->pid);
    jobj_add_string(object, "host", daemon->host);
    jobj_add_string(object, "mode", daemon->mode);
    jobj_add_string(object, "disabled", daemon->disabled);
    add_time(object, "since", daemon->since_us);
    jobj_add(object, "libvirt", libvirt);
    jobj_add(object, "counters", counters);
    return object;
}

static JsonObject *
or_empty(JsonObject *array)
{
    return array ? array : json_object_new_array();
}

JsonObject *
ctl_status_to_json(const CtlDaemon *daemon, int64_t now_us,
                   JsonObject *sessions, JsonObject *links, JsonObject *queue,
                   JsonObject *track_record, JsonObject *alerts)
{
    JsonObject *object = json_object_new_object();

    jobj_add_i64(object, "protocol", CTL_PROTOCOL);
    add_time(object, "time", now_us);
    jobj_add(object, "daemon", daemon_to_json(daemon));
    jobj_add(object, "sessions", or_empty(sessions));
    jobj_add(object, "links", or_empty(links));
    jobj_add(object, "queue", or_empty(queue));
    jobj_add(object, "track_record",
             track_record ? track_record : ctl_track_record_to_json(NULL, 0));
    jobj_add(object, "alerts", or_empty(alerts));
    return object;
}
