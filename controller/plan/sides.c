/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sides.c - see sides.h
 *
 * Guests of one side are put, largest first, on the side where least is too
 * much and, where both will do, on the one with less room: nearly always that
 * is a division that fits. If it is not, all others are tried, equal guests in
 * one order only, up to a number of steps. Everything is counted twice, so that
 * half of an odd demand is a whole number.
 */
#include "plan/sides.h"

#include <string.h>

#define MOST_STEPS 4000
#define FEW 64

typedef struct Item {
    int32_t guest;
    uint32_t rank;
    uint8_t side;
    size_t index; /* in the caller's list, SIZE_MAX: plus */
} Item;

typedef struct Division {
    const PlanModel *m;
    const int64_t *limit; /* of side 1, then of side 2; -1: not divided */
    size_t n;
    Item *items;
    int64_t room[2][PLAN_MAX_RESOURCES]; /* doubled */
    int n_steps;
} Division;

static const int64_t *
demand_of(const Division *d, size_t i)
{
    return d->m->demand + (size_t)d->items[i].guest * d->m->n_resources;
}

static bool
divided(const Division *d, size_t r)
{
    return d->limit[r] >= 0;
}

static void
put(Division *d, size_t i, int side, int64_t factor)
{
    const int64_t *demand = demand_of(d, i);

    for (size_t r = 0; r < d->m->n_resources; r++) {
        d->room[side][r] -= divided(d, r) ? factor * demand[r] : 0;
    }
}

static bool
fits(const Division *d, size_t i, int side)
{
    const int64_t *demand = demand_of(d, i);

    for (size_t r = 0; r < d->m->n_resources; r++) {
        if (divided(d, r) && 2 * demand[r] > d->room[side][r] &&
            demand[r] > 0) {
            return false;
        }
    }
    return true;
}

/* Units too much on both sides, scaled */
static int64_t
too_much(const Division *d)
{
    int64_t sum = 0;

    for (int side = 0; side < 2; side++) {
        for (size_t r = 0; r < d->m->n_resources; r++) {
            if (divided(d, r) && d->room[side][r] < 0) {
                sum += (1 - d->room[side][r]) / 2 * d->m->scale[r];
            }
        }
    }
    return sum;
}

/* What guest @i would make too much on @side beyond what is already */
static int64_t
makes_too_much(const Division *d, size_t i, int side)
{
    const int64_t *demand = demand_of(d, i);
    int64_t sum = 0;

    for (size_t r = 0; r < d->m->n_resources; r++) {
        if (divided(d, r)) {
            int64_t room = d->room[side][r];

            sum +=
                (MAX(0, 2 * demand[r] - room) - MAX(0, -room)) * d->m->scale[r];
        }
    }
    return sum;
}

static double
roominess(const Division *d, int side)
{
    double sum = 0;

    for (size_t r = 0; r < d->m->n_resources; r++) {
        if (divided(d, r)) {
            sum += (double)d->room[side][r] * (double)d->m->scale[r];
        }
    }
    return sum;
}

static void
put_greedily(Division *d)
{
    for (size_t i = 0; i < d->n; i++) {
        int64_t first = makes_too_much(d, i, 0);
        int64_t second = makes_too_much(d, i, 1);
        bool other = first != second ? second < first
                                     : roominess(d, 1) < roominess(d, 0);

        d->items[i].side = other;
        put(d, i, other, 2);
    }
}

static bool
alike(const Division *d, size_t i, size_t j)
{
    return memcmp(demand_of(d, i), demand_of(d, j),
                  d->m->n_resources * sizeof(int64_t)) == 0;
}

static bool
put_exhaustively(Division *d, size_t i)
{
    int first = 0;

    if (i == d->n) {
        return true;
    }
    if (i > 0 && alike(d, i, i - 1)) {
        first = d->items[i - 1].side;
    }
    for (int side = first; side < 2; side++) {
        if (++d->n_steps > MOST_STEPS) {
            return false;
        }
        if (fits(d, i, side)) {
            d->items[i].side = (uint8_t)side;
            put(d, i, side, 2);
            if (put_exhaustively(d, i + 1)) {
                return true;
            }
            put(d, i, side, -2);
        }
    }
    return false;
}

