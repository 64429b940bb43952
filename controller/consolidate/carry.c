/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * carry.c - see carry.h
 *
 * Whatever happens to a step goes through carry_enter(), which writes the record; what
 * follows from all states together is found by carry_pump(), called after each event.
 */
#include "consolidate/carry-priv.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"

#define MICRO 1e6
/* A move is no surprise before it is so much later than forecast. */
#define LATE_S 30

const char *
cons_step_state_name(ConsStepState state)
{
    static const char *const names[] = {
        "waiting", "checking", "starting", "running",
        "done",    "failed",   "dropped",
    };

    G_STATIC_ASSERT(G_N_ELEMENTS(names) == CONS_N_STEP_STATES);
    return names[state];
}

static const unsigned may_enter[CONS_N_STEP_STATES] = {
    /* a power command is not checked before */
    [CONS_STEP_WAITING] =
        CARRY_BIT(CONS_STEP_CHECKING) | CARRY_BIT(CONS_STEP_STARTING) |
        CARRY_BIT(CONS_STEP_DROPPED) | CARRY_BIT(CONS_STEP_DONE),
    [CONS_STEP_CHECKING] =
        CARRY_BIT(CONS_STEP_STARTING) | CARRY_BIT(CONS_STEP_WAITING) |
        CARRY_BIT(CONS_STEP_DROPPED) | CARRY_BIT(CONS_STEP_FAILED) |
        CARRY_BIT(CONS_STEP_DONE),
    [CONS_STEP_STARTING] =
        CARRY_BIT(CONS_STEP_RUNNING) | CARRY_BIT(CONS_STEP_WAITING) |
        CARRY_BIT(CONS_STEP_DONE) | CARRY_BIT(CONS_STEP_FAILED) |
        CARRY_BIT(CONS_STEP_DROPPED),
    [CONS_STEP_RUNNING] =
        CARRY_BIT(CONS_STEP_DONE) | CARRY_BIT(CONS_STEP_FAILED) |
        CARRY_BIT(CONS_STEP_WAITING) | CARRY_BIT(CONS_STEP_DROPPED),
};

const ConsMove *
carry_move(const ConsCarry *c, size_t step)
{
    g_assert(step < c->n_moves);
    return g_ptr_array_index(c->decision->moves, step);
}

const ConsPower *
carry_power(const ConsCarry *c, size_t step)
{
    g_assert(step >= c->n_moves && step < c->n_steps);
    return g_ptr_array_index(c->decision->powers, step - c->n_moves);
}

static void
record(ConsCarry *c, JsonObject *json, const char *what, int64_t now_us)
{
    g_autofree char *at = clock_format_utc(now_us);

    jobj_add_string(json, "what", what);
    jobj_add_string(json, "at", at);
    jobj_add_string(json, "plan", c->decision->id);
    g_queue_push_tail(&c->records, json);
}

void
carry_act(ConsCarry *c, ConsActionKind kind, size_t step)
{
    ConsAction *action = g_new(ConsAction, 1);

    action->kind = kind;
    action->step = step;
    g_queue_push_tail(&c->actions, action);
}

bool
carry_is_ended(const ConsStep *step)
{
    return step->state == CONS_STEP_DONE || step->state == CONS_STEP_FAILED ||
           step->state == CONS_STEP_DROPPED;
}

/* The one place where a step changes state. */
void
carry_enter(ConsCarry *c, size_t index, ConsStepState next, const char *why,
            int64_t now_us)
{
    ConsStep *step = &c->steps[index];
    JsonObject *json = json_object_new_object();

    g_assert(may_enter[step->state] & CARRY_BIT(next));
    step->state = next;
    g_free(step->why);
    step->why = g_strdup(why);
    if (next == CONS_STEP_STARTING) {
        step->started_us = now_us;
    }
    if (carry_is_ended(step)) {
        step->ended_us = now_us;
    }
    if (next == CONS_STEP_CHECKING) {
        json_object_put(json); /* nothing that a successor had to know */
        return;
    }
    jobj_add_u64(json, "step", index);
    jobj_add_string(json, "state", cons_step_state_name(next));
    if (why) {
        jobj_add_string(json, "why", why);
    }
    if (next == CONS_STEP_RUNNING && step->via) {
        jobj_add_string(json, "via", step->via);
    }
    if (next == CONS_STEP_DONE) {
        jobj_add_double(json, "took_s", step->took_s);
        jobj_add_double(json, "downtime_s", step->downtime_s);
        jobj_add_u64(json, "bytes", step->bytes);
    }
    record(c, json, "step", now_us);
}

