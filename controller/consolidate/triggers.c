/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * triggers.c - see triggers.h
 *
 * The demand of a guest is the mean of its window, or of its newest samples if
 * that is more: a load that has come to stay is believed after n samples, one
 * that has gone only when the window has forgotten it.
 */
#include <math.h>
#include <string.h>

#include "consolidate/watch-priv.h"

#define MOST_SAMPLES 512
#define GIB 1073741824.0
#define SLOT_US (300 * INT64_C(1000000))
#define SLOTS (CONS_DAY_US / SLOT_US)
/* Thresholds out of a host's own history: from so many samples on, and never
 * below so much. */
#define ENOUGH 10
#define LEAST_THRESHOLD 0.5

const char *
cons_trigger_name(ConsTriggerKind kind)
{
    static const char *const names[] = {
        "overloaded", "underloaded", "wake",    "far-traffic",
        "evacuate",   "constraints", "request",
    };

    G_STATIC_ASSERT(G_N_ELEMENTS(names) == CONS_N_TRIGGERS);
    return names[kind];
}

bool
cons_trigger_parse(const char *text, ConsTriggerKind *kind)
{
    for (int i = 0; i < CONS_N_TRIGGERS; i++) {
        if (strcmp(text, cons_trigger_name(i)) == 0) {
            *kind = (ConsTriggerKind)i;
            return true;
        }
    }
    return false;
}

ConsTrigger *
cons_trigger_new(ConsTriggerKind kind, int32_t host, const char *text)
{
    ConsTrigger *trigger = g_new0(ConsTrigger, 1);

    trigger->kind = kind;
    trigger->host = host;
    trigger->text = g_strdup(text);
    return trigger;
}

void
cons_trigger_free(ConsTrigger *trigger)
{
    if (trigger) {
        g_free(trigger->text);
        g_free(trigger);
    }
}

/* What all guests took, in a slot of five minutes of the last day. */
typedef struct Slot {
    int64_t at_us;
    double sum;
    size_t n;
} Slot;

struct ConsWatch {
    const ConsSettings *settings;
    size_t room;        /* samples of a window */
    GHashTable *guests; /* name: ConsRing, thousandths of a core */
    GHashTable *hosts;  /* name: ConsRing, share */
    ConsRing *total;    /* thousandths of a core */
    Slot slots[SLOTS];
    int64_t newest_us, first_us;
    int64_t far_us; /* when traffic was looked at */
};

ConsWatch *
cons_watch_new(const ConsSettings *settings)
{
    ConsWatch *watch = g_new0(ConsWatch, 1);
    double samples = ceil(settings->window_s / settings->cycle_s) + 1;

    watch->settings = settings;
    watch->room = (size_t)CLAMP(samples, 2, MOST_SAMPLES);
    watch->room = MAX(watch->room, settings->overload_n);
    watch->room = MAX(watch->room, settings->underload_n);
    watch->guests =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, cons_ring_free);
    watch->hosts =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, cons_ring_free);
    watch->total = cons_ring_new(watch->room);
    return watch;
}

void
cons_watch_free(ConsWatch *watch)
{
    if (watch) {
        g_hash_table_unref(watch->guests);
        g_hash_table_unref(watch->hosts);
        cons_ring_free(watch->total);
        g_free(watch);
    }
}

static void
sample(ConsWatch *watch, GHashTable *table, const char *name, int64_t at_us,
       double value)
{
    ConsRing *ring = g_hash_table_lookup(table, name);

    if (!ring) {
        ring = cons_ring_new(watch->room);
        g_hash_table_insert(table, g_strdup(name), ring);
    }
    cons_ring_add(ring, at_us, value);
}

void
cons_watch_sample_guest(ConsWatch *watch, const char *name, int64_t at_us,
                        int64_t cpu_milli)
{
    if (cpu_milli >= 0) {
        sample(watch, watch->guests, name, at_us, (double)cpu_milli);
    }
}

void
cons_watch_sample_host(ConsWatch *watch, const char *name, int64_t at_us,
                       double share)
{
    if (share >= 0) {
        sample(watch, watch->hosts, name, at_us, share);
    }
}

static gboolean
is_forgotten(gpointer name, gpointer ring, gpointer user)
{
    const int64_t *before_us = user;

    return cons_ring_at(ring, 0)->at_us < *before_us;
}

