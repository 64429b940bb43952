/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * assign.c - which guest goes where, once it is known how many of which kind
 * each host is to have
 *
 * Groups that have to be together come first: into the rack, or other place,
 * whose hosts want guests of their kinds. Hosts of one size may exchange what
 * they want, so a place is given what the group needs if another host can do
 * without it. What these groups leave of the hosts is filled by another integer
 * program, and the members of other groups, then everybody else, are given out
 * as it says. Who finds no host that wants it, by its kind and by the rules, goes where
 * it adds least.
 */
#include <stdlib.h>
#include <string.h>

#include "plan/search-priv.h"
#include "plan/sides.h"
#include "plan/sized.h"

#define LEFT_CELLS 50000000 /* looked at for what the groups leave */

typedef struct Assign {
    PlanSearch *s;
    const PlanModel *m;
    const PlanColumns *columns;
    GArray **wanted; /* [host] of kinds, or NULL; borrowed */
    bool *fixed;     /* [host]: has guests, keeps what it wants */
    int32_t **who;   /* [kind] hosts that want it, -1 at the end */
    size_t *n_who;   /* [kind] */
    size_t *at;      /* [kind] where to look next */
} Assign;

static int32_t
host_of(const Assign *a, int32_t guest)
{
    return plan_state_hosts(a->s->state)[guest];
}

static guint
find_kind(const GArray *wanted, int32_t kind)
{
    for (guint i = 0; wanted && i < wanted->len; i++) {
        if (g_array_index(wanted, int32_t, i) == kind) {
            return i;
        }
    }
    return G_MAXUINT;
}

static bool
put(Assign *a, int32_t guest, int32_t host)
{
    guint at = find_kind(a->wanted[host], plan_columns_kind(a->columns, guest));

    if (at == G_MAXUINT || !plan_state_fits(a->s->state, guest, host) ||
        plan_search_delta(a->s, guest, host).violation > -PLAN_UNPLACED) {
        return false;
    }
    plan_state_move(a->s->state, guest, host);
    g_array_remove_index_fast(a->wanted[host], at);
    return true;
}

static bool
same_size(const PlanModel *m, size_t a, size_t b)
{
    size_t n = m->n_resources;

    return memcmp(m->limit + a * n, m->limit + b * n, n * sizeof(int64_t)) ==
               0 &&
           m->hosts[a].sides == m->hosts[b].sides &&
           (!m->hosts[a].sides ||
            memcmp(m->side_limit + a * 2 * n, m->side_limit + b * 2 * n,
                   2 * n * sizeof(int64_t)) == 0);
}

/* Let @host want a guest of @kind, by exchange with one that nobody is on yet */
static bool
exchange(Assign *a, size_t host, int32_t kind)
{
    if (a->fixed[host]) {
        return false;
    }
    for (size_t h = 0; h < a->m->n_hosts; h++) {
        if (!a->fixed[h] && find_kind(a->wanted[h], kind) != G_MAXUINT &&
            same_size(a->m, h, host)) {
            GArray *swap = a->wanted[h];

            a->wanted[h] = a->wanted[host];
            a->wanted[host] = swap;
            return true;
        }
    }
    return false;
}

/* Where it fits, wanted or not: others will find no room there */
static bool
put_unwanted(Assign *a, int32_t guest, int32_t host)
{
    if (!plan_state_fits(a->s->state, guest, host) ||
        plan_search_delta(a->s, guest, host).violation > -PLAN_UNPLACED) {
        return false;
    }
    plan_state_move(a->s->state, guest, host);
    return true;
}

static bool
put_in_place(Assign *a, int32_t guest, PlanLevel level, int32_t place,
             bool force)
{
    int32_t kind = plan_columns_kind(a->columns, guest);

    for (int trial = 0; trial < 2 + force; trial++) {
        for (size_t h = 0; h < a->m->n_hosts; h++) {
            if (a->m->place[level][h] != place ||
                (trial == 1 && !exchange(a, h, kind)) ||
                !(trial == 2 ? put_unwanted(a, guest, (int32_t)h)
                             : put(a, guest, (int32_t)h))) {
                continue;
            }
            a->fixed[h] = true;
            return true;
        }
    }
    return false;
}

