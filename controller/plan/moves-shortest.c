/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * moves-shortest.c - the shortest schedule of a few migrations, by trying all
 *
 * Depth first over what starts at each moment at which something ends: first
 * those that get all of the slower of their two interfaces, then those that take
 * what is left of them. A migration whose rate is chosen can as well start when
 * something ends as later, so no schedule at such rates is missed. Branches end
 * where the interfaces cannot carry the rest in time, and where the same was
 * under way at an earlier moment already. Detours are not looked at.
 */
#include "plan/moves-priv.h"

#include <math.h>
#include <string.h>

#define MOST_MIGRATIONS 12
#define MOST_NODES 50000
#define HARDLY 1e-9
#define LEAST_PART 10 /* of the full rate: less is no rate to live on */

typedef struct One {
    int32_t guest, from, to;
    uint64_t full, rate_bytes_s;
    double out_s, in_s; /* of each interface at least */
    double full_s, start_s, end_s;
    bool started, over;
} One;

typedef struct Shortest {
    const PlanModel *m;
    const PlanMoveQuery *query;
    size_t n, n_started;
    One one[MOST_MIGRATIONS];
    One best[MOST_MIGRATIONS];
    double best_s;
    int64_t *use;       /* [host x n_resources + r] both ends booked */
    uint64_t *out, *in; /* [host] free */
    size_t *busy;       /* [host] migrations */
    double *load;       /* [2 x host + direction] room for a count */
    GHashTable *seen;   /* GBytes of a state -> double *, when */
    size_t n_nodes;
} Shortest;

static bool
fits(const Shortest *s, const One *one)
{
    size_t most = s->query->most_per_host;

    return plan_model_fits(s->m, s->use, one->guest, one->to) &&
           (most == 0 ||
            (s->busy[one->from] < most && s->busy[one->to] < most));
}

/* @sign: 1 as it starts, -1 as that is undone */
static void
take(Shortest *s, One *one, int sign)
{
    uint64_t rate = sign > 0 ? one->rate_bytes_s : -one->rate_bytes_s;

    plan_model_book(s->m, s->use, one->guest, one->to, sign);
    s->out[one->from] -= rate;
    s->in[one->to] -= rate;
    s->busy[one->from] += (size_t)sign;
    s->busy[one->to] += (size_t)sign;
    s->n_started += (size_t)sign;
    one->started = sign > 0;
}

/* @sign: -1 as it ends, 1 as that is undone */
static void
release(Shortest *s, One *one, int sign)
{
    uint64_t rate = sign < 0 ? one->rate_bytes_s : -one->rate_bytes_s;

    plan_model_book(s->m, s->use, one->guest, one->from, sign);
    s->out[one->from] += rate;
    s->in[one->to] += rate;
    s->busy[one->from] += (size_t)sign;
    s->busy[one->to] += (size_t)sign;
    one->over = sign < 0;
}

/* When all can be over at best */
static double
least_end(Shortest *s, double now_s)
{
    double end_s = now_s;

    for (size_t i = 0; i < s->n; i++) {
        const One *one = &s->one[i];

        s->load[2 * (size_t)one->from] = s->load[2 * (size_t)one->to + 1] = 0;
    }
    for (size_t i = 0; i < s->n; i++) {
        const One *one = &s->one[i];
        double *out = &s->load[2 * (size_t)one->from];
        double *in = &s->load[2 * (size_t)one->to + 1];

        if (!one->started) {
            *out += one->out_s;
            *in += one->in_s;
            end_s = MAX(end_s, now_s + one->full_s);
        } else if (!one->over) {
            double left = (one->end_s - now_s) * (double)one->rate_bytes_s;

            *out += left / (double)plan_model_link(s->m, one->from,
                                                   s->query->link_bytes_s);
            *in += left / (double)plan_model_link(s->m, one->to,
                                                  s->query->link_bytes_s);
            end_s = MAX(end_s, one->end_s);
        }
        end_s = MAX(end_s, now_s + MAX(*out, *in));
    }
    return end_s;
}

/* True if the same was under way before, no later */
static bool
seen_before(Shortest *s, double now_s)
{
    struct {
        uint64_t rate;
        int64_t left_us; /* -1: waits, -2: over */
    } state[MOST_MIGRATIONS];
    g_autoptr(GBytes) key = NULL;
    double *when;

    memset(state, 0, sizeof(state));
    for (size_t i = 0; i < s->n; i++) {
        const One *one = &s->one[i];
        bool runs = one->started && !one->over;

        state[i].rate = runs ? one->rate_bytes_s : 0;
        state[i].left_us = runs ? (int64_t)ceil((one->end_s - now_s) * 1e6)
                                : -1 - (int64_t)one->over;
    }
    key = g_bytes_new(state, s->n * sizeof(state[0]));
    when = g_hash_table_lookup(s->seen, key);
    if (when && *when <= now_s) {
        return true;
    }
    g_hash_table_insert(s->seen, g_steal_pointer(&key),
                        g_memdup2(&now_s, sizeof(now_s)));
    return false;
}

static void look(Shortest *s, double now_s, size_t from);

