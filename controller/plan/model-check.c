/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * model-check.c - does a model make sense, and is it small enough?
 *
 * The magnitude check is done once, in floating point and generously: if the
 * largest cost that any placement could have fits 62 bits, no later sum needs
 * a thought about overflow.
 */
#include "plan/model-priv.h"

#include <math.h>

/* No amount, rate or capacity is larger, so that sums of millions stay exact */
#define MOST (INT64_C(1) << 50)

/* Two numbers that are each fine may have a product that is not. */
static bool
fits(double *sum, double summand)
{
    *sum += fabs(summand);
    return *sum < 0x1p60;
}

/* What rules over amounts and pairs may break at most */
static bool
rules_fit(const PlanModel *m, double *total)
{
    bool good = true;
    double amounts = 0;
    double sizes = 0;

    for (size_t r = 0; r < m->n_resources; r++) {
        for (size_t g = 0; g < m->n_guests; g++) {
            sizes +=
                (double)m->demand[g * m->n_resources + r] * (double)m->scale[r];
        }
        for (size_t h = 0; h < m->n_hosts; h++) {
            sizes += (double)m->capacity[h * m->n_resources + r] *
                     (double)m->scale[r];
        }
    }
    for (size_t f = 0; f < m->n_flows; f++) {
        amounts += (double)m->flows[f].amount;
    }
    for (size_t k = 0; k < m->n_rules; k++) {
        const PlanRule *rule = &m->rules[k];

        if (rule->kind == PLAN_RULE_SURVIVE) {
            good = good && fits(total, 2 * sizes);
        } else if (rule->kind == PLAN_RULE_LATENCY) {
            good = good &&
                   fits(total, 1e6 * (double)m->groups[rule->group].n_members *
                                   (double)m->groups[rule->on].n_members);
        }
    }
    for (size_t i = 0; i < m->n_totals; i++) {
        good = good && fits(total, sizes);
    }
    for (size_t i = 0; i < m->n_trunks; i++) {
        good = good &&
               fits(total, 1e6 * amounts / (double)MAX(1, m->trunks[i].most) +
                               amounts);
    }
    return good;
}

bool
plan_model_check_magnitude(const PlanModel *m, GError **error)
{
    double total = 0;
    double demands = 0;
    bool good = true;

    for (size_t r = 0; r < m->n_resources; r++) {
        double demand = 0;
        double capacity = 0;

        for (size_t g = 0; g < m->n_guests; g++) {
            demand += (double)m->demand[g * m->n_resources + r];
        }
        for (size_t h = 0; h < m->n_hosts; h++) {
            capacity += (double)m->capacity[h * m->n_resources + r];
        }
        good = good && fits(&total, 4 * demand * (double)m->scale[r]);
        good =
            good && fits(&total, demand * (double)m->resources[r].over_weight);
        for (size_t b = 0; b < m->n_balances; b++) {
            const PlanBalance *balance = &m->balances[b];

            if (balance->first == (int32_t)r || balance->second == (int32_t)r) {
                good =
                    good &&
                    fits(&total, (demand + capacity) * (double)balance->weight *
                                     (double)MAX(balance->target, 1));
            }
        }
        demands += demand;
    }
    for (size_t h = 0; h < m->n_hosts; h++) {
        double first =
            m->n_resources ? (double)m->capacity[h * m->n_resources] : 0;

        /* power is computed as span x use / capacity, and a use may be all */
        good =
            good && (double)m->hosts[h].busy_mw * MAX(first, demands) < 0x1p60;
        good = good && fits(&total, (double)m->hosts[h].busy_mw *
                                        (double)m->weights.energy);
        good = good && fits(&total, (double)m->weights.hosts);
    }
    for (size_t f = 0; f < m->n_flows; f++) {
        int64_t far = 0;

        for (int level = 0; level <= PLAN_N_LEVELS; level++) {
            far = MAX(far, m->distance_milli[level]);
        }
        far = MAX(far, (int64_t)m->n_digits * m->hop_milli);
        good = good && fits(&total, (double)m->flows[f].amount * (double)far *
                                        (double)m->weights.traffic);
    }
    for (size_t g = 0; g < m->n_guests; g++) {
        good = good && fits(&total, (double)m->guests[g].move_cost *
                                        (double)m->weights.move);
        good = good && fits(&total, 0x1p31 * (double)m->weights.host_move);
        good = good && fits(&total, (double)m->weights.group_move);
    }
    good = good && rules_fit(m, &total);
    if (!good) {
        g_set_error(error, PLAN_ERROR, PLAN_ERROR_RANGE,
                    "amounts times weights do not fit 60 bits: choose larger "
                    "units or smaller weights");
    }
    return good;
}

