/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * population.c - genetic search, particle swarm, ant colony
 *
 * The three that the literature on placement names most. All keep several
 * placements and make new ones out of what these have in common, and all put a
 * guest somewhere only if that fits and breaks no further rule, so that every
 * placement they look at is worth looking at.
 *
 *   genetic   two parents, the better of two each; the child has the first's
 *             placement, but on about half of the hosts the guests that the
 *             second has there; a few guests are put anywhere, some improved by
 *             the best of a few shifts; it takes the place of the worst
 *   particles each guest of a particle goes to where it is in the particle's
 *             own best placement, or the best of all, or anywhere
 *   ants      take some guests off the best placement, and put them back one by
 *            one, by size; where to is drawn among the hosts
 *             that did well for the guest before, and a few others, by trail
 *             times attraction. Trails evaporate, and the best lay them anew.
 *             A guest remembers a few hosts only: all would be too much memory
 *
 * They are here to be compared with. Where guests are large or rules many they
 * are far behind annealing and lns; docs/planner.md has the figures.
 */
#include "plan/search-priv.h"

#include <math.h>
#include <string.h>

#define MEMBERS 16
#define ANTS 6
#define TRAILS 6 /* hosts that a guest remembers */
#define EVAPORATION 0.9
#define TAKEN 0.15 /* guests that an ant puts anew */

typedef struct Member {
    int32_t *host_of;
    int32_t *best; /* a particle's own best placement */
    PlanScore score;
} Member;

static bool
try_move(PlanSearch *s, int32_t guest, int32_t host)
{
    if (host == PLAN_NOWHERE || plan_state_hosts(s->state)[guest] == host ||
        !plan_state_fits(s->state, guest, host) ||
        plan_search_delta(s, guest, host).violation > 0) {
        return false;
    }
    plan_state_move(s->state, guest, host);
    return true;
}

static int32_t
any_guest(PlanSearch *s)
{
    return (int32_t)plan_random_below(s, s->model->n_guests);
}

static int32_t
any_host(PlanSearch *s)
{
    return (int32_t)plan_random_below(s, s->model->n_hosts);
}

/* The best of a few shifts, if it helps */
static void
improve(PlanSearch *s, int32_t guest)
{
    PlanScore least = { 0, 0 };
    int32_t chosen = PLAN_NOWHERE;

    for (int i = 0; i < 6; i++) {
        int32_t host = i ? any_host(s) : s->model->guests[guest].host;
        PlanScore delta;

        if (host == PLAN_NOWHERE || plan_state_hosts(s->state)[guest] == host ||
            !plan_state_fits(s->state, guest, host)) {
            continue;
        }
        delta = plan_search_delta(s, guest, host);
        if (plan_score_less(delta, least)) {
            least = delta;
            chosen = host;
        }
    }
    if (chosen != PLAN_NOWHERE) {
        plan_state_move(s->state, guest, chosen);
    }
}

static void
keep(PlanSearch *s, Member *member)
{
    memcpy(member->host_of, plan_state_hosts(s->state),
           s->model->n_guests * sizeof(int32_t));
    member->score = plan_state_score(s->state);
    plan_search_note(s);
}

/* The placement as it is, and others that differ from it more and more */
static Member *
first_members(PlanSearch *s, size_t n)
{
    size_t n_guests = s->model->n_guests;
    Member *members = g_new0(Member, n);

    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i * n_guests / (4 * n); k++) {
            try_move(s, any_guest(s), any_host(s));
        }
        members[i].host_of = g_new(int32_t, n_guests);
        members[i].best = g_new(int32_t, n_guests);
        keep(s, &members[i]);
        memcpy(members[i].best, members[i].host_of, n_guests * sizeof(int32_t));
        plan_state_reset(s->state, members[0].host_of);
    }
    return members;
}

static void
members_free(Member *members, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        g_free(members[i].host_of);
        g_free(members[i].best);
    }
    g_free(members);
}

