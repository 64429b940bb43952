/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * retell-record.c - brings kept records up to date, for test-records.c
 *
 *     retell-record RECORD...
 *
 * Run by hand after a deliberate change of forecasts or policies; the
 * difference is to be read before it is committed. A record is written on one
 * line, without its time lines, which nothing is decided by.
 */
#include <stdio.h>
#include <string.h>

#include "replay-check.h"

static bool
retell(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(RunRecord) record = NULL;
    g_autoptr(JsonObject) json = NULL;
    g_autofree char *text = NULL;
    g_autofree char *body = NULL;
    g_autofree char *line = NULL;
    gsize length = 0;

    if (g_file_get_contents(path, &text, &length, &error) &&
        (record = run_record_parse(text, length, &error)) &&
        replay_retell(record, &error)) {
        g_array_set_size(record->points, 0);
        json = run_record_to_json(record);
        body = jobj_to_text(json, false);
        line = g_strconcat(body, "\n", NULL);
        g_file_set_contents(path, line, -1, &error);
    }
    if (error) {
        fprintf(stderr, "retell-record: %s: %s\n", path, error->message);
    }
    return !error;
}

int
main(int argc, char **argv)
{
    int status = 0;

    if (argc < 2) {
        fprintf(stderr, "usage: retell-record RECORD...\n");
        return 2;
    }
    for (int i = 1; i < argc; i++) {
        if (!retell(argv[i])) {
            status = 1;
        }
    }
    return status;
}