/* A guest that makes a stop on the way has two moves. */
static void
find_legs(ConsCarry *c)
{
    g_autoptr(GHashTable) last = g_hash_table_new(g_str_hash, g_str_equal);

    for (size_t i = 0; i < c->n_steps; i++) {
        c->leg[i] = -1;
        if (i < c->n_moves) {
            char *guest = carry_move(c, i)->guest;
            gpointer before = g_hash_table_lookup(last, guest);

            c->leg[i] = before ? GPOINTER_TO_INT(before) - 1 : -1;
            g_hash_table_insert(last, guest, GINT_TO_POINTER((int)i + 1));
        }
    }
}

ConsCarry *
carry_new(ConsDecision *decision, const ConsSettings *settings)
{
    ConsCarry *c = g_new0(ConsCarry, 1);

    c->settings = settings;
    c->decision = decision;
    c->n_moves = decision->moves->len;
    c->n_steps = c->n_moves + decision->powers->len;
    c->steps = g_new0(ConsStep, c->n_steps + 1);
    c->leg = g_new(int32_t, c->n_steps + 1);
    find_legs(c);
    carry_number_hosts(c);
    g_queue_init(&c->records);
    g_queue_init(&c->actions);
    for (size_t i = 0; i < c->n_steps; i++) {
        c->steps[i].took_s = c->steps[i].downtime_s = -1;
        c->steps[i].left_s = -1;
    }
    return c;
}

void
cons_carry_free(ConsCarry *c)
{
    if (!c) {
        return;
    }
    for (size_t i = 0; i < c->n_steps; i++) {
        g_free(c->steps[i].why);
        g_free(c->steps[i].via);
    }
    g_free(c->steps);
    g_free(c->leg);
    g_free(c->from);
    g_free(c->to);
    g_free(c->link_bytes_s);
    g_queue_clear_full(&c->records, (GDestroyNotify)jobj_unref);
    g_queue_clear_full(&c->actions, g_free);
    cons_decision_free(c->decision);
    g_free(c->stopped);
    g_free(c);
}

void
carry_stop(ConsCarry *c, const char *why, int64_t now_us)
{
    JsonObject *json;

    if (c->stopped || c->over) {
        return;
    }
    c->stopped = g_strdup(why);
    json = json_object_new_object();
    jobj_add_string(json, "why", why);
    record(c, json, "stopped", now_us);
}

static const GArray *
after_of(const ConsCarry *c, size_t step)
{
    return step < c->n_moves ? carry_move(c, step)->after
                             : carry_power(c, step)->after;
}

static bool
in_time(const ConsSettings *s, int64_t now_us)
{
    int minute = (int)(now_us / 60000000 % (24 * 60));

    for (guint i = 0; i < s->open_minutes->len; i++) {
        const int *span = (const int *)(const void *)(s->open_minutes->data +
                                                      i * 2 * sizeof(int));

        if (span[0] <= span[1] ? minute >= span[0] && minute < span[1]
                               : minute >= span[0] || minute < span[1]) {
            return true;
        }
    }
    return s->open_minutes->len == 0;
}

/* Steps that counted on one that will not be done. */
static void
drop_followers(ConsCarry *c, int64_t now_us)
{
    bool changed = true;

    while (changed) {
        changed = false;
        for (size_t i = 0; i < c->n_steps; i++) {
            const GArray *after = after_of(c, i);
            bool lost = false;

            for (guint k = 0; k < after->len; k++) {
                ConsStepState state =
                    c->steps[g_array_index(after, guint, k)].state;

                lost = lost || state == CONS_STEP_FAILED ||
                       state == CONS_STEP_DROPPED;
            }
            if (c->leg[i] >= 0) {
                ConsStepState state = c->steps[c->leg[i]].state;

                lost = lost || state == CONS_STEP_FAILED ||
                       state == CONS_STEP_DROPPED;
            }
            if (lost && c->steps[i].state == CONS_STEP_WAITING) {
                carry_enter(c, i, CONS_STEP_DROPPED,
                            "a step that has to be done before was not",
                            now_us);
                changed = true;
            }
        }
    }
}

static bool
is_ready(const ConsCarry *c, size_t step)
{
    const GArray *after = after_of(c, step);

    for (guint i = 0; i < after->len; i++) {
        if (c->steps[g_array_index(after, guint, i)].state != CONS_STEP_DONE) {
            return false;
        }
    }
    return c->leg[step] < 0 || c->steps[c->leg[step]].state == CONS_STEP_DONE;
}

