/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * settings.c - the settings as a value: defaults, names, release
 */
#include "consolidate/settings.h"

#include <string.h>

const char *
cons_mode_name(ConsMode mode)
{
    static const char *const names[] = { "advise", "approve", "auto" };

    G_STATIC_ASSERT(G_N_ELEMENTS(names) == CONS_N_MODES);
    return names[mode];
}

bool
cons_mode_parse(const char *text, ConsMode *mode)
{
    for (int i = 0; i < CONS_N_MODES; i++) {
        if (strcmp(text, cons_mode_name(i)) == 0) {
            *mode = (ConsMode)i;
            return true;
        }
    }
    return false;
}

static void
host_free(gpointer data)
{
    ConsHostSettings *host = data;

    g_free(host->name);
    g_free(host->uri);
    g_free(host->rack);
    g_free(host->pod);
    g_free(host->site);
    g_strfreev(host->features);
    g_free(host->bridge);
    g_free(host->power_down);
    g_free(host->wake);
    g_free(host);
}

static void
guest_free(gpointer data)
{
    ConsGuestSettings *guest = data;

    g_free(guest->name);
    g_strfreev(guest->hosts);
    g_strfreev(guest->requires);
    g_free(guest);
}

ConsGroupSettings *
cons_group_new(const char *name)
{
    ConsGroupSettings *group = g_new0(ConsGroupSettings, 1);

    group->name = g_strdup(name);
    group->members = g_new0(char *, 1);
    group->rules = g_array_new(FALSE, FALSE, sizeof(ConsGroupRule));
    return group;
}

void
cons_group_free(gpointer data)
{
    ConsGroupSettings *group = data;

    g_free(group->name);
    g_strfreev(group->members);
    g_array_unref(group->rules);
    g_free(group);
}

ConsSettings *
cons_settings_new(void)
{
    static const int64_t distance[] = { 1000, 1000, 3000, 5000, 7000 };
    ConsSettings *s = g_new0(ConsSettings, 1);

    G_STATIC_ASSERT(G_N_ELEMENTS(distance) == PLAN_N_LEVELS + 1);
    s->cycle_s = 60;
    s->open_minutes = g_array_new(FALSE, FALSE, 2 * sizeof(int));
    s->reserve_cpu = 0.8;
    s->reserve_memory = 0.9;
    s->overcommit_cpu = 1;
    s->energy_w = 1;
    s->traffic_w = 1;
    s->overload = CONS_OVERLOAD_STATIC;
    s->overload_factor = 0.9;
    s->overload_k = 3;
    s->overload_n = 5;
    s->underload_k = 5;
    s->underload_n = 5;
    s->wake_above = 0.8;
    s->wake_above_memory = 0.9;
    s->constraints = true;
    s->far_minute = -1;
    s->far_span_s = 86400;
    s->far_above_bytes_s = 125000;
    s->demand = CONS_DEMAND_MEAN;
    s->window_s = 1800;
    s->ahead_s = 300;
    s->horizon_s = 6 * 3600;
    s->margin = 0.25;
    s->cool_down_s = 3600;
    s->no_return_s = 86400;
    s->moves_per_hour = 30;
    s->parallel = 2;
    s->move_w = 20;
    s->downtime_w = 2000;
    s->each_move_j = 1000;
    s->writes_bytes_s = 1 << 20;
    s->surprise = 5;
    s->search_work = 2000000;
    s->seed = 1;
    s->link_bytes_s = 125000000;
    s->downtime_limit_s = 0.3;
    memcpy(s->distance_milli, distance, sizeof(distance));
    s->hosts = g_ptr_array_new_with_free_func(host_free);
    s->guests = g_ptr_array_new_with_free_func(guest_free);
    s->groups = g_ptr_array_new_with_free_func(cons_group_free);
    return s;
}

void
cons_settings_free(ConsSettings *settings)
{
    if (!settings) {
        return;
    }
    g_array_unref(settings->open_minutes);
    g_ptr_array_unref(settings->hosts);
    g_ptr_array_unref(settings->guests);
    g_ptr_array_unref(settings->groups);
    g_free(settings);
}

const ConsHostSettings *
cons_settings_host(const ConsSettings *settings, const char *name)
{
    for (guint i = 0; i < settings->hosts->len; i++) {
        const ConsHostSettings *host = g_ptr_array_index(settings->hosts, i);

        if (strcmp(host->name, name) == 0) {
            return host;
        }
    }
    return NULL;
}

const ConsHostSettings *
cons_settings_host_at(const ConsSettings *settings, size_t i, const char *name)
{
    const ConsHostSettings *host =
        i < settings->hosts->len ? g_ptr_array_index(settings->hosts, i) : NULL;

    return host && strcmp(host->name, name) == 0
               ? host
               : cons_settings_host(settings, name);
}

const ConsGuestSettings *
cons_settings_guest(const ConsSettings *settings, const char *name)
{
    for (guint i = 0; i < settings->guests->len; i++) {
        const ConsGuestSettings *guest = g_ptr_array_index(settings->guests, i);

        if (strcmp(guest->name, name) == 0) {
            return guest;
        }
    }
    return NULL;
}

ConsHostSettings *
cons_settings_add_host(ConsSettings *settings, const char *name)
{
    ConsHostSettings *host = g_new0(ConsHostSettings, 1);

    host->name = g_strdup(name);
    host->features = g_new0(char *, 1);
    host->wake_s = 120;
    g_ptr_array_add(settings->hosts, host);
    return host;
}
