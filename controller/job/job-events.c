/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job-events.c - events as JSON, and replaying them
 *
 * A field that was not known is left out. Numbers are written so that they
 * read back the same, for a replay must repeat its decisions to the byte.
 */
#include "job/job.h"

#include "job/job-ladder.h"

G_DEFINE_QUARK(vmferry_job_error, job_error)

static const char *const event_names[] = {
    [JOB_EVENT_START] = "start",     [JOB_EVENT_PASS] = "pass",
    [JOB_EVENT_POLL] = "poll",       [JOB_EVENT_COUNTERS] = "counters",
    [JOB_EVENT_LINK] = "link",       [JOB_EVENT_STOPPED] = "stopped",
    [JOB_EVENT_RESUMED] = "resumed", [JOB_EVENT_POSTCOPY] = "postcopy",
    [JOB_EVENT_SHAPED] = "shaped",   [JOB_EVENT_ADVISORY] = "advisory",
    [JOB_EVENT_GRANTED] = "granted", [JOB_EVENT_SETTINGS] = "settings",
    [JOB_EVENT_STEPPED] = "stepped", [JOB_EVENT_SEEN] = "seen",
    [JOB_EVENT_END] = "end",
};
G_STATIC_ASSERT(G_N_ELEMENTS(event_names) == JOB_N_EVENTS);

static void
add_if_known(JsonObject *json, const char *name, Known value)
{
    if (value.known) {
        jobj_add_double(json, name, value.value);
    }
}

static void
settings_to_json(JsonObject *json, const PolicySettings *settings)
{
    jobj_add_string(json, "policy", policy_kind_name(settings->kind));
    jobj_add_double(json, "margin", settings->margin);
    jobj_add_double(json, "threshold_fraction", settings->threshold_fraction);
    jobj_add_double(json, "change_fraction", settings->change_fraction);
    if (settings->follows_need) {
        jobj_add_bool(json, "follows_need", true);
    }
    add_if_known(json, "deadline_s", settings->deadline_s);
    jobj_add_double(json, "downtime_limit_s", settings->downtime_limit_s);
}

/* It came later than the rest: what was recorded before is replayed as it was
 * decided. */
static void
follows_need_from_json(JsonObject *json, PolicySettings *settings)
{
    settings->follows_need = false;
    (void)jobj_get_bool(json, "follows_need", &settings->follows_need);
}

static bool
settings_from_json(JsonObject *json, PolicySettings *settings)
{
    const char *policy;

    if (!jobj_get_string(json, "policy", &policy) ||
        !policy_kind_parse(policy, &settings->kind, NULL)) {
        return false;
    }
    policy_settings_init(settings, settings->kind);
    settings->deadline_s = jobj_get_known(json, "deadline_s");
    follows_need_from_json(json, settings);
    return jobj_get_double(json, "margin", &settings->margin) &&
           jobj_get_double(json, "threshold_fraction",
                           &settings->threshold_fraction) &&
           jobj_get_double(json, "change_fraction",
                           &settings->change_fraction) &&
           jobj_get_double(json, "downtime_limit_s",
                           &settings->downtime_limit_s);
}

