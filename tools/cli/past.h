/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * past.h - migrations that are over, out of what is kept of them
 *
 * The daemon keeps a record of each in a folder, and a line in track.jsonl
 * there; "vmferry migrate" and the daemon keep runs in the history. Who may
 * read these files needs no daemon. Documents are those of docs/protocol.md.
 */
#ifndef CLI_PAST_H
#define CLI_PAST_H

#include <glib.h>
#include <stdbool.h>

#include "base/json.h"
#include "report/record.h"
#include "store/store.h"

#define PAST_RECORDS "/var/lib/vmferry/records"

#define PAST_ERROR (past_error_quark())
GQuark past_error_quark(void);
typedef enum { PAST_ERROR_NONE } PastError;

/**
 * past_runs() - RUNs that the daemon kept, the latest first
 * @folder: Of its records; one that is not there is as good as empty
 * @guest: Name or UUID; NULL: all
 *
 * Return: a new array
 */
JsonObject *past_runs(const char *folder, const char *guest);

/**
 * past_merge() - Put runs of the history among others
 * @runs: Array of RUN; the result replaces it
 * @history: StoreRun *, or NULL
 * @most: So many remain, the latest
 *
 * A run that both have, of one guest at one time, is there once.
 */
JsonObject *past_merge(JsonObject *runs, const GPtrArray *history,
                       unsigned most);

/**
 * past_show() - One of them: {"session", "iterations", "decisions", "points",
 * "record"}
 * @id: Of its session, or a guest's name or UUID: its latest
 * @error: PAST_ERROR_NONE if there is none; G_FILE_ERROR, RECORD_ERROR
 */
JsonObject *past_show(const char *folder, const char *id, GError **error);

/** past_show_record() - The same of a record at hand */
JsonObject *past_show_record(const RunRecord *record);

/**
 * past_complete() - What a daemon shows of a migration that is over
 * @show: Taken. Without a "session" that is made from its "record"
 *
 * Return: @show, or what replaces it
 */
JsonObject *past_complete(JsonObject *show);

#endif
