/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * group-map-tune.c - the literature's way with traffic: group, map, tune
 *
 *   group   Guests that exchange most are put together, the heaviest flow
 *           first, as long as the group fits the largest host.
 *   map     The largest group first, each to the host where it costs least as a
 *           whole, near those it exchanges with that are there already. Of a
 *           group that fits nowhere, or breaks a rule wherever it fits, the
 *           guests go one by one.
 *   tune    Hill climbing.
 *
 * Needs no METIS, and sees pairs only where kway sees all cuts of a graph.
 */
#include <stdlib.h>
#include <string.h>

#include "plan/search-priv.h"

typedef struct Group {
    GArray *members; /* int32_t */
    double size;
} Group;

typedef struct Edge {
    int64_t amount;
    int32_t a, b;
} Edge;

typedef struct Grouping {
    PlanSearch *s;
    const PlanModel *m;
    int32_t *parent; /* [guest] union-find */
    int64_t *demand; /* [guest x n_resources], of the group at its root */
    int64_t largest[PLAN_MAX_RESOURCES];
} Grouping;

static bool
takes_part(const Grouping *g, int32_t guest)
{
    return plan_state_hosts(g->s->state)[guest] == PLAN_NOWHERE;
}

static int32_t
root(Grouping *g, int32_t guest)
{
    while (g->parent[guest] != guest) {
        g->parent[guest] = g->parent[g->parent[guest]];
        guest = g->parent[guest];
    }
    return guest;
}

static void
join(Grouping *g, int32_t a, int32_t b)
{
    size_t n = g->m->n_resources;
    int64_t *x, *y;

    a = root(g, a);
    b = root(g, b);
    x = g->demand + (size_t)a * n;
    y = g->demand + (size_t)b * n;
    for (size_t r = 0; r < n; r++) {
        if (a == b || x[r] + y[r] > g->largest[r]) {
            return;
        }
    }
    for (size_t r = 0; r < n; r++) {
        x[r] += y[r];
    }
    g->parent[b] = a;
}

static int
heaviest_first(const void *a, const void *b)
{
    const Edge *x = a;
    const Edge *y = b;

    if (x->amount != y->amount) {
        return (x->amount < y->amount) - (x->amount > y->amount);
    }
    return x->a != y->a ? (x->a > y->a) - (x->a < y->a)
                        : (x->b > y->b) - (x->b < y->b);
}

static int
largest_first(const void *a, const void *b)
{
    const Group *x = *(Group *const *)a;
    const Group *y = *(Group *const *)b;

    return x->size != y->size ? (x->size < y->size) - (x->size > y->size)
                              : (g_array_index(x->members, int32_t, 0) >
                                 g_array_index(y->members, int32_t, 0)) -
                                    (g_array_index(x->members, int32_t, 0) <
                                     g_array_index(y->members, int32_t, 0));
}

static void
group_free(void *data)
{
    Group *group = data;

    g_array_unref(group->members);
    g_free(group);
}

/* Groups, largest first */
static GPtrArray *
make_groups(Grouping *g)
{
    const PlanModel *m = g->m;
    g_autofree Edge *edges = g_new(Edge, m->n_flows + 1);
    g_autofree Group **of = g_new0(Group *, m->n_guests + 1);
    GPtrArray *groups = g_ptr_array_new_with_free_func(group_free);

    for (size_t f = 0; f < m->n_flows; f++) {
        edges[f] = (Edge){ m->flows[f].amount, m->flows[f].a, m->flows[f].b };
    }
    qsort(edges, m->n_flows, sizeof(*edges), heaviest_first);
    for (size_t f = 0; f < m->n_flows; f++) {
        if (takes_part(g, edges[f].a) && takes_part(g, edges[f].b)) {
            join(g, edges[f].a, edges[f].b);
        }
    }
    for (int32_t guest = 0; guest < (int32_t)m->n_guests; guest++) {
        Group **group = &of[root(g, guest)];

        if (!takes_part(g, guest)) {
            continue;
        }
        if (!*group) {
            *group = g_new0(Group, 1);
            (*group)->members = g_array_new(FALSE, FALSE, sizeof(int32_t));
            g_ptr_array_add(groups, *group);
        }
        g_array_append_val((*group)->members, guest);
        for (size_t r = 0; r < m->n_resources; r++) {
            (*group)->size +=
                (double)m->demand[(size_t)guest * m->n_resources + r] /
                (double)MAX(1, g->largest[r]);
        }
    }
    if (groups->len > 0) {
        qsort(groups->pdata, groups->len, sizeof(*groups->pdata),
              largest_first);
    }
    return groups;
}

/* Put the members on @host as far as they fit there and break no rule */
static size_t
put(Grouping *g, const Group *group, int32_t host, PlanScore *sum)
{
    size_t n = 0;

    *sum = (PlanScore){ 0, 0 };
    for (; n < group->members->len; n++) {
        int32_t guest = g_array_index(group->members, int32_t, n);
        PlanScore delta;

        if (!plan_state_fits(g->s->state, guest, host)) {
            break;
        }
        delta = plan_search_delta(g->s, guest, host);
        if (delta.violation > -PLAN_UNPLACED) {
            break;
        }
        sum->violation += delta.violation;
        sum->cost += delta.cost;
        plan_state_move(g->s->state, guest, host);
    }
    return n;
}

static void
take_off(Grouping *g, const Group *group, size_t n)
{
    while (n-- > 0) {
        plan_state_move(g->s->state, g_array_index(group->members, int32_t, n),
                        PLAN_NOWHERE);
    }
}

static void
map_group(Grouping *g, const Group *group)
{
    PlanScore least = { INT64_MAX, INT64_MAX };
    int32_t chosen = PLAN_NOWHERE;
    PlanScore sum;

    for (int32_t host = 0; host < (int32_t)g->m->n_hosts; host++) {
        size_t n = put(g, group, host, &sum);

        if (n == group->members->len && plan_score_less(sum, least)) {
            least = sum;
            chosen = host;
        }
        take_off(g, group, n);
    }
    if (chosen != PLAN_NOWHERE) {
        put(g, group, chosen, &sum);
        return;
    }
    for (guint i = 0; i < group->members->len; i++) {
        plan_search_insert(g->s, g_array_index(group->members, int32_t, i),
                           false);
    }
}

void
plan_search_group_map_tune(PlanSearch *s)
{
    const PlanModel *m = s->model;
    g_autofree int32_t *parent = g_new(int32_t, m->n_guests + 1);
    g_autofree int64_t *demand = g_memdup2(
        m->demand, (m->n_guests * m->n_resources + 1) * sizeof(int64_t));
    g_autoptr(GPtrArray) groups = NULL;
    Grouping g = { .s = s, .m = m, .parent = parent, .demand = demand };

    for (size_t i = 0; i < m->n_guests; i++) {
        parent[i] = (int32_t)i;
        if (!m->guests[i].pinned || m->guests[i].host == PLAN_NOWHERE) {
            plan_state_move(s->state, (int32_t)i, PLAN_NOWHERE);
        }
    }
    for (size_t i = 0; i < m->n_hosts * m->n_resources; i++) {
        int64_t *largest = &g.largest[i % m->n_resources];

        *largest = MAX(*largest, m->limit[i]);
    }
    groups = make_groups(&g);
    for (guint i = 0; i < groups->len && plan_search_goes_on(s, 1); i++) {
        map_group(&g, groups->pdata[i]);
    }
    plan_search_place_rest(s);
    plan_search_hill(s, G_MAXDOUBLE);
}
