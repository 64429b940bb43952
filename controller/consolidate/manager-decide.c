/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manager-decide.c - from what is the matter to a plan, and what it brought
 */
#include <string.h>

#include "consolidate/manager-priv.h"
#include "consolidate/problem.h"
#include "consolidate/watch-priv.h"

#define MICRO 1e6

ConsDecision *
manager_copy_decision(const ConsDecision *decision)
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

void
manager_decide(ConsManager *m)
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
    manager_tell(m, CONS_TOLD_DECISION, NULL, json);
    cons_decision_free(m->decision);
    m->decision = decision;
    if (will) {
        manager_begin(m, manager_copy_decision(decision));
    }
}

/* What the plan brought, as far as the next look at the hosts tells. */
void
manager_tell_over(ConsManager *m)
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
    manager_tell(m, CONS_TOLD_OVER, NULL, json);
}

/* A plan that only saves gives way to what has to be mended: what runs ends,
 * and the rest is thought over then. */
void
manager_give_way(ConsManager *m)
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

            cons_carry_stop(m->carry, why, false, manager_now(m));
            return;
        }
    }
}
