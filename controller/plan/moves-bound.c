/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * moves-bound.c - no schedule is faster than this
 *
 * An interface has at least to carry the fewest bytes that each of its
 * migrations can do with, at its full rate, and no migration is faster than
 * alone. Where a host is short of room, its interface stands idle as well:
 *
 *   full host   before the k-th departure is over, and the k quickest take D(k),
 *               only those can have begun to come that fit beside what all but
 *               k - 1 leave behind; of their bytes the interface carries W(k) at
 *               most. So the last to come is there after D(k) - W(k) + what all
 *               that come take.
 *   turned      The same backwards in time, from the target: at a host that is
 *   round       full in the end, the last to go are gone before the last to come
 *               begin to.
 *
 * Whoever else makes a detour takes time and room, and gives none.
 */
#include "plan/moves-priv.h"

#include <stdlib.h>

typedef struct Trip {
    double time_s; /* of the host's interface at least */
    int32_t guest;
} Trip;

typedef struct Bound {
    const PlanModel *m;
    const PlanMoveQuery *query;
    int32_t *end;     /* [guest] */
    GArray **guests;  /* [host] of int32_t: there at first or in the end */
    GArray *leaving;  /* Trip, of one host, quickest first */
    GArray *arriving; /* Trip */
} Bound;

/* (One of unknown size takes time, but sends nothing that is known.) */
static double
least_time(const Bound *b, int32_t guest, int32_t host)
{
    uint64_t rate = plan_model_link(b->m, host, b->query->link_bytes_s);

    return (double)plan_duration(&b->m->guests[guest], rate,
                                 b->query->downtime_limit_s)
               .bytes /
           (double)rate;
}

static int
compare_trips(const void *a, const void *b)
{
    double x = ((const Trip *)a)->time_s;
    double y = ((const Trip *)b)->time_s;

    return (x > y) - (x < y);
}

static int64_t
demand_of(const Bound *b, int32_t guest, size_t r)
{
    return b->m->demand[(size_t)guest * b->m->n_resources + r];
}

typedef struct Item {
    double time_s, demand;
} Item;

/* Most time for its demand first */
static int
compare_items(const void *a, const void *b)
{
    const Item *x = a;
    const Item *y = b;
    double left = x->time_s * y->demand;
    double right = y->time_s * x->demand;

    return (left < right) - (left > right);
}

/* The most time of arrivals that have room for their demand of @r together, if
 * they could be divided */
static double
most_time(const Bound *b, size_t r, int64_t room)
{
    g_autofree Item *items = g_new(Item, b->arriving->len + 1);
    double left = (double)MAX(0, room);
    double time_s = 0;
    size_t n = 0;

    for (guint i = 0; i < b->arriving->len; i++) {
        const Trip *trip = &g_array_index(b->arriving, Trip, i);
        int64_t demand = demand_of(b, trip->guest, r);

        if (demand == 0) {
            time_s += trip->time_s;
        } else if (demand <= room) { /* else it does not fit at all */
            items[n++] = (Item){ trip->time_s, (double)demand };
        }
    }
    qsort(items, n, sizeof(*items), compare_items);
    for (size_t i = 0; i < n && left > 0; i++) {
        double share = MIN(1, left / items[i].demand);

        time_s += share * items[i].time_s;
        left -= share * items[i].demand;
    }
    return time_s;
}

static int
compare_amounts(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return (x < y) - (x > y);
}

/* Demands of those that may leave, of each resource largest first */
static int64_t *
sort_demands(const Bound *b)
{
    size_t n = b->leaving->len;
    int64_t *sorted = g_new0(int64_t, n * b->m->n_resources + 1);

    for (size_t r = 0; r < b->m->n_resources; r++) {
        for (guint i = 0; i < n; i++) {
            sorted[r * n + i] =
                demand_of(b, g_array_index(b->leaving, Trip, i).guest, r);
        }
        qsort(sorted + r * n, n, sizeof(*sorted), compare_amounts);
    }
    return sorted;
}

/* Of the interface on which @arriving come, with @room at first */
static double
bound_of(const Bound *b, int64_t *room)
{
    size_t n_resources = b->m->n_resources;
    size_t n = b->leaving->len;
    g_autofree int64_t *sorted = sort_demands(b);
    double all_s = 0;
    double idle_s = 0;
    double gone_s = 0;

    for (guint i = 0; i < b->arriving->len; i++) {
        all_s += g_array_index(b->arriving, Trip, i).time_s;
    }
    g_array_sort(b->leaving, compare_trips);
    for (size_t k = 0; k < n; k++) {
        double carried_s = all_s;

        gone_s += g_array_index(b->leaving, Trip, k).time_s;
        for (size_t r = 0; r < n_resources; r++) {
            carried_s = MIN(carried_s, most_time(b, r, room[r]));
            room[r] += sorted[r * n + k];
        }
        if (carried_s >= all_s * (1 - 1e-9)) {
            break; /* nobody has to wait for this one */
        }
        idle_s = MAX(idle_s, gone_s - carried_s);
    }
    return all_s + idle_s;
}

