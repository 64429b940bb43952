/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pack.c - few hosts: fill them one by one, as full as can be
 *
 * Guests looked at one by one leave gaps that nobody fits. Here a host is
 * looked at with all guests that are still nowhere: those that fill it best are
 * found by a short exhaustive search over kinds of guests (the same demand),
 * the larger first. What a unit of a resource is worth follows from how scarce
 * it is: what is still to be placed over what the next hosts have. Where all is
 * decided anew, guests are worth what the bound by columns (columns.h) says, and
 * that is asked again for what is left every few hosts. Hosts worth most come
 * first, so that few are needed.
 *
 * Groups that have to be together go first, each into the place with most room
 * among the hosts that will be needed: later there would be none.
 */
#include <stdlib.h>
#include <string.h>

#include "plan/columns.h"
#include "plan/search-priv.h"
#include "plan/sides.h"

#define MOST_NODES 4000 /* looked at for one host */
#define MOST_DEPTH 256
#define GOOD 0.999      /* of a host's worth: nothing fuller is looked for */
#define LARGE_FIRST 0.1 /* how much more a unit counts in the largest guest */
/* Hosts between two looks at the columns, cells filled in for the first and for
 * each further one */
#define LOOK_EVERY 24
#define FIRST_CELLS 200000000
#define MORE_CELLS 10000000
#define PROGRAM_CELLS 30000000 /* where linear programs do the rest */
#define SOLVER_SHARE 0.3       /* of what is left of the limit */

typedef struct Kind {
    const int64_t *demand;
    int32_t numa;
    GArray *guests; /* int32_t, those that are nowhere */
    double worth;   /* at present prices */
} Kind;

typedef struct Ranked {
    double worth;
    int32_t index;
} Ranked;

typedef struct Pack {
    PlanSearch *s;
    const PlanModel *m;
    GPtrArray *kinds; /* Kind, largest first at the start */
    int32_t *hosts;   /* most worth first */
    size_t n_hosts;
    double large_first;
    double price[PLAN_MAX_RESOURCES];
    int64_t left[PLAN_MAX_RESOURCES]; /* demand of guests still nowhere */
    double need;                      /* hosts, about */
    PlanColumns *columns;             /* or NULL: prices decide */
    /* the exhaustive search of one host */
    int64_t room[PLAN_MAX_RESOURCES];
    bool sides;
    int64_t side_room[2][PLAN_MAX_RESOURCES]; /* doubled */
    guint chosen[MOST_DEPTH];
    guint best[MOST_DEPTH];
    size_t n_best;
    double best_worth;
    double full; /* worth of all the room */
    size_t n_nodes;
} Pack;

static void
kind_free(void *data)
{
    Kind *kind = data;

    g_array_unref(kind->guests);
    g_free(kind);
}

static int
compare_ranked(const void *a, const void *b)
{
    const Ranked *x = a;
    const Ranked *y = b;

    return x->worth != y->worth ? (x->worth < y->worth) - (x->worth > y->worth)
                                : (x->index > y->index) - (x->index < y->index);
}

static bool
movable(const PlanModel *m, size_t g)
{
    return !m->guests[g].pinned || m->guests[g].host == PLAN_NOWHERE;
}

/* Guests that are nowhere, of @guests, which are in the order of sizes: those of
 * one demand mostly stand side by side */
static void
make_kinds(Pack *p, const int32_t *guests, size_t n)
{
    const PlanModel *m = p->m;
    size_t bytes = m->n_resources * sizeof(int64_t);
    Kind *last = NULL;

    g_ptr_array_set_size(p->kinds, 0);
    memset(p->left, 0, sizeof(p->left));
    for (size_t i = 0; i < n; i++) {
        const int64_t *demand = m->demand + (size_t)guests[i] * m->n_resources;

        if (plan_state_hosts(p->s->state)[guests[i]] != PLAN_NOWHERE) {
            continue;
        }
        if (!last || memcmp(last->demand, demand, bytes) != 0 ||
            last->numa != m->guests[guests[i]].numa) {
            last = g_new0(Kind, 1);
            last->demand = demand;
            last->numa = m->guests[guests[i]].numa;
            last->guests = g_array_new(FALSE, FALSE, sizeof(int32_t));
            g_ptr_array_add(p->kinds, last);
        }
        g_array_append_val(last->guests, guests[i]);
        for (size_t r = 0; r < m->n_resources; r++) {
            p->left[r] += demand[r];
        }
    }
}

