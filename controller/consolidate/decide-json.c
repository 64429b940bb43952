/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * decide-json.c - a decision as JSON, and back; a move in words
 */
#include <string.h>

#include "base/clock.h"
#include "base/units.h"
#include "consolidate/decide.h"
#include "consolidate/decision-priv.h"

static JsonObject *
numbers_to_json(const GArray *numbers)
{
    JsonObject *list = json_object_new_array();

    for (guint i = 0; i < numbers->len; i++) {
        json_object_array_add(
            list, json_object_new_int64(g_array_index(numbers, guint, i)));
    }
    return list;
}

static JsonObject *
move_to_json(const ConsMove *move)
{
    JsonObject *json = json_object_new_object();

    jobj_add_string(json, "guest", move->guest);
    jobj_add_string(json, "from", move->from);
    jobj_add_string(json, "to", move->to);
    jobj_add_string(json, "kind", cons_trigger_name(move->kind));
    jobj_add_bool(json, "mends", move->mends);
    jobj_add_bool(json, "bypass", move->bypass);
    jobj_add_string(json, "why", move->why);
    jobj_add(json, "after", numbers_to_json(move->after));
    jobj_add_double(json, "start_s", move->start_s);
    jobj_add_u64(json, "rate_bytes_s", move->rate_bytes_s);
    jobj_add_u64(json, "bytes", move->bytes);
    jobj_add_double(json, "time_s", move->time_s);
    jobj_add_double(json, "downtime_s", move->downtime_s);
    jobj_add_bool(json, "assumed", move->assumed);
    jobj_add_double(json, "cost_j", move->cost_j);
    jobj_add_double(json, "saves_w", move->saves_w);
    jobj_add_double(json, "benefit_j", move->benefit_j);
    return json;
}

JsonObject *
cons_decision_to_json(const ConsDecision *d)
{
    JsonObject *json = json_object_new_object();
    JsonObject *triggers = json_object_new_array();
    JsonObject *moves = json_object_new_array();
    JsonObject *powers = json_object_new_array();
    JsonObject *refusals = json_object_new_array();
    g_autofree char *at = clock_format_utc(d->at_us);

    jobj_add_string(json, "format", DECISION_FORMAT);
    jobj_add_string(json, "id", d->id);
    jobj_add_string(json, "at", at);
    jobj_add_string(json, "summary", d->summary);
    for (guint i = 0; i < d->triggers->len; i++) {
        const ConsTrigger *trigger = g_ptr_array_index(d->triggers, i);
        JsonObject *one = json_object_new_object();

        jobj_add_string(one, "kind", cons_trigger_name(trigger->kind));
        jobj_add_i64(one, "host", trigger->host);
        jobj_add_string(one, "text", trigger->text);
        json_object_array_add(triggers, one);
    }
    jobj_add(json, "triggers", triggers);
    for (guint i = 0; i < d->moves->len; i++) {
        json_object_array_add(moves,
                              move_to_json(g_ptr_array_index(d->moves, i)));
    }
    jobj_add(json, "moves", moves);
    for (guint i = 0; i < d->powers->len; i++) {
        const ConsPower *power = g_ptr_array_index(d->powers, i);
        JsonObject *one = json_object_new_object();

        jobj_add_string(one, "host", power->host);
        jobj_add_bool(one, "on", power->on);
        jobj_add_string(one, "why", power->why);
        jobj_add(one, "after", numbers_to_json(power->after));
        json_object_array_add(powers, one);
    }
    jobj_add(json, "powers", powers);
    for (guint i = 0; i < d->refusals->len; i++) {
        const ConsRefusal *refusal = g_ptr_array_index(d->refusals, i);
        JsonObject *one = json_object_new_object();

        jobj_add_string(one, "subject", refusal->subject);
        jobj_add_string(one, "why", refusal->why);
        json_object_array_add(refusals, one);
    }
    jobj_add(json, "refusals", refusals);
    jobj_add_i64(json, "violation_before", d->violation_before);
    jobj_add_i64(json, "violation_after", d->violation_after);
    jobj_add_double(json, "cost_w_before", d->cost_w_before);
    jobj_add_double(json, "cost_w_after", d->cost_w_after);
    jobj_add_double(json, "far_bytes_s_before", d->far_bytes_s_before);
    jobj_add_double(json, "far_bytes_s_after", d->far_bytes_s_after);
    jobj_add_double(json, "cost_j", d->cost_j);
    jobj_add_double(json, "benefit_j", d->benefit_j);
    jobj_add_double(json, "makespan_s", d->makespan_s);
    jobj_add_double(json, "bound_s", d->bound_s);
    return json;
}

