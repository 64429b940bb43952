/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * keep.h - a run record's part of the history
 *
 * Of a run, the passes are kept whose D(T) says something about the guest as
 * it is: each seen alone and from its beginning, not throttled, and not the one
 * with the guest stopped. A run that was aborted has passes as good as any
 * other's.
 */
#ifndef STORE_KEEP_H
#define STORE_KEEP_H

#include "report/record.h"
#include "store/store.h"

/**
 * store_run_of_record() - What is kept of a run that ended just now
 *
 * Return: store_run_free() it; NULL if the guest has no UUID
 */
StoreRun *store_run_of_record(const RunRecord *record);

/**
 * store_keep_record() - Write it down
 * @path: Of the store; NULL: nothing is kept
 *
 * A run without a pass has nothing to say, which is no error.
 */
bool store_keep_record(const char *path, const RunRecord *record,
                       GError **error);

#endif
