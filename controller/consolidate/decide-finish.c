/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * decide-finish.c - from where everybody should be to moves with their reasons
 */
#include <string.h>

#include "base/units.h"
#include "consolidate/decide-priv.h"
#include "consolidate/watch-priv.h"
#include "plan/worth.h"

#define MICRO 1e6

/* The mate that comes nearer and exchanges most with @guest; -1: none */
static const ClusterFlow *
nearer_mate(const Decider *d, const PlanModel *m, guint guest)
{
    const ClusterFlow *best = NULL;

    for (guint i = 0; i < d->c->flows->len; i++) {
        const ClusterFlow *flow = &g_array_index(d->c->flows, ClusterFlow, i);
        bool is_end = flow->a == (int32_t)guest || flow->b == (int32_t)guest;

        if (is_end &&
            plan_model_distance_milli(m, d->target[flow->a],
                                      d->target[flow->b]) <
                plan_model_distance_milli(m, d->home[flow->a],
                                          d->home[flow->b]) &&
            (!best || flow->bytes_s > best->bytes_s)) {
            best = flow;
        }
    }
    return best;
}

static char *
why_of(const Decider *d, const PlanModel *m, guint guest, double saves_w)
{
    int32_t home = d->home[guest], to = d->target[guest];
    const char *from_name = cluster_host(d->c, (guint)home)->name;
    const char *to_name = cluster_host(d->c, (guint)to)->name;
    const ConsTrigger *trigger = decide_trigger(d, d->kind[guest], home);
    const ClusterFlow *flow;
    double cores = d->q->watch ? (double)cons_watch_demand(
                                     d->q->watch, cluster_guest(d->c, guest)) /
                                     1000
                               : 0;

    switch (d->kind[guest]) {
    case CONS_TRIGGER_OVERLOADED:
        return g_strdup_printf("%s; the guest takes %.1f cores, and %s has "
                               "room for it within its reserve",
                               trigger ? trigger->text : "overload", cores,
                               to_name);
    case CONS_TRIGGER_EVACUATE:
        return g_strdup_printf("host %s is evacuated; %s has room for the "
                               "guest within reserves and rules",
                               from_name, to_name);
    case CONS_TRIGGER_CONSTRAINTS:
        trigger = decide_trigger(d, CONS_TRIGGER_CONSTRAINTS, -1);
        return g_strdup_printf("a rule is broken (%s), and the fewest moves "
                               "that mend it include this",
                               trigger ? trigger->text : "");
    case CONS_TRIGGER_UNDERLOADED:
        return g_strdup_printf("host %s is emptied to sleep, of which this "
                               "guest's share is %.1f W; %s runs anyway",
                               from_name, saves_w, to_name);
    default:
        break;
    }
    flow = nearer_mate(d, m, guest);
    if (flow) {
        const char *mate =
            cluster_guest(
                d->c, (guint)(flow->a == (int32_t)guest ? flow->b : flow->a))
                ->name;

        return g_strdup_printf("it exchanges %.2f MB/s with %s, through %.3g "
                               "instead of %.3g switches",
                               flow->bytes_s / 1e6, mate,
                               (double)plan_model_distance_milli(
                                   m, d->target[flow->a], d->target[flow->b]) /
                                   PLAN_MILLI,
                               (double)plan_model_distance_milli(
                                   m, d->home[flow->a], d->home[flow->b]) /
                                   PLAN_MILLI);
    }
    return saves_w > 0
               ? g_strdup_printf("on %s the cluster costs %.1f W less", to_name,
                                 saves_w)
               : g_strdup_printf("makes room on %s for the plan's other moves",
                                 from_name);
}

/* Watts that it would cost more if this guest alone stayed */
static double
saves_of(const PlanState *after, int32_t guest)
{
    const PlanModel *m = plan_state_model(after);
    double sum = 0;

    for (size_t i = 0; i < plan_state_terms(after); i++) {
        bool hard;
        int64_t value;

        plan_state_term(after, i, &hard, &value);
        if (!hard) {
            sum += (double)plan_state_term_delta(after, i, guest,
                                                 m->guests[guest].host);
        }
    }
    return sum / MICRO;
}

