/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * moves-decide.c - is there any order of migrations at all, and which?
 *
 * Two answers are looked for side by side, with ten times as much time each time:
 * that the target cannot be reached (moves-reach.c), mostly seen at once, and the
 * fewest migrations that lead there (moves-exact.c). Where these take too long, any
 * way will do, then the way back, for every migration can be taken back.
 */
#include "plan/moves-priv.h"

/* At a guest's room on a host; where many hosts are, fewer */
#define FIRST_LOOKS 30000
#define MOST_LOOKS 3000000
#define MOST_LOOKS_MANY 1000000
#define FEW_HOSTS 6
#define HASTE 5 /* what a guest that is away counts, in migrations */

/* Is every host within its limits, and its guests no more than numbers? */
static bool
all_fits(const PlanModel *m, const int32_t *host_of)
{
    size_t n = m->n_resources;
    g_autofree int64_t *use = g_new0(int64_t, m->n_hosts * n + 1);
    bool fits = true;

    for (int32_t g = 0; g < (int32_t)m->n_guests; g++) {
        if (host_of[g] != PLAN_NOWHERE) {
            plan_model_book(m, use, g, host_of[g], 1);
        }
    }
    for (size_t i = 0; i < m->n_hosts * n; i++) {
        fits = fits && use[i] <= m->limit[i];
    }
    for (size_t h = 0; h < m->n_hosts; h++) {
        fits = fits && !m->hosts[h].sides;
    }
    return fits;
}

/* Perhaps little can be reached from the end */
static GArray *
find_way_back(const PlanModel *m, const int32_t *home, const int32_t *goals,
              uint64_t most_looks, bool *decided)
{
    g_autoptr(GArray) back = NULL;
    GArray *steps;

    if (!all_fits(m, home)) {
        return NULL;
    }
    back = plan_moves_find_way(m, goals, home, HASTE, most_looks, decided);
    if (!back) {
        return NULL;
    }
    steps = g_array_new(FALSE, FALSE, sizeof(PlanStep));
    for (guint i = back->len; i-- > 0;) {
        PlanStep step = g_array_index(back, PlanStep, i);
        int32_t from = step.to;

        step.to = step.from;
        step.from = from;
        g_array_append_val(steps, step);
    }
    return steps;
}

GArray *
plan_moves_decide(const PlanModel *m, const int32_t *target, bool *decided)
{
    g_autofree int32_t *home = plan_model_hosts(m);
    g_autofree int32_t *goals = g_new(int32_t, m->n_guests + 1);
    uint64_t most = m->n_hosts <= FEW_HOSTS ? MOST_LOOKS : MOST_LOOKS_MANY;
    PlanReach reach = PLAN_REACH_UNKNOWN;
    GArray *steps = NULL;

    for (size_t g = 0; g < m->n_guests; g++) {
        goals[g] = target[g] == PLAN_NOWHERE ? home[g] : target[g];
    }
    *decided = false;
    for (uint64_t looks = FIRST_LOOKS; looks <= most && !*decided;
         looks *= 10) {
        if (reach == PLAN_REACH_UNKNOWN) {
            reach = plan_moves_reach(m, home, goals, looks);
        }
        if (reach == PLAN_REACH_NO) {
            *decided = true;
        } else {
            steps = plan_moves_find_way(m, home, goals, 1, looks, decided);
        }
    }
    if (!*decided) {
        steps = plan_moves_find_way(m, home, goals, HASTE, most, decided);
    }
    if (!*decided) {
        steps = find_way_back(m, home, goals, most, decided);
    }
    return steps;
}
