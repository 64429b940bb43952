/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cluster.h - hosts, guests and traffic at one moment
 *
 * What an inventory over libvirt or a simulator hands over, and all that a
 * decision looks at. Guests are known by their name; two that have the same are
 * told apart by who takes the inventory. It can be written as JSON and read
 * back, so that a decision can be shown, replayed and argued about later.
 */
#ifndef CONSOLIDATE_CLUSTER_H
#define CONSOLIDATE_CLUSTER_H

#include "base/json.h"
#include "consolidate/settings.h"

#define CLUSTER_FORMAT "vmferry-cluster-1"

typedef enum {
    CLUSTER_HOST_UP,      /* it answered */
    CLUSTER_HOST_UNKNOWN, /* it did not: nothing is known, nothing is done */
    CLUSTER_HOST_ASLEEP,  /* we sent it to sleep, and may wake it */
    CLUSTER_N_HOST_STATES,
} ClusterHostState;

/** cluster_host_state_name() - "up", "unknown", "asleep" */
const char *cluster_host_state_name(ClusterHostState state);

typedef struct ClusterHost {
    char *name;
    ClusterHostState state;
    char *why; /* not up: the cause, as the back end says it; or NULL */
    char *rack, *pod, *site; /* never NULL, may be "" */
    uint64_t link_bytes_s;
    int64_t cpu_milli; /* thousandths of a core */
    uint64_t memory_bytes;
    int64_t slots; /* guests at most; 0: any number */
    int64_t idle_mw, busy_mw;
    char **features; /* never NULL */
    bool closed;     /* takes no guests */
    /* what the host itself takes beside its guests */
    int64_t own_cpu_milli;
    uint64_t own_memory_bytes;
} ClusterHost;

typedef struct ClusterGuest {
    char *name;
    char *uuid;   /* or NULL */
    int32_t host; /* index; where it runs */
    int64_t vcpus;
    int64_t cpu_milli; /* used over the last interval; -1: not known */
    uint64_t memory_bytes;
    uint64_t resident_bytes; /* of it that was ever touched; 0: not known */
    /* of its writing, as PlanGuest; all 0: not known */
    uint64_t hot_bytes, hot_bytes_s, cold_bytes_s;
    bool moving; /* somebody migrates it at this moment */
    char *fixed; /* why it cannot move; NULL: it can */
    bool gone;   /* its host is not up: it was there last */
} ClusterGuest;

/* What two guests exchange, both directions, a mean over the span */
typedef struct ClusterFlow {
    int32_t a, b;
    double bytes_s;
} ClusterFlow;

typedef struct Cluster {
    int64_t at_us;       /* wall clock */
    GPtrArray *hosts;    /* ClusterHost *, in the order of the settings */
    GPtrArray *guests;   /* ClusterGuest * */
    GPtrArray *groups;   /* ConsGroupSettings *, beside those of the settings */
    GArray *flows;       /* ClusterFlow */
    double flow_span_s;  /* that flows are a mean of; 0: there are none */
    GHashTable *by_name; /* internal: guests' names to index + 1 */
    GHashTable *host_by_name; /* internal: hosts' likewise */
} Cluster;

/** cluster_new() - Empty */
Cluster *cluster_new(int64_t at_us);

/**
 * cluster_new_of() - All hosts of @settings, unknown, and no guest
 *
 * Topology, link, power and limits come from the settings; who takes the
 * inventory sets state, cpu_milli and memory_bytes (if they are 0) and own_...
 */
Cluster *cluster_new_of(const ConsSettings *settings, int64_t at_us);
void cluster_free(Cluster *cluster);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Cluster, cluster_free)

/** cluster_copy() - All of it */
Cluster *cluster_copy(const Cluster *cluster);

/** cluster_add_host() - Up, with nothing; borrowed, to be filled in */
ClusterHost *cluster_add_host(Cluster *cluster, const char *name);

/**
 * cluster_add_guest() - On @host
 *
 * Return: borrowed, to be filled in; NULL if there is one of that name
 */
ClusterGuest *cluster_add_guest(Cluster *cluster, const char *name,
                                int32_t host);

/** cluster_remove_guest() - And its flows; the guests after it move up by one */
void cluster_remove_guest(Cluster *cluster, int32_t guest);

/** cluster_add_flow() - Added to what the two exchange anyway is not looked for:
 * one flow a pair is the caller's duty */
void cluster_add_flow(Cluster *cluster, int32_t a, int32_t b, double bytes_s);

/** cluster_add_member() - To a group of the cluster, made if need be; once */
void cluster_add_member(Cluster *cluster, const char *group, const char *guest);

/** cluster_add_rule() - Likewise */
void cluster_add_rule(Cluster *cluster, const char *group, ConsGroupRule rule);

/* Of cluster_to_json() and cluster_from_json() */
JsonObject *cluster_groups_to_json(const Cluster *cluster);
bool cluster_groups_from_json(Cluster *cluster, JsonObject *list,
                              GError **error);

static inline ClusterHost *
cluster_host(const Cluster *cluster, size_t i)
{
    return (ClusterHost *)g_ptr_array_index(cluster->hosts, i);
}

static inline ClusterGuest *
cluster_guest(const Cluster *cluster, size_t i)
{
    return (ClusterGuest *)g_ptr_array_index(cluster->guests, i);
}

/**
 * cluster_guest_writes() - Set its writing out of counts of distinct bytes
 * @short_bytes: Written to within @short_s
 * @long_bytes: ... within @long_s; negative: not known, and taken to be
 *              CLUSTER_GROWTH times as much for a window eight times as long
 *
 * What comes to it in the longer window is cold and written steadily, the rest
 * hot, and written all over within the short one.
 */
void cluster_guest_writes(ClusterGuest *guest, double short_bytes,
                          double short_s, double long_bytes, double long_s);

#define CLUSTER_GROWTH 2.75

/** cluster_guest_writes_known() - Was it counted? */
static inline bool
cluster_guest_writes_known(const ClusterGuest *guest)
{
    return guest->hot_bytes > 0 || guest->cold_bytes_s > 0;
}

/* The index, or -1 */
int32_t cluster_find_host(const Cluster *cluster, const char *name);
int32_t cluster_find_guest(const Cluster *cluster, const char *name);

/** cluster_to_json() - All of it */
JsonObject *cluster_to_json(const Cluster *cluster);

/** cluster_from_json() - NULL with CONS_ERROR_SYNTAX that names the member */
Cluster *cluster_from_json(JsonObject *json, GError **error);

#endif