static void
add_move(Decider *d, const Problem *p, const PlanState *after,
         const PlanMove *from)
{
    ConsMove *move = g_new0(ConsMove, 1);
    guint guest = (guint)p->guest_of[from->guest];
    size_t n = 0;

    move->guest = g_strdup(cluster_guest(d->c, guest)->name);
    move->from = g_strdup(cluster_host(d->c, (guint)from->from)->name);
    move->to = g_strdup(cluster_host(d->c, (guint)from->to)->name);
    move->kind = d->kind[guest];
    move->bypass = from->bypass;
    move->after = from->after ? g_array_ref(from->after)
                              : g_array_new(FALSE, FALSE, sizeof(guint));
    move->start_s = from->start_s;
    move->rate_bytes_s = from->rate_bytes_s;
    move->time_s = from->duration.time_s;
    move->downtime_s = from->duration.downtime_s;
    move->bytes = from->duration.bytes;
    move->assumed = !cluster_guest_writes_known(cluster_guest(d->c, guest));
    move->cost_j = problem_price(d->s, &from->duration);
    move->mends = move->kind == CONS_TRIGGER_OVERLOADED ||
                  move->kind == CONS_TRIGGER_EVACUATE ||
                  move->kind == CONS_TRIGGER_CONSTRAINTS;
    if (from->bypass || d->target[guest] == d->home[guest]) {
        move->why = g_strdup_printf(
            "a stop on the way: guests that have to change places find no room "
            "until this one has stepped aside");
        g_ptr_array_add(d->decision->moves, move);
        return;
    }
    if (move->kind == CONS_TRIGGER_UNDERLOADED) {
        for (guint g = 0; g < d->n_guests; g++) {
            n += d->home[g] == d->home[guest] && d->target[g] != d->home[g];
        }
        move->saves_w =
            (double)cluster_host(d->c, (guint)d->home[guest])->idle_mw / 1000 /
            (double)MAX(1, n) * d->s->energy_w;
    } else {
        move->saves_w = saves_of(after, from->guest);
    }
    if (!move->mends) {
        move->benefit_j = MAX(0, move->saves_w) * d->s->horizon_s;
    }
    move->why = why_of(d, p->model, guest, move->saves_w);
    g_ptr_array_add(d->decision->moves, move);
}

static void
add_sleep(Decider *d)
{
    for (guint h = 0; h < d->n_hosts; h++) {
        const ClusterHost *host = cluster_host(d->c, h);
        const ConsHostSettings *told =
            cons_settings_host_at(d->s, h, host->name);
        ConsPower *power;
        bool empty = true;

        for (guint g = 0; g < d->n_guests; g++) {
            empty = empty && d->target[g] != (int32_t)h;
        }
        if (!d->emptied[h] || !empty || !told || !told->power_down) {
            continue;
        }
        power = g_new0(ConsPower, 1);
        power->host = g_strdup(host->name);
        power->why = g_strdup_printf(
            "%s; it is empty then, and saves %.1f W",
            decide_trigger(d, CONS_TRIGGER_UNDERLOADED, (int32_t)h)->text,
            (double)host->idle_mw / 1000);
        power->after = g_array_new(FALSE, FALSE, sizeof(guint));
        for (guint i = 0; i < d->decision->moves->len; i++) {
            const ConsMove *move = g_ptr_array_index(d->decision->moves, i);

            if (strcmp(move->from, host->name) == 0) {
                g_array_append_val(power->after, i);
            }
        }
        g_ptr_array_add(d->decision->powers, power);
    }
}

static void
summarise(Decider *d)
{
    ConsDecision *r = d->decision;
    g_autofree char *time = units_format_seconds(r->makespan_s);
    GString *text = g_string_new(NULL);
    size_t on = 0;

    for (guint i = 0; i < r->powers->len; i++) {
        on += ((ConsPower *)g_ptr_array_index(r->powers, i))->on;
    }
    if (cons_decision_is_empty(r)) {
        g_string_append(text,
                        r->refusals->len ? "nothing is done" : "nothing to do");
        if (r->refusals->len) {
            const ConsRefusal *last =
                g_ptr_array_index(r->refusals, r->refusals->len - 1);

            g_string_append_printf(text, ": %s: %s", last->subject, last->why);
        }
    } else {
        g_string_append_printf(text, "%u move%s", r->moves->len,
                               r->moves->len == 1 ? "" : "s");
        if (r->moves->len) {
            g_string_append_printf(text, " in %s for %.0f J", time, r->cost_j);
        }
        if (r->violation_before > r->violation_after) {
            g_string_append(text, r->violation_after == 0
                                      ? "; mends all that is broken"
                                      : "; mends some of what is broken");
        }
        if (r->cost_w_after < r->cost_w_before) {
            g_string_append_printf(text, "; saves %.1f W",
                                   r->cost_w_before - r->cost_w_after);
        }
        if (r->powers->len > on) {
            g_string_append_printf(text, "; %zu to sleep", r->powers->len - on);
        }
        if (on) {
            g_string_append_printf(text, "; %zu woken", on);
        }
    }
    g_free(r->summary);
    r->summary = g_string_free(text, FALSE);
}

