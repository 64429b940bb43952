/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * term-survive.c - after so many places fail, there is room for who was there
 *
 * Let need(p) be what the group's members in place p take of a resource, and
 * free(p) what is free of it on p's hosts. If the places of a set F fail, what
 * they needed has to fit what is free elsewhere:
 *
 *     sum of need over F <= sum of free over all - sum of free over F
 *
 * and the worst F is that of the largest need + free, whatever the sizes. So
 * each rule and resource keeps the few largest of these sums: a move changes
 * two places, and the others of the worst set are among those kept. Guests are
 * taken as divisible: what is checked is the room, not a new placement.
 */
#include "plan/state-priv.h"

#include <string.h>

#define MOST_KEPT (PLAN_MAX_FAILURES + 2)

typedef struct Keep {
    const PlanRule *rule;
    const bool *member;   /* [guest] */
    const int32_t *place; /* [host], of the model */
    size_t n_places;
    int64_t *sum;   /* [place x n_resources + r] need + free */
    int64_t *free;  /* [r] of all places */
    int32_t *worst; /* [r x MOST_KEPT] places, the largest sum first */
    size_t n_kept;  /* failures + 2, or all places */
} Keep;

typedef struct Books {
    size_t n;
    Keep *keeps;
} Books;

static bool
wanted(const PlanModel *m)
{
    for (size_t k = 0; k < m->n_rules; k++) {
        if (m->rules[k].kind == PLAN_RULE_SURVIVE) {
            return m->n_resources > 0 && m->n_hosts > 0;
        }
    }
    return false;
}

static int64_t
free_of(const PlanModel *m, size_t host, size_t r, int64_t use)
{
    return MAX(0, m->limit[host * m->n_resources + r] - use);
}

/* The places with the largest sums of @r, anew */
static void
find_worst(const PlanModel *m, Keep *keep, size_t r)
{
    int32_t *worst = keep->worst + r * MOST_KEPT;
    size_t n = 0;

    for (size_t p = 0; p < keep->n_places; p++) {
        int64_t sum = keep->sum[p * m->n_resources + r];
        size_t at = n;

        while (at > 0 &&
               keep->sum[(size_t)worst[at - 1] * m->n_resources + r] < sum) {
            at--;
        }
        if (at == keep->n_kept) {
            continue;
        }
        n = MIN(n + 1, keep->n_kept);
        memmove(worst + at + 1, worst + at, (n - at - 1) * sizeof(*worst));
        worst[at] = (int32_t)p;
    }
}

static void
keep_start(const PlanModel *m, Keep *keep, const PlanRule *rule)
{
    const PlanGroup *group = &m->groups[rule->group];
    bool *member = g_new0(bool, m->n_guests + 1);

    for (size_t i = 0; i < group->n_members; i++) {
        member[group->members[i]] = true;
    }
    keep->rule = rule;
    keep->member = member;
    keep->place = m->place[rule->level];
    keep->n_places = plan_model_places(m, rule->level);
    keep->n_kept = MIN(keep->n_places, (size_t)rule->failures + 2);
    keep->sum = g_new0(int64_t, keep->n_places * m->n_resources);
    keep->free = g_new0(int64_t, m->n_resources);
    keep->worst = g_new0(int32_t, m->n_resources * MOST_KEPT);
    for (size_t h = 0; h < m->n_hosts; h++) {
        for (size_t r = 0; r < m->n_resources; r++) {
            int64_t free = free_of(m, h, r, 0);

            keep->free[r] += free;
            keep->sum[(size_t)keep->place[h] * m->n_resources + r] += free;
        }
    }
    for (size_t r = 0; r < m->n_resources; r++) {
        find_worst(m, keep, r);
    }
}

static void *
start(const PlanModel *m)
{
    Books *books = g_new0(Books, 1);

    books->keeps = g_new0(Keep, m->n_rules);
    for (size_t k = 0; k < m->n_rules; k++) {
        if (m->rules[k].kind == PLAN_RULE_SURVIVE) {
            keep_start(m, &books->keeps[books->n++], &m->rules[k]);
        }
    }
    return books;
}

static void
books_free(void *data)
{
    Books *books = data;

    for (size_t i = 0; i < books->n; i++) {
        g_free((bool *)books->keeps[i].member);
        g_free(books->keeps[i].sum);
        g_free(books->keeps[i].free);
        g_free(books->keeps[i].worst);
    }
    g_free(books->keeps);
    g_free(books);
}

static int
falling(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return (x < y) - (x > y);
}

static int64_t
recount_rule(const PlanModel *m, const PlanRule *rule, const int32_t *host_of,
             size_t r)
{
    const PlanGroup *group = &m->groups[rule->group];
    size_t n_places = plan_model_places(m, rule->level);
    g_autofree int64_t *sum = g_new0(int64_t, n_places);
    g_autofree int64_t *use = g_new0(int64_t, m->n_hosts);
    int64_t lacking = 0;

    for (size_t g = 0; g < m->n_guests; g++) {
        if (host_of[g] != PLAN_NOWHERE) {
            use[host_of[g]] += m->demand[g * m->n_resources + r];
        }
    }
    for (size_t i = 0; i < group->n_members; i++) {
        size_t g = (size_t)group->members[i];

        if (host_of[g] != PLAN_NOWHERE) {
            sum[m->place[rule->level][host_of[g]]] +=
                m->demand[g * m->n_resources + r];
        }
    }
    for (size_t h = 0; h < m->n_hosts; h++) {
        int64_t free = free_of(m, h, r, use[h]);

        sum[m->place[rule->level][h]] += free;
        lacking -= free;
    }
    qsort(sum, n_places, sizeof(*sum), falling);
    for (size_t i = 0; i < MIN(n_places, (size_t)rule->failures); i++) {
        lacking += sum[i];
    }
    return MAX(0, lacking) * m->scale[r];
}

