/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * quick.c - a whole placement soon, whatever it costs
 *
 * Guests that are nowhere are put down once, in an order in which little goes
 * wrong: groups that have to be together while there is a choice, each into the
 * place with most room, all members or none; then everybody else, the largest
 * first, onto the first host that takes it. Nobody leaves again, so a host that
 * has no room for a demand never will have, and each demand goes through the
 * hosts once. For those that are left a host is sought that takes them once
 * others have gone elsewhere.
 */
#include "plan/search-priv.h"
#include "plan/sized.h"

#include <stdlib.h>
#include <string.h>

#define MOST_LEAVERS 64
#define MOST_FORCED 10000 /* hosts tried, all in all */

typedef struct Quick {
    PlanSearch *s;
    const PlanModel *m;
    double *total;  /* [resource] limits of all hosts */
    int32_t *hosts; /* smallest first: large ones are kept for large guests */
} Quick;

static bool
put(Quick *q, int32_t guest, int32_t host)
{
    if (plan_search_delta(q->s, guest, host).violation > -PLAN_UNPLACED) {
        return false;
    }
    plan_state_move(q->s->state, guest, host);
    return true;
}

static bool
is_nowhere(const Quick *q, int32_t guest)
{
    return plan_state_hosts(q->s->state)[guest] == PLAN_NOWHERE;
}

static double
size_of(const Quick *q, const int64_t *amounts)
{
    double size = 0;

    for (size_t r = 0; r < q->m->n_resources; r++) {
        size += (double)amounts[r] / q->total[r];
    }
    return size;
}

/* Largest first */
static PlanSized *
sort_members(const Quick *q, const PlanGroup *group, size_t *n)
{
    PlanSized *members = g_new(PlanSized, group->n_members + 1);

    *n = 0;
    for (size_t i = 0; i < group->n_members; i++) {
        int32_t guest = group->members[i];

        if (is_nowhere(q, guest)) {
            members[(*n)++] = (PlanSized){
                size_of(q, q->m->demand + (size_t)guest * q->m->n_resources),
                guest
            };
        }
    }
    qsort(members, *n, sizeof(*members), plan_sized_compare);
    return members;
}

/* All members onto these hosts, or none */
static bool
put_all(Quick *q, const PlanSized *members, size_t n, const int32_t *hosts,
        size_t n_hosts)
{
    size_t done = 0;

    for (bool found = true; done < n && found; done += found) {
        found = false;
        for (size_t i = 0; i < n_hosts && !found; i++) {
            found =
                plan_state_fits(q->s->state, members[done].number, hosts[i]) &&
                put(q, members[done].number, hosts[i]);
        }
    }
    if (done == n) {
        return true;
    }
    while (done-- > 0) {
        plan_state_move(q->s->state, members[done].number, PLAN_NOWHERE);
    }
    return false;
}

/* Free room of each place, most first */
static PlanSized *
sort_places(const Quick *q, PlanLevel level, size_t n)
{
    const PlanModel *m = q->m;
    PlanSized *places = g_new0(PlanSized, n + 1);

    for (size_t i = 0; i < n; i++) {
        places[i].number = (int32_t)i;
    }
    for (size_t h = 0; h < m->n_hosts; h++) {
        places[m->place[level][h]].size +=
            size_of(q, m->limit + h * m->n_resources) -
            size_of(q, plan_state_use(q->s->state, (int32_t)h));
    }
    qsort(places, n, sizeof(*places), plan_sized_compare);
    return places;
}

