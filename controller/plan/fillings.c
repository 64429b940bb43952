/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fillings.c - which fillings to use, as an integer program
 *
 * The columns that the bound met on its way, near its best, are nearly those
 * that the linear program would use. So
 *
 *   minimise   sum x(f) + LACKING sum l(k)
 *   guests     sum of f's guests of kind k x(f) + l(k) >= n(k)
 *   hosts      sum of x(f) of type t <= n(t)
 *
 * over some thousand of them, with as few rows as there are kinds and types, is
 * small, and its whole solutions are hardly worse than the bound. Those still
 * missing are found as ever in column generation: the dual program says what
 * guests (w) and scarce types (s) are worth,
 *
 *   maximise   sum n(k) w(k) - sum n(t) s(t), w <= LACKING
 *   fillings   sum of w over f's guests - s(t) <= 1
 *
 * and the tables whether a type has a filling that breaks this.
 */
#include "plan/columns-priv.h"
#include "plan/sides.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_KEPT 60000
#define MOST_USED 5000      /* of these in the program */
#define GOOD 0.001          /* rules cost more than that anyhow */
#define LACKING 1000        /* what a guest without a place costs, in hosts */
#define MOST_ROUNDS 60      /* of the linear program */
#define MOST_STEPS 30000000 /* of a round: beyond that it takes too long */

void
plan_columns_keep(PlanColumns *c)
{
    if (!c->pool.by) {
        c->pool.list = g_array_new(FALSE, FALSE, sizeof(Filling));
        c->pool.kinds = g_array_new(FALSE, FALSE, sizeof(int32_t));
        c->pool.by = g_hash_table_new_full(g_bytes_hash, g_bytes_equal,
                                           (GDestroyNotify)g_bytes_unref, NULL);
    }
}

void
plan_fillings_clear(Fillings *pool)
{
    g_clear_pointer(&pool->list, g_array_unref);
    g_clear_pointer(&pool->kinds, g_array_unref);
    g_clear_pointer(&pool->by, g_hash_table_unref);
}

static int
rising(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a;
    int32_t y = *(const int32_t *)b;

    return (x > y) - (x < y);
}

/* A filling that the host could take as a whole, but not on its sides, loses the
 * guest that is worth least, and again */
static void
make_fit(PlanColumns *c, const Type *x)
{
    g_autofree int32_t *guests = NULL;
    guint n = c->list->len;

    if (!x->sides || !x->as_whole || x->cost == 0) {
        return;
    }
    guests = g_new(int32_t, n + 1);
    for (guint i = 0; i < n; i++) {
        guests[i] =
            kind(c, (size_t)g_array_index(c->list, int32_t, i))->example;
    }
    while (n > 0 && plan_sides_excess(c->m, x->example, guests, n, PLAN_NOWHERE,
                                      PLAN_NOWHERE, NULL) > 0) {
        guint least = 0;

        for (guint i = 1; i < n; i++) {
            if (kind(c, (size_t)c->kind_of[guests[i]])->worth <
                kind(c, (size_t)c->kind_of[guests[least]])->worth) {
                least = i;
            }
        }
        g_array_remove_index(c->list, least);
        memmove(guests + least, guests + least + 1,
                (n - least - 1) * sizeof(*guests));
        n--;
    }
}

bool
plan_fillings_note(PlanColumns *c, size_t t)
{
    Fillings *pool = &c->pool;
    int32_t which = (int32_t)t;
    Filling filling = { .type = (uint32_t)t, .start = pool->kinds->len };
    GBytes *key;

    if (pool->list->len >= MOST_KEPT) {
        return false;
    }
    plan_columns_filling(c, type(c, t));
    qsort(c->list->data, c->list->len, sizeof(int32_t), rising);
    make_fit(c, type(c, t));
    filling.n = c->list->len;
    g_array_append_val(c->list, which);
    key = g_bytes_new(c->list->data, c->list->len * sizeof(int32_t));
    if (!g_hash_table_add(pool->by, key)) {
        return false;
    }
    g_array_append_vals(pool->kinds, c->list->data, filling.n);
    g_array_append_val(pool->list, filling);
    return true;
}

static int
compare_lacks(const void *a, const void *b)
{
    const Filling *x = a;
    const Filling *y = b;

    return x->lack != y->lack ? (x->lack > y->lack) - (x->lack < y->lack)
                              : (x->start > y->start) - (x->start < y->start);
}