static bool
endless(const PlanSearch *s)
{
    return !s->limits->work && !s->limits->stop;
}

static size_t
better_of_two(PlanSearch *s, const Member *members)
{
    size_t a = plan_random_below(s, MEMBERS);
    size_t b = plan_random_below(s, MEMBERS);

    return plan_score_less(members[a].score, members[b].score) ? a : b;
}

void
plan_search_genetic(PlanSearch *s)
{
    size_t n = s->model->n_guests;
    g_autofree bool *of_second = g_new(bool, s->model->n_hosts);
    Member *members;

    if (endless(s)) {
        return;
    }
    members = first_members(s, MEMBERS);
    do {
        const Member *first = &members[better_of_two(s, members)];
        const Member *second = &members[better_of_two(s, members)];
        size_t worst = 0;

        for (size_t h = 0; h < s->model->n_hosts; h++) {
            of_second[h] = plan_random(s) & 1;
        }
        plan_state_reset(s->state, first->host_of);
        for (size_t g = 0; g < n; g++) {
            int32_t host = second->host_of[g];

            if (host != PLAN_NOWHERE && of_second[host]) {
                try_move(s, (int32_t)g, host);
            }
        }
        for (size_t i = 0; i < 1 + n / 500; i++) {
            try_move(s, any_guest(s), any_host(s));
        }
        for (size_t i = 0; i < 1 + n / 4; i++) {
            improve(s, any_guest(s));
        }
        for (size_t i = 1; i < MEMBERS; i++) {
            if (plan_score_less(members[worst].score, members[i].score)) {
                worst = i;
            }
        }
        if (plan_score_less(plan_state_score(s->state), members[worst].score)) {
            keep(s, &members[worst]);
        }
    } while (plan_search_goes_on(s, n));
    members_free(members, MEMBERS);
}

void
plan_search_particles(PlanSearch *s)
{
    size_t n = s->model->n_guests;
    g_autofree PlanScore *best = g_new(PlanScore, MEMBERS);
    Member *members;
    bool going = !endless(s);

    members = first_members(s, MEMBERS);
    for (size_t i = 0; i < MEMBERS; i++) {
        best[i] = members[i].score;
    }
    while (going) {
        for (size_t i = 0; i < MEMBERS && going; i++) {
            Member *member = &members[i];

            plan_state_reset(s->state, member->host_of);
            for (size_t g = 0; g < n; g++) {
                double which = plan_random_unit(s);

                if (which < 0.2) {
                    try_move(s, (int32_t)g, member->best[g]);
                } else if (which < 0.4) {
                    try_move(s, (int32_t)g, s->best_hosts[g]);
                } else if (which < 0.45) {
                    improve(s, (int32_t)g);
                }
            }
            for (size_t k = 0; k < 1 + n / 500; k++) {
                try_move(s, any_guest(s), any_host(s));
            }
            keep(s, member);
            if (plan_score_less(member->score, best[i])) {
                best[i] = member->score;
                memcpy(member->best, member->host_of, n * sizeof(int32_t));
            }
            going = plan_search_goes_on(s, n);
        }
    }
    members_free(members, MEMBERS);
}

typedef struct Trail {
    int32_t host;
    float strength;
} Trail;

