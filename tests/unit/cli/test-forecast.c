/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-forecast.c - options, table and history of "vmferry forecast"
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "tools/cli/forecast-again.h"
#include "tools/cli/forecast-options.h"
#include "tools/cli/forecast-table.h"
#include "store/keep.h"
#include "tools/cli/history.h"

#define MIB (UINT64_C(1) << 20)

static ForecastOptions *
parse(const char *line, GError **error)
{
    g_auto(GStrv) words = g_strsplit(line, " ", 0);
    bool help;

    return forecast_options_parse((const char *const *)words, NULL, &help,
                                  error);
}

Test(options, what_is_not_given)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ForecastOptions) options = parse("vm-a", &error);

    cr_assert_not_null(options, "%s", error ? error->message : "");
    cr_assert_str_eq(options->domain, "vm-a");
    cr_assert_eq(options->bandwidths->len, 0);
    cr_assert_float_eq(options->downtime_limit_s, 0.3, 1e-12);
    cr_assert_not(options->deadline_s.known);
    cr_assert_eq(options->n_windows, 2);
    cr_assert_eq(options->windows_ms[0], 1000);
    cr_assert_eq(options->windows_ms[1], 4000);
    cr_assert_not(options->monitor, "nothing taints unasked");
}

Test(options, everything)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ForecastOptions) options =
        parse("--to qemu+ssh://h/system --bandwidth 1gbit,100mbit vm-a "
              "--bandwidth 1gbit --downtime 50 --deadline 9.5 --windows "
              "8,0.25,2 --monitor --link eth1=10gbit --history /h.db --json "
              "-c test:///default",
              &error);

    cr_assert_not_null(options, "%s", error ? error->message : "");
    cr_assert_str_eq(options->desturi, "qemu+ssh://h/system");
    cr_assert_eq(options->bandwidths->len, 2, "each once, in order");
    cr_assert_eq(g_array_index(options->bandwidths, uint64_t, 0), 12500000);
    cr_assert_eq(g_array_index(options->bandwidths, uint64_t, 1), 125000000);
    cr_assert_float_eq(options->downtime_limit_s, 0.05, 1e-12);
    cr_assert_float_eq(options->deadline_s.value, 9.5, 1e-12);
    cr_assert_eq(options->n_windows, 3);
    cr_assert_eq(options->windows_ms[0], 250);
    cr_assert_eq(options->windows_ms[1], 2000);
    cr_assert_eq(options->windows_ms[2], 8000);
    cr_assert(options->monitor);
    cr_assert_str_eq(options->link_device, "eth1");
    cr_assert_eq(options->link_rate_bytes_s, 1250000000);
    cr_assert_str_eq(options->history, "/h.db");
    cr_assert(options->json);
    cr_assert_str_eq(options->connect_uri, "test:///default");
}

typedef struct Refusal {
    char line[64];
    char says[80];
} Refusal;

ParameterizedTestParameters(options, refused)
{
    static Refusal cases[] = {
        { "", "no guest is named" },
        { "vm --from x.json", "not both" },
        { "a b", "unexpected data 'b'" },
        { "a --bandwidth 100", "--bandwidth: " },
        { "a --bandwidth 1mbit,,2mbit", "--bandwidth: " },
        { "a --downtime 0", "'0' is no value for --downtime" },
        { "a --deadline soon", "'soon' is no value for --deadline" },
        { "a --windows 1,x", "'x' is no value for --windows" },
        { "a --windows 61", "from 0.05 to 60 s" },
        { "a --windows 0.5", "need --monitor" },
        { "a --windows 1,2,3,4,5,6,7,8,9", "8 at most" },
        { "a --link eth/1", "'eth/1' is no name of an interface" },
        { "a --link eth1=5", "--link eth1: " },
        { "a --mode dirty-bitmap", "doesn't support option --mode" },
    };

    return cr_make_param_array(Refusal, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(Refusal *c, options, refused)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ForecastOptions) options = parse(c->line, &error);

    cr_assert_null(options, "%s", c->line);
    cr_assert_not_null(strstr(error->message, c->says), "%s: %s", c->line,
                       error->message);
}

/* --- the table --- */

