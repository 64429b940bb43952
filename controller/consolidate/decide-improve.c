/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * decide-improve.c - moves that mend nothing have to pay
 *
 * Sleep: all guests of an underloaded host find room on hosts that run anyway, and
 * what the host would have burnt over the horizon exceeds the migrations by the
 * margin, or nothing is done. Search: guests that exchange much across racks, or
 * all of them if an operator asks; the planner looks for less, with the price of
 * each move as part of the cost. Then it is asked again from where that leads,
 * until it has nothing more to say: the next cycle shall not go on.
 */
#include <string.h>

#include "consolidate/decide-priv.h"
#include "consolidate/watch-priv.h"
#include "plan/worth.h"

#define MICRO 1e6
#define ROUNDS 8
/* An operator who asks can wait a little longer for an answer. */
#define ASKED 4
/* Hosts that turn out not to be emptied, before the others wait for the next
 * time. */
#define VAIN 16
/* After a host was sent to sleep the others are to stay so much below what
 * would wake it again. */
#define APART 0.9

static PlanWorth
worth_of(const Decider *d)
{
    return (PlanWorth){
        .horizon_s = d->s->horizon_s / (1 + d->s->margin),
        .move_price = d->s->move_w * MICRO,
        .downtime_price = d->s->downtime_w * MICRO,
        .each_price = d->s->each_move_j * MICRO,
        .link_bytes_s = d->s->link_bytes_s,
        .downtime_limit_s = d->s->downtime_limit_s,
    };
}

/* Watts of a placement */
static double
running_w(Decider *d, const int32_t *host_of)
{
    g_autoptr(Problem) p =
        decide_problem(d, PROBLEM_JUDGE, d->home, NULL, true);
    g_autoptr(PlanState) state = p ? problem_state(p, host_of) : NULL;

    return state ? plan_worth_running(state) / MICRO : 0;
}

static bool
has_guests(const Decider *d, const int32_t *host_of, int32_t host)
{
    for (guint g = 0; g < d->n_guests; g++) {
        if (host_of[g] == host) {
            return true;
        }
    }
    return false;
}

/* Into the guests' hosts that run anyway; false, and nothing is changed, if
 * somebody finds no room */
static bool
spread_out(Decider *d, int32_t host, int32_t *target)
{
    g_autofree bool *free = g_new0(bool, d->n_guests + 1);
    g_autoptr(Problem) p = NULL;
    g_autoptr(PlanState) state = NULL;
    int64_t violation;

    for (guint g = 0; g < d->n_guests; g++) {
        free[g] = !d->stuck[g] && !d->cooling[g];
        if (target[g] == host && !free[g]) {
            return false;
        }
    }
    p = decide_problem(d, PROBLEM_MEND, d->home, free, false);
    if (!p) {
        return false;
    }
    state = problem_state(p, target);
    violation = plan_state_score(state).violation;
    for (guint g = 0; g < d->n_guests; g++) {
        int32_t index = p->model_of[g];
        int32_t best = PLAN_NOWHERE;
        PlanScore least = { 0, 0 };

        if (target[g] != host || index < 0) {
            continue;
        }
        for (int32_t h = 0; h < (int32_t)d->n_hosts; h++) {
            size_t n;
            PlanScore delta;

            plan_state_guests(state, h, &n);
            if (h == host || n == 0 || d->emptied[h] || d->shut[h] ||
                !plan_model_allows(p->model, index, h) ||
                !plan_state_fits(state, index, h)) {
                continue;
            }
            delta = plan_state_delta(state, index, h);
            if (best == PLAN_NOWHERE || plan_score_less(delta, least)) {
                best = h;
                least = delta;
            }
        }
        if (best == PLAN_NOWHERE) {
            return false;
        }
        plan_state_move(state, index, best);
    }
    if (plan_state_score(state).violation > violation) {
        return false;
    }
    for (guint g = 0; g < d->n_guests; g++) {
        if (p->model_of[g] >= 0) {
            target[g] = plan_state_hosts(state)[p->model_of[g]];
        }
    }
    return true;
}

static bool
room_without(const Decider *d, int32_t host)
{
    double room = 0, needed = 0;

    for (guint h = 0; h < d->n_hosts; h++) {
        const ClusterHost *one = cluster_host(d->c, h);

        if ((int32_t)h != host && !d->emptied[h] && !d->shut[h] &&
            one->state == CLUSTER_HOST_UP && !one->closed) {
            room += MAX(0, (double)one->cpu_milli * d->s->reserve_cpu *
                                   d->s->overcommit_cpu -
                               (double)one->own_cpu_milli);
        }
    }
    if (d->q->watch) {
        needed = cons_watch_needed(d->q->watch, d->c);
    }
    return needed <= room * d->s->wake_above * APART;
}

