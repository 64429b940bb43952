/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * program.c - see program.h
 *
 * Only x(g, h) and y(h), the hosts in use, have to be whole numbers: what the
 * other columns are follows from x by rows that hold them up or down. Pairs of
 * guest and host that may not be have no column. X(g, p) below is the sum of
 * x(g, h) over the hosts of place p.
 *
 *   together   X(g, p) = X(first, p)
 *   apart      sum over members of X(g, p) <= 1
 *   spread     u(p) <= sum of X(g, p), sum of u(p) >= at_least
 *   depends    X(g, p) <= sum over the others of X(o, p)
 *   partition  q(k, p) >= X(g, p) for g of group k, sum over k of q(k, p) <= 1
 *   sides      t(g, h) <= x(g, h) is 1 on side 1; of side 1 a guest of numa 1
 *              takes t of its demand, one of numa 2 half of x; of side 2 x - t
 *   latency    x(g, h) + sum of x(o, hosts too slow from h) <= 1
 *   survive    e(p) >= need(p) + free(p) - t; failures t + sum of e(p) <= sum of
 *              free(p): t and e are the largest sums' dual
 *   trunks     z(f) >= X(a, p) + X(b, q) - 1, sum of amount z(f) <= most
 *   traffic    s(f, level) >= X(a, p) - X(b, p); each level that a flow crosses
 *              adds what the distance grows there
 */
#include "plan/program.h"

#include <math.h>
#include <stdlib.h>

#include "plan/sides.h"

#define MOST_ENTRIES 2000000

typedef struct Builder {
    PlanProgram *p;
    const PlanModel *m;
    PlanConstraint row; /* the one being written */
} Builder;

static int32_t
add_column(Builder *b, PlanColumn column)
{
    g_array_append_val(b->p->columns, column);
    return (int32_t)b->p->columns->len - 1;
}

static PlanColumn *
column(Builder *b, int32_t index)
{
    return &g_array_index(b->p->columns, PlanColumn, index);
}

static void
row_begin(Builder *b, double least, double most)
{
    b->row = (PlanConstraint){ .start = b->p->entries->len,
                               .least = least,
                               .most = most };
}

static void
row_add(Builder *b, int32_t at, double factor)
{
    PlanEntry entry = { at, factor };

    if (at >= 0 && factor != 0 && b->p->entries->len < MOST_ENTRIES) {
        g_array_append_val(b->p->entries, entry);
    }
}

static void
row_end(Builder *b)
{
    b->row.end = b->p->entries->len;
    g_array_append_val(b->p->rows, b->row);
}

static int32_t
on(const Builder *b, size_t guest, size_t host)
{
    return b->p->on[guest * b->m->n_hosts + host];
}

/* X(guest, place) */
static void
row_add_place(Builder *b, int32_t guest, PlanLevel level, int32_t place,
              double factor)
{
    for (size_t h = 0; h < b->m->n_hosts; h++) {
        if (b->m->place[level][h] == place) {
            row_add(b, on(b, (size_t)guest, h), factor);
        }
    }
}

static void
add_guests(Builder *b)
{
    const PlanModel *m = b->m;

    for (size_t g = 0; g < m->n_guests; g++) {
        int32_t home = m->guests[g].host;

        for (size_t h = 0; h < m->n_hosts; h++) {
            PlanColumn x = { .kind = PLAN_COLUMN_ON,
                             .a = (int32_t)g,
                             .b = (int32_t)h,
                             .most = 1,
                             .integer = true };

            b->p->on[g * m->n_hosts + h] = -1;
            if (!plan_model_allows(m, (int32_t)g, (int32_t)h)) {
                continue;
            }
            if (home != PLAN_NOWHERE && home != (int32_t)h) {
                x.cost =
                    (double)m->guests[g].move_cost * (double)m->weights.move;
                if (m->host_moves) {
                    x.cost +=
                        (double)m->host_moves[(size_t)home * m->n_hosts + h] *
                        (double)m->weights.host_move;
                }
            }
            b->p->on[g * m->n_hosts + h] = add_column(b, x);
        }
        row_begin(b, 1, 1);
        for (size_t h = 0; h < m->n_hosts; h++) {
            row_add(b, on(b, g, h), 1);
        }
        row_end(b);
    }
}

