/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * solving.c - see solving.h
 */
#include "tools/plan/solving.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "tools/plan/partition.h"
#include "tools/plan/solver.h"

typedef struct Watch {
    const Solving *solving;
    int64_t start_us;
    GMutex lock;     /* of what follows: several threads tell */
    int64_t told_us; /* of the last line of progress */
    PlanScore best;  /* told of */
    int64_t proved;  /* no placement costs less */
} Watch;

static double
elapsed_s(const Watch *watch)
{
    return (double)(clock_mono_us() - watch->start_us) / 1e6;
}

static bool
stop(void *data, double *progress)
{
    const Watch *watch = data;
    double elapsed = elapsed_s(watch);

    *progress = elapsed / watch->solving->time_limit_s;
    return elapsed >= watch->solving->time_limit_s;
}

static void
improved(void *data, PlanScore score, uint64_t work)
{
    Watch *watch = data;
    int64_t now_us = clock_mono_us();

    g_mutex_lock(&watch->lock);
    /* at most ten lines a second */
    if (now_us - watch->told_us >= 100000 &&
        plan_score_less(score, watch->best)) {
        watch->told_us = now_us;
        watch->best = score;
        fprintf(stderr, "%8.1f s  violation %" PRId64 "  cost %" PRId64 "\n",
                elapsed_s(watch), score.violation, score.cost);
    }
    g_mutex_unlock(&watch->lock);
}

static void
proved(void *data, int64_t cost)
{
    Watch *watch = data;

    watch->proved = MAX(watch->proved, cost);
}

/* CBC in what is left of the limit; a node is counted as a thousand steps */
static bool
solve_in_time(void *data, const PlanProgram *program, const double *start,
              double *values, double *bound)
{
    const Watch *watch = data;
    const Solving *solving = watch->solving;
    double share = program->share > 0 ? program->share : 1;
    double nodes = (double)solving->work_limit / 1000 * share;
    PlanCbcLimits limits = {
        .nodes = solving->work_limit ? (int)CLAMP(nodes, 1, 1e9) : 0,
    };

    if (solving->time_limit_s > 0) {
        limits.seconds =
            MAX(0.1, share * (solving->time_limit_s - elapsed_s(watch)));
    }
    return plan_cbc_solve(&limits, program, start, values, bound);
}

typedef struct Worker {
    PlanState *state;
    PlanMethod method;
    PlanLimits limits;
    uint64_t work;
} Worker;

static gpointer
work(gpointer data)
{
    Worker *worker = data;

    worker->work =
        plan_search_run(worker->state, worker->method, &worker->limits);
    return NULL;
}

/* Methods that come out otherwise for another seed. METIS and CBC have state
 * that is not one thread's own. */
static bool
worth_threads(PlanMethod method)
{
    return method == PLAN_METHOD_HILL || method == PLAN_METHOD_ANNEAL ||
           method == PLAN_METHOD_GENETIC || method == PLAN_METHOD_PARTICLES ||
           method == PLAN_METHOD_ANTS || method == PLAN_METHOD_LNS ||
           method == PLAN_METHOD_GROUPS;
}

/* All start from the same placement with seeds of their own; the best of them,
 * the first of equal ones, is the answer, whoever is ready first. */
static Worker *
run_workers(const PlanModel *model, PlanMethod method, const PlanLimits *limits,
            size_t n)
{
    Worker *workers = g_new0(Worker, n);
    g_autofree GThread **threads = g_new0(GThread *, n);
    size_t best = 0;

    for (size_t i = 0; i < n; i++) {
        workers[i] = (Worker){ .state = plan_state_new(model, NULL),
                               .method = method,
                               .limits = *limits };
        workers[i].limits.seed += i * 1000003;
        workers[i].limits.variant = (unsigned)i;
        if (i > 0) {
            workers[i].limits.solver = NULL;
        }
        if (i > 0) {
            threads[i] = g_thread_new("search", work, &workers[i]);
        }
    }
    work(&workers[0]);
    for (size_t i = 1; i < n; i++) {
        g_thread_join(threads[i]);
        workers[0].work += workers[i].work;
        if (plan_score_less(plan_state_score(workers[i].state),
                            plan_state_score(workers[best].state))) {
            best = i;
        }
    }
    if (best > 0) {
        PlanState *swap = workers[0].state;

        workers[0].state = workers[best].state;
        workers[best].state = swap;
    }
    for (size_t i = 1; i < n; i++) {
        plan_state_free(workers[i].state);
    }
    return workers;
}