/* The hosts of each place, one place after the other; starts in *@start */
static int32_t *
list_hosts(const Quick *q, PlanLevel level, size_t n, size_t **start)
{
    const PlanModel *m = q->m;
    int32_t *hosts = g_new(int32_t, m->n_hosts + 1);
    size_t *at = g_new0(size_t, n + 2);

    /* counted two places on, so that filling leaves the starts behind */
    for (size_t h = 0; h < m->n_hosts; h++) {
        at[m->place[level][h] + 2]++;
    }
    for (size_t i = 2; i < n + 2; i++) {
        at[i] += at[i - 1];
    }
    for (size_t i = 0; i < m->n_hosts; i++) {
        hosts[at[m->place[level][q->hosts[i]] + 1]++] = q->hosts[i];
    }
    *start = at;
    return hosts;
}

static void
put_groups(Quick *q, PlanLevel level)
{
    const PlanModel *m = q->m;
    size_t n = plan_model_places(m, level);
    g_autofree size_t *start = NULL;
    g_autofree int32_t *hosts = list_hosts(q, level, n, &start);
    g_autofree PlanSized *places = NULL;
    g_autoptr(GArray) rules = g_array_new(FALSE, FALSE, sizeof(PlanSized));

    for (size_t k = 0; k < m->n_rules; k++) {
        PlanSized sized = { 0, (int32_t)k };

        if (m->rules[k].kind == PLAN_RULE_TOGETHER &&
            m->rules[k].level == level) {
            const PlanGroup *group = &m->groups[m->rules[k].group];

            for (size_t i = 0; i < group->n_members; i++) {
                sized.size += size_of(q, m->demand + (size_t)group->members[i] *
                                                         m->n_resources);
            }
            g_array_append_val(rules, sized);
        }
    }
    g_array_sort(rules, plan_sized_compare);
    for (guint k = 0; k < rules->len && !q->s->stopped; k++) {
        const PlanRule *rule =
            &m->rules[g_array_index(rules, PlanSized, k).number];
        size_t n_members;
        g_autofree PlanSized *members =
            sort_members(q, &m->groups[rule->group], &n_members);

        if (k % 32 == 0) { /* room changes slowly */
            g_free(places);
            places = sort_places(q, level, n);
        }
        for (size_t i = 0; i < n && n_members > 0; i++) {
            size_t at = (i + k % 32) % n;
            size_t place = (size_t)places[at].number;

            if (put_all(q, members, n_members, hosts + start[place],
                        start[place + 1] - start[place])) {
                break;
            }
        }
        plan_search_goes_on(q->s, 1);
    }
}

/* Guests of one demand start where the last of them was */
static void
put_rest(Quick *q)
{
    const PlanModel *m = q->m;
    size_t bytes = m->n_resources * sizeof(*m->demand);
    g_autofree int32_t *order = plan_search_order(m);
    int32_t last = PLAN_NOWHERE;
    size_t first = 0;

    for (size_t i = 0; i < m->n_guests && !q->s->stopped; i++) {
        int32_t guest = order[i];

        if (!is_nowhere(q, guest)) {
            continue;
        }
        if (last == PLAN_NOWHERE ||
            m->guests[last].numa != m->guests[guest].numa ||
            memcmp(m->demand + (size_t)last * m->n_resources,
                   m->demand + (size_t)guest * m->n_resources, bytes) != 0) {
            first = 0;
            last = guest;
        }
        for (size_t k = first; k < m->n_hosts; k++) {
            if (!plan_state_fits(q->s->state, guest, q->hosts[k])) {
                first += k == first;
            } else if (put(q, guest, q->hosts[k])) {
                break;
            }
        }
        plan_search_goes_on(q->s, 1);
    }
}

static bool
first_fit(Quick *q, int32_t guest, int32_t except)
{
    for (size_t k = 0; k < q->m->n_hosts; k++) {
        if (q->hosts[k] != except &&
            plan_state_fits(q->s->state, guest, q->hosts[k]) &&
            put(q, guest, q->hosts[k])) {
            return true;
        }
    }
    return false;
}

static bool
fits_alone(const Quick *q, int32_t guest, int32_t host)
{
    size_t n = q->m->n_resources;

    for (size_t r = 0; r < n; r++) {
        if (q->m->demand[(size_t)guest * n + r] >
            q->m->limit[(size_t)host * n + r]) {
            return false;
        }
    }
    return plan_model_allows(q->m, guest, host);
}

