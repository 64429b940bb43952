/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state.c - see state.h
 */
#include "plan/sides.h"
#include "plan/state-priv.h"

#include <string.h>

/* In this order they are asked, so the cheap and telling ones come first. */
static const PlanTerm *const all_terms[] = {
    &plan_term_capacity, &plan_term_placed,    &plan_term_fence,
    &plan_term_apart,    &plan_term_together,  &plan_term_spread,
    &plan_term_depends,  &plan_term_partition, &plan_term_load,
    &plan_term_balance,  &plan_term_hosts,     &plan_term_energy,
    &plan_term_traffic,  &plan_term_move,      &plan_term_group_move,
    &plan_term_sides,    &plan_term_latency,   &plan_term_total,
    &plan_term_trunk,    &plan_term_survive,
};
G_STATIC_ASSERT(G_N_ELEMENTS(all_terms) <= PLAN_MAX_TERMS);

/* What it breaks if the limited term has this value */
static int64_t
above_limit(const PlanState *s, int64_t value)
{
    __int128_t over = (__int128_t)value - s->limited_to;

    return over <= 0 ? 0 : (int64_t)(over * PLAN_BROKEN / s->limited_base) + 1;
}

/* Where the change of term @i from @value by @delta counts */
static inline void
count_change(const PlanState *s, PlanScore *score, size_t i, int64_t delta)
{
    if (i == s->limited) {
        score->violation +=
            above_limit(s, s->value[i] + delta) - above_limit(s, s->value[i]);
    } else {
        *(s->terms[i]->hard ? &score->violation : &score->cost) += delta;
    }
}

PlanState *
plan_state_new(const PlanModel *model, const int32_t *host_of)
{
    PlanState *s = g_new0(PlanState, 1);
    g_autofree int32_t *now = g_new(int32_t, model->n_guests);

    g_assert(model->link_start); /* finished */
    s->model = model;
    s->limited = SIZE_MAX;
    s->host_of = g_new(int32_t, model->n_guests);
    s->use = g_new0(int64_t, model->n_hosts * model->n_resources + 1);
    s->ghost = g_new0(int64_t, model->n_hosts * model->n_resources + 1);
    s->guests = g_new0(int32_t *, model->n_hosts);
    s->n_guests = g_new0(int32_t, model->n_hosts);
    s->room = g_new0(int32_t, model->n_hosts);
    s->slot = g_new0(int32_t, model->n_guests);
    for (size_t g = 0; g < model->n_guests; g++) {
        int32_t home = model->guests[g].host;

        s->host_of[g] = PLAN_NOWHERE;
        now[g] = home;
        for (size_t r = 0; home != PLAN_NOWHERE && r < model->n_resources;
             r++) {
            if (model->resources[r].transient) {
                s->ghost[(size_t)home * model->n_resources + r] +=
                    model->demand[g * model->n_resources + r];
            }
        }
    }
    for (size_t i = 0; i < G_N_ELEMENTS(all_terms); i++) {
        const PlanTerm *term = all_terms[i];
        int64_t value;

        if (!term->wanted(model)) {
            continue;
        }
        value = term->recount(model, s->host_of);
        s->terms[s->n_terms] = term;
        s->data[s->n_terms] = term->start ? term->start(model) : NULL;
        s->value[s->n_terms] = value;
        *(term->hard ? &s->score.violation : &s->score.cost) += value;
        s->n_terms++;
    }
    plan_state_reset(s, host_of ? host_of : now);
    return s;
}

void
plan_state_free(PlanState *s)
{
    if (!s) {
        return;
    }
    for (size_t i = 0; i < s->n_terms; i++) {
        if (s->terms[i]->free) {
            s->terms[i]->free(s->data[i]);
        }
    }
    for (size_t h = 0; h < s->model->n_hosts; h++) {
        g_free(s->guests[h]);
    }
    g_free(s->host_of);
    g_free(s->use);
    g_free(s->ghost);
    g_free(s->guests);
    g_free(s->n_guests);
    g_free(s->room);
    g_free(s->slot);
    g_free(s);
}

const PlanModel *
plan_state_model(const PlanState *s)
{
    return s->model;
}

const int32_t *
plan_state_hosts(const PlanState *s)
{
    return s->host_of;
}

PlanScore
plan_state_score(const PlanState *s)
{
    return s->score;
}

const int32_t *
plan_state_guests(const PlanState *s, int32_t host, size_t *n_guests)
{
    *n_guests = (size_t)s->n_guests[host];
    return s->guests[host];
}

const int64_t *
plan_state_use(const PlanState *s, int32_t host)
{
    return s->use + (size_t)host * s->model->n_resources;
}

/* Does the division of @host get no worse if @out, or PLAN_NOWHERE, goes and
 * @in comes? */
static bool
sides_fit(const PlanState *s, int32_t in, int32_t out, int32_t host)
{
    const PlanModel *m = s->model;
    size_t n = (size_t)s->n_guests[host];
    int64_t after;

    if (!m->side_limit || !m->hosts[host].sides || !m->guests[in].numa) {
        return true;
    }
    after = plan_sides_excess(m, host, s->guests[host], n, out, in, NULL);
    return after == 0 ||
           after <= plan_sides_excess(m, host, s->guests[host], n, PLAN_NOWHERE,
                                      PLAN_NOWHERE, NULL);
}

