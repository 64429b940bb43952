/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * text.h - plans, moves and hosts as people read them
 *
 * All strings are to be freed with g_free(), and end with a line feed unless
 * they are empty.
 */
#ifndef CONSOLIDATE_TEXT_H
#define CONSOLIDATE_TEXT_H

#include "consolidate/decide.h"

/** text_decision() - Why, the moves as a table, what stays undone, the sum */
char *text_decision(const ConsDecision *decision);

/** text_explain() - Moves of @guest, or all if NULL, each in full; "" if it has
 * none */
char *text_explain(const ConsDecision *decision, const char *guest);

/** text_step() - What became of a move: forecast against measured */
char *text_step(JsonObject *step);

/** text_over() - How a plan ended */
char *text_over(JsonObject *over);

/** text_status() - Of the manager's status document */
char *text_status(JsonObject *status);

/** text_seconds() - "4.2 s", "3 min 5 s"; "-" below zero. No line feed */
char *text_seconds(double seconds);

/** text_bytes() - "1.5 GiB". No line feed */
char *text_bytes(double bytes);

#endif
