/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-record.c - a record written, read and written again is the same; a
 * record that makes no sense is refused by the name of the member
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

#include "sample-records.h"

static char *
to_text(const RunRecord *record)
{
    g_autoptr(JsonObject) json = run_record_to_json(record);

    return jobj_to_text(json, false);
}

static RunRecord *
parse_good(const char *text)
{
    g_autoptr(GError) error = NULL;
    RunRecord *record = run_record_parse(text, strlen(text), &error);

    cr_assert(record, "refused: %s", error ? error->message : "without error");
    cr_assert_null(error);
    return record;
}

static void
expect_same_again(const RunRecord *record)
{
    g_autofree char *once = to_text(record);
    g_autoptr(RunRecord) back = parse_good(once);
    g_autofree char *twice = to_text(back);

    cr_assert_str_eq(once, twice);
}

Test(record, empty_one_round_trips)
{
    g_autoptr(RunRecord) record = run_record_new();

    expect_same_again(record);
}

Test(record, sample_of_every_policy_round_trips)
{
    for (int kind = 0; kind < POLICY_N_KINDS; kind++) {
        g_autoptr(RunRecord) record = sample_record((PolicyKind)kind);

        cr_assert_gt(record->iterations->len, 3);
        expect_same_again(record);
    }
}

Test(record, values_survive)
{
    g_autoptr(RunRecord) record = sample_record(POLICY_DEFAULT);
    g_autofree char *text = to_text(record);
    g_autoptr(RunRecord) back = parse_good(text);
    guint n = record->iterations->len;

    cr_assert_eq(back->status, RUN_STATUS_COMPLETED);
    cr_assert_eq(back->policy.kind, POLICY_DEFAULT);
    cr_assert_eq(back->policy.margin, 1.25);
    cr_assert_not(back->policy.deadline_s.known);
    cr_assert_str_eq(back->guest_name, "memory");
    cr_assert_str_eq(g_ptr_array_index(back->options, 0), "--live");
    cr_assert_eq(back->link_rate_bytes_s, 6250000);
    cr_assert_eq(back->started_us, record->started_us);
    cr_assert_eq(back->iterations->len, n);
    for (guint i = 0; i < n; i++) {
        RunIteration *was = &g_array_index(record->iterations, RunIteration, i);
        RunIteration *is = &g_array_index(back->iterations, RunIteration, i);

        cr_assert_eq(is->row.iter, was->row.iter);
        cr_assert_float_eq(is->row.duration_s, was->row.duration_s, 1e-6);
        cr_assert_eq(is->row.pages_to_send, was->row.pages_to_send);
        cr_assert_eq(is->row.dirty_pages.known, was->row.dirty_pages.known);
        cr_assert_eq(is->row.bandwidth_bytes_s, was->row.bandwidth_bytes_s);
        cr_assert_eq(is->row.final, was->row.final);
        cr_assert_eq(is->row.source, was->row.source);
        cr_assert_eq(is->forecast.pages.known, was->forecast.pages.known);
        cr_assert_eq(is->forecast.n_members, was->forecast.n_members);
        cr_assert_eq(is->converges, was->converges);
        cr_assert_eq(is->reserved_bytes_s, was->reserved_bytes_s);
    }
    cr_assert_eq(back->decisions->len, record->decisions->len);
    cr_assert_eq(back->points->len, record->points->len);
    cr_assert_eq(back->decision_us.p99_us.value, 96);
}

