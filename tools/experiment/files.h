/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * files.h - the folder of an experiment
 *
 *   DIR/NAME.conf         the scenario as it was run
 *   DIR/runs/NAME.json    one a run; NAME.json.zst where libzstd is at hand
 *   DIR/oracles/CELL.json the run record that oracles of a cell go by
 *
 * One that was published (publish.h) has all its results in one file, a line
 * each and without records: DIR/runs.jsonl, or runs.jsonl.zst.
 */
#ifndef EXPERIMENT_FILES_H
#define EXPERIMENT_FILES_H

#include <glib.h>
#include <stdbool.h>

#include "experiment/result.h"
#include "experiment/scenario.h"

#define FILES_ERROR (files_error_quark())
GQuark files_error_quark(void);
typedef enum { FILES_ERROR_NO_EXPERIMENT, FILES_ERROR_ZSTD } FilesErrorCode;

/** files_read() - A file, also a compressed one */
bool files_read(const char *path, char **text, gsize *length, GError **error);

/** files_has_run() - Is there a result called that? */
bool files_has_run(const char *folder, const char *name);

/** files_read_run() - The result called that */
bool files_read_run(const char *folder, const char *name, char **text,
                    gsize *length, GError **error);

/** files_write_run() - Whole or not at all, compressed where we can */
bool files_write_run(const char *folder, const char *name, const char *text,
                     GError **error);

/** files_write_runs() - All of one that is published, whole or not at all
 * @lines: A result each */
bool files_write_runs(const char *folder, const char *lines, GError **error);

/** files_load() - Scenario and results, in the order of their names
 * @text: The scenario as it is written, g_free() it; may be NULL
 * @results: Result *, g_ptr_array_unref() it */
bool files_load(const char *folder, Scenario **scenario, char **text,
                GPtrArray **results, GError **error);

#endif
