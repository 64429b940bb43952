/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * look.c - see look.h
 */
#include "tools/consolidate/look.h"

#include <math.h>
#include <string.h>

#include "tools/consolidate/place.h"

/* A guest as it was seen last. */
typedef struct Kept {
    char *uuid;
    int32_t host;
    int64_t vcpus;
    uint64_t memory_bytes;
} Kept;

struct Look {
    const ConsSettings *settings;
    GHashTable *kept; /* name -> Kept */
    GHashTable *seen; /* name -> VirtSeenGuest, borrowed */
    GHashTable *free; /* host -> uint64_t bytes, of those that answered */
};

/* A guest of this reading. */
typedef struct Found {
    const VirtSeenGuest *guest;
    int32_t host;
    bool twice; /* on another host too */
} Found;

static void
kept_free(gpointer data)
{
    Kept *kept = data;

    g_free(kept->uuid);
    g_free(kept);
}

Look *
look_new(const ConsSettings *settings)
{
    Look *look = g_new0(Look, 1);

    look->settings = settings;
    look->kept =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, kept_free);
    look->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    look->free = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return look;
}

void
look_free(Look *look)
{
    if (look) {
        g_hash_table_unref(look->kept);
        g_hash_table_unref(look->seen);
        g_hash_table_unref(look->free);
        g_free(look);
    }
}

/* --- hosts --- */

static void
take_host(ClusterHost *to, const VirtSeenHost *from)
{
    bool own_cpu = to->cpu_milli == 0, own_memory = to->memory_bytes == 0;
    double guests_cores = 0, guests_bytes = 0;

    if (!from->answered) {
        to->state = CLUSTER_HOST_UNKNOWN;
        g_free(to->why);
        to->why = g_strdup(from->why);
        return;
    }
    to->state = CLUSTER_HOST_UP;
    if (own_cpu) {
        to->cpu_milli = (int64_t)from->cpus * 1000;
    }
    if (own_memory) {
        to->memory_bytes = from->memory_bytes;
    }
    for (guint i = 0; i < from->guests->len; i++) {
        const VirtSeenGuest *guest = from->guests->pdata[i];

        guests_cores += known_or(guest->cpu_cores, 0);
        guests_bytes += (double)guest->balloon_bytes;
    }
    if (own_cpu && from->cpu_cores.known) {
        to->own_cpu_milli = (int64_t)llround(
            1000 * MAX(from->cpu_cores.value - guests_cores, 0));
    }
    if (own_memory && from->free_bytes > 0) {
        double own = (double)from->memory_bytes - (double)from->free_bytes -
                     guests_bytes;

        to->own_memory_bytes = own > 0 ? (uint64_t)own : 0;
    }
}

static void
take_free(Look *look, const char *name, const VirtSeenHost *from)
{
    if (from->answered && from->free_bytes > 0) {
        g_hash_table_insert(
            look->free, g_strdup(name),
            g_memdup2(&from->free_bytes, sizeof(from->free_bytes)));
    }
}

/* --- guests --- */

static bool
runs(const Found *found)
{
    return found->guest->state == VIRT_STATE_RUNNING;
}

/* By UUID, and of one the host where it runs first. */
static int
by_uuid(gconstpointer a, gconstpointer b)
{
    const Found *x = a, *y = b;
    int order = g_strcmp0(x->guest->uuid, y->guest->uuid);

    if (order == 0) {
        order = (int)runs(y) - (int)runs(x);
    }
    return order ? order : x->host - y->host;
}

static GArray *
find_guests(const GPtrArray *hosts, const int32_t *index_of)
{
    g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(Found));
    GArray *once = g_array_new(FALSE, FALSE, sizeof(Found));

    for (guint i = 0; i < hosts->len; i++) {
        const VirtSeenHost *host = hosts->pdata[i];

        for (guint j = 0; j < host->guests->len; j++) {
            Found found = { host->guests->pdata[j], index_of[i], false };

            g_array_append_val(all, found);
        }
    }
    g_array_sort(all, by_uuid);
    for (guint i = 0; i < all->len; i++) {
        Found *found = &g_array_index(all, Found, i);
        Found *before =
            once->len ? &g_array_index(once, Found, once->len - 1) : NULL;

        if (before && !g_strcmp0(before->guest->uuid, found->guest->uuid)) {
            before->twice = true;
        } else {
            g_array_append_val(once, *found);
        }
    }
    return once;
}

static bool
pinned_by_metadata(const VirtSeenGuest *guest)
{
    return guest->metadata && (strstr(guest->metadata, " pinned=\"yes\"") ||
                               strstr(guest->metadata, " pinned='yes'"));
}

