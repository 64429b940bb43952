/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * moves-exact.c - is there any order of migrations at all? Small cases, decided
 *
 * Placements that can be reached by one migration after the other, with every
 * guest going anywhere it may: a case has a way exactly if the target is among
 * them, for migrations side by side only need more room. Guests of the same
 * demand and goal are a kind; which of them is where makes no difference, so a
 * placement is, kind by kind, a sorted list of hosts. What looks nearest is gone
 * into first (A*, by the guests that are not at home yet), so that the way found
 * has the fewest migrations; where hosts are full, little can be reached, and
 * all of it is soon seen. Where that takes too long, any way will do: whoever is
 * away counts more (HASTE) than a migration done.
 */
#include "plan/moves-priv.h"
#include "plan/sides.h"

#include <stdlib.h>
#include <string.h>

#define MOST_HOSTS 255
#define MOST_GUESTS 200
/* At a guest's room on a host, all in all; where many hosts are, fewer */
#define MOST_LOOKS 3000000
#define MOST_LOOKS_MANY 1000000
#define FEW_HOSTS 6
#define MOST_PLACEMENTS (1 << 18)
#define HASTE 5

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
    GByteArray *hosts; /* [node x n + i] */
    GArray *nodes;     /* Node */
    uint32_t *table;   /* of nodes by their hosts, open addressing, one more */
    size_t table_size; /* a power of two */
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
    return e->hosts->data + (size_t)node * e->n;
}

static Node *
node_at(const Exact *e, uint32_t node)
{
    return &g_array_index(e->nodes, Node, node);
}

/* FNV-1a, stirred once more */
static uint64_t
hash(const uint8_t *hosts, size_t n)
{
    uint64_t x = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < n; i++) {
        x = (x ^ hosts[i]) * UINT64_C(0x100000001b3);
    }
    return (x ^ (x >> 29)) * UINT64_C(0xbf58476d1ce4e5b9) >> 20;
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

/* Where @hosts are in the table, or would be */
static size_t
find_slot(const Exact *e, const uint8_t *hosts)
{
    size_t mask = e->table_size - 1;
    size_t at = hash(hosts, e->n) & mask;

    while (e->table[at] &&
           memcmp(hosts_of(e, e->table[at] - 1), hosts, e->n) != 0) {
        at = (at + 1) & mask;
    }
    return at;
}

static void
grow_table(Exact *e, size_t size)
{
    g_free(e->table);
    e->table = g_new0(uint32_t, size);
    e->table_size = size;
    for (uint32_t node = 0; node < e->nodes->len; node++) {
        e->table[find_slot(e, hosts_of(e, node))] = node + 1;
    }
}

/* One more way to @hosts */
static void
reach(Exact *e, const uint8_t *hosts, uint32_t from, size_t done)
{
    size_t at = find_slot(e, hosts);
    Node new = { from, (uint16_t)done, false };

    if (e->table[at]) {
        uint32_t known = e->table[at] - 1;
        Node *node = node_at(e, known);

        if (!node->closed && done < node->done) {
            *node = new;
            enqueue(e, known);
        }
        return;
    }
    g_array_append_val(e->nodes, new);
    g_byte_array_append(e->hosts, hosts, (guint)e->n);
    e->table[at] = e->nodes->len;
    enqueue(e, e->nodes->len - 1);
    if (2 * e->nodes->len > e->table_size) {
        grow_table(e, 2 * e->table_size);
    }
}