static double
forecast_of(const Decider *d, int32_t host)
{
    double use = 0;

    for (guint g = 0; g < d->n_guests; g++) {
        if (d->target[g] == host) {
            use += d->q->watch
                       ? (double)cons_watch_demand(d->q->watch,
                                                   cluster_guest(d->c, g))
                       : (double)MAX(0, cluster_guest(d->c, g)->cpu_milli);
        }
    }
    return use;
}

static bool
try_sleep(Decider *d, int32_t host, int *vain)
{
    const char *name = cluster_host(d->c, (guint)host)->name;
    g_autofree int32_t *target =
        g_memdup2(d->target, (d->n_guests + 1) * sizeof(int32_t));
    double saved_w, price_before, price;

    if (!room_without(d, host)) {
        *vain = VAIN; /* nor do the others leave room enough */
        decide_refuse(d, name,
                      "is not sent to sleep: what is forecast would "
                      "fill the others so far that it had to be woken "
                      "again");
        return false;
    }
    if (!has_guests(d, d->target, host)) {
        d->emptied[host] = true;
        return true;
    }
    if (!spread_out(d, host, target)) {
        decide_refuse(d, name,
                      "is not emptied: not all of its guests may move "
                      "now and find room on hosts that run anyway");
        return false;
    }
    saved_w = running_w(d, d->target) - running_w(d, target);
    price_before = decide_price(d, d->target, NULL);
    price = decide_price(d, target, NULL) - price_before;
    if (saved_w * d->s->horizon_s <= price * (1 + d->s->margin)) {
        decide_refuse(d, name,
                      "is not emptied: %.1f W saved over %.1f h are less than "
                      "%.0f J for the migrations, with a margin of %.0f %%",
                      saved_w, d->s->horizon_s / 3600, price,
                      d->s->margin * 100);
        return false;
    }
    for (guint g = 0; g < d->n_guests; g++) {
        if (target[g] != d->target[g]) {
            d->target[g] = target[g];
            d->kind[g] = CONS_TRIGGER_UNDERLOADED;
        }
    }
    d->emptied[host] = true;
    return true;
}

static int
lighter_first(gconstpointer a, gconstpointer b, gpointer user)
{
    double x = forecast_of(user, *(const int32_t *)a);
    double y = forecast_of(user, *(const int32_t *)b);

    return x != y ? (x > y) - (x < y)
                  : *(const int32_t *)a - *(const int32_t *)b;
}

void
decide_sleep(Decider *d)
{
    g_autoptr(GArray) hosts = g_array_new(FALSE, FALSE, sizeof(int32_t));
    int vain = 0;

    for (guint i = 0; i < d->q->triggers->len; i++) {
        const ConsTrigger *trigger = g_ptr_array_index(d->q->triggers, i);

        if (trigger->kind == CONS_TRIGGER_UNDERLOADED && trigger->host >= 0) {
            g_array_append_val(hosts, trigger->host);
        }
    }
    /* the one with least to move first */
    g_array_sort_with_data(hosts, lighter_first, d);
    for (guint i = 0; i < hosts->len && vain < VAIN && !d->failed; i++) {
        int32_t host = g_array_index(hosts, int32_t, i);
        bool comes = false;

        for (guint g = 0; g < d->n_guests; g++) {
            comes = comes || (d->target[g] == host && d->home[g] != host);
        }
        if (!comes && !try_sleep(d, host, &vain)) {
            vain++;
        }
    }
}

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

int32_t
decide_sleeper(const Decider *d)
{
    int32_t best = -1;
    double best_w = 0;

    for (guint h = 0; h < d->n_hosts; h++) {
        const ClusterHost *host = cluster_host(d->c, h);
        const ConsHostSettings *told = cons_settings_host(d->s, host->name);
        double w = (double)host->idle_mw / (double)MAX(1, host->cpu_milli);
        bool chosen = false;

        for (guint i = 0; i < d->decision->powers->len; i++) {
            const ConsPower *power = g_ptr_array_index(d->decision->powers, i);

            chosen = chosen || strcmp(power->host, host->name) == 0;
        }
        if (host->state == CLUSTER_HOST_ASLEEP && told && told->wake &&
            !d->shut[h] && !d->evacuate[h] && !chosen &&
            (best < 0 || w < best_w)) {
            best = (int32_t)h;
            best_w = w;
        }
    }
    return best;
}

