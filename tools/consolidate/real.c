/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * real.c - the calls of backend.h that are short: looking, time, writing down
 */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "tools/consolidate/page-cluster.h"
#include "tools/consolidate/real-priv.h"

/* How long a service may be busy with nothing but traffic. */
#define READ_US 4000000

/* --- events --- */

static gboolean
on_events(gpointer user)
{
    Real *real = user;
    ConsEvent *event = g_queue_pop_head(&real->events);

    /* one at a time: what it brings about may add others */
    if (event && real->manager) {
        cons_manager_event(real->manager, event);
    } else if (event) {
        cons_event_free(event);
    }
    if (!g_queue_is_empty(&real->events)) {
        return G_SOURCE_CONTINUE;
    }
    real->event_source = 0;
    return G_SOURCE_REMOVE;
}

void
real_event(Real *real, ConsEvent *event)
{
    g_queue_push_tail(&real->events, event);
    if (!real->event_source) {
        real->event_source =
            g_idle_add_full(G_PRIORITY_DEFAULT, on_events, real, NULL);
    }
}

void
real_note(Real *real, const char *guest, const char *text)
{
    if (real->listener->note) {
        real->listener->note(guest, text, real->user);
    }
}

/* --- looking --- */

static void
add_flows(Real *real, Cluster *cluster)
{
    g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) files = g_ptr_array_new();
    const char *const *lists[] = {
        (const char *const *)real->spec.service->traffic,
        fetch_files(real->fetch)
    };
    double span_s = real->spec.settings->far_span_s;

    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
        for (size_t n = 0; lists[i][n]; n++) {
            g_ptr_array_add(files, (gpointer)(uintptr_t)lists[i][n]);
        }
    }
    if (files->len == 0) {
        return;
    }
    g_ptr_array_add(files, NULL);
    flows_add(real->flows, cluster, real->look,
              (const char *const *)files->pdata,
              cluster->at_us - (int64_t)(span_s * 1e6), notes);
    for (guint i = 0; i < notes->len; i++) {
        if (g_hash_table_add(real->told_notes, g_strdup(notes->pdata[i]))) {
            real_note(real, "", notes->pdata[i]);
        }
    }
}

static void
deliver(Real *real, Cluster *cluster)
{
    ConsEvent *event = cons_event_new(CONS_EVENT_SNAPSHOT, NULL, 0);

    add_flows(real, cluster);
    event->cluster = cluster;
    real_event(real, event);
}

static void
deliver_waiting(Real *real)
{
    g_clear_handle_id(&real->wait_source, g_source_remove);
    if (real->waits) {
        deliver(real, g_steal_pointer(&real->waits));
    }
}

static void
on_fetched(gpointer user)
{
    Real *real = user;

    flows_forget(real->flows);
    deliver_waiting(real);
}

static void
on_fetch_note(const char *text, gpointer user)
{
    real_note(user, "", text);
}

static gboolean
on_waited(gpointer user)
{
    Real *real = user;

    real->wait_source = 0;
    deliver_waiting(real);
    return G_SOURCE_REMOVE;
}

static void
on_hosts(const GPtrArray *hosts, gpointer user)
{
    Real *real = user;
    Cluster *cluster = look_take(real->look, hosts, clock_wall_us());
    bool fetches, first = !real->fetched;

    if (real->warming) {
        real->warming = false;
        cluster_free(cluster);
        return;
    }
    fetches = fetch_look(real->fetch);
    real->fetched = true;
    if (first && fetches) {
        /* a command that looks once would know nothing of it otherwise */
        real->waits = cluster;
        real->wait_source = g_timeout_add(
            (guint)(real->spec.service->patience_s * 1000), on_waited, real);
        return;
    }
    deliver(real, cluster);
}

static void
real_snapshot(void *data)
{
    Real *real = data;

    /* One that is under way will do: it is not older than this request was
     * meant to find out. */
    virt_inventory_read(real->inventory, on_hosts, real);
}

static gboolean
on_pause(gpointer user)
{
    *(bool *)user = true;
    return G_SOURCE_REMOVE;
}

