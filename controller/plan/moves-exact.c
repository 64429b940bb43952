/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * moves-exact.c - the fewest migrations one after the other, of small cases
 *
 * Placements that can be reached by one migration after the other, with every
 * guest going anywhere it may: a case has a way exactly if the target is among
 * them, for migrations side by side only need more room. Guests of the same
 * demand and goal are a kind; which of them is where makes no difference, so a
 * placement is, kind by kind, a sorted list of hosts. What looks nearest is gone
 * into first (A*, by the guests that are not at home yet), so that the way found
 * has the fewest migrations; where hosts are full, little can be reached, and
 * all of it is soon seen. Where any way will do, whoever is away counts more than
 * a migration done.
 */
#include "plan/byte-set.h"
#include "plan/moves-priv.h"
#include "plan/sides.h"

#include <string.h>

#define MOST_HOSTS 255
#define MOST_GUESTS 200
#define MOST_PLACEMENTS (1 << 18)

typedef struct Node {
    uint32_t from; /* itself at the start */
    uint16_t done; /* migrations until here */
    bool closed;
} Node;

typedef struct Exact {
    const PlanModel *m;
    size_t n;          /* guests that have a host and are not pinned */
    int32_t *guest;    /* by kind */
    uint32_t *kind;    /* [i] where its kind begins */
    uint8_t *goal;     /* [i] */
    PlanByteSet hosts; /* [node x n + i] */
    GArray *nodes;     /* Node */
    GPtrArray *queues; /* [done + weight x away] of GArray of uint32_t */
    int64_t *fixed;    /* [host x n_resources]: of pinned guests */
    int64_t *use;      /* ... of everybody, at the node looked at */
    int32_t *here;     /* room for a host's guests */
    size_t weight;     /* of one that is away, in migrations */
    size_t lowest;     /* no queue before this one has any */
    uint64_t n_looks;
} Exact;

static bool
same_kind(const PlanModel *m, const int32_t *goal, int32_t a, int32_t b)
{
    size_t n = m->n_resources;
    const PlanGuest *x = &m->guests[a];
    const PlanGuest *y = &m->guests[b];

    return memcmp(m->demand + (size_t)a * n, m->demand + (size_t)b * n,
                  n * sizeof(*m->demand)) == 0 &&
           goal[a] == goal[b] && x->numa == y->numa && !x->pinned &&
           !y->pinned && x->requires == y->requires && !m->allowed[a] &&
           !m->allowed[b];
}

static const uint8_t *
hosts_of(const Exact *e, uint32_t node)
{
    return plan_byte_set_at(&e->hosts, node);
}

static Node *
node_at(const Exact *e, uint32_t node)
{
    return &g_array_index(e->nodes, Node, node);
}

static size_t
away(const Exact *e, const uint8_t *hosts)
{
    size_t n = 0;

    for (size_t i = 0; i < e->n; i++) {
        n += hosts[i] != e->goal[i];
    }
    return n;
}

static void
enqueue(Exact *e, uint32_t node)
{
    size_t rank =
        node_at(e, node)->done + e->weight * away(e, hosts_of(e, node));

    while (e->queues->len <= rank) {
        g_ptr_array_add(e->queues, g_array_new(FALSE, FALSE, sizeof(uint32_t)));
    }
    g_array_append_val(e->queues->pdata[rank], node);
    e->lowest = MIN(e->lowest, rank);
}

/* One more way to @hosts */
static void
reach(Exact *e, const uint8_t *hosts, uint32_t from, size_t done)
{
    Node new = { from, (uint16_t)done, false };
    uint32_t node = plan_byte_set_add(&e->hosts, hosts);

    if (node == e->nodes->len) {
        g_array_append_val(e->nodes, new);
    } else if (node_at(e, node)->closed || done >= node_at(e, node)->done) {
        return;
    } else {
        *node_at(e, node) = new;
    }
    enqueue(e, node);
}

static void
add_up(Exact *e, const uint8_t *hosts)
{
    const PlanModel *m = e->m;

    memcpy(e->use, e->fixed, m->n_hosts * m->n_resources * sizeof(*e->use));
    for (size_t i = 0; i < e->n; i++) {
        plan_model_book(m, e->use, e->guest[i], hosts[i], 1);
    }
}

