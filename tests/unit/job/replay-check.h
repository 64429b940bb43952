/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replay-check.h - does a record repeat itself?
 */
#ifndef REPLAY_CHECK_H
#define REPLAY_CHECK_H

#include "report/record.h"

/**
 * replay_check() - Feed the record's events to a new job
 * @tolerance: Relative, of what was computed. 0: to the byte and the last
 *             digit, reasons included; right for a record of this machine.
 *             Another one's linear algebra may round otherwise.
 *
 * With the configuration that it was made with (extra.job_config). Decisions
 * and rows must come out as recorded.
 * Return: NULL if they do, else what does not; g_free() it
 */
char *replay_check(const RunRecord *record, double tolerance);

/**
 * replay_retell() - Put in what a job decides today
 *
 * For a kept record, after a deliberate change of forecasts or policies:
 * decisions and rows are replaced, what happened stays.
 */
bool replay_retell(RunRecord *record, GError **error);

#endif
