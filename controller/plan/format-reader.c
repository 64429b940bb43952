/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * format-reader.c - see format-reader.h
 */
#include "plan/format-reader.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

void
reader_wrong(Reader *r, const char *member, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    if (r->error) {
        return;
    }
    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    r->error = g_error_new(PLAN_ERROR, PLAN_ERROR_MEMBER, "%s%s%s%s%s",
                           r->where, *r->where && *member ? "." : "", member,
                           *r->where || *member ? ": " : "", text);
}

void
reader_at(Reader *r, const char *format, ...)
{
    va_list args;

    if (!r->error) {
        va_start(args, format);
        g_vsnprintf(r->where, sizeof(r->where), format, args);
        va_end(args);
    }
}

/* @words: with a blank after each */
static bool
is_word_of(const char *words, const char *name)
{
    size_t length = strlen(name);

    while (*words) {
        size_t word = strcspn(words, " ");

        if (word == length && strncmp(words, name, length) == 0) {
            return true;
        }
        words += word + 1;
    }
    return false;
}

/* @known_names: with a blank after each */
void
reader_members_known(Reader *r, JsonObject *object, const char *known_names)
{
    if (!r->error && !json_object_is_type(object, json_type_object)) {
        reader_wrong(r, "", "an object is expected");
    }
    if (r->error) {
        return;
    }
    json_object_object_foreach (object, name, value) {
        (void)value;
        if (!is_word_of(known_names, name)) {
            reader_wrong(r, name, "the format knows no such member, but %s",
                         known_names);
            return;
        }
    }
}

JsonObject *
reader_member(Reader *r, JsonObject *object, const char *name)
{
    JsonObject *value = NULL;

    if (!r->error) {
        json_object_object_get_ex(object, name, &value);
    }
    return value;
}

bool
reader_is_whole(JsonObject *value, int64_t *number)
{
    if (!json_object_is_type(value, json_type_int) ||
        json_object_get_uint64(value) > INT64_MAX ||
        json_object_get_int64(value) < 0) {
        return false;
    }
    *number = json_object_get_int64(value);
    return true;
}

/* Absent keeps what is there. */
void
reader_whole(Reader *r, JsonObject *object, const char *name, int64_t *number)
{
    JsonObject *value = reader_member(r, object, name);

    if (value && !reader_is_whole(value, number)) {
        reader_wrong(r, name, "a whole number from 0 on is expected");
    }
}

void
reader_unsigned(Reader *r, JsonObject *object, const char *name,
                uint64_t *number)
{
    int64_t value = (int64_t)*number;

    reader_whole(r, object, name, &value);
    *number = (uint64_t)value;
}

/* A fraction kept in thousandths */
void
reader_milli(Reader *r, JsonObject *object, const char *name, int64_t *milli)
{
    JsonObject *value = reader_member(r, object, name);
    double number;

    if (!value) {
        return;
    }
    if ((!json_object_is_type(value, json_type_double) &&
         !json_object_is_type(value, json_type_int)) ||
        !((number = json_object_get_double(value)) >= 0) || number > 1e9 ||
        fabs(number * PLAN_MILLI - round(number * PLAN_MILLI)) > 1e-6) {
        reader_wrong(
            r, name,
            "a number from 0 on with at most three decimals is expected");
        return;
    }
    *milli = (int64_t)round(number * PLAN_MILLI);
}

void
reader_flag(Reader *r, JsonObject *object, const char *name, bool *flag)
{
    JsonObject *value = reader_member(r, object, name);

    if (value && !json_object_is_type(value, json_type_boolean)) {
        reader_wrong(r, name, "true or false is expected");
    } else if (value) {
        *flag = json_object_get_boolean(value);
    }
}

const char *
reader_text(Reader *r, JsonObject *object, const char *name, bool required)
{
    JsonObject *value = reader_member(r, object, name);
    const char *text = NULL;

    if (!value && !required) {
        return NULL;
    }
    if (!json_object_is_type(value, json_type_string) ||
        strlen(text = json_object_get_string(value)) !=
            (size_t)json_object_get_string_len(value)) {
        reader_wrong(r, name, "a text is expected");
        return NULL;
    }
    return text;
}

