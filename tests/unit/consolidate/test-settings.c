/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-settings.c - the configuration file, and clusters as JSON
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "fixture.h"

static const char whole[] = "# two hosts\n"
                            "[consolidate]\n"
                            "mode = auto\n"
                            "cycle = 30s\n"
                            "moves-may-start = 22:00-06:00; 12:00-13:00\n"
                            "[reserve]\n"
                            "cpu = 75%\n"
                            "[objectives]\n"
                            "traffic = 2.5\n"
                            "[triggers]\n"
                            "overloaded = mad 2.5\n"
                            "overloaded-samples = 2 of 4\n"
                            "far-traffic = 02:30\n"
                            "far-traffic-above = 8mbit\n"
                            "demand = linear\n"
                            "[budget]\n"
                            "horizon = 2h\n"
                            "cool-down = 90min\n"
                            "moves-per-hour = 12\n"
                            "[network]\n"
                            "link = 10gbit\n"
                            "switches = 1;1;3;5;7\n"
                            "[host one]\n"
                            "uri = qemu+ssh://one/system\n"
                            "rack = r1\n"
                            "cores = 7.5\n"
                            "memory = 64GiB\n"
                            "idle-power = 86W\n"
                            "busy-power = 0.117kW\n"
                            "features = gpu;ssd\n"
                            "power-down = systemctl poweroff\n"
                            "[host two]\n"
                            "closed = yes\n"
                            "[guest db]\n"
                            "hosts = one;two\n"
                            "downtime = 200ms\n"
                            "[group pair]\n"
                            "members = db;web\n"
                            "apart = host\n"
                            "spread = rack 2\n";

Test(settings, all_that_is_said_is_taken)
{
    g_autoptr(ConsSettings) s = fixture_settings(whole);
    const ConsHostSettings *one = cons_settings_host(s, "one");
    const ConsGroupSettings *pair = g_ptr_array_index(s->groups, 0);

    cr_assert_eq(s->mode, CONS_MODE_AUTO);
    cr_assert_float_eq(s->cycle_s, 30, 0);
    cr_assert_eq(s->open_minutes->len, 2);
    cr_assert_float_eq(s->reserve_cpu, 0.75, 1e-12);
    cr_assert_float_eq(s->traffic_w, 2.5, 0);
    cr_assert_eq(s->overload, CONS_OVERLOAD_MAD);
    cr_assert_eq(s->overload_k, 2);
    cr_assert_eq(s->overload_n, 4);
    cr_assert_eq(s->far_minute, 150);
    cr_assert_float_eq(s->far_above_bytes_s, 1e6, 0);
    cr_assert_eq(s->demand, CONS_DEMAND_LINEAR);
    cr_assert_float_eq(s->horizon_s, 7200, 0);
    cr_assert_float_eq(s->cool_down_s, 5400, 0);
    cr_assert_eq(s->moves_per_hour, 12);
    cr_assert_eq(s->link_bytes_s, 1250000000);
    cr_assert_eq(s->distance_milli[4], 7000);
    cr_assert_str_eq(one->uri, "qemu+ssh://one/system");
    cr_assert_eq(one->cpu_milli, 7500);
    cr_assert_eq(one->memory_bytes, 64 * GIB);
    cr_assert_eq(one->busy_mw, 117000);
    cr_assert_str_eq(one->features[1], "ssd");
    cr_assert_str_eq(one->power_down, "systemctl poweroff");
    cr_assert(cons_settings_host(s, "two")->closed);
    cr_assert_float_eq(cons_settings_guest(s, "db")->downtime_s, 0.2, 1e-12);
    cr_assert_eq(pair->rules->len, 2);
    cr_assert_eq(g_array_index(pair->rules, ConsGroupRule, 1).number, 2);
}

typedef struct WrongCase {
    char text[96];
    char message[64];
} WrongCase;

ParameterizedTestParameters(settings, mistakes_are_named_with_their_line)
{
    static WrongCase cases[] = {
        { "[consolidate]\nmod = auto\n", "test.conf:2: [consolidate] has no" },
        { "\n[consolidated]\n", "test.conf:2: there is no section" },
        { "mode = auto\n", "test.conf:1: a key before" },
        { "[consolidate]\nmode\n", "test.conf:2: neither [section]" },
        { "[consolidate]\nmode = on\n", "test.conf:2: mode: \"on\" is not" },
        { "[consolidate]\nmode=auto\nmode=auto\n",
          "test.conf:3: mode is there" },
        { "[host a]\n[host a]\n", "test.conf:2: [host a] is there twice" },
        { "[host]\n", "test.conf:1: [host] needs a name" },
        { "[reserve here]\n", "test.conf:1: [reserve here] is [reserve]" },
        { "[reserve]\ncpu = 1.2\n", "test.conf:2: cpu: \"1.2\" is not" },
        { "[reserve]\ncpu = nan\n", "test.conf:2: cpu: \"nan\" is not" },
        { "[network]\nlink = 1000\n", "test.conf:2: link:" },
        { "[budget]\nhorizon = 6\n", "test.conf:2: horizon: \"6\" is not" },
        { "[budget]\nhorizon = 0s\n", "test.conf:2: horizon: \"0s\" is not" },
        { "[triggers]\noverloaded = static\n", "test.conf:2: overloaded:" },
        { "[triggers]\noverloaded-samples = 5 of 3\n", "test.conf:2: over" },
        { "[triggers]\nfar-traffic = 25:00\n", "test.conf:2: far-traffic:" },
        { "[network]\nswitches = 1;2;3\n", "test.conf:2: switches:" },
        { "[network]\nswitches = 5;4;3;2;1\n", "test.conf:2: switches:" },
        { "[group g]\nmembers = a;a\n", "test.conf:2: members: \"a\" is" },
        { "[group g]\napart = room\n", "test.conf:2: apart: \"room\" is not" },
        { "[group g]\nspread = rack\n", "test.conf:2: spread: \"rack\"" },
        { "[guest g]\nhosts = nowhere\n", "there is no [host nowhere]" },
        { "[triggers]\noverloaded = static 0.7\n", "is not above the reserve" },
        { "[host a]\nidle-power = 9W\n", "busy-power is less" },
        { "[host a\n", "test.conf:1: a section ends" },
    };

    return cr_make_param_array(WrongCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(WrongCase *c, settings, mistakes_are_named_with_their_line)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ConsSettings) s =
        cons_settings_parse(c->text, "test.conf", &error);

    cr_assert_null(s, "taken: %s", c->text);
    cr_assert(strstr(error->message, c->message), "\"%s\" is not in \"%s\"",
              c->message, error->message);
}

