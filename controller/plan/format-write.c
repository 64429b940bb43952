/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * format-write.c - see format.h; what has its default is left out
 */
#include "plan/format.h"

#include <string.h>

#include "plan/sides.h"

static JsonObject *
milli(int64_t value)
{
    g_autofree char *text =
        value % PLAN_MILLI
            ? g_strdup_printf("%" G_GINT64_FORMAT ".%03d", value / PLAN_MILLI,
                              (int)(value % PLAN_MILLI))
            : g_strdup_printf("%" G_GINT64_FORMAT, value / PLAN_MILLI);

    return json_object_new_double_s((double)value / PLAN_MILLI, text);
}

static void
add_amounts(JsonObject *object, const char *name, const PlanModel *m,
            const int64_t *amounts)
{
    JsonObject *value = json_object_new_object();

    for (size_t r = 0; r < m->n_resources; r++) {
        jobj_add_i64(value, m->resources[r].name, amounts[r]);
    }
    jobj_add(object, name, value);
}

/* What is divided goes into "sides", the rest into "capacity". */
static void
add_capacity(JsonObject *object, const PlanModel *m, size_t host)
{
    size_t n = m->n_resources;
    const int64_t *sides = m->side_capacity + host * 2 * n;
    JsonObject *whole = json_object_new_object();
    JsonObject *list = json_object_new_array();

    for (size_t r = 0; r < n; r++) {
        if (sides[r] < 0) {
            jobj_add_i64(whole, m->resources[r].name,
                         m->capacity[host * n + r]);
        }
    }
    for (size_t side = 0; side < 2; side++) {
        JsonObject *half = json_object_new_object();

        for (size_t r = 0; r < n; r++) {
            if (sides[r] >= 0) {
                jobj_add_i64(half, m->resources[r].name, sides[side * n + r]);
            }
        }
        json_object_array_add(list, half);
    }
    jobj_add(object, "capacity", whole);
    jobj_add(object, "sides", list);
}

static gint
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
add_features(JsonObject *object, const char *name, const PlanModel *m,
             uint64_t features)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    JsonObject *list;

    if (!features) {
        return;
    }
    /* by name, for the order of the bits is that of the file it came from */
    for (guint i = 0; i < m->feature_names->len; i++) {
        if (features & UINT64_C(1) << i) {
            g_ptr_array_add(names, m->feature_names->pdata[i]);
        }
    }
    g_ptr_array_sort(names, compare_names);
    list = json_object_new_array();
    for (guint i = 0; i < names->len; i++) {
        json_object_array_add(list, json_object_new_string(names->pdata[i]));
    }
    jobj_add(object, name, list);
}

static void
add_if(JsonObject *object, const char *name, uint64_t value)
{
    if (value) {
        jobj_add_u64(object, name, value);
    }
}

static JsonObject *
write_resource(const PlanModel *m, size_t i)
{
    const PlanResource *resource = &m->resources[i];
    JsonObject *object = json_object_new_object();

    jobj_add_string(object, "name", resource->name);
    jobj_add(object, "reserve", milli(resource->reserve_milli));
    if (resource->side_reserve_milli != resource->reserve_milli) {
        jobj_add(object, "side_reserve", milli(resource->side_reserve_milli));
    }
    if (resource->transient) {
        jobj_add_bool(object, "transient", true);
    }
    add_if(object, "over_weight", (uint64_t)resource->over_weight);
    return object;
}

static JsonObject *
write_host(const PlanModel *m, size_t i)
{
    const PlanHost *host = &m->hosts[i];
    JsonObject *object = json_object_new_object();

    jobj_add_string(object, "name", host->name);
    for (int level = PLAN_LEVEL_RACK; level < PLAN_N_LEVELS; level++) {
        GPtrArray *names = m->place_names[level];
        const char *name = names->len ? names->pdata[m->place[level][i]] : "";

        if (*name) {
            jobj_add_string(object, plan_level_name((PlanLevel)level), name);
        }
    }
    if (m->address) {
        JsonObject *list = json_object_new_array();

        for (size_t k = 0; k < m->n_digits; k++) {
            json_object_array_add(
                list, json_object_new_int(m->address[i * m->n_digits + k]));
        }
        jobj_add(object, "address", list);
    }
    if (host->sides) {
        add_capacity(object, m, i);
    } else {
        add_amounts(object, "capacity", m, m->capacity + i * m->n_resources);
    }
    add_amounts(object, "safe", m, m->safe + i * m->n_resources);
    add_features(object, "features", m, host->features);
    if (host->closed) {
        jobj_add_bool(object, "closed", true);
    }
    add_if(object, "idle_mw", (uint64_t)host->idle_mw);
    add_if(object, "busy_mw", (uint64_t)host->busy_mw);
    add_if(object, "link_bytes_s", host->link_bytes_s);
    return object;
}

