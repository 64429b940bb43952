/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check.c - see check.h
 *
 * Slow and plain on purpose: every rule is spelled out over sets of names of
 * places, nothing is kept from one rule to the next.
 */
#include "plan/check.h"

#include <inttypes.h>

#include "plan/sides.h"

typedef struct Check {
    const PlanModel *m;
    const int32_t *host_of;
    size_t most;
    PlanVerdict *verdict;
} Check;

static void G_GNUC_PRINTF(2, 3) broken(Check *check, const char *format, ...)
{
    va_list args;

    if (check->verdict->n_broken++ < check->most) {
        va_start(args, format);
        g_ptr_array_add(check->verdict->broken, g_strdup_vprintf(format, args));
        va_end(args);
    }
}

static int64_t
demand(const PlanModel *m, size_t guest, size_t r)
{
    return m->demand[guest * m->n_resources + r];
}

/* The guests that take from @host, once each, with what takes only while the
 * migration lasts told apart. */
static void
check_sums(Check *check)
{
    const PlanModel *m = check->m;
    PlanVerdict *v = check->verdict;
    g_autofree int64_t *stay = g_new0(int64_t, m->n_hosts);
    g_autofree int64_t *leave = g_new0(int64_t, m->n_hosts);

    for (size_t r = 0; r < m->n_resources; r++) {
        const PlanResource *resource = &m->resources[r];

        for (size_t h = 0; h < m->n_hosts; h++) {
            stay[h] = leave[h] = 0;
        }
        for (size_t g = 0; g < m->n_guests; g++) {
            int32_t home = m->guests[g].host;
            int32_t here = check->host_of[g];

            if (here >= 0) {
                stay[here] += demand(m, g, r);
            }
            if (home >= 0 && home != here) {
                leave[home] += demand(m, g, r);
            }
        }
        for (size_t h = 0; h < m->n_hosts; h++) {
            size_t at = h * m->n_resources + r;
            /* the same floor as floor(capacity x r), with no sum on the way
             * larger than 2^60 */
            int64_t most = m->hosts[h].closed
                               ? 0
                               : (int64_t)((__int128)m->capacity[at] *
                                           resource->reserve_milli / 1000);
            int64_t total = stay[h] + (resource->transient ? leave[h] : 0);

            if (total > most) {
                broken(check,
                       "host \"%s\": %s %" PRId64 " of %" PRId64
                       " that may be used",
                       m->hosts[h].name, resource->name, total, most);
            }
            if (stay[h] > m->safe[at]) {
                v->cost += (stay[h] - m->safe[at]) * resource->over_weight;
            }
        }
    }
}

/* What guest @g takes of side @side: twice, so that halves are whole */
static int64_t
double_share(const PlanModel *m, size_t g, size_t r, size_t side,
             uint8_t side_of)
{
    switch (m->guests[g].numa) {
    case 1:
        return side_of == side ? 2 * demand(m, g, r) : 0;
    case 2:
        return demand(m, g, r);
    default:
        return 0;
    }
}

/* How guests are divided over two sides is asked for, and then added up here:
 * a division that somebody says fits is not believed. */
static void
check_sides(Check *check)
{
    const PlanModel *m = check->m;
    g_autofree int32_t *here = g_new(int32_t, m->n_guests + 1);
    g_autofree uint8_t *side_of = g_new(uint8_t, m->n_guests + 1);

    for (size_t h = 0; h < m->n_hosts; h++) {
        size_t n = 0;
        bool fits = true;

        if (!m->hosts[h].sides) {
            continue;
        }
        for (size_t g = 0; g < m->n_guests; g++) {
            if (check->host_of[g] == (int32_t)h) {
                here[n++] = (int32_t)g;
            }
        }
        if (plan_sides_excess(m, (int32_t)h, here, n, -1, -1, side_of) > 0) {
            broken(check,
                   "host \"%s\": its guests cannot be divided over its sides",
                   m->hosts[h].name);
            continue;
        }
        for (size_t i = 0; i < 2 * m->n_resources; i++) {
            size_t side = i / m->n_resources;
            size_t r = i % m->n_resources;
            int64_t capacity =
                m->side_capacity[(h * 2 + side) * m->n_resources + r];
            int64_t use = 0;

            for (size_t k = 0; k < n; k++) {
                fits = fits && (m->guests[here[k]].numa != 1 || side_of[k] < 2);
                use += double_share(m, (size_t)here[k], r, side, side_of[k]);
            }
            fits = fits &&
                   (capacity < 0 || use == 0 ||
                    (!m->hosts[h].closed &&
                     use <= 2 * (int64_t)((__int128)capacity *
                                          m->resources[r].side_reserve_milli /
                                          1000)));
        }
        if (!fits) {
            broken(check, "host \"%s\": a side has more than its capacity",
                   m->hosts[h].name);
        }
    }
}