/* The names that other programs read, spelled out once. */
Test(record, fixed_names)
{
    static const char *const paths[] = {
        "schema",
        "policy",
        "policy_settings.margin",
        "outcome.status",
        "outcome.total_ms",
        "outcome.downtime_ms",
        "outcome.bytes",
        "outcome.iterations",
        "shaping.class_bytes",
        "shaping.stream_bytes",
        "cost.cpu_ms",
        "cost.max_rss_kb",
        "cost.decision_us.median",
        "cost.decision_us.p99",
        "cost.decision_us.max",
        "cost.tc_change_us.median",
        "cost.tc_change_us.p99",
        "cost.tc_change_us.max",
    };
    static const char *const row_names[] = {
        "iter",
        "duration_ms",
        "pages_to_send",
        "dirty_pages",
        "predicted_pages",
        "sent_bytes",
        "reserved_bytes_s",
        "achieved_bytes_s",
        "models",
    };
    g_autoptr(RunRecord) record = sample_record(POLICY_DEFAULT);
    g_autoptr(JsonObject) json = run_record_to_json(record);
    JsonObject *rows = jobj_get(json, "iterations");
    JsonObject *row = json_object_array_get_idx(rows, 2);
    const char *text = NULL;
    uint64_t number = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
        cr_assert(jobj_get(json, paths[i]), "%s", paths[i]);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(row_names); i++) {
        cr_assert(jobj_get(row, row_names[i]), "%s", row_names[i]);
    }
    cr_assert(jobj_get_string(json, "schema", &text));
    cr_assert_str_eq(text, "vmferry-run/1");
    cr_assert(jobj_get_string(json, "policy", &text));
    cr_assert_str_eq(text, "default");
    cr_assert(jobj_get_u64(json, "outcome.iterations", &number));
    cr_assert_eq(number, record->iterations->len);
    /* the first iteration has no forecast: null, not 0 */
    row = json_object_array_get_idx(rows, 0);
    cr_assert_null(jobj_get(row, "predicted_pages"));
    cr_assert(json_object_object_get_ex(row, "predicted_pages", NULL));
}

static const char *
written(const RunRecord *record, const char *array, const char *name)
{
    g_autoptr(JsonObject) json = run_record_to_json(record);
    JsonObject *items = jobj_get(json, array);
    const char *text = NULL;

    cr_assert(jobj_get_string(
        items ? json_object_array_get_idx(items, 0) : json, name, &text));
    return g_intern_string(text);
}

/* The record keeps words of its own, so that it stays readable; as long as the
 * others call things the same, so much the better for the reader. */
Test(record, words_are_those_of_the_modules)
{
    g_autoptr(RunRecord) record = sample_record(POLICY_DEFAULT);

    for (int i = 0; i < POLICY_N_KINDS; i++) {
        record->policy.kind = (PolicyKind)i;
        cr_assert_str_eq(written(record, "", "policy"),
                         policy_kind_name((PolicyKind)i));
    }
    for (int i = 0; i < POLICY_N_STEPS; i++) {
        g_array_index(record->decisions, RunDecision, 0).decision.step =
            (PolicyStep)i;
        cr_assert_str_eq(written(record, "decisions", "step"),
                         policy_step_name((PolicyStep)i));
    }
    for (int i = 0; i < SAMPLE_N_SOURCES; i++) {
        g_array_index(record->iterations, RunIteration, 0).row.source =
            (SampleSource)i;
        cr_assert_str_eq(written(record, "iterations", "source"),
                         sample_source_name((SampleSource)i));
    }
}

Test(record, status_names)
{
    cr_assert_str_eq(run_status_name(RUN_STATUS_COMPLETED), "completed");
    cr_assert_str_eq(run_status_name(RUN_STATUS_FAILED), "failed");
    cr_assert_str_eq(run_status_name(RUN_STATUS_ABORTED), "aborted");
    cr_assert_str_eq(run_status_name(RUN_STATUS_CUT_OFF), "cut-off");
}

Test(record, odd_strings_round_trip)
{
    g_autoptr(RunRecord) record = run_record_new();
    RunDecision made = { .error = g_strdup("RTNETLINK: \"no\"\n") };

    record->guest_name = g_strdup("</script>\" \\ \x01 \xc3\xa9\xff");
    g_ptr_array_add(record->options, g_strdup(""));
    g_strlcpy(made.decision.reason, "cut in a letter \xc3",
              sizeof(made.decision.reason));
    g_array_append_val(record->decisions, made);
    expect_same_again(record);
}