bool
plan_state_fits(const PlanState *s, int32_t guest, int32_t host)
{
    const PlanModel *m = s->model;
    size_t n = m->n_resources;
    const int64_t *use = s->use + (size_t)host * n;
    const int64_t *ghost = s->ghost + (size_t)host * n;
    const int64_t *limit = m->limit + (size_t)host * n;
    const int64_t *demand = m->demand + (size_t)guest * n;
    bool home = m->guests[guest].host == host;

    for (size_t r = 0; r < n; r++) {
        if (use[r] + ghost[r] + demand[r] > limit[r] &&
            !(home && m->resources[r].transient) && demand[r] > 0) {
            return false;
        }
    }
    return sides_fit(s, guest, PLAN_NOWHERE, host);
}

/* Room for @in on @host once @out has left it */
static bool
exchange_fits(const PlanState *s, int32_t in, int32_t out, int32_t host)
{
    const PlanModel *m = s->model;
    size_t n = m->n_resources;
    const int64_t *use = s->use + (size_t)host * n;
    const int64_t *ghost = s->ghost + (size_t)host * n;
    const int64_t *limit = m->limit + (size_t)host * n;

    for (size_t r = 0; r < n; r++) {
        int64_t more = plan_state_extra(m, in, host, r) -
                       plan_state_extra(m, out, host, r);

        if (more > 0 && use[r] + ghost[r] + more > limit[r]) {
            return false;
        }
    }
    return sides_fit(s, in, out, host);
}

bool
plan_state_swap_fits(const PlanState *s, int32_t a, int32_t b)
{
    int32_t x = s->host_of[a];
    int32_t y = s->host_of[b];

    return exchange_fits(s, b, a, x) && exchange_fits(s, a, b, y);
}

PlanScore
plan_state_delta(const PlanState *s, int32_t guest, int32_t host)
{
    PlanScore sum = { 0, 0 };

    if (s->host_of[guest] == host) {
        return sum;
    }
    for (size_t i = 0; i < s->n_terms; i++) {
        const PlanTerm *term = s->terms[i];

        count_change(s, &sum, i, term->delta(s, s->data[i], guest, host));
    }
    return sum;
}

static void
list_remove(PlanState *s, int32_t guest, int32_t host)
{
    int32_t last = s->guests[host][--s->n_guests[host]];

    s->guests[host][s->slot[guest]] = last;
    s->slot[last] = s->slot[guest];
}

static void
list_add(PlanState *s, int32_t guest, int32_t host)
{
    if (s->n_guests[host] == s->room[host]) {
        s->room[host] = MAX(8, 2 * s->room[host]);
        s->guests[host] =
            g_renew(int32_t, s->guests[host], (gsize)s->room[host]);
    }
    s->slot[guest] = s->n_guests[host];
    s->guests[host][s->n_guests[host]++] = guest;
}

/* @sign: +1 when the guest comes, -1 when it goes. A guest on its home is no
 * ghost there: its demand moves from one sum to the other. */
static void
book(PlanState *s, int32_t guest, int32_t host, int sign)
{
    const PlanModel *m = s->model;
    size_t at = (size_t)host * m->n_resources;

    for (size_t r = 0; r < m->n_resources; r++) {
        int64_t demand = m->demand[(size_t)guest * m->n_resources + r];

        s->use[at + r] += sign * demand;
        s->ghost[at + r] -=
            sign * (demand - plan_state_extra(m, guest, host, r));
    }
}

void
plan_state_move(PlanState *s, int32_t guest, int32_t host)
{
    int32_t from = s->host_of[guest];

    if (from == host) {
        return;
    }
    for (size_t i = 0; i < s->n_terms; i++) {
        const PlanTerm *term = s->terms[i];
        int64_t delta = term->delta(s, s->data[i], guest, host);

        count_change(s, &s->score, i, delta);
        s->value[i] += delta;
    }
    for (size_t i = 0; i < s->n_terms; i++) {
        if (s->terms[i]->moved) {
            s->terms[i]->moved(s, s->data[i], guest, host);
        }
    }
    if (from != PLAN_NOWHERE) {
        book(s, guest, from, -1);
        list_remove(s, guest, from);
    }
    if (host != PLAN_NOWHERE) {
        book(s, guest, host, 1);
        list_add(s, guest, host);
    }
    s->host_of[guest] = host;
}

void
plan_state_reset(PlanState *s, const int32_t *host_of)
{
    for (size_t g = 0; g < s->model->n_guests; g++) {
        plan_state_move(s, (int32_t)g, host_of[g]);
    }
}

PlanScore
plan_state_recount(const PlanState *s)
{
    PlanScore score = { 0, 0 };

    for (size_t i = 0; i < s->n_terms; i++) {
        const PlanTerm *term = s->terms[i];
        int64_t value = term->recount(s->model, s->host_of);

        if (i == s->limited) {
            score.violation += above_limit(s, value);
        } else {
            *(term->hard ? &score.violation : &score.cost) += value;
        }
    }
    return score;
}

void
plan_state_limit(PlanState *s, size_t i, int64_t most)
{
    g_assert(i < s->n_terms && !s->terms[i]->hard);
    if (s->limited != SIZE_MAX) {
        s->score.violation -= above_limit(s, s->value[s->limited]);
        s->score.cost += s->value[s->limited];
    }
    s->limited = i;
    s->limited_to = most;
    s->limited_base = MAX(1, MAX(s->value[i], most));
    s->score.cost -= s->value[i];
    s->score.violation += above_limit(s, s->value[i]);
}

size_t
plan_state_terms(const PlanState *s)
{
    return s->n_terms;
}

const char *
plan_state_term(const PlanState *s, size_t i, bool *hard, int64_t *value)
{
    *hard = s->terms[i]->hard;
    *value = s->value[i];
    return s->terms[i]->name;
}

int64_t
plan_state_term_delta(const PlanState *s, size_t i, int32_t guest, int32_t host)
{
    return s->host_of[guest] == host
               ? 0
               : s->terms[i]->delta(s, s->data[i], guest, host);
}
