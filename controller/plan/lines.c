/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lines.c - see lines-priv.h
 */
#include "plan/lines-priv.h"

#include <inttypes.h>
#include <string.h>

bool
plan_lines_next(PlanLines *l)
{
    const char *newline;

    if (l->error || l->at >= l->end) {
        return false;
    }
    newline = memchr(l->at, '\n', (size_t)(l->end - l->at));
    l->line = l->at;
    l->line_end = newline ? newline : l->end;
    l->at = newline ? newline + 1 : l->end;
    l->number++;
    return true;
}

static void
skip_blanks(PlanLines *l)
{
    while (l->line < l->line_end && g_ascii_isspace(*l->line)) {
        l->line++;
    }
}

bool
plan_lines_blank(PlanLines *l)
{
    skip_blanks(l);
    return l->line == l->line_end;
}

void
plan_lines_fail(PlanLines *l, const char *format, ...)
{
    g_autofree char *message = NULL;
    va_list arguments;

    if (l->error) {
        return;
    }
    va_start(arguments, format);
    message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    l->error = g_error_new(PLAN_ERROR, PLAN_ERROR_SYNTAX, "%s, line %zu: %s",
                           l->what, l->number, message);
}

char *
plan_lines_word(PlanLines *l)
{
    const char *start;
    const char *stop;

    skip_blanks(l);
    start = stop = l->line;
    while (stop < l->line_end && *stop != ',' && !g_ascii_isspace(*stop)) {
        stop++;
    }
    l->line = stop;
    skip_blanks(l);
    if (l->line < l->line_end && *l->line == ',') {
        l->line++;
    }
    return g_strndup(start, (gsize)(stop - start));
}

int64_t
plan_lines_number(PlanLines *l, const char *name, int64_t least, int64_t most)
{
    g_autofree char *word = NULL;
    gint64 value;

    if (l->error) {
        return least;
    }
    word = plan_lines_word(l);
    if (!*word) {
        plan_lines_fail(l, "%s is missing", name);
        return least;
    }
    if (!g_ascii_string_to_signed(word, 10, least, most, &value, NULL)) {
        g_autofree char *shown = g_utf8_make_valid(word, -1);

        plan_lines_fail(
            l, "%s: \"%.40s\" is no whole number from %" PRId64 " to %" PRId64,
            name, shown, least, most);
        return least;
    }
    return value;
}

void
plan_lines_end(PlanLines *l)
{
    if (!l->error && !plan_lines_blank(l)) {
        plan_lines_fail(l, "there is more on the line than its fields");
    }
}
