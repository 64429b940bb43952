/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * text-members.h - members of a JSON object as words for people
 *
 * What is missing or of another type is NULL, which tables show as "-".
 */
#ifndef CLI_TEXT_MEMBERS_H
#define CLI_TEXT_MEMBERS_H

#include "base/json.h"
#include "tools/cli/status-text.h"

/** member_word() - Borrowed; NULL: empty or none */
const char *member_word(JsonObject *object, const char *path);
const char *member_word_or(JsonObject *object, const char *path,
                           const char *otherwise);

/** member_figure() - By units_format_rate() and the like; g_free() it, NULL: not
 * known */
char *member_figure(JsonObject *object, const char *path,
                    char *(*format)(double number));

/** member_figure_or_dash() - Likewise, "-" if it is not known */
char *member_figure_or_dash(JsonObject *object, const char *path,
                            char *(*format)(double number));

/** member_interval() - "17 s (15 s to 23 s)", or what is known of it */
char *member_interval(JsonObject *object, const char *path);

/** member_words() - An array of strings, "a, b"; NULL: empty */
char *member_words(JsonObject *object, const char *path, const char *between);

/** member_length() - 0 if it is no array */
size_t member_length(JsonObject *array);

/** members_tame() - What comes from elsewhere must not move the cursor: control
 * characters become question marks, in all of @value */
void members_tame(JsonObject *value);

char *text_format_count(double number); /* "7" */
char *text_format_share(double share);  /* "70 %" */

/** text_append_title() - A line of its own, after an empty one */
void text_append_title(GString *out, const TextLook *look, const char *text);

/** text_append_line() - Cut to the width; @colour: an escape sequence, or "" */
void text_append_line(GString *out, const TextLook *look, const char *colour,
                      const char *text);

#endif
