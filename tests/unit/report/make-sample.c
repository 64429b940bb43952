/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * make-sample.c - writes the made-up records as files, for tests and eyes
 *
 *     make-sample DIR    leaves DIR/none.json and DIR/default.json
 */
#include <stdio.h>

#include "sample-records.h"

static bool
write_record(const char *directory, const char *name, PolicyKind kind)
{
    g_autoptr(RunRecord) record = sample_record(kind);
    g_autoptr(JsonObject) json = run_record_to_json(record);
    g_autofree char *text = jobj_to_text(json, false);
    g_autofree char *path = g_build_filename(directory, name, NULL);
    g_autoptr(GError) error = NULL;

    if (!g_file_set_contents(path, text, -1, &error)) {
        fprintf(stderr, "make-sample: %s\n", error->message);
        return false;
    }
    return true;
}

int
main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: make-sample DIR\n");
        return 2;
    }
    return write_record(argv[1], "none.json", POLICY_NONE) &&
                   write_record(argv[1], "default.json", POLICY_DEFAULT)
               ? 0
               : 1;
}
