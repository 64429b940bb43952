/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * moves-reach.c - can the target be reached at all, one migration after the other?
 *
 * Guests that need the same and may go to the same hosts are a class, and how
 * many of each class are on each host is a shape. Where one of a class can go, any
 * other in its place could, so what matters is which shapes can be reached, few
 * by far as compared with placements, and how guests of a class can change places
 * while the shape is the same in the end:
 *
 *   together   two of a class on one host are not told apart by what follows:
 *              take the same way back, each as the other
 *   round      if two ways lead to one shape, one there and the other back
 *
 * Every migration can be taken back, so these make a group (permutations.c), the
 * same wherever one starts from. With one way to each shape known, all of the group
 * comes from those who meet there and from each migration that leads to a shape
 * that was known. The target is reached exactly if its shape is, and what then is
 * still amiss is in the group.
 */
#include "plan/byte-set.h"
#include "plan/moves-priv.h"
#include "plan/permutations.h"

#include <string.h>

#define MOST_GUESTS 200
#define MOST_HOSTS 255
#define MOST_BYTES ((size_t)64 << 20)

typedef struct Reach {
    const PlanModel *m;
    const int32_t *goals;
    size_t n, n_classes;
    int32_t guest[MOST_GUESTS + 1]; /* by class */
    uint8_t class[MOST_GUESTS];     /* [i] */
    int64_t *fixed;                 /* [host x n_resources]: of pinned guests */
    int64_t *use;                   /* ... of everybody, of one shape */
    PlanByteSet shapes;             /* [host x n_classes] of guests */
    GByteArray *hosts;              /* [shape x n] a way to have that shape */
    PlanPermutations *group;        /* of guests' numbers i */
    uint8_t target[MOST_GUESTS];
    uint8_t *target_shape;
    uint32_t target_number; /* of its shape; UINT32_MAX: not reached yet */
    uint8_t *shape;         /* room for one */
    uint8_t *seen;          /* [host x n_classes] in expand() */
    bool changed;           /* the group, since it was asked */
    uint64_t n_looks;
} Reach;

static bool
same_class(const Reach *r, int32_t a, int32_t b)
{
    const PlanModel *m = r->m;
    size_t n = m->n_resources;
    const PlanGuest *x = &m->guests[a];
    const PlanGuest *y = &m->guests[b];

    return memcmp(m->demand + (size_t)a * n, m->demand + (size_t)b * n,
                  n * sizeof(*m->demand)) == 0 &&
           !x->pinned && !y->pinned && x->requires == y->requires &&
           !m->allowed[a] && !m->allowed[b] &&
           plan_model_allows(m, a, r->goals[a]) &&
           plan_model_allows(m, b, r->goals[b]);
}

/* Those that take part, by class; false if this is nothing for us */
static bool
gather(Reach *r, const int32_t *home)
{
    const PlanModel *m = r->m;

    for (int32_t g = 0; g < (int32_t)m->n_guests; g++) {
        size_t at = 0;

        if (home[g] == PLAN_NOWHERE) {
            continue;
        }
        plan_model_book(m, r->use, g, home[g], 1);
        if (m->guests[g].pinned && r->goals[g] == home[g]) {
            plan_model_book(m, r->fixed, g, home[g], 1);
            continue;
        }
        /* a way out that is none back */
        if (r->n == MOST_GUESTS ||
            (home[g] != r->goals[g] && !plan_model_allows(m, g, home[g]))) {
            return false;
        }
        while (at < r->n && !same_class(r, r->guest[at], g)) {
            at++;
        }
        memmove(r->guest + at + 1, r->guest + at,
                (r->n - at) * sizeof(*r->guest));
        r->guest[at] = g;
        r->n++;
    }
    for (size_t h = 0; h < m->n_hosts; h++) {
        if (m->hosts[h].sides) {
            return false; /* who is there is more than a number then */
        }
    }
    for (size_t i = 0; i < m->n_hosts * m->n_resources; i++) {
        if (r->use[i] > m->limit[i]) {
            return false; /* who leaves might not come back */
        }
    }
    for (size_t i = 0; i < r->n; i++) {
        r->n_classes += i == 0 || !same_class(r, r->guest[i - 1], r->guest[i]);
        r->class[i] = (uint8_t)(r->n_classes - 1);
        r->target[i] = (uint8_t)r->goals[r->guest[i]];
    }
    return true;
}

static void
find_shape(const Reach *r, const uint8_t *hosts, uint8_t *shape)
{
    memset(shape, 0, r->shapes.width);
    for (size_t i = 0; i < r->n; i++) {
        shape[hosts[i] * r->n_classes + r->class[i]]++;
    }
}

/* @image takes the guests that @a has somewhere to those that @b has there */
static void
compare(const Reach *r, const uint8_t *a, const uint8_t *b, uint8_t *image)
{
    bool taken[MOST_GUESTS] = { false };

    for (size_t i = 0; i < r->n; i++) {
        size_t k = 0;

        image[i] = (uint8_t)i;
        if (a[i] == b[i]) {
            continue;
        }
        while (r->class[k] != r->class[i] || b[k] != a[i] || a[k] == b[k] ||
               taken[k]) {
            k++;
        }
        taken[k] = true;
        image[i] = (uint8_t)k;
    }
}