/* Of guests, what host @h is asked for of @r */
static void
row_add_use(Builder *b, size_t h, size_t r, double factor)
{
    for (size_t g = 0; g < b->m->n_guests; g++) {
        row_add(b, on(b, g, h),
                factor * (double)b->m->demand[g * b->m->n_resources + r]);
    }
}

static void
add_capacity(Builder *b, size_t h, int32_t used)
{
    const PlanModel *m = b->m;

    for (size_t r = 0; r < m->n_resources; r++) {
        bool transient = m->resources[r].transient;
        double room = (double)m->limit[h * m->n_resources + r];
        double all = 0;

        for (size_t g = 0; g < m->n_guests; g++) {
            bool home = m->guests[g].host == (int32_t)h;
            double demand = (double)m->demand[g * m->n_resources + r];

            all += demand;
            room -= transient && home ? demand : 0;
        }
        /* the use of a host that is not used is none */
        if (used >= 0 && room >= 0) {
            row_begin(b, -G_MAXDOUBLE, 0);
            row_add(b, used, -MIN(room, all));
        } else {
            row_begin(b, -G_MAXDOUBLE, room);
        }
        for (size_t g = 0; g < m->n_guests; g++) {
            if (!transient || m->guests[g].host != (int32_t)h) {
                row_add(b, on(b, g, h),
                        (double)m->demand[g * m->n_resources + r]);
            }
        }
        row_end(b);
    }
}

static void
add_used(Builder *b, size_t h)
{
    const PlanModel *m = b->m;
    const PlanHost *host = &m->hosts[h];
    double capacity =
        m->n_resources ? (double)m->capacity[h * m->n_resources] : 0;
    double energy = m->n_resources ? (double)m->weights.energy : 0;
    PlanColumn y = { .kind = PLAN_COLUMN_USED,
                     .a = (int32_t)h,
                     .most = 1,
                     .integer = true,
                     .cost = (double)m->weights.hosts +
                             energy * (double)host->idle_mw };
    int32_t used = -1;

    if (m->weights.hosts || energy > 0) {
        used = add_column(b, y);
        for (size_t g = 0; g < m->n_guests; g++) {
            if (on(b, g, h) < 0) {
                continue;
            }
            if (capacity > 0) {
                column(b, on(b, g, h))->cost +=
                    energy * (double)(host->busy_mw - host->idle_mw) *
                    (double)m->demand[g * m->n_resources] / capacity;
            }
            row_begin(b, -G_MAXDOUBLE, 0);
            row_add(b, on(b, g, h), 1);
            row_add(b, used, -1);
            row_end(b);
        }
    }
    add_capacity(b, h, used);
}

/* Twice what the guests take of a side, so that halves are whole numbers */
static void
add_sides(Builder *b, size_t h)
{
    const PlanModel *m = b->m;
    size_t n = m->n_resources;
    g_autofree int32_t *first = g_new(int32_t, m->n_guests + 1);

    if (!m->side_limit || !m->hosts[h].sides) {
        return;
    }
    for (size_t g = 0; g < m->n_guests; g++) {
        PlanColumn side = { .kind = PLAN_COLUMN_SIDE,
                            .a = (int32_t)g,
                            .b = (int32_t)h,
                            .most = 1,
                            .integer = true };

        first[g] = -1;
        if (m->guests[g].numa == 1 && on(b, g, h) >= 0) {
            first[g] = add_column(b, side);
            row_begin(b, -G_MAXDOUBLE, 0);
            row_add(b, first[g], 1);
            row_add(b, on(b, g, h), -1);
            row_end(b);
        }
    }
    for (size_t i = 0; i < 2 * n; i++) {
        int64_t limit = m->side_limit[h * 2 * n + i];

        if (limit < 0) {
            continue;
        }
        row_begin(b, -G_MAXDOUBLE, 2 * (double)limit);
        for (size_t g = 0; g < m->n_guests; g++) {
            double demand = (double)m->demand[g * n + i % n];

            if (m->guests[g].numa == 2) {
                row_add(b, on(b, g, h), demand);
            } else if (first[g] >= 0 && i < n) {
                row_add(b, first[g], 2 * demand);
            } else if (first[g] >= 0) {
                row_add(b, on(b, g, h), 2 * demand);
                row_add(b, first[g], -2 * demand);
            }
        }
        row_end(b);
    }
}

