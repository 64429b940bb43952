/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-place.c - rules that guests carry in their metadata
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "consolidate/decide.h"
#include "tools/consolidate/place.h"

static Cluster *
cluster_of(const ConsSettings *settings)
{
    Cluster *cluster = cluster_new_of(settings, 1);

    cluster_add_guest(cluster, "db1", 0);
    cluster_add_guest(cluster, "db2", 0);
    cluster_add_guest(cluster, "web", 1);
    return cluster;
}

static ConsSettings *
settings_of(const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *whole =
        g_strdup_printf("[host a]\n[host b]\n[host c]\n%s", text);
    ConsSettings *settings = cons_settings_parse(whole, "test.conf", &error);

    cr_assert(settings, "%s", error ? error->message : "");
    return settings;
}

static void
say(const ConsSettings *settings, Cluster *cluster, const char *guest,
    const char *xml)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Place) place = place_parse(xml, &error);

    cr_assert(place, "%s", error ? error->message : "");
    place_apply(place, settings, cluster, guest);
}

static char *
groups_of(const Cluster *cluster)
{
    g_autoptr(JsonObject) json = cluster_groups_to_json(cluster);

    return jobj_to_text(json, false);
}

Test(place, guests_join_groups_and_one_says_the_rule)
{
    g_autoptr(ConsSettings) s = settings_of("");
    g_autoptr(Cluster) c = cluster_of(s);
    g_autoptr(Cluster) copy = NULL, back = NULL;
    g_autoptr(JsonObject) json = NULL;
    g_autofree char *text = NULL, *of_copy = NULL, *of_back = NULL;

    say(s, c, "db1",
        "<vmferry:place xmlns:vmferry=\"urn:vmferry:place:1\" "
        "group='database' apart='rack'/>");
    say(s, c, "db2", "<place group='database' keep-away='web  db2'/>");
    say(s, c, "web", "<place keep-away='db2' keep-near='db1' pinned='no'/>");
    text = groups_of(c);
    cr_assert_str_eq(
        text, "[{\"name\":\"database\",\"members\":[\"db1\",\"db2\"],"
              "\"rules\":[\"apart rack\"]},"
              "{\"name\":\"db2 away from web\",\"members\":[\"db2\",\"web\"],"
              "\"rules\":[\"apart host\"]},"
              "{\"name\":\"db1 near web\",\"members\":[\"web\",\"db1\"],"
              "\"rules\":[\"together host\"]}]");
    copy = cluster_copy(c);
    of_copy = groups_of(copy);
    cr_assert_str_eq(of_copy, text);
    json = cluster_to_json(c);
    back = cluster_from_json(json, NULL);
    cr_assert(back);
    of_back = groups_of(back);
    cr_assert_str_eq(of_back, text);
}

Test(place, a_group_of_the_configuration_is_joined)
{
    g_autoptr(ConsSettings) s =
        settings_of("[group database]\nmembers = db1;db9\napart = host\n");
    g_autoptr(Cluster) c = cluster_of(s);
    g_autofree char *text = NULL;

    say(s, c, "db2", "<place group='database'/>");
    text = groups_of(c);
    cr_assert_str_eq(text,
                     "[{\"name\":\"database\",\"members\":[\"db1\",\"db9\","
                     "\"db2\"],\"rules\":[\"apart host\"]}]");
}

/* Broken by where they run, and mended by the fewest moves. */
Test(place, what_guests_say_is_kept_by_decisions)
{
    g_autoptr(ConsSettings) s = settings_of("");
    g_autoptr(Cluster) c = cluster_of(s);
    g_autoptr(GPtrArray) triggers =
        g_ptr_array_new_with_free_func((GDestroyNotify)cons_trigger_free);
    ConsQuestion question = { .settings = s,
                              .cluster = c,
                              .triggers = triggers };
    g_autoptr(ConsDecision) d = NULL;
    const ConsMove *move;

    for (guint h = 0; h < c->hosts->len; h++) {
        cluster_host(c, h)->state = CLUSTER_HOST_UP;
        cluster_host(c, h)->cpu_milli = 8000;
        cluster_host(c, h)->memory_bytes = UINT64_C(64) << 30;
    }
    for (guint g = 0; g < c->guests->len; g++) {
        cluster_guest(c, g)->cpu_milli = 500;
        cluster_guest(c, g)->vcpus = 1;
        cluster_guest(c, g)->memory_bytes = UINT64_C(1) << 30;
    }
    say(s, c, "db1", "<place group='database' apart='host'/>");
    say(s, c, "db2", "<place group='database' keep-away='web'/>");
    say(s, c, "web", "<place keep-away='db1'/>");
    g_ptr_array_add(triggers,
                    cons_trigger_new(CONS_TRIGGER_CONSTRAINTS, -1, "broken"));
    d = cons_decide(&question);
    cr_assert_gt(d->violation_before, 0);
    cr_assert_eq(d->violation_after, 0, "%s", d->summary);
    cr_assert_eq(d->moves->len, 1, "%s", d->summary);
    move = g_ptr_array_index(d->moves, 0);
    cr_assert_str_eq(move->to, "c", "web is on b");
}

typedef struct WrongCase {
    char xml[96];
    char message[64];
} WrongCase;

ParameterizedTestParameters(place, what_cannot_be_read_is_refused)
{
    static WrongCase cases[] = {
        { "<place apart='rack'/>", "of a group" },
        { "<place group='a' apart='planet'/>", "apart=\"planet\"" },
        { "<place group='a' apart=''/>", "apart=\"\"" },
        { "<place group=''/>", "group" },
        { "<place pinned='maybe'/>", "yes or no" },
        { "<place color='red'/>", "color=\"red\"" },
        { "<place><place/></place>", "one element" },
        { "<guest pinned='yes'/>", "\"place\"" },
        { "<place", "urn:vmferry:place:1" },
        { "", "urn:vmferry:place:1" },
    };

    return cr_make_param_array(WrongCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(WrongCase *c, place, what_cannot_be_read_is_refused)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Place) place = place_parse(c->xml, &error);

    cr_assert_null(place, "%s", c->xml);
    cr_assert(strstr(error->message, c->message), "%s", error->message);
}
