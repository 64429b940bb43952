/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * problem.c - see problem.h
 */
#include "consolidate/problem.h"

#include <math.h>
#include <string.h>

#include "consolidate/watch-priv.h"
#include "plan/check.h"

#define MIB 1048576
#define MICRO 1e6
/* A move of a mending plan costs this beside what it really does: no saving
 * is worth one more. */
#define MEND_J 1e5
/* When mending, hosts fill up evenly where none ever sleeps: a core above this share costs 0.1 W. */
#define SAFE 0.6
#define OVER_UW 100
#define ANY_SLOTS 1000000

typedef struct Builder {
    const ProblemQuery *query;
    const ConsQuestion *q;
    const ConsSettings *s;
    const Cluster *c;
    Problem *p;
    PlanModel *m;
    int64_t *use; /* [host x PROBLEM_N_RESOURCES], in base */
    bool *keeps;  /* [host] takes nobody, and nobody has to leave */
    GHashTable *features;
} Builder;

static int32_t
base_of(const ProblemQuery *query, guint guest)
{
    return query->base ? query->base[guest]
                       : cluster_guest(query->question->cluster, guest)->host;
}

static bool
takes_part(const Cluster *c, guint guest)
{
    const ClusterGuest *g = cluster_guest(c, guest);

    return !g->gone &&
           cluster_host(c, (guint)g->host)->state == CLUSTER_HOST_UP;
}

static int64_t
demand_of(const ConsQuestion *q, const ClusterGuest *guest)
{
    return q->watch                ? cons_watch_demand(q->watch, guest)
           : guest->cpu_milli >= 0 ? guest->cpu_milli
                                   : guest->vcpus * 1000;
}

static uint64_t
feature_bit(Builder *b, const char *name)
{
    gpointer index = g_hash_table_lookup(b->features, name);

    if (!index) {
        index = GUINT_TO_POINTER(g_hash_table_size(b->features) + 1);
        g_hash_table_insert(b->features, g_strdup(name), index);
        g_ptr_array_add(b->m->feature_names, g_strdup(name));
    }
    return UINT64_C(1) << ((GPOINTER_TO_UINT(index) - 1) % PLAN_MAX_FEATURES);
}

/* Its name cannot be a configured one: these hold no blanks. */
#define TAKES "takes guests"

static int64_t
capacity_for(int64_t limit, int64_t reserve_milli)
{
    return (MAX(0, limit) * PLAN_MILLI + reserve_milli - 1) / reserve_milli;
}

static void
build_capacity(Builder *b, size_t h)
{
    const ClusterHost *host = cluster_host(b->c, h);
    const ConsSettings *s = b->s;
    bool relieve = b->query->relieve && b->query->relieve[h];
    int64_t cpu = (int64_t)((double)host->cpu_milli * s->reserve_cpu *
                            s->overcommit_cpu) -
                  host->own_cpu_milli;
    int64_t limits[PROBLEM_N_RESOURCES] = {
        [PROBLEM_CPU] = cpu,
        [PROBLEM_MEMORY] =
            (int64_t)((double)host->memory_bytes * s->reserve_memory / MIB) -
            (int64_t)(host->own_memory_bytes / MIB),
        [PROBLEM_SLOTS] = host->slots ? host->slots : ANY_SLOTS,
    };

    if (relieve && b->q->watch &&
        isfinite(cons_watch_threshold(b->q->watch, host))) {
        limits[PROBLEM_CPU] =
            MIN(cpu, (int64_t)(cons_watch_threshold(b->q->watch, host) *
                               (double)host->cpu_milli) -
                         host->own_cpu_milli);
    }
    for (int r = 0; r < PROBLEM_N_RESOURCES; r++) {
        int64_t used = b->use[h * PROBLEM_N_RESOURCES + (size_t)r];
        int64_t limit = MAX(0, limits[r]);

        if (!(relieve && r == PROBLEM_CPU)) {
            limit = MAX(limit, used);
        }
        b->m->capacity[h * PROBLEM_N_RESOURCES + (size_t)r] =
            capacity_for(limit, b->m->resources[r].reserve_milli);
        b->m->safe[h * PROBLEM_N_RESOURCES + (size_t)r] =
            (int64_t)(SAFE *
                      (double)
                          b->m->capacity[h * PROBLEM_N_RESOURCES + (size_t)r]);
    }
}

