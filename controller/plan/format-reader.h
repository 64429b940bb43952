/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * format-reader.h - members of the format's objects, read until one is wrong
 *
 * A Reader holds the first thing that was wrong and where. Getters do nothing
 * once it is set, so that what calls them reads like the format. The path to
 * the present object is kept as text. What is not there leaves its value alone,
 * unless it has to be.
 */
#ifndef PLAN_FORMAT_READER_H
#define PLAN_FORMAT_READER_H

#include "plan/format.h"

typedef struct Reader {
    GError *error;
    char where[96]; /* "hosts[3]" */
    PlanModel *m;
    GHashTable *resources, *hosts, *guests, *groups; /* name -> index + 1 */
} Reader;

/** reader_wrong() - What is wrong with @member ("" the object itself), unless
 * something was before */
void reader_wrong(Reader *r, const char *member, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/** reader_at() - The path to the object that follows */
void reader_at(Reader *r, const char *format, ...) G_GNUC_PRINTF(2, 3);

/** reader_members_known() - It has no others; a blank after each name */
void reader_members_known(Reader *r, JsonObject *object,
                          const char *known_names);
JsonObject *reader_member(Reader *r, JsonObject *object, const char *name);

/** reader_is_whole() - A number that the format can hold, without fraction */
bool reader_is_whole(JsonObject *value, int64_t *number);
void reader_whole(Reader *r, JsonObject *object, const char *name,
                  int64_t *number);
void reader_unsigned(Reader *r, JsonObject *object, const char *name,
                     uint64_t *number);
/** reader_milli() - A fraction, kept in thousandths */
void reader_milli(Reader *r, JsonObject *object, const char *name,
                  int64_t *milli);
void reader_flag(Reader *r, JsonObject *object, const char *name, bool *flag);
const char *reader_text(Reader *r, JsonObject *object, const char *name,
                        bool required);

/** reader_list() - An array, NULL if it is not there; its length goes to @n */
JsonObject *reader_list(Reader *r, JsonObject *object, const char *name,
                        bool required, size_t *n);

/** reader_take_name() - The name of element @i, new in @table; g_free() it */
char *reader_take_name(Reader *r, JsonObject *object, GHashTable *table,
                       size_t i);

/* The index of what is named, in one of the tables above; @what it is, for the
 * message. */
int32_t reader_find_value(Reader *r, GHashTable *table, const char *what,
                          const char *where, JsonObject *value);
int32_t reader_ref(Reader *r, JsonObject *object, const char *name,
                   GHashTable *table, const char *what);
int32_t *reader_refs(Reader *r, JsonObject *object, const char *name,
                     GHashTable *table, const char *what, size_t *n);

/* Amounts by resource, {"cpu": 4, "memory": 8}; absent ones stay. */
void reader_amount_list(Reader *r, JsonObject *value, const char *name,
                        int64_t *amounts);
void reader_amounts(Reader *r, JsonObject *object, const char *name,
                    int64_t *amounts);

/** reader_features() - Bits of the model's features */
uint64_t reader_features(Reader *r, JsonObject *object, const char *name);

/* --- format-read-rules.c: element @i of the array of that name --- */

void reader_group(Reader *r, JsonObject *object, size_t i);
void reader_rule(Reader *r, JsonObject *object, size_t i);
void reader_total(Reader *r, JsonObject *object, size_t i);
void reader_trunk(Reader *r, JsonObject *object, size_t i);
void reader_balance(Reader *r, JsonObject *object, size_t i);
void reader_flow(Reader *r, JsonObject *object, size_t i);

#endif
