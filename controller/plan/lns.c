/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lns.c - large neighbourhood search: ruin and recreate
 *
 * Some guests are taken off, then put back one by one, and the result is kept
 * if it is not worse than the best by more than a threshold that falls to
 * nothing. Who is taken off is chosen in turn:
 *
 *   hosts    all guests of a lightly used host, and some of a few others: the
 *            way to empty a host
 *   flows    a guest, those it exchanges most with, their neighbours
 *   group    members of one group
 *   random   guests of a few random hosts
 *   few      one guest or a few, from anywhere
 *   repack   (pack.c) a few hosts, a light one among them, filled one after the
 *            other; only where hosts in use cost, and then every second time
 *   costly   a guest that costs much where it is, put on another host first of
 *            all, whatever stands in its way there: guests away from home above
 *            all, for these take room at two hosts
 *   turn     where hosts and moves cost: all guests of a host in use, which stays
 *            empty, and those that are at home on one that is not
 *   lost     the same with a guest that is nowhere, as long as there are any,
 *            and a host that it would fit if nobody else were there
 *
 * Put back first is, by turns, who would regret it most (the guest whose best
 * host is better than its second best by most), the largest, or anybody. Now
 * and then a host is overlooked, or the same guests would always come back in
 * the same way. Hosts tried are
 * those that lost guests and a random sample; of equal hosts the fullest is
 * taken, which is what makes room somewhere else.
 */
#include "plan/search-priv.h"
#include "plan/sides.h"
#include "plan/trade.h"

#include <math.h>
#include <string.h>

#define MOST_OFF 32
#define BLINK 25 /* one host in so many is overlooked */
#define MOST_HOSTS 64
/* Of the best cost, what a result may be worse on average at first; a hundredth
 * of that before the last fifth, which starts from the best and takes nothing
 * worse. After annealing there is little left to search wide for. */
#define WARM 0.003
#define COOL 0.00001
/* Shares of the way: of each quick annealing, of hill climbing after them, and
 * what is gone when the slow one ends */
#define QUICK 0.03
#define CLIMBING 0.03
#define ANNEALED 0.75
/* ... and a placement that lacks guests has to have become a whole one */
#define PROMISED 0.7
#define SMALL 1e6 /* guests x hosts */

typedef struct Lns {
    PlanSearch *s;
    size_t n_off;
    int32_t guest[MOST_OFF];
    int32_t from[MOST_OFF];
    bool back[MOST_OFF];
    size_t n_hosts;
    int32_t host[MOST_HOSTS];
    int32_t forced_to;  /* where guest[0] goes first, or PLAN_NOWHERE */
    int32_t emptied;    /* where nobody goes, or PLAN_NOWHERE */
    size_t *home_start; /* [hosts + 1] into the next */
    int32_t *at_home;   /* guests, by the host where they run now */
    size_t *rank;       /* [guest] place in the order of sizes */
    size_t *rack_start; /* [racks + 1] into the next */
    int32_t *by_rack;   /* hosts, rack by rack */
    double largest[PLAN_MAX_RESOURCES]; /* limit of any host */
    GArray *lost; /* of int32_t: guests that were nowhere */
} Lns;

static void
take_off(Lns *l, int32_t guest)
{
    PlanState *state = l->s->state;
    const PlanGuest *g = &l->s->model->guests[guest];
    int32_t from = plan_state_hosts(state)[guest];

    if (l->n_off == MOST_OFF || (g->pinned && g->host == from)) {
        return;
    }
    for (size_t i = 0; i < l->n_off; i++) {
        if (l->guest[i] == guest) {
            return;
        }
    }
    l->guest[l->n_off] = guest;
    l->from[l->n_off] = from;
    l->back[l->n_off] = false;
    l->n_off++;
    plan_state_move(state, guest, PLAN_NOWHERE);
}

static void
add_host(Lns *l, int32_t host)
{
    for (size_t i = 0; i < l->n_hosts; i++) {
        if (l->host[i] == host) {
            return;
        }
    }
    if (host != PLAN_NOWHERE && l->n_hosts < MOST_HOSTS) {
        l->host[l->n_hosts++] = host;
    }
}

static int32_t
any_guest(Lns *l)
{
    return (int32_t)plan_random_below(l->s, l->s->model->n_guests);
}

/* Up to @most guests of @host, random ones if it has more */
static void
take_from_host(Lns *l, int32_t host, size_t most)
{
    size_t n;

    for (size_t i = 0; i < most; i++) {
        const int32_t *guests = plan_state_guests(l->s->state, host, &n);

        if (n == 0) {
            break;
        }
        take_off(l, guests[plan_random_below(l->s, n)]);
    }
    add_host(l, host);
}

