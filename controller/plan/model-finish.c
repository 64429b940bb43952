/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * model-finish.c - what follows from a model's members
 */
#include "plan/model-priv.h"

#include <stdlib.h>
#include <string.h>

#include "plan/sized.h"

static bool
is_sorted(const int32_t *hosts, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (hosts[i - 1] > hosts[i]) {
            return false;
        }
    }
    return true;
}

/* Lists by guest out of lists by group, and of flows: counted, then filled */
static void
build_lists(PlanModel *m)
{
    g_autofree size_t *at = NULL;

    m->guest_group_start = g_new0(size_t, m->n_guests + 1);
    for (size_t k = 0; k < m->n_groups; k++) {
        for (size_t i = 0; i < m->groups[k].n_members; i++) {
            m->guest_group_start[m->groups[k].members[i] + 1]++;
        }
    }
    m->link_start = g_new0(size_t, m->n_guests + 1);
    for (size_t f = 0; f < m->n_flows; f++) {
        m->link_start[m->flows[f].a + 1]++;
        m->link_start[m->flows[f].b + 1]++;
    }
    for (size_t g = 0; g < m->n_guests; g++) {
        m->guest_group_start[g + 1] += m->guest_group_start[g];
        m->link_start[g + 1] += m->link_start[g];
    }
    m->guest_group = g_new0(int32_t, m->guest_group_start[m->n_guests]);
    m->link_peer = g_new0(int32_t, m->link_start[m->n_guests]);
    m->link_amount = g_new0(int64_t, m->link_start[m->n_guests]);

    at = g_memdup2(m->guest_group_start, (m->n_guests + 1) * sizeof(size_t));
    for (size_t k = 0; k < m->n_groups; k++) {
        for (size_t i = 0; i < m->groups[k].n_members; i++) {
            m->guest_group[at[m->groups[k].members[i]]++] = (int32_t)k;
        }
    }
    memcpy(at, m->link_start, (m->n_guests + 1) * sizeof(size_t));
    for (size_t f = 0; f < m->n_flows; f++) {
        const PlanFlow *flow = &m->flows[f];

        m->link_peer[at[flow->a]] = flow->b;
        m->link_amount[at[flow->a]++] = flow->amount;
        m->link_peer[at[flow->b]] = flow->a;
        m->link_amount[at[flow->b]++] = flow->amount;
    }
}

/* @reserve_milli of @capacity, rounded down, with no product on the way that is
 * larger than the capacity; nothing of a closed host */
static int64_t
part_of(const PlanModel *m, size_t host, int64_t reserve_milli,
        int64_t capacity)
{
    return m->hosts[host].closed
               ? 0
               : capacity / PLAN_MILLI * reserve_milli +
                     capacity % PLAN_MILLI * reserve_milli / PLAN_MILLI;
}

static void
fill_limits(PlanModel *m)
{
    m->limit = g_new0(int64_t, m->n_hosts * m->n_resources + 1);
    for (size_t r = 0; r < m->n_resources; r++) {
        int64_t largest = 1;

        for (size_t h = 0; h < m->n_hosts; h++) {
            size_t at = h * m->n_resources + r;

            largest = MAX(largest, m->capacity[at]);
            m->limit[at] =
                part_of(m, h, m->resources[r].reserve_milli, m->capacity[at]);
        }
        m->scale[r] = MAX(1, 1000000 / largest);
    }
}

/* The larger first, those of one demand side by side */
static void
rank_guests(PlanModel *m)
{
    g_autofree PlanSized *sized = g_new(PlanSized, m->n_guests + 1);

    m->side_rank = g_new(uint32_t, m->n_guests + 1);
    for (size_t g = 0; g < m->n_guests; g++) {
        const int64_t *demand = m->demand + g * m->n_resources;

        sized[g] = (PlanSized){ 0, (int32_t)g };
        for (size_t r = 0; r < m->n_resources; r++) {
            /* factors that differ, or unlike demands might be of one size */
            sized[g].size += (double)demand[r] * (double)m->scale[r] *
                             (1 + 0.013 * (double)r);
        }
    }
    qsort(sized, m->n_guests, sizeof(*sized), plan_sized_compare);
    for (size_t i = 0; i < m->n_guests; i++) {
        m->side_rank[sized[i].number] = (uint32_t)i;
    }
}

static bool
finish_sides(PlanModel *m, GError **error)
{
    size_t n = m->n_resources;

    if (!m->side_capacity) {
        return true;
    }
    m->side_limit = g_new(int64_t, m->n_hosts * 2 * n + 1);
    for (size_t i = 0; i < m->n_hosts * 2 * n; i++) {
        size_t h = i / (2 * n);
        size_t r = i % n;
        int64_t side = m->side_capacity[i];

        m->side_limit[i] =
            side < 0 ? -1
                     : part_of(m, h, m->resources[r].side_reserve_milli, side);
        if (side < 0) {
            continue;
        }
        if (m->resources[r].transient) {
            g_set_error(error, PLAN_ERROR, PLAN_ERROR_MEMBER,
                        "host \"%s\": %s is transient, it cannot be divided "
                        "into sides",
                        m->hosts[h].name, m->resources[r].name);
            return false;
        }
        if (i % (2 * n) < n &&
            (m->side_capacity[i + n] < 0 ||
             m->capacity[h * n + r] != side + m->side_capacity[i + n])) {
            g_set_error(error, PLAN_ERROR, PLAN_ERROR_MEMBER,
                        "host \"%s\": its sides do not add up to its %s",
                        m->hosts[h].name, m->resources[r].name);
            return false;
        }
    }
    rank_guests(m);
    return true;
}

bool
plan_model_finish(PlanModel *m, GError **error)
{
    g_assert(!m->link_start);
    if (!plan_model_check_members(m, error)) {
        return false;
    }
    fill_limits(m);
    for (size_t g = 0; g < m->n_guests; g++) {
        if (m->allowed[g] && !is_sorted(m->allowed[g], m->n_allowed[g])) {
            qsort(m->allowed[g], m->n_allowed[g], sizeof(int32_t),
                  plan_compare_hosts);
        }
    }
    if (!finish_sides(m, error) || !plan_model_check_magnitude(m, error)) {
        return false;
    }
    build_lists(m);
    return true;
}

bool
plan_model_reweigh(PlanModel *m, const PlanWeights *weights, GError **error)
{
    PlanWeights before = m->weights;

    m->weights = *weights;
    if (!plan_model_check_magnitude(m, error)) {
        m->weights = before;
        return false;
    }
    return true;
}
