/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record-cursor.c - see record-cursor.h
 */
#include "report/record-cursor.h"

#include <math.h>
#include <string.h>

void
cursor_refuse(Cursor *cursor, const char *name, const char *format, ...)
{
    g_autofree char *why = NULL;
    va_list arguments;

    if (!cursor->ok) {
        return;
    }
    va_start(arguments, format);
    why = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error(cursor->error, RECORD_ERROR, RECORD_ERROR_VALUE,
                "member %s%s%s of the run record %s", cursor->where,
                *cursor->where ? "." : "", name, why);
    cursor->ok = false;
}

/* The member, or NULL if it is absent or null (refused where needed). */
JsonObject *
cursor_member(Cursor *cursor, const char *name, MemberNeed need)
{
    JsonObject *value = NULL;

    if (!cursor->ok) {
        return NULL;
    }
    json_object_object_get_ex(cursor->object, name, &value);
    if (!value && need == MEMBER_REQUIRED) {
        cursor_refuse(cursor, name, "is missing");
    }
    return value;
}

/* What was found may be a megabyte. g_free() it. */
char *
cursor_shorten(const char *text)
{
    g_autofree char *start = NULL;

    if (g_utf8_strlen(text, -1) <= 40) {
        return g_strdup(text);
    }
    start = g_utf8_substring(text, 0, 37);
    return g_strconcat(start, "...", NULL);
}

void
cursor_refuse_type(Cursor *cursor, const char *name, const char *wanted,
                   JsonObject *found)
{
    g_autofree char *text = jobj_to_text(found, false);
    g_autofree char *brief = cursor_shorten(text);

    cursor_refuse(cursor, name, "must be %s, not %s", wanted, brief);
}

uint64_t
cursor_u64(Cursor *cursor, const char *name, MemberNeed need, uint64_t least,
           uint64_t most)
{
    JsonObject *value = cursor_member(cursor, name, need);
    uint64_t number = 0;

    if (!value) {
        return 0;
    }
    if (!json_object_is_type(value, json_type_int) ||
        json_object_get_int64(value) < 0) {
        cursor_refuse_type(cursor, name, "a whole number, not negative", value);
        return 0;
    }
    number = json_object_get_uint64(value);
    if (number < least || number > most) {
        cursor_refuse(cursor, name,
                      "must be between %" G_GUINT64_FORMAT
                      " and %" G_GUINT64_FORMAT ", not %" G_GUINT64_FORMAT,
                      least, most, number);
        return 0;
    }
    return number;
}

int64_t
cursor_i64(Cursor *cursor, const char *name)
{
    JsonObject *value = cursor_member(cursor, name, MEMBER_OPTIONAL);

    if (!value) {
        return 0;
    }
    if (!json_object_is_type(value, json_type_int) ||
        json_object_get_uint64(value) > INT64_MAX) {
        cursor_refuse_type(cursor, name, "a whole number of 63 bits", value);
        return 0;
    }
    return json_object_get_int64(value);
}

Known
cursor_number(Cursor *cursor, const char *name, MemberNeed need, double least,
              double most)
{
    JsonObject *value = cursor_member(cursor, name, need);
    double number;

    if (!value) {
        return unknown();
    }
    if (!json_object_is_type(value, json_type_int) &&
        !json_object_is_type(value, json_type_double)) {
        cursor_refuse_type(cursor, name, "a number", value);
        return unknown();
    }
    number = json_object_get_double(value);
    if (!isfinite(number) || number < least || number > most) {
        cursor_refuse_type(
            cursor, name,
            least < 0 ? "a finite number of a believable size"
                      : "a number, neither negative nor absurdly large",
            value);
        return unknown();
    }
    return known(number + 0.0); /* no negative zero */
}

/* The common case: a measured figure that may be absent, not negative. */
Known
cursor_known(Cursor *cursor, const char *name)
{
    return cursor_number(cursor, name, MEMBER_OPTIONAL, 0, RECORD_MAX_NUMBER);
}

bool
cursor_bool(Cursor *cursor, const char *name)
{
    JsonObject *value = cursor_member(cursor, name, MEMBER_OPTIONAL);

    if (value && !json_object_is_type(value, json_type_boolean)) {
        cursor_refuse_type(cursor, name, "true or false", value);
        return false;
    }
    return value && json_object_get_boolean(value);
}

/* Borrowed from the JSON; NULL if absent. */
const char *
cursor_string_value(Cursor *cursor, const char *name, JsonObject *value)
{
    const char *text;

    if (!json_object_is_type(value, json_type_string)) {
        cursor_refuse_type(cursor, name, "a string", value);
        return NULL;
    }
    text = json_object_get_string(value);
    if (strlen(text) != (size_t)json_object_get_string_len(value)) {
        cursor_refuse(cursor, name, "holds a NUL character");
        return NULL;
    }
    return text;
}

const char *
cursor_string(Cursor *cursor, const char *name, MemberNeed need)
{
    JsonObject *value = cursor_member(cursor, name, need);

    return value ? cursor_string_value(cursor, name, value) : NULL;
}

unsigned
cursor_word_index(Cursor *cursor, const char *name, const RecordWords *words,
                  const char *text)
{
    g_autoptr(GString) all = g_string_new(NULL);
    g_autofree char *brief = cursor_shorten(text);

    for (size_t i = 0; i < words->n; i++) {
        if (strcmp(words->words[i], text) == 0) {
            return (unsigned)i;
        }
        g_string_append_printf(all, "%s%s", i ? ", " : "", words->words[i]);
    }
    cursor_refuse(cursor, name, "is '%s', none of %s", brief, all->str);
    return 0;
}

/* The first word of the table if the member is absent. */
unsigned
cursor_word(Cursor *cursor, const char *name, MemberNeed need,
            const RecordWords *words)
{
    const char *text = cursor_string(cursor, name, need);

    return text ? cursor_word_index(cursor, name, words, text) : 0;
}

/* A member that must be an object or an array if it is there. */
JsonObject *
cursor_container(Cursor *cursor, const char *name, MemberNeed need,
                 enum json_type type)
{
    JsonObject *value = cursor_member(cursor, name, need);

    if (value && !json_object_is_type(value, type)) {
        cursor_refuse_type(cursor, name,
                           type == json_type_array ? "an array" : "an object",
                           value);
        return NULL;
    }
    return value;
}

/* Steps into an object; absent ones read as empty. */
Cursor
cursor_enter(Cursor *cursor, const char *name, MemberNeed need,
             JsonObject **empty)
{
    JsonObject *value = cursor_container(cursor, name, need, json_type_object);

    if (!value) {
        if (!*empty) {
            *empty = json_object_new_object();
        }
        value = *empty;
    }
    return (Cursor){ value, name, cursor->error, cursor->ok };
}

void
cursor_leave(Cursor *cursor, const Cursor *inner)
{
    cursor->ok = inner->ok;
}

void
cursor_texts(Cursor *cursor, const char *name, GPtrArray *texts)
{
    JsonObject *array =
        cursor_container(cursor, name, MEMBER_OPTIONAL, json_type_array);
    size_t n = array ? json_object_array_length(array) : 0;

    for (size_t i = 0; i < n && cursor->ok; i++) {
        g_autofree char *item = g_strdup_printf("%s[%zu]", name, i);
        const char *text = cursor_string_value(
            cursor, item, json_object_array_get_idx(array, i));

        if (text) {
            g_ptr_array_add(texts, g_strdup(text));
        }
    }
}
