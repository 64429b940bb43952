/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * random-model.c - see random-model.h
 */
#include "random-model.h"

#include <criterion/criterion.h>

static void
fill_hosts(PlanModel *m, GRand *rand)
{
    static const int most[] = { 0, 4, 3, 3 };

    g_ptr_array_add(m->feature_names, g_strdup("gpu"));
    g_ptr_array_add(m->feature_names, g_strdup("fpga"));
    for (size_t h = 0; h < m->n_hosts; h++) {
        PlanHost *host = &m->hosts[h];

        host->name = g_strdup_printf("h%zu", h);
        host->features = g_rand_int(rand) & 3;
        host->closed = g_rand_int_range(rand, 0, 8) == 0;
        host->idle_mw = g_rand_int_range(rand, 0, 100000);
        host->busy_mw = host->idle_mw + g_rand_int_range(rand, 0, 100000);
        host->link_bytes_s = (guint64)g_rand_int_range(rand, 1, 1000) * 1000;
        for (int level = PLAN_LEVEL_RACK; level < PLAN_N_LEVELS; level++) {
            g_autofree char *name =
                g_strdup_printf("%s%d", plan_level_name((PlanLevel)level),
                                g_rand_int_range(rand, 0, most[level]));

            m->place[level][h] = plan_model_place(m, (PlanLevel)level, name);
        }
        for (size_t r = 0; r < m->n_resources; r++) {
            m->capacity[h * m->n_resources + r] =
                g_rand_int_range(rand, 0, 200);
            m->safe[h * m->n_resources + r] = g_rand_int_range(rand, 0, 150);
        }
    }
}

/* What a packet takes, and what places and pairs of them may have in all */
static void
fill_network(PlanModel *m, GRand *rand, bool bcube)
{
    for (int level = 0; level <= PLAN_N_LEVELS; level++) {
        m->latency[level] = (PlanLatency){ 10 * level, level };
    }
    m->hop = (PlanLatency){ 15, 2 };
    m->hop_milli = 1500;
    if (bcube) {
        m->n_digits = 3;
        m->address = g_new0(int32_t, 3 * m->n_hosts);
        for (size_t h = 0; h < m->n_hosts; h++) {
            for (size_t k = 0; k < 3; k++) {
                m->address[3 * h + k] = h >> k & 1;
            }
        }
    }
    m->n_totals = m->n_trunks = 2;
    m->totals = g_new0(PlanTotal, 2);
    m->trunks = g_new0(PlanTrunk, 2);
    for (size_t i = 0; i < 2; i++) {
        PlanTotal *total = &m->totals[i];
        PlanTrunk *trunk = &m->trunks[i];

        total->level = (PlanLevel)g_rand_int_range(rand, 1, PLAN_N_LEVELS);
        total->place = g_rand_int_range(
            rand, 0, (gint32)plan_model_places(m, total->level));
        for (size_t r = 0; r < PLAN_MAX_RESOURCES; r++) {
            total->most[r] = r ? g_rand_int_range(rand, 50, 400) : INT64_MAX;
        }
        trunk->level = (PlanLevel)g_rand_int_range(rand, 1, PLAN_N_LEVELS);
        trunk->b = g_rand_int_range(rand, 0,
                                    (gint32)plan_model_places(m, trunk->level));
        trunk->a = trunk->b > 0 ? trunk->b - 1 : trunk->b;
        trunk->most = g_rand_int_range(rand, 0, 300);
        /* one place only has nothing to exchange */
        m->n_trunks -= trunk->a == trunk->b;
    }
    if (m->n_trunks == 1 && m->trunks[0].a == m->trunks[0].b) {
        m->trunks[0] = m->trunks[1];
    }
}

