/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manager-journal.c - what has to survive a manager
 *
 *   {"what": "evacuate", "host": ...}      {"what": "release", "host": ...}
 *   {"what": "pause"}                      {"what": "resume"}
 *   {"what": "moved", guest, from, to, at, ours}
 *   {"what": "asleep", "host": ...}        {"what": "awake", "host": ...}
 *   {"what": "plan", "decision": ...}      {"what": "step", ...}
 *   {"what": "stopped", "why": ...}        {"what": "over"}
 *
 * One JSON text a line. A plan's steps that are done say by themselves who moved
 * and who sleeps; "moved", "asleep" and "awake" are what is left of that once the
 * plan is forgotten, or what others did.
 */
#include <string.h>

#include "base/clock.h"
#include "consolidate/manager-priv.h"

JsonObject *
manager_record(const char *what, int64_t at_us)
{
    JsonObject *json = json_object_new_object();
    g_autofree char *at = clock_format_utc(at_us);

    jobj_add_string(json, "what", what);
    jobj_add_string(json, "at", at);
    return json;
}

bool
manager_write(ConsManager *m, JsonObject *json)
{
    g_autofree char *line = jobj_to_text(json, false);
    g_autoptr(GError) error = NULL;

    jobj_unref(json);
    if (m->broken) {
        return false;
    }
    if (!m->backend->journal(m->data, line, &error)) {
        m->broken = g_strdup_printf("the journal cannot be written: %s",
                                    error ? error->message : "no reason given");
        return false;
    }
    return true;
}

static bool
refuse(GError **error, const char *what)
{
    g_set_error(error, CONS_ERROR, CONS_ERROR_SYNTAX, "%s", what);
    return false;
}

static bool
restore_moved(ConsManager *m, JsonObject *json, GError **error)
{
    const char *guest, *from, *to, *at;
    bool ours = true;
    int64_t at_us;

    if (!jobj_get_string(json, "guest", &guest) ||
        !jobj_get_string(json, "from", &from) ||
        !jobj_get_string(json, "to", &to) ||
        !jobj_get_string(json, "at", &at) ||
        !clock_parse_utc(at, &at_us, NULL)) {
        return refuse(error, "moved: without guest, from, to or time");
    }
    jobj_get_bool(json, "ours", &ours);
    manager_add_past(m, manager_past_new(guest, from, to, at_us, ours));
    return true;
}

/* The plan that @records tell; only the last can still be on its way. */
static bool
restore_plan(ConsManager *m, GPtrArray *records, GError **error)
{
    ConsCarry *carry;

    if (records->len == 0) {
        return true;
    }
    carry = cons_carry_new_from(records, m->settings, error);
    g_ptr_array_set_size(records, 0);
    if (!carry) {
        return false;
    }
    for (size_t i = 0; i < cons_carry_steps(carry); i++) {
        manager_took_effect(m, carry, i);
    }
    cons_carry_free(m->carry);
    m->carry = carry;
    return true;
}

static bool
restore_line(ConsManager *m, JsonObject *json, GPtrArray *plan, GError **error)
{
    const char *what = "", *host = NULL;

    jobj_get_string(json, "what", &what);
    jobj_get_string(json, "host", &host);
    if (strcmp(what, "plan") == 0) {
        if (!restore_plan(m, plan, error)) {
            return false;
        }
        g_ptr_array_add(plan, json_object_get(json));
    } else if (strcmp(what, "step") == 0 || strcmp(what, "stopped") == 0 ||
               strcmp(what, "over") == 0) {
        if (plan->len == 0) {
            return refuse(error, "a step without its plan");
        }
        g_ptr_array_add(plan, json_object_get(json));
    } else if (strcmp(what, "moved") == 0) {
        return restore_moved(m, json, error);
    } else if (strcmp(what, "pause") == 0 || strcmp(what, "resume") == 0) {
        m->paused = what[0] == 'p';
    } else if (!host) {
        return refuse(error, "a record that is not known, or without its host");
    } else if (strcmp(what, "evacuate") == 0) {
        if (!g_ptr_array_find_with_equal_func(m->evacuated, host, g_str_equal,
                                              NULL)) {
            g_ptr_array_add(m->evacuated, g_strdup(host));
        }
    } else if (strcmp(what, "release") == 0) {
        guint at;

        if (g_ptr_array_find_with_equal_func(m->evacuated, host, g_str_equal,
                                             &at)) {
            g_ptr_array_remove_index(m->evacuated, at);
        }
    } else if (strcmp(what, "asleep") == 0) {
        g_hash_table_add(m->asleep, g_strdup(host));
    } else if (strcmp(what, "awake") == 0) {
        g_hash_table_remove(m->asleep, host);
    } else {
        return refuse(error, "a record that is not known");
    }
    return true;
}

