/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-search.c - methods never make it worse, repeat themselves, find optima
 * of small cases; bounds are below every placement
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "plan/bound.h"
#include "plan/check.h"
#include "plan/import.h"
#include "plan/search.h"
#include "random-model.h"

static bool
constructive(PlanMethod method)
{
    return method <= PLAN_METHOD_PACK;
}

ParameterizedTestParameters(search, improves)
{
    static PlanMethod methods[PLAN_N_METHODS];

    for (int i = 0; i < PLAN_N_METHODS; i++) {
        methods[i] = (PlanMethod)i;
    }
    return cr_make_param_array(PlanMethod, methods, G_N_ELEMENTS(methods));
}

/* The end is not worse than the start, is what the checker says, and comes out
 * again for the same seed. */
ParameterizedTest(PlanMethod *method, search, improves)
{
    size_t n_better = 0;

    for (guint32 seed = 1; seed <= 60; seed++) {
        g_autoptr(PlanModel) m = random_model(seed);
        g_autoptr(PlanState) s = plan_state_new(m, NULL);
        g_autoptr(PlanState) again = plan_state_new(m, NULL);
        g_autoptr(PlanVerdict) verdict = NULL;
        PlanScore start = plan_state_score(s);
        PlanScore end;
        PlanLimits limits = { .work = 20000, .seed = seed };
        uint64_t work = plan_search_run(s, *method, &limits);

        end = plan_state_score(s);
        cr_assert_eq(work, plan_search_run(again, *method, &limits));
        cr_assert_arr_eq(plan_state_hosts(s), plan_state_hosts(again),
                         m->n_guests * sizeof(int32_t));
        verdict = plan_check(m, plan_state_hosts(s), 10);
        cr_assert_eq(verdict->cost, end.cost);
        cr_assert_eq(verdict->n_broken == 0, end.violation == 0);
        cr_assert(constructive(*method) || !plan_score_less(start, end),
                  "%s, seed %u", plan_method_name(*method), seed);
        n_better += plan_score_less(end, start);
        for (size_t g = 0; g < m->n_guests; g++) {
            cr_assert(!constructive(*method) || !m->guests[g].pinned ||
                      m->guests[g].host == PLAN_NOWHERE ||
                      plan_state_hosts(s)[g] == m->guests[g].host);
        }
    }
    cr_assert(constructive(*method) ||
                  n_better > (*method == PLAN_METHOD_ONLINE ||
                                      *method == PLAN_METHOD_QUICK
                                  ? 10
                                  : 30),
              "%s was better %zu times", plan_method_name(*method), n_better);
}

/* Requests that wait get a place, nobody else moves. */
Test(search, online_moves_nobody)
{
    size_t n_placed = 0;

    for (guint32 seed = 1; seed <= 60; seed++) {
        g_autoptr(PlanModel) m = random_model(seed);
        g_autoptr(PlanState) s = plan_state_new(m, NULL);
        PlanScore start = plan_state_score(s);
        PlanLimits limits = { .seed = seed };

        plan_search_run(s, PLAN_METHOD_ONLINE, &limits);
        cr_assert(!plan_score_less(start, plan_state_score(s)));
        for (size_t g = 0; g < m->n_guests; g++) {
            int32_t home = m->guests[g].host;

            cr_assert(home == PLAN_NOWHERE || plan_state_hosts(s)[g] == home);
            n_placed +=
                home == PLAN_NOWHERE && plan_state_hosts(s)[g] != PLAN_NOWHERE;
        }
    }
    cr_assert_gt(n_placed, 10);
}

/* Groups of four that have to share a rack, groups of three on different hosts and
 * single guests, some of which only the last hosts are large enough for; three
 * quarters full. One pass places everybody. */