void
real_warm(Real *real)
{
    bool slept = false;

    real->warming = true;
    if (!virt_inventory_read(real->inventory, on_hosts, real)) {
        real->warming = false;
        return;
    }
    while (real->warming) {
        g_main_context_iteration(NULL, TRUE);
    }
    g_timeout_add((guint)(real->spec.service->sample_s * 1000), on_pause,
                  &slept);
    while (!slept) {
        g_main_context_iteration(NULL, TRUE);
    }
}

/* --- time --- */

static int64_t
real_now_us(void *data)
{
    return clock_wall_us();
}

static gboolean
on_time(gpointer user)
{
    Real *real = user;

    real->time_source = 0;
    real_event(real, cons_event_new(CONS_EVENT_TIME, NULL, 0));
    return G_SOURCE_REMOVE;
}

static void
real_wake_at(void *data, int64_t at_us)
{
    Real *real = data;
    int64_t wait_ms = (at_us - clock_wall_us() + 999) / 1000;

    g_clear_handle_id(&real->time_source, g_source_remove);
    real->time_source =
        g_timeout_add((guint)CLAMP(wait_ms, 0, 86400000), on_time, real);
}

/* --- writing down --- */

static bool
real_journal(void *data, const char *line, GError **error)
{
    Real *real = data;

    if (!real->spec.journal) {
        return true; /* nothing that it announces is done */
    }
    return lines_append(real->spec.journal, line, error);
}

static void
history_failed(Real *real, const GError *error)
{
    if (g_hash_table_add(real->told_notes, g_strdup(error->message))) {
        real_note(real, "", error->message);
    }
}

static void
keep_samples(Real *real, const Cluster *cluster)
{
    g_autoptr(GArray) samples = g_array_new(FALSE, FALSE, sizeof(ConsSample));
    g_autofree double *used = g_new0(double, cluster->hosts->len + 1);
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < cluster->guests->len; i++) {
        const ClusterGuest *guest = cluster_guest(cluster, i);
        ConsSample sample = { guest->name, false, (double)guest->cpu_milli,
                              guest->memory_bytes };

        if (guest->cpu_milli >= 0) {
            used[guest->host] += (double)guest->cpu_milli;
            g_array_append_val(samples, sample);
        }
    }
    for (guint i = 0; i < cluster->hosts->len; i++) {
        const ClusterHost *host = cluster_host(cluster, i);
        ConsSample sample = { host->name, true, 0, host->own_memory_bytes };

        if (host->state == CLUSTER_HOST_UP && host->cpu_milli > 0) {
            sample.cpu = (used[i] + (double)host->own_cpu_milli) /
                         (double)host->cpu_milli;
            g_array_append_val(samples, sample);
        }
    }
    if (!cons_store_add_samples(
            real->spec.history, cluster->at_us,
            (const ConsSample *)(gpointer)samples->data, samples->len,
            (int64_t)(real->spec.service->keep_samples_s * 1e6), &error)) {
        history_failed(real, error);
    }
}

static void
keep_document(Real *real, ConsDocumentKind kind, JsonObject *json)
{
    const char *plan = "", *guest = NULL;
    ConsDocument document = { .at_us = clock_wall_us(), .kind = kind };
    const Cluster *cluster = cons_manager_cluster(real->manager);
    bool pictured = kind != CONS_DOCUMENT_STEP && cluster &&
                    cluster->guests->len <= PAGE_MOST_GUESTS;
    g_autoptr(GError) error = NULL;

    if (!jobj_get_string(json, "plan", &plan) &&
        !jobj_get_string(json, "plan.id", &plan)) {
        jobj_get_string(json, "id", &plan);
    }
    jobj_get_string(json, "guest", &guest);
    document.plan = g_strdup(plan);
    document.guest = g_strdup(guest);
    if (pictured) {
        /* for the report only: those who are told have it anyway */
        jobj_add(json, "cluster", cluster_to_json(cluster));
    }
    document.json = jobj_to_text(json, false);
    if (pictured) {
        json_object_object_del(json, "cluster");
    }
    if (!cons_store_add(real->spec.history, &document,
                        (int64_t)(real->spec.service->keep_s * 1e6), &error)) {
        history_failed(real, error);
    }
    g_free(document.plan);
    g_free(document.guest);
    g_free(document.json);
}

