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

typedef struct Reading {
    TrafficGuests *guests;
    GHashTable *periods; /* int64_t number -> Period */
    int64_t first_us, last_us, period_us;
} Reading;

/* Between guests by name: their numbers are another look's. */
typedef struct Exchange {
    char *a, *b;
    uint64_t bytes;
} Exchange;

struct Flows {
    GArray *exchanges; /* Exchange */
    double span_s;
    int64_t read_us; /* of the cluster that it was read for; 0: nothing was */
    int64_t period_us;
};

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
    Reading *reading = user;
    int64_t length_us = MAX(summary->period_us, 1);
    int64_t number = summary->from_us / length_us;
    Period *period = g_hash_table_lookup(reading->periods, &number);

    if (!period) {
        period = g_new(Period, 1);
        period->pieces = g_ptr_array_new_with_free_func(
            (GDestroyNotify)traffic_summary_free);
        g_hash_table_insert(reading->periods,
                            g_memdup2(&number, sizeof(number)), period);
    }
    reading->first_us = MIN(reading->first_us, summary->from_us);
    reading->last_us = MAX(reading->last_us, summary->to_us);
    reading->period_us = MAX(reading->period_us, summary->period_us);
    g_ptr_array_add(period->pieces, summary);
    return true;
}

static void
exchange_clear(gpointer data)
{
    Exchange *exchange = data;

    g_free(exchange->a);
    g_free(exchange->b);
}

Flows *
flows_new(void)
{
    Flows *flows = g_new0(Flows, 1);

    flows->exchanges = g_array_new(FALSE, FALSE, sizeof(Exchange));
    g_array_set_clear_func(flows->exchanges, exchange_clear);
    return flows;
}

void
flows_free(Flows *flows)
{
    if (flows) {
        g_array_unref(flows->exchanges);
        g_free(flows);
    }
}

void
flows_forget(Flows *flows)
{
    flows->read_us = 0;
}

static void
take_exchanges(Flows *flows, const Reading *reading,
               const TrafficSummary *whole)
{
    g_autoptr(GArray) pairs = traffic_summary_exchanges(whole);

    for (guint i = 0; i < pairs->len; i++) {
        const TrafficExchange *pair = &g_array_index(pairs, TrafficExchange, i);
        Exchange exchange = {
            .a = g_strdup(traffic_guests_name(reading->guests, pair->a)),
            .b = g_strdup(traffic_guests_name(reading->guests, pair->b)),
            .bytes = pair->sum.bytes,
        };

        g_array_append_val(flows->exchanges, exchange);
    }
}

static void
merge(Flows *flows, const Reading *reading)
{
    g_autoptr(TrafficMerge) all = traffic_merge_new(reading->guests);
    g_autoptr(TrafficSummary) whole = NULL;
    GHashTableIter iter;
    gpointer value;

    g_array_set_size(flows->exchanges, 0);
    flows->span_s = 0;
    g_hash_table_iter_init(&iter, reading->periods);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Period *period = value;
        g_autoptr(TrafficSummary) hosts =
            traffic_merge_hosts((TrafficSummary *const *)period->pieces->pdata,
                                period->pieces->len);

        traffic_merge_add(all, hosts);
    }
    if (traffic_merge_count(all) == 0) {
        return;
    }
    whole = traffic_merge_finish(all);
    flows->span_s = (double)(reading->last_us - reading->first_us) / 1e6;
    take_exchanges(flows, reading, whole);
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

static void
read_files(Flows *flows, const Cluster *cluster, const Look *look,
           const char *const *files, int64_t from_us, GPtrArray *notes)
{
    g_autoptr(TrafficGuests) guests = traffic_guests_new(24, 64);
    Reading reading = { .guests = guests,
                        .first_us = INT64_MAX,
                        .last_us = INT64_MIN };

    reading.periods =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, period_free);
    tell_addresses(guests, cluster, look, notes);
    for (size_t i = 0; files[i]; i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(TrafficStore) store =
            traffic_store_open_to_read(files[i], &error);

        if (!store || !traffic_store_read(store, from_us, INT64_MAX, guests,
                                          on_stored, &reading, &error)) {
            g_ptr_array_add(notes, g_strdup(error->message));
        }
    }
    merge(flows, &reading);
    flows->read_us = cluster->at_us;
    flows->period_us = reading.period_us;
    g_hash_table_unref(reading.periods);
}

void
flows_add(Flows *flows, Cluster *cluster, const Look *look,
          const char *const *files, int64_t from_us, GPtrArray *notes)
{
    int64_t age_us = cluster->at_us - flows->read_us;

    /* a day of many hosts takes seconds to read, and changes by the period */
    if (flows->read_us == 0 || age_us < 0 || age_us >= flows->period_us) {
        read_files(flows, cluster, look, files, from_us, notes);
    }
    if (!(flows->span_s > 0)) {
        return;
    }
    cluster->flow_span_s = flows->span_s;
    for (guint i = 0; i < flows->exchanges->len; i++) {
        const Exchange *pair = &g_array_index(flows->exchanges, Exchange, i);
        int32_t a = cluster_find_guest(cluster, pair->a);
        int32_t b = cluster_find_guest(cluster, pair->b);

        if (a >= 0 && b >= 0 && a != b && pair->bytes > 0) {
            cluster_add_flow(cluster, a, b,
                             (double)pair->bytes / flows->span_s);
        }
    }
}
