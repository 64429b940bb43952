/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check-rules.c - rules between guests, and over places, judged
 */
#include "plan/check-priv.h"

#include <inttypes.h>

/* place -> number of members there, as a set of pointers that are indexes */
static GHashTable *
places_of(const PlanCheck *check, const PlanGroup *group, PlanLevel level,
          size_t *open)
{
    GHashTable *places = g_hash_table_new(NULL, NULL);

    *open = 0;
    for (size_t i = 0; i < group->n_members; i++) {
        int32_t host = check->host_of[group->members[i]];

        if (host < 0) {
            ++*open;
        } else {
            gpointer place = GINT_TO_POINTER(
                level == PLAN_LEVEL_HOST ? host : check->m->place[level][host]);
            gint n = GPOINTER_TO_INT(g_hash_table_lookup(places, place));

            g_hash_table_insert(places, place, GINT_TO_POINTER(n + 1));
        }
    }
    return places;
}

static void
check_rule(PlanCheck *check, const PlanRule *rule)
{
    const PlanModel *m = check->m;
    const PlanGroup *group = &m->groups[rule->group];
    const char *level = plan_level_name(rule->level);
    g_autoptr(GHashTable) places = NULL;
    size_t open;
    GHashTableIter iter;
    gpointer place, n;

    places = places_of(check, group, rule->level, &open);
    switch (rule->kind) {
    case PLAN_RULE_APART:
        g_hash_table_iter_init(&iter, places);
        while (g_hash_table_iter_next(&iter, &place, &n)) {
            if (GPOINTER_TO_INT(n) > 1) {
                plan_check_broken(check,
                                  "group \"%s\": %d members share one %s",
                                  group->name, GPOINTER_TO_INT(n), level);
            }
        }
        break;
    case PLAN_RULE_TOGETHER:
        if (g_hash_table_size(places) > 1) {
            plan_check_broken(check, "group \"%s\" is in %u %ss, not in one",
                              group->name, g_hash_table_size(places), level);
        }
        break;
    case PLAN_RULE_SPREAD:
        if ((int64_t)(g_hash_table_size(places) + open) < rule->at_least) {
            plan_check_broken(
                check, "group \"%s\" is in %u %ss, not in %" PRId64 " at least",
                group->name, g_hash_table_size(places), level, rule->at_least);
        }
        break;
    case PLAN_RULE_DEPENDS: {
        g_autoptr(GHashTable) others =
            places_of(check, &m->groups[rule->on], rule->level, &open);

        g_hash_table_iter_init(&iter, places);
        while (g_hash_table_iter_next(&iter, &place, &n)) {
            if (!g_hash_table_contains(others, place)) {
                plan_check_broken(
                    check,
                    "group \"%s\": a %s has a member, but none of group "
                    "\"%s\"",
                    group->name, level, m->groups[rule->on].name);
            }
        }
        break;
    }
    default:
        g_assert_not_reached();
    }
}

static void
check_partition(PlanCheck *check, const PlanRule *rule)
{
    const PlanModel *m = check->m;
    g_autoptr(GHashTable) owner = g_hash_table_new(NULL, NULL);

    for (size_t i = 0; i < rule->n_groups; i++) {
        const PlanGroup *group = &m->groups[rule->groups[i]];
        size_t open;
        g_autoptr(GHashTable) places =
            places_of(check, group, rule->level, &open);
        GHashTableIter iter;
        gpointer place;

        g_hash_table_iter_init(&iter, places);
        while (g_hash_table_iter_next(&iter, &place, NULL)) {
            const PlanGroup *other = g_hash_table_lookup(owner, place);

            if (other) {
                plan_check_broken(
                    check, "groups \"%s\" and \"%s\" share one %s", other->name,
                    group->name, plan_level_name(rule->level));
            } else {
                g_hash_table_insert(owner, place, (gpointer)group);
            }
        }
    }
}

static PlanLatency
latency_between(const PlanModel *m, int32_t a, int32_t b)
{
    PlanLatency latency = m->latency[PLAN_N_LEVELS];

    if (a == b) {
        return m->latency[PLAN_LEVEL_HOST];
    }
    if (m->address) {
        int64_t hops = plan_check_digits(m, a, b);

        latency.mean_us = hops * m->hop.mean_us;
        latency.jitter_us = hops * m->hop.jitter_us;
        return latency;
    }
    for (int level = PLAN_LEVEL_SITE; level >= PLAN_LEVEL_RACK; level--) {
        if (m->place[level][a] == m->place[level][b]) {
            latency = m->latency[level];
        }
    }
    return latency;
}

static void
check_latency(PlanCheck *check, const PlanRule *rule)
{
    const PlanModel *m = check->m;
    const PlanGroup *first = &m->groups[rule->group];
    const PlanGroup *second = &m->groups[rule->on];

    for (size_t i = 0; i < first->n_members; i++) {
        for (size_t j = 0; j < second->n_members; j++) {
            int32_t a = check->host_of[first->members[i]];
            int32_t b = check->host_of[second->members[j]];
            PlanLatency latency;

            if (a < 0 || b < 0 || first->members[i] == second->members[j] ||
                (first == second && j <= i)) {
                continue;
            }
            latency = latency_between(m, a, b);
            if (latency.mean_us > rule->mean_us ||
                latency.jitter_us > rule->jitter_us) {
                plan_check_broken(check,
                                  "guests \"%s\" and \"%s\": latency %" PRId64
                                  " us, jitter %" PRId64 " us",
                                  m->guests[first->members[i]].name,
                                  m->guests[second->members[j]].name,
                                  latency.mean_us, latency.jitter_us);
            }
        }
    }
}