JsonObject *
job_event_to_json(const JobEvent *event)
{
    JsonObject *json = json_object_new_object();

    jobj_add_string(json, "kind", event_names[event->kind]);
    jobj_add_i64(json, "at_us", event->at_us);
    switch (event->kind) {
    case JOB_EVENT_PASS:
        jobj_add_u64(json, "pass", event->pass);
        if (sample_told_exact(&event->told)) {
            jobj_add(json, "told", sample_told_write(&event->told));
        }
        break;
    case JOB_EVENT_POLL:
        jobj_add_i64(json, "read_us", event->poll.at_us);
        jobj_add_u64(json, "pass", event->poll.pass);
        jobj_add_u64(json, "page_bytes", event->poll.page_bytes);
        jobj_add_u64(json, "remaining_bytes", event->poll.remaining_bytes);
        jobj_add_u64(json, "normal_pages", event->poll.normal_pages);
        jobj_add_u64(json, "duplicate_pages", event->poll.duplicate_pages);
        jobj_add_u64(json, "other_pages", event->poll.other_pages);
        jobj_add_u64(json, "sent_bytes", event->poll.sent_bytes);
        jobj_add_u64(json, "throttle_percent", event->poll.throttle_percent);
        add_if_known(json, "expected_downtime_ms",
                     event->poll.expected_downtime_ms);
        break;
    case JOB_EVENT_COUNTERS:
        jobj_add_i64(json, "read_us", event->counters.at_us);
        add_if_known(json, "guest_cpu_s", event->counters.guest_cpu_s);
        add_if_known(json, "guest_net_bytes", event->counters.guest_net_bytes);
        add_if_known(json, "guest_tx_bytes", event->counters.guest_tx_bytes);
        add_if_known(json, "host_net_bytes", event->counters.host_net_bytes);
        add_if_known(json, "stream_bytes", event->counters.stream_bytes);
        add_if_known(json, "queued_bytes", event->counters.queued_bytes);
        add_if_known(json, "mem_used", event->counters.mem_used);
        break;
    case JOB_EVENT_LINK:
        jobj_add_double(json, "root_bytes_s", event->link.root_bytes_s);
        jobj_add_double(json, "others_bytes_s", event->link.others_bytes_s);
        jobj_add_u64(json, "link_bytes", event->link.link_bytes);
        jobj_add_u64(json, "class_bytes", event->link.class_bytes);
        jobj_add_u64(json, "migrations_bytes", event->link.migrations_bytes);
        jobj_add_u64(json, "protected_bytes", event->link.protected_bytes);
        jobj_add_u64(json, "application_bytes", event->link.application_bytes);
        if (event->link.application_backlog_bytes > 0) {
            jobj_add_u64(json, "application_backlog_bytes",
                         event->link.application_backlog_bytes);
        }
        break;
    case JOB_EVENT_SHAPED:
        jobj_add_bool(json, "shaped", event->shaped);
        break;
    case JOB_EVENT_ADVISORY:
        jobj_add_bool(json, "advisory", event->advisory);
        break;
    case JOB_EVENT_GRANTED:
        jobj_add_u64(json, "guarantee_bytes_s", event->grant.guarantee_bytes_s);
        jobj_add_u64(json, "ceiling_bytes_s", event->grant.ceiling_bytes_s);
        jobj_add_u64(json, "application_bytes_s",
                     event->grant.application_bytes_s);
        add_if_known(json, "dirty_bytes_s", event->grant.dirty_bytes_s);
        jobj_add_u64(json, "step", event->grant.step);
        jobj_add_string(json, "reason", event->grant.reason);
        break;
    case JOB_EVENT_SETTINGS:
        settings_to_json(json, &event->settings);
        if (event->asks) {
            jobj_add_u64(json, "asks", event->asks);
        }
        if (event->aim_limit_s > 0) {
            jobj_add_double(json, "aim_limit_s", event->aim_limit_s);
        }
        break;
    case JOB_EVENT_STEPPED:
        jobj_add_bool(json, "stepped", event->stepped);
        break;
    case JOB_EVENT_SEEN:
        add_if_known(json, "mean_bytes_s", event->seen.mean_bytes_s);
        add_if_known(json, "need_bytes_s", event->seen.need_bytes_s);
        break;
    case JOB_EVENT_END:
        jobj_add_bool(json, "completed", event->outcome.completed);
        add_if_known(json, "total_s", event->outcome.total_s);
        add_if_known(json, "downtime_s", event->outcome.downtime_s);
        add_if_known(json, "bytes", event->outcome.bytes);
        break;
    case JOB_EVENT_START:
    case JOB_EVENT_STOPPED:
    case JOB_EVENT_RESUMED:
    case JOB_EVENT_POSTCOPY:
    case JOB_N_EVENTS:
        break;
    }
    return json;
}