/* 512 MiB, 200 MiB of them to send, 4000 pages in 1 s, 11000 in 4 s. */
static ForecastInput
sample_input(void)
{
    static const ForecastWindow windows[] = {
        { 1, 4000, 3900, 4100, 0.08, false },
        { 4, 11000, 10500, 11500, 0.08, false },
    };
    static const uint64_t rates[] = { 1250000, 12500000, 125000000 };

    return (ForecastInput){
        .guest_name = "vm-a",
        .guest_uuid = "6695eb01-f6a4-8304-79aa-97f2502e193f",
        .memory_bytes = 512 * MIB,
        .nonzero_bytes = known(200.0 * MIB),
        .nonzero_source = "sampled",
        .windows = windows,
        .n_windows = G_N_ELEMENTS(windows),
        .downtime_limit_s = 0.3,
        .bandwidths = rates,
        .n_bandwidths = G_N_ELEMENTS(rates),
    };
}

static const ForecastRow *
row_at(const ForecastTable *table, guint i)
{
    return &g_array_index(table->rows, ForecastRow, i);
}

Test(table, slow_links_do_not_and_say_what_would)
{
    ForecastInput input = sample_input();
    g_autoptr(ForecastTable) table = forecast_table_new(&input);
    g_autofree char *text = NULL;
    const ForecastRow *slow, *fast;

    cr_assert_not_null(table);
    slow = row_at(table, 0);
    fast = row_at(table, 2);
    cr_assert_eq(slow->verdict, FORECAST_NOT);
    cr_assert_gt(slow->least_bandwidth_bytes_s.value, 1250000);
    cr_assert(slow->migration.enough_downtime_s.known);
    cr_assert_gt(slow->postcopy_s, 200.0 * 1048576 / 1250000);
    cr_assert_eq(fast->verdict, FORECAST_CONVERGES);
    /* never faster than once over the wire, and not twice as slow */
    cr_assert_gt(fast->migration.time_s.value, 200.0 * 1048576 / 125e6);
    cr_assert_lt(fast->migration.time_s.value, 400.0 * 1048576 / 125e6);

    text = forecast_table_text(table, &input);
    cr_assert_not_null(strstr(text, "does not converge; would with "), "%s",
                       text);
    cr_assert_not_null(strstr(text, "post-copy ("), "%s", text);
    cr_assert_not_null(strstr(text, "200 MiB of it to send (sampled)"), "%s",
                       text);
}

/* What it says would help does help, asked again with it. */
Test(table, the_bandwidth_it_names_is_enough)
{
    ForecastInput input = sample_input();
    g_autoptr(ForecastTable) first = forecast_table_new(&input);
    uint64_t enough =
        (uint64_t)(row_at(first, 0)->least_bandwidth_bytes_s.value * 1.02);
    uint64_t little =
        (uint64_t)(row_at(first, 0)->least_bandwidth_bytes_s.value * 0.9);
    g_autoptr(ForecastTable) second = NULL, third = NULL;

    input.bandwidths = &enough;
    input.n_bandwidths = 1;
    second = forecast_table_new(&input);
    cr_assert(row_at(second, 0)->migration.converges);
    input.bandwidths = &little;
    third = forecast_table_new(&input);
    cr_assert_not(row_at(third, 0)->migration.converges);
}

Test(table, a_deadline)
{
    ForecastInput input = sample_input();
    g_autoptr(ForecastTable) table = NULL;
    g_autofree char *text = NULL;
    const ForecastRow *row;

    input.deadline_s = known(1.0);
    input.bandwidths++;
    input.bandwidths++;
    input.n_bandwidths = 1;
    table = forecast_table_new(&input);
    row = row_at(table, 0);
    cr_assert(row->migration.converges);
    cr_assert(row->late);
    cr_assert_gt(row->least_bandwidth_bytes_s.value, 200.0 * 1048576);
    text = forecast_table_text(table, &input);
    cr_assert_not_null(strstr(text, "converges, but late; would with "), "%s",
                       text);
}

Test(table, json)
{
    ForecastInput input = sample_input();
    g_autoptr(ForecastTable) table = forecast_table_new(&input);
    g_autoptr(JsonObject) json = forecast_table_json(table, &input);
    JsonObject *rows = jobj_get(json, "bandwidths");
    JsonObject *slow = json_object_array_get_idx(rows, 0);
    JsonObject *fast = json_object_array_get_idx(rows, 2);
    const char *verdict = NULL;
    uint64_t rate = 0;

    cr_assert_eq(json_object_array_length(rows), 3);
    cr_assert(jobj_get_string(slow, "verdict", &verdict));
    cr_assert_str_eq(verdict, "does-not");
    cr_assert_not(jobj_get_known(slow, "time_s").known, "null, not zero");
    cr_assert(jobj_get_known(slow, "least_bandwidth_bytes_s").known);
    cr_assert(jobj_get_string(fast, "verdict", &verdict));
    cr_assert_str_eq(verdict, "converges");
    cr_assert_float_eq(jobj_get_known(fast, "time_s").value,
                       row_at(table, 2)->migration.time_s.value, 1e-9);
    cr_assert(jobj_get_u64(fast, "bandwidth_bytes_s", &rate));
    cr_assert_eq(rate, 125000000);
    cr_assert_eq(json_object_array_length(jobj_get(json, "windows")), 2);
}

