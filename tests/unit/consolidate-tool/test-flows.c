/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-flows.c - who talks to whom, out of the files of vmferry-traffic
 */
#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "consolidate/decide.h"
#include "store/traffic-store.h"
#include "tools/consolidate/flows.h"

#define MINUTE INT64_C(60000000)
#define NOW (INT64_C(29000000) * MINUTE)

static char *folder;

static void
set_up(void)
{
    folder = g_dir_make_tmp("flows-XXXXXX", NULL);
}

static char *
file(const char *name)
{
    return g_build_filename(folder, name, NULL);
}

static void
tear_down(void)
{
    GDir *dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = file(name);

        g_unlink(path);
    }
    g_dir_close(dir);
    g_rmdir(folder);
    g_free(folder);
}

TestSuite(flows, .init = set_up, .fini = tear_down);

/* A minute in which guests a and b exchanged so much, each way half. */
static void
keep(TrafficStore *store, int64_t from_us, const char *a, const char *b,
     uint64_t bytes)
{
    g_autoptr(TrafficGuests) guests = traffic_guests_new(24, 64);
    g_autoptr(TrafficSummary) summary = traffic_summary_new(guests);
    TrafficRow row = { .sum = { bytes / 2, 1 } };
    TrafficRow back = row;

    summary->from_us = from_us;
    summary->to_us = from_us + MINUTE;
    summary->period_us = MINUTE;
    summary->sampled_1_in = 1;
    cr_assert(traffic_end_read(guests, "guest", a, &row.from, NULL));
    cr_assert(traffic_end_read(guests, "guest", b, &row.to, NULL));
    back.from = row.to;
    back.to = row.from;
    g_array_append_val(summary->rows, row);
    g_array_append_val(summary->rows, back);
    cr_assert(traffic_store_add(store, summary, 0, NULL));
}

static Cluster *
cluster_of(const char *const *guests)
{
    Cluster *cluster = cluster_new(NOW);

    cluster_add_host(cluster, "h");
    for (size_t i = 0; guests[i]; i++) {
        cluster_add_guest(cluster, guests[i], 0);
    }
    return cluster;
}

Test(flows, two_hosts_that_saw_the_same_saw_it_once)
{
    static const char *const names[] = { "db", "web", NULL };
    g_autofree char *one = file("one.db"), *two = file("two.db");
    const char *const files[] = { one, two, NULL };
    TrafficStore *first = traffic_store_open(one, NULL);
    TrafficStore *second = traffic_store_open(two, NULL);
    g_autoptr(Cluster) cluster = cluster_of(names);
    g_autoptr(Flows) flows = flows_new(0);
    g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
    const ClusterFlow *flow;

    /* too long ago, then two minutes; the second file lost a few frames */
    keep(first, NOW - 100 * MINUTE, "db", "web", 999999);
    keep(first, NOW - 2 * MINUTE, "db", "web", 600000);
    keep(first, NOW - MINUTE, "db", "web", 1200000);
    keep(second, NOW - 2 * MINUTE, "db", "web", 590000);
    keep(second, NOW - MINUTE, "db", "gone", 500);
    traffic_store_close(first);
    traffic_store_close(second);
    flows_add(flows, cluster, NULL, files, NOW - 10 * MINUTE, notes);
    cr_assert_eq(notes->len, 0);
    cr_assert_eq(cluster->flow_span_s, 120);
    cr_assert_eq(cluster->flows->len, 1, "who is no guest here does not count");
    flow = &g_array_index(cluster->flows, ClusterFlow, 0);
    cr_assert_eq(flow->a + flow->b, 1);
    cr_assert_lt(fabs(flow->bytes_s - 1800000 / 120.0), 1e-6);
}

static void
nic_free(gpointer data)
{
    VirtSeenNic *nic = data;

    g_free(nic->mac);
    g_free(nic);
}

static void
guest_free(gpointer data)
{
    VirtSeenGuest *guest = data;

    g_free(guest->name);
    g_free(guest->uuid);
    g_ptr_array_unref(guest->nics);
    g_free(guest);
}

static void
host_free(gpointer data)
{
    VirtSeenHost *host = data;

    g_free(host->uri);
    g_ptr_array_unref(host->guests);
    g_free(host);
}

