/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * simulator-clock.c - the queue of what will happen, and the meters in between
 */
#include <math.h>

#include "consolidate/simulator-priv.h"

#define MICRO 1e6
#define KWH 3.6e6

void
sim_event_free(gpointer data)
{
    SimEvent *event = data;

    if (event) {
        cons_event_free(event->event);
        g_free(event->host);
        g_free(event);
    }
}

static bool
earlier(const SimEvent *a, const SimEvent *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->number < b->number;
}

void
sim_push(ConsSimulator *s, SimEvent *event)
{
    gpointer *heap;
    guint i = s->queue->len;

    event->number = s->numbers++;
    g_ptr_array_add(s->queue, event);
    heap = s->queue->pdata;
    while (i > 0 && earlier(event, heap[(i - 1) / 2])) {
        heap[i] = heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    heap[i] = event;
}

SimEvent *
sim_pop(ConsSimulator *s)
{
    gpointer *heap = s->queue->pdata;
    guint n = s->queue->len, i = 0;
    SimEvent *first, *last;

    if (n == 0) {
        return NULL;
    }
    first = heap[0];
    last = heap[--n];
    while (2 * i + 1 < n) {
        guint child = 2 * i + 1;

        if (child + 1 < n && earlier(heap[child + 1], heap[child])) {
            child++;
        }
        if (!earlier(heap[child], last)) {
            break;
        }
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = last;
    heap[n] = NULL; /* not to be freed with the array's end */
    g_ptr_array_set_size(s->queue, (gint)n);
    return first;
}

/* splitmix64 */
double
sim_uniform(ConsSimulator *s)
{
    uint64_t z = (s->random += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return (double)(z >> 11) / 9007199254740992.0;
}

static double
power_w(const ConsSimulator *s, size_t h, double share)
{
    const ClusterHost *host = cluster_host(s->cluster, h);
    const double *curve = s->curves[h];
    double tenths = share * (CONS_CURVE - 1);
    int below = CLAMP((int)tenths, 0, CONS_CURVE - 2);

    if (!curve) {
        return ((double)host->idle_mw +
                share * (double)(host->busy_mw - host->idle_mw)) /
               1000;
    }
    /* CloudSim's rule: who has nothing to do draws nothing */
    return share <= 0 ? 0
                      : curve[below] + (curve[below + 1] - curve[below]) *
                                           (tenths - below);
}

static void
meter(ConsSimulator *s, int64_t from_us, int64_t to_us)
{
    const Cluster *c = s->cluster;
    double span_s = (double)(MIN(to_us, s->count_until_us) -
                             MAX(from_us, s->count_from_us)) /
                    MICRO;
    g_autofree double *use = g_new0(double, c->hosts->len + 1);
    g_autofree size_t *n = g_new0(size_t, c->hosts->len + 1);
    size_t active = 0;

    if (span_s <= 0) {
        return;
    }
    for (guint g = 0; g < c->guests->len; g++) {
        const ClusterGuest *guest = cluster_guest(c, g);

        use[guest->host] += (double)MAX(0, guest->cpu_milli);
        n[guest->host]++;
        s->asked += (double)MAX(0, guest->cpu_milli) * span_s;
    }
    for (guint h = 0; h < c->hosts->len; h++) {
        const ClusterHost *host = cluster_host(c, h);
        double room = (double)(host->cpu_milli - host->own_cpu_milli);
        double share;

        if (host->state != CLUSTER_HOST_UP) {
            continue;
        }
        share = room > 0 ? MIN(1, use[h] / room) : 0;
        s->joules += span_s * power_w(s, h, share);
        s->host_s += span_s;
        active++;
        if (n[h] > 0) {
            s->active_s += span_s;
            s->overloaded_s += use[h] > room ? span_s : 0;
        }
    }
    s->figures.hosts_most = MAX(s->figures.hosts_most, active);
}

void
sim_advance(ConsSimulator *s, int64_t to_us)
{
    while (s->now_us < to_us) {
        int64_t next = MIN(to_us, sim_next_step_us(s));

        meter(s, s->now_us, next);
        s->now_us = next;
        sim_follow(s);
    }
}

void
cons_simulator_count(ConsSimulator *s, int64_t from_us, int64_t until_us)
{
    s->count_from_us = from_us;
    s->count_until_us = until_us;
}

ConsSimulatorFigures
cons_simulator_figures(const ConsSimulator *s)
{
    ConsSimulatorFigures f = s->figures;
    double span_s = (double)(MIN(s->now_us, s->count_until_us) -
                             MAX(s->start_us, s->count_from_us)) /
                    MICRO;

    f.energy_kwh = s->joules / KWH;
    f.overloaded_share = s->active_s > 0 ? s->overloaded_s / s->active_s : 0;
    f.degraded_share = s->asked > 0 ? s->lost / s->asked : 0;
    f.hosts_mean = span_s > 0 ? s->host_s / span_s : 0;
    return f;
}
