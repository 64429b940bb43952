/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"

#include <criterion/criterion.h>
#include <string.h>

ConsSettings *
fixture_settings(const char *text)
{
    g_autoptr(GError) error = NULL;
    ConsSettings *settings = cons_settings_parse(text, "test.conf", &error);

    cr_assert(settings, "%s", error ? error->message : "");
    return settings;
}

char *
fixture_hosts(const char *head, size_t n, const char *more)
{
    GString *text = g_string_new(head);

    for (size_t i = 1; i <= n; i++) {
        g_string_append_printf(text, "\n[host h%zu]\n%s\n", i, more);
    }
    return g_string_free(text, FALSE);
}

Cluster *
fixture_cluster(const ConsSettings *settings, int64_t cores, uint64_t gib)
{
    Cluster *cluster = cluster_new_of(settings, START_US);

    for (guint i = 0; i < cluster->hosts->len; i++) {
        ClusterHost *host = cluster_host(cluster, i);

        host->state = CLUSTER_HOST_UP;
        host->cpu_milli = cores * 1000;
        host->memory_bytes = gib * GIB;
    }
    return cluster;
}

ClusterGuest *
fixture_guest(Cluster *cluster, const char *name, const char *host,
              int64_t cpu_milli, uint64_t gib)
{
    int32_t index = cluster_find_host(cluster, host);
    ClusterGuest *guest;

    cr_assert_geq(index, 0, "no host %s", host);
    guest = cluster_add_guest(cluster, name, index);
    cr_assert(guest, "guest %s twice", name);
    guest->vcpus = 2;
    guest->cpu_milli = cpu_milli;
    guest->memory_bytes = gib * GIB;
    return guest;
}

ConsDecision *
fixture_decide(const ConsSettings *settings, const Cluster *cluster,
               ConsTriggerKind kind, const char *host)
{
    g_autoptr(ConsWatch) watch = cons_watch_new(settings);
    g_autoptr(GPtrArray) triggers =
        g_ptr_array_new_with_free_func((GDestroyNotify)cons_trigger_free);
    const char *evacuated[] = { kind == CONS_TRIGGER_EVACUATE ? host : NULL,
                                NULL };
    ConsQuestion question = {
        .settings = settings,
        .cluster = cluster,
        .watch = watch,
        .triggers = triggers,
        .evacuated = evacuated,
    };

    cons_watch_observe(watch, cluster);
    g_ptr_array_add(
        triggers,
        cons_trigger_new(kind, host ? cluster_find_host(cluster, host) : -1,
                         "the test says so"));
    return cons_decide(&question);
}

const ConsMove *
fixture_move(const ConsDecision *decision, const char *guest)
{
    for (guint i = 0; i < decision->moves->len; i++) {
        const ConsMove *move = g_ptr_array_index(decision->moves, i);

        if (strcmp(move->guest, guest) == 0) {
            return move;
        }
    }
    return NULL;
}

Cluster *
fixture_apply(const Cluster *cluster, const ConsDecision *decision)
{
    Cluster *after = cluster_copy(cluster);

    for (guint i = 0; i < decision->moves->len; i++) {
        const ConsMove *move = g_ptr_array_index(decision->moves, i);

        cluster_guest(after, (guint)cluster_find_guest(after, move->guest))
            ->host = cluster_find_host(after, move->to);
    }
    after->at_us += 60 * SECOND_US;
    return after;
}

const char *
fixture_text(const ConsDecision *decision)
{
    static char *text;
    g_autoptr(JsonObject) json = cons_decision_to_json(decision);

    g_free(text);
    text = jobj_to_text(json, true);
    return text;
}

const char *
fixture_where(const Cluster *cluster, const char *guest)
{
    int32_t index = cluster_find_guest(cluster, guest);

    cr_assert_geq(index, 0, "no guest %s", guest);
    return cluster_host(cluster,
                        (guint)cluster_guest(cluster, (guint)index)->host)
        ->name;
}
