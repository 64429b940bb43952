/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cluster-groups.c - rules that guests bring along, as groups of the cluster
 */
#include <string.h>

#include "consolidate/cluster.h"

static ConsGroupSettings *
find_group(Cluster *cluster, const char *name)
{
    ConsGroupSettings *group;

    for (guint i = 0; i < cluster->groups->len; i++) {
        group = g_ptr_array_index(cluster->groups, i);
        if (strcmp(group->name, name) == 0) {
            return group;
        }
    }
    group = cons_group_new(name);
    g_ptr_array_add(cluster->groups, group);
    return group;
}

void
cluster_add_member(Cluster *cluster, const char *group, const char *guest)
{
    ConsGroupSettings *to = find_group(cluster, group);
    guint n = g_strv_length(to->members);

    if (!g_strv_contains((const char *const *)to->members, guest)) {
        to->members = g_renew(char *, to->members, n + 2);
        to->members[n] = g_strdup(guest);
        to->members[n + 1] = NULL;
    }
}

void
cluster_add_rule(Cluster *cluster, const char *group, ConsGroupRule rule)
{
    ConsGroupSettings *to = find_group(cluster, group);

    for (guint i = 0; i < to->rules->len; i++) {
        const ConsGroupRule *is = &g_array_index(to->rules, ConsGroupRule, i);

        if (is->kind == rule.kind && is->level == rule.level) {
            return;
        }
    }
    g_array_append_val(to->rules, rule);
}

JsonObject *
cluster_groups_to_json(const Cluster *cluster)
{
    JsonObject *list = json_object_new_array();

    for (guint i = 0; i < cluster->groups->len; i++) {
        const ConsGroupSettings *group = g_ptr_array_index(cluster->groups, i);
        JsonObject *one = json_object_new_object();
        JsonObject *members = json_object_new_array();
        JsonObject *rules = json_object_new_array();

        for (char **name = group->members; *name; name++) {
            json_object_array_add(members, json_object_new_string(*name));
        }
        for (guint k = 0; k < group->rules->len; k++) {
            const ConsGroupRule *rule =
                &g_array_index(group->rules, ConsGroupRule, k);
            g_autofree char *text =
                g_strdup_printf("%s %s", plan_rule_name(rule->kind),
                                plan_level_name(rule->level));

            json_object_array_add(rules, json_object_new_string(text));
        }
        jobj_add_string(one, "name", group->name);
        jobj_add(one, "members", members);
        jobj_add(one, "rules", rules);
        json_object_array_add(list, one);
    }
    return list;
}

static bool
read_rule(const char *text, ConsGroupRule *rule)
{
    g_auto(GStrv) words = g_strsplit(text, " ", 2);

    if (!words[0] || !words[1]) {
        return false;
    }
    for (int kind = 0; kind < PLAN_N_RULES; kind++) {
        for (int level = 0; level < PLAN_N_LEVELS; level++) {
            if ((kind == PLAN_RULE_APART || kind == PLAN_RULE_TOGETHER) &&
                strcmp(words[0], plan_rule_name((PlanRuleKind)kind)) == 0 &&
                strcmp(words[1], plan_level_name((PlanLevel)level)) == 0) {
                *rule = (ConsGroupRule){ .kind = (PlanRuleKind)kind,
                                         .level = (PlanLevel)level };
                return true;
            }
        }
    }
    return false;
}

/* The text of element @i of a list of @json; NULL: it is none */
static const char *
text_at(JsonObject *json, const char *member, size_t i, bool *more)
{
    JsonObject *list = jobj_get(json, member);
    bool is_list = list && json_object_is_type(list, json_type_array);
    JsonObject *at;

    *more = !is_list || i < json_object_array_length(list);
    at = is_list && *more ? json_object_array_get_idx(list, i) : NULL;
    return at && json_object_is_type(at, json_type_string)
               ? json_object_get_string(at)
               : NULL;
}

static bool
read_group(Cluster *cluster, JsonObject *json)
{
    const char *name, *text;
    ConsGroupRule rule;
    bool more;

    if (!json || !jobj_get_string(json, "name", &name)) {
        return false;
    }
    find_group(cluster, name);
    for (size_t i = 0; (text = text_at(json, "members", i, &more)) || more;
         i++) {
        if (!text) {
            return false;
        }
        cluster_add_member(cluster, name, text);
    }
    for (size_t i = 0; (text = text_at(json, "rules", i, &more)) || more; i++) {
        if (!text || !read_rule(text, &rule)) {
            return false;
        }
        cluster_add_rule(cluster, name, rule);
    }
    return true;
}

bool
cluster_groups_from_json(Cluster *cluster, JsonObject *list, GError **error)
{
    size_t n = list && json_object_is_type(list, json_type_array)
                   ? json_object_array_length(list)
                   : 0;

    for (size_t i = 0; i < n; i++) {
        if (!read_group(cluster, json_object_array_get_idx(list, i))) {
            g_set_error(error, CONS_ERROR, CONS_ERROR_SYNTAX,
                        "groups[%zu]: is no group of a name, members and rules",
                        i);
            return false;
        }
    }
    return true;
}