static void
build_hosts(Builder *b)
{
    PlanModel *m = b->m;
    static const PlanLevel levels[] = { PLAN_LEVEL_RACK, PLAN_LEVEL_POD,
                                        PLAN_LEVEL_SITE };
    bool any_keeps = false;

    for (size_t h = 0; h < m->n_hosts; h++) {
        const ClusterHost *host = cluster_host(b->c, h);
        bool evacuate = b->query->evacuate && b->query->evacuate[h];

        b->keeps[h] = !evacuate &&
                      (host->closed || (b->query->shut && b->query->shut[h]));
        any_keeps = any_keeps || b->keeps[h];
    }
    for (size_t h = 0; h < m->n_hosts; h++) {
        const ClusterHost *from = cluster_host(b->c, h);
        const ConsHostSettings *told =
            cons_settings_host_at(b->s, h, from->name);
        PlanHost *to = &m->hosts[h];
        const char *places[] = { from->rack, from->pod, from->site };

        to->name = g_strdup(from->name);
        to->closed = from->state != CLUSTER_HOST_UP ||
                     (b->query->evacuate && b->query->evacuate[h]);
        /* a host that cannot be switched off saves nothing by being empty */
        if (!told || told->power_down) {
            to->idle_mw = from->idle_mw;
            to->busy_mw = from->busy_mw;
        } else {
            to->busy_mw = MAX(0, from->busy_mw - from->idle_mw);
        }
        to->link_bytes_s = from->link_bytes_s;
        for (char **name = from->features; *name; name++) {
            to->features |= feature_bit(b, *name);
        }
        if (any_keeps && !b->keeps[h]) {
            to->features |= feature_bit(b, TAKES);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(levels); i++) {
            m->place[levels[i]][h] =
                plan_model_place(m, levels[i], *places[i] ? places[i] : "-");
        }
        build_capacity(b, h);
    }
}

/* Where it was a short while ago it does not go back to. */
static void
exclude_returns(Builder *b, const GPtrArray *moves, bool *may)
{
    int64_t since = b->c->at_us - (int64_t)(b->s->no_return_s * MICRO);

    for (guint i = 0; moves && !b->query->returns && i < moves->len; i++) {
        const ConsPast *move = g_ptr_array_index(moves, i);

        if (move->at_us > since && strcmp(move->from, move->to) != 0) {
            int32_t host = cluster_find_host(b->c, move->from);

            if (host >= 0) {
                may[host] = false;
            }
        }
    }
}

static void
build_allowed(Builder *b, size_t g, const ConsGuestSettings *told,
              GHashTable *movers)
{
    size_t n_hosts = b->m->n_hosts;
    int32_t home = b->m->guests[g].host;
    const char *name = b->m->guests[g].name;
    const GPtrArray *moves = g_hash_table_lookup(movers, name);
    bool listed = told && told->hosts[0];
    g_autofree bool *may = NULL;
    bool was_home;
    size_t n = 0;

    if (!listed && !b->keeps[home] && !moves) {
        return;
    }
    may = g_new(bool, n_hosts);
    for (size_t h = 0; h < n_hosts; h++) {
        may[h] = !listed || g_strv_contains((const char *const *)told->hosts,
                                            b->m->hosts[h].name);
    }
    was_home = may[home];
    exclude_returns(b, moves, may);
    if (b->keeps[home]) {
        b->m->guests[g].requires &= ~feature_bit(b, TAKES);
        for (size_t h = 0; h < n_hosts; h++) {
            may[h] = may[h] && (!b->keeps[h] || (int32_t)h == home);
        }
    }
    may[home] = was_home;
    b->m->allowed[g] = g_new(int32_t, n_hosts);
    for (size_t h = 0; h < n_hosts; h++) {
        if (may[h]) {
            b->m->allowed[g][n++] = (int32_t)h;
        }
    }
    b->m->n_allowed[g] = n;
}

static uint64_t
link_of(const ConsQuestion *q, int32_t host)
{
    uint64_t link = cluster_host(q->cluster, (guint)host)->link_bytes_s;

    return MAX(1, link ? link : q->settings->link_bytes_s);
}

