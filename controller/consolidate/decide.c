/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * decide.c - see decide.h: the order of the stages, and the moves' budget
 */
#include <stdarg.h>
#include <string.h>

#include "consolidate/decide-priv.h"
#include "consolidate/decision-priv.h"
#include "plan/worth.h"

#define MICRO 1e6
#define HOUR_US INT64_C(3600000000)

static void
move_free(gpointer data)
{
    ConsMove *move = data;

    g_free(move->guest);
    g_free(move->from);
    g_free(move->to);
    g_free(move->why);
    g_array_unref(move->after);
    g_free(move);
}

static void
refusal_free(gpointer data)
{
    ConsRefusal *refusal = data;

    g_free(refusal->subject);
    g_free(refusal->why);
    g_free(refusal);
}

static void
power_free(gpointer data)
{
    ConsPower *power = data;

    g_free(power->host);
    g_free(power->why);
    g_array_unref(power->after);
    g_free(power);
}

ConsDecision *
cons_decision_new(const char *id, int64_t at_us)
{
    ConsDecision *decision = g_new0(ConsDecision, 1);

    decision->id = g_strdup(id);
    decision->at_us = at_us;
    decision->triggers =
        g_ptr_array_new_with_free_func((GDestroyNotify)cons_trigger_free);
    decision->moves = g_ptr_array_new_with_free_func(move_free);
    decision->powers = g_ptr_array_new_with_free_func(power_free);
    decision->refusals = g_ptr_array_new_with_free_func(refusal_free);
    decision->summary = g_strdup("");
    return decision;
}

void
cons_decision_free(ConsDecision *decision)
{
    if (decision) {
        g_free(decision->id);
        g_ptr_array_unref(decision->triggers);
        g_ptr_array_unref(decision->moves);
        g_ptr_array_unref(decision->powers);
        g_ptr_array_unref(decision->refusals);
        g_free(decision->summary);
        g_free(decision);
    }
}

bool
cons_decision_is_empty(const ConsDecision *decision)
{
    return decision->moves->len == 0 && decision->powers->len == 0;
}

const ConsTrigger *
decide_trigger(const Decider *d, ConsTriggerKind kind, int32_t host)
{
    for (guint i = 0; i < d->q->triggers->len; i++) {
        const ConsTrigger *trigger = g_ptr_array_index(d->q->triggers, i);

        if (trigger->kind == kind && (host < 0 || trigger->host == host)) {
            return trigger;
        }
    }
    return NULL;
}

void
decide_refuse(Decider *d, const char *subject, const char *format, ...)
{
    ConsRefusal *refusal = g_new0(ConsRefusal, 1);
    va_list args;

    va_start(args, format);
    refusal->subject = g_strdup(subject);
    refusal->why = g_strdup_vprintf(format, args);
    va_end(args);
    g_ptr_array_add(d->decision->refusals, refusal);
}

Problem *
decide_problem(Decider *d, ProblemAim aim, const int32_t *base,
               const bool *free, bool returns)
{
    ProblemQuery query = {
        .question = d->q,
        .aim = aim,
        .base = base,
        .relieve = d->relieve,
        .evacuate = d->evacuate,
        .shut = d->shut,
        .free = free,
        .returns = returns,
    };
    GError **error = d->failed ? NULL : &d->failed;

    return problem_new(&query, error);
}

void
decide_take(Decider *d, const Problem *p, const PlanState *state,
            ConsTriggerKind kind)
{
    const int32_t *host_of = plan_state_hosts(state);

    for (guint g = 0; g < d->n_guests; g++) {
        int32_t index = p->model_of[g];

        /* pinned where it must not stay: as bad as being moved, but quieter;
         * and where hosts are as good as nothing, nowhere may seem better */
        if (index >= 0 && host_of[index] != d->target[g] &&
            host_of[index] != PLAN_NOWHERE && !p->model->guests[index].pinned) {
            d->target[g] = host_of[index];
            d->kind[g] = d->evacuate[d->home[g]]  ? CONS_TRIGGER_EVACUATE
                         : d->relieve[d->home[g]] ? CONS_TRIGGER_OVERLOADED
                                                  : kind;
        }
    }
}