/* All or none; what hosts want is put back with the guests */
static bool
put_group(Assign *a, const PlanRule *rule, int32_t place, bool force)
{
    const PlanGroup *group = &a->m->groups[rule->group];
    g_autoptr(GArray) done = g_array_new(FALSE, FALSE, sizeof(int32_t));

    for (size_t i = 0; i < group->n_members; i++) {
        int32_t guest = group->members[i];

        if (host_of(a, guest) != PLAN_NOWHERE) {
            continue;
        }
        if (!put_in_place(a, guest, rule->level, place, force)) {
            for (guint k = 0; k < done->len; k++) {
                int32_t back = g_array_index(done, int32_t, k);
                int32_t kind = plan_columns_kind(a->columns, back);

                if (a->wanted[host_of(a, back)]) {
                    g_array_append_val(a->wanted[host_of(a, back)], kind);
                }
                plan_state_move(a->s->state, back, PLAN_NOWHERE);
            }
            return false;
        }
        g_array_append_val(done, guest);
    }
    return true;
}

/* The largest groups first, while there is a choice; false if there are none */
static bool
put_together(Assign *a)
{
    const PlanModel *m = a->m;

    g_autoptr(GArray) rules = g_array_new(FALSE, FALSE, sizeof(PlanSized));

    for (size_t k = 0; k < m->n_rules; k++) {
        PlanSized sized = { 0, (int32_t)k };

        if (m->rules[k].kind == PLAN_RULE_TOGETHER) {
            const PlanGroup *group = &m->groups[m->rules[k].group];

            for (size_t i = 0; i < group->n_members; i++) {
                sized.size += plan_columns_worth(a->columns, group->members[i]);
            }
            g_array_append_val(rules, sized);
        }
    }
    g_array_sort(rules, plan_sized_compare);
    for (guint k = 0; k < rules->len && !a->s->stopped; k++) {
        const PlanRule *rule =
            &m->rules[g_array_index(rules, PlanSized, k).number];
        size_t n_places = plan_model_places(m, rule->level);
        size_t first;

        /* not always the same place first, or it would be full soon */
        first = plan_random_below(a->s, n_places);
        for (size_t i = 0; i < 2 * n_places; i++) {
            if (put_group(a, rule, (int32_t)((first + i) % n_places),
                          i >= n_places)) {
                break;
            }
        }
        plan_search_goes_on(a->s, 1);
    }
    return rules->len > 0;
}

/* The next host that wants it, going round */
static void
put_anywhere(Assign *a, int32_t guest)
{
    size_t kind = (size_t)plan_columns_kind(a->columns, guest);
    size_t n = a->n_who[kind];

    for (size_t i = 0; i < n; i++) {
        size_t at = (a->at[kind] + i) % n;

        if (put(a, guest, a->who[kind][at])) {
            a->at[kind] = at + 1;
            return;
        }
    }
}

static void
list_hosts(Assign *a)
{
    size_t n_kinds = plan_columns_kinds(a->columns);

    a->who = g_new0(int32_t *, n_kinds);
    a->n_who = g_new0(size_t, n_kinds);
    a->at = g_new0(size_t, n_kinds);
    for (int fill = 0; fill < 2; fill++) {
        memset(a->n_who, 0, n_kinds * sizeof(*a->n_who));
        for (size_t h = 0; h < a->m->n_hosts; h++) {
            for (guint i = 0; a->wanted[h] && i < a->wanted[h]->len; i++) {
                int32_t kind = g_array_index(a->wanted[h], int32_t, i);

                if (fill) {
                    a->who[kind][a->n_who[kind]] = (int32_t)h;
                }
                a->n_who[kind]++;
            }
        }
        for (size_t k = 0; k < n_kinds && !fill; k++) {
            a->who[k] = g_new(int32_t, a->n_who[k] + 1);
        }
    }
}

