/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * simulator-load.c - what guests ask for: traces, a step after the other
 */
#include <math.h>

#include "consolidate/simulator-priv.h"

#define MICRO 1e6

void
cons_simulator_traces(ConsSimulator *s, const PlanTraces *traces,
                      const int64_t *peak_milli, double step_s)
{
    g_assert(step_s > 0);
    s->traces = traces;
    s->peak_milli = peak_milli;
    s->step_s = step_s;
    g_hash_table_remove_all(s->trace_of);
    for (guint g = 0; g < MIN(s->cluster->guests->len, traces->n_guests); g++) {
        g_hash_table_insert(s->trace_of,
                            g_strdup(cluster_guest(s->cluster, g)->name),
                            GUINT_TO_POINTER(g + 1));
    }
    s->followed = -1;
    sim_follow(s);
}

void
cons_simulator_ends(ConsSimulator *s, bool ends)
{
    s->ends = ends;
}

static int64_t
step_now(const ConsSimulator *s)
{
    return (int64_t)((double)(s->now_us - s->start_us) / MICRO / s->step_s);
}

int64_t
sim_next_step_us(const ConsSimulator *s)
{
    if (!s->traces) {
        return INT64_MAX;
    }
    return s->start_us +
           (int64_t)ceil((double)(step_now(s) + 1) * s->step_s * MICRO);
}

void
sim_follow(ConsSimulator *s)
{
    int64_t now = s->traces ? step_now(s) : -1;
    size_t step, next;

    if (now == s->followed) {
        return;
    }
    s->followed = now;
    step = (size_t)now % s->traces->n_steps;
    next = MIN(step + 1, s->traces->n_steps - 1);
    for (guint g = s->cluster->guests->len; g-- > 0;) {
        ClusterGuest *guest = cluster_guest(s->cluster, g);
        guint trace =
            GPOINTER_TO_UINT(g_hash_table_lookup(s->trace_of, guest->name));
        const uint8_t *percent;
        int64_t peak;

        if (trace == 0) {
            continue;
        }
        percent = s->traces->percent + (trace - 1) * s->traces->n_steps;
        peak = s->peak_milli ? s->peak_milli[trace - 1] : guest->vcpus * 1000;
        guest->cpu_milli = percent[step] * peak / 100;
        if (s->ends && now > 0 && !guest->moving && percent[step] == 0 &&
            percent[next] == 0) {
            cluster_remove_guest(s->cluster, (int32_t)g);
        }
    }
}