Test(table, nothing_known_about_its_writing)
{
    ForecastInput input = sample_input();

    input.n_windows = 0;
    cr_assert_null(forecast_table_new(&input));
}

Test(table, zero_pages_are_nearly_free)
{
    ForecastInput input = sample_input();
    g_autoptr(ForecastTable) some = forecast_table_new(&input);
    g_autoptr(ForecastTable) all = NULL;

    input.nonzero_bytes = unknown();
    all = forecast_table_new(&input);
    cr_assert_gt(row_at(all, 2)->migration.time_s.value,
                 2.0 * row_at(some, 2)->migration.time_s.value);
}

Test(table, ladders)
{
    g_autoptr(GArray) of_link = forecast_ladder(125000000);
    g_autoptr(GArray) usual = forecast_ladder(0);
    g_autoptr(GArray) tiny = forecast_ladder(1);

    cr_assert_eq(g_array_index(of_link, uint64_t, of_link->len - 1), 125000000);
    cr_assert_geq(usual->len, 4);
    for (guint i = 0; i < tiny->len; i++) {
        cr_assert_gt(g_array_index(tiny, uint64_t, i), 0);
    }
}

/* --- what is remembered --- */

static void
add_row(RunRecord *record, SampleRow row)
{
    RunIteration iteration = { .row = row };

    g_array_append_val(record->iterations, iteration);
}

Test(history, only_passes_that_tell_of_the_guest)
{
    g_autoptr(RunRecord) record = run_record_new();
    g_autoptr(StoreRun) run = NULL;

    record->guest_uuid = g_strdup("6695eb01-f6a4-8304-79aa-97f2502e193f");
    record->guest_name = g_strdup("vm-a");
    record->total_ms = known(20000);
    record->bytes = known(100e6);
    add_row(record, (SampleRow){ .iter = 1,
                                 .merged = 1,
                                 .page_bytes = 4096,
                                 .duration_s = 10,
                                 .sent_bytes = 90000000,
                                 .dirty_pages = known(5000) });
    add_row(record, (SampleRow){ .iter = 2,
                                 .merged = 2,
                                 .page_bytes = 4096,
                                 .duration_s = 2,
                                 .dirty_pages = known(900) });
    add_row(record, (SampleRow){ .iter = 4,
                                 .merged = 1,
                                 .page_bytes = 65536,
                                 .duration_s = 0.5,
                                 .dirty_pages = known(10) });
    add_row(record, (SampleRow){ .iter = 5,
                                 .merged = 1,
                                 .page_bytes = 4096,
                                 .duration_s = 0.5,
                                 .throttle_percent = 20,
                                 .dirty_pages = known(100) });
    add_row(record, (SampleRow){ .iter = 6,
                                 .merged = 1,
                                 .page_bytes = 4096,
                                 .duration_s = 0.5,
                                 .dirty_pages = unknown() });
    add_row(record, (SampleRow){ .iter = 7,
                                 .merged = 1,
                                 .page_bytes = 4096,
                                 .duration_s = 0.5,
                                 .final = true,
                                 .dirty_pages = known(0) });
    run = store_run_of_record(record);
    cr_assert_not_null(run);
    cr_assert_eq(run->points->len, 2);
    cr_assert_eq(g_array_index(run->points, StorePoint, 0).pages, 5000);
    cr_assert_eq(g_array_index(run->points, StorePoint, 1).pages, 160,
                 "16 pages of 4 KiB in each of 64");
    cr_assert_eq(run->first_pass_bytes.value, 90000000);
    cr_assert_float_eq(run->bandwidth_bytes_s.value, 5e6, 1);
    cr_assert_str_eq(run->outcome, "completed");
}