/* The fillings nearest to their types' best, in the best worths, first */
static size_t
rank(PlanColumns *c)
{
    for (guint i = 0; i < c->pool.list->len; i++) {
        Filling *f = &g_array_index(c->pool.list, Filling, i);

        f->lack = type(c, f->type)->best;
        for (uint32_t k = 0; k < f->n; k++) {
            f->lack -= kind(c, (size_t)g_array_index(c->pool.kinds, int32_t,
                                                     f->start + k))
                           ->best;
        }
    }
    qsort(c->pool.list->data, c->pool.list->len, sizeof(Filling),
          compare_lacks);
    return MIN(c->pool.list->len, MOST_USED);
}

static PlanProgram *
program_new(void)
{
    PlanProgram *p = g_new0(PlanProgram, 1);

    p->columns = g_array_new(FALSE, TRUE, sizeof(PlanColumn));
    p->rows = g_array_new(FALSE, TRUE, sizeof(PlanConstraint));
    p->entries = g_array_new(FALSE, TRUE, sizeof(PlanEntry));
    return p;
}

static void
add_entry(PlanProgram *p, int32_t column, double factor)
{
    PlanEntry entry = { column, factor };

    g_array_append_val(p->entries, entry);
}

static void
end_row(PlanProgram *p, size_t start, double least, double most)
{
    PlanConstraint row = { start, p->entries->len, least, most };

    g_array_append_val(p->rows, row);
}

static PlanProgram *
make_program(PlanColumns *c, size_t n)
{
    PlanProgram *p = program_new();
    g_autofree GArray **by_kind = g_new0(GArray *, c->kinds->len);
    g_autofree GArray **by_type = g_new0(GArray *, c->types->len);

    for (size_t k = 0; k < c->kinds->len; k++) {
        by_kind[k] = g_array_new(FALSE, FALSE, sizeof(int32_t));
    }
    for (size_t t = 0; t < c->types->len; t++) {
        by_type[t] = g_array_new(FALSE, FALSE, sizeof(int32_t));
    }
    for (size_t i = 0; i < n; i++) {
        const Filling *f = &g_array_index(c->pool.list, Filling, i);
        PlanColumn x = { .cost = type(c, f->type)->cost,
                         .most = type(c, f->type)->count,
                         .integer = true };
        int32_t at = (int32_t)i;

        g_array_append_val(p->columns, x);
        g_array_append_val(by_type[f->type], at);
        for (uint32_t k = 0; k < f->n; k++) {
            /* once for each guest: the solver adds them up */
            g_array_append_val(
                by_kind[g_array_index(c->pool.kinds, int32_t, f->start + k)],
                at);
        }
    }
    for (size_t k = 0; k < c->kinds->len; k++) {
        PlanColumn lacking = { .cost = LACKING, .most = kind(c, k)->count };
        size_t start = p->entries->len;

        for (guint i = 0; i < by_kind[k]->len; i++) {
            add_entry(p, g_array_index(by_kind[k], int32_t, i), 1);
        }
        g_array_append_val(p->columns, lacking);
        add_entry(p, (int32_t)p->columns->len - 1, 1);
        end_row(p, start, kind(c, k)->count, G_MAXDOUBLE);
        g_array_unref(by_kind[k]);
    }
    for (size_t t = 0; t < c->types->len; t++) {
        size_t start = p->entries->len;

        for (guint i = 0; i < by_type[t]->len; i++) {
            add_entry(p, g_array_index(by_type[t], int32_t, i), 1);
        }
        end_row(p, start, -G_MAXDOUBLE, type(c, t)->count);
        g_array_unref(by_type[t]);
    }
    return p;
}

static void
free_kinds(void *kinds)
{
    if (kinds) {
        g_array_unref(kinds);
    }
}

/* Hosts of a type get its fillings in the order of their numbers */
static GPtrArray *
give_out(PlanColumns *c, size_t n, const double *values)
{
    size_t n_hosts = c->m->n_hosts;
    GPtrArray *wanted = g_ptr_array_new_full((guint)n_hosts, free_kinds);
    g_autofree int64_t *left = g_new0(int64_t, n + 1);
    g_autofree size_t *at = g_new0(size_t, c->types->len);

    for (size_t i = 0; i < n; i++) {
        left[i] = (int64_t)floor(values[i] + 1e-6);
    }
    for (size_t h = 0; h < n_hosts; h++) {
        size_t t = (size_t)c->type_of[h];
        GArray *kinds = NULL;

        while (at[t] < n &&
               (left[at[t]] == 0 ||
                g_array_index(c->pool.list, Filling, at[t]).type != t)) {
            at[t]++;
        }
        if (at[t] < n) {
            const Filling *f = &g_array_index(c->pool.list, Filling, at[t]);

            left[at[t]]--;
            kinds = g_array_new(FALSE, FALSE, sizeof(int32_t));
            g_array_append_vals(
                kinds, &g_array_index(c->pool.kinds, int32_t, f->start), f->n);
        }
        g_ptr_array_add(wanted, kinds);
    }
    return wanted;
}

