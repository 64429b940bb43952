/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * history.h - the store of earlier migrations, as the commands use it
 */
#ifndef CLI_HISTORY_H
#define CLI_HISTORY_H

#include <glib.h>

#include "report/record.h"
#include "store/store.h"

/**
 * history_path() - Which file
 * @option: Value of --history; NULL: not given
 *
 * Without the option $VMFERRY_HISTORY, without that STORE_DEFAULT_PATH.
 * Return: g_free() it; NULL for "none"
 */
char *history_path(const char *option);

/**
 * history_keep() - Write a run down
 * @path: Of history_path(); NULL: nothing is kept
 *
 * Return: NULL, or a line on why it could not be kept, g_free() it
 */
char *history_keep(const char *path, const RunRecord *record);

#endif