Test(history, a_store_that_cannot_be_written_is_a_line_and_no_more)
{
    g_autoptr(RunRecord) record = run_record_new();
    g_autofree char *problem = NULL, *none = NULL;

    record->guest_uuid = g_strdup("6695eb01-f6a4-8304-79aa-97f2502e193f");
    add_row(record, (SampleRow){ .iter = 1,
                                 .merged = 1,
                                 .page_bytes = 4096,
                                 .duration_s = 1,
                                 .dirty_pages = known(1) });
    problem = history_keep("/proc/none/history.db", record);
    cr_assert_not_null(problem);
    cr_assert_not_null(strstr(problem, "/proc/none/history.db"));
    cr_assert_null(strchr(problem, '\n'));
    none = history_keep(NULL, record);
    cr_assert_null(none, "--history none");
}

Test(history, where_it_lies)
{
    g_autofree char *named = NULL, *set = NULL, *usual = NULL, *off = NULL;

    g_unsetenv("VMFERRY_HISTORY");
    usual = history_path(NULL);
    cr_assert_str_eq(usual, STORE_DEFAULT_PATH);
    g_setenv("VMFERRY_HISTORY", "/tmp/x.db", TRUE);
    set = history_path(NULL);
    cr_assert_str_eq(set, "/tmp/x.db");
    named = history_path("/y.db");
    cr_assert_str_eq(named, "/y.db");
    off = history_path("none");
    cr_assert_null(off);
}

/* --- an earlier answer --- */

static ForecastAgain *
read_back(const char *text, GError **error)
{
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("forecast-XXXXXX.json", &path, NULL);
    ForecastAgain *again;

    cr_assert_geq(fd, 0);
    close(fd);
    cr_assert(g_file_set_contents(path, text, -1, NULL));
    again = forecast_again_read(path, error);
    unlink(path);
    return again;
}

/* What was printed as JSON gives the same table. */
Test(again, the_same_answer)
{
    ForecastInput input = sample_input(), read = sample_input();
    g_autoptr(ForecastTable) table = forecast_table_new(&input);
    g_autoptr(JsonObject) json = forecast_table_json(table, &input);
    g_autofree char *text = jobj_to_text(json, true);
    g_autoptr(GError) error = NULL;
    g_autoptr(ForecastAgain) again = read_back(text, &error);
    g_autoptr(ForecastTable) second = NULL;
    g_autoptr(JsonObject) json2 = NULL;
    g_autofree char *text2 = NULL;

    cr_assert(again, "%s", error ? error->message : "");
    read.windows = NULL;
    forecast_again_fill(again, &read);
    second = forecast_table_new(&read);
    json2 = forecast_table_json(second, &read);
    text2 = jobj_to_text(json2, true);
    cr_expect_str_eq(text2, text);
}

typedef struct Broken {
    char text[320];
    char says[80];
} Broken;

#define HEAD "{\"schema\":\"vmferry-forecast/1\",\"guest\":{\"memory_bytes\":"
#define WINDOW(s, pages, sd)                                                   \
    "{\"window_s\":" s ",\"dirty_pages\":" pages                               \
    ",\"low_pages\":1,\"high_pages\":2,\"log_sd\":" sd                         \
    ",\"source\":\"monitor\"}"

ParameterizedTestParameters(again, refused)
{
    static Broken cases[] = {
        { "", "--from" },
        { "[]", "--from" },
        { "{}", "its schema is not vmferry-forecast/1" },
        { "{\"schema\":\"vmferry-run/1\"}", "its schema is not" },
        { HEAD "0}}", "guest.memory_bytes" },
        { HEAD "268435456}}", "no windows" },
        { HEAD "268435456},\"windows\":[]}", "no windows" },
        { HEAD "268435456},\"windows\":[7]}", "window 1 lacks" },
        { HEAD "268435456},\"windows\":[" WINDOW("0", "5", "0.1") "]}",
          "window 1 lacks a figure or makes no sense" },
        { HEAD "268435456},\"windows\":[" WINDOW("1", "-5", "0.1") "]}",
          "window 1 lacks a figure or makes no sense" },
        { HEAD "268435456},\"windows\":[" WINDOW("1", "5",
                                                 "0.1") ","
                                                        "{\"window_s\":1}]}",
          "window 2 lacks" },
    };

    return cr_make_param_array(Broken, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(Broken *c, again, refused)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ForecastAgain) again = read_back(c->text, &error);

    cr_assert_null(again, "%s", c->text);
    cr_assert(strstr(error->message, c->says), "%s: %s", c->text,
              error->message);
}
