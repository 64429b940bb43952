/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * control-metrics.c - what the daemon counts, for whoever draws it
 *
 * All since its start; docs/protocol.md names the members. Lists hold what has
 * happened at least once.
 */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/daemon-priv.h"

static const char *const foreign_names[] = {
    [FOREIGN_SPEED] = "maximum-speed",
    [FOREIGN_DOWNTIME] = "downtime",
    [FOREIGN_CLASS] = "class",
};
G_STATIC_ASSERT(G_N_ELEMENTS(foreign_names) == FOREIGN_N_CHANGES);

/* --- counting --- */

void
control_foreign(Outgoing *outgoing, ForeignChange what, Known from, Known to,
                const char *text)
{
    JsonObject *data = json_object_new_object();

    outgoing->daemon->counted.foreign[what]++;
    jobj_add_string(data, "what", foreign_names[what]);
    jobj_add_known(data, "from", from);
    jobj_add_known(data, "to", to);
    jobj_add_string(data, "text", text);
    control_tell(outgoing, CTL_EVENT_FOREIGN_CHANGE, data);
}

uint64_t
control_foreign_changes(const Daemon *daemon)
{
    uint64_t all = 0;

    for (int what = 0; what < FOREIGN_N_CHANGES; what++) {
        all += daemon->counted.foreign[what];
    }
    return all;
}

/* --- lists --- */

static JsonObject *
list_decisions(const Daemon *daemon)
{
    JsonObject *array = json_object_new_array();

    for (int step = 0; step < POLICY_N_STEPS; step++) {
        for (int role = 0; role < SHARE_N_ROLES; role++) {
            uint64_t count = daemon->counted.steps[step][role];
            JsonObject *one;

            if (count > 0) {
                one = json_object_new_object();
                jobj_add_string(one, "step",
                                policy_step_name((PolicyStep)step));
                jobj_add_string(one, "reason",
                                share_role_name((ShareRole)role));
                jobj_add_u64(one, "count", count);
                json_object_array_add(array, one);
            }
        }
    }
    return array;
}

static JsonObject *
list_ladder(const Daemon *daemon)
{
    JsonObject *array = json_object_new_array();

    for (int step = 0; step < LADDER_N_STEPS; step++) {
        JsonObject *one;

        if (daemon->counted.taken[step] || daemon->counted.undone[step]) {
            one = json_object_new_object();
            jobj_add_string(one, "step", ladder_step_name((LadderStep)step));
            jobj_add_u64(one, "taken", daemon->counted.taken[step]);
            jobj_add_u64(one, "undone", daemon->counted.undone[step]);
            json_object_array_add(array, one);
        }
    }
    return array;
}

static JsonObject *
list_foreign(const Daemon *daemon)
{
    JsonObject *array = json_object_new_array();

    for (int what = 0; what < FOREIGN_N_CHANGES; what++) {
        JsonObject *one;

        if (daemon->counted.foreign[what]) {
            one = json_object_new_object();
            jobj_add_string(one, "what", foreign_names[what]);
            jobj_add_u64(one, "count", daemon->counted.foreign[what]);
            json_object_array_add(array, one);
        }
    }
    return array;
}

static JsonObject *
list_not_in_force(const Daemon *daemon)
{
    JsonObject *array = json_object_new_array();

    for (int force = 0; force < FORCE_N_STATES; force++) {
        JsonObject *one;

        if (force != FORCE_YES && daemon->counted.not_in_force_s[force] > 0) {
            one = json_object_new_object();
            jobj_add_string(one, "reason", force_state_name((ForceState)force));
            jobj_add_double(one, "seconds",
                            daemon->counted.not_in_force_s[force]);
            json_object_array_add(array, one);
        }
    }
    return array;
}

/* --- figures --- */

static JsonObject *
count_active(const Daemon *daemon)
{
    static const char *const words[] = { "queued",   "preparing",
                                         "precopy",  "switchover",
                                         "postcopy", "postcopy-paused" };
    uint64_t counts[G_N_ELEMENTS(words)] = { waiting_count(daemon) };
    JsonObject *json = json_object_new_object();

    for (guint i = 0; i < daemon->outgoing->len; i++) {
        const Outgoing *outgoing = g_ptr_array_index(daemon->outgoing, i);
        const char *state = control_state(outgoing);

        for (size_t j = 0; j < G_N_ELEMENTS(words); j++) {
            counts[j] += !outgoing->ended && g_str_equal(state, words[j]);
        }
    }
    for (size_t j = 0; j < G_N_ELEMENTS(words); j++) {
        jobj_add_u64(json, words[j], counts[j]);
    }
    return json;
}