/* Pages never touched are not sent. */
static void
to_plan_guest(const ConsSettings *s, const ClusterGuest *from, PlanGuest *to)
{
    to->memory_bytes = from->resident_bytes > 0
                           ? MIN(from->resident_bytes, from->memory_bytes)
                           : from->memory_bytes;
    to->hot_bytes = MIN(from->hot_bytes, to->memory_bytes);
    to->hot_bytes_s = from->hot_bytes_s;
    to->cold_bytes_s = cluster_guest_writes_known(from) ? from->cold_bytes_s
                                                        : s->writes_bytes_s;
}

PlanDuration
problem_duration(const ConsQuestion *q, int32_t guest, int32_t from, int32_t to)
{
    PlanGuest mover = { 0 };

    to_plan_guest(q->settings, cluster_guest(q->cluster, (guint)guest), &mover);
    return plan_duration(&mover, MIN(link_of(q, from), link_of(q, to)),
                         q->settings->downtime_limit_s);
}

double
problem_price(const ConsSettings *s, const PlanDuration *d)
{
    return s->each_move_j + s->move_w * d->time_s +
           s->downtime_w * d->downtime_s;
}

static void
build_guests(Builder *b)
{
    PlanModel *m = b->m;
    g_autoptr(GHashTable) told = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) movers = g_hash_table_new_full(
        g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_ptr_array_unref);
    bool fence = g_hash_table_contains(b->features, TAKES);

    for (guint i = 0; i < b->s->guests->len; i++) {
        ConsGuestSettings *guest = g_ptr_array_index(b->s->guests, i);

        g_hash_table_insert(told, guest->name, guest);
    }
    for (guint i = 0; b->q->past && i < b->q->past->len; i++) {
        ConsPast *move = g_ptr_array_index(b->q->past, i);

        GPtrArray *moves = g_hash_table_lookup(movers, move->guest);

        if (!moves) {
            moves = g_ptr_array_new();
            g_hash_table_insert(movers, move->guest, moves);
        }
        g_ptr_array_add(moves, move);
    }
    for (size_t g = 0; g < m->n_guests; g++) {
        guint index = (guint)b->p->guest_of[g];
        const ClusterGuest *from = cluster_guest(b->c, index);
        const ConsGuestSettings *setting =
            g_hash_table_lookup(told, from->name);
        PlanGuest *to = &m->guests[g];

        to->name = g_strdup(from->name);
        to->host = base_of(b->query, index);
        to_plan_guest(b->s, from, to);
        to->pinned = from->fixed || from->moving ||
                     (setting && setting->pinned) ||
                     (b->query->free && !b->query->free[index]);
        for (char **name = setting ? setting->requires : NULL; name && *name;
             name++) {
            to->requires |= feature_bit(b, *name);
        }
        if (fence) {
            to->requires |= feature_bit(b, TAKES);
        }
        build_allowed(b, g, setting, movers);
        if (b->query->aim == PROBLEM_JUDGE) {
            to->move_cost = 0;
        } else {
            uint64_t rate = link_of(b->q, to->host);
            PlanDuration d = plan_duration(to, rate, b->s->downtime_limit_s);
            double price = problem_price(b->s, &d);

            to->move_cost = llround(
                MICRO * (b->query->aim == PROBLEM_MEND
                             ? MEND_J + price
                             : price * (1 + b->s->margin) / b->s->horizon_s));
        }
        m->demand[g * PROBLEM_N_RESOURCES + PROBLEM_CPU] =
            demand_of(b->q, from);
        m->demand[g * PROBLEM_N_RESOURCES + PROBLEM_MEMORY] =
            (int64_t)((from->memory_bytes + MIB - 1) / MIB);
        m->demand[g * PROBLEM_N_RESOURCES + PROBLEM_SLOTS] = 1;
    }
}

static void
count_use(Builder *b)
{
    for (size_t g = 0; g < b->m->n_guests; g++) {
        guint index = (guint)b->p->guest_of[g];
        const ClusterGuest *guest = cluster_guest(b->c, index);
        int64_t *use =
            &b->use[(size_t)base_of(b->query, index) * PROBLEM_N_RESOURCES];

        use[PROBLEM_CPU] += demand_of(b->q, guest);
        use[PROBLEM_MEMORY] += (int64_t)((guest->memory_bytes + MIB - 1) / MIB);
        use[PROBLEM_SLOTS]++;
    }
}

