/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * simulate.c - see simulate.h
 *
 * What is taken over from CloudSim 3.0.3, so that figures compare:
 *
 *   power      SPECpower tables, linear between tenths; a host with no load
 *              is switched off
 *   creation   first fit by memory; a guest needs a core as fast as itself
 *   energy     of a step: mean of the power at its two ends x 300 s
 *   migration  memory over half of the link; the guest gets 90 % meanwhile
 *   SLATAH     the time in which hosts give less than is asked for, over the
 *              time in which they are on. An overloaded host is so until the
 *              guests that leave it have left.
 *
 * Under the rules called cloudsim also what has more to do with how that
 * program is written:
 *
 *   creation   first fit looks at the guests' nominal MIPS as well, all of them
 *   clock      a step begins 0.1 s late, so that a value is read between two
 *   end        a guest that asks for nothing at a step is over for good
 *   frame      nothing is counted before the first step nor after the last; a
 *              host that falls idle costs idle power at that end of the step,
 *              one that was idle costs nothing in that step
 *
 * What decides is our own. A host that is asked for more than it has loses as
 * few guests as bring it down; where they go they must fit with some room to
 * grow, by the larger of what they ask for now and did on average. If all hosts
 * together have room to spare, the one with the least load is emptied, provided
 * every guest finds a place. There is no look ahead into the trace.
 */
#include "plan/simulate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STEP_S 300.0
#define MEMORY_MB 4096
#define LINK_MB_S 125.0
#define RELIEVED 0.97  /* of its power: a host that guests leave */
#define ROOM 0.95      /* ... a host that guests come to */
#define SPARE 0.88     /* mean load below which hosts are emptied */
#define MEMORY_S 3600. /* of the mean of what a guest asks for */
#define EMPTIED 4      /* hosts in a step, once the first is over */
#define LATE_S 0.1     /* CloudSim's clock */

static const double watts[2][11] = {
    { 86, 89.4, 92.6, 96, 99.5, 102, 106, 108, 112, 114, 117 },
    { 93.7, 97, 101, 105, 110, 116, 121, 125, 129, 133, 135 },
};
static const double core_mips[] = { 1860, 2660 };
static const double guest_mips[] = { 2500, 2000, 1000, 500 };
static const int guest_mb[] = { 870, 1740, 1740, 613 };

static const char *const rules_names[] = { "cloudsim", "honest" };
G_STATIC_ASSERT(G_N_ELEMENTS(rules_names) == PLAN_N_SIMULATE_RULES);

const char *
plan_simulate_rules_name(PlanSimulateRules rules)
{
    return rules_names[rules];
}

typedef struct Host {
    double mips;
    double load;     /* of guests, now */
    double expected; /* ... by the larger of now and mean */
    double nominal;  /* ... by what they may ask for */
    int mb;
    size_t n_guests;
    double late_s; /* of this step, with less than asked for */
} Host;

typedef struct Sim {
    const PlanTraces *traces;
    const PlanSimulateQuery *query;
    size_t n_hosts;
    Host *hosts;
    int32_t *host_of;
    double *now;  /* [guest] MIPS */
    double *mean; /* [guest] MIPS, of the last hour or so */
    double lost;  /* MIPS x s, to migrations */
    PlanSimulation result;
} Sim;

static int
host_type(size_t host)
{
    return host % 2 == 1;
}

static size_t
guest_type(const Sim *s, size_t guest)
{
    return guest / ((s->traces->n_guests + 3) / 4);
}

static double
power_w(size_t host, double use)
{
    const double *table = watts[host_type(host)];
    double tenths = CLAMP(use, 0, 1) * 10;
    int below = MIN((int)tenths, 9);

    if (use <= 0) {
        return 0;
    }
    return table[below] + (table[below + 1] - table[below]) * (tenths - below);
}

static bool
as_cloudsim(const Sim *s)
{
    return s->query->rules == PLAN_SIMULATE_CLOUDSIM;
}

