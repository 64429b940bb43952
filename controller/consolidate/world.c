/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * world.c - see world.h
 *
 * Sizes, speeds and SPECpower tables are those of plan/simulate.c.
 */
#include "consolidate/world.h"

#define START_US INT64_C(1772323200000000) /* a midnight */
#define STEP_S 300
#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

static const double watts[2][CONS_CURVE] = {
    { 86, 89.4, 92.6, 96, 99.5, 102, 106, 108, 112, 114, 117 },
    { 93.7, 97, 101, 105, 110, 116, 121, 125, 129, 133, 135 },
};
static const int64_t core_mips[] = { 1860, 2660 };
static const int64_t guest_mips[] = { 2500, 2000, 1000, 500 };
static const uint64_t guest_mib[] = { 870, 1740, 1740, 613 };

static ConsWorld *
world_new(const ConsSettings *settings, size_t n_guests)
{
    ConsWorld *world = g_new0(ConsWorld, 1);

    world->cluster = cluster_new_of(settings, START_US);
    world->peak_milli = g_new0(int64_t, n_guests + 1);
    world->curves = g_new0(const double *, settings->hosts->len + 1);
    return world;
}

void
cons_world_free(ConsWorld *world)
{
    if (world) {
        cluster_free(world->cluster);
        g_free(world->peak_milli);
        g_free(world->curves);
        g_free(world);
    }
}

static void
add_cloudsim_hosts(ConsSettings *settings, size_t n_hosts)
{
    for (size_t h = 0; h < n_hosts; h++) {
        g_autofree char *name = g_strdup_printf("g%d-%03zu", h % 2 ? 5 : 4, h);
        ConsHostSettings *host = cons_settings_add_host(settings, name);

        host->features[0] = NULL;
        if (h % 2) {
            g_strfreev(host->features);
            host->features = g_strsplit("fast", " ", -1);
        }
        host->cpu_milli = 2 * core_mips[h % 2];
        host->idle_mw = (int64_t)(watts[h % 2][0] * 1000);
        host->busy_mw = (int64_t)(watts[h % 2][CONS_CURVE - 1] * 1000);
        host->power_down = g_strdup("off");
        host->wake = g_strdup("on");
        host->wake_s = 0;
    }
}

ConsWorld *
cons_world_cloudsim(ConsSettings *settings, const PlanTraces *traces,
                    size_t n_hosts, bool memory_counts, GError **error)
{
    g_autoptr(ConsWorld) world = NULL;
    g_autofree uint64_t *used = g_new0(uint64_t, n_hosts + 1);
    g_autofree int64_t *nominal = g_new0(int64_t, n_hosts + 1);

    add_cloudsim_hosts(settings, n_hosts);
    world = world_new(settings, traces->n_guests);
    for (size_t h = 0; h < n_hosts; h++) {
        cluster_host(world->cluster, h)->memory_bytes =
            memory_counts ? 4096 * MIB : 4096 * GIB;
        world->curves[h] = watts[h % 2];
    }
    for (size_t g = 0; g < traces->n_guests; g++) {
        size_t type = g / ((traces->n_guests + 3) / 4);
        g_autofree char *name = g_strdup_printf("guest%04zu", g);
        ConsGuestSettings *told;
        ClusterGuest *guest;
        size_t h = 0;

        while (h < n_hosts &&
               (core_mips[h % 2] < guest_mips[type] ||
                (!memory_counts &&
                 nominal[h] + guest_mips[type] > 2 * core_mips[h % 2]) ||
                used[h] + guest_mib[type] > 4096)) {
            h++;
        }
        if (h == n_hosts) {
            g_set_error(error, CONS_ERROR, CONS_ERROR_FIT,
                        "guest %zu of %zu finds no room on %zu hosts", g + 1,
                        traces->n_guests, n_hosts);
            return NULL;
        }
        used[h] += guest_mib[type];
        nominal[h] += guest_mips[type];
        guest = cluster_add_guest(world->cluster, name, (int32_t)h);
        guest->vcpus = 1 + (guest_mips[type] - 1) / 1000;
        guest->memory_bytes = guest_mib[type] * MIB;
        world->peak_milli[g] = guest_mips[type];
        if (guest_mips[type] > core_mips[0]) {
            told = g_new0(ConsGuestSettings, 1);
            told->name = g_strdup(name);
            told->hosts = g_new0(char *, 1);
            told->requires = g_strsplit("fast", " ", -1);
            g_ptr_array_add(settings->guests, told);
        }
    }
    for (size_t h = 0; h < n_hosts; h++) {
        cluster_host(world->cluster, h)->state =
            used[h] ? CLUSTER_HOST_UP : CLUSTER_HOST_UNKNOWN;
    }
    return g_steal_pointer(&world);
}