/* Prices by scarcity among the hosts from @first on, as many as it will take */
static void
set_prices(Pack *p, size_t first)
{
    const PlanModel *m = p->m;
    double room[PLAN_MAX_RESOURCES] = { 0 };
    size_t end = (size_t)MIN((double)p->n_hosts,
                             (double)first + MAX(8, p->need - (double)first));
    double largest = 0;

    for (size_t i = first; i < end; i++) {
        for (size_t r = 0; r < m->n_resources; r++) {
            room[r] +=
                (double)m->limit[(size_t)p->hosts[i] * m->n_resources + r];
        }
    }
    for (size_t r = 0; r < m->n_resources; r++) {
        double scarce = room[r] > 0 ? MIN(1, (double)p->left[r] / room[r]) : 0;

        p->price[r] = room[r] > 0 ? scarce / room[r] : 0;
    }
    for (guint k = 0; k < p->kinds->len; k++) {
        Kind *kind = p->kinds->pdata[k];

        kind->worth = 0;
        if (p->columns && kind->guests->len > 0) {
            kind->worth = plan_columns_worth(
                p->columns, g_array_index(kind->guests, int32_t, 0));
        }
        for (size_t r = 0; r < m->n_resources && !p->columns; r++) {
            kind->worth += p->price[r] * (double)kind->demand[r];
        }
        largest = MAX(largest, kind->worth);
    }
    for (guint k = 0; k < p->kinds->len && largest > 0; k++) {
        Kind *kind = p->kinds->pdata[k];

        kind->worth *= 1 + p->large_first * kind->worth / largest;
    }
}

static double
worth_of_room(const Pack *p)
{
    double worth = 0;

    if (p->columns) {
        return plan_columns_room(p->columns, p->room);
    }
    for (size_t r = 0; r < p->m->n_resources; r++) {
        worth += p->price[r] * (double)p->room[r];
    }
    return worth;
}

/* What a guest takes of @side, twice: all of it on @on, or half on each */
static int64_t
side_share(const Kind *kind, size_t r, int side, int on)
{
    return kind->numa == 2                 ? kind->demand[r]
           : kind->numa == 1 && side == on ? 2 * kind->demand[r]
                                           : 0;
}

static bool
kind_fits(const Pack *p, const Kind *kind, int on)
{
    for (size_t r = 0; r < p->m->n_resources; r++) {
        if (kind->demand[r] > p->room[r]) {
            return false;
        }
        for (int side = 0; p->sides && side < 2; side++) {
            int64_t share = side_share(kind, r, side, on);

            if (share > 0 && share > p->side_room[side][r]) {
                return false;
            }
        }
    }
    return true;
}

static void
kind_take(Pack *p, const Kind *kind, int on, int64_t sign)
{
    for (size_t r = 0; r < p->m->n_resources; r++) {
        p->room[r] -= sign * kind->demand[r];
        for (int side = 0; p->sides && side < 2; side++) {
            p->side_room[side][r] -= sign * side_share(kind, r, side, on);
        }
    }
}

