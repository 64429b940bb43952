/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-look.c - what libvirt tells, as the cluster that decisions look at
 */
#include <criterion/criterion.h>
#include <string.h>

#include "tools/consolidate/look.h"

#define GIB (UINT64_C(1) << 30)

static void
guest_free(gpointer data)
{
    VirtSeenGuest *guest = data;

    g_free(guest->name);
    g_free(guest->uuid);
    g_free(guest->stays);
    g_free(guest->stays_kind);
    g_free(guest->metadata);
    g_free(guest);
}

static void
host_free(gpointer data)
{
    VirtSeenHost *host = data;

    g_free(host->why);
    g_ptr_array_unref(host->guests);
    g_free(host);
}

static VirtSeenHost *
host_new(GPtrArray *hosts, const char *why)
{
    VirtSeenHost *host = g_new0(VirtSeenHost, 1);

    host->answered = !why;
    host->why = g_strdup(why);
    host->cpus = 4;
    host->memory_bytes = 16 * GIB;
    host->free_bytes = 10 * GIB;
    host->guests = g_ptr_array_new_with_free_func(guest_free);
    g_ptr_array_add(hosts, host);
    return host;
}

static VirtSeenGuest *
guest_new(VirtSeenHost *host, const char *name, const char *uuid)
{
    VirtSeenGuest *guest = g_new0(VirtSeenGuest, 1);

    guest->name = g_strdup(name);
    guest->uuid = g_strdup(uuid);
    guest->state = VIRT_STATE_RUNNING;
    guest->vcpus = 2;
    guest->memory_bytes = guest->balloon_bytes = 2 * GIB;
    g_ptr_array_add(host->guests, guest);
    return guest;
}

static GPtrArray *
hosts_new(void)
{
    return g_ptr_array_new_with_free_func(host_free);
}

static ConsSettings *
settings_of(const char *more)
{
    g_autofree char *text = g_strconcat("[host a]\nuri = test:///a\n", more,
                                        "[host b]\nuri = test:///b\n", NULL);
    g_autoptr(GError) error = NULL;
    ConsSettings *settings = cons_settings_parse(text, "t", &error);

    cr_assert_not_null(settings, "%s", error ? error->message : "");
    return settings;
}

static const ClusterGuest *
find(const Cluster *cluster, const char *name)
{
    int32_t i = cluster_find_guest(cluster, name);

    cr_assert_geq(i, 0, "no guest %s", name);
    return cluster_guest(cluster, (size_t)i);
}

Test(look, hosts_guests_and_what_they_use)
{
    g_autoptr(ConsSettings) settings = settings_of("");
    g_autoptr(Look) look = look_new(settings);
    g_autoptr(GPtrArray) hosts = hosts_new();
    VirtSeenHost *a = host_new(hosts, NULL);
    g_autoptr(Cluster) cluster = NULL;

    host_new(hosts, NULL);
    a->cpu_cores = known(2.5);
    guest_new(a, "db", "u1")->cpu_cores = known(1.25);
    guest_new(a, "web", "u2");
    cluster = look_take(look, hosts, 7);
    cr_assert_eq(cluster->at_us, 7);
    cr_assert_eq(cluster_host(cluster, 0)->state, CLUSTER_HOST_UP);
    cr_assert_eq(cluster_host(cluster, 0)->cpu_milli, 4000);
    cr_assert_eq(cluster_host(cluster, 0)->own_cpu_milli, 1250);
    /* 16 - 10 free - 4 of guests */
    cr_assert_eq(cluster_host(cluster, 0)->own_memory_bytes, 2 * GIB);
    cr_assert_eq(look_free_bytes(look, "a").value, 10 * GIB);
    cr_assert_not(look_free_bytes(look, "c").known);
    cr_assert_eq(find(cluster, "db")->cpu_milli, 1250);
    cr_assert_eq(find(cluster, "web")->cpu_milli, -1, "not known yet");
    cr_assert_eq(find(cluster, "web")->vcpus, 2);
    cr_assert_null(find(cluster, "web")->fixed);
    cr_assert_not_null(look_guest(look, "db"));
}

Test(look, what_a_guest_writes_is_hot_or_cold_or_not_known)
{
    g_autoptr(ConsSettings) settings = settings_of("");
    g_autoptr(Look) look = look_new(settings);
    g_autoptr(GPtrArray) hosts = hosts_new();
    VirtSeenHost *a = host_new(hosts, NULL);
    VirtSeenGuest *db, *cache;
    const ClusterGuest *guest;
    g_autoptr(Cluster) cluster = NULL;

    host_new(hosts, NULL);
    db = guest_new(a, "db", "u1");
    db->short_written_bytes = known(40e6);
    db->long_written_bytes = known(110e6);
    db->resident_bytes = GIB;
    cache = guest_new(a, "cache", "u2");
    cache->short_written_bytes = known(40e6);
    guest_new(a, "web", "u3");
    cluster = look_take(look, hosts, 1);
    guest = find(cluster, "db");
    cr_assert_eq(guest->cold_bytes_s, 10000000, "70 MB came in 7 s");
    cr_assert_eq(guest->hot_bytes, 30000000);
    cr_assert_eq(guest->hot_bytes_s, 90000000);
    cr_assert_eq(guest->resident_bytes, GIB);
    guest = find(cluster, "cache");
    cr_assert_eq(guest->cold_bytes_s, 10000000, "as if it had grown likewise");
    cr_assert(cluster_guest_writes_known(guest));
    cr_assert_not(cluster_guest_writes_known(find(cluster, "web")));
}

