/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * flows.c - see flows.h
 *
 *   file --> matrices that are new --> by period: a pair's larger figure
 *                                          |   of all files
 *                                          v
 *                        sum over the span, by pair --> the cluster's flows
 *
 * Periods of the files are brought together by when they began, in steps of
 * their own length: hosts that count with the same --period count the same
 * periods. A day of many hosts is tens of millions of rows, so what was read is
 * kept by period, and only what came since is read; and no longer at a time than
 * others can wait, which may take several looks at first. Until all is read
 * nothing is told, for half of the files is no picture.
 */
#include "tools/consolidate/flows.h"

#include <string.h>

#include "base/clock.h"
#include "store/traffic-store.h"
#include "traffic/guests.h"

/* Two guests by number, a < b. */
typedef struct Pair {
    uint32_t a, b;
    uint64_t bytes;
} Pair;

typedef struct Period {
    int64_t begin_us; /* a multiple of its length: the key */
    int64_t from_us, to_us;
    GArray *pairs; /* Pair, sorted */
} Period;

/* How far a file was read. */
typedef struct File {
    int64_t last_us; /* when the newest matrix that was read began */
} File;

struct Flows {
    TrafficGuests *guests;
    GHashTable *periods; /* Period.begin_us -> Period */
    GHashTable *files;   /* path -> File */
    GHashTable *clashes; /* "MAC NAME" of an address that had another's name */
    GArray *sums;        /* Pair, over all periods */
    double span_s;
    int64_t most_us;
    int64_t read_us; /* of the cluster that was read for last; 0: read anew */
    int64_t period_us;
    /* while a file is read */
    File *file;
    int64_t until_us; /* monotonic */
    bool behind;      /* there is more than there was time for */
};

static void
period_free(gpointer data)
{
    Period *period = data;

    g_array_unref(period->pairs);
    g_free(period);
}

static void
begin(Flows *flows)
{
    flows->guests = traffic_guests_new(24, 64);
    flows->periods =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, period_free);
    flows->files =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    flows->sums = g_array_new(FALSE, FALSE, sizeof(Pair));
    flows->span_s = 0;
    flows->read_us = flows->period_us = 0;
}

static void
end(Flows *flows)
{
    g_hash_table_unref(flows->periods);
    g_hash_table_unref(flows->files);
    g_array_unref(flows->sums);
    traffic_guests_unref(flows->guests);
}

Flows *
flows_new(int64_t most_us)
{
    Flows *flows = g_new0(Flows, 1);

    begin(flows);
    flows->most_us = most_us;
    flows->clashes =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return flows;
}

void
flows_free(Flows *flows)
{
    if (flows) {
        end(flows);
        g_hash_table_unref(flows->clashes);
        g_free(flows);
    }
}

void
flows_forget(Flows *flows)
{
    flows->read_us = 0;
}

/* --- reading --- */

static int
compare_pairs(gconstpointer x, gconstpointer y)
{
    const Pair *a = x, *b = y;

    return a->a != b->a ? (a->a > b->a) - (a->a < b->a)
                        : (a->b > b->b) - (a->b < b->b);
}

/* Return: sorted, each pair once */
static GArray *
pairs_of(const TrafficSummary *summary)
{
    g_autoptr(GArray) exchanges = traffic_summary_exchanges(summary);
    g_autoptr(GArray) all =
        g_array_sized_new(FALSE, FALSE, sizeof(Pair), exchanges->len);
    GArray *once = g_array_new(FALSE, FALSE, sizeof(Pair));

    for (guint i = 0; i < exchanges->len; i++) {
        const TrafficExchange *one =
            &g_array_index(exchanges, TrafficExchange, i);
        Pair pair = { MIN(one->a, one->b), MAX(one->a, one->b),
                      one->sum.bytes };

        g_array_append_val(all, pair);
    }
    g_array_sort(all, compare_pairs);
    for (guint i = 0; i < all->len; i++) {
        const Pair *pair = &g_array_index(all, Pair, i);
        Pair *last =
            once->len ? &g_array_index(once, Pair, once->len - 1) : NULL;

        if (last && compare_pairs(last, pair) == 0) {
            last->bytes += pair->bytes;
        } else {
            g_array_append_val(once, *pair);
        }
    }
    return once;
}