static bool
poll_from_json(JsonObject *json, SamplePoll *poll)
{
    poll->expected_downtime_ms = jobj_get_known(json, "expected_downtime_ms");
    return jobj_get_i64(json, "read_us", &poll->at_us) &&
           jobj_get_uint(json, "pass", UINT_MAX, &poll->pass) &&
           jobj_get_u64(json, "page_bytes", &poll->page_bytes) &&
           poll->page_bytes > 0 &&
           jobj_get_u64(json, "remaining_bytes", &poll->remaining_bytes) &&
           jobj_get_u64(json, "normal_pages", &poll->normal_pages) &&
           jobj_get_u64(json, "duplicate_pages", &poll->duplicate_pages) &&
           jobj_get_u64(json, "other_pages", &poll->other_pages) &&
           jobj_get_u64(json, "sent_bytes", &poll->sent_bytes) &&
           jobj_get_uint(json, "throttle_percent", UINT_MAX,
                         &poll->throttle_percent);
}

static bool
counters_from_json(JsonObject *json, SampleCounters *counters)
{
    counters->guest_cpu_s = jobj_get_known(json, "guest_cpu_s");
    counters->guest_net_bytes = jobj_get_known(json, "guest_net_bytes");
    counters->guest_tx_bytes = jobj_get_known(json, "guest_tx_bytes");
    counters->host_net_bytes = jobj_get_known(json, "host_net_bytes");
    counters->stream_bytes = jobj_get_known(json, "stream_bytes");
    counters->queued_bytes = jobj_get_known(json, "queued_bytes");
    counters->mem_used = jobj_get_known(json, "mem_used");
    return jobj_get_i64(json, "read_us", &counters->at_us);
}

static bool
link_from_json(JsonObject *json, JobLink *link)
{
    (void)jobj_get_u64(json, "application_backlog_bytes",
                       &link->application_backlog_bytes);
    return jobj_get_double(json, "root_bytes_s", &link->root_bytes_s) &&
           jobj_get_double(json, "others_bytes_s", &link->others_bytes_s) &&
           jobj_get_u64(json, "link_bytes", &link->link_bytes) &&
           jobj_get_u64(json, "class_bytes", &link->class_bytes) &&
           jobj_get_u64(json, "migrations_bytes", &link->migrations_bytes) &&
           jobj_get_u64(json, "protected_bytes", &link->protected_bytes) &&
           jobj_get_u64(json, "application_bytes", &link->application_bytes);
}

static bool
outcome_from_json(JsonObject *json, JobOutcome *outcome)
{
    outcome->total_s = jobj_get_known(json, "total_s");
    outcome->downtime_s = jobj_get_known(json, "downtime_s");
    outcome->bytes = jobj_get_known(json, "bytes");
    return jobj_get_bool(json, "completed", &outcome->completed);
}

static bool
grant_from_json(JsonObject *json, PolicyDecision *grant)
{
    const char *reason;
    uint64_t step;

    if (!jobj_get_u64(json, "guarantee_bytes_s", &grant->guarantee_bytes_s) ||
        !jobj_get_u64(json, "ceiling_bytes_s", &grant->ceiling_bytes_s) ||
        !jobj_get_u64(json, "application_bytes_s",
                      &grant->application_bytes_s) ||
        !jobj_get_u64(json, "step", &step) || step >= POLICY_N_STEPS ||
        !jobj_get_string(json, "reason", &reason)) {
        return false;
    }
    grant->step = (PolicyStep)step;
    grant->dirty_bytes_s = jobj_get_known(json, "dirty_bytes_s");
    g_strlcpy(grant->reason, reason, sizeof(grant->reason));
    return true;
}

