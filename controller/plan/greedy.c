/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * greedy.c - guests one by one: first fit, best fit, cheapest
 *
 * A host is taken if the guest breaks no rule there. First fit takes the first
 * such host; best fit the fullest one, by the sum over the resources of what is
 * free after the guest has come, as a share of the limit. Neither looks at
 * costs: they are the yardsticks of the literature. A guest that fits nowhere
 * stays nowhere, and is listed by who asked.
 */
#include "plan/search-priv.h"
#include "plan/sized.h"

#include <stdlib.h>

int32_t *
plan_search_order(const PlanModel *m)
{
    g_autofree PlanSized *sized = g_new(PlanSized, m->n_guests);
    int32_t *order = g_new(int32_t, m->n_guests);
    double total[PLAN_MAX_RESOURCES] = { 0 };

    for (size_t h = 0; h < m->n_hosts; h++) {
        for (size_t r = 0; r < m->n_resources; r++) {
            total[r] += (double)m->limit[h * m->n_resources + r];
        }
    }
    for (size_t g = 0; g < m->n_guests; g++) {
        sized[g] = (PlanSized){ 0, (int32_t)g };
        for (size_t r = 0; r < m->n_resources; r++) {
            sized[g].size +=
                (double)m->demand[g * m->n_resources + r] / MAX(1, total[r]);
        }
    }
    qsort(sized, m->n_guests, sizeof(*sized), plan_sized_compare);
    for (size_t g = 0; g < m->n_guests; g++) {
        order[g] = sized[g].number;
    }
    return order;
}

static double
room_left(const PlanSearch *s, int32_t guest, size_t host)
{
    const PlanModel *m = s->model;
    size_t n = m->n_resources;
    const int64_t *use = plan_state_use(s->state, (int32_t)host);
    double room = 0;

    for (size_t r = 0; r < n; r++) {
        int64_t limit = m->limit[host * n + r];
        int64_t demand = m->demand[(size_t)guest * n + r];

        room += (double)(limit - use[r] - demand) / (double)MAX(1, limit);
    }
    return room;
}

void
plan_search_greedy(PlanSearch *s, bool best, bool decreasing)
{
    const PlanModel *m = s->model;
    g_autofree int32_t *order = plan_search_order(m);

    for (size_t g = 0; g < m->n_guests; g++) {
        if (!m->guests[g].pinned || m->guests[g].host == PLAN_NOWHERE) {
            plan_state_move(s->state, (int32_t)g, PLAN_NOWHERE);
        }
    }
    for (size_t i = 0; i < m->n_guests; i++) {
        int32_t guest = decreasing ? order[i] : (int32_t)i;
        int32_t chosen = PLAN_NOWHERE;
        double least = G_MAXDOUBLE;

        if (plan_state_hosts(s->state)[guest] != PLAN_NOWHERE) {
            continue;
        }
        for (size_t h = 0; h < m->n_hosts; h++) {
            double room;

            if (!plan_state_fits(s->state, guest, (int32_t)h) ||
                (best && (room = room_left(s, guest, h)) >= least) ||
                plan_search_delta(s, guest, (int32_t)h).violation >
                    -PLAN_UNPLACED) {
                continue;
            }
            chosen = (int32_t)h;
            if (!best) {
                break;
            }
            least = room;
        }
        if (chosen != PLAN_NOWHERE) {
            plan_state_move(s->state, guest, chosen);
        }
        if (!plan_search_goes_on(s, 1)) {
            return;
        }
    }
}

/* What to take the least of among hosts that cost the same: room that stays
 * free, of those in use; a host that is not in use comes after them, the one
 * with most room, by what the guest takes of it, first. */
static double
room_to_spare(const PlanSearch *s, int32_t guest, size_t host)
{
    const PlanModel *m = s->model;
    double share = 0;
    size_t n_guests;

    plan_state_guests(s->state, (int32_t)host, &n_guests);
    if (n_guests > 0) {
        return room_left(s, guest, host);
    }
    for (size_t r = 0; r < m->n_resources; r++) {
        share += (double)m->demand[(size_t)guest * m->n_resources + r] /
                 (double)MAX(1, m->limit[host * m->n_resources + r]);
    }
    return (double)PLAN_MAX_RESOURCES + share;
}

bool
plan_search_insert(PlanSearch *s, int32_t guest, bool shuffle)
{
    size_t n = s->model->n_hosts;
    size_t first = shuffle ? plan_random_below(s, n) : 0;
    int32_t chosen = PLAN_NOWHERE;
    PlanScore least = { 0, 0 };
    double least_room = 0;

    for (size_t i = 0; i < n; i++) {
        size_t h = first + i < n ? first + i : first + i - n;
        PlanScore delta;
        double room;

        if (!plan_state_fits(s->state, guest, (int32_t)h)) {
            continue;
        }
        delta = plan_search_delta(s, guest, (int32_t)h);
        if (chosen != PLAN_NOWHERE && plan_score_less(least, delta)) {
            continue;
        }
        room = room_to_spare(s, guest, h);
        if (chosen == PLAN_NOWHERE || plan_score_less(delta, least) ||
            room < least_room) {
            chosen = (int32_t)h;
            least = delta;
            least_room = room;
        }
    }
    if (chosen == PLAN_NOWHERE || least.violation > -PLAN_UNPLACED) {
        return false;
    }
    plan_state_move(s->state, guest, chosen);
    return true;
}

void
plan_search_place_rest(PlanSearch *s)
{
    g_autofree int32_t *order = plan_search_order(s->model);

    for (size_t i = 0; i < s->model->n_guests; i++) {
        /* The order names every guest once, which the analyser cannot see. */
        /* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.ArraySubscript) */
        if (plan_state_hosts(s->state)[order[i]] == PLAN_NOWHERE) {
            plan_search_insert(s, order[i], false);
            if (!plan_search_goes_on(s, 1)) {
                break;
            }
        }
    }
    plan_search_note(s);
}

const char *
plan_method_promise(const PlanModel *m, PlanMethod method)
{
    bool alike = m->n_resources == 1 && m->n_rules == 0 && m->n_hosts > 0 &&
                 !m->resources[0].transient;

    for (size_t h = 0; h < m->n_hosts && alike; h++) {
        alike = m->limit[h] == m->limit[0];
    }
    for (size_t g = 0; g < m->n_guests && alike; g++) {
        alike =
            !m->guests[g].requires && !m->guests[g].pinned && !m->allowed[g];
    }
    if (!alike) {
        return NULL;
    }
    switch (method) {
    case PLAN_METHOD_FF:
    case PLAN_METHOD_BF:
        return "at most 17/10 of the fewest hosts possible";
    case PLAN_METHOD_FFD:
    case PLAN_METHOD_BFD:
        return "at most 11/9 of the fewest hosts possible, and 6/9";
    default:
        return NULL;
    }
}