static bool
within(int64_t amount)
{
    return amount >= 0 && amount < MOST;
}

static bool
check_host(const PlanModel *m, size_t h, GError **error)
{
    const PlanHost *host = &m->hosts[h];

    for (size_t r = 0; r < m->n_resources; r++) {
        size_t at = h * m->n_resources + r;

        if (!within(m->capacity[at]) || !within(m->safe[at])) {
            g_set_error(error, PLAN_ERROR, PLAN_ERROR_MEMBER,
                        "host \"%s\": %s has to be 0 to 2^50", host->name,
                        m->resources[r].name);
            return false;
        }
    }
    if (host->link_bytes_s > MOST) {
        g_set_error(error, PLAN_ERROR, PLAN_ERROR_MEMBER,
                    "host \"%s\": link_bytes_s has to be 2^50 at most",
                    host->name);
        return false;
    }
    if (host->idle_mw < 0 || host->busy_mw < host->idle_mw) {
        g_set_error(error, PLAN_ERROR, PLAN_ERROR_MEMBER,
                    "host \"%s\": idle_mw has to be at least 0 and at most "
                    "busy_mw",
                    host->name);
        return false;
    }
    return true;
}

static bool
check_guest(const PlanModel *m, size_t g, GError **error)
{
    const PlanGuest *guest = &m->guests[g];

    for (size_t r = 0; r < m->n_resources; r++) {
        int64_t demand = m->demand[g * m->n_resources + r];

        if (!within(demand)) {
            g_set_error(error, PLAN_ERROR, PLAN_ERROR_MEMBER,
                        "guest \"%s\": demand of %s has to be 0 to 2^50",
                        guest->name, m->resources[r].name);
            return false;
        }
    }
    if (guest->numa < 0 || guest->numa > 2) {
        g_set_error(error, PLAN_ERROR, PLAN_ERROR_MEMBER,
                    "guest \"%s\": numa has to be 1, one side of its host, or "
                    "2, half on each",
                    guest->name);
        return false;
    }
    if (guest->move_cost < 0 || guest->hot_bytes > guest->memory_bytes) {
        g_set_error(error, PLAN_ERROR, PLAN_ERROR_MEMBER, "guest \"%s\": %s",
                    guest->name,
                    guest->move_cost < 0 ? "move_cost is below zero"
                                         : "hot_bytes exceed memory_bytes");
        return false;
    }
    if (MAX(MAX(guest->memory_bytes, guest->hot_bytes_s), guest->cold_bytes_s) >
        MOST) {
        g_set_error(error, PLAN_ERROR, PLAN_ERROR_MEMBER,
                    "guest \"%s\": memory_bytes, hot_bytes_s and cold_bytes_s "
                    "have to be 2^50 at most",
                    guest->name);
        return false;
    }
    g_assert(guest->host >= PLAN_NOWHERE && guest->host < (int32_t)m->n_hosts);
    return true;
}

static bool
check_groups(const PlanModel *m, GError **error)
{
    g_autofree size_t *seen = g_new0(size_t, m->n_guests);

    for (size_t k = 0; k < m->n_groups; k++) {
        for (size_t i = 0; i < m->groups[k].n_members; i++) {
            int32_t member = m->groups[k].members[i];

            g_assert(member >= 0 && member < (int32_t)m->n_guests);
            if (seen[member] == k + 1) {
                g_set_error(error, PLAN_ERROR, PLAN_ERROR_MEMBER,
                            "group \"%s\": guest \"%s\" is in it twice",
                            m->groups[k].name, m->guests[member].name);
                return false;
            }
            seen[member] = k + 1;
        }
    }
    return true;
}