static void
add_load(Builder *b, size_t h)
{
    const PlanModel *m = b->m;
    size_t n = m->n_resources;

    for (size_t r = 0; r < n; r++) {
        PlanColumn over = { .kind = PLAN_COLUMN_OVER,
                            .a = (int32_t)h,
                            .b = (int32_t)r,
                            .cost = (double)m->resources[r].over_weight,
                            .most = G_MAXDOUBLE };

        if (m->resources[r].over_weight) {
            int32_t at = add_column(b, over);

            row_begin(b, -G_MAXDOUBLE, (double)m->safe[h * n + r]);
            row_add_use(b, h, r, 1);
            row_add(b, at, -1);
            row_end(b);
        }
    }
    for (size_t k = 0; k < m->n_balances; k++) {
        const PlanBalance *balance = &m->balances[k];
        size_t first = (size_t)balance->first;
        size_t second = (size_t)balance->second;
        double target = (double)balance->target;
        PlanColumn idle = { .kind = PLAN_COLUMN_IDLE,
                            .a = (int32_t)h,
                            .b = (int32_t)k,
                            .cost = (double)balance->weight,
                            .most = G_MAXDOUBLE };
        int32_t at = add_column(b, idle);

        row_begin(b, -G_MAXDOUBLE,
                  (double)m->capacity[h * n + second] -
                      target * (double)m->capacity[h * n + first]);
        for (size_t g = 0; g < m->n_guests; g++) {
            row_add(b, on(b, g, h),
                    (double)m->demand[g * n + second] -
                        target * (double)m->demand[g * n + first]);
        }
        row_add(b, at, -1);
        row_end(b);
    }
}

static void
add_traffic(Builder *b)
{
    const PlanModel *m = b->m;

    for (size_t f = 0; f < m->n_flows && m->weights.traffic; f++) {
        const PlanFlow *flow = &m->flows[f];
        double cost = (double)flow->amount * (double)m->weights.traffic;

        b->p->constant += cost * (double)m->distance_milli[PLAN_LEVEL_HOST];
        for (int level = 0; level < PLAN_N_LEVELS && flow->a != flow->b;
             level++) {
            PlanColumn crosses = {
                .kind = PLAN_COLUMN_CROSSES,
                .a = (int32_t)f,
                .b = level,
                .most = 1,
                .cost = cost * (double)(m->distance_milli[level + 1] -
                                        m->distance_milli[level]),
            };
            size_t n_places = plan_model_places(m, (PlanLevel)level);
            int32_t at;

            if (crosses.cost <= 0 || n_places < 2) {
                continue;
            }
            at = add_column(b, crosses);
            for (size_t p = 0; p < n_places; p++) {
                for (int side = -1; side <= 1; side += 2) {
                    row_begin(b, -G_MAXDOUBLE, 0);
                    row_add_place(b, flow->a, (PlanLevel)level, (int32_t)p,
                                  side);
                    row_add_place(b, flow->b, (PlanLevel)level, (int32_t)p,
                                  -side);
                    row_add(b, at, -1);
                    row_end(b);
                }
            }
        }
    }
}

static void
add_group_moves(Builder *b)
{
    const PlanModel *m = b->m;
    PlanColumn most = { .kind = PLAN_COLUMN_MOST,
                        .cost = (double)m->weights.group_move,
                        .most = G_MAXDOUBLE };
    int32_t at;

    if (!m->weights.group_move || m->n_groups == 0) {
        return;
    }
    at = add_column(b, most);
    for (size_t k = 0; k < m->n_groups; k++) {
        const PlanGroup *group = &m->groups[k];
        double n_homes = 0;

        for (size_t i = 0; i < group->n_members; i++) {
            n_homes += m->guests[group->members[i]].host != PLAN_NOWHERE;
        }
        row_begin(b, n_homes, G_MAXDOUBLE);
        for (size_t i = 0; i < group->n_members; i++) {
            size_t g = (size_t)group->members[i];

            if (m->guests[g].host != PLAN_NOWHERE) {
                row_add(b, on(b, g, (size_t)m->guests[g].host), 1);
            }
        }
        row_add(b, at, 1);
        row_end(b);
    }
}

