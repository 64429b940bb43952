/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * flows.c - see flows.h
 *
 * Periods of the files are brought together by when they began, in steps of
 * their own length: hosts that count with the same --period count the same
 * periods.
 */
#include "tools/consolidate/flows.h"

#include <string.h>

#include "store/traffic-store.h"
#include "traffic/merge.h"

typedef struct Period {
    GPtrArray *pieces; /* TrafficSummary *, one a file that has it */
} Period;

typedef struct Flows {
    TrafficGuests *guests;
    GHashTable *periods; /* int64_t number -> Period */
    int64_t first_us, last_us;
} Flows;

static void
period_free(gpointer data)
{
    Period *period = data;

    g_ptr_array_unref(period->pieces);
    g_free(period);
}

static bool
on_stored(TrafficSummary *summary, gpointer user)
{
    Flows *flows = user;
    int64_t length_us = MAX(summary->period_us, 1);
    int64_t number = summary->from_us / length_us;
    Period *period = g_hash_table_lookup(flows->periods, &number);

    if (!period) {
        period = g_new(Period, 1);
        period->pieces = g_ptr_array_new_with_free_func(
            (GDestroyNotify)traffic_summary_free);
        g_hash_table_insert(flows->periods, g_memdup2(&number, sizeof(number)),
                            period);
    }
    flows->first_us = MIN(flows->first_us, summary->from_us);
    flows->last_us = MAX(flows->last_us, summary->to_us);
    g_ptr_array_add(period->pieces, summary);
    return true;
}

static void
take_exchanges(Cluster *cluster, TrafficGuests *guests,
               const TrafficSummary *whole, double span_s)
{
    g_autoptr(GArray) pairs = traffic_summary_exchanges(whole);

    for (guint i = 0; i < pairs->len; i++) {
        const TrafficExchange *pair = &g_array_index(pairs, TrafficExchange, i);
        int32_t a =
            cluster_find_guest(cluster, traffic_guests_name(guests, pair->a));
        int32_t b =
            cluster_find_guest(cluster, traffic_guests_name(guests, pair->b));

        if (a >= 0 && b >= 0 && a != b && pair->sum.bytes > 0) {
            cluster_add_flow(cluster, a, b, (double)pair->sum.bytes / span_s);
        }
    }
}

static void
merge(Cluster *cluster, Flows *flows)
{
    g_autoptr(TrafficMerge) all = traffic_merge_new(flows->guests);
    g_autoptr(TrafficSummary) whole = NULL;
    double span_s = (double)(flows->last_us - flows->first_us) / 1e6;
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, flows->periods);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Period *period = value;
        g_autoptr(TrafficSummary) hosts =
            traffic_merge_hosts((TrafficSummary *const *)period->pieces->pdata,
                                period->pieces->len);

        traffic_merge_add(all, hosts);
    }
    if (traffic_merge_count(all) == 0 || !(span_s > 0)) {
        return;
    }
    whole = traffic_merge_finish(all);
    cluster->flow_span_s = span_s;
    take_exchanges(cluster, flows->guests, whole, span_s);
}

/* Before anything is read: a guest that a file calls by its address then is
 * the one that another file names. */
static void
tell_addresses(TrafficGuests *guests, const Cluster *cluster, const Look *look,
               GPtrArray *notes)
{
    for (guint i = 0; look && i < cluster->guests->len; i++) {
        const char *name = cluster_guest(cluster, i)->name;
        const VirtSeenGuest *seen = look_guest(look, name);

        for (guint n = 0; seen && n < seen->nics->len; n++) {
            const VirtSeenNic *nic = seen->nics->pdata[n];
            g_autoptr(GError) error = NULL;

            if (nic->mac &&
                !traffic_guests_add(guests, nic->mac, name, &error)) {
                g_ptr_array_add(notes, g_strdup_printf("guest '%s': %s", name,
                                                       error->message));
            }
        }
    }
}

void
flows_add(Cluster *cluster, const Look *look, const char *const *files,
          int64_t from_us, GPtrArray *notes)
{
    g_autoptr(TrafficGuests) guests = traffic_guests_new(24, 64);
    Flows flows = { .guests = guests,
                    .first_us = INT64_MAX,
                    .last_us = INT64_MIN };

    flows.periods =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, period_free);
    tell_addresses(guests, cluster, look, notes);
    for (size_t i = 0; files[i]; i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(TrafficStore) store =
            traffic_store_open_to_read(files[i], &error);

        if (!store || !traffic_store_read(store, from_us, INT64_MAX, guests,
                                          on_stored, &flows, &error)) {
            g_ptr_array_add(notes, g_strdup(error->message));
        }
    }
    merge(cluster, &flows);
    g_hash_table_unref(flows.periods);
}
