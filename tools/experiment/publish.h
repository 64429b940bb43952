/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * publish.h - an experiment as it is committed: page, pictures, data
 */
#ifndef EXPERIMENT_PUBLISH_H
#define EXPERIMENT_PUBLISH_H

#include <glib.h>
#include <stdbool.h>

#include "experiment/summary.h"

#define PUBLISH_ERROR (publish_error_quark())
GQuark publish_error_quark(void);
typedef enum { PUBLISH_ERROR_NOT_OURS, PUBLISH_ERROR_EMPTY } PublishErrorCode;

/**
 * publish() - Write the folder @folder/SCENARIO
 * @text: The scenario as it was run
 *
 *   README.md     the report, with the pictures in it
 *   NAME.conf     the scenario
 *   runs.csv      a line a run
 *   summary.csv   a line a cell, method and measure
 *   runs.jsonl.zst  the same runs with their time lines, for report and compare
 *   *.svg         the pictures
 *
 * What an earlier one wrote there is replaced, pictures that are no longer made
 * are removed. A folder that holds anything else is refused and left alone.
 * Nothing written names a machine, host or path.
 */
bool publish(const char *folder, const Summary *summary,
             const GPtrArray *results, const char *text, GError **error);

#endif
