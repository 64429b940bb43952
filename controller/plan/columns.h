/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * columns.h - how few hosts will do, by what each can be filled with at best
 *
 * A column is a filling: guests that fit one host together. Say what each guest
 * is worth; then a host is worth its best filling, and hosts are needed until
 * theirs sum up to what all guests are worth. That holds for any worths, and
 * the better they are the more hosts it takes: the best are the dual prices of
 * the linear program over all columns (Gilmore and Gomory's). They are also
 * what a packer should believe.
 */
#ifndef PLAN_COLUMNS_H
#define PLAN_COLUMNS_H

#include "plan/program.h"

typedef struct PlanColumns PlanColumns;

/* What is left of a model of which a part is decided */
typedef struct PlanLeft {
    const bool *guests;       /* [guest] to be placed still */
    const bool *used;         /* [host] has guests: using it costs nothing */
    const int64_t *room;      /* [host x n_resources] */
    const int64_t *side_room; /* [(host x 2 + side) x n_resources] doubled; NULL
                                 if no host has sides */
} PlanLeft;

/**
 * plan_columns_new() - Of all guests and hosts of @model, which must outlive it
 *
 * Rules, features and lists of hosts are not looked at, and of more than two
 * resources only the two that are scarcest.
 * Return: NULL if there are no hosts, guests or resources
 */
PlanColumns *plan_columns_new(const PlanModel *model);

/** plan_columns_new_left() - Of what is left only; no bound comes of these */
PlanColumns *plan_columns_new_left(const PlanModel *model,
                                   const PlanLeft *left);
void plan_columns_free(PlanColumns *columns);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PlanColumns, plan_columns_free)

/**
 * plan_columns_improve() - Look for better worths
 * @steps: Cells of tables that may be filled in, about; one round at least
 *
 * Return: hosts needed, the best so far; one more than there are if all hosts
 * together cannot take the guests
 */
int64_t plan_columns_improve(PlanColumns *columns, uint64_t steps);

/** plan_columns_keep() - From now on keep the fillings that are seen */
void plan_columns_keep(PlanColumns *columns);

/**
 * plan_columns_generate() - The best worths there are, by linear programs
 * @share: Of what is left of the limit, for each of a few
 *
 * Return: as plan_columns_improve()
 */
int64_t plan_columns_generate(PlanColumns *columns, PlanSolver solver,
                              void *data, double share);

/** plan_columns_lacking() - Guests that no placement has room for, as far as
 * plan_columns_generate() can tell */
int64_t plan_columns_lacking(const PlanColumns *columns);

/**
 * plan_columns_choose() - How to fill the hosts so that few are needed
 * @solver: Of the integer program: how many hosts get each filling that was
 *          kept; it gets @share of what is left of the limit
 *
 * Return: for each host an array of int32_t, kinds of guests to put there, NULL
 * if it is not needed; free it with g_ptr_array_unref(). NULL if the solver
 * found nothing.
 */
GPtrArray *plan_columns_choose(PlanColumns *columns, PlanSolver solver,
                               void *data, double share);

/** plan_columns_kind() - The kind of a guest, as above */
int32_t plan_columns_kind(const PlanColumns *columns, int32_t guest);
size_t plan_columns_kinds(const PlanColumns *columns);

/**
 * plan_columns_restrict() - Some guests and hosts are left only
 * @guests, @hosts: Whether they are, by index
 *
 * The bound starts anew, from the worths there are.
 */
void plan_columns_restrict(PlanColumns *columns, const bool *guests,
                           const bool *hosts);

/** plan_columns_worth() - Of a guest, in the best worths found: a host that is
 * just needed is worth 1 */
double plan_columns_worth(const PlanColumns *columns, int32_t guest);

/** plan_columns_host() - What the best filling of @host is worth */
double plan_columns_host(const PlanColumns *columns, int32_t host);

/** plan_columns_room() - What fits so much room is worth that at most */
double plan_columns_room(const PlanColumns *columns, const int64_t *room);

#endif