/* Sorted in, the largest first */
static void
add_item(Division *d, Item item)
{
    size_t at = d->n++;

    while (at > 0 && d->items[at - 1].rank > item.rank) {
        d->items[at] = d->items[at - 1];
        at--;
    }
    d->items[at] = item;
}

static void
reset_room(Division *d)
{
    size_t n = d->m->n_resources;

    for (size_t r = 0; r < n; r++) {
        d->room[0][r] = 2 * d->limit[r];
        d->room[1][r] = 2 * d->limit[n + r];
    }
}

/* Guests of both sides take from the room, those of one are kept to be put */
static void
take_guest(Division *d, int32_t guest, size_t index, int64_t *halves)
{
    const PlanModel *m = d->m;

    if (m->guests[guest].numa == 1) {
        add_item(d, (Item){ .guest = guest,
                            .rank = m->side_rank[guest],
                            .index = index });
    } else if (m->guests[guest].numa == 2) {
        for (size_t r = 0; r < m->n_resources; r++) {
            halves[r] += m->demand[(size_t)guest * m->n_resources + r];
        }
    }
}

static void
take_halves(Division *d, const int64_t *halves)
{
    for (size_t r = 0; r < d->m->n_resources; r++) {
        if (divided(d, r)) {
            d->room[0][r] -= halves[r];
            d->room[1][r] -= halves[r];
        }
    }
}

int64_t
plan_sides_excess(const PlanModel *m, int32_t host, const int32_t *guests,
                  size_t n, int32_t minus, int32_t plus, uint8_t *side)
{
    Item few[FEW];
    g_autofree Item *many = n + 1 > FEW ? g_new(Item, n + 1) : NULL;
    int64_t halves[PLAN_MAX_RESOURCES] = { 0 };
    Division d = { .m = m, .items = many ? many : few };
    int64_t excess;

    for (size_t i = 0; side && i < n; i++) {
        side[i] = PLAN_SIDE_ANY;
    }
    if (!m->side_limit || !m->hosts[host].sides) {
        return 0;
    }
    d.limit = m->side_limit + (size_t)host * 2 * m->n_resources;
    for (size_t i = 0; i < n; i++) {
        if (guests[i] != minus) {
            take_guest(&d, guests[i], i, halves);
        }
    }
    if (plus != PLAN_NOWHERE) {
        take_guest(&d, plus, SIZE_MAX, halves);
    }
    reset_room(&d);
    take_halves(&d, halves);
    excess = too_much(&d);
    put_greedily(&d);
    if (excess == 0) {
        excess = too_much(&d);
        if (excess > 0) {
            reset_room(&d);
            take_halves(&d, halves);
            if (put_exhaustively(&d, 0)) {
                excess = 0;
            }
        }
    } else {
        excess = too_much(&d);
    }
    for (size_t i = 0; side && excess == 0 && i < d.n; i++) {
        if (d.items[i].index != SIZE_MAX) {
            side[d.items[i].index] = d.items[i].side;
        }
    }
    return excess;
}

void
plan_sides_room(const PlanModel *m, int32_t host, const int32_t *guests,
                size_t n, int64_t *room)
{
    g_autofree uint8_t *side_of = g_new(uint8_t, n + 1);
    const int64_t *limit = m->side_limit + (size_t)host * 2 * m->n_resources;

    plan_sides_excess(m, host, guests, n, PLAN_NOWHERE, PLAN_NOWHERE, side_of);
    for (size_t i = 0; i < 2 * m->n_resources; i++) {
        size_t r = i % m->n_resources;

        room[i] = limit[i] < 0 ? INT64_MAX / 4 : 2 * limit[i];
        for (size_t k = 0; k < n && limit[i] >= 0; k++) {
            int64_t demand = m->demand[(size_t)guests[k] * m->n_resources + r];

            if (m->guests[guests[k]].numa == 2) {
                room[i] -= demand;
            } else if (m->guests[guests[k]].numa == 1 &&
                       side_of[k] == i / m->n_resources) {
                room[i] -= 2 * demand;
            }
        }
    }
}