static JsonObject *
write_guest(const PlanModel *m, size_t i)
{
    const PlanGuest *guest = &m->guests[i];
    JsonObject *object = json_object_new_object();

    jobj_add_string(object, "name", guest->name);
    if (guest->host != PLAN_NOWHERE) {
        jobj_add_string(object, "host", m->hosts[guest->host].name);
    }
    add_amounts(object, "demand", m, m->demand + i * m->n_resources);
    add_if(object, "numa", (uint64_t)guest->numa);
    add_features(object, "requires", m, guest->requires);
    if (guest->pinned) {
        jobj_add_bool(object, "pinned", true);
    }
    if (m->allowed[i]) {
        JsonObject *list = json_object_new_array();

        for (size_t j = 0; j < m->n_allowed[i]; j++) {
            json_object_array_add(
                list, json_object_new_string(m->hosts[m->allowed[i][j]].name));
        }
        jobj_add(object, "allowed", list);
    }
    if (guest->move_cost != 1) {
        jobj_add_i64(object, "move_cost", guest->move_cost);
    }
    add_if(object, "memory_bytes", guest->memory_bytes);
    add_if(object, "hot_bytes", guest->hot_bytes);
    add_if(object, "hot_bytes_s", guest->hot_bytes_s);
    add_if(object, "cold_bytes_s", guest->cold_bytes_s);
    return object;
}

static JsonObject *
write_group(const PlanModel *m, size_t i)
{
    JsonObject *object = json_object_new_object();
    JsonObject *list = json_object_new_array();

    jobj_add_string(object, "name", m->groups[i].name);
    for (size_t j = 0; j < m->groups[i].n_members; j++) {
        json_object_array_add(
            list,
            json_object_new_string(m->guests[m->groups[i].members[j]].name));
    }
    jobj_add(object, "members", list);
    return object;
}

static JsonObject *
write_rule(const PlanModel *m, size_t i)
{
    const PlanRule *rule = &m->rules[i];
    JsonObject *object = json_object_new_object();

    jobj_add_string(object, "kind", plan_rule_name(rule->kind));
    if (rule->kind == PLAN_RULE_LATENCY) {
        jobj_add_string(object, "group", m->groups[rule->group].name);
        if (rule->on != rule->group) {
            jobj_add_string(object, "on", m->groups[rule->on].name);
        }
        if (rule->mean_us != INT64_MAX) {
            jobj_add_i64(object, "mean_us", rule->mean_us);
        }
        if (rule->jitter_us != INT64_MAX) {
            jobj_add_i64(object, "jitter_us", rule->jitter_us);
        }
        return object;
    }
    jobj_add_string(object, "level", plan_level_name(rule->level));
    if (rule->kind == PLAN_RULE_PARTITION) {
        JsonObject *list = json_object_new_array();

        for (size_t j = 0; j < rule->n_groups; j++) {
            json_object_array_add(
                list, json_object_new_string(m->groups[rule->groups[j]].name));
        }
        jobj_add(object, "groups", list);
        return object;
    }
    jobj_add_string(object, "group", m->groups[rule->group].name);
    if (rule->kind == PLAN_RULE_DEPENDS) {
        jobj_add_string(object, "on", m->groups[rule->on].name);
    }
    if (rule->kind == PLAN_RULE_SPREAD) {
        jobj_add_i64(object, "at_least", rule->at_least);
    }
    if (rule->kind == PLAN_RULE_SURVIVE) {
        jobj_add_i64(object, "failures", rule->failures);
    }
    return object;
}

static const char *
place_name(const PlanModel *m, PlanLevel level, int32_t place)
{
    return m->place_names[level]->pdata[place];
}

static JsonObject *
write_total(const PlanModel *m, size_t i)
{
    const PlanTotal *total = &m->totals[i];
    JsonObject *object = json_object_new_object();
    JsonObject *most = json_object_new_object();

    jobj_add_string(object, "level", plan_level_name(total->level));
    jobj_add_string(object, "place", place_name(m, total->level, total->place));
    for (size_t r = 0; r < m->n_resources; r++) {
        if (total->most[r] != INT64_MAX) {
            jobj_add_i64(most, m->resources[r].name, total->most[r]);
        }
    }
    jobj_add(object, "most", most);
    return object;
}

static JsonObject *
write_trunk(const PlanModel *m, size_t i)
{
    const PlanTrunk *trunk = &m->trunks[i];
    JsonObject *object = json_object_new_object();

    jobj_add_string(object, "level", plan_level_name(trunk->level));
    jobj_add_string(object, "a", place_name(m, trunk->level, trunk->a));
    jobj_add_string(object, "b", place_name(m, trunk->level, trunk->b));
    jobj_add_i64(object, "most", trunk->most);
    return object;
}

static void
add_latency(JsonObject *object, const char *name, PlanLatency latency)
{
    if (latency.mean_us || latency.jitter_us) {
        JsonObject *value = json_object_new_object();

        jobj_add_i64(value, "mean_us", latency.mean_us);
        jobj_add_i64(value, "jitter_us", latency.jitter_us);
        jobj_add(object, name, value);
    }
}

static JsonObject *
write_balance(const PlanModel *m, size_t i)
{
    const PlanBalance *balance = &m->balances[i];
    JsonObject *object = json_object_new_object();

    jobj_add_string(object, "first", m->resources[balance->first].name);
    jobj_add_string(object, "second", m->resources[balance->second].name);
    jobj_add_i64(object, "target", balance->target);
    jobj_add_i64(object, "weight", balance->weight);
    return object;
}

