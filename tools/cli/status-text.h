/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * status-text.h - what the daemon tells, as people read it
 *
 * JSON of docs/protocol.md in, text out: no terminal, no clock. What is
 * missing or of another type is shown as "-", whatever the daemon sends. Each
 * returns lines that end with a line feed; g_free() them.
 */
#ifndef CLI_STATUS_TEXT_H
#define CLI_STATUS_TEXT_H

#include <glib.h>
#include <stdbool.h>

#include "base/json.h"

typedef struct TextLook {
    unsigned width; /* columns; 0: no limit */
    bool colour;
} TextLook;

/** status_text() - The status document */
char *status_text(JsonObject *status, const TextLook *look);

/** status_text_queue() - {"queue": [...]} */
char *status_text_queue(JsonObject *queue, const TextLook *look);

/** status_text_history() - {"runs": [...]} */
char *status_text_history(JsonObject *runs, const TextLook *look);

/** status_text_show() - What "show" returns */
char *status_text_show(JsonObject *show, const TextLook *look);

/** status_text_session() - A SESSION on one line, without a line feed */
char *status_text_session(JsonObject *session);

/** status_text_event() - An event on one line, without a line feed; NULL: it
 * says nothing that people would want to read */
char *status_text_event(JsonObject *event);

#endif