/* There is a way to have @hosts, which has @shape: what is new of that? */
static void
reach(Reach *r, const uint8_t *hosts, const uint8_t *shape)
{
    uint32_t n = r->shapes.n;
    uint32_t number = plan_byte_set_add(&r->shapes, shape);
    uint8_t image[MOST_GUESTS];

    if (number < n) {
        compare(r, r->hosts->data + number * r->n, hosts, image);
        r->changed |= plan_permutations_add(r->group, image);
        return;
    }
    g_byte_array_append(r->hosts, hosts, (guint)r->n);
    if (memcmp(shape, r->target_shape, r->shapes.width) == 0) {
        r->target_number = number;
        r->changed = true;
    }
    for (size_t i = 0; i < r->n; i++) {
        for (size_t k = i; k-- > 0 && r->class[k] == r->class[i];) {
            if (hosts[k] == hosts[i]) {
                r->changed |= plan_permutations_join(r->group, k, i);
                break;
            }
        }
    }
}

/* Is the target among what can be reached as far as is known? */
static bool
arrived(Reach *r)
{
    uint8_t image[MOST_GUESTS];

    if (!r->changed || r->target_number == UINT32_MAX) {
        return false;
    }
    r->changed = false;
    compare(r, r->hosts->data + r->target_number * r->n, r->target, image);
    return plan_permutations_has(r->group, image);
}

/* All migrations from shape @number, one guest for all of a class on a host */
static void
expand(Reach *r, uint32_t number)
{
    const PlanModel *m = r->m;
    size_t width = r->shapes.width;
    uint8_t hosts[MOST_GUESTS];

    memcpy(hosts, r->hosts->data + number * r->n, r->n);
    memcpy(r->shape, plan_byte_set_at(&r->shapes, number), width);
    memcpy(r->use, r->fixed, m->n_hosts * m->n_resources * sizeof(*r->use));
    for (size_t i = 0; i < r->n; i++) {
        plan_model_book(m, r->use, r->guest[i], hosts[i], 1);
    }
    memset(r->seen, 0, width);
    for (size_t i = 0; i < r->n; i++) {
        uint8_t from = hosts[i];
        size_t there = from * r->n_classes + r->class[i];

        if (r->seen[there]) {
            continue; /* one of the class was moved from there */
        }
        r->seen[there] = true;
        r->n_looks += m->n_hosts;
        for (int32_t to = 0; to < (int32_t)m->n_hosts; to++) {
            size_t here = (size_t)to * r->n_classes + r->class[i];

            if (to == from || !plan_model_fits(m, r->use, r->guest[i], to) ||
                (to != r->goals[r->guest[i]] &&
                 !plan_model_allows(m, r->guest[i], to))) {
                continue;
            }
            hosts[i] = (uint8_t)to;
            r->shape[there]--;
            r->shape[here]++;
            reach(r, hosts, r->shape);
            r->shape[there]++;
            r->shape[here]--;
            hosts[i] = from;
        }
    }
}

static PlanReach
search(Reach *r, const int32_t *home, uint64_t most_looks)
{
    uint8_t start[MOST_GUESTS];

    for (size_t i = 0; i < r->n; i++) {
        start[i] = (uint8_t)home[r->guest[i]];
    }
    find_shape(r, r->target, r->target_shape);
    find_shape(r, start, r->shape);
    reach(r, start, r->shape);
    for (uint32_t number = 0; number < r->shapes.n; number++) {
        if (arrived(r)) {
            return PLAN_REACH_YES;
        }
        if (r->n_looks > most_looks ||
            r->shapes.n * (r->shapes.width + r->n) > MOST_BYTES) {
            return PLAN_REACH_UNKNOWN;
        }
        expand(r, number);
    }
    return arrived(r) ? PLAN_REACH_YES : PLAN_REACH_NO;
}

PlanReach
plan_moves_reach(const PlanModel *m, const int32_t *home, const int32_t *goals,
                 uint64_t most_looks)
{
    size_t n_cells = m->n_hosts * m->n_resources + 1;
    g_autofree Reach *r = g_new0(Reach, 1);
    g_autofree int64_t *fixed = g_new0(int64_t, n_cells);
    g_autofree int64_t *use = g_new0(int64_t, n_cells);
    g_autofree uint8_t *room = NULL;
    size_t width;
    PlanReach result;

    *r = (Reach){ .m = m,
                  .goals = goals,
                  .fixed = fixed,
                  .use = use,
                  .target_number = UINT32_MAX };
    if (m->n_hosts > MOST_HOSTS || !gather(r, home)) {
        return PLAN_REACH_UNKNOWN;
    }
    if (r->n == 0) {
        return PLAN_REACH_YES; /* nobody has to go, or may */
    }
    width = m->n_hosts * r->n_classes;
    room = g_new(uint8_t, 3 * width);
    r->shape = room;
    r->target_shape = room + width;
    r->seen = room + 2 * width;
    r->hosts = g_byte_array_new();
    r->group = plan_permutations_new(r->n);
    plan_byte_set_init(&r->shapes, width);
    result = search(r, home, most_looks);
    plan_byte_set_clear(&r->shapes);
    plan_permutations_free(r->group);
    g_byte_array_unref(r->hosts);
    return result;
}
