/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check.c - see check.h
 *
 * Slow and plain on purpose: every rule is spelled out over sets of names of
 * places, nothing is kept from one rule to the next.
 */
#include "plan/check-priv.h"

#include <inttypes.h>

#include "plan/sides.h"

void
plan_check_broken(PlanCheck *check, const char *format, ...)
{
    va_list args;

    if (check->verdict->n_broken++ < check->most) {
        va_start(args, format);
        g_ptr_array_add(check->verdict->broken, g_strdup_vprintf(format, args));
        va_end(args);
    }
}

/* The guests that take from @host, once each, with what takes only while the
 * migration lasts told apart. */
static void
check_sums(PlanCheck *check)
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
                stay[here] += plan_check_demand(m, g, r);
            }
            if (home >= 0 && home != here) {
                leave[home] += plan_check_demand(m, g, r);
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
                plan_check_broken(check,
                                  "host \"%s\": %s %" PRId64 " of %" PRId64
                                  " that may be used",
                                  m->hosts[h].name, resource->name, total,
                                  most);
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
        return side_of == side ? 2 * plan_check_demand(m, g, r) : 0;
    case 2:
        return plan_check_demand(m, g, r);
    default:
        return 0;
    }
}

/* How guests are divided over two sides is asked for, and then added up here:
 * a division that somebody says fits is not believed. */
static void
check_sides(PlanCheck *check)
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
            plan_check_broken(
                check,
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
            plan_check_broken(check,
                              "host \"%s\": a side has more than its capacity",
                              m->hosts[h].name);
        }
    }
}

static void
check_balances(PlanCheck *check)
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
                    plan_check_demand(m, g, (size_t)balance->first);
                second[check->host_of[g]] -=
                    plan_check_demand(m, g, (size_t)balance->second);
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
check_guests(PlanCheck *check)
{
    const PlanModel *m = check->m;
    PlanVerdict *v = check->verdict;

    for (size_t g = 0; g < m->n_guests; g++) {
        const PlanGuest *guest = &m->guests[g];
        int32_t here = check->host_of[g];
        bool listed = !m->allowed[g];

        if (here < 0) {
            v->n_unplaced++;
            plan_check_broken(check, "guest \"%s\" is on no host", guest->name);
            continue;
        }
        for (size_t i = 0; i < m->n_allowed[g]; i++) {
            listed = listed || m->allowed[g][i] == here;
        }
        if (m->hosts[here].closed) {
            plan_check_broken(check,
                              "guest \"%s\" is on host \"%s\", which is closed",
                              guest->name, m->hosts[here].name);
        } else if (!listed) {
            plan_check_broken(
                check,
                "guest \"%s\" is on host \"%s\", which is not among those "
                "allowed",
                guest->name, m->hosts[here].name);
        } else if ((guest->requires | m->hosts[here].features) !=
                   m->hosts[here].features) {
            plan_check_broken(
                check,
                "guest \"%s\" is on host \"%s\", which lacks hardware that "
                "it requires",
                guest->name, m->hosts[here].name);
        } else if (guest->pinned && guest->host >= 0 && guest->host != here) {
            plan_check_broken(check, "guest \"%s\" is pinned to host \"%s\"",
                              guest->name, m->hosts[guest->host].name);
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
check_power(PlanCheck *check)
{
    const PlanModel *m = check->m;
    g_autofree int64_t *load = g_new0(int64_t, m->n_hosts);
    g_autofree size_t *guests = g_new0(size_t, m->n_hosts);

    for (size_t g = 0; g < m->n_guests; g++) {
        if (check->host_of[g] >= 0) {
            guests[check->host_of[g]]++;
            load[check->host_of[g]] +=
                m->n_resources ? plan_check_demand(m, g, 0) : 0;
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

int64_t
plan_check_digits(const PlanModel *m, int32_t a, int32_t b)
{
    int64_t n = 0;

    for (size_t i = 0; i < m->n_digits; i++) {
        n += m->address[(size_t)a * m->n_digits + i] !=
             m->address[(size_t)b * m->n_digits + i];
    }
    return n;
}

static void
check_traffic(PlanCheck *check)
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
            distance = plan_check_digits(m, a, b) * m->hop_milli;
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

static void
check_group_moves(PlanCheck *check)
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
    PlanCheck check = {
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
    plan_check_rules(&check);
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
