/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sim.c - see sim.h */
#include "sim.h"

#include <math.h>

#define BYTES_PER_PAGE 4104.0 /* with its header */
#define TICK_US (5 * G_USEC_PER_SEC)

static double
us(double seconds)
{
    return seconds * G_USEC_PER_SEC;
}

void
sim_init(Sim *sim, const SimSetup *setup, uint32_t seed)
{
    double threshold = setup->rate_pages_s * setup->downtime_s;
    double done = 0;
    int64_t c = setup->total_pages;
    int64_t now_us = SIM_START_US;
    bool stopped = false;

    *sim = (Sim){ .setup = *setup, .rand = g_rand_new_with_seed(seed) };
    while (sim->n < SIM_MAX_PASSES) {
        SimPass *pass = &sim->pass[sim->n];
        double to_send = (double)c - done;
        double until = stopped ? 0 : MIN(threshold, to_send);
        int64_t last_us = (int64_t)us((to_send - until) / setup->rate_pages_s);

        *pass = (SimPass){ now_us, c, done, false };
        if (setup->ticks && sim->n > 0 && !stopped && last_us > TICK_US) {
            last_us = TICK_US;
            pass->tick = true;
        }
        last_us = MAX(last_us, 1000);
        sim->n++;
        now_us += last_us;
        done = MIN(done + setup->rate_pages_s * (double)last_us / us(1),
                   (double)c);
        if (stopped) {
            break;
        }
        if (setup->dropped_pages && sim->n == 2) {
            c -= setup->dropped_pages;
        }
        c += llround(setup->working_set_pages *
                     (1 - exp(-setup->writes_pages_s * (double)last_us / us(1) /
                              setup->working_set_pages)));
        if ((double)c - done <= threshold || sim->n >= setup->max_passes) {
            stopped = true;
            sim->stopped_us = now_us;
        }
    }
    sim->pass[sim->n] = (SimPass){ now_us, c, done, false };
}

void
sim_clear(Sim *sim)
{
    g_rand_free(sim->rand);
}

SamplePoll
sim_poll(Sim *sim, int64_t at_us)
{
    const SimPass *pass = &sim->pass[0];
    unsigned i = 0;
    int64_t c, done, counted;
    int64_t span_us;

    while (i + 1 < sim->n && sim->pass[i + 1].start_us <= at_us) {
        pass = &sim->pass[++i];
    }
    span_us = MAX(at_us, pass->start_us) - pass->start_us;
    c = pass->c_pages;
    if (sim->setup.dropped_pages && i == 1 &&
        span_us * 2 > pass[1].start_us - pass->start_us) {
        c -= sim->setup.dropped_pages;
    }
    done = (int64_t)MIN(pass->done_at_start +
                            sim->setup.rate_pages_s * (double)span_us / us(1),
                        (double)c);
    counted = done;
    if (sim->setup.multifd_pages && done < c) {
        counted -= g_rand_int_range(sim->rand, 0,
                                    (gint32)sim->setup.multifd_pages + 1);
    }
    counted = MAX(counted, 0);
    if (sim->setup.noise && done < c) {
        counted += g_rand_int_range(sim->rand, counted > 0 ? -1 : 0, 2);
    }
    return (SamplePoll){
        .at_us = at_us,
        .pass = sim->setup.first_number + i,
        .page_bytes = SIM_PAGE,
        .remaining_bytes = (uint64_t)(c - done) * SIM_PAGE,
        .normal_pages = (uint64_t)(counted - counted / 3),
        .duplicate_pages = (uint64_t)(counted / 3),
        .sent_bytes = (uint64_t)((double)done * BYTES_PER_PAGE),
    };
}

int64_t
sim_dirty(const Sim *sim, unsigned i)
{
    return sim->pass[i + 1].c_pages - sim->pass[i].c_pages;
}

double
sim_to_send(const Sim *sim, unsigned i)
{
    return (double)sim->pass[i].c_pages - sim->pass[i].done_at_start;
}

double
sim_seconds(const Sim *sim, unsigned i)
{
    return (double)(sim->pass[i + 1].start_us - sim->pass[i].start_us) / us(1);
}

double
sim_sent_bytes(const Sim *sim, unsigned i)
{
    return (sim->pass[i + 1].done_at_start - sim->pass[i].done_at_start) *
           BYTES_PER_PAGE;
}
