/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * model.c - see model.h
 *
 * The magnitude check is done once, in floating point and generously: if the
 * largest cost that any placement could have fits 62 bits, no later sum needs
 * a thought about overflow.
 */
#include "plan/model.h"
#include "plan/sized.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

static int
compare_hosts(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a;
    int32_t y = *(const int32_t *)b;

    return (x > y) - (x < y);
}

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
                   sizeof(host), compare_hosts);
}

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

static bool
check_magnitude(const PlanModel *m, GError **error)
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
            good = good && m->capacity[h * m->n_resources + r] < INT64_C(1)
                                                                     << 50;
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
check_host(const PlanModel *m, size_t h, GError **error)
{
    const PlanHost *host = &m->hosts[h];

    for (size_t r = 0; r < m->n_resources; r++) {
        size_t at = h * m->n_resources + r;

        if (m->capacity[at] < 0 || m->safe[at] < 0) {
            g_set_error(error, PLAN_ERROR, PLAN_ERROR_MEMBER,
                        "host \"%s\": %s below zero", host->name,
                        m->resources[r].name);
            return false;
        }
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

        if (demand < 0 || demand >= INT64_C(1) << 50) {
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

static int64_t
limit_of(const PlanModel *m, size_t h, size_t r, int64_t capacity)
{
    int64_t reserve = m->resources[r].reserve_milli;

    /* no product on the way that is larger than the capacity */
    return m->hosts[h].closed
               ? 0
               : capacity / PLAN_MILLI * reserve +
                     capacity % PLAN_MILLI * reserve / PLAN_MILLI;
}

static int64_t
side_limit_of(const PlanModel *m, size_t h, size_t r, int64_t capacity)
{
    int64_t reserve = m->resources[r].side_reserve_milli;

    return m->hosts[h].closed
               ? 0
               : capacity / PLAN_MILLI * reserve +
                     capacity % PLAN_MILLI * reserve / PLAN_MILLI;
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

        m->side_limit[i] = side < 0 ? -1 : side_limit_of(m, h, r, side);
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
    m->limit = g_new0(int64_t, m->n_hosts * m->n_resources + 1);
    for (size_t r = 0; r < m->n_resources; r++) {
        int64_t largest = 1;

        if (m->resources[r].reserve_milli < 1 ||
            m->resources[r].reserve_milli > PLAN_MILLI) {
            g_set_error(error, PLAN_ERROR, PLAN_ERROR_MEMBER,
                        "resource \"%s\": reserve has to be 0.001 to 1",
                        m->resources[r].name);
            return false;
        }
        if (m->resources[r].side_reserve_milli < 1 ||
            m->resources[r].side_reserve_milli > PLAN_MILLI) {
            g_set_error(error, PLAN_ERROR, PLAN_ERROR_MEMBER,
                        "resource \"%s\": side_reserve has to be 0.001 to 1",
                        m->resources[r].name);
            return false;
        }
        for (size_t h = 0; h < m->n_hosts; h++) {
            size_t at = h * m->n_resources + r;

            largest = MAX(largest, m->capacity[at]);
            m->limit[at] = limit_of(m, h, r, m->capacity[at]);
        }
        m->scale[r] = MAX(1, 1000000 / largest);
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
        if (m->allowed[g] && !is_sorted(m->allowed[g], m->n_allowed[g])) {
            qsort(m->allowed[g], m->n_allowed[g], sizeof(int32_t),
                  compare_hosts);
        }
    }
    if (!finish_sides(m, error) || !check_addresses(m, error) ||
        !check_groups(m, error)) {
        return false;
    }
    for (size_t k = 0; k < m->n_rules; k++) {
        if (!check_rule(m, k, error)) {
            return false;
        }
    }
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
    if (!check_magnitude(m, error)) {
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
    if (!check_magnitude(m, error)) {
        m->weights = before;
        return false;
    }
    return true;
}
