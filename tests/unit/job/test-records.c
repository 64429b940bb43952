/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-records.c - real migrations, fed to a job again
 *
 * Decisions and rows must be those of the record. Where forecasts or policies
 * were changed on purpose, build/tests/unit/job/retell-record brings the
 * records up to date.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>

#include "base/json.h"
#include "job/job.h"
#include "replay-check.h"

/* For the linear algebra of another processor. */
#define TOLERANCE 1e-6

typedef struct {
    char name[32];
    unsigned least_decisions;
} RecordCase;

static RunRecord *
load(const char *name)
{
    g_autofree char *path = g_build_filename(TEST_DATA, "records", name, NULL);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    RunRecord *record = NULL;
    gsize length = 0;

    if (g_file_get_contents(path, &text, &length, &error)) {
        record = run_record_parse(text, length, &error);
    }
    cr_assert_not_null(record, "%s: %s", name, error ? error->message : "");
    return record;
}

ParameterizedTestParameters(job_records, repeat_themselves)
{
    static RecordCase cases[] = {
        { "real-default.json", 3 },
        { "real-none.json", 0 },
        { "real-patched.json", 0 },
    };

    return cr_make_param_array(RecordCase, cases, G_N_ELEMENTS(cases), NULL);
}

ParameterizedTest(RecordCase *c, job_records, repeat_themselves)
{
    g_autoptr(RunRecord) record = load(c->name);
    g_autofree char *wrong = replay_check(record, TOLERANCE);

    cr_expect_null(wrong,
                   "%s: %s; was that on purpose? then: "
                   "build/tests/unit/job/retell-record tests/data/records/%s",
                   c->name, wrong, c->name);
    cr_expect_geq(record->iterations->len, 3);
    cr_expect_geq(record->decisions->len, c->least_decisions);
}

/* What the comparison is worth: a recorded decision that was never taken. */
Test(job_records, a_changed_decision_is_noticed)
{
    g_autoptr(RunRecord) record = load("real-default.json");
    g_autofree char *wrong = NULL;

    g_array_index(record->decisions, RunDecision, 1)
        .decision.guarantee_bytes_s += 1000;
    wrong = replay_check(record, TOLERANCE);
    cr_expect_not_null(wrong);
}

/* QEMU told it all, and the polls go on: without what it told the identity has
 * the same dirty pages, and what was to send from the readings around a sync. */
Test(job_records, what_was_told_agrees_with_what_is_worked_out)
{
    g_autoptr(RunRecord) record = load("real-patched.json");
    g_autoptr(GHashTable) told = g_hash_table_new(NULL, NULL);
    unsigned compared = 0;

    for (guint i = 0; i < record->iterations->len; i++) {
        const SampleRow *row =
            &g_array_index(record->iterations, RunIteration, i).row;

        cr_expect_eq(row->source, SAMPLE_SOURCE_PATCH);
        cr_expect_eq(row->hot_pages.known, row->dirty_pages.known);
        cr_expect_eq(row->hot_pages.value + row->cold_pages.value,
                     row->dirty_pages.value);
        g_hash_table_insert(told, GUINT_TO_POINTER(row->iter), (void *)row);
    }
    for (size_t i = 0; i < json_object_array_length(record->events); i++) {
        json_object_object_del(json_object_array_get_idx(record->events, i),
                               "told");
    }
    {
        g_autoptr(RunRecord) stock = load("real-patched.json");
        g_autoptr(GError) error = NULL;

        jobj_unref(stock->events);
        stock->events = json_object_get(record->events);
        cr_assert(replay_retell(stock, &error));
        for (guint i = 0; i < stock->iterations->len; i++) {
            const SampleRow *row =
                &g_array_index(stock->iterations, RunIteration, i).row;
            const SampleRow *exact =
                g_hash_table_lookup(told, GUINT_TO_POINTER(row->iter));

            cr_expect_eq(row->source, SAMPLE_SOURCE_LIBVIRT);
            cr_expect_not(row->hot_pages.known);
            if (row->merged > 1 || !row->dirty_pages.known) {
                continue;
            }
            cr_expect_leq(
                fabs(row->dirty_pages.value - exact->dirty_pages.value), 1,
                "row %u", row->iter);
            compared++;
        }
    }
    cr_expect_geq(compared, 20);
}

Test(job_records, another_policy_can_be_tried)
{
    g_autoptr(RunRecord) record = load("real-default.json");
    g_autoptr(GArray) actions = NULL;
    g_autoptr(GError) error = NULL;
    JsonObject *json = NULL;
    JobConfig config;
    unsigned decided = 0;

    cr_assert(json_object_object_get_ex(record->extra, "job_config", &json));
    cr_assert(job_config_from_json(json, &config, &error));
    policy_settings_init(&config.policy, POLICY_PAPER);
    actions = job_replay(&config, record->events, &error);
    cr_assert_not_null(actions, "%s", error ? error->message : "");
    for (guint i = 0; i < actions->len; i++) {
        decided +=
            g_array_index(actions, JobAction, i).kind == JOB_ACTION_DECIDED;
    }
    cr_expect_geq(decided, 3);
}
