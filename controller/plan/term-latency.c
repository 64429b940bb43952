/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * term-latency.c - members of two groups, or of one, are near enough
 *
 * What a packet takes is a matter of the class of the two hosts: the innermost
 * place that they share, or in a BCube the digits that differ. So a rule says
 * which classes are too slow, and each pair of members on such hosts counts as
 * broken. Who is nowhere is not slow yet.
 */
#include "plan/state-priv.h"

typedef struct Books {
    size_t *start;   /* [n_guests + 1] into rules */
    uint32_t *rules; /* of each guest: rule x 2 + whether it is of group `on` */
} Books;

static bool
wanted(const PlanModel *m)
{
    for (size_t k = 0; k < m->n_rules; k++) {
        if (m->rules[k].kind == PLAN_RULE_LATENCY) {
            return true;
        }
    }
    return false;
}

/* Of one group each pair counts once, so its members have one role only. */
static size_t
roles(const PlanRule *rule)
{
    return rule->kind != PLAN_RULE_LATENCY ? 0
           : rule->on == rule->group       ? 1
                                           : 2;
}

static const PlanGroup *
group_of(const PlanModel *m, const PlanRule *rule, size_t role)
{
    return &m->groups[role ? rule->on : rule->group];
}

static void *
start(const PlanModel *m)
{
    Books *books = g_new0(Books, 1);

    books->start = g_new0(size_t, m->n_guests + 2);
    for (int fill = 0; fill < 2; fill++) {
        for (size_t k = 0; k < m->n_rules; k++) {
            for (size_t role = 0; role < roles(&m->rules[k]); role++) {
                const PlanGroup *group = group_of(m, &m->rules[k], role);

                for (size_t i = 0; i < group->n_members; i++) {
                    /* counted two places on: filling leaves the starts behind */
                    size_t *at = &books->start[group->members[i] + 2 - fill];

                    if (fill) {
                        books->rules[*at] = (uint32_t)(2 * k + role);
                    }
                    ++*at;
                }
            }
        }
        if (!fill) {
            for (size_t g = 2; g < m->n_guests + 2; g++) {
                books->start[g] += books->start[g - 1];
            }
            books->rules = g_new0(uint32_t, books->start[m->n_guests + 1] + 1);
        }
    }
    return books;
}

static void
books_free(void *data)
{
    Books *books = data;

    g_free(books->start);
    g_free(books->rules);
    g_free(books);
}

static bool
slow(const PlanModel *m, const PlanRule *rule, int32_t a, int32_t b)
{
    return a != PLAN_NOWHERE && b != PLAN_NOWHERE &&
           plan_rule_too_slow(m, rule, plan_model_class(m, a, b));
}

static int64_t
recount(const PlanModel *m, const int32_t *host_of)
{
    int64_t value = 0;

    for (size_t k = 0; k < m->n_rules; k++) {
        const PlanRule *rule = &m->rules[k];
        const PlanGroup *first = &m->groups[rule->group];
        const PlanGroup *second = &m->groups[rule->on];

        for (size_t i = 0;
             rule->kind == PLAN_RULE_LATENCY && i < first->n_members; i++) {
            for (size_t j = rule->on == rule->group ? i + 1 : 0;
                 j < second->n_members; j++) {
                int32_t a = first->members[i];
                int32_t b = second->members[j];

                if (a != b && slow(m, rule, host_of[a], host_of[b])) {
                    value += PLAN_BROKEN;
                }
            }
        }
    }
    return value;
}

static int64_t
delta(const PlanState *s, const void *data, int32_t guest, int32_t host)
{
    const PlanModel *m = s->model;
    const Books *books = data;
    int32_t from = s->host_of[guest];
    int64_t sum = 0;

    for (size_t i = books->start[guest]; i < books->start[guest + 1]; i++) {
        const PlanRule *rule = &m->rules[books->rules[i] / 2];
        const PlanGroup *others =
            group_of(m, rule, roles(rule) == 2 && books->rules[i] % 2 == 0);

        for (size_t j = 0; j < others->n_members; j++) {
            int32_t peer = s->host_of[others->members[j]];

            if (others->members[j] != guest) {
                sum += (int64_t)slow(m, rule, host, peer) -
                       (int64_t)slow(m, rule, from, peer);
            }
        }
    }
    return sum * PLAN_BROKEN;
}

const PlanTerm plan_term_latency = {
    .name = "latency",
    .hard = true,
    .wanted = wanted,
    .start = start,
    .free = books_free,
    .recount = recount,
    .delta = delta,
};