static void
divide_hosts(PlanModel *m, GRand *rand)
{
    size_t n = m->n_resources;

    for (size_t h = 0; h < m->n_hosts; h++) {
        int64_t *sides;

        if (g_rand_boolean(rand)) {
            continue;
        }
        sides = plan_model_divide(m, h);
        for (size_t r = 0; r < n; r++) {
            int64_t capacity = m->capacity[h * n + r];

            if (!m->resources[r].transient && g_rand_boolean(rand)) {
                sides[r] = g_rand_int_range(rand, 0, (gint32)(capacity + 1));
                sides[n + r] = capacity - sides[r];
            }
        }
    }
    for (size_t g = 0; g < m->n_guests; g++) {
        m->guests[g].numa = g_rand_int_range(rand, 0, 3);
    }
}

static void
fill_guests(PlanModel *m, GRand *rand)
{
    for (size_t g = 0; g < m->n_guests; g++) {
        PlanGuest *guest = &m->guests[g];

        guest->name = g_strdup_printf("g%zu", g);
        guest->host = g_rand_int_range(rand, -1, (gint32)m->n_hosts);
        guest->requires = g_rand_int(rand) & g_rand_int(rand) & 3;
        guest->pinned = g_rand_int_range(rand, 0, 6) == 0;
        guest->move_cost = g_rand_int_range(rand, 0, 10);
        guest->memory_bytes = (guint64)g_rand_int_range(rand, 0, 1 << 30);
        guest->hot_bytes = guest->memory_bytes / 3;
        for (size_t r = 0; r < m->n_resources; r++) {
            m->demand[g * m->n_resources + r] = g_rand_int_range(rand, 0, 40);
        }
        if (g_rand_int_range(rand, 0, 4) == 0) {
            m->allowed[g] = g_new0(int32_t, m->n_hosts);
            for (size_t h = 0; h < m->n_hosts; h++) {
                if (g_rand_boolean(rand)) {
                    m->allowed[g][m->n_allowed[g]++] = (int32_t)h;
                }
            }
        }
    }
}

static void
fill_rules(PlanModel *m, GRand *rand)
{
    for (size_t k = 0; k < m->n_groups; k++) {
        PlanGroup *group = &m->groups[k];

        /* the first three are apart by design: a partition asks for that */
        group->name = g_strdup_printf("k%zu", k);
        group->members = g_new0(int32_t, m->n_guests);
        for (size_t g = 0; g < m->n_guests; g++) {
            if (k < 3 ? g % 4 == k : g_rand_int_range(rand, 0, 3) == 0) {
                group->members[group->n_members++] = (int32_t)g;
            }
        }
    }
    for (size_t k = 0; k < m->n_rules; k++) {
        PlanRule *rule = &m->rules[k];
        gint32 n = (gint32)m->n_groups;

        rule->kind = (PlanRuleKind)(k % PLAN_N_RULES);
        rule->level = (PlanLevel)g_rand_int_range(rand, 0, PLAN_N_LEVELS);
        if (rule->kind == PLAN_RULE_PARTITION) {
            rule->n_groups = 3;
            rule->groups = g_new0(int32_t, 3);
            rule->groups[1] = 1;
            rule->groups[2] = 2;
            continue;
        }
        rule->group = g_rand_int_range(rand, 0, n);
        while (m->groups[rule->group].n_members == 0) {
            rule->group = (rule->group + 1) % n;
        }
        rule->on =
            rule->kind == PLAN_RULE_DEPENDS ? g_rand_int_range(rand, 0, n) : 0;
        if (rule->kind == PLAN_RULE_LATENCY) {
            rule->level = PLAN_LEVEL_HOST;
            rule->on = g_rand_boolean(rand) ? rule->group
                                            : g_rand_int_range(rand, 0, n);
            rule->mean_us = g_rand_int_range(rand, 20, 60);
            rule->jitter_us =
                g_rand_boolean(rand) ? INT64_MAX : g_rand_int_range(rand, 2, 9);
        }
        if (rule->kind == PLAN_RULE_SURVIVE) {
            rule->failures = g_rand_int_range(rand, 1, 4);
        }
        rule->at_least =
            rule->kind == PLAN_RULE_SPREAD
                ? g_rand_int_range(rand, 1,
                                   (gint32)m->groups[rule->group].n_members + 1)
                : 0;
    }
}