Test(look, a_part_of_a_machine_has_no_use_of_its_own)
{
    g_autoptr(ConsSettings) settings =
        settings_of("cores = 1\nmemory = 1GiB\n");
    g_autoptr(Look) look = look_new(settings);
    g_autoptr(GPtrArray) hosts = hosts_new();
    VirtSeenHost *a = host_new(hosts, NULL);
    g_autoptr(Cluster) cluster = NULL;

    host_new(hosts, NULL);
    a->cpu_cores = known(2.5);
    cluster = look_take(look, hosts, 1);
    cr_assert_eq(cluster_host(cluster, 0)->cpu_milli, 1000);
    cr_assert_eq(cluster_host(cluster, 0)->memory_bytes, GIB);
    cr_assert_eq(cluster_host(cluster, 0)->own_cpu_milli, 0);
    cr_assert_eq(cluster_host(cluster, 0)->own_memory_bytes, 0);
}

Test(look, a_guest_that_migrates_is_where_it_runs)
{
    g_autoptr(ConsSettings) settings = settings_of("");
    g_autoptr(Look) look = look_new(settings);
    g_autoptr(GPtrArray) hosts = hosts_new();
    VirtSeenHost *a = host_new(hosts, NULL);
    VirtSeenHost *b = host_new(hosts, NULL);
    g_autoptr(Cluster) cluster = NULL;

    guest_new(a, "db", "u1")->state = VIRT_STATE_PAUSED; /* it comes in */
    guest_new(b, "db", "u1")->job = true;
    cluster = look_take(look, hosts, 1);
    cr_assert_eq(cluster->guests->len, 1);
    cr_assert_eq(find(cluster, "db")->host, 1);
    cr_assert(find(cluster, "db")->moving);
}

Test(look, two_guests_of_one_name_are_two)
{
    g_autoptr(ConsSettings) settings = settings_of("");
    g_autoptr(Look) look = look_new(settings);
    g_autoptr(GPtrArray) hosts = hosts_new();
    VirtSeenHost *a = host_new(hosts, NULL);
    VirtSeenHost *b = host_new(hosts, NULL);
    g_autoptr(Cluster) cluster = NULL;

    guest_new(a, "db", "u2");
    guest_new(b, "db", "u1");
    cluster = look_take(look, hosts, 1);
    cr_assert_eq(cluster->guests->len, 2);
    cr_assert_eq(find(cluster, "db")->host, 1);
    cr_assert_eq(find(cluster, "db (u2)")->host, 0);
}

Test(look, what_cannot_leave_says_why)
{
    g_autoptr(ConsSettings) settings = settings_of("");
    g_autoptr(Look) look = look_new(settings);
    g_autoptr(GPtrArray) hosts = hosts_new();
    VirtSeenHost *a = host_new(hosts, NULL);
    VirtSeenGuest *pinned, *device, *busy;
    g_autoptr(Cluster) cluster = NULL;

    host_new(hosts, NULL);
    pinned = guest_new(a, "pinned", "u1");
    pinned->metadata = g_strdup("<guest xmlns=\"urn:x\" pinned=\"yes\"/>");
    device = guest_new(a, "device", "u2");
    device->stays = g_strdup("it uses a device");
    device->stays_kind = g_strdup("device");
    busy = guest_new(a, "busy", "u3");
    busy->stays = g_strdup("a block job is under way");
    busy->stays_kind = g_strdup("busy");
    guest_new(a, "ill", "u4")->state = VIRT_STATE_OTHER;
    cluster = look_take(look, hosts, 1);
    cr_assert_not_null(find(cluster, "pinned")->fixed);
    cr_assert_str_eq(find(cluster, "device")->fixed, "it uses a device");
    cr_assert_null(find(cluster, "busy")->fixed, "that passes");
    cr_assert_not_null(find(cluster, "ill")->fixed);
}

Test(look, who_was_on_a_host_that_is_silent_is_there_still)
{
    g_autoptr(ConsSettings) settings = settings_of("");
    g_autoptr(Look) look = look_new(settings);
    g_autoptr(GPtrArray) first = hosts_new(), second = hosts_new();
    g_autoptr(GPtrArray) third = hosts_new();
    VirtSeenHost *a = host_new(first, NULL);
    g_autoptr(Cluster) cluster = NULL;

    host_new(first, NULL);
    guest_new(a, "db", "u1");
    guest_new(a, "web", "u2");
    cluster_free(look_take(look, first, 1));
    /* web came away before the host went silent */
    host_new(second, "no answer");
    guest_new(host_new(second, NULL), "web", "u2");
    cluster = look_take(look, second, 2);
    cr_assert_eq(cluster_host(cluster, 0)->state, CLUSTER_HOST_UNKNOWN);
    cr_assert_str_eq(cluster_host(cluster, 0)->why, "no answer");
    cr_assert_not(look_free_bytes(look, "a").known);
    cr_assert(look_free_bytes(look, "b").known);
    cr_assert(find(cluster, "db")->gone);
    cr_assert_eq(find(cluster, "db")->host, 0);
    cr_assert_eq(find(cluster, "web")->host, 1);
    cr_assert_not(find(cluster, "web")->gone);
    /* it answers again, and db has ended */
    host_new(third, NULL);
    host_new(third, NULL);
    g_clear_pointer(&cluster, cluster_free);
    cluster = look_take(look, third, 3);
    cr_assert_eq(cluster->guests->len, 0);
}
