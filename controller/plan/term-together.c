/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * term-together.c - affinity: all members of the group in one place
 *
 * Members in n places are n - 1 places too many.
 */
#include "plan/rule-books.h"

static bool
wanted(const PlanModel *m)
{
    return plan_books_wanted(m, PLAN_RULE_TOGETHER);
}

static void *
start(const PlanModel *m)
{
    return plan_books_new(m, PLAN_RULE_TOGETHER);
}

static int64_t
recount(const PlanModel *m, const int32_t *host_of)
{
    PlanBooks *books = plan_books_new(m, PLAN_RULE_TOGETHER);
    int64_t value = 0;

    plan_books_fill(books, m, host_of);
    for (size_t i = 0; i < books->rows->len; i++) {
        value += MAX(0, plan_books_row(books, i)->used - 1) * PLAN_BROKEN;
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

            sum += MAX(0, used - 1) - MAX(0, row->used - 1);
        }
    }
    return sum * PLAN_BROKEN;
}

const PlanTerm plan_term_together = {
    .name = "together",
    .hard = true,
    .wanted = wanted,
    .start = start,
    .free = plan_books_free,
    .recount = recount,
    .delta = delta,
    .moved = plan_books_moved,
};
