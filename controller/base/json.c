/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * json.c - see json.h
 *
 * Doubles are written with the fewest digits that read back as the same
 * number, so that a record replays exactly and stays readable.
 */
#include "base/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"

G_DEFINE_QUARK(vmferry_json_error, jobj_error)

JsonObject *
jobj_get(JsonObject *object, const char *path)
{
    JsonObject *here = object;

    while (here && path) {
        const char *dot = strchr(path, '.');
        g_autofree char *name =
            dot ? g_strndup(path, (gsize)(dot - path)) : g_strdup(path);

        if (!json_object_is_type(here, json_type_object) ||
            !json_object_object_get_ex(here, name, &here)) {
            return NULL;
        }
        path = dot ? dot + 1 : NULL;
    }
    return here;
}

bool
jobj_get_u64(JsonObject *object, const char *path, uint64_t *value)
{
    JsonObject *member = jobj_get(object, path);

    if (!json_object_is_type(member, json_type_int) ||
        /* what json-c reads below zero comes back as 0 from get_uint64 */
        json_object_get_int64(member) < 0) {
        return false;
    }
    *value = json_object_get_uint64(member);
    return true;
}

bool
jobj_get_i64(JsonObject *object, const char *path, int64_t *value)
{
    JsonObject *member = jobj_get(object, path);

    if (!json_object_is_type(member, json_type_int) ||
        json_object_get_uint64(member) > INT64_MAX) {
        return false;
    }
    *value = json_object_get_int64(member);
    return true;
}

bool
jobj_get_double(JsonObject *object, const char *path, double *value)
{
    JsonObject *member = jobj_get(object, path);

    if (!json_object_is_type(member, json_type_double) &&
        !json_object_is_type(member, json_type_int)) {
        return false;
    }
    if (!isfinite(json_object_get_double(member))) {
        return false;
    }
    *value = json_object_get_double(member);
    return true;
}

bool
jobj_get_bool(JsonObject *object, const char *path, bool *value)
{
    JsonObject *member = jobj_get(object, path);

    if (!json_object_is_type(member, json_type_boolean)) {
        return false;
    }
    *value = json_object_get_boolean(member);
    return true;
}

bool
jobj_get_string(JsonObject *object, const char *path, const char **value)
{
    JsonObject *member = jobj_get(object, path);

    if (!json_object_is_type(member, json_type_string)) {
        return false;
    }
    *value = json_object_get_string(member);
    return true;
}

bool
jobj_get_uint(JsonObject *object, const char *path, unsigned most,
              unsigned *value)
{
    uint64_t wide;

    if (!jobj_get_u64(object, path, &wide) || wide > most) {
        return false;
    }
    *value = (unsigned)wide;
    return true;
}

Known
jobj_get_known(JsonObject *object, const char *path)
{
    double value;

    return jobj_get_double(object, path, &value) ? known(value) : unknown();
}

void
jobj_add(JsonObject *object, const char *name, JsonObject *value)
{
    json_object_object_add(object, name, value);
}

void
jobj_add_u64(JsonObject *object, const char *name, uint64_t value)
{
    jobj_add(object, name, json_object_new_uint64(value));
}

void
jobj_add_i64(JsonObject *object, const char *name, int64_t value)
{
    jobj_add(object, name, json_object_new_int64(value));
}

void
jobj_add_double(JsonObject *object, const char *name, double value)
{
    char text[UNITS_NUMBER_SIZE];

    if (!isfinite(value)) {
        jobj_add(object, name, NULL);
        return;
    }
    units_write_number(value, text);
    jobj_add(object, name, json_object_new_double_s(value, text));
}

void
jobj_add_bool(JsonObject *object, const char *name, bool value)
{
    jobj_add(object, name, json_object_new_boolean(value));
}

void
jobj_add_string(JsonObject *object, const char *name, const char *value)
{
    jobj_add(object, name, value ? json_object_new_string(value) : NULL);
}

void
jobj_add_known(JsonObject *object, const char *name, Known value)
{
    if (value.known) {
        jobj_add_double(object, name, value.value);
    } else {
        jobj_add(object, name, NULL);
    }
}

JsonObject *
jobj_new_words(const char *const *words)
{
    JsonObject *array = json_object_new_array();

    for (; words && *words; words++) {
        json_object_array_add(array, json_object_new_string(*words));
    }
    return array;
}

JsonObject *
jobj_new_strings(const GPtrArray *strings)
{
    JsonObject *array = json_object_new_array();

    for (guint i = 0; i < strings->len; i++) {
        json_object_array_add(array, json_object_new_string(strings->pdata[i]));
    }
    return array;
}

JsonObject *
jobj_new_lines(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    JsonObject *array = json_object_new_array();

    for (size_t i = 0; lines[i]; i++) {
        if (*lines[i]) {
            json_object_array_add(array, json_object_new_string(lines[i]));
        }
    }
    return array;
}

/* Of the byte at @end, from 1 on */
static size_t
line_of(const char *text, size_t end)
{
    size_t line = 1;

    for (size_t i = 0; i < end; i++) {
        line += text[i] == '\n';
    }
    return line;
}

JsonObject *
jobj_parse(const char *text, size_t length, GError **error)
{
    struct json_tokener *tokener = json_tokener_new();
    g_autoptr(JsonObject) object = NULL;
    enum json_tokener_error code;
    size_t end;

    if (length > INT32_MAX - 1) {
        json_tokener_free(tokener);
        g_set_error(error, JOBJ_ERROR, JOBJ_ERROR_SYNTAX,
                    "%zu bytes are too long for one JSON text", length);
        return NULL;
    }
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT |
                                        JSON_TOKENER_VALIDATE_UTF8 |
                                        JSON_TOKENER_ALLOW_TRAILING_CHARS);
    object = json_tokener_parse_ex(tokener, text, (int)length);
    code = json_tokener_get_error(tokener);
    if (code == json_tokener_continue) {
        /* a bare number ends only with the text: a closing blank says so */
        object = json_tokener_parse_ex(tokener, " ", 1);
        code = json_tokener_get_error(tokener);
        end = length;
    } else {
        end = json_tokener_get_parse_end(tokener);
    }
    json_tokener_free(tokener);

    if (code != json_tokener_success) {
        g_set_error(error, JOBJ_ERROR, JOBJ_ERROR_SYNTAX,
                    "JSON is broken at byte %zu, line %zu: %s", end,
                    line_of(text, MIN(end, length)),
                    code == json_tokener_continue
                        ? "it ends too early"
                        : json_tokener_error_desc(code));
        return NULL;
    }
    while (end < length && g_ascii_isspace(text[end])) {
        end++;
    }
    if (end < length) {
        g_set_error(error, JOBJ_ERROR, JOBJ_ERROR_SYNTAX,
                    "JSON is broken at byte %zu, line %zu: more text after "
                    "its end",
                    end, line_of(text, end));
        return NULL;
    }
    if (!object) {
        g_set_error_literal(error, JOBJ_ERROR, JOBJ_ERROR_SYNTAX,
                            "JSON text is null");
        return NULL;
    }
    return g_steal_pointer(&object);
}

char *
jobj_to_text(JsonObject *object, bool pretty)
{
    int flags = JSON_C_TO_STRING_NOSLASHESCAPE;

    flags |= pretty ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED
                    : JSON_C_TO_STRING_PLAIN;
    return g_strdup(json_object_to_json_string_ext(object, flags));
}