/* What two hosts saw of a pair is the same traffic. */
static GArray *
larger_of(const GArray *x, const GArray *y)
{
    GArray *both = g_array_sized_new(FALSE, FALSE, sizeof(Pair), x->len);
    guint i = 0, k = 0;

    while (i < x->len || k < y->len) {
        const Pair *a = i < x->len ? &g_array_index(x, Pair, i) : NULL;
        const Pair *b = k < y->len ? &g_array_index(y, Pair, k) : NULL;
        int order = !a ? 1 : !b ? -1 : compare_pairs(a, b);
        Pair pair = order <= 0 ? *a : *b;

        if (order == 0) {
            pair.bytes = MAX(a->bytes, b->bytes);
        }
        i += order <= 0;
        k += order >= 0;
        g_array_append_val(both, pair);
    }
    return both;
}

static bool
on_stored(TrafficSummary *owned, gpointer user)
{
    g_autoptr(TrafficSummary) summary = owned;
    Flows *flows = user;
    int64_t length_us = MAX(summary->period_us, 1);
    int64_t begin_us = summary->from_us / length_us * length_us;
    Period *period = g_hash_table_lookup(flows->periods, &begin_us);
    GArray *pairs = pairs_of(summary);

    if (period) {
        GArray *both = larger_of(period->pairs, pairs);

        g_array_unref(period->pairs);
        g_array_unref(pairs);
        period->pairs = both;
        period->from_us = MIN(period->from_us, summary->from_us);
        period->to_us = MAX(period->to_us, summary->to_us);
    } else {
        period = g_new(Period, 1);
        *period = (Period){ begin_us, summary->from_us, summary->to_us, pairs };
        g_hash_table_insert(flows->periods, &period->begin_us, period);
    }
    flows->period_us = MAX(flows->period_us, summary->period_us);
    flows->file->last_us = MAX(flows->file->last_us, summary->from_us);
    flows->behind = flows->most_us && clock_mono_us() >= flows->until_us;
    return !flows->behind;
}

/* Before anything is read: a guest that a file calls by its address then is
 * the one that another file names. False: an address has another name than it
 * had, and what was read is of who had it before. */
static bool
tell_addresses(Flows *flows, const Cluster *cluster, const Look *look,
               GPtrArray *notes)
{
    bool good = true;

    for (guint i = 0; look && i < cluster->guests->len; i++) {
        const char *name = cluster_guest(cluster, i)->name;
        const VirtSeenGuest *seen = look_guest(look, name);

        for (guint n = 0; seen && seen->nics && n < seen->nics->len; n++) {
            const VirtSeenNic *nic = seen->nics->pdata[n];
            g_autoptr(GError) error = NULL;

            if (!nic->mac ||
                traffic_guests_add(flows->guests, nic->mac, name, &error)) {
                continue;
            }
            g_ptr_array_add(
                notes, g_strdup_printf("guest '%s': %s", name, error->message));
            if (g_hash_table_add(flows->clashes,
                                 g_strdup_printf("%s %s", nic->mac, name))) {
                good = false;
            }
        }
    }
    return good;
}

static void
read_file(Flows *flows, const char *path, int64_t from_us, GPtrArray *notes)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TrafficStore) store = traffic_store_open_to_read(path, &error);

    flows->file = g_hash_table_lookup(flows->files, path);
    if (!flows->file) {
        flows->file = g_new(File, 1);
        flows->file->last_us = INT64_MIN;
        g_hash_table_insert(flows->files, g_strdup(path), flows->file);
    }
    if (flows->file->last_us >= from_us) {
        from_us = flows->file->last_us + 1;
    }
    if (!store || !traffic_store_read(store, from_us, INT64_MAX, flows->guests,
                                      on_stored, flows, &error)) {
        g_ptr_array_add(notes, g_strdup(error->message));
    }
}

static gboolean
is_old(gpointer begin_us, gpointer period, gpointer user)
{
    return ((Period *)period)->from_us < *(int64_t *)user;
}

