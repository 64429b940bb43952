/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * program-values.c - a placement as the values of a program's columns
 */
#include "plan/program.h"

#include <math.h>
#include <stdlib.h>

#include "plan/sides.h"

/* Members of @group in @place */
static int
members_in(const PlanModel *m, int32_t group, PlanLevel level, int32_t place,
           const int32_t *host_of)
{
    int n = 0;

    for (size_t i = 0; i < m->groups[group].n_members; i++) {
        int32_t host = host_of[m->groups[group].members[i]];

        n += host != PLAN_NOWHERE && m->place[level][host] == place;
    }
    return n;
}

/* need + free of a place, for a rule of surviving */
static double
sum_of(const PlanModel *m, const PlanRule *rule, size_t r, int32_t place,
       const int32_t *host_of, const double *use)
{
    const PlanGroup *group = &m->groups[rule->group];
    double sum = 0;

    for (size_t h = 0; h < m->n_hosts; h++) {
        if (m->place[rule->level][h] == place) {
            sum += (double)m->limit[h * m->n_resources + r] -
                   use[h * m->n_resources + r];
        }
    }
    for (size_t i = 0; i < group->n_members; i++) {
        size_t g = (size_t)group->members[i];

        if (m->place[rule->level][host_of[g]] == place) {
            sum += (double)m->demand[g * m->n_resources + r];
        }
    }
    return sum;
}

static int
falling(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x < y) - (x > y);
}

/* The least of the `failures` largest sums, 0 if there are fewer places */
static double
worst_sum(const PlanModel *m, const PlanRule *rule, size_t r,
          const int32_t *host_of, const double *use)
{
    size_t n = plan_model_places(m, rule->level);
    g_autofree double *sums = g_new(double, n);

    for (size_t p = 0; p < n; p++) {
        sums[p] = sum_of(m, rule, r, (int32_t)p, host_of, use);
    }
    qsort(sums, n, sizeof(*sums), falling);
    return (size_t)rule->failures <= n ? MAX(0, sums[rule->failures - 1]) : 0;
}

static bool
on_first_side(const PlanModel *m, int32_t guest, int32_t host,
              const int32_t *host_of)
{
    g_autofree int32_t *here = g_new(int32_t, m->n_guests + 1);
    g_autofree uint8_t *side = g_new(uint8_t, m->n_guests + 1);
    size_t n = 0;

    for (size_t g = 0; g < m->n_guests; g++) {
        if (host_of[g] == host) {
            here[n++] = (int32_t)g;
        }
    }
    plan_sides_excess(m, host, here, n, PLAN_NOWHERE, PLAN_NOWHERE, side);
    for (size_t i = 0; i < n; i++) {
        if (here[i] == guest) {
            return side[i] == 0;
        }
    }
    return false;
}

static double
value_of(const PlanModel *m, const PlanColumn *c, const int32_t *host_of,
         const double *use)
{
    size_t n = m->n_resources;
    size_t a = (size_t)c->a;
    size_t b = (size_t)c->b;
    int most = 0;

    switch (c->kind) {
    case PLAN_COLUMN_ON:
        return host_of[a] == c->b;
    case PLAN_COLUMN_USED:
        for (size_t g = 0; g < m->n_guests; g++) {
            if (host_of[g] == c->a) {
                return 1;
            }
        }
        return 0;
    case PLAN_COLUMN_OVER:
        return MAX(0, use[a * n + b] - (double)m->safe[a * n + b]);
    case PLAN_COLUMN_IDLE: {
        const PlanBalance *balance = &m->balances[b];
        size_t first = a * n + (size_t)balance->first;
        size_t second = a * n + (size_t)balance->second;

        return MAX(0, (double)balance->target *
                              ((double)m->capacity[first] - use[first]) -
                          ((double)m->capacity[second] - use[second]));
    }
    case PLAN_COLUMN_CROSSES:
        return m->place[b][host_of[m->flows[a].a]] !=
               m->place[b][host_of[m->flows[a].b]];
    case PLAN_COLUMN_MOST:
        for (size_t k = 0; k < m->n_groups; k++) {
            int moved = 0;

            for (size_t i = 0; i < m->groups[k].n_members; i++) {
                int32_t guest = m->groups[k].members[i];

                moved += m->guests[guest].host != PLAN_NOWHERE &&
                         m->guests[guest].host != host_of[guest];
            }
            most = MAX(most, moved);
        }
        return most;
    case PLAN_COLUMN_WORST:
        return worst_sum(m, &m->rules[a], b, host_of, use);
    case PLAN_COLUMN_ABOVE:
        return MAX(0, sum_of(m, &m->rules[a], b, c->c, host_of, use) -
                          worst_sum(m, &m->rules[a], b, host_of, use));
    case PLAN_COLUMN_CARRIED: {
        const PlanTrunk *trunk = &m->trunks[b];
        int32_t from = m->place[trunk->level][host_of[m->flows[a].a]];
        int32_t to = m->place[trunk->level][host_of[m->flows[a].b]];

        return (from == trunk->a && to == trunk->b) ||
               (from == trunk->b && to == trunk->a);
    }
    case PLAN_COLUMN_SIDE:
        return on_first_side(m, c->a, c->b, host_of);
    case PLAN_COLUMN_SPREAD:
        return members_in(m, m->rules[a].group, m->rules[a].level, c->b,
                          host_of) > 0;
    default:
        return members_in(m, m->rules[a].groups[c->c], m->rules[a].level, c->b,
                          host_of) > 0;
    }
}

double *
plan_program_values(const PlanProgram *p, const int32_t *host_of)
{
    const PlanModel *m = p->model;
    double *values = g_new(double, p->columns->len + 1);
    g_autofree double *use = g_new0(double, m->n_hosts * m->n_resources + 1);

    for (size_t g = 0; g < m->n_guests; g++) {
        g_assert(host_of[g] != PLAN_NOWHERE);
        for (size_t r = 0; r < m->n_resources; r++) {
            use[(size_t)host_of[g] * m->n_resources + r] +=
                (double)m->demand[g * m->n_resources + r];
        }
    }
    for (guint i = 0; i < p->columns->len; i++) {
        values[i] = value_of(m, &g_array_index(p->columns, PlanColumn, i),
                             host_of, use);
    }
    return values;
}

double
plan_program_cost(const PlanProgram *p, const double *values)
{
    double cost = p->constant;

    for (guint i = 0; i < p->columns->len; i++) {
        cost += g_array_index(p->columns, PlanColumn, i).cost * values[i];
    }
    return cost;
}

bool
plan_program_holds(const PlanProgram *p, const double *values)
{
    for (guint i = 0; i < p->rows->len; i++) {
        const PlanConstraint *row = &g_array_index(p->rows, PlanConstraint, i);
        double sum = 0;

        for (size_t e = row->start; e < row->end; e++) {
            const PlanEntry *entry = &g_array_index(p->entries, PlanEntry, e);

            sum += entry->factor * values[entry->column];
        }
        if (sum < row->least - 1e-6 || sum > row->most + 1e-6) {
            return false;
        }
    }
    for (guint i = 0; i < p->columns->len; i++) {
        if (values[i] < 0 ||
            values[i] > g_array_index(p->columns, PlanColumn, i).most) {
            return false;
        }
    }
    return true;
}