/* A libvirt that knows no guest yet. */
static VirtSeenHost *
host_new(const char *uri)
{
    VirtSeenHost *host = g_new0(VirtSeenHost, 1);

    *host =
        (VirtSeenHost){ .uri = g_strdup(uri),
                        .answered = true,
                        .cpus = 8,
                        .memory_bytes = UINT64_C(64) << 30,
                        .guests = g_ptr_array_new_with_free_func(guest_free) };
    return host;
}

/* One with one interface. */
static void
add_guest(VirtSeenHost *host, const char *name, const char *mac)
{
    VirtSeenGuest *seen = g_new0(VirtSeenGuest, 1);
    VirtSeenNic *nic = g_new0(VirtSeenNic, 1);

    nic->mac = g_strdup(mac);
    *seen = (VirtSeenGuest){ .name = g_strdup(name),
                             .uuid = g_strdup(name),
                             .state = VIRT_STATE_RUNNING,
                             .vcpus = 1,
                             .memory_bytes = UINT64_C(1) << 30,
                             .nics = g_ptr_array_new_with_free_func(nic_free) };
    g_ptr_array_add(seen->nics, nic);
    g_ptr_array_add(host->guests, seen);
}

static VirtSeenHost *
host_of(const char *uri, const char *guest, const char *mac)
{
    VirtSeenHost *host = host_new(uri);

    add_guest(host, guest, mac);
    return host;
}

Test(flows, each_host_knows_only_its_own_by_name)
{
    static const char conf[] = "[host one]\nuri = test:///one\n"
                               "[host two]\nuri = test:///two\n";
    g_autofree char *one = file("one.db"), *two = file("two.db");
    const char *const files[] = { one, two, NULL };
    TrafficStore *first = traffic_store_open(one, NULL);
    TrafficStore *second = traffic_store_open(two, NULL);
    g_autoptr(ConsSettings) settings = cons_settings_parse(conf, "conf", NULL);
    g_autoptr(Look) look = look_new(settings);
    g_autoptr(GPtrArray) hosts = g_ptr_array_new_with_free_func(host_free);
    g_autoptr(Flows) flows = flows_new(0);
    g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(Cluster) cluster = NULL;

    g_ptr_array_add(hosts, host_of("test:///one", "db", "52:54:00:00:00:01"));
    g_ptr_array_add(hosts, host_of("test:///two", "web", "52:54:00:00:00:02"));
    keep(first, NOW - MINUTE, "db", "52:54:00:00:00:02", 600000);
    keep(second, NOW - MINUTE, "52:54:00:00:00:01", "web", 590000);
    traffic_store_close(first);
    traffic_store_close(second);
    cluster = look_take(look, hosts, NOW);
    flows_add(flows, cluster, look, files, NOW - 10 * MINUTE, notes);
    cr_assert_eq(notes->len, 0);
    cr_assert_eq(cluster->flows->len, 1);
    cr_assert_lt(fabs(g_array_index(cluster->flows, ClusterFlow, 0).bytes_s -
                      600000 / 60.0),
                 1e-6, "the same traffic, seen from both ends");
}

Test(flows, a_file_that_is_not_there_yet_is_told_and_left_out)
{
    static const char *const names[] = { "db", NULL };
    g_autofree char *one = file("one.db");
    const char *const files[] = { one, NULL };
    g_autoptr(Cluster) cluster = cluster_of(names);
    g_autoptr(Flows) flows = flows_new(0);
    g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);

    flows_add(flows, cluster, NULL, files, 0, notes);
    cr_assert_eq(notes->len, 1);
    cr_assert_eq(cluster->flows->len, 0);
    cr_assert_eq(cluster->flow_span_s, 0);
}