static void
sum_up(Flows *flows)
{
    g_autoptr(GArray) sums = g_array_new(FALSE, FALSE, sizeof(Pair));
    g_autoptr(GHashTable) places = /* of a pair, as one number, in sums + 1 */
        g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    int64_t first_us = INT64_MAX, last_us = INT64_MIN;
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, flows->periods);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Period *period = value;

        first_us = MIN(first_us, period->from_us);
        last_us = MAX(last_us, period->to_us);
        for (guint i = 0; i < period->pairs->len; i++) {
            const Pair *pair = &g_array_index(period->pairs, Pair, i);
            uint64_t key = (uint64_t)pair->a << 32 | pair->b;
            guint at =
                GPOINTER_TO_UINT(g_hash_table_lookup(places, (int64_t *)&key));

            if (at) {
                g_array_index(sums, Pair, at - 1).bytes += pair->bytes;
            } else {
                g_array_append_val(sums, *pair);
                g_hash_table_insert(places, g_memdup2(&key, sizeof(key)),
                                    GUINT_TO_POINTER(sums->len));
            }
        }
    }
    flows->span_s = last_us > first_us ? (double)(last_us - first_us) / 1e6 : 0;
    /* in an order that is the same whatever a table's is */
    g_array_sort(sums, compare_pairs);
    g_array_unref(flows->sums);
    flows->sums = g_steal_pointer(&sums);
}

static void
read_files(Flows *flows, const Cluster *cluster, const Look *look,
           const char *const *files, int64_t from_us, GPtrArray *notes)
{
    flows->until_us = clock_mono_us() + flows->most_us;
    flows->behind = false;
    if (!tell_addresses(flows, cluster, look, notes)) {
        end(flows);
        begin(flows);
        tell_addresses(flows, cluster, look, notes);
    }
    for (size_t i = 0; files[i] && !flows->behind; i++) {
        read_file(flows, files[i], from_us, notes);
    }
    g_hash_table_foreach_remove(flows->periods, is_old, &from_us);
    /* behind: the next look goes on */
    flows->read_us = flows->behind ? 0 : cluster->at_us;
    if (!flows->behind) {
        sum_up(flows);
    }
}

/* --- telling --- */

/* Who was known by nothing but an address may have a name meanwhile. */
static int32_t
guest_of(const Flows *flows, const Cluster *cluster, uint32_t number)
{
    const char *name = traffic_guests_name(flows->guests, number);
    int32_t guest = cluster_find_guest(cluster, name);
    TrafficEnd known;

    if (guest < 0 &&
        traffic_end_read(flows->guests, "guest", name, &known, NULL) &&
        known.number != number) {
        guest = cluster_find_guest(
            cluster, traffic_guests_name(flows->guests, known.number));
    }
    return guest;
}

void
flows_add(Flows *flows, Cluster *cluster, const Look *look,
          const char *const *files, int64_t from_us, GPtrArray *notes)
{
    int64_t age_us = cluster->at_us - flows->read_us;
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(Pair));

    if (flows->read_us == 0 || age_us < 0 || age_us >= flows->period_us) {
        read_files(flows, cluster, look, files, from_us, notes);
    }
    if (!(flows->span_s > 0)) {
        return;
    }
    cluster->flow_span_s = flows->span_s;
    for (guint i = 0; i < flows->sums->len; i++) {
        const Pair *pair = &g_array_index(flows->sums, Pair, i);
        int32_t a = guest_of(flows, cluster, pair->a);
        int32_t b = guest_of(flows, cluster, pair->b);
        Pair one = { (uint32_t)MIN(a, b), (uint32_t)MAX(a, b), pair->bytes };

        if (a >= 0 && b >= 0 && a != b && pair->bytes > 0) {
            g_array_append_val(found, one);
        }
    }
    g_array_sort(found, compare_pairs);
    for (guint i = 0; i < found->len; i++) {
        const Pair *pair = &g_array_index(found, Pair, i);
        uint64_t bytes = pair->bytes;

        /* by name and by address it is the same traffic, seen by two */
        while (i + 1 < found->len &&
               compare_pairs(pair, &g_array_index(found, Pair, i + 1)) == 0) {
            bytes = MAX(bytes, g_array_index(found, Pair, ++i).bytes);
        }
        cluster_add_flow(cluster, (int32_t)pair->a, (int32_t)pair->b,
                         (double)bytes / flows->span_s);
    }
}