bool
job_event_from_json(JsonObject *json, JobEvent *event, GError **error)
{
    JobEvent read = { 0 };
    const char *kind;
    size_t i;
    bool fine = true;

    if (!jobj_get_string(json, "kind", &kind) ||
        !jobj_get_i64(json, "at_us", &read.at_us)) {
        g_set_error_literal(error, JOB_ERROR, JOB_ERROR_EVENT,
                            "an event needs \"kind\" and \"at_us\"");
        return false;
    }
    for (i = 0; i < JOB_N_EVENTS; i++) {
        if (g_str_equal(kind, event_names[i])) {
            break;
        }
    }
    if (i == JOB_N_EVENTS) {
        g_set_error(error, JOB_ERROR, JOB_ERROR_EVENT,
                    "there is no event of kind \"%s\"", kind);
        return false;
    }

    read.kind = (JobEventKind)i;
    switch (read.kind) {
    case JOB_EVENT_PASS:
        fine = jobj_get_uint(json, "pass", UINT_MAX, &read.pass);
        if (jobj_get(json, "told")) {
            fine &= sample_told_read(jobj_get(json, "told"), &read.told);
        }
        break;
    case JOB_EVENT_POLL:
        fine = poll_from_json(json, &read.poll);
        break;
    case JOB_EVENT_COUNTERS:
        fine = counters_from_json(json, &read.counters);
        break;
    case JOB_EVENT_LINK:
        fine = link_from_json(json, &read.link);
        break;
    case JOB_EVENT_SHAPED:
        fine = jobj_get_bool(json, "shaped", &read.shaped);
        break;
    case JOB_EVENT_ADVISORY:
        fine = jobj_get_bool(json, "advisory", &read.advisory);
        break;
    case JOB_EVENT_GRANTED:
        fine = grant_from_json(json, &read.grant);
        break;
    case JOB_EVENT_SETTINGS:
        fine = settings_from_json(json, &read.settings);
        (void)jobj_get_uint(json, "asks", UINT_MAX, &read.asks);
        (void)jobj_get_double(json, "aim_limit_s", &read.aim_limit_s);
        break;
    case JOB_EVENT_STEPPED:
        fine = jobj_get_bool(json, "stepped", &read.stepped);
        break;
    case JOB_EVENT_SEEN:
        read.seen.mean_bytes_s = jobj_get_known(json, "mean_bytes_s");
        read.seen.need_bytes_s = jobj_get_known(json, "need_bytes_s");
        break;
    case JOB_EVENT_END:
        fine = outcome_from_json(json, &read.outcome);
        break;
    case JOB_EVENT_START:
    case JOB_EVENT_STOPPED:
    case JOB_EVENT_RESUMED:
    case JOB_EVENT_POSTCOPY:
    case JOB_N_EVENTS:
        break;
    }
    if (!fine) {
        g_set_error(error, JOB_ERROR, JOB_ERROR_EVENT,
                    "an event of kind \"%s\" lacks a member, or has one of a "
                    "wrong type",
                    kind);
        return false;
    }
    *event = read;
    return true;
}

static JsonObject *
oracle_to_json(const ForecastCurve *curve)
{
    JsonObject *json = json_object_new_object();
    JsonObject *points = json_object_new_array();

    for (size_t i = 0; i < curve->n_points; i++) {
        JsonObject *point = json_object_new_object();

        jobj_add_double(point, "duration_s", curve->points[i].duration_s);
        jobj_add_double(point, "pages", curve->points[i].pages);
        json_object_array_add(points, point);
    }
    jobj_add_double(json, "log_sd", curve->log_sd);
    jobj_add(json, "points", points);
    return json;
}

JsonObject *
job_config_to_json(const JobConfig *config)
{
    JsonObject *json = json_object_new_object();

    jobj_add_string(json, "guest", config->guest);
    settings_to_json(json, &config->policy);
    jobj_add_string(json, "source", sample_source_name(config->source));
    jobj_add_bool(json, "ticks", config->ticks);
    jobj_add_u64(json, "guest_pages", config->guest_pages);
    jobj_add_double(json, "fixed_downtime_s", config->fixed_downtime_s);
    if (config->measures_wire) {
        jobj_add_bool(json, "measures_wire", true);
    }
    if (config->ladder.climbs) {
        jobj_add(json, "ladder", job_ladder_to_json(&config->ladder));
    }
    if (config->oracle.n_points > 0) {
        jobj_add(json, "oracle", oracle_to_json(&config->oracle));
    }
    return json;
}

