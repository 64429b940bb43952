/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * moves-booking.c - what is booked at one moment of a schedule, and what is free
 *
 * A host's room is taken by a guest that comes from the start of its migration
 * on, and by one that leaves until the end. Each interface is booked in its
 * direction at the rate that the migration gets: the whole of the slower of the
 * two, or what is free of it now if that ends sooner than waiting for the whole.
 */
#include "plan/moves-schedule-priv.h"

#include <math.h>

#include "plan/sides.h"

uint64_t
plan_full_rate(const PlanModel *m, const PlanMoveQuery *query, int32_t from,
               int32_t to)
{
    return MIN(plan_model_link(m, from, query->link_bytes_s),
               plan_model_link(m, to, query->link_bytes_s));
}

PlanDuration
plan_scheduler_duration(const PlanScheduler *s, int32_t guest,
                        uint64_t rate_bytes_s)
{
    PlanKnown *known = &s->known[guest];

    if (known->rate_bytes_s != rate_bytes_s) {
        known->rate_bytes_s = rate_bytes_s;
        known->duration = plan_duration(&s->m->guests[guest], rate_bytes_s,
                                        s->query->downtime_limit_s);
    }
    return known->duration;
}

double
plan_scheduler_full_time(const PlanScheduler *s, int32_t guest, int32_t from,
                         int32_t to)
{
    return from == PLAN_NOWHERE
               ? 0
               : plan_scheduler_duration(
                     s, guest, plan_full_rate(s->m, s->query, from, to))
                     .time_s;
}

bool
plan_scheduler_has_room(const PlanScheduler *s, int32_t guest, int32_t host)
{
    if (!plan_model_fits(s->m, s->use, guest, host)) {
        return false;
    }
    return !s->here[host] || s->m->guests[guest].numa == 0 ||
           plan_sides_excess(s->m, host, (int32_t *)(void *)s->here[host]->data,
                             s->here[host]->len, PLAN_NOWHERE, guest,
                             NULL) == 0;
}

void
plan_scheduler_book(PlanScheduler *s, int32_t guest, int32_t host, int sign)
{
    if (s->here[host] && sign > 0) {
        g_array_append_val(s->here[host], guest);
    }
    for (guint i = 0; s->here[host] && sign < 0; i++) {
        if (g_array_index(s->here[host], int32_t, i) == guest) {
            g_array_remove_index_fast(s->here[host], i);
            break;
        }
    }
    plan_model_book(s->m, s->use, guest, host, sign);
}

bool
plan_scheduler_slots_free(const PlanScheduler *s, int32_t from, int32_t to)
{
    size_t most = s->query->most_per_host;

    return most == 0 || (s->busy[from] < most && s->busy[to] < most);
}

/* When what is booked on the two interfaces leaves @rate free: the last end
 * that it takes, by going through the ends in order */
static double
free_at(const PlanScheduler *s, int32_t from, int32_t to, uint64_t rate)
{
    uint64_t out = s->out[from];
    uint64_t in = s->in[to];
    double at_s = s->now_s;

    while (out < rate || in < rate) {
        double next_s = HUGE_VAL;

        for (guint i = 0; i < s->running->len; i++) {
            const PlanMove *move =
                &g_array_index(s->result->moves, PlanMove,
                               g_array_index(s->running, PlanRunning, i).move);

            if ((move->from == from || move->to == to) && move->end_s > at_s) {
                next_s = MIN(next_s, move->end_s);
            }
        }
        if (isinf(next_s)) {
            return next_s;
        }
        at_s = next_s;
        out = s->out[from];
        in = s->in[to];
        for (guint i = 0; i < s->running->len; i++) {
            const PlanMove *move =
                &g_array_index(s->result->moves, PlanMove,
                               g_array_index(s->running, PlanRunning, i).move);

            if (move->end_s <= at_s) {
                out += move->from == from ? move->rate_bytes_s : 0;
                in += move->to == to ? move->rate_bytes_s : 0;
            }
        }
    }
    return at_s;
}

/* The rate to start at now, 0 to wait */
uint64_t
plan_scheduler_choose_rate(const PlanScheduler *s, int32_t guest, int32_t from,
                           int32_t to)
{
    uint64_t full = plan_full_rate(s->m, s->query, from, to);
    uint64_t free = MIN(s->out[from], s->in[to]);
    PlanDuration partly, whole;

    if (free >= full) {
        return full;
    }
    if (s->whole) {
        return 0;
    }
    /* a tenth is no rate to live on */
    if (free < full / 10 || free == 0) {
        return 0;
    }
    partly = plan_scheduler_duration(s, guest, free);
    whole = plan_scheduler_duration(s, guest, full);
    return (partly.converges || !whole.converges) &&
                   s->now_s + partly.time_s <
                       free_at(s, from, to, full) + whole.time_s
               ? free
               : 0;
}

void
plan_scheduler_init(PlanScheduler *s, const int32_t *target)
{
    size_t n_hosts = s->m->n_hosts;

    s->wants = g_array_new(FALSE, TRUE, sizeof(PlanWant));
    s->running = g_array_new(FALSE, TRUE, sizeof(PlanRunning));
    s->where = g_new(int32_t, s->m->n_guests);
    s->detoured = g_new0(bool, s->m->n_guests);
    s->use = g_new0(int64_t, n_hosts * s->m->n_resources + 1);
    s->here = g_new0(GArray *, n_hosts);
    s->out = g_new0(uint64_t, n_hosts);
    s->in = g_new0(uint64_t, n_hosts);
    s->busy = g_new0(size_t, n_hosts);
    s->load_out = g_new0(double, n_hosts);
    s->load_in = g_new0(double, n_hosts);
    for (size_t h = 0; h < n_hosts; h++) {
        s->out[h] = s->in[h] =
            plan_model_link(s->m, (int32_t)h, s->query->link_bytes_s);
        if (s->m->hosts[h].sides) {
            s->here[h] = g_array_new(FALSE, FALSE, sizeof(int32_t));
        }
    }
    for (size_t g = 0; g < s->m->n_guests; g++) {
        PlanWant want = { .guest = (int32_t)g, .to = target[g] };

        s->where[g] = s->m->guests[g].host;
        if (s->where[g] != PLAN_NOWHERE) {
            plan_scheduler_book(s, (int32_t)g, s->where[g], 1);
        }
        if (target[g] != PLAN_NOWHERE && target[g] != s->where[g]) {
            g_array_append_val(s->wants, want);
        }
    }
}

void
plan_scheduler_clear(PlanScheduler *s)
{
    for (size_t h = 0; h < s->m->n_hosts; h++) {
        g_clear_pointer(&s->here[h], g_array_unref);
    }
    g_free(s->here);
    g_array_unref(s->wants);
    g_array_unref(s->running);
    g_free(s->where);
    g_free(s->detoured);
    g_free(s->use);
    g_free(s->out);
    g_free(s->in);
    g_free(s->busy);
    g_free(s->load_out);
    g_free(s->load_in);
}