static bool
sides_fit(const Exact *e, const uint8_t *hosts, int32_t guest, int32_t host)
{
    const PlanModel *m = e->m;
    size_t n_here = 0;

    if (!m->hosts[host].sides || m->guests[guest].numa == 0) {
        return true;
    }
    for (int32_t g = 0; g < (int32_t)m->n_guests; g++) {
        if (m->guests[g].pinned && m->guests[g].host == host) {
            e->here[n_here++] = g;
        }
    }
    for (size_t i = 0; i < e->n; i++) {
        if (hosts[i] == host) {
            e->here[n_here++] = e->guest[i];
        }
    }
    return plan_sides_excess(m, host, e->here, n_here, PLAN_NOWHERE, guest,
                             NULL) == 0;
}

static bool
may_go(Exact *e, const uint8_t *hosts, size_t i, int32_t host)
{
    e->n_looks++;
    return plan_model_fits(e->m, e->use, e->guest[i], host) &&
           (host == e->goal[i] || plan_model_allows(e->m, e->guest[i], host)) &&
           sides_fit(e, hosts, e->guest[i], host);
}

/* @hosts with guest @i on @host, in order again within its kind */
static void
put(const Exact *e, uint8_t *hosts, size_t i, uint8_t host)
{
    for (; i > e->kind[i] && hosts[i - 1] > host; i--) {
        hosts[i] = hosts[i - 1];
    }
    for (; i + 1 < e->n && e->kind[i + 1] == e->kind[i] && hosts[i + 1] < host;
         i++) {
        hosts[i] = hosts[i + 1];
    }
    hosts[i] = host;
}

static void
expand(Exact *e, uint32_t node)
{
    uint8_t now[MOST_GUESTS];
    uint8_t next[MOST_GUESTS];
    size_t done = node_at(e, node)->done + 1U;

    memcpy(now, hosts_of(e, node), e->n);
    node_at(e, node)->closed = true;
    add_up(e, now);
    for (size_t i = 0; i < e->n; i++) {
        if (i > e->kind[i] && now[i] == now[i - 1]) {
            continue; /* one like the one before */
        }
        for (int32_t host = 0; host < (int32_t)e->m->n_hosts; host++) {
            if (host != now[i] && may_go(e, now, i, host)) {
                memcpy(next, now, e->n);
                put(e, next, i, (uint8_t)host);
                reach(e, next, node, done);
            }
        }
    }
}

/* The node looked at next, UINT32_MAX if all were */
static uint32_t
dequeue(Exact *e)
{
    for (; e->lowest < e->queues->len; e->lowest++) {
        GArray *queue = e->queues->pdata[e->lowest];

        while (queue->len > 0) {
            uint32_t node = g_array_index(queue, uint32_t, queue->len - 1);

            g_array_set_size(queue, queue->len - 1);
            if (!node_at(e, node)->closed) {
                return node;
            }
        }
    }
    return UINT32_MAX;
}

/* The node of the target, UINT32_MAX if there is none; *@decided false if it took
 * too long to tell */
static uint32_t
search(Exact *e, const uint8_t *start, uint64_t most_looks, bool *decided)
{
    uint32_t node;

    reach(e, start, 0, 0);
    while ((node = dequeue(e)) != UINT32_MAX &&
           away(e, hosts_of(e, node)) > 0) {
        if (e->n_looks > most_looks ||
            e->nodes->len + e->n * e->m->n_hosts > MOST_PLACEMENTS) {
            *decided = false;
            return UINT32_MAX;
        }
        expand(e, node);
    }
    *decided = true;
    return node;
}

/* What a kind gained from one node to the next, or with these turned round lost */
static uint8_t
gained(const Exact *e, const uint8_t *before, const uint8_t *after, size_t *at)
{
    for (size_t i = 0; i < e->n; i++) {
        int count = 0;

        for (size_t k = e->kind[i]; k < e->n && e->kind[k] == e->kind[i]; k++) {
            count += (after[k] == after[i]) - (before[k] == after[i]);
        }
        if (count > 0) {
            *at = e->kind[i];
            return after[i];
        }
    }
    g_assert_not_reached(); /* nodes that follow each other differ */
}

