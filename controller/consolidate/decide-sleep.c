/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * decide-sleep.c - fewer hosts while there is little to do, more in time
 *
 * All guests of an underloaded host find room on hosts that run anyway, and what
 * the host would have burnt over the horizon exceeds the migrations by the margin,
 * or nothing is done. Hosts that give least for their idle power are emptied
 * first, of those alike the one with the least load; its guests go, the largest
 * first, where they cost least, and of places that cost the same to the watt to
 * the fullest: the room that is left over stays in one piece.
 */
#include <math.h>
#include <string.h>

#include "consolidate/decide-priv.h"
#include "consolidate/watch-priv.h"
#include "plan/worth.h"

#define MICRO 1e6
/* Hosts that turn out not to be emptied, before the others wait for the next
 * time. */
#define VAIN 16
/* After a host was sent to sleep the others are to stay so much below what
 * would wake it again. */
#define APART 0.9
/* Hosts that differ by less in what they give for their idle power are alike. */
#define ALIKE 1.05
/* Plans that save may always be so long. */
#define PLAN_S 60

static void
add_power(Decider *d, int32_t host, bool on, const char *why)
{
    ConsPower *power = g_new0(ConsPower, 1);

    power->host = g_strdup(cluster_host(d->c, (guint)host)->name);
    power->on = on;
    power->why = g_strdup(why);
    power->after = g_array_new(FALSE, FALSE, sizeof(guint));
    g_ptr_array_add(d->decision->powers, power);
}

/* What is burnt for nothing by a core of @host */
static double
waste_of(const ClusterHost *host)
{
    return (double)host->idle_mw / (double)MAX(1, host->cpu_milli);
}

/* Asleep, ours to wake, and not in the decision yet */
static bool
can_be_woken(const Decider *d, int32_t h)
{
    const ClusterHost *host = cluster_host(d->c, (guint)h);
    const ConsHostSettings *told =
        cons_settings_host_at(d->s, (size_t)h, host->name);

    if (host->state != CLUSTER_HOST_ASLEEP || !told || !told->wake ||
        d->shut[h] || d->evacuate[h]) {
        return false;
    }
    for (guint i = 0; i < d->decision->powers->len; i++) {
        const ConsPower *power = g_ptr_array_index(d->decision->powers, i);

        if (strcmp(power->host, host->name) == 0) {
            return false;
        }
    }
    return true;
}

int32_t
decide_sleeper(const Decider *d)
{
    int32_t best = -1;

    for (int32_t h = 0; h < (int32_t)d->n_hosts; h++) {
        if (can_be_woken(d, h) &&
            (best < 0 || waste_of(cluster_host(d->c, (guint)h)) <
                             waste_of(cluster_host(d->c, (guint)best)))) {
            best = h;
        }
    }
    return best;
}

/* Of guests that may leave @host, and did not, the smallest that is enough by
 * itself, or else the largest; @done are passed over. -1: none */
static int32_t
next_leaver(const Decider *d, const Problem *p, int32_t host, int64_t need,
            const bool *done)
{
    int32_t best = -1;
    int64_t best_milli = 0;

    for (guint g = 0; g < d->n_guests; g++) {
        int32_t index = p->model_of[g];
        int64_t milli;

        if (index < 0 || d->target[g] != host || d->home[g] != host ||
            done[g] || d->stuck[g] || d->cooling[g]) {
            continue;
        }
        milli =
            p->model->demand[(size_t)index * PROBLEM_N_RESOURCES + PROBLEM_CPU];
        if (best < 0 ||
            (milli >= need ? best_milli < need || milli < best_milli
                           : best_milli < need && milli > best_milli)) {
            best = (int32_t)g;
            best_milli = milli;
        }
    }
    return best;
}

/* May guest @index of the model run on @host, were it awake? */
static bool
may_run(const PlanModel *m, int32_t index, int32_t host)
{
    bool listed = m->allowed[index] == NULL;

    for (size_t i = 0; !listed && i < m->n_allowed[index]; i++) {
        listed = m->allowed[index][i] == host;
    }
    return listed && !(m->guests[index].requires & ~m->hosts[host].features);
}