/* Of a few hosts in use, that whose guests are smallest together */
static int32_t
light_host(Lns *l)
{
    const PlanModel *m = l->s->model;
    int32_t best = PLAN_NOWHERE;
    double least = G_MAXDOUBLE;

    for (int i = 0; i < 12; i++) {
        int32_t host = plan_state_hosts(l->s->state)[any_guest(l)];
        const int64_t *use;
        double size = 0;

        if (host == PLAN_NOWHERE) {
            continue;
        }
        use = plan_state_use(l->s->state, host);
        for (size_t r = 0; r < m->n_resources; r++) {
            size += (double)use[r] / l->largest[r];
        }
        if (size < least) {
            least = size;
            best = host;
        }
    }
    return best;
}

static void
ruin_hosts(Lns *l, bool light)
{
    size_t n_more = 1 + plan_random_below(l->s, 4);

    if (light) {
        int32_t host = light_host(l);

        if (host != PLAN_NOWHERE) {
            take_from_host(l, host, MOST_OFF / 2);
        }
    }
    for (size_t i = 0; i < n_more; i++) {
        int32_t host = plan_state_hosts(l->s->state)[any_guest(l)];

        if (host != PLAN_NOWHERE) {
            take_from_host(l, host, 1 + plan_random_below(l->s, 8));
        }
    }
}

static void
ruin_flows(Lns *l)
{
    const PlanModel *m = l->s->model;
    int32_t guest = any_guest(l);

    for (int step = 0; step < 12; step++) {
        size_t first = m->link_start[guest];
        size_t n = m->link_start[guest + 1] - first;

        add_host(l, plan_state_hosts(l->s->state)[guest]);
        take_off(l, guest);
        if (n == 0) {
            guest = any_guest(l);
            continue;
        }
        guest = m->link_peer[first + plan_random_below(l->s, n)];
        add_host(l, plan_state_hosts(l->s->state)[guest]);
    }
}

static void
ruin_few(Lns *l)
{
    size_t n = 1 + plan_random_below(l->s, 6);

    for (size_t i = 0; i < n; i++) {
        int32_t guest = any_guest(l);

        add_host(l, plan_state_hosts(l->s->state)[guest]);
        take_off(l, guest);
    }
}

/* Of a few guests of a few hosts, that whose going saves most */
static int32_t
costly_guest(Lns *l)
{
    int32_t best = PLAN_NOWHERE;
    int64_t least = INT64_MAX;

    for (int i = 0; i < 8; i++) {
        int32_t host = (int32_t)plan_random_below(l->s, l->s->model->n_hosts);
        size_t n;
        const int32_t *guests = plan_state_guests(l->s->state, host, &n);

        for (int j = 0; n > 0 && j < 4; j++) {
            int32_t guest = guests[plan_random_below(l->s, n)];
            int64_t cost = plan_search_delta(l->s, guest, PLAN_NOWHERE).cost;

            if (cost < least) {
                least = cost;
                best = guest;
            }
        }
    }
    return best;
}

/* Put @guest on @host by force, and take off who stands in its way, up to @most */
static void
force(Lns *l, int32_t guest, int32_t host, size_t most)
{
    const PlanModel *m = l->s->model;

    take_off(l, guest);
    if (l->n_off == 0) {
        return; /* pinned */
    }
    l->forced_to = host;
    for (size_t i = 0; i < most; i++) {
        size_t n;
        const int32_t *guests = plan_state_guests(l->s->state, host, &n);
        int32_t pick;

        if (n == 0 || (i > 0 && plan_state_fits(l->s->state, guest, host))) {
            break;
        }
        pick = guests[plan_random_below(l->s, n)];
        for (int k = 0; k < 3 && m->guests[pick].host == host; k++) {
            pick = guests[plan_random_below(l->s, n)];
        }
        take_off(l, pick);
    }
}

static void
ruin_costly(Lns *l)
{
    const PlanModel *m = l->s->model;
    int32_t guest = costly_guest(l);
    int32_t host = (int32_t)plan_random_below(l->s, m->n_hosts);

    if (guest != PLAN_NOWHERE && plan_state_hosts(l->s->state)[guest] != host &&
        plan_model_allows(m, guest, host)) {
        force(l, guest, host, 1 + plan_random_below(l->s, 12));
    }
}