static void
add_partition(Builder *b, size_t k, int32_t place)
{
    const PlanRule *rule = &b->m->rules[k];
    g_autofree int32_t *parts = g_new(int32_t, rule->n_groups);

    for (size_t i = 0; i < rule->n_groups; i++) {
        const PlanGroup *group = &b->m->groups[rule->groups[i]];
        PlanColumn part = { .kind = PLAN_COLUMN_PART,
                            .a = (int32_t)k,
                            .b = place,
                            .c = (int32_t)i,
                            .most = 1 };

        parts[i] = add_column(b, part);
        for (size_t j = 0; j < group->n_members; j++) {
            row_begin(b, -G_MAXDOUBLE, 0);
            row_add_place(b, group->members[j], rule->level, place, 1);
            row_add(b, parts[i], -1);
            row_end(b);
        }
    }
    row_begin(b, -G_MAXDOUBLE, 1);
    for (size_t i = 0; i < rule->n_groups; i++) {
        row_add(b, parts[i], 1);
    }
    row_end(b);
}

static void
add_rule_at(Builder *b, size_t k, int32_t place)
{
    const PlanRule *rule = &b->m->rules[k];
    const PlanGroup *group = &b->m->groups[rule->group];

    switch (rule->kind) {
    case PLAN_RULE_APART:
        row_begin(b, -G_MAXDOUBLE, 1);
        for (size_t i = 0; i < group->n_members; i++) {
            row_add_place(b, group->members[i], rule->level, place, 1);
        }
        row_end(b);
        break;
    case PLAN_RULE_TOGETHER:
        for (size_t i = 1; i < group->n_members; i++) {
            row_begin(b, 0, 0);
            row_add_place(b, group->members[i], rule->level, place, 1);
            row_add_place(b, group->members[0], rule->level, place, -1);
            row_end(b);
        }
        break;
    case PLAN_RULE_DEPENDS:
        for (size_t i = 0; i < group->n_members; i++) {
            const PlanGroup *others = &b->m->groups[rule->on];

            row_begin(b, -G_MAXDOUBLE, 0);
            row_add_place(b, group->members[i], rule->level, place, 1);
            for (size_t j = 0; j < others->n_members; j++) {
                /* a member of both needs nobody else */
                row_add_place(b, others->members[j], rule->level, place, -1);
            }
            row_end(b);
        }
        break;
    default:
        add_partition(b, k, place);
    }
}

static void
add_spread(Builder *b, size_t k)
{
    const PlanRule *rule = &b->m->rules[k];
    const PlanGroup *group = &b->m->groups[rule->group];
    size_t n_places = plan_model_places(b->m, rule->level);
    int32_t first = (int32_t)b->p->columns->len;

    for (size_t p = 0; p < n_places; p++) {
        PlanColumn spread = { .kind = PLAN_COLUMN_SPREAD,
                              .a = (int32_t)k,
                              .b = (int32_t)p,
                              .most = 1 };
        int32_t at = add_column(b, spread);

        row_begin(b, 0, G_MAXDOUBLE);
        for (size_t i = 0; i < group->n_members; i++) {
            row_add_place(b, group->members[i], rule->level, (int32_t)p, 1);
        }
        row_add(b, at, -1);
        row_end(b);
    }
    row_begin(b, (double)rule->at_least, G_MAXDOUBLE);
    for (size_t p = 0; p < n_places; p++) {
        row_add(b, first + (int32_t)p, 1);
    }
    row_end(b);
}

static void
add_latency_pair(Builder *b, const PlanRule *rule, size_t g, size_t other)
{
    const PlanModel *m = b->m;

    for (size_t h = 0; h < m->n_hosts; h++) {
        if (on(b, g, h) < 0) {
            continue;
        }
        row_begin(b, -G_MAXDOUBLE, 1);
        row_add(b, on(b, g, h), 1);
        for (size_t k = 0; k < m->n_hosts; k++) {
            if (plan_rule_too_slow(
                    m, rule, plan_model_class(m, (int32_t)h, (int32_t)k))) {
                row_add(b, on(b, other, k), 1);
            }
        }
        row_end(b);
    }
}

