/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * schema-check.c - see schema-check.h
 */
#include "schema-check.h"

#include <math.h>
#include <string.h>

static char *check(JsonObject *schema, JsonObject *value, const char *where,
                   bool strict);

static JsonObject *
word(JsonObject *schema, const char *name)
{
    JsonObject *value = NULL;

    json_object_object_get_ex(schema, name, &value);
    return value;
}

static bool
is_number(JsonObject *value)
{
    return json_object_is_type(value, json_type_int) ||
           json_object_is_type(value, json_type_double);
}

static bool
has_type(JsonObject *value, const char *type)
{
    if (strcmp(type, "number") == 0) {
        return is_number(value);
    }
    if (strcmp(type, "integer") == 0) {
        return is_number(value) && json_object_get_double(value) ==
                                       floor(json_object_get_double(value));
    }
    return strcmp(type, json_type_to_name(json_object_get_type(value))) == 0;
}

static char *
check_type(JsonObject *type, JsonObject *value, const char *where)
{
    size_t n = 1;

    if (json_object_is_type(type, json_type_array)) {
        n = json_object_array_length(type);
    }
    for (size_t i = 0; i < n; i++) {
        JsonObject *one = json_object_is_type(type, json_type_array)
                              ? json_object_array_get_idx(type, i)
                              : type;

        if (has_type(value, json_object_get_string(one))) {
            return NULL;
        }
    }
    return g_strdup_printf("%s: %s is no %s", where,
                           json_object_to_json_string(value),
                           json_object_to_json_string(type));
}

static char *
check_enum(JsonObject *allowed, JsonObject *value, const char *where)
{
    for (size_t i = 0; i < json_object_array_length(allowed); i++) {
        if (json_object_equal(json_object_array_get_idx(allowed, i), value)) {
            return NULL;
        }
    }
    return g_strdup_printf("%s: %s is none of %s", where,
                           json_object_to_json_string(value),
                           json_object_to_json_string(allowed));
}

static char *
check_bounds(JsonObject *schema, JsonObject *value, const char *where)
{
    JsonObject *least = word(schema, "minimum");
    JsonObject *most = word(schema, "maximum");
    double number = json_object_get_double(value);

    if (!is_number(value) ||
        ((!least || number >= json_object_get_double(least)) &&
         (!most || number <= json_object_get_double(most)))) {
        return NULL;
    }
    return g_strdup_printf("%s: %s is out of bounds", where,
                           json_object_to_json_string(value));
}

static char *
check_object(JsonObject *schema, JsonObject *value, const char *where,
             bool strict)
{
    JsonObject *required = word(schema, "required");
    JsonObject *properties = word(schema, "properties");
    JsonObject *others = word(schema, "additionalProperties");
    size_t n = required ? json_object_array_length(required) : 0;

    for (size_t i = 0; i < n; i++) {
        const char *name =
            json_object_get_string(json_object_array_get_idx(required, i));

        if (!json_object_object_get_ex(value, name, NULL)) {
            return g_strdup_printf("%s: member %s is missing", where, name);
        }
    }
    json_object_object_foreach (value, name, member) {
        g_autofree char *inner = g_strdup_printf("%s.%s", where, name);
        JsonObject *what = properties ? word(properties, name) : NULL;
        char *wrong;

        what = what ? what : others;
        if (!what && strict && properties) {
            return g_strdup_printf("%s: the schema does not name it", inner);
        }
        wrong = what ? check(what, member, inner, strict) : NULL;
        if (wrong) {
            return wrong;
        }
    }
    return NULL;
}

static char *
check_known_words(JsonObject *schema, const char *where)
{
    static const char *const words[] = {
        "$schema",  "title",   "description",          "type",
        "required", "enum",    "properties",           "items",
        "minimum",  "maximum", "additionalProperties",
    };

    json_object_object_foreach (schema, name, ignored) {
        bool found = false;

        (void)ignored;
        for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
            found |= strcmp(name, words[i]) == 0;
        }
        if (!found) {
            return g_strdup_printf("schema of %s: this check does not know "
                                   "the word %s",
                                   where, name);
        }
    }
    return NULL;
}

static char *
check(JsonObject *schema, JsonObject *value, const char *where, bool strict)
{
    JsonObject *type = word(schema, "type");
    JsonObject *allowed = word(schema, "enum");
    JsonObject *items = word(schema, "items");
    char *wrong = check_known_words(schema, where);

    if (!wrong && type) {
        wrong = check_type(type, value, where);
    }
    if (!wrong && allowed) {
        wrong = check_enum(allowed, value, where);
    }
    if (!wrong) {
        wrong = check_bounds(schema, value, where);
    }
    if (!wrong && json_object_is_type(value, json_type_object)) {
        wrong = check_object(schema, value, where, strict);
    }
    if (!wrong && items && json_object_is_type(value, json_type_array)) {
        size_t n = json_object_array_length(value);

        for (size_t i = 0; i < n && !wrong; i++) {
            g_autofree char *inner = g_strdup_printf("%s[%zu]", where, i);

            wrong = check(items, json_object_array_get_idx(value, i), inner,
                          strict);
        }
    }
    return wrong;
}

char *
schema_check(JsonObject *schema, JsonObject *value, bool strict)
{
    return check(schema, value, "", strict);
}
