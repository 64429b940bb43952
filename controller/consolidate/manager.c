/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manager.c - see manager.h
 */
#include "consolidate/manager-priv.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "consolidate/problem.h"
#include "consolidate/watch-priv.h"

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

static int64_t
now(const ConsManager *m)
{
    return m->backend->now_us(m->data);
}

static bool
under_way(const ConsManager *m)
{
    return m->carry && !cons_carry_is_over(m->carry);
}

static void
look(ConsManager *m)
{
    if (m->looking) {
        m->look_again = true;
        return;
    }
    m->looking = true;
    m->look_again = false;
    m->backend->snapshot(m->data);
}

static void
tell(ConsManager *m, ConsTold what, const Cluster *cluster, JsonObject *json)
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
    tell(m, CONS_TOLD_STEP, NULL, json);
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
        look(m);
        break;
    default:
        break;
    }
}

/* Records first, each on disk before the action that follows from it. */
static void
flush(ConsManager *m)
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

static void
begin(ConsManager *m, ConsDecision *decision)
{
    cons_carry_free(m->carry);
    m->cost_w_before = decision->cost_w_before;
    m->carry = cons_carry_new(decision, m->settings, now(m));
    flush(m);
}

static ConsDecision *
copy_decision(const ConsDecision *decision)
{
    g_autoptr(JsonObject) json = cons_decision_to_json(decision);

    return cons_decision_from_json(json, NULL);
}

/* Would it be told the same as last time? */
static bool
is_news(const ConsDecision *old, const ConsDecision *decision)
{
    if (!old) {
        return !cons_decision_is_empty(decision) || decision->refusals->len > 0;
    }
    if (old->moves->len != decision->moves->len ||
        old->powers->len != decision->powers->len ||
        old->refusals->len != decision->refusals->len) {
        return true;
    }
    for (guint i = 0; i < old->moves->len; i++) {
        const ConsMove *a = g_ptr_array_index(old->moves, i);
        const ConsMove *b = g_ptr_array_index(decision->moves, i);

        if (strcmp(a->guest, b->guest) != 0 || strcmp(a->to, b->to) != 0 ||
            strcmp(a->from, b->from) != 0) {
            return true;
        }
    }
    for (guint i = 0; i < old->powers->len; i++) {
        const ConsPower *a = g_ptr_array_index(old->powers, i);
        const ConsPower *b = g_ptr_array_index(decision->powers, i);

        if (strcmp(a->host, b->host) != 0 || a->on != b->on) {
            return true;
        }
    }
    for (guint i = 0; i < old->refusals->len; i++) {
        const ConsRefusal *a = g_ptr_array_index(old->refusals, i);
        const ConsRefusal *b = g_ptr_array_index(decision->refusals, i);

        if (strcmp(a->subject, b->subject) != 0) {
            return true;
        }
    }
    return false;
}

static void
add_trigger(GPtrArray *triggers, ConsTriggerKind kind, int32_t host, char *text)
{
    g_ptr_array_add(triggers, cons_trigger_new(kind, host, text));
    g_free(text);
}

static ConsQuestion
question_of(const ConsManager *m, const GPtrArray *triggers,
            const char *const *evacuated)
{
    return (ConsQuestion){
        .settings = m->settings,
        .cluster = m->cluster,
        .watch = m->watch,
        .triggers = triggers,
        .past = m->past,
        .evacuated = evacuated,
        .solver = m->backend->solver,
        .solver_data = m->backend->solver_data,
        .partition = m->backend->partition,
    };
}

/* Hosts that have to get empty and are not. */
static void
add_evacuations(const ConsManager *m, GPtrArray *triggers)
{
    for (guint i = 0; i < m->evacuated->len; i++) {
        const char *name = g_ptr_array_index(m->evacuated, i);
        int32_t host = cluster_find_host(m->cluster, name);
        size_t n = 0;

        for (guint g = 0; g < m->cluster->guests->len; g++) {
            const ClusterGuest *guest = cluster_guest(m->cluster, g);

            n += guest->host == host && !guest->gone;
        }
        if (host >= 0 && n > 0 &&
            cluster_host(m->cluster, (guint)host)->state == CLUSTER_HOST_UP) {
            add_trigger(triggers, CONS_TRIGGER_EVACUATE, host,
                        g_strdup_printf("host %s is to be evacuated, %zu "
                                        "guests are still on it",
                                        name, n));
        }
    }
}

