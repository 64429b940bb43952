/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * follow.h - what is told of a plan, shown as it comes, until its end
 *
 * The same for a plan in this process and for one in the service.
 */
#ifndef CONSOLIDATE_FOLLOW_H
#define CONSOLIDATE_FOLLOW_H

#include <glib.h>
#include <stdbool.h>

#include "base/json.h"

typedef struct Follow {
    bool json, quiet;
    bool acts; /* a decision is not the end, unless it is to do nothing */
    bool all_or_nothing; /* a refusal is a failure */
    bool finished;       /* set by follow_event() */
    int status;          /* exit status then */
    bool shows_progress, line_open;
} Follow;

/**
 * follow_event() - Show it
 * @event: "decision", "step", "over", "note", "progress"
 * @data: Borrowed; others are passed over
 */
void follow_event(Follow *follow, const char *event, JsonObject *data);

/** follow_note() - The same of a text about @guest, or "" */
void follow_note(Follow *follow, const char *guest, const char *text);

#endif