Test(search, quick_places_everybody)
{
    g_autoptr(PlanModel) m = plan_model_new(1, 80, 240, 40, 40, 0, 0);
    g_autoptr(PlanState) s = NULL;
    g_autoptr(PlanVerdict) verdict = NULL;
    PlanLimits limits = { .seed = 1 };
    int32_t next = 0;

    m->resources[0].name = g_strdup("slots");
    for (size_t h = 0; h < m->n_hosts; h++) {
        g_autofree char *rack = g_strdup_printf("r%zu", h / 8);

        m->hosts[h].name = g_strdup_printf("h%zu", h);
        m->place[PLAN_LEVEL_RACK][h] =
            plan_model_place(m, PLAN_LEVEL_RACK, rack);
        m->capacity[h] = m->safe[h] = h < 60 ? 10 : 20;
    }
    for (size_t g = 0; g < m->n_guests; g++) {
        m->guests[g].name = g_strdup_printf("g%zu", g);
        m->guests[g].host = PLAN_NOWHERE;
        m->demand[g] = g >= 230 ? 15 : (int64_t)(1 + g * 7 % 5);
    }
    for (size_t k = 0; k < m->n_groups; k++) {
        PlanGroup *group = &m->groups[k];

        group->name = g_strdup_printf("k%zu", k);
        group->n_members = k < 20 ? 4 : 3;
        group->members = g_new(int32_t, group->n_members);
        for (size_t i = 0; i < group->n_members; i++) {
            group->members[i] = next++;
        }
        m->rules[k].kind = k < 20 ? PLAN_RULE_TOGETHER : PLAN_RULE_APART;
        m->rules[k].level = k < 20 ? PLAN_LEVEL_RACK : PLAN_LEVEL_HOST;
        m->rules[k].group = (int32_t)k;
    }
    cr_assert(plan_model_finish(m, NULL));
    s = plan_state_new(m, NULL);
    plan_search_run(s, PLAN_METHOD_QUICK, &limits);
    verdict = plan_check(m, plan_state_hosts(s), 10);
    cr_assert_eq(verdict->n_broken, 0);
    cr_assert_eq(plan_state_score(s).violation, 0);
}

/* First fit decreasing of 1-D packing promises 11/9; not of anything else. */
Test(search, promises)
{
    g_autoptr(PlanModel) rules = random_model(1);
    g_autoptr(PlanModel) packing =
        plan_import_packing((PlanText){ "2\n9\n4\n5\n", 8 }, 1, NULL);

    cr_assert_null(plan_method_promise(rules, PLAN_METHOD_FFD));
    cr_assert(strstr(plan_method_promise(packing, PLAN_METHOD_FFD), "11/9"));
    cr_assert(strstr(plan_method_promise(packing, PLAN_METHOD_BF), "17/10"));
    cr_assert_null(plan_method_promise(packing, PLAN_METHOD_LNS));
}

/* The limit of work is kept, but for what one step takes. */
Test(search, work_limit)
{
    g_autoptr(PlanModel) m = random_model(5);

    for (int i = 0; i < PLAN_N_METHODS; i++) {
        g_autoptr(PlanState) s = plan_state_new(m, NULL);
        PlanLimits limits = { .work = 100, .seed = 1 };

        cr_assert_leq(plan_search_run(s, (PlanMethod)i, &limits), 25000);
    }
}

typedef struct Stop {
    int asked;
} Stop;

static bool
stop_soon(void *data, double *progress)
{
    Stop *stop = data;

    *progress = stop->asked / 20.0;
    return ++stop->asked > 20;
}

Test(search, stop_is_heard)
{
    g_autoptr(PlanModel) m = random_model(5);
    static const PlanMethod endless[] = { PLAN_METHOD_ANNEAL,
                                          PLAN_METHOD_GENETIC,
                                          PLAN_METHOD_PARTICLES,
                                          PLAN_METHOD_ANTS, PLAN_METHOD_LNS };

    for (size_t i = 0; i < G_N_ELEMENTS(endless); i++) {
        g_autoptr(PlanState) s = plan_state_new(m, NULL);
        Stop stop = { 0 };
        PlanLimits limits = { .stop = stop_soon, .data = &stop };

        plan_search_run(s, endless[i], &limits);
        cr_assert_eq(stop.asked, 21);
    }
}