static void
decide(ConsManager *m)
{
    g_autoptr(GPtrArray) triggers = cons_watch_triggers(m->watch, m->cluster);
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    ConsQuestion question;
    ConsDecision *decision;
    JsonObject *json;
    bool evacuates, requested = m->requested, news, will;
    bool matters = false;

    for (guint i = 0; i < m->evacuated->len; i++) {
        g_ptr_array_add(names, g_ptr_array_index(m->evacuated, i));
    }
    g_ptr_array_add(names, NULL);
    question = question_of(m, triggers, (const char *const *)names->pdata);
    add_evacuations(m, triggers);
    evacuates =
        triggers->len > 0 &&
        ((ConsTrigger *)g_ptr_array_index(triggers, triggers->len - 1))->kind ==
            CONS_TRIGGER_EVACUATE;
    if (m->settings->constraints) {
        char *broken = problem_broken(&question);

        if (broken) {
            add_trigger(triggers, CONS_TRIGGER_CONSTRAINTS, -1, broken);
        }
    }
    if (requested) {
        add_trigger(triggers, CONS_TRIGGER_REQUEST, -1,
                    g_strdup("an operator asked for a plan"));
    }
    m->requested = false;
    if (triggers->len == 0) {
        return;
    }
    /* what an operator approved by asking for it waits for nothing else */
    for (guint i = triggers->len;
         evacuates && m->settings->mode == CONS_MODE_APPROVE && i-- > 0;) {
        const ConsTrigger *trigger = g_ptr_array_index(triggers, i);

        if (trigger->kind != CONS_TRIGGER_EVACUATE) {
            g_ptr_array_remove_index(triggers, i);
        }
    }
    decision = cons_decide(&question);
    for (guint i = 0; i < triggers->len; i++) {
        const ConsTrigger *trigger = g_ptr_array_index(triggers, i);

        if (trigger->kind == CONS_TRIGGER_FAR_TRAFFIC) {
            cons_watch_far_done(m->watch, m->cluster->at_us);
        }
    }
    will = !cons_decision_is_empty(decision) &&
           (m->settings->mode == CONS_MODE_AUTO ||
            (m->settings->mode == CONS_MODE_APPROVE && evacuates));
    /* that a host is not worth emptying is no news, cycle after cycle */
    for (guint i = 0; i < triggers->len; i++) {
        matters =
            matters || ((ConsTrigger *)g_ptr_array_index(triggers, i))->kind !=
                           CONS_TRIGGER_UNDERLOADED;
    }
    news = requested || will ||
           ((matters || !cons_decision_is_empty(decision)) &&
            is_news(m->decision, decision));
    if (!news) {
        cons_decision_free(decision);
        return;
    }
    json = cons_decision_to_json(decision);
    jobj_add_string(json, "mode", cons_mode_name(m->settings->mode));
    jobj_add_bool(json, "will", will);
    tell(m, CONS_TOLD_DECISION, NULL, json);
    cons_decision_free(m->decision);
    m->decision = decision;
    if (will) {
        begin(m, copy_decision(decision));
    }
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
        for (size_t i = 0; !ours && under_way(m) &&
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

/* What the plan brought, as far as the next look at the hosts tells. */
static void
tell_over(ConsManager *m)
{
    ConsQuestion question = question_of(m, NULL, NULL);
    ProblemQuery query = { .question = &question,
                           .aim = PROBLEM_JUDGE,
                           .returns = true };
    g_autoptr(Problem) p = problem_new(&query, NULL);
    JsonObject *json = cons_carry_to_json(m->carry);
    const ConsDecision *d = cons_carry_decision(m->carry);

    m->measure = false;
    if (p) {
        g_autoptr(PlanState) state = plan_state_new(p->model, NULL);
        double cost_w = 0;

        for (size_t i = 0; i < plan_state_terms(state); i++) {
            bool hard;
            int64_t value;

            plan_state_term(state, i, &hard, &value);
            cost_w += hard ? 0 : (double)value / MICRO;
        }
        jobj_add_double(json, "brought_w", d->cost_w_before - cost_w);
    }
    jobj_add_double(json, "far_bytes_s", cons_cluster_far(m->cluster, NULL));
    tell(m, CONS_TOLD_OVER, NULL, json);
}

/* A plan that only saves gives way to what has to be mended: what runs ends,
 * and the rest is thought over then. */
static void
give_way(ConsManager *m)
{
    const ConsDecision *d = cons_carry_decision(m->carry);
    g_autoptr(GPtrArray) triggers = NULL;

    for (guint i = 0; i < d->moves->len; i++) {
        const ConsMove *move = g_ptr_array_index(d->moves, i);

        if (move->kind != CONS_TRIGGER_UNDERLOADED &&
            move->kind != CONS_TRIGGER_FAR_TRAFFIC) {
            return;
        }
    }
    if (m->settings->mode != CONS_MODE_AUTO || d->moves->len == 0 ||
        cons_carry_stopped(m->carry)) {
        return;
    }
    triggers = cons_watch_triggers(m->watch, m->cluster);
    for (guint i = 0; i < triggers->len; i++) {
        const ConsTrigger *trigger = g_ptr_array_index(triggers, i);

        if (trigger->kind == CONS_TRIGGER_OVERLOADED) {
            g_autofree char *why = g_strdup_printf(
                "it only saves, and something has to be mended first: %s",
                trigger->text);

            cons_carry_stop(m->carry, why, false, now(m));
            return;
        }
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
        if (host->state == CLUSTER_HOST_UP && !under_way(m)) {
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
        cons_carry_reconcile(m->carry, cluster, now(m));
        flush(m);
    } else if (under_way(m)) {
        cons_carry_observe(m->carry, cluster, now(m));
        give_way(m);
        flush(m);
    }
    if (m->measure && !under_way(m)) {
        tell_over(m);
    }
    if (!under_way(m) && !m->broken && (!m->paused || m->requested)) {
        decide(m);
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
    int64_t now_us = now(m);
    const char *why = event->text ? event->text : "no reason given";

    switch (event->kind) {
    case CONS_EVENT_SNAPSHOT:
        m->looking = false;
        if (event->cluster) {
            take_snapshot(m, g_steal_pointer(&event->cluster));
        }
        m->backend->wake_at(m->data, next_look_us(m, now_us));
        if (m->look_again) {
            look(m);
        }
        break;
    case CONS_EVENT_TIME:
        look(m);
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
    flush(m);
    cons_event_free(event);
}

void
cons_manager_start(ConsManager *m)
{
    g_assert(!m->started);
    m->started = true;
    m->started_us = now(m);
    look(m);
}

static bool
can(const ConsManager *m, GError **error)
{
    if (m->broken) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_STATE, "%s", m->broken);
    }
    return !m->broken;
}

bool
cons_manager_request(ConsManager *m, GError **error)
{
    if (!can(m, error)) {
        return false;
    }
    if (under_way(m)) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_STATE,
                    "plan %s is on its way; pause stops it",
                    cons_carry_decision(m->carry)->id);
        return false;
    }
    m->requested = true;
    look(m);
    return true;
}

static bool
write_host(ConsManager *m, const char *what, const char *host, GError **error)
{
    JsonObject *json = manager_record(what, now(m));

    if (host) {
        jobj_add_string(json, "host", host);
    }
    return manager_write(m, json) || can(m, error);
}

bool
cons_manager_evacuate(ConsManager *m, const char *host, GError **error)
{
    if (!can(m, error)) {
        return false;
    }
    if (!cons_settings_host(m->settings, host)) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_UNKNOWN,
                    "there is no host \"%s\" in the configuration", host);
        return false;
    }
    if (!g_ptr_array_find_with_equal_func(m->evacuated, host, g_str_equal,
                                          NULL)) {
        if (!write_host(m, "evacuate", host, error)) {
            return false;
        }
        g_ptr_array_add(m->evacuated, g_strdup(host));
    }
    look(m);
    return true;
}