static int64_t
recount(const PlanModel *m, const int32_t *host_of)
{
    int64_t value = 0;

    for (size_t k = 0; k < m->n_rules; k++) {
        for (size_t r = 0;
             m->rules[k].kind == PLAN_RULE_SURVIVE && r < m->n_resources; r++) {
            value += recount_rule(m, &m->rules[k], host_of, r);
        }
    }
    return value;
}

/* What a guest that comes (+1) or goes (-1) changes of a host's free room */
static int64_t
free_change(const PlanState *s, int32_t host, size_t r, int64_t demand)
{
    int64_t use = s->use[(size_t)host * s->model->n_resources + r];

    return free_of(s->model, (size_t)host, r, use + demand) -
           free_of(s->model, (size_t)host, r, use);
}

typedef struct Change {
    int32_t place[2]; /* PLAN_NOWHERE: none */
    int64_t sum[2];   /* their new sums */
    int64_t free;     /* of all, new */
} Change;

static Change
change_of(const PlanState *s, const Keep *keep, int32_t guest, int32_t host,
          size_t r)
{
    size_t n = s->model->n_resources;
    int64_t demand = s->model->demand[(size_t)guest * n + r];
    int32_t hosts[2] = { s->host_of[guest], host };
    Change c = { { PLAN_NOWHERE, PLAN_NOWHERE }, { 0, 0 }, keep->free[r] };
    int64_t change[2] = { 0, 0 };

    for (int i = 0; i < 2; i++) {
        int64_t signed_demand = i == 0 ? -demand : demand;
        int64_t free;

        if (hosts[i] == PLAN_NOWHERE) {
            continue;
        }
        free = free_change(s, hosts[i], r, signed_demand);
        c.place[i] = keep->place[hosts[i]];
        c.free += free;
        change[i] = free + (keep->member[guest] ? signed_demand : 0);
    }
    if (c.place[0] != PLAN_NOWHERE && c.place[0] == c.place[1]) {
        change[0] += change[1];
        c.place[1] = PLAN_NOWHERE;
    }
    for (int i = 0; i < 2; i++) {
        if (c.place[i] != PLAN_NOWHERE) {
            c.sum[i] = keep->sum[(size_t)c.place[i] * n + r] + change[i];
        }
    }
    return c;
}

/* The largest sums, with two places' new ones sorted in; @c NULL: as it is */
static int64_t
lacking(const PlanModel *m, const Keep *keep, size_t r, const Change *c)
{
    const int32_t *worst = keep->worst + r * MOST_KEPT;
    size_t left = MIN(keep->n_places, (size_t)keep->rule->failures);
    bool open[2] = { c && c->place[0] != PLAN_NOWHERE,
                     c && c->place[1] != PLAN_NOWHERE };
    int64_t sum = -(c ? c->free : keep->free[r]);

    for (size_t at = 0; left > 0; left--) {
        int64_t next = -1;
        int from = 2;

        while (at < keep->n_kept && c &&
               (worst[at] == c->place[0] || worst[at] == c->place[1])) {
            at++;
        }
        if (at < keep->n_kept) {
            next = keep->sum[(size_t)worst[at] * m->n_resources + r];
        }
        for (int i = 0; i < 2; i++) {
            if (open[i] && c->sum[i] > next) {
                next = c->sum[i];
                from = i;
            }
        }
        sum += MAX(0, next);
        if (from == 2) {
            at++;
        } else {
            open[from] = false;
        }
    }
    return MAX(0, sum);
}

static int64_t
delta(const PlanState *s, const void *data, int32_t guest, int32_t host)
{
    const PlanModel *m = s->model;
    const Books *books = data;
    int64_t sum = 0;

    for (size_t i = 0; i < books->n; i++) {
        const Keep *keep = &books->keeps[i];

        for (size_t r = 0; r < m->n_resources; r++) {
            Change c;

            if (m->demand[(size_t)guest * m->n_resources + r] == 0) {
                continue;
            }
            c = change_of(s, keep, guest, host, r);
            sum += (lacking(m, keep, r, &c) - lacking(m, keep, r, NULL)) *
                   m->scale[r];
        }
    }
    return sum;
}

static void
moved(const PlanState *s, void *data, int32_t guest, int32_t host)
{
    const PlanModel *m = s->model;
    Books *books = data;

    for (size_t i = 0; i < books->n; i++) {
        Keep *keep = &books->keeps[i];

        for (size_t r = 0; r < m->n_resources; r++) {
            Change c;

            if (m->demand[(size_t)guest * m->n_resources + r] == 0) {
                continue;
            }
            c = change_of(s, keep, guest, host, r);
            keep->free[r] = c.free;
            for (int k = 0; k < 2; k++) {
                if (c.place[k] != PLAN_NOWHERE) {
                    keep->sum[(size_t)c.place[k] * m->n_resources + r] =
                        c.sum[k];
                }
            }
            find_worst(m, keep, r);
        }
    }
}

const PlanTerm plan_term_survive = {
    .name = "survive",
    .hard = true,
    .wanted = wanted,
    .start = start,
    .free = books_free,
    .recount = recount,
    .delta = delta,
    .moved = moved,
};