/* Two halves, by number, as nobody would cut who looked at the edges */
static bool
halves(const PlanGraph *graph, uint32_t seed, int32_t *part)
{
    for (size_t v = 0; v < graph->n; v++) {
        float share = 0;

        cr_assert_leq(graph->start[v], graph->start[v + 1]);
        for (size_t p = 0; p < graph->n_parts; p++) {
            share += graph->share[p * graph->n_weights];
        }
        cr_assert_float_eq(share, 1, 1e-3);
        part[v] = (int32_t)(v * graph->n_parts / graph->n);
    }
    return true;
}

static bool
no_cut(const PlanGraph *graph, uint32_t seed, int32_t *part)
{
    return false;
}

/* Whatever the partitioner says, rules hold and nothing gets worse. */
Test(search, kway_with_poor_partitioners)
{
    static const PlanPartition partitions[] = { halves, no_cut };

    for (guint32 seed = 1; seed <= 40; seed++) {
        for (size_t i = 0; i < G_N_ELEMENTS(partitions); i++) {
            g_autoptr(PlanModel) m = random_model(seed);
            g_autoptr(PlanState) s = plan_state_new(m, NULL);
            g_autoptr(PlanVerdict) verdict = NULL;
            PlanScore start = plan_state_score(s);
            PlanScore end;
            PlanLimits limits = { .work = 20000,
                                  .seed = seed,
                                  .partition = partitions[i] };

            plan_search_run(s, PLAN_METHOD_KWAY, &limits);
            end = plan_state_score(s);
            cr_assert(!plan_score_less(start, end));
            verdict = plan_check(m, plan_state_hosts(s), 10);
            cr_assert_eq(verdict->cost, end.cost);
        }
    }
}

/* The best of all placements of a small model, by trying them all */
static PlanScore
best_of_all(const PlanModel *m, PlanScore *feasible, PlanBound bound)
{
    g_autofree int32_t *host_of = g_new0(int32_t, m->n_guests);
    g_autoptr(PlanState) s = plan_state_new(m, host_of);
    PlanScore best = plan_state_score(s);

    feasible->violation = 1;
    for (;;) {
        PlanScore score = plan_state_score(s);
        size_t g = 0;

        if (plan_score_less(score, best)) {
            best = score;
        }
        if (score.violation == 0) {
            g_autoptr(PlanVerdict) v = plan_check(m, plan_state_hosts(s), 1);

            *feasible = score;
            cr_assert_leq(bound.cost, score.cost);
            cr_assert_leq(bound.hosts, (int64_t)v->n_active);
            cr_assert_leq(bound.moves, (int64_t)v->n_moved);
            cr_assert(!bound.infeasible);
        }
        while (g < m->n_guests &&
               plan_state_hosts(s)[g] == (int32_t)m->n_hosts - 1) {
            plan_state_move(s, (int32_t)g++, 0);
        }
        if (g == m->n_guests) {
            return best;
        }
        plan_state_move(s, (int32_t)g, plan_state_hosts(s)[g] + 1);
    }
}

