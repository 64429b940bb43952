/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * term-partition.c - fault domains: a place has members of one group at most
 *
 * n of the groups in a place are n - 1 too many. The number of groups in each
 * place is kept beside the rows, in the rule's first row's index.
 */
#include "plan/rule-books.h"

typedef struct Partition {
    PlanBooks *books;
    int32_t **groups; /* [row]: by place, of a rule's first row; else NULL */
} Partition;

static bool
wanted(const PlanModel *m)
{
    return plan_books_wanted(m, PLAN_RULE_PARTITION);
}

static void *
start(const PlanModel *m)
{
    Partition *data = g_new0(Partition, 1);

    data->books = plan_books_new(m, PLAN_RULE_PARTITION);
    data->groups = g_new0(int32_t *, data->books->rows->len);
    for (size_t i = 0; i < data->books->rows->len; i++) {
        const PlanRow *row = plan_books_row(data->books, i);

        if (row->mate == i) {
            data->groups[i] = g_new0(int32_t, row->n_places);
        }
    }
    return data;
}

static void
partition_free(void *opaque)
{
    Partition *data = opaque;

    for (size_t i = 0; i < data->books->rows->len; i++) {
        g_free(data->groups[i]);
    }
    g_free(data->groups);
    plan_books_free(data->books);
    g_free(data);
}

static int64_t
recount(const PlanModel *m, const int32_t *host_of)
{
    PlanBooks *books = plan_books_new(m, PLAN_RULE_PARTITION);
    int64_t value = 0;

    plan_books_fill(books, m, host_of);
    for (size_t first = 0; first < books->rows->len;) {
        const PlanRow *row = plan_books_row(books, first);
        size_t n = row->rule->n_groups;

        for (size_t p = 0; p < row->n_places; p++) {
            int64_t here = 0;

            for (size_t i = first; i < first + n; i++) {
                here += plan_books_row(books, i)->count[p] > 0;
            }
            value += MAX(0, here - 1) * PLAN_BROKEN;
        }
        first += n;
    }
    plan_books_free(books);
    return value;
}

static int64_t
delta(const PlanState *s, const void *opaque, int32_t guest, int32_t host)
{
    const Partition *data = opaque;
    const PlanBooks *books = data->books;
    int64_t sum = 0;

    for (size_t i = books->start[guest]; i < books->start[guest + 1]; i++) {
        const PlanRow *row = plan_books_row(books, books->list[i]);
        const int32_t *groups = data->groups[row->mate];
        int32_t old = plan_row_place(row, s->host_of[guest]);
        int32_t new = plan_row_place(row, host);

        if (old != new) {
            sum -=
                old != PLAN_NOWHERE && row->count[old] == 1 && groups[old] > 1;
            sum +=
                new != PLAN_NOWHERE && row->count[new] == 0 && groups[new] > 0;
        }
    }
    return sum * PLAN_BROKEN;
}

static void
moved(const PlanState *s, void *opaque, int32_t guest, int32_t host)
{
    Partition *data = opaque;
    const PlanBooks *books = data->books;

    for (size_t i = books->start[guest]; i < books->start[guest + 1]; i++) {
        const PlanRow *row = plan_books_row(books, books->list[i]);
        int32_t *groups = data->groups[row->mate];
        int32_t old = plan_row_place(row, s->host_of[guest]);
        int32_t new = plan_row_place(row, host);

        if (old != new) {
            if (old != PLAN_NOWHERE) {
                groups[old] -= row->count[old] == 1;
            }
            if (new != PLAN_NOWHERE) {
                groups[new] += row->count[new] == 0;
            }
        }
    }
    plan_books_moved(s, data->books, guest, host);
}

const PlanTerm plan_term_partition = {
    .name = "partition",
    .hard = true,
    .wanted = wanted,
    .start = start,
    .free = partition_free,
    .recount = recount,
    .delta = delta,
    .moved = moved,
};