/* Rules that cannot be read are kept by not moving the guest. */
static void
take_place(const Look *look, Cluster *cluster, const VirtSeenGuest *from,
           ClusterGuest *to)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Place) place =
        from->place ? place_parse(from->place, &error) : NULL;

    if (error) {
        g_free(to->fixed);
        to->fixed = g_strdup(error->message);
    } else if (place) {
        place_apply(place, look->settings, cluster, to->name);
        if (place->pinned && !to->fixed) {
            to->fixed = g_strdup("its metadata say pinned=\"yes\"");
        }
    }
}

static void
take_guest(Look *look, Cluster *cluster, const Found *found)
{
    const VirtSeenGuest *from = found->guest;
    ClusterGuest *to = cluster_add_guest(cluster, from->name, found->host);
    Kept *kept = g_new0(Kept, 1);

    if (!to) {
        g_autofree char *name =
            g_strdup_printf("%s (%s)", from->name, from->uuid);

        to = cluster_add_guest(cluster, name, found->host);
    }
    g_assert(to); /* a UUID is there once */
    to->uuid = g_strdup(from->uuid);
    to->vcpus = MAX(from->vcpus, 1);
    to->memory_bytes = from->memory_bytes;
    if (from->cpu_cores.known) {
        to->cpu_milli = (int64_t)llround(1000 * from->cpu_cores.value);
    }
    to->resident_bytes = from->resident_bytes;
    if (from->short_written_bytes.known) {
        cluster_guest_writes(
            to, from->short_written_bytes.value, VIRT_SEEN_SHORT_S,
            known_or(from->long_written_bytes, -1), VIRT_SEEN_LONG_S);
    }
    to->moving = from->job || found->twice;
    if (from->state != VIRT_STATE_RUNNING && from->state != VIRT_STATE_PAUSED) {
        to->fixed =
            g_strdup_printf("its state is '%s'", virt_state_name(from->state));
    } else if (pinned_by_metadata(from)) {
        to->fixed = g_strdup("its metadata say pinned=\"yes\"");
    } else if (from->stays && g_strcmp0(from->stays_kind, "busy") != 0) {
        to->fixed = g_strdup(from->stays);
    }
    take_place(look, cluster, from, to);
    *kept = (Kept){ g_strdup(from->uuid), found->host, to->vcpus,
                    to->memory_bytes };
    g_hash_table_replace(look->kept, g_strdup(to->name), kept);
    g_hash_table_replace(look->seen, g_strdup(to->name), (gpointer)from);
}

/* Who was on a host that is silent now, and is nowhere else, is there still. */
static void
take_silent(Look *look, Cluster *cluster)
{
    GHashTableIter iter;
    gpointer name, value;

    g_hash_table_iter_init(&iter, look->kept);
    while (g_hash_table_iter_next(&iter, &name, &value)) {
        const Kept *kept = value;
        ClusterGuest *guest;

        if (cluster_find_guest(cluster, name) >= 0) {
            continue;
        }
        if (cluster_host(cluster, (size_t)kept->host)->state ==
            CLUSTER_HOST_UP) {
            g_hash_table_iter_remove(&iter); /* it ended */
            continue;
        }
        guest = cluster_add_guest(cluster, name, kept->host);
        guest->uuid = g_strdup(kept->uuid);
        guest->vcpus = kept->vcpus;
        guest->memory_bytes = kept->memory_bytes;
        guest->gone = true;
    }
}

Cluster *
look_take(Look *look, const GPtrArray *hosts, int64_t wall_us)
{
    Cluster *cluster = cluster_new_of(look->settings, wall_us);
    g_autofree int32_t *index_of = g_new0(int32_t, hosts->len + 1);
    g_autoptr(GArray) found = NULL;
    guint next = 0;

    g_hash_table_remove_all(look->free);
    for (guint i = 0; i < look->settings->hosts->len; i++) {
        const ConsHostSettings *said = look->settings->hosts->pdata[i];
        ClusterHost *host = cluster_host(cluster, i);

        if (!said->uri) {
            host->why = g_strdup("the configuration names no uri for it");
        } else if (next < hosts->len) {
            index_of[next] = (int32_t)i;
            take_free(look, said->name, hosts->pdata[next]);
            take_host(host, hosts->pdata[next++]);
        }
    }
    found = find_guests(hosts, index_of);
    g_hash_table_remove_all(look->seen);
    for (guint i = 0; i < found->len; i++) {
        take_guest(look, cluster, &g_array_index(found, Found, i));
    }
    take_silent(look, cluster);
    return cluster;
}

const VirtSeenGuest *
look_guest(const Look *look, const char *name)
{
    return g_hash_table_lookup(look->seen, name);
}

Known
look_free_bytes(const Look *look, const char *host)
{
    const uint64_t *bytes = g_hash_table_lookup(look->free, host);

    return bytes ? known((double)*bytes) : unknown();
}
