/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * history.c - see history.h
 */
#include "tools/cli/history.h"

#include "store/keep.h"

char *
history_path(const char *option)
{
    const char *path = option ? option : g_getenv("VMFERRY_HISTORY");

    if (!path || !*path) {
        path = STORE_DEFAULT_PATH;
    }
    return g_str_equal(path, "none") ? NULL : g_strdup(path);
}

char *
history_keep(const char *path, const RunRecord *record)
{
    g_autoptr(GError) error = NULL;

    return store_keep_record(path, record, &error)
               ? NULL
               : g_strdup_printf("this migration is not remembered for the "
                                 "next forecast: %s (--history FILE names "
                                 "another file)",
                                 error->message);
}