/* Would @guest fit if it were alone there? */
static bool
large_enough(const PlanModel *m, int32_t guest, int32_t host)
{
    for (size_t r = 0; r < m->n_resources; r++) {
        if (m->demand[(size_t)guest * m->n_resources + r] >
            m->limit[(size_t)host * m->n_resources + r]) {
            return false;
        }
    }
    return plan_model_allows(m, guest, host) &&
           plan_sides_excess(m, host, NULL, 0, PLAN_NOWHERE, guest, NULL) == 0;
}

static void
ruin_lost(Lns *l)
{
    const PlanModel *m = l->s->model;
    const int32_t *host_of = plan_state_hosts(l->s->state);
    int32_t guest;

    /* guests stay lost for long, so the list is made anew when it fails only */
    if (l->lost->len == 0 ||
        host_of[g_array_index(l->lost, int32_t, 0)] != PLAN_NOWHERE) {
        g_array_set_size(l->lost, 0);
        for (int32_t g = 0; g < (int32_t)m->n_guests; g++) {
            if (host_of[g] == PLAN_NOWHERE) {
                g_array_append_val(l->lost, g);
            }
        }
    }
    if (l->lost->len == 0) {
        return;
    }
    guest =
        g_array_index(l->lost, int32_t, plan_random_below(l->s, l->lost->len));
    if (host_of[guest] != PLAN_NOWHERE) {
        g_array_set_size(l->lost, 0);
        return;
    }
    for (int i = 0; i < 64; i++) {
        int32_t host = (int32_t)plan_random_below(l->s, m->n_hosts);

        if (large_enough(m, guest, host)) {
            force(l, guest, host, MOST_OFF - 1);
            break;
        }
    }
}

/* One host is emptied, another one that is not in use has its guests back */
static void
ruin_turn(Lns *l)
{
    int32_t light = light_host(l);
    int32_t opened = PLAN_NOWHERE;
    size_t n_here;

    for (int i = 0; i < 16 && opened == PLAN_NOWHERE; i++) {
        size_t host = plan_random_below(l->s, l->s->model->n_hosts);

        plan_state_guests(l->s->state, (int32_t)host, &n_here);
        if (n_here == 0 && l->home_start[host] < l->home_start[host + 1] &&
            !l->s->model->hosts[host].closed) {
            opened = (int32_t)host;
        }
    }
    if (light == PLAN_NOWHERE || opened == PLAN_NOWHERE) {
        ruin_hosts(l, true);
        return;
    }
    for (size_t i = l->home_start[opened]; i < l->home_start[opened + 1]; i++) {
        take_off(l, l->at_home[i]);
    }
    if (l->n_off > 0) {
        l->forced_to = opened;
    }
    take_from_host(l, light, MOST_OFF);
    l->emptied = light;
    add_host(l, opened);
}

static void
ruin_group(Lns *l)
{
    const PlanModel *m = l->s->model;
    const PlanGroup *group = &m->groups[plan_random_below(l->s, m->n_groups)];

    for (size_t i = 0; i < MIN(group->n_members, 12); i++) {
        int32_t guest =
            group->members[plan_random_below(l->s, group->n_members)];

        take_off(l, guest);
    }
    ruin_hosts(l, false);
}

/* Below zero for hosts not in use, the largest of them best */
static double
fullness(const Lns *l, int32_t host)
{
    const PlanModel *m = l->s->model;
    const int64_t *use = plan_state_use(l->s->state, host);
    double sum = 0;
    size_t n_guests;

    plan_state_guests(l->s->state, host, &n_guests);
    for (size_t r = 0; n_guests == 0 && r < m->n_resources; r++) {
        sum +=
            (double)m->limit[(size_t)host * m->n_resources + r] / l->largest[r];
    }
    if (n_guests == 0) {
        return sum - PLAN_MAX_RESOURCES;
    }

    for (size_t r = 0; r < m->n_resources; r++) {
        sum += (double)use[r] /
               (double)MAX(1, m->limit[(size_t)host * m->n_resources + r]);
    }
    return sum;
}