/* Of absolute relative errors, as docs/protocol.md has it. */
static JsonObject *
histogram(const Daemon *daemon, const char *forecast, const char *outcome)
{
    static const double bounds[] = { 0.05, 0.1, 0.2, 0.5, 1, 2 };
    uint64_t counts[G_N_ELEMENTS(bounds) + 1] = { 0 };
    JsonObject *json = json_object_new_object();
    JsonObject *limits = json_object_new_array();
    JsonObject *numbers = json_object_new_array();
    double sum = 0;

    for (guint i = 0; i < daemon->past->len; i++) {
        JsonObject *entry =
            jobj_get(g_ptr_array_index(daemon->past, i), "entry");
        Known foretold = jobj_get_known(entry, forecast);
        Known came = jobj_get_known(entry, outcome);
        size_t at = 0;
        double error;

        if (!foretold.known || !came.known || came.value <= 0) {
            continue;
        }
        error = ABS(foretold.value - came.value) / came.value;
        while (at < G_N_ELEMENTS(bounds) && error > bounds[at]) {
            at++;
        }
        counts[at]++;
        sum += error;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bounds); i++) {
        json_object_array_add(limits, json_object_new_double(bounds[i]));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
        json_object_array_add(numbers, json_object_new_uint64(counts[i]));
    }
    jobj_add(json, "bounds", limits);
    jobj_add(json, "counts", numbers);
    jobj_add_double(json, "sum", sum);
    return json;
}

static void
count_inside(const Daemon *daemon, JsonObject *json)
{
    uint64_t passes = 0, inside = 0;

    for (guint i = 0; i < daemon->past->len; i++) {
        JsonObject *entry =
            jobj_get(g_ptr_array_index(daemon->past, i), "entry");
        uint64_t more = 0, more_inside = 0;

        jobj_get_u64(entry, "passes", &more);
        jobj_get_u64(entry, "passes_inside", &more_inside);
        passes += more;
        inside += MIN(more_inside, more);
    }
    jobj_add_u64(json, "inside", inside);
    jobj_add_u64(json, "outside", passes - inside);
}

JsonObject *
control_metrics(const Daemon *daemon)
{
    JsonObject *json = json_object_new_object();
    JsonObject *sessions = json_object_new_object();
    JsonObject *forecast = json_object_new_object();
    JsonObject *bytes = json_object_new_object();
    JsonObject *control = json_object_new_object();
    g_autofree char *now = clock_format_utc(clock_wall_us());
    g_autofree char *started = clock_format_utc(daemon->started_wall_us);
    CtlServerCounters served = ctl_server_counters(daemon->control);

    jobj_add_string(json, "time", now);
    jobj_add_string(json, "started", started);
    jobj_add_string(json, "mode",
                    config_mode_name(daemon->config->defaults.mode));
    jobj_add_bool(json, "disabled", disabled_now(daemon->disabled));
    jobj_add_u64(sessions, "begun", daemon->counted.begun);
    jobj_add_u64(sessions, "completed", daemon->counted.completed);
    jobj_add_u64(sessions, "failed", daemon->counted.failed);
    jobj_add_u64(sessions, "cancelled", daemon->counted.cancelled);
    jobj_add_u64(sessions, "adopted", daemon->counted.adopted);
    jobj_add(json, "sessions", sessions);
    jobj_add(json, "active", count_active(daemon));
    jobj_add(json, "decisions", list_decisions(daemon));
    jobj_add(json, "ladder", list_ladder(daemon));
    jobj_add(json, "foreign_changes", list_foreign(daemon));
    jobj_add(json, "not_in_force", list_not_in_force(daemon));
    jobj_add(forecast, "time_error",
             histogram(daemon, "forecast_time_s.value", "time_s"));
    jobj_add(forecast, "downtime_error",
             histogram(daemon, "forecast_downtime_s", "downtime_s"));
    count_inside(daemon, forecast);
    jobj_add(json, "forecast", forecast);
    jobj_add_u64(bytes, "streams", daemon->counted.stream_bytes);
    jobj_add_u64(bytes, "foreign_in_class", daemon->counted.foreign_bytes);
    jobj_add(json, "bytes", bytes);
    jobj_add_u64(control, "clients", served.clients);
    jobj_add_u64(control, "requests", served.requests);
    jobj_add_u64(control, "refused", served.refused);
    jobj_add_u64(control, "dropped", served.dropped);
    jobj_add(json, "control", control);
    return json;
}
