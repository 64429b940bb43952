/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manager-operator.c - what an operator asks for
 */
#include <string.h>

#include "consolidate/manager-priv.h"

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
    if (manager_is_under_way(m)) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_STATE,
                    "plan %s is on its way; pause stops it",
                    cons_carry_decision(m->carry)->id);
        return false;
    }
    m->requested = true;
    manager_look(m);
    return true;
}

static bool
write_host(ConsManager *m, const char *what, const char *host, GError **error)
{
    JsonObject *json = manager_record(what, manager_now(m));

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
    manager_look(m);
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
    manager_look(m);
    return true;
}

bool
cons_manager_apply(ConsManager *m, const char *id, GError **error)
{
    if (!can(m, error)) {
        return false;
    }
    if (manager_is_under_way(m)) {
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
    manager_begin(m, manager_copy_decision(m->decision));
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
    if (manager_is_under_way(m) && !m->reconcile) {
        cons_carry_stop(m->carry, "paused by an operator", false,
                        manager_now(m));
        manager_flush(m);
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
    manager_look(m);
    return true;
}
