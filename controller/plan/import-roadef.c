/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * import-roadef.c - see import.h
 *
 * Balances come last in the file, and so do the sizes of the arrays; the
 * numbers are therefore read into arrays that grow, and the model made at the
 * end. A text of n bytes holds fewer than n numbers, which bounds every count.
 */
#include "plan/numbers-priv.h"

#include <inttypes.h>
#include <string.h>

#define MOST_COST (INT64_C(1) << 40)

typedef struct Service {
    int64_t spread;
    size_t n_needs;
    int32_t *needs;
    GArray *members;
} Service;

typedef struct Roadef {
    PlanNumbers in;
    int64_t n_resources, n_machines, n_services, n_processes, n_balances;
    int64_t *transient, *weight;                  /* [resource] */
    int64_t *site, *location, *capacity, *safety; /* [machine] */
    int32_t *moves;
    Service *services;
    int64_t *service, *demand, *move_cost; /* [process] */
    PlanBalance *balances;
    PlanWeights weights;
} Roadef;

static void
roadef_clear(Roadef *f)
{
    for (int64_t s = 0; f->services && s < f->n_services; s++) {
        g_free(f->services[s].needs);
        if (f->services[s].members) {
            g_array_unref(f->services[s].members);
        }
    }
    g_free(f->services);
    g_free(f->transient);
    g_free(f->weight);
    g_free(f->site);
    g_free(f->location);
    g_free(f->capacity);
    g_free(f->safety);
    g_free(f->moves);
    g_free(f->service);
    g_free(f->demand);
    g_free(f->move_cost);
    g_free(f->balances);
    g_clear_error(&f->in.error);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Roadef, roadef_clear)

static int64_t
next(Roadef *f, const char *name, int64_t least, int64_t most)
{
    return plan_numbers_next(&f->in, name, least, most);
}

/* How many of something there are: no more than bytes left, so that no file
 * makes us ask for memory it does not itself have. */
static int64_t
next_count(Roadef *f, const char *name, int64_t least, int64_t most)
{
    return next(f, name, least,
                CLAMP((int64_t)(f->in.end - f->in.at), least, most));
}

static void
read_machines(Roadef *f)
{
    int64_t n;

    f->n_resources =
        next_count(f, "number of resources", 1, PLAN_MAX_RESOURCES);
    f->transient = g_new0(int64_t, f->n_resources);
    f->weight = g_new0(int64_t, f->n_resources);
    for (int64_t r = 0; r < f->n_resources; r++) {
        f->transient[r] = next(f, "transient", 0, 1);
        f->weight[r] = next(f, "load cost weight", 0, MOST_COST);
    }
    n = f->n_machines = next_count(f, "number of machines", 1, 20000);
    if (n * n > (int64_t)(f->in.end - f->in.at)) {
        /* each has a cost to each */
        f->n_machines = 0;
        while (!f->in.error) {
            next(f, "machines", 0, INT64_MAX);
        }
        return;
    }
    f->site = g_new0(int64_t, n);
    f->location = g_new0(int64_t, n);
    f->capacity = g_new0(int64_t, n * f->n_resources);
    f->safety = g_new0(int64_t, n * f->n_resources);
    f->moves = g_new0(int32_t, n * n);
    for (int64_t m = 0; m < n; m++) {
        f->site[m] = next(f, "neighbourhood", 0, INT32_MAX);
        f->location[m] = next(f, "location", 0, INT32_MAX);
        for (int64_t r = 0; r < f->n_resources; r++) {
            f->capacity[m * f->n_resources + r] =
                next(f, "capacity", 0, INT64_C(1) << 49);
        }
        for (int64_t r = 0; r < f->n_resources; r++) {
            f->safety[m * f->n_resources + r] =
                next(f, "safety capacity", 0, INT64_C(1) << 49);
        }
        for (int64_t k = 0; k < n; k++) {
            f->moves[m * n + k] =
                (int32_t)next(f, "machine move cost", 0, INT32_MAX);
        }
    }
}

static void
read_processes(Roadef *f)
{
    f->n_services = next_count(f, "number of services", 0, INT32_MAX);
    f->services = g_new0(Service, f->n_services);
    for (int64_t s = 0; s < f->n_services && !f->in.error; s++) {
        Service *service = &f->services[s];

        service->spread = next(f, "spread", 0, INT32_MAX);
        service->n_needs =
            (size_t)next_count(f, "number of dependencies", 0, INT32_MAX);
        service->needs = g_new0(int32_t, service->n_needs);
        service->members = g_array_new(FALSE, FALSE, sizeof(int32_t));
        for (size_t i = 0; i < service->n_needs; i++) {
            service->needs[i] =
                (int32_t)next(f, "dependency", 0, f->n_services - 1);
        }
    }
    f->n_processes = next_count(f, "number of processes", 0, INT32_MAX);
    f->service = g_new0(int64_t, f->n_processes);
    f->demand = g_new0(int64_t, f->n_processes * f->n_resources);
    f->move_cost = g_new0(int64_t, f->n_processes);
    for (int64_t p = 0; p < f->n_processes && !f->in.error; p++) {
        int32_t index = (int32_t)p;

        f->service[p] = next(f, "service", 0, f->n_services - 1);
        for (int64_t r = 0; r < f->n_resources; r++) {
            f->demand[p * f->n_resources + r] =
                next(f, "requirement", 0, INT64_C(1) << 49);
        }
        f->move_cost[p] = next(f, "process move cost", 0, MOST_COST);
        if (!f->in.error) {
            g_array_append_val(f->services[f->service[p]].members, index);
        }
    }
}