PlanLimits
decide_limits(const Decider *d, double share)
{
    /* a handful of guests is soon gone through */
    double enough = 20000 + 500 * (double)d->n_guests * (double)d->n_hosts;

    return (PlanLimits){
        .work = (uint64_t)(MIN((double)d->s->search_work, enough) * share) + 1,
        .seed = d->s->seed,
        .solver = d->q->solver,
        .solver_data = d->q->solver_data,
        .partition = d->q->partition,
    };
}

double
decide_fullness(const Problem *p, const PlanState *state, int32_t host)
{
    const PlanModel *m = p->model;
    const int64_t *use = plan_state_use(state, host);
    double share = 0;

    for (size_t r = 0; r < PROBLEM_SLOTS; r++) {
        int64_t limit = m->limit[(size_t)host * m->n_resources + r];

        share = MAX(share, (double)use[r] / (double)MAX(1, limit));
    }
    return share;
}

double
decide_price(const Decider *d, const int32_t *target, size_t *n_moves)
{
    double sum = 0;
    size_t n = 0;

    for (guint g = 0; g < d->n_guests; g++) {
        if (target[g] != d->home[g]) {
            PlanDuration duration =
                problem_duration(d->q, (int32_t)g, d->home[g], target[g]);

            sum += problem_price(d->s, &duration);
            n++;
        }
    }
    if (n_moves) {
        *n_moves = n;
    }
    return sum;
}

static bool
is_mending(ConsTriggerKind kind)
{
    return kind == CONS_TRIGGER_OVERLOADED || kind == CONS_TRIGGER_EVACUATE ||
           kind == CONS_TRIGGER_CONSTRAINTS;
}

/* How many moves of guests may be made, evacuations apart? */
static size_t
allowance(const Decider *d)
{
    size_t most = d->s->most_moves ? d->s->most_moves : SIZE_MAX;
    size_t made = 0;

    if (d->s->moves_per_hour == 0) {
        return most;
    }
    for (guint i = 0; d->q->past && i < d->q->past->len; i++) {
        const ConsPast *move = g_ptr_array_index(d->q->past, i);

        made += move->ours && d->c->at_us - move->at_us < HOUR_US;
    }
    return MIN(most,
               d->s->moves_per_hour - MIN(made, (size_t)d->s->moves_per_hour));
}

static size_t
count_kind(const Decider *d, bool mending)
{
    size_t n = 0;

    for (guint g = 0; g < d->n_guests; g++) {
        n += d->target[g] != d->home[g] &&
             d->kind[g] != CONS_TRIGGER_EVACUATE &&
             is_mending(d->kind[g]) == mending;
    }
    return n;
}

static int64_t
violation_of(Decider *d, const int32_t *host_of)
{
    g_autoptr(Problem) p =
        decide_problem(d, PROBLEM_JUDGE, d->home, NULL, true);
    g_autoptr(PlanState) state = p ? problem_state(p, host_of) : NULL;

    return state ? plan_state_score(state).violation : 0;
}

/* Mending moves, those of the largest guests first, as long as that is no worse
 * than what is now. */
static void
cut_mending(Decider *d, size_t most)
{
    while (count_kind(d, true) > most) {
        guint least = G_MAXUINT;

        for (guint g = 0; g < d->n_guests; g++) {
            if (d->target[g] != d->home[g] && is_mending(d->kind[g]) &&
                d->kind[g] != CONS_TRIGGER_EVACUATE &&
                (least == G_MAXUINT ||
                 cluster_guest(d->c, g)->cpu_milli <
                     cluster_guest(d->c, least)->cpu_milli)) {
                least = g;
            }
        }
        d->target[least] = d->home[least];
    }
    if (violation_of(d, d->target) > violation_of(d, d->home)) {
        for (guint g = 0; g < d->n_guests; g++) {
            if (is_mending(d->kind[g]) && d->kind[g] != CONS_TRIGGER_EVACUATE) {
                d->target[g] = d->home[g];
            }
        }
    }
    decide_refuse(d, "cluster",
                  "the budget leaves %zu moves now, the rest waits", most);
}

