/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manager.c - see manager.h
 */
#include "consolidate/manager-priv.h"

#include <math.h>
#include <string.h>

#define MICRO 1e6
#define CLOSE_US 2000000

ConsPast *
manager_past_new(const char *guest, const char *from, const char *to,
                 int64_t at_us, bool ours)
{
    ConsPast *past = g_new0(ConsPast, 1);

    past->guest = g_strdup(guest);
    past->from = g_strdup(from);
    past->to = g_strdup(to);
    past->at_us = at_us;
    past->ours = ours;
    return past;
}

void
manager_past_free(gpointer data)
{
    ConsPast *past = data;

    g_free(past->guest);
    g_free(past->from);
    g_free(past->to);
    g_free(past);
}

void
manager_add_past(ConsManager *m, ConsPast *past)
{
    double span_s =
        MAX(3600, MAX(m->settings->cool_down_s, m->settings->no_return_s));
    int64_t before_us = past->at_us - (int64_t)(span_s * MICRO);
    guint old = 0;

    g_ptr_array_add(m->past, past);
    while (old + 1 < m->past->len &&
           (((ConsPast *)g_ptr_array_index(m->past, old))->at_us < before_us ||
            m->past->len - old > CONS_PAST_MOST)) {
        old++;
    }
    if (old > 0) {
        g_ptr_array_remove_range(m->past, 0, old);
    }
}

ConsManager *
cons_manager_new(const ConsSettings *settings, const ConsBackend *backend,
                 void *data)
{
    ConsManager *m = g_new0(ConsManager, 1);

    m->settings = settings;
    m->backend = backend;
    m->data = data;
    m->watch = cons_watch_new(settings);
    m->evacuated = g_ptr_array_new_with_free_func(g_free);
    m->asleep = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    m->past = g_ptr_array_new_with_free_func(manager_past_free);
    return m;
}

void
cons_manager_free(ConsManager *m)
{
    if (m) {
        cons_watch_free(m->watch);
        cluster_free(m->cluster);
        g_ptr_array_unref(m->evacuated);
        g_hash_table_unref(m->asleep);
        g_ptr_array_unref(m->past);
        cons_decision_free(m->decision);
        cons_carry_free(m->carry);
        g_free(m->broken);
        g_free(m);
    }
}

ConsWatch *
cons_manager_watch(ConsManager *m)
{
    return m->watch;
}

int64_t
manager_now(const ConsManager *m)
{
    return m->backend->now_us(m->data);
}

bool
manager_is_under_way(const ConsManager *m)
{
    return m->carry && !cons_carry_is_over(m->carry);
}

void
manager_look(ConsManager *m)
{
    if (m->looking) {
        m->look_again = true;
        return;
    }
    m->looking = true;
    m->look_again = false;
    m->backend->snapshot(m->data);
}

void
manager_tell(ConsManager *m, ConsTold what, const Cluster *cluster,
             JsonObject *json)
{
    if (m->backend->told) {
        m->backend->told(m->data, what, cluster, json);
    }
    jobj_unref(json);
}

void
manager_took_effect(ConsManager *m, const ConsCarry *carry, size_t index)
{
    const ConsDecision *decision = cons_carry_decision(carry);
    const ConsStep *step = cons_carry_step(carry, index);

    if (index < decision->moves->len) {
        const ConsMove *move = g_ptr_array_index(decision->moves, index);

        if (step->state == CONS_STEP_DONE) {
            manager_add_past(m, manager_past_new(move->guest, move->from,
                                                 move->to, step->ended_us,
                                                 step->why == NULL));
        } else if (step->state == CONS_STEP_FAILED) {
            /* it is not tried again at once */
            manager_add_past(m, manager_past_new(move->guest, move->from,
                                                 move->from, step->ended_us,
                                                 true));
        }
    } else if (step->state == CONS_STEP_DONE) {
        const ConsPower *power =
            g_ptr_array_index(decision->powers, index - decision->moves->len);

        if (power->on) {
            g_hash_table_remove(m->asleep, power->host);
        } else {
            g_hash_table_add(m->asleep, g_strdup(power->host));
        }
    }
}

static void
tell_step(ConsManager *m, size_t index)
{
    const ConsDecision *decision = cons_carry_decision(m->carry);
    const ConsStep *step = cons_carry_step(m->carry, index);
    JsonObject *json = json_object_new_object();

    jobj_add_string(json, "plan", decision->id);
    jobj_add_u64(json, "step", index);
    jobj_add_string(json, "state", cons_step_state_name(step->state));
    jobj_add_string(json, "why", step->why);
    jobj_add_string(json, "via", step->via);
    if (index < decision->moves->len) {
        const ConsMove *move = g_ptr_array_index(decision->moves, index);

        jobj_add_string(json, "guest", move->guest);
        jobj_add_string(json, "from", move->from);
        jobj_add_string(json, "to", move->to);
        jobj_add_string(json, "reason", move->why);
        jobj_add_double(json, "forecast_time_s", move->time_s);
        jobj_add_double(json, "forecast_downtime_s", move->downtime_s);
        jobj_add_u64(json, "forecast_bytes", move->bytes);
    } else {
        const ConsPower *power =
            g_ptr_array_index(decision->powers, index - decision->moves->len);

        jobj_add_string(json, "host", power->host);
        jobj_add_bool(json, "on", power->on);
        jobj_add_string(json, "reason", power->why);
    }
    jobj_add_double(json, "time_s", step->took_s < 0 ? NAN : step->took_s);
    jobj_add_double(json, "downtime_s",
                    step->downtime_s < 0 ? NAN : step->downtime_s);
    jobj_add_u64(json, "bytes", step->bytes);
    manager_tell(m, CONS_TOLD_STEP, NULL, json);
}

