/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * term-apart.c - anti-affinity: no two members of the group in one place
 *
 * n members in a place are n - 1 too many.
 */
#include "plan/rule-books.h"

static bool
wanted(const PlanModel *m)
{
    return plan_books_wanted(m, PLAN_RULE_APART);
}

static void *
start(const PlanModel *m)
{
    return plan_books_new(m, PLAN_RULE_APART);
}

static int64_t
recount(const PlanModel *m, const int32_t *host_of)
{
    PlanBooks *books = plan_books_new(m, PLAN_RULE_APART);
    int64_t value = 0;

    plan_books_fill(books, m, host_of);
    for (size_t i = 0; i < books->rows->len; i++) {
        const PlanRow *row = plan_books_row(books, i);

        for (size_t p = 0; p < row->n_places; p++) {
            value += MAX(0, row->count[p] - 1) * PLAN_BROKEN;
        }
    }
    plan_books_free(books);
    return value;
}

static int64_t
delta(const PlanState *s, const void *data, int32_t guest, int32_t host)
{
    const PlanBooks *books = data;
    int64_t sum = 0;

    for (size_t i = books->start[guest]; i < books->start[guest + 1]; i++) {
        const PlanRow *row = plan_books_row(books, books->list[i]);
        int32_t old = plan_row_place(row, s->host_of[guest]);
        int32_t new = plan_row_place(row, host);

        if (old != new) {
            sum -= old != PLAN_NOWHERE && row->count[old] > 1;
            sum += new != PLAN_NOWHERE && row->count[new] > 0;
        }
    }
    return sum * PLAN_BROKEN;
}

const PlanTerm plan_term_apart = {
    .name = "apart",
    .hard = true,
    .wanted = wanted,
    .start = start,
    .free = plan_books_free,
    .recount = recount,
    .delta = delta,
    .moved = plan_books_moved,
};
