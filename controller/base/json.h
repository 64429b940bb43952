/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * json.h - json-c, with getters that tell "absent" from "wrong"
 *
 * json-c hands out 0 for a member that is missing or of another type. A peer's
 * message must not be read like that: each getter here returns whether the
 * member was there with the right type. A path may name nested members,
 * "ram.remaining".
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/known.h"

typedef struct json_object JsonObject;

static inline void
jobj_unref(JsonObject *object)
{
    json_object_put(object);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(JsonObject, jobj_unref)

/** jobj_get() - Borrow the member at @path, NULL if there is none */
JsonObject *jobj_get(JsonObject *object, const char *path);

/* Each returns false and leaves @value alone if the member is absent, null or
 * of another type. Integers must be whole and in range. Strings are borrowed
 * from @object. */
bool jobj_get_u64(JsonObject *object, const char *path, uint64_t *value);
bool jobj_get_i64(JsonObject *object, const char *path, int64_t *value);
bool jobj_get_double(JsonObject *object, const char *path, double *value);
bool jobj_get_bool(JsonObject *object, const char *path, bool *value);
bool jobj_get_string(JsonObject *object, const char *path, const char **value);

/** jobj_get_uint() - Likewise, of no more than @most */
bool jobj_get_uint(JsonObject *object, const char *path, unsigned most,
                   unsigned *value);

/** jobj_get_known() - A number that may be absent or null */
Known jobj_get_known(JsonObject *object, const char *path);

/* Add a member; @object takes ownership of what is added. A double that is not
 * finite, a Known that is not known and a NULL string are written as null. */
void jobj_add(JsonObject *object, const char *name, JsonObject *value);
void jobj_add_u64(JsonObject *object, const char *name, uint64_t value);
void jobj_add_i64(JsonObject *object, const char *name, int64_t value);
void jobj_add_double(JsonObject *object, const char *name, double value);
void jobj_add_bool(JsonObject *object, const char *name, bool value);
void jobj_add_string(JsonObject *object, const char *name, const char *value);
void jobj_add_known(JsonObject *object, const char *name, Known value);

/* Arrays of strings: of words that end with NULL (no words: empty), of an array
 * of strings, of a text's lines but the empty ones. */
JsonObject *jobj_new_words(const char *const *words);
JsonObject *jobj_new_strings(const GPtrArray *strings);
JsonObject *jobj_new_lines(const char *text);

/**
 * jobj_parse() - Read one JSON text, all of it
 * @text: Bytes, not necessarily terminated
 * @length: How many
 *
 * Return: a new reference, NULL with JOBJ_ERROR that names byte offset and line.
 * The JSON text "null" is refused, for NULL is how json-c spells it.
 */
JsonObject *jobj_parse(const char *text, size_t length, GError **error);

/** jobj_to_text() - Serialise; @pretty for people. g_free() it */
char *jobj_to_text(JsonObject *object, bool pretty);

#define JOBJ_ERROR (jobj_error_quark())
GQuark jobj_error_quark(void);
typedef enum { JOBJ_ERROR_SYNTAX } JobjError;

#endif