static void
assign_clear(Assign *a)
{
    for (size_t k = 0; k < plan_columns_kinds(a->columns); k++) {
        g_free(a->who[k]);
    }
    g_free(a->who);
    g_free(a->n_who);
    g_free(a->at);
}

/* Members of groups first, in the order of guests */
static void
put_rest(PlanSearch *s, const PlanColumns *columns, GPtrArray *wanted)
{
    const PlanModel *m = s->model;
    Assign a = {
        .s = s, .m = m, .columns = columns, .wanted = (GArray **)wanted->pdata
    };

    list_hosts(&a);
    for (int grouped = 1; grouped >= 0; grouped--) {
        for (size_t g = 0; g < m->n_guests; g++) {
            bool in_group =
                m->guest_group_start[g] < m->guest_group_start[g + 1];

            if (in_group == (bool)grouped &&
                host_of(&a, (int32_t)g) == PLAN_NOWHERE) {
                put_anywhere(&a, (int32_t)g);
            }
        }
        plan_search_goes_on(s, 1);
    }
    assign_clear(&a);
}

/* How to fill what the groups have left; NULL if the solver found nothing */
static GPtrArray *
choose_again(PlanSearch *s, PlanColumns **columns, double share)
{
    const PlanModel *m = s->model;
    size_t n = m->n_resources;
    g_autofree bool *guests = g_new0(bool, m->n_guests + 1);
    g_autofree bool *used = g_new0(bool, m->n_hosts + 1);
    g_autofree int64_t *room = g_new0(int64_t, m->n_hosts * n + 1);
    g_autofree int64_t *side_room = g_new0(int64_t, 2 * m->n_hosts * n + 1);
    const PlanLeft left = { guests, used, room, side_room };

    for (size_t g = 0; g < m->n_guests; g++) {
        guests[g] = plan_state_hosts(s->state)[g] == PLAN_NOWHERE;
    }
    for (size_t h = 0; h < m->n_hosts; h++) {
        size_t n_here;
        const int32_t *here = plan_state_guests(s->state, (int32_t)h, &n_here);
        const int64_t *use = plan_state_use(s->state, (int32_t)h);

        used[h] = n_here > 0;
        for (size_t r = 0; r < n; r++) {
            room[h * n + r] = m->limit[h * n + r] - use[r];
        }
        if (m->hosts[h].sides) {
            plan_sides_room(m, (int32_t)h, here, n_here, side_room + 2 * h * n);
        }
    }
    *columns = plan_columns_new_left(m, &left);
    plan_columns_keep(*columns);
    plan_columns_improve(*columns, LEFT_CELLS);
    return plan_columns_choose(*columns, s->limits->solver,
                               s->limits->solver_data, share);
}

void
plan_search_assign(PlanSearch *s, const PlanColumns *columns, GPtrArray *wanted,
                   double share)
{
    const PlanModel *m = s->model;
    g_autofree bool *fixed = g_new0(bool, m->n_hosts + 1);
    g_autoptr(PlanColumns) again = NULL;
    g_autoptr(GPtrArray) wanted_again = NULL;
    Assign a = { .s = s,
                 .m = m,
                 .columns = columns,
                 .wanted = (GArray **)wanted->pdata,
                 .fixed = fixed };

    for (size_t g = 0; g < m->n_guests; g++) {
        if (!m->guests[g].pinned || m->guests[g].host == PLAN_NOWHERE) {
            plan_state_move(s->state, (int32_t)g, PLAN_NOWHERE);
        }
    }
    if (put_together(&a) && !s->stopped) {
        wanted_again = choose_again(s, &again, share);
    }
    if (wanted_again) {
        put_rest(s, again, wanted_again);
    } else {
        put_rest(s, columns, wanted);
    }
    plan_search_place_rest(s);
}