Test(flows, files_are_read_again_when_a_period_is_over)
{
    static const char *const names[] = { "db", "web", NULL };
    g_autofree char *one = file("one.db");
    const char *const files[] = { one, NULL };
    TrafficStore *store = traffic_store_open(one, NULL);
    g_autoptr(Flows) flows = flows_new(0);
    g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);

    keep(store, NOW - 2 * MINUTE, "db", "web", 600000);
    for (int second = 0; second <= 60; second += 20) {
        g_autoptr(Cluster) cluster = cluster_of(names);

        cluster->at_us = NOW + second * (MINUTE / 60);
        flows_add(flows, cluster, NULL, files, 0, notes);
        cr_assert_eq(cluster->flows->len, 1);
        cr_assert_eq(cluster->flow_span_s, second < 60 ? 60 : 120);
        if (second == 0) {
            keep(store, NOW - MINUTE, "db", "web", 600000);
        }
    }
    keep(store, NOW, "db", "web", 600000);
    flows_forget(flows);
    {
        g_autoptr(Cluster) cluster = cluster_of(names);

        cluster->at_us = NOW + MINUTE + 1;
        flows_add(flows, cluster, NULL, files, 0, notes);
        cr_assert_eq(cluster->flow_span_s, 180);
    }
    traffic_store_close(store);
    cr_assert_eq(notes->len, 0);
}

/* Of the only flow of a cluster that is looked at now */
static double
only_flow(Flows *flows, const ConsSettings *settings, const GPtrArray *hosts,
          const char *const *files, GPtrArray *notes)
{
    g_autoptr(Look) look = look_new(settings);
    g_autoptr(Cluster) cluster = look_take(look, hosts, NOW);

    flows_forget(flows);
    flows_add(flows, cluster, look, files, NOW - 10 * MINUTE, notes);
    cr_assert_leq(cluster->flows->len, 1);
    return cluster->flows->len
               ? g_array_index(cluster->flows, ClusterFlow, 0).bytes_s
               : 0;
}

Test(flows, a_host_that_answers_later_names_its_guest_then)
{
    static const char conf[] = "[host one]\nuri = test:///one\n"
                               "[host two]\nuri = test:///two\n";
    g_autofree char *one = file("one.db"), *two = file("two.db");
    const char *const files[] = { one, two, NULL };
    TrafficStore *first = traffic_store_open(one, NULL);
    TrafficStore *second = traffic_store_open(two, NULL);
    g_autoptr(ConsSettings) settings = cons_settings_parse(conf, "conf", NULL);
    g_autoptr(Flows) flows = flows_new(0);
    g_autoptr(GPtrArray) hosts = g_ptr_array_new_with_free_func(host_free);
    g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
    VirtSeenHost *late = host_new("test:///two");

    g_ptr_array_add(hosts, host_of("test:///one", "db", "52:54:00:00:00:01"));
    g_ptr_array_add(hosts, late);
    keep(first, NOW - MINUTE, "db", "52:54:00:00:00:02", 600000);
    keep(second, NOW - MINUTE, "52:54:00:00:00:01", "web", 590000);
    traffic_store_close(first);
    traffic_store_close(second);
    late->answered = false;
    cr_assert_eq(only_flow(flows, settings, hosts, files, notes), 0);
    late->answered = true;
    add_guest(late, "web", "52:54:00:00:00:02");
    cr_assert_lt(
        fabs(only_flow(flows, settings, hosts, files, notes) - 600000 / 60.0),
        1e-6, "once, though it was read by name and by address");
    cr_assert_eq(notes->len, 0);
    /* another guest with that address: it is its traffic now */
    g_ptr_array_set_size(late->guests, 0);
    add_guest(late, "mail", "52:54:00:00:00:02");
    cr_assert_lt(
        fabs(only_flow(flows, settings, hosts, files, notes) - 600000 / 60.0),
        1e-6);
    cr_assert_eq(notes->len, 1);
}

Test(flows, what_takes_long_is_read_bit_by_bit)
{
    static const char *const names[] = { "db", "web", NULL };
    g_autofree char *one = file("one.db"), *two = file("two.db");
    const char *const files[] = { one, two, NULL };
    TrafficStore *first = traffic_store_open(one, NULL);
    TrafficStore *second = traffic_store_open(two, NULL);
    g_autoptr(Flows) flows = flows_new(1); /* a matrix at a time */
    g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
    unsigned looks = 0;
    double span_s = 0;

    for (int i = 1; i <= 5; i++) {
        keep(first, NOW - i * MINUTE, "db", "web", 600000);
        keep(second, NOW - i * MINUTE, "db", "web", 600000);
    }
    traffic_store_close(first);
    traffic_store_close(second);
    while (span_s == 0 && looks < 100) {
        g_autoptr(Cluster) cluster = cluster_of(names);

        flows_add(flows, cluster, NULL, files, 0, notes);
        span_s = cluster->flow_span_s;
        looks++;
        if (span_s > 0) {
            cr_assert_eq(cluster->flows->len, 1);
            cr_assert_lt(
                fabs(g_array_index(cluster->flows, ClusterFlow, 0).bytes_s -
                     10000),
                1e-6);
        }
    }
    cr_assert_gt(looks, 5, "%u", looks);
    cr_assert_eq(span_s, 300, "all of it, or nothing");
}