/* Those on @host that may go, largest first */
static size_t
list_leavers(const Quick *q, int32_t host, PlanSized *leavers)
{
    const PlanModel *m = q->m;
    size_t n_here;
    const int32_t *here = plan_state_guests(q->s->state, host, &n_here);
    size_t n = 0;

    for (size_t i = 0; i < n_here && n < MOST_LEAVERS; i++) {
        size_t g = (size_t)here[i];

        if (!m->guests[g].pinned) {
            leavers[n++] =
                (PlanSized){ size_of(q, m->demand + g * m->n_resources),
                             here[i] };
        }
    }
    qsort(leavers, n, sizeof(*leavers), plan_sized_compare);
    return n;
}

/* @guest onto @host, some of whose guests go elsewhere; or nothing happens */
static bool
make_room(Quick *q, int32_t guest, int32_t host)
{
    PlanSized leavers[MOST_LEAVERS];
    PlanScore before = plan_state_score(q->s->state);
    size_t n = list_leavers(q, host, leavers);
    size_t gone = 0;
    size_t back = 0;
    bool in = false;

    while (gone < n && !in) {
        plan_state_move(q->s->state, leavers[gone++].number, PLAN_NOWHERE);
        in = plan_state_fits(q->s->state, guest, host) && put(q, guest, host);
    }
    while (in && back < gone && first_fit(q, leavers[back].number, host)) {
        back++;
    }
    if (in && back == gone &&
        plan_score_less(plan_state_score(q->s->state), before)) {
        return true;
    }
    if (in) {
        plan_state_move(q->s->state, guest, PLAN_NOWHERE);
    }
    for (size_t i = 0; i < gone; i++) {
        plan_state_move(q->s->state, leavers[i].number, host);
    }
    return false;
}

static void
put_by_force(Quick *q)
{
    const PlanModel *m = q->m;
    size_t tries = 0;

    for (int32_t g = 0; g < (int32_t)m->n_guests && tries < MOST_FORCED; g++) {
        for (size_t k = m->n_hosts; is_nowhere(q, g) && k-- > 0;) {
            if (fits_alone(q, g, q->hosts[k])) {
                make_room(q, g, q->hosts[k]);
                if (++tries >= MOST_FORCED || !plan_search_goes_on(q->s, 1)) {
                    return;
                }
            }
        }
    }
}

void
plan_search_quick(PlanSearch *s)
{
    double total[PLAN_MAX_RESOURCES] = { 0 };
    g_autofree PlanSized *sized = g_new(PlanSized, s->model->n_hosts + 1);
    g_autofree int32_t *hosts = g_new(int32_t, s->model->n_hosts + 1);
    Quick q = { .s = s, .m = s->model, .total = total, .hosts = hosts };

    for (size_t h = 0; h < q.m->n_hosts; h++) {
        for (size_t r = 0; r < q.m->n_resources; r++) {
            total[r] += (double)q.m->limit[h * q.m->n_resources + r];
        }
    }
    for (size_t r = 0; r < q.m->n_resources; r++) {
        total[r] = MAX(1, total[r]);
    }
    for (size_t h = 0; h < q.m->n_hosts; h++) {
        sized[h] = (PlanSized){ -size_of(&q, q.m->limit + h * q.m->n_resources),
                                (int32_t)h };
    }
    qsort(sized, q.m->n_hosts, sizeof(*sized), plan_sized_compare);
    for (size_t h = 0; h < q.m->n_hosts; h++) {
        hosts[h] = sized[h].number;
    }
    for (int level = 0; level < PLAN_N_LEVELS; level++) {
        put_groups(&q, (PlanLevel)level);
    }
    put_rest(&q);
    put_by_force(&q);
    plan_search_note(s);
}
