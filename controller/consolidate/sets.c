/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sets.c - the patent's sets, out of settings and measured traffic
 *
 * A' is counted in megabytes a second times switches, whatever traffic is worth
 * otherwise.
 */
#include "consolidate/problem.h"
#include "plan/patent.h"

/* Guests that a host holds: what is configured, or the mean. */
static size_t
neighbourhood(const ConsSettings *s, const Cluster *c)
{
    int64_t most = (int64_t)s->far_set;

    for (guint h = 0; most == 0 && h < c->hosts->len; h++) {
        most = MAX(most, cluster_host(c, h)->slots);
    }
    if (most == 0) {
        most = (c->guests->len + MAX(1, c->hosts->len) - 1) /
               MAX(1, c->hosts->len);
    }
    return (size_t)MAX(1, most);
}

GPtrArray *
cons_sets(const ConsSettings *settings, const Cluster *cluster, GError **error)
{
    ConsQuestion question = { .settings = settings, .cluster = cluster };
    ProblemQuery query = {
        .question = &question,
        .aim = PROBLEM_JUDGE,
        .returns = true,
        .traffic_alone = true,
    };
    PlanPatentQuery patent_query = {
        .smoothing = PLAN_SMOOTH_PROBABILITY,
        .threshold = settings->far_threshold * 1000,
        .most = neighbourhood(settings, cluster),
    };
    g_autoptr(Problem) p = problem_new(&query, error);
    g_autoptr(PlanPatent) patent = NULL;
    g_autofree int32_t *host_of = NULL;
    GPtrArray *sets;

    if (!p) {
        return NULL;
    }
    host_of = plan_model_hosts(p->model);
    patent = plan_patent_new(p->model, host_of, &patent_query);
    sets = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
    for (guint i = 0; i < patent->sets->len; i++) {
        const GArray *from = g_ptr_array_index(patent->sets, i);
        GPtrArray *set = g_ptr_array_new();

        for (guint k = 0; k < from->len; k++) {
            guint guest = (guint)p->guest_of[g_array_index(from, int32_t, k)];

            g_ptr_array_add(set, cluster_guest(cluster, guest)->name);
        }
        g_ptr_array_add(sets, set);
    }
    return sets;
}
