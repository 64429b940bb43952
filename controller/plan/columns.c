/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * columns.c - see columns.h
 *
 * Guests of one demand are a kind k, hosts of one size a type t. For worths w
 *
 *   bound(w) = fewest hosts, best types first, with sum v(t) >= sum n(k) w(k)
 *
 * where v(t) is the worth of the best filling: a table over both resources,
 * each cell from smaller ones by one more guest. Amounts are counted in units
 * coarse enough for the table, demands rounded down, so v is never too small.
 * A host of sides takes some guests on both, and fills what each side has left
 * with others: tables of their own, of which only the corners of the first are
 * gone through.
 *
 * The worths follow the subgradient, guests of each kind that the best fillings
 * of the hosts needed lack or have too many of, by Polyak's rule. No linear
 * program has to be solved, and every step's bound is proven by its tables.
 */
#include "plan/columns-priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_CELLS 40000
#define MOST_LINE 12000 /* cells where there is one resource only */
#define FINE 200        /* cells that a resource may have in any case */
#define KEEP_FROM 0.97  /* of the best bound, of the worth of a host */
#define PATIENCE 15     /* rounds without gain until steps are halved */

/* The two with most demand for what there is */
static void
choose_resources(PlanColumns *c)
{
    const PlanModel *m = c->m;
    double scarce[2] = { -1, -1 };

    for (size_t r = 0; r < m->n_resources; r++) {
        double demand = 0;
        double limit = 1;
        size_t at;

        for (size_t g = 0; g < m->n_guests; g++) {
            demand += (double)m->demand[g * m->n_resources + r];
        }
        for (size_t h = 0; h < m->n_hosts; h++) {
            limit += (double)m->limit[h * m->n_resources + r];
        }
        at = demand / limit > scarce[0] ? 0 : demand / limit > scarce[1];
        if (at == 0) {
            scarce[1] = scarce[0];
            c->resource[1] = c->resource[0];
        }
        if (demand / limit > scarce[at]) {
            scarce[at] = demand / limit;
            c->resource[at] = r;
        }
    }
    c->n_resources = MIN(2, m->n_resources);
}