static bool
is_ended(ConsStepState state)
{
    return state == CONS_STEP_DONE || state == CONS_STEP_FAILED ||
           state == CONS_STEP_DROPPED;
}

static void
act(ConsManager *m, const ConsAction *action)
{
    const ConsDecision *d = cons_carry_decision(m->carry);
    const ConsMove *move = action->step < d->moves->len
                               ? g_ptr_array_index(d->moves, action->step)
                               : NULL;
    const ConsPower *power;

    switch (action->kind) {
    case CONS_ACTION_CHECK:
        m->backend->check(m->data, d->id, action->step, move);
        break;
    case CONS_ACTION_START:
        m->backend->start(m->data, d->id, action->step, move);
        break;
    case CONS_ACTION_ADOPT:
        m->backend->adopt(m->data, d->id, action->step, move);
        break;
    case CONS_ACTION_CANCEL:
        m->backend->cancel(m->data, d->id, action->step, move);
        break;
    case CONS_ACTION_POWER:
        power = g_ptr_array_index(d->powers, action->step - d->moves->len);
        m->backend->power(m->data, d->id, action->step, power->host, power->on);
        break;
    case CONS_ACTION_OVER:
        /* samples from before say nothing of hosts that were dealt with */
        for (guint i = 0; i < d->moves->len; i++) {
            const ConsMove *one = g_ptr_array_index(d->moves, i);

            cons_watch_relieved(m->watch, one->from);
            cons_watch_relieved(m->watch, one->to);
        }
        for (guint i = 0; i < d->powers->len; i++) {
            power = g_ptr_array_index(d->powers, i);
            cons_watch_relieved(m->watch, power->host);
        }
        m->measure = true;
        manager_look(m);
        break;
    default:
        break;
    }
}

/* Records first, each on disk before the action that follows from it. */
void
manager_flush(ConsManager *m)
{
    JsonObject *record;
    ConsAction action;

    if (!m->carry) {
        return;
    }
    while ((record = cons_carry_next_record(m->carry))) {
        uint64_t step;
        bool has_step = jobj_get_u64(record, "step", &step);

        if (!manager_write(m, record)) {
            return;
        }
        if (has_step && is_ended(cons_carry_step(m->carry, step)->state)) {
            manager_took_effect(m, m->carry, step);
            tell_step(m, step);
        }
    }
    while (cons_carry_next_action(m->carry, &action)) {
        act(m, &action);
    }
}

void
manager_begin(ConsManager *m, ConsDecision *decision)
{
    cons_carry_free(m->carry);
    m->cost_w_before = decision->cost_w_before;
    m->carry = cons_carry_new(decision, m->settings, manager_now(m));
    manager_flush(m);
}

/* Guests that are elsewhere than last time, and not by us: accepted. */
static void
notice_moves(ConsManager *m, const Cluster *cluster)
{
    for (guint g = 0; m->cluster && g < cluster->guests->len; g++) {
        const ClusterGuest *guest = cluster_guest(cluster, g);
        int32_t before = cluster_find_guest(m->cluster, guest->name);
        const char *from, *to = cluster_host(cluster, (guint)guest->host)->name;
        bool ours = false;
        JsonObject *json;

        if (before < 0 || guest->gone) {
            continue;
        }
        from =
            cluster_host(m->cluster,
                         (guint)cluster_guest(m->cluster, (guint)before)->host)
                ->name;
        if (strcmp(from, to) == 0) {
            continue;
        }
        for (guint i = m->past->len; !ours && i-- > 0;) {
            const ConsPast *past = g_ptr_array_index(m->past, i);

            if (past->at_us < m->cluster->at_us) {
                break;
            }
            ours = strcmp(past->guest, guest->name) == 0;
        }
        for (size_t i = 0; !ours && manager_is_under_way(m) &&
                           i < cons_carry_decision(m->carry)->moves->len;
             i++) {
            const ConsMove *move =
                g_ptr_array_index(cons_carry_decision(m->carry)->moves, i);
            const ConsStep *step = cons_carry_step(m->carry, i);

            ours = strcmp(move->guest, guest->name) == 0 &&
                   strcmp(move->to, to) == 0 &&
                   (step->state == CONS_STEP_STARTING ||
                    step->state == CONS_STEP_RUNNING ||
                    step->state == CONS_STEP_DONE);
        }
        if (ours) {
            continue;
        }
        manager_add_past(
            m, manager_past_new(guest->name, from, to, cluster->at_us, false));
        json = manager_record("moved", cluster->at_us);
        jobj_add_string(json, "guest", guest->name);
        jobj_add_string(json, "from", from);
        jobj_add_string(json, "to", to);
        jobj_add_bool(json, "ours", false);
        manager_write(m, json);
    }
}