static double
expected(const Sim *s, size_t guest)
{
    return MAX(s->now[guest], s->mean[guest]);
}

static void
add(Sim *s, size_t guest, int32_t host, int sign)
{
    Host *h = &s->hosts[host];

    h->load += sign * s->now[guest];
    h->expected += sign * expected(s, guest);
    h->nominal += sign * guest_mips[guest_type(s, guest)];
    h->mb += sign * guest_mb[guest_type(s, guest)];
    h->n_guests += (size_t)sign;
    s->host_of[guest] = sign > 0 ? host : PLAN_NOWHERE;
}

/* First fit */
static void
create(Sim *s)
{
    for (size_t g = 0; g < s->traces->n_guests; g++) {
        size_t type = guest_type(s, g);
        size_t h = 0;

        while (h < s->n_hosts &&
               (core_mips[host_type(h)] < guest_mips[type] ||
                (as_cloudsim(s) &&
                 s->hosts[h].nominal + guest_mips[type] > s->hosts[h].mips) ||
                s->hosts[h].mb + guest_mb[type] > MEMORY_MB)) {
            h++;
        }
        if (h == s->n_hosts) {
            s->host_of[g] = PLAN_NOWHERE;
            s->result.n_unplaced++;
            continue;
        }
        add(s, g, (int32_t)h, 1);
    }
}

static double
percent(const Sim *s, size_t guest, size_t step)
{
    const uint8_t *of = s->traces->percent + guest * s->traces->n_steps;
    size_t last = s->traces->n_steps - 1;
    double now = of[MIN(step, last)];

    return as_cloudsim(s)
               ? now + LATE_S / STEP_S * (of[MIN(step + 1, last)] - now)
               : now;
}

static void
read_step(Sim *s, size_t step)
{
    double share = STEP_S / MEMORY_S;

    for (size_t h = 0; h < s->n_hosts; h++) {
        s->hosts[h].load = s->hosts[h].expected = 0;
    }
    for (size_t g = 0; g < s->traces->n_guests; g++) {
        int32_t host = s->host_of[g];

        s->now[g] = guest_mips[guest_type(s, g)] / 100 * percent(s, g, step);
        s->mean[g] =
            step ? s->mean[g] + share * (s->now[g] - s->mean[g]) : s->now[g];
        if (host != PLAN_NOWHERE) {
            s->hosts[host].load += s->now[g];
            s->hosts[host].expected += expected(s, g);
        }
    }
}

static bool
takes(const Sim *s, int32_t host, size_t guest)
{
    const Host *h = &s->hosts[host];
    size_t type = guest_type(s, guest);

    return core_mips[host_type((size_t)host)] >= guest_mips[type] &&
           h->expected + expected(s, guest) <= ROOM * h->mips &&
           (as_cloudsim(s) || h->mb + guest_mb[type] <= MEMORY_MB);
}

/* The host in use with least room that takes it; of hosts that are off, if
 * @off, the one that does most for its power: the second type's first. Memory
 * decides what is full where it counts. */
static int32_t
find_host(const Sim *s, size_t guest, bool off)
{
    int32_t best = PLAN_NOWHERE;
    double best_value = -1;

    for (size_t h = 0; h < s->n_hosts; h++) {
        const Host *host = &s->hosts[h];
        double value = host->n_guests ? 1 + host->expected / host->mips
                                      : 0.1 * host_type(h);

        if (host->n_guests && !as_cloudsim(s)) {
            value += (double)host->mb / MEMORY_MB;
        }
        if ((int32_t)h != s->host_of[guest] && (off || host->n_guests) &&
            value > best_value && takes(s, (int32_t)h, guest)) {
            best = (int32_t)h;
            best_value = value;
        }
    }
    return best;
}

/* How long it takes */
static double
migrate(Sim *s, size_t guest, int32_t host)
{
    double time_s = guest_mb[guest_type(s, guest)] / (LINK_MB_S / 2);

    add(s, guest, s->host_of[guest], -1);
    add(s, guest, host, 1);
    s->lost += 0.1 * s->now[guest] * time_s;
    s->result.migrations++;
    return time_s;
}