static void
add_up(Exact *e, const uint8_t *hosts)
{
    size_t n = e->m->n_resources;

    memcpy(e->use, e->fixed, e->m->n_hosts * n * sizeof(*e->use));
    for (size_t i = 0; i < e->n; i++) {
        for (size_t r = 0; r < n; r++) {
            e->use[(size_t)hosts[i] * n + r] +=
                e->m->demand[(size_t)e->guest[i] * n + r];
        }
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
    const PlanModel *m = e->m;
    size_t n = m->n_resources;
    const int64_t *demand = m->demand + (size_t)e->guest[i] * n;

    e->n_looks++;
    for (size_t r = 0; r < n; r++) {
        if (demand[r] > 0 && e->use[(size_t)host * n + r] + demand[r] >
                                 m->limit[(size_t)host * n + r]) {
            return false;
        }
    }
    return (host == e->goal[i] || plan_model_allows(m, e->guest[i], host)) &&
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
search(Exact *e, const uint8_t *start, size_t weight, bool *decided)
{
    uint64_t most = e->m->n_hosts <= FEW_HOSTS ? MOST_LOOKS : MOST_LOOKS_MANY;
    uint32_t node;

    e->weight = weight;
    e->lowest = e->n_looks = 0;
    g_array_set_size(e->nodes, 0);
    g_byte_array_set_size(e->hosts, 0);
    g_ptr_array_set_size(e->queues, 0);
    grow_table(e, 1 << 10);
    reach(e, start, 0, 0);
    while ((node = dequeue(e)) != UINT32_MAX &&
           away(e, hosts_of(e, node)) > 0) {
        if (e->n_looks > most ||
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
    size_t n = m->n_resources;

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
            for (size_t r = 0; r < n; r++) {
                e->fixed[(size_t)host * n + r] += m->demand[(size_t)g * n + r];
            }
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

/* The way from @home to @goals; *@decided false if it took too long to tell */
static GArray *
find_way(const PlanModel *m, const int32_t *home, const int32_t *goals,
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
    g_autoptr(GByteArray) hosts = g_byte_array_new();
    g_autoptr(GArray) nodes = g_array_new(FALSE, FALSE, sizeof(Node));
    g_autoptr(GPtrArray) queues =
        g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
    Exact e = { .m = m,
                .guest = guest,
                .kind = kind,
                .goal = goal,
                .hosts = hosts,
                .nodes = nodes,
                .queues = queues,
                .fixed = fixed,
                .use = use,
                .here = here };
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
    end = search(&e, start, 1, decided);
    if (!*decided) {
        end = search(&e, start, HASTE, decided);
    }
    g_free(e.table);
    if (end == UINT32_MAX) {
        return NULL;
    }
    /* who is where at first is by guest, not in order */
    for (size_t i = 0; i < e.n; i++) {
        start[i] = (uint8_t)home[guest[i]];
    }
    return trace(&e, start, end);
}

/* Is no host asked for more than it has? */
static bool
all_fits(const PlanModel *m, const int32_t *host_of)
{
    size_t n = m->n_resources;
    g_autofree int64_t *use = g_new0(int64_t, m->n_hosts * n + 1);
    bool fits = true;

    for (size_t g = 0; g < m->n_guests; g++) {
        for (size_t r = 0; r < n && host_of[g] != PLAN_NOWHERE; r++) {
            use[(size_t)host_of[g] * n + r] += m->demand[g * n + r];
        }
    }
    for (size_t i = 0; i < m->n_hosts * n; i++) {
        fits = fits && use[i] <= m->limit[i];
    }
    for (size_t h = 0; h < m->n_hosts; h++) {
        fits = fits && !m->hosts[h].sides;
    }
    return fits;
}

/* Every migration can be taken back: perhaps little can be reached from the end */
static GArray *
find_way_back(const PlanModel *m, const int32_t *home, const int32_t *goals,
              bool *decided)
{
    g_autoptr(GArray) back = NULL;
    GArray *steps;

    if (!all_fits(m, home)) {
        return NULL;
    }
    back = find_way(m, goals, home, decided);
    if (!back) {
        return NULL;
    }
    steps = g_array_new(FALSE, FALSE, sizeof(PlanStep));
    for (guint i = back->len; i-- > 0;) {
        PlanStep step = g_array_index(back, PlanStep, i);
        int32_t from = step.to;

        step.to = step.from;
        step.from = from;
        g_array_append_val(steps, step);
    }
    return steps;
}

GArray *
plan_moves_decide(const PlanModel *m, const int32_t *target, bool *decided)
{
    g_autofree int32_t *home = g_new(int32_t, m->n_guests + 1);
    g_autofree int32_t *goals = g_new(int32_t, m->n_guests + 1);
    GArray *steps;

    for (size_t g = 0; g < m->n_guests; g++) {
        home[g] = m->guests[g].host;
        goals[g] = target[g] == PLAN_NOWHERE ? home[g] : target[g];
    }
    steps = find_way(m, home, goals, decided);
    if (!steps && !*decided) {
        steps = find_way_back(m, home, goals, decided);
    }
    return steps;
}