/* The way there, with guests rather than kinds */
static GArray *
trace(const Exact *e, const uint8_t *start, uint32_t end)
{
    GArray *steps = g_array_new(FALSE, FALSE, sizeof(PlanStep));
    g_autofree uint8_t *where = g_memdup2(start, e->n);
    g_autoptr(GArray) way = g_array_new(FALSE, FALSE, sizeof(uint32_t));

    for (uint32_t node = end; node != 0; node = node_at(e, node)->from) {
        g_array_append_val(way, node);
    }
    for (guint i = way->len; i-- > 0;) {
        uint32_t node = g_array_index(way, uint32_t, i);
        const uint8_t *after = hosts_of(e, node);
        const uint8_t *before = hosts_of(e, node_at(e, node)->from);
        size_t at;
        uint8_t to = gained(e, before, after, &at);
        uint8_t from = gained(e, after, before, &at);
        PlanStep step = { .from = from, .to = to };

        while (where[at] != from) {
            at++;
        }
        where[at] = to;
        step.guest = e->guest[at];
        g_array_append_val(steps, step);
    }
    return steps;
}

/* Those that take part, by kind; false if this is nothing for us */
static bool
gather(Exact *e, const int32_t *home, const int32_t *goal)
{
    const PlanModel *m = e->m;

    if (m->n_hosts > MOST_HOSTS) {
        return false;
    }
    for (int32_t g = 0; g < (int32_t)m->n_guests; g++) {
        int32_t host = home[g];
        size_t at = e->n;

        if (host == PLAN_NOWHERE && goal[g] != PLAN_NOWHERE) {
            return false; /* boots could as well come last: not gone into */
        }
        if (host == PLAN_NOWHERE) {
            continue;
        }
        if (m->guests[g].pinned && goal[g] == host) {
            plan_model_book(m, e->fixed, g, host, 1);
            continue;
        }
        if (e->n == MOST_GUESTS) {
            return false;
        }
        for (size_t i = 0; i < e->n && at == e->n; i++) {
            if (same_kind(m, goal, e->guest[i], g)) {
                at = i;
            }
        }
        memmove(e->guest + at + 1, e->guest + at,
                (e->n - at) * sizeof(*e->guest));
        e->guest[at] = g;
        e->n++;
    }
    for (size_t i = 0; i < e->n; i++) {
        e->goal[i] = (uint8_t)goal[e->guest[i]];
        e->kind[i] = i > 0 && same_kind(m, goal, e->guest[i - 1], e->guest[i])
                         ? e->kind[i - 1]
                         : (uint32_t)i;
    }
    return e->n > 0;
}

GArray *
plan_moves_find_way(const PlanModel *m, const int32_t *home,
                    const int32_t *goals, size_t weight, uint64_t most_looks,
                    bool *decided)
{
    size_t n_cells = m->n_hosts * m->n_resources + 1;
    int32_t guest[MOST_GUESTS + 1];
    uint32_t kind[MOST_GUESTS];
    uint8_t goal[MOST_GUESTS];
    uint8_t start[MOST_GUESTS];
    g_autofree int64_t *fixed = g_new0(int64_t, n_cells);
    g_autofree int64_t *use = g_new0(int64_t, n_cells);
    g_autofree int32_t *here = g_new(int32_t, m->n_guests + 1);
    g_autoptr(GArray) nodes = g_array_new(FALSE, FALSE, sizeof(Node));
    g_autoptr(GPtrArray) queues =
        g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
    Exact e = { .m = m,
                .guest = guest,
                .kind = kind,
                .goal = goal,
                .nodes = nodes,
                .queues = queues,
                .fixed = fixed,
                .use = use,
                .here = here,
                .weight = weight };
    GArray *steps = NULL;
    uint32_t end;

    *decided = false;
    if (!gather(&e, home, goals)) {
        return NULL;
    }
    for (size_t i = 0; i < e.n; i++) {
        uint8_t host = (uint8_t)home[guest[i]];
        size_t at = i;

        for (; at > kind[i] && start[at - 1] > host; at--) {
            start[at] = start[at - 1];
        }
        start[at] = host;
    }
    plan_byte_set_init(&e.hosts, e.n);
    end = search(&e, start, most_looks, decided);
    if (end != UINT32_MAX) {
        /* who is where at first is by guest, not in order */
        for (size_t i = 0; i < e.n; i++) {
            start[i] = (uint8_t)home[guest[i]];
        }
        steps = trace(&e, start, end);
    }
    plan_byte_set_clear(&e.hosts);
    return steps;
}