/* Those of the configuration, and those that guests bring along */
static const ConsGroupSettings *
group_at(const ConsSettings *s, const Cluster *c, guint i)
{
    return i < s->groups->len
               ? g_ptr_array_index(s->groups, i)
               : g_ptr_array_index(c->groups, i - s->groups->len);
}

static guint
count_groups(const ConsSettings *s, const Cluster *c)
{
    return s->groups->len + c->groups->len;
}

static void
build_groups(Builder *b)
{
    size_t n_rules = 0;

    for (guint i = 0; i < count_groups(b->s, b->c); i++) {
        const ConsGroupSettings *from = group_at(b->s, b->c, i);
        PlanGroup *to = &b->m->groups[i];

        to->name = g_strdup(from->name);
        to->members = g_new(int32_t, g_strv_length(from->members) + 1);
        for (char **name = from->members; *name; name++) {
            int32_t guest = cluster_find_guest(b->c, *name);

            if (guest >= 0 && b->p->model_of[guest] >= 0) {
                to->members[to->n_members++] = b->p->model_of[guest];
            }
        }
        for (guint k = 0; k < from->rules->len; k++) {
            const ConsGroupRule *rule =
                &g_array_index(from->rules, ConsGroupRule, k);
            PlanRule *into = &b->m->rules[n_rules++];

            into->kind = rule->kind;
            into->level = rule->level;
            into->group = (int32_t)i;
            into->mean_us = into->jitter_us = INT64_MAX;
            into->at_least = MIN(rule->number, (int64_t)to->n_members);
            into->failures = rule->number;
        }
    }
}

static size_t
count_rules(const ConsSettings *s, const Cluster *c)
{
    size_t n = 0;

    for (guint i = 0; i < count_groups(s, c); i++) {
        n += group_at(s, c, i)->rules->len;
    }
    return n;
}

static int64_t
amount_of(const Builder *b, const ClusterFlow *flow)
{
    double worth = b->query->traffic_alone ? 1 : b->s->traffic_w;

    if (b->p->model_of[flow->a] < 0 || b->p->model_of[flow->b] < 0) {
        return 0;
    }
    return llround(flow->bytes_s / 1000 * worth);
}

static size_t
count_flows(const Builder *b)
{
    size_t n = 0;

    for (guint i = 0; i < b->c->flows->len; i++) {
        n += amount_of(b, &g_array_index(b->c->flows, ClusterFlow, i)) > 0;
    }
    return n;
}

static void
build_flows(Builder *b)
{
    size_t n = 0;

    for (guint i = 0; i < b->c->flows->len; i++) {
        const ClusterFlow *flow = &g_array_index(b->c->flows, ClusterFlow, i);
        int64_t amount = amount_of(b, flow);

        if (amount > 0) {
            b->m->flows[n++] = (PlanFlow){ b->p->model_of[flow->a],
                                           b->p->model_of[flow->b], amount };
        }
    }
}

static void
build_weights(Builder *b)
{
    PlanWeights *w = &b->m->weights;
    static const char *const names[] = { "cpu", "memory", "guests" };

    G_STATIC_ASSERT(G_N_ELEMENTS(names) == PROBLEM_N_RESOURCES);
    for (int r = 0; r < PROBLEM_N_RESOURCES; r++) {
        b->m->resources[r].name = g_strdup(names[r]);
    }
    b->m->resources[PROBLEM_CPU].reserve_milli =
        CLAMP(llround(b->s->reserve_cpu * PLAN_MILLI), 1, PLAN_MILLI);
    b->m->resources[PROBLEM_MEMORY].reserve_milli =
        CLAMP(llround(b->s->reserve_memory * PLAN_MILLI), 1, PLAN_MILLI);
    if (b->query->aim == PROBLEM_MEND && b->s->underload <= 0) {
        b->m->resources[PROBLEM_CPU].over_weight = OVER_UW;
    }
    w->hosts = llround(b->s->hosts_w * MICRO);
    w->energy = llround(b->s->energy_w * 1000);
    w->traffic = b->s->traffic_w > 0 || b->query->traffic_alone;
    w->move = b->query->aim != PROBLEM_JUDGE;
    memcpy(b->m->distance_milli, b->s->distance_milli,
           sizeof(b->m->distance_milli));
}