PlanModel *
random_model(guint32 seed)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    size_t n_hosts = (size_t)g_rand_int_range(rand, 1, 9);
    size_t n_guests = (size_t)g_rand_int_range(rand, 4, 25);
    PlanModel *m = plan_model_new((size_t)g_rand_int_range(rand, 1, 4), n_hosts,
                                  n_guests, 6, 12, 2, n_guests);
    GError *error = NULL;

    for (size_t r = 0; r < m->n_resources; r++) {
        m->resources[r].name = g_strdup_printf("r%zu", r);
        m->resources[r].reserve_milli = g_rand_int_range(rand, 500, 1001);
        m->resources[r].side_reserve_milli =
            seed % 2 ? m->resources[r].reserve_milli : PLAN_MILLI;
        m->resources[r].transient = g_rand_boolean(rand);
        m->resources[r].over_weight = g_rand_int_range(rand, 0, 5);
    }
    fill_hosts(m, rand);
    fill_guests(m, rand);
    fill_rules(m, rand);
    for (size_t b = 0; b < m->n_balances; b++) {
        m->balances[b].first =
            g_rand_int_range(rand, 0, (gint32)m->n_resources);
        m->balances[b].second =
            g_rand_int_range(rand, 0, (gint32)m->n_resources);
        m->balances[b].target = g_rand_int_range(rand, 0, 4);
        m->balances[b].weight = g_rand_int_range(rand, 0, 4);
    }
    for (size_t f = 0; f < m->n_flows; f++) {
        m->flows[f].a = (int32_t)f;
        m->flows[f].b = (int32_t)((f + (size_t)g_rand_int_range(
                                           rand, 1, (gint32)n_guests)) %
                                  n_guests);
        m->flows[f].amount = g_rand_int_range(rand, 0, 100);
    }
    if (g_rand_boolean(rand)) {
        m->host_moves = g_new0(int32_t, n_hosts * n_hosts);
        for (size_t i = 0; i < n_hosts * n_hosts; i++) {
            m->host_moves[i] = g_rand_int_range(rand, 0, 10);
        }
    }
    if (seed % 3 == 0) {
        divide_hosts(m, rand);
    }
    if (seed % 4 != 1) {
        fill_network(m, rand, seed % 4 == 2);
    }
    m->distance_milli[0] = 500;
    m->weights = (PlanWeights){
        .hosts = 7,
        .energy = 1,
        .traffic = 2,
        .move = 3,
        .host_move = 5,
        .group_move = 11,
    };
    cr_assert(plan_model_finish(m, &error), "seed %u: %s", seed,
              error ? error->message : "");
    return m;
}

int32_t *
random_placement(const PlanModel *m, GRand *rand)
{
    int32_t *host_of = g_new(int32_t, m->n_guests);

    for (size_t g = 0; g < m->n_guests; g++) {
        host_of[g] = g_rand_int_range(rand, -1, (gint32)m->n_hosts);
    }
    return host_of;
}

void
random_model_loosen(PlanModel *m)
{
    for (size_t r = 0; r < m->n_resources; r++) {
        m->resources[r].reserve_milli = PLAN_MILLI;
        m->resources[r].side_reserve_milli = PLAN_MILLI;
    }
    for (size_t i = 0; i < m->n_hosts * m->n_resources; i++) {
        m->capacity[i] = m->limit[i] = 1000;
    }
    for (size_t i = 0; m->side_limit && i < 2 * m->n_hosts * m->n_resources;
         i++) {
        if (m->side_limit[i] >= 0) {
            m->side_capacity[i] = m->side_limit[i] = 500;
        }
    }
    for (size_t h = 0; h < m->n_hosts; h++) {
        m->hosts[h].closed = false;
        m->hosts[h].features = 3;
    }
    for (size_t g = 0; g < m->n_guests; g++) {
        m->guests[g].pinned = false;
        g_clear_pointer(&m->allowed[g], g_free);
    }
}

void
random_model_keep_rules(PlanModel *m, size_t n)
{
    while (m->n_rules > n) {
        g_free(m->rules[--m->n_rules].groups);
    }
}
