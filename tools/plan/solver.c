/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * solver.c - see solver.h
 *
 * Costs are scaled so that the largest is a million: CBC's tolerances are
 * absolute, and weights are as their author likes.
 */
#include "tools/plan/solver.h"

#ifdef HAVE_CBC

#include <coin/Cbc_C_Interface.h>
#include <float.h>
#include <math.h>

#define LARGEST 1e6

static double
scale_of(const PlanProgram *p)
{
    double largest = 1e-9;

    for (guint i = 0; i < p->columns->len; i++) {
        largest =
            MAX(largest, fabs(g_array_index(p->columns, PlanColumn, i).cost));
    }
    return LARGEST / largest;
}

static void
add_rows(Cbc_Model *cbc, const PlanProgram *p)
{
    g_autofree int *columns = g_new(int, p->columns->len + 1);
    g_autofree double *factors = g_new(double, p->columns->len + 1);
    g_autofree int *at = g_new(int, p->columns->len + 1);

    for (guint i = 0; i < p->columns->len; i++) {
        at[i] = -1;
    }
    for (guint i = 0; i < p->rows->len; i++) {
        const PlanConstraint *row = &g_array_index(p->rows, PlanConstraint, i);
        bool least = row->least > -G_MAXDOUBLE;
        bool most = row->most < G_MAXDOUBLE;
        int n = 0;

        /* a guest of two groups is in a row twice: CBC wants it once */
        for (size_t e = row->start; e < row->end; e++) {
            const PlanEntry *entry = &g_array_index(p->entries, PlanEntry, e);

            if (at[entry->column] < 0) {
                at[entry->column] = n;
                columns[n] = entry->column;
                factors[n++] = 0;
            }
            factors[at[entry->column]] += entry->factor;
        }
        for (int k = 0; k < n; k++) {
            at[columns[k]] = -1;
        }
        if (least && most) {
            Cbc_addRow(cbc, "", n, columns, factors, 'E', row->least);
        } else if (least || most) {
            Cbc_addRow(cbc, "", n, columns, factors, most ? 'L' : 'G',
                       most ? row->most : row->least);
        }
    }
}

static void
set_start(Cbc_Model *cbc, const PlanProgram *p, const double *start)
{
    g_autofree int *columns = g_new(int, p->columns->len + 1);

    for (guint i = 0; i < p->columns->len; i++) {
        columns[i] = (int)i;
    }
    Cbc_setMIPStartI(cbc, (int)p->columns->len, columns, start);
}

static bool
solve(void *data, const PlanProgram *p, const double *start, double *values,
      double *bound)
{
    const PlanCbcLimits *limits = data;
    Cbc_Model *cbc = Cbc_newModel();
    double scale = scale_of(p);
    const double *best;
    bool linear = true;

    Cbc_setLogLevel(cbc, 0);
    Cbc_setParameter(cbc, "timeMode", "elapsed");
    /* CBC 2.10.8 crashes in its preprocessing's end if the time is over there */
    Cbc_setParameter(cbc, "preprocess", "off");
    for (guint i = 0; i < p->columns->len; i++) {
        const PlanColumn *c = &g_array_index(p->columns, PlanColumn, i);

        linear = linear && !c->integer;
        Cbc_addCol(cbc, "", 0, c->most < G_MAXDOUBLE ? c->most : DBL_MAX,
                   c->cost * scale, (char)c->integer, 0, NULL, NULL);
    }
    add_rows(cbc, p);
    Cbc_setAllowableGap(cbc, 0);
    Cbc_setAllowableFractionGap(cbc, p->gap);
    if (limits->seconds > 0) {
        Cbc_setMaximumSeconds(cbc, limits->seconds);
    }
    if (limits->nodes > 0) {
        Cbc_setMaximumNodes(cbc, limits->nodes);
    }
    if (start) {
        set_start(cbc, p, start);
    }
    Cbc_solve(cbc);
    best = Cbc_numberSavedSolutions(cbc) > 0 || Cbc_isProvenOptimal(cbc)
               ? Cbc_bestSolution(cbc)
               : NULL;
    /* of a program without whole numbers nothing is saved */
    if (!best && linear && Cbc_isInitialSolveProvenOptimal(cbc)) {
        best = Cbc_getColSolution(cbc);
    }
    *bound = -G_MAXDOUBLE;
    if (Cbc_isProvenOptimal(cbc) || Cbc_isSecondsLimitReached(cbc) ||
        Cbc_isNodeLimitReached(cbc)) {
        /* what tolerances may have cost */
        double least = Cbc_getBestPossibleObjValue(cbc) / scale;

        *bound = p->constant + least - 1e-6 * fabs(least) - 1e-6 / scale;
    }
    for (guint i = 0; best && i < p->columns->len; i++) {
        values[i] = best[i];
    }
    Cbc_deleteModel(cbc);
    return best != NULL;
}

const PlanSolver plan_cbc_solve = solve;

#else

const PlanSolver plan_cbc_solve = NULL;

#endif