/* The best host of the sample for guest @i, and by how much it is the best */
static int32_t
choose_host(Lns *l, size_t i, PlanScore *least, double *regret)
{
    PlanScore second = { INT64_MAX, INT64_MAX };
    int32_t chosen = PLAN_NOWHERE;
    double chosen_full = -G_MAXDOUBLE;

    *least = second;
    for (size_t k = 0; k < l->n_hosts; k++) {
        int32_t host = l->host[k];
        PlanScore delta;
        double full;

        if (host == l->emptied || plan_random_below(l->s, BLINK) == 0 ||
            !plan_state_fits(l->s->state, l->guest[i], host)) {
            continue;
        }
        delta = plan_search_delta(l->s, l->guest[i], host);
        full = fullness(l, host);
        if (plan_score_less(delta, *least) ||
            (delta.violation == least->violation && delta.cost == least->cost &&
             full > chosen_full)) {
            second = *least;
            *least = delta;
            chosen = host;
            chosen_full = full;
        } else if (plan_score_less(delta, second)) {
            second = delta;
        }
    }
    if (chosen == PLAN_NOWHERE) {
        *regret = 0;
    } else if (second.violation != least->violation) {
        *regret = G_MAXDOUBLE; /* it has one place only */
    } else {
        *regret = (double)second.cost - (double)least->cost;
    }
    return chosen;
}

/* False if somebody found no place without breaking a rule */
static bool
recreate(Lns *l)
{
    size_t order = plan_random_below(l->s, 3);
    bool by_regret = order == 0;
    size_t done = 0;

    if (l->forced_to != PLAN_NOWHERE) {
        if (!plan_state_fits(l->s->state, l->guest[0], l->forced_to)) {
            return false;
        }
        plan_state_move(l->s->state, l->guest[0], l->forced_to);
        l->back[0] = true;
        done = 1;
    }
    for (; done < l->n_off; done++) {
        size_t pick = SIZE_MAX;
        int32_t pick_host = PLAN_NOWHERE;
        double pick_regret = -1;

        for (size_t i = 0; i < l->n_off; i++) {
            PlanScore least;
            double regret = 0;
            int32_t host = PLAN_NOWHERE;

            if (l->back[i]) {
                continue;
            }
            if (by_regret) {
                host = choose_host(l, i, &least, &regret);
            }
            if (order == 2) { /* anybody: a lottery */
                regret = plan_random_unit(l->s);
            }
            if (pick == SIZE_MAX || regret > pick_regret ||
                (regret == pick_regret &&
                 l->rank[l->guest[i]] < l->rank[l->guest[pick]])) {
                pick = i;
                pick_host = host;
                pick_regret = regret;
            }
        }
        if (!by_regret) {
            PlanScore least;
            double regret;

            pick_host = choose_host(l, pick, &least, &regret);
        }
        if (pick_host == PLAN_NOWHERE) {
            return false;
        }
        plan_state_move(l->s->state, l->guest[pick], pick_host);
        l->back[pick] = true;
    }
    return true;
}

static void
undo(Lns *l)
{
    for (size_t i = 0; i < l->n_off; i++) {
        plan_state_move(l->s->state, l->guest[i], PLAN_NOWHERE);
    }
    for (size_t i = 0; i < l->n_off; i++) {
        plan_state_move(l->s->state, l->guest[i], l->from[i]);
    }
}

static void
ruin_some(Lns *l)
{
    const PlanModel *m = l->s->model;

    switch (plan_random_below(l->s, 6)) {
    case 0:
        ruin_hosts(l, true);
        break;
    case 1:
        if (m->n_flows > 0) {
            ruin_flows(l);
            break;
        }
        ruin_hosts(l, true);
        break;
    case 2:
        if (m->n_groups > 0) {
            ruin_group(l);
            break;
        }
        ruin_hosts(l, false);
        break;
    case 3:
        ruin_few(l);
        break;
    case 4:
        ruin_costly(l);
        break;
    default:
        ruin_hosts(l, false);
    }
}

static void
ruin(Lns *l)
{
    const PlanModel *m = l->s->model;

    l->n_off = l->n_hosts = 0;
    l->forced_to = l->emptied = PLAN_NOWHERE;
    if (plan_state_score(l->s->state).violation >= PLAN_UNPLACED &&
        plan_random(l->s) & 1) {
        ruin_lost(l);
    } else if (m->weights.hosts && m->weights.move && plan_random(l->s) & 1) {
        ruin_turn(l);
    } else {
        ruin_some(l);
    }
    /* guests that are nowhere get their chance as well */
    for (int i = 0; i < 4; i++) {
        int32_t guest = any_guest(l);

        if (plan_state_hosts(l->s->state)[guest] == PLAN_NOWHERE) {
            take_off(l, guest);
        }
    }
    for (size_t i = 0; i < l->n_off; i++) {
        add_host(l, l->from[i]);
        add_host(l, m->guests[l->guest[i]].host);
    }
    for (int i = 0; i < 24; i++) {
        add_host(l, (int32_t)plan_random_below(l->s, m->n_hosts));
    }
}