void
carry_pump(ConsCarry *c, int64_t now_us)
{
    g_autofree CarryUse *use = NULL;
    size_t n_open = 0;

    if (c->over || c->unsure) {
        return;
    }
    drop_followers(c, now_us);
    use = carry_use(c, now_us);
    for (size_t i = 0; i < c->n_steps; i++) {
        ConsStep *step = &c->steps[i];

        if (step->state == CONS_STEP_WAITING && c->stopped) {
            carry_enter(c, i, CONS_STEP_DROPPED, "the plan was stopped",
                        now_us);
        }
        if (step->state == CONS_STEP_WAITING && is_ready(c, i) &&
            in_time(c->settings, now_us)) {
            if (i >= c->n_moves) {
                carry_enter(c, i, CONS_STEP_STARTING, NULL, now_us);
                carry_act(c, CONS_ACTION_POWER, i);
            } else if (carry_links_allow(c, use, i)) {
                carry_use_add(c, use, i, false);
                carry_enter(c, i, CONS_STEP_CHECKING, NULL, now_us);
                carry_act(c, CONS_ACTION_CHECK, i);
            }
        }
        n_open += !carry_is_ended(step);
    }
    if (n_open == 0) {
        JsonObject *json = json_object_new_object();

        if (c->stopped) {
            jobj_add_string(json, "why", c->stopped);
        }
        c->over = true;
        record(c, json, "over", now_us);
        carry_act(c, CONS_ACTION_OVER, 0);
    }
}

ConsCarry *
cons_carry_new(ConsDecision *decision, const ConsSettings *settings,
               int64_t now_us)
{
    ConsCarry *c = carry_new(decision, settings);
    JsonObject *json = json_object_new_object();

    jobj_add(json, "decision", cons_decision_to_json(decision));
    record(c, json, "plan", now_us);
    carry_pump(c, now_us);
    return c;
}

static ConsStep *
step_in(ConsCarry *c, size_t step, unsigned states)
{
    return step < c->n_steps && (CARRY_BIT(c->steps[step].state) & states) &&
                   !c->unsure
               ? &c->steps[step]
               : NULL;
}

void
cons_carry_checked(ConsCarry *c, size_t step, const char *refused,
                   int64_t now_us)
{
    if (!step_in(c, step, CARRY_BIT(CONS_STEP_CHECKING))) {
        return;
    }
    if (refused) {
        g_autofree char *why =
            g_strdup_printf("%s: %s", carry_move(c, step)->guest, refused);

        carry_enter(c, step, CONS_STEP_DROPPED, refused, now_us);
        carry_stop(c, why, now_us);
    } else if (c->stopped) {
        carry_enter(c, step, CONS_STEP_DROPPED, "the plan was stopped", now_us);
    } else {
        carry_enter(c, step, CONS_STEP_STARTING, NULL, now_us);
        carry_act(c, CONS_ACTION_START, step);
    }
    carry_pump(c, now_us);
}

void
cons_carry_started(ConsCarry *c, size_t step, const char *via, int64_t now_us)
{
    ConsStep *s = step_in(c, step, CARRY_BIT(CONS_STEP_STARTING));

    if (s) {
        if (via) { /* what it has waited there is not the migration's */
            g_free(s->via);
            s->via = g_strdup(via);
            s->started_us = now_us;
        }
        carry_enter(c, step, CONS_STEP_RUNNING, NULL, now_us);
        carry_pump(c, now_us);
    }
}

/* A move that takes much longer than was forecast: what follows was planned
 * for another network. */
void
carry_look_if_late(ConsCarry *c, size_t step, double took_s, int64_t now_us)
{
    double forecast_s = step < c->n_moves ? carry_move(c, step)->time_s : 0;
    double factor = c->settings->surprise;

    if (forecast_s > 0 && factor > 0 && took_s > factor * forecast_s &&
        took_s > forecast_s + LATE_S) {
        g_autofree char *why = g_strdup_printf(
            "%s: %.0f s instead of the %.0f s forecast, more than %.3g times",
            carry_move(c, step)->guest, took_s, forecast_s, factor);

        carry_stop(c, why, now_us);
    }
}

