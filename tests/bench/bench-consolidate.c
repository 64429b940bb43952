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
#include "consolidate/world.h"

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
    g_autoptr(ConsSettings) s = cons_settings_new();
    g_autoptr(ConsWorld) world =
        cons_world_random(s, MAX(10, n_hosts), n_guests, 42);
    const Cluster *c = world->cluster;
    struct rusage usage;
    double worst_s = 0, mib;

    s->underload = 0.2;
    s->moves_per_hour = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        worst_s = MAX(worst_s, run(s, c, kinds[i]));
    }
    getrusage(RUSAGE_SELF, &usage);
    mib = (double)usage.ru_maxrss / 1024;
    printf("%u hosts, %u guests: the longest cycle %.2f s, %.0f MiB\n",
           c->hosts->len, c->guests->len, worst_s, mib);
    return worst_s <= limit_s && mib <= limit_mib ? EXIT_SUCCESS : EXIT_FAILURE;
}