/* A small model with loose rules, so that some placements are feasible */
static PlanModel *
small_model(guint32 seed)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    size_t n_guests = (size_t)g_rand_int_range(rand, 3, 8);
    PlanModel *m = plan_model_new(2, 3, n_guests, 1, 1, 1, n_guests - 1);

    for (size_t r = 0; r < 2; r++) {
        m->resources[r].name = g_strdup_printf("r%zu", r);
        m->resources[r].over_weight = g_rand_int_range(rand, 0, 3);
    }
    for (size_t h = 0; h < 3; h++) {
        m->hosts[h].name = g_strdup_printf("h%zu", h);
        m->hosts[h].idle_mw = g_rand_int_range(rand, 10, 100);
        m->hosts[h].busy_mw = 2 * m->hosts[h].idle_mw;
        m->hosts[h].closed = h == 2 && g_rand_int_range(rand, 0, 5) == 0;
        m->place[PLAN_LEVEL_RACK][h] =
            plan_model_place(m, PLAN_LEVEL_RACK, h ? "x" : "y");
        for (size_t r = 0; r < 2; r++) {
            m->capacity[2 * h + r] = g_rand_int_range(rand, 10, 40);
            m->safe[2 * h + r] = m->capacity[2 * h + r] / 2;
        }
    }
    for (size_t g = 0; g < n_guests; g++) {
        m->guests[g].name = g_strdup_printf("g%zu", g);
        m->guests[g].host = g_rand_int_range(rand, -1, 3);
        m->demand[2 * g] = g_rand_int_range(rand, 1, 12);
        m->demand[2 * g + 1] = g_rand_int_range(rand, 1, 12);
        if (g + 1 < n_guests) {
            m->flows[g] = (PlanFlow){ (int32_t)g, (int32_t)g + 1,
                                      g_rand_int_range(rand, 0, 9) };
        }
    }
    m->groups[0].name = g_strdup("k");
    m->groups[0].n_members = 2;
    m->groups[0].members = g_new0(int32_t, 2);
    m->groups[0].members[1] = 1;
    m->rules[0] =
        (PlanRule){ .kind = PLAN_RULE_APART, .level = PLAN_LEVEL_HOST };
    m->balances[0] = (PlanBalance){ 0, 1, 2, 1 };
    m->weights =
        (PlanWeights){ .hosts = 50, .energy = 1, .traffic = 1, .move = 20 };
    cr_assert(plan_model_finish(m, NULL));
    return m;
}

Test(search, small_cases_to_the_optimum)
{
    size_t n_feasible = 0;
    size_t n_found[PLAN_N_METHODS] = { 0 };
    size_t n_cases = 150;

    for (guint32 seed = 1; seed <= n_cases; seed++) {
        g_autoptr(PlanModel) m = small_model(seed);
        PlanScore feasible;
        PlanBound bound = plan_bound(m);
        PlanScore best;

        plan_bound_refine(&bound, m, 100000, NULL, NULL);
        best = best_of_all(m, &feasible, bound);

        n_feasible += feasible.violation == 0;
        for (int i = 0; i < PLAN_N_METHODS; i++) {
            g_autoptr(PlanState) s = plan_state_new(m, NULL);
            PlanLimits limits = { .work = 20000, .seed = seed };

            plan_search_run(s, (PlanMethod)i, &limits);
            cr_assert(plan_state_score(s).violation > best.violation ||
                      !plan_score_less(plan_state_score(s), best));
            n_found[i] += plan_state_score(s).violation == best.violation &&
                          plan_state_score(s).cost == best.cost;
        }
    }
    cr_log_info("feasible %zu, hill %zu, anneal %zu, lns %zu of %zu",
                n_feasible, n_found[PLAN_METHOD_HILL],
                n_found[PLAN_METHOD_ANNEAL], n_found[PLAN_METHOD_LNS], n_cases);
    cr_assert(n_feasible > 50 && n_feasible <= n_cases);
    cr_assert_geq(n_found[PLAN_METHOD_LNS], n_cases * 95 / 100,
                  "lns found %zu optima of %zu", n_found[PLAN_METHOD_LNS],
                  n_cases);
    cr_assert_geq(n_found[PLAN_METHOD_ANNEAL], n_cases * 60 / 100,
                  "anneal found %zu optima of %zu", n_found[PLAN_METHOD_ANNEAL],
                  n_cases);
}

static void
improved(void *data, PlanScore score, uint64_t work)
{
    PlanScore *last = data;

    cr_assert(plan_score_less(score, *last));
    *last = score;
}

Test(search, tells_of_each_better_one)
{
    g_autoptr(PlanModel) m = small_model(4);
    g_autoptr(PlanState) s = plan_state_new(m, NULL);
    PlanScore last = plan_state_score(s);
    PlanLimits limits = {
        .work = 5000, .improved = improved, .data = &last, .seed = 1
    };

    plan_search_run(s, PLAN_METHOD_LNS, &limits);
    cr_assert_eq(last.cost, plan_state_score(s).cost);
    cr_assert_eq(last.violation, plan_state_score(s).violation);
}
