/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cluster.c - see cluster.h
 */
#include "consolidate/cluster.h"

G_DEFINE_QUARK(vmferry_cons_error, cons_error)

const char *
cluster_host_state_name(ClusterHostState state)
{
    static const char *const names[] = { "up", "unknown", "asleep" };

    G_STATIC_ASSERT(G_N_ELEMENTS(names) == CLUSTER_N_HOST_STATES);
    return names[state];
}

/* Of a set that is written all over in a window 95 % are: 1 - exp(-3) */
#define ALL_OVER 3

static void
host_free(gpointer data)
{
    ClusterHost *host = data;

    g_free(host->name);
    g_free(host->why);
    g_free(host->rack);
    g_free(host->pod);
    g_free(host->site);
    g_strfreev(host->features);
    g_free(host);
}

static void
guest_free(gpointer data)
{
    ClusterGuest *guest = data;

    g_free(guest->name);
    g_free(guest->uuid);
    g_free(guest->fixed);
    g_free(guest);
}

Cluster *
cluster_new(int64_t at_us)
{
    Cluster *cluster = g_new0(Cluster, 1);

    cluster->at_us = at_us;
    cluster->hosts = g_ptr_array_new_with_free_func(host_free);
    cluster->guests = g_ptr_array_new_with_free_func(guest_free);
    cluster->flows = g_array_new(FALSE, FALSE, sizeof(ClusterFlow));
    cluster->by_name = g_hash_table_new(g_str_hash, g_str_equal);
    cluster->host_by_name = g_hash_table_new(g_str_hash, g_str_equal);
    cluster->groups = g_ptr_array_new_with_free_func(cons_group_free);
    return cluster;
}

void
cluster_free(Cluster *cluster)
{
    if (!cluster) {
        return;
    }
    g_hash_table_unref(cluster->by_name);
    g_hash_table_unref(cluster->host_by_name);
    g_ptr_array_unref(cluster->hosts);
    g_ptr_array_unref(cluster->guests);
    g_array_unref(cluster->flows);
    g_ptr_array_unref(cluster->groups);
    g_free(cluster);
}

/* Of equal names the first is found */
static void
know_host(Cluster *cluster, ClusterHost *host)
{
    g_ptr_array_add(cluster->hosts, host);
    if (!g_hash_table_contains(cluster->host_by_name, host->name)) {
        g_hash_table_insert(cluster->host_by_name, host->name,
                            GUINT_TO_POINTER(cluster->hosts->len));
    }
}

ClusterHost *
cluster_add_host(Cluster *cluster, const char *name)
{
    ClusterHost *host = g_new0(ClusterHost, 1);

    host->name = g_strdup(name);
    host->state = CLUSTER_HOST_UP;
    host->rack = g_strdup("");
    host->pod = g_strdup("");
    host->site = g_strdup("");
    host->features = g_new0(char *, 1);
    know_host(cluster, host);
    return host;
}

static void
replace(char **text, const char *by)
{
    g_free(*text);
    *text = g_strdup(by ? by : "");
}

Cluster *
cluster_new_of(const ConsSettings *settings, int64_t at_us)
{
    Cluster *cluster = cluster_new(at_us);

    for (guint i = 0; i < settings->hosts->len; i++) {
        const ConsHostSettings *from = g_ptr_array_index(settings->hosts, i);
        ClusterHost *host = cluster_add_host(cluster, from->name);

        host->state = CLUSTER_HOST_UNKNOWN;
        replace(&host->rack, from->rack);
        replace(&host->pod, from->pod);
        replace(&host->site, from->site);
        host->link_bytes_s =
            from->link_bytes_s ? from->link_bytes_s : settings->link_bytes_s;
        host->cpu_milli = from->cpu_milli;
        host->memory_bytes = from->memory_bytes;
        host->slots = from->slots;
        host->idle_mw = from->idle_mw;
        host->busy_mw = from->busy_mw;
        g_strfreev(host->features);
        host->features = g_strdupv(from->features);
        host->closed = from->closed;
    }
    return cluster;
}

ClusterGuest *
cluster_add_guest(Cluster *cluster, const char *name, int32_t host)
{
    ClusterGuest *guest;

    g_assert(host >= 0 && (guint)host < cluster->hosts->len);
    if (g_hash_table_contains(cluster->by_name, name)) {
        return NULL;
    }
    guest = g_new0(ClusterGuest, 1);
    guest->name = g_strdup(name);
    guest->host = host;
    guest->cpu_milli = -1;
    g_ptr_array_add(cluster->guests, guest);
    g_hash_table_insert(cluster->by_name, guest->name,
                        GUINT_TO_POINTER(cluster->guests->len));
    return guest;
}