static bool
wrong(GError **error, const char *where, const char *what)
{
    g_set_error(error, CONS_ERROR, CONS_ERROR_SYNTAX, "%s: %s", where, what);
    return false;
}

static bool
text_of(JsonObject *json, const char *member, char **text, GError **error)
{
    const char *value;

    if (!jobj_get_string(json, member, &value)) {
        return wrong(error, member, "is no string");
    }
    g_free(*text);
    *text = g_strdup(value);
    return true;
}

static bool
after_of(JsonObject *json, guint below, GArray *after, GError **error)
{
    JsonObject *list = jobj_get(json, "after");

    if (!list || !json_object_is_type(list, json_type_array)) {
        return wrong(error, "after", "is no list");
    }
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        JsonObject *one = json_object_array_get_idx(list, i);
        int64_t number = json_object_is_type(one, json_type_int)
                             ? json_object_get_int64(one)
                             : -1;
        guint step;

        if (number < 0 || number >= below) {
            return wrong(error, "after", "names no move of the plan");
        }
        step = (guint)number;
        g_array_append_val(after, step);
    }
    return true;
}

static void
number_of(JsonObject *json, const char *member, double *value)
{
    if (!jobj_get_double(json, member, value)) {
        *value = 0;
    }
}

static bool
kind_of(JsonObject *json, ConsTriggerKind *kind, GError **error)
{
    const char *name;

    return (jobj_get_string(json, "kind", &name) &&
            cons_trigger_parse(name, kind)) ||
           wrong(error, "kind", "is no trigger's name");
}

static bool
read_trigger(ConsDecision *d, JsonObject *json, GError **error)
{
    ConsTriggerKind kind;
    int64_t host = -1;
    const char *text;

    if (!kind_of(json, &kind, error)) {
        return false;
    }
    if (!jobj_get_string(json, "text", &text)) {
        return wrong(error, "text", "is no string");
    }
    jobj_get_i64(json, "host", &host);
    g_ptr_array_add(
        d->triggers,
        cons_trigger_new(kind, (int32_t)CLAMP(host, -1, INT32_MAX), text));
    return true;
}

static bool
read_move(ConsDecision *d, JsonObject *json, size_t n_moves, GError **error)
{
    ConsMove *move = g_new0(ConsMove, 1);

    move->after = g_array_new(FALSE, FALSE, sizeof(guint));
    g_ptr_array_add(d->moves, move);
    if (!text_of(json, "guest", &move->guest, error) ||
        !text_of(json, "from", &move->from, error) ||
        !text_of(json, "to", &move->to, error) ||
        !text_of(json, "why", &move->why, error) ||
        !kind_of(json, &move->kind, error) ||
        !after_of(json, (guint)n_moves, move->after, error)) {
        return false;
    }
    jobj_get_bool(json, "mends", &move->mends);
    jobj_get_bool(json, "bypass", &move->bypass);
    jobj_get_u64(json, "rate_bytes_s", &move->rate_bytes_s);
    jobj_get_u64(json, "bytes", &move->bytes);
    number_of(json, "start_s", &move->start_s);
    number_of(json, "time_s", &move->time_s);
    number_of(json, "downtime_s", &move->downtime_s);
    jobj_get_bool(json, "assumed", &move->assumed); /* not in older ones */
    number_of(json, "cost_j", &move->cost_j);
    number_of(json, "saves_w", &move->saves_w);
    number_of(json, "benefit_j", &move->benefit_j);
    return true;
}

static bool
read_power(ConsDecision *d, JsonObject *json, size_t n_moves, GError **error)
{
    ConsPower *power = g_new0(ConsPower, 1);

    power->after = g_array_new(FALSE, FALSE, sizeof(guint));
    g_ptr_array_add(d->powers, power);
    if (!text_of(json, "host", &power->host, error) ||
        !text_of(json, "why", &power->why, error) ||
        !after_of(json, (guint)n_moves, power->after, error)) {
        return false;
    }
    return jobj_get_bool(json, "on", &power->on) ||
           wrong(error, "on", "is neither true nor false");
}

static bool
read_refusal(ConsDecision *d, JsonObject *json, GError **error)
{
    ConsRefusal *refusal = g_new0(ConsRefusal, 1);

    g_ptr_array_add(d->refusals, refusal);
    return text_of(json, "subject", &refusal->subject, error) &&
           text_of(json, "why", &refusal->why, error);
}

