/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * world-requests.c - Huawei's requests and servers as a world to simulate
 *
 * The data set has no times: requests come one after the other, evenly over the
 * time given, and stay for a while that is drawn. Of their rules affinity (a
 * rack) and anti-affinity (hosts) are groups here; domains that have to be in
 * different racks are a rule between groups, which the manager does not know.
 */
#include <math.h>

#include "consolidate/world.h"

#define GIB ((uint64_t)1 << 30)
#define IDLE_MW 100000
#define BUSY_MW 200000

static double
uniform(uint64_t *state)
{
    *state =
        *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(*state >> 11) / 9007199254740992.0;
}

void
cons_world_servers(ConsSettings *settings, const PlanModel *model)
{
    for (size_t h = 0; h < model->n_hosts; h++) {
        const char *rack =
            g_ptr_array_index(model->place_names[PLAN_LEVEL_RACK],
                              (guint)model->place[PLAN_LEVEL_RACK][h]);
        ConsHostSettings *host =
            cons_settings_add_host(settings, model->hosts[h].name);

        host->rack = g_strdup(rack);
        host->cpu_milli = model->capacity[2 * h] * 1000;
        host->memory_bytes = (uint64_t)model->capacity[2 * h + 1] * GIB;
        host->idle_mw = IDLE_MW;
        host->busy_mw = BUSY_MW;
        host->power_down = g_strdup("off");
        host->wake = g_strdup("on");
    }
}

static void
add_group(ConsSettings *settings, const PlanModel *model, const PlanRule *rule)
{
    const PlanGroup *from = &model->groups[rule->group];
    ConsGroupSettings *group = g_new0(ConsGroupSettings, 1);
    ConsGroupRule into = { .kind = rule->kind, .level = rule->level };

    group->name = g_strdup(from->name);
    group->members = g_new0(char *, from->n_members + 1);
    for (size_t i = 0; i < from->n_members; i++) {
        group->members[i] = g_strdup(model->guests[from->members[i]].name);
    }
    group->rules = g_array_new(FALSE, FALSE, sizeof(ConsGroupRule));
    g_array_append_val(group->rules, into);
    g_ptr_array_add(settings->groups, group);
}

size_t
cons_world_request_groups(ConsSettings *settings, const PlanModel *model)
{
    size_t left_out = 0;

    for (size_t k = 0; k < model->n_rules; k++) {
        const PlanRule *rule = &model->rules[k];

        if (rule->kind == PLAN_RULE_APART || rule->kind == PLAN_RULE_TOGETHER) {
            add_group(settings, model, rule);
        } else {
            left_out++;
        }
    }
    return left_out;
}

ConsRequest *
cons_world_requests(const PlanModel *model, int64_t start_us, double span_s,
                    double stay_s, uint64_t seed)
{
    ConsRequest *requests = g_new0(ConsRequest, model->n_guests + 1);

    for (size_t g = 0; g < model->n_guests; g++) {
        ConsRequest *request = &requests[g];
        double busy = 0.1 + 0.5 * uniform(&seed);
        double stays_s = -stay_s * log1p(-uniform(&seed));

        request->name = model->guests[g].name;
        request->vcpus = MAX(1, model->demand[2 * g]);
        request->memory_bytes = (uint64_t)model->demand[2 * g + 1] * GIB;
        request->cpu_milli =
            (int64_t)(busy * 1000 * (double)model->demand[2 * g]);
        request->from_us =
            start_us +
            (int64_t)((double)g / (double)model->n_guests * span_s * 1e6);
        request->until_us =
            request->from_us + (int64_t)(MIN(stays_s, 3e8) * 1e6);
    }
    return requests;
}
