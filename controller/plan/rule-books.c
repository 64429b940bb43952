/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rule-books.c - see rule-books.h
 */
#include "plan/rule-books.h"

#include <string.h>

bool
plan_books_wanted(const PlanModel *m, PlanRuleKind kind)
{
    for (size_t k = 0; k < m->n_rules; k++) {
        if (m->rules[k].kind == kind) {
            return true;
        }
    }
    return false;
}

static size_t
add_row(PlanBooks *books, const PlanModel *m, const PlanRule *rule,
        int32_t group)
{
    PlanRow row = {
        .rule = rule,
        .group = group,
        .n_places = plan_model_places(m, rule->level),
        .place = m->place[rule->level],
        .mate = books->rows->len,
    };

    row.count = g_new0(int32_t, row.n_places);
    g_array_append_val(books->rows, row);
    return books->rows->len - 1;
}

PlanBooks *
plan_books_new(const PlanModel *m, PlanRuleKind kind)
{
    PlanBooks *books = g_new0(PlanBooks, 1);
    g_autofree size_t *at = NULL;

    books->rows = g_array_new(FALSE, TRUE, sizeof(PlanRow));
    for (size_t k = 0; k < m->n_rules; k++) {
        const PlanRule *rule = &m->rules[k];

        if (rule->kind != kind) {
            continue;
        }
        if (kind == PLAN_RULE_PARTITION) {
            size_t first = books->rows->len;

            for (size_t i = 0; i < rule->n_groups; i++) {
                size_t row = add_row(books, m, rule, rule->groups[i]);

                plan_books_row(books, row)->mate = first;
            }
            continue;
        }
        add_row(books, m, rule, rule->group);
        if (kind == PLAN_RULE_DEPENDS) {
            size_t second = add_row(books, m, rule, rule->on);

            plan_books_row(books, second - 1)->mate = second;
            plan_books_row(books, second)->mate = second - 1;
            plan_books_row(books, second)->follower = true;
        }
    }

    books->start = g_new0(size_t, m->n_guests + 1);
    for (size_t i = 0; i < books->rows->len; i++) {
        const PlanGroup *group = &m->groups[plan_books_row(books, i)->group];

        for (size_t j = 0; j < group->n_members; j++) {
            books->start[group->members[j] + 1]++;
        }
    }
    for (size_t g = 0; g < m->n_guests; g++) {
        books->start[g + 1] += books->start[g];
    }
    books->list = g_new0(uint32_t, books->start[m->n_guests]);
    at = g_memdup2(books->start, (m->n_guests + 1) * sizeof(size_t));
    for (size_t i = 0; i < books->rows->len; i++) {
        const PlanGroup *group = &m->groups[plan_books_row(books, i)->group];

        for (size_t j = 0; j < group->n_members; j++) {
            books->list[at[group->members[j]]++] = (uint32_t)i;
        }
    }
    return books;
}

void
plan_books_free(void *data)
{
    PlanBooks *books = data;

    for (size_t i = 0; i < books->rows->len; i++) {
        g_free(plan_books_row(books, i)->count);
    }
    g_array_unref(books->rows);
    g_free(books->start);
    g_free(books->list);
    g_free(books);
}

static void
count(PlanBooks *books, int32_t guest, int32_t from, int32_t to)
{
    for (size_t i = books->start[guest]; i < books->start[guest + 1]; i++) {
        PlanRow *row = plan_books_row(books, books->list[i]);
        int32_t old = plan_row_place(row, from);
        int32_t new = plan_row_place(row, to);

        if (old != PLAN_NOWHERE) {
            row->used -= --row->count[old] == 0;
            row->placed--;
        }
        if (new != PLAN_NOWHERE) {
            row->used += row->count[new]++ == 0;
            row->placed++;
        }
    }
}

void
plan_books_moved(const PlanState *s, void *books, int32_t guest, int32_t host)
{
    count(books, guest, s->host_of[guest], host);
}

void
plan_books_fill(PlanBooks *books, const PlanModel *m, const int32_t *host_of)
{
    for (size_t g = 0; g < m->n_guests; g++) {
        count(books, (int32_t)g, PLAN_NOWHERE, host_of[g]);
    }
}