void
cons_watch_observe(ConsWatch *watch, const Cluster *cluster)
{
    g_autofree double *use = g_new0(double, cluster->hosts->len + 1);
    int64_t before_us = cluster->at_us -
                        (int64_t)(watch->settings->window_s * 1e6) -
                        (int64_t)(10 * watch->settings->cycle_s * 1e6);
    double all = 0;
    Slot *slot;

    if (cluster->at_us <= watch->newest_us) {
        return;
    }
    if (watch->first_us == 0) {
        watch->first_us = cluster->at_us;
    }
    watch->newest_us = cluster->at_us;
    for (guint i = 0; i < cluster->guests->len; i++) {
        const ClusterGuest *guest = cluster_guest(cluster, i);

        if (guest->gone || guest->cpu_milli < 0) {
            continue;
        }
        cons_watch_sample_guest(watch, guest->name, cluster->at_us,
                                guest->cpu_milli);
        use[guest->host] += (double)guest->cpu_milli;
        all += (double)guest->cpu_milli;
    }
    for (guint i = 0; i < cluster->hosts->len; i++) {
        const ClusterHost *host = cluster_host(cluster, i);

        if (host->state == CLUSTER_HOST_UP && host->cpu_milli > 0) {
            cons_watch_sample_host(watch, host->name, cluster->at_us,
                                   (use[i] + (double)host->own_cpu_milli) /
                                       (double)host->cpu_milli);
        }
    }
    g_hash_table_foreach_remove(watch->guests, is_forgotten, &before_us);
    g_hash_table_foreach_remove(watch->hosts, is_forgotten, &before_us);
    cons_ring_add(watch->total, cluster->at_us, all);
    slot = &watch->slots[cluster->at_us / SLOT_US % SLOTS];
    if (slot->at_us != cluster->at_us / SLOT_US) {
        memset(slot, 0, sizeof(*slot));
        slot->at_us = cluster->at_us / SLOT_US;
    }
    slot->sum += all;
    slot->n++;
}

void
cons_watch_relieved(ConsWatch *watch, const char *host)
{
    g_hash_table_remove(watch->hosts, host);
}

void
cons_watch_far_done(ConsWatch *watch, int64_t at_us)
{
    watch->far_us = MAX(watch->far_us, at_us);
}

int64_t
cons_watch_demand(const ConsWatch *watch, const ClusterGuest *guest)
{
    const ConsSettings *s = watch->settings;
    const ConsRing *ring = g_hash_table_lookup(watch->guests, guest->name);
    double demand, sd;
    size_t n;

    if (!ring || ring->n == 0) {
        return guest->cpu_milli >= 0 ? guest->cpu_milli : guest->vcpus * 1000;
    }
    n = cons_ring_since(ring, cons_ring_at(ring, 0)->at_us -
                                  (int64_t)(s->window_s * 1e6));
    demand = cons_ring_mean(ring, n, &sd);
    if (s->demand == CONS_DEMAND_LAST) {
        demand = cons_ring_at(ring, 0)->value;
    } else {
        demand = MAX(demand, cons_ring_mean(ring, MIN(n, s->overload_n), NULL));
    }
    if (s->demand == CONS_DEMAND_LINEAR) {
        int64_t at_us =
            cons_ring_at(ring, 0)->at_us + (int64_t)(s->ahead_s * 1e6);

        demand = MAX(0, cons_ring_line(ring, n, at_us));
    }
    demand += s->headroom * sd;
    if (guest->vcpus > 0) {
        demand = MIN(demand, (double)guest->vcpus * 1000);
    }
    return llround(demand);
}

int64_t *
cons_watch_forecast(const ConsWatch *watch, const Cluster *cluster)
{
    int64_t *use = g_new0(int64_t, cluster->hosts->len + 1);

    for (guint i = 0; i < cluster->hosts->len; i++) {
        use[i] = cluster_host(cluster, i)->own_cpu_milli;
    }
    for (guint i = 0; i < cluster->guests->len; i++) {
        const ClusterGuest *guest = cluster_guest(cluster, i);

        if (!guest->gone) {
            use[guest->host] += cons_watch_demand(watch, guest);
        }
    }
    return use;
}

double
cons_watch_threshold(const ConsWatch *watch, const ClusterHost *host)
{
    const ConsSettings *s = watch->settings;
    const ConsRing *ring = g_hash_table_lookup(watch->hosts, host->name);

    if (s->overload == CONS_OVERLOAD_STATIC) {
        return s->overload_factor;
    }
    if (s->overload == CONS_OVERLOAD_OFF) {
        return INFINITY;
    }
    if (!ring || ring->n < ENOUGH) {
        return MAX(0.9, s->reserve_cpu);
    }
    return CLAMP(1 - s->overload_factor *
                         cons_ring_deviation(ring, ring->n,
                                             s->overload == CONS_OVERLOAD_IQR),
                 LEAST_THRESHOLD, 1);
}