/* Some hosts filled anew, a light one among them, now and then an unused one:
 * what is free moves to the last of them, until that is not needed. */
static void
repack(Lns *l)
{
    const int32_t *rack_of = l->s->model->place[PLAN_LEVEL_RACK];
    int32_t light = light_host(l);
    size_t most = 2 + plan_random_below(l->s, 6);
    bool near = plan_random(l->s) & 1; /* groups that are bound to a rack */

    l->n_hosts = 0;
    add_host(l, light);
    while (l->n_hosts > 0 && near && most-- > 0) {
        size_t rack = (size_t)rack_of[light];
        size_t first = l->rack_start[rack];

        add_host(
            l, l->by_rack[first + plan_random_below(
                                      l->s, l->rack_start[rack + 1] - first)]);
    }
    while (l->n_hosts > 0 && !near && most-- > 0) {
        add_host(l, plan_random_below(l->s, 12) == 0
                        ? (int32_t)plan_random_below(l->s, l->s->model->n_hosts)
                        : plan_state_hosts(l->s->state)[any_guest(l)]);
    }
    if (l->n_hosts > 0) {
        plan_search_repack(l->s, l->rank, l->host, l->n_hosts);
    }
}

/* Costs that change a little with every step are what annealing is good at;
 * hosts to be emptied, moves to be saved are not. */
static bool
smooth(const PlanModel *m)
{
    bool any = m->n_balances > 0 || (m->weights.traffic && m->n_flows);

    for (size_t r = 0; r < m->n_resources; r++) {
        any = any || m->resources[r].over_weight;
    }
    return any;
}

static void
list_at_home(const PlanModel *m, size_t *start, int32_t *guests)
{
    /* counted two places on, so that filling leaves the starts behind */
    g_autofree size_t *at = g_new0(size_t, m->n_hosts + 2);

    for (size_t g = 0; g < m->n_guests; g++) {
        if (m->guests[g].host != PLAN_NOWHERE) {
            at[m->guests[g].host + 2]++;
        }
    }
    for (size_t h = 2; h < m->n_hosts + 2; h++) {
        at[h] += at[h - 1];
    }
    for (size_t g = 0; g < m->n_guests; g++) {
        if (m->guests[g].host != PLAN_NOWHERE) {
            guests[at[m->guests[g].host + 1]++] = (int32_t)g;
        }
    }
    memcpy(start, at, (m->n_hosts + 1) * sizeof(*start));
}

static void
ruin_and_recreate(PlanSearch *s, double warmth, double until)
{
    g_autofree int32_t *order = plan_search_order(s->model);
    g_autofree size_t *rank = g_new0(size_t, s->model->n_guests);
    size_t n_racks = plan_model_places(s->model, PLAN_LEVEL_RACK);
    g_autofree size_t *rack_start = g_new0(size_t, n_racks + 2);
    g_autofree int32_t *by_rack = g_new(int32_t, s->model->n_hosts);
    g_autofree size_t *home_start = g_new0(size_t, s->model->n_hosts + 2);
    g_autofree int32_t *at_home = g_new(int32_t, s->model->n_guests + 1);
    g_autoptr(GArray) lost = g_array_new(FALSE, FALSE, sizeof(int32_t));
    Lns l = { .s = s,
              .home_start = home_start,
              .at_home = at_home,
              .rank = rank,
              .rack_start = rack_start,
              .by_rack = by_rack,
              .lost = lost };
    double begin = MIN(s->progress, 0.99 * until);
    bool last_fifth = false;

    for (size_t i = 0; i < s->model->n_guests; i++) {
        rank[order[i]] = i;
    }
    /* counted two places on, so that filling leaves the starts behind */
    for (size_t h = 0; h < s->model->n_hosts; h++) {
        rack_start[s->model->place[PLAN_LEVEL_RACK][h] + 2]++;
    }
    for (size_t r = 2; r < n_racks + 2; r++) {
        rack_start[r] += rack_start[r - 1];
    }
    for (size_t h = 0; h < s->model->n_hosts; h++) {
        by_rack[rack_start[s->model->place[PLAN_LEVEL_RACK][h] + 1]++] =
            (int32_t)h;
    }
    list_at_home(s->model, home_start, at_home);
    for (size_t i = 0; i < s->model->n_hosts * s->model->n_resources; i++) {
        double *largest = &l.largest[i % s->model->n_resources];

        *largest = MAX(MAX(*largest, 1), (double)s->model->limit[i]);
    }
    do {
        PlanScore before = plan_state_score(s->state);
        PlanScore after;
        double gone = MIN(1, (s->progress - begin) / (until - begin));
        double slack = (double)s->best.cost * warmth * pow(0.01, gone) *
                       -log(1 - plan_random_unit(s));

        if (gone > 0.8) {
            if (!last_fifth) {
                last_fifth = true;
                plan_state_reset(s->state, s->best_hosts);
                before = plan_state_score(s->state);
            }
            slack = 0;
        }
        if (s->model->weights.hosts && plan_random(s) & 1) {
            repack(&l);
            plan_search_note(s);
            continue;
        }
        ruin(&l);
        if (l.n_off == 0) {
            continue;
        }
        recreate(&l);
        after = plan_state_score(s->state);
        if (after.violation > before.violation ||
            (after.violation == before.violation &&
             (double)after.cost > (double)before.cost + slack)) {
            undo(&l);
        } else {
            plan_search_note(s);
        }
    } while (plan_search_goes_on(s, 1) && s->progress < until);
}