/* The host drawn for @guest, which is nowhere; PLAN_NOWHERE if none takes it */
static int32_t
draw_host(PlanSearch *s, const Trail *trails, int32_t guest)
{
    PlanScore delta[2 * TRAILS];
    double pull[2 * TRAILS];
    int32_t host[2 * TRAILS];
    PlanScore least = { INT64_MAX, INT64_MAX };
    double spread = 1;
    double sum = 0;
    double ticket;
    size_t n = 0;

    for (size_t i = 0; i < (size_t)2 * TRAILS; i++) {
        host[n] = i < TRAILS ? trails[i].host : any_host(s);
        if (host[n] == PLAN_NOWHERE ||
            !plan_state_fits(s->state, guest, host[n])) {
            continue;
        }
        delta[n] = plan_search_delta(s, guest, host[n]);
        pull[n] = i < TRAILS ? (double)trails[i].strength : 0.05;
        if (plan_score_less(delta[n], least)) {
            least = delta[n];
        }
        n++;
    }
    if (n == 0 || least.violation > -PLAN_UNPLACED) {
        return PLAN_NOWHERE;
    }
    for (size_t i = 0; i < n; i++) {
        spread += fabs((double)delta[i].cost - (double)least.cost) / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        pull[i] *= delta[i].violation > least.violation
                       ? 0
                       : exp(-2 * ((double)delta[i].cost - (double)least.cost) /
                             spread);
        sum += pull[i];
    }
    ticket = sum * plan_random_unit(s);
    for (size_t i = 0; i < n; i++) {
        ticket -= pull[i];
        if (ticket < 0 && pull[i] > 0) {
            return host[i];
        }
    }
    return PLAN_NOWHERE;
}

/* All trails of a guest fade; that to @host gets stronger, in place of the
 * weakest if it is new */
static void
lay(Trail *trails, int32_t host)
{
    size_t at = 0;

    for (size_t i = 0; i < TRAILS; i++) {
        trails[i].strength *= (float)EVAPORATION;
        if (trails[i].strength < trails[at].strength) {
            at = i;
        }
    }
    for (size_t i = 0; i < TRAILS; i++) {
        at = trails[i].host == host ? i : at;
    }
    if (trails[at].host != host) {
        trails[at] = (Trail){ host, 0 };
    }
    trails[at].strength += (float)(1 - EVAPORATION);
}

void
plan_search_ants(PlanSearch *s)
{
    size_t n = s->model->n_guests;
    g_autofree int32_t *order = plan_search_order(s->model);
    g_autofree Trail *trails = g_new(Trail, n * TRAILS);
    g_autofree int32_t *round = g_new(int32_t, n);
    bool going = !endless(s);

    for (size_t i = 0; i < n * TRAILS; i++) {
        int32_t now = plan_state_hosts(s->state)[i / TRAILS];

        trails[i] =
            i % TRAILS == 0 ? (Trail){ now, 1 } : (Trail){ PLAN_NOWHERE, 0 };
    }
    while (going) {
        PlanScore best = { INT64_MAX, INT64_MAX };

        for (int ant = 0; ant < ANTS && going; ant++) {
            plan_state_reset(s->state, s->best_hosts);
            for (size_t g = 0; g < n; g++) {
                const PlanGuest *guest = &s->model->guests[g];

                if ((!guest->pinned || guest->host == PLAN_NOWHERE) &&
                    plan_random_unit(s) < TAKEN) {
                    plan_state_move(s->state, (int32_t)g, PLAN_NOWHERE);
                }
            }
            for (size_t i = 0; i < n; i++) {
                /* The order names every guest once. */
                /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage) */
                int32_t host =
                    plan_state_hosts(s->state)[order[i]] == PLAN_NOWHERE
                        ? draw_host(s, trails + (size_t)order[i] * TRAILS,
                                    order[i])
                        : PLAN_NOWHERE;

                if (host != PLAN_NOWHERE) {
                    plan_state_move(s->state, order[i], host);
                } else {
                    try_move(s, order[i], s->best_hosts[order[i]]);
                }
            }
            plan_search_note(s);
            if (plan_score_less(plan_state_score(s->state), best)) {
                best = plan_state_score(s->state);
                memcpy(round, plan_state_hosts(s->state), n * sizeof(int32_t));
            }
            going = plan_search_goes_on(s, n);
        }
        for (size_t g = 0; g < n; g++) {
            const int32_t *from = plan_random(s) & 1 ? round : s->best_hosts;

            if (from[g] != PLAN_NOWHERE) {
                lay(trails + g * TRAILS, from[g]);
            }
        }
    }
}