double
cons_cluster_room(const ConsSettings *settings, const Cluster *cluster,
                  int32_t without)
{
    double room = 0;

    for (guint i = 0; i < cluster->hosts->len; i++) {
        const ClusterHost *host = cluster_host(cluster, i);

        if (host->state == CLUSTER_HOST_UP && !host->closed &&
            (int32_t)i != without) {
            room += MAX(0, (double)host->cpu_milli * settings->reserve_cpu *
                                   settings->overcommit_cpu -
                               (double)host->own_cpu_milli);
        }
    }
    return room;
}

double
cons_cluster_memory(const Cluster *cluster)
{
    double sum = 0;

    for (guint i = 0; i < cluster->guests->len; i++) {
        const ClusterGuest *guest = cluster_guest(cluster, i);

        sum += guest->gone ? 0 : (double)guest->memory_bytes;
    }
    return sum;
}

double
cons_host_memory_room(const ConsSettings *s, const ClusterHost *host)
{
    return host->state == CLUSTER_HOST_UP && !host->closed
               ? MAX(0, (double)host->memory_bytes * s->reserve_memory -
                            (double)host->own_memory_bytes)
               : 0;
}

double
cons_watch_needed(const ConsWatch *watch, const Cluster *cluster)
{
    const ConsSettings *s = watch->settings;
    double lead_s = s->ahead_s;
    double needed = 0;
    int64_t then;
    const Slot *slot;

    for (guint i = 0; i < s->hosts->len; i++) {
        const ConsHostSettings *host = g_ptr_array_index(s->hosts, i);

        if (host->wake) {
            lead_s = MAX(lead_s, host->wake_s);
        }
    }
    /* of all together: the sum of each one's worst would be too much */
    if (watch->total->n > 0) {
        needed = MAX(cons_ring_mean(watch->total, watch->total->n, NULL),
                     cons_ring_mean(watch->total, s->overload_n, NULL));
    }
    for (guint i = 0; i < cluster->guests->len; i++) {
        const ClusterGuest *guest = cluster_guest(cluster, i);

        if (!guest->gone && (guest->cpu_milli < 0 || watch->total->n == 0)) {
            needed += (double)cons_watch_demand(watch, guest);
        }
    }
    then = cluster->at_us + (int64_t)(lead_s * 1e6);
    if (watch->total->n >= ENOUGH) {
        needed =
            MAX(needed, cons_ring_line(watch->total, watch->total->n, then));
    }
    /* what they took at that hour yesterday */
    then = (then - CONS_DAY_US) / SLOT_US;
    slot = &watch->slots[then % SLOTS];
    if (slot->n > 0 && slot->at_us == then) {
        needed = MAX(needed, slot->sum / (double)slot->n);
    }
    return needed;
}

double
cons_cluster_far(const Cluster *cluster, const int32_t *host_of)
{
    bool racks = false;
    double far = 0;

    for (guint i = 1; i < cluster->hosts->len; i++) {
        const ClusterHost *a = cluster_host(cluster, 0);
        const ClusterHost *b = cluster_host(cluster, i);

        racks = racks || strcmp(a->rack, b->rack) != 0;
    }
    for (guint i = 0; i < cluster->flows->len; i++) {
        const ClusterFlow *flow =
            &g_array_index(cluster->flows, ClusterFlow, i);
        int32_t a = host_of ? host_of[flow->a]
                            : cluster_guest(cluster, (guint)flow->a)->host;
        int32_t b = host_of ? host_of[flow->b]
                            : cluster_guest(cluster, (guint)flow->b)->host;

        if (racks ? strcmp(cluster_host(cluster, (guint)a)->rack,
                           cluster_host(cluster, (guint)b)->rack) != 0
                  : a != b) {
            far += flow->bytes_s;
        }
    }
    return far;
}

/* How many of the newest @n samples are above, or below, @limit? */
static unsigned
count(const ConsRing *ring, unsigned n, double limit, bool above)
{
    unsigned found = 0;

    for (unsigned i = 0; i < MIN(n, ring->n); i++) {
        double value = cons_ring_at(ring, i)->value;

        found += above ? value > limit : value < limit;
    }
    return found;
}

