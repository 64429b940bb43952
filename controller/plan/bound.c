/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bound.c - see bound.h
 *
 * Each part is the best that could be had if guests could be divided and rules
 * did not exist:
 *
 *   load     by resource, what all safe levels together cannot take
 *   balance  by pair of resources, the formula over the sums of all hosts:
 *            the positive part of a sum is at most the sum of positive parts
 *   hosts    by resource, and by sums of two with any weights, the largest
 *            hosts until their limits take all; and how many of the guests that
 *            no two fit one host (more than half the largest limit). Where no
 *            guest wants less than k of the second for one of the first, no host
 *            gives more of the first than its limit of the second / k.
 *   energy   the first resource's demand put where a unit, idle power spread
 *            over the host's limit, costs least; milliwatts rounded down once
 *            a host
 *   traffic  every flow within one host if both fit there, else at the least
 *            distance between hosts
 *   moves    the guests of a host, largest first, until the rest fits
 */
#include "plan/bound.h"

#include <stdlib.h>
#include <string.h>

#include "plan/columns.h"

static int
falling(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return (x < y) - (x > y);
}

static int64_t
total_demand(const PlanModel *m, size_t r)
{
    int64_t sum = 0;

    for (size_t g = 0; g < m->n_guests; g++) {
        sum += m->demand[g * m->n_resources + r];
    }
    return sum;
}

static int64_t
bound_load(const PlanModel *m)
{
    int64_t sum = 0;

    for (size_t r = 0; r < m->n_resources; r++) {
        int64_t over = total_demand(m, r);

        for (size_t h = 0; h < m->n_hosts; h++) {
            over -= m->safe[h * m->n_resources + r];
        }
        sum += MAX(0, over) * m->resources[r].over_weight;
    }
    return sum;
}

static int64_t
bound_balance(const PlanModel *m)
{
    int64_t sum = 0;

    for (size_t b = 0; b < m->n_balances; b++) {
        const PlanBalance *balance = &m->balances[b];
        int64_t first = -total_demand(m, (size_t)balance->first);
        int64_t second = -total_demand(m, (size_t)balance->second);

        for (size_t h = 0; h < m->n_hosts; h++) {
            const int64_t *capacity = m->capacity + h * m->n_resources;

            first += capacity[balance->first];
            second += capacity[balance->second];
        }
        sum += MAX(0, balance->target * first - second) * balance->weight;
    }
    return sum;
}

/* What a host can give of each resource at most, [host x n_resources + r] */
static double *
usable(const PlanModel *m)
{
    size_t n = m->n_resources;
    double *limit = g_new(double, m->n_hosts *n + 1);

    for (size_t i = 0; i < m->n_hosts * n; i++) {
        limit[i] = (double)m->limit[i];
    }
    for (size_t r = 0; r < n; r++) {
        for (size_t q = 0; q < n; q++) {
            double least = G_MAXDOUBLE; /* of q with one of r */

            for (size_t g = 0; g < m->n_guests && q != r; g++) {
                if (m->demand[g * n + r] > 0) {
                    least = MIN(least, (double)m->demand[g * n + q] /
                                           (double)m->demand[g * n + r]);
                }
            }
            for (size_t h = 0; h < m->n_hosts && q != r; h++) {
                if (least > 0 && least < G_MAXDOUBLE) {
                    limit[h * n + r] = MIN(limit[h * n + r],
                                           (double)m->limit[h * n + q] / least);
                }
            }
        }
    }
    return limit;
}

static int
falling_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x < y) - (x > y);
}

#define DIRECTIONS 48 /* weights of two resources tried */

/* Hosts needed for both @r and @q: of a weighted sum of the two, the largest
 * until they have what is asked for, whatever the weights */
static int64_t
bound_hosts_two(const PlanModel *m, const double *limit, size_t r, size_t q)
{
    g_autofree double *sum = g_new(double, m->n_hosts + 1);
    double first = (double)total_demand(m, r);
    double second = (double)total_demand(m, q);
    int64_t most = 0;

    for (int i = 0; i <= DIRECTIONS && first > 0 && second > 0; i++) {
        double share = (double)i / DIRECTIONS;
        double left = 1 - 1e-9; /* of the sum, in units of all demand */
        int64_t n = 0;

        for (size_t h = 0; h < m->n_hosts; h++) {
            sum[h] = share * limit[h * m->n_resources + r] / first +
                     (1 - share) * limit[h * m->n_resources + q] / second;
        }
        qsort(sum, m->n_hosts, sizeof(*sum), falling_doubles);
        while (left > 0 && n < (int64_t)m->n_hosts) {
            left -= sum[n++];
        }
        most = MAX(most, n);
    }
    return most;
}