void
decide_wake(Decider *d)
{
    const ConsTrigger *trigger = decide_trigger(d, CONS_TRIGGER_WAKE, -1);
    double needed, room;
    int32_t host;

    if (d->tight && (host = decide_sleeper(d)) >= 0) {
        trigger = decide_trigger(d, CONS_TRIGGER_OVERLOADED, -1);
        add_power(d, host, true, trigger->text);
        return;
    }
    if (!trigger || !d->q->watch) {
        return;
    }
    needed = cons_watch_needed(d->q->watch, d->c);
    room = cons_cluster_room(d->s, d->c, -1);
    while (needed > room * d->s->wake_above * APART) {
        host = decide_sleeper(d);
        if (host < 0) {
            break;
        }
        add_power(d, host, true, trigger->text);
        room += (double)cluster_host(d->c, (guint)host)->cpu_milli *
                d->s->reserve_cpu * d->s->overcommit_cpu;
        if (cluster_host(d->c, (guint)host)->cpu_milli == 0) {
            break; /* its size is not known: one at a time */
        }
    }
}

static void
mark_ends(const Decider *d, bool *free)
{
    for (guint i = 0; i < d->c->flows->len; i++) {
        const ClusterFlow *flow = &g_array_index(d->c->flows, ClusterFlow, i);

        if (d->target[flow->a] != d->target[flow->b]) {
            free[flow->a] = free[flow->b] = true;
        }
    }
}

/* From @base on: a better placement, only moves that pay; true if there are any */
static bool
improve_once(Decider *d, int32_t *target, const bool *free,
             ConsTriggerKind kind)
{
    g_autoptr(Problem) p =
        decide_problem(d, PROBLEM_OPTIMISE, target, free, false);
    g_autoptr(PlanState) state = p ? problem_state(p, target) : NULL;
    PlanLimits limits =
        decide_limits(d, kind == CONS_TRIGGER_REQUEST ? ASKED : 1);
    PlanWorth worth = worth_of(d);
    bool any = false;

    if (!state) {
        return false;
    }
    plan_search_run(state, PLAN_METHOD_HILL, &limits);
    plan_search_run(state, PLAN_METHOD_LNS, &limits);
    if (limits.partition && kind == CONS_TRIGGER_FAR_TRAFFIC) {
        g_autoptr(PlanState) other = problem_state(p, target);

        plan_search_run(other, PLAN_METHOD_KWAY, &limits);
        if (plan_score_less(plan_state_score(other), plan_state_score(state))) {
            plan_state_reset(state, plan_state_hosts(other));
        }
    }
    plan_worth_keep(state, &worth);
    for (guint g = 0; g < d->n_guests; g++) {
        int32_t index = p->model_of[g];

        if (index >= 0 && plan_state_hosts(state)[index] != target[g] &&
            plan_state_hosts(state)[index] != PLAN_NOWHERE &&
            !p->model->guests[index].pinned) {
            target[g] = plan_state_hosts(state)[index];
            any = true;
        }
    }
    return any;
}

void
decide_improve(Decider *d)
{
    bool all = d->wants[CONS_TRIGGER_REQUEST];
    ConsTriggerKind kind =
        all ? CONS_TRIGGER_REQUEST : CONS_TRIGGER_FAR_TRAFFIC;
    g_autofree bool *free = NULL;
    g_autofree int32_t *target = NULL;
    double saved_w, price;
    size_t n;

    if (!all && !d->wants[CONS_TRIGGER_FAR_TRAFFIC]) {
        return;
    }
    free = g_new0(bool, d->n_guests + 1);
    target = g_memdup2(d->target, (d->n_guests + 1) * sizeof(int32_t));
    if (!all) {
        mark_ends(d, free);
    }
    for (guint g = 0; g < d->n_guests; g++) {
        /* who has to leave anyway may be put elsewhere, but goes */
        free[g] = (free[g] || all) && !d->stuck[g] && !d->cooling[g] &&
                  d->target[g] == d->home[g];
    }
    for (int round = 0; round < ROUNDS && improve_once(d, target, free, kind);
         round++) {
    }
    saved_w = running_w(d, d->target) - running_w(d, target);
    price = decide_price(d, target, &n) - decide_price(d, d->target, NULL);
    if (memcmp(target, d->target, d->n_guests * sizeof(int32_t)) == 0) {
        decide_refuse(d, "cluster",
                      "nothing found that saves more than its "
                      "migrations cost");
        return;
    }
    if (saved_w * d->s->horizon_s <= price * (1 + d->s->margin)) {
        decide_refuse(d, "cluster",
                      "no moves: %.1f W saved over %.1f h are less than %.0f J "
                      "for the migrations, with a margin of %.0f %%",
                      saved_w, d->s->horizon_s / 3600, price,
                      d->s->margin * 100);
        return;
    }
    for (guint g = 0; g < d->n_guests; g++) {
        if (target[g] != d->target[g]) {
            d->target[g] = target[g];
            d->kind[g] = kind;
        }
    }
}
