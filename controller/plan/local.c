/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * local.c - shifts and swaps: hill climbing
 *
 * A shift puts a guest on another host, a swap exchanges two. Whatever would
 * overload a host is refused before any term is asked: with tight hosts most
 * proposals end there.
 */
#include "plan/search-priv.h"

#define HILL_SWAPS 48

bool
plan_search_try_swap(PlanSearch *s, int32_t a, int32_t b, PlanAccept accept)
{
    PlanState *state = s->state;
    int32_t x = plan_state_hosts(state)[a];
    int32_t y = plan_state_hosts(state)[b];
    PlanScore first = plan_search_delta(s, a, y);
    PlanScore second;

    plan_state_move(state, a, y);
    second = plan_search_delta(s, b, x);
    second.violation += first.violation;
    second.cost += first.cost;
    if (plan_search_accepts(second, accept)) {
        plan_state_move(state, b, x);
        return true;
    }
    plan_state_move(state, a, x);
    return false;
}

bool
plan_search_can_swap(const PlanSearch *s, int32_t a, int32_t b)
{
    const int32_t *host_of = plan_state_hosts(s->state);

    return host_of[a] != PLAN_NOWHERE && host_of[b] != PLAN_NOWHERE &&
           host_of[a] != host_of[b] && plan_state_swap_fits(s->state, a, b);
}

/* The best of @n_tries hosts for @guest, all if that many; true if it helped */
static bool
best_shift(PlanSearch *s, int32_t guest, size_t n_tries)
{
    size_t n = s->model->n_hosts;
    size_t first = plan_random_below(s, n);
    bool all = n_tries >= n;
    PlanScore least = { 0, 0 };
    int32_t chosen = PLAN_NOWHERE;

    for (size_t i = 0; i <= MIN(n, n_tries); i++) {
        size_t h = all ? (first + i) % n : plan_random_below(s, n);
        PlanScore delta;

        if (i == 0 && s->model->guests[guest].host != PLAN_NOWHERE) {
            h = (size_t)s->model->guests[guest].host; /* back home */
        }
        if ((int32_t)h == plan_state_hosts(s->state)[guest] ||
            !plan_state_fits(s->state, guest, (int32_t)h)) {
            continue;
        }
        delta = plan_search_delta(s, guest, (int32_t)h);
        if (plan_score_less(delta, least)) {
            least = delta;
            chosen = (int32_t)h;
        }
    }
    if (chosen == PLAN_NOWHERE) {
        return false;
    }
    plan_state_move(s->state, guest, chosen);
    return true;
}

static bool
some_swaps(PlanSearch *s, int32_t guest)
{
    for (int i = 0; i < HILL_SWAPS; i++) {
        int32_t other = (int32_t)plan_random_below(s, s->model->n_guests);

        if (plan_search_can_swap(s, guest, other) &&
            plan_search_try_swap(s, guest, other,
                                 (PlanAccept){ PLAN_ACCEPT_STRICT, 0 })) {
            return true;
        }
    }
    return false;
}

static void
shuffle(PlanSearch *s, int32_t *order, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = plan_random_below(s, i);
        int32_t swap = order[i - 1];

        order[i - 1] = order[j];
        order[j] = swap;
    }
}

static bool
overloaded(const PlanSearch *s, int32_t host)
{
    const PlanModel *m = s->model;
    const int64_t *use = plan_state_use(s->state, host);

    for (size_t r = 0; r < m->n_resources; r++) {
        if (use[r] > m->limit[(size_t)host * m->n_resources + r]) {
            return true;
        }
    }
    return false;
}

/* Who leaves an overloaded host so that the fewest do: somebody after whom the
 * rest fits, the smallest of these; else the largest. Size is by demand of what
 * there is too much of, as a share of the limit. */
static int32_t
choose_leaver(PlanSearch *s, int32_t host, const bool *tried)
{
    const PlanModel *m = s->model;
    size_t n_resources = m->n_resources;
    const int64_t *use = plan_state_use(s->state, host);
    const int64_t *limit = m->limit + (size_t)host * n_resources;
    size_t n;
    const int32_t *guests = plan_state_guests(s->state, host, &n);
    int32_t best = PLAN_NOWHERE;
    double best_size = 0;
    bool best_frees = false;

    for (size_t i = 0; i < n; i++) {
        const PlanGuest *guest = &m->guests[guests[i]];
        const int64_t *demand = m->demand + (size_t)guests[i] * n_resources;
        bool frees = true;
        double size = 0;

        if (tried[guests[i]] || (guest->pinned && guest->host == host)) {
            continue;
        }
        for (size_t r = 0; r < n_resources; r++) {
            if (use[r] > limit[r]) {
                size += (double)demand[r] / (double)MAX(1, limit[r]);
                frees = frees && use[r] - demand[r] <= limit[r];
            }
        }
        if (best == PLAN_NOWHERE || (frees && !best_frees) ||
            (frees == best_frees &&
             (frees ? size < best_size : size > best_size))) {
            best = guests[i];
            best_size = size;
            best_frees = frees;
        }
    }
    return best;
}

void
plan_search_mend(PlanSearch *s)
{
    g_autofree bool *tried = NULL;

    if (plan_state_score(s->state).violation == 0) {
        return;
    }
    tried = g_new0(bool, s->model->n_guests);
    for (size_t h = 0; h < s->model->n_hosts; h++) {
        int32_t host = (int32_t)h;
        int32_t guest;

        while (overloaded(s, host) &&
               (guest = choose_leaver(s, host, tried)) != PLAN_NOWHERE &&
               plan_search_goes_on(s, 1)) {
            tried[guest] = true;
            best_shift(s, guest, s->model->n_hosts);
        }
    }
    plan_search_note(s);
}

void
plan_search_hill(PlanSearch *s, double until)
{
    size_t n = s->model->n_guests;
    g_autofree int32_t *order = g_new(int32_t, n);
    /* wide passes only once narrow ones bring little */
    size_t n_tries = MIN(16, s->model->n_hosts);
    bool going = true;

    plan_search_mend(s);
    for (size_t g = 0; g < n; g++) {
        order[g] = (int32_t)g;
    }
    while (going) {
        size_t helped = 0;

        shuffle(s, order, n);
        for (size_t i = 0; i < n && going; i++) {
            helped += best_shift(s, order[i], n_tries);
            helped += some_swaps(s, order[i]);
            going = plan_search_goes_on(s, 1) && s->progress < until;
        }
        plan_search_note(s);
        if (helped <= n / 200) {
            if (helped == 0 && n_tries == s->model->n_hosts) {
                break;
            }
            n_tries = MIN(8 * n_tries, s->model->n_hosts);
        }
    }
}