/* Kinds from @from on, @used of that one taken already, the last on side @on */
static void
fill_search(Pack *p, guint from, guint used, int on, size_t depth, double worth)
{
    if (worth > p->best_worth) {
        p->best_worth = worth;
        p->n_best = depth;
        memcpy(p->best, p->chosen, depth * sizeof(*p->best));
    }
    if (depth == MOST_DEPTH ||
        worth + worth_of_room(p) * (1 + p->large_first) <= p->best_worth) {
        return;
    }
    for (guint k = from; k < p->kinds->len; k++) {
        const Kind *kind = p->kinds->pdata[k];
        guint taken = k == from ? used : 0;

        if (p->best_worth >= GOOD * p->full || ++p->n_nodes > MOST_NODES) {
            return;
        }
        if (taken >= kind->guests->len) {
            continue;
        }
        /* of one kind those on the first side come first */
        for (int side = k == from ? on : 0;
             side <= (p->sides && kind->numa == 1); side++) {
            if (kind_fits(p, kind, side)) {
                kind_take(p, kind, side, 1);
                p->chosen[depth] = k;
                fill_search(p, k, taken + 1, side, depth + 1,
                            worth + kind->worth);
                kind_take(p, kind, side, -1);
            }
        }
    }
}

static bool
put(Pack *p, int32_t guest, int32_t host)
{
    if (!plan_state_fits(p->s->state, guest, host) ||
        plan_search_delta(p->s, guest, host).violation > -PLAN_UNPLACED) {
        return false;
    }
    plan_state_move(p->s->state, guest, host);
    for (size_t r = 0; r < p->m->n_resources; r++) {
        p->left[r] -= p->m->demand[(size_t)guest * p->m->n_resources + r];
    }
    return true;
}

/* Some guest of the kind that breaks no rule on @host */
static bool
put_kind(Pack *p, Kind *kind, int32_t host)
{
    for (guint i = kind->guests->len; i-- > 0;) {
        if (put(p, g_array_index(kind->guests, int32_t, i), host)) {
            g_array_remove_index(kind->guests, i);
            return true;
        }
    }
    return false;
}

/* What the sides of @host have left, as its guests are divided best */
static void
set_side_room(Pack *p, int32_t host)
{
    const PlanModel *m = p->m;
    int64_t room[2 * PLAN_MAX_RESOURCES];
    size_t n_here;
    const int32_t *here = plan_state_guests(p->s->state, host, &n_here);

    p->sides = m->side_limit && m->hosts[host].sides;
    if (p->sides) {
        plan_sides_room(m, host, here, n_here, room);
        memcpy(p->side_room[0], room, m->n_resources * sizeof(*room));
        memcpy(p->side_room[1], room + m->n_resources,
               m->n_resources * sizeof(*room));
    }
}

static void
fill_host(Pack *p, int32_t host)
{
    const PlanModel *m = p->m;
    bool some = true;

    while (some && !p->s->stopped) {
        const int64_t *use = plan_state_use(p->s->state, host);

        for (size_t r = 0; r < m->n_resources; r++) {
            p->room[r] =
                MAX(0, m->limit[(size_t)host * m->n_resources + r] - use[r]);
        }
        p->best_worth = 0;
        p->n_best = p->n_nodes = 0;
        set_side_room(p, host);
        p->full = worth_of_room(p);
        if (p->columns && p->sides) {
            p->full = MIN(p->full, plan_columns_host(p->columns, host));
        }
        fill_search(p, 0, 0, 0, 0, 0);
        plan_search_goes_on(p->s, 1 + p->n_nodes / 16);
        some = false;
        for (size_t i = 0; i < p->n_best; i++) {
            some = put_kind(p, p->kinds->pdata[p->best[i]], host) || some;
        }
    }
    /* what rules kept away from the best filling, somebody smaller may fill */
    for (guint k = 0; k < p->kinds->len; k++) {
        while (put_kind(p, p->kinds->pdata[k], host)) {
        }
    }
}