Test(settings, a_cluster_comes_back_from_its_json)
{
    g_autoptr(ConsSettings) s = fixture_settings(whole);
    g_autoptr(Cluster) c = fixture_cluster(s, 8, 64);
    g_autoptr(Cluster) back = NULL;
    g_autoptr(JsonObject) json = NULL, again = NULL;
    g_autofree char *text = NULL, *text_again = NULL;
    g_autoptr(GError) error = NULL;
    ClusterGuest *guest = fixture_guest(c, "db", "one", 1500, 4);

    guest->fixed = g_strdup("it has a host's device");
    guest->hot_bytes = GIB;
    fixture_guest(c, "web", "two", -1, 1);
    cluster_add_flow(c, 0, 1, 1234.5);
    c->flow_span_s = 60;
    cluster_host(c, 1)->state = CLUSTER_HOST_ASLEEP;
    json = cluster_to_json(c);
    back = cluster_from_json(json, &error);
    cr_assert(back, "%s", error ? error->message : "");
    again = cluster_to_json(back);
    text = jobj_to_text(json, true);
    text_again = jobj_to_text(again, true);
    cr_assert_str_eq(text, text_again);
}

typedef struct JsonCase {
    char from[48], to[48];
    char message[48];
} JsonCase;

ParameterizedTestParameters(settings, a_wrong_cluster_is_refused)
{
    static JsonCase cases[] = {
        { "vmferry-cluster-1", "vmferry-cluster-9", "format" },
        { "\"host\":\"one\"", "\"host\":\"nine\"", "guests[0].host" },
        { "\"vcpus\":2", "\"vcpus\":-2", "guests[0].vcpus" },
        { "\"vcpus\":2", "\"vcpus\":\"2\"", "guests[0].vcpus" },
        { "\"name\":\"two\"", "\"name\":\"one\"", "hosts[1].name" },
        { "\"name\":\"web\"", "\"name\":\"db\"", "guests[1].name" },
        { "\"b\":1", "\"b\":7", "flows[0]." },
        { "\"b\":1", "\"b\":0", "flows[0].b" },
        { "\"state\":\"up\"", "\"state\":\"odd\"", "hosts[0].state" },
        { "\"at\":\"2026", "\"at\":\"x026", "at" },
    };

    return cr_make_param_array(JsonCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(JsonCase *c, settings, a_wrong_cluster_is_refused)
{
    g_autoptr(ConsSettings) s = fixture_settings(whole);
    g_autoptr(Cluster) cluster = fixture_cluster(s, 8, 64), back = NULL;
    g_autoptr(JsonObject) json = NULL, changed = NULL;
    g_autofree char *text = NULL;
    g_autoptr(GString) wrong = NULL;
    g_autoptr(GError) error = NULL;

    fixture_guest(cluster, "db", "one", 1500, 4);
    fixture_guest(cluster, "web", "two", 100, 1);
    cluster_add_flow(cluster, 0, 1, 10);
    json = cluster_to_json(cluster);
    text = jobj_to_text(json, false);
    wrong = g_string_new(text);
    cr_assert_eq(g_string_replace(wrong, c->from, c->to, 1), 1, "%s not in %s",
                 c->from, text);
    changed = jobj_parse(wrong->str, wrong->len, NULL);
    back = cluster_from_json(changed, &error);
    cr_assert_null(back);
    cr_assert(strstr(error->message, c->message), "%s", error->message);
}

Test(settings, a_guest_that_goes_takes_its_flows_along)
{
    g_autoptr(ConsSettings) s = fixture_settings(whole);
    g_autoptr(Cluster) c = fixture_cluster(s, 8, 64);

    fixture_guest(c, "db", "one", 1500, 4);
    fixture_guest(c, "web", "two", 100, 1);
    fixture_guest(c, "log", "two", 100, 1);
    cluster_add_flow(c, 0, 1, 10);
    cluster_add_flow(c, 2, 0, 20);
    cluster_remove_guest(c, 1);
    cr_assert_eq(c->guests->len, 2);
    cr_assert_eq(cluster_find_guest(c, "web"), -1);
    cr_assert_eq(cluster_find_guest(c, "log"), 1);
    cr_assert_eq(c->flows->len, 1);
    cr_assert_eq(g_array_index(c->flows, ClusterFlow, 0).a, 1);
    cr_assert_eq(g_array_index(c->flows, ClusterFlow, 0).b, 0);
}