static int32_t
find(Reader *r, GHashTable *table, const char *what, const char *where,
     const char *name)
{
    gpointer index = name ? g_hash_table_lookup(table, name) : NULL;

    if (!index && name) {
        reader_wrong(r, where, "there is no %s \"%s\"", what, name);
    }
    return index ? GPOINTER_TO_INT(index) - 1 : 0;
}

int32_t
reader_find_value(Reader *r, GHashTable *table, const char *what,
                  const char *where, JsonObject *value)
{
    if (!r->error && !json_object_is_type(value, json_type_string)) {
        reader_wrong(r, where, "the name of a %s is expected", what);
    }
    return r->error
               ? 0
               : find(r, table, what, where, json_object_get_string(value));
}

int32_t
reader_ref(Reader *r, JsonObject *object, const char *name, GHashTable *table,
           const char *what)
{
    return find(r, table, what, name, reader_text(r, object, name, true));
}

/* An array of the top object, NULL if absent; its length goes to @n. */
JsonObject *
reader_list(Reader *r, JsonObject *object, const char *name, bool required,
            size_t *n)
{
    JsonObject *list = reader_member(r, object, name);

    *n = 0;
    if (!r->error &&
        (list ? !json_object_is_type(list, json_type_array) : required)) {
        reader_wrong(r, name, "an array is expected");
    }
    if (r->error || !list) {
        return NULL;
    }
    *n = json_object_array_length(list);
    return list;
}

/* The name of element @i, new in @table. */
char *
reader_take_name(Reader *r, JsonObject *object, GHashTable *table, size_t i)
{
    const char *name = reader_text(r, object, "name", true);

    if (name && *name == '\0') {
        reader_wrong(r, "name", "it is empty");
    }
    if (!r->error && !g_hash_table_insert(table, (gpointer)name,
                                          GINT_TO_POINTER((gint)i + 1))) {
        reader_wrong(r, "name", "\"%s\" comes twice", name);
    }
    return g_strdup(name ? name : "");
}

/* Amounts by resource: {"cpu": 4, "memory": 8}, absent ones stay */
void
reader_amount_list(Reader *r, JsonObject *value, const char *name,
                   int64_t *amounts)
{
    if (r->error) {
        return;
    }
    if (!json_object_is_type(value, json_type_object)) {
        reader_wrong(r, name, "an object, amount by resource, is expected");
        return;
    }
    json_object_object_foreach (value, resource, amount) {
        int32_t index = find(r, r->resources, "resource", name, resource);

        if (!r->error && !reader_is_whole(amount, &amounts[index])) {
            reader_wrong(r, name, "%s: a whole number from 0 on is expected",
                         resource);
        }
    }
}

void
reader_amounts(Reader *r, JsonObject *object, const char *name,
               int64_t *amounts)
{
    JsonObject *value = reader_member(r, object, name);

    if (value) {
        reader_amount_list(r, value, name, amounts);
    }
}

uint64_t
reader_features(Reader *r, JsonObject *object, const char *name)
{
    size_t n;
    JsonObject *list = reader_list(r, object, name, false, &n);
    GPtrArray *names = r->m->feature_names;
    uint64_t features = 0;

    for (size_t i = 0; !r->error && i < n; i++) {
        JsonObject *value = json_object_array_get_idx(list, i);
        const char *feature;
        guint index;

        if (!json_object_is_type(value, json_type_string)) {
            reader_wrong(r, name, "names of features are expected");
            break;
        }
        feature = json_object_get_string(value);
        if (!g_ptr_array_find_with_equal_func(names, feature, g_str_equal,
                                              &index)) {
            index = names->len;
            if (index == PLAN_MAX_FEATURES) {
                reader_wrong(r, name,
                             "\"%s\" is one feature more than the %d that "
                             "are possible",
                             feature, PLAN_MAX_FEATURES);
                break;
            }
            g_ptr_array_add(names, g_strdup(feature));
        }
        features |= UINT64_C(1) << index;
    }
    return features;
}

int32_t *
reader_refs(Reader *r, JsonObject *object, const char *name, GHashTable *table,
            const char *what, size_t *n)
{
    JsonObject *list = reader_list(r, object, name, true, n);
    int32_t *refs = g_new0(int32_t, *n + 1); /* NULL is no list at all */

    for (size_t i = 0; !r->error && i < *n; i++) {
        refs[i] = reader_find_value(r, table, what, name,
                                    json_object_array_get_idx(list, i));
    }
    return refs;
}
