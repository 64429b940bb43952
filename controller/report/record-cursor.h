/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record-cursor.h - read the members of a JSON object, refusing by name
 *
 * A cursor stands on one object and carries its name. The first failure sticks:
 * later calls do nothing and return zero or NULL, so that a list of members
 * reads like a list. A member that is absent or null is not known; one that is
 * there and makes no sense is refused.
 */
#ifndef REPORT_RECORD_CURSOR_H
#define REPORT_RECORD_CURSOR_H

#include "report/record-priv.h"

typedef struct Cursor {
    JsonObject *object; /* borrowed */
    const char *where;  /* "iterations[3]", "" at the top; borrowed */
    GError **error;     /* RECORD_ERROR_VALUE goes there */
    bool ok;            /* nothing has been refused yet */
} Cursor;

typedef enum { MEMBER_OPTIONAL, MEMBER_REQUIRED } MemberNeed;

/** cursor_refuse() - Fail: "member WHERE.NAME of the run record ..." */
void cursor_refuse(Cursor *cursor, const char *name, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/** cursor_shorten() - What was found may be a megabyte; g_free() it */
char *cursor_shorten(const char *text);

/** cursor_member() - Borrow it, NULL if absent or null (refused if needed) */
JsonObject *cursor_member(Cursor *cursor, const char *name, MemberNeed need);

uint64_t cursor_u64(Cursor *cursor, const char *name, MemberNeed need,
                    uint64_t least, uint64_t most);
int64_t cursor_i64(Cursor *cursor, const char *name);
Known cursor_number(Cursor *cursor, const char *name, MemberNeed need,
                    double least, double most);
/** cursor_known() - The common case: a figure that may be absent, >= 0 */
Known cursor_known(Cursor *cursor, const char *name);
bool cursor_bool(Cursor *cursor, const char *name);
/** cursor_string() - Borrowed from the JSON */
const char *cursor_string(Cursor *cursor, const char *name, MemberNeed need);
/** cursor_string_value() - Likewise of an item, @name being "flags[2]" */
const char *cursor_string_value(Cursor *cursor, const char *name,
                                JsonObject *value);

/** cursor_word() - Index in the table; 0 if the member is absent */
unsigned cursor_word(Cursor *cursor, const char *name, MemberNeed need,
                     const RecordWords *words);
unsigned cursor_word_index(Cursor *cursor, const char *name,
                           const RecordWords *words, const char *text);

/** cursor_container() - Borrow a member that must be of this type if present */
JsonObject *cursor_container(Cursor *cursor, const char *name, MemberNeed need,
                             enum json_type type);
/** cursor_refuse_type() - Fail: "must be WANTED, not ..." */
void cursor_refuse_type(Cursor *cursor, const char *name, const char *wanted,
                        JsonObject *found);
/** cursor_texts() - Append copies of an array's strings */
void cursor_texts(Cursor *cursor, const char *name, GPtrArray *texts);

/**
 * cursor_enter() - Step into an object
 * @empty: An absent one reads as this; made where needed, put by the caller
 */
Cursor cursor_enter(Cursor *cursor, const char *name, MemberNeed need,
                    JsonObject **empty);
/** cursor_leave() - Take over whether the inner one failed */
void cursor_leave(Cursor *cursor, const Cursor *inner);

#endif
