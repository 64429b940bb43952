/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search.c - see search.h
 */
#include "plan/search-priv.h"

#include <string.h>

static const struct {
    const char *name;
    const char *help;
} methods[] = {
    [PLAN_METHOD_FF] = { "ff", "first host that has room" },
    [PLAN_METHOD_FFD] = { "ffd", "... largest guests first" },
    [PLAN_METHOD_BF] = { "bf", "fullest host that has room" },
    [PLAN_METHOD_BFD] = { "bfd", "... largest guests first" },
    [PLAN_METHOD_PACK] = { "pack", "host by host, as full as can be" },
    [PLAN_METHOD_ONLINE] = { "online", "only guests that wait, one by one" },
    [PLAN_METHOD_QUICK] = { "quick", "guests that wait, at whatever cost" },
    [PLAN_METHOD_HILL] = { "hill", "shifts and swaps while they help" },
    [PLAN_METHOD_ANNEAL] = { "anneal",
                             "random shifts and swaps, cooling down" },
    [PLAN_METHOD_GENETIC] = { "genetic", "children of two placements" },
    [PLAN_METHOD_PARTICLES] = { "pso", "particle swarm" },
    [PLAN_METHOD_ANTS] = { "aco", "ant colony" },
    [PLAN_METHOD_LNS] = { "lns", "take off some guests, put them back better" },
    [PLAN_METHOD_GROUPS] = { "group-map-tune",
                             "who exchanges most together, then as hill" },
    [PLAN_METHOD_EXACT] = { "exact", "integer programming, for small cases" },
    [PLAN_METHOD_KWAY] = { "kway", "cut the traffic graph, then as lns" },
};
G_STATIC_ASSERT(G_N_ELEMENTS(methods) == PLAN_N_METHODS);

const char *
plan_method_name(PlanMethod method)
{
    return methods[method].name;
}

const char *
plan_method_help(PlanMethod method)
{
    return methods[method].help;
}

bool
plan_search_goes_on(PlanSearch *s, uint64_t work)
{
    s->work += work;
    if (s->limits->work) {
        s->progress =
            MAX(s->progress, (double)s->work / (double)s->limits->work);
        s->stopped = s->stopped || s->work >= s->limits->work;
    }
    if (!s->stopped && s->limits->stop && s->work >= s->ask_at) {
        double progress = 0;

        s->ask_at = s->work + PLAN_SEARCH_ASK_EVERY;
        s->stopped = s->limits->stop(s->limits->data, &progress);
        s->progress = MAX(s->progress, progress);
    }
    return !s->stopped;
}

void
plan_search_note(PlanSearch *s)
{
    PlanScore score = plan_state_score(s->state);

    if (!plan_score_less(score, s->best)) {
        return;
    }
    s->best = score;
    memcpy(s->best_hosts, plan_state_hosts(s->state),
           s->model->n_guests * sizeof(int32_t));
    if (s->limits->improved) {
        s->limits->improved(s->limits->data, score, s->work);
    }
}

/* splitmix64, so that neighbouring seeds have nothing in common */
static uint64_t
spread_seed(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t
plan_search_run(PlanState *state, PlanMethod method, const PlanLimits *limits)
{
    const PlanModel *model = plan_state_model(state);
    uint64_t seed = limits->seed;
    g_autofree int32_t *best_hosts = g_memdup2(
        plan_state_hosts(state), MAX(1, model->n_guests) * sizeof(int32_t));
    PlanSearch s = {
        .state = state,
        .model = model,
        .limits = limits,
        .best = plan_state_score(state),
        .best_hosts = best_hosts,
    };

    if (model->n_hosts == 0 || model->n_guests == 0) {
        return 0;
    }
    s.random[0] = spread_seed(&seed);
    s.random[1] = spread_seed(&seed);
    switch (method) {
    case PLAN_METHOD_FF:
    case PLAN_METHOD_FFD:
    case PLAN_METHOD_BF:
    case PLAN_METHOD_BFD:
        plan_search_greedy(
            &s, method == PLAN_METHOD_BF || method == PLAN_METHOD_BFD,
            method == PLAN_METHOD_FFD || method == PLAN_METHOD_BFD);
        return s.work;
    case PLAN_METHOD_PACK:
        plan_search_pack(&s);
        g_free(s.promising);
        return s.work;
    case PLAN_METHOD_ONLINE:
        plan_search_place_rest(&s);
        break;
    case PLAN_METHOD_QUICK:
        plan_search_quick(&s);
        break;
    case PLAN_METHOD_HILL:
        plan_search_place_rest(&s);
        plan_search_hill(&s, G_MAXDOUBLE);
        break;
    case PLAN_METHOD_ANNEAL:
        plan_search_place_rest(&s);
        plan_search_anneal(&s, &plan_anneal_plain, 1);
        break;
    case PLAN_METHOD_GENETIC:
        plan_search_place_rest(&s);
        plan_search_genetic(&s);
        break;
    case PLAN_METHOD_PARTICLES:
        plan_search_place_rest(&s);
        plan_search_particles(&s);
        break;
    case PLAN_METHOD_ANTS:
        plan_search_place_rest(&s);
        plan_search_ants(&s);
        break;
    case PLAN_METHOD_LNS:
        plan_search_lns(&s, 1);
        break;
    case PLAN_METHOD_GROUPS:
        plan_search_place_rest(&s);
        plan_search_group_map_tune(&s);
        break;
    case PLAN_METHOD_KWAY:
        plan_search_place_rest(&s);
        if (limits->partition) {
            plan_search_kway(&s, limits->partition);
        }
        plan_search_refine(&s);
        break;
    case PLAN_METHOD_EXACT:
        plan_search_place_rest(&s);
        plan_search_exact(&s);
        break;
    default:
        g_assert_not_reached();
    }
    plan_search_note(&s);
    plan_state_reset(state, s.best_hosts);
    g_free(s.promising);
    return s.work;
}