static bool
read_list(ConsDecision *d, JsonObject *json, const char *member, GError **error)
{
    JsonObject *list = jobj_get(json, member);
    JsonObject *moves = jobj_get(json, "moves");
    size_t n_moves = moves && json_object_is_type(moves, json_type_array)
                         ? json_object_array_length(moves)
                         : 0;

    if (!list || !json_object_is_type(list, json_type_array)) {
        return wrong(error, member, "is no list");
    }
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        JsonObject *one = json_object_array_get_idx(list, i);
        bool fine = member[0] == 't'   ? read_trigger(d, one, error)
                    : member[0] == 'm' ? read_move(d, one, n_moves, error)
                    : member[0] == 'p' ? read_power(d, one, n_moves, error)
                                       : read_refusal(d, one, error);

        if (!fine) {
            g_prefix_error(error, "%s[%zu].", member, i);
            return false;
        }
    }
    return true;
}

ConsDecision *
cons_decision_from_json(JsonObject *json, GError **error)
{
    g_autoptr(ConsDecision) d = cons_decision_new("", 0);
    const char *format = NULL, *at = NULL;

    if (!jobj_get_string(json, "format", &format) ||
        strcmp(format, DECISION_FORMAT) != 0) {
        wrong(error, "format", "is not \"" DECISION_FORMAT "\"");
        return NULL;
    }
    if (!jobj_get_string(json, "at", &at) ||
        !clock_parse_utc(at, &d->at_us, NULL)) {
        wrong(error, "at", "is no time");
        return NULL;
    }
    if (!text_of(json, "id", &d->id, error) ||
        !text_of(json, "summary", &d->summary, error) ||
        !read_list(d, json, "triggers", error) ||
        !read_list(d, json, "moves", error) ||
        !read_list(d, json, "powers", error) ||
        !read_list(d, json, "refusals", error)) {
        return NULL;
    }
    jobj_get_i64(json, "violation_before", &d->violation_before);
    jobj_get_i64(json, "violation_after", &d->violation_after);
    number_of(json, "cost_w_before", &d->cost_w_before);
    number_of(json, "cost_w_after", &d->cost_w_after);
    number_of(json, "far_bytes_s_before", &d->far_bytes_s_before);
    number_of(json, "far_bytes_s_after", &d->far_bytes_s_after);
    number_of(json, "cost_j", &d->cost_j);
    number_of(json, "benefit_j", &d->benefit_j);
    number_of(json, "makespan_s", &d->makespan_s);
    number_of(json, "bound_s", &d->bound_s);
    return g_steal_pointer(&d);
}

char *
cons_explain(const ConsDecision *decision, size_t index)
{
    const ConsMove *move = g_ptr_array_index(decision->moves, index);
    g_autofree char *time = units_format_seconds(move->time_s);
    g_autofree char *downtime = units_format_seconds(move->downtime_s);
    g_autofree char *bytes = units_format_bytes((double)move->bytes);
    g_autofree char *rate = units_format_rate((double)move->rate_bytes_s);
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "%s from %s to %s\n", move->guest, move->from,
                           move->to);
    g_string_append_printf(text, "  why:    %s (%s)\n", move->why,
                           cons_trigger_name(move->kind));
    g_string_append_printf(text,
                           "  costs:  %s, %s at %s, stopped for %s: %.0f J\n",
                           time, bytes, rate, downtime, move->cost_j);
    if (move->assumed) {
        g_string_append(text, "          what it writes is not known, a steady "
                              "rate is assumed\n");
    }
    if (move->mends) {
        g_string_append(text, "  brings: mends what is broken\n");
    } else if (move->bypass) {
        g_string_append(text, "  brings: nothing by itself\n");
    } else {
        g_string_append_printf(text,
                               "  brings: %.1f W, %.0f J in the horizon\n",
                               move->saves_w, move->benefit_j);
    }
    if (move->after->len) {
        g_string_append(text, "  after: ");
        for (guint i = 0; i < move->after->len; i++) {
            guint step = g_array_index(move->after, guint, i);

            if (step < decision->moves->len) {
                const ConsMove *other =
                    g_ptr_array_index(decision->moves, step);

                g_string_append_printf(text, " %s", other->guest);
            }
        }
        g_string_append_c(text, '\n');
    }
    return g_string_free(text, FALSE);
}