/* Takes the worst place off, and again, and compares with what the others have
 * free */
static void
check_survive(PlanCheck *check, const PlanRule *rule)
{
    const PlanModel *m = check->m;
    const PlanGroup *group = &m->groups[rule->group];
    size_t n_places = plan_model_places(m, rule->level);

    for (size_t r = 0; r < m->n_resources; r++) {
        g_autofree int64_t *room = g_new0(int64_t, m->n_hosts + 1);
        g_autofree int64_t *need = g_new0(int64_t, n_places + 1);
        g_autofree int64_t *free = g_new0(int64_t, n_places + 1);
        int64_t lost = 0;
        int64_t left = 0;

        for (size_t h = 0; h < m->n_hosts; h++) {
            room[h] = m->limit[h * m->n_resources + r];
        }
        for (size_t g = 0; g < m->n_guests; g++) {
            if (check->host_of[g] >= 0) {
                room[check->host_of[g]] -= plan_check_demand(m, g, r);
            }
        }
        for (size_t h = 0; h < m->n_hosts; h++) {
            int64_t here = room[h] > 0 ? room[h] : 0;

            free[m->place[rule->level][h]] += here;
            left += here;
        }
        for (size_t i = 0; i < group->n_members; i++) {
            int32_t host = check->host_of[group->members[i]];

            if (host >= 0) {
                need[m->place[rule->level][host]] +=
                    plan_check_demand(m, (size_t)group->members[i], r);
            }
        }
        for (int64_t k = 0; k < rule->failures; k++) {
            size_t worst = 0;

            for (size_t p = 1; p < n_places; p++) {
                if (need[p] + free[p] > need[worst] + free[worst]) {
                    worst = p;
                }
            }
            lost += need[worst];
            left -= free[worst];
            need[worst] = free[worst] = 0;
        }
        if (lost > left) {
            plan_check_broken(
                check,
                "group \"%s\": if %" PRId64 " %s%s fail, %s %" PRId64
                " has to go where %" PRId64 " is free",
                group->name, rule->failures, plan_level_name(rule->level),
                rule->failures > 1 ? "s" : "", m->resources[r].name, lost,
                left);
        }
    }
}

static void
check_totals(PlanCheck *check)
{
    const PlanModel *m = check->m;

    for (size_t i = 0; i < m->n_totals * m->n_resources; i++) {
        const PlanTotal *total = &m->totals[i / m->n_resources];
        size_t r = i % m->n_resources;
        int64_t use = 0;

        for (size_t g = 0; g < m->n_guests; g++) {
            int32_t host = check->host_of[g];

            if (host >= 0 && m->place[total->level][host] == total->place) {
                use += plan_check_demand(m, g, r);
            }
        }
        if (use > total->most[r]) {
            plan_check_broken(
                check, "%s \"%s\": %s %" PRId64 " of %" PRId64,
                plan_level_name(total->level),
                (char *)m->place_names[total->level]->pdata[total->place],
                m->resources[r].name, use, total->most[r]);
        }
    }
    for (size_t i = 0; i < m->n_trunks; i++) {
        const PlanTrunk *trunk = &m->trunks[i];
        const int32_t *place = m->place[trunk->level];
        int64_t sum = 0;

        for (size_t f = 0; f < m->n_flows; f++) {
            int32_t a = check->host_of[m->flows[f].a];
            int32_t b = check->host_of[m->flows[f].b];

            if (a >= 0 && b >= 0 &&
                ((place[a] == trunk->a && place[b] == trunk->b) ||
                 (place[b] == trunk->a && place[a] == trunk->b))) {
                sum += m->flows[f].amount;
            }
        }
        if (sum > trunk->most) {
            plan_check_broken(
                check,
                "%ss \"%s\" and \"%s\": %" PRId64 " of %" PRId64
                " that may be exchanged",
                plan_level_name(trunk->level),
                (char *)m->place_names[trunk->level]->pdata[trunk->a],
                (char *)m->place_names[trunk->level]->pdata[trunk->b], sum,
                trunk->most);
        }
    }
}

void
plan_check_rules(PlanCheck *check)
{
    for (size_t k = 0; k < check->m->n_rules; k++) {
        const PlanRule *rule = &check->m->rules[k];

        switch (rule->kind) {
        case PLAN_RULE_PARTITION:
            check_partition(check, rule);
            break;
        case PLAN_RULE_LATENCY:
            check_latency(check, rule);
            break;
        case PLAN_RULE_SURVIVE:
            check_survive(check, rule);
            break;
        default:
            check_rule(check, rule);
        }
    }
    check_totals(check);
}
