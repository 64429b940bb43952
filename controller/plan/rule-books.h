/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rule-books.h - how many members of a group are in each place, for the terms
 * that judge groups
 *
 * One row of counters for each rule and group of it, and for each guest the
 * rows that it counts in. A dense table: members' counts are looked up far
 * more often than anything else.
 */
#ifndef PLAN_RULE_BOOKS_H
#define PLAN_RULE_BOOKS_H

#include "plan/state-priv.h"

typedef struct PlanRow {
    const PlanRule *rule;
    int32_t group;
    size_t n_places;
    const int32_t *place; /* [host], of the model */
    int32_t *count;       /* [place] */
    int64_t used;         /* places with a count above 0 */
    int64_t placed;       /* members that are somewhere */
    size_t mate;          /* a second row the term pairs it with, or itself */
    bool follower;        /* the second of a pair */
} PlanRow;

typedef struct PlanBooks {
    GArray *rows;   /* PlanRow */
    size_t *start;  /* [n_guests + 1] into list */
    uint32_t *list; /* rows of each guest */
} PlanBooks;

/** plan_books_wanted() - Has the model rules of @kind? */
bool plan_books_wanted(const PlanModel *model, PlanRuleKind kind);

/**
 * plan_books_new() - Rows for the rules of @kind, all counts zero
 *
 * A rule has one row, "depends" two (the second is mate of the first), and
 * "partition" one for each of its groups (mate is the rule's first).
 */
PlanBooks *plan_books_new(const PlanModel *model, PlanRuleKind kind);
void plan_books_free(void *books);

/** plan_books_moved() - As PlanTerm.moved */
void plan_books_moved(const PlanState *state, void *books, int32_t guest,
                      int32_t host);

/** plan_books_fill() - Count a whole placement into empty books */
void plan_books_fill(PlanBooks *books, const PlanModel *model,
                     const int32_t *host_of);

static inline PlanRow *
plan_books_row(const PlanBooks *books, size_t i)
{
    return &g_array_index(books->rows, PlanRow, i);
}

static inline int32_t
plan_row_place(const PlanRow *row, int32_t host)
{
    return host == PLAN_NOWHERE ? PLAN_NOWHERE : row->place[host];
}

#endif