/* Who leaves: the smallest that is enough, else the largest */
static size_t
choose_leaver(const Sim *s, int32_t host, const GArray *guests)
{
    double over = s->hosts[host].load - RELIEVED * s->hosts[host].mips;
    size_t best = SIZE_MAX;

    for (guint i = 0; i < guests->len; i++) {
        size_t guest = g_array_index(guests, guint, i);
        bool enough = s->now[guest] >= over;
        bool best_enough = best != SIZE_MAX && s->now[best] >= over;

        if (s->host_of[guest] != host) {
            continue;
        }
        if (best == SIZE_MAX || (enough && !best_enough) ||
            (enough == best_enough &&
             (enough ? s->now[guest] < s->now[best]
                     : s->now[guest] > s->now[best]))) {
            best = guest;
        }
    }
    return best;
}

static GPtrArray *
guests_by_host(const Sim *s)
{
    GPtrArray *lists =
        g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);

    for (size_t h = 0; h < s->n_hosts; h++) {
        g_ptr_array_add(lists, g_array_new(FALSE, FALSE, sizeof(guint)));
    }
    for (guint g = 0; g < s->traces->n_guests; g++) {
        if (s->host_of[g] != PLAN_NOWHERE) {
            g_array_append_val(lists->pdata[s->host_of[g]], g);
        }
    }
    return lists;
}

static void
relieve(Sim *s, const GPtrArray *guests)
{
    for (size_t h = 0; h < s->n_hosts; h++) {
        Host *host = &s->hosts[h];
        double late_s = 0;

        host->late_s = 0;
        while (host->load > host->mips) {
            size_t guest = choose_leaver(s, (int32_t)h, guests->pdata[h]);
            int32_t to =
                guest == SIZE_MAX ? PLAN_NOWHERE : find_host(s, guest, true);

            if (to == PLAN_NOWHERE) {
                late_s = STEP_S;
                break;
            }
            late_s = MAX(late_s, migrate(s, guest, to));
        }
        host->late_s = late_s;
    }
}

/* All guests of @host elsewhere, or none */
static bool
empty_host(Sim *s, int32_t host, const GArray *guests)
{
    g_autofree int32_t *to = g_new(int32_t, guests->len + 1);
    size_t done = 0;
    bool fits = true;

    for (guint i = 0; i < guests->len && fits; i++) {
        size_t guest = g_array_index(guests, guint, i);

        to[i] = s->host_of[guest] == host ? find_host(s, guest, false) : host;
        fits = to[i] != PLAN_NOWHERE;
        if (fits && to[i] != host) {
            add(s, guest, host, -1);
            add(s, guest, to[i], 1);
        }
        done += fits;
    }
    for (size_t i = 0; i < done; i++) {
        size_t guest = g_array_index(guests, guint, i);

        if (to[i] != host) {
            add(s, guest, to[i], -1);
            add(s, guest, host, 1);
        }
    }
    for (size_t i = 0; fits && i < done; i++) {
        if (to[i] != host) {
            migrate(s, g_array_index(guests, guint, i), to[i]);
        }
    }
    return fits;
}

/* Hosts with the least load, one after the other, while there is room */
static void
consolidate(Sim *s, const GPtrArray *guests, size_t most)
{
    g_autofree bool *tried = g_new0(bool, s->n_hosts + 1);

    for (size_t done = 0; done < most;) {
        double load = 0;
        double room = 0;
        int32_t least = PLAN_NOWHERE;
        double least_share = G_MAXDOUBLE;

        for (size_t h = 0; h < s->n_hosts; h++) {
            const Host *host = &s->hosts[h];
            double share = host->expected / host->mips;

            if (host->n_guests == 0) {
                continue;
            }
            load += host->expected;
            room += host->mips;
            if (!as_cloudsim(s)) {
                share = (double)host->mb / MEMORY_MB;
            }
            share += host_type(h); /* the weaker type first */
            if (!tried[h] && share < least_share) {
                least_share = share;
                least = (int32_t)h;
            }
        }
        if (least == PLAN_NOWHERE || load > SPARE * room) {
            return;
        }
        tried[least] = true;
        done += empty_host(s, least, guests->pdata[least]);
    }
}

