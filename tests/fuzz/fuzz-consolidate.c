/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-consolidate.c - what the consolidation manager reads
 *
 * The bytes are tried as a configuration, as a cluster, as a decision and as a
 * journal. What is taken is written out and taken again; a cluster is decided
 * on, whatever its numbers say; a manager restored from a journal looks at a
 * cluster and goes on from there.
 */
#include "fuzz.h"

#include <string.h>

#include "consolidate/simulator.h"

#define START_US INT64_C(1772323200000000)
#define MOST_GUESTS 64

static ConsSettings *
three_hosts(void)
{
    static const char text[] =
        "[consolidate]\nmode = auto\nsearch-work = 1000\n"
        "[host h1]\ncores = 4\nmemory = 8GiB\npower-down = off\nwake = on\n"
        "[host h2]\ncores = 4\nmemory = 8GiB\n"
        "[host h3]\ncores = 4\nmemory = 8GiB\n"
        "[group g]\nmembers = a;b\napart = host\n";
    ConsSettings *settings = cons_settings_parse(text, "fuzz", NULL);

    FUZZ_CHECK(settings);
    return settings;
}

static void
check_settings(const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ConsSettings) settings =
        cons_settings_parse(text, "fuzz", &error);

    FUZZ_CHECK(settings ? !error : error->domain == CONS_ERROR);
    FUZZ_CHECK(settings || g_str_has_prefix(error->message, "fuzz:"));
}

static void
check_cluster(JsonObject *json)
{
    g_autoptr(Cluster) cluster = cluster_from_json(json, NULL);
    g_autoptr(ConsSettings) settings = three_hosts();
    g_autoptr(ConsWatch) watch = cons_watch_new(settings);
    g_autoptr(GPtrArray) triggers =
        g_ptr_array_new_with_free_func((GDestroyNotify)cons_trigger_free);
    ConsQuestion question = { .settings = settings,
                              .cluster = cluster,
                              .watch = watch,
                              .triggers = triggers };
    g_autoptr(JsonObject) written = NULL;
    g_autoptr(Cluster) again = NULL;

    if (!cluster) {
        return;
    }
    written = cluster_to_json(cluster);
    again = cluster_from_json(written, NULL);
    FUZZ_CHECK(again);
    FUZZ_CHECK(again->guests->len == cluster->guests->len);
    if (cluster->guests->len > MOST_GUESTS ||
        cluster->hosts->len > MOST_GUESTS) {
        return;
    }
    cons_watch_observe(watch, cluster);
    for (int kind = 0; kind < CONS_N_TRIGGERS; kind++) {
        g_autoptr(ConsDecision) decision = NULL;

        g_ptr_array_set_size(triggers, 0);
        g_ptr_array_add(triggers,
                        cons_trigger_new((ConsTriggerKind)kind,
                                         cluster->hosts->len ? 0 : -1, "fuzz"));
        decision = cons_decide(&question);
        FUZZ_CHECK(decision->violation_after <= decision->violation_before);
    }
}

static void
check_decision(JsonObject *json)
{
    g_autoptr(ConsDecision) decision = cons_decision_from_json(json, NULL);
    g_autoptr(ConsDecision) again = NULL;
    g_autoptr(JsonObject) written = NULL;

    if (!decision) {
        return;
    }
    for (guint i = 0; i < decision->moves->len; i++) {
        g_autofree char *text = cons_explain(decision, i);

        FUZZ_CHECK(text);
    }
    written = cons_decision_to_json(decision);
    again = cons_decision_from_json(written, NULL);
    FUZZ_CHECK(again && again->moves->len == decision->moves->len);
}

static void
check_journal(const char *text)
{
    g_autoptr(ConsSettings) settings = three_hosts();
    g_autoptr(Cluster) cluster = cluster_new_of(settings, START_US);
    g_autoptr(ConsSimulator) simulator = NULL;
    g_autoptr(ConsManager) manager = NULL;
    g_autoptr(ConsManager) other = NULL;
    g_autofree char *journal = NULL;
    g_autoptr(GError) error = NULL;

    for (guint h = 0; h < cluster->hosts->len; h++) {
        cluster_host(cluster, h)->state = CLUSTER_HOST_UP;
    }
    cluster_add_guest(cluster, "a", 0)->cpu_milli = 1000;
    cluster_add_guest(cluster, "b", 1)->cpu_milli = 1000;
    simulator = cons_simulator_new(settings, cluster, 1);
    manager = cons_manager_new(settings, cons_simulator_backend(), simulator);
    if (!cons_manager_restore(manager, text, &error)) {
        FUZZ_CHECK(error->domain == CONS_ERROR);
        return;
    }
    journal = cons_manager_journal(manager);
    other = cons_manager_new(settings, cons_simulator_backend(), simulator);
    FUZZ_CHECK(cons_manager_restore(other, journal, &error));
    cons_simulator_set_manager(simulator, manager);
    cons_manager_start(manager);
    cons_simulator_run(simulator, START_US + INT64_C(600000000), 200);
    cons_simulator_set_manager(simulator, NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autoptr(JsonObject) json = jobj_parse(text, strlen(text), NULL);

    check_settings(text);
    check_journal(text);
    if (json) {
        check_cluster(json);
        check_decision(json);
    }
    return 0;
}