/* What pays depends on how tight the hosts are, and on what moves cost: each way
 * is tried for a while from @start, where the state is at the end. Not all that
 * is quickly good is best in the long run: of searches side by side every second
 * one goes the first way whatever comes, which is the soft one where it can be. */
static const PlanAnnealWay *
best_way(PlanSearch *s, const int32_t *start, double until)
{
    static const PlanAnnealWay ways[] = {
        { .shifts = 0.5, .homeward = 0.9, .returns = 0.1, .soft = true },
        { .shifts = 0.5, .homeward = 0.9 },
        { .shifts = 0.5, .homeward = 0.5 },
        { .shifts = 0.5, .homeward = 0.9, .returns = 0.1 },
    };
    PlanScore least = { INT64_MAX, INT64_MAX };
    const PlanAnnealWay *best = NULL;
    size_t first = plan_trade_can_soften(s) ? 0 : 1;
    size_t end = s->limits->variant & 1 ? first + 1 : G_N_ELEMENTS(ways);

    for (size_t i = first; i < end; i++) {
        PlanScore score;

        plan_search_anneal(s, &ways[i],
                           QUICK * (double)(i + 1 - first) * until);
        score = plan_state_score(s->state);
        if (plan_score_less(score, least)) {
            least = score;
            best = &ways[i];
        }
        plan_state_reset(s->state, start);
    }
    return best;
}

void
plan_search_lns(PlanSearch *s, double until)
{
    bool packs = s->model->weights.hosts && !smooth(s->model);

    /* large models are packed as a whole first of all */
    if (!packs ||
        (double)s->model->n_guests * (double)s->model->n_hosts < SMALL) {
        plan_search_place_rest(s);
    } else {
        plan_search_quick(s); /* something whole, soon */
    }
    if (smooth(s->model)) {
        g_autofree int32_t *start = NULL;
        const PlanAnnealWay *way;

        plan_search_mend(s);
        /* A quick one first, so that something good is there soon. The second
         * starts anew: who is away already takes room at two hosts. */
        start = g_memdup2(plan_state_hosts(s->state),
                          s->model->n_guests * sizeof(int32_t));
        way = best_way(s, start, until);
        /* near a start that is good already there may be nothing better */
        plan_search_hill(s, s->progress + CLIMBING * until);
        plan_state_reset(s->state, start);
        plan_search_anneal(s, way, ANNEALED * until);
        plan_state_reset(s->state, s->best_hosts);
        if (!s->stopped && (s->limits->work || s->limits->stop)) {
            ruin_and_recreate(s, COOL, until);
            return;
        }
    }
    if (s->model->weights.hosts) {
        plan_search_pack(s);
        if (s->promising && (s->limits->work || s->limits->stop)) {
            plan_state_reset(s->state, s->promising);
            ruin_and_recreate(s, COOL, PROMISED * until);
        }
        plan_state_reset(s->state, s->best_hosts);
    }
    plan_search_hill(s, until);
    if (s->limits->work || s->limits->stop) { /* or it would never end */
        ruin_and_recreate(s, WARM, until);
    }
}

void
plan_search_refine(PlanSearch *s)
{
    plan_search_hill(s, G_MAXDOUBLE);
    if (!s->stopped && (s->limits->work || s->limits->stop)) {
        ruin_and_recreate(s, COOL, 1);
    }
}
