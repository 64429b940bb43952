/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-trace.c - the trace format in both directions
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "report/trace.h"
#include "sample-records.h"

#define HEADER                                                                 \
    "group,trace,iter,merged,pages_to_send,duration_s,dirty_pages,"            \
    "sent_bytes,bandwidth_bytes_s,mem_used,cpu_cores,vm_net_bytes_s,"          \
    "host_net_bytes_s,throttle,final\n"

static TraceTable *
parse_good(const char *text)
{
    g_autoptr(GError) error = NULL;
    TraceTable *table = trace_parse(text, strlen(text), &error);

    cr_assert(table, "refused: %s", error ? error->message : "without error");
    return table;
}

static void
add(RunRecord *record, RunIteration it)
{
    g_array_append_val(record->iterations, it);
}

/* One record, its whole text. */
Test(trace, golden_export)
{
    g_autoptr(RunRecord) record = run_record_new();
    g_autofree char *text = NULL;

    record->guest_name = g_strdup("db \"one\", old\n");
    record->started = g_strdup("2026-03-01T12:00:00.000000+00:00");
    add(record,
        (RunIteration){ .row = { .iter = 1,
                                 .merged = 1,
                                 .pages_to_send = 65536,
                                 .page_bytes = 4096,
                                 .duration_s = 44.1234567,
                                 .dirty_pages = known(6021),
                                 .sent_bytes = 268435456,
                                 .bandwidth_bytes_s = 6083912.5,
                                 .mem_used = known(0.42),
                                 .cpu_cores = known(0.9),
                                 .vm_net_bytes_s = unknown(),
                                 .host_net_bytes_s = known(6062500) } });
    /* pages of 16 KiB, a merged row with nothing measured beside it */
    add(record, (RunIteration){ .row = { .iter = 3,
                                         .merged = 2,
                                         .pages_to_send = 10,
                                         .page_bytes = 16384,
                                         .duration_s = 0,
                                         .dirty_pages = unknown(),
                                         .throttle_percent = 20,
                                         .final = true } });
    text = run_record_to_csv(record, NULL, "run-7");
    cr_assert_str_eq(
        text, HEADER
        "\"db \"\"one\"\", old \",run-7,1,1,65536,44.123457,6021,268435456,"
        "6083912.5,0.42,0.9,,6062500,0,0\n"
        "\"db \"\"one\"\", old \",run-7,3,2,40,0,,0,,,,,,20,1\n");
}

/* Told by a patched QEMU for one of two rows. */
Test(trace, page_classes_are_columns_where_known)
{
    g_autoptr(RunRecord) record = run_record_new();
    g_autoptr(TraceTable) table = NULL;
    g_autofree char *text = NULL;
    g_autofree char *again = NULL;
    SampleRow row;

    add(record, (RunIteration){ .row = { .iter = 1,
                                         .merged = 1,
                                         .page_bytes = 8192,
                                         .hot_pages = known(30),
                                         .cold_pages = known(12) } });
    add(record, (RunIteration){ .row = { .iter = 2, .merged = 1 } });
    text = run_record_to_csv(record, "g", "t");
    cr_assert(strstr(text, ",throttle,final,hot_pages,cold_pages\n"
                           "g,t,1,1,0,0,,0,,,,,,0,0,60,24\n"
                           "g,t,2,1,0,0,,0,,,,,,0,0,,\n"),
              "%s", text);
    table = parse_good(text);
    again = trace_to_text(table);
    cr_assert_str_eq(again, text);
    trace_to_sample(table, 0, &row);
    cr_expect_eq(row.hot_pages.value, 60);
    cr_expect_eq(row.cold_pages.value, 24);
    trace_to_sample(table, 1, &row);
    cr_expect_not(row.hot_pages.known || row.cold_pages.known);
}

Test(trace, default_names_are_guest_and_start)
{
    g_autoptr(RunRecord) record = run_record_new();
    g_autofree char *nameless = NULL;
    g_autofree char *named = NULL;

    add(record, (RunIteration){ .row = { .iter = 1, .merged = 1 } });
    nameless = run_record_to_csv(record, NULL, NULL);
    cr_assert(strstr(nameless, "\nguest,guest,1,1,"), "%s", nameless);
    record->guest_name = g_strdup("vm-a");
    record->started = g_strdup("2026-03-01T12:00:00.000000+00:00");
    named = run_record_to_csv(record, "", NULL);
    cr_assert(
        strstr(named, "\nvm-a,vm-a 2026-03-01T12:00:00.000000+00:00,1,1,"),
        "%s", named);
}

