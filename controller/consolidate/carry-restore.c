/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * carry-restore.c - a plan on its way, out of the records of a journal
 */
#include <string.h>

#include "base/clock.h"
#include "consolidate/carry-priv.h"

/* The state that a record tells; those of a running step need no order. */
static bool
replay_step(ConsCarry *c, JsonObject *json, GError **error)
{
    uint64_t index;
    const char *name, *why = NULL, *at = NULL, *via = NULL;
    int64_t at_us = 0;
    ConsStep *step;
    int state = 0;

    if (!jobj_get_u64(json, "step", &index) || index >= c->n_steps ||
        !jobj_get_string(json, "state", &name) ||
        !jobj_get_string(json, "at", &at) ||
        !clock_parse_utc(at, &at_us, NULL)) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_SYNTAX,
                    "a record of a step without step, state or time");
        return false;
    }
    while (state < CONS_N_STEP_STATES &&
           strcmp(name, cons_step_state_name((ConsStepState)state)) != 0) {
        state++;
    }
    if (state == CONS_N_STEP_STATES) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_SYNTAX,
                    "state: \"%s\" is not known", name);
        return false;
    }
    step = &c->steps[index];
    step->state =
        state == CONS_STEP_CHECKING ? CONS_STEP_WAITING : (ConsStepState)state;
    jobj_get_string(json, "why", &why);
    g_free(step->why);
    step->why = g_strdup(why);
    if (jobj_get_string(json, "via", &via)) {
        g_free(step->via);
        step->via = g_strdup(via);
        if (state == CONS_STEP_RUNNING) {
            step->started_us = at_us;
        }
    }
    if (state == CONS_STEP_STARTING) {
        step->started_us = at_us;
    }
    if (carry_is_ended(step)) {
        step->ended_us = at_us;
        jobj_get_double(json, "took_s", &step->took_s);
        jobj_get_double(json, "downtime_s", &step->downtime_s);
        jobj_get_u64(json, "bytes", &step->bytes);
    }
    return true;
}

ConsCarry *
cons_carry_new_from(const GPtrArray *records, const ConsSettings *settings,
                    GError **error)
{
    g_autoptr(ConsCarry) c = NULL;
    ConsDecision *decision;
    JsonObject *plan = records->len
                           ? jobj_get(g_ptr_array_index(records, 0), "decision")
                           : NULL;

    if (!plan) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_SYNTAX,
                    "the first record of a plan is not the plan");
        return NULL;
    }
    decision = cons_decision_from_json(plan, error);
    if (!decision) {
        g_prefix_error(error, "decision: ");
        return NULL;
    }
    c = carry_new(decision, settings);
    for (guint i = 1; i < records->len; i++) {
        JsonObject *json = g_ptr_array_index(records, i);
        const char *what = "", *why = NULL;

        jobj_get_string(json, "what", &what);
        if (strcmp(what, "step") == 0) {
            if (!replay_step(c, json, error)) {
                return NULL;
            }
        } else if (strcmp(what, "stopped") == 0) {
            g_free(c->stopped);
            jobj_get_string(json, "why", &why);
            c->stopped = g_strdup(why ? why : "stopped");
        } else if (strcmp(what, "over") == 0) {
            c->over = true;
        }
    }
    c->unsure = !c->over;
    return g_steal_pointer(&c);
}