bool
cons_manager_restore(ConsManager *m, const char *journal, GError **error)
{
    g_autoptr(GPtrArray) plan =
        g_ptr_array_new_with_free_func((GDestroyNotify)jobj_unref);
    size_t number = 1;

    g_assert(!m->started);
    for (const char *line = journal; *line; number++) {
        const char *end = strchr(line, '\n');
        g_autoptr(JsonObject) json = NULL;
        g_autoptr(GError) why = NULL;

        if (!end) {
            break; /* it was being written */
        }
        if (end > line) {
            json = jobj_parse(line, (size_t)(end - line), &why);
            if (!json || !restore_line(m, json, plan, &why)) {
                g_set_error(error, CONS_ERROR, CONS_ERROR_SYNTAX,
                            "journal, line %zu: %s", number, why->message);
                return false;
            }
        }
        line = end + 1;
    }
    if (!restore_plan(m, plan, error)) {
        g_prefix_error(error, "journal: ");
        return false;
    }
    m->reconcile = m->carry && !cons_carry_is_over(m->carry);
    return true;
}

static void
add_line(GString *text, JsonObject *json)
{
    g_autofree char *line = jobj_to_text(json, false);

    g_string_append(text, line);
    g_string_append_c(text, '\n');
    jobj_unref(json);
}

static void
add_host(GString *text, const char *what, const char *host, int64_t at_us)
{
    JsonObject *json = manager_record(what, at_us);

    jobj_add_string(json, "host", host);
    add_line(text, json);
}

/* Do the steps of the plan on its way tell it anyway? */
static bool
is_of_steps(const ConsManager *m, const ConsPast *past)
{
    const GPtrArray *moves = cons_carry_decision(m->carry)->moves;

    for (guint i = 0; i < moves->len; i++) {
        const ConsMove *move = g_ptr_array_index(moves, i);

        if (cons_carry_step(m->carry, i)->ended_us == past->at_us &&
            strcmp(move->guest, past->guest) == 0) {
            return true;
        }
    }
    return false;
}

char *
cons_manager_journal(const ConsManager *m)
{
    GString *text = g_string_new(NULL);
    bool open = m->carry && !cons_carry_is_over(m->carry);
    int64_t now_us = m->cluster ? m->cluster->at_us : 0;
    GHashTableIter hosts;
    gpointer host;

    for (guint i = 0; i < m->past->len; i++) {
        const ConsPast *past = g_ptr_array_index(m->past, i);
        JsonObject *json;

        if (open && is_of_steps(m, past)) {
            continue;
        }
        json = manager_record("moved", past->at_us);
        jobj_add_string(json, "guest", past->guest);
        jobj_add_string(json, "from", past->from);
        jobj_add_string(json, "to", past->to);
        jobj_add_bool(json, "ours", past->ours);
        add_line(text, json);
    }
    for (guint i = 0; i < m->evacuated->len; i++) {
        add_host(text, "evacuate", g_ptr_array_index(m->evacuated, i), now_us);
    }
    g_hash_table_iter_init(&hosts, m->asleep);
    while (g_hash_table_iter_next(&hosts, &host, NULL)) {
        add_host(text, "asleep", host, now_us);
    }
    if (m->paused) {
        add_line(text, manager_record("pause", now_us));
    }
    if (open) {
        JsonObject *json =
            manager_record("plan", cons_carry_decision(m->carry)->at_us);

        jobj_add(json, "decision",
                 cons_decision_to_json(cons_carry_decision(m->carry)));
        add_line(text, json);
        for (size_t i = 0; i < cons_carry_steps(m->carry); i++) {
            const ConsStep *step = cons_carry_step(m->carry, i);

            if (step->state != CONS_STEP_WAITING &&
                step->state != CONS_STEP_CHECKING) {
                json = manager_record(
                    "step", step->ended_us ? step->ended_us : step->started_us);
                jobj_add_u64(json, "step", i);
                jobj_add_string(json, "state",
                                cons_step_state_name(step->state));
                if (step->why) {
                    jobj_add_string(json, "why", step->why);
                }
                if (step->via) {
                    jobj_add_string(json, "via", step->via);
                }
                jobj_add_double(json, "took_s", step->took_s);
                jobj_add_double(json, "downtime_s", step->downtime_s);
                jobj_add_u64(json, "bytes", step->bytes);
                add_line(text, json);
            }
        }
        if (cons_carry_stopped(m->carry)) {
            json = manager_record("stopped", now_us);
            jobj_add_string(json, "why", cons_carry_stopped(m->carry));
            add_line(text, json);
        }
    }
    return g_string_free(text, FALSE);
}