/* Hosts that would be emptied are so by all their guests' moves or none. */
static void
cut_sleep(Decider *d, size_t *n, size_t most)
{
    for (guint h = 0; h<d->n_hosts && * n> most; h++) {
        if (!d->emptied[h]) {
            continue;
        }
        for (guint g = 0; g < d->n_guests; g++) {
            if (d->home[g] == (int32_t)h && d->target[g] != d->home[g]) {
                d->target[g] = d->home[g];
                d->emptied[h] = false;
                (*n)--;
            }
        }
        if (!d->emptied[h]) {
            decide_refuse(d, cluster_host(d->c, h)->name,
                          "is not emptied now: the budget leaves %zu moves",
                          most);
        }
    }
}

/* Those that save least stay; then those that only made sense with them. */
static void
cut_savings(Decider *d, size_t n, size_t most)
{
    g_autoptr(Problem) p = NULL;
    g_autoptr(PlanState) state = NULL;
    PlanWorth worth = {
        .horizon_s = d->s->horizon_s / (1 + d->s->margin),
        .move_price = d->s->move_w * MICRO,
        .downtime_price = d->s->downtime_w * MICRO,
        .each_price = d->s->each_move_j * MICRO,
        .link_bytes_s = d->s->link_bytes_s,
        .downtime_limit_s = d->s->downtime_limit_s,
    };

    p = decide_problem(d, PROBLEM_JUDGE, d->home, NULL, true);
    if (!p) {
        return;
    }
    state = problem_state(p, d->target);
    while (n > most) {
        int32_t chosen = -1;
        PlanScore least = { 0, 0 };

        for (guint g = 0; g < d->n_guests; g++) {
            int32_t index = p->model_of[g];
            PlanScore delta;

            if (index < 0 || d->target[g] == d->home[g] ||
                is_mending(d->kind[g]) ||
                d->kind[g] == CONS_TRIGGER_UNDERLOADED ||
                plan_state_hosts(state)[index] == d->home[g]) {
                continue;
            }
            delta = plan_state_delta(state, index, d->home[g]);
            if (chosen < 0 || plan_score_less(delta, least)) {
                chosen = (int32_t)g;
                least = delta;
            }
        }
        if (chosen < 0) {
            break;
        }
        plan_state_move(state, p->model_of[chosen], d->home[chosen]);
        n--;
    }
    plan_worth_keep(state, &worth);
    for (guint g = 0; g < d->n_guests; g++) {
        int32_t index = p->model_of[g];

        if (index >= 0 && d->target[g] != d->home[g] &&
            !is_mending(d->kind[g]) && d->kind[g] != CONS_TRIGGER_UNDERLOADED) {
            d->target[g] = plan_state_hosts(state)[index];
        }
    }
    decide_refuse(d, "cluster",
                  "the budget leaves %zu moves that save, the rest waits",
                  most);
}

void
decide_budget(Decider *d)
{
    size_t most = allowance(d);
    size_t n = count_kind(d, true);

    if (n > most) {
        cut_mending(d, most);
        n = count_kind(d, true);
    }
    most -= MIN(n, most);
    n = count_kind(d, false);
    if (n > most) {
        cut_sleep(d, &n, most);
    }
    if (n > most) {
        cut_savings(d, n, most);
    }
}

static void
mark_cooling(Decider *d)
{
    for (guint i = 0; d->q->past && i < d->q->past->len; i++) {
        const ConsPast *move = g_ptr_array_index(d->q->past, i);
        int32_t guest = cluster_find_guest(d->c, move->guest);

        if (guest >= 0 &&
            (double)(d->c->at_us - move->at_us) < d->s->cool_down_s * MICRO) {
            d->cooling[guest] = true;
        }
    }
}

