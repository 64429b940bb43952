/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * moves-exact.c - is there any order of migrations at all? Small cases, decided
 *
 * All placements that can be reached by one migration after the other, breadth
 * first, with every guest going anywhere it may: a case has a way exactly if
 * the target is among them, for migrations side by side only need more room. A
 * placement is a number in base of the hosts, a digit a guest.
 */
#include "plan/moves-priv.h"
#include "plan/sides.h"

#include <string.h>

#define MOST_PLACEMENTS 300000
#define UNSEEN UINT32_MAX

typedef struct Exact {
    const PlanModel *m;
    GArray *guests; /* int32_t, those that have a host and are not pinned */
    uint32_t *from; /* [placement] where it was reached from */
    GArray *queue;  /* of uint32_t */
    int64_t *fixed; /* [host x n_resources]: of pinned guests */
    int32_t *here;  /* room for a host's guests */
} Exact;

static int32_t
guest_at(const Exact *e, size_t i)
{
    return g_array_index(e->guests, int32_t, i);
}

static bool
small_enough(const Exact *e)
{
    double n = 1;

    for (size_t i = 0; i < e->guests->len; i++) {
        n *= (double)e->m->n_hosts;
        if (n > MOST_PLACEMENTS) {
            return false;
        }
    }
    return true;
}

static void
unpack(const Exact *e, uint32_t placement, int32_t *digit)
{
    for (size_t i = 0; i < e->guests->len; i++) {
        digit[i] = (int32_t)(placement % e->m->n_hosts);
        placement /= (uint32_t)e->m->n_hosts;
    }
}

static uint32_t
pack(const Exact *e, const int32_t *digit)
{
    uint32_t placement = 0;

    for (size_t i = e->guests->len; i-- > 0;) {
        placement = placement * (uint32_t)e->m->n_hosts + (uint32_t)digit[i];
    }
    return placement;
}

/* Room for guest @which on @host, beside who is there */
static bool
has_room(const Exact *e, const int32_t *digit, size_t which, int32_t host)
{
    const PlanModel *m = e->m;
    size_t n = m->n_resources;
    int32_t guest = guest_at(e, which);
    size_t n_here = 0;

    for (size_t r = 0; r < n; r++) {
        int64_t demand = m->demand[(size_t)guest * n + r];
        int64_t use = e->fixed[(size_t)host * n + r];

        for (size_t i = 0; i < e->guests->len; i++) {
            use += digit[i] == host ? m->demand[(size_t)guest_at(e, i) * n + r]
                                    : 0;
        }
        if (demand > 0 && use + demand > m->limit[(size_t)host * n + r]) {
            return false;
        }
    }
    if (!m->hosts[host].sides || m->guests[guest].numa == 0) {
        return true;
    }
    for (int32_t g = 0; g < (int32_t)m->n_guests; g++) {
        if (m->guests[g].pinned && m->guests[g].host == host) {
            e->here[n_here++] = g;
        }
    }
    for (size_t i = 0; i < e->guests->len; i++) {
        if (digit[i] == host) {
            e->here[n_here++] = guest_at(e, i);
        }
    }
    return plan_sides_excess(m, host, e->here, n_here, PLAN_NOWHERE, guest,
                             NULL) == 0;
}

static bool
search(Exact *e, uint32_t start, const int32_t *goal, uint32_t end)
{
    g_autofree int32_t *digit = g_new(int32_t, e->guests->len + 1);

    e->from[start] = start;
    g_array_append_val(e->queue, start);
    for (guint head = 0; head < e->queue->len && e->from[end] == UNSEEN;
         head++) {
        uint32_t now = g_array_index(e->queue, uint32_t, head);

        unpack(e, now, digit);
        for (size_t i = 0; i < e->guests->len; i++) {
            int32_t back = digit[i];

            for (int32_t host = 0; host < (int32_t)e->m->n_hosts; host++) {
                uint32_t next;

                if (host == back ||
                    (host != goal[i] &&
                     !plan_model_allows(e->m, guest_at(e, i), host)) ||
                    !has_room(e, digit, i, host)) {
                    continue;
                }
                digit[i] = host;
                next = pack(e, digit);
                digit[i] = back;
                if (e->from[next] == UNSEEN) {
                    e->from[next] = now;
                    g_array_append_val(e->queue, next);
                }
            }
        }
    }
    return e->from[end] != UNSEEN;
}

/* The steps from the end back to the start, turned round */
static GArray *
trace(const Exact *e, uint32_t start, uint32_t end)
{
    GArray *steps = g_array_new(FALSE, FALSE, sizeof(PlanStep));
    g_autofree int32_t *before = g_new(int32_t, e->guests->len + 1);
    g_autofree int32_t *after = g_new(int32_t, e->guests->len + 1);

    while (end != start) {
        unpack(e, e->from[end], before);
        unpack(e, end, after);
        for (size_t i = 0; i < e->guests->len; i++) {
            PlanStep step = { guest_at(e, i), before[i], after[i] };

            if (before[i] != after[i]) {
                g_array_prepend_val(steps, step);
            }
        }
        end = e->from[end];
    }
    return steps;
}

GArray *
plan_moves_decide(const PlanModel *m, const int32_t *target, bool *decided)
{
    g_autoptr(GArray) guests = g_array_new(FALSE, FALSE, sizeof(int32_t));
    g_autoptr(GArray) queue = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    g_autofree int64_t *fixed =
        g_new0(int64_t, m->n_hosts * m->n_resources + 1);
    g_autofree int32_t *here = g_new(int32_t, m->n_guests + 1);
    g_autofree int32_t *goal = g_new(int32_t, m->n_guests + 1);
    g_autofree int32_t *home = g_new(int32_t, m->n_guests + 1);
    g_autofree uint32_t *from = NULL;
    Exact e = {
        .m = m, .guests = guests, .queue = queue, .fixed = fixed, .here = here
    };
    size_t n = 1;

    *decided = false;
    for (int32_t g = 0; g < (int32_t)m->n_guests; g++) {
        int32_t host = m->guests[g].host;
        bool moves = target[g] != PLAN_NOWHERE && target[g] != host;

        if (host == PLAN_NOWHERE && moves) {
            return NULL; /* boots could as well come last: not gone into */
        }
        if (host == PLAN_NOWHERE) {
            continue;
        }
        if (m->guests[g].pinned && !moves) {
            for (size_t r = 0; r < m->n_resources; r++) {
                fixed[(size_t)host * m->n_resources + r] +=
                    m->demand[(size_t)g * m->n_resources + r];
            }
            continue;
        }
        home[guests->len] = host;
        goal[guests->len] = target[g] == PLAN_NOWHERE ? host : target[g];
        g_array_append_val(guests, g);
    }
    if (guests->len == 0 || !small_enough(&e)) {
        return NULL;
    }
    for (size_t i = 0; i < guests->len; i++) {
        n *= m->n_hosts;
    }
    from = g_new(uint32_t, n);
    memset(from, 0xff, n * sizeof(*from));
    e.from = from;
    *decided = true;
    return search(&e, pack(&e, home), goal, pack(&e, goal))
               ? trace(&e, pack(&e, home), pack(&e, goal))
               : NULL;
}