Test(record, odd_numbers_round_trip)
{
    g_autoptr(RunRecord) record = run_record_new();
    RunIteration it = {
        .converges = -1, .row.iter = 1, .row.merged = 1, .row.page_bytes = 4096
    };

    record->total_ms = known(-0.0);
    record->bytes = known(0x1p63);
    record->cpu_ms = known(0.1 + 0.2);
    record->max_rss_kb = known(NAN);
    record->link_device = g_strdup("eth0");
    record->link_rate_bytes_s = UINT64_MAX;
    it.row.duration_s = 1.0 / 3;
    it.row.pages_to_send = UINT64_MAX;
    it.row.flags = SAMPLE_FLAG_TICK | SAMPLE_FLAG_TIME_GUESSED;
    it.forecast.pages = known(12.5);
    it.forecast.low_pages = NAN; /* no interval */
    it.forecast.high_pages = NAN;
    it.forecast.members[0] = (ForecastMember){ "gm1n", known(-3) };
    it.forecast.members[1] = (ForecastMember){ "gm11", unknown() };
    it.forecast.n_members = 2;
    g_array_append_val(record->iterations, it);
    expect_same_again(record);
}

/* Whatever goes wrong with a figure, the rest of the record is saved. */
Test(record, figures_gone_wild_leave_it_readable)
{
    static const double wild[] = { -1, NAN, INFINITY, -INFINITY, 1e300 };

    for (size_t i = 0; i < G_N_ELEMENTS(wild); i++) {
        g_autoptr(RunRecord) record = run_record_new();
        double value = wild[i];
        RunIteration it = { .row = { .iter = 1,
                                     .duration_s = value,
                                     .dirty_pages = known(value),
                                     .bandwidth_bytes_s = value,
                                     .mem_used = known(value),
                                     .throttle_percent = 1000 } };
        RunDecision made = { .t_s = value,
                             .decision.dirty_bytes_s = known(value) };
        RunPoint point = { .t_s = value, .remaining_bytes = known(value) };

        it.forecast.pages = known(value);
        it.forecast.low_pages = value;
        it.forecast.planned_duration_s = value;
        it.forecast.members[0] = (ForecastMember){ "gm1n", known(value) };
        it.forecast.n_members = 1;
        record->total_ms = known(value);
        record->policy.margin = value;
        record->policy.deadline_s = known(value);
        g_array_append_val(record->iterations, it);
        g_array_append_val(record->decisions, made);
        g_array_append_val(record->points, point);
        expect_same_again(record);

        g_autofree char *text = to_text(record);
        g_autoptr(RunRecord) back = parse_good(text);
        cr_assert_not(back->total_ms.known);
        cr_assert_not(
            g_array_index(back->points, RunPoint, 0).remaining_bytes.known);
    }
}

Test(record, events_and_extra_are_kept_as_they_are)
{
    g_autoptr(RunRecord) record = run_record_new();
    g_autofree char *text = NULL;
    static const char events[] = "[{\"t\":1.50,\"type\":\"pass\"},null,[]]";
    static const char extra[] = "{\"cross_traffic\":{\"flows\":4}}";

    record->events = jobj_parse(events, strlen(events), NULL);
    record->extra = jobj_parse(extra, strlen(extra), NULL);
    text = to_text(record);
    cr_assert(strstr(text, events));
    cr_assert(strstr(text, extra));
    expect_same_again(record);
}

Test(record, members_of_the_future_are_ignored)
{
    g_autoptr(RunRecord) record = parse_good(
        "{\"schema\":\"vmferry-run/1\",\"policy\":\"none\",\"moon\":\"full\","
        "\"outcome\":{\"status\":\"aborted\",\"mood\":3},\"iterations\":["
        "{\"iter\":1,\"duration_ms\":5,\"pages_to_send\":7,\"colour\":[]}]}");
    RunIteration *it = &g_array_index(record->iterations, RunIteration, 0);

    cr_assert_eq(record->status, RUN_STATUS_ABORTED);
    cr_assert_not(record->total_ms.known);
    cr_assert_eq(it->row.page_bytes, 4096);
    cr_assert_eq(it->row.merged, 1);
    cr_assert_eq(it->converges, -1);
    cr_assert_not(it->forecast.pages.known);
}

typedef struct {
    char text[400];
    char want[64]; /* in the message */
} Refusal;

#define HEAD "{\"schema\":\"vmferry-run/1\",\"policy\":\"none\","
#define OUTCOME "\"outcome\":{\"status\":\"failed\"},"
#define ROW "\"iter\":1,\"duration_ms\":5,\"pages_to_send\":7"
#define IN_ROW(member)                                                         \
    HEAD OUTCOME "\"iterations\":[{" ROW "},{" ROW "," member "}]}"