Solved *
solving_run(const PlanModel *model, PlanMethod method, const Solving *solving)
{
    Watch watch = { .solving = solving,
                    .start_us = clock_mono_us(),
                    .best = { INT64_MAX, INT64_MAX },
                    .proved = INT64_MIN };
    PlanLimits limits = {
        .work = solving->work_limit,
        .seed = solving->seed,
        .stop = solving->time_limit_s > 0 ? stop : NULL,
        .improved = solving->progress ? improved : NULL,
        .data = &watch,
        .partition = plan_metis_partition,
        .solver = plan_cbc_solve ? solve_in_time : NULL,
        .solver_data = &watch,
        .proved = proved,
    };
    size_t n_threads =
        worth_threads(method) ? MAX(1, (size_t)solving->threads) : 1;
    g_autoptr(PlanState) state = plan_state_new(model, NULL);
    g_autoptr(Solved) solved = g_new0(Solved, 1);
    g_autofree Worker *workers = NULL;
    double running;

    solved->method = method;
    solved->start = plan_state_score(state);
    running = plan_worth_running(state);
    plan_state_free(g_steal_pointer(&state));
    g_mutex_init(&watch.lock);
    workers = run_workers(model, method, &limits, n_threads);
    g_mutex_clear(&watch.lock);
    state = workers[0].state;
    solved->work = workers[0].work;
    if (solving->worth.horizon_s > 0) {
        solved->n_sent_home = plan_worth_keep(state, &solving->worth);
        solved->price = plan_worth_price(state, &solving->worth);
        solved->saved =
            (running - plan_worth_running(state)) * solving->worth.horizon_s;
    }
    solved->took_s = elapsed_s(&watch);
    solved->proved = watch.proved;
    solved->end = plan_state_score(state);
    solved->host_of =
        g_memdup2(plan_state_hosts(state), model->n_guests * sizeof(int32_t));
    solved->verdict = plan_check(model, plan_state_hosts(state), 20);
    if (solved->verdict->cost != solved->end.cost ||
        (solved->verdict->n_broken == 0) != (solved->end.violation == 0)) {
        fprintf(
            stderr,
            "error: vmferry-plan: %s: the checker does not agree: cost "
            "%" PRId64 ", not %" PRId64 "; please report this with the model\n",
            plan_method_name(method), solved->verdict->cost, solved->end.cost);
        return NULL;
    }
    return g_steal_pointer(&solved);
}

void
solved_free(Solved *solved)
{
    if (solved) {
        g_free(solved->host_of);
        plan_verdict_free(solved->verdict);
        g_free(solved);
    }
}

static bool
built_in(PlanMethod method)
{
    return (method != PLAN_METHOD_KWAY || plan_metis_partition) &&
           (method != PLAN_METHOD_EXACT || plan_cbc_solve);
}

char *
solving_all_methods(void)
{
    GString *names = g_string_new(NULL);

    for (int i = 0; i < PLAN_N_METHODS; i++) {
        if (built_in((PlanMethod)i)) {
            g_string_append_printf(names, "%s%s", names->len ? "," : "",
                                   plan_method_name((PlanMethod)i));
        }
    }
    return g_string_free(names, FALSE);
}

bool
solving_method(const char *name, PlanMethod *method, GError **error)
{
    g_autofree char *all = NULL;

    for (int i = 0; i < PLAN_N_METHODS; i++) {
        if (built_in((PlanMethod)i) &&
            strcmp(name, plan_method_name((PlanMethod)i)) == 0) {
            *method = (PlanMethod)i;
            return true;
        }
    }
    all = solving_all_methods();
    g_set_error(error, PLAN_ERROR, PLAN_ERROR_SYNTAX,
                "there is no such method as \"%s\" here, but %s", name, all);
    return false;
}

double
solving_gap_percent(int64_t cost, int64_t bound)
{
    return cost ? 100 * (double)(cost - bound) / (double)cost : 0;
}

bool
solving_weights(PlanModel *model, const char *text, GError **error)
{
    PlanWeights weights = { 0 };
    struct {
        const char *name;
        int64_t *weight;
    } known[] = {
        { "hosts", &weights.hosts },
        { "energy", &weights.energy },
        { "traffic", &weights.traffic },
        { "move", &weights.move },
        { "host_move", &weights.host_move },
        { "group_move", &weights.group_move },
    };
    g_auto(GStrv) words = g_strsplit(text, ",", 0);

    for (size_t w = 0; words[w]; w++) {
        char *equals = strchr(words[w], '=');
        size_t i = 0;

        if (equals) {
            *equals = '\0';
        }
        while (i < G_N_ELEMENTS(known) &&
               strcmp(known[i].name, words[w]) != 0) {
            i++;
        }
        if (i == G_N_ELEMENTS(known)) {
            g_set_error(error, PLAN_ERROR, PLAN_ERROR_SYNTAX,
                        "--objective: \"%s\" is none of hosts, energy, "
                        "traffic, move, host_move, group_move",
                        words[w]);
            return false;
        }
        *known[i].weight = 1;
        if (equals && !g_ascii_string_to_signed(equals + 1, 10, 0, INT64_MAX,
                                                known[i].weight, error)) {
            g_prefix_error(error, "--objective: %s: ", words[w]);
            return false;
        }
    }
    return plan_model_reweigh(model, &weights, error);
}
