/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * term-depends.c - where there is a member of one group, there is one of the
 * other
 *
 * Each place with members of the first and none of the second is one too many.
 * A guest may be a member of both.
 */
#include "plan/rule-books.h"

static bool
wanted(const PlanModel *m)
{
    return plan_books_wanted(m, PLAN_RULE_DEPENDS);
}

static void *
start(const PlanModel *m)
{
    return plan_books_new(m, PLAN_RULE_DEPENDS);
}

static int64_t
recount(const PlanModel *m, const int32_t *host_of)
{
    PlanBooks *books = plan_books_new(m, PLAN_RULE_DEPENDS);
    int64_t value = 0;

    plan_books_fill(books, m, host_of);
    for (size_t i = 0; i < books->rows->len; i += 2) {
        const PlanRow *needs = plan_books_row(books, i);
        const PlanRow *has = plan_books_row(books, i + 1);

        for (size_t p = 0; p < needs->n_places; p++) {
            value += needs->count[p] > 0 && has->count[p] == 0;
        }
    }
    plan_books_free(books);
    return value * PLAN_BROKEN;
}

/* The change in one place if its two counts change by @needs and @has. */
static int
change(const PlanRow *first, const PlanRow *second, int32_t place, int needs,
       int has)
{
    if (place == PLAN_NOWHERE) {
        return 0;
    }
    return (first->count[place] + needs > 0 &&
            second->count[place] + has == 0) -
           (first->count[place] > 0 && second->count[place] == 0);
}

static int64_t
delta(const PlanState *s, const void *data, int32_t guest, int32_t host)
{
    const PlanBooks *books = data;
    int64_t sum = 0;
    size_t end = books->start[guest + 1];

    for (size_t i = books->start[guest]; i < end; i++) {
        size_t at = books->list[i];
        const PlanRow *row = plan_books_row(books, at);
        int32_t old = plan_row_place(row, s->host_of[guest]);
        int32_t new = plan_row_place(row, host);
        /* rows of a guest are in rising order, a pair's stand side by side */
        bool both =
            !row->follower && i + 1 < end && books->list[i + 1] == at + 1;
        int needs = !row->follower;
        int has = row->follower || both;
        const PlanRow *first =
            row->follower ? plan_books_row(books, row->mate) : row;
        const PlanRow *second =
            row->follower ? row : plan_books_row(books, row->mate);

        if (old != new) {
            sum += change(first, second, old, -needs, -has) +
                   change(first, second, new, needs, has);
        }
        i += both;
    }
    return sum * PLAN_BROKEN;
}

const PlanTerm plan_term_depends = {
    .name = "depends",
    .hard = true,
    .wanted = wanted,
    .start = start,
    .free = plan_books_free,
    .recount = recount,
    .delta = delta,
    .moved = plan_books_moved,
};