/* All members into place @place, or none */
static bool
put_group(Pack *p, const PlanRule *rule, const int32_t *members, size_t n,
          int32_t place, size_t n_needed)
{
    size_t done = 0;

    while (done < n) {
        bool found = false;

        for (size_t i = 0; i < n_needed && !found; i++) {
            int32_t host = p->hosts[i];

            found = p->m->place[rule->level][host] == place &&
                    put(p, members[done], host);
        }
        if (!found) {
            break;
        }
        done++;
    }
    if (done == n) {
        return true;
    }
    while (done-- > 0) {
        plan_state_move(p->s->state, members[done], PLAN_NOWHERE);
        for (size_t r = 0; r < p->m->n_resources; r++) {
            p->left[r] +=
                p->m->demand[(size_t)members[done] * p->m->n_resources + r];
        }
    }
    return false;
}

/* The places of @level, that with most free room of hosts needed first */
static Ranked *
rank_places(const Pack *p, PlanLevel level, size_t n_needed)
{
    const PlanModel *m = p->m;
    size_t n = plan_model_places(m, level);
    Ranked *places = g_new0(Ranked, n);

    for (size_t i = 0; i < n; i++) {
        places[i].index = (int32_t)i;
    }
    for (size_t i = 0; i < n_needed; i++) {
        size_t host = (size_t)p->hosts[i];
        const int64_t *use = plan_state_use(p->s->state, p->hosts[i]);

        for (size_t r = 0; r < m->n_resources; r++) {
            places[m->place[level][host]].worth +=
                p->price[r] *
                (double)(m->limit[host * m->n_resources + r] - use[r]);
        }
    }
    qsort(places, n, sizeof(*places), compare_ranked);
    return places;
}

static void
put_groups(Pack *p, const int32_t *order)
{
    const PlanModel *m = p->m;
    g_autofree int32_t *rank = g_new(int32_t, m->n_guests + 1);

    for (size_t i = 0; i < m->n_guests; i++) {
        rank[order[i]] = (int32_t)i;
    }
    for (size_t k = 0; k < m->n_rules && !p->s->stopped; k++) {
        const PlanRule *rule = &m->rules[k];
        const PlanGroup *group;
        size_t needed[] = { (size_t)MIN(p->need, (double)m->n_hosts),
                            m->n_hosts };
        g_autofree Ranked *sorted = NULL;
        g_autofree int32_t *members = NULL;
        size_t n = 0;
        bool done = false;

        if (rule->kind != PLAN_RULE_TOGETHER) {
            continue;
        }
        group = &m->groups[rule->group];
        sorted = g_new(Ranked, group->n_members + 1);
        members = g_new(int32_t, group->n_members + 1);
        for (size_t i = 0; i < group->n_members; i++) {
            if (plan_state_hosts(p->s->state)[group->members[i]] ==
                PLAN_NOWHERE) {
                sorted[n++] = (Ranked){ -(double)rank[group->members[i]],
                                        group->members[i] };
            }
        }
        qsort(sorted, n, sizeof(*sorted), compare_ranked);
        for (size_t i = 0; i < n; i++) {
            members[i] = sorted[i].index;
        }
        for (size_t t = 0; t < G_N_ELEMENTS(needed) && n > 0 && !done; t++) {
            size_t n_places = plan_model_places(m, rule->level);
            g_autofree Ranked *places = rank_places(p, rule->level, needed[t]);

            for (size_t i = 0; i < n_places && !done; i++) {
                done =
                    put_group(p, rule, members, n, places[i].index, needed[t]);
            }
        }
        plan_search_goes_on(p->s, 1);
    }
}

