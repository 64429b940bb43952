/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manager-status.c - what a manager knows and does, for people and programs
 */
#include <math.h>

#include "base/clock.h"
#include "consolidate/manager-priv.h"
#include "consolidate/watch-priv.h"

static JsonObject *
host_to_json(const ConsManager *m, guint index, int64_t forecast_milli)
{
    const ClusterHost *host = cluster_host(m->cluster, index);
    JsonObject *json = json_object_new_object();
    int64_t used = host->own_cpu_milli;
    uint64_t memory = host->own_memory_bytes;
    size_t n = 0;

    for (guint g = 0; g < m->cluster->guests->len; g++) {
        const ClusterGuest *guest = cluster_guest(m->cluster, g);

        if (guest->host == (int32_t)index && !guest->gone) {
            used += MAX(0, guest->cpu_milli);
            memory += guest->memory_bytes;
            n++;
        }
    }
    jobj_add_string(json, "name", host->name);
    jobj_add_string(json, "state", cluster_host_state_name(host->state));
    jobj_add_string(json, "why", host->why);
    jobj_add_bool(json, "evacuated",
                  g_ptr_array_find_with_equal_func(m->evacuated, host->name,
                                                   g_str_equal, NULL));
    jobj_add_u64(json, "guests", n);
    jobj_add_i64(json, "cpu_milli", host->cpu_milli);
    jobj_add_i64(json, "cpu_used_milli", used);
    jobj_add_i64(json, "cpu_forecast_milli", forecast_milli);
    jobj_add_u64(json, "memory_bytes", host->memory_bytes);
    jobj_add_u64(json, "memory_used_bytes", memory);
    return json;
}

JsonObject *
cons_manager_status(const ConsManager *m)
{
    JsonObject *json = json_object_new_object();

    jobj_add_string(json, "mode", cons_mode_name(m->settings->mode));
    jobj_add_bool(json, "paused", m->paused);
    jobj_add_string(json, "broken", m->broken);
    jobj_add(json, "evacuated", jobj_new_strings(m->evacuated));
    if (m->cluster) {
        g_autofree char *at = clock_format_utc(m->cluster->at_us);
        g_autofree int64_t *forecast =
            cons_watch_forecast(m->watch, m->cluster);
        g_autoptr(GPtrArray) triggers =
            cons_watch_triggers(m->watch, m->cluster);
        JsonObject *hosts = json_object_new_array();
        JsonObject *texts = json_object_new_array();

        jobj_add_string(json, "at", at);
        for (guint i = 0; i < m->cluster->hosts->len; i++) {
            json_object_array_add(hosts, host_to_json(m, i, forecast[i]));
        }
        jobj_add(json, "hosts", hosts);
        for (guint i = 0; i < triggers->len; i++) {
            const ConsTrigger *trigger = g_ptr_array_index(triggers, i);

            json_object_array_add(texts, json_object_new_string(trigger->text));
        }
        jobj_add(json, "triggers", texts);
        jobj_add_u64(json, "flows", m->cluster->flows->len);
        jobj_add_double(json, "flow_span_s", m->cluster->flow_span_s);
        jobj_add_double(json, "far_bytes_s",
                        cons_cluster_far(m->cluster, NULL));
    }
    if (m->carry) {
        jobj_add(json, "plan", cons_carry_to_json(m->carry));
    }
    if (m->decision) {
        jobj_add(json, "decision", cons_decision_to_json(m->decision));
    }
    return json;
}