Test(trace, sample_records_are_traces)
{
    g_autoptr(RunRecord) record = sample_record(POLICY_DEFAULT);
    g_autofree char *text = run_record_to_csv(record, "demo", "default");
    g_autoptr(TraceTable) table = parse_good(text);
    g_autofree char *again = trace_to_text(table);

    cr_assert_str_eq(again, text);
    cr_assert_eq(table->rows->len, record->iterations->len);
    for (guint i = 0; i < table->rows->len; i++) {
        const SampleRow *was =
            &g_array_index(record->iterations, RunIteration, i).row;
        SampleRow is;

        trace_to_sample(table, i, &is);
        cr_assert_eq(is.iter, was->iter);
        cr_assert_eq(is.pages_to_send, was->pages_to_send);
        cr_assert_eq(is.dirty_pages.known, was->dirty_pages.known);
        cr_assert_eq(is.prev_duration_s.known, i > 0);
        cr_assert_float_eq(is.duration_s, was->duration_s, 1e-6);
        cr_assert_eq(is.sent_bytes, was->sent_bytes);
        cr_assert_eq(is.bandwidth_bytes_s, was->bandwidth_bytes_s);
        cr_assert_eq(is.final, was->final);
    }
}

Test(trace, real_traces_read_and_round_trip)
{
    g_autofree char *text = NULL;
    gsize length = 0;
    size_t runs = 0, unknown_net = 0;

    cr_assert(g_file_get_contents(TEST_DATA "/dirty/kvm-postgres-dev.csv",
                                  &text, &length, NULL));
    g_autoptr(TraceTable) table = parse_good(text);
    g_autofree char *once = trace_to_text(table);
    g_autoptr(TraceTable) back = parse_good(once);
    g_autofree char *twice = trace_to_text(back);

    cr_assert_str_eq(once, twice);
    cr_assert_eq(table->rows->len, 1260);
    for (size_t at = 0; at < table->rows->len; at = trace_run_end(table, at)) {
        runs++;
    }
    cr_assert_eq(runs, 20);
    for (guint i = 0; i < table->rows->len; i++) {
        const TraceRow *row = &g_array_index(table->rows, TraceRow, i);

        unknown_net += !row->vm_net_bytes_s.known;
        cr_assert(row->dirty_pages.known && row->mem_used.known);
    }
    cr_assert_eq(unknown_net, 1260);
}

Test(trace, first_real_row)
{
    g_autoptr(TraceTable) table = parse_good(
        HEADER "A,A-06,1,1,2101456,24.5257,286862,,135262500,0.3811,0.600,,"
               "135262500,0,0\r\n\n"
               "A,A-06,2,1,296762,5.397,87574,,135275000,0.4345,0.539,,"
               "135275000,,0");
    SampleRow row;

    cr_assert_eq(table->rows->len, 2);
    trace_to_sample(table, 0, &row);
    cr_assert_eq(row.pages_to_send, 2101456);
    cr_assert_eq(row.dirty_pages.value, 286862);
    cr_assert_eq(row.bandwidth_bytes_s, 135262500);
    cr_assert_eq(row.sent_bytes, (uint64_t)(135262500 * 24.5257));
    cr_assert_eq(row.mem_used.value, 0.3811);
    cr_assert_not(row.vm_net_bytes_s.known);
    cr_assert_not(row.prev_duration_s.known);
    trace_to_sample(table, 1, &row);
    cr_assert_eq(row.prev_duration_s.value, 24.5257);
    cr_assert_eq(row.started_us, 24525700);
    cr_assert_not(
        g_array_index(table->rows, TraceRow, 1).throttle_percent.known);
}

Test(trace, numbers_do_not_hang_on_the_locale)
{
    /* a row of a German desktop would have said 24,5257 */
    g_autoptr(GError) error = NULL;
    static const char text[] = HEADER "A,r,1,1,5,\"24,5\",,,,,,,,,0\n";

    cr_assert_null(trace_parse(text, strlen(text), &error));
    cr_assert(strstr(error->message, "line 2, column duration_s"), "%s",
              error->message);
}

typedef struct {
    char text[400];
    char want[64];
} Refusal;

#define CLASSES                                                                \
    "group,trace,iter,merged,pages_to_send,duration_s,dirty_pages,sent_bytes," \
    "bandwidth_bytes_s,mem_used,cpu_cores,vm_net_bytes_s,host_net_bytes_s,"    \
    "throttle,final,hot_pages,cold_pages\n"
#define GOOD "A,r,1,1,5,1,,,,,,,,,0\n"