/* Start migration @at % n: at its full rate, in the second half at what is left */
static void
look_with(Shortest *s, double now_s, size_t at)
{
    One *one = &s->one[at % s->n];
    uint64_t free = MIN(s->out[one->from], s->in[one->to]);
    bool partly = at >= s->n;

    if (one->started || (free >= one->full) == partly ||
        (partly && (free == 0 || free < one->full / LEAST_PART)) ||
        !fits(s, one)) {
        return;
    }
    one->rate_bytes_s = MIN(free, one->full);
    one->start_s = now_s;
    one->end_s =
        now_s + (partly ? plan_duration(&s->m->guests[one->guest], free,
                                        s->query->downtime_limit_s)
                              .time_s
                        : one->full_s);
    take(s, one, 1);
    look(s, now_s, at + 1);
    take(s, one, -1);
}

static void
look_later(Shortest *s)
{
    bool ended[MOST_MIGRATIONS] = { false };
    double next_s = HUGE_VAL;

    for (size_t i = 0; i < s->n; i++) {
        if (s->one[i].started && !s->one[i].over) {
            next_s = MIN(next_s, s->one[i].end_s);
        }
    }
    if (isinf(next_s)) {
        return; /* nobody would ever start */
    }
    for (size_t i = 0; i < s->n; i++) {
        One *one = &s->one[i];

        ended[i] = one->started && !one->over && one->end_s <= next_s;
        if (ended[i]) {
            release(s, one, -1);
        }
    }
    if (!seen_before(s, next_s)) {
        look(s, next_s, 0);
    }
    for (size_t i = 0; i < s->n; i++) {
        if (ended[i]) {
            release(s, &s->one[i], 1);
        }
    }
}

/* What starts at @now_s, of those from @from on: n at full rate, then n partly */
static void
look(Shortest *s, double now_s, size_t from)
{
    if (++s->n_nodes > MOST_NODES ||
        least_end(s, now_s) >= s->best_s * (1 - HARDLY)) {
        return;
    }
    if (s->n_started == s->n) {
        s->best_s = least_end(s, now_s);
        memcpy(s->best, s->one, sizeof(s->best));
        return;
    }
    for (size_t at = from; at < 2 * s->n; at++) {
        look_with(s, now_s, at);
    }
    look_later(s);
}

static bool
add_migration(Shortest *s, int32_t guest, int32_t to)
{
    const PlanGuest *g = &s->m->guests[guest];
    One *one = &s->one[s->n];
    double limit_s = s->query->downtime_limit_s;
    uint64_t out = plan_model_link(s->m, g->host, s->query->link_bytes_s);
    uint64_t in = plan_model_link(s->m, to, s->query->link_bytes_s);

    if (s->n == MOST_MIGRATIONS) {
        return false;
    }
    *one = (One){
        .guest = guest, .from = g->host, .to = to, .full = MIN(out, in)
    };
    one->out_s = (double)plan_duration(g, out, limit_s).bytes / (double)out;
    one->in_s = (double)plan_duration(g, in, limit_s).bytes / (double)in;
    one->full_s = plan_duration(g, one->full, limit_s).time_s;
    s->n++;
    return true;
}

static int
compare_starts(const void *a, const void *b)
{
    double x = ((const PlanStart *)a)->start_s;
    double y = ((const PlanStart *)b)->start_s;

    return (x > y) - (x < y);
}

static GArray *
list_starts(const Shortest *s)
{
    GArray *starts = g_array_new(FALSE, FALSE, sizeof(PlanStart));

    for (size_t i = 0; i < s->n; i++) {
        PlanStart start = { s->best[i].guest, s->best[i].start_s,
                            s->best[i].rate_bytes_s };

        g_array_append_val(starts, start);
    }
    g_array_sort(starts, compare_starts);
    return starts;
}

GArray *
plan_moves_shortest(const PlanModel *m, const int32_t *target,
                    const PlanMoveQuery *query, double below_s, bool *proved)
{
    g_autofree int64_t *use = g_new0(int64_t, m->n_hosts * m->n_resources + 1);
    g_autofree uint64_t *out = g_new0(uint64_t, m->n_hosts);
    g_autofree uint64_t *in = g_new0(uint64_t, m->n_hosts);
    g_autofree size_t *busy = g_new0(size_t, m->n_hosts);
    g_autofree double *load = g_new0(double, 2 * m->n_hosts);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(
        g_bytes_hash, g_bytes_equal, (GDestroyNotify)g_bytes_unref, g_free);
    g_autofree Shortest *s = g_new0(Shortest, 1);

    *proved = false;
    *s = (Shortest){ .m = m,
                     .query = query,
                     .best_s = below_s,
                     .use = use,
                     .out = out,
                     .in = in,
                     .busy = busy,
                     .load = load,
                     .seen = seen };
    for (size_t h = 0; h < m->n_hosts; h++) {
        out[h] = in[h] = plan_model_link(m, (int32_t)h, query->link_bytes_s);
        if (m->hosts[h].sides) {
            return NULL;
        }
    }
    for (int32_t g = 0; g < (int32_t)m->n_guests; g++) {
        int32_t host = m->guests[g].host;
        bool moves = target[g] != PLAN_NOWHERE && target[g] != host;

        if (moves &&
            (host == PLAN_NOWHERE || !add_migration(s, g, target[g]))) {
            return NULL;
        }
        if (host != PLAN_NOWHERE) {
            plan_model_book(m, use, g, host, 1);
        }
    }
    look(s, 0, 0);
    *proved = s->n_nodes <= MOST_NODES;
    return s->best_s < below_s ? list_starts(s) : NULL;
}