/* What @host gives to guests once it is awake; now its limits are nothing */
static void
awake_limits(const PlanModel *m, int32_t host, int64_t *limit)
{
    for (size_t r = 0; r < PROBLEM_N_RESOURCES; r++) {
        limit[r] = m->capacity[(size_t)host * PROBLEM_N_RESOURCES + r] *
                   m->resources[r].reserve_milli / PLAN_MILLI;
    }
}

/* A sleeper for guest @index: one that is woken anyway, or else the next, by what
 * it gives for its idle power. @left: [host] what it has of each resource, once it
 * is woken; NULL: it is not. False: none would do */
static bool
wake_for(Decider *d, const Problem *p, int32_t index, int64_t **left,
         const char *why)
{
    const PlanModel *m = p->model;
    const int64_t *demand = &m->demand[(size_t)index * PROBLEM_N_RESOURCES];
    int32_t best = -1;
    double best_w = 0;

    for (int32_t h = 0; h < (int32_t)d->n_hosts; h++) {
        const ClusterHost *host = cluster_host(d->c, (guint)h);
        int64_t limit[PROBLEM_N_RESOURCES];
        const int64_t *has = left[h] ? left[h] : limit;
        double w = left[h] ? -1 : waste_of(host);
        bool fits = true;

        awake_limits(m, h, limit);
        for (int r = 0; r < PROBLEM_N_RESOURCES; r++) {
            fits = fits && (demand[r] <= has[r] || host->cpu_milli == 0);
        }
        if ((left[h] || can_be_woken(d, h)) && fits && may_run(m, index, h) &&
            (best < 0 || w < best_w)) {
            best = h;
            best_w = w;
        }
    }
    if (best < 0) {
        return false;
    }
    if (!left[best]) {
        left[best] = g_new(int64_t, PROBLEM_N_RESOURCES);
        awake_limits(m, best, left[best]);
        add_power(d, best, true, why);
    }
    for (int r = 0; r < PROBLEM_N_RESOURCES; r++) {
        left[best][r] -= demand[r];
    }
    return true;
}

/* Hosts for those whom overloaded hosts should lose and nobody takes. They go
 * once these are awake. */
static void
wake_for_overloaded(Decider *d)
{
    g_autoptr(Problem) p =
        decide_problem(d, PROBLEM_MEND, d->home, NULL, false);
    g_autoptr(PlanState) state = p ? problem_state(p, d->target) : NULL;
    g_autofree bool *done = g_new0(bool, d->n_guests + 1);
    g_autofree int64_t **left = g_new0(int64_t *, d->n_hosts + 1);

    for (int32_t h = 0; p && h < (int32_t)d->n_hosts; h++) {
        const ConsTrigger *trigger;
        int64_t need;
        int32_t guest;

        if (!d->relieve[h]) {
            continue;
        }
        trigger = decide_trigger(d, CONS_TRIGGER_OVERLOADED, h);
        need = plan_state_use(state, h)[PROBLEM_CPU] -
               p->model->limit[(size_t)h * PROBLEM_N_RESOURCES + PROBLEM_CPU];
        while (need > 0 && (guest = next_leaver(d, p, h, need, done)) >= 0) {
            int32_t index = p->model_of[guest];

            done[guest] = true;
            if (wake_for(d, p, index, left, trigger ? trigger->text : "")) {
                need -= p->model->demand[(size_t)index * PROBLEM_N_RESOURCES +
                                         PROBLEM_CPU];
            }
        }
    }
    for (guint h = 0; h < d->n_hosts; h++) {
        g_free(left[h]);
    }
}