static void
take_snapshot(ConsManager *m, Cluster *cluster)
{
    for (guint h = 0; h < cluster->hosts->len; h++) {
        ClusterHost *host = cluster_host(cluster, h);

        if (!g_hash_table_contains(m->asleep, host->name)) {
            continue;
        }
        if (host->state == CLUSTER_HOST_UP && !manager_is_under_way(m)) {
            /* somebody else woke it */
            JsonObject *json = manager_record("awake", cluster->at_us);

            jobj_add_string(json, "host", host->name);
            manager_write(m, json);
            g_hash_table_remove(m->asleep, host->name);
        } else if (host->state != CLUSTER_HOST_UP) {
            host->state = CLUSTER_HOST_ASLEEP;
        }
    }
    notice_moves(m, cluster);
    cons_watch_observe(m->watch, cluster);
    cluster_free(m->cluster);
    m->cluster = cluster;
    if (m->backend->told) {
        m->backend->told(m->data, CONS_TOLD_CLUSTER, cluster, NULL);
    }
    if (m->reconcile) {
        m->reconcile = false;
        cons_carry_reconcile(m->carry, cluster, manager_now(m));
        manager_flush(m);
    } else if (manager_is_under_way(m)) {
        cons_carry_observe(m->carry, cluster, manager_now(m));
        manager_give_way(m);
        manager_flush(m);
    }
    if (m->measure && !manager_is_under_way(m)) {
        manager_tell_over(m);
    }
    if (!manager_is_under_way(m) && !m->broken &&
        (!m->paused || m->requested)) {
        manager_decide(m);
    }
}

static bool
is_of_plan(const ConsManager *m, const ConsEvent *event)
{
    return m->carry && !m->reconcile && event->plan &&
           strcmp(event->plan, cons_carry_decision(m->carry)->id) == 0;
}

/* Looks keep their pace, whatever looks a plan's end or an operator asks for in
 * between; one that would follow too closely to tell a load is left out. */
static int64_t
next_look_us(const ConsManager *m, int64_t now_us)
{
    int64_t cycle_us = MAX(1, (int64_t)(m->settings->cycle_s * MICRO));
    int64_t next_us =
        m->started_us + ((now_us - m->started_us) / cycle_us + 1) * cycle_us;

    if (next_us - now_us < MIN(cycle_us / 2, CLOSE_US)) {
        next_us += cycle_us;
    }
    return next_us;
}

void
cons_manager_event(ConsManager *m, ConsEvent *event)
{
    int64_t now_us = manager_now(m);
    const char *why = event->text ? event->text : "no reason given";

    switch (event->kind) {
    case CONS_EVENT_SNAPSHOT:
        m->looking = false;
        if (event->cluster) {
            take_snapshot(m, g_steal_pointer(&event->cluster));
        }
        m->backend->wake_at(m->data, next_look_us(m, now_us));
        if (m->look_again) {
            manager_look(m);
        }
        break;
    case CONS_EVENT_TIME:
        manager_look(m);
        break;
    case CONS_EVENT_CHECKED:
        if (is_of_plan(m, event)) {
            cons_carry_checked(m->carry, event->step, event->text, now_us);
        }
        break;
    case CONS_EVENT_STARTED:
        if (is_of_plan(m, event)) {
            cons_carry_started(m->carry, event->step, event->text, now_us);
        }
        break;
    case CONS_EVENT_PROGRESS:
        if (is_of_plan(m, event)) {
            cons_carry_progress(m->carry, event->step, event->progress,
                                event->bytes, event->left_s, now_us);
        }
        break;
    case CONS_EVENT_DONE:
        if (is_of_plan(m, event)) {
            cons_carry_done(m->carry, event->step, event->took_s,
                            event->downtime_s, event->bytes, now_us);
        }
        break;
    case CONS_EVENT_FAILED:
        if (is_of_plan(m, event)) {
            cons_carry_failed(m->carry, event->step, why, now_us);
        }
        break;
    default:
        g_assert_not_reached();
    }
    manager_flush(m);
    cons_event_free(event);
}

void
cons_manager_start(ConsManager *m)
{
    g_assert(!m->started);
    m->started = true;
    m->started_us = manager_now(m);
    manager_look(m);
}

bool
cons_manager_idle(const ConsManager *m)
{
    return !manager_is_under_way(m) && !m->looking;
}

const Cluster *
cons_manager_cluster(const ConsManager *m)
{
    return m->cluster;
}

const ConsDecision *
cons_manager_decision(const ConsManager *m)
{
    return m->decision;
}

const ConsCarry *
cons_manager_carry(const ConsManager *m)
{
    return m->carry;
}
