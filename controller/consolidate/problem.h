/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * problem.h - a cluster as the planner's model
 *
 * Costs are microwatts: a milliwatt of a host counts 1000, a kilobyte a second
 * through one switch 1000 as well, for traffic = 1 says that a megabyte a second
 * is worth a watt. What a move costs is joules, spread over the horizon.
 *
 * Hosts that nothing is the matter with are never violated: one that is fuller
 * than its reserve is taken to be just full. So mending one host leaves the
 * others alone.
 */
#ifndef CONSOLIDATE_PROBLEM_H
#define CONSOLIDATE_PROBLEM_H

#include "consolidate/decide.h"
#include "plan/state.h"

typedef enum {
    PROBLEM_CPU,    /* thousandths of a core */
    PROBLEM_MEMORY, /* MiB */
    PROBLEM_SLOTS,  /* guests */
    PROBLEM_N_RESOURCES,
} ProblemResource;

typedef enum {
    PROBLEM_JUDGE,    /* what it costs; moves cost nothing */
    PROBLEM_MEND,     /* as few moves as possible, then the cheapest */
    PROBLEM_OPTIMISE, /* moves cost what they do, spread over the horizon */
} ProblemAim;

typedef struct ProblemQuery {
    const ConsQuestion *question;
    ProblemAim aim;
    const int32_t *base; /* [cluster's guest] where it runs; NULL: as it does */
    const bool *relieve; /* [host] its reserve counts; NULL: no host's */
    const bool *evacuate; /* [host] has to get empty; NULL: none */
    const bool *shut;     /* [host] takes nobody; NULL: none */
    const bool *free;     /* [cluster's guest] may move; NULL: all may */
    bool returns;         /* guests may go back where they came from */
    bool traffic_alone;   /* amounts as measured, whatever traffic is worth */
} ProblemQuery;

typedef struct Problem {
    PlanModel *model;
    int32_t *model_of; /* [cluster's guest], -1: not in the model */
    int32_t *guest_of; /* [model's guest] */
} Problem;

/** problem_new() - Return: NULL with CONS_ERROR_FIT: numbers too large */
Problem *problem_new(const ProblemQuery *query, GError **error);
void problem_free(Problem *problem);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Problem, problem_free)

/** problem_state() - The placement @host_of of the cluster's guests */
PlanState *problem_state(const Problem *problem, const int32_t *host_of);

/** problem_sort_larger_first() - @guests of the model, by demand of @resource;
 * of equal ones the first comes first */
void problem_sort_larger_first(const Problem *problem, int32_t *guests,
                               size_t n, size_t resource);

/** problem_duration() - Of @guest's move between two hosts, alone on the links */
PlanDuration problem_duration(const ConsQuestion *question, int32_t guest,
                              int32_t from, int32_t to);

/** problem_price() - Joules of a migration like that */
double problem_price(const ConsSettings *settings,
                     const PlanDuration *duration);

/** problem_broken() - What rules are broken, in words; NULL: none is */
char *problem_broken(const ConsQuestion *question);

#endif