void
decide_wake(Decider *d)
{
    const ConsTrigger *trigger = decide_trigger(d, CONS_TRIGGER_WAKE, -1);
    double needed, room, memory, has = 0;
    int32_t host;

    if (d->tight) {
        wake_for_overloaded(d);
        if (d->decision->powers->len > 0) {
            return;
        }
    }
    if (!trigger || !d->q->watch) {
        return;
    }
    needed = cons_watch_needed(d->q->watch, d->c);
    room = cons_cluster_room(d->s, d->c, -1);
    memory = cons_cluster_memory(d->c);
    for (guint h = 0; h < d->n_hosts; h++) {
        has += cons_host_memory_room(d->s, cluster_host(d->c, h));
    }
    while (needed > room * d->s->wake_above * APART ||
           (d->s->wake_above_memory < 1 &&
            memory > has * d->s->wake_above_memory * APART)) {
        host = decide_sleeper(d);
        if (host < 0) {
            break;
        }
        add_power(d, host, true, trigger->text);
        has += (double)cluster_host(d->c, (guint)host)->memory_bytes *
               d->s->reserve_memory;
        room += (double)cluster_host(d->c, (guint)host)->cpu_milli *
                d->s->reserve_cpu * d->s->overcommit_cpu;
        if (cluster_host(d->c, (guint)host)->cpu_milli == 0) {
            break; /* its size is not known: one at a time */
        }
    }
}

/* Two states that are kept alike: one knows who fits where, the other what it
 * costs. */
typedef struct Emptying {
    Decider *d;
    Problem *fit, *cost;
    PlanState *fits, *costs;
    bool *free;      /* [guest] may move */
    double *demand;  /* [host] thousandths of a core, as forecast */
    double *comes_s; /* [host] its link is busy with who comes */
    double room, needed;
    double memory_room, memory; /* bytes, likewise */
    size_t n_awake, n_emptied;  /* with guests */
    int vain;
} Emptying;

static double
room_of(const Decider *d, guint h)
{
    const ClusterHost *host = cluster_host(d->c, h);

    if (d->emptied[h] || d->shut[h] || host->closed ||
        host->state != CLUSTER_HOST_UP) {
        return 0;
    }
    return MAX(0, (double)host->cpu_milli * d->s->reserve_cpu *
                          d->s->overcommit_cpu -
                      (double)host->own_cpu_milli);
}

static double
memory_room_of(const Decider *d, guint h)
{
    return d->emptied[h] || d->shut[h]
               ? 0
               : cons_host_memory_room(d->s, cluster_host(d->c, h));
}

static bool
emptying_begin(Emptying *e, Decider *d)
{
    *e = (Emptying){ .d = d, .free = g_new0(bool, d->n_guests + 1) };
    for (guint g = 0; g < d->n_guests; g++) {
        e->free[g] = !d->stuck[g] && !d->cooling[g];
    }
    e->fit = decide_problem(d, PROBLEM_MEND, d->home, e->free, false);
    e->cost = decide_problem(d, PROBLEM_JUDGE, d->home, NULL, true);
    if (!e->fit || !e->cost) {
        return false;
    }
    e->fits = problem_state(e->fit, d->target);
    e->costs = problem_state(e->cost, d->target);
    e->demand = g_new0(double, d->n_hosts + 1);
    e->comes_s = g_new0(double, d->n_hosts + 1);
    for (guint h = 0; h < d->n_hosts; h++) {
        e->demand[h] = (double)plan_state_use(e->fits, (int32_t)h)[PROBLEM_CPU];
        e->room += room_of(d, h);
        e->memory_room += memory_room_of(d, h);
        e->n_awake += room_of(d, h) > 0;
    }
    if (d->q->watch) {
        e->needed = cons_watch_needed(d->q->watch, d->c);
    }
    e->memory = cons_cluster_memory(d->c);
    return true;
}

static void
emptying_end(Emptying *e)
{
    plan_state_free(e->fits);
    plan_state_free(e->costs);
    problem_free(e->fit);
    problem_free(e->cost);
    g_free(e->free);
    g_free(e->demand);
    g_free(e->comes_s);
}

/* How long @guest keeps the link of @host busy */
static double
arrival_s(const Emptying *e, guint guest, int32_t host)
{
    return problem_duration(e->d->q, (int32_t)guest, host, host).time_s;
}

