/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * solving.h - running a method against the clock; what solve and compare share
 */
#ifndef TOOLS_PLAN_SOLVING_H
#define TOOLS_PLAN_SOLVING_H

#include <stdio.h>

#include "plan/bound.h"
#include "plan/check.h"
#include "plan/search.h"
#include "plan/worth.h"

typedef struct Solving {
    double time_limit_s; /* 0: none */
    uint64_t work_limit; /* 0: none */
    uint64_t seed;
    int threads;     /* searches side by side, by methods with random numbers */
    bool progress;   /* tell standard error of each improvement */
    PlanWorth worth; /* horizon_s 0: any gain is worth it */
} Solving;

typedef struct Solved {
    PlanMethod method;
    int32_t *host_of;
    PlanVerdict *verdict; /* the separate checker's */
    PlanScore start, end;
    double took_s;
    uint64_t work;
    size_t n_sent_home;  /* by what moves have to be worth */
    double saved, price; /* over the horizon, and of the migrations */
    int64_t proved;      /* a bound of its own, INT64_MIN if it has none */
} Solved;

void solved_free(Solved *solved);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Solved, solved_free)

/** solving_run() - Let @method work from where the guests run now
 *
 * Return: NULL if the checker does not agree with the search about the cost or
 * about whether rules are broken, which is a bug; said to standard error
 */
Solved *solving_run(const PlanModel *model, PlanMethod method,
                    const Solving *solving);

/** solving_method() - A method by its name
 *
 * Return: false if none of that name is built in; the error lists those that are
 */
bool solving_method(const char *name, PlanMethod *method, GError **error);

/** solving_all_methods() - "ff,ffd,...", those built in; g_free() it */
char *solving_all_methods(void);

/** solving_gap_percent() - 100 (cost - bound) / cost, 0 at no cost */
double solving_gap_percent(int64_t cost, int64_t bound);

/** solving_weights() - "hosts=1000,traffic=1" in place of the model's weights
 *
 * What is not named gets 0; load and balance costs keep theirs.
 */
bool solving_weights(PlanModel *model, const char *text, GError **error);

#endif