static void
check_balances(Check *check)
{
    const PlanModel *m = check->m;

    for (size_t b = 0; b < m->n_balances; b++) {
        const PlanBalance *balance = &m->balances[b];
        g_autofree int64_t *first = g_new0(int64_t, m->n_hosts);
        g_autofree int64_t *second = g_new0(int64_t, m->n_hosts);

        for (size_t h = 0; h < m->n_hosts; h++) {
            first[h] = m->capacity[h * m->n_resources + (size_t)balance->first];
            second[h] =
                m->capacity[h * m->n_resources + (size_t)balance->second];
        }
        for (size_t g = 0; g < m->n_guests; g++) {
            if (check->host_of[g] >= 0) {
                first[check->host_of[g]] -=
                    demand(m, g, (size_t)balance->first);
                second[check->host_of[g]] -=
                    demand(m, g, (size_t)balance->second);
            }
        }
        for (size_t h = 0; h < m->n_hosts; h++) {
            int64_t idle = balance->target * first[h] - second[h];

            if (idle > 0) {
                check->verdict->cost += idle * balance->weight;
            }
        }
    }
}

static void
check_guests(Check *check)
{
    const PlanModel *m = check->m;
    PlanVerdict *v = check->verdict;

    for (size_t g = 0; g < m->n_guests; g++) {
        const PlanGuest *guest = &m->guests[g];
        int32_t here = check->host_of[g];
        bool listed = !m->allowed[g];

        if (here < 0) {
            v->n_unplaced++;
            broken(check, "guest \"%s\" is on no host", guest->name);
            continue;
        }
        for (size_t i = 0; i < m->n_allowed[g]; i++) {
            listed = listed || m->allowed[g][i] == here;
        }
        if (m->hosts[here].closed) {
            broken(check, "guest \"%s\" is on host \"%s\", which is closed",
                   guest->name, m->hosts[here].name);
        } else if (!listed) {
            broken(check,
                   "guest \"%s\" is on host \"%s\", which is not among those "
                   "allowed",
                   guest->name, m->hosts[here].name);
        } else if ((guest->requires | m->hosts[here].features) !=
                   m->hosts[here].features) {
            broken(check,
                   "guest \"%s\" is on host \"%s\", which lacks hardware that "
                   "it requires",
                   guest->name, m->hosts[here].name);
        } else if (guest->pinned && guest->host >= 0 && guest->host != here) {
            broken(check, "guest \"%s\" is pinned to host \"%s\"", guest->name,
                   m->hosts[guest->host].name);
        }
        v->n_booted += guest->host < 0;
        if (guest->host >= 0 && guest->host != here) {
            v->n_moved++;
            v->cost += guest->move_cost * m->weights.move;
            if (m->host_moves) {
                v->cost += m->weights.host_move *
                           m->host_moves[(size_t)guest->host * m->n_hosts +
                                         (size_t)here];
            }
        }
    }
}

/* Active hosts and what they draw */
static void
check_power(Check *check)
{
    const PlanModel *m = check->m;
    g_autofree int64_t *load = g_new0(int64_t, m->n_hosts);
    g_autofree size_t *guests = g_new0(size_t, m->n_hosts);

    for (size_t g = 0; g < m->n_guests; g++) {
        if (check->host_of[g] >= 0) {
            guests[check->host_of[g]]++;
            load[check->host_of[g]] += m->n_resources ? demand(m, g, 0) : 0;
        }
    }
    for (size_t h = 0; h < m->n_hosts; h++) {
        const PlanHost *host = &m->hosts[h];
        int64_t capacity = m->n_resources ? m->capacity[h * m->n_resources] : 0;
        int64_t milliwatts = host->idle_mw;

        if (guests[h] == 0) {
            continue;
        }
        if (capacity > 0) {
            milliwatts += (host->busy_mw - host->idle_mw) * load[h] / capacity;
        }
        check->verdict->n_active++;
        check->verdict->cost += m->weights.hosts;
        if (m->n_resources) {
            check->verdict->cost += milliwatts * m->weights.energy;
        }
    }
}

static int64_t
digits_that_differ(const PlanModel *m, int32_t a, int32_t b)
{
    int64_t n = 0;

    for (size_t i = 0; i < m->n_digits; i++) {
        n += m->address[(size_t)a * m->n_digits + i] !=
             m->address[(size_t)b * m->n_digits + i];
    }
    return n;
}

static void
check_traffic(Check *check)
{
    const PlanModel *m = check->m;

    for (size_t f = 0; f < m->n_flows; f++) {
        int32_t a = check->host_of[m->flows[f].a];
        int32_t b = check->host_of[m->flows[f].b];
        int64_t distance = m->distance_milli[PLAN_N_LEVELS];

        if (a < 0 || b < 0) {
            continue;
        }
        if (m->address && a != b) {
            distance = digits_that_differ(m, a, b) * m->hop_milli;
        } else if (a == b) {
            distance = m->distance_milli[PLAN_LEVEL_HOST];
        } else if (m->place[PLAN_LEVEL_RACK][a] ==
                   m->place[PLAN_LEVEL_RACK][b]) {
            distance = m->distance_milli[PLAN_LEVEL_RACK];
        } else if (m->place[PLAN_LEVEL_POD][a] == m->place[PLAN_LEVEL_POD][b]) {
            distance = m->distance_milli[PLAN_LEVEL_POD];
        } else if (m->place[PLAN_LEVEL_SITE][a] ==
                   m->place[PLAN_LEVEL_SITE][b]) {
            distance = m->distance_milli[PLAN_LEVEL_SITE];
        }
        check->verdict->cost +=
            m->flows[f].amount * distance * m->weights.traffic;
    }
}