static void
look_at_host(const ConsWatch *watch, const Cluster *cluster, guint i,
             double forecast, GPtrArray *triggers)
{
    const ConsSettings *s = watch->settings;
    const ClusterHost *host = cluster_host(cluster, i);
    const ConsHostSettings *told = cons_settings_host_at(s, i, host->name);
    const ConsRing *ring = g_hash_table_lookup(watch->hosts, host->name);
    double limit = cons_watch_threshold(watch, host);
    g_autofree char *text = NULL;
    unsigned found;

    if (!ring) {
        return;
    }
    found = count(ring, s->overload_n, limit, true);
    if (found >= s->overload_k && forecast > limit) {
        text = g_strdup_printf(
            "host %s is overloaded: above %.0f %% of its cores in %u of %zu "
            "samples, %.0f %% forecast",
            host->name, limit * 100, found, MIN(s->overload_n, ring->n),
            forecast * 100);
        g_ptr_array_add(triggers, cons_trigger_new(CONS_TRIGGER_OVERLOADED,
                                                   (int32_t)i, text));
        return;
    }
    if (s->underload <= 0 || !told || (!told->power_down && s->hosts_w <= 0)) {
        return;
    }
    found = count(ring, s->underload_n, s->underload, false);
    if (found >= s->underload_k && forecast < s->underload) {
        text = g_strdup_printf(
            "host %s is underloaded: below %.0f %% of its cores in %u of %zu "
            "samples, %.0f %% forecast",
            host->name, s->underload * 100, found, MIN(s->underload_n, ring->n),
            forecast * 100);
        g_ptr_array_add(triggers, cons_trigger_new(CONS_TRIGGER_UNDERLOADED,
                                                   (int32_t)i, text));
    }
}

static void
look_at_sleepers(const ConsWatch *watch, const Cluster *cluster,
                 GPtrArray *triggers)
{
    const ConsSettings *s = watch->settings;
    double needed, room, memory = cons_cluster_memory(cluster), has = 0;
    g_autofree char *text = NULL;
    bool any = false;

    for (guint i = 0; i < cluster->hosts->len; i++) {
        const ClusterHost *host = cluster_host(cluster, i);
        const ConsHostSettings *told = cons_settings_host_at(s, i, host->name);

        any = any || (host->state == CLUSTER_HOST_ASLEEP && told && told->wake);
        has += cons_host_memory_room(s, host);
    }
    if (!any) {
        return;
    }
    needed = cons_watch_needed(watch, cluster);
    room = cons_cluster_room(s, cluster, -1);
    if (needed > room * s->wake_above) {
        text = g_strdup_printf(
            "sleeping hosts will be needed: guests are forecast to take %.1f "
            "cores, more than %.0f %% of the %.1f that are awake",
            needed / 1000, s->wake_above * 100, room / 1000);
    } else if (s->wake_above_memory < 1 &&
               memory > has * s->wake_above_memory) {
        text = g_strdup_printf(
            "sleeping hosts will be needed: guests have %.1f GiB, more than "
            "%.0f %% of the %.1f that are awake",
            memory / GIB, s->wake_above_memory * 100, has / GIB);
    }
    if (text) {
        g_ptr_array_add(triggers,
                        cons_trigger_new(CONS_TRIGGER_WAKE, -1, text));
    }
}

static bool
traffic_is_due(const ConsWatch *watch, int64_t now_us)
{
    const ConsSettings *s = watch->settings;
    int64_t minute_us = (int64_t)s->far_minute * 60 * 1000000;
    int64_t last_us;

    if (s->far_every_s > 0) {
        return watch->far_us == 0 ||
               now_us - watch->far_us >= (int64_t)(s->far_every_s * 1e6);
    }
    if (s->far_minute < 0) {
        return false;
    }
    last_us = (now_us - minute_us) / CONS_DAY_US * CONS_DAY_US + minute_us;
    return last_us > watch->far_us &&
           last_us > watch->first_us - (int64_t)(s->cycle_s * 1e6);
}

GPtrArray *
cons_watch_triggers(const ConsWatch *watch, const Cluster *cluster)
{
    const ConsSettings *s = watch->settings;
    GPtrArray *triggers =
        g_ptr_array_new_with_free_func((GDestroyNotify)cons_trigger_free);
    g_autofree int64_t *use = cons_watch_forecast(watch, cluster);
    double far;

    for (guint i = 0; i < cluster->hosts->len; i++) {
        const ClusterHost *host = cluster_host(cluster, i);

        if (host->state == CLUSTER_HOST_UP && host->cpu_milli > 0 &&
            !host->closed) {
            look_at_host(watch, cluster, i,
                         (double)use[i] / (double)host->cpu_milli, triggers);
        }
    }
    look_at_sleepers(watch, cluster, triggers);
    if (cluster->flow_span_s > 0 && traffic_is_due(watch, cluster->at_us)) {
        far = cons_cluster_far(cluster, NULL);
        if (far > 0 && far >= s->far_above_bytes_s) {
            g_autofree char *text = g_strdup_printf(
                "guests exchange %.2f MB/s with guests far away", far / 1e6);

            g_ptr_array_add(
                triggers, cons_trigger_new(CONS_TRIGGER_FAR_TRAFFIC, -1, text));
        }
    }
    return triggers;
}