/* What comes to @host, or with @backwards what leaves it; *@link_s without
 * regard to room */
static double
bound_host(Bound *b, int32_t host, bool backwards, double *link_s)
{
    const PlanModel *m = b->m;
    int64_t room[PLAN_MAX_RESOURCES];
    bool over = false;

    *link_s = 0;
    g_array_set_size(b->leaving, 0);
    g_array_set_size(b->arriving, 0);
    for (size_t r = 0; r < m->n_resources; r++) {
        room[r] = m->limit[(size_t)host * m->n_resources + r];
    }
    for (guint i = 0; i < b->guests[host]->len; i++) {
        int32_t guest = g_array_index(b->guests[host], int32_t, i);
        int32_t first = m->guests[guest].host;
        int32_t last = b->end[guest];
        bool was = (backwards ? last : first) == host;
        Trip trip = { least_time(b, guest, host), guest };

        for (size_t r = 0; r < m->n_resources && was; r++) {
            room[r] -= demand_of(b, guest, r);
        }
        if (first != PLAN_NOWHERE && first != last && !was) {
            g_array_append_val(b->arriving, trip);
            *link_s += trip.time_s;
        } else if (was && !(m->guests[guest].pinned && first == last)) {
            /* a guest that boots takes no time, but could come first */
            trip.time_s = first == PLAN_NOWHERE ? 0 : trip.time_s;
            g_array_append_val(b->leaving, trip);
        }
    }
    for (size_t r = 0; r < m->n_resources; r++) {
        int64_t now = 0;

        for (guint i = 0; i < b->guests[host]->len; i++) {
            int32_t guest = g_array_index(b->guests[host], int32_t, i);

            now += m->guests[guest].host == host ? demand_of(b, guest, r) : 0;
        }
        over = over || now > m->limit[(size_t)host * m->n_resources + r];
    }
    /* who was there at first was never asked for room */
    return over && backwards ? *link_s : bound_of(b, room);
}

double
plan_moves_bound(const PlanModel *m, const int32_t *target,
                 const PlanMoveQuery *query, double *link_s)
{
    g_autofree int32_t *end = g_new(int32_t, m->n_guests + 1);
    g_autofree GArray **guests = g_new0(GArray *, m->n_hosts + 1);
    g_autoptr(GArray) leaving = g_array_new(FALSE, FALSE, sizeof(Trip));
    g_autoptr(GArray) arriving = g_array_new(FALSE, FALSE, sizeof(Trip));
    g_autofree bool *moving = g_new0(bool, m->n_hosts + 1);
    Bound b = { .m = m,
                .query = query,
                .end = end,
                .guests = guests,
                .leaving = leaving,
                .arriving = arriving };
    double bound_s = 0;

    *link_s = 0;
    for (size_t g = 0; g < m->n_guests; g++) {
        int32_t from = m->guests[g].host;

        end[g] = target[g] == PLAN_NOWHERE ? from : target[g];
        if (from != PLAN_NOWHERE && end[g] != from) {
            moving[from] = moving[end[g]] = true;
            bound_s =
                MAX(bound_s,
                    plan_duration(
                        &m->guests[g],
                        MIN(plan_model_link(m, from, query->link_bytes_s),
                            plan_model_link(m, end[g], query->link_bytes_s)),
                        query->downtime_limit_s)
                        .time_s);
        }
    }
    for (int32_t g = 0; g < (int32_t)m->n_guests; g++) {
        int32_t places[] = { m->guests[g].host, end[g] };

        for (int i = 0; i < 1 + (places[0] != places[1]); i++) {
            if (places[i] != PLAN_NOWHERE && moving[places[i]]) {
                if (!guests[places[i]]) {
                    guests[places[i]] =
                        g_array_new(FALSE, FALSE, sizeof(int32_t));
                }
                g_array_append_val(guests[places[i]], g);
            }
        }
    }
    *link_s = bound_s;
    for (int32_t h = 0; h < (int32_t)m->n_hosts; h++) {
        for (int backwards = 0; guests[h] && backwards < 2; backwards++) {
            double carry_s;

            bound_s = MAX(bound_s, bound_host(&b, h, backwards, &carry_s));
            *link_s = MAX(*link_s, carry_s);
        }
        g_clear_pointer(&guests[h], g_array_unref);
    }
    return bound_s;
}
