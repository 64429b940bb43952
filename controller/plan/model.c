/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * model.c - see model.h: making and freeing one, and what is asked of it
 */
#include "plan/model-priv.h"

#include <stdlib.h>

G_DEFINE_QUARK(vmferry_plan_error, plan_error)

static const char *const level_names[] = { "host", "rack", "pod", "site" };
G_STATIC_ASSERT(G_N_ELEMENTS(level_names) == PLAN_N_LEVELS);

static const char *const rule_names[] = { "apart",   "together",  "spread",
                                          "depends", "partition", "latency",
                                          "survive" };
G_STATIC_ASSERT(G_N_ELEMENTS(rule_names) == PLAN_N_RULES);

const char *
plan_level_name(PlanLevel level)
{
    return level_names[level];
}

const char *
plan_rule_name(PlanRuleKind kind)
{
    return rule_names[kind];
}

PlanModel *
plan_model_new(size_t n_resources, size_t n_hosts, size_t n_guests,
               size_t n_groups, size_t n_rules, size_t n_balances,
               size_t n_flows)
{
    static const int64_t tree[] = { 1, 1, 3, 5, 7 };
    PlanModel *model = g_new0(PlanModel, 1);

    model->n_resources = n_resources;
    model->n_hosts = n_hosts;
    model->n_guests = n_guests;
    model->n_groups = n_groups;
    model->n_rules = n_rules;
    model->n_balances = n_balances;
    model->n_flows = n_flows;
    model->resources = g_new0(PlanResource, n_resources);
    model->hosts = g_new0(PlanHost, n_hosts);
    /* one more than needed, so that none is NULL */
    model->capacity = g_new0(int64_t, n_hosts * n_resources + 1);
    model->safe = g_new0(int64_t, n_hosts * n_resources + 1);
    model->guests = g_new0(PlanGuest, n_guests);
    model->demand = g_new0(int64_t, n_guests * n_resources + 1);
    model->allowed = g_new0(int32_t *, n_guests);
    model->n_allowed = g_new0(size_t, n_guests);
    model->groups = g_new0(PlanGroup, n_groups);
    model->rules = g_new0(PlanRule, n_rules);
    model->balances = g_new0(PlanBalance, n_balances);
    model->flows = g_new0(PlanFlow, n_flows);
    model->feature_names = g_ptr_array_new_with_free_func(g_free);
    for (size_t r = 0; r < n_resources; r++) {
        model->resources[r].reserve_milli = PLAN_MILLI;
        model->resources[r].side_reserve_milli = PLAN_MILLI;
    }
    for (size_t g = 0; g < n_guests; g++) {
        model->guests[g].host = PLAN_NOWHERE;
        model->guests[g].move_cost = 1;
    }
    for (int level = 0; level < PLAN_N_LEVELS; level++) {
        model->place_names[level] = g_ptr_array_new_with_free_func(g_free);
        model->place[level] = g_new0(int32_t, n_hosts);
    }
    for (size_t h = 0; h < n_hosts; h++) {
        model->place[PLAN_LEVEL_HOST][h] = (int32_t)h;
    }
    for (int level = 0; level <= PLAN_N_LEVELS; level++) {
        model->distance_milli[level] = tree[level] * PLAN_MILLI;
    }
    model->hop_milli = PLAN_MILLI;
    return model;
}

void
plan_model_free(PlanModel *model)
{
    if (!model) {
        return;
    }
    for (size_t r = 0; r < model->n_resources; r++) {
        g_free(model->resources[r].name);
    }
    for (size_t h = 0; h < model->n_hosts; h++) {
        g_free(model->hosts[h].name);
    }
    for (size_t g = 0; g < model->n_guests; g++) {
        g_free(model->guests[g].name);
        g_free(model->allowed[g]);
    }
    for (size_t k = 0; k < model->n_groups; k++) {
        g_free(model->groups[k].name);
        g_free(model->groups[k].members);
    }
    for (size_t k = 0; k < model->n_rules; k++) {
        g_free(model->rules[k].groups);
    }
    for (int level = 0; level < PLAN_N_LEVELS; level++) {
        g_ptr_array_unref(model->place_names[level]);
        g_free(model->place[level]);
    }
    g_ptr_array_unref(model->feature_names);
    g_free(model->resources);
    g_free(model->hosts);
    g_free(model->capacity);
    g_free(model->safe);
    g_free(model->side_capacity);
    g_free(model->side_limit);
    g_free(model->side_rank);
    g_free(model->guests);
    g_free(model->demand);
    g_free(model->allowed);
    g_free(model->n_allowed);
    g_free(model->groups);
    g_free(model->rules);
    g_free(model->balances);
    g_free(model->flows);
    g_free(model->totals);
    g_free(model->trunks);
    g_free(model->address);
    g_free(model->host_moves);
    g_free(model->limit);
    g_free(model->link_start);
    g_free(model->link_peer);
    g_free(model->link_amount);
    g_free(model->guest_group_start);
    g_free(model->guest_group);
    g_free(model);
}

int64_t *
plan_model_divide(PlanModel *model, size_t host)
{
    size_t n = 2 * model->n_resources;

    if (!model->side_capacity) {
        model->side_capacity = g_new(int64_t, model->n_hosts * n + 1);
        for (size_t i = 0; i < model->n_hosts * n; i++) {
            model->side_capacity[i] = -1;
        }
    }
    model->hosts[host].sides = true;
    return model->side_capacity + host * n;
}

int32_t
plan_model_place(PlanModel *model, PlanLevel level, const char *name)
{
    GPtrArray *names = model->place_names[level];
    guint at;

    g_assert(level != PLAN_LEVEL_HOST);
    if (!g_ptr_array_find_with_equal_func(names, name, g_str_equal, &at)) {
        at = names->len;
        g_ptr_array_add(names, g_strdup(name));
    }
    return (int32_t)at;
}

size_t
plan_model_places(const PlanModel *model, PlanLevel level)
{
    return level == PLAN_LEVEL_HOST ? model->n_hosts
                                    : MAX(model->place_names[level]->len, 1);
}

int32_t *
plan_model_hosts(const PlanModel *model)
{
    int32_t *hosts = g_new(int32_t, model->n_guests + 1);

    for (size_t g = 0; g < model->n_guests; g++) {
        hosts[g] = model->guests[g].host;
    }
    return hosts;
}

PlanLatency
plan_model_latency(const PlanModel *m, int apart)
{
    if (m->address && apart > 0) {
        return (PlanLatency){ apart * m->hop.mean_us,
                              apart * m->hop.jitter_us };
    }
    return m->latency[apart];
}

bool
plan_rule_too_slow(const PlanModel *m, const PlanRule *rule, int apart)
{
    PlanLatency latency = plan_model_latency(m, apart);

    return latency.mean_us > rule->mean_us ||
           latency.jitter_us > rule->jitter_us;
}

int
plan_compare_hosts(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a;
    int32_t y = *(const int32_t *)b;

    return (x > y) - (x < y);
}

bool
plan_model_allows(const PlanModel *model, int32_t guest, int32_t host)
{
    const PlanGuest *g = &model->guests[guest];
    const PlanHost *h = &model->hosts[host];

    if (h->closed || (g->requires & ~h->features) ||
        (g->pinned && g->host != PLAN_NOWHERE && g->host != host)) {
        return false;
    }
    return !model->allowed[guest] ||
           bsearch(&host, model->allowed[guest], model->n_allowed[guest],
                   sizeof(host), plan_compare_hosts);
}
