/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lines-priv.h - texts whose lines are fields: tables, graphs
 */
#ifndef PLAN_LINES_PRIV_H
#define PLAN_LINES_PRIV_H

#include "plan/import.h"

typedef struct PlanLines {
    const char *at;
    const char *end;
    const char *line; /* what is left of the present one */
    const char *line_end;
    size_t number;    /* of the line, from 1 */
    const char *what; /* "the guests", for messages */
    GError *error;    /* the first; nothing is read after it */
} PlanLines;

/** plan_lines_next() - Go to the next line; false at the end or on an error */
bool plan_lines_next(PlanLines *lines);

/** plan_lines_blank() - Is the rest of the line white space? */
bool plan_lines_blank(PlanLines *lines);

/**
 * plan_lines_number() - The next field, a number from @least to @most
 * @name: What it is, for messages
 *
 * Fields end at white space or a comma.
 * Return: @least once there is an error
 */
int64_t plan_lines_number(PlanLines *lines, const char *name, int64_t least,
                          int64_t most);

/** plan_lines_word() - The next field as it is, "" if empty; g_free() it */
char *plan_lines_word(PlanLines *lines);

/** plan_lines_end() - Complain if the line has more */
void plan_lines_end(PlanLines *lines);

/** plan_lines_fail() - Note an error at the present line, if it is the first */
void plan_lines_fail(PlanLines *lines, const char *format, ...)
    G_GNUC_PRINTF(2, 3);

#endif