static void
add_latency(Builder *b, const PlanRule *rule)
{
    const PlanGroup *first = &b->m->groups[rule->group];
    const PlanGroup *second = &b->m->groups[rule->on];

    for (size_t i = 0; i < first->n_members; i++) {
        for (size_t j = rule->on == rule->group ? i + 1 : 0;
             j < second->n_members; j++) {
            if (first->members[i] != second->members[j]) {
                add_latency_pair(b, rule, (size_t)first->members[i],
                                 (size_t)second->members[j]);
            }
        }
    }
}

static void
add_survive(Builder *b, size_t k, size_t r)
{
    const PlanModel *m = b->m;
    const PlanRule *rule = &m->rules[k];
    const PlanGroup *group = &m->groups[rule->group];
    size_t n = m->n_resources;
    size_t n_places = plan_model_places(m, rule->level);
    PlanColumn worst = { .kind = PLAN_COLUMN_WORST,
                         .a = (int32_t)k,
                         .b = (int32_t)r,
                         .most = G_MAXDOUBLE };
    int32_t first = add_column(b, worst);
    double all = 0;

    for (size_t p = 0; p < n_places; p++) {
        PlanColumn above = { .kind = PLAN_COLUMN_ABOVE,
                             .a = (int32_t)k,
                             .b = (int32_t)r,
                             .c = (int32_t)p,
                             .most = G_MAXDOUBLE };
        double limit = 0;
        int32_t at = add_column(b, above);

        for (size_t h = 0; h < m->n_hosts; h++) {
            limit += m->place[rule->level][h] == (int32_t)p
                         ? (double)m->limit[h * n + r]
                         : 0;
        }
        all += limit;
        row_begin(b, limit, G_MAXDOUBLE);
        row_add(b, at, 1);
        row_add(b, first, 1);
        for (size_t g = 0; g < m->n_guests; g++) {
            row_add_place(b, (int32_t)g, rule->level, (int32_t)p,
                          (double)m->demand[g * n + r]);
        }
        for (size_t i = 0; i < group->n_members; i++) {
            row_add_place(
                b, group->members[i], rule->level, (int32_t)p,
                -(double)m->demand[(size_t)group->members[i] * n + r]);
        }
        row_end(b);
    }
    row_begin(b, -G_MAXDOUBLE, all);
    row_add(b, first, (double)rule->failures);
    for (size_t p = 0; p < n_places; p++) {
        row_add(b, first + 1 + (int32_t)p, 1);
    }
    for (size_t g = 0; g < m->n_guests; g++) {
        for (size_t h = 0; h < m->n_hosts; h++) {
            row_add(b, on(b, g, h), (double)m->demand[g * n + r]);
        }
    }
    row_end(b);
}

static void
add_totals(Builder *b)
{
    const PlanModel *m = b->m;

    for (size_t i = 0; i < m->n_totals * m->n_resources; i++) {
        const PlanTotal *total = &m->totals[i / m->n_resources];
        size_t r = i % m->n_resources;

        if (total->most[r] == INT64_MAX) {
            continue;
        }
        row_begin(b, -G_MAXDOUBLE, (double)total->most[r]);
        for (size_t g = 0; g < m->n_guests; g++) {
            row_add_place(b, (int32_t)g, total->level, total->place,
                          (double)m->demand[g * m->n_resources + r]);
        }
        row_end(b);
    }
}

