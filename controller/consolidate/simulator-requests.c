/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * simulator-requests.c - guests that come and go while the manager watches
 *
 * Somebody else starts guests, as a cloud's scheduler does: on the fullest host
 * that is awake, has room within the reserve for what the guest will use, and
 * breaks no rule of a group whose members are there already. Where there is
 * none, the request is refused. The manager knows nothing of it beforehand.
 */
#include <string.h>

#include "consolidate/simulator-priv.h"

#define MICRO 1e6
#define AGAIN_US 1000000 /* a guest that migrates ends a little later */

static SimEvent *
push(ConsSimulator *s, SimKind kind, int64_t at_us, size_t index)
{
    SimEvent *event = g_new0(SimEvent, 1);

    event->kind = kind;
    event->at_us = MAX(at_us, s->now_us);
    event->id = index;
    sim_push(s, event);
    return event;
}

void
cons_simulator_requests(ConsSimulator *s, const ConsRequest *requests, size_t n)
{
    s->requests = requests;
    g_hash_table_remove_all(s->groups_of);
    for (guint i = 0; i < s->settings->groups->len; i++) {
        const ConsGroupSettings *group = s->settings->groups->pdata[i];

        for (char **name = group->members; *name; name++) {
            GPtrArray *groups = g_hash_table_lookup(s->groups_of, *name);

            if (!groups) {
                groups = g_ptr_array_new();
                g_hash_table_insert(s->groups_of, *name, groups);
            }
            g_ptr_array_add(groups, (gpointer)group);
        }
    }
    for (size_t i = 0; i < n; i++) {
        push(s, SIM_ARRIVE, requests[i].from_us, i);
    }
}

static const char *
place_of(const ClusterHost *host, PlanLevel level)
{
    return level == PLAN_LEVEL_HOST   ? host->name
           : level == PLAN_LEVEL_RACK ? host->rack
           : level == PLAN_LEVEL_POD  ? host->pod
                                      : host->site;
}

/* May a member of @group that is not there yet come to @host? */
static bool
rules_allow(const ConsSimulator *s, const ConsGroupSettings *group,
            const ClusterHost *host)
{
    for (guint i = 0; i < group->rules->len; i++) {
        const ConsGroupRule *rule =
            &g_array_index(group->rules, ConsGroupRule, i);

        if (rule->kind != PLAN_RULE_APART && rule->kind != PLAN_RULE_TOGETHER) {
            continue;
        }
        for (char **name = group->members; *name; name++) {
            int32_t guest = cluster_find_guest(s->cluster, *name);
            const ClusterHost *other;
            bool same;

            if (guest < 0) {
                continue;
            }
            other = cluster_host(
                s->cluster,
                (size_t)cluster_guest(s->cluster, (size_t)guest)->host);
            same = strcmp(place_of(host, rule->level),
                          place_of(other, rule->level)) == 0;
            if (same != (rule->kind == PLAN_RULE_TOGETHER)) {
                return false;
            }
        }
    }
    return true;
}

static int32_t
find_host(const ConsSimulator *s, const ConsRequest *request)
{
    const Cluster *c = s->cluster;
    const GPtrArray *groups = g_hash_table_lookup(s->groups_of, request->name);
    g_autofree int64_t *cpu = g_new0(int64_t, c->hosts->len + 1);
    g_autofree uint64_t *memory = g_new0(uint64_t, c->hosts->len + 1);
    double fullest = -1;
    int32_t best = -1;

    for (guint g = 0; g < c->guests->len; g++) {
        const ClusterGuest *guest = cluster_guest(c, g);

        cpu[guest->host] += MAX(0, guest->cpu_milli);
        memory[guest->host] += guest->memory_bytes;
    }
    for (guint i = 0; i < s->moves->len; i++) {
        const SimMove *move = s->moves->pdata[i];
        int32_t to = cluster_find_host(c, move->to);
        int32_t guest = cluster_find_guest(c, move->guest);

        if (to >= 0 && guest >= 0) {
            memory[to] += cluster_guest(c, (size_t)guest)->memory_bytes;
        }
    }
    for (guint h = 0; h < c->hosts->len; h++) {
        const ClusterHost *host = cluster_host(c, h);
        double has = (double)host->memory_bytes * s->settings->reserve_memory;
        double takes = (double)(memory[h] + host->own_memory_bytes +
                                request->memory_bytes);
        bool fits =
            host->state == CLUSTER_HOST_UP && !host->closed && takes <= has &&
            (double)(cpu[h] + host->own_cpu_milli + request->cpu_milli) <=
                (double)host->cpu_milli * s->settings->reserve_cpu;

        for (guint i = 0; groups && fits && i < groups->len; i++) {
            fits = rules_allow(s, groups->pdata[i], host);
        }
        if (fits && takes / has > fullest) {
            fullest = takes / has;
            best = (int32_t)h;
        }
    }
    return best;
}

void
sim_arrive(ConsSimulator *s, size_t index)
{
    const ConsRequest *request = &s->requests[index];
    int32_t host = find_host(s, request);
    ClusterGuest *guest =
        host < 0 ? NULL : cluster_add_guest(s->cluster, request->name, host);

    s->figures.requests++;
    if (!guest) {
        s->figures.refused++;
        return;
    }
    guest->vcpus = request->vcpus;
    guest->memory_bytes = request->memory_bytes;
    guest->cpu_milli = request->cpu_milli;
    push(s, SIM_LEAVE, request->until_us, index);
}

void
sim_leave(ConsSimulator *s, size_t index)
{
    int32_t guest = cluster_find_guest(s->cluster, s->requests[index].name);

    if (guest >= 0 && cluster_guest(s->cluster, (size_t)guest)->moving) {
        push(s, SIM_LEAVE, s->now_us + AGAIN_US, index);
    } else if (guest >= 0) {
        cluster_remove_guest(s->cluster, guest);
    }
}
