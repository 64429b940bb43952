/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pareto.c - see pareto.h
 *
 * The archive keeps what is not dominated, whatever run it came from: a run
 * that aims at one value may well find a point that another should have.
 */
#include "plan/pareto.h"

#include <string.h>

static void
point_free(void *data)
{
    PlanPoint *point = data;

    g_free(point->host_of);
    g_free(point);
}

static bool
dominates(const PlanPoint *a, int64_t first, int64_t second)
{
    return a->first <= first && a->second <= second;
}

static void
archive_add(GPtrArray *archive, const PlanState *state, size_t term)
{
    const PlanModel *m = plan_state_model(state);
    PlanPoint *point;
    bool hard;
    int64_t first;
    int64_t second = plan_state_score(state).cost;
    guint at = 0;

    plan_state_term(state, term, &hard, &first);
    for (guint i = archive->len; i-- > 0;) {
        const PlanPoint *other = archive->pdata[i];

        if (dominates(other, first, second)) {
            return;
        }
        if (first <= other->first && second <= other->second) {
            g_ptr_array_remove_index(archive, i);
        }
    }
    point = g_new0(PlanPoint, 1);
    point->first = first;
    point->second = second;
    point->host_of = g_memdup2(plan_state_hosts(state),
                               MAX(1, m->n_guests) * sizeof(int32_t));
    while (at < archive->len &&
           ((PlanPoint *)archive->pdata[at])->first < first) {
        at++;
    }
    g_ptr_array_insert(archive, (gint)at, point);
}

/* The point with most of the first that is still within @most */
static const PlanPoint *
best_within(const GPtrArray *archive, int64_t most)
{
    const PlanPoint *best = NULL;

    for (guint i = 0; i < archive->len; i++) {
        const PlanPoint *point = archive->pdata[i];

        if (point->first <= most) {
            best = point;
        }
    }
    return best;
}

static void
aim(PlanState *state, const PlanParetoQuery *query, size_t term, int64_t most,
    GPtrArray *archive)
{
    const PlanPoint *start = best_within(archive, most);
    bool hard;
    int64_t first;

    if (query->begin) {
        query->begin(query->limits.data);
    }
    if (start) {
        plan_state_reset(state, start->host_of);
    }
    plan_state_limit(state, term, most);
    plan_search_run(state, PLAN_METHOD_LNS, &query->limits);
    /* kept or not, it may be a point of its own once rules hold */
    plan_state_term(state, term, &hard, &first);
    plan_state_limit(state, term, first);
    if (plan_state_score(state).violation == 0) {
        archive_add(archive, state, term);
    }
}

GPtrArray *
plan_pareto(const PlanModel *m, const PlanParetoQuery *query, GError **error)
{
    g_autoptr(PlanState) state = plan_state_new(m, NULL);
    g_autoptr(GPtrArray) archive = g_ptr_array_new_with_free_func(point_free);
    g_autoptr(GString) names = g_string_new(NULL);
    size_t term = SIZE_MAX;
    int64_t least;
    int64_t most;

    for (size_t i = 0; i < plan_state_terms(state); i++) {
        bool hard;
        int64_t value;
        const char *name = plan_state_term(state, i, &hard, &value);

        if (!hard) {
            g_string_append_printf(names, "%s%s", names->len ? ", " : "", name);
            term = strcmp(name, query->term) == 0 ? i : term;
        }
    }
    if (term == SIZE_MAX) {
        g_set_error(error, PLAN_ERROR, PLAN_ERROR_MEMBER,
                    "\"%s\" is none of the model's objectives (%s)",
                    query->term, names->len ? names->str : "it has none");
        return NULL;
    }
    aim(state, query, term, INT64_MAX, archive);
    aim(state, query, term, 0, archive);
    if (archive->len < 2) {
        return g_steal_pointer(&archive);
    }
    least = ((PlanPoint *)archive->pdata[0])->first;
    most = ((PlanPoint *)archive->pdata[archive->len - 1])->first;
    for (size_t i = 1; i + 1 < query->n_points; i++) {
        double share = (double)i / (double)(query->n_points - 1);

        aim(state, query, term,
            least + (int64_t)(share * (double)(most - least)), archive);
    }
    return g_steal_pointer(&archive);
}