static void
mark_stuck(Decider *d)
{
    g_autoptr(GHashTable) told = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < d->s->guests->len; i++) {
        ConsGuestSettings *guest = g_ptr_array_index(d->s->guests, i);

        g_hash_table_insert(told, guest->name, guest);
    }
    for (guint g = 0; g < d->n_guests; g++) {
        const ClusterGuest *guest = cluster_guest(d->c, g);
        const ConsGuestSettings *setting =
            g_hash_table_lookup(told, guest->name);

        d->stuck[g] = guest->gone || guest->fixed || guest->moving ||
                      (setting && setting->pinned);
        if (setting && setting->downtime_s > 0 && !d->stuck[g]) {
            PlanDuration duration =
                problem_duration(d->q, (int32_t)g, d->home[g], d->home[g]);

            d->stuck[g] = duration.downtime_s > setting->downtime_s;
        }
    }
}

static void
mark_hosts(Decider *d)
{
    for (const char *const *name = d->q->evacuated; name && *name; name++) {
        int32_t host = cluster_find_host(d->c, *name);

        if (host >= 0) {
            d->shut[host] = true;
        }
    }
    for (guint i = 0; i < d->q->triggers->len; i++) {
        const ConsTrigger *trigger = g_ptr_array_index(d->q->triggers, i);

        d->wants[trigger->kind] = true;
        if (trigger->host < 0 || (guint)trigger->host >= d->n_hosts) {
            continue;
        }
        if (trigger->kind == CONS_TRIGGER_OVERLOADED) {
            d->relieve[trigger->host] = true;
        } else if (trigger->kind == CONS_TRIGGER_EVACUATE) {
            d->evacuate[trigger->host] = true;
            d->shut[trigger->host] = true;
        }
    }
}

ConsDecision *
cons_decide(const ConsQuestion *q)
{
    const Cluster *c = q->cluster;
    g_autofree char *id =
        g_strdup_printf("plan-%" G_GINT64_FORMAT, c->at_us / 1000);
    ConsDecision *decision = cons_decision_new(id, c->at_us);
    Decider d = {
        .q = q,
        .s = q->settings,
        .c = c,
        .decision = decision,
        .n_hosts = c->hosts->len,
        .n_guests = c->guests->len,
    };

    d.relieve = g_new0(bool, d.n_hosts + 1);
    d.evacuate = g_new0(bool, d.n_hosts + 1);
    d.shut = g_new0(bool, d.n_hosts + 1);
    d.emptied = g_new0(bool, d.n_hosts + 1);
    d.cooling = g_new0(bool, d.n_guests + 1);
    d.stuck = g_new0(bool, d.n_guests + 1);
    d.home = g_new0(int32_t, d.n_guests + 1);
    d.target = g_new0(int32_t, d.n_guests + 1);
    d.kind = g_new0(ConsTriggerKind, d.n_guests + 1);
    for (guint g = 0; g < d.n_guests; g++) {
        d.home[g] = d.target[g] = cluster_guest(c, g)->host;
    }
    for (guint i = 0; i < q->triggers->len; i++) {
        const ConsTrigger *trigger = g_ptr_array_index(q->triggers, i);

        g_ptr_array_add(
            decision->triggers,
            cons_trigger_new(trigger->kind, trigger->host, trigger->text));
    }
    mark_hosts(&d);
    mark_cooling(&d);
    mark_stuck(&d);
    decide_mend(&d);
    decide_wake(&d);
    if (!d.failed) {
        decide_improve(&d);
    }
    if (!d.failed && decision->powers->len == 0) {
        decide_sleep(&d);
    }
    if (!d.failed) {
        decide_budget(&d);
    }
    decide_finish(&d);
    g_free(d.relieve);
    g_free(d.evacuate);
    g_free(d.shut);
    g_free(d.emptied);
    g_free(d.cooling);
    g_free(d.stuck);
    g_free(d.home);
    g_free(d.target);
    g_free(d.kind);
    g_clear_error(&d.failed);
    return decision;
}
