/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-past.c - the daemon's runs and those of the history, as one list
 */
#include <criterion/criterion.h>
#include <string.h>

#include "tools/cli/past.h"

static JsonObject *
runs_of(const char *text)
{
    return jobj_parse(text, strlen(text), NULL);
}

static void
add(GPtrArray *history, const char *uuid, int64_t started_us)
{
    StoreRun *run = store_run_new();

    run->guest_uuid = g_strdup(uuid);
    run->started_us = started_us;
    run->outcome = g_strdup("completed");
    g_ptr_array_add(history, run);
}

static char *
describe(JsonObject *runs)
{
    GString *text = g_string_new(NULL);

    for (size_t i = 0; i < json_object_array_length(runs); i++) {
        JsonObject *run = json_object_array_get_idx(runs, i);
        const char *session = "-", *uuid = "-";

        jobj_get_string(run, "session", &session);
        jobj_get_string(run, "uuid", &uuid);
        g_string_append_printf(text, "%s/%s ", uuid, session);
    }
    return g_string_free(text, FALSE);
}

/* 2026-01-01T00:00:00Z */
#define DAY_US 1767225600000000LL

Test(past, what_both_have_is_there_once)
{
    g_autoptr(GPtrArray) history =
        g_ptr_array_new_with_free_func((GDestroyNotify)store_run_free);
    JsonObject *runs =
        runs_of("[{\"session\":\"1\",\"uuid\":\"a\",\"started\":"
                "\"2026-01-01T00:00:00.000000+00:00\"},"
                "{\"session\":\"2\",\"uuid\":\"b\",\"started\":null}]");
    g_autofree char *all = NULL;
    g_autofree char *two = NULL;

    add(history, "a", DAY_US + 2 * G_USEC_PER_SEC); /* the same */
    add(history, "a", DAY_US + 60 * G_USEC_PER_SEC);
    add(history, "c", DAY_US);
    runs = past_merge(runs, history, 10);
    all = describe(runs);
    cr_expect(strcmp(all, "a/- a/1 c/- b/2 ") == 0 ||
                  strcmp(all, "a/- c/- a/1 b/2 ") == 0,
              "%s", all);
    runs = past_merge(runs, NULL, 1);
    two = describe(runs);
    cr_expect_str_eq(two, "a/- ");
    jobj_unref(runs);
}

Test(past, a_record_shows_what_was_decided)
{
    g_autoptr(RunRecord) record = run_record_new();
    RunDecision decision = { .t_s = 3, .iter = 2 };
    g_autoptr(JsonObject) show = NULL;
    JsonObject *made;
    const char *text = NULL, *state = NULL, *time = NULL;

    record->started = g_strdup("2026-01-01T00:00:00.000000+00:00");
    record->guest_name = g_strdup("vm");
    record->status = RUN_STATUS_ABORTED;
    decision.decision.step = POLICY_STEP_SET;
    g_strlcpy(decision.decision.reason, "because",
              sizeof(decision.decision.reason));
    g_array_append_val(record->decisions, decision);
    show = past_show_record(record);
    made = json_object_array_get_idx(jobj_get(show, "decisions"), 0);
    cr_assert(jobj_get_string(made, "text", &text));
    cr_expect_str_eq(text, "because");
    cr_assert(jobj_get_string(made, "time", &time));
    cr_expect_str_eq(time, "2026-01-01T00:00:03.000000+00:00");
    cr_assert(jobj_get_string(show, "session.state", &state));
    cr_expect_str_eq(state, "cancelled");
    cr_expect_null(jobj_get(show, "record.events"));

    /* a daemon that has but the record */
    jobj_add(show, "session", NULL);
    jobj_add(show, "decisions", NULL);
    show = past_complete(g_steal_pointer(&show));
    cr_assert(jobj_get_string(show, "session.state", &state));
    cr_expect_str_eq(state, "cancelled");
    cr_expect_eq(json_object_array_length(jobj_get(show, "decisions")), 1);
}
