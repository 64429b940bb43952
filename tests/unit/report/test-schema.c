/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-schema.c - what is written is what docs/run-record.schema.json says,
 * no member more and none less
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "sample-records.h"
#include "schema-check.h"

static JsonObject *
parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    JsonObject *json = jobj_parse(text, strlen(text), &error);

    cr_assert(json, "%s: %s", text, error ? error->message : "");
    return json;
}

static JsonObject *
load(const char *path)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;

    cr_assert(g_file_get_contents(path, &text, NULL, &error), "%s",
              error ? error->message : path);
    return parse(text);
}

static void
expect_fit(const RunRecord *record, const char *what)
{
    g_autoptr(JsonObject) schema = load(TEST_DOCS "/run-record.schema.json");
    g_autoptr(JsonObject) json = run_record_to_json(record);
    /* as a reader sees it, not as json-c holds it */
    g_autofree char *text = jobj_to_text(json, false);
    g_autoptr(JsonObject) read = parse(text);
    g_autofree char *wrong = schema_check(schema, read, true);

    cr_assert_null(wrong, "%s: %s", what, wrong);
}

Test(schema, written_records_fit)
{
    g_autoptr(RunRecord) empty = run_record_new();

    expect_fit(empty, "empty");
    for (int kind = 0; kind < POLICY_N_KINDS; kind++) {
        g_autoptr(RunRecord) record = sample_record((PolicyKind)kind);

        expect_fit(record, "sample");
    }
}

Test(schema, record_with_everything_fits)
{
    g_autoptr(RunRecord) record = sample_record(POLICY_DEFAULT);
    RunIteration *it = &g_array_index(record->iterations, RunIteration, 1);
    RunDecision *made = &g_array_index(record->decisions, RunDecision, 1);

    it->row.flags =
        SAMPLE_FLAG_TICK | SAMPLE_FLAG_BACKWARDS | SAMPLE_FLAG_TIME_GUESSED;
    it->row.throttle_percent = 99;
    made->applied = false;
    made->error = g_strdup("no");
    made->t_s = -0.2;
    record->policy.deadline_s = known(60);
    record->events = parse("[{\"any\":[]}]");
    record->extra = parse("{\"cross_traffic\":{}}");
    expect_fit(record, "full");
}

/* Records kept as data stay readable, whatever version wrote them. */
Test(schema, kept_records_fit_and_parse)
{
    static const char directory[] = TEST_DATA "/records";
    g_autoptr(JsonObject) schema = load(TEST_DOCS "/run-record.schema.json");
    g_autoptr(GDir) files = g_dir_open(directory, 0, NULL);
    const char *name;
    unsigned n = 0;

    cr_assert(files);
    while ((name = g_dir_read_name(files))) {
        g_autofree char *path = g_build_filename(directory, name, NULL);
        g_autofree char *text = NULL;
        g_autofree char *wrong = NULL;
        g_autoptr(GError) error = NULL;

        if (!g_str_has_suffix(name, ".json")) {
            continue;
        }
        g_autoptr(JsonObject) json = load(path);
        wrong = schema_check(schema, json, false);
        cr_assert_null(wrong, "%s%s", name, wrong);
        cr_assert(g_file_get_contents(path, &text, NULL, NULL));
        g_autoptr(RunRecord) record =
            run_record_parse(text, strlen(text), &error);
        cr_assert(record, "%s: %s", name, error ? error->message : "");
        n++;
    }
    cr_assert_geq(n, 2);
}

typedef struct {
    char schema[160];
    char value[64];
    char want[64]; /* in the complaint; empty: fits */
} CheckCase;

/* The check itself must be able to fail. */
ParameterizedTestParameters(schema, check)
{
    static CheckCase cases[] = {
        { "{\"type\":\"object\"}", "{}", "" },
        { "{\"type\":\"object\"}", "[]", "no \"object\"" },
        { "{\"type\":\"integer\"}", "{}", "no \"integer\"" },
        { "{\"items\":{\"type\":\"integer\"}}", "[1,2.0]", "" },
        { "{\"items\":{\"type\":\"integer\"}}", "[1,2.5]", "[1]: 2.5" },
        { "{\"items\":{\"type\":[\"number\",\"null\"]}}", "[1.5,null]", "" },
        { "{\"items\":{\"type\":[\"number\",\"null\"]}}", "[1.5,\"\"]", "[1]" },
        { "{\"items\":{\"type\":\"string\"}}", "[null]", "[0]: null" },
        { "{\"items\":{\"enum\":[\"a\",\"b\"]}}", "[\"a\",\"c\"]",
          "[1]: \"c\" is none of" },
        { "{\"items\":{\"minimum\":0}}", "[0,-1]", "[1]: -1 is out of" },
        { "{\"items\":{\"maximum\":9}}", "[9,10]", "[1]: 10 is out of" },
        { "{\"required\":[\"a\"]}", "{\"b\":1}", "member a is missing" },
        { "{\"required\":[\"a\"]}", "{\"a\":null}", "" },
        { "{\"properties\":{\"a\":{\"type\":\"string\"}}}", "{\"a\":1}",
          ".a: 1" },
        { "{\"properties\":{\"a\":{}}}", "{\"b\":1}", "does not name it" },
        { "{\"additionalProperties\":{\"type\":\"number\"}}",
          "{\"a\":1,\"b\":\"\"}", ".b" },
        { "{\"pattern\":\"x\"}", "{}", "does not know the word pattern" },
    };

    return cr_make_param_array(CheckCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(CheckCase *check, schema, check)
{
    g_autoptr(JsonObject) schema = parse(check->schema);
    g_autoptr(JsonObject) value = parse(check->value);
    g_autofree char *wrong = schema_check(schema, value, true);

    if (*check->want) {
        cr_assert(wrong && strstr(wrong, check->want), "%s", wrong);
    } else {
        cr_assert_null(wrong, "%s", wrong);
    }
}