/* Those worth most first, and how many will be needed */
static void
rank_hosts(Pack *p)
{
    const PlanModel *m = p->m;
    g_autofree Ranked *ranked = g_new0(Ranked, p->n_hosts);
    double worth = 0;
    double needed = 0;

    p->need = (double)p->n_hosts;
    set_prices(p, 0);
    for (size_t i = 0; i < p->n_hosts; i++) {
        ranked[i].index = p->hosts[i];
        if (p->columns) {
            ranked[i].worth = plan_columns_host(p->columns, p->hosts[i]);
        }
        for (size_t r = 0; r < m->n_resources && !p->columns; r++) {
            ranked[i].worth +=
                p->price[r] *
                (double)m->limit[(size_t)p->hosts[i] * m->n_resources + r];
        }
    }
    for (size_t r = 0; r < m->n_resources && !p->columns; r++) {
        needed += p->price[r] * (double)p->left[r];
    }
    for (size_t g = 0; g < m->n_guests && p->columns; g++) {
        needed += plan_columns_worth(p->columns, (int32_t)g);
    }
    qsort(ranked, p->n_hosts, sizeof(*ranked), compare_ranked);
    p->need = 0;
    for (size_t i = 0; i < p->n_hosts; i++) {
        p->hosts[i] = ranked[i].index;
        if (worth < needed) {
            p->need = (double)i + 1;
        }
        worth += ranked[i].worth;
    }
    set_prices(p, 0);
}

typedef struct Off {
    int32_t guest, from, rank;
} Off;

static int
compare_off(const void *a, const void *b)
{
    return ((const Off *)a)->rank - ((const Off *)b)->rank;
}

void
plan_search_repack(PlanSearch *s, const size_t *rank, int32_t *hosts, size_t n)
{
    const PlanModel *m = s->model;
    g_autoptr(GPtrArray) kinds = g_ptr_array_new_with_free_func(kind_free);
    g_autoptr(GArray) off = g_array_new(FALSE, FALSE, sizeof(Off));
    g_autoptr(GArray) guests = g_array_new(FALSE, FALSE, sizeof(int32_t));
    PlanScore before = plan_state_score(s->state);
    Pack p = { .s = s,
               .m = m,
               .kinds = kinds,
               .hosts = hosts,
               .n_hosts = n,
               .large_first = 0.4 * plan_random_unit(s) };

    for (size_t i = 0; i < n; i++) {
        size_t n_here;
        const int32_t *here = plan_state_guests(s->state, hosts[i], &n_here);

        for (size_t k = 0; k < n_here; k++) {
            Off one = { here[k], hosts[i], (int32_t)rank[here[k]] };

            if (movable(m, (size_t)here[k])) {
                g_array_append_val(off, one);
            }
        }
    }
    g_array_sort(off, compare_off);
    for (guint i = 0; i < off->len; i++) {
        int32_t guest = g_array_index(off, Off, i).guest;

        plan_state_move(s->state, guest, PLAN_NOWHERE);
        g_array_append_val(guests, guest);
    }
    make_kinds(&p, (int32_t *)(void *)guests->data, guests->len);
    rank_hosts(&p);
    for (size_t i = 0; i < n; i++) {
        set_prices(&p, i);
        fill_host(&p, hosts[i]);
    }
    if (plan_score_less(before, plan_state_score(s->state))) {
        for (guint i = 0; i < off->len; i++) {
            plan_state_move(s->state, g_array_index(off, Off, i).guest,
                            PLAN_NOWHERE);
        }
        for (guint i = 0; i < off->len; i++) {
            plan_state_move(s->state, g_array_index(off, Off, i).guest,
                            g_array_index(off, Off, i).from);
        }
    }
}

/* Worths for the guests that are still nowhere and the hosts from @first on,
 * which are put in order anew */
static void
look_again(Pack *p, size_t first)
{
    const PlanModel *m = p->m;
    const int32_t *host_of = plan_state_hosts(p->s->state);
    g_autofree bool *guests = g_new0(bool, m->n_guests + 1);
    g_autofree bool *hosts = g_new0(bool, m->n_hosts + 1);
    g_autofree Ranked *ranked = g_new0(Ranked, p->n_hosts + 1);
    size_t n = p->n_hosts - first;

    for (size_t g = 0; g < m->n_guests; g++) {
        guests[g] = host_of[g] == PLAN_NOWHERE;
    }
    for (size_t i = first; i < p->n_hosts; i++) {
        hosts[p->hosts[i]] = true;
    }
    plan_columns_restrict(p->columns, guests, hosts);
    plan_columns_improve(p->columns, MORE_CELLS);
    for (size_t i = 0; i < n; i++) {
        ranked[i].index = p->hosts[first + i];
        ranked[i].worth = plan_columns_host(p->columns, p->hosts[first + i]);
    }
    qsort(ranked, n, sizeof(*ranked), compare_ranked);
    for (size_t i = 0; i < n; i++) {
        p->hosts[first + i] = ranked[i].index;
    }
}