static JsonObject *
write_flow(const PlanModel *m, size_t i)
{
    const PlanFlow *flow = &m->flows[i];
    JsonObject *object = json_object_new_object();

    jobj_add_string(object, "a", m->guests[flow->a].name);
    jobj_add_string(object, "b", m->guests[flow->b].name);
    jobj_add_i64(object, "amount", flow->amount);
    return object;
}

static void
add_list(JsonObject *top, const char *name, const PlanModel *m, size_t n,
         JsonObject *(*write_one)(const PlanModel *, size_t))
{
    JsonObject *list = json_object_new_array_ext((int)MAX(n, 1));

    for (size_t i = 0; i < n; i++) {
        json_object_array_add(list, write_one(m, i));
    }
    jobj_add(top, name, list);
}

JsonObject *
plan_format_write(const PlanModel *m)
{
    static const char *const distances[] = { "host", "rack", "pod", "site",
                                             "far" };
    JsonObject *top = json_object_new_object();
    JsonObject *object = json_object_new_object();
    JsonObject *latencies = json_object_new_object();

    jobj_add_string(top, "format", PLAN_FORMAT_MODEL);
    add_list(top, "resources", m, m->n_resources, write_resource);
    add_list(top, "hosts", m, m->n_hosts, write_host);
    add_list(top, "guests", m, m->n_guests, write_guest);
    add_list(top, "groups", m, m->n_groups, write_group);
    add_list(top, "rules", m, m->n_rules, write_rule);
    add_list(top, "balances", m, m->n_balances, write_balance);
    add_list(top, "traffic", m, m->n_flows, write_flow);
    add_list(top, "totals", m, m->n_totals, write_total);
    add_list(top, "trunks", m, m->n_trunks, write_trunk);
    for (size_t i = 0; i < G_N_ELEMENTS(distances); i++) {
        jobj_add(object, distances[i], milli(m->distance_milli[i]));
        add_latency(latencies, distances[i], m->latency[i]);
    }
    jobj_add(object, "hop", milli(m->hop_milli));
    add_latency(latencies, "hop", m->hop);
    jobj_add(top, "distances", object);
    jobj_add(top, "latencies", latencies);
    object = json_object_new_object();
    jobj_add_i64(object, "hosts", m->weights.hosts);
    jobj_add_i64(object, "energy", m->weights.energy);
    jobj_add_i64(object, "traffic", m->weights.traffic);
    jobj_add_i64(object, "move", m->weights.move);
    jobj_add_i64(object, "host_move", m->weights.host_move);
    jobj_add_i64(object, "group_move", m->weights.group_move);
    jobj_add(top, "weights", object);
    if (m->host_moves) {
        JsonObject *rows = json_object_new_array_ext((int)m->n_hosts);

        for (size_t i = 0; i < m->n_hosts; i++) {
            JsonObject *row = json_object_new_array_ext((int)m->n_hosts);

            for (size_t j = 0; j < m->n_hosts; j++) {
                json_object_array_add(
                    row,
                    json_object_new_int(m->host_moves[i * m->n_hosts + j]));
            }
            json_object_array_add(rows, row);
        }
        jobj_add(top, "host_moves", rows);
    }
    return top;
}

/* The side, 1 or 2, of each guest that is on one only */
static JsonObject *
write_sides(const PlanModel *m, const int32_t *host_of)
{
    JsonObject *sides = json_object_new_object();
    g_autofree int32_t *here = g_new(int32_t, m->n_guests + 1);
    g_autofree uint8_t *side = g_new(uint8_t, m->n_guests + 1);

    for (size_t h = 0; h < m->n_hosts; h++) {
        size_t n = 0;

        for (size_t g = 0; m->hosts[h].sides && g < m->n_guests; g++) {
            if (host_of[g] == (int32_t)h) {
                here[n++] = (int32_t)g;
            }
        }
        plan_sides_excess(m, (int32_t)h, here, n, PLAN_NOWHERE, PLAN_NOWHERE,
                          side);
        for (size_t i = 0; i < n; i++) {
            if (side[i] != PLAN_SIDE_ANY) {
                jobj_add_i64(sides, m->guests[here[i]].name, side[i] + 1);
            }
        }
    }
    return sides;
}

JsonObject *
plan_format_write_placement(const PlanModel *m, const int32_t *host_of)
{
    JsonObject *top = json_object_new_object();
    JsonObject *placement = json_object_new_object();

    for (size_t g = 0; g < m->n_guests; g++) {
        jobj_add_string(placement, m->guests[g].name,
                        host_of[g] == PLAN_NOWHERE ? NULL
                                                   : m->hosts[host_of[g]].name);
    }
    jobj_add_string(top, "format", PLAN_FORMAT_PLACEMENT);
    jobj_add(top, "placement", placement);
    if (m->side_limit) {
        jobj_add(top, "sides", write_sides(m, host_of));
    }
    return top;
}