static int64_t
bound_hosts(const PlanModel *m, bool *infeasible)
{
    g_autofree int64_t *limit = g_new(int64_t, m->n_hosts + 1);
    int64_t most = m->n_guests > 0;

    *infeasible = m->n_guests > 0 && m->n_hosts == 0;
    for (size_t r = 0; r < m->n_resources && m->n_hosts; r++) {
        int64_t left = total_demand(m, r);
        int64_t n = 0;
        int64_t large = 0;

        for (size_t h = 0; h < m->n_hosts; h++) {
            limit[h] = m->limit[h * m->n_resources + r];
        }
        qsort(limit, m->n_hosts, sizeof(*limit), falling);
        while (left > 0 && n < (int64_t)m->n_hosts) {
            left -= limit[n++];
        }
        *infeasible = *infeasible || left > 0;
        for (size_t g = 0; g < m->n_guests; g++) {
            int64_t demand = m->demand[g * m->n_resources + r];

            large += demand > limit[0] - demand;
            *infeasible = *infeasible || demand > limit[0];
        }
        most = MAX(most, MAX(n, large));
    }
    if (m->n_hosts) {
        g_autofree double *able = usable(m);

        for (size_t r = 0; r < m->n_resources; r++) {
            for (size_t q = r + 1; q < m->n_resources; q++) {
                most = MAX(most, bound_hosts_two(m, able, r, q));
            }
        }
    }
    *infeasible = *infeasible || most > (int64_t)m->n_hosts;
    return most;
}

typedef struct Price {
    double milliwatts; /* a unit */
    int64_t limit;
} Price;

static int
compare_prices(const void *a, const void *b)
{
    double x = ((const Price *)a)->milliwatts;
    double y = ((const Price *)b)->milliwatts;

    return (x > y) - (x < y);
}

static int64_t
bound_energy(const PlanModel *m)
{
    g_autofree Price *prices = g_new0(Price, m->n_hosts + 1);
    size_t n = 0;
    double sum = 0;
    double left;

    if (!m->weights.energy || m->n_resources == 0) {
        return 0;
    }
    left = (double)total_demand(m, 0);
    for (size_t h = 0; h < m->n_hosts; h++) {
        const PlanHost *host = &m->hosts[h];
        int64_t limit = m->limit[h * m->n_resources];
        int64_t capacity = m->capacity[h * m->n_resources];

        if (limit > 0) {
            prices[n++] = (Price){
                .milliwatts =
                    (double)host->idle_mw / (double)limit +
                    (double)(host->busy_mw - host->idle_mw) / (double)capacity,
                .limit = limit,
            };
        }
    }
    qsort(prices, n, sizeof(*prices), compare_prices);
    for (size_t i = 0; i < n && left > 0; i++) {
        double take = MIN(left, (double)prices[i].limit);

        sum += take * prices[i].milliwatts;
        left -= take;
    }
    /* a milliwatt a host may have been rounded away, and ours may be off by
     * the last of 53 bits */
    sum = sum * (1 - 1e-12) - (double)m->n_hosts;
    return sum > 0 ? (int64_t)sum * m->weights.energy : 0;
}

static bool
fit_together(const PlanModel *m, int32_t a, int32_t b)
{
    size_t n = m->n_resources;

    for (size_t h = 0; h < m->n_hosts; h++) {
        bool fit = plan_model_allows(m, a, (int32_t)h) &&
                   plan_model_allows(m, b, (int32_t)h);

        for (size_t r = 0; fit && r < n; r++) {
            fit = m->demand[(size_t)a * n + r] + m->demand[(size_t)b * n + r] <=
                  m->limit[h * n + r];
        }
        if (fit) {
            return true;
        }
    }
    return false;
}

