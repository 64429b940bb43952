/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trade.c - see trade.h
 */
#include "plan/trade.h"
#include "plan/state-priv.h"

/* Of what an overload costs: sums of it are far from the end of 64 bits */
#define MOST 1e17

G_STATIC_ASSERT(PLAN_TRADE_MAX_TERMS >= PLAN_MAX_TERMS);

void
plan_trade_init(PlanTrade *t, PlanSearch *s)
{
    const PlanState *state = s->state;
    const PlanModel *m = s->model;

    *t = (PlanTrade){ .s = s, .all_seen = true, .capacity = SIZE_MAX };
    for (size_t i = 0; i < state->n_terms; i++) {
        const PlanTerm *term = state->terms[i];

        if (term == &plan_term_capacity) {
            t->capacity = i;
        }
        if (term == &plan_term_load || term == &plan_term_balance ||
            term == &plan_term_move || term == &plan_term_capacity) {
            continue;
        }
        t->rest[t->n_rest++] = i;
        if (term == &plan_term_group_move) {
            t->slack = 2 * m->weights.group_move;
        } else if (!term->hard) {
            t->all_seen = false;
        }
    }
}

/* What load costs at most, by what limits are scaled with; 0: nothing */
static double
dearest(const PlanModel *m)
{
    double most = 0;

    for (size_t r = 0; r < m->n_resources; r++) {
        most = MAX(most, (double)m->resources[r].over_weight /
                             (double)MAX(1, m->scale[r]));
    }
    return most;
}

bool
plan_trade_can_soften(const PlanSearch *s)
{
    return dearest(s->model) > 0 && !s->model->side_limit &&
           s->state->limited == SIZE_MAX;
}

void
plan_trade_soften(PlanTrade *t, double times)
{
    const PlanModel *m = t->s->model;
    double most = dearest(m);

    t->soft = times > 0 && plan_trade_can_soften(t->s);
    for (size_t r = 0; r < m->n_resources; r++) {
        t->price[r] = times * (m->resources[r].over_weight > 0
                                   ? (double)m->resources[r].over_weight
                                   : most * (double)m->scale[r]);
    }
}

/* Add the change at @host if @in comes and @out goes, either may be PLAN_NOWHERE;
 * false if there is no room. */
static inline bool
add_host(const PlanTrade *t, int32_t host, int32_t in, int32_t out,
         PlanScore *sum)
{
    const PlanState *s = t->s->state;
    static const int64_t nothing[PLAN_MAX_RESOURCES];
    const PlanModel *m = s->model;
    size_t n = m->n_resources;
    size_t at = (size_t)host * n;
    const int64_t *use = s->use + at;
    const int64_t *ghost = s->ghost + at;
    const int64_t *limit = m->limit + at;
    const int64_t *safe = m->safe + at;
    const int64_t *more =
        in == PLAN_NOWHERE ? nothing : m->demand + (size_t)in * n;
    const int64_t *less =
        out == PLAN_NOWHERE ? nothing : m->demand + (size_t)out * n;
    bool in_home = in != PLAN_NOWHERE && m->guests[in].host == host;
    bool out_home = out != PLAN_NOWHERE && m->guests[out].host == host;
    double overload = 0;
    int64_t cost = 0;

    for (size_t r = 0; r < n; r++) {
        bool transient = m->resources[r].transient;
        int64_t by = more[r] - less[r];
        int64_t taken = (transient && in_home ? 0 : more[r]) -
                        (transient && out_home ? 0 : less[r]);
        int64_t above = use[r] + ghost[r] - limit[r];
        int64_t over = use[r] - safe[r];

        if (above + taken > 0 || above > 0) {
            int64_t more_above = MAX(0, above + taken) - MAX(0, above);

            if (t->soft) {
                overload += (double)more_above * t->price[r];
            } else if (taken > 0) {
                return false;
            } else {
                sum->violation += more_above * m->scale[r];
            }
        }
        cost +=
            (MAX(0, over + by) - MAX(0, over)) * m->resources[r].over_weight;
    }
    for (size_t b = 0; b < m->n_balances; b++) {
        const PlanBalance *balance = &m->balances[b];
        size_t first = at + (size_t)balance->first;
        size_t second = at + (size_t)balance->second;
        int64_t idle = balance->target * (m->capacity[first] - s->use[first]) -
                       (m->capacity[second] - s->use[second]);
        int64_t change =
            more[balance->second] - less[balance->second] -
            balance->target * (more[balance->first] - less[balance->first]);

        cost += (MAX(0, idle + change) - MAX(0, idle)) * balance->weight;
    }
    sum->cost += cost + (int64_t)CLAMP(overload, -MOST, MOST);
    return true;
}