static PlanProgram *
make_dual(PlanColumns *c, size_t n)
{
    PlanProgram *p = program_new();

    for (size_t k = 0; k < c->kinds->len; k++) {
        PlanColumn worth = { .cost = -kind(c, k)->count, .most = LACKING };

        g_array_append_val(p->columns, worth);
    }
    for (size_t t = 0; t < c->types->len; t++) {
        PlanColumn scarce = { .cost = type(c, t)->count, .most = G_MAXDOUBLE };

        g_array_append_val(p->columns, scarce);
    }
    for (size_t i = 0; i < n; i++) {
        const Filling *f = &g_array_index(c->pool.list, Filling, i);
        size_t start = p->entries->len;

        for (uint32_t k = 0; k < f->n; k++) {
            add_entry(p, g_array_index(c->pool.kinds, int32_t, f->start + k),
                      1);
        }
        add_entry(p, (int32_t)(c->kinds->len + f->type), -1);
        end_row(p, start, -G_MAXDOUBLE, type(c, f->type)->cost);
    }
    return p;
}

/* With the worths w there are, hosts + LACKING x guests without a place are at
 * least sum n w - sum n(t) (v(t) - 1), whatever w <= LACKING is. */
static void
note_lacking(PlanColumns *c)
{
    double least = 0;

    for (size_t k = 0; k < c->kinds->len; k++) {
        least += kind(c, k)->count * kind(c, k)->worth;
    }
    for (size_t t = 0; t < c->types->len; t++) {
        least -= type(c, t)->count *
                 (MAX(0, type(c, t)->value - type(c, t)->cost) + 1);
    }
    c->lacking = MAX(c->lacking, (int64_t)ceil(least / LACKING - 1e-6));
}

/* Add what the dual program of the fillings there are says is missing; false
 * if nothing is */
static bool
add_fillings(PlanColumns *c, PlanSolver solver, void *data, double share)
{
    size_t n = rank(c);
    g_autoptr(PlanProgram) p = make_dual(c, n);
    g_autofree double *values = g_new0(double, p->columns->len + 1);
    double bound;
    bool more = false;

    p->share = share;
    if (!solver(data, p, NULL, values, &bound)) {
        return false;
    }
    for (size_t k = 0; k < c->kinds->len; k++) {
        kind(c, k)->worth = CLAMP(values[k], 0, LACKING);
    }
    plan_columns_price(c);
    note_lacking(c);
    for (size_t t = 0; t < c->types->len; t++) {
        if (type(c, t)->count > 0 &&
            type(c, t)->value >
                type(c, t)->cost + values[c->kinds->len + t] + 1e-6) {
            more = plan_fillings_note(c, t) || more;
        }
    }
    plan_columns_judge(c);
    return more;
}

int64_t
plan_columns_generate(PlanColumns *c, PlanSolver solver, void *data,
                      double share)
{
    plan_columns_keep(c);
    for (int round = 0;
         round < MOST_ROUNDS && plan_columns_round(c) <= MOST_STEPS; round++) {
        if (!add_fillings(c, solver, data, share)) {
            break;
        }
    }
    return c->least;
}

int64_t
plan_columns_lacking(const PlanColumns *c)
{
    return c->lacking;
}

GPtrArray *
plan_columns_choose(PlanColumns *c, PlanSolver solver, void *data, double share)
{
    g_autoptr(PlanProgram) p = NULL;
    g_autofree double *values = NULL;
    double bound;
    size_t n;

    if (!c->pool.by) {
        return NULL;
    }
    plan_columns_generate(c, solver, data, share / 4);
    n = rank(c);
    p = make_program(c, n);
    p->share = share;
    p->gap = GOOD;
    values = g_new0(double, p->columns->len + 1);
    return solver(data, p, NULL, values, &bound) ? give_out(c, n, values)
                                                 : NULL;
}

int32_t
plan_columns_kind(const PlanColumns *c, int32_t guest)
{
    return c->kind_of[guest];
}

size_t
plan_columns_kinds(const PlanColumns *c)
{
    return c->kinds->len;
}