static int64_t
bound_traffic(const PlanModel *m)
{
    int64_t apart = INT64_MAX;
    int64_t near;
    int64_t sum = 0;

    if (!m->weights.traffic) {
        return 0;
    }
    for (int level = PLAN_LEVEL_RACK; level <= PLAN_N_LEVELS; level++) {
        apart = MIN(apart, m->distance_milli[level]);
    }
    if (m->address) {
        apart = m->hop_milli;
    }
    near = MIN(apart, m->distance_milli[PLAN_LEVEL_HOST]);
    for (size_t f = 0; f < m->n_flows; f++) {
        const PlanFlow *flow = &m->flows[f];

        sum +=
            flow->amount *
            (apart > near && !fit_together(m, flow->a, flow->b) ? apart : near);
    }
    return sum * m->weights.traffic;
}

/* Guests that have to leave a host: for each resource the largest demands
 * until the rest fits; the most of the resources, and all that must not stay. */
static int64_t
bound_moves(const PlanModel *m)
{
    g_autofree GArray **here = g_new0(GArray *, m->n_hosts);
    g_autofree int64_t *demand = g_new(int64_t, m->n_guests + 1);
    int64_t sum = 0;

    for (size_t g = 0; g < m->n_guests; g++) {
        int32_t guest = (int32_t)g;
        int32_t home = m->guests[g].host;

        if (home == PLAN_NOWHERE) {
            continue;
        }
        if (!plan_model_allows(m, guest, home)) {
            sum++;
            continue;
        }
        if (!here[home]) {
            here[home] = g_array_new(FALSE, FALSE, sizeof(int32_t));
        }
        g_array_append_val(here[home], guest);
    }
    for (size_t h = 0; h < m->n_hosts; h++) {
        int64_t most = 0;

        for (size_t r = 0; here[h] && r < m->n_resources; r++) {
            int64_t over = -m->limit[h * m->n_resources + r];
            int64_t n = 0;

            for (guint i = 0; i < here[h]->len; i++) {
                size_t g = (size_t)g_array_index(here[h], int32_t, i);

                demand[i] = m->demand[g * m->n_resources + r];
                over += demand[i];
            }
            qsort(demand, here[h]->len, sizeof(*demand), falling);
            while (over > 0) {
                over -= demand[n++];
            }
            most = MAX(most, n);
        }
        sum += most;
        if (here[h]) {
            g_array_unref(here[h]);
        }
    }
    return sum;
}

static int64_t
cheapest_move(const PlanModel *m)
{
    int64_t least = INT64_MAX;

    for (size_t g = 0; g < m->n_guests; g++) {
        least = MIN(least, m->guests[g].move_cost);
    }
    return m->n_guests ? least : 0;
}

PlanBound
plan_bound(const PlanModel *m)
{
    PlanBound b = { 0 };

    b.load = bound_load(m);
    b.balance = bound_balance(m);
    b.energy = bound_energy(m);
    b.traffic = bound_traffic(m);
    b.hosts = b.hosts_by_resources = bound_hosts(m, &b.infeasible);
    b.hosts_cost = b.hosts * m->weights.hosts;
    b.moves = bound_moves(m);
    b.moves_cost = b.moves * cheapest_move(m) * m->weights.move;
    b.cost =
        b.moves_cost + b.load + b.balance + b.energy + b.traffic + b.hosts_cost;
    return b;
}

void
plan_bound_refine(PlanBound *b, const PlanModel *m, uint64_t steps,
                  PlanSolver solver, void *solver_data)
{
    g_autoptr(PlanColumns) columns = plan_columns_new(m);

    if (!columns) {
        return;
    }
    if (solver) {
        plan_columns_keep(columns);
    }
    b->hosts_by_columns = plan_columns_improve(columns, steps);
    if (solver) {
        b->hosts_by_columns =
            plan_columns_generate(columns, solver, solver_data, 0);
        b->unplaced = plan_columns_lacking(columns);
    }
    if (b->hosts_by_columns > (int64_t)m->n_hosts) {
        b->infeasible = true;
        b->hosts_by_columns = (int64_t)m->n_hosts;
    }
    if (b->hosts_by_columns > b->hosts) {
        b->cost += (b->hosts_by_columns - b->hosts) * m->weights.hosts;
        b->hosts = b->hosts_by_columns;
        b->hosts_cost = b->hosts * m->weights.hosts;
    }
}