#define AT_TOP(member) HEAD OUTCOME "\"iterations\":[]," member "}"

ParameterizedTestParameters(record, refused)
{
    static Refusal cases[] = {
        { "", "broken at byte" },
        { "{", "broken at byte" },
        { "[]", "schema" },
        { "7", "schema" },
        { "{}", "schema is missing" },
        { "{\"schema\":1}", "schema is missing" },
        { "{\"schema\":\"vmferry-run/2\"}", "vmferry-run/2" },
        { "{\"schema\":\"vmferry-run/1\"}", "member policy" },
        { "{\"schema\":\"vmferry-run/1\",\"policy\":\"best\"}",
          "none, paper, default" },
        { "{\"schema\":\"vmferry-run/1\",\"policy\":{}}", "policy" },
        { HEAD "\"iterations\":[]}", "outcome" },
        { HEAD "\"outcome\":{},\"iterations\":[]}", "outcome.status" },
        { HEAD "\"outcome\":{\"status\":\"fine\"},\"iterations\":[]}",
          "outcome.status" },
        { HEAD "\"outcome\":[],\"iterations\":[]}", "outcome" },
        { HEAD "\"outcome\":{\"status\":\"failed\",\"total_ms\":-1},"
               "\"iterations\":[]}",
          "outcome.total_ms" },
        { HEAD "\"outcome\":{\"status\":\"failed\",\"bytes\":\"9\"},"
               "\"iterations\":[]}",
          "outcome.bytes" },
        { HEAD "\"outcome\":{\"status\":\"failed\",\"iterations\":1.5},"
               "\"iterations\":[]}",
          "outcome.iterations" },
        { HEAD "\"outcome\":{\"status\":\"failed\"}}", "iterations" },
        { HEAD OUTCOME "\"iterations\":{}}", "iterations" },
        { HEAD OUTCOME "\"iterations\":[3]}", "iterations[0]" },
        { HEAD OUTCOME "\"iterations\":[null]}", "iterations[0]" },
        { HEAD OUTCOME "\"iterations\":[{}]}", "iterations[0]" },
        { IN_ROW("\"iter\":0"), "iterations[1].iter" },
        { IN_ROW("\"iter\":\"two\""), "iterations[1].iter" },
        { IN_ROW("\"duration_ms\":-2"), "iterations[1].duration_ms" },
        { IN_ROW("\"duration_ms\":1e12"), "iterations[1].duration_ms" },
        { IN_ROW("\"duration_ms\":1e999"), "iterations[1].duration_ms" },
        { IN_ROW("\"pages_to_send\":1.5"), "iterations[1].pages_to_send" },
        { IN_ROW("\"pages_to_send\":-1"), "iterations[1].pages_to_send" },
        { IN_ROW("\"page_bytes\":0"), "iterations[1].page_bytes" },
        { IN_ROW("\"dirty_pages\":true"), "iterations[1].dirty_pages" },
        { IN_ROW("\"predicted_pages\":[]"), "iterations[1].predicted_pages" },
        { IN_ROW("\"models\":[]"), "iterations[1].models" },
        { IN_ROW("\"models\":{\"gm11\":\"x\"}"), "iterations[1].gm11" },
        { IN_ROW("\"converges\":1"), "iterations[1].converges" },
        { IN_ROW("\"final\":0"), "iterations[1].final" },
        { IN_ROW("\"source\":\"guess\""), "iterations[1].source" },
        { IN_ROW("\"flags\":[\"tick\",\"odd\"]"), "iterations[1].flags[1]" },
        { IN_ROW("\"flags\":[null]"), "iterations[1].flags[0]" },
        { IN_ROW("\"throttle_percent\":101"),
          "iterations[1].throttle_percent" },
        { IN_ROW("\"started_us\":1e3"), "iterations[1].started_us" },
        { IN_ROW("\"model\":\"a\\u0000b\""), "iterations[1].model" },
        { AT_TOP("\"started\":\"yesterday\""), "started" },
        { AT_TOP("\"started_us\":\"1\""), "started_us" },
        { AT_TOP("\"warnings\":[1]"), "warnings[0]" },
        { AT_TOP("\"migration\":{\"options\":\"--live\"}"),
          "migration.options" },
        { AT_TOP("\"migration\":{\"live\":\"yes\"}"), "migration.live" },
        { AT_TOP("\"guest\":{\"name\":5}"), "guest.name" },
        { AT_TOP("\"guest\":\"vm\""), "guest" },
        { AT_TOP("\"link\":{\"rate_bytes_s\":0.5}"), "link.rate_bytes_s" },
        { AT_TOP("\"shaping\":{\"class_bytes\":\"\"}"), "shaping.class_bytes" },
        { AT_TOP("\"cost\":{\"decision_us\":{\"p99\":\"\"}}"),
          "cost.decision_us.p99" },
        { AT_TOP("\"cost\":{\"tc_change_us\":7}"), "cost.tc_change_us" },
        { AT_TOP("\"policy_settings\":{\"margin\":\"1\"}"),
          "policy_settings.margin" },
        { AT_TOP("\"decisions\":[{}]"), "decisions[0].t_s" },
        { AT_TOP("\"decisions\":[{\"t_s\":1,\"step\":\"jump\"}]"),
          "decisions[0].step" },
        { AT_TOP("\"points\":[{\"t_s\":1},{\"t_s\":1e99}]"), "points[1].t_s" },
        { AT_TOP("\"points\":[{\"t_s\":1,\"other_bytes_s\":-1}]"),
          "points[0].other_bytes_s" },
        { AT_TOP("\"events\":{}"), "events" },
        { AT_TOP("\"extra\":[]"), "extra" },
    };

    return cr_make_param_array(Refusal, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(Refusal *refusal, record, refused)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(RunRecord) record =
        run_record_parse(refusal->text, strlen(refusal->text), &error);

    cr_assert_null(record, "taken: %s", refusal->text);
    cr_assert(error);
    cr_assert(strstr(error->message, refusal->want), "'%s' lacks '%s'",
              error->message, refusal->want);
}

Test(record, too_many_models_and_too_long_reasons_are_refused)
{
    g_autoptr(GString) models = g_string_new(
        HEAD OUTCOME "\"iterations\":[{" ROW ",\"models\":{\"m\":1");
    g_autoptr(GString) reason = g_string_new(
        AT_TOP("\"decisions\":[{\"t_s\":1,\"step\":\"set\",\"reason\":\""));
    g_autoptr(GError) error = NULL;

    for (int i = 0; i < FORECAST_MAX_MEMBERS; i++) {
        g_string_append_printf(models, ",\"m%d\":1", i);
    }
    g_string_append(models, "}}]}");
    cr_assert_null(run_record_parse(models->str, models->len, &error));
    cr_assert(strstr(error->message, "iterations[0].models"), "%s",
              error->message);
    g_clear_error(&error);

    g_string_truncate(reason, reason->len - 1); /* AT_TOP closed it */
    for (int i = 0; i < 240; i++) {
        g_string_append_c(reason, 'x');
    }
    g_string_append(reason, "\"}]}");
    cr_assert_null(run_record_parse(reason->str, reason->len, &error));
    cr_assert(strstr(error->message, "decisions[0].reason"), "%s",
              error->message);
}

Test(record, found_text_in_a_message_stays_short_and_valid)
{
    g_autoptr(GString) text = g_string_new(HEAD "\"outcome\":\"");
    g_autoptr(GError) error = NULL;

    for (int i = 0; i < 5000; i++) {
        g_string_append(text, "\xc3\xa9");
    }
    g_string_append(text, "\"}");
    cr_assert_null(run_record_parse(text->str, text->len, &error));
    cr_assert_lt(strlen(error->message), 200);
    cr_assert(g_utf8_validate(error->message, -1, NULL));
}

/* Any prefix of a record is refused, and never takes the process down. */
Test(record, every_cut_is_refused)
{
    static const char text[] = IN_ROW("\"models\":{\"gm11\":3.5}");

    for (size_t length = 0; length < strlen(text); length++) {
        g_autoptr(GError) error = NULL;

        cr_assert_null(run_record_parse(text, length, &error), "%zu", length);
        cr_assert(error);
    }
}