static void
pack_all(PlanSearch *s, PlanColumns *columns)
{
    const PlanModel *m = s->model;
    g_autoptr(GPtrArray) kinds = g_ptr_array_new_with_free_func(kind_free);
    g_autofree int32_t *hosts = g_new(int32_t, m->n_hosts);
    g_autofree int32_t *order = plan_search_order(m);
    Pack p = { .s = s,
               .m = m,
               .kinds = kinds,
               .hosts = hosts,
               .n_hosts = m->n_hosts,
               .columns = columns,
               .large_first = LARGE_FIRST };

    for (size_t h = 0; h < m->n_hosts; h++) {
        hosts[h] = (int32_t)h;
    }

    for (size_t g = 0; g < m->n_guests; g++) {
        if (movable(m, g)) {
            plan_state_move(s->state, (int32_t)g, PLAN_NOWHERE);
        }
    }
    make_kinds(&p, order, m->n_guests);
    rank_hosts(&p);
    put_groups(&p, order);
    make_kinds(&p, order, m->n_guests);
    for (size_t i = 0; i < m->n_hosts && !s->stopped; i++) {
        if (columns && i > 0 && i % LOOK_EVERY == 0) {
            look_again(&p, i);
        }
        if (m->hosts[hosts[i]].closed) {
            continue;
        }
        if (i % 8 == 0) {
            set_prices(&p, i);
        }
        fill_host(&p, hosts[i]);
    }
    plan_search_place_rest(s);
}

/* Keep what the state has if it is better than @hosts and @score, else go back
 * to these */
static void
keep_better(PlanSearch *s, int32_t *hosts, PlanScore *score)
{
    PlanScore now = plan_state_score(s->state);

    if (plan_score_less(now, *score)) {
        *score = now;
        memcpy(hosts, plan_state_hosts(s->state),
               s->model->n_guests * sizeof(int32_t));
    } else {
        plan_state_reset(s->state, hosts);
    }
    plan_search_note(s);
}

/* By integer programs; false if that found no place for some guests, or nothing
 * at all */
static bool
pack_by_program(PlanSearch *s, PlanColumns *columns)
{
    g_autoptr(GPtrArray) wanted = NULL;

    plan_columns_keep(columns);
    plan_columns_improve(columns, PROGRAM_CELLS);
    wanted = plan_columns_choose(columns, s->limits->solver,
                                 s->limits->solver_data, SOLVER_SHARE);
    if (!wanted) {
        return false;
    }
    plan_search_assign(s, columns, wanted, SOLVER_SHARE);
    plan_search_note(s);
    if (plan_state_score(s->state).violation == 0) {
        return true;
    }
    g_free(s->promising);
    s->promising = g_memdup2(plan_state_hosts(s->state),
                             s->model->n_guests * sizeof(int32_t));
    return false;
}

void
plan_search_pack(PlanSearch *s)
{
    g_autoptr(PlanColumns) columns = plan_columns_new(s->model);
    g_autofree int32_t *hosts = NULL;
    PlanScore score;

    if (columns && s->limits->solver && pack_by_program(s, columns)) {
        return;
    }
    hosts = g_memdup2(plan_state_hosts(s->state),
                      s->model->n_guests * sizeof(int32_t));
    score = plan_state_score(s->state);
    pack_all(s, NULL);
    keep_better(s, hosts, &score);
    if (columns && !s->stopped) {
        plan_columns_improve(columns, FIRST_CELLS);
        pack_all(s, columns);
        keep_better(s, hosts, &score);
    }
}