void
cons_world_cloudsim_settings(ConsSettings *s)
{
    s->cycle_s = STEP_S;
    s->reserve_cpu = 0.97;
    s->reserve_memory = 1;
    s->overload = CONS_OVERLOAD_STATIC;
    s->overload_factor = 0.99;
    s->overload_k = s->overload_n = 1;
    s->underload = 0.94;
    s->underload_k = s->underload_n = 1;
    s->wake_above = 0.925;
    s->wake_above_memory = 1;
    s->demand = CONS_DEMAND_MEAN;
    s->window_s = 3600;
    s->cool_down_s = 300;
    s->no_return_s = 3600;
    s->moves_per_hour = 0;
    s->parallel = 0;
}

void
cons_world_frame(ConsSimulator *simulator, const PlanTraces *traces)
{
    int64_t step_us = STEP_S * INT64_C(1000000);

    cons_simulator_ends(simulator, true);
    cons_simulator_count(simulator, START_US + step_us,
                         START_US + ((int64_t)traces->n_steps - 1) * step_us);
}

char *
cons_world_asleep(const Cluster *cluster)
{
    GString *journal = g_string_new(NULL);

    for (guint i = 0; i < cluster->hosts->len; i++) {
        const ClusterHost *host = cluster_host(cluster, i);

        if (host->state != CLUSTER_HOST_UP) {
            g_string_append_printf(
                journal, "{\"what\":\"asleep\",\"host\":\"%s\"}\n", host->name);
        }
    }
    return g_string_free(journal, FALSE);
}

static uint64_t
next_random(uint64_t *z)
{
    *z = *z * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *z >> 33;
}

ConsWorld *
cons_world_random(ConsSettings *settings, size_t n_hosts, size_t n_guests,
                  uint64_t seed)
{
    ConsWorld *world;

    for (size_t h = 0; h < n_hosts; h++) {
        g_autofree char *name = g_strdup_printf("host%04zu", h);
        ConsHostSettings *host = cons_settings_add_host(settings, name);

        host->rack = g_strdup_printf("rack%02zu", h / 20);
        host->pod = g_strdup_printf("pod%zu", h / 200);
        host->idle_mw = 100000;
        host->busy_mw = 200000;
        host->power_down = g_strdup("off");
        host->wake = g_strdup("on");
    }
    world = world_new(settings, n_guests);
    for (size_t h = 0; h < n_hosts; h++) {
        ClusterHost *host = cluster_host(world->cluster, h);

        host->state = CLUSTER_HOST_UP;
        host->cpu_milli = 16000;
        host->memory_bytes = 128 * GIB;
    }
    for (size_t g = 0; g < n_guests; g++) {
        g_autofree char *name = g_strdup_printf("guest%05zu", g);
        ClusterGuest *guest = cluster_add_guest(
            world->cluster, name, (int32_t)(next_random(&seed) % n_hosts));

        guest->vcpus = 4;
        guest->cpu_milli = (int64_t)(200 + next_random(&seed) % 1400);
        guest->memory_bytes = (1 + next_random(&seed) % 12) * GIB;
        world->peak_milli[g] = 4000;
    }
    for (size_t g = 0; g + 1 < n_guests; g += 10) {
        cluster_add_flow(world->cluster, (int32_t)g, (int32_t)g + 1,
                         (double)(next_random(&seed) % 10000000));
    }
    world->cluster->flow_span_s = 86400;
    return world;
}

ConsSimulator *
cons_world_simulator(const ConsSettings *settings, const ConsWorld *world,
                     const PlanTraces *traces, uint64_t seed)
{
    ConsSimulator *s = cons_simulator_new(settings, world->cluster, seed);

    for (guint h = 0; h < world->cluster->hosts->len; h++) {
        if (world->curves[h]) {
            cons_simulator_curve(s, h, world->curves[h]);
        }
    }
    if (traces) {
        cons_simulator_traces(s, traces, world->peak_milli, STEP_S);
    }
    return s;
}
