/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bench-consolidate.c - how long a cycle takes with 10,000 guests
 *
 * A thousand hosts in fifty racks, guests at random, every tenth pair of
 * neighbours exchanging something. From the inventory on: samples, triggers,
 * broken rules, a decision, its schedule. Each trigger by itself; what counts is
 * the longest. Prints a line for each, and the most memory that was in use.
 *
 * usage: bench-consolidate [HOSTS GUESTS [LIMIT_S LIMIT_MIB]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "consolidate/problem.h"

#define GIB ((uint64_t)1 << 30)
#define START_US INT64_C(1772323200000000)

static uint64_t
next_random(void)
{
    static uint64_t z = 42;

    z = z * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return z >> 33;
}

static ConsSettings *
make_settings(size_t n_hosts)
{
    ConsSettings *s = cons_settings_new();

    for (size_t h = 0; h < n_hosts; h++) {
        g_autofree char *name = g_strdup_printf("host%04zu", h);
        ConsHostSettings *host = cons_settings_add_host(s, name);

        host->rack = g_strdup_printf("rack%02zu", h / 20);
        host->pod = g_strdup_printf("pod%zu", h / 200);
        host->idle_mw = 100000;
        host->busy_mw = 200000;
        host->power_down = g_strdup("off");
        host->wake = g_strdup("on");
    }
    s->underload = 0.2;
    s->moves_per_hour = 0;
    return s;
}

static Cluster *
make_cluster(const ConsSettings *s, size_t n_guests)
{
    Cluster *c = cluster_new_of(s, START_US);

    for (guint h = 0; h < c->hosts->len; h++) {
        ClusterHost *host = cluster_host(c, h);

        host->state = CLUSTER_HOST_UP;
        host->cpu_milli = 16000;
        host->memory_bytes = 128 * GIB;
    }
    for (size_t g = 0; g < n_guests; g++) {
        g_autofree char *name = g_strdup_printf("guest%05zu", g);
        ClusterGuest *guest = cluster_add_guest(
            c, name, (int32_t)(next_random() % c->hosts->len));

        guest->vcpus = 4;
        guest->cpu_milli = (int64_t)(200 + next_random() % 1400);
        guest->memory_bytes = (1 + next_random() % 12) * GIB;
    }
    for (size_t g = 0; g + 1 < n_guests; g += 10) {
        cluster_add_flow(c, (int32_t)g, (int32_t)g + 1,
                         (double)(next_random() % 10000000));
    }
    c->flow_span_s = 86400;
    return c;
}

static double
run(const ConsSettings *s, const Cluster *inventory, ConsTriggerKind kind)
{
    int64_t start_us = clock_mono_us();
    g_autoptr(Cluster) c = cluster_copy(inventory);
    g_autoptr(ConsWatch) watch = cons_watch_new(s);
    g_autoptr(GPtrArray) all = NULL;
    g_autoptr(GPtrArray) triggers =
        g_ptr_array_new_with_free_func((GDestroyNotify)cons_trigger_free);
    const char *evacuated[] = { "host0007", NULL };
    ConsQuestion question = {
        .settings = s, .cluster = c, .watch = watch, .triggers = triggers
    };
    g_autoptr(ConsDecision) decision = NULL;
    g_autofree char *broken = NULL;
    double took_s;

    for (int i = 0; i < 5; i++) {
        c->at_us += 60000000;
        cons_watch_observe(watch, c);
    }
    all = cons_watch_triggers(watch, c);
    broken = problem_broken(&question);
    for (guint i = 0; i < all->len; i++) {
        const ConsTrigger *one = g_ptr_array_index(all, i);

        if (one->kind == kind) {
            g_ptr_array_add(triggers,
                            cons_trigger_new(kind, one->host, one->text));
        }
    }
    if (kind == CONS_TRIGGER_EVACUATE) {
        question.evacuated = evacuated;
        g_ptr_array_add(triggers, cons_trigger_new(kind, 7, "bench"));
    } else if (triggers->len == 0) {
        g_ptr_array_add(triggers, cons_trigger_new(kind, -1, "bench"));
    }
    decision = cons_decide(&question);
    took_s = (double)(clock_mono_us() - start_us) / 1e6;
    printf("%-12s %6.2f s, %u triggers: %s\n", cons_trigger_name(kind), took_s,
           triggers->len, decision->summary);
    fflush(stdout);
    return took_s;
}

int
main(int argc, char **argv)
{
    static const ConsTriggerKind kinds[] = {
        CONS_TRIGGER_OVERLOADED,  CONS_TRIGGER_UNDERLOADED,
        CONS_TRIGGER_FAR_TRAFFIC, CONS_TRIGGER_EVACUATE,
        CONS_TRIGGER_REQUEST,
    };
    size_t n_hosts = argc > 2 ? strtoul(argv[1], NULL, 10) : 1000;
    size_t n_guests = argc > 2 ? strtoul(argv[2], NULL, 10) : 10000;
    double limit_s = argc > 4 ? g_ascii_strtod(argv[3], NULL) : 10;
    double limit_mib = argc > 4 ? g_ascii_strtod(argv[4], NULL) : 512;
    g_autoptr(ConsSettings) s = make_settings(MAX(10, n_hosts));
    g_autoptr(Cluster) c = make_cluster(s, n_guests);
    struct rusage usage;
    double worst_s = 0, mib;

    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        worst_s = MAX(worst_s, run(s, c, kinds[i]));
    }
    getrusage(RUSAGE_SELF, &usage);
    mib = (double)usage.ru_maxrss / 1024;
    printf("%u hosts, %u guests: the longest cycle %.2f s, %.0f MiB\n",
           c->hosts->len, c->guests->len, worst_s, mib);
    return worst_s <= limit_s && mib <= limit_mib ? EXIT_SUCCESS : EXIT_FAILURE;
}