Problem *
problem_new(const ProblemQuery *query, GError **error)
{
    g_autoptr(Problem) p = g_new0(Problem, 1);
    const Cluster *c = query->question->cluster;
    Builder b = {
        .query = query,
        .q = query->question,
        .s = query->question->settings,
        .c = c,
        .p = p,
    };
    g_autofree int64_t *use =
        g_new0(int64_t, (c->hosts->len + 1) * PROBLEM_N_RESOURCES);
    g_autofree bool *keeps = g_new0(bool, c->hosts->len + 1);
    g_autoptr(GHashTable) features =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GError) why = NULL;
    size_t n = 0;

    p->model_of = g_new(int32_t, c->guests->len + 1);
    p->guest_of = g_new(int32_t, c->guests->len + 1);
    for (guint i = 0; i < c->guests->len; i++) {
        p->model_of[i] = takes_part(c, i) ? (int32_t)n : -1;
        if (p->model_of[i] >= 0) {
            p->guest_of[n++] = (int32_t)i;
        }
    }
    b.use = use;
    b.keeps = keeps;
    b.features = features;
    p->model = plan_model_new(PROBLEM_N_RESOURCES, c->hosts->len, n,
                              count_groups(b.s, c), count_rules(b.s, c), 0,
                              count_flows(&b));
    b.m = p->model;
    build_weights(&b);
    count_use(&b);
    build_hosts(&b);
    build_guests(&b);
    build_groups(&b);
    build_flows(&b);
    if (g_hash_table_size(features) > PLAN_MAX_FEATURES) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_FIT,
                    "hosts and guests name %u features, more than %d",
                    g_hash_table_size(features), PLAN_MAX_FEATURES);
        return NULL;
    }
    if (!plan_model_finish(p->model, &why)) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_FIT,
                    "the planner does not take this cluster: %s", why->message);
        return NULL;
    }
    return g_steal_pointer(&p);
}

void
problem_free(Problem *problem)
{
    if (problem) {
        plan_model_free(problem->model);
        g_free(problem->model_of);
        g_free(problem->guest_of);
        g_free(problem);
    }
}

PlanState *
problem_state(const Problem *p, const int32_t *host_of)
{
    g_autofree int32_t *hosts = g_new(int32_t, p->model->n_guests + 1);

    for (size_t g = 0; g < p->model->n_guests; g++) {
        hosts[g] = host_of[p->guest_of[g]];
    }
    return plan_state_new(p->model, hosts);
}

typedef struct Order {
    const PlanModel *m;
    size_t resource;
} Order;

static int
larger_first(gconstpointer a, gconstpointer b, gpointer user)
{
    const Order *order = user;
    const PlanModel *m = order->m;
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    int64_t dx = m->demand[(size_t)x * m->n_resources + order->resource];
    int64_t dy = m->demand[(size_t)y * m->n_resources + order->resource];

    return dx != dy ? (dx < dy) - (dx > dy) : (x > y) - (x < y);
}

void
problem_sort_larger_first(const Problem *p, int32_t *guests, size_t n,
                          size_t resource)
{
    Order order = { p->model, resource };

    if (n > 1) {
        g_qsort_with_data(guests, (gint)n, sizeof(int32_t), larger_first,
                          &order);
    }
}

char *
problem_broken(const ConsQuestion *question)
{
    ProblemQuery query = { .question = question, .aim = PROBLEM_JUDGE };
    g_autoptr(Problem) p = NULL;
    g_autoptr(PlanVerdict) verdict = NULL;
    g_autofree int32_t *hosts = NULL;

    query.returns = true;
    p = problem_new(&query, NULL);
    if (!p) {
        return NULL;
    }
    hosts = plan_model_hosts(p->model);
    verdict = plan_check(p->model, hosts, 1);
    if (verdict->n_broken == 0) {
        return NULL;
    }
    return g_strdup_printf("%s%s",
                           (const char *)g_ptr_array_index(verdict->broken, 0),
                           verdict->n_broken > 1 ? ", and more" : "");
}