static void
read_costs(Roadef *f)
{
    f->n_balances = next_count(f, "number of balance costs", 0, 1024);
    f->balances = g_new0(PlanBalance, f->n_balances);
    for (int64_t b = 0; b < f->n_balances; b++) {
        PlanBalance *balance = &f->balances[b];

        balance->first =
            (int32_t)next(f, "balanced resource", 0, f->n_resources - 1);
        balance->second =
            (int32_t)next(f, "balanced resource", 0, f->n_resources - 1);
        balance->target = next(f, "balance target", 0, MOST_COST);
        balance->weight = next(f, "balance weight", 0, MOST_COST);
    }
    f->weights.move = next(f, "process move weight", 0, MOST_COST);
    f->weights.group_move = next(f, "service move weight", 0, MOST_COST);
    f->weights.host_move = next(f, "machine move weight", 0, MOST_COST);
    plan_numbers_end(&f->in);
}

static int32_t
place(PlanModel *m, PlanLevel level, int64_t number)
{
    char name[32];

    g_snprintf(name, sizeof(name), "%" PRId64, number);
    return plan_model_place(m, level, name);
}

static size_t
count_rules(const Roadef *f)
{
    size_t n = 0;

    for (int64_t s = 0; s < f->n_services; s++) {
        const Service *service = &f->services[s];

        n += service->members->len > 1;
        n += service->spread > 1;
        n += service->members->len ? service->n_needs : 0;
    }
    return n;
}

static void
fill_services(PlanModel *m, const Roadef *f)
{
    PlanRule *rule = m->rules;

    for (int64_t s = 0; s < f->n_services; s++) {
        const Service *service = &f->services[s];
        PlanGroup *group = &m->groups[s];
        int32_t self = (int32_t)s;

        group->name = g_strdup_printf("s%" PRId64, s);
        group->n_members = service->members->len;
        group->members = g_memdup2(service->members->data,
                                   group->n_members * sizeof(int32_t));
        if (group->n_members > 1) {
            *rule++ = (PlanRule){ .kind = PLAN_RULE_APART,
                                  .level = PLAN_LEVEL_HOST,
                                  .group = self };
        }
        if (service->spread > 1) {
            *rule++ = (PlanRule){ .kind = PLAN_RULE_SPREAD,
                                  .level = PLAN_LEVEL_RACK,
                                  .group = self,
                                  .at_least = service->spread };
        }
        for (size_t i = 0; group->n_members && i < service->n_needs; i++) {
            *rule++ = (PlanRule){ .kind = PLAN_RULE_DEPENDS,
                                  .level = PLAN_LEVEL_SITE,
                                  .group = self,
                                  .on = service->needs[i] };
        }
    }
}

static PlanModel *
make_model(Roadef *f, PlanText assignment, GError **error)
{
    size_t R = (size_t)f->n_resources;
    size_t n = (size_t)f->n_machines;
    g_autoptr(PlanModel) m =
        plan_model_new(R, n, (size_t)f->n_processes, (size_t)f->n_services,
                       count_rules(f), (size_t)f->n_balances, 0);
    PlanNumbers in = { .at = assignment.text,
                       .end = assignment.text + assignment.length,
                       .what = "the assignment" };

    for (size_t r = 0; r < R; r++) {
        m->resources[r].name = g_strdup_printf("r%zu", r);
        m->resources[r].transient = f->transient[r] == 1;
        m->resources[r].over_weight = f->weight[r];
    }
    for (size_t h = 0; h < n; h++) {
        m->hosts[h].name = g_strdup_printf("m%zu", h);
        m->place[PLAN_LEVEL_RACK][h] =
            place(m, PLAN_LEVEL_RACK, f->location[h]);
        m->place[PLAN_LEVEL_SITE][h] = place(m, PLAN_LEVEL_SITE, f->site[h]);
    }
    memcpy(m->capacity, f->capacity, n * R * sizeof(int64_t));
    memcpy(m->safe, f->safety, n * R * sizeof(int64_t));
    for (size_t i = 0; i < m->n_guests * R; i++) {
        m->demand[i] = f->demand[i];
    }
    for (size_t b = 0; b < m->n_balances; b++) {
        m->balances[b] = f->balances[b];
    }
    m->weights = f->weights;
    m->host_moves = g_steal_pointer(&f->moves);
    for (size_t p = 0; p < m->n_guests; p++) {
        m->guests[p].name = g_strdup_printf("p%zu", p);
        m->guests[p].move_cost = f->move_cost[p];
        m->guests[p].host =
            (int32_t)plan_numbers_next(&in, "machine", 0, (int64_t)n - 1);
    }
    plan_numbers_end(&in);
    fill_services(m, f);
    if (in.error) {
        g_propagate_error(error, in.error);
        return NULL;
    }
    return plan_model_finish(m, error) ? g_steal_pointer(&m) : NULL;
}

PlanModel *
plan_import_roadef(PlanText model, PlanText assignment, GError **error)
{
    g_auto(Roadef) f = {
        .in = { .at = model.text,
                .end = model.text + model.length,
                .what = "the model" },
    };

    read_machines(&f);
    if (!f.in.error) {
        read_processes(&f);
    }
    if (!f.in.error) {
        read_costs(&f);
    }
    if (f.in.error) {
        g_propagate_error(error, g_steal_pointer(&f.in.error));
        return NULL;
    }
    return make_model(&f, assignment, error);
}

char *
plan_export_roadef(const PlanModel *m, const int32_t *host_of)
{
    GString *text = g_string_new(NULL);

    for (size_t g = 0; g < m->n_guests; g++) {
        g_string_append_printf(text, "%s%d", g ? " " : "", host_of[g]);
    }
    g_string_append_c(text, '\n');
    return g_string_free(text, FALSE);
}