ParameterizedTestParameters(trace, refused)
{
    static Refusal cases[] = {
        { "", "header is missing" },
        { "\n", "line 1, column group" },
        { "group,run\n", "line 1, column trace: the header says 'run'" },
        { "group,trace,iter\n", "line 1, column merged" },
        { "{\"schema\":\"vmferry-run/1\"}", "line 1, column group" },
        { HEADER GOOD "A,r,2\n", "line 3, column merged: missing" },
        { HEADER GOOD "A,r,2,1,5,1,,,,,,,,,0,9\n",
          "line 3: more cells after column final" },
        { HEADER GOOD "A,r,2,1,5,1,,,,,,,,\n", "line 3, column final" },
        { "group,trace,iter,merged,pages_to_send,duration_s,dirty_pages,"
          "sent_bytes,bandwidth_bytes_s,mem_used,cpu_cores,vm_net_bytes_s,"
          "host_net_bytes_s,throttle,final,hot_pages\n",
          "line 1, column cold_pages" },
        { CLASSES GOOD, "line 2, column hot_pages: missing" },
        { CLASSES "A,r,1,1,5,1,,,,,,,,,0,1,2,3\n",
          "line 2: more cells after column cold_pages" },
        { CLASSES "A,r,1,1,5,1,,,,,,,,,0,-1,\n", "column hot_pages: '-1'" },
        { HEADER ",r,1,1,5,1,,,,,,,,,0\n", "line 2, column group" },
        { HEADER "A,r\x01,1,1,5,1,,,,,,,,,0\n", "line 2, column trace" },
        { HEADER "\xff,r,1,1,5,1,,,,,,,,,0\n", "line 2, column group" },
        { HEADER "A,r,,1,5,1,,,,,,,,,0\n",
          "line 2, column iter: must not be empty" },
        { HEADER "A,r,0,1,5,1,,,,,,,,,0\n", "line 2, column iter" },
        { HEADER "A,r,1.5,1,5,1,,,,,,,,,0\n", "column iter: '1.5'" },
        { HEADER "A,r,1,0,5,1,,,,,,,,,0\n", "line 2, column merged" },
        { HEADER "A,r,1,1,-5,1,,,,,,,,,0\n", "column pages_to_send: '-5'" },
        { HEADER "A,r,1,1,5,1s,,,,,,,,,0\n", "column duration_s: '1s'" },
        { HEADER "A,r,1,1,5,nan,,,,,,,,,0\n", "column duration_s: 'nan'" },
        { HEADER "A,r,1,1,5, 1,,,,,,,,,0\n", "column duration_s: ' 1'" },
        { HEADER "A,r,1,1,5,0x1,,,,,,,,,0\n", "column duration_s: '0x1'" },
        { HEADER "A,r,1,1,5,1e999,,,,,,,,,0\n", "column duration_s" },
        { HEADER "A,r,1,1,5,1,many,,,,,,,,0\n", "column dirty_pages: 'many'" },
        { HEADER "A,r,1,1,5,1,,-1,,,,,,,0\n", "column sent_bytes: '-1'" },
        { HEADER "A,r,1,1,5,1,,,x,,,,,,0\n", "column bandwidth_bytes_s" },
        { HEADER "A,r,1,1,5,1,,,,inf,,,,,0\n", "column mem_used" },
        { HEADER "A,r,1,1,5,1,,,,,-,,,,0\n", "column cpu_cores" },
        { HEADER "A,r,1,1,5,1,,,,,,?,,,0\n", "column vm_net_bytes_s" },
        { HEADER "A,r,1,1,5,1,,,,,,,1..2,,0\n", "column host_net_bytes_s" },
        { HEADER "A,r,1,1,5,1,,,,,,,,101,0\n", "column throttle: '101'" },
        { HEADER "A,r,1,1,5,1,,,,,,,,,2\n", "column final: '2'" },
        { HEADER "A,r,1,1,5,1,,,,,,,,,\n", "line 2, column final" },
        { HEADER "\"A,r,1,1,5,1,,,,,,,,,0\n", "column group: a quote" },
        { HEADER "\"A\"b,r,1,1,5,1,,,,,,,,,0\n", "column group: text after" },
        { HEADER GOOD GOOD, "line 3, column iter: 1 does not follow 1" },
    };

    return cr_make_param_array(Refusal, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(Refusal *refusal, trace, refused)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TraceTable) table =
        trace_parse(refusal->text, strlen(refusal->text), &error);

    cr_assert_null(table, "taken: %s", refusal->text);
    cr_assert(error);
    cr_assert(strstr(error->message, refusal->want), "'%s' lacks '%s'",
              error->message, refusal->want);
}

Test(trace, nul_bytes_are_refused)
{
    static const char text[] = HEADER "A,r\0,1,1,5,1,,,,,,,,,0\n";
    g_autoptr(GError) error = NULL;

    cr_assert_null(trace_parse(text, sizeof(text) - 1, &error));
    cr_assert(error);
}