/* The least power that gives so many MIPS: whole hosts of the better type */
static double
least_power_w(double mips)
{
    return mips / (2 * core_mips[1]) * watts[1][10];
}

/* Guests that ask for nothing have ended, says CloudSim */
static void
end_guests(Sim *s)
{
    for (size_t g = 0; g < s->traces->n_guests; g++) {
        if (s->host_of[g] != PLAN_NOWHERE && s->now[g] == 0) {
            add(s, g, s->host_of[g], -1);
        }
    }
}

/* Of @host in the step that ends, which began with @before_w */
static double
step_energy(const Sim *s, size_t h, double before_w)
{
    double use = s->hosts[h].load / s->hosts[h].mips;

    if (as_cloudsim(s) && before_w == 0) {
        return 0;
    }
    return STEP_S / 2 *
           (before_w + (as_cloudsim(s) && use <= 0 ? watts[host_type(h)][0]
                                                   : power_w(h, use)));
}

PlanSimulation
plan_simulate(const PlanTraces *traces, const PlanSimulateQuery *query)
{
    size_t n = traces->n_guests;
    g_autofree Host *hosts = g_new0(Host, query->n_hosts + 1);
    g_autofree int32_t *host_of = g_new(int32_t, n);
    g_autofree double *now = g_new0(double, n);
    g_autofree double *mean = g_new0(double, n);
    g_autofree double *before_w = g_new0(double, query->n_hosts + 1);
    double active_s = 0, late_s = 0, asked = 0, joules = 0, floor_joules = 0;
    size_t first = query->rules == PLAN_SIMULATE_CLOUDSIM;
    size_t last = traces->n_steps - first;
    Sim s = { .traces = traces,
              .query = query,
              .n_hosts = query->n_hosts,
              .hosts = hosts,
              .host_of = host_of,
              .now = now,
              .mean = mean };

    for (size_t h = 0; h < s.n_hosts; h++) {
        hosts[h].mips = 2 * core_mips[host_type(h)];
    }
    create(&s);
    for (size_t step = first; step <= last; step++) {
        size_t n_on = 0;
        double load = 0;

        read_step(&s, step);
        for (size_t h = 0; h < s.n_hosts; h++) { /* the step that ends */
            joules += step > first ? step_energy(&s, h, before_w[h]) : 0;
            load += hosts[h].load;
        }
        if (step == last) {
            break;
        }
        if (as_cloudsim(&s)) {
            end_guests(&s);
        }
        asked += load * STEP_S;
        floor_joules += least_power_w(load) * STEP_S;
        if (!query->stay && step > 0) { /* nothing is known before */
            g_autoptr(GPtrArray) guests = guests_by_host(&s);

            relieve(&s, guests);
            g_ptr_array_unref(guests);
            guests = guests_by_host(&s);
            consolidate(&s, guests, step == 1 ? s.n_hosts : EMPTIED);
        }
        for (size_t h = 0; h < s.n_hosts; h++) {
            double use = hosts[h].load / hosts[h].mips;

            before_w[h] = power_w(h, use);
            active_s += use > 0 ? STEP_S : 0;
            late_s += use > 1 ? STEP_S : hosts[h].late_s;
            n_on += use > 0;
        }
        s.result.hosts_mean += (double)n_on / (double)(last - first);
        s.result.hosts_most = MAX(s.result.hosts_most, n_on);
    }
    s.result.energy_kwh = joules / 3.6e6;
    s.result.floor_kwh = floor_joules / 3.6e6;
    s.result.slatah = active_s > 0 ? late_s / active_s : 0;
    s.result.pdm = asked > 0 ? s.lost / asked : 0;
    return s.result;
}