static int32_t *
model_target(const Decider *d, const Problem *p)
{
    int32_t *target = g_new(int32_t, p->model->n_guests + 1);

    for (size_t g = 0; g < p->model->n_guests; g++) {
        target[g] = d->target[p->guest_of[g]];
    }
    return target;
}

/* An evacuation that does not get to its end is not begun. */
static void
stay_on(Decider *d, int32_t host)
{
    decide_refuse(d, cluster_host(d->c, (guint)host)->name,
                  "evacuation refused: not all of its guests can leave");
    for (guint g = 0; g < d->n_guests; g++) {
        if (d->home[g] == host) {
            d->target[g] = host;
        }
    }
}

/* Guests that move, and for an evacuation those that may: nobody else steps
 * aside. */
static Problem *
problem_of_moves(Decider *d)
{
    g_autofree bool *free = g_new0(bool, d->n_guests + 1);

    for (guint g = 0; g < d->n_guests; g++) {
        free[g] =
            d->target[g] != d->home[g] ||
            (d->wants[CONS_TRIGGER_EVACUATE] && !d->stuck[g] && !d->cooling[g]);
    }
    return decide_problem(d, PROBLEM_JUDGE, d->home, free, true);
}

/* A schedule for all whose moves have one; the others stay where they are. */
static PlanMoves *
schedule(Decider *d, const Problem *p)
{
    PlanMoveQuery query = {
        .downtime_limit_s = d->s->downtime_limit_s,
        .link_bytes_s = d->s->link_bytes_s,
        .most_per_host = d->s->parallel,
    };

    for (int round = 0;; round++) {
        g_autofree int32_t *target = model_target(d, p);
        g_autoptr(PlanMoves) moves = plan_moves_new(p->model, target, &query);

        if (moves->left_out->len == 0) {
            return g_steal_pointer(&moves);
        }
        for (guint i = 0; i < moves->left_out->len; i++) {
            guint guest =
                (guint)p->guest_of[g_array_index(moves->left_out, int32_t, i)];

            decide_refuse(d, cluster_guest(d->c, guest)->name,
                          "stays: there is no order of moves in which every "
                          "host has room for it at every moment");
            d->emptied[d->home[guest]] = false;
            d->target[guest] = d->home[guest];
            if (d->evacuate[d->home[guest]]) {
                stay_on(d, d->home[guest]);
            }
        }
        if (round == 3) {
            memcpy(d->target, d->home, d->n_guests * sizeof(int32_t));
        }
    }
}

static double
judge(const Problem *p, const int32_t *host_of, int64_t *violation)
{
    g_autoptr(PlanState) state = problem_state(p, host_of);

    *violation = plan_state_score(state).violation;
    return plan_worth_running(state) / MICRO;
}

void
decide_finish(Decider *d)
{
    ConsDecision *r = d->decision;
    g_autoptr(Problem) p = NULL;
    g_autoptr(PlanMoves) moves = NULL;
    g_autoptr(PlanState) after = NULL;

    p = d->failed ? NULL : problem_of_moves(d);
    if (!p) {
        decide_refuse(d, "cluster", "%s", d->failed->message);
        summarise(d);
        return;
    }
    moves = schedule(d, p);
    r->cost_w_before = judge(p, d->home, &r->violation_before);
    r->cost_w_after = judge(p, d->target, &r->violation_after);
    if (r->violation_after > r->violation_before) {
        decide_refuse(d, "cluster",
                      "no moves: what is left of the plan would break more "
                      "than is broken now");
        memcpy(d->target, d->home, d->n_guests * sizeof(int32_t));
        memset(d->emptied, 0, d->n_hosts * sizeof(bool));
        plan_moves_free(moves);
        moves = schedule(d, p);
        r->cost_w_after = judge(p, d->target, &r->violation_after);
    }
    r->far_bytes_s_before = cons_cluster_far(d->c, d->home);
    r->far_bytes_s_after = cons_cluster_far(d->c, d->target);
    r->makespan_s = moves->makespan_s;
    r->bound_s = moves->bound_s;
    after = problem_state(p, d->target);
    for (guint i = 0; i < moves->moves->len; i++) {
        add_move(d, p, after, &g_array_index(moves->moves, PlanMove, i));
    }
    for (guint i = 0; i < r->moves->len; i++) {
        const ConsMove *move = g_ptr_array_index(r->moves, i);

        r->cost_j += move->cost_j;
    }
    add_sleep(d);
    r->benefit_j = MAX(0, r->cost_w_before - r->cost_w_after) * d->s->horizon_s;
    summarise(d);
}