static bool
oracle_from_json(JsonObject *json, ForecastCurve *curve)
{
    JsonObject *points = jobj_get(json, "points");
    ForecastCurve read = { 0 };

    if (!jobj_get_double(json, "log_sd", &read.log_sd) ||
        !json_object_is_type(points, json_type_array) ||
        json_object_array_length(points) > FORECAST_MAX_POINTS) {
        return false;
    }
    for (size_t i = 0; i < json_object_array_length(points); i++) {
        JsonObject *point = json_object_array_get_idx(points, i);
        ForecastPoint *to = &read.points[read.n_points++];

        if (!jobj_get_double(point, "duration_s", &to->duration_s) ||
            !jobj_get_double(point, "pages", &to->pages)) {
            return false;
        }
    }
    *curve = read;
    return true;
}

bool
job_config_from_json(JsonObject *json, JobConfig *config, GError **error)
{
    JobConfig read = { 0 };
    const char *policy, *source;
    bool known_source = false;

    if (!jobj_get_string(json, "policy", &policy) ||
        !jobj_get_string(json, "source", &source) ||
        !jobj_get_string(json, "guest", &read.guest)) {
        g_set_error_literal(error, JOB_ERROR, JOB_ERROR_REPLAY,
                            "the job's configuration needs \"guest\", "
                            "\"policy\" and \"source\"");
        return false;
    }
    if (!policy_kind_parse(policy, &read.policy.kind, error)) {
        return false;
    }
    policy_settings_init(&read.policy, read.policy.kind);
    read.policy.deadline_s = jobj_get_known(json, "deadline_s");
    follows_need_from_json(json, &read.policy);
    (void)jobj_get_bool(json, "measures_wire", &read.measures_wire);
    for (size_t i = 0; i < SAMPLE_N_SOURCES; i++) {
        if (g_str_equal(source, sample_source_name((SampleSource)i))) {
            read.source = (SampleSource)i;
            known_source = true;
        }
    }
    if (!known_source ||
        !jobj_get_double(json, "margin", &read.policy.margin) ||
        !jobj_get_double(json, "threshold_fraction",
                         &read.policy.threshold_fraction) ||
        !jobj_get_double(json, "change_fraction",
                         &read.policy.change_fraction) ||
        !jobj_get_double(json, "downtime_limit_s",
                         &read.policy.downtime_limit_s) ||
        !jobj_get_double(json, "fixed_downtime_s", &read.fixed_downtime_s) ||
        !jobj_get_bool(json, "ticks", &read.ticks) ||
        !jobj_get_u64(json, "guest_pages", &read.guest_pages) ||
        (jobj_get(json, "ladder") &&
         !job_ladder_from_json(jobj_get(json, "ladder"), &read.ladder)) ||
        (jobj_get(json, "oracle") &&
         !oracle_from_json(jobj_get(json, "oracle"), &read.oracle))) {
        g_set_error_literal(error, JOB_ERROR, JOB_ERROR_REPLAY,
                            "the job's configuration lacks a member, or has "
                            "one of a wrong type");
        return false;
    }
    *config = read;
    return true;
}

GArray *
job_replay(const JobConfig *config, JsonObject *events, GError **error)
{
    g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(JobAction));
    g_autoptr(Job) job = NULL;

    if (!json_object_is_type(events, json_type_array)) {
        g_set_error_literal(error, JOB_ERROR, JOB_ERROR_REPLAY,
                            "the record holds no array of events");
        return NULL;
    }
    job = job_new(config);
    for (size_t i = 0; i < json_object_array_length(events); i++) {
        const GArray *actions;
        JobEvent event;

        if (!job_event_from_json(json_object_array_get_idx(events, i), &event,
                                 error)) {
            g_prefix_error(error, "event %zu: ", i);
            return NULL;
        }
        actions = job_feed(job, &event);
        if (actions->len > 0) {
            g_array_append_vals(all, actions->data, actions->len);
        }
    }
    return g_steal_pointer(&all);
}
