/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * format-read-rules.c - what lies between guests: groups, rules, sums, traffic
 */
#include "plan/format-reader.h"

void
reader_group(Reader *r, JsonObject *object, size_t i)
{
    PlanGroup *group = &r->m->groups[i];

    reader_at(r, "groups[%zu]", i);
    reader_members_known(r, object, "name members ");
    group->name = reader_take_name(r, object, r->groups, i);
    group->members = reader_refs(r, object, "members", r->guests, "guest",
                                 &group->n_members);
}

/* One of the names that @name_of gives for 0 .. @n - 1 */
static int
get_word(Reader *r, JsonObject *object, const char *name, int n,
         const char *(*name_of)(int))
{
    const char *text = reader_text(r, object, name, true);
    g_autoptr(GString) all = g_string_new(NULL);

    for (int i = 0; i < n; i++) {
        if (g_strcmp0(text, name_of(i)) == 0) {
            return i;
        }
        g_string_append_printf(all, "%s%s", i ? ", " : "", name_of(i));
    }
    if (text) {
        reader_wrong(r, name, "\"%s\" is none of %s", text, all->str);
    }
    return 0;
}

static const char *
level_word(int i)
{
    return plan_level_name((PlanLevel)i);
}

static const char *
rule_word(int i)
{
    return plan_rule_name((PlanRuleKind)i);
}

static void
read_latency_rule(Reader *r, JsonObject *object, PlanRule *rule)
{
    rule->mean_us = rule->jitter_us = INT64_MAX;
    rule->group = rule->on = reader_ref(r, object, "group", r->groups, "group");
    if (reader_member(r, object, "on")) {
        rule->on = reader_ref(r, object, "on", r->groups, "group");
    }
    if (reader_member(r, object, "level")) {
        reader_wrong(r, "level", "a latency is between hosts, it has no level");
    }
    if (!reader_member(r, object, "mean_us") &&
        !reader_member(r, object, "jitter_us")) {
        reader_wrong(r, "mean_us", "this or jitter_us is expected");
    }
    reader_whole(r, object, "mean_us", &rule->mean_us);
    reader_whole(r, object, "jitter_us", &rule->jitter_us);
}

void
reader_rule(Reader *r, JsonObject *object, size_t i)
{
    PlanRule *rule = &r->m->rules[i];

    reader_at(r, "rules[%zu]", i);
    reader_members_known(r, object,
                         "kind level group on at_least groups failures mean_us "
                         "jitter_us ");
    rule->kind =
        (PlanRuleKind)get_word(r, object, "kind", PLAN_N_RULES, rule_word);
    if (rule->kind == PLAN_RULE_LATENCY) {
        read_latency_rule(r, object, rule);
        return;
    }
    rule->level =
        (PlanLevel)get_word(r, object, "level", PLAN_N_LEVELS, level_word);
    if (rule->kind == PLAN_RULE_PARTITION) {
        rule->groups = reader_refs(r, object, "groups", r->groups, "group",
                                   &rule->n_groups);
        return;
    }
    rule->group = reader_ref(r, object, "group", r->groups, "group");
    if (rule->kind == PLAN_RULE_DEPENDS) {
        rule->on = reader_ref(r, object, "on", r->groups, "group");
    }
    if (rule->kind == PLAN_RULE_SPREAD) {
        reader_whole(r, object, "at_least", &rule->at_least);
    }
    if (rule->kind == PLAN_RULE_SURVIVE) {
        rule->failures = 1;
        reader_whole(r, object, "failures", &rule->failures);
    }
}

/* The place of that name, which some host has to be in */
static int32_t
get_place(Reader *r, JsonObject *object, const char *name, PlanLevel level)
{
    const char *text = reader_text(r, object, name, true);
    guint at = 0;

    if (text && !g_ptr_array_find_with_equal_func(r->m->place_names[level],
                                                  text, g_str_equal, &at)) {
        reader_wrong(r, name, "no host is in %s \"%s\"", plan_level_name(level),
                     text);
    }
    return (int32_t)at;
}

static PlanLevel
get_outer_level(Reader *r, JsonObject *object)
{
    PlanLevel level =
        (PlanLevel)get_word(r, object, "level", PLAN_N_LEVELS, level_word);

    if (level == PLAN_LEVEL_HOST) {
        reader_wrong(r, "level", "rack, pod or site is expected");
        return PLAN_LEVEL_RACK;
    }
    return level;
}

void
reader_total(Reader *r, JsonObject *object, size_t i)
{
    PlanTotal *total = &r->m->totals[i];

    reader_at(r, "totals[%zu]", i);
    reader_members_known(r, object, "level place most ");
    total->level = get_outer_level(r, object);
    total->place = get_place(r, object, "place", total->level);
    for (size_t k = 0; k < PLAN_MAX_RESOURCES; k++) {
        total->most[k] = INT64_MAX;
    }
    reader_amounts(r, object, "most", total->most);
    if (!reader_member(r, object, "most")) {
        reader_wrong(r, "most", "an object, amount by resource, is expected");
    }
}

void
reader_trunk(Reader *r, JsonObject *object, size_t i)
{
    PlanTrunk *trunk = &r->m->trunks[i];

    reader_at(r, "trunks[%zu]", i);
    reader_members_known(r, object, "level a b most ");
    trunk->level = get_outer_level(r, object);
    trunk->a = get_place(r, object, "a", trunk->level);
    trunk->b = get_place(r, object, "b", trunk->level);
    if (!r->error && trunk->a == trunk->b) {
        reader_wrong(r, "b", "another place than a is expected");
    }
    if (!reader_member(r, object, "most")) {
        reader_wrong(r, "most", "a whole number from 0 on is expected");
    }
    reader_whole(r, object, "most", &trunk->most);
}

void
reader_balance(Reader *r, JsonObject *object, size_t i)
{
    PlanBalance *balance = &r->m->balances[i];

    reader_at(r, "balances[%zu]", i);
    reader_members_known(r, object, "first second target weight ");
    balance->first = reader_ref(r, object, "first", r->resources, "resource");
    balance->second = reader_ref(r, object, "second", r->resources, "resource");
    balance->target = balance->weight = 1;
    reader_whole(r, object, "target", &balance->target);
    reader_whole(r, object, "weight", &balance->weight);
}

void
reader_flow(Reader *r, JsonObject *object, size_t i)
{
    PlanFlow *flow = &r->m->flows[i];

    reader_at(r, "traffic[%zu]", i);
    reader_members_known(r, object, "a b amount ");
    flow->a = reader_ref(r, object, "a", r->guests, "guest");
    flow->b = reader_ref(r, object, "b", r->guests, "guest");
    if (!reader_member(r, object, "amount")) {
        reader_wrong(r, "amount", "a whole number from 0 on is expected");
    }
    reader_whole(r, object, "amount", &flow->amount);
}