void
cluster_guest_writes(ClusterGuest *guest, double short_bytes, double short_s,
                     double long_bytes, double long_s)
{
    double cold_bytes_s, hot_bytes;

    g_assert(short_s > 0 && long_s > short_s && short_bytes >= 0);
    if (long_bytes < 0) {
        long_s = 8 * short_s;
        long_bytes = CLUSTER_GROWTH * short_bytes;
    }
    cold_bytes_s = MAX(0, long_bytes - short_bytes) / (long_s - short_s);
    cold_bytes_s = MIN(cold_bytes_s, short_bytes / short_s);
    hot_bytes =
        MIN(short_bytes - cold_bytes_s * short_s, (double)guest->memory_bytes);
    guest->hot_bytes = (uint64_t)MAX(0, hot_bytes);
    guest->hot_bytes_s = (uint64_t)(ALL_OVER * MAX(0, hot_bytes) / short_s);
    guest->cold_bytes_s = (uint64_t)cold_bytes_s;
}

/* An end of a flow, once guest @gone is not there any more */
static int32_t
moved_up(int32_t end, int32_t gone)
{
    return end > gone ? end - 1 : end;
}

void
cluster_remove_guest(Cluster *cluster, int32_t guest)
{
    guint kept = 0;

    g_assert(guest >= 0 && (guint)guest < cluster->guests->len);
    g_hash_table_remove(cluster->by_name,
                        cluster_guest(cluster, (guint)guest)->name);
    g_ptr_array_remove_index(cluster->guests, (guint)guest);
    for (guint i = (guint)guest; i < cluster->guests->len; i++) {
        g_hash_table_insert(cluster->by_name, cluster_guest(cluster, i)->name,
                            GUINT_TO_POINTER(i + 1));
    }
    for (guint i = 0; i < cluster->flows->len; i++) {
        ClusterFlow flow = g_array_index(cluster->flows, ClusterFlow, i);

        if (flow.a != guest && flow.b != guest) {
            flow.a = moved_up(flow.a, guest);
            flow.b = moved_up(flow.b, guest);
            g_array_index(cluster->flows, ClusterFlow, kept++) = flow;
        }
    }
    g_array_set_size(cluster->flows, kept);
}

void
cluster_add_flow(Cluster *cluster, int32_t a, int32_t b, double bytes_s)
{
    ClusterFlow flow = { .a = a, .b = b, .bytes_s = bytes_s };

    g_assert(a != b && a >= 0 && b >= 0 && bytes_s >= 0);
    g_array_append_val(cluster->flows, flow);
}

int32_t
cluster_find_host(const Cluster *cluster, const char *name)
{
    return (int32_t)GPOINTER_TO_UINT(
               g_hash_table_lookup(cluster->host_by_name, name)) -
           1;
}

int32_t
cluster_find_guest(const Cluster *cluster, const char *name)
{
    return (int32_t)GPOINTER_TO_UINT(
               g_hash_table_lookup(cluster->by_name, name)) -
           1;
}

Cluster *
cluster_copy(const Cluster *cluster)
{
    Cluster *copy = cluster_new(cluster->at_us);

    for (guint i = 0; i < cluster->hosts->len; i++) {
        const ClusterHost *from = cluster_host(cluster, i);
        ClusterHost *to = g_new(ClusterHost, 1);

        *to = *from;
        to->name = g_strdup(from->name);
        to->why = g_strdup(from->why);
        to->rack = g_strdup(from->rack);
        to->pod = g_strdup(from->pod);
        to->site = g_strdup(from->site);
        to->features = g_strdupv(from->features);
        know_host(copy, to);
    }
    for (guint i = 0; i < cluster->guests->len; i++) {
        const ClusterGuest *from = cluster_guest(cluster, i);
        ClusterGuest *to = cluster_add_guest(copy, from->name, from->host);
        char *name = to->name;

        *to = *from;
        to->name = name;
        to->uuid = g_strdup(from->uuid);
        to->fixed = g_strdup(from->fixed);
    }
    g_array_append_vals(copy->flows, cluster->flows->data, cluster->flows->len);
    copy->flow_span_s = cluster->flow_span_s;
    for (guint i = 0; i < cluster->groups->len; i++) {
        const ConsGroupSettings *from = g_ptr_array_index(cluster->groups, i);
        ConsGroupSettings *to = cons_group_new(from->name);

        g_strfreev(to->members);
        to->members = g_strdupv(from->members);
        g_array_append_vals(to->rules, from->rules->data, from->rules->len);
        g_ptr_array_add(copy->groups, to);
    }
    return copy;
}
