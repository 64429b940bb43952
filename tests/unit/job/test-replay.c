/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-replay.c - a recorded session repeats its decisions exactly
 */
#include <criterion/criterion.h>
#include <string.h>

#include "script.h"

static const Script scripts[] = {
    { .memory_pages = 40000,
      .set_pages = 16384,
      .write_pages_s = 800,
      .bandwidth_bytes_s = 5e6,
      .root_bytes_s = 6.06e6,
      .most_passes = 40 },
    { .memory_pages = 90000,
      .set_pages = 30000,
      .write_pages_s = 9000,
      .bandwidth_bytes_s = 5e6,
      .root_bytes_s = 6.06e6,
      .most_passes = 12 },
    { .memory_pages = 20000,
      .set_pages = 4000,
      .write_pages_s = 300,
      .bandwidth_bytes_s = 3e6,
      .root_bytes_s = 6.06e6,
      .most_passes = 40,
      .guest_tx_bytes_s = 1.2e6 },
};

/* As when a record is written to disk and read back. */
static JsonObject *
through_text(JsonObject *json)
{
    g_autofree char *text = jobj_to_text(json, false);
    g_autoptr(GError) error = NULL;
    JsonObject *again = jobj_parse(text, strlen(text), &error);

    cr_assert_not_null(again, "%s", error ? error->message : "");
    return again;
}

static void
expect_same(const JobAction *a, const JobAction *b, guint i)
{
    cr_assert_eq(a->kind, b->kind, "action %u", i);
    if (a->kind == JOB_ACTION_DECIDED) {
        cr_expect_eq(a->decision.step, b->decision.step);
        cr_expect_eq(a->decision.guarantee_bytes_s,
                     b->decision.guarantee_bytes_s);
        cr_expect_eq(a->decision.ceiling_bytes_s, b->decision.ceiling_bytes_s);
        cr_expect_str_eq(a->decision.reason, b->decision.reason);
    }
    if (a->kind == JOB_ACTION_ROW) {
        cr_expect_eq(a->iteration.row.dirty_pages.value,
                     b->iteration.row.dirty_pages.value);
        cr_expect_eq(a->iteration.forecast.pages.value,
                     b->iteration.forecast.pages.value);
    }
}

/* ... also where an oracle forecasts: what it knows is in the configuration. */
Test(job_replay, repeats_its_decisions_exactly)
{
    const ForecastCurve knows = {
        .points = { { 0.5, 300 }, { 20, 4000 } },
        .n_points = 2,
        .log_sd = 0.1,
    };

    for (size_t s = 0; s < G_N_ELEMENTS(scripts); s++) {
        for (int kind = 0; kind <= POLICY_N_KINDS; kind++) {
            bool has_oracle = kind == POLICY_N_KINDS;
            JobConfig config = script_config(
                &scripts[s], has_oracle ? POLICY_DEFAULT : (PolicyKind)kind);
            g_autoptr(JsonObject) events = json_object_new_array();
            g_autoptr(JsonObject) config_json = NULL;
            g_autoptr(Job) job = NULL;
            g_autoptr(GArray) live = NULL;
            g_autoptr(JsonObject) read_events = NULL;
            g_autoptr(JsonObject) read_config = NULL;
            g_autoptr(GArray) replayed = NULL;
            g_autoptr(GError) error = NULL;
            JobConfig again;

            if (has_oracle) {
                config.oracle = knows;
            }
            config_json = job_config_to_json(&config);
            job = job_new(&config);
            live = script_run(&scripts[s], job, events);
            read_events = through_text(events);
            read_config = through_text(config_json);
            cr_assert(job_config_from_json(read_config, &again, &error), "%s",
                      error ? error->message : "");
            cr_assert_eq(forecaster_has_oracle(job_forecaster(job)),
                         has_oracle);
            replayed = job_replay(&again, read_events, &error);
            cr_assert_not_null(replayed, "%s", error ? error->message : "");
            cr_assert_eq(live->len, replayed->len);
            for (guint i = 0; i < live->len; i++) {
                expect_same(&g_array_index(live, JobAction, i),
                            &g_array_index(replayed, JobAction, i), i);
            }
        }
    }
}

/* The share of a page that @config says goes over the wire. */
static double
share_seen(const JobConfig *config, JsonObject *events)
{
    Script script = scripts[1];
    g_autoptr(Job) job = job_new(config);
    g_autoptr(GArray) actions = NULL;

    script.wire_share = 0.25;
    actions = script_run(&script, job, events);
    return forecaster_wire_share(job_forecaster(job));
}

/* What an older vmferry recorded was decided without it. */
Test(job_replay, compressed_pages_are_measured_since_records_say_so)
{
    JobConfig config = script_config(&scripts[1], POLICY_DEFAULT), again;
    g_autoptr(JsonObject) events = json_object_new_array();
    g_autoptr(JsonObject) json = NULL;
    g_autoptr(GArray) replayed = NULL;
    g_autoptr(GError) error = NULL;

    cr_expect_eq(share_seen(&config, NULL), 1.0);
    config.measures_wire = true;
    cr_expect_float_eq(share_seen(&config, events), 0.25, 0.02, "%g",
                       share_seen(&config, NULL));
    json = job_config_to_json(&config);
    cr_assert(job_config_from_json(json, &again, NULL));
    cr_expect(again.measures_wire);
    replayed = job_replay(&again, events, &error);
    cr_expect_not_null(replayed, "%s", error ? error->message : "");
    json_object_object_del(json, "measures_wire");
    cr_assert(job_config_from_json(json, &again, NULL));
    cr_expect_not(again.measures_wire);
}

typedef struct {
    const char *text;
    const char *complaint;
} Refusal;

static const Refusal refusals[] = {
    { "{}", "no array of events" },
    { "[{}]", "event 0: an event needs" },
    { "[{\"kind\":\"start\"}]", "event 0: an event needs" },
    { "[{\"kind\":\"start\",\"at_us\":0},{\"kind\":\"x\",\"at_us\":1}]",
      "event 1: there is no event of kind \"x\"" },
    { "[{\"kind\":\"pass\",\"at_us\":0,\"pass\":-1}]", "wrong type" },
    { "[{\"kind\":\"pass\",\"at_us\":0,\"pass\":5000000000}]", "wrong type" },
    { "[{\"kind\":\"poll\",\"at_us\":0,\"pass\":1}]", "wrong type" },
    { "[{\"kind\":\"poll\",\"at_us\":0,\"read_us\":0,\"pass\":1,"
      "\"page_bytes\":0,\"remaining_bytes\":0,\"normal_pages\":0,"
      "\"duplicate_pages\":0,\"other_pages\":0,\"sent_bytes\":0,"
      "\"throttle_percent\":0}]",
      "wrong type" },
};

Test(job_replay, broken_events_are_refused_by_number)
{
    JobConfig config = script_config(&scripts[0], POLICY_DEFAULT);

    for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(JsonObject) events =
            jobj_parse(refusals[i].text, strlen(refusals[i].text), &error);

        cr_assert_not_null(events);
        cr_expect_null(job_replay(&config, events, &error));
        cr_assert_not_null(error);
        cr_expect_not_null(strstr(error->message, refusals[i].complaint),
                           "\"%s\" does not say \"%s\"", error->message,
                           refusals[i].complaint);
    }
}