static void
add_trunk(Builder *b, size_t i)
{
    const PlanModel *m = b->m;
    const PlanTrunk *trunk = &m->trunks[i];
    int32_t first = (int32_t)b->p->columns->len;

    for (size_t f = 0; f < m->n_flows; f++) {
        const PlanFlow *flow = &m->flows[f];
        PlanColumn carried = { .kind = PLAN_COLUMN_CARRIED,
                               .a = (int32_t)f,
                               .b = (int32_t)i,
                               .most = 1 };
        int32_t at = add_column(b, carried);

        for (int way = 0; way < 2; way++) {
            row_begin(b, -1, G_MAXDOUBLE);
            row_add(b, at, 1);
            row_add_place(b, flow->a, trunk->level, way ? trunk->a : trunk->b,
                          -1);
            row_add_place(b, flow->b, trunk->level, way ? trunk->b : trunk->a,
                          -1);
            row_end(b);
        }
    }
    row_begin(b, -G_MAXDOUBLE, (double)trunk->most);
    for (size_t f = 0; f < m->n_flows; f++) {
        row_add(b, first + (int32_t)f, (double)m->flows[f].amount);
    }
    row_end(b);
}

/* Hosts of one rack are of one pod, and so on; distances do not fall */
static bool
nested(const PlanModel *m)
{
    if (m->address) {
        return false;
    }
    for (int level = PLAN_LEVEL_HOST; level < PLAN_N_LEVELS; level++) {
        if (m->distance_milli[level + 1] < m->distance_milli[level]) {
            return false;
        }
        for (size_t a = 0; a < m->n_hosts && level + 1 < PLAN_N_LEVELS; a++) {
            for (size_t b = 0; b < a; b++) {
                if (m->place[level][a] == m->place[level][b] &&
                    m->place[level + 1][a] != m->place[level + 1][b]) {
                    return false;
                }
            }
        }
    }
    return true;
}

PlanProgram *
plan_program_new(const PlanModel *m, GError **error)
{
    g_autoptr(PlanProgram) p = g_new0(PlanProgram, 1);
    Builder b = { .p = p, .m = m };

    p->model = m;
    p->columns = g_array_new(FALSE, FALSE, sizeof(PlanColumn));
    p->rows = g_array_new(FALSE, FALSE, sizeof(PlanConstraint));
    p->entries = g_array_new(FALSE, FALSE, sizeof(PlanEntry));
    if (m->weights.traffic && m->n_flows && !nested(m)) {
        g_set_error(error, PLAN_ERROR, PLAN_ERROR_MEMBER,
                    "exact solutions need racks within pods within sites, "
                    "distances that do not fall with the level, and no "
                    "addresses");
        return NULL;
    }
    if ((double)m->n_guests * (double)m->n_hosts > MOST_ENTRIES) {
        p->on = NULL;
    } else {
        p->on = g_new(int32_t, m->n_guests * m->n_hosts + 1);
        add_guests(&b);
        for (size_t h = 0; h < m->n_hosts; h++) {
            add_used(&b, h);
            add_load(&b, h);
            add_sides(&b, h);
        }
        add_traffic(&b);
        add_group_moves(&b);
        for (size_t k = 0; k < m->n_rules; k++) {
            size_t n_places = plan_model_places(m, m->rules[k].level);

            switch (m->rules[k].kind) {
            case PLAN_RULE_SPREAD:
                add_spread(&b, k);
                break;
            case PLAN_RULE_LATENCY:
                add_latency(&b, &m->rules[k]);
                break;
            case PLAN_RULE_SURVIVE:
                for (size_t r = 0; r < m->n_resources; r++) {
                    add_survive(&b, k, r);
                }
                break;
            default:
                for (size_t place = 0; place < n_places; place++) {
                    add_rule_at(&b, k, (int32_t)place);
                }
            }
        }
        add_totals(&b);
        for (size_t i = 0; i < m->n_trunks; i++) {
            add_trunk(&b, i);
        }
        p->rounding =
            m->n_resources ? (int64_t)m->n_hosts * m->weights.energy : 0;
    }
    if (!p->on || p->entries->len >= MOST_ENTRIES) {
        g_set_error(error, PLAN_ERROR, PLAN_ERROR_RANGE,
                    "an exact solution of %zu guests on %zu hosts would take "
                    "too large a program",
                    m->n_guests, m->n_hosts);
        return NULL;
    }
    return g_steal_pointer(&p);
}

void
plan_program_free(PlanProgram *p)
{
    if (p) {
        g_array_unref(p->columns);
        g_array_unref(p->rows);
        g_array_unref(p->entries);
        g_free(p->on);
        g_free(p);
    }
}