/* place -> number of members there, as a set of pointers that are indexes */
static GHashTable *
places_of(const Check *check, const PlanGroup *group, PlanLevel level,
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
check_rule(Check *check, const PlanRule *rule)
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
                broken(check, "group \"%s\": %d members share one %s",
                       group->name, GPOINTER_TO_INT(n), level);
            }
        }
        break;
    case PLAN_RULE_TOGETHER:
        if (g_hash_table_size(places) > 1) {
            broken(check, "group \"%s\" is in %u %ss, not in one", group->name,
                   g_hash_table_size(places), level);
        }
        break;
    case PLAN_RULE_SPREAD:
        if ((int64_t)(g_hash_table_size(places) + open) < rule->at_least) {
            broken(
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
                broken(check,
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
check_partition(Check *check, const PlanRule *rule)
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
                broken(check, "groups \"%s\" and \"%s\" share one %s",
                       other->name, group->name, plan_level_name(rule->level));
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
        int64_t hops = digits_that_differ(m, a, b);

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
check_latency(Check *check, const PlanRule *rule)
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
                broken(check,
                       "guests \"%s\" and \"%s\": latency %" PRId64
                       " us, jitter %" PRId64 " us",
                       m->guests[first->members[i]].name,
                       m->guests[second->members[j]].name, latency.mean_us,
                       latency.jitter_us);
            }
        }
    }
}

/* Takes the worst place off, and again, and compares with what the others have
 * free */
static void
check_survive(Check *check, const PlanRule *rule)
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
                room[check->host_of[g]] -= demand(m, g, r);
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
                    demand(m, (size_t)group->members[i], r);
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
            broken(check,
                   "group \"%s\": if %" PRId64 " %s%s fail, %s %" PRId64
                   " has to go where %" PRId64 " is free",
                   group->name, rule->failures, plan_level_name(rule->level),
                   rule->failures > 1 ? "s" : "", m->resources[r].name, lost,
                   left);
        }
    }
}

static void
check_totals(Check *check)
{
    const PlanModel *m = check->m;

    for (size_t i = 0; i < m->n_totals * m->n_resources; i++) {
        const PlanTotal *total = &m->totals[i / m->n_resources];
        size_t r = i % m->n_resources;
        int64_t use = 0;

        for (size_t g = 0; g < m->n_guests; g++) {
            int32_t host = check->host_of[g];

            if (host >= 0 && m->place[total->level][host] == total->place) {
                use += demand(m, g, r);
            }
        }
        if (use > total->most[r]) {
            broken(check, "%s \"%s\": %s %" PRId64 " of %" PRId64,
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
            broken(check,
                   "%ss \"%s\" and \"%s\": %" PRId64 " of %" PRId64
                   " that may be exchanged",
                   plan_level_name(trunk->level),
                   (char *)m->place_names[trunk->level]->pdata[trunk->a],
                   (char *)m->place_names[trunk->level]->pdata[trunk->b], sum,
                   trunk->most);
        }
    }
}

static void
check_group_moves(Check *check)
{
    const PlanModel *m = check->m;
    int64_t worst = 0;

    for (size_t k = 0; k < m->n_groups; k++) {
        int64_t n = 0;

        for (size_t i = 0; i < m->groups[k].n_members; i++) {
            int32_t guest = m->groups[k].members[i];

            n += m->guests[guest].host >= 0 && check->host_of[guest] >= 0 &&
                 m->guests[guest].host != check->host_of[guest];
        }
        worst = n > worst ? n : worst;
    }
    check->verdict->cost += worst * m->weights.group_move;
}

PlanVerdict *
plan_check(const PlanModel *model, const int32_t *host_of, size_t most)
{
    PlanVerdict *verdict = g_new0(PlanVerdict, 1);
    Check check = {
        .m = model,
        .host_of = host_of,
        .most = most,
        .verdict = verdict,
    };

    verdict->broken = g_ptr_array_new_with_free_func(g_free);
    check_guests(&check);
    check_sums(&check);
    if (model->side_limit) {
        check_sides(&check);
    }
    check_balances(&check);
    check_power(&check);
    check_traffic(&check);
    for (size_t k = 0; k < model->n_rules; k++) {
        if (model->rules[k].kind == PLAN_RULE_PARTITION) {
            check_partition(&check, &model->rules[k]);
        } else if (model->rules[k].kind == PLAN_RULE_LATENCY) {
            check_latency(&check, &model->rules[k]);
        } else if (model->rules[k].kind == PLAN_RULE_SURVIVE) {
            check_survive(&check, &model->rules[k]);
        } else {
            check_rule(&check, &model->rules[k]);
        }
    }
    check_totals(&check);
    check_group_moves(&check);
    return verdict;
}

void
plan_verdict_free(PlanVerdict *verdict)
{
    if (verdict) {
        g_ptr_array_unref(verdict->broken);
        g_free(verdict);
    }
}
