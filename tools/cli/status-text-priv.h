/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * status-text-priv.h - between status-text.c and past-text.c
 */
#ifndef CLI_STATUS_TEXT_PRIV_H
#define CLI_STATUS_TEXT_PRIV_H

#include "tools/cli/status-text.h"
#include "tools/cli/text-table.h"

/** status_text_sessions() - A table of sessions, without any yet */
TextTable *status_text_sessions(void);

/** status_text_add_session() - A row of it, and lines on what it cannot tell */
void status_text_add_session(TextTable *table, JsonObject *session);

#endif