/* Guest @i of the golden case, as the capture of host @at knows it */
static char *
golden_name(int i, int at)
{
    return (i - 1) / 4 == at ? g_strdup_printf("%d", i)
                             : g_strdup_printf("52:54:00:00:00:%02x", i);
}

/* Specification 2.1's golden case: from the configuration, what libvirt tells
 * and what four hosts have counted, to the patent's sets */
Test(flows, the_patents_sets_of_what_was_counted)
{
    static const struct {
        int mate;
        uint64_t bytes;
    } counted[] = { { 2, 2 }, { 3, 2 }, { 4, 2 }, { 5, 1 }, { 13, 1 } };
    g_autoptr(GString) conf = g_string_new("[triggers]\ncluster-threshold = 3\n"
                                           "cluster-guests = 2\n");
    g_autoptr(GPtrArray) hosts = g_ptr_array_new_with_free_func(host_free);
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(Flows) flows = flows_new(0);
    g_autoptr(ConsSettings) settings = NULL;
    g_autoptr(Look) look = NULL;
    g_autoptr(Cluster) cluster = NULL;
    g_autoptr(GPtrArray) sets = NULL;
    bool together = false;

    for (int h = 0; h < 4; h++) {
        g_autofree char *uri = g_strdup_printf("test:///%d", h);
        g_autofree char *name = g_strdup_printf("%d.db", h);
        char *path = file(name);
        TrafficStore *store = traffic_store_open(path, NULL);
        VirtSeenHost *host = host_new(uri);

        g_string_append_printf(conf,
                               "[host h%d]\nuri = %s\nrack = r%d\npod = p%d\n"
                               "guests = 4\n",
                               h, uri, h, h / 2);
        for (int i = 4 * h + 1; i <= 4 * h + 4; i++) {
            g_autofree char *guest = g_strdup_printf("%d", i);
            g_autofree char *mac = g_strdup_printf("52:54:00:00:00:%02x", i);

            add_guest(host, guest, mac);
        }
        /* both ends' hosts have seen it */
        for (size_t i = 0; i < G_N_ELEMENTS(counted); i++) {
            if (h == 0 || (counted[i].mate - 1) / 4 == h) {
                g_autofree char *a = golden_name(1, h);
                g_autofree char *b = golden_name(counted[i].mate, h);

                keep(store, NOW - (int64_t)(i + 1) * MINUTE, a, b,
                     counted[i].bytes * 300 * 1000000);
            }
        }
        traffic_store_close(store);
        g_ptr_array_add(hosts, host);
        g_ptr_array_add(paths, path);
    }
    g_ptr_array_add(paths, NULL);
    settings = cons_settings_parse(conf->str, "conf", NULL);
    cr_assert_not_null(settings);
    look = look_new(settings);
    cluster = look_take(look, hosts, NOW);
    flows_add(flows, cluster, look, (const char *const *)paths->pdata,
              NOW - 60 * MINUTE, notes);
    cr_assert_eq(notes->len, 0);
    cr_assert_eq(cluster->guests->len, 16);
    cr_assert_eq(cluster->flows->len, G_N_ELEMENTS(counted));
    cr_assert_eq(cluster->flow_span_s, 300);
    sets = cons_sets(settings, cluster, NULL);
    cr_assert_eq(sets->len, 5);
    for (guint i = 0; i < 4; i++) {
        const GPtrArray *set = g_ptr_array_index(sets, i);

        cr_assert_eq(set->len, 1);
        if (i < 2) {
            cr_assert_str_eq(g_ptr_array_index(set, 0), i ? "13" : "5");
        }
    }
    for (guint i = 0; i < 2; i++) {
        const GPtrArray *last = g_ptr_array_index(sets, 4);

        cr_assert_eq(last->len, 2);
        together = together || !strcmp(g_ptr_array_index(last, i), "1");
    }
    cr_assert(together);
}
