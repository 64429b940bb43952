/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check-record.c - is a record what its schema says, and does it replay?
 *
 *     check-record SCHEMA RECORD...
 *
 * Members that the schema does not name are refused too: what is written is
 * what is documented. Then the record is read as the report reads it, and its
 * events are fed to a new job, which must decide what was decided.
 */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "replay-check.h"
#include "report/record.h"
#include "schema-check.h"

static JsonObject *
parse(const char *path, const char *text, gsize length)
{
    g_autoptr(GError) error = NULL;
    JsonObject *json = jobj_parse(text, length, &error);

    if (!json) {
        fprintf(stderr, "check-record: %s: %s\n", path, error->message);
    }
    return json;
}

static char *
load(const char *path, gsize *length)
{
    g_autoptr(GError) error = NULL;
    char *text = NULL;

    if (!g_file_get_contents(path, &text, length, &error)) {
        fprintf(stderr, "check-record: %s\n", error->message);
    }
    return text;
}

static bool
check(JsonObject *schema, const char *path)
{
    gsize length = 0;
    g_autofree char *text = load(path, &length);
    g_autoptr(JsonObject) json = text ? parse(path, text, length) : NULL;
    g_autoptr(RunRecord) record = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *wrong = NULL;

    if (!json) {
        return false;
    }
    wrong = schema_check(schema, json, true);
    if (!wrong) {
        record = run_record_parse(text, length, &error);
        wrong = record ? replay_check(record, 0) : g_strdup(error->message);
    }
    if (wrong) {
        fprintf(stderr, "check-record: %s: %s\n", path, wrong);
    }
    return !wrong;
}

int
main(int argc, char **argv)
{
    g_autofree char *text = NULL;
    g_autoptr(JsonObject) schema = NULL;
    gsize length = 0;
    int status = 0;

    if (argc < 3) {
        fprintf(stderr, "usage: check-record SCHEMA RECORD...\n");
        return 2;
    }
    text = load(argv[1], &length);
    schema = text ? parse(argv[1], text, length) : NULL;
    if (!schema) {
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        if (!check(schema, argv[i])) {
            status = 1;
        }
    }
    return status;
}