void
cons_carry_progress(ConsCarry *c, size_t step, double progress, uint64_t bytes,
                    double left_s, int64_t now_us)
{
    ConsStep *s = step_in(
        c, step, CARRY_BIT(CONS_STEP_STARTING) | CARRY_BIT(CONS_STEP_RUNNING));

    if (!s) {
        return;
    }
    s->progress = progress;
    s->bytes = bytes;
    s->left_s = left_s;
    if (s->started_us > 0) {
        carry_look_if_late(c, step, (double)(now_us - s->started_us) / MICRO,
                           now_us);
    }
    carry_pump(c, now_us);
}

void
cons_carry_done(ConsCarry *c, size_t step, double took_s, double downtime_s,
                uint64_t bytes, int64_t now_us)
{
    ConsStep *s = step_in(
        c, step, CARRY_BIT(CONS_STEP_STARTING) | CARRY_BIT(CONS_STEP_RUNNING));

    if (!s) {
        return;
    }
    s->took_s = took_s;
    s->downtime_s = downtime_s;
    s->bytes = bytes;
    s->progress = 1;
    carry_enter(c, step, CONS_STEP_DONE, NULL, now_us);
    carry_look_if_late(c, step, took_s, now_us);
    carry_pump(c, now_us);
}

void
cons_carry_failed(ConsCarry *c, size_t step, const char *why, int64_t now_us)
{
    g_autofree char *text = NULL;

    if (!step_in(c, step,
                 CARRY_BIT(CONS_STEP_STARTING) |
                     CARRY_BIT(CONS_STEP_RUNNING))) {
        return;
    }
    text = g_strdup_printf("%s: %s",
                           step < c->n_moves ? carry_move(c, step)->guest
                                             : carry_power(c, step)->host,
                           why);
    carry_enter(c, step, CONS_STEP_FAILED, why, now_us);
    carry_stop(c, text, now_us);
    carry_pump(c, now_us);
}

void
cons_carry_stop(ConsCarry *c, const char *why, bool cancel, int64_t now_us)
{
    carry_stop(c, why, now_us);
    for (size_t i = 0; cancel && i < c->n_moves; i++) {
        if (c->steps[i].state == CONS_STEP_STARTING ||
            c->steps[i].state == CONS_STEP_RUNNING) {
            carry_act(c, CONS_ACTION_CANCEL, i);
        }
    }
    carry_pump(c, now_us);
}

JsonObject *
cons_carry_next_record(ConsCarry *c)
{
    return g_queue_pop_head(&c->records);
}

bool
cons_carry_next_action(ConsCarry *c, ConsAction *action)
{
    g_autofree ConsAction *next = g_queue_pop_head(&c->actions);

    if (next) {
        *action = *next;
    }
    return next != NULL;
}

const ConsDecision *
cons_carry_decision(const ConsCarry *c)
{
    return c->decision;
}

size_t
cons_carry_steps(const ConsCarry *c)
{
    return c->n_steps;
}

const ConsStep *
cons_carry_step(const ConsCarry *c, size_t step)
{
    g_assert(step < c->n_steps);
    return &c->steps[step];
}

bool
cons_carry_is_over(const ConsCarry *c)
{
    return c->over;
}

const char *
cons_carry_stopped(const ConsCarry *c)
{
    return c->stopped;
}

JsonObject *
cons_carry_to_json(const ConsCarry *c)
{
    JsonObject *json = json_object_new_object();
    JsonObject *steps = json_object_new_array();

    jobj_add(json, "plan", cons_decision_to_json(c->decision));
    for (size_t i = 0; i < c->n_steps; i++) {
        const ConsStep *step = &c->steps[i];
        JsonObject *one = json_object_new_object();
        g_autofree char *from =
            step->started_us ? clock_format_utc(step->started_us) : NULL;
        g_autofree char *to =
            step->ended_us ? clock_format_utc(step->ended_us) : NULL;

        jobj_add_string(one, "state", cons_step_state_name(step->state));
        jobj_add_string(one, "why", step->why);
        jobj_add_string(one, "via", step->via);
        jobj_add_string(one, "started", from);
        jobj_add_string(one, "ended", to);
        jobj_add_double(one, "progress", step->progress);
        jobj_add_double(one, "took_s", step->took_s < 0 ? NAN : step->took_s);
        jobj_add_double(one, "downtime_s",
                        step->downtime_s < 0 ? NAN : step->downtime_s);
        jobj_add_u64(one, "bytes", step->bytes);
        json_object_array_add(steps, one);
    }
    jobj_add(json, "steps", steps);
    jobj_add_bool(json, "over", c->over);
    jobj_add_string(json, "stopped", c->stopped);
    return json;
}
