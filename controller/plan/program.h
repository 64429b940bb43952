/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * program.h - a model as a mixed-integer program, for exact solutions
 *
 * x(g, h) is 1 if guest g is on host h; all else follows from these: hosts in
 * use, what is above safe levels, flows that cross places, the most moves of a
 * group. Minimise cost . x subject to least <= row . x <= most.
 */
#ifndef PLAN_PROGRAM_H
#define PLAN_PROGRAM_H

#include "plan/model.h"

typedef enum {
    PLAN_COLUMN_ON,      /* guest a on host b */
    PLAN_COLUMN_USED,    /* host a has guests */
    PLAN_COLUMN_OVER,    /* host a above its safe level of b */
    PLAN_COLUMN_IDLE,    /* balance b at host a */
    PLAN_COLUMN_CROSSES, /* flow a leaves its place of level b */
    PLAN_COLUMN_MOST,    /* guests moved in the group with most of them */
    PLAN_COLUMN_SPREAD,  /* rule a has a member in place b */
    PLAN_COLUMN_SIDE,    /* guest a is on the first side of host b */
    PLAN_COLUMN_WORST,   /* rule a, resource b: the least of the worst sums */
    PLAN_COLUMN_ABOVE,   /* ... what the sum of place c is more than that */
    PLAN_COLUMN_CARRIED, /* flow a goes over trunk b */
    PLAN_COLUMN_PART, /* group a of a partition, by number c, is in place b */
} PlanColumnKind;

typedef struct PlanColumn {
    PlanColumnKind kind;
    int32_t a, b, c;
    double cost;
    double most; /* 0 is the least */
    bool integer;
} PlanColumn;

typedef struct PlanEntry {
    int32_t column;
    double factor;
} PlanEntry;

typedef struct PlanConstraint {
    size_t start, end;  /* of entries */
    double least, most; /* G_MAXDOUBLE either way: none */
} PlanConstraint;

typedef struct PlanProgram {
    const PlanModel *model;
    GArray *columns;  /* PlanColumn */
    GArray *rows;     /* PlanConstraint */
    GArray *entries;  /* PlanEntry */
    int32_t *on;      /* [guest x n_hosts + host] column, or -1 */
    double constant;  /* of the cost */
    double gap;       /* a solution that is worse by this share will do */
    double share;     /* of what is left of the limit; 0: all of it */
    int64_t rounding; /* the model's cost may be that much less than ours */
} PlanProgram;

/**
 * plan_program_new() - The program of @model, which must outlive it
 *
 * Return: NULL with PLAN_ERROR_RANGE if it would have more than 2 million
 * entries, with PLAN_ERROR_MEMBER if traffic costs and the places do not nest,
 * or distances fall with the level
 */
PlanProgram *plan_program_new(const PlanModel *model, GError **error);
void plan_program_free(PlanProgram *program);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PlanProgram, plan_program_free)

/** plan_program_values() - What the columns are for a placement; g_free() it */
double *plan_program_values(const PlanProgram *program, const int32_t *host_of);

/** plan_program_cost() - The objective of these values */
double plan_program_cost(const PlanProgram *program, const double *values);

/** plan_program_holds() - Are all rows and columns within their bounds? */
bool plan_program_holds(const PlanProgram *program, const double *values);

/**
 * PlanSolver() - Solve @program, or get as far as limits let it
 * @start: Values of a solution to begin with, or NULL
 * @values: [columns] set to the best solution, if there is one
 * @bound: No solution costs less; set to -G_MAXDOUBLE if not known
 *
 * Return: whether there is a solution
 */
typedef bool (*PlanSolver)(void *data, const PlanProgram *program,
                           const double *start, double *values, double *bound);

#endif