static void
real_told(void *data, ConsTold what, const Cluster *cluster, JsonObject *json)
{
    static const ConsDocumentKind kinds[CONS_N_TOLD] = {
        [CONS_TOLD_DECISION] = CONS_DOCUMENT_DECISION,
        [CONS_TOLD_STEP] = CONS_DOCUMENT_STEP,
        [CONS_TOLD_OVER] = CONS_DOCUMENT_PLAN,
    };
    Real *real = data;

    if (real->spec.history && what == CONS_TOLD_CLUSTER) {
        keep_samples(real, cluster);
    } else if (real->spec.history && !real->spec.forgets) {
        keep_document(real, kinds[what], json);
    }
    if (real->listener->told) {
        real->listener->told(what, cluster, json, real->user);
    }
}

/* --- life --- */

static void
look_on(void *data, const char *plan, size_t step, const ConsMove *move)
{
}

static void
look_on_power(void *data, const char *plan, size_t step, const char *host,
              bool on)
{
}

const ConsBackend *
real_backend(const Real *real)
{
    static const ConsBackend acting = {
        .now_us = real_now_us,
        .snapshot = real_snapshot,
        .check = real_check,
        .start = real_start,
        .adopt = real_adopt,
        .cancel = real_cancel,
        .power = real_power,
        .wake_at = real_wake_at,
        .journal = real_journal,
        .told = real_told,
    };
    static const ConsBackend looking = {
        .now_us = real_now_us,
        .snapshot = real_snapshot,
        .check = look_on,
        .start = look_on,
        .adopt = look_on,
        .cancel = look_on,
        .power = look_on_power,
        .wake_at = real_wake_at,
        .journal = real_journal,
        .told = real_told,
    };

    return real->spec.journal ? &acting : &looking;
}

void
real_set_manager(Real *real, ConsManager *manager)
{
    real->manager = manager;
}

const char *
real_uri(const Real *real, const char *host)
{
    const ConsHostSettings *said =
        cons_settings_host(real->spec.settings, host);

    return said ? said->uri : NULL;
}

Real *
real_new(const RealSpec *spec, const RealListener *listener, gpointer user)
{
    static const FetchListener fetch_listener = { on_fetch_note, on_fetched };
    Real *real = g_new0(Real, 1);
    g_autoptr(GPtrArray) uris = g_ptr_array_new();

    for (guint i = 0; i < spec->settings->hosts->len; i++) {
        const ConsHostSettings *host = spec->settings->hosts->pdata[i];

        if (host->uri) {
            g_ptr_array_add(uris, host->uri);
        }
    }
    g_ptr_array_add(uris, NULL);
    real->spec = *spec;
    real->listener = listener;
    real->user = user;
    real->look = look_new(spec->settings);
    real->flows = flows_new(spec->serves ? READ_US : 0);
    real->fetch = fetch_new(spec->service, spec->settings->far_span_s,
                            &fetch_listener, real);
    real->inventory = virt_inventory_new(
        spec->pool, (const char *const *)uris->pdata, spec->service->workers,
        (unsigned)(spec->service->patience_s * 1000));
    virt_inventory_count_writes(real->inventory, spec->service->writes_s);
    real->steps = g_ptr_array_new_with_free_func(real_step_drop);
    real->told_notes =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_queue_init(&real->events);
    return real;
}

void
real_free(Real *real)
{
    if (!real) {
        return;
    }
    real->manager = NULL;
    g_clear_handle_id(&real->event_source, g_source_remove);
    g_clear_handle_id(&real->time_source, g_source_remove);
    g_queue_clear_full(&real->events, (GDestroyNotify)cons_event_free);
    g_clear_handle_id(&real->wait_source, g_source_remove);
    fetch_free(real->fetch);
    virt_inventory_free(real->inventory);
    g_ptr_array_unref(real->steps);
    cluster_free(real->waits);
    flows_free(real->flows);
    look_free(real->look);
    g_hash_table_unref(real->told_notes);
    g_free(real);
}