static void
put(Emptying *e, guint guest, int32_t host)
{
    plan_state_move(e->fits, e->fit->model_of[guest], host);
    plan_state_move(e->costs, e->cost->model_of[guest], host);
    e->comes_s[host] += arrival_s(e, guest, host);
}

static void
put_back(Emptying *e, guint guest, int32_t host)
{
    int32_t from = plan_state_hosts(e->fits)[e->fit->model_of[guest]];

    e->comes_s[from] -= arrival_s(e, guest, from);
    plan_state_move(e->fits, e->fit->model_of[guest], host);
    plan_state_move(e->costs, e->cost->model_of[guest], host);
}

/* A plan that saves is no longer than it has to be, for as long as it is on its
 * way nothing else is decided: once a host is emptied by it, others are only if
 * their guests come in half a cycle, or alone. */
static bool
in_time(const Emptying *e, guint guest, int32_t host)
{
    return e->n_emptied == 0 || e->comes_s[host] <= 0 ||
           e->comes_s[host] + arrival_s(e, guest, host) <=
               MAX(PLAN_S, e->d->s->cycle_s / 2);
}

/* Where the guests of a host go: two states, and the way back */
static bool
place_guest(Emptying *e, guint guest, int32_t from)
{
    const Decider *d = e->d;
    int32_t index = e->fit->model_of[guest];
    int32_t best = PLAN_NOWHERE;
    int64_t least_violation = 0;
    double least_w = 0, fullest = 0;

    for (int32_t h = 0; h < (int32_t)d->n_hosts; h++) {
        PlanScore delta;
        double cost_w, full;
        size_t n;

        plan_state_guests(e->fits, h, &n);
        if (h == from || n == 0 || d->emptied[h] || d->shut[h] ||
            !plan_model_allows(e->fit->model, index, h) ||
            !plan_state_fits(e->fits, index, h) || !in_time(e, guest, h)) {
            continue;
        }
        delta = plan_state_delta(e->costs, e->cost->model_of[guest], h);
        cost_w = floor((double)delta.cost / MICRO);
        full = decide_fullness(e->fit, e->fits, h);
        if (best == PLAN_NOWHERE || delta.violation < least_violation ||
            (delta.violation == least_violation &&
             (cost_w < least_w || (cost_w <= least_w && full > fullest)))) {
            best = h;
            least_violation = delta.violation;
            least_w = cost_w;
            fullest = full;
        }
    }
    if (best != PLAN_NOWHERE) {
        put(e, guest, best);
    }
    return best != PLAN_NOWHERE;
}

/* All of @host elsewhere; the states are as before if not. @own: their guests */
static bool
spread_out(Emptying *e, int32_t host, const int32_t *own, size_t n)
{
    const PlanModel *m = e->fit->model;
    int64_t violation = plan_state_score(e->fits).violation;
    size_t done = 0;

    for (size_t i = 0; i < n; i++) {
        if (!e->free[e->fit->guest_of[own[i]]] || m->guests[own[i]].pinned) {
            return false;
        }
    }
    while (done < n &&
           place_guest(e, (guint)e->fit->guest_of[own[done]], host)) {
        done++;
    }
    if (done == n && plan_state_score(e->fits).violation <= violation) {
        return true;
    }
    while (done > 0) {
        put_back(e, (guint)e->fit->guest_of[own[--done]], host);
    }
    return false;
}

static double
price_of(const Emptying *e, const int32_t *own, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        int32_t guest = e->fit->guest_of[own[i]];
        PlanDuration duration =
            problem_duration(e->d->q, guest, e->d->home[guest],
                             plan_state_hosts(e->fits)[own[i]]);

        sum += problem_price(e->d->s, &duration);
    }
    return sum;
}

