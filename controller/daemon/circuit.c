/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * circuit.c - what the last runs of a link allow the next ones to be
 *
 * policy/breaker.h judges; here is one for each link, fed when a migration ends,
 * kept over restarts in breaker.json beside the records. It speaks when the
 * stream of a new migration is found, before anything is decided for it.
 */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/daemon-priv.h"

typedef struct Circuit {
    Breaker *breaker;
    int64_t since_us; /* wall clock, of its level */
} Circuit;

static void
circuit_free(gpointer data)
{
    breaker_free(((Circuit *)data)->breaker);
    g_free(data);
}

static BreakerSettings
settings_of(const Daemon *daemon)
{
    const ConfigBreaker *config = &daemon->config->breaker;
    BreakerSettings settings, ours;

    breaker_settings_init(&settings);
    ours = settings;
    ours.window = config->runs;
    ours.coverage_least = config->coverage_min;
    ours.reserved_least = config->reserved_min;
    ours.kept_least = config->kept_min;
    ours.least_runs = MIN(ours.least_runs, ours.window);
    return breaker_settings_check(&ours, NULL) ? ours : settings;
}

static char *
circuit_path(const Daemon *daemon)
{
    const char *folder = daemon->config->daemon.records;

    return folder ? g_build_filename(folder, "breaker.json", NULL) : NULL;
}

static Circuit *
circuit_of(Daemon *daemon, const char *device)
{
    Circuit *circuit = g_hash_table_lookup(daemon->circuits, device);
    BreakerSettings settings = settings_of(daemon);

    if (!circuit) {
        circuit = g_new0(Circuit, 1);
        circuit->breaker = breaker_new(&settings);
        circuit->since_us = clock_wall_us();
        g_hash_table_insert(daemon->circuits, g_strdup(device), circuit);
    }
    breaker_configure(circuit->breaker, &settings); /* after a reload */
    return circuit;
}

void
circuit_load(Daemon *daemon)
{
    g_autofree char *path = circuit_path(daemon);
    g_autofree char *text = NULL;
    g_autoptr(JsonObject) json = NULL;
    BreakerSettings settings = settings_of(daemon);
    gsize length;

    daemon->circuits =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, circuit_free);
    if (!path || !g_file_get_contents(path, &text, &length, NULL) ||
        !(json = jobj_parse(text, length, NULL)) ||
        !json_object_is_type(json, json_type_object)) {
        return;
    }
    json_object_object_foreach (json, device, value) {
        g_autoptr(GError) error = NULL;
        Breaker *breaker = breaker_from_json(value, &settings, &error);
        Circuit *circuit;

        if (!breaker) {
            daemon_log(G_LOG_LEVEL_WARNING, NULL,
                       "%s: the circuit breaker of %s begins anew: %s", path,
                       device, error->message);
            continue;
        }
        circuit = g_new0(Circuit, 1);
        circuit->breaker = breaker;
        circuit->since_us = clock_wall_us();
        g_hash_table_insert(daemon->circuits, g_strdup(device), circuit);
    }
}

static void
circuit_store(Daemon *daemon)
{
    g_autofree char *path = circuit_path(daemon);
    g_autoptr(JsonObject) json = json_object_new_object();
    GHashTableIter iter;
    gpointer device, circuit;

    g_hash_table_iter_init(&iter, daemon->circuits);
    while (g_hash_table_iter_next(&iter, &device, &circuit)) {
        jobj_add(json, device, breaker_to_json(((Circuit *)circuit)->breaker));
    }
    if (path) {
        disk_write(daemon->disk, path, jobj_to_text(json, true), false, NULL);
    }
}

/* What a new migration on its link may have. */
BreakerLevel
circuit_level(Outgoing *outgoing)
{
    BreakerState state;

    if (!outgoing->daemon->config->breaker.on || !outgoing->has_link) {
        return BREAKER_STEER;
    }
    breaker_state(circuit_of(outgoing->daemon, outgoing->link.device)->breaker,
                  &state);
    return state.level;
}

void
circuit_count(Outgoing *outgoing, double interval_s, double class_bytes,
              bool backlogged)
{
    if (backlogged && outgoing->set_guarantee_bytes_s > 0) {
        outgoing->promised_bytes +=
            (double)outgoing->set_guarantee_bytes_s * interval_s;
        outgoing->got_bytes += class_bytes;
    }
}

void
circuit_ended(Outgoing *outgoing, unsigned forecasts, unsigned covered)
{
    Daemon *daemon = outgoing->daemon;
    BreakerRun run = { .forecasts = forecasts, .covered = covered };
    LogAbout about = { .event = LOG_EVENT_BREAKER,
                       .link = outgoing->link.device };
    BreakerState state;
    Circuit *circuit;

    if (!daemon->config->breaker.on || !outgoing->has_link) {
        return;
    }
    if (outgoing->promised_bytes > 0) {
        run.reserved =
            known(fmin(outgoing->got_bytes / outgoing->promised_bytes, 1));
    }
    circuit = circuit_of(daemon, outgoing->link.device);
    breaker_add(circuit->breaker, &run, &state);
    if (state.changed) {
        circuit->since_us = clock_wall_us();
        daemon_log(state.alert ? G_LOG_LEVEL_WARNING : G_LOG_LEVEL_INFO, &about,
                   "link %s: %s", outgoing->link.device, state.reason);
    }
    circuit_store(daemon);
}

void
circuit_alerts(const Daemon *daemon, JsonObject *alerts)
{
    GHashTableIter iter;
    gpointer device, value;

    g_hash_table_iter_init(&iter, daemon->circuits);
    while (g_hash_table_iter_next(&iter, &device, &value)) {
        const Circuit *circuit = value;
        BreakerState state;
        CtlAlert alert = { .alert = "circuit-breaker",
                           .since_us = circuit->since_us,
                           .link = device,
                           .text = state.reason };

        breaker_state(circuit->breaker, &state);
        if (state.level != BREAKER_STEER && daemon->config->breaker.on) {
            json_object_array_add(alerts, ctl_alert_to_json(&alert));
        }
    }
}