static bool
check_rule(const PlanModel *m, size_t k, GError **error)
{
    const PlanRule *rule = &m->rules[k];

    if (rule->kind == PLAN_RULE_PARTITION && rule->n_groups < 2) {
        g_set_error(error, PLAN_ERROR, PLAN_ERROR_MEMBER,
                    "rules[%zu]: a partition has at least two groups", k);
        return false;
    }
    if (rule->kind == PLAN_RULE_PARTITION) {
        g_autofree int32_t *part = g_new0(int32_t, m->n_guests);

        for (size_t i = 0; i < rule->n_groups; i++) {
            const PlanGroup *group = &m->groups[rule->groups[i]];

            for (size_t j = 0; j < group->n_members; j++) {
                int32_t *mine = &part[group->members[j]];

                if (*mine) {
                    g_set_error(error, PLAN_ERROR, PLAN_ERROR_MEMBER,
                                "rules[%zu]: guest \"%s\" is in two of the "
                                "groups that have to be apart",
                                k, m->guests[group->members[j]].name);
                    return false;
                }
                *mine = 1;
            }
        }
    } else if (rule->kind == PLAN_RULE_SPREAD &&
               (rule->at_least < 1 ||
                rule->at_least > (int64_t)m->groups[rule->group].n_members)) {
        g_set_error(error, PLAN_ERROR, PLAN_ERROR_MEMBER,
                    "rules[%zu]: at_least has to be 1 to %zu, the size of "
                    "group \"%s\"",
                    k, m->groups[rule->group].n_members,
                    m->groups[rule->group].name);
        return false;
    } else if (rule->kind == PLAN_RULE_SURVIVE &&
               (rule->failures < 1 || rule->failures > PLAN_MAX_FAILURES)) {
        g_set_error(error, PLAN_ERROR, PLAN_ERROR_MEMBER,
                    "rules[%zu]: failures have to be 1 to %d", k,
                    PLAN_MAX_FAILURES);
        return false;
    }
    return true;
}

/* Each host its own address: the digits as bytes, in a set */
static bool
check_addresses(const PlanModel *m, GError **error)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(
        g_bytes_hash, g_bytes_equal, (GDestroyNotify)g_bytes_unref, NULL);

    for (size_t h = 0; m->address && h < m->n_hosts; h++) {
        if (!g_hash_table_add(
                seen, g_bytes_new_static(m->address + h * m->n_digits,
                                         m->n_digits * sizeof(int32_t)))) {
            g_set_error(error, PLAN_ERROR, PLAN_ERROR_MEMBER,
                        "host \"%s\": another host has the same address",
                        m->hosts[h].name);
            return false;
        }
    }
    return true;
}

static bool
check_flows(const PlanModel *m, GError **error)
{
    for (size_t f = 0; f < m->n_flows; f++) {
        if (m->flows[f].amount < 0 || m->flows[f].a == m->flows[f].b) {
            g_set_error(error, PLAN_ERROR, PLAN_ERROR_MEMBER,
                        "traffic[%zu]: %s", f,
                        m->flows[f].amount < 0
                            ? "the amount is below zero"
                            : "a guest's traffic with itself costs nothing");
            return false;
        }
    }
    return true;
}

static bool
check_resource(const PlanResource *resource, GError **error)
{
    const char *which = NULL;

    if (resource->reserve_milli < 1 || resource->reserve_milli > PLAN_MILLI) {
        which = "reserve";
    } else if (resource->side_reserve_milli < 1 ||
               resource->side_reserve_milli > PLAN_MILLI) {
        which = "side_reserve";
    }
    if (which) {
        g_set_error(error, PLAN_ERROR, PLAN_ERROR_MEMBER,
                    "resource \"%s\": %s has to be 0.001 to 1", resource->name,
                    which);
    }
    return !which;
}

bool
plan_model_check_members(const PlanModel *m, GError **error)
{
    for (size_t r = 0; r < m->n_resources; r++) {
        if (!check_resource(&m->resources[r], error)) {
            return false;
        }
    }
    for (size_t h = 0; h < m->n_hosts; h++) {
        if (!check_host(m, h, error)) {
            return false;
        }
    }
    for (size_t g = 0; g < m->n_guests; g++) {
        if (!check_guest(m, g, error)) {
            return false;
        }
    }
    if (!check_addresses(m, error) || !check_groups(m, error)) {
        return false;
    }
    for (size_t k = 0; k < m->n_rules; k++) {
        if (!check_rule(m, k, error)) {
            return false;
        }
    }
    return check_flows(m, error);
}