static inline int64_t
moving(const PlanModel *m, int32_t guest, int32_t host)
{
    const PlanGuest *g = &m->guests[guest];
    int64_t cost;

    if (g->host == PLAN_NOWHERE || g->host == host || host == PLAN_NOWHERE) {
        return 0;
    }
    cost = g->move_cost * m->weights.move;
    if (m->host_moves) {
        cost += m->host_moves[(size_t)g->host * m->n_hosts + (size_t)host] *
                m->weights.host_move;
    }
    return cost;
}

/* Add what the terms say that are not counted here */
static void
add_others(const PlanTrade *t, int32_t guest, int32_t host, PlanScore *sum)
{
    const PlanState *s = t->s->state;

    for (size_t i = 0; i < t->n_rest; i++) {
        const PlanTerm *term = s->terms[t->rest[i]];
        int64_t delta = term->delta(s, s->data[t->rest[i]], guest, host);

        *(term->hard ? &sum->violation : &sum->cost) += delta;
    }
}

/* The terms not looked at yet can give back no more than what is broken. */
static bool
hopeless(const PlanTrade *t, PlanScore sum, PlanAccept accept)
{
    const PlanState *s = t->s->state;
    int64_t seen =
        t->soft && t->capacity != SIZE_MAX ? s->value[t->capacity] : 0;
    double broken = (double)(s->score.violation - seen) * accept.price;

    return t->all_seen && (double)(sum.cost - t->slack) - broken >= accept.most;
}

/* A term that has become a limit is the state's own business: then, steps are
 * judged as elsewhere. */
static bool
shift_as_elsewhere(PlanTrade *t, int32_t guest, int32_t host, PlanAccept accept)
{
    PlanState *s = t->s->state;
    bool good =
        plan_state_fits(s, guest, host) &&
        plan_search_accepts(plan_search_delta(t->s, guest, host), accept);

    if (good) {
        plan_state_move(s, guest, host);
    }
    return good;
}

bool
plan_trade_shift(PlanTrade *t, int32_t guest, int32_t host, PlanAccept accept)
{
    PlanState *s = t->s->state;
    const PlanModel *m = s->model;
    int32_t from = s->host_of[guest];
    PlanScore sum = { 0, moving(m, guest, host) - moving(m, guest, from) };

    if (s->limited != SIZE_MAX) {
        return shift_as_elsewhere(t, guest, host, accept);
    }
    t->s->work++;
    if ((from != PLAN_NOWHERE &&
         !add_host(t, from, PLAN_NOWHERE, guest, &sum)) ||
        !add_host(t, host, guest, PLAN_NOWHERE, &sum) ||
        hopeless(t, sum, accept) ||
        (m->side_limit && !plan_state_fits(s, guest, host))) {
        return false;
    }
    add_others(t, guest, host, &sum);
    if (!plan_search_accepts(sum, accept)) {
        return false;
    }
    plan_state_move(s, guest, host);
    return true;
}

bool
plan_trade_swap(PlanTrade *t, int32_t a, int32_t b, PlanAccept accept)
{
    PlanState *s = t->s->state;
    const PlanModel *m = s->model;
    int32_t x = s->host_of[a];
    int32_t y = s->host_of[b];
    PlanScore sum = { 0, moving(m, a, y) - moving(m, a, x) + moving(m, b, x) -
                             moving(m, b, y) };

    if (x == y) {
        return false;
    }
    if (s->limited != SIZE_MAX) {
        return plan_state_swap_fits(s, a, b) &&
               plan_search_try_swap(t->s, a, b, accept);
    }
    t->s->work++;
    if (!add_host(t, x, b, a, &sum) || !add_host(t, y, a, b, &sum) ||
        hopeless(t, sum, accept) ||
        (m->side_limit && !plan_state_swap_fits(s, a, b))) {
        return false;
    }
    /* half of it is done to ask for the other half */
    add_others(t, a, y, &sum);
    plan_state_move(s, a, y);
    add_others(t, b, x, &sum);
    if (!plan_search_accepts(sum, accept)) {
        plan_state_move(s, a, x);
        return false;
    }
    plan_state_move(s, b, x);
    return true;
}