static bool
try_sleep(Emptying *e, int32_t host)
{
    Decider *d = e->d;
    const char *name = cluster_host(d->c, (guint)host)->name;
    double room = e->room - room_of(d, (guint)host);
    double memory_room = e->memory_room - memory_room_of(d, (guint)host);
    g_autofree int32_t *own = NULL;
    const int32_t *here;
    double saved_w, price;
    size_t n;

    if (e->n_awake <= 1) {
        decide_refuse(d, name, "is not sent to sleep: no other is awake");
        return false;
    }
    if (e->needed > room * d->s->wake_above * APART ||
        (d->s->wake_above_memory < 1 &&
         e->memory > memory_room * d->s->wake_above_memory * APART)) {
        e->vain = VAIN; /* nor do the others leave room enough */
        decide_refuse(d, name,
                      "is not sent to sleep: what is forecast would "
                      "fill the others so far that it had to be woken "
                      "again");
        return false;
    }
    here = plan_state_guests(e->fits, host, &n);
    own = g_memdup2(here, n * sizeof(int32_t));
    problem_sort_larger_first(e->fit, own, n, PROBLEM_CPU);
    saved_w = plan_worth_running(e->costs) / MICRO;
    if (!spread_out(e, host, own, n)) {
        decide_refuse(d, name,
                      "is not emptied: not all of its guests may move "
                      "now and find room%s on hosts that run anyway",
                      e->n_emptied > 0 ? ", or time in this plan," : "");
        return false;
    }
    saved_w -= plan_worth_running(e->costs) / MICRO;
    price = price_of(e, own, n);
    if (n > 0 && saved_w * d->s->horizon_s <= price * (1 + d->s->margin)) {
        decide_refuse(d, name,
                      "is not emptied: %.1f W saved over %.1f h are less than "
                      "%.0f J for the migrations, with a margin of %.0f %%",
                      saved_w, d->s->horizon_s / 3600, price,
                      d->s->margin * 100);
        for (size_t i = 0; i < n; i++) {
            put_back(e, (guint)e->fit->guest_of[own[i]], host);
        }
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        guint guest = (guint)e->fit->guest_of[own[i]];

        d->target[guest] = plan_state_hosts(e->fits)[own[i]];
        d->kind[guest] = CONS_TRIGGER_UNDERLOADED;
    }
    d->emptied[host] = true;
    e->room = room;
    e->memory_room = memory_room;
    e->n_awake--;
    e->n_emptied += n > 0;
    return true;
}

static int
compare_hosts(gconstpointer a, gconstpointer b, gpointer user)
{
    const Emptying *e = user;
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    const ClusterHost *of_x = cluster_host(e->d->c, (guint)x);
    const ClusterHost *of_y = cluster_host(e->d->c, (guint)y);
    double class_x = floor(log(waste_of(of_x) + 1) / log(ALIKE));
    double class_y = floor(log(waste_of(of_y) + 1) / log(ALIKE));
    double share_x = e->demand[x] / (double)MAX(1, of_x->cpu_milli);
    double share_y = e->demand[y] / (double)MAX(1, of_y->cpu_milli);

    if (class_x != class_y) {
        return (class_x < class_y) - (class_x > class_y);
    }
    return share_x != share_y ? (share_x > share_y) - (share_x < share_y)
                              : x - y;
}

void
decide_sleep(Decider *d)
{
    g_autoptr(GArray) hosts = g_array_new(FALSE, FALSE, sizeof(int32_t));
    g_autofree bool *comes = g_new0(bool, d->n_hosts + 1);
    Emptying e;

    for (guint i = 0; i < d->q->triggers->len; i++) {
        const ConsTrigger *trigger = g_ptr_array_index(d->q->triggers, i);

        if (trigger->kind == CONS_TRIGGER_UNDERLOADED && trigger->host >= 0) {
            g_array_append_val(hosts, trigger->host);
        }
    }
    if (hosts->len == 0) {
        return;
    }
    if (emptying_begin(&e, d)) {
        g_array_sort_with_data(hosts, compare_hosts, &e);
        for (guint i = 0; i < hosts->len && e.vain < VAIN; i++) {
            int32_t host = g_array_index(hosts, int32_t, i);

            for (guint g = 0; g < d->n_guests; g++) {
                comes[d->target[g]] =
                    comes[d->target[g]] || d->target[g] != d->home[g];
            }
            if (!comes[host] && !try_sleep(&e, host)) {
                e.vain++;
            }
        }
    }
    emptying_end(&e);
}