static int64_t
common_divisor(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

static void
choose_units(PlanColumns *c)
{
    const PlanModel *m = c->m;
    int64_t most[2] = { 0, 0 };
    double cells = 1;

    for (size_t i = 0; i < c->n_resources; i++) {
        c->unit[i] = 0;
        for (size_t g = 0; g < m->n_guests; g++) {
            c->unit[i] = common_divisor(
                m->demand[g * m->n_resources + c->resource[i]], c->unit[i]);
        }
        c->unit[i] = MAX(1, c->unit[i]);
        for (size_t h = 0; h < m->n_hosts; h++) {
            most[i] =
                MAX(most[i], m->limit[h * m->n_resources + c->resource[i]]);
        }
        cells *= (double)(most[i] / c->unit[i]) + 2;
    }
    for (size_t i = 0; i < c->n_resources; i++) {
        double mine = (double)(most[i] / c->unit[i]) + 2;
        double other = cells / mine;
        double want =
            c->n_resources == 1 ? MOST_LINE : MAX(FINE, MOST_CELLS / other);

        if (mine > want) {
            /* a multiple, so that demands stay as exact as they can */
            c->unit[i] *= (int64_t)(mine / want) + 1;
            cells = other * ((double)(most[i] / c->unit[i]) + 2);
        }
    }
}

static int32_t
in_units(const PlanColumns *c, size_t i, int64_t amount)
{
    return i < c->n_resources ? (int32_t)MIN(amount / c->unit[i], INT32_MAX / 4)
                              : 0;
}

static void
make_kinds(PlanColumns *c, const PlanLeft *left)
{
    const PlanModel *m = c->m;
    g_autoptr(GHashTable) known =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (size_t g = 0; g < m->n_guests; g++) {
        const int64_t *demand = m->demand + g * m->n_resources;
        Kind new = { .example = (int32_t)g, .numa = m->guests[g].numa };
        char *key;
        gpointer index;

        for (size_t i = 0; i < 2; i++) {
            new.size[i] = in_units(c, i, demand[c->resource[i]]);
        }
        key = g_strdup_printf("%d %d %d", new.size[0], new.size[1], new.numa);
        index = g_hash_table_lookup(known, key);
        if (!index) {
            g_array_append_val(c->kinds, new);
            index = GINT_TO_POINTER((gint)c->kinds->len);
            g_hash_table_insert(known, g_steal_pointer(&key), index);
        }
        g_free(key);
        c->kind_of[g] = GPOINTER_TO_INT(index) - 1;
        kind(c, (size_t)c->kind_of[g])->count += !left || left->guests[g];
    }
}

/* Twice what a side gives of resource @r */
static int64_t
side_room(const PlanModel *m, const PlanLeft *left, size_t h, size_t side,
          size_t r)
{
    size_t at = (h * 2 + side) * m->n_resources + r;
    int64_t room = left ? left->side_room[at] : 2 * m->side_limit[at];

    /* what is not divided each side may have all of */
    return m->side_limit[at] < 0 ? 2 * m->limit[h * m->n_resources + r] : room;
}

static void
make_types(PlanColumns *c, const PlanLeft *left)
{
    const PlanModel *m = c->m;
    size_t n = m->n_resources;
    g_autoptr(GHashTable) known =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (size_t h = 0; h < m->n_hosts; h++) {
        Type new = { .example = (int32_t)h,
                     .sides = c->bound_to_sides && m->hosts[h].sides,
                     .cost = !left || !left->used[h] };
        char *key;
        gpointer index;

        for (size_t i = 0; i < c->n_resources; i++) {
            size_t r = c->resource[i];

            new.limit[i] = in_units(c, i,
                                    left ? MAX(0, left->room[h * n + r])
                                         : m->limit[h * n + r]);
            for (size_t side = 0; side < 2 && new.sides; side++) {
                new.side[side][i] =
                    in_units(c, i, MAX(0, side_room(m, left, h, side, r)));
            }
        }
        key =
            g_strdup_printf("%d %d %d %d %d %d %d %d", new.cost > 0, new.sides,
                            new.limit[0], new.limit[1], new.side[0][0],
                            new.side[0][1], new.side[1][0], new.side[1][1]);
        index = g_hash_table_lookup(known, key);
        if (!index) {
            g_array_append_val(c->types, new);
            index = GINT_TO_POINTER((gint)c->types->len);
            g_hash_table_insert(known, g_steal_pointer(&key), index);
        }
        g_free(key);
        c->type_of[h] = GPOINTER_TO_INT(index) - 1;
        type(c, (size_t)c->type_of[h])->count += 1;
    }
}

static size_t
cells_of(const Table *t)
{
    return t->value ? (size_t)(t->size[0] + 1) * (size_t)(t->size[1] + 1) : 0;
}

static void
make_table(Table *t, int32_t kinds, const int32_t *size)
{
    size_t n = (size_t)(size[0] + 1) * (size_t)(size[1] + 1);

    t->kinds = kinds;
    memcpy(t->size, size, sizeof(t->size));
    t->value = g_new(double, n);
    t->by = g_new(int16_t, n);
}

static void
make_tables(PlanColumns *c)
{
    int32_t all[2] = { 0, 0 };
    int32_t one[2] = { 0, 0 };
    int32_t two[2] = { 0, 0 };

    for (size_t t = 0; t < c->types->len; t++) {
        for (size_t i = 0; i < 2; i++) {
            const Type *x = type(c, t);

            all[i] = MAX(all[i], x->limit[i]);
            one[i] = MAX(one[i], MAX(x->side[0][i], x->side[1][i]) / 2);
            one[i] = MAX(one[i], x->sides ? x->limit[i] : 0);
            two[i] = MAX(two[i], MIN(x->side[0][i], x->side[1][i]));
        }
    }
    make_table(&c->all, 1 | 2 | 4, all);
    if (c->bound_to_sides) {
        make_table(&c->one, 2, one);
        make_table(&c->two, 4, two);
    }
}

/* A first guess: each resource's share, weighed by how scarce it is */
static void
set_first_worths(PlanColumns *c)
{
    double total[2] = { 0, 0 };

    for (size_t t = 0; t < c->types->len; t++) {
        for (size_t i = 0; i < 2; i++) {
            total[i] += type(c, t)->count * (double)type(c, t)->limit[i];
        }
    }
    for (size_t i = 0; i < 2; i++) {
        double demand = 0;

        for (size_t k = 0; k < c->kinds->len; k++) {
            demand += kind(c, k)->count * (double)kind(c, k)->size[i];
        }
        for (size_t k = 0; k < c->kinds->len && total[i] > 0; k++) {
            kind(c, k)->scale += (double)kind(c, k)->size[i] / total[i] *
                                 pow(demand / total[i], 3);
        }
    }
    for (size_t k = 0; k < c->kinds->len; k++) {
        kind(c, k)->worth = kind(c, k)->best = kind(c, k)->scale;
    }
}

PlanColumns *
plan_columns_new(const PlanModel *m)
{
    return plan_columns_new_left(m, NULL);
}

PlanColumns *
plan_columns_new_left(const PlanModel *m, const PlanLeft *left)
{
    g_autoptr(PlanColumns) c = NULL;

    if (m->n_hosts == 0 || m->n_guests == 0 || m->n_resources == 0) {
        return NULL;
    }
    c = g_new0(PlanColumns, 1);
    c->m = m;
    c->unit[0] = c->unit[1] = 1;
    c->lambda = 1;
    c->kinds = g_array_new(FALSE, TRUE, sizeof(Kind));
    c->types = g_array_new(FALSE, TRUE, sizeof(Type));
    c->list = g_array_new(FALSE, FALSE, sizeof(int32_t));
    c->corners = g_array_new(FALSE, FALSE, sizeof(int32_t));
    c->kind_of = g_new(int32_t, m->n_guests);
    c->type_of = g_new(int32_t, m->n_hosts);
    c->bound_to_sides = m->side_limit != NULL;
    for (size_t g = 0; g < m->n_guests; g++) {
        c->bound_to_sides = c->bound_to_sides && m->guests[g].numa > 0;
    }
    choose_resources(c);
    choose_units(c);
    make_kinds(c, left);
    make_types(c, left);
    make_tables(c);
    c->order = g_new(uint32_t, c->types->len);
    if (c->kinds->len > INT16_MAX) {
        return NULL;
    }
    set_first_worths(c);
    return g_steal_pointer(&c);
}

static void
table_clear(Table *t)
{
    g_free(t->value);
    g_free(t->by);
}

void
plan_columns_free(PlanColumns *c)
{
    if (c) {
        g_array_unref(c->kinds);
        g_array_unref(c->types);
        g_array_unref(c->corners);
        g_free(c->kind_of);
        g_free(c->type_of);
        g_free(c->order);
        g_array_unref(c->list);
        plan_fillings_clear(&c->pool);
        table_clear(&c->all);
        table_clear(&c->one);
        table_clear(&c->two);
        g_free(c);
    }
}

/* Those that take part, with a worth and a size, to go through once a cell */
static size_t
gather(const PlanColumns *c, const Table *t, Kind *some, int16_t *which)
{
    size_t n = 0;

    for (size_t k = 0; k < c->kinds->len; k++) {
        const Kind *x = kind(c, k);

        if ((t->kinds & 1 << x->numa) && x->worth > 0 && x->count > 0 &&
            (x->size[0] > 0 || x->size[1] > 0) && x->size[0] <= t->size[0] &&
            x->size[1] <= t->size[1]) {
            some[n] = *x;
            which[n++] = (int16_t)k;
        }
    }
    return n;
}

static void
fill_table(PlanColumns *c, Table *t)
{
    g_autofree Kind *some = g_new(Kind, c->kinds->len + 1);
    g_autofree int16_t *which = g_new(int16_t, c->kinds->len + 1);
    size_t n = gather(c, t, some, which);
    int32_t line = t->size[1] + 1;

    for (int32_t a = 0; a <= t->size[0]; a++) {
        for (int32_t b = 0; b <= t->size[1]; b++) {
            size_t at = (size_t)a * (size_t)line + (size_t)b;
            double best = 0;
            int16_t by = FROM_STEP;

            if (a > 0) {
                best = t->value[at - (size_t)line];
            }
            if (b > 0 && (t->value[at - 1] > best || a == 0)) {
                best = t->value[at - 1];
                by = FROM_SIDE;
            }
            for (size_t k = 0; k < n; k++) {
                if (some[k].size[0] <= a && some[k].size[1] <= b) {
                    double with =
                        some[k].worth +
                        t->value[at - (size_t)some[k].size[0] * (size_t)line -
                                 (size_t)some[k].size[1]];

                    if (with > best) {
                        best = with;
                        by = which[k];
                    }
                }
            }
            t->value[at] = best;
            t->by[at] = by;
        }
    }
}

static double
look_up(const Table *t, int32_t a, int32_t b)
{
    a = MIN(a, t->size[0]);
    b = MIN(b, t->size[1]);
    return t->value[(size_t)a * (size_t)(t->size[1] + 1) + (size_t)b];
}

static bool
is_corner(const Table *t, int32_t a, int32_t b)
{
    size_t at = (size_t)a * (size_t)(t->size[1] + 1) + (size_t)b;

    return (a == 0 || t->value[at - (size_t)(t->size[1] + 1)] < t->value[at]) &&
           (b == 0 || t->value[at - 1] < t->value[at]);
}

static void
find_corners(PlanColumns *c)
{
    const Table *t = &c->two;

    g_array_set_size(c->corners, 0);
    for (int32_t a = 0; a <= t->size[0]; a++) {
        for (int32_t b = 0; b <= t->size[1]; b++) {
            if (is_corner(t, a, b)) {
                int32_t at = a * (t->size[1] + 1) + b;

                g_array_append_val(c->corners, at);
            }
        }
    }
}

/* Room of a side in whole units once guests on both take a and b together */
static int32_t
left_of(const Type *x, size_t side, size_t i, int32_t taken)
{
    return (x->side[side][i] - taken) / 2;
}

static void
value_type(const PlanColumns *c, Type *x)
{
    int32_t line = c->two.size[1] + 1;

    if (!x->sides) {
        x->value = look_up(&c->all, x->limit[0], x->limit[1]);
        return;
    }
    x->value = -1;
    for (guint i = 0; i < c->corners->len; i++) {
        int32_t at = g_array_index(c->corners, int32_t, i);
        int32_t a = at / line;
        int32_t b = at % line;
        double sides = 0;
        double value;

        if (a > MIN(x->limit[0], MIN(x->side[0][0], x->side[1][0])) ||
            b > MIN(x->limit[1], MIN(x->side[0][1], x->side[1][1]))) {
            continue;
        }
        for (size_t side = 0; side < 2; side++) {
            sides += look_up(&c->one, left_of(x, side, 0, a),
                             left_of(x, side, 1, b));
        }
        /* nor more than the host has left, sides or not */
        value = look_up(&c->one, x->limit[0] - a, x->limit[1] - b);
        if (c->two.value[at] + MIN(sides, value) > x->value) {
            x->value = c->two.value[at] + MIN(sides, value);
            x->corner = at;
            x->as_whole = value < sides;
        }
    }
}

/* The kinds of the filling that a cell stands for */
static void
list_cell(PlanColumns *c, const Table *t, int32_t a, int32_t b)
{
    a = MIN(a, t->size[0]);
    b = MIN(b, t->size[1]);
    while (a > 0 || b > 0) {
        int16_t by = t->by[(size_t)a * (size_t)(t->size[1] + 1) + (size_t)b];

        if (by == FROM_STEP) {
            a--;
        } else if (by == FROM_SIDE) {
            b--;
        } else {
            int32_t which = by;

            g_array_append_val(c->list, which);
            a -= kind(c, (size_t)by)->size[0];
            b -= kind(c, (size_t)by)->size[1];
        }
    }
}

void
plan_columns_filling(PlanColumns *c, const Type *x)
{
    int32_t line = c->two.size[1] + 1;

    g_array_set_size(c->list, 0);
    if (!x->sides) {
        list_cell(c, &c->all, x->limit[0], x->limit[1]);
        return;
    }
    list_cell(c, &c->two, x->corner / line, x->corner % line);
    if (x->as_whole) {
        list_cell(c, &c->one, x->limit[0] - x->corner / line,
                  x->limit[1] - x->corner % line);
        return;
    }
    for (size_t side = 0; side < 2; side++) {
        list_cell(c, &c->one, left_of(x, side, 0, x->corner / line),
                  left_of(x, side, 1, x->corner % line));
    }
}

/* Take @share of the type's filling off the gradient */
static void
subtract_type(PlanColumns *c, const Type *x, double share)
{
    plan_columns_filling(c, x);
    for (guint i = 0; i < c->list->len; i++) {
        kind(c, (size_t)g_array_index(c->list, int32_t, i))->gradient -= share;
    }
}

static int
compare_types(const void *a, const void *b, void *data)
{
    const PlanColumns *c = data;
    uint32_t i = *(const uint32_t *)a;
    uint32_t j = *(const uint32_t *)b;
    double x = type(c, i)->value;
    double y = type(c, j)->value;

    return x != y ? (x < y) - (x > y) : (i > j) - (i < j);
}

/* The best types until they are worth all guests; gradient and worths scaled
 * so that the last type is worth 1. Return: hosts, with a fraction; HUGE_VAL
 * if there are not enough. */
static double
fill_types(PlanColumns *c)
{
    double left = 0;
    double n = 0;
    double last = 0;

    for (size_t k = 0; k < c->kinds->len; k++) {
        Kind *x = kind(c, k);

        x->gradient = x->count;
        if (x->size[0] == 0 && x->size[1] == 0) {
            x->worth = 0; /* so small that any number of it fits */
        }
        left += x->count * x->worth;
    }
    left *= 1 - 1e-9;
    for (size_t t = 0; t < c->types->len; t++) {
        c->order[t] = (uint32_t)t;
    }
    g_qsort_with_data(c->order, (gint)c->types->len, sizeof(*c->order),
                      compare_types, c);
    for (size_t i = 0; i < c->types->len && left > 0; i++) {
        const Type *x = type(c, c->order[i]);
        double take;

        if (x->value <= 0) {
            break;
        }
        take = MIN(x->count, left / x->value);
        subtract_type(c, x, take);
        n += take;
        left -= take * x->value;
        last = x->value;
        if (take < x->count) {
            left = 0;
        }
    }
    for (size_t k = 0; k < c->kinds->len && last > 0; k++) {
        kind(c, k)->worth /= last;
    }
    for (size_t t = 0; t < c->types->len && last > 0; t++) {
        type(c, t)->value /= last;
    }
    return left > 0 ? HUGE_VAL : n;
}

void
plan_columns_price(PlanColumns *c)
{
    bool plain = !c->bound_to_sides;

    for (size_t t = 0; t < c->types->len; t++) {
        plain = plain || !type(c, t)->sides;
    }
    if (plain) {
        fill_table(c, &c->all);
    }
    if (c->bound_to_sides) {
        fill_table(c, &c->one);
        fill_table(c, &c->two);
        find_corners(c);
    }
    for (size_t t = 0; t < c->types->len; t++) {
        value_type(c, type(c, t));
    }
}

void
plan_columns_judge(PlanColumns *c)
{
    double n = fill_types(c);

    if (isinf(n)) {
        n = 1;
        for (size_t t = 0; t < c->types->len; t++) {
            n += type(c, t)->count;
        }
    }
    c->now = n;
    if (n > c->fill) {
        c->fill = n;
        for (size_t k = 0; k < c->kinds->len; k++) {
            kind(c, k)->best = kind(c, k)->worth;
        }
        for (size_t t = 0; t < c->types->len; t++) {
            type(c, t)->best = type(c, t)->value;
        }
    }
    c->least = MAX(c->least, (int64_t)ceil(n - 1e-6));
}

static void
evaluate(PlanColumns *c)
{
    plan_columns_price(c);
    plan_columns_judge(c);
    for (size_t t = 0;
         c->pool.by && c->now > KEEP_FROM * c->fill && t < c->types->len; t++) {
        if (type(c, t)->value > KEEP_FROM && type(c, t)->count > 0) {
            plan_fillings_note(c, t);
        }
    }
}

/* A step towards what is lacking */
static void
step(PlanColumns *c)
{
    double length = 0;
    double target = c->fill * 1.002 + 0.5;

    for (size_t k = 0; k < c->kinds->len; k++) {
        const Kind *x = kind(c, k);

        if (x->worth > 0 || x->gradient > 0) {
            length += x->gradient * x->gradient * x->scale * x->scale;
        }
    }
    for (size_t k = 0; k < c->kinds->len && length > 0; k++) {
        Kind *x = kind(c, k);

        x->worth = MAX(0, x->worth + c->lambda * (target - c->now) / length *
                                         x->gradient * x->scale * x->scale);
    }
}

uint64_t
plan_columns_round(const PlanColumns *c)
{
    uint64_t cells = cells_of(&c->one) + cells_of(&c->two) +
                     (c->bound_to_sides ? 0 : cells_of(&c->all));

    return 1 + (cells + 64 * c->types->len) * c->kinds->len;
}

int64_t
plan_columns_improve(PlanColumns *c, uint64_t steps)
{
    uint64_t rounds = CLAMP(steps / plan_columns_round(c), 1, 4000);
    int waited = 0;

    for (uint64_t round = 0; round < rounds && c->lambda > 1e-4; round++) {
        double before = c->fill;

        if (round > 0) {
            step(c);
        }
        evaluate(c);
        for (size_t k = 0; k < c->kinds->len && !c->scaled; k++) {
            kind(c, k)->scale = kind(c, k)->worth;
        }
        c->scaled = true;
        waited = c->fill > before * (1 + 1e-7) ? 0 : waited + 1;
        if (waited > PATIENCE) {
            /* on from the best, more carefully */
            waited = 0;
            c->lambda /= 2;
            for (size_t k = 0; k < c->kinds->len; k++) {
                kind(c, k)->worth = kind(c, k)->best;
            }
            evaluate(c);
        }
    }
    for (size_t k = 0; k < c->kinds->len; k++) {
        kind(c, k)->worth = kind(c, k)->best;
    }
    fill_table(c, &c->all);
    return c->least;
}

void
plan_columns_restrict(PlanColumns *c, const bool *guests, const bool *hosts)
{
    for (size_t k = 0; k < c->kinds->len; k++) {
        kind(c, k)->count = 0;
    }
    for (size_t t = 0; t < c->types->len; t++) {
        type(c, t)->count = 0;
    }
    for (size_t g = 0; g < c->m->n_guests; g++) {
        kind(c, (size_t)c->kind_of[g])->count += guests[g];
    }
    for (size_t h = 0; h < c->m->n_hosts; h++) {
        type(c, (size_t)c->type_of[h])->count += hosts[h];
    }
    c->least = 0;
    c->fill = 0;
    c->lambda = 1;
}

double
plan_columns_worth(const PlanColumns *c, int32_t guest)
{
    return kind(c, (size_t)c->kind_of[guest])->best;
}

double
plan_columns_host(const PlanColumns *c, int32_t host)
{
    return type(c, (size_t)c->type_of[host])->best;
}

double
plan_columns_room(const PlanColumns *c, const int64_t *room)
{
    int32_t size[2] = { 0, 0 };

    for (size_t i = 0; i < c->n_resources; i++) {
        int64_t here = room[c->resource[i]];

        size[i] = here < 0 ? 0 : in_units(c, i, here);
    }
    return look_up(&c->all, size[0], size[1]);
}