bool
cons_manager_release(ConsManager *m, const char *host, GError **error)
{
    guint at;

    if (!can(m, error)) {
        return false;
    }
    if (!g_ptr_array_find_with_equal_func(m->evacuated, host, g_str_equal,
                                          &at)) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_UNKNOWN,
                    "host \"%s\" is not evacuated", host);
        return false;
    }
    if (!write_host(m, "release", host, error)) {
        return false;
    }
    g_ptr_array_remove_index(m->evacuated, at);
    look(m);
    return true;
}

bool
cons_manager_apply(ConsManager *m, const char *id, GError **error)
{
    if (!can(m, error)) {
        return false;
    }
    if (under_way(m)) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_STATE,
                    "plan %s is on its way already",
                    cons_carry_decision(m->carry)->id);
        return false;
    }
    if (!m->decision || (id && strcmp(id, m->decision->id) != 0)) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_UNKNOWN,
                    "there is no plan %s; ask for one",
                    id ? id : "to carry out");
        return false;
    }
    if (cons_decision_is_empty(m->decision)) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_STATE,
                    "plan %s has nothing to carry out: %s", m->decision->id,
                    m->decision->summary);
        return false;
    }
    for (guint i = 0; i < m->decision->moves->len; i++) {
        const ConsMove *move = g_ptr_array_index(m->decision->moves, i);
        int32_t guest = cluster_find_guest(m->cluster, move->guest);
        bool first = true;
        const char *host;

        for (guint k = 0; k < i; k++) {
            const ConsMove *other = g_ptr_array_index(m->decision->moves, k);

            first = first && strcmp(other->guest, move->guest) != 0;
        }
        host = guest < 0
                   ? "nowhere"
                   : cluster_host(
                         m->cluster,
                         (guint)cluster_guest(m->cluster, (guint)guest)->host)
                         ->name;
        if (first && strcmp(host, move->from) != 0) {
            g_set_error(error, CONS_ERROR, CONS_ERROR_STATE,
                        "plan %s is out of date: guest %s is on %s, not %s; "
                        "ask for a new one",
                        m->decision->id, move->guest, host, move->from);
            return false;
        }
    }
    begin(m, copy_decision(m->decision));
    return can(m, error);
}

bool
cons_manager_pause(ConsManager *m, GError **error)
{
    if (!can(m, error) ||
        (!m->paused && !write_host(m, "pause", NULL, error))) {
        return false;
    }
    m->paused = true;
    if (under_way(m) && !m->reconcile) {
        cons_carry_stop(m->carry, "paused by an operator", false, now(m));
        flush(m);
    }
    return true;
}

bool
cons_manager_resume(ConsManager *m, GError **error)
{
    if (!can(m, error) ||
        (m->paused && !write_host(m, "resume", NULL, error))) {
        return false;
    }
    m->paused = false;
    look(m);
    return true;
}

bool
cons_manager_idle(const ConsManager *m)
{
    return !under_way(m) && !m->looking;
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
