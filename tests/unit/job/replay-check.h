/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replay-check.h - does a record repeat itself?
 */
#ifndef REPLAY_CHECK_H
#define REPLAY_CHECK_H

#include "report/record.h"

/**
 * replay_check() - Feed the record's events to a new job
 *
 * With the configuration that it was made with (extra.job_config). Decisions
 * and rows must come out exactly as recorded.
 * Return: NULL if they do, else what does not; g_free() it
 */
char *replay_check(const RunRecord *record);

#endif
