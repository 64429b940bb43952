/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * term-spread.c - reliability: members in at least so many places
 *
 * Members that are not placed yet may still go anywhere, and count as a place
 * each: a placement under construction is not blamed for what is not there.
 */
#include "plan/rule-books.h"

static int64_t
missing(const PlanModel *m, const PlanRow *row, int64_t used, int64_t placed)
{
    int64_t open = (int64_t)m->groups[row->group].n_members - placed;

    return MAX(0, row->rule->at_least - used - open);
}

static bool
wanted(const PlanModel *m)
{
    return plan_books_wanted(m, PLAN_RULE_SPREAD);
}

static void *
start(const PlanModel *m)
{
    return plan_books_new(m, PLAN_RULE_SPREAD);
}

static int64_t
recount(const PlanModel *m, const int32_t *host_of)
{
    PlanBooks *books = plan_books_new(m, PLAN_RULE_SPREAD);
    int64_t value = 0;

    plan_books_fill(books, m, host_of);
    for (size_t i = 0; i < books->rows->len; i++) {
        const PlanRow *row = plan_books_row(books, i);

        value += missing(m, row, row->used, row->placed) * PLAN_BROKEN;
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
            int64_t used = row->used -
                           (old != PLAN_NOWHERE && row->count[old] == 1) +
                           (new != PLAN_NOWHERE && row->count[new] == 0);
            int64_t placed =
                row->placed - (old != PLAN_NOWHERE) + (new != PLAN_NOWHERE);

            sum += missing(s->model, row, used, placed) -
                   missing(s->model, row, row->used, row->placed);
        }
    }
    return sum * PLAN_BROKEN;
}

const PlanTerm plan_term_spread = {
    .name = "spread",
    .hard = true,
    .wanted = wanted,
    .start = start,
    .free = plan_books_free,
    .recount = recount,
    .delta = delta,
    .moved = plan_books_moved,
};
