/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search.h - methods that look for a better placement
 *
 * Constructive methods put guests that are nowhere on hosts; improving ones
 * start from the placement that the state has. All work on one PlanState and
 * leave their best placement in it, so that they can follow one another. Work
 * is counted in deltas asked for: under a limit of work alone, the same seed
 * gives the same placement on any machine. A limit of time is the caller's,
 * who holds the clock: it comes in as `stop`.
 */
#ifndef PLAN_SEARCH_H
#define PLAN_SEARCH_H

#include "plan/kway.h"
#include "plan/program.h"
#include "plan/state.h"

typedef struct PlanSearch PlanSearch;

typedef struct PlanLimits {
    uint64_t work; /* deltas that may be asked for; 0: no limit */
    uint64_t seed;
    /* 0, or which one it is of searches side by side, the best of which will
     * count: some methods let them differ in more than their seeds */
    unsigned variant;

    /**
     * stop() - Is it time to end? May be NULL
     * @progress: 0 to 1, set by the callee: how much of the time is gone; for
     *            methods that cool down
     *
     * Asked every few thousand deltas.
     */
    bool (*stop)(void *data, double *progress);

    /** improved() - A better placement was found; may be NULL */
    void (*improved)(void *data, PlanScore score, uint64_t work);
    void *data;

    /** partition() - Cuts graphs, for method kway; may be NULL for others */
    PlanPartition partition;

    /** solver() - Solves programs, for method exact; may be NULL for others */
    PlanSolver solver;
    void *solver_data;

    /** proved() - No placement costs less than @cost; may be NULL */
    void (*proved)(void *data, int64_t cost);
} PlanLimits;

typedef enum {
    PLAN_METHOD_FF,
    PLAN_METHOD_FFD,
    PLAN_METHOD_BF,
    PLAN_METHOD_BFD,
    PLAN_METHOD_PACK,
    PLAN_METHOD_ONLINE,
    PLAN_METHOD_QUICK,
    PLAN_METHOD_HILL,
    PLAN_METHOD_ANNEAL,
    PLAN_METHOD_GENETIC,
    PLAN_METHOD_PARTICLES,
    PLAN_METHOD_ANTS,
    PLAN_METHOD_LNS,
    PLAN_METHOD_GROUPS,
    PLAN_METHOD_KWAY,
    PLAN_METHOD_EXACT,
    PLAN_N_METHODS,
} PlanMethod;

const char *plan_method_name(PlanMethod method);

/** plan_method_help() - What it does, half a line */
const char *plan_method_help(PlanMethod method);

/**
 * plan_method_promise() - What is proven of @method's answer to this model
 *
 * Known for one resource, hosts that are all alike and no rules: the classical
 * bounds of bin packing. Return: half a sentence, static; NULL if nothing is
 */
const char *plan_method_promise(const PlanModel *model, PlanMethod method);

/**
 * plan_search_run() - Let @method work on @state
 *
 * ff, ffd, bf, bfd and pack first take off all guests that may move, and ask where
 * they would go if everything were decided afresh; online moves nobody and puts
 * what is nowhere where it adds least; quick puts it anywhere, and moves others if
 * nobody can come otherwise; the others keep what is
 * there, place what is nowhere, and never end worse than they began.
 * group-map-tune decides afresh as well, but goes back if that is worse. kway cuts
 * the traffic graph, and improves that unless what was there is better; without
 * partition() it only does the latter.
 *
 * Return: deltas asked for
 */
uint64_t plan_search_run(PlanState *state, PlanMethod method,
                         const PlanLimits *limits);

#endif
